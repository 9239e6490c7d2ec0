"""Bidirectional: past and future of every step."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal, final

from elman.errors import ArgumentError, ShapeError
from elman.graph import trace as ops
from elman.graph.node import Tensor
from elman.layers.base import Layer, Mask
from elman.layers.registry import deserialize, register, serialize
from elman.layers.rnn.recurrence import Recurrence, leaves, turned
from elman.shapes import text

MergeMode = Literal["concat", "sum", "mul", "ave"] | None
_MODES = ("concat", "sum", "mul", "ave", None)


@register
@final
class Bidirectional(Layer):
    """Two recurrent layers, one reading forwards, one backwards; each step sees what was and what will be.

    For sequences that are known as a whole: tagging, classification. Not for forecasts or streams, which have no
    future yet. y_t = merge(forward_t, backward_t), both at the same time t; without return_sequences, merge of both
    last outputs.

    Args:
        layer: a recurrent layer; copied, with fresh weights.
        merge_mode: "concat" (2U features), "sum", "mul", "ave", or None: both outputs.
        weights: arrays to start from: those of the forward layer, then of the backward one.
        backward_layer: another layer for the way back (go_backwards=True); default a copy of `layer`.
    Call:     as `RNN`; initial_state holds the forward states, then the backward ones. Masked steps give 0.
    Shapes:   x (B, T, F) -> (B, T, 2U) or (B, 2U); U instead of 2U unless "concat".
    Raises:   ArgumentError: not a recurrent layer; an unknown mode; layers that do not match. ShapeError: outputs of
              unlike shape that are to be added or multiplied.
    Source:   Schuster and Paliwal 1997, "Bidirectional Recurrent Neural Networks".
    Example:
        >>> from elman.layers import LSTM, Input
        >>> Bidirectional(LSTM(8, return_sequences=True))(Input((None, 4))).shape
        (B, T, 16)
    """

    axes = ("B", "T", "F")
    input_kind = "real"
    supports_masking = True

    def __init__(
        self, layer: Any, merge_mode: MergeMode = "concat", weights: Any = None,
        backward_layer: Any = None, **kwargs: Any,
    ) -> None:  # fmt: skip
        for argument, given in (("layer", layer), ("backward_layer", backward_layer)):
            if not isinstance(given, Recurrence) and (given is not None or argument == "layer"):
                raise ArgumentError.at(
                    "Bidirectional",
                    argument,
                    "be a recurrent layer over (B, T, F)",
                    given,
                    "Pass LSTM(8), for example.",
                )
        if merge_mode not in _MODES:
            raise ArgumentError.at("Bidirectional", "merge_mode", f"be one of {_MODES}", merge_mode)
        kwargs.setdefault("batch_input_shape", _hint(layer))
        super().__init__(**kwargs)
        self.merge_mode = merge_mode
        self.forward_layer = _copy(layer, "forward", layer.go_backwards)
        self.backward_layer: Recurrence = backward_layer or _copy(layer, "backward", not layer.go_backwards)
        self._share_dtype(kwargs.get("dtype"), *self._pair)
        self._check_pair()
        for one in (self.forward_layer, self.backward_layer):
            one.zero_output_for_mask = one.return_sequences
        self._start = weights

    def build(self, input_shape: tuple[Any, ...]) -> None:
        """Build both layers."""
        for one in (self.forward_layer, self.backward_layer):
            if not one.built:
                one.build(input_shape)
        if self._start is not None:
            self.set_weights(self._start)

    def call(self, x: Tensor, initial_state: Any = None, mask: Mask | None = None) -> Any:
        """Both ways, merged."""
        given, forth = initial_state, len(self.forward_layer.cell.state_sizes)
        states = (None, None) if given is None else (leaves(given)[:forth], leaves(given)[forth:])
        ways = [
            one(x, initial_state=state, mask=mask)
            for one, state in zip((self.forward_layer, self.backward_layer), states, strict=True)
        ]
        finals = [s for way in ways for s in way[1:]] if self.return_state else []
        outputs = [way[0] for way in ways] if self.return_state else ways
        if self.return_sequences:
            outputs = [turned(y, mask) if o.go_backwards else y for y, o in zip(outputs, self._pair, strict=True)]
        if self.merge_mode in ("sum", "mul", "ave") and outputs[0].shape != outputs[1].shape:
            rule = f"have outputs of shape {text(outputs[0].shape)}, as layer has"
            cure = 'Give both as many units, or take merge_mode="concat".'
            raise ShapeError.at(self.where, "backward_layer", rule, text(outputs[1].shape), cure)
        merged = [outputs[0], outputs[1]] if self.merge_mode is None else [self._merge(*outputs)]
        return [*merged, *finals] if len(merged) + len(finals) > 1 else merged[0]

    def compute_mask(self, x: Tensor, mask: Any) -> Any:
        """The input's mask on every output that is a sequence."""
        through = mask if self.return_sequences else None
        return [through] * (2 if self.merge_mode is None else 1)

    @property
    def return_sequences(self) -> bool:
        """As the forward layer's."""
        return self.forward_layer.return_sequences

    @property
    def return_state(self) -> bool:
        """As the forward layer's."""
        return self.forward_layer.return_state

    @property
    def stateful(self) -> bool:
        """As the forward layer's."""
        return self.forward_layer.stateful

    def reset_state(self, rows: Sequence[int] | None = None) -> None:
        """Forget what both layers have kept, for all rows of the batch or some."""
        for one in self._pair:
            one.reset_state(rows)

    def get_config(self) -> dict[str, Any]:
        """Both layers and how they are merged."""
        layers = {"layer": serialize(self.forward_layer), "backward_layer": serialize(self.backward_layer)}
        return {**self._common_config(), **layers, "merge_mode": self.merge_mode}

    @property
    def _pair(self) -> tuple[Recurrence, Recurrence]:
        return self.forward_layer, self.backward_layer

    def _merge(self, a: Tensor, b: Tensor) -> Tensor:
        if self.merge_mode == "concat":
            return ops.concatenate([a, b], -1)
        if self.merge_mode == "mul":
            return a * b
        return (a + b) * 0.5 if self.merge_mode == "ave" else a + b

    def _check_pair(self) -> None:
        """Raises: ArgumentError: both go one way, or differ in what they return or keep."""
        if self.forward_layer.go_backwards == self.backward_layer.go_backwards:
            both = self.backward_layer.go_backwards
            raise ArgumentError.at(
                self.where, "backward_layer", f"have go_backwards={not both}", both, "Turn one of them round."
            )
        for option in ("stateful", "return_sequences", "return_state"):
            wanted, found = getattr(self.forward_layer, option), getattr(self.backward_layer, option)
            if wanted != found:
                raise ArgumentError.at(self.where, f"backward_layer.{option}", f"be {wanted} as layer's", found)


def _copy(layer: Recurrence, way: str, backwards: bool) -> Recurrence:
    """A layer of the same configuration with fresh weights and a name that says which way it goes."""
    described = serialize(layer)
    name = f"{way}_{layer.name.removeprefix(f'{way}_')}"
    config = {**described["config"], "name": name, "go_backwards": backwards}
    made: Recurrence = deserialize({**described, "config": config})
    return made


def _hint(layer: Layer) -> tuple[Any, ...] | None:
    return None if layer.input_shape_hint is None else (layer.batch_size_hint, *layer.input_shape_hint)
