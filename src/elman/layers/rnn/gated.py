"""What several gated cells share: two activations, and the equation of a gated average."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from elman.graph import trace as ops
from elman.graph.node import Tensor
from elman.layers.activations import Activation
from elman.layers.rnn.cell import PlainCell
from elman.layers.rnn.gates import UpdateGate


class GatedCell(PlainCell):
    """A `PlainCell` with an activation of candidates and one of gates."""

    activation: Activation
    recurrent_activation: Activation

    def __init__(
        self, units: int, activation: Any = "tanh", recurrent_activation: Any = "sigmoid", **kwargs: Any
    ) -> None:
        super().__init__(units, **kwargs)
        self._store(locals())


class UpdateGateCell(GatedCell):
    """A `GatedCell` with one gate, which says how much of the state is kept. Weights: kernel (F, 2U),
    recurrent_kernel (U, 2U), bias (2U,), gates as `UpdateGate`.
    """

    def build(self, features: int) -> None:
        """Add kernel, recurrent_kernel and bias."""
        self._add_gates(features, len(UpdateGate), (len(UpdateGate) * self.units,))

    def step(self, x: Tensor, h: Tensor) -> Sequence[Tensor]:
        """The equation of the gated average. Shapes: x (B, F), h (B, U) -> (B, U) twice."""
        z, n = ops.split(self._from_input(x) + self.recur(h, self.recurrent_kernel), len(UpdateGate))
        z = self.recurrent_activation(z)
        h = z * h + (1.0 - z) * self.activation(n)
        return h, h
