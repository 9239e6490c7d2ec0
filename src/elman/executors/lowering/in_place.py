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
from elman.graph.node import Graph, Node, Tensor, Variable
from elman.shapes import Size


class Part(NamedTuple):
    """A place in a concatenation: its first element there, and a stride per axis."""

    whole: Tensor
    offset: Size
    strides: tuple[Size, ...]


def update_writers(graph: Graph, order: Sequence[Node], read: Collection[Key]) -> dict[int, dict[Key, Variable]]:
    """Fused nodes (by serial) that may write variables' new values into the variables, after everything else.

    Allowed when nothing else reads the node's results, and no other such node reads the old value.
    """
    shown = {key(t) for t in graph.outputs} | ({key(graph.guard)} if graph.guard is not None else set())
    targets = _single_targets(graph)
    found = {
        node.serial: {key(t): targets[key(t)] for t in node.outputs}
        for node in order
        if node.op == "Fused"
        and all(key(t) in targets and key(t) not in read and key(t) not in shown for t in node.outputs)
        and not any(of_batch(t) for t in node.inputs)
    }
    old = {n.serial: _variables_read(n) for n in order if n.serial in found}
    for serial in list(found):
        others = [v for s, vs in old.items() if s != serial for v in vs]
        if any(np.shares_memory(v.value, o.value) for v in found[serial].values() for o in others):
            del found[serial]
    return found


def _single_targets(graph: Graph) -> dict[Key, Variable]:
    """Values that are the new value of exactly one variable."""
    targets: dict[Key, list[Variable]] = {}
    for v, t in graph.updates:
        targets.setdefault(key(t), []).append(v)
    return {k: vs[0] for k, vs in targets.items() if len(vs) == 1}


def _variables_read(node: Node) -> list[Variable]:
    return [t.node.attrs["variable"] for t in node.inputs if t.node.op == "Variable"]


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
