"""MUT1: the best cell that a search over ten thousand found."""

from __future__ import annotations

from typing import final

from elman.graph import trace as ops
from elman.graph.node import Tensor
from elman.layers.registry import register
from elman.layers.rnn.gated import GatedCell
from elman.layers.rnn.gates import GRUGate
from elman.layers.rnn.recurrence import UnitLayer


@register
@final
class MUT1Cell(GatedCell):
    """One step of `MUT1`. Weights: kernel (F, 3U) for `GRUGate` z, r, n; recurrent_kernel (U, 2U) for r, n; bias
    (3U,).
    """

    def build(self, features: int) -> None:
        """Add kernel, recurrent_kernel and bias."""
        size = len(GRUGate) * self.units
        self.kernel = self._add_stem("kernel", (features, size))
        self.recurrent_kernel = self._add_stem("recurrent", (self.units, 2 * self.units), "recurrent_kernel")
        self.bias = self._add_stem("bias", (size,)) if self.use_bias else None
        self.add_recurrent_gamma(2 * self.units)

    def step(self, x: Tensor, h: Tensor) -> tuple[Tensor, Tensor]:
        """The equations. Shapes: x (B, F), h (B, U) -> (B, U) twice."""
        reset, candidate = ops.split(self.weight(self.recurrent_kernel), 2)
        bias = None if self.bias is None else ops.split(self.bias.tensor, len(GRUGate))
        z, r, n = ops.split(x @ self.kernel, len(GRUGate))
        n = self.activation(n)
        if bias is not None:
            z, r, n = z + bias[0], r + bias[1], n + bias[2]
        seen = self.recall(h)
        r = self.recurrent_activation(r + self.normalized(seen @ reset))
        n = self.activation(n + self.normalized((r * seen) @ candidate, self.units))
        z = self.recurrent_activation(z)
        h = n * z + h * (1.0 - z)
        return h, h


@register
@final
class MUT1(UnitLayer):
    """A GRU whose update gate sees the input alone; on some tasks better than `GRU` and `LSTM`.

    To be tried beside `GRU` on arithmetic-like and XML-like sequences, where its authors found it ahead.

    With h = h_{t-1}: z = s(x_t W_z + b_z);  r = s(x_t W_r + h U_r + b_r);  n = a((r h) U_n + a(x_t W_n) + b_n);  h_t
    = n z + h (1 - z).

    Args:
        units: size U of the state and the output.
        activation, recurrent_activation: a and s.
        use_bias, kernel_*, recurrent_*, bias_*: of W, U and b: how they start, what penalises and limits them.
        dropout, recurrent_dropout, zoneout, weight_drop, recurrent_normalization, seed: see `Cell`.
        return_sequences, return_state, go_backwards, stateful, zero_output_for_mask, learn_initial_state: see `RNN`.
    Shapes:   x (B, T, F) -> (B, U), or (B, T, U) with return_sequences; h (B, U).
    Raises:   ShapeError: x is not of rank 3. ArgumentError: units < 1, a rate outside [0, 1).
    Source:   Jozefowicz, Zaremba and Sutskever 2015, "An Empirical Exploration of Recurrent Network Architectures",
              section 4, MUT1. There tanh(x_t) stands without W_n, which needs F = U; with W_n any F will do.
    Example:
        >>> from elman.layers import Input
        >>> MUT1(16, return_sequences=True)(Input((None, 8))).shape
        (B, T, 16)
    """

    cell_class = MUT1Cell
