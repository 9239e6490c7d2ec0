"""minGRU: a GRU whose gates see the input alone."""

from __future__ import annotations

from typing import ClassVar, final

from elman.graph import trace as ops
from elman.graph.node import Tensor
from elman.layers.registry import register
from elman.layers.rnn.cell import PlainCell
from elman.layers.rnn.gates import UpdateGate
from elman.layers.rnn.recurrence import UnitLayer


@register
@final
class MinGRUCell(PlainCell):
    """One step of `MinGRU`. Weights: kernel (F, 2U), bias (2U,), gates as `UpdateGate`: z, n."""

    refuses: ClassVar[dict[str, str]] = {
        "recurrent_dropout": "its gates do not read the state",
        "weight_drop": "it has no recurrent weights",
        "recurrent_normalization": "its gates do not read the state",
    }

    def build(self, features: int) -> None:
        """Add kernel and bias."""
        self.kernel = self._add_stem("kernel", (features, len(UpdateGate) * self.units))
        self.bias = self._add_stem("bias", (len(UpdateGate) * self.units,)) if self.use_bias else None

    def step(self, x: Tensor, h: Tensor) -> tuple[Tensor, Tensor]:
        """The equations. Shapes: x (B, F), h (B, U) -> (B, U) twice."""
        z, n = ops.split(self._from_input(x), len(UpdateGate))
        z = ops.sigmoid(z)
        h = (1.0 - z) * h + z * n
        return h, h


@register
@final
class MinGRU(UnitLayer):
    """A GRU linear in its state: all products leave the loop, which is then a few sums a step.

    For long sequences and several layers; a single layer cannot count or compare what it has seen.

    With x_t W + b cut into z, n (`UpdateGate`): h_t = (1 - sigmoid(z)) h_{t-1} + sigmoid(z) n.

    Args:
        units: size U of the state and the output.
        use_bias, kernel_*, recurrent_*, bias_*: of W, U and b: how they start, what penalises and limits them.
        dropout, recurrent_dropout, zoneout, weight_drop, recurrent_normalization, seed: see `Cell`.
        return_sequences, return_state, go_backwards, stateful, zero_output_for_mask, learn_initial_state: see `RNN`.
    Shapes:   x (B, T, F) -> (B, U), or (B, T, U) with return_sequences; h (B, U).
    Raises:   ShapeError: x is not of rank 3. ArgumentError: units < 1, a rate outside [0, 1).
    Source:   Feng et al. 2024, "Were RNNs All We Needed?", section 3.1.
    Example:
        >>> from elman.layers import Input
        >>> MinGRU(16, return_sequences=True)(Input((None, 8))).shape
        (B, T, 16)
    """

    cell_class = MinGRUCell
