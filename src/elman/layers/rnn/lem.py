"""LEM: long expressive memory, two states with clocks of their own."""

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
class LEMCell(PlainCell):
    """One step of `LEM`. Weights: kernel (F, 4U), recurrent_kernel (U, 4U), bias (4U,): both clocks, z, y."""

    activation: Activation
    recurrent_activation: Activation
    step_size: float

    def __init__(
        self, units: int, activation: Any = "tanh", recurrent_activation: Any = "sigmoid", step_size: float = 1.0,
        **kwargs: Any,
    ) -> None:  # fmt: skip
        super().__init__(units, **kwargs)
        self._store(locals(), step_size="a finite number above 0")
        self.state_size = (self.units, self.units)

    def build(self, features: int) -> None:
        """Add kernel, recurrent_kernel and bias."""
        self._add_gates(features, 4, (4 * self.units,))

    def step(self, x: Tensor, y: Tensor, z: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """The equations. Shapes: x (B, F), y and z (B, U) -> y, y, z (B, U)."""
        of_y, of_z = ops.split(self.weight(self.recurrent_kernel), [3 * self.units])
        fast, slow, into_z, into_y = ops.split(self._from_input(x), 4)
        p, q, r = ops.split(self.normalized(self.recall(y) @ of_y), 3)
        fast = self.step_size * self.recurrent_activation(fast + p)
        slow = self.step_size * self.recurrent_activation(slow + q)
        z = (1.0 - fast) * z + fast * self.activation(into_z + r)
        into_y = into_y + self.normalized(self.recall(z) @ of_z, 3 * self.units)
        y = (1.0 - slow) * y + slow * self.activation(into_y)
        return y, y, z


@register
@final
class LEM(UnitLayer):
    """Learns which units are to be slow and which fast; strong on long and on multi-scale sequences.

    Where `LSTM` forgets: adding problems of thousands of steps, physiological and dynamical data. As many weights as
    an LSTM.

    With y and z of the step before: p = d s(x_t W_1 + y U_1 + b_1);  q = d s(x_t W_2 + y U_2 + b_2);  z_t = (1 - p) z
    + p a(x_t W_z + y U_z + b_z);  y_t = (1 - q) y + q a(x_t W_y + z_t U_y + b_y). The output is y.

    Args:
        units: size U of both states and the output.
        activation, recurrent_activation: a and s.
        step_size: d, the longest step of both clocks.
        use_bias, kernel_*, recurrent_*, bias_*: of W, U and b: how they start, what penalises and limits them.
        dropout, recurrent_dropout, zoneout, weight_drop, recurrent_normalization, seed: see `Cell`.
        return_sequences, return_state, go_backwards, stateful, zero_output_for_mask, learn_initial_state: see `RNN`.
    Shapes:   x (B, T, F) -> (B, U), or (B, T, U) with return_sequences; y, z (B, U).
    Raises:   ShapeError: x is not of rank 3. ArgumentError: units < 1, a rate outside [0, 1).
    Source:   Rusch et al. 2022, "Long Expressive Memory for Sequence Modeling", equation 3.
    Example:
        >>> from elman.layers import Input
        >>> LEM(16, return_sequences=True)(Input((None, 8))).shape
        (B, T, 16)
    """

    cell_class = LEMCell
