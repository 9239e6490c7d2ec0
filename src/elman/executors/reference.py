"""The reference executor: every operator in NumPy, one row each.

Slow, readable, and the definition of what operators mean.

Used for teaching, in tests as the meaning of the native kernels, and as the fallback where the extension could not
be built.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from elman import dtypes, settings
from elman.errors import DataError, DTypeError, ShapeError
from elman.executors import windows
from elman.executors.base import Arrays, Executor, Plan, Run
from elman.executors.philox import uniform
from elman.executors.rows import Rows
from elman.graph.node import Graph, Node, Tensor
from elman.graph.verify import verify
from elman.shapes import B, Size, bind, evaluate

Values = Sequence[np.ndarray]
Sizes = Mapping[str, int]
Row = Callable[[Node, Values, Sizes], Any]

_erf = np.vectorize(math.erf, otypes=[np.float64])


def _number(size: Size, sizes: Sizes) -> int:
    return size if isinstance(size, int) else size.evaluate(sizes)


def _unary(f: Callable[[np.ndarray], np.ndarray]) -> Row:
    return lambda n, v, s: f(v[0])


def _binary(f: Callable[[np.ndarray, np.ndarray], np.ndarray]) -> Row:
    return lambda n, v, s: f(v[0], v[1])


def _sigmoid(x: np.ndarray) -> Any:
    e = np.exp(-np.abs(x))
    return np.where(x >= 0, 1 / (1 + e), e / (1 + e))


def _relu(x: np.ndarray) -> np.ndarray:
    return np.where(x < 0, np.zeros_like(x), x)


def _softplus(x: np.ndarray) -> Any:
    return np.maximum(x, 0) + np.log1p(np.exp(-np.abs(x)))


def _cast(n: Node, v: Values, s: Sizes) -> Any:
    return np.not_equal(v[0], 0) if n.attrs["dtype"] == dtypes.BOOL else v[0].astype(n.attrs["dtype"])


def _operand(n: Node, x: np.ndarray) -> np.ndarray:
    """A factor of a product; with precision "bfloat16" rounded to the nearest such number, halves to even."""
    if n.attrs.get("precision") != dtypes.BFLOAT16:
        return x
    words = np.ascontiguousarray(x, np.float32).view(np.uint32)
    # Just under half of what is cut off, and one more where the last bit kept is odd: ties go to even.
    rounded = (words + 0x7FFF + (words >> 16 & 1)) & 0xFFFF0000
    return np.where(np.isnan(x), words, rounded).astype(np.uint32).view(np.float32).astype(x.dtype)


def _matmul(n: Node, v: Values, s: Sizes) -> Any:
    a, b = _operand(n, v[0]), _operand(n, v[1])
    a = np.swapaxes(a, -1, -2) if n.attrs.get("transpose_a") else a
    b = np.swapaxes(b, -1, -2) if n.attrs.get("transpose_b") else b
    return np.matmul(a, b)


def _quantized_matmul(n: Node, v: Values, s: Sizes) -> Any:
    """Rows of x as codes, a step each; sums of products of codes, exact in float64; then both scales."""
    x, codes, scale = v
    largest = np.abs(x).max(axis=-1, keepdims=True, initial=np.float32(0))
    usable = np.isfinite(largest) & (largest >= 2.0**-100)
    end = np.where(usable, largest, np.float32(127))
    rounded = np.where(usable, np.rint(x * (np.float32(127) / end)), 0).astype(np.float64)
    step = np.where(usable, end / np.float32(127), np.where(np.isfinite(largest), np.float32(0), np.float32(np.nan)))
    return (rounded @ codes.T.astype(np.float64)).astype(np.float32) * step * scale


def _reduce(f: Callable[..., np.ndarray]) -> Row:
    return lambda n, v, s: f(v[0], axis=tuple(n.attrs["axes"]), keepdims=n.attrs["keepdims"])


def _extreme(f: Callable[..., np.ndarray], empty: float) -> Row:
    """The extreme of nothing is the farthest number of the type: infinite where the type knows infinity."""

    def row(n: Node, v: Values, s: Sizes) -> np.ndarray:
        limits, dtype = np.iinfo(np.int32), n.inputs[0].dtype
        ends = {dtypes.INT32: (limits.min, limits.max), dtypes.BOOL: (False, True)}
        first = ends[dtype][empty > 0] if dtype in ends else empty
        return f(v[0], axis=tuple(n.attrs["axes"]), keepdims=n.attrs["keepdims"], initial=first)

    return row


def _argmax(n: Node, v: Values, s: Sizes) -> Any:
    """The largest of nothing is 0; NumPy refuses it."""
    (axis,), keep = n.attrs["axes"], n.attrs["keepdims"]
    if v[0].shape[axis] == 0:
        return np.sum(v[0], axis=axis, keepdims=keep, dtype=np.int32)
    return np.argmax(v[0], axis=axis, keepdims=keep).astype(np.int32)


def _top_k(n: Node, v: Values, s: Sizes) -> Any:
    # NaN is larger than anything, as for ArgMax; argsort puts it last, where -x is largest.
    missing = np.isnan(v[0])
    order = np.lexsort((np.where(missing, 0, -v[0]), ~missing), axis=-1)[..., : n.attrs["k"]]
    return [np.take_along_axis(v[0], order, -1), order]


def _softmax(n: Node, v: Values, s: Sizes) -> Any:
    # Less the largest: e^89 is infinite in float32. The quotient is the same.
    e = np.exp(v[0] - v[0].max(axis=-1, keepdims=True, initial=-np.inf))
    return e / e.sum(axis=-1, keepdims=True)


def _log_softmax(n: Node, v: Values, s: Sizes) -> Any:
    shifted = v[0] - v[0].max(axis=-1, keepdims=True, initial=-np.inf)
    return shifted - np.log(np.exp(shifted).sum(axis=-1, keepdims=True))


def _cumsum(n: Node, v: Values, s: Sizes) -> np.ndarray:
    axis = n.attrs["axis"]
    x = np.flip(v[0], axis) if n.attrs["reverse"] else v[0]
    total = np.cumsum(x, axis=axis, dtype=x.dtype)
    total = total - x if n.attrs["exclusive"] else total
    return np.flip(total, axis) if n.attrs["reverse"] else total


def _slice(n: Node, v: Values, s: Sizes) -> np.ndarray:
    axis, step = n.attrs["axis"], n.attrs["step"]
    start, length = _number(n.attrs["start"], s), _number(n.attrs["length"], s)
    if length < 0 or (
        length > 0 and not (0 <= start < v[0].shape[axis] and 0 <= start + (length - 1) * step < v[0].shape[axis])
    ):
        raise ShapeError.at(
            "Slice",
            "range",
            f"inside an axis of size {v[0].shape[axis]}",
            f"start {start}, length {length}",
            "The sequence is shorter than the model needs.",
        )
    return np.take(v[0], range(start, start + length * step, step), axis=axis)


def _pad(n: Node, v: Values, s: Sizes) -> np.ndarray:
    width = [(0, 0)] * v[0].ndim
    width[n.attrs["axis"]] = (_number(n.attrs["before"], s), _number(n.attrs["after"], s))
    return np.pad(v[0], width)


def check_index(where: str, index: np.ndarray, rows: int) -> None:
    """Raises: DataError: an index outside a table, with its position. Shapes: index (...)."""
    bad = (index < 0) | (index >= rows)
    if bad.any():
        at = tuple(int(i) for i in np.argwhere(bad)[0])
        raise DataError.at(
            where,
            "index",
            f"between 0 and {rows - 1}",
            int(index[at]),
            "Enlarge the table (input_dim) or map unknown values to a reserved index.",
            because=f"position {at} of what is looked up",
        )


def _gather(n: Node, v: Values, s: Sizes) -> np.ndarray:
    tables = n.attrs.get("batch", 0)
    check_index("Gather", v[1], v[0].shape[tables])
    taken: np.ndarray = v[0][(*_places(v[1], tables), v[1])]
    return taken


def _scatter(n: Node, v: Values, s: Sizes) -> np.ndarray:
    out = np.zeros(evaluate(n.outputs[0].shape, s), dtype=v[1].dtype)
    tables = n.attrs.get("batch", 0)
    check_index("ScatterAdd", v[0], out.shape[tables])
    np.add.at(out, (*_places(v[0], tables), v[0]), v[1])
    return out


def _places(index: np.ndarray, tables: int) -> tuple[np.ndarray, ...]:
    """Which table each index is of, by the leading axes, as arrays that broadcast with the index."""
    return np.ix_(*map(range, index.shape[:tables]), *([[0]] * (index.ndim - tables)))[:tables]


def _linear_cross_entropy(n: Node, v: Values, s: Sizes) -> list[np.ndarray]:
    x, w, b, index = v[:4]
    check_index("LinearCrossEntropy", index, w.shape[1])
    logits = _operand(n, x) @ _operand(n, w) + b
    scores = _log_softmax(n, [logits], s)
    hit = index[..., None] == np.arange(w.shape[1])
    found = [-np.where(hit, scores, 0).sum(-1), np.argmax(logits, axis=-1).astype(np.int32)]
    if len(v) == 4:
        return found
    d = (np.exp(scores) - hit) * v[4][..., None]
    flat_x, flat_d = x.reshape(-1, x.shape[-1]), d.reshape(-1, d.shape[-1])
    dx, dw = _operand(n, d) @ _operand(n, w).T, _operand(n, flat_x).T @ _operand(n, flat_d)
    return [*found, dx, dw, flat_d.sum(0)]


def _random(n: Node, v: Values, s: Sizes) -> np.ndarray:
    shape = evaluate(n.outputs[0].shape, s)
    rows = shape[0] if shape else 1
    width = math.prod(shape[1:])
    first = int(v[2]) if len(v) > 2 else 0
    drawn = uniform(rows, width, int(v[0]) & 0xFFFFFFFFFFFFFFFF, int(v[1]), n.attrs["key"], first)
    return drawn.reshape(shape).astype(n.outputs[0].dtype)


def _fused(n: Node, v: Values, s: Sizes) -> list[np.ndarray]:
    body: Graph = n.attrs["body"]
    outs = evaluate_graph(body, v, s)
    return [
        np.array(np.broadcast_to(o, evaluate(t.shape, s)), order="C") for o, t in zip(outs, body.outputs, strict=True)
    ]


def _scan(n: Node, v: Values, s: Sizes) -> list[np.ndarray]:
    body: Graph = n.attrs["body"]
    carries, sequences = n.attrs["carries"], n.attrs["sequences"]
    states = [np.array(x) for x in v[:carries]]
    xs, captured = v[carries : carries + sequences], v[carries + sequences : len(body.inputs)]
    steps = _number(n.attrs["steps"], s)
    outputs = [np.zeros((steps, *evaluate(t.shape, s)), dtype=t.dtype) for t in body.outputs[carries:]]
    for t in range(steps - 1, -1, -1) if n.attrs["reverse"] else range(steps):
        made = evaluate_graph(body, [*states, *(x[t] for x in xs), *captured], s)
        new, ys = made[:carries], made[carries:]
        if n.attrs["lengths"]:
            real = v[-1] > t
            new = [np.where(real.reshape(-1, *(1,) * (a.ndim - 1)), a, b) for a, b in zip(new, states, strict=True)]
            ys = [np.where(real.reshape(-1, *(1,) * (y.ndim - 1)), y, np.zeros_like(y)) for y in ys]
        states = new
        for out, y in zip(outputs, ys, strict=True):
            out[t] = y
    return [*states, *outputs]


ROWS: dict[str, Row] = {
    "Constant": lambda n, v, s: n.attrs["value"],
    "Variable": lambda n, v, s: n.attrs["variable"].value.copy(),
    "Range": lambda n, v, s: np.arange(_number(n.attrs["shape"][0], s), dtype=n.attrs["dtype"]),
    "Size": lambda n, v, s: np.asarray(_number(n.attrs["dim"], s), dtype=n.attrs["dtype"]),
    "Identity": _unary(lambda x: x),
    "Neg": _unary(np.negative),
    "Abs": _unary(np.abs),
    "Sign": _unary(np.sign),
    "Floor": _unary(np.floor),
    "Ceil": _unary(np.ceil),
    "Round": _unary(np.round),
    "Sqrt": _unary(np.sqrt),
    "Reciprocal": _unary(lambda x: 1 / x),
    "Rsqrt": _unary(lambda x: 1 / np.sqrt(x)),
    "Exp": _unary(np.exp),
    "Expm1": _unary(np.expm1),
    "Log": _unary(np.log),
    "Log1p": _unary(np.log1p),
    "Tanh": _unary(np.tanh),
    "Sigmoid": _unary(_sigmoid),
    "Relu": _unary(_relu),
    "Softplus": _unary(_softplus),
    "Erf": _unary(lambda x: np.asarray(_erf(x), dtype=x.dtype).reshape(x.shape)),
    "Sin": _unary(np.sin),
    "Cos": _unary(np.cos),
    "IsNaN": _unary(np.isnan),
    "IsInf": _unary(np.isinf),
    "Not": _unary(np.logical_not),
    "Cast": _cast,
    "Add": _binary(np.add),
    "Sub": _binary(np.subtract),
    "Mul": _binary(np.multiply),
    "Div": _binary(lambda a, b: (a / b).astype(a.dtype)),
    "Pow": _binary(np.power),
    "Max": _binary(np.maximum),
    "Min": _binary(np.minimum),
    "Mod": _binary(np.mod),
    "Equal": _binary(np.equal),
    "Less": _binary(np.less),
    "LessOrEqual": _binary(np.less_equal),
    "And": _binary(np.logical_and),
    "Or": _binary(np.logical_or),
    "Where": lambda n, v, s: np.where(v[0], v[1], v[2]),
    "MultiplyAdd": lambda n, v, s: v[0] * v[1] + v[2],
    "MatMul": _matmul,
    "Gemm": lambda n, v, s: _matmul(n, v, s) + v[2],
    "QuantizedMatMul": _quantized_matmul,
    "Conv": windows.conv,
    "ConvKernel": windows.conv_kernel,
    "MaxPool": windows.max_pool,
    "MaxUnpool": windows.max_unpool,
    "AveragePool": windows.average_pool,
    "AverageUnpool": windows.average_unpool,
    "ReduceSum": _reduce(np.sum),
    "ReduceMax": _extreme(np.max, -np.inf),
    "ReduceMin": _extreme(np.min, np.inf),
    "ReduceProd": _reduce(np.prod),
    "ArgMax": _argmax,
    "TopK": _top_k,
    "Softmax": _softmax,
    "LogSoftmax": _log_softmax,
    "CumSum": _cumsum,
    "Reshape": lambda n, v, s: v[0].reshape(evaluate(n.attrs["shape"], s)),
    "Expand": lambda n, v, s: np.broadcast_to(v[0], evaluate(n.attrs["shape"], s)),
    "Transpose": lambda n, v, s: v[0].transpose(n.attrs["perm"]),
    "Concat": lambda n, v, s: np.concatenate(v, axis=n.attrs["axis"]),
    "Slice": _slice,
    "Pad": _pad,
    "Gather": _gather,
    "ScatterAdd": _scatter,
    "LinearCrossEntropy": _linear_cross_entropy,
    "LinearCrossEntropyGrad": _linear_cross_entropy,
    "RandomUniform": _random,
    "Scan": _scan,
    "Fused": _fused,
}


def evaluate_node(node: Node, values: Values, sizes: Sizes) -> list[np.ndarray]:
    """The outputs of one node, with the types and shapes the table promises.

    Shapes: as the inputs of the node -> as its outputs.
    """
    made = ROWS[node.op](node, values, sizes)
    outs = made if isinstance(made, list) else [made]
    return [np.asarray(v, dtype=t.dtype) for v, t in zip(outs, node.outputs, strict=True)]


def evaluate_graph(graph: Graph, inputs: Values, sizes: Sizes) -> list[np.ndarray]:
    """The outputs of a graph without variables. Shapes: as the inputs of the graph -> as its outputs."""
    return _run(graph, graph.outputs, inputs, sizes)


def _run(graph: Graph, roots: Sequence[Tensor], inputs: Values, sizes: Sizes) -> list[np.ndarray]:
    known: dict[tuple[int, int], np.ndarray] = {
        (t.node.serial, t.index): v for t, v in zip(graph.inputs, inputs, strict=True)
    }
    with np.errstate(all="ignore"):
        for node in graph.nodes():
            if node.op == "Input":
                continue
            values = [known[(t.node.serial, t.index)] for t in node.inputs]
            for t, v in zip(node.outputs, evaluate_node(node, values, sizes), strict=True):
                known[(node.serial, t.index)] = v
    return [known[(t.node.serial, t.index)] for t in roots]


class ReferencePlan(Plan):
    """A graph and nothing else: it is interpreted at every run."""

    def __init__(self, graph: Graph) -> None:
        self.graph = graph

    def run(self, arrays: Arrays) -> Run:
        """One step on arrays, as `Plan.run`."""
        sizes: dict[str, int] = {}
        values = [self._accept(t, a, sizes) for t, a in zip(self.graph.inputs, arrays, strict=True)]
        made = _run(self.graph, self.graph.roots, values, sizes)
        outputs, rest = made[: len(self.graph.outputs)], made[len(self.graph.outputs) :]
        if self.graph.guard is not None and not np.isfinite(made[-1]):
            return Run([np.array(o) for o in outputs], 0, diverged=True)
        for (variable, _), value in zip(self.graph.updates, rest, strict=False):
            variable.value[...] = value
        return Run([np.array(o) for o in outputs])

    def run_batches(self, arrays: Arrays, order: np.ndarray, batch_size: int) -> Run:
        """Steps over batches of rows, one by one, as `Plan.run_batches`."""
        outputs: list[np.ndarray] = []
        for done, start in enumerate(range(0, len(order), batch_size)):
            rows = order[start : start + batch_size]
            pairs = zip(self.graph.inputs, arrays, strict=True)
            step = self.run([a[rows] if t.shape[:1] == (B,) else a for t, a in pairs])
            outputs = step.outputs
            if step.diverged:
                return Run(outputs, done, diverged=True)
        return Run(outputs, -(-len(order) // batch_size))

    def _accept(self, t: Tensor, array: np.ndarray | Rows, sizes: dict[str, int]) -> np.ndarray:
        name = t.node.attrs["name"]
        if str(array.dtype) != t.dtype:
            raise DTypeError.at(
                "Plan", name, f"of type {t.dtype}", array.dtype, f"Convert it with .astype('{t.dtype}')."
            )
        bind("Plan", name, t.shape, array.shape, sizes)
        return np.asarray(array)


class ReferenceExecutor(Executor):
    """Runs graphs node by node with NumPy."""

    name = "reference"

    def compile(self, graph: Graph, memory: int | None = None) -> Plan:
        """The graph itself, ready to be interpreted."""
        if settings.verify():
            verify(graph)
        return ReferencePlan(graph)
