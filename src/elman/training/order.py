"""The order in which rows are seen."""

from __future__ import annotations

from typing import Any

import numpy as np

__all__ = ["Shuffler"]

HALF, LOW = np.uint64(32), np.uint64(0xFFFFFFFF)


class Shuffler:
    """The order of rows in each epoch: a function of (seed, epoch) alone.

    Raw Philox words of 32 bits, each with its row number below, are sorted; `Generator.shuffle` may change with NumPy,
    the words and a sort of distinct numbers cannot. Rows: below 2^32.

    Source: Salmon et al. 2011, Philox4x64-10, key (seed, epoch).
    Example:
        >>> shuffle = Shuffler(seed=3)
        >>> bool((shuffle(0, 5) == Shuffler(3)(0, 5)).all()), sorted(shuffle(1, 5).tolist())
        (True, [0, 1, 2, 3, 4])
    """

    def __init__(self, seed: int) -> None:
        self._philox = np.random.Philox(key=np.array([seed & 0xFFFFFFFFFFFFFFFF, 0], np.uint64))
        self._state: Any = self._philox.state
        self._rows = np.zeros(0, np.uint64)

    def __call__(self, epoch: int, rows: int) -> np.ndarray:
        """Shapes: -> (rows,) int64."""
        one: np.ndarray = self.several(epoch, 1, rows)[0]
        return one

    def several(self, first: int, epochs: int, rows: int) -> np.ndarray:
        """The orders of `epochs` epochs from `first` on. Shapes: -> (epochs, rows) int64."""
        if len(self._rows) != rows:
            self._rows = np.arange(rows, dtype=np.uint64)
        words = np.empty((epochs, rows), np.uint64)
        for epoch, into in enumerate(words, first):
            self._state["state"]["key"][1] = epoch
            self._philox.state = self._state  # as it was made: only the epoch is another
            into[:] = self._philox.random_raw(-(-rows // 2)).astype("<u8", copy=False).view("<u4")[:rows]
        words <<= HALF
        words |= self._rows
        words.sort(axis=1)
        words &= LOW
        return words.view(np.int64)
