"""Gaps in numbers: found and named, or filled on purpose. Never guessed silently."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Literal, cast, get_args

import numpy as np
import numpy.typing as npt

from elman.errors import DataError, unknown_name
from elman.fields.scaling import LARGEST

__all__ = ["Missing", "as_known", "check_missing", "fill_missing"]

Missing = Literal["error", "interpolate"]


def check_missing(where: str, missing: object) -> Missing:
    """The policy itself, or an error with the ones there are.

    Raises:
        UnknownNameError: neither "error" nor "interpolate".
    """
    if missing not in get_args(Missing):
        raise unknown_name(where, "missing", missing, get_args(Missing))
    return cast("Missing", missing)


def fill_missing(
    where: str,
    values: npt.NDArray[np.float64],
    columns: Sequence[str],
    missing: Missing = "error",
    name_row: Callable[[int], str] = "row {}".format,
) -> npt.NDArray[np.float64]:
    """Numbers without NaN or infinity, and of a size to count with: the values themselves, or a filled copy.

    Interpolation is linear in the row number; before the first and after the last known value
    that value is repeated. Infinity is an error under every policy: nothing lies beside it.

    Args:
        where: the function that owns the data, for the error.
        values: one column per channel.
        columns: the channels' names, for the error.
        missing: "error" names the first NaN; "interpolate" fills them all.
        name_row: how a row is called in the error: by its number, or by its time too.

    Shapes:
        values (N, C) -> (N, C).

    Raises:
        DataError: NaN under "error"; infinity; a number beyond `LARGEST`; a channel with no value at all.

    Example:
        >>> import numpy as np
        >>> fill_missing("fit", np.array([[1.0], [np.nan], [3.0]]), ["y"], "interpolate").tolist()
        [[1.0], [2.0], [3.0]]
        >>> fill_missing("fit", np.array([[1.0], [np.nan]]), ["y"])
        Traceback (most recent call last):
            ...
        elman.errors.DataError: fit: data must be finite. Received data=nan: row 1, column 'y'. \
Fill or drop the row, or set missing='interpolate'.
    """
    sizes = np.abs(values)
    if (sizes <= LARGEST).all():
        return values
    for wrong, rule in ((np.isinf(values), "be finite"), (sizes > LARGEST, f"be numbers up to {LARGEST:.4g}")):
        if wrong.any():
            raise _refused(where, rule, values, np.argwhere(wrong)[0], columns, name_row, "Correct or drop the row.")
    if missing == "error":
        first = np.argwhere(np.isnan(values))[0]
        cure = "Fill or drop the row, or set missing='interpolate'."
        raise _refused(where, "be finite", values, first, columns, name_row, cure)
    return np.column_stack([_interpolated(where, values[:, c], columns[c]) for c in range(values.shape[1])])


def as_known(
    values: npt.NDArray[np.float64],
    absent: npt.NDArray[np.bool_],
    origins: npt.NDArray[np.int64],
    rows: npt.NDArray[np.int64],
) -> npt.NDArray[np.float64]:
    """Rows as somebody at their origin knew them: a gap that reaches the origin holds the last value before it.

    What `fill_missing` put there leads to the value behind the gap, which at that time was the future.

    Args:
        values: filled.
        absent: what was NaN; at each origin every channel has had a value.
        origins: the last row that is known.
        rows: what is asked for of each; rows after the origin are given as they are.

    Shapes:
        values, absent (N, C); origins (n,), rows (n, s) -> (n, s, C).

    Example:
        >>> import numpy as np
        >>> filled, absent = np.array([[1.0], [2.0], [3.0]]), np.array([[False], [True], [False]])
        >>> as_known(filled, absent, np.array([1, 2]), np.array([[0, 1], [0, 1]]))[..., 0].tolist()
        [[1.0, 1.0], [1.0, 2.0]]
    """
    numbers = np.arange(len(values))[:, None]
    last = np.maximum.accumulate(np.where(absent, 0, numbers), axis=0)[origins]
    held = np.take_along_axis(values, last, 0)
    in_gap = (rows[..., None] > last[:, None]) & (rows <= origins[:, None])[..., None]
    return np.where(in_gap, held[:, None], values[rows])


def _interpolated(where: str, channel: npt.NDArray[np.float64], column: str) -> npt.NDArray[np.float64]:
    """(N,) -> (N,) without NaN."""
    known = np.flatnonzero(~np.isnan(channel))
    if not len(known):
        raise DataError.at(where, "data", "have a value", float("nan"), because=f"column {column!r} is empty")
    return np.interp(np.arange(len(channel)), known, channel[known])


def _refused(
    where: str,
    rule: str,
    values: npt.NDArray[np.float64],
    at: npt.NDArray[np.intp],
    columns: Sequence[str],
    name_row: Callable[[int], str],
    cure: str,
) -> DataError:
    row, column = int(at[0]), int(at[1])
    because = f"{name_row(row)}, column {columns[column]!r}"
    return DataError.at(where, "data", rule, float(values[row, column]), cure, because=because)
