"""What a user brings becomes an array of a graph's type and rank, or an error that names the row and the column.

Arrays, nested lists, frames and series (anything with `to_numpy`), and ragged lists of sequences are taken. Everything
is checked here, once, before the first step: rank and sizes, types, emptiness, NaN and infinity.
"""

from __future__ import annotations

import itertools
import math
import numbers
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np

from elman import dtypes
from elman.errors import DataError, DTypeError, MemoryLimitError, ShapeError
from elman.executors import Rows, mostly_padding, padded
from elman.shapes import Shape, rank_problem, text

__all__ = [
    "Column",
    "Padded",
    "check_finite",
    "convert",
    "is_ragged",
    "pad",
    "shape_text",
    "take",
    "to_array",
    "together",
]


_TOGETHER = 1 << 16
"""Numbers of rows that are looked at in one call: a call for each short row would be felt."""
_MOST = int(np.iinfo(np.int32).max)


class Column(NamedTuple):
    """What an array is meant for: its name in errors, the shape and type the graph wants, what helps another shape."""

    where: str
    name: str
    shape: Shape
    dtype: str
    cure: str = ""


class Padded(NamedTuple):
    """Sequences of different lengths in one array, real steps first, zeros behind.

    Shapes: values (N, T, ...); lengths (N,) int32, or None where all are equal.
    """

    values: np.ndarray
    lengths: np.ndarray | None


def take(data: Any, column: Column) -> tuple[np.ndarray | Rows, np.ndarray | None]:
    """As `convert`, but sequences of the graph's type are not copied: they stay where they lie."""
    if is_ragged(data) and len(column.shape) > 1 and not isinstance(column.shape[1], int):
        rows = _lying(data, column)
        if rows is not None:
            check_shape(rows, column)
            _check_rows(rows, column)
            return rows, np.array([len(part) for part in rows.parts], np.int32)
    return convert(data, column)


def _lying(data: Sequence[Any], column: Column) -> Rows | None:
    """Sequences as they are; None where they must be copied to be of one type and shape, each in one piece."""
    kind = np.dtype(column.dtype)
    if not all(
        type(row) is np.ndarray and row.dtype == kind and row.flags.c_contiguous and row.flags.aligned for row in data
    ):
        return None
    tails = {row.shape[1:] for row in data if len(row)}
    if len(tails) != 1:
        return None
    return Rows(data, _fitted((len(data), max(map(len, data)), *tails.pop()), column), kind)


def _check_rows(rows: Rows, column: Column) -> None:
    """Raises: as `check_finite`."""
    if rows.dtype.kind != "f":
        return
    for first, values in together(rows):
        with np.errstate(over="ignore", invalid="ignore"):
            total = float(values.sum())
        del values  # before the next are put together
        if np.isfinite(total):
            continue
        for i, part in enumerate(rows.parts[first:], first):
            if not np.isfinite(part).all():
                steps = part.reshape(len(part), *rows.shape[2:])
                raise _not_finite(steps, np.argwhere(~np.isfinite(steps))[0], column.where, column.name, (i,))


def together(array: np.ndarray | Rows) -> Iterator[tuple[int, np.ndarray]]:
    """The numbers of an array: of many rows together, for a call for each would be felt. Yields: first row, numbers."""
    if isinstance(array, np.ndarray):
        yield 0, array
        return
    ends = np.cumsum([part.size for part in array.parts])
    cuts = [0, *np.searchsorted(ends, np.arange(_TOGETHER, ends[-1], _TOGETHER)), len(array)]
    for first, last in itertools.pairwise(cuts):
        some = [part for part in array.parts[first:last] if part.size]
        if some:
            yield first, some[0] if len(some) == 1 else np.concatenate(some)


def convert(data: Any, column: Column) -> Padded:
    """The array (and lengths, if ragged) a graph input takes.

    Raises: DataError: empty, ragged where not allowed, NaN or infinite. ShapeError: rank or sizes. DTypeError: not
        numbers.
    """
    padded = (
        pad(data, column) if is_ragged(data) or _without_steps(data, column) else Padded(to_array(data, column), None)
    )
    if padded.values.ndim > 0 and len(padded.values) == 0:
        cure = "Check how the data were read or cut."
        raise DataError.at(
            column.where, column.name, "have at least one row", padded.values, cure, because="it is empty"
        )
    values = fit_rank(padded.values, column)
    check_shape(values, column)
    values = cast(values, column)
    if padded.lengths is None or not _all_finite(values, padded.lengths):
        check_finite(values, column.where, column.name, data)
    return Padded(values, padded.lengths)


def _all_finite(values: np.ndarray, lengths: np.ndarray) -> bool:
    """Whether all real steps are finite; False where the padding may as well be looked at, too.

    Shapes: values (N, T, ...), lengths (N,).
    """
    if values.dtype.kind != "f":
        return False
    rows = [row[:n] for row, n in zip(values, lengths, strict=True)]
    return mostly_padding(rows, values.shape, values.dtype) and all(np.isfinite(row).all() for row in rows)


def to_array(data: Any, column: Column) -> np.ndarray:
    """A NumPy array of numbers; numbers that are Python objects, as frames with several types give them, are float64.

    Raises: DTypeError: other objects, strings, times, complex numbers. DataError: rows of different shapes, or masked.
    Shapes: any -> as data.
    """
    raw = data.to_numpy() if hasattr(data, "to_numpy") else data
    _refuse_masked(raw, column)
    if isinstance(raw, np.ndarray) and raw.dtype == object and raw.ndim == 1:
        raw = list(raw)  # sequences that happen to be of one length
    try:
        array = np.asarray(raw)
    except ValueError as error:
        cure = "Give every row the same shape, or a list of arrays (T, F), one a sequence."
        raise DataError.at(
            column.where, column.name, "be an array", type(data).__name__, cure, because=str(error).rstrip(".")
        ) from None
    if array.dtype.kind in "fiub":
        return array
    because = _not_a_number(array, data)
    if array.dtype == object and not because:
        return _from_objects(array, column)
    cure = f"Convert it with .astype('{column.dtype}'), or leave that column out."
    if array.ndim == 0:
        cure = "Pass an array, a list of rows or a frame."
    raise DTypeError.at(column.where, column.name, "of real numbers", array.dtype, cure, because=because)


def _refuse_masked(raw: Any, column: Column) -> None:
    """Raises: DataError: elements that are masked: NumPy would give what lies behind the mask."""
    for part in raw if isinstance(raw, (list, tuple)) else (raw,):
        mask = getattr(part, "mask", None) if isinstance(part, np.ndarray) else None
        if mask is not None and np.any(mask):
            cure = "Fill them with .filled(...), or drop the rows."
            because = f"{np.sum(mask)} of {part.size} are masked"
            raise DataError.at(column.where, column.name, "without masked elements", part, cure, because=because)


def _from_objects(array: np.ndarray, column: Column) -> np.ndarray:
    """Raises: DataError: a whole number beyond all floats. Shapes: as array."""
    try:
        return array.astype(np.float64)
    except OverflowError:
        cure = "Scale the column, or leave it out."
        raise DataError.at(column.where, column.name, "within the range of floats", array.dtype, cure) from None


def _not_a_number(array: np.ndarray, data: Any) -> str:
    """Which element is not a number, where that can be told; nothing where all are."""
    if array.dtype != object:
        return ""
    import decimal  # only for objects: it takes longer to import than this file

    kinds = (numbers.Real, decimal.Decimal, np.bool_)
    if array.ndim == 0 and not isinstance(array[()], kinds):
        return f"it is of type {type(data).__name__}"
    if all(issubclass(kind, kinds) for kind in {type(value) for value in array.flat}):
        return ""
    place = next(place for place in np.ndindex(array.shape) if not isinstance(array[place], kinds))
    return f"{_place(place, data)} is {array[place]!r:.40}"


def is_ragged(data: Any) -> bool:
    """Whether data are a list of sequences that differ in length."""
    if isinstance(data, np.ndarray) and data.dtype != object:
        return False
    if not isinstance(data, (list, tuple, np.ndarray)) or len(data) == 0:
        return False
    if not all(row.ndim > 0 if isinstance(row, np.ndarray) else isinstance(row, (list, tuple)) for row in data):
        return False
    return len({len(row) for row in data}) > 1


def _without_steps(data: Any, column: Column) -> bool:
    """Whether data are sequences of which none has a step: told by lengths, so that what is pooled is 0, not NaN."""
    listed = isinstance(data, list) and len(data) > 0 and len(column.shape) > 1 and not isinstance(column.shape[1], int)
    return listed and all(isinstance(row, np.ndarray) and row.ndim > 0 and not len(row) for row in data)


def pad(data: Sequence[Any], column: Column) -> Padded:
    """Sequences behind one another in an array as long as the longest.

    Raises: DataError: where lengths must be equal.
    """
    if len(column.shape) < 2 or isinstance(column.shape[1], int):
        cure = "Cut or pad the sequences to one length, or declare the axis open: Input((None, ...))."
        because = f"rows of {min(map(len, data))} to {max(map(len, data))} steps"
        raise DataError.at(
            column.where,
            column.name,
            f"have shape {shape_text(column.shape)}",
            type(data).__name__,
            cure,
            because=because,
        )
    # Of many short rows even a call each would be felt.
    rows = [row if type(row) is np.ndarray and row.dtype.kind in "fiub" else to_array(row, column) for row in data]
    lengths = np.array([len(row) for row in rows], np.int32)
    tails = {row.shape[1:] for row in rows if len(row)} or {rows[0].shape[1:]}
    if len(tails) > 1:
        cure = "Give every sequence the same features."
        raise ShapeError.at(column.where, column.name, "of sequences with equal features", sorted(tails), cure)
    shape = (len(rows), int(lengths.max()), *tails.pop())
    kind = np.result_type(*rows)
    if mostly_padding(rows, shape, kind) and all(_holds(column.dtype, row) for row in rows):
        kind = np.dtype(column.dtype)  # or all of the padding would be converted
    try:
        return Padded(padded(rows, shape, kind), lengths)
    except (MemoryError, OSError):
        size = math.prod(shape) * kind.itemsize
        because = f"{shape[0]} of them, padded to the longest of {shape[1]} steps, take {size / 2**30:.1f} GiB"
        cure = "Cut the longest (a field's max_length does), or fit them apart."
        rule = "sequences that this machine can hold"
        raise MemoryLimitError.at(column.where, column.name, rule, "more", cure, because=because) from None


def _holds(dtype: str, row: np.ndarray) -> bool:
    """Whether a row may be written into an array of the type at once, with nothing left to be checked but NaN."""
    if dtypes.is_real(dtype):
        return row.dtype.kind in "fiub"
    whole = dtype == dtypes.INT32 and row.dtype.kind in "iub"
    return whole and (row.size == 0 or bool(row.min() >= -_MOST and row.max() <= _MOST))


def fit_rank(array: np.ndarray, column: Column) -> np.ndarray:
    """An axis of size 1 at the end is added or dropped where only that is missing or too much, as in Keras.

    Shapes: (N, ..., 1) -> (N, ...), or back.
    """
    return array.reshape(_fitted(array.shape, column))


def _fitted(shape: tuple[int, ...], column: Column) -> tuple[int, ...]:
    rank = len(column.shape)
    if len(shape) == rank - 1 and column.shape[-1] == 1:
        return (*shape, 1)
    if len(shape) == rank + 1 and shape[-1] == 1:
        return shape[:-1]
    return shape


def check_shape(array: np.ndarray | Rows, column: Column) -> None:
    """Raises: ShapeError: another rank, or another size where the size is fixed.

    Shapes: array as the column, its open sizes filled in.
    """
    rule = "have shape {}"
    if array.ndim != len(column.shape):
        because, cure = rank_problem(column.name, column.shape, array.ndim)
        wanted = rule.format(shape_text(column.shape))
        raise ShapeError.at(column.where, column.name, wanted, array.shape, column.cure or cure, because=because)
    for axis, (size, given) in enumerate(zip(column.shape, array.shape, strict=True)):
        if axis and isinstance(size, int) and size != given:
            what = "features" if axis == array.ndim - 1 else "steps"
            cure = column.cure or f"Axis {axis} must hold {size} {what}."
            wanted = rule.format(shape_text(column.shape))
            raise ShapeError.at(column.where, column.name, wanted, array.shape, cure)


def cast(array: np.ndarray, column: Column) -> np.ndarray:
    """The graph's type, C-contiguous, each number at an address that is a multiple of its size.

    Shapes: any -> as the array.
    Raises: DTypeError: fractions where whole numbers are needed. DataError: too large for int32.
    """
    if column.dtype == dtypes.INT32 and array.dtype != np.int32:
        _check_whole(array, column)
    if array.dtype == column.dtype:
        made = np.ascontiguousarray(array)
        return made if made.flags.aligned else made.copy()
    with np.errstate(over="ignore", invalid="ignore"):
        return np.ascontiguousarray(array, dtype=column.dtype)


def _check_whole(array: np.ndarray, column: Column) -> None:
    check_finite(array, column.where, column.name)
    if array.dtype.kind == "f" and not np.array_equal(array, np.floor(array)):
        at = tuple(int(i) for i in np.argwhere(array != np.floor(array))[0])
        because = f"{_place(at)} is {array[at]}"
        raise DTypeError.at(
            column.where,
            column.name,
            "of whole numbers",
            array.dtype,
            "Map values to class or word numbers first.",
            because=because,
        )
    big = (array > _MOST) | (array < -_MOST)
    if array.dtype.itemsize > 2 and big.any():
        at = tuple(int(i) for i in np.argwhere(big)[0])
        raise DataError.at(
            column.where,
            column.name,
            "within int32",
            array[at],
            "Map large identifiers to small ones.",
            because=_place(at),
        )


def check_finite(array: np.ndarray, where: str, name: str, data: Any = None) -> None:
    """Raises: DataError: NaN or infinity, with the first row and column that has it. Shapes: array (N, ..., C).

    Args: data: what was given: a frame has names for its columns, a number may have been finite there.
    """
    if array.dtype.kind != "f":
        return
    with np.errstate(over="ignore", invalid="ignore"):
        total = float(array.sum())  # one pass without a temporary array; a false alarm costs a second pass
    if np.isfinite(total) or np.isfinite(array).all():
        return
    raise _not_finite(array, np.argwhere(~np.isfinite(array))[0], where, name, data=data)


def _not_finite(
    array: np.ndarray, place: Sequence[int], where: str, name: str, before: tuple[int, ...] = (), data: Any = None
) -> DataError:
    """The error of one number. Args: before: where the array stands in what was given."""
    inside = tuple(int(i) for i in place)
    at = before + inside
    index = ", ".join(map(str, at))
    value, rule, cure = float(array[inside]), "be finite", "Fill the gap or drop the row."
    if data is not None and math.isinf(value):
        given = _given(data, at[0], int(np.ravel_multi_index(at[1:], array.shape[1:])) if len(at) > 1 else 0)
        if math.isfinite(given):
            value, rule = given, f"within {array.dtype}"
            cure = "Scale it: values of about -1 to 1 are learned best."
    return DataError.at(where, name, rule, value, cure, because=f"{name}[{index}], {_place(at, data)}")


def _given(data: Any, row: int, place: int) -> float:
    """A number as it was before it was converted. Args: place: in its row, steps of padding not counted."""
    raw = data if is_ragged(data) else np.asarray(data.to_numpy() if hasattr(data, "to_numpy") else data)
    return float(np.ravel(raw[row])[place])


def _place(at: tuple[int, ...], data: Any = None) -> str:
    """A position in words, in a frame with the name of the column."""
    names = getattr(data, "column_names", getattr(data, "columns", None))  # Arrow's, everybody else's
    if names is not None and len(at) == 2:
        return f"row {at[0]}, column {str(list(names)[at[1]])!r}"
    words = {1: ("row",), 2: ("row", "column"), 3: ("row", "step", "column")}.get(len(at))
    return ", ".join(f"{w} {i}" for w, i in zip(words, at, strict=True)) if words else f"row {at[0]}"


def shape_text(shape: Shape) -> str:
    """A shape as a person reads it."""
    return text(shape)
