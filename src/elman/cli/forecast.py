"""`elman predict`, `evaluate`, `generate`, `plot` and `summary`: what to do with a trained model.

A forecaster answers here; a model of typed inputs and outputs in answers.py.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from elman import charts
from elman.cli import answers
from elman.cli.screen import say, show_report
from elman.cli.tables import check_ending, check_free, read_piped, read_table, write_table
from elman.errors import ArgumentError, DataError
from elman.fields.missing import check_missing
from elman.models import load_model
from elman.tasks import Forecaster
from elman.tasks.sequence import SequenceModel
from elman.training import read

__all__ = ["evaluate", "generate", "load", "plot", "predict", "summary"]


def load(path: Path, missing: str | None = None, where: str = "load") -> Forecaster | SequenceModel:
    """Read a model file.

    Args:
        path: of the file.
        missing: what a forecaster is to do about gaps in what it is given; None: as it was trained.
        where: the command, for errors.

    Raises:
        DataError: no such file.
        FileFormatError: neither a forecaster nor a sequence model of elman.
        ArgumentError: `missing` for what is no forecaster. UnknownNameError: no such one.
    """
    _check_there(path)
    if read(path)[1].get("kind") != "sequence model":
        forecaster = Forecaster.load(path)
        return forecaster if missing is None else forecaster.set_params(missing=check_missing(where, missing))
    if missing is not None:
        raise ArgumentError.at(where, "--missing", "left out: it is for forecasts", missing)
    return SequenceModel.load(path)


def _check_there(path: Path) -> None:
    if not path.is_file():
        because = "it is a folder" if path.is_dir() else "there is no such file"
        raise DataError.at("load", "model", "a file that elman wrote", str(path), "Check the path.", because=because)


def predict(
    model: Path, given: str | None, output: Path | None, horizon: int | None, level: float | None,
    missing: str | None, search: Mapping[str, Any], force: bool,
) -> None:  # fmt: skip
    """Forecast after the training rows, or after those of a file or a pipe; or answer a text, a file, a pipe.

    Args:
        search: how texts are looked for, by name; None is not given.
    """
    told = {name: value for name, value in search.items() if value is not None}
    if output is not None:
        check_ending(output, "predict")
        check_free(output, force, "predict")
    loaded = load(model, missing, "predict")
    if isinstance(loaded, SequenceModel):
        for name, value in (("horizon", horizon), ("level", level)):
            if value is not None:
                raise ArgumentError.at("predict", f"--{name}", "left out: it is for forecasts", value)
        if "language_model" in told:
            told["language_model"] = load(told["language_model"])
        answers.predict(loaded, given, output, told, force)
        return
    for name, value in told.items():
        raise ArgumentError.at("predict", f"--{name.replace('_', '-')}", "left out: it is for texts", value)
    table = loaded.predict(read_piped() if given is None else _table(given), horizon, level)
    write_table(table, output, force)
    if output is not None:
        say(f"{len(table)} rows: {output}")


def evaluate(model: Path, file: Path | None, missing: str | None) -> None:
    """Compare forecasts, or answers, with what is true, beside the baselines."""
    loaded = load(model, missing, "evaluate")
    if isinstance(loaded, SequenceModel):
        answers.evaluate(loaded, file)
    else:
        show_report(loaded.evaluate(_table(file)))


def plot(model: Path, file: Path | None, output: Path, level: float, missing: str | None, force: bool) -> None:
    """Draw the forecast, or answers beside what is true."""
    check_free(output, force, "plot")
    charts.check_ending("plot", "--output", output)
    loaded = load(model, missing, "plot")
    if isinstance(loaded, SequenceModel):
        answers.plot(loaded, file, output)
    else:
        loaded.plot(_table(file), level, output)
    say(f"picture: {output}")


def generate(model: Path, prompt: str, how: Mapping[str, Any]) -> None:
    """Write on from a prompt.

    Raises:
        ArgumentError: the model is no language model.
    """
    loaded = load(model)
    if not isinstance(loaded, SequenceModel):
        raise ArgumentError.at("generate", "model", "a language model", str(model), answers.LANGUAGE_MODEL)
    answers.generate(loaded, prompt, how)


def summary(model: Path) -> None:
    """Print what a model file holds: of a forecaster, a sequence model, or a network of layers."""
    _check_there(model)
    network = read(model)[1].get("kind") == "model"
    (load_model(model, compile=False) if network else load(model)).summary(print_fn=say)


def _table(file: str | Path | None) -> Any:
    return None if file is None else read_table(Path(file))
