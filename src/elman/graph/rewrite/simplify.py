"""Same values, fewer nodes: equal expressions merged, identities removed, scans pruned, dead code gone.

Dead nodes need no pass: a graph is its roots, so what no root depends on is not in it. Inside a scan the roots are
pruned to what the outside reads. Constants are folded by `fold` with an evaluator the caller brings, since this
floor knows no numbers.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Hashable, Sequence
from functools import reduce
from typing import Any

import numpy as np

from elman import dtypes
from elman.graph.node import Graph, Node, Tensor, apply, constant, kind
from elman.graph.rewrite.rebuild import copy, rebuild
from elman.graph.trace import reshape, zeros
from elman.shapes import Size, broadcast, product

Evaluate = Callable[[Node], Sequence[np.ndarray]]


def simplify(graph: Graph, final: bool = False) -> Graph:
    """Merge equal expressions, drop identities, prune scans; applied until nothing changes.

    final: no derivative will be taken any more, so that stop_gradient may go too.
    """
    while True:
        before = [n.serial for n in graph.nodes()]
        graph = prune_scans(rebuild(graph, _Merger(final)), final)
        if [n.serial for n in graph.nodes()] == before:
            return graph


class _Merger:
    """Value numbering: a node with the operator, attributes and inputs of an earlier one becomes the earlier one."""

    def __init__(self, final: bool) -> None:
        self.final = final
        self.known: dict[Hashable, tuple[Tensor, ...]] = {}

    def __call__(self, node: Node, inputs: tuple[Tensor, ...]) -> Sequence[Tensor]:
        if node.op in ("Input", "Variable"):
            return node.outputs
        inputs = _without_expansions(node, inputs)
        passed = node.op == "Identity" and self.final and not node.attrs.get("apart")
        shorter = inputs[0] if passed else _identity(node, inputs)
        if shorter is None and self.final:
            shorter = _repeated_later(node, inputs)
        if shorter is not None:
            return (shorter,)
        if node.op == "Scan" and node.attrs["steps"] == 1:
            return unrolled(node, inputs)
        key = (node.op, tuple((t.node.serial, t.index) for t in inputs), _attribute_key(node))
        found = self.known.get(key)
        if found is None:
            found = self.known[key] = tuple(copy(node, inputs))
        return found


def _attribute_key(node: Node) -> Hashable:
    if node.op == "Constant":
        value = node.attrs["value"]
        return (str(value.dtype), value.shape, value.tobytes())
    return tuple(sorted((k, _hashable(v)) for k, v in node.attrs.items()))


def _hashable(value: Any) -> Hashable:
    if isinstance(value, Graph):
        return ("graph", tuple((t.node.serial, t.index) for t in (*value.inputs, *value.outputs)))
    if isinstance(value, (list, tuple)):
        return ("tuple", tuple(_hashable(v) for v in value))
    return (type(value).__name__, value)


def _number(t: Tensor) -> float | None:
    """The value of a scalar constant, seen through Expand and Reshape."""
    while t.node.op in ("Expand", "Reshape"):
        t = t.node.inputs[0]
    if t.node.op != "Constant" or t.node.attrs["value"].size != 1:
        return None
    return float(t.node.attrs["value"].reshape(()))


def _identity(node: Node, ins: tuple[Tensor, ...]) -> Tensor | None:
    """The operand a node is equal to, if it is equal to one."""
    out = node.outputs[0]
    same = [t for t in ins if t.shape == out.shape and t.dtype == out.dtype]
    if node.op == "Identity" and not (node.attrs.get("stop") or node.attrs.get("apart")):
        return ins[0]
    if node.op in ("Reshape", "Expand", "Cast") and same:
        return same[0]
    if node.op == "Reshape" and ins[0].node.op == "Reshape":
        return Node("Reshape", ins[0].node.inputs, node.attrs).outputs[0]
    if node.op.startswith("Reduce") and all(ins[0].shape[a] == 1 for a in node.attrs["axes"]):
        return reshape(ins[0], out.shape)
    if node.op == "ReduceSum" and ins[0].node.op == "Neg":
        total = Node("ReduceSum", ins[0].node.inputs, node.attrs)
        return Node("Neg", total.outputs, ins[0].node.attrs).outputs[0]
    if node.op == "Transpose":
        return _transpose(node, ins[0])
    if node.op in ("Div", "Reciprocal") and dtypes.is_real(out.dtype):
        quotient = _without_division(node.op, ins)
        if quotient is not None:
            return quotient
    if node.op in ("Add", "Sub", "Mul", "Div"):
        found = _arithmetic(node.op, ins, out)
        return _joined_pads(ins) if found is None and node.op == "Add" else found
    if node.op == "Slice" and same and node.attrs["start"] == 0 and node.attrs["step"] == 1:
        return ins[0]
    if node.op == "Pad" and same:
        return ins[0]
    if node.op == "Concat" and len(ins) == 1:
        return ins[0]
    if node.op == "QuantizedMatMul" and _number(ins[0]) == 0.0:
        return zeros(out.shape, out.dtype)
    if node.op == "MatMul":
        if 0.0 in (
            _number(ins[0]),
            _number(ins[1]),
        ):  # a state before the first step, as a rule: no product is computed with it
            return zeros(out.shape, out.dtype)
        return _through_transpose(node, ins)
    return None


def _without_division(op: str, ins: tuple[Tensor, ...]) -> Tensor | None:
    """A product instead of a quotient by a root, or by a power of two, where it has the same bits."""
    divisor = ins[-1]
    if divisor.node.op == "Sqrt":
        inverse = apply("Rsqrt", *divisor.node.inputs)
        return apply("Mul", ins[0], inverse) if op == "Div" else inverse
    number = _number(divisor) if op == "Div" else None
    if number is None or abs(math.frexp(number)[0]) != 0.5 or not 2.0**-64 <= abs(number) <= 2.0**64:
        return None
    return apply("Mul", ins[0], 1.0 / number)


def _transpose(node: Node, x: Tensor) -> Tensor | None:
    perm = node.attrs["perm"]
    if x.node.op == "Transpose":
        inner = x.node.attrs["perm"]
        perm = tuple(inner[i] for i in perm)
        source = x.node.inputs[0]
        return source if perm == tuple(range(len(perm))) else Node("Transpose", (source,), {"perm": perm}).outputs[0]
    moved = [i for i in perm if x.shape[i] != 1]
    if moved == sorted(moved):  # only axes of size 1 change place: the elements stay in order
        return Node("Reshape", (x,), {"shape": node.outputs[0].shape}).outputs[0]
    return None


def _arithmetic(op: str, ins: tuple[Tensor, ...], out: Tensor) -> Tensor | None:
    a, b = ins
    neutral = 0.0 if op in ("Add", "Sub") else 1.0
    if _number(b) == neutral and a.shape == out.shape:
        return a
    if op in ("Add", "Mul") and _number(a) == neutral and b.shape == out.shape:
        return b
    return None


def _without_expansions(node: Node, ins: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
    """Pointwise operators repeat their operands themselves.

    An Expand before one is left out while the result keeps its shape.
    """
    if kind(node) != "pointwise" or len(ins) < 2:
        return ins
    operands = list(ins)
    for i, t in enumerate(ins):
        number = _number(t) if t.ndim else None
        shorter = (
            constant(number, t.dtype)
            if number is not None and t.dtype != dtypes.BOOL
            else t.node.inputs[0]
            if t.node.op == "Expand"
            else None
        )
        if shorter is None:
            continue
        tried = [*operands[:i], shorter, *operands[i + 1 :]]
        shapes = [x.shape for x in tried]
        if reduce(broadcast, shapes) == node.outputs[0].shape:
            operands = tried
    return tuple(operands)


def _repeated_later(node: Node, ins: tuple[Tensor, ...]) -> Tensor | None:
    """What is done to repetitions of elements is done to the elements, and repeated then."""
    out = node.outputs[0]
    pointwise = kind(node) == "pointwise"
    if not (pointwise or node.op == "Reshape") or not any(t.node.op == "Expand" for t in ins):
        return None
    short = [t.node.inputs[0] if t.node.op == "Expand" else t for t in ins]
    if all(product(t.shape) == 1 for t in short):
        made = Node(node.op, short, node.attrs).outputs[0] if pointwise else reshape(short[0], ())
        return Node("Expand", (reshape(made, (1,) * out.ndim),), {"shape": out.shape}).outputs[0]
    repeated = {t.shape for t in short if product(t.shape) != 1}
    if not pointwise or len(repeated) != 1 or len(*repeated) != out.ndim or out.shape in repeated:
        return None
    if any(t.ndim > out.ndim for t in short):
        return None
    return Node("Expand", Node(node.op, short, node.attrs).outputs, {"shape": out.shape}).outputs[0]


def _joined_pads(ins: tuple[Tensor, ...]) -> Tensor | None:
    """A sum of pieces, each padded to its place along one axis, is their concatenation (the gradient of a split)."""
    pads: list[Node] = []
    stack = list(ins)
    while stack:
        t = stack.pop()
        if t.node.op == "Add":
            stack.extend(t.node.inputs)
        elif t.node.op == "Pad":
            pads.append(t.node)
        else:
            return None
    axis = pads[0].attrs["axis"]
    if any(p.attrs["axis"] != axis or not isinstance(p.attrs["before"], int) for p in pads):
        return None
    pads.sort(key=lambda p: p.attrs["before"])
    at: Size = 0
    for p in pads:
        if p.attrs["before"] != at:
            return None
        at = at + p.inputs[0].shape[axis]
    if pads[-1].attrs["after"] != 0:
        return None
    return Node("Concat", [p.inputs[0] for p in pads], {"axis": axis}).outputs[0]


def _through_transpose(node: Node, ins: tuple[Tensor, ...]) -> Tensor | None:
    """A transposed matrix as an operand becomes a flag of the product."""
    flags = dict(node.attrs)
    operands = list(ins)
    for i, flag in enumerate(("transpose_a", "transpose_b")):
        t = operands[i]
        if (
            t.node.op == "Transpose"
            and t.node.attrs["perm"] == (*range(t.ndim - 2), t.ndim - 1, t.ndim - 2)
            and (i == 1 or t.ndim == 2)
        ):
            operands[i] = t.node.inputs[0]
            flags[flag] = not flags.get(flag, False)
    if all(a is b for a, b in zip(operands, ins, strict=True)):
        return None
    return Node("MatMul", operands, {k: v for k, v in flags.items() if v}).outputs[0]


def unrolled(node: Node, inputs: tuple[Tensor, ...]) -> list[Tensor]:
    """A scan of one step as the step itself: no loop, and a state of zeros before it simplifies away.

    What goes in and what comes out stays apart from operators around it, as a loop would keep it: joined to them, sums
    would be taken in another order, and a step computed alone would not have the bits of that step among many.
    """
    body, carries, sequences = node.attrs["body"], node.attrs["carries"], node.attrs["sequences"]
    at = carries + sequences
    main = inputs[: len(body.inputs)]
    given = [*main[:carries], *(apart(reshape(x, x.shape[1:])) for x in main[carries:at]), *main[at:]]
    place = {t.node.serial: value for t, value in zip(body.inputs, given, strict=True)}
    made = list(
        rebuild(Graph((), body.outputs), lambda n, i: (place[n.serial],) if n.serial in place else copy(n, i)).outputs
    )
    if node.attrs["lengths"]:
        for i, t in enumerate(made):
            real = reshape(apply("Less", 0, inputs[-1]), (inputs[-1].shape[0], *(1,) * (t.ndim - 1)))
            made[i] = apply("Where", real, t, given[i] if i < carries else 0.0)
    return [apart(t) if i < carries else reshape(apart(t), (1, *t.shape)) for i, t in enumerate(made)]


def apart(t: Tensor) -> Tensor:
    """The tensor, not to be joined with what reads it: `fuse` heeds it, and takes it away."""
    return t if not t.node.inputs else apply("Identity", t, apart=True)


# ---- scans ---------------------------------------------------------------------------------------------------------


def prune_scans(graph: Graph, final: bool = False) -> Graph:
    """Scans without the outputs nobody reads, the inputs their bodies do not use, and with one copy of each input.

    A scan that autodiff extended (attribute `extends`: the scan it repeats with more outputs) replaces the original.
    """
    replaced: dict[int, Node] = {}
    for node in graph.nodes():
        original = node.attrs.get("extends")
        if original is not None:
            replaced[original] = node
    used: set[tuple[int, int]] = {(t.node.serial, t.index) for t in graph.roots}
    for node in graph.nodes():
        used.update((t.node.serial, t.index) for t in node.inputs)
    if replaced:
        return rebuild(graph, _Redirect(graph, replaced))

    def visit(node: Node, inputs: tuple[Tensor, ...]) -> Sequence[Tensor]:
        if node.op != "Scan":
            return copy(node, inputs)
        return _prune(node, inputs, [(node.serial, t.index) in used for t in node.outputs], final)

    return rebuild(graph, visit)


class _Redirect:
    """Users of an original scan read the extended one; chains of extensions end at the last."""

    def __init__(self, graph: Graph, replaced: dict[int, Node]) -> None:
        self.replaced = replaced
        self.made: dict[int, tuple[Tensor, ...]] = {}

    def __call__(self, node: Node, inputs: tuple[Tensor, ...]) -> Sequence[Tensor]:
        target = node
        while target.serial in self.replaced:
            target = self.replaced[target.serial]
        if target.op != "Scan" or (target is node and "extends" not in node.attrs and node.serial not in self.made):
            return copy(node, inputs)
        if target.serial not in self.made:
            attrs = {k: v for k, v in target.attrs.items() if k != "extends"}
            self.made[target.serial] = Node("Scan", inputs, attrs).outputs
        return self.made[target.serial][: len(node.outputs)]


def _prune(node: Node, inputs: tuple[Tensor, ...], used: list[bool], final: bool) -> Sequence[Tensor]:
    attrs = node.attrs
    body, carries, sequences = attrs["body"], attrs["carries"], attrs["sequences"]
    inner = simplify(Graph(body.inputs, body.outputs), final)
    live = _live_carries(inner, carries, used)
    same = _first_of_equal(inner, carries)
    used = [u or any(used[j] for j in range(i + 1, len(used)) if same[j] == i) for i, u in enumerate(used)]
    keep_out = [live[i] if i < carries else used[i] and same[i] == i for i in range(len(body.outputs))]
    roots = tuple(t for t, keep in zip(inner.outputs, keep_out, strict=True) if keep)
    needed = {t.node.serial for n in Graph((), roots).nodes() for t in n.outputs}
    main = inputs[: len(body.inputs)]
    keep_in: list[bool] = []
    first: dict[tuple[int, int], Tensor] = {}
    merged: dict[int, Tensor] = {}
    for i, (t, outer) in enumerate(zip(body.inputs, main, strict=True)):
        keep = live[i] if i < carries else t.node.serial in needed
        key = (outer.node.serial, outer.index)
        if keep and i >= carries + sequences:
            if key in first:
                merged[t.node.serial] = first[key]
                keep = False
            else:
                first[key] = t
        keep_in.append(keep)
    if all(keep_in) and all(keep_out) and inner.outputs == body.outputs:
        return copy(node, inputs)
    kept_inputs = tuple(t for t, keep in zip(body.inputs, keep_in, strict=True) if keep)
    outputs = (
        roots
        if not merged
        else rebuild(Graph((), roots), lambda n, i: (merged[n.serial],) if n.serial in merged else copy(n, i)).outputs
    )
    made = Node(
        "Scan",
        [t for t, keep in zip(main, keep_in, strict=True) if keep] + list(inputs[len(body.inputs) :]),
        {
            **attrs,
            "body": Graph(kept_inputs, outputs),
            "carries": sum(keep_out[:carries]),
            "sequences": sum(keep_in[carries : carries + sequences]),
        },
    )
    kept = iter(made.outputs)
    found = [next(kept) if keep else old for keep, old in zip(keep_out, node.outputs, strict=True)]
    return [found[same[i]] for i in range(len(found))]


def _first_of_equal(body: Graph, carries: int) -> list[int]:
    """For each output the first stacked output that is the same tensor, itself otherwise."""
    first: dict[tuple[int, int], int] = {}
    return [i if i < carries else first.setdefault((t.node.serial, t.index), i) for i, t in enumerate(body.outputs)]


def _live_carries(body: Graph, carries: int, used: list[bool]) -> list[bool]:
    """Which states anybody can see: read outside, or by a visible output or state."""
    live = used[:carries]
    while True:
        roots = [t for i, t in enumerate(body.outputs) if (live[i] if i < carries else used[i])]
        reached = {n.serial for n in Graph((), tuple(roots)).nodes()}
        now = [live[i] or body.inputs[i].node.serial in reached for i in range(carries)]
        if now == live:
            return live
        live = now


# ---- constants -----------------------------------------------------------------------------------------------------

FOLDABLE = 4096  # elements; a larger constant is cheaper to recompute than to keep


def _small(t: Tensor) -> bool:
    size = product(t.shape)
    return isinstance(size, int) and size <= FOLDABLE


def fold(graph: Graph, evaluate: Evaluate) -> Graph:
    """Nodes of constants only replaced by their values."""

    def visit(node: Node, inputs: tuple[Tensor, ...]) -> Sequence[Tensor]:
        known = node.inputs and all(t.node.op == "Constant" for t in inputs)
        if (
            not known
            or not all(_small(t) for t in node.outputs)
            or node.op in ("Scan", "Fused", "RandomUniform", "Expand")
        ):
            return copy(node, inputs)
        made = copy(node, inputs)
        return [constant(value, t.dtype) for value, t in zip(evaluate(made[0].node), made, strict=True)]

    return rebuild(graph, visit)
