"""Adagrad: gradients divided by their size since the beginning."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Unpack, final

from elman import ops
from elman.graph import Tensor
from elman.optimizers.optimizer import Optimizer, Options, Rate, Slots


@final
class Adagrad(Optimizer):
    """Each number's step is its gradient divided by the root of the sum of all its squares: rare features learn faster.

    a = a + g²;  w - rate · g / sqrt(a + epsilon).

    Args:
        learning_rate: step size.
        initial_accumulator_value: what a starts from; not negative.
        epsilon: keeps the root away from 0; inside the root, as in Keras.
        options: see `Optimizer`.
    Raises: ArgumentError: initial_accumulator_value is negative.
    Source: Duchi, Hazan and Singer 2011, "Adaptive subgradient methods"; as Keras 3.
    Example:
        >>> Adagrad().get_config()["initial_accumulator_value"]
        0.1
    """

    def __init__(
        self,
        learning_rate: Rate = 0.001,
        initial_accumulator_value: float = 0.1,
        epsilon: float = 1e-7,
        **options: Unpack[Options],
    ) -> None:
        super().__init__(learning_rate, **options)
        first = self._number("initial_accumulator_value", initial_accumulator_value, "a finite number from 0")
        self.initial_accumulator_value = first
        self.epsilon = self._number("epsilon", epsilon, "a finite number from 0")

    def slots(self) -> dict[str, float]:
        """The sum of squares."""
        return {"accumulator": self.initial_accumulator_value}

    def step(self, w: Tensor, g: Tensor, s: Mapping[str, Tensor], rate: Tensor, t: Tensor) -> tuple[Tensor, Slots]:
        """See the class."""
        a = s["accumulator"] + ops.square(g)
        return w - rate * g / ops.sqrt(a + self.epsilon), {"accumulator": a}
