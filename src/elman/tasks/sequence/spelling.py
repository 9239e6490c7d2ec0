"""What the spelling of a word tells: beginnings, endings, and where capitals and digits stand.

A word never seen in training still ends in "-ing" or begins with a capital. Each such part is hashed to a row of one
table, so nothing has to be learned before and no word is unknown.

Source: Bojanowski et al. 2017, "Enriching Word Vectors with Subword Information" (parts of words, hashed); Huang, Xu
and Yu 2015, "Bidirectional LSTM-CRF Models for Sequence Tagging", §4.2 (which parts help tagging).
"""

from __future__ import annotations

import functools
import zlib
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from elman import layers
from elman.graph import Tensor
from elman.graph import trace as ops

__all__ = ["BUCKETS", "PARTS", "SpelledEmbedding", "shape_of", "spelling"]

BUCKETS = 1 << 14
"""Rows of the table; collisions are rare enough and training bears them."""

PARTS = 9
"""Parts of each word."""

WIDTH = 16
"""Of the vector of a part."""


class SpelledEmbedding(layers.Layer):
    """Words as vectors, with those of their parts behind them.

    Shapes: x (B, T, 1 + parts) integers: the word, then its parts -> (B, T, U + 16 parts).
    """

    input_kind = "index"
    supports_masking = True

    def __init__(self, words: int, width: int, **options: Any) -> None:
        super().__init__(**options)
        self.words, self.width = words, width

    def build(self, input_shape: Any) -> None:
        """Add both tables."""
        self.table = self.add_weight("words", (self.words, self.width), "uniform")
        self.parts = self.add_weight("parts", (BUCKETS, WIDTH), "uniform")

    def call(self, x: Tensor) -> Tensor:
        """Rows of both tables."""
        parts = ops.take(self.parts, x[:, :, 1:])
        flat = ops.reshape(parts, (*x.shape[:2], PARTS * WIDTH))
        return ops.concatenate([ops.take(self.table, x[:, :, 0]), flat], -1)


def spelling(words: Sequence[str]) -> npt.NDArray[np.int32]:
    """The parts of each word as rows of a table.

    Shapes:
        words (T,) -> (T, 9), from 0 to 2^14 - 1.

    Example:
        >>> a, b = spelling(["walking", "talking"])
        >>> int((a == b).sum())
        5
    """
    return np.array([_parts(word) for word in words], np.int32).reshape(-1, PARTS)


def shape_of(word: str) -> str:
    """Capitals as X, small letters as x, digits as d; runs of one kind as two.

    Example:
        >>> shape_of("McDonald's"), shape_of("1984")
        ("XxXxx'x", 'dd')
    """
    shape = ""
    for letter in word:
        kind = "X" if letter.isupper() else "x" if letter.isalpha() else "d" if letter.isdigit() else letter
        if shape[-2:] != kind * 2:
            shape += kind
    return shape


@functools.lru_cache(maxsize=1 << 16)
def _parts(word: str) -> tuple[int, ...]:
    small = word.lower()
    parts = [f"={small}", f"#{shape_of(word)}"]
    parts += [f"{n}>{small[:n]}" for n in (1, 2, 3)] + [f"{n}<{small[-n:]}" for n in (1, 2, 3, 4)]
    return tuple(zlib.crc32(part.encode()) % BUCKETS for part in parts)
