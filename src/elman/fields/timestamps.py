"""Time columns in whatever form people keep them, read into one form and written back in theirs."""

from __future__ import annotations

import dataclasses
import datetime as dt
import functools
import re
from collections.abc import Mapping, Sequence
from typing import Any, Literal, Self
from zoneinfo import ZoneInfo

import numpy as np
import numpy.typing as npt

from elman.errors import DataError
from elman.fields.half_days import half_day, hours_of, whole_day
from elman.fields.periods import PERIODS, period_of, read_period, write_period

__all__ = [
    "Stamps",
    "TimeStyle",
    "as_meant",
    "digits_of",
    "is_offset",
    "offset_of",
    "pattern_of",
    "read_times",
    "zone_of",
]

Stamps = npt.NDArray[np.datetime64] | npt.NDArray[np.int64]
"""datetime64[us], or whole numbers."""

_ISO = re.compile(r"(\d{4})(?:-(\d\d)(?:-(\d\d)(?:([T ])(\d\d:\d\d)(:\d\d)?(\.\d{1,6})?)?)?)?")
_WRITTEN = re.compile(r"(\d{1,4})([-/.])(\d{1,2})\2(\d{1,4})(?:([T ])(\d{1,2})(:.+))?")
"""A day of three numbers, and the time of day behind it."""
_ISO_DAY = "YYYY-MM-DD"
_MONTHS = 12
_DIGITS = {"YYYYMMDD": "D", "YYYYMM": "M"}
"""How whole numbers write a day or a month, and how far it goes."""
_SERIAL = "days of Excel"
_EXCEL = np.datetime64("1899-12-30", "D")
"""What day 0 of a spreadsheet is, from March 1900 on: they take 1900 for a leap year."""
_SERIALS = (18264, 73050)
"""Of 1950 and of 2099: other whole numbers are no days of a spreadsheet."""
_OLDEST = 1600
"""The first year of a day that is a whole number: below, it is taken for a number."""
_LARGEST = 2.0**53
"""Above, not every whole number is a float."""
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
        clock: the time zone, or for text the offset, whose clocks the stamps are read from. "": UTC, or what they are.
        day: how a day is written: of text "YYYY-MM-DD", "DD/MM/YYYY", "M/D/YYYY" ..., or one of `PERIODS`; of whole
            numbers "YYYYMMDD", "YYYYMM" or "days of Excel", where they are days or months.
        hours: for text that counts them twice a day, how: "hh AM", "h am" ...; "": it counts 24.

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
    day: str = _ISO_DAY
    hours: str = ""

    def write(self, stamps: Stamps) -> npt.NDArray[Any]:
        """Stamps in this style. Shapes: (N,) -> (N,)."""
        if self.kind == "text":
            local = stamps if self.clock else stamps + offset_of(self.zone)
            text = np.datetime_as_string(local.astype(f"datetime64[{self.unit}]"))
            return np.array([self._written(entry) + self.zone for entry in text], object)
        if self.clock:
            zone = zone_of(self.clock)  # of a time that a change of clocks leaves out, the moment it makes of it
            moments = stamps.astype("datetime64[us]").astype(object)
            return np.array([_in_utc(moment.replace(tzinfo=zone)) for moment in moments], "datetime64[us]")
        if self.kind == "integer" and self.day in _DIGITS:
            text = np.datetime_as_string(stamps.astype(f"datetime64[{_DIGITS[self.day]}]"))
            return np.array([int(entry.replace("-", "")) for entry in text])
        if self.day == _SERIAL:
            return (stamps.astype("datetime64[D]") - _EXCEL).astype("int64")
        if self.kind in ("integer", "stamp"):
            return stamps
        moments = stamps.astype("datetime64[us]").astype(object)
        return np.array([moment.date() for moment in moments], object) if self.kind == "date" else moments

    def show(self, stamp: Any) -> str:
        """One stamp as text, no longer than it needs to be.

        Example:
            >>> import numpy as np
            >>> TimeStyle("stamp").show(np.datetime64("1960-12-01T00:00:00"))
            '1960-12-01'
        """
        if self.kind in ("integer", "text"):
            return str(self.write(np.array([stamp]))[0])
        text = str(np.datetime64(stamp, "s"))
        return text.removesuffix("T00:00:00")

    def _written(self, iso: str) -> str:
        """ISO text as these times are written."""
        if self.day in PERIODS:
            return write_period(iso, self.day)
        if self.day != _ISO_DAY:
            year, month, day = iso[:10].split("-")
            parts = {"YYYY": year, "MM": month, "DD": day, "M": month.lstrip("0"), "D": day.lstrip("0")}
            iso = re.sub("Y+|M+|D+", lambda part: parts[part[0]], self.day) + iso[10:]
        text = iso.replace("T", self.separator)
        return half_day(text, self.hours) if self.hours else text

    def state(self) -> dict[str, str]:
        """This style as JSON."""
        return dataclasses.asdict(self)

    @classmethod
    def from_state(cls, state: Mapping[str, Any]) -> Self:
        """Restore a style from `state()`."""
        return cls(**state)


def read_times(
    where: str,
    values: npt.ArrayLike,
    column: str = "time",
    day: str | None = None,
    otherwise: str = ", or pass time='' to count rows",
) -> tuple[Stamps, TimeStyle]:
    """Read times: ISO text, dates, datetimes, datetime64, or whole numbers; text of another order, where it tells.

    Text may be months, quarters and weeks, too, as Jan 2025, 01/2025, 2025Q1 and 2025-W01: see `PERIODS`; its hours
    may be those of half a day, as 9:00 PM. Whole numbers such as 20251231 are days, and such as 202512 months where
    as numbers they would have no one step; so are the days of a spreadsheet, 45292 ... for the months of 2024.

    Times with an offset ("+02:00") are read in UTC; what follows them is written with the offset of the first.
    "31/12/2025" and "12/31/2025" are read where the column tells which is the month: some day is above 12, or of more
    than 12 times all have the same day. Else they are an error.

    Args:
        where: the function that owns the data, for errors.
        values: of the column.
        column: its name, for errors.
        day: how other text of the same kind writes a day; it says what is the month where this text does not tell.
        otherwise: what else can be done about a bad entry, for errors.

    Shapes:
        values (N,) -> stamps (N,).

    Raises:
        DataError: an entry is missing or no time; the row is named.

    Example:
        >>> read_times("fit", [2019, 2020])[0].tolist()
        [2019, 2020]
        >>> stamps, style = read_times("fit", ["30/1/2019", "31/1/2019"])
        >>> style.write(stamps + np.timedelta64(1, "D")).tolist()
        ['31/1/2019', '1/2/2019']
        >>> read_times("fit", ["2019-01-31", "31/1/2019"])
        Traceback (most recent call last):
            ...
        elman.errors.DataError: fit: time must be ISO 8601 text, a date or a whole number. \
Received time='31/1/2019': row 1, column 'time'. Write it as YYYY-MM-DD, or pass time='' to count rows.
    """
    array = np.asarray(values)
    check = functools.partial(_first_bad, where, column=column, otherwise=otherwise)
    if array.dtype.kind in "iu":
        return _of_digits(array.astype("int64"), day)
    if array.dtype.kind == "M":
        stamps = array.astype("datetime64[us]")
        return stamps[check(stamps, ~np.isnat(stamps))], TimeStyle("stamp")
    if array.dtype.kind == "f":
        return _of_digits(array[check(array, _is_whole(array))].astype("int64"), day)
    if isinstance(array[0], dt.date):
        good = np.array([isinstance(value, dt.date) and value == value for value in array])  # noqa: PLR0124
        kind: Literal["date", "datetime"] = "datetime" if isinstance(array[0], dt.datetime) else "date"
        check(array, good)
        _check_zones(where, array, [getattr(value, "tzinfo", None) is not None for value in array], column)
        moments = [_in_utc(value) for value in array]
        return np.array(moments, "datetime64[us]"), TimeStyle(kind)
    # Text, or pandas' stamps, which print as ISO text.
    texts = [str(value).strip() for value in array]
    if hours := hours_of(texts):
        texts = [whole_day(text) for text in texts]
    day = pattern_of(where, np.array(texts, object), column, day, otherwise)
    iso = np.array([_iso(text, day) for text in texts])
    stamps = iso[check(array, iso != "", day=day + " HH:MM AM" if hours else day)].astype("datetime64[us]")
    _check_zones(where, array, [text.endswith("Z") or _OFFSET.fullmatch(text) is not None for text in texts], column)
    return stamps, dataclasses.replace(_style_of(_in_order(texts[0], day)), day=day, hours=hours)


def _check_zones(where: str, values: npt.NDArray[Any], zoned: Sequence[bool], column: str) -> None:
    """Refuse moments among times of some clock: nobody knows which lies before which."""
    odd = next((row for row, told in enumerate(zoned) if told != zoned[0]), None)
    if odd is not None:
        rule = f"have {'a' if zoned[0] else 'no'} time zone, as the first row"
        cure = "Give all of them one zone, or none."
        raise DataError.at(where, "time", rule, str(values[odd]), cure, because=f"row {odd}, column {column!r}")


def _is_whole(numbers: npt.NDArray[np.floating[Any]]) -> npt.NDArray[np.bool_]:
    """Where numbers are whole, and small enough that the next one is another. Shapes: (N,) -> (N,)."""
    return np.asarray((numbers == np.floor(numbers)) & (np.abs(numbers) < _LARGEST))


def _of_digits(numbers: npt.NDArray[np.int64], day: str | None) -> tuple[Stamps, TimeStyle]:
    """Whole numbers as what they are, or as the days or months that they write."""
    pattern = digits_of(numbers) if day is None else day
    if pattern == _SERIAL:
        return (_EXCEL + numbers).astype("datetime64[us]"), TimeStyle("integer", day=pattern)
    stamps = _written_in_digits(numbers, pattern) if pattern in _DIGITS else None
    return (numbers, TimeStyle("integer")) if stamps is None else (stamps, TimeStyle("integer", day=pattern))


def digits_of(numbers: npt.NDArray[Any]) -> str:
    """How whole numbers write days, or months where as numbers they have no one step; ISO's way where they are neither.

    Example:
        >>> digits_of(np.array([202511, 202512, 202601])), digits_of(np.array([202501, 202502, 202503]))
        ('YYYYMM', 'YYYY-MM-DD')
        >>> digits_of(np.array([45292, 45323, 45352, 45383])), digits_of(np.array([45292, 45293, 45294, 45295]))
        ('days of Excel', 'YYYY-MM-DD')
    """
    whole = numbers.astype("int64")
    counted = len(np.unique(np.diff(np.unique(whole)))) <= 1
    patterns = [pattern for pattern in _DIGITS if not (counted and pattern == "YYYYMM")]
    found = next((pattern for pattern in patterns if _written_in_digits(whole, pattern) is not None), _ISO_DAY)
    return _SERIAL if found == _ISO_DAY and not counted and _are_serials(np.unique(whole)) else found


def _are_serials(numbers: npt.NDArray[np.int64]) -> bool:
    """Whether numbers without one step have one as a spreadsheet's days: months by their first or last days, or the
    working days of two weeks or more. Shapes: (N,), sorted.
    """
    if len(numbers) < 4 or numbers[0] < _SERIALS[0] or numbers[-1] > _SERIALS[1]:
        return False
    days, steps = _EXCEL + numbers, np.diff(numbers)
    months = days.astype("datetime64[M]")
    first, last = days == months.astype("datetime64[D]"), days == (months + 1).astype("datetime64[D]") - 1
    if first.all() or last.all():
        return len(np.unique(np.diff(months.astype("int64")))) == 1
    working = steps == np.where(np.is_busday(days[:-1], weekmask="Fri"), 3, 1)
    return bool(len(days) >= 10 and np.is_busday(days).all() and working.all())


def _written_in_digits(numbers: npt.NDArray[np.int64], pattern: str) -> npt.NDArray[np.datetime64] | None:
    """The days that whole numbers write so; None where some write none."""
    size = len(pattern)
    if (numbers // 10 ** (size - 4) < _OLDEST).any() or (numbers >= 10**size).any():
        return None
    parts = [f"{number}" for number in numbers]
    try:
        return np.array(["-".join(filter(None, (p[:4], p[4:6], p[6:]))) for p in parts], "datetime64[us]")
    except ValueError:  # a 13th month
        return None


def pattern_of(
    where: str, values: npt.NDArray[Any], column: str = "time", like: str | None = None, otherwise: str = ""
) -> str:
    """How text writes a day, or a month, quarter or week: in another way than ISO's days where its first entry does.

    Args:
        where: the function that owns the data, for errors.
        values: of the column.
        column: its name, for errors.
        like: how other text of the same kind does; None: not known.
        otherwise: what else can be done, for errors.

    Raises:
        DataError: of two numbers before the year either may be the month.

    Example:
        >>> pattern_of("fit", np.array(["01/02/2025", "01/15/2025"], object))
        'MM/DD/YYYY'
    """
    if period := period_of(str(values[0]).strip(), [str(value).strip() for value in values], like):
        return period
    first = _WRITTEN.fullmatch(str(values[0]).strip())
    if first is None or _iso(first[0]) or 4 not in (len(first[1]), len(first[4])):
        return _ISO_DAY
    days = [found.group(1, 3, 4) for value in values if (found := _WRITTEN.fullmatch(str(value).strip()))]
    order = "YMD"
    if len(first[1]) < 4:
        place = _place_of_days(days)
        begins = (like or "Y")[0] if place is None else "DM"[place]
        if begins == "Y":
            cure = f"Write it as YYYY-MM-DD{otherwise}."
            because = f"column {column!r} has none"
            raise DataError.at(where, "time", "have a day above 12 in some row", first[0], cure, because=because)
        order = "DMY" if begins == "D" else "MDY"
    short = "MM" not in (like or _ISO_DAY) or any(len(part) == 1 for day in days for part in day)
    return first[2].join({"Y": "YYYY"}.get(part, part if short else 2 * part) for part in order)


def _place_of_days(days: Sequence[Sequence[str]]) -> int | None:
    """At which of two places days stand: where some are above 12, else what alone never changes, as of months."""
    above = [place for place in (0, 1) if any(int(day[place]) > _MONTHS for day in days)]
    constant = [place for place in (0, 1) if len({day[place] for day in days}) == 1]
    if above:
        return above[0]
    return constant[0] if len(constant) == 1 and len(set(days)) > _MONTHS else None


def as_meant(shown: Stamps, moments: Stamps, clock: str) -> Stamps:
    """Times of day as a rhythm of days means them: a midnight that a change of clocks leaves out is shown as 01:00.

    Args:
        shown: what the clocks of the zone show.
        moments: the same in UTC.
        clock: the time zone.

    Shapes:
        (N,) -> (N,).

    Example:
        >>> shown = np.array(["2018-11-03T00", "2018-11-04T01", "2018-11-05T00"], "datetime64[us]")
        >>> moments = np.array(["2018-11-03T03", "2018-11-04T03", "2018-11-05T02"], "datetime64[us]")
        >>> as_meant(shown, moments, "America/Sao_Paulo").astype("datetime64[h]").tolist()[1].hour
        0
    """
    times = shown - shown.astype("datetime64[D]")
    found, counts = np.unique(times, return_counts=True)
    usual = found[np.argmax(counts)]
    odd = np.flatnonzero(times != usual)
    if 2 * len(odd) > len(shown) or np.isnat(shown).any():  # no rhythm of days
        return shown
    meant = shown[odd].astype("datetime64[D]") + usual
    same = TimeStyle("stamp", clock=clock).write(meant) == moments[odd]
    made = shown.copy()
    made[odd[same]] = meant[same]
    return made


def zone_of(clock: str) -> dt.tzinfo:
    """A time zone by its name, or its offset.

    Raises:
        ValueError, ZoneInfoNotFoundError: there is no such zone.

    Example:
        >>> zone_of("+02:00").utcoffset(None)
        datetime.timedelta(seconds=7200)
    """
    return dt.timezone(offset_of(clock).astype(dt.timedelta)) if is_offset(clock) else ZoneInfo(clock)


def _in_utc(value: dt.date) -> dt.date:
    """The moment without its zone; days and local times are what they are."""
    if isinstance(value, dt.datetime) and value.tzinfo is not None:
        return value.astimezone(dt.UTC).replace(tzinfo=None)
    return value


def _iso(value: object, day: str = _ISO_DAY) -> str:
    """The entry as numpy reads it; "" for what is no time."""
    text = _in_order(str(value).strip(), day)
    offset = _OFFSET.fullmatch(text)
    text = text.removesuffix("Z") if offset is None else offset[1]
    if not _ISO.fullmatch(text):
        return ""
    try:
        moment = np.datetime64(text, "us")
    except ValueError:
        return ""  # the 31st of February
    return text if offset is None else str(moment - offset_of(offset[0].removeprefix(text)))


def _in_order(text: str, day: str) -> str:
    """Text whose days are written in this way as ISO text; "" for what is written in another.

    Example:
        >>> _in_order("1/2/2025 9:30", "M/D/YYYY")
        '2025-01-02 09:30'
    """
    if day == _ISO_DAY:
        return text
    if day in PERIODS:
        return read_period(text, day)
    found = _WRITTEN.fullmatch(text)
    if found is None or found[2] not in day:
        return ""
    parts = dict(zip((part[0] for part in day.split(found[2])), found.group(1, 3, 4), strict=True))
    clock = "" if found[5] is None else f"{found[5]}{found[6]:0>2}{found[7]}"
    return f"{parts['Y']}-{parts['M']:0>2}-{parts['D']:0>2}{clock}"


def is_offset(clock: str) -> bool:
    """Whether a clock is told by its offset from UTC, as text tells it, not by the name of a zone."""
    return clock == "Z" or clock[:1] in ("+", "-")


def offset_of(zone: str) -> np.timedelta64:
    """How far "+02:00" is before UTC; "Z" and "" are not.

    Example:
        >>> int(offset_of("-0330").astype("int64"))
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


def _first_bad(
    where: str,
    values: npt.NDArray[Any],
    good: npt.NDArray[np.bool_],
    column: str,
    otherwise: str,
    day: str = _ISO_DAY,
) -> slice:
    """Every row, or an error that names the first one that is not good."""
    if good.all():
        return slice(None)
    row = int(np.argmin(good))
    because = f"row {row}, column {column!r}"
    received = values[row]
    clock = " HH:MM" if ":" in str(received) and "HH" not in day else ""
    cure = f"Write it as {day}{clock}{otherwise}."
    rule = "be ISO 8601 text, a date or a whole number"
    raise DataError.at(
        where, "time", rule, str(received) if isinstance(received, str) else received, cure, because=because
    )
