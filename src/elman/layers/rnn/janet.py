"""JANET: just another network, an LSTM with nothing but a forget gate."""

from __future__ import annotations

from typing import Any, final

from elman.graph import trace as ops
from elman.graph.node import Tensor
from elman.layers.activations import Activation
from elman.layers.registry import register
from elman.layers.rnn.cell import PlainCell
from elman.layers.rnn.gates import UpdateGate
from elman.layers.rnn.recurrence import UnitLayer


@register
@final
class JANETCell(PlainCell):
    """One step of `JANET`. Weights: kernel (F, 2U), recurrent_kernel (U, 2U), bias (2U,), gates as `UpdateGate`:
    f, g.
    """

    activation: Activation
    recurrent_activation: Activation
    beta: float

    def __init__(
        self, units: int, activation: Any = "tanh", recurrent_activation: Any = "sigmoid", beta: float = 1.0,
        **kwargs: Any,
    ) -> None:  # fmt: skip
        super().__init__(units, **kwargs)
        self._store(locals(), beta="a finite number")

    def build(self, features: int) -> None:
        """Add kernel, recurrent_kernel and bias."""
        self._add_gates(features, len(UpdateGate), (len(UpdateGate) * self.units,))

    def step(self, x: Tensor, c: Tensor) -> tuple[Tensor, Tensor]:
        """The equations. Shapes: x (B, F), c (B, U) -> (B, U) twice."""
        f, g = ops.split(self._from_input(x) + self.recur(c, self.recurrent_kernel), len(UpdateGate))
        c = self.recurrent_activation(f) * c + (1.0 - self.recurrent_activation(f - self.beta)) * self.activation(g)
        return c, c


@register
@final
class JANET(UnitLayer):
    """The LSTM with only its forget gate: half the weights, and good on long memories.

    For long sequences on a small budget: pixel by pixel images, slow sensors.

    With z = x_t W + c_{t-1} U + b cut into f, g (`UpdateGate`): c_t = s(f) c_{t-1} + (1 - s(f - beta)) a(g). The
    output is the state.

    Args:
        units: size U of the state and the output.
        activation, recurrent_activation: a and s.
        beta: how much more is let in than is forgotten.
        use_bias, kernel_*, recurrent_*, bias_*: of W, U and b: how they start, what penalises and limits them.
        dropout, recurrent_dropout, zoneout, weight_drop, recurrent_normalization, seed: see `Cell`.
        return_sequences, return_state, go_backwards, stateful, zero_output_for_mask, learn_initial_state: see `RNN`.
    Shapes:   x (B, T, F) -> (B, U), or (B, T, U) with return_sequences; c (B, U).
    Raises:   ShapeError: x is not of rank 3. ArgumentError: units < 1, a rate outside [0, 1).
    Source:   Van der Westhuizen and Lasenby 2018, "The unreasonable effectiveness of the forget gate", equation 5.
              Its chrono initialisation of b is left to `bias_initializer`.
    Example:
        >>> from elman.layers import Input
        >>> JANET(16, return_sequences=True)(Input((None, 8))).shape
        (B, T, 16)
    """

    cell_class = JANETCell
