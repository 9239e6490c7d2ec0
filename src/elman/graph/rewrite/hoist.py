"""Move what does not depend on the state out of a scan: all steps at once instead of one by one.

`x_t @ W` inside the loop is T small products; outside it is one large one, which runs at the speed of the
hardware. A body node moves when everything it reads is a slice of a sequence, a captured value or a constant, and
it is a product (or an addition to one, such as a bias). General for every cell: the rewrite knows scans and
operators, not cells.

Source: the technique is as old as Appleyard, Kocisky and Blunsom 2016, "Optimizing Performance of Recurrent Neural
    Networks on GPUs", §3.1.
"""

from __future__ import annotations

from collections.abc import Sequence

from elman.graph.node import Graph, Node, Tensor, placeholder
from elman.graph.rewrite.rebuild import copy, rebuild


def hoist(graph: Graph) -> Graph:
    """Every scan of the graph with its state-free products moved before the loop.

    Of a scan in segments (`graph/rewrite/segment.py`) they stay in the segment, which is all that is to be in memory.
    """

    def moved(node: Node, inputs: tuple[Tensor, ...]) -> Sequence[Tensor]:
        if not node.attrs.get("segments"):
            return _hoist(node, inputs)
        return Node("Scan", inputs, {**node.attrs, "body": hoist(node.attrs["body"])}).outputs

    return rebuild(graph, lambda node, inputs: (moved if node.op == "Scan" else copy)(node, inputs))


def _state_free_first(body: Graph, carries: int) -> Graph:
    """(x W + h U) + b becomes (x W + b) + h U.

    What does not depend on the state is added up first, so that it can move.
    """
    bound = {
        t.node.serial for t in body.inputs[:carries]
    }  # nodes that depend on a state, in the old graph and in the new

    def leaves(t: Tensor) -> list[Tensor]:
        return [x for i in t.node.inputs for x in leaves(i)] if t.node.op == "Add" and t.node.serial in bound else [t]

    def visit(n: Node, inputs: tuple[Tensor, ...]) -> Sequence[Tensor]:
        made = copy(n, inputs)
        if not any(t.node.serial in bound for t in inputs):
            return made
        bound.update((n.serial, made[0].node.serial))
        terms = leaves(made[0])
        free, held = [t for t in terms if t.node.serial not in bound], [t for t in terms if t.node.serial in bound]
        if n.op != "Add" or len(free) < 2 or not any(t.node.op == "MatMul" for t in free):
            return made
        total = sum(free[1:], free[0])
        for t in held:
            total = total + t
            bound.add(total.node.serial)
        return (total,)

    return rebuild(Graph(body.inputs, body.outputs), visit)


def _hoist(node: Node, inputs: tuple[Tensor, ...]) -> Sequence[Tensor]:
    carries, sequences = node.attrs["carries"], node.attrs["sequences"]
    body = _state_free_first(node.attrs["body"], carries)
    given = body.inputs
    outer = dict(zip((t.node.serial for t in given), inputs, strict=False))
    stacked = {t.node.serial for t in given[carries : carries + sequences]}  # values that exist for all t at once
    fixed = {t.node.serial for t in given[carries + sequences :]}
    moved: dict[int, Tensor] = {}  # serial of a body node -> its value for all t, time first
    for n in body.nodes():
        if not n.inputs and n.op == "Constant":
            fixed.add(n.serial)
        if _movable(n, stacked, fixed, moved):
            operands = [moved.get(t.node.serial, outer.get(t.node.serial, t)) for t in n.inputs]
            moved[n.serial] = Node(n.op, operands, n.attrs).outputs[0]
            stacked.add(n.serial)
    if not moved:
        return copy(node, inputs)
    replaced = {serial: placeholder("hoisted", value.shape[1:], value.dtype) for serial, value in moved.items()}
    outputs = rebuild(
        Graph((), body.outputs), lambda n, i: (replaced[n.serial],) if n.serial in replaced else copy(n, i)
    ).outputs
    used = {n.serial for n in Graph((), outputs).nodes()}
    extra = [(replaced[s], moved[s]) for s in moved if replaced[s].node.serial in used]
    at = carries + sequences
    new_body = Graph((*given[:at], *(inner for inner, _ in extra), *given[at:]), outputs)
    new_inputs = [*inputs[:at], *(value for _, value in extra), *inputs[at:]]
    return Node("Scan", new_inputs, {**node.attrs, "body": new_body, "sequences": sequences + len(extra)}).outputs


def _movable(n: Node, stacked: set[int], fixed: set[int], moved: dict[int, Tensor]) -> bool:
    sources = [t.node.serial for t in n.inputs]
    if not sources or not all(s in stacked or s in fixed for s in sources) or not any(s in stacked for s in sources):
        return False
    if n.op == "MatMul":
        return (
            sources[0] in stacked and sources[1] in fixed and not n.attrs.get("transpose_a") and n.inputs[1].ndim == 2
        )
    rank = n.outputs[0].ndim  # stacking puts time in front: operands of lower rank would no longer line up
    aligned = all(t.ndim == rank or s in fixed for t, s in zip(n.inputs, sources, strict=True))
    return n.op == "Add" and aligned and any(s in moved for s in sources)
