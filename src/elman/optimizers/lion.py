"""Lion: the sign of a momentum."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Unpack, final

from elman import ops
from elman.graph import Tensor
from elman.optimizers.optimizer import Optimizer, Options, Rate, Slots


@final
class Lion(Optimizer):
    """Steps of exactly the learning rate in each number; wants a rate 3 to 10 times smaller than Adam's.

    w - rate · sign(beta_1 · m + (1 - beta_1) · g);  m = beta_2 · m + (1 - beta_2) · g.

    Args:
        learning_rate: step size.
        beta_1: share of the momentum in the step, above 0 and up to 1.
        beta_2: how much of the momentum is kept, in [0, 1].
        options: see `Optimizer`.
    Raises: ArgumentError: a beta out of its range.
    Source: Chen et al. 2023, "Symbolic discovery of optimization algorithms", program 1; as Keras 3.
    Example:
        >>> Lion().get_config()["beta_2"]
        0.99
    """

    def __init__(
        self, learning_rate: Rate = 0.001, beta_1: float = 0.9, beta_2: float = 0.99, **options: Unpack[Options]
    ) -> None:
        super().__init__(learning_rate, **options)
        cure = "At 0 it would be the sign of the gradient alone."
        self.beta_1 = self._number("beta_1", beta_1, "in (0, 1]", cure)
        self.beta_2 = self._in_unit("beta_2", beta_2)

    def slots(self) -> dict[str, float]:
        """The momentum."""
        return {"momentum": 0.0}

    def step(self, w: Tensor, g: Tensor, s: Mapping[str, Tensor], rate: Tensor, t: Tensor) -> tuple[Tensor, Slots]:
        """See the class."""
        m = s["momentum"]
        new = {"momentum": self.beta_2 * m + (1.0 - self.beta_2) * g}
        return w - rate * ops.sign(self.beta_1 * m + (1.0 - self.beta_1) * g), new
