"""A whole graph written down: segment by segment, then the updates."""

from __future__ import annotations

from collections import Counter
from typing import Any

from elman.executors.lowering.emitters import EMITTERS
from elman.executors.lowering.gapless import count_gapless, gapless
from elman.executors.lowering.in_place import keep_old, parts, update_writers
from elman.executors.lowering.segments import is_partial, levels, real_type, reduce_reals
from elman.executors.lowering.spec import INPUT, OPS, TEMPORARY, Instruction, Lowered, key
from elman.executors.lowering.strips import cut, named, read_by_row, root
from elman.executors.lowering.views import contiguous_strides
from elman.executors.lowering.writer import Scope, Writer
from elman.executors.shards import BATCH, shardable, stages
from elman.graph.node import Graph, Node, Tensor
from elman.graph.rewrite import fuse, fuse_products, join_sums, share_cross_entropy, simplify
from elman.shapes import Dim


def lower(graph: Graph) -> Lowered:
    """Optimise a graph for the native plan and write it down.

    Raises: GraphError: float32 and float64 mixed in one graph.
    """
    graph = join_sums(share_cross_entropy(simplify(graph, final=True)))
    real = real_type(graph)
    graph = fuse_products(reduce_reals(graph, real))
    sharded = shardable(graph)
    stage = stages(graph) if sharded else {}
    return _written(keep_old(fuse(graph, lambda node: stage.get(node.serial, 0))), real, sharded)


def _written(graph: Graph, real: str, sharded: bool) -> Lowered:
    order = graph.nodes()
    level = levels(order, sharded)
    scope = Scope.of(order, graph.roots, parts=parts(order, level))
    w = Writer(EMITTERS, scope, real, sharded)
    steps = [_load(w, t) for t in graph.inputs]
    writers = update_writers(graph, order, scope.readers)
    w.updated = {k: v for targets in writers.values() for k, v in targets.items()}
    segments: dict[int, list[Instruction]] = {}
    last: list[Instruction] = []
    for node in order:
        if node.op != "Input":
            into = last if node.serial in writers else segments.setdefault(level[node.serial], [])
            scope.instructions = into
            w.emit(node)
    spec = _spec(graph, w, order, level, segments, last, steps)
    return Lowered(spec, list(w.symbols), w.variables, w.constants, real, w.checks)


def _load(w: Writer, t: Tensor) -> int:
    """Define an input, in the order a transposition wants: the number of its time steps, if step by step; or -1."""
    w.define(t, INPUT)
    batch, *rest = t.shape or (1,)
    view = w.turned(t) if batch == Dim.symbol(BATCH) else None
    if view is None:
        return -1
    late, early, *inner = contiguous_strides((rest[0], batch, *rest[1:]))
    if view.strides != (early, late, *inner):
        return -1
    w.where[key(t)] = view
    return w.dim(rest[0])


def _spec(
    graph: Graph,
    w: Writer,
    order: list[Node],
    level: dict[int, int],
    segments: dict[int, list[Instruction]],
    last: list[Instruction],
    steps: list[int],
) -> dict[str, Any]:
    numbers = sorted(segments)
    sums = [(t, level[n.serial]) for n in order for t in n.outputs if is_partial(t, level[n.serial])]
    spec: dict[str, Any] = {
        "partials": [w.value(t) for t, _ in sums],
        "partial_segment": [numbers.index(at) for _, at in sums],
        "updates": [(w.variable(v), w.value(t)) for v, t in graph.updates if w.updated.get(key(t)) is not v],
        "segments": [(number % 2 == 1, segments[number]) for number in numbers],
        "last": [(False, last)] if last else [],
        "bodies": w.bodies,
        "inputs": [w.where[key(t)].value for t in graph.inputs],
        "outputs": [w.value(t) for t in graph.outputs],
        "guard": -1 if graph.guard is None else w.value(graph.guard),
        "shardable": w.sharded,
        "row_work": w.dim(w.work),
    }
    codes = [*segments.values(), last, *(b[0] for b in w.bodies)]
    uses = Counter(v for code in codes for v in named(w, code))
    shown = (*spec["partials"], *spec["outputs"], *(u for _, u in spec["updates"]), spec["guard"])
    kept = {root(w, v) for v in (*shown, *spec["inputs"]) if v >= 0}
    spec["segments"] = [(rows, cut(w, code, uses, kept)) for rows, code in spec["segments"]]
    spec["strips"] = w.strips
    code = [i for segment in (*spec["segments"], *spec["last"]) for i in segment[1]]
    roots = [root(w, v) for v in shown if v >= 0]
    stepwise = [v for v, at in zip(spec["inputs"], steps, strict=True) if at >= 0]
    lengths = gapless(w, code, stepwise, {*roots})
    values = [(*value, lengths.get(v, -1)) for v, value in enumerate(w.values)]
    count_gapless(w, lengths)
    return {
        **spec,
        "values": values,
        "input_steps": steps,
        "output_given": [roots.count(v) == 1 and _only_copied(w, code, v, uses) for v in spec["outputs"]],
        "input_rows": [
            v not in shown and v not in lengths and read_by_row(w, v, uses, v in stepwise) for v in spec["inputs"]
        ],
        "ragged": [(v, w.dim(each), w.dim(work)) for v, (each, work) in w.ragged.items()],
        "dims": [w.terms(d) for d in w.dims],
        "symbols": len(w.symbols),
    }


def _only_copied(w: Writer, code: list[Instruction], value: int, uses: Counter[int]) -> bool:
    """Whether nothing but copies into it names a value of the batch: they may write it where the caller wants it."""
    copies = sum(i[0] == OPS["copy"] and value in i[2] for i in code)
    return bool(w.values[value][0] == TEMPORARY and w.values[value][5] and 0 < copies == uses[value])
