"""Stochastic gradient descent, with momentum if asked."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Unpack, final

from elman.graph import Tensor
from elman.optimizers.optimizer import Optimizer, Options, Rate, Slots


@final
class SGD(Optimizer):
    """A step against the gradient: w - rate · g; with momentum a step along a decaying sum of such steps.

    m = momentum · m - rate · g;  w + m, or with Nesterov w + momentum · m - rate · g.

    Args:
        learning_rate: step size.
        momentum: how much of the last step is kept, in [0, 1].
        nesterov: look ahead: the gradient counts once more after the momentum.
        options: see `Optimizer`.
    Raises: ArgumentError: momentum outside [0, 1].
    Source: Robbins and Monro 1951; Polyak 1964 (momentum); Sutskever et al. 2013, equations 3 and 4 (Nesterov);
        as Keras 3.
    Example:
        >>> SGD(momentum=0.9).learning_rate
        0.01
    """

    def __init__(
        self, learning_rate: Rate = 0.01, momentum: float = 0.0, nesterov: bool = False, **options: Unpack[Options]
    ) -> None:
        super().__init__(learning_rate, **options)
        self.momentum = self._in_unit("momentum", momentum)
        self.nesterov = nesterov

    def slots(self) -> dict[str, float]:
        """The momentum, if there is any."""
        return {"momentum": 0.0} if self.momentum else {}

    def step(self, w: Tensor, g: Tensor, s: Mapping[str, Tensor], rate: Tensor, t: Tensor) -> tuple[Tensor, Slots]:
        """See the class."""
        push = rate * g
        if not self.momentum:
            return w - push, {}
        m = self.momentum * s["momentum"] - push
        return w + (self.momentum * m - push if self.nesterov else m), {"momentum": m}
