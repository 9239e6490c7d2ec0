"""Windows over a series and the horizons behind them, as views: nothing is copied, nothing loops.

A window ends at its *origin*, the last row the network sees; its horizon is the rows after it:

    rows      0 1 2 3 4 5 6 7          window 3, horizon 2
    window        [2 3 4]              origin 4
    horizon              [5 6]
"""

from __future__ import annotations

from typing import TypeVar

import numpy as np
import numpy.typing as npt

from elman.arguments import check_whole
from elman.errors import DataError

__all__ = ["horizons", "origins", "windows"]

_Scalar = TypeVar("_Scalar", bound=np.generic)


def windows(values: npt.NDArray[_Scalar], length: int, where: str = "windows") -> npt.NDArray[_Scalar]:
    """Every stretch of `length` rows, in order: view k holds rows k ... k + length - 1.

    Args:
        values: the series, time first.
        length: rows of a window, at least 1.
        where: who asks, for the error.

    Shapes:
        values (N,) or (N, F) -> (N - length + 1, length) or (N - length + 1, length, F), read-only.

    Raises:
        ArgumentError: length below 1.
        DataError: the window is longer than the series.

    Example:
        >>> import numpy as np
        >>> windows(np.arange(5), 3).tolist()
        [[0, 1, 2], [1, 2, 3], [2, 3, 4]]
    """
    check_whole(where, "window", length, 1)
    if length > len(values):
        because = f"the series has {len(values)} rows"
        cure = "Choose a shorter window or bring more rows."
        raise DataError.at(where, "window", "not be longer than the series", length, cure, because=because)
    view = np.lib.stride_tricks.sliding_window_view(values, length, axis=0)
    return view if values.ndim == 1 else np.moveaxis(view, -1, 1)


def horizons(values: npt.NDArray[_Scalar], window: int, horizon: int) -> npt.NDArray[_Scalar]:
    """What follows each window that has a whole horizon behind it: row k belongs to window k.

    Shapes:
        values (N,) or (N, C) -> (N - window - horizon + 1, horizon[, C]), read-only.

    Raises:
        ArgumentError: horizon below 1.
        DataError: window and horizon together are longer than the series.

    Example:
        >>> import numpy as np
        >>> horizons(np.arange(6), window=3, horizon=2).tolist()
        [[3, 4], [4, 5]]
    """
    check_whole("windows", "horizon", horizon, 1)
    needed = window + horizon
    if needed > len(values):
        because = f"a window of {window} and a horizon of {horizon} need {needed} rows"
        raise DataError.at("windows", "rows", f"be at least {needed}", len(values), because=because)
    return windows(values[window:], horizon)


def origins(first: int, last: int, window: int, horizon: int) -> npt.NDArray[np.int64]:
    """The origins whose window starts at `first` or later and whose horizon ends by `last`.

    Shapes:
        -> (n,) row numbers, empty where nothing fits.

    Example:
        >>> origins(0, 7, window=3, horizon=2).tolist()
        [2, 3, 4, 5]
    """
    return np.arange(first + window - 1, last - horizon + 1)
