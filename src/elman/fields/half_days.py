"""Hours that are counted twice a day: 9:00 PM is 21:00, 12:00 AM is 00:00."""

from __future__ import annotations

import re
from collections.abc import Iterable

__all__ = ["half_day", "hours_of", "whole_day"]

_HALF = re.compile(r"(?P<day>.*[T ])(?P<hour>0?[1-9]|1[0-2])(?P<rest>:[\d:.]+)(?P<half> ?[AP]M)", re.IGNORECASE)
_WHOLE = re.compile(r"(?P<day>.*[T ])(?P<hour>\d\d)(?P<rest>:[\d:.]+)")


def hours_of(texts: Iterable[str]) -> str:
    """How texts count their hours: "hh AM", "hAM", "h am" ...; "" where the first counts 24.

    Example:
        >>> hours_of(["1/31/2025 11:00 PM", "2/1/2025 1:00 AM"]), hours_of(["2025-01-31 23:00"])
        ('h AM', '')
    """
    found = [_HALF.fullmatch(text) for text in texts]
    if found[0] is None:
        return ""
    short = any(one is not None and len(one["hour"]) == 1 for one in found)
    half = found[0]["half"]
    return f"{'h' if short else 'hh'}{half[:-2]}{'AM' if half.isupper() else 'am'}"


def whole_day(text: str) -> str:
    """The text with its hour of 24; "" where it does not tell the half of the day.

    Example:
        >>> whole_day("1/31/2025 12:30 PM"), whole_day("1/31/2025 12:30am"), whole_day("1/31/2025 12:30")
        ('1/31/2025 12:30', '1/31/2025 00:30', '')
    """
    found = _HALF.fullmatch(text)
    if found is None:
        return ""
    hour = int(found["hour"]) % 12 + 12 * (found["half"][-2] in "Pp")
    return f"{found['day']}{hour:02}{found['rest']}"


def half_day(text: str, hours: str) -> str:
    """The way back from `whole_day`.

    Example:
        >>> half_day("1/31/2025 00:30", "h AM"), half_day("1/31/2025 13:00", "hham")
        ('1/31/2025 12:30 AM', '1/31/2025 01:00pm')
    """
    found = _WHOLE.fullmatch(text)
    assert found is not None
    later, hour = divmod(int(found["hour"]), 12)
    shown = f"{hour or 12:02}" if hours.startswith("hh") else f"{hour or 12}"
    half = hours.lstrip("h")
    if later:
        half = half.replace("AM", "PM").replace("am", "pm")
    return f"{found['day']}{shown}{found['rest']}{half}"
