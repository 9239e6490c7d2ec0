"""Long short-term memory: a cell that keeps what it is told to keep."""

from __future__ import annotations

from typing import Any, final

import numpy as np

from elman.graph import trace as ops
from elman.graph.node import Tensor
from elman.layers.activations import Activation
from elman.layers.registry import register
from elman.layers.rnn.cell import UnitCell
from elman.layers.rnn.gates import LSTMGate
from elman.layers.rnn.recurrence import CellLayer


@register
@final
class LSTMCell(UnitCell):
    """One step of `LSTM`. Weights: kernel (F, 4U), recurrent_kernel (U, 4U), bias (4U,), gates as `LSTMGate`."""

    activation: Activation
    recurrent_activation: Activation
    unit_forget_bias: bool

    def __init__(
        self, units: int, activation: Any = "tanh", recurrent_activation: Any = "sigmoid", use_bias: bool = True,
        kernel_initializer: Any = "glorot_uniform", recurrent_initializer: Any = "orthogonal",
        bias_initializer: Any = "zeros", unit_forget_bias: bool = True, kernel_regularizer: Any = None,
        recurrent_regularizer: Any = None, bias_regularizer: Any = None, kernel_constraint: Any = None,
        recurrent_constraint: Any = None, bias_constraint: Any = None, dropout: float = 0.0,
        recurrent_dropout: float = 0.0, seed: int | None = None, **kwargs: Any,
    ) -> None:  # fmt: skip
        super().__init__(locals())
        self.state_size = (self.units, self.units)
        self.output_size = self.units

    def build(self, features: int) -> None:
        """Add kernel, recurrent_kernel and bias."""
        self._add_gates(features, len(LSTMGate), (len(LSTMGate) * self.units,), self._draw_bias)

    def step(self, x: Tensor, h: Tensor, c: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """The equations. Shapes: x (B, F), h and c (B, U) -> h, h, c (B, U)."""
        i, f, g, o = self.gates(x, h).values()
        c = f * c + i * g
        h = o * self.activation(c)
        return h, h, c

    def gates(self, x: Tensor, *states: Any) -> dict[str, Tensor]:
        """i, f, o between 0 and 1, and the candidate g. Shapes: x (B, F), h (B, U) -> (B, U) each."""
        z = x @ self.kernel
        z = z if self.bias is None else z + self.bias
        i, f, g, o = ops.split(z + self.recur(states[0], self.recurrent_kernel), len(LSTMGate))
        s = self.recurrent_activation
        return {"i": s(i), "f": s(f), "g": self.activation(g), "o": s(o)}

    def _draw_bias(self, shape: tuple[int, ...], dtype: str) -> np.ndarray:
        """The bias as drawn; that of the forget gate is 1 with `unit_forget_bias`: remember at the start."""
        bias = np.array(self.bias_initializer(shape, dtype))
        if self.unit_forget_bias:
            bias[LSTMGate.FORGET * self.units :][: self.units] = 1
        return bias


@register
@final
class LSTM(CellLayer):
    """The recurrent layer for long memories: sums, not products, carry its state through time.

    With z = x_t W + h_{t-1} U + b, cut into four parts i, f, g, o (Keras calls the third c), s the recurrent
    activation: c_t = s(f) c_{t-1} + s(i) a(g);  h_t = s(o) a(c_t);  h_0 = c_0 = 0. The states are h and c; the output
    is h.

    Args:
        units: size U of both states and the output.
        activation, recurrent_activation: a and s.
        use_bias, kernel_*, recurrent_*, bias_*: of W, U and b: how they start, what penalises and limits them.
        unit_forget_bias: the forget gate starts open: 1 is added to its bias.
        dropout, recurrent_dropout: share of x_t and h_{t-1} dropped in training, the same for all steps; seed: of
            their masks.
        unroll, use_cudnn: accepted for Keras's sake; they change no result.
        return_sequences, return_state, go_backwards, stateful, zero_output_for_mask: see `RNN`.
    Shapes:   x (B, T, F) -> (B, U), or (B, T, U) with return_sequences; h, c (B, U).
    Raises:   ShapeError: x is not of rank 3. ArgumentError: units < 1, a rate outside [0, 1).
    Source:   Hochreiter and Schmidhuber 1997; with the forget gate of Gers et al. 2000. No peepholes.
    Example:
        >>> from elman.layers import Input
        >>> y, h, c = LSTM(32, return_sequences=True, return_state=True)(Input((None, 8)))
        >>> y.shape, c.shape
        ((B, T, 32), (B, 32))
    """

    cell_class = LSTMCell

    def __init__(
        self, units: int, activation: Any = "tanh", recurrent_activation: Any = "sigmoid", use_bias: bool = True,
        kernel_initializer: Any = "glorot_uniform", recurrent_initializer: Any = "orthogonal",
        bias_initializer: Any = "zeros", unit_forget_bias: bool = True, kernel_regularizer: Any = None,
        recurrent_regularizer: Any = None, bias_regularizer: Any = None, activity_regularizer: Any = None,
        kernel_constraint: Any = None, recurrent_constraint: Any = None, bias_constraint: Any = None,
        dropout: float = 0.0, recurrent_dropout: float = 0.0, seed: int | None = None, return_sequences: bool = False,
        return_state: bool = False, go_backwards: bool = False, stateful: bool = False, unroll: bool = False,
        use_cudnn: Any = "auto", zero_output_for_mask: bool = False, **kwargs: Any,
    ) -> None:  # fmt: skip
        super().__init__(locals())
