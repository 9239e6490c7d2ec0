"""Functions between layers: Keras's activations, by its names and arguments, written in graph operators.

Each takes a tensor of any shape and gives one of the same shape (`glu` halves an axis). Where Keras's formula
overflows for large inputs, an equal one is used that does not.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from elman.errors import ArgumentError, ShapeError
from elman.graph import trace as ops
from elman.graph.node import Tensor
from elman.layers.registry import alias, register, resolve
from elman.shapes import text

Activation = Callable[[Tensor], Tensor]

# Klambauer et al. 2017, "Self-Normalizing Neural Networks", §2: the fixed point of mean 0, variance 1.
_SELU_ALPHA = 1.6732632423543772
_SELU_SCALE = 1.0507009873554805


@register
def linear(x: Tensor) -> Tensor:
    """The input itself. Shapes: any -> as x."""
    return x


@register
def relu(x: Tensor, negative_slope: float = 0.0, max_value: float | None = None, threshold: float = 0.0) -> Tensor:
    """max(x, 0); with arguments: negative_slope·(x - threshold) below the threshold, x above, at most max_value.

    Shapes: any -> as x.
    """
    if not negative_slope and max_value is None and threshold == 0:
        return ops.relu(x)
    above = ops.where(x > threshold, x, 0.0) if threshold != 0 else ops.relu(x)
    if max_value is not None:
        above = ops.minimum(above, max_value)
    return above - negative_slope * ops.relu(threshold - x) if negative_slope else above


@register
def relu6(x: Tensor) -> Tensor:
    """min(max(x, 0), 6). Shapes: any -> as x."""
    return ops.minimum(ops.relu(x), 6.0)


@register
def leaky_relu(x: Tensor, negative_slope: float = 0.2) -> Tensor:
    """x above 0, negative_slope·x below: no unit is ever without gradient. Shapes: any -> as x."""
    return ops.where(x > 0.0, x, x * negative_slope)


@register
def elu(x: Tensor, alpha: float = 1.0) -> Tensor:
    """x above 0, alpha·(e^x - 1) below. Shapes: any -> as x."""
    return ops.where(x > 0.0, x, ops.expm1(ops.minimum(x, 0.0)) * alpha)


@register
def selu(x: Tensor) -> Tensor:
    """1.05·elu(x, 1.67): keeps mean 0 and variance 1 from layer to layer (Klambauer et al. 2017).

    Shapes: any -> as x.
    """
    return elu(x, _SELU_ALPHA) * _SELU_SCALE


@register
def celu(x: Tensor, alpha: float = 1.0) -> Tensor:
    """max(x, 0) + alpha·(e^(min(x, 0)/alpha) - 1). Shapes: any -> as x."""
    return ops.relu(x) + ops.expm1(ops.minimum(x, 0.0) / alpha) * alpha


@register
def gelu(x: Tensor, approximate: bool = False) -> Tensor:
    """x·Φ(x), Φ the normal distribution's; or its tanh approximation (Hendrycks and Gimpel 2016).

    Shapes: any -> as x.
    """
    if approximate:
        return x * 0.5 * (1.0 + ops.tanh((x + x * x * x * 0.044715) * math.sqrt(2 / math.pi)))
    return x * 0.5 * (1.0 + ops.erf(x * math.sqrt(0.5)))


@register
def tanh(x: Tensor) -> Tensor:
    """Hyperbolic tangent, between -1 and 1: the state function of recurrent layers. Shapes: any -> as x."""
    return ops.tanh(x)


@register
def sigmoid(x: Tensor) -> Tensor:
    """1 / (1 + e^-x), between 0 and 1: the gate function of recurrent layers. Shapes: any -> as x."""
    return ops.sigmoid(x)


@register
def hard_sigmoid(x: Tensor) -> Tensor:
    """relu6(x + 3) / 6: a sigmoid of straight lines. Shapes: any -> as x."""
    return relu6(x + 3.0) / 6.0


@register
def log_sigmoid(x: Tensor) -> Tensor:
    """log(sigmoid(x)), without underflow. Shapes: any -> as x."""
    return -ops.softplus(-x)


@register
def sparse_sigmoid(x: Tensor) -> Tensor:
    """clip((x + 1) / 2, 0, 1): a sigmoid of straight lines on [-1, 1]. Shapes: any -> as x."""
    return ops.clip((x + 1.0) * 0.5, 0.0, 1.0)


@register
def hard_tanh(x: Tensor) -> Tensor:
    """x limited to [-1, 1]. Shapes: any -> as x."""
    return ops.clip(x, -1.0, 1.0)


@register
def silu(x: Tensor) -> Tensor:
    """x·sigmoid(x), also called swish. Shapes: any -> as x."""
    return x * ops.sigmoid(x)


@register
def hard_silu(x: Tensor) -> Tensor:
    """x·hard_sigmoid(x), also called hard_swish. Shapes: any -> as x."""
    return x * hard_sigmoid(x)


@register
def mish(x: Tensor) -> Tensor:
    """x·tanh(softplus(x)) (Misra 2019). Shapes: any -> as x."""
    return x * ops.tanh(ops.softplus(x))


@register
def softplus(x: Tensor) -> Tensor:
    """log(1 + e^x): a smooth relu. Shapes: any -> as x."""
    return ops.softplus(x)


@register
def softsign(x: Tensor) -> Tensor:
    """x / (1 + |x|). Shapes: any -> as x."""
    return x / (1.0 + ops.abs(x))


@register
def exponential(x: Tensor) -> Tensor:
    """e^x. Shapes: any -> as x."""
    return ops.exp(x)


@register
def softmax(x: Tensor, axis: int = -1) -> Tensor:
    """e^x / Σe^x along `axis`: a choice among classes. Shapes: any -> as x."""
    return ops.softmax(x, axis)


@register
def log_softmax(x: Tensor, axis: int = -1) -> Tensor:
    """log(softmax(x)) without the detour. Shapes: any -> as x."""
    return ops.log_softmax(x, axis)


@register
def glu(x: Tensor, axis: int = -1) -> Tensor:
    """First half of the axis times the sigmoid of the second (Dauphin et al. 2017). Shapes: (..., 2N) -> (..., N)."""
    size = x.shape[axis]
    if not isinstance(size, int) or size % 2:
        raise ShapeError.at(
            "glu", "x", f"have an even size on axis {axis}", text(x.shape), "Double the units before it."
        )
    value, gate = ops.split(x, 2, axis)
    return value * ops.sigmoid(gate)


@register
def sparse_plus(x: Tensor) -> Tensor:
    """0 up to -1, (x + 1)²/4 up to 1, x above. Shapes: any -> as x."""
    return ops.where(x <= -1.0, 0.0, ops.where(x < 1.0, ops.square(x + 1.0) * 0.25, x))


@register
def squareplus(x: Tensor, b: float = 4) -> Tensor:
    """(x + √(x² + b)) / 2: a smooth relu without exponentials. Shapes: any -> as x."""
    return (x + ops.sqrt(ops.square(x) + float(b))) * 0.5


@register
def tanh_shrink(x: Tensor) -> Tensor:
    """x - tanh(x). Shapes: any -> as x."""
    return x - ops.tanh(x)


@register
def soft_shrink(x: Tensor, threshold: float = 0.5) -> Tensor:
    """x moved toward 0 by the threshold, at most to 0. Shapes: any -> as x."""
    return ops.where(x > threshold, x - threshold, ops.where(x < -threshold, x + threshold, 0.0))


@register
def hard_shrink(x: Tensor, threshold: float = 0.5) -> Tensor:
    """x where |x| is above the threshold, else 0. Shapes: any -> as x."""
    return ops.where(ops.abs(x) > threshold, x, 0.0)


@register
def threshold(x: Tensor, threshold: float, default_value: float) -> Tensor:
    """x above the threshold, else the default value. Shapes: any -> as x."""
    return ops.where(x > threshold, x, default_value)


swish = silu
hard_swish = hard_silu

alias("activation", swish="silu", hard_swish="hard_silu")


def get(identifier: Any, where: str = "activations", argument: str = "activation") -> Activation:
    """The function that a name, a configuration of a layer, or a callable stands for; None is `linear`.

    Raises:   UnknownNameError: an unknown name.
    Example:
        >>> get("tanh") is tanh
        True
    """
    if identifier is None:
        return linear
    if isinstance(identifier, dict):
        found = resolve(identifier, "layer", where, argument)
    else:
        found = resolve(identifier, "activation", where, argument)
    if not callable(found):
        raise ArgumentError.at(where, argument, "be a function of a tensor", identifier, "Pass 'tanh', for example.")
    activation: Activation = found
    return activation
