"""`elman predict`, `evaluate`, `plot` and `summary`: what to do with a trained model."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from elman.cli.screen import say, show_report
from elman.cli.tables import check_free, read_table, write_table
from elman.errors import DataError
from elman.tasks import Forecaster

__all__ = ["evaluate", "load", "plot", "predict", "summary"]


def load(path: Path) -> Forecaster:
    """Read a model file.

    Raises:
        DataError: no such file.
        FileFormatError: not a forecaster of elman.
    """
    if not path.is_file():
        because = "it is a folder" if path.is_dir() else "there is no such file"
        raise DataError.at("load", "model", "a file that elman wrote", str(path), "Check the path.", because=because)
    return Forecaster.load(path)


def predict(
    model: Path, file: Path | None, output: Path | None, horizon: int | None, level: float | None, force: bool
) -> None:
    """Forecast after the training rows, or after those of a file; to a file, or as CSV to standard output."""
    if output is not None:
        check_free(output, force, "predict")
    forecaster = load(model)
    table = forecaster.predict(_table(file), horizon, level)
    write_table(table, output, force)
    if output is not None:
        say(f"{len(table)} rows: {output}")


def evaluate(model: Path, file: Path | None) -> None:
    """Compare forecasts with what happened, beside the baselines."""
    show_report(load(model).evaluate(_table(file)))


def plot(model: Path, file: Path | None, output: Path, level: float, force: bool) -> None:
    """Draw the forecast."""
    check_free(output, force, "plot")
    load(model).plot(_table(file), level, output)
    say(f"picture: {output}")


def summary(model: Path) -> None:
    """Print what a model file holds."""
    load(model).summary(say)


def _table(file: Path | None) -> Any:
    return None if file is None else read_table(file)
