"""Chains of pointwise operators become one.

A tile is loaded once, everything is done to it, and only results are stored.

`fuse_products` first turns a product plus an addend into Gemm, whose kernel starts its sums from the addend, or into
MultiplyAdd, which is rounded once. What becomes one must not depend on what else a graph computes: a stream's step and
`predict` must give the same bits.
`fuse` then groups pointwise nodes of one shape. A group is legal when no path leaves it and comes back; nodes are
visited in topological order and a node joins the group of an operand only if none of its other operands was
computed later than, and from, that group.

Reductions of the last axis join a group, too, and with them what has one element a row: `z - mean(z)` is one group.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from functools import reduce

from elman import dtypes
from elman.graph.node import Graph, Node, Tensor, kind, placeholder
from elman.graph.operators import REDUCTIONS
from elman.graph.rewrite.rebuild import copy, rebuild, users
from elman.shapes import Shape, symbols

Stage = Callable[[Node], int]
Flavour = tuple[Shape, bool, int, bool]

MAX_NODES = 48  # of one group: its registers must fit the kernel's
MAX_ROW = 1024
"""Elements of the longest row that is reduced within a group: `tile` of native/include/elman/kernels.h."""
VECTOR = 16
"""Elements of the longest vector: such rows are whole vectors."""


def fuse_products(graph: Graph) -> Graph:
    """A product whose only reader adds something to it becomes Gemm (of matrices) or MultiplyAdd (of elements)."""
    readers = users(graph)
    kept = {(t.node.serial, t.index) for t in graph.roots}

    def alone(t: Tensor) -> bool:
        key = (t.node.serial, t.index)
        return len(readers[key]) == 1 and key not in kept

    def visit(node: Node, inputs: tuple[Tensor, ...]) -> Sequence[Tensor]:
        if node.op == "Scan":
            body = fuse_products(node.attrs["body"])
            return Node("Scan", inputs, {**node.attrs, "body": body}).outputs
        if node.op == "Add":
            out = node.outputs[0]
            for op, fused, fits in (("MatMul", "Gemm", _starts_sums), ("Mul", "MultiplyAdd", _rounded_once)):
                for product, addend, old in zip(inputs, reversed(inputs), node.inputs, strict=True):
                    if product.node.op == op and alone(old) and fits(product, addend, out):
                        return Node(fused, [*product.node.inputs, addend], product.node.attrs).outputs
        return Node(node.op, inputs, node.attrs).outputs if inputs else node.outputs  # all anew: they keep their order

    return rebuild(graph, visit)


def _starts_sums(product: Tensor, addend: Tensor, out: Tensor) -> bool:
    return _keeps_rows(product) and product.shape == out.shape and _row_or_full(addend, product)


def _rounded_once(product: Tensor, addend: Tensor, out: Tensor) -> bool:
    """Not what there is one of in a batch, say: it is not to be computed for each element."""
    return dtypes.is_real(out.dtype) and product.shape in (out.shape, (*out.shape[:-1], 1))


def _row_or_full(addend: Tensor, product: Tensor) -> bool:
    full = addend.shape == product.shape
    row = addend.ndim >= 1 and addend.shape[-1] == product.shape[-1] and all(d == 1 for d in addend.shape[:-1])
    matrix = product.node.inputs[1].ndim == 2
    return matrix and (full or row)


def _keeps_rows(product: Tensor) -> bool:
    """Not a sum over an open size.

    Over the batch it would be a partial sum, to which nothing may be added before it is whole.
    """
    return symbols(product.shape) == symbols(product.node.inputs[0].shape) | symbols(product.node.inputs[1].shape)


def fuse(graph: Graph, stage: Stage = lambda node: 0) -> Graph:
    """Every group of pointwise nodes as one Fused node, in scan bodies too.

    Args: stage: nodes of different stages stay apart (an executor may run parts of a graph at different times).
    """
    groups = [g for g in _merged(graph, _groups(graph, stage), stage) if len(g) > 1 or kind(g[0]) == "pointwise"]
    leader = {n.serial: g for g in groups for n in g}
    outside = users(graph)
    kept = {(t.node.serial, t.index) for t in graph.roots}
    new: dict[tuple[int, int], Tensor] = {}

    def of(t: Tensor) -> Tensor:
        return new[(t.node.serial, t.index)]

    for item in _order(graph, leader):
        if isinstance(item, Node):
            node = item
            inputs = tuple(of(t) for t in node.inputs)
            if node.op == "Scan":
                body = fuse(_copied(node.attrs["body"]))
                made: Sequence[Tensor] = Node("Scan", inputs, {**node.attrs, "body": body}).outputs
            elif node.attrs.get("apart"):
                made = inputs
            else:
                made = copy(node, inputs)
            for old, value in zip(node.outputs, made, strict=True):
                new[(node.serial, old.index)] = value
            continue
        members = {n.serial for n in item}
        read_outside = {n.serial for n in item if any(u.serial not in members for u in outside.get((n.serial, 0), ()))}
        results = [n.outputs[0] for n in item if (n.serial, 0) in kept or n.serial in read_outside]
        for t, value in zip(results, _fused(item, results, of), strict=True):
            new[(t.node.serial, 0)] = value

    return Graph(
        graph.inputs,
        tuple(of(t) for t in graph.outputs),
        tuple((v, of(t)) for v, t in graph.updates),
        None if graph.guard is None else of(graph.guard),
    )


def _copied(body: Graph) -> Graph:
    """The body with outputs that are parts of something, and that element-wise work reads, copied by that work."""
    readers = users(body)

    def copied(t: Tensor) -> Tensor:
        read = (u for u in readers.get((t.node.serial, t.index), ()) if kind(u) == "pointwise")
        along = t.node.op == "Slice" and dtypes.is_real(t.dtype) and any(u.outputs[0].shape == t.shape for u in read)
        return Node("Identity", (t,), {"copies": True}).outputs[0] if along else t

    return Graph(body.inputs, tuple(copied(t) for t in body.outputs), body.updates, body.guard)


def _fused(group: Sequence[Node], results: Sequence[Tensor], of: Callable[[Tensor], Tensor]) -> tuple[Tensor, ...]:
    """One node for a group: its body reads what the group reads; small constants stay inside."""
    local: dict[tuple[int, int], Tensor] = {}
    outer: list[Tensor] = []
    places: list[Tensor] = []

    def inner(t: Tensor) -> Tensor:
        key = (t.node.serial, t.index)
        if t.node.op == "Constant" and t.shape == ():
            return t
        if key not in local:
            local[key] = placeholder(f"in{len(outer)}", t.shape, t.dtype)
            outer.append(of(t))
            places.append(local[key])
        return local[key]

    for n in group:
        local[(n.serial, 0)] = copy(n, tuple(inner(t) for t in n.inputs))[0]
    body = Graph(tuple(places), tuple(local[(t.node.serial, 0)] for t in results))
    return Node("Fused", outer, {"body": body}).outputs


def _groups(graph: Graph, stage: Stage) -> list[list[Node]]:
    """Pointwise nodes of equal output shape, grouped so that contracting every group leaves an acyclic graph."""
    order = graph.nodes()
    group_of: dict[int, int] = {}
    groups: list[list[Node]] = []
    flavours: list[Flavour] = []
    below: dict[int, set[int]] = {}  # node serial -> groups it depends on, directly or not
    above: list[set[int]] = []  # group -> groups it depends on
    for node in order:
        depends: set[int] = set()
        for t in node.inputs:
            depends |= below[t.node.serial]
            if t.node.serial in group_of:
                depends.add(group_of[t.node.serial])
        taken = node.attrs.get("copies") if node.op == "Identity" else kind(node) == "pointwise" or reduces_rows(node)
        if not taken:
            below[node.serial] = depends
            continue
        chosen = None
        for g in sorted({group_of[t.node.serial] for t in node.inputs if t.node.serial in group_of}, reverse=True):
            if (
                _joined(flavours[g], _flavour(node, stage))
                and len(groups[g]) < MAX_NODES
                and not _returns(node, g, group_of, below, above)
            ):
                chosen = g
                break
        if chosen is None:
            chosen = len(groups)
            groups.append([])
            flavours.append(_flavour(node, stage))
            above.append(set())
        groups[chosen].append(node)
        flavours[chosen] = _joined(flavours[chosen], _flavour(node, stage)) or flavours[chosen]
        group_of[node.serial] = chosen
        extra = (depends | {a for d in depends for a in above[d]}) - {chosen}
        above[chosen] |= extra
        for other in range(len(groups)):
            if chosen in above[other]:
                above[other] |= extra
        below[node.serial] = depends
    return groups


def reduces_rows(node: Node) -> bool:
    """Whether a node makes one number of each row, and rows are whole vectors, but not too many."""
    if node.op not in REDUCTIONS or not node.attrs["keepdims"] or not dtypes.is_real(node.inputs[0].dtype):
        return False
    x = node.inputs[0]
    last = x.shape[-1] if x.ndim else 0
    return node.attrs["axes"] == (x.ndim - 1,) and isinstance(last, int) and 1 < last <= MAX_ROW and last % VECTOR == 0


def _flavour(node: Node, stage: Stage) -> Flavour:
    """What members of a group share.

    The shape, whether whole numbers come of whole numbers (floats would round those), the stage; and whether rows are
    reduced.
    """
    whole = all(t.dtype == dtypes.INT32 for t in (*node.inputs, *node.outputs))
    reduces = reduces_rows(node)
    return (node.inputs if reduces else node.outputs)[0].shape, whole, stage(node), reduces


def _joined(a: Flavour, b: Flavour) -> Flavour | None:
    """The flavour of a group of both, None where they stay apart: beside reductions there may be one element a row."""
    rows, other = (a, b) if a[3] else (b, a)
    together = rows[0] == other[0] or (rows[3] and other[0] == (*rows[0][:-1], 1))
    return rows if together and a[1:3] == b[1:3] else None


def _shared(group: Sequence[Node], stage: Stage) -> Flavour:
    return reduce(lambda a, b: _joined(a, b) or a, (_flavour(node, stage) for node in group))


def _merged(graph: Graph, groups: list[list[Node]], stage: Stage) -> list[list[Node]]:
    """Groups of one flavour joined wherever no path leads from one through others to the other.

    First those of which one reads the other: what passes between them stays in registers.
    """
    unit = {n.serial: i for i, g in enumerate(groups) for n in g}
    order = graph.nodes()
    for n in order:
        unit.setdefault(n.serial, len(unit) + len(groups))
    below: dict[int, set[int]] = {}  # unit -> units it reads directly
    for n in order:
        below.setdefault(unit[n.serial], set()).update(
            unit[t.node.serial] for t in n.inputs if unit[t.node.serial] != unit[n.serial]
        )

    def reaches(start: set[int], target: int) -> bool:
        seen, stack = set(start), list(start)
        while stack:
            at = stack.pop()
            if at == target:
                return True
            fresh = below.get(at, set()) - seen
            seen |= fresh
            stack.extend(fresh)
        return False

    alive = dict(enumerate(groups))
    flavours = {i: _shared(g, stage) for i, g in alive.items()}
    pairs = sorted(itertools.combinations(alive, 2), key=lambda p: p[0] not in below[p[1]] and p[1] not in below[p[0]])
    for i, j in pairs:
        if (
            i not in alive
            or j not in alive
            or _joined(flavours[i], flavours[j]) is None
            or len(alive[i]) + len(alive[j]) > MAX_NODES
            or reaches(below[i] - {j}, j)
            or reaches(below[j] - {i}, i)
        ):
            continue
        alive[i] = sorted([*alive[i], *alive.pop(j)], key=lambda n: n.serial)
        flavours[i] = _joined(flavours[i], flavours[j]) or flavours[i]
        below[i] = (below[i] | below.pop(j)) - {i, j}
        for reads in below.values():
            if j in reads:
                reads.discard(j)
                reads.add(i)
        below[i].discard(i)
    return list(alive.values())


def _returns(
    node: Node, group: int, group_of: dict[int, int], below: dict[int, set[int]], above: list[set[int]]
) -> bool:
    """Whether some operand outside the group was computed from it: joining would make the group wait for itself."""
    for t in node.inputs:
        own = group_of.get(t.node.serial)
        if own == group:
            continue
        direct = below[t.node.serial] | (set() if own is None else {own})
        if group in direct or any(group in above[g] for g in direct):
            return True
    return False


def _order(graph: Graph, leader: dict[int, list[Node]]) -> list[Node | list[Node]]:
    """Nodes and groups in an order in which each comes after what it reads."""
    done: set[int] = set()
    out: list[Node | list[Node]] = []

    def place(start: Node) -> None:
        stack = [start]
        while stack:
            node = stack[-1]
            members = leader.get(node.serial, [node])
            if node.serial in done:
                stack.pop()
                continue
            inside = {n.serial for n in members}
            missing = [
                t.node for n in members for t in n.inputs if t.node.serial not in done and t.node.serial not in inside
            ]
            if missing:
                stack.extend(missing)
                continue
            stack.pop()
            done.update(inside)
            out.append(members if node.serial in leader else node)

    for node in graph.nodes():
        if node.serial not in done:
            place(node)
    return out
