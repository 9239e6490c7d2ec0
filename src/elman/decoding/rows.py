"""Rows of scores as `predict` gives them: one array, or a list of arrays where they differ in length."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from elman.errors import DataError, ShapeError

__all__ = ["padded", "stacked"]


def padded(rows: Sequence[np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    """Rows in one array of a step or more, zeros behind the shorter ones, and their lengths.

    Shapes: B of (T_i, ...) -> (B, T, ...), (B,) int32.
    """
    lengths = np.array([len(row) for row in rows], np.int32)
    found = np.zeros((len(rows), max(1, int(lengths.max())), *rows[0].shape[1:]), rows[0].dtype)
    for place, row in zip(found, rows, strict=True):
        place[: len(row)] = row
    return found, lengths


def stacked(where: str, scores: Any, lengths: Any, dtype: Any) -> tuple[np.ndarray, np.ndarray]:
    """One array, and how many steps of each row are real. Shapes: (B, T, K) or B of (T, K) -> (B, T, K), (B,) int32.

    Raises: ShapeError: rows that are not (T, K) each, or lengths of another number. DataError: lengths that are none.
    """
    if isinstance(scores, (list, tuple)) and len({len(row) for row in scores}) > 1:
        found, counts = padded([np.asarray(row, dtype) for row in scores])
    else:
        found = np.ascontiguousarray(scores, dtype)
        counts = np.full(len(found), found.shape[1] if found.ndim > 1 else 0, np.int32)
    if found.ndim != 3:
        rule, cure = "have shape (B, T, K)", "Give it what predict gives."
        raise ShapeError.at(where, "scores", rule, found.shape, cure)
    if lengths is None:
        return found, counts
    given, steps = np.asarray(lengths), found.shape[1]
    if given.shape != (len(found),):
        rule, cure = f"have shape ({len(found)},)", "Give one for each row."
        raise ShapeError.at(where, "lengths", rule, given.shape, cure)
    known = given if given.dtype.kind in "iuf" else np.full(len(found), -1)
    wrong = ~((known >= 0) & (known <= steps) & (known == np.floor(known)))
    if wrong.any():
        row = int(wrong.argmax())
        raise DataError.at(where, "lengths", f"whole numbers from 0 to {steps}", given[row], because=f"row {row}")
    return found, given.astype(np.int32)
