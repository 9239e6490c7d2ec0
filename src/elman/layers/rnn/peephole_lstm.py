"""LSTM with peepholes: gates that look at the cell state itself."""

from __future__ import annotations

from typing import Any, final

from elman.graph import trace as ops
from elman.graph.node import Tensor
from elman.layers.activations import Activation
from elman.layers.registry import register
from elman.layers.rnn.cell import PlainCell
from elman.layers.rnn.gates import LSTMGate
from elman.layers.rnn.recurrence import UnitLayer


@register
@final
class PeepholeLSTMCell(PlainCell):
    """One step of `PeepholeLSTM`. Weights: as `LSTMCell`'s, and peepholes (3, U) for i, f, o."""

    activation: Activation
    recurrent_activation: Activation
    peephole_initializer: Any

    def __init__(
        self, units: int, activation: Any = "tanh", recurrent_activation: Any = "sigmoid",
        peephole_initializer: Any = "zeros", **kwargs: Any,
    ) -> None:  # fmt: skip
        super().__init__(units, **kwargs)
        self._store(locals())
        self.state_size = (self.units, self.units)

    def build(self, features: int) -> None:
        """Add kernel, recurrent_kernel, bias and peepholes."""
        self._add_gates(features, len(LSTMGate), (len(LSTMGate) * self.units,))
        self.peepholes = self.add_weight("peepholes", (3, self.units), self.peephole_initializer)

    def step(self, x: Tensor, h: Tensor, c: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """The equations. Shapes: x (B, F), h and c (B, U) -> h, h, c (B, U)."""
        p = self.peepholes
        i, f, g, o = ops.split(self._from_input(x) + self.recur(h, self.recurrent_kernel), len(LSTMGate))
        i, f = self.recurrent_activation(i + p[0] * c), self.recurrent_activation(f + p[1] * c)
        c = f * c + i * self.activation(g)
        h = self.recurrent_activation(o + p[2] * c) * self.activation(c)
        return h, h, c


@register
@final
class PeepholeLSTM(UnitLayer):
    """An LSTM whose gates see what the cell holds, even while the output gate hides it.

    For exact timing and counting: how many steps since an event, a rhythm. Elsewhere the plain `LSTM` does as well
    (Greff et al. 2017) and is served by faster kernels.

    With z = x_t W + h_{t-1} U + b cut into i, f, g, o (`LSTMGate`), c = c_{t-1}: i = s(z_i + p_i c);  f = s(z_f + p_f
    c);  c_t = f c + i a(z_g);  o = s(z_o + p_o c_t);  h_t = o a(c_t). The states are h and c.

    Args:
        units: size U of both states and the output.
        activation, recurrent_activation: a and s.
        peephole_initializer: how p starts; at zero the cell starts as an LSTM.
        use_bias, kernel_*, recurrent_*, bias_*: of W, U and b: how they start, what penalises and limits them.
        dropout, recurrent_dropout, zoneout, weight_drop, recurrent_normalization, seed: see `Cell`.
        return_sequences, return_state, go_backwards, stateful, zero_output_for_mask, learn_initial_state: see `RNN`.
    Shapes:   x (B, T, F) -> (B, U), or (B, T, U) with return_sequences; h, c (B, U).
    Raises:   ShapeError: x is not of rank 3. ArgumentError: units < 1, a rate outside [0, 1).
    Source:   Gers, Schraudolph and Schmidhuber 2002, "Learning Precise Timing with LSTM Recurrent Networks",
              equations 2-7; a on the output as in Graves 2013, "Generating Sequences With Recurrent Neural Networks",
              equations 7-11.
    Example:
        >>> from elman.layers import Input
        >>> PeepholeLSTM(16, return_sequences=True)(Input((None, 8))).shape
        (B, T, 16)
    """

    cell_class = PeepholeLSTMCell
