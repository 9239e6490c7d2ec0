"""Which layers can read a sequence one step at a time, and the states they carry from one step to the next.

A tensor whose second axis is T is a sequence of the stream. Only what is made of such tensors must be causal; behind
the last output of a recurrent layer any layer will do.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, ClassVar, final

from elman.errors import ArgumentError
from elman.graph import Tensor, placeholder
from elman.graph.node import ancestors, kind
from elman.layers import (
    ActivityRegularization,
    AttentiveRNN,
    BatchNormalization,
    Bidirectional,
    Concatenate,
    Dot,
    Embedding,
    Flatten,
    InputLayer,
    Lambda,
    Layer,
    LayerNormalization,
    Masking,
    MixtureOfExperts,
    MultiHeadAttention,
    Permute,
    PReLU,
    RepeatVector,
    Reshape,
    Softmax,
    TimeDistributed,
    UpSampling1D,
    UpSampling2D,
)
from elman.layers.attention import Scored
from elman.layers.base import Companion, tracing
from elman.layers.global_pooling import GlobalAveragePooling, GlobalMaxPooling
from elman.layers.merging import Merge
from elman.layers.noise import Noise
from elman.layers.reshaping import Borders, Steps
from elman.layers.rnn.conv_lstm import ConvLSTM
from elman.layers.rnn.recurrence import Recurrence
from elman.layers.rnn.skip_wrappers import SkipWrapper
from elman.layers.windows import Sliding
from elman.shapes import T, product, text
from elman.training import Program

__all__ = ["Carrier", "check_stepwise"]

_ALWAYS = (
    ActivityRegularization, Embedding, InputLayer, Masking, MixtureOfExperts, Noise, SkipWrapper, TimeDistributed,
)  # fmt: skip
_WALKS = (Recurrence, ConvLSTM)
_NEVER: dict[type, str] = {
    AttentiveRNN: "it looks at a memory as a whole, which is not known before the end",
    Bidirectional: "it reads the sequence from its end, too, which a stream has not reached",
    Borders: "it adds or takes steps at the ends",
    Dot: "it compares every step with every other, as attention does",
    Flatten: "it joins all steps into one row",
    GlobalAveragePooling: "it takes the mean over all steps",
    GlobalMaxPooling: "it takes the largest over all steps",
    Lambda: "nobody knows what a function does with time: write a Layer with stepwise = True",
    MultiHeadAttention: "it looks at all steps",
    RepeatVector: "it takes all steps for one vector",
    Scored: "it looks at all steps",
    Steps: "it adds or takes steps at the ends",
    UpSampling1D: "it gives other steps than it takes",
    UpSampling2D: "it gives other steps than it takes",
}
_ALONG_TIME: dict[type, str] = {
    BatchNormalization: "it has a mean and a variance for every step",
    LayerNormalization: "it takes the mean over all steps",
    Softmax: "it divides by a sum over all steps",
}


@final
class Carrier(Companion):
    """Makes what layers remember inputs and outputs of a graph, and refuses layers that cannot be streamed.

    Recurrent layers remember their states, causal convolutions the steps that their windows look back at.

    Args:
        where: for errors.
        inputs: the sequences the model is traced on.
        carried: for each walk, in order, whether its states are carried; None where T is open and tells.
        restarts: whether a sequence may end, and another start, within a piece.
    """

    carries: ClassVar[bool] = True

    def __init__(
        self, where: str, inputs: Sequence[Tensor], carried: Sequence[bool] | None = None, restarts: bool = False
    ) -> None:
        self.where = where
        self.carried: list[bool] = []
        self.before: list[Tensor] = []
        self.after: list[Tensor] = []
        self.initial: list[Tensor] = []
        self._inputs = {id(t) for t in inputs}
        self._restarts = restarts
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
        if reason is None and isinstance(layer, _WALKS) and (args or kwargs.get("initial_state") is not None):
            reason = "its initial_state comes from another layer"
        if reason is None and self._restarts and isinstance(layer, Sliding) and layer.reach:
            reason = "its window would reach from one sequence into the next"
        if reason is not None:
            raise self._refusal(layer.where, reason)

    def leave(self, layer: Any, outputs: Any) -> None:
        """Refuse operators behind the last layer of a model within that mix steps. Raises: ArgumentError: which."""
        if self._known is None and _is_model(layer):
            self.check_between([*_tensors(outputs)])

    def check_between(self, tensors: Sequence[Tensor]) -> None:
        """Refuse operators between layers that mix steps, or put into each what only the end of a sequence tells."""
        stack = [t for t in tensors if t.origin is None]
        while stack:
            t = stack.pop()
            inputs = t.node.inputs
            if id(t) in self._inputs or not any(_timed(i) for i in (t, *inputs)):
                continue
            if kind(t.node) != "pointwise":
                raise self._refusal(f"operator {t.node.op}", "between layers only element-wise ones keep to a step")
            if any(not _timed(i) and self._read(i) for i in inputs):
                raise self._refusal(f"operator {t.node.op}", "it joins steps with what is known at their end alone")
            stack.extend(i for i in inputs if i.origin is None and _timed(i))

    def _read(self, t: Tensor) -> bool:
        """Whether a tensor was made from what the stream reads."""
        return any(n.op == "Input" for n in ancestors([t]))

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
    carrier = Carrier(where, leaves, restarts=True)
    with tracing(training=False, companion=carrier):
        outputs = program.trace(leaves)
    carrier.check_between(outputs)


def _timed(t: Tensor) -> bool:
    return t.ndim > 1 and t.shape[1] == T


def _reason(layer: Layer, inputs: Sequence[Tensor]) -> str | None:
    """Why a layer cannot read these sequences step by step; None where it can."""
    never = next((reason for kind_of, reason in _NEVER.items() if isinstance(layer, kind_of)), None)
    if never is not None:
        return never
    if isinstance(layer, _WALKS):
        return "it starts at the end of the sequence (go_backwards), which is not known" if layer.go_backwards else None
    if isinstance(layer, (BatchNormalization, LayerNormalization, Softmax)) and _on_time(layer.axis, inputs):
        return next(reason for kind_of, reason in _ALONG_TIME.items() if isinstance(layer, kind_of))
    if isinstance(layer, PReLU):
        long = layer.alpha.shape[0] != 1 if layer.built and inputs[0].ndim > 2 else False
        return "it has a slope for every step: share them with shared_axes=[1]" if long else None
    if isinstance(layer, Concatenate) and _on_time(layer.axis, inputs):
        return "it puts one sequence behind another"
    if isinstance(layer, Merge):
        mixed = any(not _timed(t) for t in inputs)
        return "it joins sequences with something that is none" if mixed else None
    if isinstance(layer, Sliding):
        if layer.strides[0] > 1:
            return "it gives other steps than it takes"
        back = layer.reach == 0 or layer.padding == "causal"
        return None if back else "its window reaches over steps to come: a convolution with padding='causal' looks back"
    if isinstance(layer, Permute):
        return None if layer.dims[0] == 1 else "it moves the axis of time"
    if isinstance(layer, Reshape):
        kept = layer.target_shape[0] == -1 and product(layer.target_shape[1:]) == product(inputs[0].shape[2:])
        return None if kept else "it may join numbers of several steps: begin target_shape with -1, the steps"
    known = (BatchNormalization, LayerNormalization, Softmax, *_ALWAYS)
    if layer.stepwise or isinstance(layer, known) or _is_model(layer):
        return None
    return "it does not say that it treats every step by itself: set stepwise = True in its class if it does"


def _tensors(outputs: Any) -> Iterator[Tensor]:
    """All that a model gives, in lists, tuples and dicts."""
    if isinstance(outputs, Tensor):
        yield outputs
    elif isinstance(outputs, (list, tuple, Mapping)):
        for one in outputs.values() if isinstance(outputs, Mapping) else outputs:
            yield from _tensors(one)


def _is_model(layer: Layer) -> bool:
    return hasattr(type(layer), "network")


def _on_time(axis: Any, inputs: Sequence[Tensor]) -> bool:
    axes = [axis] if isinstance(axis, int) else list(axis)
    return any(a % inputs[0].ndim == 1 for a in axes)
