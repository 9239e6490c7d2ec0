"""A cross-entropy whose gradient is taken is computed once: by the operator of the gradient, which finds both.

`LinearCrossEntropyGrad` makes the logits, and with them the loss and the best class, before it makes the gradients.
A `LinearCrossEntropy` on the same layer then need not make the logits again, unless the gradient that flows back was
computed from its result.
"""

from __future__ import annotations

from collections.abc import Sequence

from elman.graph.node import Graph, Node, Tensor, ancestors
from elman.graph.rewrite.rebuild import copy, users

FORWARD, BACKWARD = "LinearCrossEntropy", "LinearCrossEntropyGrad"


def share_cross_entropy(graph: Graph) -> Graph:
    """Every LinearCrossEntropy replaced by another that gives what is read of it."""
    while True:
        found = _replacement(graph)
        if found is None:
            return graph
        graph = _replaced(graph, *found)


def _replacement(graph: Graph) -> tuple[Node, Node] | None:
    """A node that is not needed, and the one that gives what it gives; the best class is the same for any index."""
    readers = users(graph)
    roots = {(t.node.serial, t.index) for t in graph.roots}
    nodes = [n for n in graph.nodes() if n.op in (FORWARD, BACKWARD)]
    for node in (n for n in nodes if n.op == FORWARD):
        loss = (node.serial, 0)
        asked = 4 if readers.get(loss) or loss in roots else 3  # inputs that must agree: the index too, if loss is read
        for other in sorted((n for n in nodes if n is not node), key=lambda n: n.op, reverse=True):
            same = all(a is b for a, b in zip(node.inputs[:asked], other.inputs[:asked], strict=True))
            if same and node.attrs == other.attrs and node.serial not in {n.serial for n in ancestors(other.inputs)}:
                return node, other
    return None


def _replaced(graph: Graph, node: Node, other: Node) -> Graph:
    """The graph with `other` in the place of `node`, which may have been made before it."""
    made: dict[int, Sequence[Tensor]] = {}

    def target(t: Tensor) -> Node:
        return other if t.node is node else t.node

    def of(t: Tensor) -> Tensor:
        return made[target(t).serial][t.index]

    stack = [target(t) for t in graph.roots]
    while stack:
        at = stack[-1]
        waiting = [target(t) for t in at.inputs if target(t).serial not in made]
        if waiting:
            stack.extend(waiting)
            continue
        stack.pop()
        if at.serial not in made:
            made[at.serial] = copy(at, tuple(of(t) for t in at.inputs))
    return Graph(
        graph.inputs,
        tuple(of(t) for t in graph.outputs),
        tuple((v, of(t)) for v, t in graph.updates),
        None if graph.guard is None else of(graph.guard),
    )
