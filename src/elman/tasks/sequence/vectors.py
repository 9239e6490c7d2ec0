"""Vectors of tokens to begin with: words that stand among the same others begin alike, before any label is seen.

    how often beside each other → how much more often than by chance → the directions in which words differ most

Labels say little about words seen ten times; the texts themselves say which words are used alike.

Source: Levy, Goldberg and Dagan 2015, "Improving Distributional Similarity with Lessons Learned from Word Embeddings":
positive pointwise mutual information, contexts smoothed by 0.75, singular vectors times the root of their values.
Where the vocabulary is large only frequent tokens are contexts, which bounds the memory at 256 MB. Cost: one pass over
the texts and some products of that table: 7 s for 1.9 million words. Weakness: antonyms stand among the same words and
begin alike, too.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

__all__ = ["neighbours"]

CELLS = 1 << 26
"""Of the table of tokens and contexts; contexts are as many of the most frequent tokens as fit into it."""
REACH = 5
"""Tokens to either side that count, the nearer the more."""
TURNS, SPARE = 4, 10
"""Of the subspace in which main directions are found, and how much wider than them it is."""
SPREAD = 0.3
"""Of the numbers of a vector: larger than a table begins with, as they are to be kept."""


def neighbours(rows: Sequence[npt.NDArray[np.int32]], size: int, width: int) -> npt.NDArray[np.float32] | None:
    """A vector for each token from what stands beside it; None where nothing stands beside anything.

    Args:
        rows: tokens of each text, from 0 to size - 1. size: of the vocabulary. width: of a vector.

    Shapes:
        rows (T,) each -> (size, width).

    Example:
        >>> import numpy as np
        >>> texts = [[0, 4, 1], [0, 5, 1], [2, 6, 3], [2, 7, 3]]
        >>> a = neighbours([np.array(text, np.int32) for text in texts], 8, 4)
        >>> bool(np.abs(a[4] - a[5]).max() < 1e-3 < np.abs(a[4] - a[6]).max())
        True
    """
    counts = _beside(rows, size)
    if not counts.any():
        return None
    known = _more_than_by_chance(counts)
    found, values = _main_directions(known, min(width, *known.shape))
    vectors = found * np.sqrt(values)
    vectors -= vectors.mean(axis=0)
    vectors *= SPREAD / max(float(vectors.std()), 1e-6)
    return np.pad(vectors, [(0, 0), (0, width - vectors.shape[1])])


def _beside(rows: Sequence[npt.NDArray[np.int32]], size: int) -> npt.NDArray[np.float32]:
    """How often each token stands beside each frequent one, over the distance. Shapes: -> (size, contexts)."""
    apart = np.full(REACH, size, np.int32)  # no text is beside the next
    stream = np.concatenate([part for row in rows for part in (row, apart)] or [apart])
    seen = np.bincount(stream, minlength=size + 1)[:size]
    often = np.argsort(-seen, kind="stable")[: CELLS // size]
    column = np.full(size + 1, -1)
    column[often] = np.arange(len(often))
    counts = np.zeros((size, len(often)), np.float32)
    for distance in range(1, REACH + 1):
        for token, beside in ((stream[:-distance], stream[distance:]), (stream[distance:], stream[:-distance])):
            real = (token < size) & (column[beside] >= 0)
            np.add.at(counts, (token[real], column[beside[real]]), np.float32(1 / distance))
    return counts


def _more_than_by_chance(counts: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """log p(token, context) / p(token) p(context) where that is above 0, else 0. Shapes: (V, C) -> (V, C), in place."""
    contexts = counts.sum(axis=0) ** 0.75
    chance = contexts / contexts.sum()
    each = counts.sum(axis=1, keepdims=True)
    counts /= np.maximum(each, 1e-9) * np.maximum(chance, 1e-9)
    np.log(np.maximum(counts, 1, out=counts), out=counts)
    return counts


def _main_directions(table: npt.NDArray[np.float32], count: int) -> tuple[npt.NDArray[Any], npt.NDArray[Any]]:
    """The first left singular vectors and their values, by a subspace that is turned until it holds them.

    Source: Halko, Martinsson and Tropp 2011, "Finding Structure with Randomness", algorithm 4.4.
    Shapes: (V, C) -> (V, count), (count,).
    """
    some = np.random.default_rng(0).normal(size=(table.shape[1], count + SPARE)).astype(np.float32)
    for _ in range(TURNS):
        some = np.linalg.qr(table.T @ (table @ some))[0]
    found, values, _ = np.linalg.svd(table @ some, full_matrices=False)
    return found[:, :count], values[:count]
