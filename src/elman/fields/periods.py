"""Months, quarters and weeks in other text than a day's: 2025Q1, 2025-W01, 01/2025. A way to write them is a row."""

from __future__ import annotations

import datetime as dt
import re

__all__ = ["PERIODS", "period_of", "read_period", "write_period"]

_YEAR = r"(?P<Y>\d{4})"
_MONTH = r"(?P<M>0[1-9]|1[0-2])"
_QUARTER = r"Q(?P<Q>[1-4])"
_WEEK = r"W(?P<W>[0-4]\d|5[0-3])"

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
    }.items()
}
"""How each is written, and how it is read: quarters as pandas writes its periods, weeks as ISO 8601 does."""


def period_of(text: str) -> str | None:
    """How text writes a month, quarter or week; None where it is none.

    Example:
        >>> period_of("2025Q1"), period_of("2025-W01"), period_of("2025-01")
        ('YYYYQ#', 'YYYY-W##', None)
    """
    return next((pattern for pattern, read in PERIODS.items() if read.fullmatch(text)), None)


def read_period(text: str, pattern: str) -> str:
    """What it begins with, as ISO text: a month, or the Monday of a week; "" for what is written in another way.

    Example:
        >>> read_period("2025Q3", "YYYYQ#"), read_period("2026-W01", "YYYY-W##"), read_period("2025-W53", "YYYY-W##")
        ('2025-07', '2025-12-29', '')
    """
    found = PERIODS[pattern].fullmatch(text)
    if found is None:
        return ""
    parts = found.groupdict()
    if "W" not in parts:
        month = parts["M"] if "M" in parts else f"{3 * int(parts['Q']) - 2:02}"
        return f"{parts['Y']}-{month}"
    try:
        return dt.date.fromisocalendar(int(parts["Y"]), int(parts["W"]), 1).isoformat()
    except ValueError:  # a year without a 53rd week
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
    first, month = iso.split("-")
    return pattern.replace("YYYY", first).replace("MM", month).replace("#", f"{(int(month) + 2) // 3}")
