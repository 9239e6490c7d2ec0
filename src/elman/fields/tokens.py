"""Ready-made sequences of symbols: words of a tagged sentence, notes, codes, moves."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, Self

import numpy as np

from elman.errors import DataError, DTypeError
from elman.fields.base import MAX_LENGTH, Encoded, Field
from elman.fields.samples import class_ids, plain, rows_of, samples_of, together, truncated
from elman.fields.vocabulary import Symbol, Vocabulary, check_vocabulary

__all__ = ["Tokens", "symbol_rows"]


class Tokens(Field[Any]):
    """Sequences of symbols, texts or whole numbers, as ids; the first four ids are PAD, UNK, BOS and EOS.

    Unlike `Text` it splits nothing: each symbol is one step, so tags stay aligned with it. `encode` adds no BOS and no
    EOS; `decode` drops PAD and BOS and ends at EOS.

    Args:
        lower: whether the letters of symbols become small.
        max_tokens: the most ids there may be, the special ones counted; None: all symbols.
        min_count: how often a symbol must occur to be known.
        max_length: symbols beyond which a sequence is cut, with a warning; None: never.

    Shapes:
        fit: N sequences; encode: N sequences -> (N, T) or N arrays (T_i,), int32; decode: (N, T) ids, (N, T, V) scores,
        or a list of such rows -> N lists of symbols.

    Raises:
        DataError: no samples.
        DTypeError: a sample is no sequence, a symbol no text and no whole number.

    Example:
        >>> field = Tokens().fit([["red", "green"], ["red"]])
        >>> [ids.tolist() for ids in field.encode([["green", "red"], ["blue"], []])]
        [[5, 4], [1], []]
        >>> field.decode([[5, 4, 3]])
        [['green', 'red']]
    """

    kind: ClassVar[str] = "tokens"
    sequence: ClassVar[bool] = True

    def __init__(
        self,
        lower: bool = False,
        max_tokens: int | None = None,
        min_count: int = 1,
        max_length: int | None = MAX_LENGTH,
    ) -> None:
        check_vocabulary("Tokens", max_tokens, min_count, max_length)
        self.lower, self.max_tokens, self.min_count, self.max_length = lower, max_tokens, min_count, max_length
        self.vocabulary = Vocabulary(())

    @property
    def shape(self) -> tuple[int | None, ...]:
        """(None,)."""
        return (None,)

    @property
    def size(self) -> int:
        """How many ids there are, the special ones counted."""
        return len(self.vocabulary)

    @property
    def dtype(self) -> str:
        """int32."""
        return "int32"

    def fit(self, values: Any) -> Self:
        """Learn the symbols of the training part."""
        self.vocabulary = Vocabulary.learn(self._rows("fit", values, fitting=True), self.max_tokens, self.min_count)
        self.fitted = True
        return self

    def encode(self, values: Any) -> Encoded:
        """Sequences of symbols -> ids."""
        self._check_fitted("encode")
        ids = [self.vocabulary.ids(row) for row in self._rows("encode", values)]
        return together(truncated("Tokens.encode", ids, self.max_length)) if ids else np.zeros((0, 0), np.int32)

    def decode(self, batch: Any, lengths: Any = None) -> list[list[Symbol]]:
        """Ids or scores -> sequences of symbols."""
        self._check_fitted("decode")
        return [self.vocabulary.symbols_of(class_ids(row, rank=1).tolist()) for row in rows_of(batch, lengths)]

    def describe(self) -> str:
        """One line: how many ids, and the most frequent symbols."""
        if not self.fitted:
            return "tokens: not fitted"
        return f"tokens: {self.size} ids" + "".join(f", {symbol!r}" for symbol in self.vocabulary.symbols[:4])

    def learned(self) -> dict[str, Any]:
        """The symbols."""
        return {"symbols": list(self.vocabulary.symbols)}

    def _restore(self, learned: Mapping[str, Any]) -> None:
        self.vocabulary = Vocabulary(tuple(learned["symbols"]))

    def _rows(self, verb: str, values: Any, *, fitting: bool = False) -> list[list[Symbol]]:
        rows = symbol_rows(self._at(verb), values, fitting=fitting)
        return [[s.lower() if isinstance(s, str) else s for s in row] for row in rows] if self.lower else rows


def symbol_rows(where: str, values: Any, *, fitting: bool = False) -> list[list[Symbol]]:
    """A column as lists of symbols.

    Raises:
        DataError: no samples while fitting.
        DTypeError: a sample is no sequence, a symbol no text and no whole number.
    """
    rows = []
    for row, sample in enumerate(samples_of(where, values, fitting=fitting)):
        if not isinstance(sample, list | tuple | np.ndarray):
            cure = "Split it first: text.split()." if isinstance(sample, str) else ""
            kind = DataError if sample is None else DTypeError
            raise kind.at(where, "values", "be lists of symbols", type(sample).__name__, cure, because=f"row {row}")
        symbols = [plain(symbol) for symbol in sample]
        for place, symbol in enumerate(symbols):
            if not isinstance(symbol, str | int):
                because = f"row {row}, symbol {place}"
                rule = "be lists of texts or whole numbers"
                raise DTypeError.at(where, "values", rule, type(symbol).__name__, because=because)
        rows.append(symbols)
    return rows
