"""Reverse accumulation: walk the graph from the loss to the weights and add up what each path contributes.

Graph in, graph out: no number is computed here. Cost: one visit a node; the backward graph has a small constant
times the nodes of the forward graph.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from elman import dtypes
from elman.autodiff.rules import RULES
from elman.errors import GraphError
from elman.graph import trace as ops
from elman.graph.node import Node, Tensor, ancestors
from elman.shapes import Shape

Key = tuple[int, int]
ScanRule = Callable[[Node, Sequence[Tensor | None]], Sequence[Tensor | None]]


def key(t: Tensor) -> Key:
    """What tells a tensor from every other."""
    return (t.node.serial, t.index)


def contributions(node: Node, grads: Sequence[Tensor | None], scan_rule: ScanRule) -> Sequence[Tensor | None]:
    """The gradient of each input of a node, shaped like that input, from those of its outputs.

    Shapes: grads as the outputs of the node -> each as its input.
    """
    if node.op == "Scan":
        return scan_rule(node, grads)
    if node.op not in RULES:
        raise GraphError(
            f"autodiff: operator {node.op} must have a row in autodiff/rules.py to be differentiated. "
            f"Received {node!r}. Add the row, or stop_gradient before it."
        )
    g = grads[0]
    if g is None:
        return (None,) * len(node.inputs)
    return [
        None if d is None else unbroadcast(d, t.shape)
        for d, t in zip(RULES[node.op](node, g), node.inputs, strict=True)
    ]


def unbroadcast(g: Tensor, shape: Shape) -> Tensor:
    """Sum over the axes along which an operand of `shape` was repeated to the shape of g. Shapes: g (...) -> shape."""
    extra = g.ndim - len(shape)
    axes = tuple(range(extra)) + tuple(i + extra for i, d in enumerate(shape) if d == 1 and g.shape[i + extra] != 1)
    if axes:
        g = ops.sum(g, axes, keepdims=True)
    return ops.reshape(g, shape)


def walk(
    seeds: Sequence[tuple[Tensor, Tensor]],
    wrt: Sequence[Tensor],
    scan_rule: ScanRule,
    defer: Callable[[Node, int, Tensor], bool] | None = None,
) -> list[Tensor | None]:
    """Gradients of `wrt` given gradients of some tensors (seeds: pairs of tensor, gradient).

    `defer(node, input index, gradient of the node's output)` may claim a contribution: it is then not added here.

    Shapes: a gradient as its tensor.
    """
    targets = {key(t) for t in wrt}
    order = ancestors([t for t, _ in seeds])
    needed = _on_a_path(order, {t.node.serial for t in wrt})
    total: dict[Key, Tensor] = {}
    for t, g in seeds:
        total[key(t)] = total[key(t)] + g if key(t) in total else g
    # Consumers first: a gradient is whole before its node passes it on.
    for node in reversed(order):
        grads = [total.get(key(t)) for t in node.outputs]
        if node.serial not in needed or not node.inputs or all(g is None for g in grads):
            continue
        # Whole numbers (indices, lengths) have no slope; a rule may leave them out.
        live = [i for i, t in enumerate(node.inputs) if t.node.serial in needed and dtypes.is_real(t.dtype)]
        if defer is not None and grads[0] is not None:
            live = [i for i in live if not defer(node, i, grads[0])]
        if not live:
            continue
        found = contributions(node, grads, scan_rule)
        for i in live:
            d = found[i]
            if d is not None:
                k = key(node.inputs[i])
                total[k] = total[k] + d if k in total else d
    return [total.get(key(t)) if key(t) in targets else None for t in wrt]


def _on_a_path(order: Sequence[Node], sources: set[int]) -> set[int]:
    """Nodes that depend on a source: only through them can a gradient reach it."""
    needed = set(sources)
    for node in order:
        if any(t.node.serial in needed for t in node.inputs):
            needed.add(node.serial)
    return needed
