"""A sum of scaled sums becomes a scaled sum.

A mean over features that is summed over rows and steps, as losses are, is one sum over everything: no array of means,
and the order of the axes no longer matters. Digits: the scale is applied once, at the end; a sum of squares beyond the
largest float overflows where the sum of their means would not.
"""

from __future__ import annotations

from collections.abc import Sequence

from elman.graph.node import Graph, Node, Tensor
from elman.graph.rewrite.rebuild import copy, rebuild, users
from elman.graph.trace import reshape


def join_sums(graph: Graph) -> Graph:
    """ReduceSum of (ReduceSum of x, multiplied or divided by one number) as that of one ReduceSum of x."""
    readers = users(graph)
    kept = {(t.node.serial, t.index) for t in graph.roots}

    def alone(t: Tensor) -> bool:
        return len(readers[(t.node.serial, t.index)]) == 1 and (t.node.serial, t.index) not in kept

    def visit(node: Node, inputs: tuple[Tensor, ...]) -> Sequence[Tensor]:
        if node.op != "ReduceSum" or not alone(node.inputs[0]):
            return copy(node, inputs)
        scaled = inputs[0].node
        by_number = scaled.op in ("Mul", "Div") and scaled.inputs[1].shape == ()
        inner = scaled.inputs[0].node if by_number else scaled
        if inner.op != "ReduceSum" or (by_number and not alone(node.inputs[0].node.inputs[0])):
            return copy(node, inputs)
        whole = Node("ReduceSum", inner.inputs, {**node.attrs, "axes": _axes(inner, node)}).outputs[0]
        whole = reshape(whole, node.outputs[0].shape)
        return Node(scaled.op, (whole, scaled.inputs[1]), scaled.attrs).outputs if by_number else (whole,)

    return rebuild(graph, visit)


def _axes(inner: Node, outer: Node) -> tuple[int, ...]:
    """Axes of the first operand over which both sum."""
    rank = inner.inputs[0].ndim
    left = [a for a in range(rank) if inner.attrs["keepdims"] or a not in inner.attrs["axes"]]
    return tuple(sorted({*inner.attrs["axes"], *(left[a] for a in outer.attrs["axes"])}))
