"""BatchNormalization: each feature to mean 0 and variance 1 over the batch."""

from __future__ import annotations

from typing import Any, final

from elman.arguments import check_whole
from elman.errors import ArgumentError, ShapeError
from elman.graph import trace as ops
from elman.graph.node import Tensor, Variable
from elman.layers.base import Layer, Mask, current
from elman.layers.registry import register
from elman.shapes import Shape, text

EPSILON = 1e-7  # Keras's backend.epsilon(), in the count of masked moments


@register
@final
class BatchNormalization(Layer):
    """Each feature brought to mean 0 and variance 1 over the batch, then scaled and shifted by learned weights.

    y = (x - mean) / sqrt(variance + epsilon) · gamma + beta. In training, mean and variance are the batch's own, and
    moving averages remember them: moving · momentum + batch · (1 - momentum). In use, and where `trainable` is False,
    the moving averages stand in. Rows of a batch meet in it; for sequences `LayerNormalization` does without that.
    Padded steps of a mask take no part in mean and variance.

    Args:
        axis: that of the features.
        momentum: of the moving averages.
        epsilon: keeps a constant feature from dividing by 0.
        center, scale: whether there is a beta, a gamma.
        beta_*, gamma_*, moving_*: how they start, what penalises and limits them.
        renorm, renorm_clipping, renorm_momentum, synchronized: Keras's, refused unless left alone.
    Shapes:   x (B, ..., F) -> as x; gamma, beta, moving_mean, moving_variance (F,).
    Raises:   ShapeError: x has no such axis, or its size is open. ArgumentError: an argument out of its range.
    Source:   Ioffe and Szegedy 2015, "Batch Normalization".
    Example:
        >>> from elman.layers import Input
        >>> BatchNormalization()(Input((28, 28, 8))).shape
        (B, 28, 28, 8)
    """

    input_kind = "real"
    supports_masking = True
    axis: int
    momentum: float
    epsilon: float
    center: bool
    scale: bool
    moving_mean_initializer: Any
    moving_variance_initializer: Any

    def __init__(
        self, axis: int = -1, momentum: float = 0.99, epsilon: float = 1e-3, center: bool = True, scale: bool = True,
        beta_initializer: Any = "zeros", gamma_initializer: Any = "ones", moving_mean_initializer: Any = "zeros",
        moving_variance_initializer: Any = "ones", beta_regularizer: Any = None, gamma_regularizer: Any = None,
        beta_constraint: Any = None, gamma_constraint: Any = None, renorm: bool = False, renorm_clipping: Any = None,
        renorm_momentum: float = 0.99, synchronized: bool = False, **kwargs: Any,
    ) -> None:  # fmt: skip
        super().__init__(**kwargs)
        self._store(locals(), epsilon="a finite number above 0", momentum="in [0, 1]", renorm_momentum="in [0, 1]")
        self.axis = check_whole(self.where, "axis", axis, None)
        self.stepwise = self.axis == -1
        for argument, value in (
            ("renorm", renorm),
            ("synchronized", synchronized),
            ("renorm_clipping", renorm_clipping),
        ):
            if value:
                cure = "Leave it out, or use LayerNormalization."
                raise ArgumentError.at(self.where, argument, "be left as it is: elman does without", value, cure)

    def build(self, input_shape: Shape) -> None:
        """Add gamma, beta, moving_mean and moving_variance."""
        shape: Any = (input_shape[self._axis(input_shape)],)
        self.gamma = self._add_stem("gamma", shape) if self.scale else None
        self.beta = self._add_stem("beta", shape) if self.center else None
        self.moving_mean = self.add_weight("moving_mean", shape, self.moving_mean_initializer, trainable=False)
        self.moving_variance = self.add_weight(
            "moving_variance", shape, self.moving_variance_initializer, trainable=False
        )

    def call(self, x: Tensor, mask: Mask | None = None, training: bool = False) -> Tensor:
        """The equation."""
        axis = self._axis(x.shape)
        shape = [size if i == axis else 1 for i, size in enumerate(x.shape)]
        if training and self.trainable:
            centred, variance = self._of_batch(x, axis, mask)
        else:
            centred = x - ops.reshape(current().read(self.moving_mean), shape)
            variance = ops.reshape(current().read(self.moving_variance), shape)
        scale = ops.rsqrt(variance + self.epsilon)
        y = centred * (scale if self.gamma is None else scale * ops.reshape(self.gamma.tensor, shape))
        return y if self.beta is None else y + ops.reshape(self.beta.tensor, shape)

    def _of_batch(self, x: Tensor, axis: int, mask: Mask | None) -> tuple[Tensor, Tensor]:
        """x less its mean, and its variance over all axes but one; remembered. Shapes: as x; (1, ..., F)."""
        axes = [i for i in range(x.ndim) if i != axis]
        if mask is None:
            mean = ops.mean(x, axes, keepdims=True)
            centred = x - mean
            variance = ops.mean(ops.square(centred), axes, keepdims=True)
        else:
            real = ops.reshape(mask.tensor(x.shape[1]), (*x.shape[:2], *(1,) * (x.ndim - 2)))
            share = ops.broadcast_to(ops.cast(real, x.dtype), x.shape)
            count = ops.sum(share, axes, keepdims=True) + EPSILON
            mean = ops.sum(ops.where(real, x, 0.0), axes, keepdims=True) / count
            centred = x - mean
            variance = ops.sum(ops.where(real, ops.square(centred), 0.0), axes, keepdims=True) / count
        self._remember(self.moving_mean, mean)
        self._remember(self.moving_variance, variance)
        return centred, variance

    def _remember(self, moving: Variable, found: Tensor) -> None:
        now = current()
        before = now.read(moving)
        now.update(moving, before * self.momentum + ops.reshape(found, moving.shape) * (1.0 - self.momentum))

    def _axis(self, shape: Shape) -> int:
        """The axis of the features, counted from 0."""
        if not -len(shape) <= self.axis < len(shape) or self.axis % len(shape) == 0:
            rule = f"have the axis {self.axis}, which is not the batch"
            raise ShapeError.at(self.where, "x", rule, text(shape), "Choose another axis.")
        return self.axis % len(shape)
