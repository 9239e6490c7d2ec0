"""What a model says of the token after any prefixes: a search that others lead asks a language model for its part.

Cost: a step of the model for each prefix that is new; its states are kept, so nothing is read twice.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import Any, final

import numpy as np

from elman import ops
from elman.decoding.decoder import Decoder
from elman.decoding.steps import split
from elman.errors import ArgumentError
from elman.executors import default
from elman.graph import Graph

__all__ = ["PrefixScores"]

Prefix = tuple[int, ...]


@final
class PrefixScores:
    """log p of the token after each of some prefixes, as `ctc_beam` asks a language model for it.

    Args:
        model: of the next token, as `Decoder` takes it, with no other input.
        begin: the token before every prefix.
    Raises: ArgumentError: a model with other inputs.
    Example:
        >>> from elman import Sequential
        >>> from elman.layers import GRU, Dense, Embedding, Input
        >>> words = Input((None,), dtype="int32")
        >>> model = Sequential([words, Embedding(5, 4), GRU(4, return_sequences=True), Dense(5)])
        >>> PrefixScores(model, begin=1)([(), (2, 3)]).shape
        (2, 5)
    """

    def __init__(self, model: Any, begin: int) -> None:
        decoder = Decoder(model)
        if len(decoder.program.inputs) != 1:
            names = [str(t.node.attrs["name"]) for t in decoder.program.inputs]
            raise ArgumentError.at("PrefixScores", "model", "one that reads tokens alone", names)
        made = split(decoder.where, decoder.program, 0, (False,), 1)
        scores, *after = made.step.outputs[: 1 + made.states]
        self._step = default().compile(Graph(made.step.inputs, (ops.log_softmax(scores), *after)))
        first = default().compile(made.reader).run([np.zeros(1, np.int32)]).outputs
        self._log_p: dict[Prefix, np.ndarray] = {}
        self._states: dict[Prefix, list[np.ndarray]] = {}
        self._read([()], [begin], [np.broadcast_to(s, (1, *s.shape[1:])) for s in first])

    def __call__(self, prefixes: Sequence[Prefix]) -> np.ndarray:
        """Shapes: N prefixes -> (N, V)."""
        new: dict[Prefix, None] = {}
        for prefix in prefixes:
            for length in range(len(prefix), 0, -1):
                if prefix[:length] in self._log_p:
                    break
                new[prefix[:length]] = None
        for _, group in itertools.groupby(sorted(new, key=len), key=len):
            these = list(group)
            before = zip(*(self._states[p[:-1]] for p in these), strict=True)
            self._read(these, [p[-1] for p in these], [np.stack(states) for states in before])
        return np.stack([self._log_p[p] for p in prefixes])

    def _read(self, prefixes: list[Prefix], last: list[int], states: list[np.ndarray]) -> None:
        """Their last tokens. Shapes: states (N, ...) each, before them."""
        tokens = np.array(last, np.int32)[:, None]
        log_p, *after = self._step.run([tokens, *map(np.ascontiguousarray, states)]).outputs
        for row, prefix in enumerate(prefixes):
            self._log_p[prefix], self._states[prefix] = log_p[row], [s[row] for s in after]
