"""Activations as layers: those of `activations.py` by name, and those with arguments or weights of their own."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, final

import numpy as np

from elman.arguments import check_number, check_whole
from elman.graph import trace as ops
from elman.graph.node import Tensor
from elman.layers import activations
from elman.layers.arguments import check_axes
from elman.layers.base import Layer, Mask
from elman.layers.registry import register
from elman.shapes import Shape


class Pointwise(Layer):
    """A layer without weights that works on each number, or each row of numbers, by itself."""

    input_kind = "real"
    supports_masking = True
    stepwise = True


@register
@final
class Activation(Pointwise):
    """An activation as a layer of its own: `Activation("softmax")`. Shapes: x (...) -> (...)."""

    activation: activations.Activation

    def __init__(self, activation: Any, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self._store(locals())

    def call(self, x: Tensor) -> Tensor:
        """The function."""
        return self.activation(x)


@register
@final
class ReLU(Pointwise):
    """`relu` with arguments: slope below the threshold, and a ceiling. Shapes: x (...) -> (...)."""

    max_value: float | None
    negative_slope: float
    threshold: float

    def __init__(
        self, max_value: float | None = None, negative_slope: float = 0.0, threshold: float = 0.0, **kwargs: Any
    ) -> None:
        super().__init__(**kwargs)
        self._store(locals(), negative_slope="a finite number from 0", threshold="a finite number from 0")
        if max_value is not None:
            self.max_value = check_number(self.where, "max_value", max_value, "a finite number from 0")

    def call(self, x: Tensor) -> Tensor:
        """The function."""
        return activations.relu(x, self.negative_slope, self.max_value, self.threshold)


@register
@final
class LeakyReLU(Pointwise):
    """x above 0, negative_slope·x below; `alpha` is Keras's older name of the argument. Shapes: x (...) -> (...)."""

    negative_slope: float

    def __init__(self, negative_slope: float = 0.3, **kwargs: Any) -> None:
        given = "alpha" if "alpha" in kwargs else "negative_slope"
        slope = kwargs.pop("alpha", negative_slope)
        super().__init__(**kwargs)
        self.negative_slope = check_number(self.where, given, slope, "a finite number from 0")

    def call(self, x: Tensor) -> Tensor:
        """The function."""
        return activations.leaky_relu(x, self.negative_slope)


@register
@final
class ELU(Pointwise):
    """x above 0, alpha·(e^x - 1) below. Shapes: x (...) -> (...)."""

    alpha: float

    def __init__(self, alpha: float = 1.0, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self._store(locals(), alpha="a finite number")

    def call(self, x: Tensor) -> Tensor:
        """The function."""
        return activations.elu(x, self.alpha)


@register
@final
class PReLU(Layer):
    """x above 0, a·x below, with a slope a that is learned (He et al. 2015).

    Args:
        alpha_*: of the slopes: how they start, what penalises and limits them.
        shared_axes: axes (from 1) along which one slope serves all: 1 for an open time axis.
    Shapes:   x (B, ...) -> (B, ...); alpha (...) with shared axes 1.
    Raises:   ShapeError: an open axis that is not shared.
    """

    input_kind = "real"
    supports_masking = True
    shared_axes: Sequence[int] | None

    def __init__(
        self, alpha_initializer: Any = "Zeros", alpha_regularizer: Any = None, alpha_constraint: Any = None,
        shared_axes: int | Sequence[int] | None = None, **kwargs: Any,
    ) -> None:  # fmt: skip
        super().__init__(**kwargs)
        self._store(locals())
        if shared_axes is not None:
            axes = check_axes(self.where, "shared_axes", shared_axes)
            self.shared_axes = [check_whole(self.where, "shared_axes", axis, 1) for axis in axes]

    def build(self, input_shape: Shape) -> None:
        """Add alpha."""
        shared = {a - 1 for a in self.shared_axes or ()}
        shape = [1 if i in shared else size for i, size in enumerate(input_shape[1:])]
        self.alpha = self._add_stem("alpha", shape)

    def call(self, x: Tensor) -> Tensor:
        """The function."""
        return ops.relu(x) - self.alpha * ops.relu(-x)


@register
@final
class Softmax(Pointwise):
    """e^x / Σe^x along `axis`: a choice, or weights of attention.

    Args:     axis: one axis, or several whose elements add up to 1 together. Along time, 1, padded steps get 0.
    Call:     softmax(x, mask=None): a bool tensor of x's shape; where it is False the result is 0.
    Shapes:   x (...) -> (...).
    Raises:   ShapeError: x has no such axis.
    """

    axis: int | Sequence[int]

    def __init__(self, axis: int | Sequence[int] = -1, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self._store(locals())
        found = check_axes(self.where, "axis", axis)
        self.axis = found[0] if np.ndim(axis) == 0 else sorted(found)
        self.stepwise = self.axis in (-1, [-1])

    def call(self, x: Tensor, mask: Mask | None = None) -> Tensor:
        """The function. A mask of time steps (B, T) does not hide features and is passed on."""
        axes = {a % x.ndim for a in ([self.axis] if isinstance(self.axis, int) else self.axis)}
        each = mask is not None and mask.values is not None and mask.values.ndim == x.ndim
        if mask is None or not (each or 1 in axes):
            return ops.softmax(x, self.axis)
        allowed = mask.over(x)
        return ops.where(allowed, ops.softmax(ops.where(allowed, x, -1e9), self.axis), 0.0)
