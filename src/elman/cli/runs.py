"""A run's folder: the whole config, a line of numbers for every epoch, the weights it ended with."""

from __future__ import annotations

import json
import re
import time
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from elman.errors import ArgumentError, DataError, unknown_name
from elman.training.callbacks import Callback

__all__ = ["Recorder", "check_config", "new_folder", "read_config", "render_config"]

_TEXTS = ("file", "time", "id", "groups", "output")
_COLUMNS = ("target", "input", "features")
"""Settings that are a text, and those that are names of columns: all others an estimator looks at."""
_EVERY = 2.0
"""Seconds between two checkpoints of the last weights."""


def new_folder(name: str, root: Path = Path("runs")) -> Path:
    """Create `runs/<name>`, or `runs/<name>-2` ... where that is taken: no run is ever written over."""
    number = 1
    while True:
        folder = root / (name if number == 1 else f"{name}-{number}")
        try:
            folder.mkdir(parents=True)
        except FileExistsError:
            number += 1
        else:
            return folder


def read_config(path: Path) -> dict[str, Any]:
    """Settings from a TOML file.

    Raises:
        DataError: no such file, or no TOML; the line is named.
    """
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        because = getattr(error, "strerror", None) or "it is no text"
        raise DataError.at("train", "config", "a TOML file", str(path), because=because) from None
    except tomllib.TOMLDecodeError as error:
        raise DataError.at("train", "config", "a TOML file", str(path), because=str(error)) from None


def check_config(config: Mapping[str, Any], known: Mapping[str, object]) -> None:
    """Refuse settings that the command line does not know, and files and columns that are no text.

    Raises:
        UnknownNameError: the nearest are named.
        ArgumentError: no text, no list of texts, no table.
    """
    for name, value in config.items():
        if name not in known:
            raise unknown_name("train", "config", name, known)
        if name in _TEXTS and not isinstance(value, str):
            raise ArgumentError.at("train", f"config, {name}", "a text", value)
        if name in _COLUMNS and not all(isinstance(column, str) for column in _several(value)):
            raise ArgumentError.at("train", f"config, {name}", "the name of a column, or a list of names", value)
        if name == "fields" and not (
            isinstance(value, Mapping) and all(isinstance(v, Mapping) for v in value.values())
        ):
            cure = "For example [fields.review] and below it kind = 'text'."
            raise ArgumentError.at("train", "fields", "a table of columns", value, cure)


def _several(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def render_config(settings: Mapping[str, Any], place: str = "") -> str:
    """Settings as TOML; what is None is left out, for TOML has no word for it. Mappings become sections.

    Args:
        place: of the section that they stand in, with a dot behind.

    Example:
        >>> print(render_config({"target": "sales", "horizon": 12, "time": None, "class_weight": {"a": 2.0}}), end="")
        target = "sales"
        horizon = 12
        <BLANKLINE>
        [class_weight]
        a = 2.0
    """
    flat = {name: value for name, value in settings.items() if value is not None and not isinstance(value, Mapping)}
    text = "".join(f"{_key(name)} = {_toml(name, value)}\n" for name, value in flat.items())
    for name, value in settings.items():
        if isinstance(value, Mapping):
            path = f"{place}{_key(name)}"
            parts = all(isinstance(part, Mapping) for part in value.values())
            text += ("" if parts else f"\n[{path}]\n") + render_config(value, f"{path}.")
    return text


def _key(name: Any) -> str:
    """A name as TOML writes it."""
    text = str(name)
    return text if re.fullmatch(r"[A-Za-z0-9_-]+", text) else json.dumps(text, ensure_ascii=False)


class Recorder(Callback):
    """Writes metrics.jsonl while training goes, and the last weights every few seconds and at the end.

    The folder comes into being when training begins: a mistake in data or settings leaves none behind.

    Args:
        name: of the folder under `runs`.
        config: the whole config as TOML.
        weights: whether the last weights are saved; a file of them alone is of no use without the fields.
    """

    def __init__(self, name: str, config: str, *, weights: bool = True) -> None:
        super().__init__()
        self.name, self.config, self.weights = name, config, weights
        self.folder = Path()
        self.training = 0
        self._saved = time.monotonic()

    def on_train_begin(self, logs: Mapping[str, float] | None = None) -> None:
        """Make the folder; count the training: the second one learns from all rows."""
        self.training += 1
        if self.training == 1:
            self.folder = new_folder(self.name)
            (self.folder / "config.toml").write_text(self.config, encoding="utf-8")

    def on_epoch_end(self, epoch: int, logs: Mapping[str, float] | None = None) -> None:
        """Add a line."""
        line = {"training": self.training, "epoch": epoch + 1, **(logs or {})}
        with (self.folder / "metrics.jsonl").open("a", encoding="utf-8") as file:
            file.write(json.dumps(line) + "\n")
        if self.weights and time.monotonic() - self._saved > _EVERY:
            self._save()

    def on_train_end(self, logs: Mapping[str, float] | None = None) -> None:
        """Save what training ended with."""
        if self.weights:
            self._save()

    def _save(self) -> None:
        self.model.save(self.folder / "last.safetensors")
        self._saved = time.monotonic()


def _toml(name: str, value: Any) -> str:
    # JSON's strings, numbers and lists are TOML's too.
    if isinstance(value, bool | int | float | str):
        return json.dumps(value)
    if isinstance(value, list | tuple):
        return f"[{', '.join(_toml(name, entry) for entry in value)}]"
    raise ArgumentError.at("train", name, "a number, text or list", value)
