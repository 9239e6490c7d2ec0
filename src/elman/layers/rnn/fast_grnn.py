"""FastGRNN: a gate that shares its weights with the candidate."""

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
class FastGRNNCell(PlainCell):
    """One step of `FastGRNN`. Weights: kernel (F, U), recurrent_kernel (U, U), bias (2, U) for z, n, zeta (1,), nu
    (1,).
    """

    activation: Activation
    recurrent_activation: Activation
    zeta: float
    nu: float

    def __init__(
        self, units: int, activation: Any = "tanh", recurrent_activation: Any = "sigmoid", zeta: float = 1.0,
        nu: float = -4.0, **kwargs: Any,
    ) -> None:  # fmt: skip
        super().__init__(units, **kwargs)
        self._store(locals(), zeta="a finite number", nu="a finite number")

    def build(self, features: int) -> None:
        """Add kernel, recurrent_kernel, bias and the two numbers."""
        self._add_gates(features, 1, (len(UpdateGate), self.units))
        start = {"class_name": "Constant", "config": {"value": self.zeta}}
        self.zeta_weight = self.add_weight("zeta", (1,), start)
        self.nu_weight = self.add_weight("nu", (1,), {**start, "config": {"value": self.nu}})

    def step(self, x: Tensor, h: Tensor) -> tuple[Tensor, Tensor]:
        """The equations. Shapes: x (B, F), h (B, U) -> (B, U) twice."""
        both = x @ self.kernel + self.recur(h, self.recurrent_kernel)
        z, n = (both, both) if self.bias is None else (both + self.bias[0], both + self.bias[1])
        z, n = self.recurrent_activation(z), self.activation(n)
        h = (ops.sigmoid(self.zeta_weight.tensor) * (1.0 - z) + ops.sigmoid(self.nu_weight.tensor)) * n + z * h
        return h, h


@register
@final
class FastGRNN(UnitLayer):
    """A gated layer with the weights of a `SimpleRNN`: one matrix serves gate and candidate.

    For devices with kilobytes: close to `GRU` with a third of its weights.

    p = x_t W + h_{t-1} U;  z = s(p + b_z);  n = a(p + b_n);  h_t = (sigmoid(zeta) (1 - z) + sigmoid(nu)) n + z
    h_{t-1}; biases in the order of `UpdateGate`.

    Args:
        units: size U of the state and the output.
        activation, recurrent_activation: a and s.
        zeta, nu: where the two learned numbers start.
        use_bias, kernel_*, recurrent_*, bias_*: of W, U and b: how they start, what penalises and limits them.
        dropout, recurrent_dropout, zoneout, weight_drop, recurrent_normalization, seed: see `Cell`.
        return_sequences, return_state, go_backwards, stateful, zero_output_for_mask, learn_initial_state: see `RNN`.
    Shapes:   x (B, T, F) -> (B, U), or (B, T, U) with return_sequences; h (B, U).
    Raises:   ShapeError: x is not of rank 3. ArgumentError: units < 1, a rate outside [0, 1).
    Source:   Kusupati et al. 2018, "FastGRNN", equations 2 and 3, with full-rank W and U.
    Example:
        >>> from elman.layers import Input
        >>> FastGRNN(16, return_sequences=True)(Input((None, 8))).shape
        (B, T, 16)
    """

    cell_class = FastGRNNCell
