"""Time columns in whatever form people keep them, read into one form and written back in theirs."""

from __future__ import annotations

import dataclasses
import datetime as dt
import re
from collections.abc import Mapping
from typing import Any, Literal, Self
from zoneinfo import ZoneInfo

import numpy as np
import numpy.typing as npt

from elman.errors import DataError

__all__ = ["Stamps", "TimeStyle", "read_times"]

Stamps = npt.NDArray[np.datetime64] | npt.NDArray[np.int64]
"""datetime64[us], or whole numbers."""

_ISO = re.compile(r"(\d{4})(?:-(\d\d)(?:-(\d\d)(?:([T ])(\d\d:\d\d)(:\d\d)?(\.\d{1,6})?)?)?)?")
_OFFSET = re.compile(r"(.+:[\d.]+)([+-])([01]\d|2[0-3]):?([0-5]\d)")
"""A time, and how far its clock is before or behind UTC."""


@dataclasses.dataclass(frozen=True)
class TimeStyle:
    """How times were written, so that the ones that follow are written alike.

    Args:
        kind: "integer", "text", "date" (Python dates), "datetime" (Python datetimes) or "stamp" (datetime64).
        unit: for text, how far it goes: "Y", "M", "D", "m", "s", "us".
        separator: for text, what stands between day and hour.
        zone: for text, what stands at its end: the "Z" of UTC, or an offset from it such as "+02:00".
        clock: the time zone whose clocks the stamps are read from; they are written in UTC. "": they are what they are.

    Example:
        >>> stamps, style = read_times("fit", ["1960-11", "1960-12"])
        >>> style.write(stamps).tolist()
        ['1960-11', '1960-12']
    """

    kind: Literal["integer", "text", "date", "datetime", "stamp"]
    unit: str = "us"
    separator: str = "T"
    zone: str = ""
    clock: str = ""

    def write(self, stamps: Stamps) -> npt.NDArray[Any]:
        """Stamps in this style. Shapes: (N,) -> (N,)."""
        if self.clock:
            zone = ZoneInfo(
                self.clock
            )  # of a time that a change of clocks leaves out, the moment the change makes of it
            moments = stamps.astype("datetime64[us]").astype(object)
            return np.array([_in_utc(moment.replace(tzinfo=zone)) for moment in moments], "datetime64[us]")
        if self.kind in ("integer", "stamp"):
            return stamps
        if self.kind == "text":
            text = np.datetime_as_string((stamps + _offset(self.zone)).astype(f"datetime64[{self.unit}]"))
            return np.array([entry.replace("T", self.separator) + self.zone for entry in text], object)
        moments = stamps.astype("datetime64[us]").astype(object)
        return np.array([moment.date() for moment in moments], object) if self.kind == "date" else moments

    def show(self, stamp: Any) -> str:
        """One stamp as text, no longer than it needs to be.

        Example:
            >>> import numpy as np
            >>> TimeStyle("stamp").show(np.datetime64("1960-12-01T00:00:00"))
            '1960-12-01'
        """
        if self.kind == "integer":
            return str(stamp)
        if self.kind == "text":
            return str(self.write(np.array([stamp]))[0])
        text = str(np.datetime64(stamp, "s"))
        return text.removesuffix("T00:00:00")

    def state(self) -> dict[str, str]:
        """This style as JSON."""
        return dataclasses.asdict(self)

    @classmethod
    def from_state(cls, state: Mapping[str, Any]) -> Self:
        """Restore a style from `state()`."""
        return cls(**state)


def read_times(where: str, values: npt.ArrayLike, column: str = "time") -> tuple[Stamps, TimeStyle]:
    """Read times: ISO text, dates, datetimes, datetime64, or whole numbers.

    Times with an offset ("+02:00") are read in UTC; what follows them is written with the offset of the first.
    Other ways to write a date ("03/04/2014") are an error: which is the month cannot be known.

    Shapes:
        values (N,) -> stamps (N,).

    Raises:
        DataError: an entry is missing or no time; the row is named.

    Example:
        >>> read_times("fit", [2019, 2020])[0].tolist()
        [2019, 2020]
        >>> read_times("fit", ["2019-01-31", "31/1/2019"])
        Traceback (most recent call last):
            ...
        elman.errors.DataError: fit: time must be ISO 8601 text, a date or a whole number. \
Received time='31/1/2019': row 1, column 'time'. Write it as YYYY-MM-DD, or leave time out to count rows.
    """
    array = np.asarray(values)
    if array.dtype.kind in "iu":
        return array.astype("int64"), TimeStyle("integer")
    if array.dtype.kind == "M":
        return _complete(where, array.astype("datetime64[us]"), column), TimeStyle("stamp")
    if array.dtype.kind == "f":
        whole = array == np.floor(array)
        return array[_first_bad(where, array, whole, column)].astype("int64"), TimeStyle("integer")
    return _read_objects(where, array, column)


def _read_objects(where: str, array: npt.NDArray[Any], column: str) -> tuple[Stamps, TimeStyle]:
    """Text, dates, datetimes, or pandas' stamps and periods, which print as ISO text."""
    first = array[0]
    if isinstance(first, dt.date):
        kind: Literal["date", "datetime"] = "datetime" if isinstance(first, dt.datetime) else "date"
        good = np.array([isinstance(value, dt.date) and value == value for value in array])  # noqa: PLR0124
        moments = [_in_utc(value) for value in array[_first_bad(where, array, good, column)]]
        return np.array(moments, "datetime64[us]"), TimeStyle(kind)
    text = np.array([_iso(value) for value in array])
    stamps = text[_first_bad(where, array, text != "", column)].astype("datetime64[us]")
    return stamps, _style_of(str(array[0]).strip())


def _in_utc(value: dt.date) -> dt.date:
    """The moment without its zone; days and local times are what they are."""
    if isinstance(value, dt.datetime) and value.tzinfo is not None:
        return value.astimezone(dt.UTC).replace(tzinfo=None)
    return value


def _iso(value: object) -> str:
    """The entry as numpy reads it; "" for what is no time."""
    text = str(value).strip()
    offset = _OFFSET.fullmatch(text)
    text = text.removesuffix("Z") if offset is None else offset[1]
    if not _ISO.fullmatch(text):
        return ""
    try:
        moment = np.datetime64(text, "us")
    except ValueError:
        return ""  # the 31st of February
    return text if offset is None else str(moment - _offset(offset[0].removeprefix(text)))


def _offset(zone: str) -> np.timedelta64:
    """How far "+02:00" is before UTC; "Z" and "" are not.

    Example:
        >>> int(_offset("-0330").astype("int64"))
        -210
    """
    if zone in ("", "Z"):
        return np.timedelta64(0, "us")
    minutes = 60 * int(zone[1:3]) + int(zone[-2:])
    return np.timedelta64(minutes if zone[0] == "+" else -minutes, "m")


def _style_of(text: str) -> TimeStyle:
    found = _ISO.match(text)
    assert found is not None
    units = ("Y", "M", "D", "D", "m", "s", "us")
    last = max((i for i, group in enumerate(found.groups()) if group is not None), default=0)
    offset = _OFFSET.fullmatch(text)
    zone = "Z" if text.endswith("Z") else text.removeprefix(offset[1]) if offset else ""
    return TimeStyle("text", units[last], found.group(4) or "T", zone)


def _complete(where: str, stamps: npt.NDArray[np.datetime64], column: str) -> npt.NDArray[np.datetime64]:
    return stamps[_first_bad(where, stamps, ~np.isnat(stamps), column)]


def _first_bad(where: str, values: npt.NDArray[Any], good: npt.NDArray[np.bool_], column: str) -> slice:
    """Every row, or an error that names the first one that is not good."""
    if good.all():
        return slice(None)
    row = int(np.argmin(good))
    because = f"row {row}, column {column!r}"
    cure = "Write it as YYYY-MM-DD, or leave time out to count rows."
    rule = "be ISO 8601 text, a date or a whole number"
    received = values[row]
    raise DataError.at(
        where, "time", rule, str(received) if isinstance(received, str) else received, cure, because=because
    )
