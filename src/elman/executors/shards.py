"""May a batch be cut into shards that run alone and add up? A graph may when its rows do not mix.

A value is *of the batch* when its shape mentions B. Rows do not mix when every operator with batched inputs either
works row by row, or sums over the rows (its result then is a partial sum, added over shards). Where B was merged
with other axes by a reshape, what stands before it inside its axis (`inner`) must agree between operands, or rows
would meet rows of other shards.
"""

from __future__ import annotations

from elman.graph.node import Graph, Node, Tensor, kind
from elman.shapes import Dim, Size, product, quotient

BATCH = "B"
Key = tuple[int, int]
WINDOWS = ("Conv", "ConvKernel", "MaxPool", "MaxUnpool", "AveragePool", "AverageUnpool")
"""Rows stay apart in them; ConvKernel sums over rows."""


def stages(graph: Graph) -> dict[int, int]:
    """For each node (by serial) the segment it may run in: odd ones work on rows, even ones on totals.

    A total made from rows is ready
    one later. A total that no earlier segment reads waits for the segment that reads it, beside which it can be
    fused."""
    order = graph.nodes()
    early: dict[int, int] = {}
    for node in order:
        early[node.serial] = early_stage(node, early)
    late = dict(early)
    latest: dict[int, int] = {}
    for node in reversed(order):
        if early[node.serial] % 2 == 0:
            late[node.serial] = max(
                early[node.serial], latest.get(node.serial, max(early.values(), default=0) // 2 * 2)
            )
        for t in node.inputs:
            own = late[node.serial]
            bound = own if own % 2 == 0 else own - 1
            latest[t.node.serial] = min(latest.get(t.node.serial, bound), bound)
    return late


def early_stage(node: Node, known: dict[int, int]) -> int:
    """The first segment a node can run in, given those of its inputs."""
    rows = node.op != "Input" and any(of_batch(t) for t in (*node.inputs, *node.outputs))
    stage = 1 if rows else 0
    for t in node.inputs:
        below = known[t.node.serial]
        if below % 2 == 0:
            stage = max(stage, below + 1 if rows else below)
        elif of_batch(t):
            stage = max(stage, below)
        else:
            stage = max(stage, below + (2 if rows else 1))
    return stage


class _MixedError(Exception):
    """Rows meet: the graph must run whole."""


def of_batch(t: Tensor) -> bool:
    """Whether a tensor has a batch axis."""
    return any(isinstance(d, Dim) and BATCH in d.symbols for d in t.shape)


def shardable(graph: Graph) -> bool:
    """Whether every operator of the graph keeps rows apart or sums over them."""
    try:
        inner: dict[Key, Size] = {}
        for node in graph.nodes():
            _visit(node, inner)
        for t in graph.outputs:
            _check_output(t)
    except _MixedError:
        return False
    return True


def _check_output(t: Tensor) -> None:
    """An output of the batch is put together from shards along its first axis."""
    if of_batch(t) and (_axis(t) != 0 or t.shape[0] != Dim.symbol(BATCH)):
        raise _MixedError


def _axis(t: Tensor) -> int:
    """The one axis that holds the batch; it must be a multiple of it."""
    axes = [i for i, d in enumerate(t.shape) if isinstance(d, Dim) and BATCH in d.symbols]
    size = t.shape[axes[0]]
    if len(axes) != 1 or quotient(size, Dim.symbol(BATCH)) is None:
        raise _MixedError
    return axes[0]


def _visit(node: Node, inner: dict[Key, Size]) -> None:
    batched = [t for t in node.inputs if of_batch(t)]
    outputs = [t for t in node.outputs if of_batch(t)]
    if not batched and not outputs:
        return
    if not batched:
        rows_first = all(t.shape[0] == Dim.symbol(BATCH) for t in outputs)
        if node.op in ("Range", "Slice") or (node.op in ("Input", "RandomUniform") and not rows_first):
            raise _MixedError
        for t in outputs:
            _axis(t)
            inner[(t.node.serial, t.index)] = 1
        return
    known = {(t.node.serial, t.index): inner[(t.node.serial, t.index)] for t in batched}
    if len(set(known.values())) > 1:
        raise _MixedError
    size = next(iter(known.values()))
    _check(node, batched, outputs)
    for t in outputs:
        inner[(t.node.serial, t.index)] = _reshaped(node, t, size) if node.op == "Reshape" else size
        _axis(t)


def _reshaped(node: Node, out: Tensor, size: Size) -> Size:
    """What stands before B inside its axis after a reshape: the elements before it stay the same in number."""
    source = node.inputs[0]
    before = product(source.shape[: _axis(source)]) * size
    inside = quotient(before, product(out.shape[: _axis(out)]))
    if inside is None:
        raise _MixedError
    return inside


def _check(node: Node, batched: list[Tensor], outputs: list[Tensor]) -> None:
    if kind(node) == "pointwise" or node.op == "Fused":
        for t in batched:  # counted from the right, as broadcasting does
            if _axis(t) - t.ndim != _axis(outputs[0]) - outputs[0].ndim:
                raise _MixedError
    elif node.op in ("MatMul", "Gemm"):
        _check_product(node, outputs)
    elif node.op == "QuantizedMatMul":
        if any(of_batch(t) for t in node.inputs[1:]) or _axis(node.inputs[0]) == node.inputs[0].ndim - 1:
            raise _MixedError
    # Shards add up their sums over rows; nothing puts together their largest or their products.
    elif node.op == "ReduceSum":
        if not outputs and _axis(batched[0]) not in node.attrs["axes"]:
            raise _MixedError
    elif node.op in ("ReduceMax", "ReduceMin", "ReduceProd", "ArgMax"):
        if _axis(batched[0]) in node.attrs["axes"]:
            raise _MixedError
    elif node.op in ("TopK", "Softmax", "LogSoftmax"):
        if _axis(batched[0]) == batched[0].ndim - 1:
            raise _MixedError
    elif node.op in WINDOWS:
        if any(_axis(t) != 0 for t in (*batched, *outputs)) or (node.op == "Conv" and of_batch(node.inputs[1])):
            raise _MixedError
    elif node.op in ("CumSum", "Slice", "Pad", "Concat"):
        if any(_axis(t) == node.attrs["axis"] for t in batched):
            raise _MixedError
    elif node.op == "Gather":
        if of_batch(node.inputs[0]) and _axis(node.inputs[0]) >= node.attrs.get("batch", 0):
            raise _MixedError
    # A table for each shard, added up, or one for each row: only a table whose size is the batch has no such parts.
    elif node.op == "ScatterAdd":
        if outputs and _axis(outputs[0]) >= node.attrs.get("batch", 0):
            raise _MixedError
    elif node.op.startswith("LinearCrossEntropy"):
        x, w, b = node.inputs[:3]
        if not of_batch(x) or _axis(x) == x.ndim - 1 or of_batch(w) or of_batch(b):
            raise _MixedError
    elif node.op == "Scan":
        _check_scan(node)
    elif node.op not in ("Reshape", "Expand", "Transpose"):
        raise _MixedError


def _check_product(node: Node, outputs: list[Tensor]) -> None:
    a, b = node.inputs[:2]
    summed = a.ndim - (2 if node.attrs.get("transpose_a") else 1)
    if outputs:
        if (of_batch(a) and _axis(a) == summed) or (of_batch(b) and b.ndim == 2):
            raise _MixedError
    elif node.op == "Gemm" or not (of_batch(a) and of_batch(b)):
        raise _MixedError


def _check_scan(node: Node) -> None:
    body: Graph = node.attrs["body"]
    sequences = node.attrs["sequences"]
    at = node.attrs["carries"]
    if of_batch(node.outputs[0]) is False or any(
        _axis(t) == 0 for t in node.inputs[at : at + sequences] if of_batch(t)
    ):
        raise _MixedError
    inner: dict[Key, Size] = {}
    for t in body.inputs:
        if of_batch(t):
            _axis(t)
            inner[(t.node.serial, t.index)] = 1
    sums = {
        _key(t) for t, start in zip(body.inputs[:at], node.inputs, strict=False) if not of_batch(t) and _zero(start)
    }
    for n in body.nodes():
        if n.op != "Input":
            _visit_step(n, inner, sums)
    if not all(of_batch(t) or _key(t) in sums for t in body.outputs):
        raise _MixedError


def _visit_step(n: Node, inner: dict[Key, Size], sums: set[Key]) -> None:
    """A node of a scan's body. sums: sums over the rows so far, which stay those of a shard until the scan is over."""
    added = [t for t in n.inputs if _key(t) in sums]
    if not any(of_batch(t) for t in n.inputs):
        if added and (n.op not in ("Add", "Reshape", "Transpose") or len(added) < len(n.inputs)):
            raise _MixedError
        sums.update(_key(t) for t in n.outputs if added)
        return _visit(n, inner)
    if n.op == "Gemm" and len(added) == 1 and added[0] is n.inputs[2] and not of_batch(n.outputs[0]):
        _visit(Node("MatMul", n.inputs[:2], n.attrs), inner)
    elif added:
        raise _MixedError
    else:
        _visit(n, inner)
    sums.update(_key(t) for t in n.outputs if not of_batch(t))
    return None


def _zero(t: Tensor) -> bool:
    """Whether a tensor is known to be 0: a sum that starts with it may start in every shard."""
    while t.node.op in ("Expand", "Reshape"):
        t = t.node.inputs[0]
    return t.node.op == "Constant" and not t.node.attrs["value"].any()


def _key(t: Tensor) -> Key:
    return (t.node.serial, t.index)
