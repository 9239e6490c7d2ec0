"""RBF: units that answer to what lies near their centre."""

from __future__ import annotations

from typing import Any, final

from elman.graph import trace as ops
from elman.graph.node import Tensor
from elman.layers.arguments import check_units
from elman.layers.base import Layer
from elman.layers.registry import register
from elman.shapes import Shape

_NORMAL = {"class_name": "RandomNormal", "config": {"stddev": 1.0}}


@register
@final
class RBF(Layer):
    """Radial basis functions: unit u is 1 where x is its centre c_u, and falls off with the distance.

    y_u = exp(-|x - c_u|² / (2 s_u²)), centres and widths learned. A `Dense` after it makes the RBF network: a sum of
    hills, where a `Dense` before would make ridges. For scaled data, of mean 0 and variance 1, as the centres start.

    Args:
        units: how many centres.
        width: where every s_u starts; about the distance between neighbouring centres. Learned as its logarithm, so
            that it stays positive.
        centers_*: how the centres start, what penalises and limits them.
        train_widths: whether the widths are learned.
    Shapes:   x (B, ..., F) -> (B, ..., U); centers (U, F), log_widths (U,).
    Raises:   ShapeError: x has no feature axis. ArgumentError: units < 1, or a width that is not positive.
    Source:   Broomhead and Lowe 1988, "Multivariable functional interpolation and adaptive networks"; Moody and Darken
              1989, "Fast learning in networks of locally-tuned processing units", equation 1. The distance is taken as
              |x|² - 2 x·c + |c|², one product for all units, and not below 0.
    Example:
        >>> from elman.layers import Input
        >>> RBF(20)(Input((2,))).shape
        (B, 20)
    """

    axes = ("B", "...", "F")
    input_kind = "real"
    supports_masking = True
    stepwise = True
    units: int
    width: float
    train_widths: bool

    def __init__(
        self, units: int, width: float = 1.0, centers_initializer: Any = _NORMAL, centers_regularizer: Any = None,
        centers_constraint: Any = None, train_widths: bool = True, **kwargs: Any,
    ) -> None:  # fmt: skip
        super().__init__(**kwargs)
        self._store(locals(), width="a finite number above 0")
        check_units(self.where, "units", units)

    def build(self, input_shape: Shape) -> None:
        """Add centers (U, F) and log_widths (U,)."""
        features: Any = input_shape[-1]
        self.centers = self._add_stem("centers", (self.units, features))
        self.log_widths = self.add_weight("log_widths", (self.units,), "zeros", trainable=self.train_widths)

    def call(self, x: Tensor) -> Tensor:
        """The equation."""
        centers = self.centers.tensor
        here = ops.sum(ops.square(x), -1, keepdims=True)
        apart = here - 2.0 * ops.matmul(x, centers, transpose_b=True) + ops.sum(ops.square(centers), -1)
        widths = ops.exp(self.log_widths.tensor) * self.width
        return ops.exp(-0.5 * ops.maximum(apart, 0.0) / ops.square(widths))
