"""The independently recurrent network: each unit remembers itself alone."""

from __future__ import annotations

from typing import Any, ClassVar, final

from elman.graph.node import Tensor
from elman.layers.activations import Activation
from elman.layers.registry import register
from elman.layers.rnn.cell import PlainCell
from elman.layers.rnn.recurrence import UnitLayer


@register
@final
class IndRNNCell(PlainCell):
    """One step of `IndRNN`. Weights: kernel (F, U), recurrent_kernel (U,), bias (U,)."""

    activation: Activation
    refuses: ClassVar[dict[str, str]] = {
        "recurrent_normalization": "each unit adds its own product, not one of a matrix"
    }

    def __init__(self, units: int, activation: Any = "relu", recurrent_initializer: Any = None, **kwargs: Any) -> None:
        start = {"class_name": "RandomUniform", "config": {"minval": 0.0, "maxval": 1.0}}
        super().__init__(units, recurrent_initializer=recurrent_initializer or start, **kwargs)
        self._store({"activation": activation})

    def build(self, features: int) -> None:
        """Add kernel, recurrent_kernel and bias."""
        self.kernel = self._add_stem("kernel", (features, self.units))
        self.recurrent_kernel = self._add_stem("recurrent", (self.units,), "recurrent_kernel")
        self.bias = self._add_stem("bias", (self.units,)) if self.use_bias else None

    def step(self, x: Tensor, h: Tensor) -> tuple[Tensor, Tensor]:
        """The equation. Shapes: x (B, F), h (B, U) -> (B, U) twice."""
        h = self.activation(self._from_input(x) + self.recall(h) * self.weight(self.recurrent_kernel))
        return h, h


@register
@final
class IndRNN(UnitLayer):
    """A simple recurrence without a matrix: stacks deep, reaches over thousands of steps.

    For very long sequences, several layers on top of each other: units meet only between layers. Its cost in a step
    is that of a sum.

    h_t = a(x_t W + u h_{t-1} + b), u a vector, product by element.

    Args:
        units: size U of the state and the output.
        activation: a; relu lets |u| near 1 keep a value for long.
        recurrent_initializer: how u starts; default uniform in [0, 1). For T steps keep |u| below 2^(1/T):
            `recurrent_constraint=MinMaxNorm` or your own.
        use_bias, kernel_*, recurrent_*, bias_*: of W, U and b: how they start, what penalises and limits them.
        dropout, recurrent_dropout, zoneout, weight_drop, recurrent_normalization, seed: see `Cell`.
        return_sequences, return_state, go_backwards, stateful, zero_output_for_mask, learn_initial_state: see `RNN`.
    Shapes:   x (B, T, F) -> (B, U), or (B, T, U) with return_sequences; h (B, U).
    Raises:   ShapeError: x is not of rank 3. ArgumentError: units < 1, a rate outside [0, 1).
    Source:   Li et al. 2018, "Independently Recurrent Neural Network (IndRNN): Building A Longer and Deeper RNN",
              equation 2. Without batch normalisation.
    Example:
        >>> from elman.layers import Input
        >>> IndRNN(16, return_sequences=True)(Input((None, 8))).shape
        (B, T, 16)
    """

    cell_class = IndRNNCell
