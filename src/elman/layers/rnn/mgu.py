"""The minimal gated unit: a GRU whose two gates are one."""

from __future__ import annotations

from typing import final

from elman.graph import trace as ops
from elman.graph.node import Tensor
from elman.layers.registry import register
from elman.layers.rnn.gated import GatedCell
from elman.layers.rnn.gates import UpdateGate
from elman.layers.rnn.recurrence import UnitLayer


@register
@final
class MGUCell(GatedCell):
    """One step of `MGU`. Weights: kernel (F, 2U), recurrent_kernel (U, 2U), bias (2U,), gates as `UpdateGate`: f,
    n.
    """

    def build(self, features: int) -> None:
        """Add kernel, recurrent_kernel and bias."""
        self._add_gates(features, len(UpdateGate), (len(UpdateGate) * self.units,))

    def step(self, x: Tensor, h: Tensor) -> tuple[Tensor, Tensor]:
        """The equations. Shapes: x (B, F), h (B, U) -> (B, U) twice."""
        gate, candidate = ops.split(self.weight(self.recurrent_kernel), len(UpdateGate))
        f, n = ops.split(self._from_input(x), len(UpdateGate))
        seen = self.recall(h)
        f = self.recurrent_activation(f + self.normalized(seen @ gate))
        n = self.activation(n + self.normalized((f * seen) @ candidate, self.units))
        h = (1.0 - f) * h + f * n
        return h, h


@register
@final
class MGU(UnitLayer):
    """A GRU with one gate for forgetting and resetting: two thirds of its weights.

    Where `GRU` is nearly small enough. Two products follow each other in a step, so it is not faster than its size
    says.

    With products cut into f, n (`UpdateGate`), h = h_{t-1}: f = s(x_t W_f + h U_f + b_f);  n = a(x_t W_n + (f h) U_n
    + b_n);  h_t = (1 - f) h + f n.

    Args:
        units: size U of the state and the output.
        activation, recurrent_activation: a and s.
        use_bias, kernel_*, recurrent_*, bias_*: of W, U and b: how they start, what penalises and limits them.
        dropout, recurrent_dropout, zoneout, weight_drop, recurrent_normalization, seed: see `Cell`.
        return_sequences, return_state, go_backwards, stateful, zero_output_for_mask, learn_initial_state: see `RNN`.
    Shapes:   x (B, T, F) -> (B, U), or (B, T, U) with return_sequences; h (B, U).
    Raises:   ShapeError: x is not of rank 3. ArgumentError: units < 1, a rate outside [0, 1).
    Source:   Zhou et al. 2016, "Minimal Gated Unit for Recurrent Neural Networks", equations 6 of its table 1.
    Example:
        >>> from elman.layers import Input
        >>> MGU(16, return_sequences=True)(Input((None, 8))).shape
        (B, T, 16)
    """

    cell_class = MGUCell
