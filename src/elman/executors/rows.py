"""Sequences of different lengths: each where its owner keeps it, or padded in one array."""

from __future__ import annotations

import math
import mmap
from collections.abc import Sequence
from typing import Any, final, overload

import numpy as np

__all__ = ["Rows", "mostly_padding", "padded"]

_SPARSE = 1 << 26
"""Bytes of padded rows from which padding is kept out of memory."""
_NO_RESERVE = getattr(mmap, "MAP_NORESERVE", 0x4000)
"""Linux: pages that nobody writes to are promised to nobody."""


@final
class Rows:
    """In the place of an array of padded sequences, without a copy: zeros stand behind the last step of each.

    Rows and first steps are cut as those of an array, and stay where they are; rows taken by number are an array.
    The sequences are never written to.

    Args:
        parts: a C-contiguous array of `dtype` for each row.
        shape: of the array, (N, T, ...).
    Shapes: parts (T_i, ...), or what lies in memory like it.
    Example:
        >>> rows = Rows([np.ones((2, 1)), np.ones((3, 1))], (2, 3, 1), np.dtype(float))
        >>> rows[:, :2].shape, rows[np.array([0])][0, :, 0].tolist()
        ((2, 2, 1), [1.0, 1.0, 0.0])
    """

    def __init__(self, parts: Sequence[np.ndarray], shape: tuple[int, ...], dtype: np.dtype[Any]) -> None:
        self.parts = tuple(parts)
        self.shape = shape
        self.dtype = dtype

    @property
    def ndim(self) -> int:
        """How many axes the array would have."""
        return len(self.shape)

    def __len__(self) -> int:
        return len(self.parts)

    __iter__ = None  # row by row it would end where `__getitem__` refuses the first number

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
        if copy is False:
            raise ValueError("Rows: an array of them must be a copy.")
        steps, *tail = self.shape[1:]
        rows = [part.reshape(len(part), *tail)[:steps] for part in self.parts]
        return padded(rows, self.shape, np.dtype(dtype or self.dtype))

    @overload
    def __getitem__(self, key: slice | tuple[slice, ...]) -> Rows: ...
    @overload
    def __getitem__(self, key: np.ndarray) -> np.ndarray: ...

    def __getitem__(self, key: slice | tuple[slice, ...] | np.ndarray) -> Rows | np.ndarray:
        if isinstance(key, np.ndarray):
            if key.dtype.kind not in "iu" or key.ndim != 1:
                raise IndexError(f"Rows: rows are taken by one axis of numbers, not by {key.ndim} of {key.dtype}.")
            return np.asarray(Rows([self.parts[i] for i in key], (len(key), *self.shape[1:]), self.dtype))
        cuts: tuple[Any, ...] = (*(key if isinstance(key, tuple) else (key,)), slice(None))
        rows, steps, *others = cuts
        sliced = isinstance(rows, slice) and isinstance(steps, slice) and all(cut == slice(None) for cut in others)
        if not sliced or steps.start or steps.step not in (None, 1):
            raise IndexError(f"Rows: only rows and first steps are cut. Received {key}.")
        parts = self.parts[rows]
        return Rows(parts, (len(parts), len(range(self.shape[1])[steps]), *self.shape[2:]), self.dtype)


def mostly_padding(rows: Sequence[np.ndarray], shape: tuple[int, ...], dtype: np.dtype[Any]) -> bool:
    """Whether rows would fill so little of so large an array that its padding is kept out of memory.

    Shapes: rows (T_i, ...), shape (N, T, ...).
    """
    return math.prod(shape) * dtype.itemsize >= _SPARSE and math.prod(shape) >= 4 * sum(row.size for row in rows)


def padded(rows: Sequence[np.ndarray], shape: tuple[int, ...], dtype: np.dtype[Any]) -> np.ndarray:
    """Sequences in one array, zeros behind the last step of each.

    Shapes: rows (T_i, ...) -> (N, T, ...).
    Raises: MemoryError, OSError: the machine refuses so much.
    """
    values = _zeros(shape, dtype, mostly_padding(rows, shape, dtype))
    with np.errstate(over="ignore", invalid="ignore"):
        for i, row in enumerate(rows):
            values[i, : len(row)] = row
    return values


def _zeros(shape: tuple[int, ...], dtype: np.dtype[Any], sparse: bool) -> np.ndarray:
    """Zeros; sparse: no page of them takes memory before something is written to it."""
    if not (sparse and hasattr(mmap, "MADV_NOHUGEPAGE")):
        return np.zeros(shape, dtype)
    pages = mmap.mmap(-1, math.prod(shape) * dtype.itemsize, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS | _NO_RESERVE)
    pages.madvise(mmap.MADV_NOHUGEPAGE)  # a huge page would hold the padding of many rows
    return np.frombuffer(pages, dtype).reshape(shape)
