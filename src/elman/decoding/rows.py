"""Rows of scores as `predict` gives them: one array, or a list of arrays where they differ in length."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from elman.errors import ShapeError

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

    Raises: ShapeError: rows that are not (T, K) each.
    """
    if isinstance(scores, (list, tuple)) and len({len(row) for row in scores}) > 1:
        found, counts = padded([np.asarray(row, dtype) for row in scores])
    else:
        found = np.ascontiguousarray(scores, dtype)
        counts = np.full(len(found), found.shape[1] if found.ndim > 1 else 0, np.int32)
    if found.ndim != 3:
        rule, cure = "have shape (B, T, K)", "Give it what predict gives."
        raise ShapeError.at(where, "scores", rule, found.shape, cure)
    return found, counts if lengths is None else np.ascontiguousarray(lengths, np.int32)
