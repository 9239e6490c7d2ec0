"""Symbols and their ids: what Text and Tokens share."""

from __future__ import annotations

import collections
import dataclasses
import functools
from collections.abc import Iterable, Sequence
from typing import Any, Self

import numpy as np
import numpy.typing as npt

from elman.errors import ArgumentError
from elman.fields.base import BOS, EOS, PAD, UNK

__all__ = ["SPECIALS", "UNKNOWN", "Symbol", "Vocabulary", "check_vocabulary"]

Symbol = str | int

SPECIALS = ("<pad>", "<unk>", "<bos>", "<eos>")
"""How the ids PAD, UNK, BOS and EOS are called where they must be shown."""

UNKNOWN = "�"
"""What stands for an unknown symbol in decoded text."""


@dataclasses.dataclass(frozen=True)
class Vocabulary:
    """Symbols by their ids, most frequent first, behind the four special ids.

    Example:
        >>> vocabulary = Vocabulary.learn([["b", "a", "b"]])
        >>> vocabulary.ids(["a", "b", "c"]).tolist(), vocabulary.symbols_of([4, 5, 3, 4])
        ([5, 4, 1], ['b', 'a'])
    """

    symbols: tuple[Symbol, ...]

    @classmethod
    def learn(cls, sequences: Iterable[Iterable[Any]], max_tokens: int | None = None, min_count: int = 1) -> Self:
        """Count symbols; the most frequent first, equally frequent ones in order.

        Args:
            sequences: the training part.
            max_tokens: the most ids there may be, the special ones counted; None: as many as there are symbols.
            min_count: how often a symbol must occur to be known.
        """
        counts: collections.Counter[Any] = collections.Counter()
        for sequence in sequences:
            counts.update(sequence)
        known = sorted((symbol for symbol, n in counts.items() if n >= min_count), key=lambda s: (-counts[s], str(s)))
        return cls(tuple(known if max_tokens is None else known[: max_tokens - len(SPECIALS)]))

    def __len__(self) -> int:
        return len(SPECIALS) + len(self.symbols)

    def ids(self, symbols: Iterable[Symbol]) -> npt.NDArray[np.int32]:
        """Ids of symbols, UNK for unknown ones. Shapes: T symbols -> (T,)."""
        known = self._known
        return np.array([known.get(symbol, UNK) for symbol in symbols], np.int32)

    def symbols_of(self, ids: Iterable[int]) -> list[Symbol]:
        """Symbols of ids up to the first EOS, without PAD and BOS."""
        found: list[Symbol] = []
        for index in ids:
            if index == EOS:
                break
            if index not in (PAD, BOS):
                found.append(self.symbols[index - len(SPECIALS)] if index != UNK else UNKNOWN)
        return found

    @functools.cached_property
    def _known(self) -> dict[Symbol, int]:
        return {symbol: len(SPECIALS) + n for n, symbol in enumerate(self.symbols)}


def check_vocabulary(where: str, max_tokens: int | None, min_count: int, max_length: int | None) -> None:
    """Refuse settings no vocabulary can have.

    Raises:
        ArgumentError: max_tokens that leaves no symbol, min_count or max_length below 1.
    """
    lowest: Sequence[tuple[str, int | None, int]] = (
        ("max_tokens", max_tokens, len(SPECIALS) + 1),
        ("min_count", min_count, 1),
        ("max_length", max_length, 1),
    )
    for name, value, low in lowest:
        if value is not None and value < low:
            raise ArgumentError.at(where, name, f"at least {low}", value)
