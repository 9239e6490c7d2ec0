"""The spec while it is written: tables of sizes, values and views, and the list of instructions under way."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from elman import dtypes
from elman.errors import GraphError
from elman.executors.lowering.in_place import Part
from elman.executors.lowering.segments import runs_once
from elman.executors.lowering.spec import ONCE, OPS, PART, TEMPORARY, VARIABLE, Instruction, Key, key
from elman.executors.lowering.views import View, accepts, contiguous_strides
from elman.executors.shards import of_batch
from elman.graph.node import Node, Tensor, Variable
from elman.shapes import Dim, Shape, Size, product

Emitter = Callable[["Writer", Node], None]


@dataclass
class Scope:
    """Where instructions go, the whole graph or a scan's body, and who reads what there."""

    readers: dict[Key, list[Node]] = field(default_factory=dict)
    kept: frozenset[Key] = frozenset()
    instructions: list[Instruction] = field(default_factory=list)
    packable: frozenset[int] = frozenset()  # values that stay over a loop's steps: a product may pack them once
    steps: Size = 1
    in_loop: bool = False
    parts: Mapping[Key, Sequence[Part]] = field(default_factory=dict)

    @classmethod
    def of(cls, order: Sequence[Node], results: Sequence[Tensor], **more: Any) -> Scope:
        """The scope of nodes in order, whose results must lie whole."""
        readers: dict[Key, list[Node]] = {}
        for node in order:
            for t in node.inputs:
                readers.setdefault(key(t), []).append(node)
        return cls(readers, frozenset(key(t) for t in results), **more)


class Writer:
    """What emitters write with. They read tensors by `value`, `base` or `where`, and make theirs by `output`."""

    def __init__(self, emitters: Mapping[str, Emitter], scope: Scope, real: str, sharded: bool) -> None:
        self.emitters = emitters
        self.scope = scope
        self.real = real
        self.sharded = sharded
        self.placed: set[tuple[Key, Key, Size]] = set()  # value, concatenation, where in it
        self.updated: dict[Key, Variable] = {}
        self.dims: dict[Size, int] = {}
        self.symbols: dict[str, int] = {"B": 0}
        self.values: list[tuple[Any, ...]] = []
        self.where: dict[Key, View] = {}
        self.variables: list[Variable] = []
        self.constants: list[Any] = []
        self.bodies: list[Instruction] = []
        self.strips: list[tuple[list[Instruction], list[int], list[int]]] = []
        self.checks: list[tuple[Size, Size, int, Size]] = []
        self.work: Size = 0
        self.ragged: dict[int, tuple[Size, Size]] = {}  # by lengths: steps, and what of the work ends with a row

    def emit(self, node: Node) -> None:
        """Write a node down by its row."""
        if node.op not in self.emitters:
            raise GraphError(
                f"lowering: operator {node.op} must have a native form. Received {node!r}. "
                "Add its row to EMITTERS in executors/lowering/emitters.py."
            )
        self.emitters[node.op](self, node)

    def add(
        self,
        op: str,
        ins: Sequence[int],
        outs: Sequence[int],
        dims: Sequence[Size] = (),
        flags: Sequence[int] = (),
        program: Any = None,
        body: int = -1,
    ) -> None:
        """One more instruction: `op` of `OPS` from values to values."""
        sizes = [self.dim(d) for d in dims]
        told = (OPS[op], list(ins), list(outs), sizes, [int(f) for f in flags], program, body, op)
        self.scope.instructions.append(told)

    def count(self, work: Size) -> None:
        """Operations on rows, by which the plan judges whether threads pay."""
        self.work = self.work + work

    def count_ragged(self, lengths: int, steps: Size, work: Size) -> None:
        """Of the operations counted, those that a row with fewer steps saves."""
        self.ragged[lengths] = (steps, self.ragged.get(lengths, (steps, 0))[1] + work)

    def dim(self, size: Size) -> int:
        """The number of a size in the table of sizes."""
        if isinstance(size, Dim):
            for s in sorted(size.atoms):
                self.symbols.setdefault(s, len(self.symbols))
        return self.dims.setdefault(size, len(self.dims))

    def terms(self, size: Size) -> list[tuple[int, list[int]]]:
        """A size as a sum of products of symbols' numbers."""
        if isinstance(size, int):
            return [(size, [])] if size else []
        return [(c, [self.symbols[s] for s in m]) for m, c in size.terms]

    def new(self, home: int, t: Tensor, index: int = -1, offset: Size | None = None) -> int:
        """One more value, of a tensor's type and size."""
        return self._add_value(home, t, index, product(t.shape), -1 if offset is None else self.dim(offset))

    def stack(self, t: Tensor, count: Size) -> int:
        """A value of a tensor's type, and of another size."""
        return self._add_value(TEMPORARY, t, -1, count, -1)

    def _add_value(self, home: int, t: Tensor, index: int, count: Size, offset: int) -> int:
        storage = {dtypes.INT32: 1, dtypes.INT8: 2}.get(t.dtype, 0)  # Storage in kernels.h
        self.values.append((home, storage, index, self.dim(count), offset, self.sharded and of_batch(t)))
        return len(self.values) - 1

    def home(self, node: Node) -> int:
        """Where results of a node live: for one step, or from the moment sizes are known."""
        return ONCE if not self.scope.in_loop and runs_once(node) else TEMPORARY

    def define(self, t: Tensor, home: int = TEMPORARY, index: int = -1) -> int:
        """A value of a tensor's own, whole and contiguous."""
        value = self.new(home, t, index)
        self.where[key(t)] = View(value, 0, contiguous_strides(t.shape))
        return value

    def output(self, t: Tensor) -> int:
        """The value an instruction writes: the variable it updates, a part of a concatenation, or its own."""
        if key(t) in self.updated:
            return self.variable(self.updated[key(t)])
        home = self.home(t.node)
        for part in self.scope.parts.get(key(t), ())[:1] if home == TEMPORARY else ():
            view = View(-1, 0, part.strides)
            if self.readable(t, view):
                self.where[key(t)] = self._place(t, part)
                return self.where[key(t)].value
        value = self.define(t, home)
        if t.node.op == "Fused" and t.dtype != dtypes.INT32:
            self.where[key(t)] = self.turned(t) or self._beside(t) or self.where[key(t)]
        return value

    def turned(self, t: Tensor) -> View | None:
        """How a tensor has to lie in its own memory for a transposition, its only reader, to be no copy.

        None where no copy would be needed anyway, or the tensor must lie whole.
        """
        order = self._turning(t)
        return None if order is None else self._in_order(t, order)

    def _turning(self, t: Tensor) -> tuple[int, ...] | None:
        """The order in which the axes of a turned tensor lie in memory, the outermost first."""
        readers = self.scope.readers.get(key(t), ())
        if key(t) in self.scope.kept or len(readers) != 1 or readers[0].op != "Transpose":
            return None
        perm, out, own = readers[0].attrs["perm"], readers[0].outputs[0], contiguous_strides(t.shape)
        if self.readable(out, View(-1, 0, tuple(own[axis] for axis in perm))):
            return None
        return tuple(perm)

    def _in_order(self, t: Tensor, order: tuple[int, ...]) -> View:
        """A tensor's own memory with its axes in an order, the outermost first."""
        strides = dict(zip(order, contiguous_strides(tuple(t.shape[axis] for axis in order)), strict=True))
        return View(self.where[key(t)].value, 0, tuple(strides[axis] for axis in range(t.ndim)))

    def _beside(self, t: Tensor) -> View | None:
        """How a result lies that is made beside a turned one, where its readers do not mind: written side by side."""
        for other in t.node.outputs:
            order = None if other is t else self._turning(other)
            if order is not None and self.readable(t, view := self._in_order(t, order)):
                return view
        return None

    def copies(self, t: Tensor) -> list[View]:
        """The places that want a result besides its own: whoever makes it writes them, too."""
        parts = self.scope.parts.get(key(t), ())
        return [self._place(t, p) for p in parts if (key(t), key(p.whole), p.offset) not in self.placed]

    def _place(self, t: Tensor, part: Part) -> View:
        """A place in a concatenation, which from now on needs no copy of the value."""
        if key(part.whole) not in self.where:
            self.define(part.whole)
        self.placed.add((key(t), key(part.whole), part.offset))
        return View(self.new(PART, t, self.where[key(part.whole)].value, part.offset), 0, part.strides)

    def readable(self, t: Tensor, view: View) -> bool:
        """Whether everyone who needs the tensor can read it so."""
        if view.contiguous(t.shape):
            return True
        return key(t) not in self.scope.kept and all(accepts(r, t, view) for r in self.scope.readers.get(key(t), ()))

    def variable(self, v: Variable) -> int:
        """The value of a variable's own memory."""
        if key(v.tensor) not in self.where:
            self.variables.append(v)
            self.define(v.tensor, VARIABLE, len(self.variables) - 1)
        return self.where[key(v.tensor)].value

    def value(self, t: Tensor, any_order: bool = False) -> int:
        """The value that holds a tensor whole and contiguous; any_order: of its axes."""
        view = self.where[key(t)]
        if not (view.dense if any_order else view.contiguous)(t.shape):
            raise GraphError(
                f"lowering: {t!r} must be contiguous where it is read. Received a view. This is a bug of elman."
            )
        if view.offset == 0 and self.values[view.value][3] == self.dim(product(t.shape)):
            return view.value
        return self.new(PART, t, view.value, view.offset)

    def base(self, t: Tensor) -> int:
        """The value at whose start a view begins; its strides say the rest."""
        view = self.where[key(t)]
        return view.value if view.offset == 0 else self.new(PART, t, view.value, view.offset)

    def strides_in(self, t: Tensor, shape: Shape) -> list[Size]:
        """Strides of an operand along the axes of the result; 0 where it is repeated."""
        view = self.where[key(t)]
        missing = len(shape) - t.ndim
        return [0] * missing + [0 if d == 1 else s for d, s in zip(t.shape, view.strides, strict=True)]

    def strides_out(self, t: Tensor) -> tuple[Size, ...]:
        """Strides of a result where it is written; a variable's are those of an array."""
        return contiguous_strides(t.shape) if key(t) in self.updated else self.where[key(t)].strides
