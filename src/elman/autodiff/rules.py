"""Every derivative rule, one row an operator.

A row maps (node, gradient of its output) to the gradient of each input, in the words of `graph/trace.py`, so
derivatives are graphs like any other. Gradients of broadcast operands are summed back by `reverse.py`; a rule may
ignore broadcasting. None: no gradient flows (an index, a condition, a step function). `y` is the node's output:
rules use it where it is cheaper than the input.

Source: the rows are textbook calculus; Griewank and Walther 2008, "Evaluating Derivatives", for reverse accumulation.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from elman import dtypes
from elman.graph import trace as ops
from elman.graph.node import Node, Tensor, apply, apply_many, products_in
from elman.graph.windows import flipped, spaced
from elman.shapes import product

Rule = Callable[[Node, Tensor], Sequence[Tensor | None]]


def _x(n: Node) -> Tensor:
    return n.inputs[0]


def _y(n: Node) -> Tensor:
    return n.outputs[0]


def _where(condition: Tensor, g: Tensor) -> Tensor:
    return ops.where(condition, g, 0.0)


def _pow(n: Node, g: Tensor) -> Sequence[Tensor | None]:
    a, b = n.inputs
    log_a = ops.log(ops.where(a > 0.0, a, 1.0))
    return g * b * a ** (b - 1.0), g * _y(n) * log_a


def _mul(n: Node, g: Tensor) -> Sequence[Tensor | None]:
    """A square gives its gradient at once: where g is repeated, its double is computed before."""
    a, b = n.inputs
    return (2.0 * g * a, None) if a is b else (g * b, g * a)


def _extreme(n: Node, g: Tensor) -> Sequence[Tensor | None]:
    """Max and Min: the winner takes the gradient, equals share it."""
    a, b = n.inputs
    first = b < a if n.op == "Max" else a < b
    share = ops.cast(first, g.dtype) + 0.5 * ops.cast(ops.equal(a, b), g.dtype)
    return g * share, g * (1.0 - share)


def _matmul(n: Node, g: Tensor) -> Sequence[Tensor | None]:
    """C = A B: dA = dC Bᵀ, dB = Aᵀ dC; with a flag set, the roles of a transposed operand swap."""
    with products_in(n.attrs.get("precision")):
        return _matmul_slopes(n, g)


def _matmul_slopes(n: Node, g: Tensor) -> tuple[Tensor, Tensor]:
    a, b = n.inputs[:2]
    ta, tb = bool(n.attrs.get("transpose_a")), bool(n.attrs.get("transpose_b"))
    if a.ndim > 2 and b.ndim == 2:  # one matrix for every leading index: the rows of all of them
        rows = product(a.shape[:-1])
        flat_a, flat_g = ops.reshape(a, (rows, a.shape[-1])), ops.reshape(g, (rows, g.shape[-1]))
        da = ops.matmul(g, b, transpose_b=not tb)
        db = ops.matmul(flat_g, flat_a, transpose_a=True) if tb else ops.matmul(flat_a, flat_g, transpose_a=True)
        return da, db
    da = ops.matmul(b, g, transpose_a=tb, transpose_b=True) if ta else ops.matmul(g, b, transpose_b=not tb)
    db = ops.matmul(g, a, transpose_a=True, transpose_b=ta) if tb else ops.matmul(a, g, transpose_a=not ta)
    return da, db


def _conv_x(x: Tensor, kernel: Tensor, g: Tensor, attrs: Mapping[str, Any]) -> Tensor:
    """Back through a convolution: each output gives to its window, so the flipped kernel moves over g.

    Strides leave zeros between its elements; what the window went over at the ends is padded or, if negative, cut off.
    """
    apart = spaced(g, attrs["strides"])
    pads = []
    for axis, (dilation, (before, _)) in enumerate(zip(attrs["dilations"], attrs["pads"], strict=True)):
        reach = dilation * (kernel.shape[axis] - 1)
        pads.append((reach - before, x.shape[axis + 1] - apart.shape[axis + 1] + before))
    moves = {"strides": (1,) * len(pads), "dilations": attrs["dilations"], "pads": tuple(pads)}
    return apply("Conv", apart, flipped(kernel), **moves)


def _conv(n: Node, g: Tensor) -> Sequence[Tensor | None]:
    x, kernel = n.inputs[:2]
    d_kernel = apply("ConvKernel", x, g, **n.attrs, kernel=kernel.shape[:-2])
    return _conv_x(x, kernel, g, n.attrs), d_kernel, *(ops.sum(g, tuple(range(g.ndim - 1))) for _ in n.inputs[2:])


def _moves(n: Node) -> dict[str, Any]:
    """How the window moves."""
    return {k: n.attrs[k] for k in ("strides", "dilations", "pads")}


def _conv_kernel(n: Node, g: Tensor) -> Sequence[Tensor | None]:
    x, h = n.inputs
    return _conv_x(x, g, h, n.attrs), apply("Conv", x, g, **_moves(n))


def _keep(n: Node, t: Tensor) -> Tensor:
    """A reduced tensor with its axes back as 1, ready to broadcast against the input."""
    axes = n.attrs["axes"]
    return ops.reshape(t, tuple(1 if i in axes else d for i, d in enumerate(_x(n).shape)))


def _reduce_extreme(n: Node, g: Tensor) -> Sequence[Tensor | None]:
    """Equal winners share the gradient."""
    # Shared, not given to the first: the derivative then does not depend on the order of elements.
    won = ops.cast(ops.equal(_x(n), _keep(n, _y(n))), g.dtype)
    return (won * _keep(n, g) / ops.sum(won, n.attrs["axes"], keepdims=True),)


def _reduce_prod(n: Node, g: Tensor) -> Sequence[Tensor | None]:
    """The product of the others: of all but x where nothing is 0.

    A single 0 gets that of the rest, of several none gets any.
    """
    x, axes = _x(n), n.attrs["axes"]
    zero = ops.equal(x, 0.0)
    # Dividing the whole product by x would be 0 / 0 where x is 0.
    filled = ops.where(zero, 1.0, x)
    zeros = ops.sum(ops.cast(zero, x.dtype), axes, keepdims=True) - ops.cast(zero, x.dtype)
    others = ops.prod(filled, axes, keepdims=True) / filled
    return (_keep(n, g) * ops.where(zeros > 0.0, 0.0, others),)


def _slice(n: Node, g: Tensor) -> Sequence[Tensor | None]:
    axis, start, length, step = (n.attrs[k] for k in ("axis", "start", "length", "step"))
    size = _x(n).shape[axis]
    if step == -1:
        first = start - (length - 1)
        return (apply("Pad", ops.flip(g, axis), axis=axis, before=first, after=size - start - 1),)
    return (apply("Pad", g, axis=axis, before=start, after=size - (start + length)),)


def _concat(n: Node, g: Tensor) -> Sequence[Tensor | None]:
    axis, at, parts = n.attrs["axis"], 0, []
    for t in n.inputs:
        length = t.shape[axis]
        parts.append(apply("Slice", g, axis=axis, start=at, length=length, step=1))
        at = at + length
    return parts


def _inverse(perm: Sequence[int]) -> tuple[int, ...]:
    return tuple(sorted(range(len(perm)), key=lambda i: perm[i]))


def _softmax(n: Node, g: Tensor) -> Sequence[Tensor | None]:
    y = _y(n)
    return (y * (g - ops.sum(g * y, -1, keepdims=True)),)


def _top_k(n: Node, g: Tensor) -> Sequence[Tensor | None]:
    chosen = ops.one_hot(n.outputs[1], _x(n).shape[-1], g.dtype)
    return (ops.sum(chosen * ops.expand_dims(g, -1), -2),)


def _no(n: Node, g: Tensor) -> Sequence[Tensor | None]:
    return (None,) * len(n.inputs)


RULES: dict[str, Rule] = {
    # one operand
    "Identity": lambda n, g: (None if n.attrs.get("stop") else g,),
    "Neg": lambda n, g: (-g,),
    "Abs": lambda n, g: (g * ops.sign(_x(n)),),
    "Sqrt": lambda n, g: (g * 0.5 / _y(n),),
    "Reciprocal": lambda n, g: (-g * _y(n) * _y(n),),
    "Rsqrt": lambda n, g: (g * -0.5 * _y(n) * _y(n) * _y(n),),
    "Exp": lambda n, g: (g * _y(n),),
    "Expm1": lambda n, g: (g * (_y(n) + 1.0),),
    "Log": lambda n, g: (g / _x(n),),
    "Log1p": lambda n, g: (g / (1.0 + _x(n)),),
    "Tanh": lambda n, g: (g * (1.0 - _y(n) * _y(n)),),
    "Sigmoid": lambda n, g: (g * (_y(n) * (1.0 - _y(n))),),
    "Relu": lambda n, g: (_where(_y(n) > 0.0, g),),
    "Softplus": lambda n, g: (g * ops.sigmoid(_x(n)),),
    "Erf": lambda n, g: (g * (2.0 / math.sqrt(math.pi)) * ops.exp(-(_x(n) * _x(n))),),
    "Sin": lambda n, g: (g * ops.cos(_x(n)),),
    "Cos": lambda n, g: (-g * ops.sin(_x(n)),),
    "Cast": lambda n, g: (ops.cast(g, _x(n).dtype) if dtypes.is_real(_x(n).dtype) else None,),
    "Sign": _no,
    "Floor": _no,
    "Ceil": _no,
    "Round": _no,
    # two and three operands
    "Add": lambda n, g: (g, g),
    "Sub": lambda n, g: (g, -g),
    "Mul": _mul,
    "Div": lambda n, g: (g / n.inputs[1], -g * _y(n) / n.inputs[1]),
    "Pow": _pow,
    "Max": _extreme,
    "Min": _extreme,
    "Mod": lambda n, g: (g, -g * ops.floor(n.inputs[0] / n.inputs[1])),
    "Where": lambda n, g: (None, ops.where(n.inputs[0], g, 0.0), ops.where(n.inputs[0], 0.0, g)),
    "MultiplyAdd": lambda n, g: (g * n.inputs[1], g * n.inputs[0], g),
    # contraction and reduction
    "MatMul": _matmul,
    "Gemm": lambda n, g: (*_matmul(n, g), g),
    "Conv": _conv,
    "ConvKernel": _conv_kernel,
    "MaxPool": lambda n, g: (*(None for _ in n.inputs[1:]), apply("MaxUnpool", _x(n), g, **n.attrs)),
    "MaxUnpool": lambda n, g: (None, apply("MaxPool", _x(n), g, **n.attrs)),
    "AveragePool": lambda n, g: (apply("AverageUnpool", g, **n.attrs, sizes=_x(n).shape[1:-1]),),
    "AverageUnpool": lambda n, g: (apply("AveragePool", g, **_moves(n), kernel=n.attrs["kernel"]),),
    "ReduceSum": lambda n, g: (ops.broadcast_to(_keep(n, g), _x(n).shape),),
    "ReduceProd": _reduce_prod,
    "ReduceMax": _reduce_extreme,
    "ReduceMin": _reduce_extreme,
    "TopK": _top_k,
    "Softmax": _softmax,
    "LogSoftmax": lambda n, g: (g - ops.exp(_y(n)) * ops.sum(g, -1, keepdims=True),),
    "LinearCrossEntropy": lambda n, g: (*apply_many("LinearCrossEntropyGrad", [*n.inputs, g], **n.attrs)[2:], None),
    "CumSum": lambda n, g: (
        ops.cumsum(g, n.attrs["axis"], reverse=not n.attrs["reverse"], exclusive=n.attrs["exclusive"]),
    ),
    # movement
    "Reshape": lambda n, g: (ops.reshape(g, _x(n).shape),),
    "Expand": lambda n, g: (g,),  # a broadcast: reverse.py sums it back
    "Transpose": lambda n, g: (ops.transpose(g, _inverse(n.attrs["perm"])),),
    "Concat": _concat,
    "Slice": _slice,
    "Pad": lambda n, g: (
        apply("Slice", g, axis=n.attrs["axis"], start=n.attrs["before"], length=_x(n).shape[n.attrs["axis"]], step=1),
    ),
    "Gather": lambda n, g: (
        apply("ScatterAdd", n.inputs[1], g, **n.attrs, rows=_x(n).shape[n.attrs.get("batch", 0)]),
        None,
    ),
    "ScatterAdd": lambda n, g: (None, apply("Gather", g, n.inputs[0], batch=n.attrs.get("batch", 0))),
}
"""Operators with whole-number, boolean or no outputs need no row: nothing flows through them.

Scan's rule is `scan.py`.
"""
