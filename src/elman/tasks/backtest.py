"""Forecasts of rows that are known by now, scored beside the baselines."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from elman.errors import DataError
from elman.tasks.baselines import last_value, seasonal_naive
from elman.tasks.panel import TimeSeries
from elman.tasks.scores import Report, mae, mase, rmse, smape

__all__ = ["backtest", "holdout_blocks", "validation_pairs"]

_Array = npt.NDArray[np.float64]
_Rows = npt.NDArray[np.int64]


def holdout_blocks(
    series: Sequence[TimeSeries], ends: Mapping[str, Any], needed: int, horizon: int
) -> tuple[list[_Rows], str, list[str]]:
    """Origins from which the held-out rows are forecast, one horizon after the other.

    Held out is what comes after the end of training. Where nothing does, the last fifth is forecast and a
    note says that the model has seen it. Rows that were missing are not scored, and another note says how many.

    Args:
        series: with enough history before the held-out rows.
        ends: the last time of each series in training.
        needed: rows of the past a forecast looks at.
        horizon: rows of a forecast.
    """
    blocks: list[_Rows] = []
    scored, absent, trained = 0, 0, 0
    for part in series:
        stamps = part.timeline.stamps
        known = int(np.count_nonzero(stamps <= ends[part.name])) if part.name in ends else needed
        if known == len(part):
            known = len(part) - max(horizon, len(part) // 5)
            trained += 1
        first = max(known, needed, part.begin + 1)
        blocks.append(np.arange(first - 1, len(part) - 1, horizon))
        missing = np.isnan(part.actual[first:]).all(axis=1)
        scored, absent = scored + int((~missing).sum()), absent + int(missing.sum())
    which = "these rows were" if trained == len(series) else f"rows of {trained} of {len(series)} series were"
    notes = [f"{which} part of the training: held-out rows would be harder"] if trained else []
    title = f"{'rows of the training' if trained == len(series) else 'held-out rows'}, {scored}"
    return blocks, title, notes + ([f"rows that were missing are not scored, {absent}"] if absent else [])


def validation_pairs(
    series: Sequence[TimeSeries], origins: Sequence[_Rows], forecasts: Sequence[_Array], horizon: int
) -> tuple[_Array, _Array, _Array]:
    """What happened (NaN where nobody knows), what was forecast, and the last value, over all series.

    Shapes:
        -> actual (n, H, C), forecast (n, H, C), last (n, C).
    """
    steps = np.arange(1, horizon + 1)
    actual = [part.actual[rows[:, None] + steps] for part, rows in zip(series, origins, strict=True)]
    known = [part.as_known(rows, 1) for part, rows in zip(series, origins, strict=True)]
    last = [part.targets[rows] for part, rows in known]
    return np.concatenate(actual), np.concatenate(list(forecasts)), np.concatenate(last)


def backtest(
    name: str,
    series: Sequence[TimeSeries],
    origins: Sequence[_Rows],
    forecasts: Sequence[_Array],
    season: int,
    scales: Mapping[str, Sequence[float]],
    title: str,
    notes: Sequence[str] = (),
) -> Report:
    """Score forecasts and baselines on the same rows; what lies beyond the series or was missing does not count.

    Args:
        name: of the model's row in the table.
        series: what happened.
        origins: for each series the rows from which was forecast.
        forecasts: for each series (n, H, C).
        season: for seasonal naive; 1, or more rows than lie before the first origin: none.
        scales: the naive error of each series' targets in training, for MASE.
        title: of the table.
        notes: passed on.

    Shapes:
        of each series: origins (n,), forecasts (n, H, C).

    Raises:
        DataError: of all these rows no target is known.
    """
    horizon = forecasts[0].shape[1]
    if min((int(rows[0]) for rows in origins if len(rows)), default=0) < season - 1:
        season = 1  # no whole season lies before the first origin
    names = [name, "last value"] + ([f"seasonal naive ({season})"] if season > 1 else [])
    columns: dict[str, list[_Array]] = {row: [] for row in names}
    actual, scale = [], []
    for part, rows, forecast in zip(series, origins, forecasts, strict=True):
        ahead = rows[:, None] + np.arange(1, horizon + 1)
        inside = ahead < len(part)
        actual.append(part.actual[ahead[inside]])
        scale.append(np.broadcast_to(scales.get(part.name, np.nan), actual[-1].shape))
        columns[name].append(forecast[inside])
        known, at = part.as_known(rows, season)
        columns["last value"].append(last_value(known.targets, at, horizon)[inside])
        if season > 1:
            columns[names[-1]].append(seasonal_naive(known.targets, at, horizon, season)[inside])
    truth, units = np.concatenate(actual), np.concatenate(scale)
    there = ~np.isnan(truth)
    if truth.size and not there.any():
        cure = "Pass other rows; in fit, choose another validation part."
        raise DataError.at("Forecaster", title, "have a target that is known", np.nan, cure)
    scored = {row: _scores(truth[there], np.concatenate(v)[there], units[there]) for row, v in columns.items()}
    return Report(scored, title, notes)


def _scores(actual: _Array, forecast: _Array, units: _Array) -> dict[str, float]:
    known = np.isfinite(units) & (units > 0)
    scaled = mase(actual[known] / units[known], forecast[known] / units[known], 1.0) if known.any() else float("nan")
    return {
        "MAE": mae(actual, forecast),
        "RMSE": rmse(actual, forecast),
        "sMAPE": smape(actual, forecast),
        "MASE": scaled,
    }
