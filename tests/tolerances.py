"""How far two right answers may lie apart: the one place where tests get their tolerances from.

A sum of n products in any order is wrong by at most about n eps of the sum of their sizes (Higham 2002, "Accuracy
and Stability of Numerical Algorithms", §3.1). A function such as tanh or exp adds a few eps of its own, and in a
recurrence the error of every step feeds the next. Errors are measured against the largest number of the array, not
element by element: a small element of a result that was added up from large ones has the error of the large ones.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest

FUNCTIONS = 16
"""Roundings of one step beside its sums: up to four functions of up to 4 eps each."""


def tolerance(dtype: Any, length: int, steps: int = 1) -> float:
    """Return the relative error allowed after sums of `length` terms in each of `steps` steps, one on another.

    Args:
        dtype: float32 or float64: the less exact of the two programs compared.
        length: the longest sum: features + units of a layer, rows of a batch for a gradient.
        steps: steps in time; for training, steps in time times updates.
    """
    return float(np.finfo(dtype).eps) * (length + FUNCTIONS) * steps


def assert_close(
    actual: Any, expected: Any, length: int, steps: int = 1, dtype: Any = None, what: str = "", terms: float = 0.0
) -> None:
    """Assert that two arrays have one shape, the same NaN and infinities, and agree within `tolerance`.

    Args:
        dtype: default the type of `actual`.
        what: named where the assertion fails.
        terms: size of the largest number that was added up, where a sum of both signs may cancel to a smaller one:
            the error is that of the terms.
    """
    actual, expected = np.asarray(actual), np.asarray(expected)
    dtype = actual.dtype if dtype is None else np.dtype(dtype)
    assert actual.shape == expected.shape, f"{what}: shape {actual.shape}, expected {expected.shape}"
    with np.errstate(over="ignore"):
        rounded = expected.astype(dtype).astype(np.float64)  # what float32 cannot hold is infinite on both sides
    given = actual.astype(np.float64)
    finite = np.isfinite(rounded)
    np.testing.assert_array_equal(np.isfinite(given), finite, err_msg=what)
    np.testing.assert_array_equal(given[~finite], rounded[~finite], err_msg=what)
    if not finite.any():
        return
    error = float(np.max(np.abs(given[finite] - rounded[finite])))
    size = max(float(np.max(np.abs(rounded[finite]))), terms, float(np.finfo(dtype).tiny))
    allowed = tolerance(dtype, length, steps)
    assert error <= allowed * size, f"{what}: error {error:.3g} of {size:.3g}, allowed {allowed * size:.3g}"


def nearly(expected: Any, length: int = 1024, dtype: Any = np.float64) -> Any:
    """Return what equals numbers within `tolerance`: scores and means that were added up from up to `length` terms.

    Of numbers below 1 the error is measured against 1: what they were computed from was not smaller.
    """
    error = tolerance(dtype, length)
    return pytest.approx(expected, rel=error, abs=error)


def central_difference(value: float, slope: float) -> float:
    """Return the error allowed between a derivative and a central difference of step eps^(1/3) in float64.

    The difference cuts off terms of order step² and divides the rounding of two values by the step: both are of the
    order of eps^(2/3) times what is differentiated. The factor is for third derivatives and sums of some dozen terms.

    Args: value: size of the function. slope: size of its largest derivative.
    """
    return 256 * float(np.finfo(np.float64).eps) ** (2 / 3) * max(value, slope, 1.0)


def no_worse(ours: Sequence[float], theirs: Sequence[float]) -> bool:
    """Return whether the mean of `ours` is at most two standard errors of the difference above `theirs`."""
    error = math.sqrt(sum(float(np.var(values, ddof=1)) / len(values) for values in (ours, theirs)))
    return float(np.mean(ours)) <= float(np.mean(theirs)) + 2 * error
