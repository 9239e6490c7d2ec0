"""Highway: a dense layer that may let its input pass."""

from __future__ import annotations

from typing import Any, final

from elman.graph import trace as ops
from elman.graph.node import Tensor
from elman.layers import activations
from elman.layers.base import Layer
from elman.layers.registry import register
from elman.shapes import Shape


@register
@final
class Highway(Layer):
    """g f(x W + b) + (1 - g) x: a dense layer that learns where it is of use, so that deep stacks of it train.

    g = sigmoid(x W_g + b_g), feature by feature. For recurrent layers see `HighwayWrapper`.

    Args:
        activation: f.
        use_bias: whether there is a b; b_g is always there.
        transform_bias: where b_g starts; at -1 most of x passes.
        kernel_*, gate_kernel_*, bias_*: how W, W_g and b start, what penalises and limits them.
    Shapes:   x (B, ..., F) -> as x; W, W_g (F, F), b, b_g (F,).
    Raises:   ShapeError: x has no feature axis.
    Source:   Srivastava, Greff and Schmidhuber 2015, "Highway Networks", equation 3 and section 2.2.
    Example:
        >>> from elman.layers import Input
        >>> Highway()(Input((8,))).shape
        (B, 8)
    """

    axes = ("B", "...", "F")
    input_kind = "real"
    supports_masking = True
    stepwise = True
    activation: activations.Activation
    use_bias: bool
    transform_bias: float

    def __init__(
        self, activation: Any = "relu", use_bias: bool = True, transform_bias: float = -1.0,
        kernel_initializer: Any = "glorot_uniform", gate_kernel_initializer: Any = "glorot_uniform",
        bias_initializer: Any = "zeros", kernel_regularizer: Any = None, gate_kernel_regularizer: Any = None,
        bias_regularizer: Any = None, kernel_constraint: Any = None, gate_kernel_constraint: Any = None,
        bias_constraint: Any = None, **kwargs: Any,
    ) -> None:  # fmt: skip
        super().__init__(**kwargs)
        self._store(locals(), transform_bias="a finite number")

    def build(self, input_shape: Shape) -> None:
        """Add kernel, gate_kernel, bias and gate_bias."""
        features: Any = input_shape[-1]
        start = {"class_name": "Constant", "config": {"value": self.transform_bias}}
        self.kernel = self._add_stem("kernel", (features, features))
        self.gate_kernel = self._add_stem("gate_kernel", (features, features))
        self.bias = self._add_stem("bias", (features,)) if self.use_bias else None
        self.gate_bias = self.add_weight("gate_bias", (features,), start)

    def call(self, x: Tensor) -> Tensor:
        """The equation."""
        z = x @ self.kernel
        y = self.activation(z if self.bias is None else z + self.bias)
        g = ops.sigmoid(x @ self.gate_kernel + self.gate_bias)
        return g * y + (1.0 - g) * x
