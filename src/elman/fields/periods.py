"""Months, quarters and weeks in other text than a day's: 2025Q1, 2025-W01, Jan 2025. A way to write them is a row."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Sequence

__all__ = ["PERIODS", "period_of", "read_period", "write_period"]

_YEAR = r"(?P<Y>\d{4})"
_MONTH = r"(?P<M>0[1-9]|1[0-2])"
_QUARTER = r"Q(?P<Q>[1-4])"
_WEEK = r"W(?P<W>[0-4]\d|5[0-3])"

_DAYS = r"(?P<first>\d{4}-\d\d-\d\d)/(?P<last>\d{4}-\d\d-\d\d)"
_WEEK_OF_DAYS = "YYYY-MM-DD/YYYY-MM-DD"
_LONG = "January February March April May June July August September October November December".split()
_NAMES = {
    written(word): [written(name[: len(word)] if word == "Mon" else name) for name in _LONG]
    for word in ("Mon", "Month")
    for written in (str.title, str.upper, str.lower)
}
"""Of each way to write a month by its name, in English, the names."""
_NAMED = {
    pattern: (
        word,
        rf"(?P<name>{'|'.join(names)}){mark}{_YEAR}" if at else rf"{_YEAR}{mark}(?P<name>{'|'.join(names)})",
    )
    for word, names in _NAMES.items()
    for mark in " -"
    for at, pattern in ((1, f"{word}{mark}YYYY"), (0, f"YYYY{mark}{word}"))
}
"""Months by name before or behind their year: the word that stands for the name, and how all of it is read."""

PERIODS: dict[str, re.Pattern[str]] = {
    pattern: re.compile(text)
    for pattern, text in {
        "YYYY/MM": f"{_YEAR}/{_MONTH}",
        "MM/YYYY": f"{_MONTH}/{_YEAR}",
        "YYYYQ#": f"{_YEAR}{_QUARTER}",
        "YYYY-Q#": f"{_YEAR}-{_QUARTER}",
        "YYYY Q#": f"{_YEAR} {_QUARTER}",
        "Q# YYYY": f"{_QUARTER} {_YEAR}",
        "YYYY-W##": f"{_YEAR}-{_WEEK}",
        "YYYYW##": f"{_YEAR}{_WEEK}",
        _WEEK_OF_DAYS: _DAYS,
        **{pattern: text for pattern, (_, text) in _NAMED.items()},
    }.items()
}
"""How each is written and read: quarters and weeks of days as pandas writes its periods, weeks as ISO 8601 does."""


def period_of(text: str, others: Sequence[str] = (), like: str | None = None) -> str | None:
    """How text writes a month, quarter or week; None where it is none.

    Args:
        text: one of a column.
        others: of the same column: of May nobody knows whether June is Jun.
        like: how other text of the same kind is written, which counts where this one could be.

    Example:
        >>> period_of("2025Q1"), period_of("2025-W01"), period_of("2025-01")
        ('YYYYQ#', 'YYYY-W##', None)
        >>> period_of("May 2025"), period_of("May 2025", ["June 2025"])
        ('Mon YYYY', 'Month YYYY')
    """
    ways = [pattern for pattern, read in PERIODS.items() if read.fullmatch(text)]
    if len(ways) > 1:
        ways = [way for way in ways if all(map(PERIODS[way].fullmatch, others))] or ways
    return like if like in ways else next(iter(ways), None)


def read_period(text: str, pattern: str) -> str:
    """What it begins with, as ISO text: a month, or the first day of a week; "" for what is written in another way.

    Example:
        >>> read_period("2025Q3", "YYYYQ#"), read_period("2026-W01", "YYYY-W##"), read_period("2025-W53", "YYYY-W##")
        ('2025-07', '2025-12-29', '')
        >>> read_period("Feb-2025", "Mon-YYYY"), read_period("2025-01-06/2025-01-12", "YYYY-MM-DD/YYYY-MM-DD")
        ('2025-02', '2025-01-06')
    """
    found = PERIODS[pattern].fullmatch(text)
    if found is None:
        return ""
    parts = found.groupdict()
    if pattern in _NAMED:
        return f"{parts['Y']}-{_NAMES[_NAMED[pattern][0]].index(parts['name']) + 1:02}"
    if "W" not in parts and "first" not in parts:
        month = parts["M"] if "M" in parts else f"{3 * int(parts['Q']) - 2:02}"
        return f"{parts['Y']}-{month}"
    try:
        if "first" in parts:
            first, last = (dt.date.fromisoformat(parts[end]) for end in ("first", "last"))
            return parts["first"] if (last - first).days == 6 else ""
        return dt.date.fromisocalendar(int(parts["Y"]), int(parts["W"]), 1).isoformat()
    except ValueError:  # a year without a 53rd week, a month without a 31st day
        return ""


def write_period(iso: str, pattern: str) -> str:
    """The way back from `read_period`.

    Example:
        >>> write_period("2025-07", "YYYYQ#"), write_period("2025-12-29", "YYYY-W##")
        ('2025Q3', '2026-W01')
    """
    if "W" in pattern:
        year, week, _ = dt.date.fromisoformat(iso).isocalendar()
        return pattern.replace("YYYY", f"{year:04}").replace("##", f"{week:02}")
    if pattern == _WEEK_OF_DAYS:
        return f"{iso}/{dt.date.fromisoformat(iso) + dt.timedelta(6)}"
    first, month = iso.split("-")
    if pattern in _NAMED:
        word = _NAMED[pattern][0]
        return pattern.replace(word, _NAMES[word][int(month) - 1]).replace("YYYY", first)
    return pattern.replace("YYYY", first).replace("MM", month).replace("#", f"{(int(month) + 2) // 3}")
