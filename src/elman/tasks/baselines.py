"""The simplest forecasts there are: what a network has to beat to be worth its time."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

__all__ = ["last_value", "seasonal_naive"]

_Array = npt.NDArray[np.float64]
_Rows = npt.NDArray[np.int64]


def last_value(values: _Array, origins: _Rows, horizon: int) -> _Array:
    """Everything stays as it is: the value at the origin, `horizon` times.

    Shapes:
        values (N, C), origins (n,) -> (n, horizon, C).

    Example:
        >>> import numpy as np
        >>> last_value(np.array([[1.0], [2.0]]), np.array([1]), 3)[..., 0].tolist()
        [[2.0, 2.0, 2.0]]
    """
    return np.repeat(values[origins][:, None], horizon, axis=1)


def seasonal_naive(values: _Array, origins: _Rows, horizon: int, season: int) -> _Array:
    """Everything comes back after a season: the last whole one, repeated.

    With season 1 this is `last_value`. Every origin needs season - 1 rows before it.

    Shapes:
        values (N, C), origins (n,) -> (n, horizon, C).

    Example:
        >>> import numpy as np
        >>> seasonal_naive(np.array([[1.0], [2.0], [3.0]]), np.array([2]), 4, season=2)[..., 0].tolist()
        [[2.0, 3.0, 2.0, 3.0]]
    """
    steps = np.arange(horizon) % season
    return np.asarray(values[origins[:, None] - season + 1 + steps])
