"""The loop: its body is a list of instructions of its own, whose inputs move with time."""

from __future__ import annotations

from elman.executors.lowering.in_place import parts
from elman.executors.lowering.writer import Scope, Writer
from elman.graph.node import Graph, Node


def emit_scan(w: Writer, node: Node) -> None:
    """One instruction, and the body beside it: states, slices of sequences, and what stays over all steps."""
    attrs = node.attrs
    body: Graph = attrs["body"]
    first, last = attrs["carries"], attrs["carries"] + attrs["sequences"]
    ins = [w.value(t) for t in node.inputs]
    outs = [w.output(t) for t in node.outputs]
    inputs = [w.define(t) for t in body.inputs]
    order = body.nodes()
    packable, steps = frozenset(inputs[last:]), w.scope.steps * attrs["steps"]
    inside = {"packable": packable, "steps": steps, "in_loop": True, "parts": parts(order, {})}
    outer, w.scope = w.scope, Scope.of(order, body.outputs, **inside)
    for n in order:
        if n.op != "Input":
            w.emit(n)
    results = [w.value(t) for t in body.outputs]
    inner, w.scope = w.scope.instructions, outer
    states = (inputs[:first], inputs[first:last], inputs[last:], results[:first], results[first:])
    w.bodies.append((inner, *states, attrs["reverse"], attrs["lengths"]))
    rows = node.inputs[-1].shape[0] if attrs["lengths"] else 0
    w.add("scan", ins, outs, [attrs["steps"], rows], body=len(w.bodies) - 1)
