"""Which column of a table of series is what, and what the table tells of that by itself."""

from __future__ import annotations

import dataclasses
from collections.abc import Collection, Sequence

from elman.errors import ArgumentError
from elman.fields import Table

__all__ = ["Columns", "completed", "telling_apart"]

_ROWS = 3
"""The fewest rows a series has on average: a column with fewer tells no series apart."""


@dataclasses.dataclass(frozen=True)
class Columns:
    """Which column of a table is what; all empty for a plain array.

    Args:
        targets: what is forecast.
        features: what is only looked at.
        time: the time column; "" counts rows; None: the table's index where it has one, else rows are counted.
        id: the column that tells series apart; None: the table is one series.
    """

    targets: Sequence[str] = ()
    features: Sequence[str] = ()
    time: str | None = None
    id: str | None = None


def completed(where: str, table: Table, columns: Columns, index: Collection[str]) -> Columns:
    """The roles of a table with those that nobody said: what its index tells, and the only column that is left.

    Args:
        where: the function that owns the data, for errors.
        table: with the index among its columns.
        columns: what was said.
        index: the columns that hold the levels of the index.

    Raises:
        ArgumentError: an index of several levels beside time; several series without what tells them apart;
            no target where several are left.
    """
    time, id = columns.time, columns.id
    free = [name for name in index if name not in (*columns.targets, *columns.features, id)]
    if time is None and free:
        time = [*free, *(name for name in free if table.dated(name))][-1]
        free.remove(time)
        if id is None and len(free) > 1:
            levels = ", ".join(map(repr, free))
            cure = "Join them into one column, and name it."
            rule = "one column where an index tells series apart"
            raise ArgumentError.at(where, "id", rule, None, cure, because=f"the index has {levels}")
        id = id or (free[0] if free else None)
    rest = [name for name in table.names if name not in (*index, *columns.features, time, id)]
    if not columns.targets and len(rest) != 1:
        cure = f"Pass target=; the table has {', '.join(map(repr, table.names))}."
        raise ArgumentError.at(where, "target", "named for a table", None, cure)
    found = Columns(columns.targets or rest, columns.features, time or None, id)
    twice = [name for name in found.targets if list(found.targets).count(name) > 1]
    if twice:
        raise ArgumentError.at(where, "target", "different columns", twice, "Name each once.")
    _check_one_series(where, table, found)
    return found


def telling_apart(table: Table, time: str, taken: Sequence[str] = ()) -> str | None:
    """The first column of names, else of whole numbers, each of whose values has every time at most once."""
    free = [name for name in table.names if name not in (time, *taken)]
    kinds = {name: table.column("telling_apart", "id", name).dtype.kind for name in free}
    names = [name for kind in ("O", "iu") for name in free if kinds[name] in kind]
    for name in names:
        if 0 < _ROWS * table.distinct(name) <= len(table) and not table.repeats([name, time]):
            return name
    return None


def _check_one_series(where: str, table: Table, columns: Columns) -> None:
    """Refuse several series that share their times and stand in one table untold."""
    if columns.id is not None or columns.time not in table.names or not table.repeats([columns.time]):
        return
    name = telling_apart(table, columns.time, [*columns.targets, *columns.features])
    if name is not None:
        because = f"times stand in column {columns.time!r} more than once, and once for each value of {name!r}"
        rule = "named where a table holds several series"
        raise ArgumentError.at(where, "id", rule, None, f"Pass id={name!r}.", because=because)
