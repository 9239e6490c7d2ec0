"""Numbers among arguments: what counts as one, and the ranges they have.

NumPy's numbers, and arrays of one without axes, are taken wherever Python's are and become Python's, so that a
configuration can always be written as JSON. True and False are no numbers here.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from elman.errors import ArgumentError

__all__ = ["check_number", "check_numbers", "check_whole"]

_RANGES: dict[str, Callable[[float], bool]] = {
    "a finite number": lambda v: abs(v) < math.inf,
    "a finite number from 0": lambda v: 0 <= v < math.inf,
    "a finite number from 1": lambda v: 1 <= v < math.inf,
    "a finite number above 0": lambda v: 0 < v < math.inf,
    "in [0, 1]": lambda v: 0 <= v <= 1,
    "in [0, 1)": lambda v: 0 <= v < 1,
    "in (0, 1]": lambda v: 0 < v <= 1,
    "in (0, 1)": lambda v: 0 < v < 1,
}
"""Rules, as messages say them."""


def check_number(where: str, argument: str, value: Any, rule: str = "a finite number", cure: str = "") -> float:
    """The value as Python's own number, if it keeps the rule, one of those above.

    Raises:
        ArgumentError: no number, NaN, or out of the range.

    Example:
        >>> check_number("Dropout", "rate", np.float32(0.5), "in [0, 1)")
        0.5
    """
    number = _plain(value)
    if isinstance(number, bool) or not isinstance(number, int | float) or not _RANGES[rule](number):
        raise ArgumentError.at(where, argument, rule, value, cure)
    return number  # a whole one stays so


def check_whole(
    where: str, argument: str, value: Any, least: int | None = 0, most: int | None = None, cure: str = ""
) -> int:
    """The value as Python's own whole number, if it is one between `least` and `most`.

    Raises:
        ArgumentError: no whole number, one with a point, or out of the range.

    Example:
        >>> check_whole("fit", "batch_size", np.int64(32), least=1)
        32
    """
    number = _plain(value)
    fits = isinstance(number, int) and not isinstance(number, bool)
    if not fits or (least is not None and number < least) or (most is not None and number > most):
        bounds = [] if least is None else [f"from {least}"]
        bounds += [] if most is None else [f"to {most}"]
        raise ArgumentError.at(where, argument, " ".join(["a whole number", *bounds]), value, cure)
    return int(number)


def check_numbers(
    where: str, argument: str, values: Any, rule: str = "a finite number", cure: str = "", *, one: bool = False
) -> Any:
    """Several as a list, each by the rule; with `one` a single number, too, as it is.

    Raises:
        ArgumentError: no list, none in it, or one that is no such number.

    Example:
        >>> check_numbers("AUC", "thresholds", np.array([0.25, 0.5]), "in [0, 1]")
        [0.25, 0.5]
    """
    if one and np.ndim(values) == 0:
        return check_number(where, argument, values, rule, cure)
    if not isinstance(values, list | tuple | np.ndarray) or not np.size(values):
        raise ArgumentError.at(where, argument, f"a list of numbers, each {rule}", values, cure)
    return [check_number(where, argument, value, rule, cure) for value in values]


def _plain(value: Any) -> Any:
    return value.item() if isinstance(value, np.generic | np.ndarray) and value.ndim == 0 else value
