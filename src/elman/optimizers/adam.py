"""Adam and its relatives: a running mean of gradients divided by the root of a running mean of their squares."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Unpack, final

from elman import ops
from elman.errors import ArgumentError
from elman.graph import Tensor
from elman.optimizers.optimizer import DecayFreeOptions, Optimizer, Options, Rate, Slots, power_gap


class _Moments(Optimizer):
    """What Adam's family has in common: decays of two running moments, and epsilon outside the root."""

    def __init__(
        self,
        learning_rate: Rate = 0.001,
        beta_1: float = 0.9,
        beta_2: float = 0.999,
        epsilon: float = 1e-7,
        **options: Unpack[Options],
    ) -> None:
        super().__init__(learning_rate, **options)
        self.beta_1, self.beta_2 = (self._below_one("beta_1", beta_1), self._below_one("beta_2", beta_2))
        self.epsilon = self._number("epsilon", epsilon, "a finite number from 0")

    def _below_one(self, name: str, value: float) -> float:
        return self._number(name, value, "in [0, 1)", "The usual are 0.9 and 0.999.")

    def slots(self) -> dict[str, float]:
        """The running means of gradients and of their squares."""
        return {"momentum": 0.0, "velocity": 0.0}

    def _moments(self, g: Tensor, s: Mapping[str, Tensor]) -> tuple[Tensor, Tensor]:
        m, v = s["momentum"], s["velocity"]
        return m + (g - m) * (1.0 - self.beta_1), v + (ops.square(g) - v) * (1.0 - self.beta_2)


class _AdamRule(_Moments):
    """The step Adam and AdamW share; they differ in the default of weight_decay."""

    def __init__(
        self,
        learning_rate: Rate = 0.001,
        beta_1: float = 0.9,
        beta_2: float = 0.999,
        epsilon: float = 1e-7,
        amsgrad: bool = False,
        **options: Unpack[Options],
    ) -> None:
        super().__init__(learning_rate, beta_1, beta_2, epsilon, **options)
        self.amsgrad = amsgrad

    def slots(self) -> dict[str, float]:
        """The moments, and with amsgrad the largest second moment."""
        return {**super().slots(), **({"velocity_hat": 0.0} if self.amsgrad else {})}

    def step(self, w: Tensor, g: Tensor, s: Mapping[str, Tensor], rate: Tensor, t: Tensor) -> tuple[Tensor, Slots]:
        """See the classes."""
        m, v = self._moments(g, s)
        new = {"momentum": m, "velocity": v}
        if self.amsgrad:
            new["velocity_hat"] = v = ops.maximum(s["velocity_hat"], v)
        rate = rate * ops.sqrt(power_gap(self.beta_2, t)) / power_gap(self.beta_1, t)
        return w - m * rate / (ops.sqrt(v) + self.epsilon), new


@final
class Adam(_AdamRule):
    """Steps of about the learning rate in each number, in the direction of the recent mean gradient: the usual choice.

    m = m + (1 - beta_1)(g - m);  v = v + (1 - beta_2)(g² - v);
    w - rate · sqrt(1 - beta_2^t) / (1 - beta_1^t) · m / (sqrt(v) + epsilon).

    Args:
        learning_rate: step size.
        beta_1: how much of the mean gradient is kept, in [0, 1).
        beta_2: how much of the mean square is kept, in [0, 1).
        epsilon: keeps the divisor away from 0: "epsilon hat" of the paper's section 2, as in Keras.
        amsgrad: divide by the largest mean square seen so far.
        options: see `Optimizer`; a weight_decay is decoupled, as in AdamW.
    Raises: ArgumentError: a beta outside [0, 1).
    Source: Kingma and Ba 2015, "Adam", end of section 2; Reddi, Kale and Kumar 2018 (amsgrad); as Keras 3.
    Example:
        >>> Adam().get_config()["beta_2"]
        0.999
    """


@final
class AdamW(_AdamRule):
    """Adam with weights that shrink by themselves, apart from the gradient.

    w is w - rate · weight_decay · w before Adam's step.

    Args:
        weight_decay: how fast weights shrink; see `Optimizer`. `exclude_from_weight_decay(["bias"])` spares biases.
        learning_rate, beta_1, beta_2, epsilon, amsgrad: see `Adam`. options: see `Optimizer`.
    Raises: ArgumentError: weight_decay is None, or a beta outside [0, 1).
    Source: Loshchilov and Hutter 2019, "Decoupled weight decay regularization", algorithm 2; as Keras 3.
    Example:
        >>> AdamW().get_config()["weight_decay"]
        0.004
    """

    def __init__(
        self,
        learning_rate: Rate = 0.001,
        weight_decay: float = 0.004,
        beta_1: float = 0.9,
        beta_2: float = 0.999,
        epsilon: float = 1e-7,
        amsgrad: bool = False,
        **options: Unpack[DecayFreeOptions],
    ) -> None:
        super().__init__(learning_rate, beta_1, beta_2, epsilon, amsgrad, weight_decay=weight_decay, **options)
        if weight_decay is None:
            raise ArgumentError.at(self.name, "weight_decay", "a number", None, "Without it, use Adam.")


@final
class Adamax(_Moments):
    """Adam with the largest recent gradient in the place of the root mean square: calmer where gradients are sparse.

    u = max(beta_2 · u, |g|);  w - rate · m / ((1 - beta_1^t)(u + epsilon)).

    Args:
        learning_rate, beta_1, beta_2, epsilon: see `Adam`. options: see `Optimizer`.
    Raises: ArgumentError: a beta outside [0, 1).
    Source: Kingma and Ba 2015, "Adam", algorithm 2; as Keras 3, which adds epsilon.
    Example:
        >>> Adamax().learning_rate
        0.001
    """

    def slots(self) -> dict[str, float]:
        """The running mean of gradients, and the largest recent size."""
        return {"momentum": 0.0, "norm": 0.0}

    def step(self, w: Tensor, g: Tensor, s: Mapping[str, Tensor], rate: Tensor, t: Tensor) -> tuple[Tensor, Slots]:
        """See the class."""
        m = s["momentum"] + (g - s["momentum"]) * (1.0 - self.beta_1)
        u = ops.maximum(self.beta_2 * s["norm"], ops.abs(g))
        return w - rate * m / (power_gap(self.beta_1, t) * (u + self.epsilon)), {"momentum": m, "norm": u}


@final
class Nadam(_Moments):
    """Adam that looks ahead: its momentum is Nesterov's.

    mu_t = beta_1 (1 - 0.96^t / 2), p_t = mu_1 … mu_t;  m', v as in Adam;
    m^ = mu_(t+1) m' / (1 - p_(t+1)) + (1 - mu_t) g / (1 - p_t);  w - rate · m^ / (sqrt(v / (1 - beta_2^t)) + epsilon).

    Args:
        learning_rate, beta_1, beta_2, epsilon: see `Adam`. options: see `Optimizer`.
    Raises: ArgumentError: a beta outside [0, 1).
    Source: Dozat 2016, "Incorporating Nesterov momentum into Adam", algorithm 2; as Keras 3.
    Example:
        >>> Nadam().learning_rate
        0.001
    """

    def scalars(self) -> dict[str, float]:
        """The product of the momenta so far."""
        return {"u_product": 1.0}

    def step(self, w: Tensor, g: Tensor, s: Mapping[str, Tensor], rate: Tensor, t: Tensor) -> tuple[Tensor, Slots]:
        """See the class."""
        mu = self.beta_1 * (1.0 - 0.5 * ops.power(0.96, t))
        mu_next = self.beta_1 * (1.0 - 0.5 * ops.power(0.96, t + 1.0))
        product = s["u_product"] * mu
        m, v = self._moments(g, s)
        ahead = m * (mu_next / (1.0 - product * mu_next)) + g * ((1.0 - mu) / (1.0 - product))
        root = ops.sqrt(v / power_gap(self.beta_2, t))
        return w - rate * ahead / (root + self.epsilon), {"momentum": m, "velocity": v, "u_product": product}
