"""What runs when: once for all, on rows of the batch, or on totals; and the one real type it runs in."""

from __future__ import annotations

from collections.abc import Sequence

from elman import dtypes
from elman.errors import GraphError
from elman.executors.shards import early_stage, of_batch
from elman.graph.node import Graph, Node, Tensor
from elman.graph.operators import REDUCTIONS
from elman.graph.rewrite.rebuild import copy, rebuild
from elman.graph.trace import cast

_REALS_ONLY = (*REDUCTIONS, "ArgMax", "ScatterAdd")
_MOVES = ("Expand", "Reshape", "Fused", "Transpose", "Concat", "Slice", "Pad")


def real_type(graph: Graph) -> str:
    """The one real type of a graph. Raises: GraphError: float32 and float64 mixed."""
    found = {t.dtype for n in graph.nodes() for t in n.outputs if dtypes.is_real(t.dtype)}
    found |= {t.dtype for t in graph.inputs if dtypes.is_real(t.dtype)}
    if len(found) > 1:
        raise GraphError(
            "native: a graph must have one real type. Received float32 and float64. "
            "Cast inputs and weights to one of them, or use ELMAN_EXECUTOR=reference."
        )
    return found.pop() if found else dtypes.FLOAT32


def reduce_reals(graph: Graph, real: str) -> Graph:
    """Reductions of whole numbers as reductions of reals, the only ones with kernels: exact up to 2^24 in float32."""

    def visit(node: Node, inputs: tuple[Tensor, ...]) -> Sequence[Tensor]:
        if node.op == "Scan":
            return Node("Scan", inputs, {**node.attrs, "body": reduce_reals(node.attrs["body"], real)}).outputs
        if node.op not in _REALS_ONLY or inputs[-1].dtype != dtypes.INT32:
            return copy(node, inputs)
        made = Node(node.op, [*inputs[:-1], cast(inputs[-1], real)], node.attrs).outputs[0]
        return (cast(made, dtypes.INT32),)

    return rebuild(graph, visit)


def runs_once(node: Node) -> bool:
    """Known as soon as sizes are: nothing but constants and sizes goes in."""
    if node.op in ("Range", "Size"):
        return True
    if not node.inputs or node.op not in _MOVES:
        return False
    return all(t.node.op == "Constant" or runs_once(t.node) for t in node.inputs)


def levels(order: Sequence[Node], sharded: bool) -> dict[int, int]:
    """The segment of each node (by serial): odd ones work on rows, even ones on totals."""
    level: dict[int, int] = {}
    for node in order:
        level[node.serial] = early_stage(node, level) if sharded else 0
    return level


def is_partial(t: Tensor, level: int) -> bool:
    """Whether each shard makes only its own part of a total."""
    return level % 2 == 1 and not of_batch(t) and not runs_once(t.node)
