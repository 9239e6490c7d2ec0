"""Which operator of a step lets rows of the batch meet: the gradient of one row then depends on others.

Rows are followed through a scan's body from its states and slices, whose first axis they are. What is captured has no
rows of its own here: a step that reads one row of it for each row keeps rows apart, too. They may meet where no
gradient passes.
"""

from __future__ import annotations

from collections.abc import Mapping

from elman import dtypes
from elman.autodiff.reverse import Key, key
from elman.graph.node import Graph, Node, Tensor, kind
from elman.shapes import product

Rows = dict[Key, int]
"""By value the axis of its rows; values that no row goes into are not there."""

_ALONG = ("CumSum", "Slice", "Pad", "Concat")
_OVER = ("ReduceSum", "ReduceMax", "ReduceMin", "ReduceProd", "ArgMax")
_LAST = ("TopK", "Softmax", "LogSoftmax")
_WINDOWS = ("Conv", "MaxPool", "MaxUnpool", "AveragePool", "AverageUnpool")


class _MeetError(Exception):
    """Rows meet in an operator."""


def follow(body: Graph, start: Rows) -> tuple[Rows, Node | None]:
    """Where rows are in a body, and the first operator in which they meet and through which gradients pass, if any.

    Args: start: by input the axis of its rows.
    """
    rows, passing = dict(start), {n.serial for n in _passing(body)}
    met = (n for n in body.nodes() if _meet(n, rows) and n.serial in passing)
    return rows, next(met, None)


def _passing(body: Graph) -> list[Node]:
    """The operators through which gradients of the outputs may pass."""
    found: dict[int, Node] = {}
    waiting = [t.node for t in body.outputs if dtypes.is_real(t.dtype)]
    while waiting:
        node = waiting.pop()
        if node.serial not in found and node.inputs and not node.attrs.get("stop"):
            found[node.serial] = node
            waiting += (t.node for t in node.inputs if dtypes.is_real(t.dtype))
    return [*found.values()]


def _meet(node: Node, rows: Rows) -> bool:
    """Whether rows meet in an operator; if not, its results are noted."""
    axes = {i: rows[key(t)] for i, t in enumerate(node.inputs) if key(t) in rows}
    if not axes:
        return False
    try:
        if node.op == "Scan":
            rows.update(_loop(node, axes))
        else:
            found = _axis(node, axes)
            rows.update({key(t): found for t in node.outputs})
    except _MeetError:
        return True
    return False


def _one(axes: set[int]) -> int:
    """The axis that all have."""
    if len(axes) != 1:
        raise _MeetError
    return axes.pop()


def _kept(axis: int, *touched: int) -> int:
    """The axis, which an operator does not touch."""
    if axis in touched:
        raise _MeetError
    return axis


def _axis(node: Node, axes: Mapping[int, int]) -> int:
    """The axis of the rows of what an operator makes. Raises: _MeetError."""
    first, attrs, out = node.inputs[0], node.attrs, node.outputs[0]
    if kind(node) == "pointwise":  # counted from the right, as broadcasting does
        return _one({axis + out.ndim - node.inputs[i].ndim for i, axis in axes.items()})
    if node.op in ("MatMul", "Gemm", "QuantizedMatMul"):
        return _of_product(node, axes)
    axis = _one(set(axes.values()))
    if node.op in _OVER:
        return _kept(axis, *attrs["axes"]) - (0 if attrs["keepdims"] else sum(a < axis for a in attrs["axes"]))
    if node.op in _LAST:
        return _kept(axis, first.ndim - 1)
    if node.op in _ALONG:
        return _kept(axis, attrs["axis"])
    if node.op in ("Gather", "ScatterAdd"):
        return axis if axis < attrs.get("batch", 0) or (node.op == "Gather" and 0 not in axes) else _kept(axis, axis)
    if node.op == "Transpose":
        return int(attrs["perm"].index(axis))
    if node.op == "Reshape":
        return _reshaped(first, axis, out)
    if node.op == "Expand":
        return axis + out.ndim - first.ndim
    return axis if node.op in _WINDOWS and axis == 0 and 1 not in axes else _kept(axis, axis)


def _of_product(node: Node, axes: Mapping[int, int]) -> int:
    """That of a product: rows of the left operand, or matrices of both; and of what it adds."""
    a, b = node.inputs[:2]
    ta, tb = node.attrs.get("transpose_a"), node.attrs.get("transpose_b")
    summed = a.ndim - (2 if ta else 1), b.ndim - (1 if tb else 2)
    found = {axis for i, axis in axes.items() if i > 1}
    for i in (0, 1):
        if i in axes:
            axis = _kept(axes[i], summed[i])
            matrix = axis < node.inputs[i].ndim - 2
            found.add(axis if matrix else node.outputs[0].ndim - 2 + i)
    return _one(found)


def _reshaped(x: Tensor, axis: int, out: Tensor) -> int:
    """Where rows are after a reshape that leaves them an axis of their own."""
    before = product(x.shape[:axis])
    places = (i for i, d in enumerate(out.shape) if d == x.shape[axis] and product(out.shape[:i]) == before)
    found = next(places, None)
    if found is None:
        raise _MeetError
    return found


def _loop(node: Node, axes: Mapping[int, int]) -> Rows:
    """Those of the results of a loop in the body."""
    body, carries, sequences = node.attrs["body"], node.attrs["carries"], node.attrs["sequences"]
    known = {
        i: axis if not carries <= i < carries + sequences else _kept(axis, 0) - 1
        for i, axis in axes.items()
        if i < len(body.inputs)
    }
    while True:
        rows, met = follow(body, {key(body.inputs[i]): axis for i, axis in known.items()})
        if met is not None:
            raise _MeetError
        more = {i: rows[key(t)] for i, t in enumerate(body.outputs[:carries]) if key(t) in rows and i not in known}
        if not more:
            break
        known.update(more)
    found: Rows = {}
    for i, (t, made) in enumerate(zip(body.outputs, node.outputs, strict=True)):
        if key(t) in rows:
            found[key(made)] = rows[key(t)] if i < carries else rows[key(t)] + 1
    return found
