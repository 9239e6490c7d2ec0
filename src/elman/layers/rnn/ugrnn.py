"""The update gate network: one gate, two products side by side."""

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
class UGRNNCell(PlainCell):
    """One step of `UGRNN`. Weights: kernel (F, 2U), recurrent_kernel (U, 2U), bias (2U,), gates as `UpdateGate`:
    g, c.
    """

    activation: Activation
    recurrent_activation: Activation

    def __init__(
        self, units: int, activation: Any = "tanh", recurrent_activation: Any = "sigmoid", **kwargs: Any
    ) -> None:
        super().__init__(units, **kwargs)
        self._store(locals())

    def build(self, features: int) -> None:
        """Add kernel, recurrent_kernel and bias."""
        self._add_gates(features, len(UpdateGate), (len(UpdateGate) * self.units,))

    def step(self, x: Tensor, h: Tensor) -> tuple[Tensor, Tensor]:
        """The equations. Shapes: x (B, F), h (B, U) -> (B, U) twice."""
        g, c = ops.split(self._from_input(x) + self.recur(h, self.recurrent_kernel), len(UpdateGate))
        g = self.recurrent_activation(g)
        h = g * h + (1.0 - g) * self.activation(c)
        return h, h


@register
@final
class UGRNN(UnitLayer):
    """The least that can be gated: easy to train where a `SimpleRNN` is not, small and quick.

    For shallow models; deep stacks train better with `GRU`, as its authors found.

    With z = x_t W + h_{t-1} U + b cut into g, c (`UpdateGate`): h_t = s(g) h_{t-1} + (1 - s(g)) a(c).

    Args:
        units: size U of the state and the output.
        activation, recurrent_activation: a and s.
        use_bias, kernel_*, recurrent_*, bias_*: of W, U and b: how they start, what penalises and limits them.
        dropout, recurrent_dropout, zoneout, weight_drop, recurrent_normalization, seed: see `Cell`.
        return_sequences, return_state, go_backwards, stateful, zero_output_for_mask, learn_initial_state: see `RNN`.
    Shapes:   x (B, T, F) -> (B, U), or (B, T, U) with return_sequences; h (B, U).
    Raises:   ShapeError: x is not of rank 3. ArgumentError: units < 1, a rate outside [0, 1).
    Source:   Collins, Sohl-Dickstein and Sussillo 2017, "Capacity and Trainability in Recurrent Neural Networks",
              section 2.1.
    Example:
        >>> from elman.layers import Input
        >>> UGRNN(16, return_sequences=True)(Input((None, 8))).shape
        (B, T, 16)
    """

    cell_class = UGRNNCell
