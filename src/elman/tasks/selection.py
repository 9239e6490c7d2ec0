"""Choosing transform and anchor by a linear probe, before any network is trained.

Each choice is given to a ridge regression from the window to the horizon, fitted on the training part in
closed form; the choice whose forecasts are nearest to the truth on the validation part, in the user's units,
is taken. That costs milliseconds and is the same on every run.

Cost: for n windows of p numbers, O(n p min(n, p)) for each choice; n and p are capped.
Weakness: what only a nonlinear network can use does not count.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from elman.fields.scaling import Scaling
from elman.tasks.encoding import Encoding
from elman.tasks.panel import TimeSeries
from elman.tasks.representation import Representation
from elman.tasks.scores import mae, naive_scales

__all__ = ["choose"]

_Array = npt.NDArray[np.float64]

_MOST_WINDOWS = 1500
_MOST_NUMBERS = 800
_PENALTIES = (0.01, 0.1, 1.0, 10.0)


def choose(
    choices: Sequence[Representation],
    series: Sequence[TimeSeries],
    cuts: Sequence[int],
    window: int,
    horizon: int,
    scaling: Scaling,
) -> tuple[Representation, dict[str, float]]:
    """The choice with the least error on the validation part, and every choice's error.

    Args:
        choices: what there is to choose from, at least one.
        series: all rows, training and validation.
        cuts: for each series, the first row of its validation part.
        window: rows the network sees; the probe sees the last of them.
        horizon: rows it forecasts.
        scaling: of each series' levels.

    Returns:
        The choice, and errors in units of the naive error of each target, by the choice's name.
    """
    if len(choices) == 1:
        return choices[0], {}
    channels = series[0].targets.shape[1]
    seen = max(1, min(window, _MOST_NUMBERS // (2 * channels)))
    errors = {choice: _error(choice, series, cuts, seen, horizon, scaling) for choice in choices}
    best = min(errors, key=lambda choice: errors[choice])
    return best, {choice.name: error for choice, error in errors.items()}


def _error(
    choice: Representation,
    series: Sequence[TimeSeries],
    cuts: Sequence[int],
    window: int,
    horizon: int,
    scaling: Scaling,
) -> float:
    """Mean absolute error on the validation part, each series in units of its naive error."""
    training = [part.rows(slice(cut)) for part, cut in zip(series, cuts, strict=True)]
    encoding = Encoding(choice, window, horizon, scaling, calendar=False).fit(training)
    pairs = [(part, rows) for part in training if len(rows := encoding.origins(part))]
    x = _thinned([encoding.inputs(part, rows) for part, rows in pairs])
    y = _thinned([encoding.targets(part, rows) for part, rows in pairs])
    known = _thinned([part.known(rows, horizon) for part, rows in pairs])
    fits = _ridge(x, y, known)
    checks = (_errors(encoding, part, cut, fits) for part, cut in zip(series, cuts, strict=True))
    return float(np.mean([errors for errors in checks if errors], axis=0).min())


def _errors(encoding: Encoding, series: TimeSeries, cut: int, fits: Sequence[tuple[_Array, _Array]]) -> list[float]:
    """One series' error on its validation windows for each fit, in units of its naive error; empty where none is."""
    rows = encoding.origins(series, cut)
    rows = rows[:: -(-len(rows) // _MOST_WINDOWS)] if len(rows) else rows
    scales = naive_scales(series.rows(slice(cut)).targets)
    actual = series.actual[rows[:, None] + 1 + np.arange(encoding.horizon)]
    known = ~np.isnan(actual)
    if not known.any():
        return []
    x = encoding.inputs(series, rows).reshape(len(rows), -1)
    forecasts = (encoding.decode(x @ weights + bias, series, rows) for weights, bias in fits)
    with np.errstate(over="ignore"):
        return [_in_naive_errors(actual, forecast, known, scales) for forecast in forecasts]


def _in_naive_errors(actual: _Array, forecast: _Array, known: npt.NDArray[np.bool_], scales: _Array) -> float:
    """Mean absolute error in units of each target's naive error. Shapes: (n, H, C), scales (C,)."""
    there = known.any(axis=(0, 1))
    errors = [mae(actual[..., c][known[..., c]], forecast[..., c][known[..., c]]) for c in np.flatnonzero(there)]
    return float(np.mean(errors / np.where(scales[there] > 0, scales[there], 1.0)))


def _thinned(parts: Sequence[npt.NDArray[Any]]) -> _Array:
    """All windows in one matrix, evenly thinned to what a probe needs."""
    flat = np.concatenate([part.reshape(len(part), -1) for part in parts])
    return np.asarray(flat[:: -(-len(flat) // _MOST_WINDOWS)], "float64")


def _ridge(x: _Array, y: _Array, known: _Array) -> list[tuple[_Array, _Array]]:
    """x (n, p), y (n, q), the share of each row that counts (n, 1) -> weights (p, q), bias (q,) for each penalty.

    Solved on the smaller side.
    """
    count = known.sum() or 1.0
    x_mean, y_mean = (x * known).sum(axis=0) / count, (y * known).sum(axis=0) / count
    x, y = (x - x_mean) * np.sqrt(known), (y - y_mean) * np.sqrt(known)
    strength = len(x) * (x.var() or 1.0) * np.eye(min(x.shape))
    tall = x.shape[0] > x.shape[1]
    left, right = (x.T @ x, x.T @ y) if tall else (x @ x.T, y)
    solved = [np.linalg.solve(left + penalty * strength, right) for penalty in _PENALTIES]
    fits = solved if tall else [x.T @ one for one in solved]
    return [(np.asarray(weights), np.asarray(y_mean - x_mean @ weights)) for weights in fits]
