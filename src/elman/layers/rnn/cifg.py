"""LSTM with coupled input and forget gates: what is let in is what is forgotten."""

from __future__ import annotations

from typing import Any, final

from elman.graph import trace as ops
from elman.graph.node import Tensor
from elman.layers.registry import register
from elman.layers.rnn.gated import GatedCell
from elman.layers.rnn.gates import CoupledGate
from elman.layers.rnn.recurrence import UnitLayer


@register
@final
class CIFGCell(GatedCell):
    """One step of `CIFG`. Weights: kernel (F, 3U), recurrent_kernel (U, 3U), bias (3U,), gates as `CoupledGate`."""

    def __init__(
        self, units: int, activation: Any = "tanh", recurrent_activation: Any = "sigmoid", **kwargs: Any
    ) -> None:
        super().__init__(units, activation, recurrent_activation, **kwargs)
        self.state_size = (self.units, self.units)

    def build(self, features: int) -> None:
        """Add kernel, recurrent_kernel and bias."""
        self._add_gates(features, len(CoupledGate), (len(CoupledGate) * self.units,))

    def step(self, x: Tensor, h: Tensor, c: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """The equations. Shapes: x (B, F), h and c (B, U) -> h, h, c (B, U)."""
        f, g, o = ops.split(self._from_input(x) + self.recur(h, self.recurrent_kernel), len(CoupledGate))
        f = self.recurrent_activation(f)
        c = f * c + (1.0 - f) * self.activation(g)
        h = self.recurrent_activation(o) * self.activation(c)
        return h, h, c


@register
@final
class CIFG(UnitLayer):
    """An LSTM with three quarters of the weights: its input gate is one minus the forget gate.

    As good as `LSTM` in the comparison of Greff et al., and its memory stays between -1 and 1.

    With z = x_t W + h_{t-1} U + b cut into f, g, o (`CoupledGate`): c_t = s(f) c_{t-1} + (1 - s(f)) a(g);  h_t = s(o)
    a(c_t). The states are h and c.

    Args:
        units: size U of both states and the output.
        activation, recurrent_activation: a and s.
        use_bias, kernel_*, recurrent_*, bias_*: of W, U and b: how they start, what penalises and limits them.
        dropout, recurrent_dropout, zoneout, weight_drop, recurrent_normalization, seed: see `Cell`.
        return_sequences, return_state, go_backwards, stateful, zero_output_for_mask, learn_initial_state: see `RNN`.
    Shapes:   x (B, T, F) -> (B, U), or (B, T, U) with return_sequences; h, c (B, U).
    Raises:   ShapeError: x is not of rank 3. ArgumentError: units < 1, a rate outside [0, 1).
    Source:   Greff et al. 2017, "LSTM: A Search Space Odyssey", variant CIFG, without peepholes.
    Example:
        >>> from elman.layers import Input
        >>> CIFG(16, return_sequences=True)(Input((None, 8))).shape
        (B, T, 16)
    """

    cell_class = CIFGCell
