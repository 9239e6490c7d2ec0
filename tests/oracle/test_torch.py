"""PyTorch = reference: what every operator means, and every gradient, by somebody else's code.

`ROWS` is a second interpreter of the graph, written from ONNX's and PyTorch's words alone; a scan is a Python loop.
Gradients are PyTorch's own autograd through it, so nothing of `elman.autodiff` or `executors/reference.py` takes part.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import pytest

from elman import dtypes
from elman.autodiff import gradients
from elman.executors.reference import ReferenceExecutor
from elman.graph import TABLE, Graph, Node, Tensor, Variable, placeholder
from elman.shapes import Size
from tests.oracle.cases import CASES, Case
from tests.oracle.test_gradients import REAL, loss_of
from tests.tolerances import assert_close

torch = pytest.importorskip("torch", reason="PyTorch is installed by the extra 'oracle' alone")
pytestmark = pytest.mark.oracle

Sizes = Mapping[str, int]
Row = Callable[[Node, Sequence[Any], Sizes], Any]
TYPES = {
    "float32": torch.float32,
    "float64": torch.float64,
    "int32": torch.int32,
    "int8": torch.int8,
    "bool": torch.bool,
}


def number(size: Size, sizes: Sizes) -> int:
    return size if isinstance(size, int) else size.evaluate(sizes)


def shape(node: Node, sizes: Sizes) -> list[int]:
    return [number(d, sizes) for d in node.attrs["shape"]]


def matmul(n: Node, v: Sequence[Any], s: Sizes) -> Any:
    a = v[0].transpose(-1, -2) if n.attrs.get("transpose_a") else v[0]
    b = v[1].transpose(-1, -2) if n.attrs.get("transpose_b") else v[1]
    product = torch.matmul(a, b)
    return product + v[2] if len(v) > 2 else product


def quantized_matmul(n: Node, v: Sequence[Any], s: Sizes) -> Any:
    """PyTorch's own rounding to a grid, row by row, and its own product of whole numbers."""
    x, codes, scale = v
    rows = x.reshape(math.prod(x.shape[:-1]), x.shape[-1])
    top = torch.cat([rows.abs(), torch.zeros(len(rows), 1)], 1).amax(1)
    flat = top < 2.0**-100
    step = torch.where(flat, 1.0, top) / 127
    grid = torch.where(flat[:, None], 0.0, torch.round(rows * (127 / torch.where(flat, 1.0, top))[:, None]))
    bad = ~torch.isfinite(top)
    sums = torch.where(bad[:, None], 0.0, grid).to(torch.int32).long() @ codes.T.long()
    made = sums.float() * torch.where(flat, 0.0, step)[:, None] * scale
    return torch.where(bad[:, None], math.nan, made).reshape(*x.shape[:-1], len(codes))


def extreme(n: Node, v: Sequence[Any], s: Sizes) -> Any:
    """PyTorch's amax and amin share the gradient among equals as ours do; they refuse axes of size 0."""
    x, axes, keep = v[0], n.attrs["axes"], n.attrs["keepdims"]
    largest = n.op == "ReduceMax"
    if any(x.shape[a] == 0 for a in axes):
        kept = [1 if i in axes else d for i, d in enumerate(x.shape) if keep or i not in axes]
        return torch.full(kept, -math.inf if largest else math.inf, dtype=x.dtype)
    return (torch.amax if largest else torch.amin)(x, dim=tuple(axes), keepdim=keep)


def product(n: Node, v: Sequence[Any], s: Sizes) -> Any:
    x = v[0]
    for axis in sorted(n.attrs["axes"], reverse=True):
        x = torch.prod(x, dim=axis, keepdim=n.attrs["keepdims"])
    return x


def cumsum(n: Node, v: Sequence[Any], s: Sizes) -> Any:
    axis, x = n.attrs["axis"], v[0]
    x = x.flip(axis) if n.attrs["reverse"] else x
    total = torch.cumsum(x, axis) - (x if n.attrs["exclusive"] else 0)
    return total.flip(axis) if n.attrs["reverse"] else total


def linear_cross_entropy(n: Node, v: Sequence[Any], s: Sizes) -> list[Any]:
    """PyTorch's own cross-entropy of the logits, and its own gradients of that."""
    x, w, b = (t if len(v) == 4 else t.detach().requires_grad_() for t in v[:3])
    logits = torch.matmul(x, w) + b
    flat, index = logits.reshape(-1, logits.shape[-1]), v[3].long()
    loss = torch.nn.functional.cross_entropy(flat, index.reshape(-1), reduction="none").reshape(index.shape)
    best = first_largest(logits, logits.ndim - 1, False)
    if len(v) == 4:
        return [loss, best]
    slopes = torch.autograd.grad((loss * v[4]).sum(), [x, w, b])
    return [loss.detach(), best, *slopes]


def top_k(n: Node, v: Sequence[Any], s: Sizes) -> list[Any]:
    """A whole stable sort: PyTorch's topk does not say which of equals it takes."""
    values, places = torch.sort(v[0], dim=-1, descending=True, stable=True)
    return [values[..., : n.attrs["k"]], places[..., : n.attrs["k"]]]


def cut(n: Node, v: Sequence[Any], s: Sizes) -> Any:
    axis, step = n.attrs["axis"], n.attrs["step"]
    start, length = number(n.attrs["start"], s), number(n.attrs["length"], s)
    index = torch.arange(length) * step + start
    return torch.index_select(v[0], axis, index)


def pad(n: Node, v: Sequence[Any], s: Sizes) -> Any:
    x, axis = v[0], n.attrs["axis"]
    sides = []
    for side in ("before", "after"):
        width = list(x.shape)
        width[axis] = number(n.attrs[side], s)
        sides.append(torch.zeros(width, dtype=x.dtype))
    return torch.cat([sides[0], x, sides[1]], axis)


def gather(n: Node, v: Sequence[Any], s: Sizes) -> Any:
    table, index, lead = v[0], v[1].long(), n.attrs.get("batch", 0)
    rows, rest = table.shape[lead], table.shape[lead + 1 :]
    flat = table.reshape((math.prod(table.shape[: lead + 1]), *rest))
    return flat[index + _first_rows(index, lead, rows)]


def scatter(n: Node, v: Sequence[Any], s: Sizes) -> Any:
    index, values, lead = v[0].long(), v[1], n.attrs.get("batch", 0)
    rows, first, rest = number(n.attrs["rows"], s), index.shape[:lead], values.shape[index.ndim :]
    out = torch.zeros((math.prod(first) * rows, *rest), dtype=values.dtype)
    places = (index + _first_rows(index, lead, rows)).reshape(-1)
    return out.index_add(0, places, values.reshape((index.numel(), *rest))).reshape((*first, rows, *rest))


def _first_rows(index: Any, lead: int, rows: int) -> Any:
    """Where the table of each index begins when all tables stand below each other."""
    tables = torch.arange(math.prod(index.shape[:lead])).reshape(index.shape[:lead])
    return rows * tables.reshape((*tables.shape, *(1,) * (index.ndim - lead)))


def philox(n: Node, v: Sequence[Any], s: Sizes) -> Any:
    """Random123's Philox4x32-10, word by word: key from the seed, counter (block of 4 columns, row, node, step)."""
    sizes = shape(n, s)
    rows, width = (sizes[0] if sizes else 1), math.prod(sizes[1:])
    seed, step, first = int(v[0]), int(v[1]), int(v[2]) if len(v) > 2 else 0
    mask = 0xFFFFFFFF
    out = np.zeros((rows, width))
    for row in range(rows):
        for column in range(width):
            c = [column // 4, first + row, n.attrs["key"], step]
            k = [seed & mask, (seed >> 32) & mask]
            for _ in range(10):
                high, low = divmod(0xD2511F53 * c[0], 1 << 32)
                high2, low2 = divmod(0xCD9E8D57 * c[2], 1 << 32)
                c = [high2 ^ c[1] ^ k[0], low2, high ^ c[3] ^ k[1], low]
                k = [(k[0] + 0x9E3779B9) & mask, (k[1] + 0xBB67AE85) & mask]
            out[row, column] = (c[column % 4] >> 8) * 2.0**-24
    return torch.tensor(out.reshape(sizes), dtype=TYPES[n.outputs[0].dtype])


def scan(n: Node, v: Sequence[Any], s: Sizes) -> list[Any]:
    """One step after another; finished rows keep their state and put out 0."""
    body, carries, sequences = n.attrs["body"], n.attrs["carries"], n.attrs["sequences"]
    states, xs = list(v[:carries]), v[carries : carries + sequences]
    captured = v[carries + sequences : len(body.inputs)]
    steps = number(n.attrs["steps"], s)
    made: dict[int, list[Any]] = {}
    for t in reversed(range(steps)) if n.attrs["reverse"] else range(steps):
        values = evaluate(body, [*states, *(x[t] for x in xs), *captured], s)
        new, ys = values[:carries], values[carries:]
        if n.attrs["lengths"]:
            real = v[-1] > t
            rows = [real.reshape(-1, *(1,) * (y.ndim - 1)) for y in values]
            new = [torch.where(r, a, b) for r, a, b in zip(rows, new, states, strict=False)]
            ys = [torch.where(r, y, torch.zeros_like(y)) for r, y in zip(rows[carries:], ys, strict=True)]
        states, made[t] = list(new), list(ys)
    outputs = []
    for i, t in enumerate(body.outputs[carries:]):
        empty = torch.zeros([0, *(number(d, s) for d in t.shape)], dtype=TYPES[t.dtype])
        outputs.append(torch.stack([made[k][i] for k in range(steps)]) if steps else empty)
    return [*states, *outputs]


def channels_first(x: Any) -> Any:
    """(B, S..., C) as PyTorch has it: (B, C, S...)."""
    return x.movedim(-1, 1)


def padded(n: Node, x: Any, s: Sizes, fill: float = 0.0) -> Any:
    """Channels first, with the node's padding; negative padding cuts."""
    sides = [number(p, s) for pair in reversed(n.attrs["pads"]) for p in pair]
    return torch.nn.functional.pad(channels_first(x), sides, value=fill)


def conv(n: Node, v: Sequence[Any], s: Sizes) -> Any:
    x, kernel = padded(n, v[0], s), v[1].permute(-1, -2, *range(v[1].ndim - 2))
    rank = kernel.ndim - 2
    if any(a <= d * (k - 1) for a, k, d in zip(x.shape[2:], kernel.shape[2:], n.attrs["dilations"], strict=True)):
        return v[0].new_zeros([number(d, s) for d in n.outputs[0].shape]) + 0 * v[1].sum() + (v[2] if len(v) > 2 else 0)
    function = torch.nn.functional.conv1d if rank == 1 else torch.nn.functional.conv2d
    y = function(x, kernel, v[2] if len(v) > 2 else None, n.attrs["strides"], dilation=n.attrs["dilations"])
    return y.movedim(1, -1)


def conv_kernel(n: Node, v: Sequence[Any], s: Sizes) -> Any:
    """By PyTorch's autograd: the derivative of <g, conv(x, k)>, which is linear in k."""
    x, g = v
    sizes = [*n.attrs["kernel"], x.shape[-1], g.shape[-1]]
    kernel = torch.zeros(sizes, dtype=x.dtype, requires_grad=True)
    if 0 in g.shape:
        return kernel.detach() + 0 * g.sum()
    (found,) = torch.autograd.grad((conv(n, [x, kernel], s) * g).sum(), kernel, create_graph=True)
    return found if x.requires_grad or g.requires_grad else found.detach()


def windows(n: Node, x: Any, s: Sizes, fill: float) -> Any:
    """Shapes: x (B, S..., C) -> (B, S'..., C, K)."""
    x = padded(n, x, s, fill)
    for axis, (k, stride) in enumerate(zip(n.attrs["kernel"], n.attrs["strides"], strict=True), 2):
        x = (
            x.unfold(axis, k, stride)
            if x.shape[axis] >= k
            else x.new_zeros((*x.shape[:axis], 0, *x.shape[axis + 1 :], k))
        )
    rank = len(n.attrs["kernel"])
    return x.flatten(2 + rank).movedim(1, -2)


def max_pool(n: Node, v: Sequence[Any], s: Sizes) -> Any:
    seen = windows(n, v[0], s, -math.inf)
    ranked = torch.where(torch.isnan(seen), math.inf, seen)
    top = ranked.amax(-1, keepdim=True)
    place = torch.where(ranked == top, torch.arange(seen.shape[-1]), seen.shape[-1]).amin(-1, keepdim=True)
    if len(v) == 1:
        return seen.gather(-1, place)[..., 0]
    return torch.where(top > -math.inf, windows(n, v[1], s, 0.0).gather(-1, place), 0.0)[..., 0]


def average_pool(n: Node, v: Sequence[Any], s: Sizes) -> Any:
    count = windows(n, torch.ones_like(v[0]), s, 0.0).sum(-1)
    return windows(n, v[0], s, 0.0).sum(-1) / count.clamp(min=1)


def transposed(row: Row, at: int) -> Row:
    """The gradient of a pooling by its operand `at`, in which it is linear, by PyTorch's autograd."""

    def backwards(n: Node, v: Sequence[Any], s: Sizes) -> Any:
        x = torch.zeros([number(d, s) for d in n.outputs[0].shape], dtype=v[-1].dtype, requires_grad=True)
        y = row(n, [*v[:at], x], s)
        if y.numel() == 0:
            return x.detach() + 0 * v[-1].sum()
        return torch.autograd.grad((y * v[-1]).sum(), x, create_graph=True)[0]

    return backwards


def unary(function: Callable[[Any], Any]) -> Row:
    return lambda n, v, s: function(v[0])


def binary(function: Callable[[Any, Any], Any]) -> Row:
    return lambda n, v, s: function(v[0], v[1])


ROWS: dict[str, Row] = {
    "Constant": lambda n, v, s: torch.tensor(n.attrs["value"]),
    "Variable": lambda n, v, s: torch.tensor(n.attrs["variable"].value),
    "Range": lambda n, v, s: torch.arange(shape(n, s)[0], dtype=TYPES[n.attrs["dtype"]]),
    "Size": lambda n, v, s: torch.tensor(number(n.attrs["dim"], s), dtype=TYPES[n.attrs["dtype"]]),
    "Identity": lambda n, v, s: v[0].detach() if n.attrs.get("stop") else v[0],
    "Neg": unary(torch.neg),
    "Abs": unary(torch.abs),
    "Floor": unary(torch.floor),
    "Ceil": unary(torch.ceil),
    "Round": unary(torch.round),
    "Sqrt": unary(torch.sqrt),
    "Reciprocal": unary(torch.reciprocal),
    "Rsqrt": unary(torch.rsqrt),
    "Exp": unary(torch.exp),
    "Expm1": unary(torch.expm1),
    "Log": unary(torch.log),
    "Log1p": unary(torch.log1p),
    "Tanh": unary(torch.tanh),
    "Sigmoid": unary(torch.sigmoid),
    "Relu": unary(torch.relu),
    "Softplus": unary(lambda x: torch.logaddexp(x, torch.zeros_like(x))),
    "Erf": unary(torch.erf),
    "Sin": unary(torch.sin),
    "Cos": unary(torch.cos),
    "Sign": unary(lambda x: torch.where(torch.isnan(x), x, torch.sign(x))),
    "IsNaN": unary(torch.isnan),
    "IsInf": unary(torch.isinf),
    "Not": unary(torch.logical_not),
    "Cast": lambda n, v, s: v[0].to(TYPES[n.attrs["dtype"]]),
    "Add": binary(torch.add),
    "Sub": binary(torch.sub),
    "Mul": binary(torch.mul),
    "Div": binary(torch.div),
    "Pow": binary(torch.pow),
    "Max": binary(torch.maximum),
    "Min": binary(torch.minimum),
    "Mod": binary(torch.remainder),
    "Equal": binary(torch.eq),
    "Less": binary(torch.lt),
    "LessOrEqual": binary(torch.le),
    "And": binary(torch.logical_and),
    "Or": binary(torch.logical_or),
    "Where": lambda n, v, s: torch.where(v[0], v[1], v[2]),
    "MultiplyAdd": lambda n, v, s: torch.addcmul(v[2], v[0], v[1]),
    "MatMul": matmul,
    "Gemm": matmul,
    "QuantizedMatMul": quantized_matmul,
    "Conv": conv,
    "ConvKernel": conv_kernel,
    "MaxPool": max_pool,
    "MaxUnpool": transposed(max_pool, 1),
    "AveragePool": average_pool,
    "AverageUnpool": transposed(average_pool, 0),
    "ReduceSum": lambda n, v, s: torch.sum(
        v[0], dim=tuple(n.attrs["axes"]), keepdim=n.attrs["keepdims"], dtype=v[0].dtype
    ),
    "ReduceMax": extreme,
    "ReduceMin": extreme,
    "ReduceProd": product,
    "ArgMax": lambda n, v, s: first_largest(v[0], n.attrs["axes"][0], n.attrs["keepdims"]),
    "TopK": top_k,
    "Softmax": unary(lambda x: torch.softmax(x, -1)),
    "LogSoftmax": unary(lambda x: torch.log_softmax(x, -1)),
    "CumSum": cumsum,
    "LinearCrossEntropy": linear_cross_entropy,
    "LinearCrossEntropyGrad": linear_cross_entropy,
    "Reshape": lambda n, v, s: v[0].reshape(shape(n, s)),
    "Expand": lambda n, v, s: v[0].expand(shape(n, s)),
    "Transpose": lambda n, v, s: v[0].permute(n.attrs["perm"]),
    "Concat": lambda n, v, s: torch.cat(list(v), n.attrs["axis"]),
    "Slice": cut,
    "Pad": pad,
    "Gather": gather,
    "ScatterAdd": scatter,
    "RandomUniform": philox,
    "Scan": scan,
    "Fused": lambda n, v, s: evaluate(n.attrs["body"], v, s),
}


def first_largest(x: Any, axis: int, keep: bool) -> Any:
    """PyTorch does not say which of equals it names; ONNX says the first. Of nothing it names none; 0 is ours."""
    if x.shape[axis] == 0:
        return x.sum(axis, keepdim=keep).to(torch.int32)
    top = torch.amax(x, axis, keepdim=True)
    position = torch.arange(x.shape[axis]).reshape([-1 if i == axis else 1 for i in range(x.ndim)])
    return torch.where(x == top, position, x.shape[axis]).amin(axis, keepdim=keep).to(torch.int32)


def evaluate(graph: Graph, values: Sequence[Any], sizes: Sizes) -> list[Any]:
    """The graph's outputs as PyTorch has them."""
    known = {(t.node.serial, t.index): v for t, v in zip(graph.inputs, values, strict=True)}
    for node in graph.nodes():
        if node.op == "Input":
            continue
        made = ROWS[node.op](node, [known[(t.node.serial, t.index)] for t in node.inputs], sizes)
        for t, v in zip(node.outputs, made if isinstance(made, list) else [made], strict=True):
            known[(node.serial, t.index)] = v.to(TYPES[t.dtype])
    return [known[(t.node.serial, t.index)] for t in graph.outputs]


def test_every_operator_has_a_meaning_in_pytorch() -> None:
    assert set(ROWS) | {"Input"} == set(TABLE)


@pytest.mark.parametrize("name", CASES)
def test_the_reference_means_what_pytorch_does(name: str) -> None:
    case = CASES[name]
    inputs = case.tensors(REAL)
    graph = Graph(tuple(inputs), tuple(case.outputs(inputs)))
    for sizes in case.sizes:
        arrays = case.arrays(REAL, sizes)
        expected = evaluate(graph, [torch.tensor(a) for a in arrays], sizes)
        found = ReferenceExecutor().compile(graph).run(arrays).outputs
        for i, (a, b) in enumerate(zip(found, expected, strict=True)):
            assert_same(a, b.numpy(), case, f"{name} at {sizes}, output {i}")


@pytest.mark.parametrize("name", [n for n, c in CASES.items() if c.differentiable])
def test_gradients_are_those_of_pytorch(name: str) -> None:
    case = CASES[name]
    inputs = case.tensors(REAL)
    loss = loss_of(case.outputs(inputs), name)
    wrt = [t for t in inputs if dtypes.is_real(t.dtype)]
    graph = Graph(tuple(inputs), tuple(gradients(loss, wrt)))
    for sizes in case.sizes:
        arrays = case.arrays(REAL, sizes)
        leaves = [torch.tensor(a, requires_grad=str(a.dtype) == REAL) for a in arrays]
        (total,) = evaluate(Graph(tuple(inputs), (loss,)), leaves, sizes)
        real = [leaf for leaf in leaves if leaf.requires_grad]
        slopes = torch.autograd.grad(total, real, allow_unused=True) if total.requires_grad else [None] * len(real)
        found = ReferenceExecutor().compile(graph).run(arrays).outputs
        for i, (a, b) in enumerate(zip(found, slopes, strict=True)):
            expected = np.zeros(a.shape) if b is None else b.numpy()
            assert_same(a, expected, case, f"{name} at {sizes}, gradient {i}")


def assert_same(found: np.ndarray, expected: np.ndarray, case: Case, what: str) -> None:
    if dtypes.is_real(str(found.dtype)):
        assert_close(found, expected, length=2 * case.length + 99, steps=2 * case.steps, what=what)
    else:
        np.testing.assert_array_equal(found, expected, err_msg=what)


def test_the_oracle_itself_notices() -> None:
    """A graph with one operator changed is another function to PyTorch too."""
    x = placeholder("x", (3,), REAL)
    scale = Variable(np.full(3, 2.0))
    values = [torch.tensor([1.0, 2.0, 3.0], dtype=torch.float64)]
    doubled: Tensor = x * scale
    (right,), (wrong,) = evaluate(Graph((x,), (doubled,)), values, {}), evaluate(Graph((x,), (x + scale,)), values, {})
    assert not torch.equal(right, wrong)
