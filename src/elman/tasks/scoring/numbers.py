"""How much of numbers is foreseen."""

from __future__ import annotations

from typing import Any

import numpy as np

__all__ = ["r_squared"]


def r_squared(actual: Any, predicted: Any) -> float:
    """R², the mean over columns: 1 is perfect, 0 as good as the mean; NaN for fewer than two rows.

    As scikit-learn's: a column that does not vary counts 1 where it is foreseen exactly, else 0.

    Shapes: (N,) or (N, C) each -> a number.
    Example:
        >>> r_squared([1.0, 2.0, 3.0], [1.0, 2.0, 4.0])
        0.5
    """
    true = np.asarray(actual, "float64")
    if len(true) < 2:
        return float("nan")
    true = true.reshape(len(true), -1)
    missed = np.square(true - np.asarray(predicted, "float64").reshape(true.shape)).sum(axis=0)
    spread = np.square(true - true.mean(axis=0)).sum(axis=0)
    return float(np.where(spread > 0, 1 - missed / np.where(spread > 0, spread, 1.0), missed == 0).mean())
