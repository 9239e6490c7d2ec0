"""The update gate network: one gate, two products side by side."""

from __future__ import annotations

from typing import final

from elman.layers.registry import register
from elman.layers.rnn.gated import UpdateGateCell
from elman.layers.rnn.recurrence import UnitLayer


@register
@final
class UGRNNCell(UpdateGateCell):
    """One step of `UGRNN`. Weights: see `UpdateGateCell`, gates g, c."""


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
