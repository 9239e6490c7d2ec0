"""A time column as a whole: read, checked, its rhythm found, its gaps closed or named, its future written."""

from __future__ import annotations

import dataclasses
from typing import Any, Self, cast

import numpy as np
import numpy.typing as npt

from elman.errors import DataError
from elman.fields.calendar import Calendar, check_order, counts_days, infer_calendar
from elman.fields.missing import Missing
from elman.fields.timestamps import Stamps, TimeStyle, offset_of, read_times

__all__ = ["Timeline"]


@dataclasses.dataclass(frozen=True)
class Timeline:
    """Sorted, unique, regular times, and the style they were written in.

    Example:
        >>> timeline = Timeline.read("fit", ["2024-01-31", "2024-02-29"])
        >>> timeline.calendar.name, timeline.future(2).tolist()
        ('monthly (month ends)', ['2024-03-31', '2024-04-30'])
    """

    stamps: Stamps
    calendar: Calendar
    style: TimeStyle
    rows: npt.NDArray[np.int64]
    """Where each row of the table went: gaps that were closed leave holes in this."""

    @classmethod
    def read(
        cls,
        where: str,
        values: npt.ArrayLike,
        column: str = "time",
        missing: Missing = "error",
        like: Timeline | None = None,
        clock: str = "",
        day: str | None = None,
    ) -> Self:
        """Read a time column.

        Args:
            where: the function that owns the data, for errors.
            values: ISO text or another that tells its days from its months, dates, datetimes, datetime64 or whole
                numbers.
            column: its name, for errors.
            missing: what a step without a row is: an "error", or a row to "interpolate".
            like: times of the same rhythm, written in the same way, where they are known; None: find both.
            clock: the time zone whose clocks show these values; "": they are what they are.
            day: how other text of the same column writes a day; None: as that of `like`, else it tells by itself.

        Shapes:
            values (N,).

        Raises:
            DataError: no time, a time twice, not sorted, a gap under "error", or off the rhythm.
        """
        otherwise = "" if like else ", or pass time='' to count rows"
        stamps, style = read_times(where, values, column, like.style.day if like else day, otherwise)
        if like and stamps.dtype.kind != like.stamps.dtype.kind:
            rule, cure = "be written as before", f"Write all of it as {like.show(0)} is."
            because = f"column {column!r} was {'days' if like.stamps.dtype.kind == 'M' else 'whole numbers'}"
            raise DataError.at(where, "time", rule, style.show(stamps[-1]), cure, because=because)
        stamps, style = _by_the_clocks(stamps, dataclasses.replace(style, clock=clock), like.style if like else None)
        check_order(where, stamps, style, column)
        rhythm = like.calendar if like else infer_calendar(where, stamps, column)
        positions = rhythm.positions(stamps)
        _check_rhythm(where, stamps, style, column, rhythm, positions, otherwise)
        rows = positions.astype("int64")
        if rows[-1] + 1 == len(rows):
            return cls(stamps, rhythm, style, rows)
        if missing == "error":
            raise _gap(where, stamps, style, column, rhythm, int(np.argmax(np.diff(rows) > 1)), otherwise)
        closed = np.concatenate([stamps[:1], rhythm.after(stamps[0], int(rows[-1]))])
        return cls(closed, rhythm, style, rows)

    @classmethod
    def counted(cls, count: int, first: int = 0) -> Self:
        """The timeline of a table without a time column: its row numbers."""
        return cls(np.arange(first, first + count), Calendar("integer"), TimeStyle("integer"), np.arange(count))

    def __len__(self) -> int:
        return len(self.stamps)

    def spread(self, values: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
        """Put the table's rows where they belong; a closed gap is NaN.

        Shapes:
            (rows of the table, C) -> (len(self), C).
        """
        if len(values) == len(self):
            return values
        spread = np.full((len(self), values.shape[1]), np.nan)
        spread[self.rows] = values
        return spread

    def future(self, count: int) -> npt.NDArray[Any]:
        """The `count` times that follow, written as the column was. Shapes: -> (count,)."""
        return self.style.write(self.calendar.after(self.stamps[-1], count))

    def show(self, row: int) -> str:
        """The time of a row as text."""
        return self.style.show(self.stamps[row])


def _by_the_clocks(stamps: Stamps, style: TimeStyle, like: TimeStyle | None) -> tuple[Stamps, TimeStyle]:
    """Text with an offset as its clocks show it, where they tell the rhythm: days, months, years; else in UTC."""
    if style.kind != "text" or not style.zone:
        return stamps, style
    style = dataclasses.replace(style, zone=like.zone if like and like.zone else style.zone)
    local = cast("Stamps", stamps + offset_of(style.zone))
    if like.clock if like else counts_days(local):
        return local, dataclasses.replace(style, clock=style.zone)
    return stamps, style


def _check_rhythm(
    where: str,
    stamps: Stamps,
    style: TimeStyle,
    column: str,
    calendar: Calendar,
    positions: npt.NDArray[np.float64],
    otherwise: str,
) -> None:
    off = np.flatnonzero(positions % 1)
    if not len(off):
        return
    row = int(off[0])
    because = f"row {row} is off the rhythm '{calendar.name}'"
    cure = f"Resample the table to a regular step{otherwise}."
    if style.zone not in ("", "Z"):
        cure = f"Where clocks change, pass times of a zone, as pandas' tz_convert gives them; else r{cure[1:]}"
    raise DataError.at(where, column, "have one step from row to row", style.show(stamps[row]), cure, because=because)


def _gap(
    where: str, stamps: Stamps, style: TimeStyle, column: str, calendar: Calendar, row: int, otherwise: str
) -> DataError:
    absent = style.show(calendar.after(stamps[row], 1)[0])
    because = f"{absent} ({calendar.name}) is missing before row {row + 1}"
    cure = f"Add the row, or set missing='interpolate' to fill it{otherwise}."
    return DataError.at(where, column, "have no gap", style.show(stamps[row + 1]), cure, because=because)
