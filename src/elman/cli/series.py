"""What a table of series tells by itself: which column is time, which tells series apart, which is to be forecast."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from elman.cli.declared import as_number
from elman.errors import ArgumentError
from elman.fields import Table
from elman.fields.periods import period_of
from elman.tasks.roles import telling_apart

__all__ = ["check_targets", "complete", "foretold", "target_of"]


_MONTH = "jan(uary)?|feb(ruary)?|mar(ch)?|apr(il)?|may|june?|july?|aug(ust)?|sept?(ember)?|oct(ober)?|(nov|dec)(ember)?"
_LOOKS = re.compile(
    r"\d{4}-\d\d|(\d{4}([-/.])\d\d?\2\d\d?|\d\d?([-/.])\d\d?\3\d{4})\b"
    rf"|({_MONTH})\b.*\d|\d{{1,4}}\W*({_MONTH})\b",
    re.IGNORECASE,
)
"""How a time begins, in whatever order its day is written: what can be read of it `fit` finds out."""


def complete(settings: dict[str, Any], table: Any) -> list[str]:
    """Fill in what the table itself tells: its time column; where times stand twice, what tells series apart.

    Returns:
        A line for each column that was found.
    """
    found: list[str] = []
    names = [str(name) for name in table.columns]
    targets = _listed(settings["target"])
    if settings["time"] is None:
        rest = [name for name in names if name not in (*targets, settings["id"])]
        settings["time"] = next((name for name in rest if _is_time(table, name)), None)
        free = [name for name in rest if name not in settings["features"]]
        shown = [name for name in free if table[name].dtype.kind not in "iufbM"] or free
        if settings["time"]:
            found.append(f"time: column {settings['time']!r}, as it looks like one")
        else:
            cell = f"; {shown[0]!r} has {str(table[shown[0]].iloc[0])!r}" if shown else ""
            found.append(f"time: rows are counted, as no column has times such as 2025-12-31{cell}")
    if settings["time"] in names and settings["id"] is None and table[settings["time"]].duplicated().any():
        taken = [*targets, *settings["features"]]
        settings["id"] = telling_apart(Table.wrap("train", table), str(settings["time"]), taken)
        if settings["id"]:
            found.append(f"id: column {settings['id']!r}, as each of its values has a time once")
    return found


def check_targets(settings: Mapping[str, Any], table: Any) -> None:
    """Refuse a forecast of nothing, or of a column without a single number.

    Raises:
        ArgumentError: with the columns there are.
    """
    if settings["target"] is None:
        names = ", ".join(repr(str(name)) for name in table.columns)
        cure = f"Columns: {names}. Without --input it is what is to be forecast."
        raise ArgumentError.at("train", "--target", "given", None, cure)
    for name in _listed(settings["target"]):
        if name in table.columns and not _has_numbers(table, name):
            rule = "a column of numbers where no --input is given"
            others = ", ".join(repr(str(other)) for other in table.columns if other != name)
            cure = f"To learn {name!r} from other columns say what goes in: --input COLUMN. Others: {others}."
            because = f"it has {str(table[name].iloc[0])!r}"
            raise ArgumentError.at("train", "--target", rule, name, cure, because=because)


def target_of(table: Any, names: Sequence[str], taken: Sequence[str] = ()) -> str | None:
    """What is to be forecast, where nobody said it: a column of one of these names, else the last one of numbers."""
    known = [str(name) for name in table.columns if name not in taken and _has_numbers(table, str(name))]
    return next((name for name in known if name.lower() in names), known[-1] if known else None)


def foretold(settings: Mapping[str, Any], table: Any) -> bool:
    """Whether a completed table is one to forecast: numbers along time, and nothing else to read."""
    roles = (settings["time"], settings["id"])
    rest = [str(name) for name in table.columns if name not in roles]
    return settings["time"] is not None and bool(rest) and all(_only_numbers(table, name) for name in rest)


def _listed(names: Any) -> list[str]:
    return [names] if isinstance(names, str) else list(names or ())


def _is_time(table: Any, name: str) -> bool:
    """Whether a column is one of times, or text that begins as one; numbers are never taken for time unasked."""
    column = Table.wrap("train", table)
    if column.dated(name):
        return True
    first = str(column.column("train", "time", name)[0]).strip()
    return _LOOKS.match(first) is not None or period_of(first) is not None


def _has_numbers(table: Any, name: str) -> bool:
    return any(isinstance(as_number(cell), float) for cell in table[name].tolist())


def _only_numbers(table: Any, name: str) -> bool:
    return bool(table[name].dtype.kind in "iuf" and np.isfinite(table[name].astype("float64")).any())
