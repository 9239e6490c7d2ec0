"""The words a layer is written in: functions of tensors that build nodes. Public as `elman.ops`.

Names follow NumPy and Keras's `ops`. Everything composite is composed here from rows of the operator table, so its
gradient and its kernel come for free. `scan` is the one recurrent operator.
"""

from __future__ import annotations

import builtins
from collections.abc import Callable, Sequence

import numpy as np

from elman import dtypes, settings
from elman.errors import ShapeError
from elman.graph.node import (
    Graph,
    Node,
    Operand,
    Tensor,
    ancestors,
    apply,
    apply_many,
    as_tensor,
    constant,
    placeholder,
)
from elman.graph.operators import divide
from elman.shapes import Shape, Size, product, text

Axis = int | Sequence[int] | None

# ---- one operand ---------------------------------------------------------------------------------------------------


def _unary(op: str, meaning: str) -> Callable[[Operand], Tensor]:
    def function(x: Operand) -> Tensor:
        return apply(op, x)

    function.__doc__ = f"{meaning} Shapes: x (...) -> (...)."
    function.__name__ = op.lower()
    return function


tanh = _unary("Tanh", "Hyperbolic tangent, element by element.")
sigmoid = _unary("Sigmoid", "1 / (1 + e^-x), element by element.")
relu = _unary("Relu", "max(x, 0), element by element; NaN stays NaN.")
exp = _unary("Exp", "e^x, element by element.")
expm1 = _unary("Expm1", "e^x - 1, exact near 0.")
log = _unary("Log", "Natural logarithm; -inf at 0, NaN below.")
log1p = _unary("Log1p", "log(1 + x), exact near 0.")
sqrt = _unary("Sqrt", "Square root; NaN below 0.")
reciprocal = _unary("Reciprocal", "1 / x.")
softplus = _unary("Softplus", "log(1 + e^x), no overflow.")
erf = _unary("Erf", "Error function.")
sin = _unary("Sin", "Sine of radians.")
cos = _unary("Cos", "Cosine of radians.")
sign = _unary("Sign", "-1, 0 or 1; the gradient is 0.")
floor = _unary("Floor", "Largest integer <= x; the gradient is 0.")
ceil = _unary("Ceil", "Smallest integer >= x; the gradient is 0.")
round = _unary("Round", "Nearest integer, halves to even; the gradient is 0.")
abs = _unary("Abs", "|x|; the gradient at 0 is 0.")
negative = _unary("Neg", "-x.")
isnan = _unary("IsNaN", "Where x is not a number (bool).")
isinf = _unary("IsInf", "Where x is infinite (bool).")
logical_not = _unary("Not", "Where x is false (bool).")


def square(x: Operand) -> Tensor:
    """x * x. Shapes: any -> as x."""
    x = as_tensor(x)
    return apply("Mul", x, x)


def rsqrt(x: Operand) -> Tensor:
    """1 / sqrt(x). Shapes: any -> as x."""
    return apply("Rsqrt", x)


def cast(x: Operand, dtype: str) -> Tensor:
    """The same values in another number type; reals to int32 truncate toward zero, anything non-zero is True.

    Shapes: any -> as x.
    """
    x = as_tensor(x)
    return x if x.dtype == dtype else apply("Cast", x, dtype=dtypes.canonical(dtype))


def stop_gradient(x: Operand) -> Tensor:
    """x, but no gradient passes back through it. Shapes: any -> as x."""
    return apply("Identity", x, stop=True)


# ---- two and three operands ----------------------------------------------------------------------------------------


def _binary(op: str, meaning: str, swap: bool = False) -> Callable[[Operand, Operand], Tensor]:
    def function(a: Operand, b: Operand) -> Tensor:
        return apply(op, b, a) if swap else apply(op, a, b)

    function.__doc__ = f"{meaning} Shapes: a, b broadcast -> their broadcast."
    function.__name__ = op.lower()
    return function


add = _binary("Add", "a + b.")
subtract = _binary("Sub", "a - b.")
multiply = _binary("Mul", "a * b.")
divide_ = _binary("Div", "a / b.")
power = _binary("Pow", "a ^ b.")
maximum = _binary("Max", "The larger of a and b; NaN if either is.")
minimum = _binary("Min", "The smaller of a and b; NaN if either is.")
mod = _binary("Mod", "Remainder of a / b with the sign of b.")
equal = _binary("Equal", "a == b (bool).")
less = _binary("Less", "a < b (bool).")
less_equal = _binary("LessOrEqual", "a <= b (bool).")
greater = _binary("Less", "a > b (bool).", swap=True)
greater_equal = _binary("LessOrEqual", "a >= b (bool).", swap=True)
logical_and = _binary("And", "a and b (bool).")
logical_or = _binary("Or", "a or b (bool).")


def not_equal(a: Operand, b: Operand) -> Tensor:
    """a != b (bool). Shapes: a, b broadcast -> their broadcast."""
    return apply("Not", apply("Equal", a, b))


def where(condition: Operand, a: Operand, b: Operand) -> Tensor:
    """a where condition holds, else b. Shapes: all broadcast."""
    return apply("Where", condition, a, b)


def clip(x: Operand, low: float, high: float) -> Tensor:
    """x limited to [low, high]; the gradient outside is 0. Shapes: any -> as x."""
    return apply("Min", apply("Max", x, low), high)


def matmul(a: Operand, b: Operand, transpose_a: bool = False, transpose_b: bool = False) -> Tensor:
    """Matrix product over the last two axes. Shapes: (..., M, K) x (K, N) or (..., K, N) -> (..., M, N)."""
    flags = {k: True for k, v in (("transpose_a", transpose_a), ("transpose_b", transpose_b)) if v}
    return apply("MatMul", a, b, **flags)


def dot(a: Operand, b: Operand) -> Tensor:
    """Another name of `matmul`. Shapes: (..., K), (K, V) -> (..., V)."""
    return apply("MatMul", a, b)


# ---- reductions ----------------------------------------------------------------------------------------------------


def _axes(x: Tensor, axis: Axis, op: str) -> tuple[int, ...]:
    if axis is None:
        return tuple(range(x.ndim))
    axes = (axis,) if isinstance(axis, int) else tuple(axis)
    if builtins.any(not -x.ndim <= a < x.ndim for a in axes):
        raise ShapeError.at(
            op, "axis", f"between {-x.ndim} and {x.ndim - 1}", axis, f"The tensor has shape {text(x.shape)}."
        )
    return tuple(sorted({a % x.ndim for a in axes}))


def _reduction(op: str) -> Callable[..., Tensor]:
    def function(x: Operand, axis: Axis = None, keepdims: bool = False) -> Tensor:
        x = as_tensor(x)
        axes = _axes(x, axis, op)
        return apply(op, x, axes=axes, keepdims=keepdims) if axes else x

    function.__doc__ = (
        f"{op} over `axis` (an int, several, or None for all). Shapes: those axes go, or become 1 with keepdims."
    )
    function.__name__ = op
    return function


sum = _reduction("ReduceSum")
max = _reduction("ReduceMax")
min = _reduction("ReduceMin")
prod = _reduction("ReduceProd")


def mean(x: Operand, axis: Axis = None, keepdims: bool = False) -> Tensor:
    """Average over `axis`. Shapes: x (...) -> without the axes, or with them of size 1."""
    x = as_tensor(x)
    count = size_of([x.shape[a] for a in _axes(x, axis, "mean")], x.dtype)
    return apply("Div", sum(x, axis, keepdims), count)


def var(x: Operand, axis: Axis = None, keepdims: bool = False) -> Tensor:
    """Population variance over `axis`: mean of (x - mean)².

    Shapes: x (...) -> without the axes, or with them of size 1.
    """
    x = as_tensor(x)
    return mean(square(x - mean(x, axis, True)), axis, keepdims)


def std(x: Operand, axis: Axis = None, keepdims: bool = False) -> Tensor:
    """Square root of `var`. Shapes: x (...) -> without the axes, or with them of size 1."""
    return sqrt(var(x, axis, keepdims))


def any(x: Operand, axis: Axis = None, keepdims: bool = False) -> Tensor:
    """Whether any element is true (bool). Shapes: x (...) -> without the axes, or with them of size 1."""
    return apply("Less", 0.0, max(cast(x, settings.floatx()), axis, keepdims))


def all(x: Operand, axis: Axis = None, keepdims: bool = False) -> Tensor:
    """Whether every element is true (bool). Shapes: x (...) -> without the axes, or with them of size 1."""
    return apply("Less", 0.0, min(cast(x, settings.floatx()), axis, keepdims))


def argmax(x: Operand, axis: int = -1, keepdims: bool = False) -> Tensor:
    """Index of the first largest element along `axis` (int32); 0 where there are none.

    Shapes: x (...) -> without the axes, or with them of size 1.
    """
    x = as_tensor(x)
    return apply("ArgMax", x, axes=_axes(x, axis, "argmax"), keepdims=keepdims)


def top_k(x: Operand, k: int) -> tuple[Tensor, Tensor]:
    """The k largest along the last axis, best first, and their places; of equals the first.

    Shapes: x (..., N) -> (..., k), and (..., k) int32.
    """
    values, places = apply_many("TopK", [as_tensor(x)], k=k)
    return values, places


def softmax(x: Operand, axis: int | Sequence[int] = -1) -> Tensor:
    """e^x / sum of e^x along `axis`, one or several; stable for any finite x. Shapes: any -> as x."""
    if not isinstance(axis, int):
        return exp(log_softmax(x, axis))
    return _last(as_tensor(x), axis, lambda y: apply("Softmax", y))


def log_softmax(x: Operand, axis: int | Sequence[int] = -1) -> Tensor:
    """log(softmax(x)) without the detour. Shapes: any -> as x."""
    if not isinstance(axis, int):
        return as_tensor(x) - logsumexp(x, axis, keepdims=True)
    return _last(as_tensor(x), axis, lambda y: apply("LogSoftmax", y))


def linear_cross_entropy(
    x: Operand, w: Operand, b: Operand, index: Operand, precision: str | None = None
) -> tuple[Tensor, Tensor]:
    """-log softmax(x w + b)[index], and the best class, without holding the logits.

    Args: precision: "bfloat16": what operands of the products are rounded to.
    Shapes: x (..., K), w (K, V), b (V,), index (...) int32 -> (...), and (...) int32.
    """
    x = as_tensor(x)
    given = [x, *(as_tensor(t, x.dtype) for t in (w, b)), as_tensor(index)]
    loss, best = apply_many("LinearCrossEntropy", given, **({} if precision is None else {"precision": precision}))
    return loss, best


def logsumexp(x: Operand, axis: Axis = None, keepdims: bool = False) -> Tensor:
    """log(sum(e^x)) without overflow. Shapes: x (...) -> without the axes, or with them of size 1."""
    x = as_tensor(x)
    top = stop_gradient(max(x, axis, True))
    out = log(sum(exp(x - top), axis, True)) + top
    return out if keepdims else squeeze(out, _axes(x, axis, "logsumexp"))


def cumsum(x: Operand, axis: int, reverse: bool = False, exclusive: bool = False) -> Tensor:
    """Running sum along `axis`. Shapes: any -> as x."""
    x = as_tensor(x)
    return apply("CumSum", x, axis=axis % x.ndim, reverse=reverse, exclusive=exclusive)


def norm(x: Operand, axis: Axis = None, keepdims: bool = False) -> Tensor:
    """Euclidean length over `axis`. Shapes: x (...) -> without the axes, or with them of size 1."""
    return sqrt(sum(square(x), axis, keepdims))


def _last(x: Tensor, axis: int, function: Callable[[Tensor], Tensor]) -> Tensor:
    axis = _axes(x, axis, "softmax")[0]
    return function(x) if axis == x.ndim - 1 else swapaxes(function(swapaxes(x, axis, -1)), axis, -1)


# ---- movement ------------------------------------------------------------------------------------------------------


def reshape(x: Operand, shape: Sequence[Size]) -> Tensor:
    """The same elements in the same order under another shape; one size may be -1.

    Shapes: x (...) -> shape, one -1 found.
    """
    x = as_tensor(x)
    target = list(shape)
    if -1 in [d for d in target if isinstance(d, int)]:
        at = target.index(-1)
        target[at] = divide(product(x.shape), product(target[:at] + target[at + 1 :]), "reshape")
    return x if tuple(target) == x.shape else apply("Reshape", x, shape=tuple(target))


def transpose(x: Operand, axes: Sequence[int] | None = None) -> Tensor:
    """Axes in another order; None reverses them. Shapes: x (A, B, ...) -> its axes in the order of perm."""
    x = as_tensor(x)
    perm = tuple(range(x.ndim))[::-1] if axes is None else tuple(a % x.ndim for a in axes)
    return x if perm == tuple(range(x.ndim)) else apply("Transpose", x, perm=perm)


def swapaxes(x: Operand, a: int, b: int) -> Tensor:
    """Two axes exchanged. Shapes: x (...) -> with two axes exchanged."""
    x = as_tensor(x)
    perm = list(range(x.ndim))
    perm[a % x.ndim], perm[b % x.ndim] = b % x.ndim, a % x.ndim
    return transpose(x, perm)


def expand_dims(x: Operand, axis: int) -> Tensor:
    """An axis of size 1 at position `axis`. Shapes: x (...) -> with an axis of size 1 more."""
    x = as_tensor(x)
    at = axis % (x.ndim + 1)
    return reshape(x, (*x.shape[:at], 1, *x.shape[at:]))


def squeeze(x: Operand, axis: Axis = None) -> Tensor:
    """Axes of size 1 removed. Shapes: x (...) -> without axes of size 1."""
    x = as_tensor(x)
    axes = tuple(i for i, d in enumerate(x.shape) if d == 1) if axis is None else _axes(x, axis, "squeeze")
    return reshape(x, tuple(d for i, d in enumerate(x.shape) if i not in axes))


def broadcast_to(x: Operand, shape: Sequence[Size]) -> Tensor:
    """Axes of size 1 (or missing in front) repeated to `shape`. Shapes: x (...) -> shape."""
    x = as_tensor(x)
    target: Shape = tuple(shape)
    x = reshape(x, (1,) * (len(target) - x.ndim) + x.shape)
    return x if x.shape == target else apply("Expand", x, shape=target)


def repeat(x: Operand, times: Size, axis: int) -> Tensor:
    """A new axis at `axis` along which x is repeated. Shapes: (B, F), 3, axis 1 -> (B, 3, F)."""
    y = expand_dims(x, axis)
    at = axis % y.ndim
    return broadcast_to(y, (*y.shape[:at], times, *y.shape[at + 1 :]))


def concatenate(xs: Sequence[Operand], axis: int = 0) -> Tensor:
    """One after another along `axis`. Shapes: (..., A, ...), (..., B, ...) -> (..., A + B, ...)."""
    tensors = [as_tensor(x) for x in xs]
    if len(tensors) == 1:
        return tensors[0]
    return apply_many("Concat", tensors, axis=axis % tensors[0].ndim)[0]


def stack(xs: Sequence[Operand], axis: int = 0) -> Tensor:
    """Tensors of one shape side by side along a new axis. Shapes: N of (...) -> (..., N, ...)."""
    return concatenate([expand_dims(x, axis) for x in xs], axis)


def split(x: Operand, sections: int | Sequence[int], axis: int = -1) -> tuple[Tensor, ...]:
    """Equal parts (an int) or parts that end at the given indices, along `axis`.

    Shapes: x (..., A, ...) -> a list of (..., A / sections, ...).
    """
    x = as_tensor(x)
    at = axis % x.ndim
    size = x.shape[at]
    if not isinstance(size, int):
        raise ShapeError.at("split", "axis", "of known size", text(x.shape), "Only axes of known size can be split.")
    if isinstance(sections, int) and size % sections:
        raise ShapeError.at("split", "sections", f"a divisor of {size}", sections, "Give the indices instead.")
    ends = [size // sections * (i + 1) for i in range(sections)] if isinstance(sections, int) else [*sections, size]
    starts = [0, *ends[:-1]]
    return tuple(apply("Slice", x, axis=at, start=a, length=b - a, step=1) for a, b in zip(starts, ends, strict=True))


def flip(x: Operand, axis: int) -> Tensor:
    """Order reversed along `axis`. Shapes: any -> as x."""
    x = as_tensor(x)
    return x[(slice(None),) * (axis % x.ndim) + (slice(None, None, -1),)]


def pad(x: Operand, axis: int, before: Size = 0, after: Size = 0) -> Tensor:
    """Zeros before and after along `axis`. Shapes: x (..., A, ...) -> (..., before + A + after, ...)."""
    x = as_tensor(x)
    return apply("Pad", x, axis=axis % x.ndim, before=before, after=after)


def take(table: Operand, index: Operand) -> Tensor:
    """Rows of a table. Shapes: table (V, ...), index (...) int32 -> (..., ...)."""
    return apply("Gather", table, index)


def take_along_axis(x: Operand, index: Operand, axis: int = -1) -> Tensor:
    """Elements of each row by place. Shapes: x (..., V, ...), index (..., S, ...) int32 -> (..., S, ...)."""
    rows, places = swapaxes(x, axis, -1), swapaxes(index, axis, -1)
    return swapaxes(apply("Gather", rows, places, batch=rows.ndim - 1), axis, -1)


def one_hot(index: Operand, classes: Size, dtype: str = dtypes.FLOAT32) -> Tensor:
    """1 at the index, 0 elsewhere. Shapes: (...) int32 -> (..., classes)."""
    return cast(apply("Equal", expand_dims(index, -1), arange(classes)), dtype)


# ---- leaves --------------------------------------------------------------------------------------------------------


def arange(size: Size, dtype: str = dtypes.INT32) -> Tensor:
    """0, 1, …, size-1; the size may be open. Shapes: -> (N,)."""
    return apply_many("Range", (), shape=(size,), dtype=dtype)[0]


def zeros(shape: Sequence[Size], dtype: str = dtypes.FLOAT32) -> Tensor:
    """All 0. Shapes: -> shape."""
    return full(shape, 0, dtype)


def ones(shape: Sequence[Size], dtype: str = dtypes.FLOAT32) -> Tensor:
    """All 1. Shapes: -> shape."""
    return full(shape, 1, dtype)


def full(shape: Sequence[Size], value: float, dtype: str = dtypes.FLOAT32) -> Tensor:
    """All `value`. Shapes: -> shape."""
    return broadcast_to(constant(value, dtype), tuple(shape))


def zeros_like(x: Operand) -> Tensor:
    """Zeros of the shape and type of x. Shapes: any -> as x."""
    x = as_tensor(x)
    return zeros(x.shape, x.dtype)


def ones_like(x: Operand) -> Tensor:
    """Ones of the shape and type of x. Shapes: any -> as x."""
    x = as_tensor(x)
    return ones(x.shape, x.dtype)


def size(x: Operand, axis: Axis = None, dtype: str | None = None) -> Tensor:
    """Number of elements (over `axis`) as a real scalar, whether the size is open or not. Shapes: any -> ()."""
    x = as_tensor(x)
    return size_of(
        [x.shape[a] for a in _axes(x, axis, "size")], dtype or (x.dtype if dtypes.is_real(x.dtype) else dtypes.FLOAT32)
    )


def size_of(sizes: Sequence[Size], dtype: str = dtypes.FLOAT32) -> Tensor:
    """The product of sizes as a real scalar. Shapes: -> ()."""
    total = product(sizes)
    if isinstance(total, int):
        return constant(total, dtype)
    return apply_many("Size", (), dim=total, shape=(), dtype=dtype)[0]


def random_uniform(
    shape: Sequence[Size], seed: Operand, step: Operand, key: int, dtype: str = dtypes.FLOAT32,
    first: Tensor | None = None,
) -> Tensor:  # fmt: skip
    """Uniform numbers in [0, 1): a function of (seed, step, key, row) and of nothing else.

    Args: seed, step: int32 scalars, usually variables. key: an int that tells this use from every other in the model.
        first: the number of the first row, an int32 scalar; None: 0.
    Shapes: seed (), step (), first () -> shape.
    Source: Philox4x32-10, Salmon et al. 2011, "Parallel random numbers: as easy as 1, 2, 3".
    """
    given = [as_tensor(seed), as_tensor(step), *([] if first is None else [first])]
    return apply_many("RandomUniform", given, shape=tuple(shape), dtype=dtype, key=key)[0]


# ---- the recurrence ------------------------------------------------------------------------------------------------

Step = Callable[[tuple[Tensor, ...], tuple[Tensor, ...]], tuple[Sequence[Tensor], Sequence[Tensor]]]


def scan(
    step: Step,
    init: Sequence[Operand],
    xs: Sequence[Operand] = (),
    lengths: Operand | None = None,
    reverse: bool = False,
    steps: Size | None = None,
) -> tuple[tuple[Tensor, ...], tuple[Tensor, ...]]:
    """Apply `step` for t = 0, 1, … and carry its state: the one recurrent operator.

    Whatever `step` uses from outside is captured; whatever it computes from captured values alone is computed
    once, before the loop. With `lengths`, row b stops after lengths[b] steps (of the sequence 0..T-1, also when
    reversed): its state stays as it is, its outputs are 0.

    Args:
        step: (states, slices of xs at t) -> (new states, outputs). Called once, with symbolic tensors.
        init: the states before the first step.
        xs: sequences to walk along, time first.
        lengths: number of real steps of each row; needs states and outputs whose first axis is the batch.
        reverse: walk from the last step to the first; outputs stay at their own t.
        steps: number of steps when there is no xs.
    Shapes: init[i] (B, ...); xs[j] (T, B, ...); lengths (B,) int32 -> final states as init, outputs (T, B, ...).
    """
    carries = [as_tensor(s) for s in init]
    sequences = [as_tensor(x) for x in xs]
    steps = sequences[0].shape[0] if sequences else steps
    if steps is None:
        raise ShapeError.at("scan", "steps", "given when there is no xs", None, "Pass steps= or a sequence.")
    for x in sequences:
        if x.shape[0] != steps:
            raise ShapeError.at(
                "scan", "xs", f"of {steps} steps each", text(x.shape), "Every sequence has time as its first axis."
            )
    states = tuple(placeholder(f"state{i}", s.shape, s.dtype) for i, s in enumerate(carries))
    slices = tuple(placeholder(f"x{i}", x.shape[1:], x.dtype) for i, x in enumerate(sequences))
    new_states, outputs = step(states, slices)
    finals = [as_tensor(s, states[i].dtype) for i, s in enumerate(new_states)]
    if len(finals) != len(states):
        raise ShapeError.at(
            "scan",
            "new states",
            f"{len(states)} in number",
            len(finals),
            "Return one new state for each state, in order.",
        )
    for i, (before, after) in enumerate(zip(states, finals, strict=True)):
        if before.shape != after.shape or before.dtype != after.dtype:
            raise ShapeError.at(
                "scan",
                f"new state {i}",
                f"of shape {text(before.shape)} and type {before.dtype} as before the step",
                f"{text(after.shape)}, {after.dtype}",
                "A state keeps its shape.",
            )
    body, captured = close([*states, *slices], [*finals, *(as_tensor(y) for y in outputs)])
    extra = [] if lengths is None else [as_tensor(lengths)]
    made = apply_many(
        "Scan",
        [*carries, *sequences, *captured, *extra],
        body=body,
        carries=len(carries),
        sequences=len(sequences),
        lengths=bool(extra),
        reverse=reverse,
        steps=steps,
    )
    return made[: len(carries)], made[len(carries) :]


def close(inputs: Sequence[Tensor], outputs: Sequence[Tensor]) -> tuple[Graph, list[Tensor]]:
    """A sub-graph whose only leaves are inputs and small constants, and the outer tensors its further inputs stand for.

    Only what depends on `inputs` stays inside; a maximal outer expression becomes one further input
    (loop-invariant code moves out).
    """
    inside = {t.node.serial for t in inputs}
    order = ancestors(outputs)
    for node in order:
        if builtins.any(t.node.serial in inside for t in node.inputs):
            inside.add(node.serial)
    captured: dict[tuple[int, int], tuple[Tensor, Tensor]] = {}
    replaced: dict[tuple[int, int], Tensor] = {}

    def inner(t: Tensor) -> Tensor:
        key = (t.node.serial, t.index)
        if key in replaced:
            return replaced[key]
        if t.node.serial in inside or (t.node.op == "Constant" and t.shape == ()):
            return t
        if key not in captured:
            captured[key] = (t, placeholder(f"captured{len(captured)}", t.shape, t.dtype))
        return captured[key][1]

    given = {t.node.serial for t in inputs}
    for node in order:
        if node.serial in inside and node.serial not in given:
            inputs_now = [inner(t) for t in node.inputs]
            copy = node if inputs_now == list(node.inputs) else Node(node.op, inputs_now, node.attrs)
            for old, new in zip(node.outputs, copy.outputs, strict=True):
                replaced[(node.serial, old.index)] = new
    body_outputs = tuple(inner(t) for t in outputs)
    extra = [pair[1] for pair in captured.values()]
    return Graph((*inputs, *extra), body_outputs), [pair[0] for pair in captured.values()]


def as_array(x: Tensor) -> np.ndarray | None:
    """The array of a constant tensor, else None. Shapes: as x."""
    return x.node.attrs["value"] if x.node.op == "Constant" else None
