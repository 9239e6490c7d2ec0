"""LSTM with projection: a wide memory behind a narrow output."""

from __future__ import annotations

from typing import Any, final

from elman.graph import trace as ops
from elman.graph.node import Tensor
from elman.layers.activations import Activation
from elman.layers.arguments import check_units
from elman.layers.registry import register
from elman.layers.rnn.cell import PlainCell
from elman.layers.rnn.gates import LSTMGate
from elman.layers.rnn.recurrence import UnitLayer


@register
@final
class ProjectionLSTMCell(PlainCell):
    """One step of `ProjectionLSTM`. Weights: kernel (F, 4U), recurrent_kernel (P, 4U), bias (4U,), projection (U,
    P).
    """

    activation: Activation
    recurrent_activation: Activation
    projection_units: int
    projection_initializer: Any

    def __init__(
        self, units: int, projection_units: int, activation: Any = "tanh", recurrent_activation: Any = "sigmoid",
        projection_initializer: Any = "glorot_uniform", **kwargs: Any,
    ) -> None:  # fmt: skip
        super().__init__(units, **kwargs)
        self._store(locals())
        check_units(self.where, "projection_units", projection_units)
        self.state_size = (projection_units, units)
        self.output_size = self.projection_units = projection_units

    def build(self, features: int) -> None:
        """Add kernel, recurrent_kernel, bias and projection."""
        size = len(LSTMGate) * self.units
        self.kernel = self._add_stem("kernel", (features, size))
        self.recurrent_kernel = self._add_stem("recurrent", (self.projection_units, size), "recurrent_kernel")
        self.bias = self._add_stem("bias", (size,)) if self.use_bias else None
        shape = (self.units, self.projection_units)
        self.projection = self.add_weight("projection", shape, self.projection_initializer)
        self.add_recurrent_gamma(size)

    def step(self, x: Tensor, h: Tensor, c: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """The equations. Shapes: x (B, F), h (B, P), c (B, U) -> h, h, c."""
        i, f, g, o = ops.split(self._from_input(x) + self.recur(h, self.recurrent_kernel), len(LSTMGate))
        c = self.recurrent_activation(f) * c + self.recurrent_activation(i) * self.activation(g)
        h = (self.recurrent_activation(o) * self.activation(c)) @ self.projection
        return h, h, c


@register
@final
class ProjectionLSTM(UnitLayer):
    """An LSTM whose output is a product with a narrow matrix: much memory, few weights.

    For large models: the recurrent products cost P instead of U columns of state. PyTorch calls it LSTM(proj_size=P).

    With z = x_t W + h_{t-1} U + b cut into i, f, g, o (`LSTMGate`): c_t = s(f) c_{t-1} + s(i) a(g);  h_t = (s(o)
    a(c_t)) R. The states are h (P numbers) and c (U numbers).

    Args:
        units: size U of the memory c.
        projection_units: size P of the output and of h; smaller than units.
        activation, recurrent_activation: a and s.
        projection_initializer: how R starts.
        use_bias, kernel_*, recurrent_*, bias_*: of W, U and b: how they start, what penalises and limits them.
        dropout, recurrent_dropout, zoneout, weight_drop, recurrent_normalization, seed: see `Cell`.
        return_sequences, return_state, go_backwards, stateful, zero_output_for_mask, learn_initial_state: see `RNN`.
    Shapes:   x (B, T, F) -> (B, P), or (B, T, P) with return_sequences; h (B, P), c (B, U).
    Raises:   ShapeError: x is not of rank 3. ArgumentError: units < 1, a rate outside [0, 1).
    Source:   Sak, Senior and Beaufays 2014, "Long Short-Term Memory Based Recurrent Neural Network Architectures for
              Large Scale Acoustic Modeling", equations 7-14, without its peepholes and non-recurrent projection, as
              in PyTorch.
    Example:
        >>> from elman.layers import Input
        >>> ProjectionLSTM(64, projection_units=16)(Input((None, 8))).shape
        (B, 16)
    """

    cell_class = ProjectionLSTMCell
