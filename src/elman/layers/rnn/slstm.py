"""sLSTM: an LSTM with exponential gates, kept in range by a running maximum."""

from __future__ import annotations

from typing import Any, ClassVar, final

from elman.graph import trace as ops
from elman.graph.node import Tensor
from elman.layers.activations import Activation
from elman.layers.registry import register
from elman.layers.rnn.cell import PlainCell
from elman.layers.rnn.gates import LSTMGate
from elman.layers.rnn.recurrence import UnitLayer


@register
@final
class SLSTMCell(PlainCell):
    """One step of `SLSTM`. Weights: kernel (F, 4U), recurrent_kernel (U, 4U), bias (4U,), gates as `LSTMGate`."""

    activation: Activation
    refuses: ClassVar[dict[str, str]] = {
        "zoneout": "c, n and m are one number in three parts, and an old part among new ones breaks it",
        "learn_initial_state": "its normaliser n must not become negative",
    }

    def __init__(self, units: int, activation: Any = "tanh", **kwargs: Any) -> None:
        super().__init__(units, **kwargs)
        self._store(locals())
        self.state_size = (self.units,) * 4

    def build(self, features: int) -> None:
        """Add kernel, recurrent_kernel and bias."""
        self._add_gates(features, len(LSTMGate), (len(LSTMGate) * self.units,))

    def step(self, x: Tensor, h: Tensor, c: Tensor, n: Tensor, m: Tensor) -> tuple[Tensor, ...]:
        """The equations. Shapes: x (B, F), states (B, U) -> h, h, c, n, m (B, U)."""
        i, f, g, o = ops.split(self._from_input(x) + self.recur(h, self.recurrent_kernel), len(LSTMGate))
        kept = m - ops.softplus(-f)  # log sigmoid(f) + m
        m = ops.maximum(kept, i)
        i, f = ops.exp(i - m), ops.exp(kept - m)
        c = f * c + i * self.activation(g)
        n = f * n + i
        h = ops.sigmoid(o) * c / n
        return h, h, c, n, m


@register
@final
class SLSTM(UnitLayer):
    """An LSTM that can revise what it stored: exponential input gates, and a sum of weights to divide by.

    Where new evidence must outweigh all before: nearest-neighbour search, long text. One head; the paper's blocks add
    projections and convolutions around it.

    With z = x_t W + h_{t-1} U + b cut into i, f, g, o (`LSTMGate`): m_t = max(log sigmoid(f) + m_{t-1}, i);  i' =
    exp(i - m_t);  f' = exp(log sigmoid(f) + m_{t-1} - m_t);  c_t = f' c_{t-1} + i' a(g);  n_t = f' n_{t-1} + i';  h_t
    = sigmoid(o) c_t / n_t. The states are h, c, n, m, all 0 at first.

    Args:
        units: size U of the four states and the output.
        activation: a.
        use_bias, kernel_*, recurrent_*, bias_*: of W, U and b: how they start, what penalises and limits them.
        dropout, recurrent_dropout, zoneout, weight_drop, recurrent_normalization, seed: see `Cell`.
        return_sequences, return_state, go_backwards, stateful, zero_output_for_mask, learn_initial_state: see `RNN`.
    Shapes:   x (B, T, F) -> (B, U), or (B, T, U) with return_sequences; h, c, n, m (B, U).
    Raises:   ShapeError: x is not of rank 3. ArgumentError: units < 1, a rate outside [0, 1).
    Source:   Beck et al. 2024, "xLSTM: Extended Long Short-Term Memory", equations 8-17, with the sigmoid forget
              gate.
    Example:
        >>> from elman.layers import Input
        >>> SLSTM(16, return_sequences=True)(Input((None, 8))).shape
        (B, T, 16)
    """

    cell_class = SLSTMCell
