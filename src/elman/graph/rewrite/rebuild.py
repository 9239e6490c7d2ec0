"""Walk a graph and build another: the loop every rewrite shares."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from elman.graph.node import Graph, Node, Tensor

Visit = Callable[[Node, tuple[Tensor, ...]], Sequence[Tensor]]


def copy(node: Node, inputs: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
    """The node's outputs over new inputs; the node itself where nothing changed."""
    if all(a is b for a, b in zip(inputs, node.inputs, strict=True)):
        return node.outputs
    made = Node(node.op, inputs, node.attrs)
    for old, new in zip(node.outputs, made.outputs, strict=True):
        new.mask = old.mask
    return made.outputs


def rebuild(graph: Graph, visit: Visit) -> Graph:
    """A graph in which every node has been replaced by what `visit(node, new inputs)` returned for its outputs."""
    new: dict[tuple[int, int], Tensor] = {}
    for node in graph.nodes():
        inputs = tuple(new[(t.node.serial, t.index)] for t in node.inputs)
        for old, made in zip(node.outputs, visit(node, inputs), strict=True):
            new[(node.serial, old.index)] = made

    def of(t: Tensor) -> Tensor:
        return new.get((t.node.serial, t.index), t)

    return Graph(
        graph.inputs,
        tuple(of(t) for t in graph.outputs),
        tuple((v, of(t)) for v, t in graph.updates),
        None if graph.guard is None else of(graph.guard),
    )


def users(graph: Graph) -> dict[tuple[int, int], list[Node]]:
    """For each tensor, the nodes that read it (once per use)."""
    found: dict[tuple[int, int], list[Node]] = {}
    for node in graph.nodes():
        for t in node.inputs:
            found.setdefault((t.node.serial, t.index), []).append(node)
    return found
