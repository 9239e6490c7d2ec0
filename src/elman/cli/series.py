"""What a table of series tells by itself: which column is time, which tells series apart, which is to be forecast."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from elman.cli.declared import as_number
from elman.errors import ArgumentError, DataError
from elman.fields import Table, Timeline

__all__ = ["check_targets", "complete", "foretold", "target_of"]

_ROWS = 3
"""The fewest rows a series has on average: a column with fewer tells no series apart."""


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
        settings["time"] = next((name for name in rest if _is_time(table, name, settings["missing"])), None)
        if settings["time"]:
            found.append(f"time: column {settings['time']!r}, as it looks like one")
    if settings["time"] in names and settings["id"] is None and table[settings["time"]].duplicated().any():
        settings["id"] = _id_of(table, str(settings["time"]), [settings["time"], *targets, *settings["features"]])
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
            raise ArgumentError.at("train", "--target", rule, name, cure)


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


def _is_time(table: Any, name: str, missing: Any) -> bool:
    """Whether a column of text reads as regular time; numbers are never taken for time unasked."""
    column = Table.wrap("train", table).column("train", "time", name)
    if column.dtype.kind in "iufb":
        return False
    try:
        Timeline.read("train", column, name, missing)
    except DataError:
        return bool(re.fullmatch(r"\d{4}-\d\d.*", str(column[0])))
    return True


def _id_of(table: Any, time: str, taken: Sequence[str]) -> str | None:
    """The first column of names, else of whole numbers, each of whose values has every time at most once."""
    free = [str(name) for name in table.columns if name not in taken and not table[name].isna().any()]
    names = [name for name in free if table[name].dtype.kind not in "iufb"]
    whole = [name for name in free if table[name].dtype.kind == "i"]
    for name in names + whole:
        if not table.duplicated([name, time]).any() and _ROWS * table[name].nunique() <= len(table):
            return name
    return None


def _has_numbers(table: Any, name: str) -> bool:
    return any(isinstance(as_number(cell), float) for cell in table[name].tolist())


def _only_numbers(table: Any, name: str) -> bool:
    return bool(table[name].dtype.kind in "iuf" and np.isfinite(table[name].astype("float64")).any())
