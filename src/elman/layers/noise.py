"""Layers that disturb their input in training, and pass it on in use: GaussianNoise, GaussianDropout, AlphaDropout."""

from __future__ import annotations

import math
from abc import abstractmethod
from collections.abc import Sequence
from typing import Any, final

from elman.errors import ShapeError
from elman.graph import trace as ops
from elman.graph.node import Tensor
from elman.layers.arguments import check_rate
from elman.layers.base import Layer, current
from elman.layers.registry import register
from elman.shapes import Size, text

ALPHA, SCALE = 1.6732632423543772, 1.0507009873554805
"""Of SELU: Klambauer et al. 2017, equation 2 and appendix A1."""


class Noise(Layer):
    """A layer that changes its input in training and passes it on unchanged in use."""

    input_kind = "real"
    supports_masking = True
    seed: int | None

    def call(self, x: Tensor, training: bool = False) -> Tensor:
        """The input, disturbed in training. Shapes: any -> as x."""
        return self.disturb(x) if training else x

    @abstractmethod
    def disturb(self, x: Tensor) -> Tensor:
        """What happens in training. Shapes: any -> as x."""


@register
@final
class GaussianNoise(Noise):
    """Normal noise added in training: similar inputs should have similar outputs.

    Args:     stddev: of the noise, in units of x. seed: makes the noise independent of the model's seed.
    Shapes:   x (B, ...) -> (B, ...).
    Raises:   ArgumentError: stddev below 0.
    """

    stddev: float

    def __init__(self, stddev: float, seed: int | None = None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self._store(locals(), stddev="a finite number from 0")

    def disturb(self, x: Tensor) -> Tensor:
        """Add noise."""
        return x + _normal(x, self.seed) * self.stddev


@register
@final
class GaussianDropout(Noise):
    """In training, every number of the input is multiplied by one of mean 1: dropout's noise, without zeros.

    y = x (1 + sqrt(p / (1 - p)) n), n normal: mean and variance of the factor are those of dropout with rate p.

    Args:     rate: p. seed: makes the noise independent of the model's seed.
    Shapes:   x (B, ...) -> (B, ...).
    Raises:   ArgumentError: rate outside [0, 1).
    Source:   Srivastava et al. 2014, "Dropout: a simple way to prevent neural networks from overfitting", section 10.
    Example:
        >>> from elman.layers import Input
        >>> GaussianDropout(0.5)(Input((3,))).shape
        (B, 3)
    """

    stepwise = True
    rate: float

    def __init__(self, rate: float, seed: int | None = None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self._store({"rate": check_rate(self.where, "rate", rate), "seed": seed})

    def disturb(self, x: Tensor) -> Tensor:
        """Multiply by noise."""
        return x if not self.rate else x * (1.0 + _normal(x, self.seed) * math.sqrt(self.rate / (1 - self.rate)))


@register
@final
class AlphaDropout(Noise):
    """Dropout for layers of `selu`: what is dropped takes SELU's lowest value, and mean and variance stay 0 and 1.

    y = a (x d + α' (1 - d)) + b, where d is 0 with probability p and 1 otherwise, α' = -λα is what SELU nears at -∞,
    a = ((1 - p)(1 + p α'²))^(-1/2) and b = -a p α'.

    Args:
        rate: p.
        noise_shape: shape of the choice; 1 on an axis drops along it together, None is x's own size.
        seed: makes the choice independent of the model's seed.
    Shapes:   x (B, ...) -> (B, ...).
    Raises:   ArgumentError: rate outside [0, 1). ShapeError: noise_shape of another rank.
    Source:   Klambauer et al. 2017, "Self-normalizing neural networks", "New dropout technique".
    Example:
        >>> from elman.layers import Input
        >>> AlphaDropout(0.1)(Input((3,))).shape
        (B, 3)
    """

    stepwise = True
    rate: float
    noise_shape: Sequence[int | None] | None

    def __init__(
        self, rate: float, noise_shape: Sequence[int | None] | None = None, seed: int | None = None, **kwargs: Any
    ) -> None:
        super().__init__(**kwargs)
        check_rate(self.where, "rate", rate)
        self._store(locals())

    def disturb(self, x: Tensor) -> Tensor:
        """Drop."""
        sizes = choice_shape(self.where, self.noise_shape, x)
        if not self.rate:
            return x
        now, low, p = current(), -ALPHA * SCALE, self.rate
        kept = now.uniform(sizes, now.next_key(), x.dtype, self.seed) >= p
        a = 1 / math.sqrt((1 - p) * (1 + p * low * low))
        return ops.where(kept, x, low) * a - a * p * low


def choice_shape(where: str, wanted: Sequence[int | None] | None, x: Tensor) -> list[Size]:
    """The shape of what a dropout chooses: x's own, but what noise_shape says. Raises: ShapeError: of another rank."""
    if wanted is None:
        return list(x.shape)
    if len(wanted) != x.ndim:
        rule = f"have one size for each axis of x, {text(x.shape)}"
        raise ShapeError.at(where, "noise_shape", rule, tuple(wanted), "Use None where x's size is meant.")
    return [size if given is None else given for given, size in zip(wanted, x.shape, strict=True)]


def _normal(x: Tensor, seed: int | None) -> Tensor:
    """Normal numbers from uniform ones, by Box and Muller 1958. Shapes: as x."""
    now = current()
    pair = now.uniform((*x.shape, 2), now.next_key(), x.dtype, seed)
    radius = ops.sqrt(ops.log(1.0 - pair[..., 0]) * -2.0)  # 1 - u is in (0, 1]
    return radius * ops.cos(pair[..., 1] * (2 * math.pi))
