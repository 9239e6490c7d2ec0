"""LayerNormalization: each example to mean 0 and variance 1."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, final

import numpy as np

from elman.errors import ShapeError
from elman.graph import trace as ops
from elman.graph.node import Tensor
from elman.layers.arguments import check_axes
from elman.layers.base import Layer
from elman.layers.registry import register
from elman.shapes import Shape, text


@register
@final
class LayerNormalization(Layer):
    """Each example, each step by itself, brought to mean 0 and variance 1, then scaled and shifted by learned weights.

    y = (x - mean(x)) / sqrt(var(x) + epsilon) · gamma + beta, mean and variance over `axis`. Unlike batch
    normalisation it is the same in training and use, and does not mix rows or steps: it suits sequences.

    Args:
        axis: one axis or several; -1, the features, by default.
        epsilon: keeps a constant row from dividing by 0.
        center, scale: whether there is a beta, a gamma.
        beta_*, gamma_*: how they start, what penalises and limits them.
        rms_scaling: Keras's variant: x / sqrt(var(x) + epsilon) · gamma, without mean and beta.
    Shapes:   x (B, ..., F) -> as x; gamma, beta: the sizes of `axis`.
    Raises:   ShapeError: x has no such axis, or its size is open.
    Source:   Ba, Kiros and Hinton 2016, "Layer Normalization".
    Example:
        >>> from elman.layers import Input
        >>> LayerNormalization()(Input((None, 8))).shape
        (B, T, 8)
    """

    input_kind = "real"
    supports_masking = True
    epsilon: float
    center: bool
    scale: bool
    rms_scaling: bool

    def __init__(
        self, axis: int | Sequence[int] = -1, epsilon: float = 1e-3, center: bool = True, scale: bool = True,
        beta_initializer: Any = "zeros", gamma_initializer: Any = "ones", beta_regularizer: Any = None,
        gamma_regularizer: Any = None, beta_constraint: Any = None, gamma_constraint: Any = None,
        rms_scaling: bool = False, **kwargs: Any,
    ) -> None:  # fmt: skip
        super().__init__(**kwargs)
        self._store(locals(), epsilon="a finite number above 0")
        found = check_axes(self.where, "axis", axis)
        self.axis = found[0] if np.ndim(axis) == 0 else sorted(found)
        self.stepwise = self.axis in (-1, [-1])

    def build(self, input_shape: Shape) -> None:
        """Add gamma and beta."""
        shape: Any = [input_shape[a] for a in self._axes(input_shape)]
        self.gamma = self._add_stem("gamma", shape) if self.scale or self.rms_scaling else None
        self.beta = self._add_stem("beta", shape) if self.center and not self.rms_scaling else None

    def call(self, x: Tensor) -> Tensor:
        """The equation."""
        axes = self._axes(x.shape)
        centred = x - ops.mean(x, axes, keepdims=True)
        variance = ops.mean(ops.square(centred), axes, keepdims=True)
        y = (x if self.rms_scaling else centred) * ops.rsqrt(variance + self.epsilon)
        shape = [size if i in axes else 1 for i, size in enumerate(x.shape)]
        y = y if self.gamma is None else y * ops.reshape(self.gamma.tensor, shape)
        return y if self.beta is None else y + ops.reshape(self.beta.tensor, shape)

    def follows_mask(self, x: Tensor, mask: Any) -> bool:
        """Unless mean and variance are those of all steps together."""
        return 1 not in self._axes(x.shape)

    def _axes(self, shape: Shape) -> list[int]:
        """The axes counted from 0, in order."""
        given = [self.axis] if isinstance(self.axis, int) else list(self.axis)
        if any(not -len(shape) <= a < len(shape) or a % len(shape) == 0 for a in given):
            rule = f"have the axes {given}, the batch not among them"
            raise ShapeError.at(self.where, "x", rule, text(shape), "Choose another axis.")
        return sorted(a % len(shape) for a in given)
