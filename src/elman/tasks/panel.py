"""One table -> one or many series, each on its own timeline: complete, sorted, finite."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Any, Literal, Self

import numpy as np
import numpy.typing as npt

from elman.errors import ArgumentError, DataError, ShapeError
from elman.fields import Calendar, Table, Timeline
from elman.fields.missing import Missing, fill_missing

__all__ = ["Columns", "Panel", "TimeSeries"]

_Array = npt.NDArray[np.float64]


@dataclasses.dataclass(frozen=True)
class Columns:
    """Which column of a table is what; all empty for a plain array.

    Args:
        targets: what is forecast.
        features: what is only looked at.
        time: the time column; None counts rows.
        id: the column that tells series apart; None: the table is one series.
    """

    targets: Sequence[str] = ()
    features: Sequence[str] = ()
    time: str | None = None
    id: str | None = None


@dataclasses.dataclass(frozen=True)
class TimeSeries:
    """One series: times, what is forecast, what is only looked at.

    Shapes:
        targets (N, C), features (N, K); the timeline has N rows.
    """

    key: Any
    timeline: Timeline
    targets: _Array
    features: _Array

    def __len__(self) -> int:
        return len(self.targets)

    def rows(self, chosen: slice) -> Self:
        """A stretch of this series."""
        timeline = dataclasses.replace(self.timeline, stamps=self.timeline.stamps[chosen])
        return dataclasses.replace(
            self, timeline=timeline, targets=self.targets[chosen], features=self.features[chosen]
        )

    def joined_to(self, where: str, before: Self, follows: bool = False) -> Self:
        """This series after `before`, where it goes on right there; itself, where it starts earlier.

        Args:
            where: the function that owns the data, for errors.
            before: the end of the training rows.
            follows: rows without times follow by definition.

        Raises:
            DataError: rows are missing between the two.
        """
        stamps, end = self.timeline.stamps, before.timeline.stamps[-1]
        calendar = self.timeline.calendar
        if follows:
            stamps = calendar.after(end, len(self))
        elif self.timeline.style.kind == "integer" and calendar.step == 1 and stamps[0] == 0:
            return self
        if stamps[0] <= end:
            return self
        expected = calendar.after(end, 1)[0]
        if stamps[0] != expected:
            style = self.timeline.style
            because = f"training ended at {style.show(end)}"
            cure = f"Pass rows from {style.show(expected)} on, or a history that fills a window."
            rule = "not leave a gap after training"
            raise DataError.at(where, "time", rule, style.show(stamps[0]), cure, because=because)
        timeline = dataclasses.replace(self.timeline, stamps=np.concatenate([before.timeline.stamps, stamps]))
        return dataclasses.replace(
            self,
            timeline=timeline,
            targets=np.concatenate([before.targets, self.targets]),
            features=np.concatenate([before.features, self.features]),
        )

    def followed_by(self, targets: _Array) -> Self:
        """This series with further rows whose features nobody knows: NaN.

        Shapes:
            targets (n, C).
        """
        calendar, stamps = self.timeline.calendar, self.timeline.stamps
        longer = np.concatenate([stamps, calendar.after(stamps[-1], len(targets))])
        unknown = np.full((len(targets), self.features.shape[1]), np.nan)
        return dataclasses.replace(
            self,
            timeline=dataclasses.replace(self.timeline, stamps=longer),
            targets=np.concatenate([self.targets, targets]),
            features=np.concatenate([self.features, unknown]),
        )


@dataclasses.dataclass(frozen=True)
class Panel:
    """All series of a table, and the table itself, so that a forecast can be given back in its kind.

    Args:
        series: each on its own timeline.
        columns: which column was what.
        table: what was read; None for an array.
        kind: "table", or for an array "vector" (N,) or "matrix" (N, C).
        zones: time zones of the columns that have one.
    """

    series: list[TimeSeries]
    columns: Columns
    table: Table | None
    kind: Literal["table", "vector", "matrix"] = "table"
    zones: dict[str, str] = dataclasses.field(default_factory=dict)

    @classmethod
    def read(
        cls,
        where: str,
        data: Any,
        columns: Columns,
        missing: Missing = "error",
        calendar: Calendar | None = None,
    ) -> Self:
        """Read a frame of any kind, or an array.

        Args:
            where: the function that owns the data, for errors.
            data: a frame; or an array (N,) or (N, C), every column of which is a target.
            columns: which column is what.
            missing: what NaN and missing times are.
            calendar: the rhythm, where it is known; None: find it.

        Raises:
            UnknownColumnError: a column is not there.
            DataError: empty, not numeric, NaN, infinite; times that are not sorted, unique, regular.
        """
        if isinstance(data, np.ndarray | list | tuple):
            array = _as_array(where, data)
            kind: Literal["vector", "matrix"] = "vector" if array.ndim == 1 else "matrix"
            return cls([_from_array(where, array, columns, missing)], columns, None, kind)
        table = Table.wrap(where, data)
        if not columns.targets:
            cure = f"Pass target=; the table has {', '.join(map(repr, table.names))}."
            raise ArgumentError.at(where, "target", "named for a table", None, cure)
        if columns.id is None:
            series = [_from_table(where, table, None, columns, missing, calendar)]
        else:
            series = _split(where, table, columns, missing, calendar)
        zone = table.time_zone(columns.time) if columns.time else None
        return cls(series, columns, table, zones={columns.time: zone} if columns.time and zone else {})

    def emptied(self) -> Self:
        """Without its rows: what is needed to give something back in the same kind."""
        return dataclasses.replace(self, series=[], table=self.table.rows(slice(0, 1)) if self.table else None)


def _as_array(where: str, data: Any) -> npt.NDArray[Any]:
    try:
        return np.asarray(data)
    except ValueError:
        raise DataError.at(where, "data", "rows of one length", data, "Pad or split the rows.") from None


def _from_array(where: str, array: npt.NDArray[Any], columns: Columns, missing: Missing) -> TimeSeries:
    if array.ndim not in (1, 2):
        raise ShapeError.at(where, "data", "have shape (N,) or (N, channels)", array.shape)
    if columns.time or columns.id or columns.features:
        raise ArgumentError.at(where, "data", "a table where columns are named", "array", "Pass a DataFrame.")
    if not len(array):
        raise DataError.at(where, "data", "have at least one row", 0, "Check what was read.")
    try:
        values = array.astype("float64").reshape(len(array), -1)
    except (TypeError, ValueError):
        raise DataError.at(where, "data", "numeric", array, "Convert it with astype(float).") from None
    names = [str(channel) for channel in range(values.shape[1])]
    values = fill_missing(where, values, names, missing)
    return TimeSeries(None, Timeline.counted(len(values)), values, np.zeros((len(values), 0)))


def _split(where: str, table: Table, columns: Columns, missing: Missing, calendar: Calendar | None) -> list[TimeSeries]:
    """The table's series by their id, in order of first appearance."""
    assert columns.id is not None
    ids = table.column(where, "id", columns.id)
    keys = list(dict.fromkeys(ids.tolist()))
    parts = []
    for key in keys:
        rows = np.asarray(ids == key)
        parts.append(_from_table(f"{where} series {key!r}", table.rows(rows), key, columns, missing, calendar))
        calendar = calendar or parts[0].timeline.calendar
    return parts


def _from_table(
    where: str, table: Table, key: Any, columns: Columns, missing: Missing, calendar: Calendar | None
) -> TimeSeries:
    targets = table.numbers(where, "target", columns.targets)
    names = [*columns.targets, *columns.features]
    features = table.numbers(where, "features", columns.features) if columns.features else targets[:, :0]
    if columns.time is None:
        timeline = Timeline.counted(len(table))
    else:
        times = table.column(where, "time", columns.time)
        timeline = Timeline.read(where, times, columns.time, missing, calendar)
    both = timeline.spread(np.concatenate([targets, features], axis=1))

    def name_row(row: int) -> str:
        return f"row {row}" if columns.time is None else f"row {row} ({timeline.show(row)})"

    both = fill_missing(where, both, names, missing, name_row)
    return TimeSeries(key, timeline, both[:, : len(columns.targets)], both[:, len(columns.targets) :])
