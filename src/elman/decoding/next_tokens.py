"""A model of the next token, heard by a search that others lead: what it says is carried along with each text."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, final

import numpy as np

from elman import dtypes, ops
from elman.decoding.decoder import Decoder
from elman.decoding.searches import moved
from elman.decoding.steps import Split, Whereabouts, instantiated, split
from elman.errors import ArgumentError
from elman.executors import Plan, default
from elman.graph import Graph, Tensor, placeholder
from elman.shapes import B

__all__ = ["Heard", "NextTokens"]


@final
class NextTokens:
    """What a language model says of the token after each beginning of a text, for `ctc_beam`.

    Args:
        model: of the next token, as `Decoder` takes it, with no other input.
        begin: the token before every text.
        tokens: the model's token for each label of the search; None: they have the same numbers.
    Raises: ArgumentError: a model with other inputs; tokens that it has not.
    Example:
        >>> from elman import Sequential
        >>> from elman.decoding import ctc_beam
        >>> from elman.layers import GRU, Dense, Embedding, Input
        >>> words = Input((None,), dtype="int32")
        >>> model = Sequential([words, Embedding(5, 4), GRU(4, return_sequences=True), Dense(5)])
        >>> y = np.eye(5)[[[1, 1, 0, 1, 2]]] + 0.001
        >>> ctc_beam(y / y.sum(-1, keepdims=True), language_model=NextTokens(model, begin=1)).rows()
        [[[1, 1, 2]]]
    """

    def __init__(self, model: Any, begin: int, tokens: Sequence[int] | np.ndarray | None = None) -> None:
        decoder = Decoder(model)
        if len(decoder.program.inputs) != 1:
            names = [str(t.node.attrs["name"]) for t in decoder.program.inputs]
            raise ArgumentError.at("NextTokens", "model", "one that reads tokens alone", names)
        every = range(decoder.vocabulary)
        self.tokens = np.asarray(every if tokens is None else tokens, np.int32)
        self.begin = begin
        for token in (begin, *self.tokens.tolist()):
            if token not in every:
                rule, cure = f"from 0 to {every[-1]}", "The model has no others."
                raise ArgumentError.at("NextTokens", "tokens", rule, token, cure)
        self._where, self._program, self._weights = decoder.where, decoder.program, Whereabouts()
        self._readers: dict[int, tuple[Split, Plan]] = {}
        self._plans: dict[tuple[int, ...], Plan] = {}

    @property
    def dtype(self) -> str:
        """Type of what it says."""
        return self._made(1)[0].step.outputs[0].dtype

    def plan(self, key: tuple[int, ...], width: int, graph: Callable[[Heard], Graph]) -> Plan:
        """A search that keeps so many texts of each row, compiled once for each key."""
        made, _ = self._made(width)
        if key not in self._plans:
            self._plans[key] = default().compile(graph(Heard(made, width, len(self.tokens), self.begin)))
        return self._plans[key]

    def arrays(self, rows: int, width: int) -> list[np.ndarray]:
        """What `Heard.inputs` are given, but for the weight."""
        made, reader = self._made(width)
        found = reader.run([np.zeros(rows, np.int32)]).outputs
        first = len(found) - made.states
        states = [np.repeat(np.broadcast_to(s, (rows, *s.shape[1:])), width, 0) for s in found[first:]]
        return [self.tokens, *states, *found[:first]]

    def _made(self, width: int) -> tuple[Split, Plan]:
        if self._weights.moved(self._program):
            self._readers.clear()
            self._plans.clear()
        if width not in self._readers:
            made = split(self._where, self._program, 0, (False,), width)
            self._readers[width] = made, default().compile(made.reader)
        return self._readers[width]


@final
class Heard:
    """A language model within the graph of a search over K texts of each row.

    Args: model: cut. width: K. labels: V, how many the search has. begin: the token before every text.
    Attributes: inputs: the weight, the token of each label, the states, and what a step reads besides.
    """

    def __init__(self, model: Split, width: int, labels: int, begin: int) -> None:
        self.model, self.width, self.begin = model, width, begin
        leaves = [placeholder(f"heard{i}", t.shape, t.dtype) for i, t in enumerate(model.step.inputs[1:])]
        self.states, self.read = leaves[: model.states], leaves[model.states :]
        self.weight = placeholder("weight", (), model.step.outputs[0].dtype)
        self.tokens = placeholder("tokens", (labels,), dtypes.INT32)
        self.inputs = self.weight, self.tokens, *leaves

    def begun(self) -> list[Tensor]:
        """What is carried before any label. Shapes: -> log p of each token (B, K, W); states (K B, ...)."""
        first = ops.full(self.model.step.inputs[0].shape, self.begin, dtypes.INT32)
        return self._said(first, self.states)

    def likes(self, said: Tensor, labels: Tensor) -> Tensor:
        """Weight times log p. Shapes: said (B, K, W), labels (B, C) -> (B, K, C)."""
        tokens = ops.one_hot(self._tokens(labels), self.model.classes, said.dtype)
        return self.weight * (said @ ops.swapaxes(tokens, 1, 2))

    def read_on(self, carried: Sequence[Tensor], chain: Tensor, label: Tensor) -> list[Tensor]:
        """What is carried, after texts came from others, and some grew by a label.

        Shapes: chain (B, K, K) of 0 and 1, label (B, K), below 0 where a text stays.
        """
        said, *states = carried
        old = [chain @ said, *(moved(chain, s) for s in states)]
        token = self._tokens(ops.maximum(label, 0.0))
        made = self._said(ops.reshape(token, (-1, 1)), old[1:])
        grew = [ops.expand_dims(label, -1), *(ops.reshape(label, (-1, *[1] * (s.ndim - 1))) for s in states)]
        return [ops.where(g >= 0.0, new, same) for g, new, same in zip(grew, made, old, strict=True)]

    def _tokens(self, labels: Tensor) -> Tensor:
        return ops.take(self.tokens, ops.cast(labels, dtypes.INT32))

    def _said(self, token: Tensor, states: Sequence[Tensor]) -> list[Tensor]:
        """After one more token. Shapes: token (K B, 1) -> as `begun`."""
        scores, *after = instantiated(self.model.step, [token, *states, *self.read])
        said = ops.reshape(ops.log_softmax(scores), (B, self.width, self.model.classes))
        return [said, *after[: self.model.states]]
