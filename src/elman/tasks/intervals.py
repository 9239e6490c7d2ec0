"""How wide a forecast may be off: split-conformal intervals, one width for each series and step ahead.

The errors a model made on validation rows it was not trained on are sorted; the 90 % interval is as wide as
the ceil(0.9 (n + 1))-th of them. Nothing is assumed about their distribution but that the future is like the
validation part; for series that change, no interval can promise more.

Of several series each has a spread, its mean absolute error on its validation rows; errors are sorted in units of
it, all together, and an interval is so many spreads wide. How errors grow with the step ahead is so learned from
all, how large they are from each. A series with few validation windows, or a new one, is taken to be as hard as
the others are in units of its naive error.

Source: Vovk, Gammerman and Shafer 2005; Stankevičiūtė et al. 2021, "Conformal time-series forecasting";
Papadopoulos et al. 2008, "Normalized nonconformity measures" (errors in units of a scale).
Weakness: with fewer than 1 / (1 - level) validation windows the largest error stands in.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any, Self

import numpy as np
import numpy.typing as npt

from elman.errors import ArgumentError, NotBuiltError

__all__ = ["Intervals", "error_quantiles", "half_width"]

_Array = npt.NDArray[np.float64]

_PERCENTS = np.arange(1, 100)
_ENOUGH = 10
"""Windows from which a series' own spread is known: the mean of fewer errors says too little."""


@dataclasses.dataclass(frozen=True)
class Intervals:
    """What the validation part said of errors.

    Args:
        quantiles: of the errors, from `error_quantiles`; in spreads where there are any; empty: nothing was said.
        spreads: of each series by its key, (C,); empty for a single series, whose quantiles are its own.
        typical: a spread in units of the naive error, (C,): for series that have none.
    """

    quantiles: _Array
    spreads: Mapping[str, _Array] = dataclasses.field(default_factory=dict)
    typical: _Array = dataclasses.field(default_factory=lambda: np.ones(1))

    @classmethod
    def learn(cls, errors: Mapping[str, _Array], naive: Mapping[str, _Array]) -> Self:
        """From forecasts that are known by now.

        Args:
            errors: actual minus forecast of each series, NaN where nobody knows.
            naive: each series' naive error in training.

        Shapes:
            errors (n, H, C), naive (C,) of each series.
        """
        if len(errors) == 1:
            (only,) = errors.values()
            return cls(error_quantiles(only))
        sizes = {key: _mean_size(error) for key, error in errors.items()}
        with np.errstate(divide="ignore", invalid="ignore"):
            hardness = np.array([sizes[key] / naive[key] for key in errors])
        typical = _median(np.where(np.isfinite(hardness), hardness, np.nan))
        known = {key: sizes[key] for key, error in errors.items() if _windows(error) >= _ENOUGH}
        spreads = {key: known.get(key, typical * naive[key]) for key in errors}
        usual = _median(np.array([np.where(spread > 0, spread, np.nan) for spread in spreads.values()]))
        # Only a series that was often forecast without error has a spread of 0.
        spreads = {
            key: spread if key in known else np.where(spread > 0, spread, usual) for key, spread in spreads.items()
        }
        relative = [
            error / np.where(spreads[key] > 0, spreads[key], np.nan) for key, error in errors.items() if len(error)
        ]
        quantiles = np.nan_to_num(error_quantiles(np.concatenate(relative)))
        return cls(quantiles, spreads, typical)

    def __bool__(self) -> bool:
        return bool(len(self.quantiles))

    def half_width(self, key: str, naive: _Array, level: float, steps: int) -> _Array:
        """Half the width for each step ahead of one series.

        Args:
            key: of the series.
            naive: its naive error, for a series that was not in training.
            level: see `half_width`.
            steps: see `half_width`.

        Shapes:
            naive (C,) -> (steps, C).
        """
        width = half_width(self.quantiles, level, steps)
        return width * self.spreads.get(key, self.typical * naive) if self.spreads else width

    def state(self) -> dict[str, Any]:
        """These as JSON."""
        spreads = {key: spread.tolist() for key, spread in self.spreads.items()}
        return {"quantiles": self.quantiles.tolist(), "spreads": spreads, "typical": self.typical.tolist()}

    @classmethod
    def from_state(cls, state: Mapping[str, Any]) -> Self:
        """The way back from `state()`; files of before have no spreads."""
        quantiles = np.asarray(state["quantiles"], "float64")
        spreads = {key: np.asarray(spread) for key, spread in state.get("spreads", {}).items()}
        return cls(
            quantiles if quantiles.size else np.zeros((0, 1, 1)), spreads, np.asarray(state.get("typical", [1.0]))
        )


def _mean_size(error: _Array) -> _Array:
    """(n, H, C) -> (C,); NaN where nothing is known."""
    known = ~np.isnan(error)
    with np.errstate(invalid="ignore"):
        return np.asarray(np.where(known, np.abs(error), 0.0).sum(axis=(0, 1)) / known.sum(axis=(0, 1)))


def _windows(error: _Array) -> int:
    """How many windows are known of the channel that has the fewest. Shapes: (n, H, C)."""
    return int((~np.isnan(error)).any(axis=1).sum(axis=0).min())


def _median(values: _Array) -> _Array:
    """Of what is no NaN, 1 where nothing is left. Shapes: (series, C) -> (C,)."""
    known = [column[~np.isnan(column)] for column in values.T]
    return np.array([np.median(column) if len(column) else 1.0 for column in known])


def error_quantiles(errors: _Array) -> _Array:
    """The conformal quantile of the absolute errors at 1 ... 99 percent; what was missing (NaN) does not count.

    Of a step and channel of which nothing is known it is the largest error of the channel.

    Shapes:
        errors (n, H, C) -> (99, H, C).

    Example:
        >>> import numpy as np
        >>> error_quantiles(np.arange(19.0).reshape(19, 1, 1))[[49, 89], 0, 0].tolist()
        [9.0, 17.0]
    """
    errors = np.sort(np.abs(errors), axis=0)  # NaN comes last
    count = (~np.isnan(errors)).sum(axis=0)
    rank = np.ceil(_PERCENTS[:, None, None] / 100 * (count + 1)).astype("int64") - 1
    quantiles = np.take_along_axis(errors, np.maximum(np.minimum(rank, count - 1), 0), axis=0)
    return np.where(np.isnan(quantiles), np.fmax.reduce(errors, axis=(0, 1)), quantiles)


def half_width(quantiles: _Array, level: Any, steps: int) -> _Array:
    """Half the interval's width for each step ahead; beyond the horizon its last step's.

    Args:
        quantiles: from `error_quantiles`.
        level: the share of futures the interval should hold, 0.01 ... 0.99; rounded up to whole percents.
        steps: steps ahead.

    Shapes:
        quantiles (99, H, C) -> (steps, C).

    Raises:
        ArgumentError: level outside its range.
        NotBuiltError: the model was trained without a validation part.
    """
    if isinstance(level, bool) or not isinstance(level, int | float | np.number) or not 0.01 <= level <= 0.99:
        raise ArgumentError.at("predict", "level", "a share between 0.01 and 0.99", level)
    percent = int(np.ceil(np.round(100 * level, 6)))  # between two percents the wider one
    if not len(quantiles):
        raise NotBuiltError("predict: level needs errors on a validation part. Train with validation=0.2.")
    width = quantiles[percent - 1]
    return np.asarray(width[np.minimum(np.arange(steps), len(width) - 1)])
