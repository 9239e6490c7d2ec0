"""How a forecaster learns: split, choose, train, measure, train again on everything."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from elman import settings as floats
from elman.arguments import check_flag, check_number, check_whole
from elman.errors import DataError, ElmanWarning, unknown_name
from elman.fields import Series
from elman.fields.missing import Missing, check_missing
from elman.fields.scaling import Scaling
from elman.layers.initializers import check_seed
from elman.models import Sequential
from elman.tasks.backtest import backtest, validation_pairs
from elman.tasks.diagnosis import copies_last_value, findings
from elman.tasks.encoding import Encoding
from elman.tasks.intervals import Intervals
from elman.tasks.learned import Learned
from elman.tasks.network import CellName, build_network, check_cell
from elman.tasks.panel import TimeSeries
from elman.tasks.representation import ANCHORS, TRANSFORMS, Representation, candidates
from elman.tasks.roles import Columns
from elman.tasks.scores import Report, naive_scales
from elman.tasks.selection import choose
from elman.tasks.splitting import check_window, default_window, enough, validation_cuts
from elman.training.callbacks import Callback, EarlyStopping

__all__ = ["Settings", "check_settings", "learn", "network_for"]

_History = dict[str, list[float]]


class Settings(Protocol):
    """What learning is told; `Forecaster` explains each."""

    horizon: int
    window: int | None
    cell: CellName
    units: int
    layers: int
    dropout: float
    epochs: int
    batch_size: int
    learning_rate: float
    loss: str
    patience: int
    validation: float | None
    refit: bool
    scaling: Scaling
    transform: Any
    anchor: Any
    season: int | None
    calendar: bool
    missing: Missing
    seed: int


def check_settings(settings: Settings) -> None:
    """Refuse what cannot be learned with, before any data is read.

    Raises:
        ArgumentError: a number out of range. UnknownNameError: a name nobody knows.
    """
    check_cell("Forecaster", settings.cell)
    check_missing("Forecaster", settings.missing)
    check_seed("Forecaster", settings.seed)
    Series(settings.scaling)
    for name in ("horizon", "units", "layers", "epochs", "batch_size", "patience"):
        check_whole("Forecaster", name, getattr(settings, name), 1)
    for name in ("window", "season"):
        if getattr(settings, name) is not None:
            check_whole("Forecaster", name, getattr(settings, name), 1)
    for name, known in (("transform", TRANSFORMS), ("anchor", ANCHORS)):
        if getattr(settings, name) not in ("auto", *known):
            raise unknown_name("Forecaster", name, getattr(settings, name), ("auto", *known))
    check_number("Forecaster", "learning_rate", settings.learning_rate, "a finite number above 0")
    check_number("Forecaster", "dropout", settings.dropout, "in [0, 1)")
    for name in ("refit", "calendar"):
        check_flag("Forecaster", name, getattr(settings, name))


def learn(settings: Settings, series: list[TimeSeries], columns: Columns, callbacks: Sequence[Callback]) -> Learned:
    """Everything from rows to a trained forecaster; warns of what is wrong with it.

    Args:
        settings: checked.
        series: all rows of each series.
        columns: which column was what.
        callbacks: told how each training goes.

    Raises:
        DataError: a window that leaves no training example; settings that fit no part of the data.
    """
    cuts = validation_cuts(series, settings.validation, settings.horizon)
    ends = [len(part) for part in series]
    suggested = series[0].timeline.calendar.season
    # A season must have been seen twice, and then be forecast, to be told from chance.
    season = settings.season or (suggested if max(cuts) >= 2 * suggested + settings.horizon else 1)
    window = settings.window or default_window(settings.horizon, season, max(cuts))
    check_window(window, settings.horizon, ends, cuts)
    choice, choices = _choose(settings, series, cuts, window, season)
    encoding = Encoding(choice, window, settings.horizon, settings.scaling, settings.calendar)
    _check_series(series, encoding)
    # Scales are learned before the cuts: validation rows must be as unknown as the future is.
    training = _before(series, cuts)
    encoding.fit(training).leave_constants(series)
    scales = {part.name: naive_scales(part.actual, season).tolist() for part in training}
    network, history = _train(settings, encoding, series, cuts, callbacks, settings.epochs)
    nothing = Intervals(np.zeros((0, 1, 1)))
    learned = Learned(columns, encoding, network, season, scales, [], history, choices, nothing, None)
    if "val_loss" in history:
        learned.report, learned.intervals = _measure(settings, learned, series, cuts)
        if settings.refit:
            # All rows now, so nothing is left to stop on: as many epochs as were best before.
            best = 1 + int(np.argmin(history["val_loss"]))
            learned.network, _ = _train(settings, encoding, series, ends, callbacks, best)
    learned.tails = [part.rows(slice(max(0, len(part) - learned.needed), None)) for part in series]
    return learned


def _before(series: list[TimeSeries], cuts: Sequence[int]) -> list[TimeSeries]:
    """The rows before the cuts, as they were known there."""
    return [part.rows(slice(cut)) for part, cut in zip(series, cuts, strict=True)]


def _check_series(series: list[TimeSeries], encoding: Encoding) -> None:
    """Every series must fill a window, or nothing could be forecast for it."""
    needed = encoding.lead + encoding.window
    for part in series:
        if len(part) < needed:
            name = "rows" if part.key is None else f"rows of series {part.key!r}"
            because = f"a window of {encoding.window} looks that far back"
            cure = "Choose a shorter window, or leave the series out."
            raise DataError.at("Forecaster", name, f"at least {needed}", len(part), cure, because=because)


def network_for(settings: Settings, encoding: Encoding, series: TimeSeries) -> Sequential:
    """An untrained network of the right shape."""
    shape = (encoding.window, encoding.width(series))
    outputs = encoding.horizon * series.targets.shape[1]
    return build_network(
        settings.cell,
        settings.units,
        settings.layers,
        settings.dropout,
        shape,
        outputs,
        settings.learning_rate,
        settings.loss,
        settings.seed,
    )


def _choose(
    settings: Settings, series: list[TimeSeries], cuts: list[int], window: int, season: int
) -> tuple[Representation, dict[str, float]]:
    """The representation, and what the probe found about each."""
    choices = candidates([part.targets for part in series], season, settings.transform, settings.anchor)
    choices = [choice for choice in choices if enough(choice, window, settings.horizon, cuts)]
    shortest = min(map(len, series))  # what looks further back would leave a series out that another choice would not
    choices = [choice for choice in choices if choice.lead(window) + window <= shortest] or choices
    if not choices:
        because = f"transform={settings.transform!r}, anchor={settings.anchor!r}, season {season}"
        cure = "A logarithm needs values from 0; a seasonal anchor needs a season and rows for it."
        raise DataError.at("Forecaster", "data", "fit for the settings", f"{max(cuts)} rows", cure, because=because)
    if all(cut == len(part) for part, cut in zip(series, cuts, strict=True)):  # nothing to choose on
        return choices[min(1, len(choices) - 1)], {}
    return choose(choices, series, cuts, window, settings.horizon, settings.scaling)


def _train(
    settings: Settings,
    encoding: Encoding,
    series: list[TimeSeries],
    cuts: Sequence[int],
    callbacks: Sequence[Callback],
    epochs: int,
) -> tuple[Sequential, _History]:
    """A new network, trained on rows before the cuts, checked on those after them: on what was not missing there."""
    x, y, known = _examples(encoding, _before(series, cuts), [(0, cut - 1) for cut in cuts])
    check = _examples(encoding, series, [(c, len(part) - 1) for part, c in zip(series, cuts, strict=True)])
    gaps = any(part.absent.any() for part in series)
    checked = bool(len(check[0]))
    network = network_for(settings, encoding, series[0])
    # Last, so that the others see the weights before the best ones are put back.
    stopping = EarlyStopping("val_loss", patience=settings.patience, restore_best_weights=True)
    history = network.fit(
        x,
        y,
        sample_weight=known if gaps else None,
        epochs=epochs,
        batch_size=settings.batch_size,
        validation_data=(check if gaps else check[:2]) if checked else None,
        callbacks=[*callbacks, stopping] if checked else list(callbacks),
        verbose=0,
    )
    return network, {name: [float(value) for value in values] for name, values in history.history.items()}


def _examples(
    encoding: Encoding, series: list[TimeSeries], spans: Sequence[tuple[int, int]]
) -> tuple[npt.NDArray[Any], npt.NDArray[Any], npt.NDArray[Any]]:
    """Windows, horizons that lie in rows first ... last of each series, and the share of each that is known."""
    width, outputs = encoding.width(series[0]), encoding.horizon * series[0].targets.shape[1]
    x, y = [np.zeros((0, encoding.window, width), floats.floatx())], [np.zeros((0, outputs), floats.floatx())]
    known = [np.zeros(0, floats.floatx())]
    for part, (first, last) in zip(series, spans, strict=True):
        rows = encoding.origins(part, first, last)
        if len(rows):
            x.append(encoding.inputs(part, rows))
            y.append(encoding.targets(part, rows))
            known.append(part.known(rows, encoding.horizon).astype(floats.floatx()))
    return np.concatenate(x), np.concatenate(y), np.concatenate(known)


def _measure(
    settings: Settings, learned: Learned, series: list[TimeSeries], cuts: Sequence[int]
) -> tuple[Report, Intervals]:
    """The report on the validation part, and the intervals its errors give."""
    origins = [learned.encoding.origins(part, cut) for part, cut in zip(series, cuts, strict=True)]
    forecasts = learned.blocks(series, origins)
    actual, forecast, last = validation_pairs(series, origins, forecasts, settings.horizon)
    title = f"validation part, {len(actual)} forecasts"
    report = backtest(settings.cell, series, origins, forecasts, learned.season, learned.scales, title)
    keys = [part.name for part in series]
    naive = [naive_scales(part.targets, learned.season) for part in _before(series, cuts)]
    first = ~np.isnan(actual[:, 0]).any(axis=1)
    units = np.repeat([np.where(one > 0, one, 1.0) for one in naive], list(map(len, origins)), axis=0)
    each = (values[first] / units[first] for values in (actual[:, 0], forecast[:, 0], last))
    copies = bool(first.any()) and copies_last_value(*each)
    found = findings(report, copies)
    for finding in found:
        warnings.warn(f"Forecaster: {finding}.", ElmanWarning, stacklevel=4)
    errors = np.split(actual - forecast, np.cumsum([len(rows) for rows in origins])[:-1])
    intervals = Intervals.learn(dict(zip(keys, errors, strict=True)), dict(zip(keys, naive, strict=True)))
    return Report(report.rows, report.title, [*report.notes, *found]), intervals
