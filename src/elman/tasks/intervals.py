"""How wide a forecast may be off: split-conformal intervals, one width for each step ahead.

The errors a model made on validation rows it was not trained on are sorted; the 90 % interval is as wide as
the ceil(0.9 (n + 1))-th of them. Nothing is assumed about their distribution but that the future is like the
validation part; for series that change, no interval can promise more.

Source: Vovk, Gammerman and Shafer 2005; Stankevičiūtė et al. 2021, "Conformal time-series forecasting".
Weakness: with fewer than 1 / (1 - level) validation windows the largest error stands in.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from elman.errors import ArgumentError, NotBuiltError

__all__ = ["error_quantiles", "half_width"]

_Array = npt.NDArray[np.float64]

_PERCENTS = np.arange(1, 100)


def error_quantiles(actual: _Array, forecast: _Array) -> _Array:
    """The conformal quantile of the absolute errors at 1 ... 99 percent; what was missing (NaN) does not count.

    Of a step and channel of which nothing is known it is the largest error of the channel.

    Shapes:
        actual, forecast (n, H, C) -> (99, H, C).

    Example:
        >>> import numpy as np
        >>> error_quantiles(np.arange(19.0).reshape(19, 1, 1), np.zeros((19, 1, 1)))[[49, 89], 0, 0].tolist()
        [9.0, 17.0]
    """
    errors = np.sort(np.abs(actual - forecast), axis=0)  # NaN comes last
    count = (~np.isnan(errors)).sum(axis=0)
    rank = np.ceil(_PERCENTS[:, None, None] / 100 * (count + 1)).astype("int64") - 1
    quantiles = np.take_along_axis(errors, np.maximum(np.minimum(rank, count - 1), 0), axis=0)
    return np.where(np.isnan(quantiles), np.fmax.reduce(errors, axis=(0, 1)), quantiles)


def half_width(quantiles: _Array, level: float, steps: int) -> _Array:
    """Half the interval's width for each step ahead; beyond the horizon its last step's.

    Args:
        quantiles: from `error_quantiles`.
        level: the share of futures the interval should hold, 0.01 ... 0.99.
        steps: steps ahead.

    Shapes:
        quantiles (99, H, C) -> (steps, C).

    Raises:
        ArgumentError: level outside its range.
        NotBuiltError: the model was trained without a validation part.
    """
    percent = round(100 * level)
    if not 1 <= percent <= 99:
        raise ArgumentError.at("predict", "level", "a share between 0.01 and 0.99", level)
    if not len(quantiles):
        raise NotBuiltError("predict: level needs errors on a validation part. Train with validation=0.2.")
    width = quantiles[percent - 1]
    return np.asarray(width[np.minimum(np.arange(steps), len(width) - 1)])
