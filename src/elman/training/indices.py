"""Inputs that are rows of a table: which they are, and that their numbers are in it, before anything runs.

A plan refuses an index outside a table as well, but knows neither the layer nor the row of the user's data: batches are
shuffled. What is computed from an input before it is looked up is told there alone.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from elman.errors import DataError
from elman.executors import Rows
from elman.graph import Tensor
from elman.graph.node import ancestors
from elman.training.arrays import Column, together
from elman.training.program import Program

__all__ = ["Table", "check_indices", "tables_of"]

_WHOLE = ("Cast", "Reshape", "Transpose")
"""Operators behind which every number of an input is still there."""


class Table(NamedTuple):
    """What an input is looked up in: its name in errors, and how many rows it has."""

    name: str
    rows: int


def tables_of(program: Program) -> list[Table | None]:
    """For each input the smallest table that all of it is looked up in."""
    found: dict[int, Table] = {}
    for node in ancestors(program.outputs):
        table, index = node.inputs if node.op == "Gather" and not node.attrs.get("batch") else (None, None)
        if table is None or index is None or not isinstance(table.shape[0], int):
            continue
        serial, rows = _whole(index).node.serial, table.shape[0]
        if serial not in found or rows < found[serial].rows:
            found[serial] = Table(_name(table), rows)
    return [found.get(t.node.serial) for t in program.inputs]


def check_indices(array: np.ndarray | Rows, column: Column, table: Table | None) -> None:
    """Raises: DataError: a number that is no row of the table, with its place. Shapes: array (N, ...)."""
    if table is None:
        return
    for first, values in together(array):
        inside = not values.size or (values.min() > -1 and values.max() < table.rows)  # floats are cut to whole numbers
        del values  # before the next are put together
        if inside:
            continue
        rows = array if isinstance(array, np.ndarray) else array.parts
        row = next(i for i in range(first, len(rows)) if _outside(rows[i], table).any())
        at = (row, *map(int, np.argwhere(_outside(rows[row], table))[0]))
        place = ", ".join(f"{word} {i}" for word, i in zip(("row", "step", "column"), at, strict=False))
        rule = f"between 0 and {table.rows - 1}, the rows of {table.name}"
        cure = "Enlarge the table (input_dim) or map unknown values to a reserved index."
        raise DataError.at(column.where, column.name, rule, rows[row][at[1:]].item(), cure, because=place)


def _outside(values: np.ndarray, table: Table) -> np.ndarray:
    """Shapes: as values."""
    return (values <= -1) | (values >= table.rows)


def _whole(index: Tensor) -> Tensor:
    while index.node.op in _WHOLE:
        index = index.node.inputs[0]
    return index


def _name(table: Tensor) -> str:
    """Of the weight behind a table: the layer's comes first in it."""
    while table.node.op in _WHOLE:
        table = table.node.inputs[0]
    return repr(table.node.attrs["variable"].name) if table.node.op == "Variable" else "a table"
