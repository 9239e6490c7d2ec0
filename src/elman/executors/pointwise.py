"""A fused group of pointwise operators as a program over registers, for the native pointwise kernel.

Registers of inputs are read-only and registers of outputs are never reused, because the kernel lets them be the
operands' own memory; all others are given out again as soon as their last reader is done, so a long chain stays in
the first-level cache.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from elman import dtypes
from elman.errors import GraphError
from elman.graph.node import Graph, Node, Tensor
from elman.graph.operators import REDUCTIONS
from elman.shapes import Shape

# The order of PointwiseCode in native/include/elman/kernels.h.
CODES = {
    name: i
    for i, name in enumerate(
        "copy neg abs sign floor ceil round sqrt reciprocal rsqrt exp expm1 log log1p tanh sigmoid "
        "relu softplus erf sin cos logical_not is_nan is_inf "
        "add sub mul div pow max min mod equal less less_equal logical_and logical_or where multiply_add "
        "product sum_product difference_product less_product "
        "row_sum row_max row_min row_prod row_dot".split()
    )
}

NAMES = {
    "Identity": "copy",
    "Neg": "neg",
    "Abs": "abs",
    "Sign": "sign",
    "Floor": "floor",
    "Ceil": "ceil",
    "Round": "round",
    "Sqrt": "sqrt",
    "Reciprocal": "reciprocal",
    "Rsqrt": "rsqrt",
    "Exp": "exp",
    "Expm1": "expm1",
    "Log": "log",
    "Log1p": "log1p",
    "Tanh": "tanh",
    "Sigmoid": "sigmoid",
    "Relu": "relu",
    "Softplus": "softplus",
    "Erf": "erf",
    "Sin": "sin",
    "Cos": "cos",
    "Not": "logical_not",
    "IsNaN": "is_nan",
    "IsInf": "is_inf",
    "Add": "add",
    "Sub": "sub",
    "Mul": "mul",
    "Div": "div",
    "Pow": "pow",
    "Max": "max",
    "Min": "min",
    "Mod": "mod",
    "Equal": "equal",
    "Less": "less",
    "LessOrEqual": "less_equal",
    "And": "logical_and",
    "Or": "logical_or",
    "Where": "where",
    "MultiplyAdd": "multiply_add",
    "ReduceSum": "row_sum",
    "ReduceMax": "row_max",
    "ReduceMin": "row_min",
    "ReduceProd": "row_prod",
}

PAIRS = (
    ("ReduceSum", "Mul", 0, "row_dot"),
    ("Sub", "Mul", 1, "less_product"),
    ("Mul", "Sub", None, "difference_product"),
    ("Mul", "Mul", None, "product"),
    ("Mul", "Add", None, "sum_product"),
)
"""A node, one that nothing else reads, which operand that is (None: either), and the code of both.

Its operands are those of the node that is read, then the other one. What stands first is looked for first. Each result
is rounded.
"""

MAX_REGISTERS = 64
"""`max_registers` of native/include/elman/kernels.h: what is held of a part must stay in the first cache."""


@dataclass
class Program:
    """What the kernel runs: constants (register, value), steps (code, to, a, b, c, narrow), operands, results.

    rows: some steps reduce rows or work on what was made of rows: they are narrow, one element a row.
    """

    constants: list[tuple[int, float]] = field(default_factory=list)
    steps: list[tuple[int, int, int, int, int, bool]] = field(default_factory=list)
    inputs: list[int] = field(default_factory=list)
    outputs: list[int] = field(default_factory=list)
    registers: int = 0
    rows: bool = False

    def spec(self) -> tuple[Any, ...]:
        """As the binding reads it."""
        return (self.constants, self.steps, self.inputs, self.outputs, self.registers, self.rows)


def integral(body: Graph) -> bool:
    """Whether a group computes whole numbers only, which floats would round."""
    return all(t.dtype == dtypes.INT32 for n in body.nodes() for t in n.outputs)


class _Compiler:
    """Walks a fused body once; holds which register each value is in."""

    def __init__(self, body: Graph) -> None:
        self.body = body
        self.program = Program(rows=any(n.op in REDUCTIONS for n in body.nodes()))
        self.register: dict[tuple[int, int], int] = {}
        self.constants: dict[str, int] = {}
        self.free: dict[bool, list[int]] = {False: [], True: []}
        self.narrow = False  # whether what is emitted now has one element a row
        self.thin: set[int] = set()  # registers that were made so: rows of wide ones would overlap theirs
        self.nodes = [n for n in body.nodes() if n.op not in ("Input", "Constant")]
        self.uses = self._count_uses()
        self.fixed: set[int] = set()
        self.pairs: dict[int, tuple[str, list[Tensor]]] = {}

    def compile(self) -> Program:
        for t in self.body.inputs:
            self.register[(t.node.serial, t.index)] = r = self._new(keep=True)
            self.program.inputs.append(r)
        self.pairs, absorbed = self._pairs()
        results = {(t.node.serial, t.index) for t in self.body.outputs}
        for node in self.nodes:
            if node.serial not in absorbed:
                self._emit(node, (node.serial, 0) in results)
        for t in self.body.outputs:
            self.program.outputs.append(self._output(t))
        if self.program.registers > MAX_REGISTERS:
            raise GraphError(
                f"fuse: a group must fit {MAX_REGISTERS} registers. Received one of {self.program.registers}. "
                "Lower MAX_NODES in graph/rewrite/fuse.py."
            )
        return self.program

    def _count_uses(self) -> dict[tuple[int, int], int]:
        uses: dict[tuple[int, int], int] = {}
        for t in (*(t for n in self.nodes for t in n.inputs), *self.body.outputs):
            uses[(t.node.serial, t.index)] = uses.get((t.node.serial, t.index), 0) + 1
        return uses

    def _pairs(self) -> tuple[dict[int, tuple[str, list[Tensor]]], set[int]]:
        """Nodes that are done with one they read: code and operands of the two, by node; and those that are read."""
        found: dict[int, tuple[str, list[Tensor]]] = {}
        absorbed: set[int] = set()
        single = {n.serial for n in self.nodes if self.uses[(n.serial, 0)] == 1}
        for reader, op, place, code in PAIRS:
            for node in self.nodes:
                if node.op != reader or node.serial in absorbed or not dtypes.is_real(node.outputs[0].dtype):
                    continue
                for i, t in enumerate(node.inputs if place is None else node.inputs[place : place + 1], place or 0):
                    fits = t.node.op == op and t.node.serial in single and self._may_pair(node, t.node, code)
                    if fits and found.keys().isdisjoint((node.serial, t.node.serial)):
                        found[node.serial] = code, [*t.node.inputs, *node.inputs[:i], *node.inputs[i + 1 :]]
                        absorbed.add(t.node.serial)
        return found, absorbed

    def _may_pair(self, node: Node, read: Node, code: str) -> bool:
        """What there is one of in a row is not computed for each of its elements, nor the other way round."""
        if code == "row_dot":
            return all(t.node.op != "Constant" and t.shape == read.outputs[0].shape for t in read.inputs)
        return self._is_narrow(read.outputs[0]) == self._is_narrow(node.outputs[0])

    def _is_narrow(self, t: Tensor) -> bool:
        return self.program.rows and t.shape[-1:] == (1,)

    def _emit(self, node: Node, result: bool) -> None:
        self.narrow = self._is_narrow(node.outputs[0])
        if node.serial in self.pairs:
            code, operands = self.pairs[node.serial]
            self._step(code, node, operands, result)
        elif node.op == "Cast":
            self._cast(node, result)
        else:
            self._step(NAMES[node.op], node, node.inputs, result)

    def _cast(self, node: Node, result: bool) -> None:
        """To bool: not(not x). Real to int: toward zero, sign(x) * floor(|x|).

        All else is a copy: values are kept as reals.
        """
        source, to = node.inputs[0].dtype, node.attrs["dtype"]
        if to == dtypes.BOOL:
            self._chain(node, ["logical_not", "logical_not"], result)
        elif to == dtypes.INT32 and dtypes.is_real(source):
            x = self._operand(node.inputs[0])
            size = self._new()
            self._add("abs", size, x)
            self._add("floor", size, size)
            side = self._new()
            self._add("sign", side, x)
            self._release(node.inputs)
            out = self._new(keep=result)
            self._add("mul", out, side, size)
            self.register[(node.serial, 0)] = out
            self.free[self.narrow] += [size, side]
        else:
            self._chain(node, ["copy"], result)

    def _chain(self, node: Node, names: Sequence[str], result: bool) -> None:
        x = self._operand(node.inputs[0])
        self._release(node.inputs)
        out = self._new(keep=result)
        for name in names:
            self._add(name, out, x)
            x = out
        self.register[(node.serial, 0)] = out

    def _step(self, name: str, node: Node, operands: Sequence[Tensor], result: bool) -> None:
        registers = [self._operand(t) for t in operands]
        self._release(operands)
        out = self._new(keep=result)
        self._add(name, out, *registers)
        self.register[(node.serial, 0)] = out

    def _add(self, name: str, to: int, *operands: int) -> None:
        a, b, c = (*operands, 0, 0)[:3]
        self.program.steps.append((CODES[name], to, a, b, c, self.narrow))

    def _operand(self, t: Tensor) -> int:
        if t.node.op == "Constant":
            return self._constant(float(t.node.attrs["value"]))
        return self.register[(t.node.serial, t.index)]

    def _constant(self, value: float) -> int:
        key = str(value)  # tells 0.0 from -0.0, and one NaN is as good as another
        if key in self.constants:
            return self.constants[key]
        register = self._new(keep=True)
        self.constants[key] = register
        self.program.constants.append((register, value))
        return register

    def _release(self, operands: Sequence[Tensor]) -> None:
        for t in operands:
            k = (t.node.serial, t.index)
            self.uses[k] = self.uses.get(k, 0) - 1
            register = self.register.get(k)
            if t.node.op != "Constant" and self.uses[k] == 0 and register is not None and register not in self.fixed:
                self.free[register in self.thin].append(register)

    def _output(self, t: Tensor) -> int:
        """The register an output is read from: its own, so that the kernel may let it be the output's memory."""
        register = self._operand(t)
        if register in self.program.outputs or register in self.program.inputs or t.node.op == "Constant":
            self.narrow = self._is_narrow(t)
            own = self._new(keep=True)
            self._add("copy", own, register)
            return own
        return register

    def _new(self, keep: bool = False) -> int:
        if self.free[self.narrow] and not keep:
            return self.free[self.narrow].pop()
        register = self.program.registers
        self.program.registers += 1
        if self.narrow:
            self.thin.add(register)
        if keep:
            self.fixed.add(register)
        return register


def walked(body: Graph) -> Shape:
    """The shape a fused body walks: that of its results, or of the rows it reduces."""
    reduced = (n.inputs[0].shape for n in body.nodes() if n.op in REDUCTIONS)
    return next(reduced, body.outputs[0].shape)


def compile_program(body: Graph) -> Program:
    """The program of a fused body. Raises: GraphError: it needs more registers than the kernel has."""
    return _Compiler(body).compile()
