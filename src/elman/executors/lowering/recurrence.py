"""The loop: its body is a list of instructions of its own, whose inputs move with time."""

from __future__ import annotations

from elman.executors.lowering.in_place import parts
from elman.executors.lowering.spec import INPUT, OPS, PART, Instruction, key
from elman.executors.lowering.views import View, contiguous_strides
from elman.executors.lowering.writer import Scope, Writer
from elman.executors.shards import BATCH, of_batch
from elman.graph.node import Graph, Node, Tensor
from elman.shapes import Dim, product

BATCH_SIZE = Dim.symbol(BATCH)
_ROWS = {OPS["matmul"]: 1, OPS["pointwise"]: 0, OPS["reduce"]: 0, OPS["copy"]: 2}
"""By instruction, which of its sizes says how many rows it walks."""


def emit_scan(w: Writer, node: Node) -> None:
    """One instruction, and the body beside it: states, slices of sequences, and what stays over all steps."""
    attrs = node.attrs
    body: Graph = attrs["body"]
    first, last = attrs["carries"], attrs["carries"] + attrs["sequences"]
    ins = [w.value(t) for t in node.inputs]
    outs, results, traced = _results(w, node)
    inputs = [w.define(t) for t in body.inputs]
    order = body.nodes()
    packable, steps = frozenset(inputs[last:]), w.scope.steps * attrs["steps"]
    inside = {"packable": packable, "steps": steps, "in_loop": True, "parts": parts(order, {})}
    before = w.work
    outer, w.scope = w.scope, Scope.of(order, results, **inside)
    for n in order:
        if n.op != "Input":
            w.emit(n)
    made = [w.value(t) for t in results]
    inner, w.scope = w.scope.instructions, outer
    states = (inputs[:first], inputs[first:last], inputs[last:], made[:first], made[first:])
    apart = attrs["lengths"] and w.sharded and _by_row(w, inner, body, last)
    w.bodies.append((inner, *states, attrs["reverse"], attrs["lengths"], apart, traced))
    if apart and w.values[ins[-1]][0] == INPUT:
        w.count_ragged(ins[-1], attrs["steps"], w.work - before)
    rows = node.inputs[-1].shape[0] if attrs["lengths"] else 0
    w.add("scan", ins, outs, [attrs["steps"], rows], body=len(w.bodies) - 1)


def _by_row(w: Writer, code: list[Instruction], body: Graph, walked: int) -> bool:
    """Whether a body of a graph whose rows keep apart adds up no rows, and walks them outermost.

    The loop then stops at the last row that is not finished.
    """
    sums = (any(of_batch(t) for t in n.inputs) and not all(of_batch(t) for t in n.outputs) for n in body.nodes())
    sizes = list(w.dims)

    def outermost(i: Instruction) -> bool:
        rows = _ROWS.get(i[0])
        first = () if rows is None else tuple(sizes[d] for d in i[3][: rows + 1])
        return first[-1:] == (BATCH_SIZE,) and (i[0] != OPS["matmul"] or first[0] == 1)

    edges = (t.shape[:1] == (BATCH_SIZE,) for t in (*body.inputs[:walked], *body.outputs))
    return not any(sums) and all(edges) and all(outermost(i) or not w.values[i[2][0]][5] for i in code)


def _results(w: Writer, node: Node) -> tuple[list[int], list[Tensor], list[int]]:
    """What the loop writes: values, the body's tensors they end with or stack, and by state which stack traces it."""
    body, carries = node.attrs["body"], node.attrs["carries"]
    before, after = _traces(w, node)
    outs, results = [], []
    for j, (t, result) in enumerate(zip(node.outputs, body.outputs, strict=True)):
        if j not in before:
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
    states by output, or by -1 - state where no output asks for one. Finished rows of a scan with lengths stack 0, not
    their state: there is no such stack.
    """
    body, carries, steps = node.attrs["body"], node.attrs["carries"], node.attrs["steps"]
    old = {key(t): i for i, t in enumerate(body.inputs[:carries])}
    new = [key(t) for t in body.outputs[:carries]]
    before: dict[int, int] = {}
    after: dict[int, int] = {}
    for j, t in enumerate(body.outputs[carries:], carries):
        i = old.get(key(t))
        if i is None or i in before.values() or node.attrs["lengths"] or new[i] in old or new.count(new[i]) > 1:
            continue
        stack, one = node.outputs[j], product(t.shape)
        value = w.stack(stack, (steps + 1) * one)
        early, late = (one, 0) if node.attrs["reverse"] else (0, one)
        strides = contiguous_strides(stack.shape)
        w.where[key(stack)] = View(w.new(PART, stack, value, early), 0, strides)
        made = w.new(PART, stack, value, late)
        twins = (k for k, o in enumerate(body.outputs[carries:], carries) if key(o) == new[i])
        twin = next(twins, -1 - i)
        if twin >= 0:
            w.where[key(node.outputs[twin])] = View(made, 0, strides)
        before[j], after[twin] = i, made
    return before, after
