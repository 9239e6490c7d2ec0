"""Which layers can read a sequence one step at a time, and the states they carry from one step to the next.

A tensor whose second axis is T is a sequence of the stream. Only what is made of such tensors must be causal; behind
the last output of a recurrent layer any layer will do.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, final

from elman.errors import ArgumentError
from elman.graph import Tensor, placeholder
from elman.graph.node import kind
from elman.layers import (
    ActivityRegularization,
    Bidirectional,
    Concatenate,
    Dot,
    Embedding,
    Flatten,
    GlobalAveragePooling1D,
    GlobalMaxPooling1D,
    InputLayer,
    Lambda,
    Layer,
    LayerNormalization,
    Masking,
    PReLU,
    Softmax,
    TimeDistributed,
)
from elman.layers.base import Companion, tracing
from elman.layers.merging import Merge
from elman.layers.regularization import Noise
from elman.layers.rnn.recurrence import Recurrence
from elman.layers.rnn.skip_wrappers import SkipWrapper
from elman.shapes import T, text
from elman.training import Program

__all__ = ["Carrier", "check_stepwise"]

_ALWAYS = (ActivityRegularization, Embedding, InputLayer, Masking, Noise, SkipWrapper, TimeDistributed)
_WHOLE: dict[type, str] = {
    Dot: "it compares every step with every other, as attention does",
    Flatten: "it joins all steps into one row",
    GlobalAveragePooling1D: "it takes the mean over all steps",
    GlobalMaxPooling1D: "it takes the largest over all steps",
}


@final
class Carrier(Companion):
    """Makes the states of recurrent layers inputs and outputs of a graph, and refuses layers that cannot be streamed.

    Args:
        where: for errors.
        inputs: the sequences the model is traced on.
        carried: for each walk, in order, whether its states are carried; None where T is open and tells.
    """

    carries: ClassVar[bool] = True

    def __init__(self, where: str, inputs: Sequence[Tensor], carried: Sequence[bool] | None = None) -> None:
        self.where = where
        self.carried: list[bool] = []
        self.before: list[Tensor] = []
        self.after: list[Tensor] = []
        self.initial: list[Tensor] = []
        self._inputs = {id(t) for t in inputs}
        self._known = None if carried is None else list(carried)

    def start(self, layer: str, steps: Tensor, states: Sequence[Tensor]) -> Sequence[Tensor]:
        """The states of the stream, if this walk goes along it."""
        here = steps.shape[0] == T if self._known is None else self._known[len(self.carried)]
        self.carried.append(here)
        if not here:
            return states
        leaves = [placeholder(f"{layer}/state_{i}", s.shape, s.dtype) for i, s in enumerate(states)]
        self.initial.extend(states)
        self.before.extend(leaves)
        return leaves

    def finish(self, layer: str, states: Sequence[Tensor]) -> None:
        """The states for the next step. Shapes: states (B, U) each."""
        if self.carried[-1]:
            self.after.extend(states)

    def enter(self, layer: Any, x: Any, args: Sequence[Any], kwargs: Mapping[str, Any]) -> None:
        """Refuse a layer that looks at more than the steps so far. Raises: ArgumentError: with the reason."""
        tensors = [t for t in (x if isinstance(x, (list, tuple)) else [x]) if isinstance(t, Tensor)]
        if self._known is not None or not any(_timed(t) for t in tensors):
            return
        self.check_between(tensors)
        reason = _reason(layer, tensors)
        if reason is None and isinstance(layer, Recurrence) and (args or kwargs.get("initial_state") is not None):
            reason = "its initial_state comes from another layer"
        if reason is not None:
            raise self._refusal(layer.where, reason)

    def check_between(self, tensors: Sequence[Tensor]) -> None:
        """Refuse operators between layers that mix steps."""
        stack = [t for t in tensors if t.origin is None]
        while stack:
            t = stack.pop()
            inputs = t.node.inputs
            if id(t) in self._inputs or not any(_timed(i) for i in inputs):
                continue
            if kind(t.node) != "pointwise":
                raise self._refusal(f"operator {t.node.op}", "between layers only element-wise ones keep to a step")
            stack.extend(i for i in inputs if i.origin is None)

    def _refusal(self, what: str, reason: str) -> ArgumentError:
        cure = "Call predict on the whole sequence, or train a model that looks back alone."
        return ArgumentError.at(
            self.where, "model", "made of layers that need the steps so far alone", what, cure, because=reason
        )


def check_stepwise(where: str, program: Program) -> None:
    """Raises: ArgumentError: a model that cannot read long sequences in pieces with a target for each step."""
    for what, tensors in (("inputs", program.inputs), ("outputs", program.outputs)):
        other = next((t for t in tensors if not _timed(t)), None)
        if other is not None:
            rule = f"have {what} of shape (B, T, ...), T open"
            cure = "Give Input((None, F)), and return_sequences=True to every recurrent layer."
            raise ArgumentError.at(where, "model", rule, text(other.shape), cure)
    leaves = [placeholder(str(t.node.attrs["name"]), t.shape, t.dtype) for t in program.inputs]
    carrier = Carrier(where, leaves)
    with tracing(training=False, companion=carrier):
        outputs = program.trace(leaves)
    carrier.check_between(outputs)


def _timed(t: Tensor) -> bool:
    return t.ndim > 1 and t.shape[1] == T


def _reason(layer: Layer, inputs: Sequence[Tensor]) -> str | None:
    """Why a layer cannot read these sequences step by step; None where it can."""
    if isinstance(layer, Bidirectional):
        return "it reads the sequence from its end, too, which a stream has not reached"
    if isinstance(layer, Recurrence):
        return "it starts at the end of the sequence (go_backwards), which is not known" if layer.go_backwards else None
    if isinstance(layer, Softmax):
        return "it divides by a sum over all steps" if _on_time(layer.axis, inputs) else None
    if isinstance(layer, LayerNormalization):
        return "it takes the mean over all steps" if _on_time(layer.axis, inputs) else None
    if isinstance(layer, PReLU):
        long = layer.alpha.shape[0] != 1 if layer.built and inputs[0].ndim > 2 else False
        return "it has a slope for every step: share them with shared_axes=[1]" if long else None
    if isinstance(layer, Concatenate) and _on_time(layer.axis, inputs):
        return "it puts one sequence behind another"
    if type(layer) in _WHOLE:
        return _WHOLE[type(layer)]
    if isinstance(layer, Merge):
        mixed = any(not _timed(t) for t in inputs)
        return "it joins sequences with something that is none" if mixed else None
    if layer.stepwise or isinstance(layer, _ALWAYS) or hasattr(layer, "network"):
        return None
    if isinstance(layer, Lambda):
        return "nobody knows what a function does with time: write a Layer with stepwise = True"
    return "it does not say that it treats every step by itself: set stepwise = True in its class if it does"


def _on_time(axis: Any, inputs: Sequence[Tensor]) -> bool:
    axes = [axis] if isinstance(axis, int) else list(axis)
    return any(a % inputs[0].ndim == 1 for a in axes)
