"""One table -> one or many series, each on its own timeline: complete, sorted, finite."""

from __future__ import annotations

import dataclasses
import functools
import zoneinfo
from collections.abc import Callable, Iterable
from typing import Any, Literal, Self

import numpy as np
import numpy.typing as npt

from elman.errors import ArgumentError, DataError, ShapeError
from elman.fields import Table, Timeline
from elman.fields.calendar import counts_days
from elman.fields.missing import Missing, as_known, fill_missing
from elman.fields.samples import is_missing
from elman.fields.timestamps import Stamps, as_meant, digits_of, is_offset, offset_of, pattern_of
from elman.tasks.roles import Columns, completed

__all__ = ["Panel", "TimeSeries"]

_Array = npt.NDArray[np.float64]
_Rows = npt.NDArray[np.int64]


@dataclasses.dataclass(frozen=True)
class TimeSeries:
    """One series: times, what is forecast, what is only looked at, and which of it was missing and is filled.

    Shapes:
        targets (N, C), features (N, K), absent (N, C + K); the timeline has N rows.
    """

    key: Any
    timeline: Timeline
    targets: _Array
    features: _Array
    absent: npt.NDArray[np.bool_]

    def __len__(self) -> int:
        return len(self.targets)

    @property
    def name(self) -> str:
        """What tells it apart: of an id that is a whole number the same in whatever type it comes, 1.0 or "1"."""
        whole = isinstance(self.key, float) and self.key.is_integer()
        return str(int(self.key) if whole else self.key)

    @property
    def actual(self) -> _Array:
        """The targets, NaN where nobody knows them. Shapes: -> (N, C)."""
        return np.where(self.absent[:, : self.targets.shape[1]], np.nan, self.targets)

    def known(self, origins: _Rows, horizon: int) -> _Array:
        """The share of each horizon that is known. Shapes: origins (n,) -> (n,)."""
        there = ~self.absent[origins[:, None] + np.arange(1, horizon + 1), : self.targets.shape[1]]
        return np.asarray(there.mean(axis=(1, 2)))

    @property
    def begin(self) -> int:
        """The first row at which every column has had a value."""
        return int(self.absent.argmin(axis=0).max()) if self.absent.any() else 0

    def rows(self, chosen: slice) -> Self:
        """A stretch of this series, as it was known at its end: a gap that reaches it holds the last value before.

        Raises:
            DataError: a column without a value up to that end.
        """
        first, end, _ = chosen.indices(len(self))
        targets, features, absent = self.targets[first:end], self.features[first:end], self.absent[first:end]
        if end > first and absent[-1].any():
            if self.absent[:end].all(axis=0).any():
                name = "the series" if self.key is None else f"series {self.key!r}"
                because = f"a column of {name} has none in the first {end} rows"
                cure = "Leave those rows or the column out, or choose a smaller validation part."
                raise DataError.at("Forecaster", "data", "have a value to learn from", np.nan, cure, because=because)
            values = as_known(self._values, self.absent, np.array([end - 1]), np.arange(first, end)[None])[0]
            targets, features = np.split(values, [targets.shape[1]], axis=1)
        if first and len(absent):
            absent = absent.copy()
            absent[0] = False  # what the gap is filled with stands for the values that are cut off
        timeline = dataclasses.replace(self.timeline, stamps=self.timeline.stamps[chosen])
        return dataclasses.replace(self, timeline=timeline, targets=targets, features=features, absent=absent)

    def as_known(self, origins: _Rows, before: int, after: int = 0) -> tuple[Self, _Rows]:
        """This series and these origins, with no gap filled from what lies after its origin.

        An origin in a gap moves to a copy of its surroundings, behind the series, in which the gap holds the last
        value before it. All others stay where they are.

        Args:
            origins: from `begin` on.
            before: rows that are looked at, up to the origin.
            after: rows behind it that are asked for; where the series ends, the copy repeats the last one.

        Shapes:
            origins (n,) -> origins (n,).
        """
        late = self.absent[origins].any(axis=1)
        if not late.any():
            return self, origins
        span = np.arange(1 - before, after + 1)
        rows = np.clip(origins[late, None] + span, 0, len(self) - 1)
        copies = as_known(self._values, self.absent, origins[late], rows).reshape(rows.size, -1)
        stamps = np.concatenate([self.timeline.stamps, self.timeline.stamps[rows].ravel()])
        values = np.concatenate([self._values, copies])
        moved = origins.copy()
        moved[late] = len(self) + np.arange(len(rows)) * len(span) + before - 1
        return self._with(stamps, values, np.zeros(values.shape, bool)), moved

    def joined_to(self, where: str, before: Self, needed: int, follows: bool = False) -> Self:
        """This series after the rows of `before` ahead of it; itself, where there are none, or it fills a window.

        Args:
            where: the function that owns the data, for errors.
            before: the end of the training rows.
            needed: rows that are enough to forecast from.
            follows: rows without times follow by definition.

        Raises:
            DataError: rows are missing between the two, and those that follow are too few.
        """
        stamps, end = self.timeline.stamps, before.timeline.stamps[-1]
        calendar = self.timeline.calendar
        if follows:
            stamps = calendar.after(end, len(self))
        elif calendar.kind == "integer" and calendar.step == 1 and stamps[0] == 0:
            return self
        count = int(np.searchsorted(before.timeline.stamps, stamps[0]))
        if not count:
            return self
        ahead = before.timeline.stamps[:count]
        expected = calendar.after(ahead[-1], 1)[0]
        if stamps[0] != expected:
            if len(self) >= needed:
                return self
            style = self.timeline.style
            because = f"training ended at {style.show(end)}"
            cure = f"Pass rows from {style.show(expected)} on, or at least {needed}."
            rule = "not leave a gap after training"
            raise DataError.at(where, "time", rule, style.show(stamps[0]), cure, because=because)
        values = np.concatenate([before._values[:count], self._values])
        absent = np.concatenate([before.absent[:count], self.absent])
        if absent.any():  # a gap may go on from one to the other
            names = [str(channel) for channel in range(values.shape[1])]
            values = fill_missing(where, np.where(absent, np.nan, values), names, "interpolate")
        return self._with(np.concatenate([ahead, stamps]), values, absent)

    def followed_by(self, targets: _Array) -> Self:
        """This series with further rows whose features nobody knows: NaN.

        Shapes:
            targets (n, C).
        """
        calendar, stamps = self.timeline.calendar, self.timeline.stamps
        longer = np.concatenate([stamps, calendar.after(stamps[-1], len(targets))])
        unknown = np.full((len(targets), self.features.shape[1]), np.nan)
        further = np.concatenate([targets, unknown], axis=1)
        absent = np.concatenate([self.absent, np.zeros(further.shape, bool)])
        return self._with(longer, np.concatenate([self._values, further]), absent)

    @property
    def _values(self) -> _Array:
        """Targets and features. Shapes: -> (N, C + K)."""
        return np.concatenate([self.targets, self.features], axis=1)

    def _with(self, stamps: Stamps, values: _Array, absent: npt.NDArray[np.bool_]) -> Self:
        """This series with other rows. Shapes: stamps (n,); values, absent (n, C + K)."""
        timeline = dataclasses.replace(self.timeline, stamps=stamps)
        targets, features = np.split(values, [self.targets.shape[1]], axis=1)
        return dataclasses.replace(self, timeline=timeline, targets=targets, features=features, absent=absent)


@dataclasses.dataclass(frozen=True)
class Panel:
    """All series of a table, and the table itself, so that a forecast can be given back in its kind.

    Args:
        series: each on its own timeline.
        columns: which column was what.
        table: what was read; None for an array.
        kind: "table", or for an array "vector" (N,) or "matrix" (N, C).
        zones: time zones of the columns that have one.
        index: the columns that were the table's index, and what it calls them.
    """

    series: list[TimeSeries]
    columns: Columns
    table: Table | None
    kind: Literal["table", "vector", "matrix"] = "table"
    zones: dict[str, str] = dataclasses.field(default_factory=dict)
    index: dict[str, str | None] = dataclasses.field(default_factory=dict)

    @classmethod
    def read(
        cls,
        where: str,
        data: Any,
        columns: Columns,
        missing: Missing = "error",
        like: Timeline | None = None,
    ) -> Self:
        """Read a frame of any kind, or an array.

        Args:
            where: the function that owns the data, for errors.
            data: a frame or series; or an array (N,) or (N, C), every column of which is a target.
            columns: which column is what.
            missing: what NaN and missing times are.
            like: times of the same rhythm, where all that is known; None: find it, and the roles that nobody said.

        Raises:
            UnknownColumnError: a column is not there.
            DataError: empty, not numeric, NaN, infinite; times that are not sorted, unique, regular.
            ArgumentError: see `completed`.
        """
        if isinstance(data, np.ndarray | list | tuple):
            array = _as_array(where, data)
            kind: Literal["vector", "matrix"] = "vector" if array.ndim == 1 else "matrix"
            return cls([_from_array(where, array, columns, missing)], columns, None, kind)
        table, index, levels = Table.with_index(where, data)
        if like is None:
            columns = completed(where, table, columns, levels)
        read = functools.partial(_from_table, columns=columns, missing=missing, day=_day(where, table, columns, like))
        series = (
            [read(where, table, None, like)] if columns.id is None else _split(where, table, columns.id, read, like)
        )
        zone = table.time_zone(columns.time) if columns.time else None
        return cls(series, columns, table, zones={columns.time: zone} if columns.time and zone else {}, index=index)

    def emptied(self) -> Self:
        """Without its rows: what is needed to give something back in the same kind."""
        return dataclasses.replace(self, series=[], table=self.table.rows(slice(0, 1)) if self.table else None)


def _clock(where: str, table: Table, column: str, like: Timeline | None) -> str:
    """The time zone, or offset, whose clocks tell the rhythm: that of the column, if it counts days on them.

    "": UTC does, or the column has no zone.
    """
    table.column(where, "time", column)  # whether there is one
    zone = table.time_zone(column)
    if like is not None:
        return like.style.clock if zone else ""
    try:
        zoneinfo.ZoneInfo(zone or "")
    except (ValueError, zoneinfo.ZoneInfoNotFoundError):  # none, or so many hours from UTC, all year
        return ""
    return zone if zone and counts_days(_shown(where, table, column, zone)) else ""


def _shown(where: str, table: Table, column: str, clock: str) -> npt.NDArray[Any]:
    """The time column as the clocks of a zone, or an offset, show it; "": as those of UTC do."""
    moments = table.column(where, "time", column)
    if not clock:
        return moments
    if is_offset(clock):
        return np.asarray(moments + offset_of(clock))
    return as_meant(table.column(where, "time", column, clock), moments, clock)


def _as_array(where: str, data: Any) -> npt.NDArray[Any]:
    if isinstance(data, np.ma.MaskedArray):
        data = np.ma.filled(data.astype("float64"), np.nan)
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
        raise DataError.at(where, "data", "numeric", array, "Convert it with astype(float), or pass a table.") from None
    names = [str(channel) for channel in range(values.shape[1])]
    filled = fill_missing(where, values, names, missing)
    return TimeSeries(None, Timeline.counted(len(values)), filled, np.zeros((len(values), 0)), np.isnan(values))


def _day(where: str, table: Table, columns: Columns, like: Timeline | None) -> str | None:
    """How the time column writes a day: of several series one may tell what another does not."""
    if columns.time is None or columns.id is None or like is not None:
        return None
    times = table.column(where, "time", columns.time)
    if times.dtype.kind in "iu":
        return digits_of(times)
    return pattern_of(where, times, columns.time) if times.dtype.kind == "O" else None


def _split(
    where: str, table: Table, id: str, read: Callable[..., TimeSeries], like: Timeline | None
) -> list[TimeSeries]:
    """The table's series by their id, in order of first appearance; the longest tells the rhythm of all."""
    ids = table.column(where, "id", id)
    gap = next((row for row, key in enumerate(ids) if is_missing(key)), None)
    if gap is not None:
        rule, cure = "have a name for every row", "Drop such rows, or name their series."
        raise DataError.at(where, f"column {id!r}", rule, f"no name in row {gap}", cure)
    keys = ids.tolist()
    other = next((key for key in keys if not isinstance(key, str | int | float)), None)
    if other is not None:
        cure = "Turn them into text: astype(str)."
        raise DataError.at(where, f"column {id!r}", "have texts or numbers", type(other).__name__, cure)
    different = list(dict.fromkeys(keys))
    places = {key: place for place, key in enumerate(different)}
    series = np.array([places[key] for key in keys])
    counts = np.bincount(series)
    ends = np.cumsum(counts)
    together = table.rows(np.argsort(series, kind="stable"))
    parts: dict[Any, TimeSeries] = {}
    for place in (longest := int(np.argmax(counts)), *(other for other in range(len(different)) if other != longest)):
        key, rows = different[place], slice(ends[place] - counts[place], ends[place])
        parts[key] = read(f"{where} series {key!r}", together.rows(rows), key, like)
        like = like or parts[key].timeline
    _check_names(where, id, parts.values())
    return [parts[key] for key in different]


def _check_names(where: str, id: str, series: Iterable[TimeSeries]) -> None:
    """Refuse ids that read alike, as 1 and "1": nobody could tell whose a forecast is."""
    seen: dict[str, Any] = {}
    for part in series:
        if part.name in seen:
            rule, received = "have one name for each series", f"{seen[part.name]!r} and {part.key!r}"
            raise DataError.at(where, f"column {id!r}", rule, received, "Turn them into text: astype(str).")
        seen[part.name] = part.key


def _from_table(
    where: str, table: Table, key: Any, like: Timeline | None, columns: Columns, missing: Missing, day: str | None
) -> TimeSeries:
    targets = table.numbers(where, "target", columns.targets)
    names = [*columns.targets, *columns.features]
    features = table.numbers(where, "features", columns.features) if columns.features else targets[:, :0]
    if columns.time is None:
        timeline = Timeline.counted(len(table))
    else:
        clock = _clock(where, table, columns.time, like)
        times = _shown(where, table, columns.time, clock)
        timeline = Timeline.read(where, times, columns.time, missing, like, clock, day)
    both = timeline.spread(np.concatenate([targets, features], axis=1))

    def name_row(row: int) -> str:
        return f"row {row}" if columns.time is None else f"row {row} ({timeline.show(row)})"

    filled = fill_missing(where, both, names, missing, name_row)
    targets, features = np.split(filled, [len(columns.targets)], axis=1)
    return TimeSeries(key, timeline, targets, features, np.isnan(both))
