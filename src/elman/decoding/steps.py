"""A model that predicts tokens, cut in two: what is read once, and the step from a token to the scores of the next.

The model is traced twice, on the rows of the inputs and on the rows of the search (a beam has several for each), both
times on tokens of one step. What the step needs from the other inputs is found by walking back from the scores: the
largest parts that no token and no carried state goes into. They become inputs of the step.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, final

import numpy as np

from elman import ops
from elman.errors import ArgumentError
from elman.graph import Graph, Tensor, placeholder
from elman.graph.node import ancestors
from elman.graph.rewrite.rebuild import copy, rebuild
from elman.layers import (
    AdditiveAttention,
    Attention,
    AttentiveCell,
    Bidirectional,
    Embedding,
    Layer,
    Masking,
    MultiHeadAttention,
    TimeDistributed,
)
from elman.layers.base import Companion, Mask, tracing
from elman.layers.merging import Merge
from elman.layers.noise import Noise
from elman.layers.rnn.recurrence import Recurrence
from elman.layers.rnn.skip_wrappers import SkipWrapper
from elman.shapes import B, Size

__all__ = ["NEVER", "Split", "Whereabouts", "instantiated", "split"]

NEVER = -1e30
"""The score of what cannot be."""

_STEPWISE = (Embedding, Masking, Merge, Noise, SkipWrapper, TimeDistributed)
_LOOKS = (Attention, AdditiveAttention, MultiHeadAttention)


@final
class _Following(Companion):
    """Makes states of layers that read tokens inputs and outputs of the step; refuses layers that look further."""

    carries: ClassVar[bool] = True

    def __init__(self, where: str, tokens: Tensor) -> None:
        self.where, self.tokens = where, tokens
        self.before: list[Tensor] = []
        self.after: list[Tensor] = []
        self.initial: list[Tensor] = []
        self.looked: list[Tensor] = []
        self._here: list[bool] = []

    def start(self, layer: str, steps: Tensor, states: Sequence[Tensor]) -> Sequence[Tensor]:
        """The states carried from token to token, if the walk reads tokens."""
        self._here.append(self._reads(steps))
        if not self._here[-1]:
            return states
        leaves = [placeholder(f"{layer}/state_{i}", s.shape, s.dtype) for i, s in enumerate(states)]
        self.initial.extend(states)
        self.before.extend(leaves)
        return leaves

    def finish(self, layer: str, states: Sequence[Tensor]) -> None:
        """The states after the token."""
        if self._here[-1]:
            self.after.extend(states)

    def watch(self, cell: Any, x: Tensor, before: Sequence[Tensor], after: Sequence[Tensor]) -> Sequence[Tensor]:
        """Where a decoder looks."""
        looks = isinstance(cell, AttentiveCell) and self._here[-1] and cell.weights_now is not None
        return [cell.weights_now] if looks else []

    def watched(self, layer: str, kept: Sequence[Tensor]) -> None:
        """The weights of the step. Shapes: (1, B, S) each."""
        self.looked.extend(ops.squeeze(t, 0) for t in kept)

    def look(self, query: Tensor, weights: Tensor) -> None:
        """The weights of the step. Shapes: query (B, 1, F), weights (B, 1, S)."""
        if self._reads(query):
            self.looked.append(ops.squeeze(weights, 1))

    def enter(self, layer: Any, x: Any, args: Sequence[Any], kwargs: Mapping[str, Any]) -> None:
        """Refuse a layer that looks at more tokens than the last. Raises: ArgumentError: with the reason."""
        parts = (*(x if isinstance(x, (list, tuple)) else [x]), *args, *kwargs.values())
        read = [self._reads(t) for t in parts if isinstance(t, Tensor)]
        if any(read):
            reason = _reason(layer, read, kwargs)
            if reason is not None:
                cure = "Decode with a recurrent model, or predict the whole sequence again for each token."
                rule = "made of layers that need one token at a time"
                raise ArgumentError.at(self.where, "model", rule, layer.where, cure, because=reason)

    def _reads(self, t: Tensor) -> bool:
        return any(n is self.tokens.node or any(n is s.node for s in self.before) for n in ancestors([t]))


def _reason(layer: Layer, read: Sequence[bool], options: Mapping[str, Any]) -> str | None:
    """Why a layer needs more than the last token; None where it does not."""
    if isinstance(layer, Bidirectional):
        return "it reads the tokens from their end, too"
    if isinstance(layer, Recurrence):
        return "it begins at the last token (go_backwards)" if layer.go_backwards else None
    if isinstance(layer, _LOOKS):
        placed = options.get("use_causal_mask") or getattr(layer, "sliding_window", None) is not None
        return "it looks at all tokens" if any(read[1:]) else "where it looks depends on the place" if placed else None
    return None if layer.stepwise or isinstance(layer, _STEPWISE) else "it is not known to treat each step by itself"


@final
@dataclass(frozen=True)
class Split:
    """A model cut in two.

    Attributes:
        reader: (anything (B,), the other inputs, their lengths) -> (what the step needs of them, the first states).
        step: (token (R, 1), states, what the reader gave) -> (scores (R, V), states, where it looked (R, S) each).
        states, looked: how many of each.
    """

    reader: Graph
    step: Graph
    states: int
    looked: int

    @property
    def classes(self) -> int:
        """V, the number of tokens."""
        size = self.step.outputs[0].shape[-1]
        assert isinstance(size, int), "the decoder checks it"
        return size

    def without(self, tokens: Sequence[int]) -> Split:
        """The same, but some tokens never come next."""
        if not tokens:
            return self
        scores, *others = self.step.outputs
        allowed = np.full(self.classes, True)
        allowed[list(tokens)] = False
        kept = ops.where(allowed, scores, ops.full((), NEVER, scores.dtype))
        return dataclasses.replace(self, step=Graph(self.step.inputs, (kept, *others)))


@final
class Whereabouts:
    """Where the weights of a program lay when its plans were made; compiling a model for training moves them."""

    def __init__(self) -> None:
        self._known: list[np.ndarray] = []

    def moved(self, program: Any) -> bool:
        """Whether they lie elsewhere than at the last question."""
        before, self._known = self._known, [w.value for layer in program.layers for w in layer.weights]
        return len(before) != len(self._known) or any(a is not b for a, b in zip(before, self._known, strict=True))


@final
@dataclass(frozen=True)
class _Traced:
    leaves: list[Tensor]
    tokens: Tensor
    scores: Tensor
    companion: _Following

    @property
    def roots(self) -> list[Tensor]:
        return [self.scores, *self.companion.after, *self.companion.looked]


def split(where: str, program: Any, tokens: int, ragged: Sequence[bool], width: int) -> Split:
    """Cut a model. Args: tokens: which input they are. ragged: which others have lengths. width: beams of a row.

    Raises: ArgumentError: a layer that needs more than the last token.
    """
    once, many = (_traced(where, program, tokens, ragged, rows) for rows in (B, width * B))
    reader_side, step_side = (_border(t) for t in (once, many))
    needed = [placeholder(f"read{i}", t.shape, t.dtype) for i, t in enumerate(step_side)]
    given = [many.tokens, *many.companion.before]
    place = {(t.node.serial, t.index): leaf for t, leaf in zip(step_side, needed, strict=True)}
    step = Graph((*given, *needed), tuple(_replaced(many.roots, place)))
    rows = placeholder("rows", (B,), "int32")  # says how many there are, where there is no other input
    reader = Graph((rows, *once.leaves), (*reader_side, *once.companion.initial))
    return Split(reader, step, len(many.companion.before), len(many.companion.looked))


def instantiated(graph: Graph, inputs: Sequence[Tensor]) -> list[Tensor]:
    """The outputs of a graph on other tensors. Shapes: inputs as those of the graph -> as its outputs."""
    place = {(t.node.serial, t.index): value for t, value in zip(graph.inputs, inputs, strict=True)}
    return _replaced(graph.outputs, place)


def _traced(where: str, program: Any, tokens: int, ragged: Sequence[bool], rows: Size) -> _Traced:
    """The model on one token and whole other inputs."""
    leaves, lengths = [], []
    for i, (t, own) in enumerate(zip(program.inputs, ragged, strict=True)):
        shape = (rows, 1, *t.shape[2:]) if i == tokens else (rows, *t.shape[1:])
        leaf = placeholder(str(t.node.attrs["name"]), shape, t.dtype)
        leaf.mask = t.mask
        if own:
            lengths.append(placeholder(f"lengths{i}", (rows,), "int32"))
            leaf.mask = Mask(lengths=lengths[-1])
        leaves.append(leaf)
    companion = _Following(where, leaves[tokens])
    with tracing(training=False, companion=companion):
        (out,) = program.trace(leaves)
    out = out.node.inputs[0] if out.node.op == "Softmax" else out
    others = [leaf for i, leaf in enumerate(leaves) if i != tokens]
    return _Traced([*others, *lengths], leaves[tokens], ops.reshape(out, (rows, out.shape[-1])), companion)


def _border(traced: _Traced) -> list[Tensor]:
    """What the step takes from the other inputs, in the order in which it is read."""
    inside = {traced.tokens.node.serial, *(t.node.serial for t in traced.companion.before)}
    outer = {t.node.serial for t in traced.leaves}
    order = ancestors(traced.roots)
    for node in order:
        if any(t.node.serial in inside for t in node.inputs):
            inside.add(node.serial)
        elif any(t.node.serial in outer for t in node.inputs):
            outer.add(node.serial)
    read = [t for node in order if node.serial in inside for t in node.inputs]
    found = [t for t in (*read, *traced.roots) if t.node.serial not in inside and t.node.serial in outer]
    return list({(t.node.serial, t.index): t for t in found}.values())


def _replaced(roots: Sequence[Tensor], place: Mapping[tuple[int, int], Tensor]) -> list[Tensor]:
    """Roots with some tensors replaced by others."""
    nodes = {serial for serial, _ in place}

    def visit(node: Any, inputs: tuple[Tensor, ...]) -> Sequence[Tensor]:
        if node.serial not in nodes:
            return copy(node, inputs)
        kept = copy(node, inputs) if any((node.serial, t.index) not in place for t in node.outputs) else node.outputs
        return [place.get((node.serial, t.index), k) for t, k in zip(node.outputs, kept, strict=True)]

    return list(rebuild(Graph((), tuple(roots)), visit).outputs)
