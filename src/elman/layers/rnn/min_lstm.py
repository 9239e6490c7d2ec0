"""minLSTM: an LSTM whose gates see the input alone and add up to one."""

from __future__ import annotations

from typing import ClassVar, final

from elman.graph import trace as ops
from elman.graph.node import Tensor
from elman.layers.registry import register
from elman.layers.rnn.cell import PlainCell
from elman.layers.rnn.recurrence import UnitLayer


@register
@final
class MinLSTMCell(PlainCell):
    """One step of `MinLSTM`. Weights: kernel (F, 3U), bias (3U,), in the order f, i, n."""

    refuses: ClassVar[dict[str, str]] = {
        "recurrent_dropout": "its gates do not read the state",
        "weight_drop": "it has no recurrent weights",
        "recurrent_normalization": "its gates do not read the state",
    }

    def build(self, features: int) -> None:
        """Add kernel and bias."""
        self.kernel = self._add_stem("kernel", (features, 3 * self.units))
        self.bias = self._add_stem("bias", (3 * self.units,)) if self.use_bias else None

    def step(self, x: Tensor, h: Tensor) -> tuple[Tensor, Tensor]:
        """The equations. Shapes: x (B, F), h (B, U) -> (B, U) twice."""
        f, i, n = ops.split(self._from_input(x), 3)
        share = ops.sigmoid(ops.softplus(-i) - ops.softplus(-f))  # sigmoid(f) / (sigmoid(f) + sigmoid(i)), no 0 / 0
        h = share * h + (1.0 - share) * n
        return h, h


@register
@final
class MinLSTM(UnitLayer):
    """An LSTM linear in its state, with the cheap loop of `MinGRU` and one gate more.

    As `MinGRU`; its authors found it a little less stable to train.

    With x_t W + b cut into f, i, n: f' = sigmoid(f) / (sigmoid(f) + sigmoid(i));  h_t = f' h_{t-1} + (1 - f') n.

    Args:
        units: size U of the state and the output.
        use_bias, kernel_*, recurrent_*, bias_*: of W, U and b: how they start, what penalises and limits them.
        dropout, recurrent_dropout, zoneout, weight_drop, recurrent_normalization, seed: see `Cell`.
        return_sequences, return_state, go_backwards, stateful, zero_output_for_mask, learn_initial_state: see `RNN`.
    Shapes:   x (B, T, F) -> (B, U), or (B, T, U) with return_sequences; h (B, U).
    Raises:   ShapeError: x is not of rank 3. ArgumentError: units < 1, a rate outside [0, 1).
    Source:   Feng et al. 2024, "Were RNNs All We Needed?", section 3.2.
    Example:
        >>> from elman.layers import Input
        >>> MinLSTM(16, return_sequences=True)(Input((None, 8))).shape
        (B, T, 16)
    """

    cell_class = MinLSTMCell
