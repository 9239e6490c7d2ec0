"""Ways past a recurrent layer, so that a stack of them trains: ResidualWrapper adds, HighwayWrapper chooses."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from typing import Any, final

from elman.errors import ArgumentError, ShapeError
from elman.graph import trace as ops
from elman.graph.node import Tensor
from elman.layers.base import Layer, Mask
from elman.layers.registry import register
from elman.layers.rnn.bidirectional import Bidirectional
from elman.layers.rnn.recurrence import Recurrence, turned
from elman.shapes import text


class SkipWrapper(Layer):
    """A recurrent layer that gives whole sequences, and its input beside it, in the order of the layer's outputs.

    Shapes:   x (B, T, F) -> (B, T, F).
    """

    axes = ("B", "T", "F")
    input_kind = "real"
    supports_masking = True
    layer: Recurrence | Bidirectional

    def __init__(self, layer: Any, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        if not isinstance(layer, (Recurrence, Bidirectional)) or not layer.return_sequences:
            received = layer if not isinstance(layer, Layer) else layer.where
            rule, cure = (
                "be a recurrent layer over (B, T, F) with return_sequences=True",
                "Each step of x is joined to one of y.",
            )
            raise ArgumentError.at(self.where, "layer", rule, received, cure)
        if isinstance(layer, Bidirectional) and layer.merge_mode is None:
            rule, cure = "have one output", 'Choose a merge_mode, "sum" say.'
            raise ArgumentError.at(self.where, "layer", rule, "merge_mode=None, which gives two", cure)
        self.layer = layer
        self._share_dtype(kwargs.get("dtype"), layer)

    def build(self, input_shape: tuple[Any, ...]) -> None:
        """Build the layer."""
        if not self.layer.built:
            self.layer.build(input_shape)

    def call(self, x: Tensor, initial_state: Any = None, mask: Mask | None = None) -> Any:
        """The layer's result joined to x; its states, if it returns them, as they are."""
        made = self.layer(x, initial_state=initial_state, mask=mask)
        y, *states = made if isinstance(made, list) else [made]
        if y.shape[-1] != x.shape[-1]:
            rule, cure = (
                f"have as many outputs as x has features, {x.shape[-1]}",
                "Choose its units so, or put a Dense before.",
            )
            raise ShapeError.at(self.where, "layer", rule, text(y.shape), cure)
        if isinstance(self.layer, Recurrence) and self.layer.go_backwards:  # its outputs begin with the last step
            x = turned(x, mask)
        joined = self._join(x, y)
        return [joined, *states] if states else joined

    def compute_mask(self, x: Any, mask: Any) -> Any:
        """That of the layer."""
        return self.layer.compute_mask(x, mask)

    def reset_state(self, rows: Sequence[int] | None = None) -> None:
        """Forget what the layer has kept, for all rows of the batch or some."""
        self.layer.reset_state(rows)

    @abstractmethod
    def _join(self, x: Tensor, y: Tensor) -> Tensor:
        """Both as one. Shapes: (B, T, F) each -> (B, T, F)."""


@register
@final
class ResidualWrapper(SkipWrapper):
    """x + layer(x): the layer learns only what is to be changed.

    For stacks of three and more recurrent layers of one width. Padded steps of x come through as they are.

    y_t = x_t + layer(x)_t.

    Args:     layer: a recurrent or Bidirectional layer with return_sequences=True and as many outputs as inputs. With
              go_backwards, x is turned round, too.
    Shapes:   x (B, T, F) -> (B, T, F), and the layer's states if it returns them.
    Raises:   ArgumentError: another layer. ShapeError: it gives other than F features.
    Source:   He et al. 2016, "Deep Residual Learning for Image Recognition", equation 1; between recurrent layers Wu et
              al. 2016, "Google's Neural Machine Translation System", section 3.1.
    Example:
        >>> from elman.layers import LSTM, Input
        >>> ResidualWrapper(LSTM(8, return_sequences=True))(Input((None, 8))).shape
        (B, T, 8)
    """

    def _join(self, x: Tensor, y: Tensor) -> Tensor:
        return x + y


@register
@final
class HighwayWrapper(SkipWrapper):
    """g layer(x) + (1 - g) x: the network learns, step by step, where the layer is of use.

    Where `ResidualWrapper` lets values grow from layer to layer. One more matrix a layer.

    g_t = sigmoid(x_t W + b);  y_t = g_t layer(x)_t + (1 - g_t) x_t.

    Args:
        layer: a recurrent layer, or a Bidirectional one, with return_sequences=True and as many outputs as inputs.
        gate_initializer: of W. gate_bias: where b starts; at -2 most of x passes.
    Shapes:   x (B, T, F) -> (B, T, F), and the layer's states if it returns them; W (F, F), b (F,).
    Raises:   ArgumentError: another layer. ShapeError: it gives other than F features.
    Source:   Srivastava, Greff and Schmidhuber 2015, "Highway Networks", equation 3 and section 2.2.
    Example:
        >>> from elman.layers import GRU, Input
        >>> HighwayWrapper(GRU(8, return_sequences=True))(Input((None, 8))).shape
        (B, T, 8)
    """

    gate_initializer: Any
    gate_bias: float

    def __init__(
        self, layer: Any, gate_initializer: Any = "glorot_uniform", gate_bias: float = -2.0, **kwargs: Any
    ) -> None:
        super().__init__(layer, **kwargs)
        self._store({"gate_initializer": gate_initializer, "gate_bias": gate_bias}, gate_bias="a finite number")

    def build(self, input_shape: tuple[Any, ...]) -> None:
        """Build the layer and add the gate."""
        super().build(input_shape)
        features = input_shape[-1]
        start = {"class_name": "Constant", "config": {"value": self.gate_bias}}
        self.gate_kernel = self.add_weight("gate_kernel", (features, features), self.gate_initializer)
        self.gate_offset = self.add_weight("gate_bias", (features,), start)

    def _join(self, x: Tensor, y: Tensor) -> Tensor:
        g = ops.sigmoid(x @ self.gate_kernel + self.gate_offset)
        return g * y + (1.0 - g) * x
