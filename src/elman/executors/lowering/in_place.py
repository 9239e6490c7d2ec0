"""Results written straight to where they will lie: into variables they update, into concatenations that want them."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import NamedTuple

import numpy as np

from elman import dtypes
from elman.executors.lowering.segments import runs_once
from elman.executors.lowering.spec import Key, key
from elman.executors.lowering.views import VIEWS, contiguous_strides
from elman.executors.shards import of_batch
from elman.graph.node import Graph, Node, Tensor, Variable, placeholder
from elman.shapes import Size


class Part(NamedTuple):
    """A place in a concatenation: its first element there, and a stride per axis."""

    whole: Tensor
    offset: Size
    strides: tuple[Size, ...]


def update_writers(graph: Graph, order: Sequence[Node], read: Collection[Key]) -> dict[int, dict[Key, Variable]]:
    """Fused nodes (by serial) that may write variables' new values into the variables, after everything else.

    Allowed when nothing else reads the node's results, no other such node reads the old value, and the node
    itself reads it at no other place than where it writes.
    """
    # The guard is looked at before any variable changes, and an output has a place of its own.
    shown = {key(t) for t in graph.outputs} | ({key(graph.guard)} if graph.guard is not None else set())
    targets = _single_targets(graph)
    found = {
        node.serial: {key(t): targets[key(t)] for t in node.outputs}
        for node in order
        if node.op == "Fused"
        and all(key(t) in targets and key(t) not in read and key(t) not in shown for t in node.outputs)
        and not any(of_batch(t) for t in node.inputs)
    }
    old = {n.serial: [t for t in n.inputs if _variable_read(t) is not None] for n in order if n.serial in found}
    for serial in list(found):
        others = [t for s, read in old.items() if s != serial for t in read]
        for v in found[serial].values():
            if any(_overlap(t, v) for t in others) or any(_overlap(t, v) and not _same(t, v) for t in old[serial]):
                del found[serial]
                break
    return found


def keep_old(graph: Graph) -> Graph:
    """Copy results that are a variable's own memory, which an update would change before they are read."""

    def kept(t: Tensor, target: Variable | None = None) -> Tensor:
        if (target is not None and t is target.tensor) or not any(_overlap(t, v) for v, _ in graph.updates):
            return t
        place = placeholder("old", t.shape, t.dtype)
        body = Graph((place,), Node("Identity", (place,), {}).outputs)
        return Node("Fused", (t,), {"body": body}).outputs[0]

    outputs = tuple(kept(t) for t in graph.outputs)
    return Graph(graph.inputs, outputs, tuple((v, kept(t, v)) for v, t in graph.updates), graph.guard)


def _single_targets(graph: Graph) -> dict[Key, Variable]:
    """Values that are the new value of exactly one variable."""
    targets: dict[Key, list[Variable]] = {}
    for v, t in graph.updates:
        targets.setdefault(key(t), []).append(v)
    return {k: vs[0] for k, vs in targets.items() if len(vs) == 1}


def _variable_read(t: Tensor) -> Variable | None:
    """The variable in whose memory a tensor may lie, as the variable itself or a view of it."""
    while t.node.op in VIEWS:
        t = t.node.inputs[0]
    return t.node.attrs["variable"] if t.node.op == "Variable" else None


def _overlap(t: Tensor, target: Variable) -> bool:
    """Whether who reads the tensor may read the target's memory."""
    source = _variable_read(t)
    return source is not None and np.shares_memory(source.value, target.value)


def _same(t: Tensor, target: Variable) -> bool:
    """Whether an element of the tensor lies where that of the target lies."""
    if t.node.op != "Variable":
        return False
    value: np.ndarray = t.node.attrs["variable"].value
    return value.shape == target.shape and value.ctypes.data == target.value.ctypes.data


def parts(order: Sequence[Node], level: Mapping[int, int]) -> dict[Key, list[Part]]:
    """Values that a concatenation would copy are written into it by whoever makes them.

    Along the first axis by any instruction; along others, or into several concatenations, by those that walk strides.
    """
    found: dict[Key, list[Part]] = {}
    for node in order:
        if node.op != "Concat" or runs_once(node):
            continue
        whole, axis = node.outputs[0], node.attrs["axis"]
        strides = contiguous_strides(whole.shape)
        at: Size = 0
        for t in node.inputs:
            source = before_reshapes(t) if axis == 0 else t
            strided = source.node.op == "Fused" and source.dtype != dtypes.INT32
            if _may_write(source, node, level) and (strided or (axis == 0 and key(source) not in found)):
                own = strides if source is t else contiguous_strides(source.shape)
                found.setdefault(key(source), []).append(Part(whole, at * strides[axis], own))
            at = at + t.shape[axis]
    return found


def before_reshapes(t: Tensor) -> Tensor:
    """The tensor whose elements, in their order, a chain of reshapes gives."""
    while t.node.op == "Reshape":
        t = t.node.inputs[0]
    return t


def _may_write(source: Tensor, whole: Node, level: Mapping[int, int]) -> bool:
    """Whether a value is computed, by one instruction, in a segment of the concatenation's kind."""
    maker = source.node
    if maker.op in ("Input", "Variable", "Constant", "Scan", *VIEWS) or runs_once(maker):
        return False
    same = level.get(maker.serial, 0) % 2 == level.get(whole.serial, 0) % 2 or not of_batch(source)
    return same and of_batch(source) == of_batch(whole.outputs[0])
