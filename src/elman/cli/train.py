"""`elman train`: a table in, a model file and a run folder out; without `--input`, a forecaster."""

from __future__ import annotations

import re
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from elman import charts
from elman.cli.declared import as_number
from elman.cli.runs import Recorder, check_config, read_config, render_config
from elman.cli.screen import Progress, say, show_report
from elman.cli.sequence import SETTINGS as SEQUENCE_SETTINGS
from elman.cli.sequence import is_sequence, train_sequence
from elman.cli.tables import check_free, read_table
from elman.errors import ArgumentError, DataError
from elman.fields import Table, Timeline
from elman.inspect import plot_history
from elman.tasks import Forecaster

__all__ = ["SETTINGS", "train"]

SETTINGS: dict[str, object] = {
    "file": None,
    "target": None,
    "time": None,
    "id": None,
    "features": [],
    "holdout": 0,
    **Forecaster().get_params(),
    "output": "model.safetensors",
}
"""Every setting a config file may have, with its default."""


def train(given: Mapping[str, Any], config: Path | None, force: bool) -> None:
    """Train as told on the command line, else in the config file, else by default.

    Args:
        given: what stands on the command line; None is not given.
        config: a TOML file.
        force: whether an existing model file may be lost.

    Raises:
        ElmanError: whatever is wrong, before anything is written.
    """
    asked = read_config(config) if config else {}
    told = {name: value for name, value in given.items() if value is not None and value != []}
    if is_sequence({**asked, **told}):
        check_config(asked, SEQUENCE_SETTINGS)
        train_sequence({**asked, **told}, force)
        return
    check_config(asked, SETTINGS)
    settings = {**SETTINGS, **asked, **told}
    if settings["file"] is None:
        raise ArgumentError.at("train", "FILE", "given", None, "Example: elman train sales.csv --target sales.")
    output = Path(str(settings["output"]))
    table = read_table(Path(str(settings["file"])))
    _complete(settings, table)
    _check_targets(settings, table)
    check_free(output, force, "train")
    learned, held = _parts(table, int(settings["holdout"]))
    forecaster = Forecaster(**{name: settings[name] for name in Forecaster().get_params()})
    recorder = Recorder(output.name.removesuffix(".safetensors"), render_config({**settings, "output": str(output)}))
    _fit(forecaster, learned, settings, recorder)
    _finish(forecaster, held, recorder.folder, output)


def _complete(settings: dict[str, Any], table: Any) -> None:
    """Fill in what the table itself tells: its time column, and its target where there is but one candidate."""
    names = [str(name) for name in table.columns]
    if settings["time"] is None and settings["id"] is None:
        settings["time"] = next((name for name in names if _is_time(table, name, settings)), None)
        if settings["time"]:
            say(f"time: column {settings['time']!r}, as it looks like one")
    if settings["target"] is None:
        cure = f"Columns: {', '.join(map(repr, names))}. Without --input it is what is to be forecast."
        raise ArgumentError.at("train", "--target", "given", None, cure)


def _check_targets(settings: Mapping[str, Any], table: Any) -> None:
    """Refuse a target without a single number: nothing to forecast. Raises: ArgumentError."""
    for name in _names(settings["target"]):
        if name in table.columns and not any(isinstance(as_number(cell), float) for cell in table[name].tolist()):
            rule = "a column of numbers where no --input is given"
            others = ", ".join(repr(str(other)) for other in table.columns if other != name)
            cure = f"To learn {name!r} from other columns say what goes in: --input COLUMN. Others: {others}."
            raise ArgumentError.at("train", "--target", rule, name, cure)


def _is_time(table: Any, name: str, settings: Mapping[str, Any]) -> bool:
    """Whether a column of text reads as regular time; numbers are never taken for time unasked."""
    column = Table.wrap("train", table).column("train", "time", name)
    if name == settings["target"] or column.dtype.kind in "iufb":
        return False
    try:
        Timeline.read("train", column, name, settings["missing"])
    except DataError:
        return bool(re.fullmatch(r"\d{4}-\d\d.*", str(column[0])))
    return True


def _parts(table: Any, holdout: int) -> tuple[Any, Any]:
    """The rows to learn from, and those held out at the end."""
    if not 0 <= holdout < len(table):
        raise ArgumentError.at("train", "--holdout", f"between 0 and {len(table) - 1}", holdout)
    return table[: len(table) - holdout], table[len(table) - holdout :]


def _fit(forecaster: Forecaster, table: Any, settings: Mapping[str, Any], recorder: Recorder) -> None:
    began = time.perf_counter()
    forecaster.fit(
        table,
        target=settings["target"],
        time=settings["time"],
        id=settings["id"],
        features=_names(settings["features"]),
        callbacks=[Progress("training", "training on all rows"), recorder],
    )
    representation = forecaster.learned_.encoding.representation.name
    say(f"{len(table)} rows, window {forecaster.learned_.encoding.window}, representation {representation}")
    say(f"trained in {time.perf_counter() - began:.1f} s")


def _finish(forecaster: Forecaster, held: Any, folder: Path, output: Path) -> None:
    """Report, pictures, files."""
    for report in (forecaster.report_, forecaster.evaluate(held) if len(held) else None):
        if report is not None:
            show_report(report)
    charts.save(plot_history(forecaster.history_), folder / "history.png")
    forecaster.plot(path=folder / "forecast.png")
    forecaster.save(folder / "best.safetensors")
    forecaster.save(output)
    say(f"model: {output}\nrun:   {folder}")


def _names(value: str | Sequence[str]) -> list[str]:
    return [value] if isinstance(value, str) else list(value)
