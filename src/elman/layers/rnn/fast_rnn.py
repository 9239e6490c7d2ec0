"""FastRNN: a simple recurrence with a residual connection of two numbers."""

from __future__ import annotations

from typing import Any, final

from elman.graph import trace as ops
from elman.graph.node import Tensor
from elman.layers.activations import Activation
from elman.layers.registry import register
from elman.layers.rnn.cell import PlainCell
from elman.layers.rnn.recurrence import UnitLayer


@register
@final
class FastRNNCell(PlainCell):
    """One step of `FastRNN`. Weights: kernel (F, U), recurrent_kernel (U, U), bias (U,), alpha (1,), beta (1,)."""

    activation: Activation
    alpha: float
    beta: float

    def __init__(
        self, units: int, activation: Any = "tanh", alpha: float = -3.0, beta: float = 3.0, **kwargs: Any
    ) -> None:
        super().__init__(units, **kwargs)
        self._store(locals(), alpha="a finite number", beta="a finite number")

    def build(self, features: int) -> None:
        """Add kernel, recurrent_kernel, bias and the two numbers."""
        self._add_gates(features, 1, (self.units,))
        start = {"class_name": "Constant", "config": {"value": self.alpha}}
        self.alpha_weight = self.add_weight("alpha", (1,), start)
        self.beta_weight = self.add_weight("beta", (1,), {**start, "config": {"value": self.beta}})

    def step(self, x: Tensor, h: Tensor) -> tuple[Tensor, Tensor]:
        """The equations. Shapes: x (B, F), h (B, U) -> (B, U) twice."""
        n = self.activation(self._from_input(x) + self.recur(h, self.recurrent_kernel))
        h = ops.sigmoid(self.alpha_weight.tensor) * n + ops.sigmoid(self.beta_weight.tensor) * h
        return h, h


@register
@final
class FastRNN(UnitLayer):
    """A `SimpleRNN` that trains: two more weights keep its gradients from vanishing.

    For microcontrollers: as small as a recurrent layer gets. `FastGRNN` is a little larger and better.

    n = a(x_t W + h_{t-1} U + b);  h_t = sigmoid(alpha) n + sigmoid(beta) h_{t-1}, alpha and beta two learned numbers.

    Args:
        units: size U of the state and the output.
        activation: a.
        alpha, beta: where the two numbers start; sigmoid(-3) = 0.05, sigmoid(3) = 0.95.
        use_bias, kernel_*, recurrent_*, bias_*: of W, U and b: how they start, what penalises and limits them.
        dropout, recurrent_dropout, zoneout, weight_drop, recurrent_normalization, seed: see `Cell`.
        return_sequences, return_state, go_backwards, stateful, zero_output_for_mask, learn_initial_state: see `RNN`.
    Shapes:   x (B, T, F) -> (B, U), or (B, T, U) with return_sequences; h (B, U).
    Raises:   ShapeError: x is not of rank 3. ArgumentError: units < 1, a rate outside [0, 1).
    Source:   Kusupati et al. 2018, "FastGRNN: A Fast, Accurate, Stable and Tiny Kilobyte Sized Gated Recurrent Neural
              Network", equation 1.
    Example:
        >>> from elman.layers import Input
        >>> FastRNN(16, return_sequences=True)(Input((None, 8))).shape
        (B, T, 16)
    """

    cell_class = FastRNNCell
