"""Which rows are learned from, and which are checked on: drawn at random, what belongs together on one side."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from elman.errors import ArgumentError, DataError, DTypeError
from elman.fields.guessing import guess_media
from elman.fields.samples import is_missing, plain
from elman.tasks.sequence.columns import Columns
from elman.tasks.sequence.design import is_number

__all__ = ["cut_ends", "groups_of", "named_files", "split_rows"]

_Rows = npt.NDArray[np.int64]


def groups_of(where: str, values: Any, rows: int) -> _Rows:
    """The group of each row, counted in the order of their first rows.

    Args:
        where: who asks, for errors.
        values: a text or a number for each row: whose it is.
        rows: how many there are.

    Shapes:
        -> (rows,).

    Raises:
        DataError: another number of them, or one that is missing. DTypeError: neither texts nor numbers.

    Example:
        >>> groups_of("fit", ["ann", "bob", "ann"], 3).tolist()
        [0, 1, 0]
    """
    column = values.to_list() if hasattr(values, "to_list") else values
    if isinstance(column, str | bytes) or not hasattr(column, "__len__"):
        raise DTypeError.at(where, "groups", "a list with an entry for each row", type(values).__name__)
    if len(column) != rows:
        raise DataError.at(where, "groups", f"of {rows} rows, as the data", len(column), "Name one for each row.")
    places: dict[Hashable, int] = {}
    found = np.zeros(rows, np.int64)
    for row, value in enumerate(map(plain, column)):
        if is_missing(value):
            cure = "Name one for each row; a row that belongs to no other has a name of its own."
            raise DataError.at(where, "groups", "have a name in every row", value, cure, because=f"row {row}")
        if not isinstance(value, str | int | float | Path):
            raise DTypeError.at(where, "groups", "be texts or numbers", type(value).__name__, because=f"row {row}")
        found[row] = places.setdefault(value, len(places))
    return found


def named_files(columns: Mapping[str, Any], names: Sequence[str]) -> Any:
    """The paths of the first of these columns that names pictures, sounds or films; None where none does.

    Rows that name one file, as captions of one picture do, belong together.

    Example:
        >>> named_files({"n": [1, 2], "photo": ["a.png", "a.png"]}, ["n", "photo"])
        ['a.png', 'a.png']
    """
    for name in names:
        column = columns[name].tolist() if isinstance(columns[name], np.ndarray) else columns[name]
        if isinstance(column, list) and all(isinstance(one, str | Path) for one in column) and guess_media(column):
            return [str(one) for one in column]
    return None


def split_rows(
    where: str, rows: int, share: float | None, seed: int, groups: _Rows | None = None
) -> tuple[_Rows, _Rows]:
    """Rows to learn from, one at least, and rows to check on, drawn at random by the seed.

    Args:
        where: who asks, for errors.
        rows: how many there are.
        share: of them to check on; of groups as near as they allow, and one at least where there are two.
        seed: of the draw.
        groups: of each row, from 0; all rows of a group are on one side. None: each row is one.

    Shapes:
        groups (rows,) -> (rows to learn from,), (rows to check on,).

    Raises:
        ArgumentError: a share outside [0, 1).

    Example:
        >>> [part.tolist() for part in split_rows("fit", 6, 0.3, seed=0, groups=np.array([0, 0, 1, 1, 2, 2]))]
        [[0, 1, 2, 3], [4, 5]]
    """
    if share is not None and not (is_number(share) and 0 <= share < 1):
        cure = "0.1 keeps a tenth to check on."
        raise ArgumentError.at(where, "validation", "a share from 0 to below 1", share, cure)
    groups = np.arange(rows) if groups is None else groups
    sizes = np.bincount(groups)
    order = np.random.Generator(np.random.Philox(seed)).permutation(len(sizes)).tolist()
    wanted, count, kept = round((share or 0) * rows), 0, []
    for group in order:
        if count + sizes[group] / 2 <= wanted:
            kept.append(group)
            count += sizes[group]
    if wanted and not kept:  # all are large
        kept = [min(order, key=lambda group: sizes[group])]
    checked = np.isin(groups, kept[: len(sizes) - 1])  # one at least to learn from
    return np.flatnonzero(~checked), np.flatnonzero(checked)


def cut_ends(columns: Mapping[str, Any], share: float) -> tuple[Columns, Columns | None]:
    """The beginnings of a few long texts to learn from, and their ends to check on; None where those are empty.

    Example:
        >>> cut_ends({"book": ["abcdefghij"]}, 0.2)
        ({'book': ['abcdefgh']}, {'book': ['ij']})
    """
    at = {name: [round(len(row) * (1 - share)) for row in column] for name, column in columns.items()}
    begun = {name: [row[:k] for row, k in zip(column, at[name], strict=True)] for name, column in columns.items()}
    ended = {name: [row[k:] for row, k in zip(column, at[name], strict=True)] for name, column in columns.items()}
    return begun, ended if any(len(row) for column in ended.values() for row in column) else None
