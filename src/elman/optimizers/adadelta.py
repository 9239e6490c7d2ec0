"""Adadelta: steps as large as recent steps were."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Unpack, final

from elman import ops
from elman.graph import Tensor
from elman.optimizers.optimizer import Optimizer, Options, Rate, Slots


@final
class Adadelta(Optimizer):
    """Each number's step is its gradient times the ratio of the recent size of its steps to that of its gradients.

    a = rho · a + (1 - rho) · g²;  d = -sqrt(u + epsilon) / sqrt(a + epsilon) · g;  u = rho · u + (1 - rho) · d²;
    w + rate · d.

    Args:
        learning_rate: step size; 1.0 is the paper's, 0.001 Keras's default.
        rho: how much of the running means is kept, in [0, 1].
        epsilon: keeps the roots away from 0 and lets the first step begin.
        options: see `Optimizer`.
    Raises: ArgumentError: rho outside [0, 1].
    Source: Zeiler 2012, "ADADELTA: an adaptive learning rate method", algorithm 1; as Keras 3.
    Example:
        >>> Adadelta().get_config()["rho"]
        0.95
    """

    def __init__(
        self, learning_rate: Rate = 0.001, rho: float = 0.95, epsilon: float = 1e-7, **options: Unpack[Options]
    ) -> None:
        super().__init__(learning_rate, **options)
        self.rho = self._in_unit("rho", rho)
        self.epsilon = self._number("epsilon", epsilon, "a finite number from 0")

    def slots(self) -> dict[str, float]:
        """Running means of squared gradients and squared steps."""
        return {"accumulated_grad": 0.0, "accumulated_delta_var": 0.0}

    def step(self, w: Tensor, g: Tensor, s: Mapping[str, Tensor], rate: Tensor, t: Tensor) -> tuple[Tensor, Slots]:
        """See the class."""
        a = self.rho * s["accumulated_grad"] + (1.0 - self.rho) * ops.square(g)
        d = -(ops.sqrt(s["accumulated_delta_var"] + self.epsilon) * g / ops.sqrt(a + self.epsilon))
        u = self.rho * s["accumulated_delta_var"] + (1.0 - self.rho) * ops.square(d)
        return w + rate * d, {"accumulated_grad": a, "accumulated_delta_var": u}
