"""TimeDistributed: a layer on every step by itself."""

from __future__ import annotations

from typing import Any, final

from elman.errors import ArgumentError, ShapeError
from elman.graph import trace as ops
from elman.graph.node import Tensor
from elman.layers.base import Layer
from elman.layers.registry import register
from elman.shapes import rank_problem, text


@register
@final
class TimeDistributed(Layer):
    """The same layer on each step of a sequence, as if every step were a row of the batch.

    `Dense` does so by itself; use this for layers that take one example a time, such as an LSTM over the words of
    each sentence.

    Args:     layer: the layer; its weights are shared by all steps.
    Shapes:   x (B, T, ...) -> (B, T, *what the layer makes of (B, ...)).
    Raises:   ShapeError: x has no time axis. ArgumentError: `layer` is not a layer.
    Example:
        >>> from elman.layers import LSTM, Input
        >>> TimeDistributed(LSTM(6))(Input((None, 5, 3))).shape
        (B, T, 6)
    """

    supports_masking = True
    layer: Layer

    def __init__(self, layer: Layer, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        if not isinstance(layer, Layer):
            raise ArgumentError.at(self.where, "layer", "be a layer", layer, "Pass Dense(3), for example.")
        self.layer = layer
        self._share_dtype(kwargs.get("dtype"), layer)

    def build(self, input_shape: tuple[Any, ...]) -> None:
        """Build the layer for one step."""
        self._need_time(tuple(input_shape))
        if not self.layer.built:
            self.layer.build((input_shape[0], *input_shape[2:]))
            self.layer.built = True

    def call(self, x: Tensor) -> Any:
        """Time and batch as one axis, the layer, and back; a layer that works step by step is called as it is."""
        self._need_time(x.shape)
        if self.layer.stepwise:
            return self.layer(x)
        together = ops.reshape(x, (x.shape[0] * x.shape[1], *x.shape[2:]))
        y = self.layer(together)
        return ops.reshape(y, (x.shape[0], x.shape[1], *y.shape[1:]))

    def _need_time(self, shape: tuple[Any, ...]) -> None:
        if len(shape) < 3:
            because, cure = rank_problem("x", ("B", "T", "F"), len(shape))
            raise ShapeError.at(self.where, "x", "have shape (B, T, ...)", text(shape), cure, because=because)
