"""From a graph to what the native plan is made of.

Numbered values, instructions, segments (native/include/elman/spec.h).

Slices, transpositions and repetitions are not copied where the reader can walk strides (`View`): pointwise
operands and matrices can. Gradients are written straight into the flat vector that concatenates them. Operators
whose inputs are constants and sizes run once, when sizes become known. Work on rows of the batch and work on
totals alternate in segments, so that a batch can be cut into shards; sums over the batch made in a rows segment
are partial sums, which the plan adds up before the next segment.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from elman import dtypes
from elman.errors import GraphError
from elman.executors.pointwise import compile_program, integral
from elman.executors.shards import early_stage, of_batch, shardable, stages
from elman.graph.node import Graph, Node, Tensor, Variable
from elman.graph.rewrite import fuse, fuse_products, simplify
from elman.graph.rewrite.rebuild import copy, rebuild
from elman.graph.trace import cast
from elman.shapes import Dim, Shape, Size, product

TEMPORARY, INPUT, VARIABLE, CONSTANT, ONCE, PART = range(6)  # Home in spec.h
OPS = {
    name: i
    for i, name in enumerate(
        (
            "matmul pointwise integer reduce arg_max softmax cum_sum copy gather scatter_add uniform range size scan"
        ).split()
    )
}
REDUCE = {"ReduceSum": 0, "ReduceMax": 1, "ReduceMin": 2, "ReduceProd": 3}
VIEWS = ("Slice", "Transpose", "Expand", "Reshape")

Key = tuple[int, int]


def _key(t: Tensor) -> Key:
    return (t.node.serial, t.index)


def contiguous_strides(shape: Shape) -> tuple[Size, ...]:
    """Elements from one index to the next, per axis, of a C-contiguous array."""
    return tuple(product(shape[i + 1 :]) for i in range(len(shape)))


@dataclass(frozen=True)
class View:
    """Where a tensor's elements are: a value, the first element's offset, and a stride per axis."""

    value: int
    offset: Size
    strides: tuple[Size, ...]

    def contiguous(self, shape: Shape) -> bool:
        """Whether the elements follow one another (axes of size 1 may have any stride)."""
        return all(d == 1 or s == c for d, s, c in zip(shape, self.strides, contiguous_strides(shape), strict=True))


@dataclass
class Lowered:
    """The spec as the binding reads it, and what the executor must know beside it."""

    spec: dict[str, Any]
    symbols: list[str]
    variables: list[Variable]
    constants: list[np.ndarray]
    real: str
    checks: list[tuple[Size, Size, int, Size]]


@dataclass
class _Code:
    """One list of instructions being written: a segment, or a scan's body."""

    instructions: list[tuple[Any, ...]] = field(default_factory=list)


def lower(graph: Graph) -> Lowered:
    """Optimise a graph for the native plan and write it down.

    Raises: GraphError: float32 and float64 mixed in one graph.
    """
    graph = simplify(graph, final=True)
    graph = fuse_products(_reduce_reals(graph, _real_type(graph)))
    sharded = shardable(graph)
    stage = stages(graph) if sharded else {}
    return _Lowering(fuse(graph, lambda node: stage.get(node.serial, 0)), sharded).run()


def _reduce_reals(graph: Graph, real: str) -> Graph:
    """Reductions of whole numbers as reductions of reals, the only ones with kernels: exact up to 2^24 in float32."""

    def visit(node: Node, inputs: tuple[Tensor, ...]) -> Sequence[Tensor]:
        if node.op == "Scan":
            return Node("Scan", inputs, {**node.attrs, "body": _reduce_reals(node.attrs["body"], real)}).outputs
        if node.op not in (*REDUCE, "ArgMax", "ScatterAdd") or inputs[-1].dtype != dtypes.INT32:
            return copy(node, inputs)
        made = Node(node.op, [*inputs[:-1], cast(inputs[-1], real)], node.attrs).outputs[0]
        return (cast(made, dtypes.INT32),)

    return rebuild(graph, visit)


class _Lowering:
    def __init__(self, graph: Graph, sharded: bool) -> None:
        self.graph = graph
        self.real = _real_type(graph)
        self.sharded = sharded
        self.parts: dict[Key, tuple[Tensor, Size]] = {}
        self.dims: dict[Size, int] = {}
        self.symbols: dict[str, int] = {"B": 0}
        self.values: list[list[Any]] = []
        self.where: dict[Key, View] = {}
        self.variables: list[Variable] = []
        self.constants: list[np.ndarray] = []
        self.bodies: list[tuple[Any, ...]] = []
        self.checks: list[tuple[Size, Size, int, Size]] = []
        self.readers: dict[Key, list[Node]] = {}
        self.kept: set[Key] = set()
        self.segments: dict[int, _Code] = {}
        self.level: dict[int, int] = {}
        self.work: Size = 0

    # -- tables
    # -------------------------------------------------------------------------------------------------------

    def dim(self, size: Size) -> int:
        if isinstance(size, Dim):
            for s in sorted(size.symbols):
                self.symbols.setdefault(s, len(self.symbols))
        return self.dims.setdefault(size, len(self.dims))

    def new(self, home: int, t: Tensor, index: int = -1, offset: Size | None = None) -> int:
        storage = 1 if t.dtype == dtypes.INT32 else 0
        self.values.append(
            [
                home,
                storage,
                index,
                self.dim(product(t.shape)),
                -1 if offset is None else self.dim(offset),
                self.sharded and of_batch(t),
            ]
        )
        return len(self.values) - 1

    def define(self, t: Tensor, home: int = TEMPORARY, index: int = -1) -> int:
        value = self.new(home, t, index)
        self.where[_key(t)] = View(value, 0, contiguous_strides(t.shape))
        return value

    def value(self, t: Tensor) -> int:
        """The value that holds a tensor whole and contiguous."""
        view = self.where[_key(t)]
        if not view.contiguous(t.shape):
            raise GraphError(
                f"lowering: {t!r} must be contiguous where it is read. Received a view. This is a bug of elman."
            )
        base = self.values[view.value]
        if view.offset == 0 and base[3] == self.dim(product(t.shape)):
            return view.value
        return self.new(PART, t, view.value, view.offset)

    # -- the whole
    # ----------------------------------------------------------------------------------------------------

    def run(self) -> Lowered:
        graph = self.graph
        order = graph.nodes()
        self._note_readers(order, graph.roots)
        for t in graph.inputs:
            self.define(t, INPUT)
        writes = self._update_writers(order)
        tail = _Code()
        for node in order:
            self.level[node.serial] = early_stage(node, self.level) if self.sharded else 0
        self._choose_parts(order)
        for node in order:
            if node.op == "Input":
                continue
            code = tail if node.serial in writes else self.segments.setdefault(self.level[node.serial], _Code())
            self.emit(node, code, writes.get(node.serial))
        partials = [(self.value(t), self.level[n.serial]) for n in order for t in n.outputs if self._partial(n, t)]
        levels = sorted(self.segments)
        copies = [
            (self._variable(v), self.value(t))
            for v, t in graph.updates
            if not any(w.get(_key(t)) is v for w in writes.values())
        ]
        spec = {
            "segments": [(level % 2 == 1, self.segments[level].instructions) for level in levels],
            "last": [(False, tail.instructions)] if tail.instructions else [],
            "updates": copies,
            "bodies": self.bodies,
            "inputs": [self.where[_key(t)].value for t in graph.inputs],
            "outputs": [self.value(t) for t in graph.outputs],
            "partials": [v for v, _ in partials],
            "partial_segment": [levels.index(level) for _, level in partials],
            "guard": -1 if graph.guard is None else self.value(graph.guard),
            "shardable": self.sharded,
            "row_work": self.dim(self.work),
            "values": [tuple(v) for v in self.values],
        }
        spec["dims"] = [self._terms(d) for d in self.dims]
        spec["symbols"] = len(self.symbols)
        return Lowered(spec, list(self.symbols), self.variables, self.constants, self.real, self.checks)

    def _terms(self, size: Size) -> list[tuple[int, list[int]]]:
        if isinstance(size, int):
            return [(size, [])] if size else []
        return [(c, [self.symbols[s] for s in m]) for m, c in size.terms]

    def _note_readers(self, order: Sequence[Node], roots: Sequence[Tensor]) -> None:
        for node in order:
            for t in node.inputs:
                self.readers.setdefault(_key(t), []).append(node)
        self.kept |= {_key(t) for t in roots}

    # -- segments
    # -----------------------------------------------------------------------------------------------------

    def _partial(self, node: Node, t: Tensor) -> bool:
        return self.level[node.serial] % 2 == 1 and not of_batch(t) and not self._once(node)

    def _once(self, node: Node) -> bool:
        """Known as soon as sizes are: nothing but constants and sizes goes in."""
        if node.op in ("Range", "Size"):
            return True
        simple = node.op in ("Expand", "Reshape", "Fused", "Transpose", "Concat", "Slice", "Pad")
        return bool(node.inputs) and simple and all(t.node.op == "Constant" or self._once(t.node) for t in node.inputs)

    # -- updates
    # ------------------------------------------------------------------------------------------------------

    def _update_writers(self, order: Sequence[Node]) -> dict[int, dict[Key, Variable]]:
        """Fused nodes that may write new values of variables into the variables themselves, after everything else.

        Allowed when nothing else reads the node's results, and no other such node reads the old value.
        """
        targets: dict[Key, list[Variable]] = {}
        for v, t in self.graph.updates:
            targets.setdefault(_key(t), []).append(v)
        plain = {_key(t) for t in self.graph.outputs} | (
            {_key(self.graph.guard)} if self.graph.guard is not None else set()
        )
        found: dict[int, dict[Key, Variable]] = {}
        for node in order:
            keys = [_key(t) for t in node.outputs]
            if (
                node.op != "Fused"
                or not all(k in targets and len(targets[k]) == 1 for k in keys)
                or any(self.readers.get(k) or k in plain for k in keys)
            ):
                continue
            if not any(of_batch(t) for t in node.inputs):
                found[node.serial] = {k: targets[k][0] for k in keys}
        read = {
            n.serial: [t.node.attrs["variable"] for t in n.inputs if t.node.op == "Variable"]
            for n in order
            if n.serial in found
        }
        for serial in list(found):
            others = [v for s, vs in read.items() if s != serial for v in vs]
            if any(np.shares_memory(v.value, o.value) for v in found[serial].values() for o in others):
                del found[serial]
        return found

    def _variable(self, v: Variable) -> int:
        t = v.tensor
        if _key(t) not in self.where:
            self.variables.append(v)
            self.define(t, VARIABLE, len(self.variables) - 1)
        return self.where[_key(t)].value

    # -- parts of a concatenation
    # -------------------------------------------------------------------------------------

    def _choose_parts(self, order: Sequence[Node]) -> None:
        """Values that a concatenation along the first axis would copy are written into it by whoever makes them."""
        for node in order:
            if node.op != "Concat" or node.attrs["axis"] != 0 or self._once(node):
                continue
            at: Size = 0
            for t in node.inputs:
                source = t
                while source.node.op == "Reshape":
                    source = source.node.inputs[0]
                computed = source.node.op not in ("Input", "Variable", "Constant", "Scan", *VIEWS) and not self._once(
                    source.node
                )
                same = self.level[source.node.serial] % 2 == self.level[node.serial] % 2 or not of_batch(source)
                if (
                    computed
                    and same
                    and _key(source) not in self.parts
                    and of_batch(source) == of_batch(node.outputs[0])
                ):
                    self.parts[_key(source)] = (node.outputs[0], at)
                at = at + product(t.shape)

    def output(self, t: Tensor, home: int = TEMPORARY) -> int:
        """The value an instruction writes: its own, or a part of the concatenation that wants it."""
        if home == TEMPORARY and _key(t) in self.parts:
            whole, at = self.parts[_key(t)]
            if _key(whole) not in self.where:
                self.define(whole)
            value = self.new(PART, t, self.where[_key(whole)].value, at)
            self.where[_key(t)] = View(value, 0, contiguous_strides(t.shape))
            return value
        return self.define(t, home)

    # -- instructions
    # -------------------------------------------------------------------------------------------------

    def add(
        self,
        code: _Code,
        op: str,
        ins: Sequence[int],
        outs: Sequence[int],
        dims: Sequence[Size] = (),
        flags: Sequence[int] = (),
        program: Any = None,
        body: int = -1,
    ) -> None:
        code.instructions.append(
            (OPS[op], list(ins), list(outs), [self.dim(d) for d in dims], [int(f) for f in flags], program, body, op)
        )

    def emit(self, node: Node, code: _Code, writes: dict[Key, Variable] | None = None, body: bool = False) -> None:
        """Write a node down. `writes`: outputs that are variables' new values, written in place."""
        home = ONCE if not body and self._once(node) else TEMPORARY
        if node.op in VIEWS:
            self._view(node, code, home)
            return
        method = getattr(self, "_emit_" + node.op.lower(), None)
        if method is None:
            raise GraphError(
                f"lowering: operator {node.op} must have a native form. Received {node!r}. "
                f"Add _emit_{node.op.lower()} in executors/lowering.py."
            )
        if node.op == "Fused":
            self._emit_fused(node, code, home, writes)
        else:
            method(node, code, home)

    # leaves

    def _emit_variable(self, node: Node, code: _Code, home: int) -> None:
        self._variable(node.attrs["variable"])

    def _emit_constant(self, node: Node, code: _Code, home: int) -> None:
        t = node.outputs[0]
        self.constants.append(
            np.ascontiguousarray(node.attrs["value"], dtype=np.int32 if t.dtype == dtypes.INT32 else self.real)
        )
        self.define(t, CONSTANT, len(self.constants) - 1)

    def _emit_range(self, node: Node, code: _Code, home: int) -> None:
        self.add(code, "range", [], [self.output(node.outputs[0], home)], [node.attrs["shape"][0]])

    def _emit_size(self, node: Node, code: _Code, home: int) -> None:
        self.add(code, "size", [], [self.output(node.outputs[0], home)], [node.attrs["dim"]])

    # pointwise

    def _emit_fused(self, node: Node, code: _Code, home: int, writes: dict[Key, Variable] | None = None) -> None:
        body: Graph = node.attrs["body"]
        shape = body.outputs[0].shape
        dims: list[Size] = list(shape)
        for t in node.inputs:
            dims += self._strides_in(t, shape)
        program = compile_program(body)
        ins = [self._base(t) for t in node.inputs]
        outs = [self._variable(writes[_key(t)]) if writes else self.output(t, home) for t in node.outputs]
        self.add(code, "integer" if integral(body) else "pointwise", ins, outs, dims, [len(shape)], program.spec())
        self.work = self.work + product(shape) * 4 * len(program.steps) if of_batch(node.outputs[0]) else self.work

    def _base(self, t: Tensor) -> int:
        """The value at whose start a view begins."""
        view = self.where[_key(t)]
        return view.value if view.offset == 0 else self.new(PART, t, view.value, view.offset)

    def _strides_in(self, t: Tensor, shape: Shape) -> list[Size]:
        """Strides of an operand along the axes of the result; 0 where it is repeated."""
        view = self.where[_key(t)]
        missing = len(shape) - t.ndim
        return [0] * missing + [0 if d == 1 else s for d, s in zip(t.shape, view.strides, strict=True)]

    # contraction

    def _emit_matmul(self, node: Node, code: _Code, home: int) -> None:
        a, b = node.inputs[:2]
        out = node.outputs[0]
        ta, tb = bool(node.attrs.get("transpose_a")), bool(node.attrs.get("transpose_b"))
        va, vb = self.where[_key(a)], self.where[_key(b)]
        k = a.shape[-2] if ta else a.shape[-1]
        n = out.shape[-1]
        batched = b.ndim > 2
        batch = product(out.shape[:-2]) if batched else 1
        m = out.shape[-2] if batched else product(out.shape[:-1])
        row_a, col_a = (va.strides[-1], va.strides[-2]) if ta else (va.strides[-2], va.strides[-1])
        row_b, col_b = (vb.strides[-1], vb.strides[-2]) if tb else (vb.strides[-2], vb.strides[-1])
        if not batched and a.ndim > 2:
            row_a = k if va.contiguous(a.shape) else row_a
        dims: list[Size] = [
            batch,
            m,
            n,
            k,
            row_a,
            col_a,
            m * k if batched else 0,
            row_b,
            col_b,
            k * n if batched else 0,
        ]
        ins = [self._base(a), self._base(b)]
        if len(node.inputs) > 2:
            addend = node.inputs[2]
            ins.append(self.value(addend))
            full = addend.shape == out.shape
            dims += [n if full else 0, m * n if full and batched else 0]
        else:
            dims += [0, 0]
        self.add(code, "matmul", ins, [self.output(out, home)], dims, [ins[1] in self.packable])
        self.work = self.work + 2 * batch * m * n * k * self.steps if of_batch(a) or of_batch(b) else self.work

    _emit_gemm = _emit_matmul
    packable: frozenset[int] = frozenset()
    steps: Size = 1

    # reductions

    def _three(self, shape: Shape, axis: int, last: int | None = None) -> list[Size]:
        last = axis if last is None else last
        return [product(shape[:axis]), product(shape[axis : last + 1]), product(shape[last + 1 :])]

    def _emit_reduce(self, node: Node, code: _Code, home: int) -> None:
        """Runs of neighbouring axes are reduced together; several runs one after the other, from the last."""
        x, out = node.inputs[0], node.outputs[0]
        runs: list[tuple[int, int]] = []
        for axis in sorted(node.attrs["axes"]):
            if runs and runs[-1][1] == axis - 1:
                runs[-1] = (runs[-1][0], axis)
            else:
                runs.append((axis, axis))
        source, shape = self.value(x), x.shape
        for i, (first, last) in enumerate(reversed(runs)):
            three = self._three(shape, first, last)
            shape = (*shape[:first], *(1,) * (last - first + 1), *shape[last + 1 :])
            final = i == len(runs) - 1
            if final:
                target = self.output(out, home)
            else:
                target = len(self.values)
                self.values.append(
                    [
                        home,
                        1 if x.dtype == dtypes.INT32 else 0,
                        -1,
                        self.dim(product(shape)),
                        -1,
                        self.sharded and of_batch(Tensor(node, 0, shape, x.dtype)),
                    ]
                )
            self.add(code, "reduce", [source], [target], three, [REDUCE[node.op]])
            source = target

    _emit_reducesum = _emit_reducemax = _emit_reducemin = _emit_reduceprod = _emit_reduce

    def _emit_argmax(self, node: Node, code: _Code, home: int) -> None:
        x = node.inputs[0]
        self.add(
            code,
            "arg_max",
            [self.value(x)],
            [self.output(node.outputs[0], home)],
            self._three(x.shape, node.attrs["axes"][0]),
        )

    def _emit_softmax(self, node: Node, code: _Code, home: int) -> None:
        x = node.inputs[0]
        self.add(
            code,
            "softmax",
            [self.value(x)],
            [self.output(node.outputs[0], home)],
            [product(x.shape[:-1]), x.shape[-1]],
            [node.op == "LogSoftmax"],
        )

    _emit_logsoftmax = _emit_softmax

    def _emit_cumsum(self, node: Node, code: _Code, home: int) -> None:
        x = node.inputs[0]
        flags = [node.attrs["reverse"], node.attrs["exclusive"]]
        self.add(
            code,
            "cum_sum",
            [self.value(x)],
            [self.output(node.outputs[0], home)],
            self._three(x.shape, node.attrs["axis"]),
            flags,
        )

    # movement

    def _view(self, node: Node, code: _Code, home: int) -> None:
        """A tensor that shares its source's memory; copied only if a reader needs it contiguous."""
        x, out = node.inputs[0], node.outputs[0]
        view = self._walked(node, self.where[_key(x)])
        if view is None:
            view = self.where[_key(x)]
            raise GraphError(
                f"lowering: {node!r} must read a contiguous tensor. Received strides {view.strides}. "
                "This is a bug of elman."
            )
        if _key(out) in self.kept or any(not self._accepts(r, out, view) for r in self.readers.get(_key(out), ())):
            if view.contiguous(out.shape) and not (home == ONCE and self.values[view.value][0] == CONSTANT):
                self.where[_key(out)] = view
                return
            target = self.output(out, home)
            self._copy(
                code, View(view.value, view.offset, view.strides), target, out.shape, contiguous_strides(out.shape), 0
            )
            return
        self.where[_key(out)] = view

    def _walked(self, node: Node, view: View) -> View | None:
        x, out = node.inputs[0], node.outputs[0]
        if node.op == "Reshape":
            return (
                View(view.value, view.offset, contiguous_strides(out.shape))
                if view.contiguous(x.shape)
                else _reshaped_strides(view, x.shape, out.shape)
            )
        if node.op == "Transpose":
            return View(view.value, view.offset, tuple(view.strides[i] for i in node.attrs["perm"]))
        if node.op == "Expand":
            missing = out.ndim - x.ndim
            return View(
                view.value,
                view.offset,
                (0,) * missing
                + tuple(
                    0 if d == 1 and o != 1 else s
                    for d, o, s in zip(x.shape, out.shape[missing:], view.strides, strict=True)
                ),
            )
        axis, start, length, step = (node.attrs[k] for k in ("axis", "start", "length", "step"))
        self.checks.append((start, length, step, x.shape[axis]))
        strides = tuple(s * step if i == axis else s for i, s in enumerate(view.strides))
        return View(view.value, view.offset + start * view.strides[axis], strides)

    def _accepts(self, reader: Node, t: Tensor, view: View) -> bool:
        """Whether a reader can walk this view as it is."""
        if view.contiguous(t.shape):
            return True
        if reader.op in ("Fused", "Slice", "Transpose", "Expand", "Concat", "Pad"):
            return True
        if reader.op in ("MatMul", "Gemm"):
            return t.ndim == 2 and all(t is not x for x in reader.inputs[2:])
        if reader.op == "Reshape":
            return _reshaped_strides(view, t.shape, reader.outputs[0].shape) is not None
        return False

    def _copy(
        self,
        code: _Code,
        source: View,
        target: int,
        sizes: Shape,
        to_strides: Sequence[Size],
        to_offset: Size,
        clear: bool = False,
    ) -> None:
        dims = [to_offset, source.offset, *sizes, *to_strides, *source.strides]
        self.add(code, "copy", [source.value], [target], dims, [clear, len(sizes)])

    def _emit_concat(self, node: Node, code: _Code, home: int) -> None:
        out, axis = node.outputs[0], node.attrs["axis"]
        if _key(out) not in self.where:
            self.output(out, home)
        target = self.where[_key(out)].value
        strides = contiguous_strides(out.shape)
        at: Size = 0
        for t in node.inputs:
            if not self._written(t, target):
                self._copy(code, self.where[_key(t)], target, t.shape, strides, at * strides[axis])
            at = at + t.shape[axis]

    def _written(self, t: Tensor, target: int) -> bool:
        value = self.where[_key(t)].value
        while self.values[value][0] == PART:
            value = self.values[value][2]
            if value == target:
                return True
        return False

    def _emit_pad(self, node: Node, code: _Code, home: int) -> None:
        x, out, axis = node.inputs[0], node.outputs[0], node.attrs["axis"]
        strides = contiguous_strides(out.shape)
        self._copy(
            code,
            self.where[_key(x)],
            self.output(out, home),
            x.shape,
            strides,
            node.attrs["before"] * strides[axis],
            clear=True,
        )

    def _emit_gather(self, node: Node, code: _Code, home: int) -> None:
        table, index = node.inputs
        dims = [table.shape[0], product(table.shape[1:]), product(index.shape)]
        self.add(code, "gather", [self.value(table), self.value(index)], [self.output(node.outputs[0], home)], dims)

    def _emit_scatteradd(self, node: Node, code: _Code, home: int) -> None:
        index, values = node.inputs
        dims = [node.attrs["rows"], product(values.shape[index.ndim :]), product(index.shape)]
        self.add(
            code, "scatter_add", [self.value(index), self.value(values)], [self.output(node.outputs[0], home)], dims
        )

    def _emit_randomuniform(self, node: Node, code: _Code, home: int) -> None:
        out = node.outputs[0]
        rows = out.shape[0] if out.shape else 1
        self.add(
            code,
            "uniform",
            [self.value(t) for t in node.inputs],
            [self.output(out, home)],
            [rows, product(out.shape[1:])],
            [node.attrs["key"], of_batch(out)],
        )

    # the recurrence

    def _emit_scan(self, node: Node, code: _Code, home: int) -> None:
        attrs = node.attrs
        body, carries, sequences = attrs["body"], attrs["carries"], attrs["sequences"]
        ins = [self.value(t) for t in node.inputs]
        outs = [self.output(t) for t in node.outputs]
        inputs = [self.define(t) for t in body.inputs]
        outer = (self.readers, self.kept, self.packable, self.steps)
        self.readers, self.kept = {}, set()
        self.packable = frozenset(inputs[carries + sequences :])
        self.steps = self.steps * attrs["steps"]
        order = body.nodes()
        self._note_readers(order, body.outputs)
        inner = _Code()
        for n in order:
            if n.op != "Input":
                self.emit(n, inner, body=True)
        results = [self.value(t) for t in body.outputs]
        self.readers, self.kept, self.packable, self.steps = outer
        at = carries + sequences
        self.bodies.append(
            (
                inner.instructions,
                inputs[:carries],
                inputs[carries:at],
                inputs[at:],
                results[:carries],
                results[carries:],
                attrs["reverse"],
                attrs["lengths"],
            )
        )
        rows = node.inputs[-1].shape[0] if attrs["lengths"] else 0
        self.add(code, "scan", ins, outs, [attrs["steps"], rows], body=len(self.bodies) - 1)


def _reshaped_strides(view: View, shape: Shape, target: Shape) -> View | None:
    """Strides after a reshape that only adds or removes axes of size 1; None for any other."""
    if [d for d in shape if d != 1] != [d for d in target if d != 1]:
        return None
    kept = iter(s for d, s in zip(shape, view.strides, strict=True) if d != 1)
    return View(view.value, view.offset, tuple(0 if d == 1 else next(kept) for d in target))


def _real_type(graph: Graph) -> str:
    """The one real type of a graph."""
    found = {t.dtype for n in graph.nodes() for t in n.outputs if dtypes.is_real(t.dtype)}
    found |= {t.dtype for t in graph.inputs if dtypes.is_real(t.dtype)}
    if len(found) > 1:
        raise GraphError(
            "native: a graph must have one real type. Received float32 and float64. "
            "Cast inputs and weights to one of them, or use ELMAN_EXECUTOR=reference."
        )
    return found.pop() if found else dtypes.FLOAT32
