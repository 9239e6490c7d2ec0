"""Counter-based random numbers in NumPy: the definition the native generator is compared with.

Source: Salmon, Moraes, Dror and Shaw 2011, "Parallel random numbers: as easy as 1, 2, 3", Philox4x32 with 10 rounds.
"""

from __future__ import annotations

import numpy as np

_M0, _M1 = np.uint64(0xD2511F53), np.uint64(0xCD9E8D57)
_W0, _W1 = 0x9E3779B9, 0xBB67AE85
_LOW = np.uint64(0xFFFFFFFF)


def philox(counter: tuple[np.ndarray, ...], seed: int) -> list[np.ndarray]:
    """Four words of 32 random bits for each counter.

    Shapes: four broadcastable integer arrays -> four uint64 arrays below 2^32.
    """
    c0, c1, c2, c3 = (np.asarray(c, dtype=np.uint64) for c in np.broadcast_arrays(*counter))
    k0, k1 = seed & 0xFFFFFFFF, (seed >> 32) & 0xFFFFFFFF
    for _ in range(10):
        p0, p1 = _M0 * c0, _M1 * c2
        c0, c1, c2, c3 = (
            (p1 >> np.uint64(32)) ^ c1 ^ np.uint64(k0),
            p1 & _LOW,
            (p0 >> np.uint64(32)) ^ c3 ^ np.uint64(k1),
            p0 & _LOW,
        )
        k0, k1 = (k0 + _W0) & 0xFFFFFFFF, (k1 + _W1) & 0xFFFFFFFF
    return [c0, c1, c2, c3]


def uniform(rows: int, width: int, seed: int, step: int, node: int, first_row: int = 0) -> np.ndarray:
    """Numbers in [0, 1): element (row, column) depends on (seed, step, node, row, column) alone.

    Shapes: -> (rows, width) float64.
    """
    blocks = -(-width // 4)
    row = np.arange(first_row, first_row + rows, dtype=np.uint64)[:, None]
    block = np.arange(blocks, dtype=np.uint64)[None, :]
    words = philox((block, row, np.asarray(node, np.uint64), np.asarray(step & 0xFFFFFFFF, np.uint64)), seed)
    bits = np.stack(words, axis=-1).reshape(rows, blocks * 4)[:, :width]
    return (bits >> np.uint64(8)).astype(np.float64) * 2.0**-24
