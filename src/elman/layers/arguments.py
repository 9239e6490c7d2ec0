"""Rules for arguments that several layers have."""

from __future__ import annotations

from typing import Any

import numpy as np

from elman.arguments import as_plain, check_number, check_whole
from elman.errors import ArgumentError

__all__ = ["check_axes", "check_rate", "check_sizes", "check_units", "need_channels_last", "rows_named"]


def check_units(where: str, argument: str, value: Any) -> int:
    """The value as Python's own number. Raises: ArgumentError: not a whole number from 1."""
    return check_whole(where, argument, value, 1)


def check_rate(where: str, argument: str, value: Any) -> float:
    """The value as Python's own number. Raises: ArgumentError: not a share."""
    return check_number(where, argument, value, "in [0, 1)")


def check_sizes(where: str, argument: str, value: Any, rank: int) -> tuple[int, ...]:
    """One whole number from 1 an axis, of which one may stand for all. Raises: ArgumentError: anything else."""
    found = list(value) if isinstance(value, list | tuple) else [as_plain(value)] * rank
    whole = all(isinstance(n, int | np.integer) and not isinstance(n, bool) and n >= 1 for n in found)
    if len(found) != rank or not whole:
        many = "" if rank == 1 else ", or two of them"
        raise ArgumentError.at(where, argument, f"be a whole number from 1{many}", value)
    return tuple(map(int, found))


def check_axes(where: str, argument: str, axes: Any) -> list[int]:
    """One axis or several, as a list. Raises: ArgumentError: no whole number, and no list of them."""
    if np.ndim(axes) == 0:
        return [check_whole(where, argument, axes, None)]
    if not isinstance(axes, list | tuple | np.ndarray) or not np.size(axes):
        raise ArgumentError.at(where, argument, "a list of whole numbers", axes)
    return [check_whole(where, argument, axis, None) for axis in axes]


def rows_named(where: str, rows: Any, count: int) -> list[int]:
    """Numbers of rows of a batch, from a list of them or from True and False for each.

    Raises: ArgumentError: rows that are none of so many.
    """
    found = np.asarray(rows) if np.size(rows) else np.zeros(0, int)
    if found.dtype == bool and found.shape == (count,):
        return [int(row) for row in np.flatnonzero(found)]
    whole = found.ndim == 1 and np.issubdtype(found.dtype, np.integer)
    if not whole or not all(-count <= row < count for row in found):
        rule = f"a list of whole numbers from 0 to {count - 1}"
        raise ArgumentError.at(where, "rows", rule, rows, "Without rows, all of them start again.")
    return [int(row) for row in found]


def need_channels_last(where: str, data_format: str | None) -> None:
    """Raises: ArgumentError: "channels_first", which sequences never are here."""
    if data_format not in (None, "channels_last"):
        raise ArgumentError.at(
            where, "data_format", "be 'channels_last'", data_format, "Put Permute((2, 1)) before the layer."
        )
