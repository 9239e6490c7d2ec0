"""Words for what looks through a window that moves along one or two axes: convolution and pooling. Part of `elman.ops`.

Channels come last, as everywhere in elman: x (B, S, C) or (B, S1, S2, C), where a spatial axis may be time and open. An
operator has ONNX's name and meaning but for that order of axes, and its `pads` may be negative: they cut off.

    windows that fit     (before + S + after - dilation * (kernel - 1) - 1) // stride + 1
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence

from elman.errors import ArgumentError, ShapeError
from elman.graph.node import Operand, Tensor, apply, apply_many, as_tensor
from elman.graph.operators import slid
from elman.graph.trace import concatenate, flip, pad, reshape, split, swapaxes
from elman.shapes import Shape, Size, share, text

Numbers = int | Sequence[int]
Pads = Sequence[tuple[Size, Size]]
Padding = str | Pads
PADDINGS = ("valid", "same", "causal")


def conv(
    x: Operand, kernel: Operand, strides: Numbers = 1, padding: Padding = "valid", dilation_rate: Numbers = 1,
    bias: Operand | None = None,
) -> Tensor:  # fmt: skip
    """The sum of a window of x times the kernel, for each filter and each place of the window. Keras's `ops.conv`.

    Args:
        kernel: C may be a divisor of the channels of x: then each group of channels has filters of its own.
        padding: "valid": the window stays inside; "same": S / strides places, rounded up, zeros at both ends; "causal":
            as many, all zeros in front; or pairs (before, after), one an axis.
    Shapes:   x (B, S, C), kernel (K, C, N), bias (N,) -> (B, S', N); x (B, S1, S2, C), kernel (K1, K2, C, N) likewise.
    Raises:   ShapeError: ranks or channels do not fit, or x is shorter than the window. ArgumentError: another padding.
    """
    x, kernel = as_tensor(x), as_tensor(kernel)
    window = tuple(k for k in kernel.shape[:-2] if isinstance(k, int))
    attrs = attributes("conv", x.shape, window, strides, padding, dilation_rate)
    more = [] if bias is None else [as_tensor(bias)]
    channels, given = x.shape[-1], kernel.shape[-2]
    if isinstance(channels, int) and isinstance(given, int) and given and channels != given and channels % given == 0:
        groups = channels // given
        pairs = zip(split(x, groups, -1), split(kernel, groups, -1), strict=True)
        whole = concatenate([apply_many("Conv", pair, **attrs)[0] for pair in pairs], -1)
        return whole + more[0] if more else whole
    return apply_many("Conv", [x, kernel, *more], **attrs)[0]


def depthwise_conv(
    x: Operand, kernel: Operand, strides: Numbers = 1, padding: Padding = "valid", dilation_rate: Numbers = 1
) -> Tensor:
    """Each channel by itself through M filters of its own: a chain of products and sums, element by element.

    Strides take from a result without them. Shapes: x (B, S..., C), kernel (K..., C, M) -> (B, S'..., C * M).
    """
    x, kernel = as_tensor(x), as_tensor(kernel)
    window = [k for k in kernel.shape[:-2] if isinstance(k, int)]
    steps, spread = _each(strides, len(window)), _each(dilation_rate, len(window))
    moves = zip(x.shape[1:-1], window, steps, spread, strict=True)
    if isinstance(padding, str):
        padding = [ends("depthwise_conv", size, k, s, d, padding) for size, k, s, d in moves]
    for axis, (before, after) in enumerate(padding, 1):
        x = x if (before, after) == (0, 0) else pad(x, axis, before, after)
    total: Tensor | None = None
    for tap in itertools.product(*map(range, window)):
        seen, weight = x, kernel
        for axis, (t, k, d) in enumerate(zip(tap, window, spread, strict=True), 1):
            length = x.shape[axis] - d * (k - 1)
            seen, weight = apply("Slice", seen, axis=axis, start=t * d, length=length, step=1), weight[t]
        term = reshape(seen, (*seen.shape, 1)) * weight
        total = term if total is None else total + term
    assert total is not None, "a window has an element"
    y = reshape(total, (*total.shape[:-2], total.shape[-2] * total.shape[-1]))
    return y if max(steps) == 1 else average_pool(y, 1, steps)


def max_pool(x: Operand, pool_size: Numbers, strides: Numbers | None = None, padding: Padding = "valid") -> Tensor:
    """The largest of each window; NaN if one is. Of equals the first takes the gradient.

    Shapes:   x (B, S, C) -> (B, S', C); x (B, S1, S2, C) -> (B, S1', S2', C).
    """
    x = as_tensor(x)
    return apply_many("MaxPool", [x], **pooling("max_pool", x.shape, pool_size, strides, padding))[0]


def average_pool(x: Operand, pool_size: Numbers, strides: Numbers | None = None, padding: Padding = "valid") -> Tensor:
    """The mean of each window; padding does not count.

    Shapes:   x (B, S, C) -> (B, S', C); x (B, S1, S2, C) -> (B, S1', S2', C).
    """
    x = as_tensor(x)
    return apply_many("AveragePool", [x], **pooling("average_pool", x.shape, pool_size, strides, padding))[0]


def pooling(
    where: str, shape: Shape, pool_size: Numbers, strides: Numbers | None, padding: Padding
) -> dict[str, object]:
    """Attributes of a pooling operator."""
    window = _each(pool_size, len(shape) - 2)
    strides = window if strides is None else strides
    return {**attributes(where, shape, window, strides, padding, 1), "kernel": window}


def attributes(
    where: str, shape: Shape, window: Sequence[int], strides: Numbers, padding: Padding, dilations: Numbers
) -> dict[str, object]:
    """What Conv and ConvKernel are told, for x of this shape."""
    rank = len(window)
    if len(shape) != rank + 2 or rank not in (1, 2):
        rule = "of rank 3 or 4: batch, one or two axes the window moves along, channels"
        raise ShapeError.at(where, "x", rule, text(shape), f"The window is {text(tuple(window))}: reshape x to fit it.")
    steps, spread = _each(strides, rank), _each(dilations, rank)
    pads = tuple(padding) if not isinstance(padding, str) else tuple(
        ends(where, size, k, s, d, padding) for size, k, s, d in zip(shape[1:-1], window, steps, spread, strict=True)
    )  # fmt: skip
    return {"strides": steps, "dilations": spread, "pads": pads}


def ends(where: str, size: Size, kernel: int, stride: int, dilation: int, padding: str) -> tuple[Size, Size]:
    """Zeros before and after an axis.

    Raises: ArgumentError: an unknown padding. ShapeError: an open axis whose padding depends on what it will be.
    """
    if padding not in PADDINGS:
        raise ArgumentError.at(where, "padding", f"one of {', '.join(PADDINGS)}", padding, "Or give pairs of numbers.")
    reach = dilation * (kernel - 1)
    if padding == "valid":
        return 0, 0
    if padding == "causal":
        return reach, 0
    whole = (share(size + stride - 1, stride) - 1) * stride + reach + 1 - size
    if isinstance(whole, int):
        whole = max(whole, 0)
    elif reach + 1 < stride:
        if kernel > 1:
            rule = 'of known size for padding "same" with strides larger than the window'
            raise ShapeError.at(where, "x", rule, size, 'Take padding "valid", or fix the size in Input.')
        whole = 0
    before = share(whole, 2)
    return before, whole - before


def places(where: str, size: Size, kernel: int, stride: int, dilation: int, padding: str) -> Size:
    """How many windows fit along an axis."""
    return slid(size, kernel, stride, dilation, ends(where, size, kernel, stride, dilation, padding))


def flipped(kernel: Tensor) -> Tensor:
    """A kernel turned round, for the way back. Shapes: (K..., C, N) -> (K..., N, C)."""
    for axis in range(kernel.ndim - 2):
        kernel = flip(kernel, axis) if kernel.shape[axis] != 1 else kernel
    return swapaxes(kernel, -1, -2)


def spaced(x: Tensor, strides: Sequence[int]) -> Tensor:
    """Zeros between neighbours, `strides` - 1 of them, and after the last. Shapes: (B, S, C) -> (B, S * stride, C)."""
    for axis, stride in enumerate(strides, 1):
        if stride > 1:
            apart = pad(reshape(x, (*x.shape[: axis + 1], 1, *x.shape[axis + 1 :])), axis + 1, 0, stride - 1)
            x = reshape(apart, (*x.shape[:axis], x.shape[axis] * stride, *x.shape[axis + 1 :]))
    return x


def _each(value: Numbers, rank: int) -> tuple[int, ...]:
    return (value,) * rank if isinstance(value, int) else tuple(value)
