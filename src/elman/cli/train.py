"""`elman train`: a table in, a model file and a run folder out; without `--input`, a forecaster."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from elman import charts
from elman.arguments import check_whole
from elman.cli.runs import Recorder, check_config, read_config, render_config
from elman.cli.screen import Progress, say, show_report
from elman.cli.sequence import SETTINGS as SEQUENCE_SETTINGS
from elman.cli.sequence import is_sequence, train_sequence
from elman.cli.series import check_targets, complete
from elman.cli.tables import check_free, read_table
from elman.errors import ArgumentError
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
    for name, value in told.items():
        if name not in SETTINGS:
            cure = "It is for training with inputs: add --input COLUMN, or leave it out."
            raise ArgumentError.at("train", f"--{name}", "left out of a forecast", value, cure)
    settings = {**SETTINGS, **asked, **told}
    if settings["file"] is None:
        raise ArgumentError.at("train", "FILE", "given", None, "Example: elman train sales.csv --target sales.")
    output = Path(str(settings["output"]))
    table = read_table(Path(str(settings["file"])))
    for line in complete(settings, table):
        say(line)
    check_targets(settings, table)
    check_free(output, force, "train")
    learned, held = _parts(table, check_whole("train", "--holdout", settings["holdout"], None), settings["id"])
    forecaster = Forecaster(**{name: settings[name] for name in Forecaster().get_params()})
    recorder = Recorder(output.name.removesuffix(".safetensors"), render_config({**settings, "output": str(output)}))
    _fit(forecaster, learned, settings, recorder)
    _finish(forecaster, held, recorder.folder, output)


def _parts(table: Any, holdout: int, id: str | None) -> tuple[Any, Any]:
    """The rows to learn from, and those held out at the end of each series."""
    series = table.groupby(id, sort=False) if id in table.columns else None
    shortest = len(table) if series is None else int(series.size().min())
    if not 0 <= holdout < shortest:
        raise ArgumentError.at("train", "--holdout", f"between 0 and {shortest - 1}", holdout)
    if series is None:
        return table[: len(table) - holdout], table[len(table) - holdout :]
    held = series.cumcount(ascending=False) < holdout
    return table[~held], table[held]


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
