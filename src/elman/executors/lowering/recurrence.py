"""The loop: its body is a list of instructions of its own, whose inputs move with time."""

from __future__ import annotations

from elman.executors.lowering.in_place import parts
from elman.executors.lowering.overlay import Overlay, overlays
from elman.executors.lowering.spec import PART, key
from elman.executors.lowering.views import View, contiguous_strides
from elman.executors.lowering.writer import Scope, Writer
from elman.graph.node import Graph, Node, Tensor
from elman.shapes import product


def emit_scan(w: Writer, node: Node) -> None:
    """One instruction, and the body beside it: states, slices of sequences, and what stays over all steps.

    A sequence is walked with strides. A stacked output lies in memory of its own, over a sequence that has been read
    (`overlay.py`), or one step beside another: a state before a step is the state after the step before.
    """
    attrs = node.attrs
    body: Graph = attrs["body"]
    first, last = attrs["carries"], attrs["carries"] + attrs["sequences"]
    order = body.nodes()
    wanted = parts(order, {})
    over = overlays(w, node, wanted)
    slabs = list({o.slab.root: o.slab for o in over.values()}.values())
    moving = [w.where[key(t)] for t in node.inputs[first:last]]
    moving += [View(s.root, 0, contiguous_strides(s.whole.shape)) for s in slabs]
    ins = [*(w.value(t) for t in node.inputs[:first]), *(w.base(t) for t in node.inputs[first:last])]
    ins += [*(s.root for s in slabs), *(w.value(t) for t in node.inputs[last:])]

    inputs = [w.define(t) for t in body.inputs]
    for t, view in zip(body.inputs[first:last], moving, strict=False):
        w.where[key(t)] = View(w.where[key(t)].value, 0, view.strides[1:])
    slab_slices = {s.root: w.slice_of(s.whole) for s in slabs}
    places = {
        key(t): over[j].inside(w, slab_slices[over[j].slab.root], t) for j, t in enumerate(body.outputs) if j in over
    }
    outs, results, traced = _results(w, node, over)
    packable, steps = frozenset(inputs[last:]), w.scope.steps * attrs["steps"]
    inside = {"packable": packable, "steps": steps, "in_loop": True, "parts": wanted, "places": places}
    outer, w.scope = w.scope, Scope.of(order, results, **inside)
    for n in order:
        if n.op != "Input":
            w.emit(n)
    made = [w.value(t) for t in results]
    inner, w.scope = w.scope.instructions, outer
    slices = [*inputs[first:last], *slab_slices.values()]
    given = (inputs[:first], slices, inputs[last:], made[:first], made[first:])
    w.bodies.append((inner, *given, attrs["reverse"], attrs["lengths"], traced))
    rows = node.inputs[-1].shape[0] if attrs["lengths"] else 0
    w.add("scan", ins, outs, [attrs["steps"], rows, *(v.strides[0] for v in moving)], body=len(w.bodies) - 1)


def _results(w: Writer, node: Node, over: dict[int, Overlay]) -> tuple[list[int], list[Tensor], list[int]]:
    """What the loop writes: values, the body's tensors they stack or end with, and by state which stack traces it."""
    body, carries = node.attrs["body"], node.attrs["carries"]
    before, after = _traces(w, node)
    outs, results = [], []
    for j, (t, result) in enumerate(zip(node.outputs, body.outputs, strict=True)):
        if j in over:
            w.where[key(t)] = over[j].outside()
        elif j not in before:
            outs.append(after.pop(j) if j in after else w.output(t))
            results.append(result)
    outs += after.values()
    results += [body.outputs[-1 - j] for j in after]
    stacks = [key(t) for t in results[carries:]]
    traced = [stacks.index(key(t)) if i in before.values() else -1 for i, t in enumerate(body.outputs[:carries])]
    return outs, results, traced


def _traces(w: Writer, node: Node) -> tuple[dict[int, int], dict[int, int]]:
    """Outputs that stack a state as it was before each step: they are the stack of new states, one step beside.

    One buffer of T + 1 states serves both. Gives the state of each such output, and the values of the stacks of new
    states by output, or by -1 - state where no output asks for one.
    """
    body, carries, steps = node.attrs["body"], node.attrs["carries"], node.attrs["steps"]
    old = {key(t): i for i, t in enumerate(body.inputs[:carries])}
    before: dict[int, int] = {}
    after: dict[int, int] = {}
    for j, t in enumerate(body.outputs[carries:], carries):
        i = old.get(key(t))
        if i is None or i in before.values() or node.attrs["lengths"] or key(body.outputs[i]) in old:
            continue
        stack, one = node.outputs[j], product(t.shape)
        value = w.stack(stack, (steps + 1) * one)
        early, late = (one, 0) if node.attrs["reverse"] else (0, one)
        strides = contiguous_strides(stack.shape)
        w.where[key(stack)] = View(w.new(PART, stack, value, early), 0, strides)
        new = w.new(PART, stack, value, late)
        twin = next(
            (k for k, o in enumerate(body.outputs[carries:], carries) if key(o) == key(body.outputs[i])), -1 - i
        )
        if twin >= 0:
            w.where[key(node.outputs[twin])] = View(new, 0, strides)
        before[j], after[twin] = i, new
    return before, after
