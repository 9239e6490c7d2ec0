"""The rule by which time goes on: found in a time column, continued into the future.

Months are not 30 days and a year is not 365: a monthly series that sits on month ends stays on
month ends, through leap years. Steps of days and less are fixed lengths of time.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from typing import Any, Literal, Self, cast

import numpy as np
import numpy.typing as npt

from elman.errors import DataError
from elman.fields.timestamps import Stamps, TimeStyle

__all__ = ["Calendar", "check_order", "counts_days", "infer_calendar"]

_SECOND = 1_000_000
_DAY = 86_400 * _SECOND
_LAST_DAY = 31
"""Day of the month that stands for its end, whatever the month."""

_MONTHS = {1: "monthly", 3: "quarterly", 6: "half-yearly", 12: "yearly"}
_DAYS = {1: "daily", 7: "weekly"}
_PARTS = ((3600, "hour"), (60, "minute"), (1, "second"))


@dataclasses.dataclass(frozen=True)
class Calendar:
    """A regular rhythm of time.

    Args:
        kind: "integer" (whole numbers), "fixed" (microseconds), "months", or "business" (Monday to Friday).
        step: how many of these from row to row.
        day: for months: the day of the month; 31 is its end.

    Example:
        >>> import numpy as np
        >>> ends = np.array(["2023-12-31", "2024-01-31"], "datetime64[us]")
        >>> infer_calendar("fit", ends).after(ends[-1], 2).astype("datetime64[D]").astype(str).tolist()
        ['2024-02-29', '2024-03-31']
    """

    kind: Literal["integer", "fixed", "months", "business"]
    step: int = 1
    day: int = 1

    @property
    def name(self) -> str:
        """The rhythm in a word: "monthly", "every 30 minutes"."""
        if self.kind == "integer":
            return "every row" if self.step == 1 else f"every {self.step}"
        if self.kind == "business":
            return "business days"
        if self.kind == "months":
            end = " (month ends)" if self.day == _LAST_DAY else ""
            return _MONTHS.get(self.step, f"every {self.step} months") + end
        if self.step % _DAY == 0:
            return _DAYS.get(self.step // _DAY, f"every {self.step // _DAY} days")
        return _part_of_day(self.step / _SECOND)

    @property
    def season(self) -> int:
        """Rows in the season such a rhythm usually has (a year, a week, a day); 1 where none is known."""
        if self.kind == "months":
            return 12 // self.step if 12 % self.step == 0 else 1
        if self.kind == "business":
            return 5
        if self.kind == "integer":
            return 1
        whole = {1: 7, 7: 52}.get(self.step // _DAY, 1) if self.step % _DAY == 0 else 0
        # A day of seconds is too long a season for a window; their hour is not.
        span = _DAY if self.step >= 60 * _SECOND else 3600 * _SECOND
        return whole or (span // self.step if span % self.step == 0 else 1)

    @property
    def in_days(self) -> bool:
        """Whether it counts days, weeks, months or years: what lasts longer or shorter where clocks change."""
        return self.kind in ("months", "business") or (self.kind == "fixed" and self.step % _DAY == 0)

    def positions(self, stamps: Stamps) -> npt.NDArray[np.float64]:
        """How many steps each stamp lies after the first; a fraction where it is off the rhythm.

        Shapes:
            (N,) -> (N,).
        """
        if self.kind == "integer":
            return np.asarray((stamps - stamps[0]) / self.step)
        if self.kind == "business":
            days = stamps.astype("datetime64[D]")
            counted = np.busday_count(days[0], days).astype("float64") / self.step
            return np.asarray(np.where(np.is_busday(days), counted, counted + 0.5))
        if self.kind == "fixed":
            return np.asarray((stamps - stamps[0]).astype("int64") / self.step)
        months = stamps.astype("datetime64[M]").astype("int64")
        position = (months - months[0]) / self.step
        rest = stamps - self._day_of(stamps.astype("datetime64[M]")).astype("datetime64[us]")
        return np.asarray(np.where(rest == rest[0], position, position + 0.5))

    def after(self, last: Any, count: int) -> Stamps:
        """The `count` stamps that follow `last`.

        Shapes:
            -> (count,).
        """
        ahead = np.arange(1, count + 1) * self.step
        if self.kind == "integer":
            return cast("Stamps", last + ahead)
        moment = np.datetime64(last, "us")
        if self.kind == "fixed":
            return moment + ahead.astype("timedelta64[us]")
        date = moment.astype("datetime64[D]")
        if self.kind == "business":
            days = np.busday_offset(date, ahead, roll="backward")
        else:
            days = self._day_of(moment.astype("datetime64[M]") + ahead)
        return cast("Stamps", days.astype("datetime64[us]") + (moment - date))

    def features(self, stamps: Stamps) -> npt.NDArray[np.float64]:
        """Where each stamp lies in its day, week and year, as sine and cosine.

        Only the cycles that this rhythm can show: a monthly series has no hour.

        Shapes:
            (N,) -> (N, 2 * cycles), in [-1, 1].

        Example:
            >>> import numpy as np
            >>> Calendar("months").features(np.array(["2024-01", "2024-07"], "datetime64[us]")).round(2).tolist()
            [[0.0, 1.0], [0.0, -1.0]]
        """
        phases = [_PHASES[cycle](stamps) for cycle in self._cycles()]
        if not phases:
            return np.zeros((len(stamps), 0))
        angles = 2 * np.pi * np.column_stack(phases)
        return np.concatenate([np.sin(angles), np.cos(angles)], axis=1)

    def state(self) -> dict[str, Any]:
        """This rhythm as JSON."""
        return dataclasses.asdict(self)

    @classmethod
    def from_state(cls, state: Mapping[str, Any]) -> Self:
        """Restore a calendar from `state()`."""
        return cls(**state)

    def _cycles(self) -> list[str]:
        if self.kind == "months":
            return ["month"] if self.step < 12 else []
        if self.kind == "business":
            return ["weekday", "year"]
        if self.kind == "integer":
            return []
        if self.step >= 7 * _DAY:
            return ["year"]
        return ["weekday", "year"] if self.step >= _DAY else ["day", "weekday"]

    def _day_of(self, months: npt.NDArray[np.datetime64]) -> npt.NDArray[np.datetime64]:
        """The rhythm's day in each month, its end where the month is shorter."""
        first = months.astype("datetime64[D]")
        return first + np.minimum(self.day, _days_in(months)) - 1


def infer_calendar(where: str, stamps: Stamps, column: str = "time") -> Calendar:
    """Find the rhythm of sorted stamps: the most frequent step where some are missing.

    Raises:
        DataError: fewer than two stamps.

    Example:
        >>> import numpy as np
        >>> infer_calendar("fit", np.array(["1949-01", "1949-02", "1949-03"], "datetime64[us]")).name
        'monthly'
    """
    if len(stamps) < 2:
        because = f"one time in column {column!r} has no rhythm"
        raise DataError.at(where, "rows", "be at least 2", len(stamps), because=because)
    if stamps.dtype.kind != "M":
        return Calendar("integer", _most_frequent(np.diff(stamps)))
    return _in_months(stamps) or _in_business_days(stamps) or _in_fixed_steps(stamps)


def counts_days(clock: Stamps) -> bool:
    """Whether times as clocks show them follow a rhythm of days or longer.

    Example:
        >>> import numpy as np
        >>> counts_days(np.array(["2024-03-30", "2024-03-31", "2024-04-01"], "datetime64[us]"))
        True
    """
    if len(clock) < 2 or np.isnat(clock).any():
        return False
    calendar = infer_calendar("counts_days", clock)
    return calendar.in_days and not (calendar.positions(clock) % 1).any()


def check_order(where: str, stamps: Stamps, style: TimeStyle, column: str = "time") -> None:
    """Refuse times that stand still or go back.

    Raises:
        DataError: a time comes twice, or before the one above it; both rows are named.
    """
    back = np.flatnonzero(np.diff(stamps).astype("int64") <= 0)
    if not len(back):
        return
    row = int(back[0]) + 1
    shown = style.show(stamps[row])
    if stamps[row] == stamps[row - 1]:
        because = f"rows {row - 1} and {row} are both {shown}"
        raise DataError.at(where, column, "have each time once", shown, "Drop or add up double rows.", because=because)
    because = f"row {row} comes after {style.show(stamps[row - 1])}"
    raise DataError.at(where, column, "be sorted", shown, f"Sort the table by {column!r}.", because=because)


def _in_months(stamps: Stamps) -> Calendar | None:
    months, days = stamps.astype("datetime64[M]"), stamps.astype("datetime64[D]")
    steps = np.diff(months.astype("int64"))
    day = (days - months.astype("datetime64[D]")).astype("int64") + 1
    if steps.min() < 1 or len(np.unique(stamps - days)) > 1:
        return None
    at_end = bool((day == _days_in(months)).all())
    anchor = _LAST_DAY if at_end else int(day.max())
    if not (day == np.minimum(anchor, _days_in(months))).all():
        return None
    return Calendar("months", _most_frequent(steps), anchor)


def _in_business_days(stamps: Stamps) -> Calendar | None:
    days = stamps.astype("datetime64[D]")
    steps = np.diff(days).astype("int64")
    # Without a weekend in between it is simply daily.
    if (days != stamps).any() or not np.is_busday(days).all() or _most_frequent(steps) != 1 or steps.max() < 3:
        return None
    return Calendar("business")


def _in_fixed_steps(stamps: Stamps) -> Calendar:
    return Calendar("fixed", _most_frequent(np.diff(stamps).astype("int64")))


def _most_frequent(steps: npt.NDArray[Any]) -> int:
    values, counts = np.unique(steps, return_counts=True)
    return int(values[np.argmax(counts)])


def _days_in(months: npt.NDArray[np.datetime64]) -> npt.NDArray[np.int64]:
    return np.asarray(((months + 1).astype("datetime64[D]") - months.astype("datetime64[D]")).astype("int64"))


def _part_of_day(seconds: float) -> str:
    for size, word in _PARTS:
        if seconds % size == 0:
            count = int(seconds // size)
            return {"hour": "hourly"}.get(word, f"every {word}") if count == 1 else f"every {count} {word}s"
    return f"every {seconds:g} seconds"


def _share(stamps: Stamps, unit: str) -> npt.NDArray[np.float64]:
    """How much of its day, month ... has passed, 0 ... 1."""
    begin = stamps.astype(f"datetime64[{unit}]")
    length = (begin + 1).astype("datetime64[us]") - begin.astype("datetime64[us]")
    return np.asarray((stamps - begin) / length)


_PHASES: dict[str, Callable[[Stamps], npt.NDArray[np.float64]]] = {
    "day": lambda stamps: _share(stamps, "D"),
    # 1970 began on a Thursday.
    "weekday": lambda stamps: (stamps.astype("datetime64[D]").astype("int64") + 3) % 7 / 7,
    "month": lambda stamps: stamps.astype("datetime64[M]").astype("int64") % 12 / 12,
    "year": lambda stamps: _share(stamps, "Y"),
}
