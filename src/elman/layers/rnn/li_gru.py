"""The light GRU: no reset gate, relu candidates."""

from __future__ import annotations

from typing import Any, final

from elman.layers.registry import register
from elman.layers.rnn.gated import UpdateGateCell
from elman.layers.rnn.recurrence import UnitLayer


@register
@final
class LiGRUCell(UpdateGateCell):
    """One step of `LiGRU`. Weights: see `UpdateGateCell`, gates z, n."""

    def __init__(
        self, units: int, activation: Any = "relu", recurrent_activation: Any = "sigmoid", **kwargs: Any
    ) -> None:
        super().__init__(units, activation, recurrent_activation, **kwargs)


@register
@final
class LiGRU(UnitLayer):
    """A GRU for speech with two thirds of the weights.

    For acoustic models. The paper normalises x_t W over the batch, which keeps relu from growing; here a bias stands
    in its place: put a `LayerNormalization` before the layer, or ask for `recurrent_normalization="layer"`.

    With z = x_t W + h_{t-1} U + b cut into z, n (`UpdateGate`): h_t = s(z) h_{t-1} + (1 - s(z)) a(n).

    Args:
        units: size U of the state and the output.
        activation, recurrent_activation: a and s.
        use_bias, kernel_*, recurrent_*, bias_*: of W, U and b: how they start, what penalises and limits them.
        dropout, recurrent_dropout, zoneout, weight_drop, recurrent_normalization, seed: see `Cell`.
        return_sequences, return_state, go_backwards, stateful, zero_output_for_mask, learn_initial_state: see `RNN`.
    Shapes:   x (B, T, F) -> (B, U), or (B, T, U) with return_sequences; h (B, U).
    Raises:   ShapeError: x is not of rank 3. ArgumentError: units < 1, a rate outside [0, 1).
    Source:   Ravanelli et al. 2018, "Light Gated Recurrent Units for Speech Recognition", equations 4-6, without
              batch normalisation.
    Example:
        >>> from elman.layers import Input
        >>> LiGRU(16, return_sequences=True)(Input((None, 8))).shape
        (B, T, 16)
    """

    cell_class = LiGRUCell
