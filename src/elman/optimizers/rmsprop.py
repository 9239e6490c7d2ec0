"""RMSprop: gradients divided by their recent size."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Unpack, final

from elman import ops
from elman.graph import Tensor
from elman.optimizers.optimizer import Optimizer, Options, Rate, Slots


@final
class RMSprop(Optimizer):
    """Each number's step is its gradient divided by the root of a running mean of its square.

    v = rho · v + (1 - rho) · g²;  w - rate · g / sqrt(v + epsilon).  Centred: v minus the squared running mean of g.

    Args:
        learning_rate: step size.
        rho: how much of the running means is kept, in [0, 1].
        momentum: how much of the last step is kept, in [0, 1].
        epsilon: keeps the root away from 0; inside the root, as in Keras.
        centered: divide by the standard deviation instead of the root mean square.
        options: see `Optimizer`.
    Raises: ArgumentError: rho or momentum outside [0, 1].
    Source: Tieleman and Hinton 2012, lecture 6.5; Graves 2013, section 4.2 (centred); as Keras 3.
    Example:
        >>> RMSprop().get_config()["rho"]
        0.9
    """

    def __init__(
        self,
        learning_rate: Rate = 0.001,
        rho: float = 0.9,
        momentum: float = 0.0,
        epsilon: float = 1e-7,
        centered: bool = False,
        **options: Unpack[Options],
    ) -> None:
        super().__init__(learning_rate, **options)
        self.rho, self.momentum = self._in_unit("rho", rho), self._in_unit("momentum", momentum)
        self.epsilon, self.centered = self._number("epsilon", epsilon, "a finite number from 0"), centered

    def slots(self) -> dict[str, float]:
        """The running mean of squares; the momentum and the running mean of gradients, if asked."""
        more = {"momentum": bool(self.momentum), "average_gradient": self.centered}
        return {"velocity": 0.0, **{name: 0.0 for name, asked in more.items() if asked}}

    def step(self, w: Tensor, g: Tensor, s: Mapping[str, Tensor], rate: Tensor, t: Tensor) -> tuple[Tensor, Slots]:
        """See the class."""
        new = {"velocity": self.rho * s["velocity"] + (1.0 - self.rho) * ops.square(g)}
        spread = new["velocity"]
        if self.centered:
            new["average_gradient"] = self.rho * s["average_gradient"] + (1.0 - self.rho) * g
            spread = spread - ops.square(new["average_gradient"])
        push = rate * g / ops.sqrt(spread + self.epsilon)
        if self.momentum:
            new["momentum"] = push = self.momentum * s["momentum"] + push
        return w - push, new
