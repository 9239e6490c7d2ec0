"""What a person brings, as named columns: a frame, a mapping, or records."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np
import numpy.typing as npt

from elman.errors import DataError, DTypeError, ElmanError, unknown_column
from elman.fields import Field, Table
from elman.fields.samples import is_missing
from elman.fields.scaling import as_numbers

__all__ = [
    "Columns",
    "as_samples",
    "check_truths",
    "count",
    "naming",
    "read_columns",
    "rows_of",
    "sized",
]

Columns = dict[str, Any]
"""Name -> a list or an array, one entry a row."""


def read_columns(where: str, data: Any, names: Sequence[str]) -> Columns:
    """These columns of the data.

    Args:
        where: who asks, for errors.
        data: a pandas, polars or pyarrow table, a mapping from name to column, or a list of mappings (records).
        names: of the columns.

    Raises:
        UnknownColumnError: a column is missing; the nearest are named.
        DataError: no rows, or columns of different lengths.
        DTypeError: something without names of columns.

    Example:
        >>> read_columns("fit", [{"text": "hi", "mood": "good"}], ["mood"])
        {'mood': ['good']}
    """
    if isinstance(data, (list, tuple)) and data and all(isinstance(row, Mapping) for row in data):
        data = {name: [row.get(name) for row in data] for name in dict.fromkeys(key for row in data for key in row)}
    if isinstance(data, Mapping):
        for name in names:
            if name not in data:
                raise unknown_column(where, "data", name, [str(key) for key in data])
        columns = {name: _column_of(where, name, data[name]) for name in names}
    elif isinstance(data, (np.ndarray, list, tuple, str)):
        rule, cure = "a table, a mapping from name to column, or a list of records", "For example {'text': texts}."
        raise DTypeError.at(where, "data", rule, type(data).__name__, cure)
    else:
        table = Table.wrap(where, data)
        columns = {name: _column(table.column(where, "data", name)) for name in names}
    _check(where, columns)
    return columns


def as_samples(where: str, field: Field[Any], column: Any) -> Any:
    """A column as its field takes it: rows of a series become arrays, lest they be taken for steps of one long series.

    Example:
        >>> from elman.fields import Series
        >>> [row.shape for row in as_samples("fit", Series(), [[1, 2], [3, 4]])]
        [(2,), (2,)]
    """
    if field.kind != "series":
        return column
    if isinstance(column, np.ndarray):
        return column[:, :, None] if column.ndim == 2 else column
    return [
        as_numbers(f"{where}, sample {n}", row) if isinstance(row, (list, tuple)) else row
        for n, row in enumerate(column)
    ]


def check_truths(where: str, name: str, column: Any) -> None:
    """Refuse rows without a truth: an answer to them is neither right nor wrong.

    Raises:
        DataError: a row that is missing, or that misses something, with its number.

    Example:
        >>> check_truths("evaluate", "mood", ["+", None])
        Traceback (most recent call last):
            ...
        elman.errors.DataError: evaluate: 'mood' must have a value in every row. Received 'mood'=None: row 1. \
Fill or drop the row.
    """
    for row, value in enumerate(column):
        if is_missing(value) or _misses(value):
            rule, cure = "have a value in every row", "Fill or drop the row."
            raise DataError.at(where, repr(name), rule, value, cure, because=f"row {row}")


def _misses(value: Any) -> bool:
    """Whether a step of a sequence is missing."""
    if isinstance(value, np.ndarray) and value.dtype != object:
        return value.dtype.kind == "f" and bool(np.isnan(value).any())
    return isinstance(value, (list, tuple, np.ndarray)) and any(map(is_missing, value))


@contextmanager
def naming(name: str) -> Iterator[None]:
    """Errors of a field tell which column it has.

    Example:
        >>> from elman.fields import Number
        >>> with naming("price"):
        ...     Number().fit(["a"])
        Traceback (most recent call last):
            ...
        elman.errors.DataError: Number.fit of 'price': values must be numbers. Received values='a': row 0. \
Correct the entry, or choose another type for this column.
    """
    try:
        yield
    except ElmanError as error:
        where, colon, text = str(error).partition(": ")
        raise type(error)(f"{where} of {name!r}{colon}{text}") from None


def sized(column: Any) -> bool:
    """Whether every sample has a length."""
    return all(hasattr(row, "__len__") for row in column)


def count(columns: Mapping[str, Any]) -> int:
    """How many rows the columns have."""
    return len(next(iter(columns.values())))


def rows_of(columns: Mapping[str, Any], rows: npt.NDArray[np.int64]) -> Columns:
    """Some rows of every column. Shapes: rows (n,) -> n samples of each column."""
    return {
        name: column[rows] if isinstance(column, np.ndarray) else [column[i] for i in rows]
        for name, column in columns.items()
    }


def _column_of(where: str, name: str, values: Any) -> Any:
    """The column that a mapping has. Raises: DTypeError: one value, which is no column."""
    if isinstance(values, (str, bytes, Mapping)) or not isinstance(values, Iterable):
        rule, cure = "a column: a list with one entry a row", "Put it into a list; one row is [{...}]."
        raise DTypeError.at(where, f"data[{name!r}]", rule, type(values).__name__, cure)
    return _column(values)


def _column(values: Any) -> Any:
    """A column as a list, or as an array of numbers."""
    if isinstance(values, np.ndarray):
        return values.tolist() if values.dtype == object else values
    if hasattr(values, "to_list"):
        return values.to_list()
    return list(values)


def _check(where: str, columns: Mapping[str, Any]) -> None:
    counts = {name: len(column) for name, column in columns.items()}
    if len(set(counts.values())) > 1:
        received = ", ".join(f"{name!r} with {n}" for name, n in counts.items())
        raise DataError(f"{where}: columns must have the same number of rows. Received {received}. Rows must line up.")
    if not next(iter(counts.values()), 0):
        raise DataError.at(where, "data", "have at least one row", 0, "Check what was read.")
