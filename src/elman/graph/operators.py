"""The operator table: one row an operator. Names and meanings are ONNX's where ONNX has them.

A row says what kind of work an operator is, how many inputs it takes and what shape and type its outputs have. What it
computes is a row in `executors/reference.py`; its derivative is a row in `autodiff/rules.py`; a fast kernel is a
file under `native/kernels/`. Nothing else in the package knows the list of operators.

    kind         what the executors and rewrites may assume
    leaf         no inputs: data, weights, numbers
    pointwise    element by element with broadcasting; may be fused; the batch axis is free
    contraction  sums of products over one axis
    reduction    fewer elements come out than go in
    movement     elements are copied, none is computed
    random       a function of (seed, step, node, row) alone
    control      holds a sub-graph
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from elman import dtypes
from elman.errors import DTypeError, ShapeError
from elman.shapes import Shape, Size, broadcast, product, quotient, share, text

Signature = tuple[Shape, str]
LONGEST_EXACT = 1 << 17
"""Terms of a sum of products of two numbers of 8 bits that 32 bits hold."""

Rule = Callable[[str, Sequence[Signature], Mapping[str, Any]], list[Signature]]


@dataclass(frozen=True)
class Operator:
    """A row: `arity` -1 means any number of inputs.

    `rule` maps input signatures and attributes to output signatures.
    """

    name: str
    kind: str
    arity: int
    rule: Rule
    meaning: str


# ---- shape rules ---------------------------------------------------------------------------------------------------


def _same(op: str, ins: Sequence[Signature], attrs: Mapping[str, Any]) -> list[Signature]:
    return [ins[0]]


def _real(op: str, ins: Sequence[Signature], attrs: Mapping[str, Any]) -> list[Signature]:
    _need(op, ins[0][1], dtypes.REAL, "real")
    return [ins[0]]


def _test(op: str, ins: Sequence[Signature], attrs: Mapping[str, Any]) -> list[Signature]:
    return [(ins[0][0], dtypes.BOOL)]


def _logical(op: str, ins: Sequence[Signature], attrs: Mapping[str, Any]) -> list[Signature]:
    shape: Shape = ()
    for s, d in ins:
        _need(op, d, (dtypes.BOOL,), "bool")
        shape = broadcast(shape, s)
    return [(shape, dtypes.BOOL)]


def _binary(op: str, ins: Sequence[Signature], attrs: Mapping[str, Any]) -> list[Signature]:
    (a, da), (b, db) = ins
    if da != db or da == dtypes.BOOL:
        raise DTypeError.at(op, "operands", "of one number type", f"{da} and {db}", "Convert one with elman.ops.cast.")
    return [(broadcast(a, b), da)]


def _multiply_add(op: str, ins: Sequence[Signature], attrs: Mapping[str, Any]) -> list[Signature]:
    a, b, c = ins
    return _power(op, (_power(op, (a, b), attrs)[0], c), attrs)


def _power(op: str, ins: Sequence[Signature], attrs: Mapping[str, Any]) -> list[Signature]:
    _need(op, ins[0][1], dtypes.REAL, "real")
    return _binary(op, ins, attrs)


def _compare(op: str, ins: Sequence[Signature], attrs: Mapping[str, Any]) -> list[Signature]:
    return [(_binary(op, ins, attrs)[0][0], dtypes.BOOL)]


def _where(op: str, ins: Sequence[Signature], attrs: Mapping[str, Any]) -> list[Signature]:
    _need(op, ins[0][1], (dtypes.BOOL,), "bool condition")
    if ins[1][1] != ins[2][1]:
        raise DTypeError.at(
            op, "branches", "of one type", f"{ins[1][1]} and {ins[2][1]}", "Convert one with elman.ops.cast."
        )
    return [(broadcast(broadcast(ins[0][0], ins[1][0]), ins[2][0]), ins[1][1])]


def _cast(op: str, ins: Sequence[Signature], attrs: Mapping[str, Any]) -> list[Signature]:
    return [(ins[0][0], attrs["dtype"])]


def _matmul(op: str, ins: Sequence[Signature], attrs: Mapping[str, Any]) -> list[Signature]:
    (a, da), (b, db) = ins[:2]
    _need(op, da, dtypes.REAL, "real")
    if da != db:
        raise DTypeError.at(op, "operands", "of one real type", f"{da} and {db}", "Convert one with elman.ops.cast.")
    if len(a) < 2 or len(b) < 2:
        raise ShapeError.at(op, "operands", "of rank 2 or more", f"{text(a)} and {text(b)}", "Add an axis of size 1.")
    rows, inner = (a[-1], a[-2]) if attrs.get("transpose_a") else (a[-2], a[-1])
    inner_b, columns = (b[-1], b[-2]) if attrs.get("transpose_b") else (b[-2], b[-1])
    if inner != inner_b:
        raise ShapeError.at(
            op,
            "operands",
            "of equal inner size",
            f"{text(a)} and {text(b)}",
            f"Their inner sizes are {inner} and {inner_b}.",
        )
    if len(b) > 2 and a[:-2] != b[:-2]:
        raise ShapeError.at(
            op,
            "operands",
            "of equal leading sizes when the right one has rank 3 or more",
            f"{text(a)} and {text(b)}",
            "Expand one of them.",
        )
    if len(a) > 2 and len(b) == 2 and attrs.get("transpose_a"):
        raise ShapeError.at(
            op, "left operand", "of rank 2 when it is transposed against a matrix", text(a), "Reshape it first."
        )
    return [((*a[:-2], rows, columns), da)]


def _gemm(op: str, ins: Sequence[Signature], attrs: Mapping[str, Any]) -> list[Signature]:
    out = _matmul(op, ins[:2], attrs)[0]
    shape, addend = out[0], ins[2][0]
    row = len(addend) in range(1, len(shape) + 1) and addend[-1] == shape[-1] and all(d == 1 for d in addend[:-1])
    if not row and addend != shape:
        rule = f"a row of, or all of, {text(shape)}"
        raise ShapeError.at(op, "addend", rule, text(addend), "Add it after the product instead.")
    return [out]


def _quantized_matmul(op: str, ins: Sequence[Signature], attrs: Mapping[str, Any]) -> list[Signature]:
    (x, dtype), (codes, kind), (scale, other) = ins
    _need(op, dtype, (dtypes.FLOAT32,), "float32")
    _need(op, other, (dtypes.FLOAT32,), "float32")
    _need(op, kind, (dtypes.INT8,), "int8")
    if len(x) < 2 or len(codes) != 2 or codes[1] != x[-1] or scale != codes[:1]:
        received = ", ".join(text(s) for s, _ in ins)
        raise ShapeError.at(op, "inputs", "of shapes (…, M, K), (N, K), (N,)", received, "A row of codes is a column.")
    if isinstance(x[-1], int) and x[-1] > LONGEST_EXACT:
        raise ShapeError.at(op, "K", f"at most {LONGEST_EXACT}", x[-1], "Longer sums overflow 32 bits.")
    return [((*x[:-1], codes[0]), dtype)]


def _reduce(op: str, ins: Sequence[Signature], attrs: Mapping[str, Any]) -> list[Signature]:
    shape, dtype = ins[0]
    axes = set(attrs["axes"])
    if not axes <= set(range(len(shape))):
        raise ShapeError.at(op, "axes", f"between 0 and {len(shape) - 1}", tuple(attrs["axes"]), "Count axes from 0.")
    kept = tuple(1 if i in axes else d for i, d in enumerate(shape) if attrs["keepdims"] or i not in axes)
    return [(kept, dtypes.INT32 if op == "ArgMax" else dtype)]


def _top_k(op: str, ins: Sequence[Signature], attrs: Mapping[str, Any]) -> list[Signature]:
    (shape, dtype), k = ins[0], attrs["k"]
    _need(op, dtype, dtypes.REAL, "real")
    last = shape[-1] if shape else 0
    if not isinstance(last, int) or not 1 <= k <= last:
        rule = "between 1 and the size of the last axis, which must be known"
        raise ShapeError.at(op, "k", rule, f"{k} of {text(shape)}", "Take fewer.")
    return [((*shape[:-1], k), dtype), ((*shape[:-1], k), dtypes.INT32)]


def _reshape(op: str, ins: Sequence[Signature], attrs: Mapping[str, Any]) -> list[Signature]:
    shape, dtype = ins[0]
    target: Shape = tuple(attrs["shape"])
    if product(target) != product(shape):
        raise ShapeError.at(
            op,
            "shape",
            f"of {product(shape)} elements like the input {text(shape)}",
            text(target),
            "Sizes must multiply to the same number.",
        )
    return [(target, dtype)]


def _expand(op: str, ins: Sequence[Signature], attrs: Mapping[str, Any]) -> list[Signature]:
    target: Shape = tuple(attrs["shape"])
    if broadcast(ins[0][0], target) != target:
        raise ShapeError.at(
            op, "shape", f"a broadcast of {text(ins[0][0])}", text(target), "Only axes of size 1 can be repeated."
        )
    return [(target, ins[0][1])]


def _transpose(op: str, ins: Sequence[Signature], attrs: Mapping[str, Any]) -> list[Signature]:
    shape, dtype = ins[0]
    perm = tuple(attrs["perm"])
    if sorted(perm) != list(range(len(shape))):
        raise ShapeError.at(op, "perm", f"an order of the {len(shape)} axes", perm, "Name every axis once, from 0.")
    return [(tuple(shape[i] for i in perm), dtype)]


def _concat(op: str, ins: Sequence[Signature], attrs: Mapping[str, Any]) -> list[Signature]:
    axis = attrs["axis"]
    first, dtype = ins[0]
    total: Size = 0
    for shape, d in ins:
        if d != dtype:
            raise DTypeError.at(op, "inputs", "of one type", f"{dtype} and {d}", "Convert with elman.ops.cast.")
        if len(shape) != len(first) or any(
            x != y for i, (x, y) in enumerate(zip(shape, first, strict=True)) if i != axis
        ):
            raise ShapeError.at(
                op,
                "inputs",
                f"equal in every axis but {axis}",
                f"{text(first)} and {text(shape)}",
                "Reshape or crop them first.",
            )
        total = total + shape[axis]
    return [((*first[:axis], total, *first[axis + 1 :]), dtype)]


def _slice(op: str, ins: Sequence[Signature], attrs: Mapping[str, Any]) -> list[Signature]:
    shape, dtype = ins[0]
    axis, start, length, step = attrs["axis"], attrs["start"], attrs["length"], attrs["step"]
    size = shape[axis]
    if dtype == dtypes.INT8 and axis != 0:
        raise DTypeError.at(op, "axis", "0 of int8 codes", axis, "A row of codes is a column of the matrix.")
    if all(isinstance(v, int) for v in (size, start, length)):
        last = start + (length - 1) * step
        if length > 0 and not (0 <= start < size and 0 <= last < size):
            raise ShapeError.at(
                op, "range", f"inside axis {axis} of size {size}", f"{start} to {last}", "Slice a smaller range."
            )
    return [((*shape[:axis], length, *shape[axis + 1 :]), dtype)]


def _pad(op: str, ins: Sequence[Signature], attrs: Mapping[str, Any]) -> list[Signature]:
    shape, dtype = ins[0]
    axis = attrs["axis"]
    return [((*shape[:axis], attrs["before"] + shape[axis] + attrs["after"], *shape[axis + 1 :]), dtype)]


def _gather(op: str, ins: Sequence[Signature], attrs: Mapping[str, Any]) -> list[Signature]:
    (table, dtype), (index, index_type) = ins
    _need(op, index_type, (dtypes.INT32,), "int32 index")
    tables = attrs.get("batch", 0)
    if index[:tables] != table[:tables] or len(table) <= tables:
        raise ShapeError.at(op, "index", f"of leading shape {text(table[:tables])}", text(index), "One table a row.")
    return [((*index, *table[tables + 1 :]), dtype)]


def _scatter(op: str, ins: Sequence[Signature], attrs: Mapping[str, Any]) -> list[Signature]:
    (index, index_type), (values, dtype) = ins
    _need(op, index_type, (dtypes.INT32,), "int32 index")
    if values[: len(index)] != index:
        raise ShapeError.at(op, "values", f"of leading shape {text(index)}", text(values), "One row a position.")
    return [((*index[: attrs.get("batch", 0)], attrs["rows"], *values[len(index) :]), dtype)]


def _linear_cross_entropy(op: str, ins: Sequence[Signature], attrs: Mapping[str, Any]) -> list[Signature]:
    (x, dtype), (w, _), (b, _), (index, index_type) = ins[:4]
    _need(op, index_type, (dtypes.INT32,), "int32 index")
    product_shape = _matmul(op, ins[:2], attrs)[0][0]
    if len(w) != 2 or b != w[1:] or index != x[:-1] or any(s != index for s, _ in ins[4:]):
        received = ", ".join(text(s) for s, _ in ins)
        raise ShapeError.at(
            op, "inputs", "of shapes (..., K), (K, V), (V,), (...)", received, f"x @ w has shape {text(product_shape)}."
        )
    found: list[Signature] = [(index, dtype), (index, dtypes.INT32)]
    return found if len(ins) == 4 else [*found, *ins[:3]]


def slid(size: Size, kernel: int, stride: int, dilation: int, pads: tuple[Size, Size]) -> Size:
    """How many windows fit when one of `kernel` elements, `dilation` apart, moves on by `stride`."""
    return share(pads[0] + size + pads[1] - dilation * (kernel - 1) - 1, stride) + 1


def _windows(op: str, shape: Shape, attrs: Mapping[str, Any], kernel: Sequence[int]) -> list[Size]:
    """The window axes of (B, ..., C) after windows of sizes `kernel` slid along them."""
    if len(shape) != len(kernel) + 2:
        rule = f"of rank {len(kernel) + 2}: batch, {len(kernel)} axes the window moves along, channels"
        raise ShapeError.at(op, "x", rule, text(shape), "Reshape it, or choose another window.")
    moves = zip(shape[1:-1], kernel, attrs["strides"], attrs["dilations"], attrs["pads"], strict=True)
    sizes = [slid(*move) for move in moves]
    if any(isinstance(size, int) and size < 0 for size in sizes):
        rule = f"as long as the window, {text(tuple(kernel))} with dilations {tuple(attrs['dilations'])}"
        raise ShapeError.at(op, "x", rule, text(shape), "Take a smaller window, or pad x.")
    return sizes


def _conv(op: str, ins: Sequence[Signature], attrs: Mapping[str, Any]) -> list[Signature]:
    (x, dtype), (kernel, other) = ins[:2]
    _need(op, dtype, dtypes.REAL, "real")
    if other != dtype:
        raise DTypeError.at(op, "x and kernel", "of one real type", f"{dtype} and {other}", "Convert one of them.")
    sizes = [k for k in kernel if isinstance(k, int)]
    if len(sizes) != len(kernel) or len(kernel) != len(x) or x[-1] != kernel[-2]:
        rule = f"of shape (window..., channels of x, filters), with x of shape {text(x)}"
        raise ShapeError.at(op, "kernel", rule, text(kernel), "One size an axis of the window, then two of channels.")
    if len(ins) > 2 and ins[2] != ((kernel[-1],), dtype):
        raise ShapeError.at(op, "bias", f"of shape {text((kernel[-1],))} and type {dtype}", ins[2], "One a filter.")
    return [((x[0], *_windows(op, x, attrs, sizes[:-2]), kernel[-1]), dtype)]


def _conv_kernel(op: str, ins: Sequence[Signature], attrs: Mapping[str, Any]) -> list[Signature]:
    (x, dtype), (g, other) = ins
    expected = (x[0], *_windows(op, x, attrs, attrs["kernel"]), g[-1])
    if g != expected or other != dtype:
        raise ShapeError.at(op, "g", f"of shape {text(expected)} and type {dtype}", text(g), "One number an output.")
    return [((*attrs["kernel"], x[-1], g[-1]), dtype)]


def _pool(op: str, ins: Sequence[Signature], attrs: Mapping[str, Any]) -> list[Signature]:
    x, dtype = ins[0]
    _need(op, dtype, dtypes.REAL, "real")
    if any(given != ins[0] for given in ins[1:]):
        raise ShapeError.at(op, "values", f"of shape {text(x)} as x", text(ins[1][0]), "One value an element of x.")
    return [((x[0], *_windows(op, x, attrs, attrs["kernel"]), x[-1]), dtype)]


def _max_unpool(op: str, ins: Sequence[Signature], attrs: Mapping[str, Any]) -> list[Signature]:
    expected = _pool(op, ins[:1], attrs)[0]
    if ins[1] != expected:
        raise ShapeError.at(op, "g", f"of shape {text(expected[0])}", text(ins[1][0]), "One number a window.")
    return [ins[0]]


def _average_unpool(op: str, ins: Sequence[Signature], attrs: Mapping[str, Any]) -> list[Signature]:
    whole = (ins[0][0][0], *attrs["sizes"], ins[0][0][-1])
    expected = _pool(op, [(whole, ins[0][1])], attrs)[0]
    if ins[0] != expected:
        raise ShapeError.at(op, "g", f"of shape {text(expected[0])}", text(ins[0][0]), "One number a window.")
    return [(whole, ins[0][1])]


def _attribute(op: str, ins: Sequence[Signature], attrs: Mapping[str, Any]) -> list[Signature]:
    return [(tuple(attrs["shape"]), attrs["dtype"])]


def _scan(op: str, ins: Sequence[Signature], attrs: Mapping[str, Any]) -> list[Signature]:
    body, carries = attrs["body"], attrs["carries"]
    finals = [(t.shape, t.dtype) for t in body.outputs[:carries]]
    return finals + [((attrs["steps"], *t.shape), t.dtype) for t in body.outputs[carries:]]


def _fused(op: str, ins: Sequence[Signature], attrs: Mapping[str, Any]) -> list[Signature]:
    return [(t.shape, t.dtype) for t in attrs["body"].outputs]


def _need(op: str, dtype: str, allowed: tuple[str, ...], what: str) -> None:
    if dtype not in allowed:
        raise DTypeError.at(op, "input", f"a {what} tensor", dtype, "Convert it with elman.ops.cast.")


# ---- the table -----------------------------------------------------------------------------------------------------

_ROWS = (
    # leaves
    ("Input", "leaf", 0, _attribute, "an array given at each run"),
    ("Variable", "leaf", 0, _attribute, "an array kept between runs"),
    ("Constant", "leaf", 0, _attribute, "a number or array known now"),
    ("Range", "leaf", 0, _attribute, "0, 1, 2, … along its one axis"),
    ("Size", "leaf", 0, _attribute, "an open size as a number (attribute dim)"),
    # one operand
    ("Identity", "pointwise", 1, _same, "x; attribute stop: no gradient passes"),
    ("Neg", "pointwise", 1, _same, "-x"),
    ("Abs", "pointwise", 1, _same, "|x|"),
    ("Sign", "pointwise", 1, _same, "-1, 0 or 1"),
    ("Floor", "pointwise", 1, _real, "largest integer <= x"),
    ("Ceil", "pointwise", 1, _real, "smallest integer >= x"),
    ("Round", "pointwise", 1, _real, "nearest integer, halves to even"),
    ("Sqrt", "pointwise", 1, _real, "square root"),
    ("Reciprocal", "pointwise", 1, _real, "1 / x"),
    ("Rsqrt", "pointwise", 1, _real, "1 / square root"),
    ("Exp", "pointwise", 1, _real, "e^x"),
    ("Expm1", "pointwise", 1, _real, "e^x - 1, exact near 0"),
    ("Log", "pointwise", 1, _real, "natural logarithm"),
    ("Log1p", "pointwise", 1, _real, "log(1 + x), exact near 0"),
    ("Tanh", "pointwise", 1, _real, "hyperbolic tangent"),
    ("Sigmoid", "pointwise", 1, _real, "1 / (1 + e^-x)"),
    ("Relu", "pointwise", 1, _real, "max(x, 0)"),
    ("Softplus", "pointwise", 1, _real, "log(1 + e^x)"),
    ("Erf", "pointwise", 1, _real, "error function"),
    ("Sin", "pointwise", 1, _real, "sine"),
    ("Cos", "pointwise", 1, _real, "cosine"),
    ("IsNaN", "pointwise", 1, _test, "x is not a number"),
    ("IsInf", "pointwise", 1, _test, "x is infinite"),
    ("Not", "pointwise", 1, _logical, "logical not"),
    ("Cast", "pointwise", 1, _cast, "another number type (attribute dtype)"),
    # two operands
    ("Add", "pointwise", 2, _binary, "a + b"),
    ("Sub", "pointwise", 2, _binary, "a - b"),
    ("Mul", "pointwise", 2, _binary, "a * b"),
    ("Div", "pointwise", 2, _binary, "a / b"),
    ("Pow", "pointwise", 2, _power, "a ^ b"),
    ("Max", "pointwise", 2, _binary, "the larger; NaN if either is"),
    ("Min", "pointwise", 2, _binary, "the smaller; NaN if either is"),
    ("Mod", "pointwise", 2, _binary, "remainder with the sign of b"),
    ("Equal", "pointwise", 2, _compare, "a == b"),
    ("Less", "pointwise", 2, _compare, "a < b"),
    ("LessOrEqual", "pointwise", 2, _compare, "a <= b"),
    ("And", "pointwise", 2, _logical, "both"),
    ("Or", "pointwise", 2, _logical, "either"),
    # three operands
    ("Where", "pointwise", 3, _where, "condition ? a : b"),
    ("MultiplyAdd", "pointwise", 3, _multiply_add, "a * b + c, rounded once"),
    # contraction
    (
        "MatMul",
        "contraction",
        2,
        _matmul,
        "(…, M, K) x (K, N) or (…, K, N); attributes transpose_a, _b, precision",
    ),
    ("Gemm", "contraction", 3, _gemm, "MatMul + addend"),
    (
        "QuantizedMatMul",
        "contraction",
        3,
        _quantized_matmul,
        "x, codes (N, K) int8, scale (N,): x's rows rounded to multiples of (largest size / 127), times codes * scale",
    ),
    # windows along the middle axes of (B, ..., C); attributes strides, dilations, pads, kernel: one entry an axis
    ("Conv", "contraction", -1, _conv, "the window times the kernel (..., C, N), moved along x; and a bias (N,)"),
    ("ConvKernel", "contraction", 2, _conv_kernel, "windows of x times g, summed: the gradient of Conv by its kernel"),
    ("MaxPool", "reduction", -1, _pool, "the first largest of a window; or of a second tensor what stands there"),
    ("MaxUnpool", "movement", 2, _max_unpool, "g added where MaxPool found the largest of x: its gradient"),
    ("AveragePool", "reduction", 1, _pool, "the mean of a window, padding not counted"),
    ("AverageUnpool", "movement", 1, _average_unpool, "g spread over its window: the gradient of AveragePool"),
    # reduction
    ("ReduceSum", "reduction", 1, _reduce, "sum over axes"),
    ("ReduceMax", "reduction", 1, _reduce, "largest over axes"),
    ("ReduceMin", "reduction", 1, _reduce, "smallest over axes"),
    ("ReduceProd", "reduction", 1, _reduce, "product over axes"),
    ("ArgMax", "reduction", 1, _reduce, "index of the first largest over one axis; of none 0"),
    ("TopK", "reduction", 1, _top_k, "the k largest along the last axis, best first, and their places"),
    ("Softmax", "reduction", 1, _real, "e^x / sum e^x over the last axis"),
    ("LogSoftmax", "reduction", 1, _real, "log of Softmax, stable"),
    ("CumSum", "reduction", 1, _real, "running sum along axis; attributes reverse, exclusive"),
    # movement
    ("Reshape", "movement", 1, _reshape, "the same elements in the same order, another shape"),
    ("Expand", "movement", 1, _expand, "axes of size 1 repeated"),
    ("Transpose", "movement", 1, _transpose, "axes in another order"),
    ("Concat", "movement", -1, _concat, "one after another along axis"),
    ("Slice", "movement", 1, _slice, "length elements from start, step apart, along axis"),
    ("Pad", "movement", 1, _pad, "zeros before and after along axis"),
    ("Gather", "movement", 2, _gather, "rows of a table by index; attribute batch: axes with tables of their own"),
    ("ScatterAdd", "movement", 2, _scatter, "rows added into zeros by index: the gradient of Gather, batch as there"),
    # an output layer and its loss in one: the logits, rows x V, are never held whole
    (
        "LinearCrossEntropy",
        "reduction",
        4,
        _linear_cross_entropy,
        "x, w, b, index: -log softmax(x w + b)[index]; ArgMax",
    ),
    ("LinearCrossEntropyGrad", "reduction", 5, _linear_cross_entropy, "the same, then d x, d w, d b for gradient g"),
    # random, control
    ("RandomUniform", "random", -1, _attribute, "uniform [0, 1); inputs seed, step, perhaps first row; attribute key"),
    ("Scan", "control", -1, _scan, "a recurrence: body applied for t = 0, 1, …; see graph/trace.py"),
    ("Fused", "control", -1, _fused, "a chain of pointwise operators run as one"),
)

REDUCTIONS = ("ReduceSum", "ReduceMax", "ReduceMin", "ReduceProd")
"""One number of the elements along some axes, in the order of ReduceKind in native/include/elman/kernels.h."""

_OF_CODES = ("QuantizedMatMul", "Slice", "Scan")
"""Operators that may read int8: what is sliced or captured are whole rows of codes."""

TABLE: dict[str, Operator] = {row[0]: Operator(*row) for row in _ROWS}


def signature(op: str, ins: Sequence[Signature], attrs: Mapping[str, Any]) -> list[Signature]:
    """Shapes and types of the outputs of `op`; errors name the operator and what it was given."""
    row = TABLE[op]
    if row.arity >= 0 and len(ins) != row.arity:
        raise ShapeError.at(op, "inputs", f"{row.arity} in number", len(ins), "Check the call.")
    for _, dtype in ins:
        if dtype == dtypes.INT8 and op not in _OF_CODES:
            raise DTypeError.at(op, "input", f"a tensor of {', '.join(dtypes.ALL)}", dtype, "Products alone read int8.")
    return row.rule(op, ins, attrs)


def divide(total: Size, part: Size, op: str) -> Size:
    """The size that completes a reshape with one -1."""
    size = quotient(total, part)
    if size is None:
        raise ShapeError.at(
            op, "shape", f"a divisor of {total} elements", part, "Give every size, or one that divides."
        )
    return size
