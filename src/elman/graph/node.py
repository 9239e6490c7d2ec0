"""The parts of a graph: tensors that stand for values, nodes that make them, variables that outlive a run.

Nothing here holds a computed number. A `Tensor` is one output of a `Node`; a node is an operator applied to tensors; a
`Graph` is what to compute (outputs), from what (inputs), and what to remember (updates). Nodes never change once
made, so sharing a sub-expression is sharing the object, and there is no "current graph" to be in.
"""

from __future__ import annotations

import itertools
import math
import weakref
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any

import numpy as np

from elman import dtypes
from elman.errors import DTypeError, ShapeError
from elman.graph.operators import TABLE, signature
from elman.graph.symbolic import Symbolic
from elman.shapes import Dim, Shape, Size, text

_serial = itertools.count()


class Tensor(Symbolic):
    """A value that will exist when the graph runs: its shape (sizes may be open), its type and the node that makes it.

    Arithmetic on tensors builds nodes: `x @ w + b` is two of them. `mask` (which steps are real) and `origin` (the
    layer call that made this tensor) are notes for layers and models; operators and executors never read them.
    """

    __slots__ = ("__weakref__", "dtype", "index", "mask", "node", "origin", "shape")

    def __init__(self, node: Node, index: int, shape: Shape, dtype: str) -> None:
        self.node = node
        self.index = index
        self.shape = shape
        self.dtype = dtype
        self.mask: Any = None
        self.origin: Any = None

    @property
    def ndim(self) -> int:
        """Number of axes."""
        return len(self.shape)

    def __repr__(self) -> str:
        return f"Tensor({self.node.op}, shape={text(self.shape)}, dtype={self.dtype})"

    def __bool__(self) -> bool:
        raise DTypeError.at(
            "Tensor", "condition", "known while tracing", repr(self), "Use elman.ops.where to choose by value."
        )

    def __iter__(self) -> Iterator[Tensor]:
        if not self.shape or not isinstance(self.shape[0], int):
            raise ShapeError.at(
                "Tensor",
                "first axis",
                "a known size to be iterated",
                text(self.shape),
                "Use elman.ops.scan over an open axis.",
            )
        return (self[i] for i in range(self.shape[0]))

    def __add__(self, other: Operand) -> Tensor:
        return apply("Add", self, other)

    def __radd__(self, other: Operand) -> Tensor:
        return apply("Add", other, self)

    def __sub__(self, other: Operand) -> Tensor:
        return apply("Sub", self, other)

    def __rsub__(self, other: Operand) -> Tensor:
        return apply("Sub", other, self)

    def __mul__(self, other: Operand) -> Tensor:
        return apply("Mul", self, other)

    def __rmul__(self, other: Operand) -> Tensor:
        return apply("Mul", other, self)

    def __truediv__(self, other: Operand) -> Tensor:
        return apply("Div", self, other)

    def __rtruediv__(self, other: Operand) -> Tensor:
        return apply("Div", other, self)

    def __pow__(self, other: Operand) -> Tensor:
        if isinstance(other, (int, float)) and other == 2:
            return apply("Mul", self, self)
        return apply("Pow", self, other)

    def __rpow__(self, other: Operand) -> Tensor:
        return apply("Pow", other, self)

    def __mod__(self, other: Operand) -> Tensor:
        return apply("Mod", self, other)

    def __matmul__(self, other: Operand) -> Tensor:
        return apply("MatMul", self, other)

    def __rmatmul__(self, other: Operand) -> Tensor:
        return apply("MatMul", other, self)

    def __neg__(self) -> Tensor:
        return apply("Neg", self)

    def __abs__(self) -> Tensor:
        return apply("Abs", self)

    def __lt__(self, other: Operand) -> Tensor:
        return apply("Less", self, other)

    def __le__(self, other: Operand) -> Tensor:
        return apply("LessOrEqual", self, other)

    def __gt__(self, other: Operand) -> Tensor:
        return apply("Less", other, self)

    def __ge__(self, other: Operand) -> Tensor:
        return apply("LessOrEqual", other, self)

    def __and__(self, other: Operand) -> Tensor:
        return apply("And", self, other)

    def __or__(self, other: Operand) -> Tensor:
        return apply("Or", self, other)

    def __invert__(self) -> Tensor:
        return apply("Not", self)

    def __getitem__(self, key: Any) -> Tensor:
        return _index(self, key)


class Node:
    """One application of an operator. Leaves (inputs, variables, constants) are nodes without inputs."""

    __slots__ = ("attrs", "inputs", "op", "outputs", "serial")

    def __init__(self, op: str, inputs: Sequence[Tensor], attrs: Mapping[str, Any]) -> None:
        self.op = op
        self.inputs = tuple(inputs)
        self.attrs = dict(attrs)
        self.serial = next(_serial)  # nodes are made after their inputs: sorting by it is a topological order
        outs = signature(op, [(t.shape, t.dtype) for t in self.inputs], self.attrs)
        self.outputs = tuple(Tensor(self, i, s, d) for i, (s, d) in enumerate(outs))

    def __repr__(self) -> str:
        return f"{self.op}({', '.join(t.node.op for t in self.inputs)})"


def count_on() -> int:
    """A number above those of all nodes there are, and below those of all that will be."""
    return next(_serial)


class Variable(Symbolic):
    """An array that outlives a run: a weight, an optimizer's slot, a counter, a state.

    `value` is the array itself; executors read and write it in place, so it is never replaced, only filled (`assign`).
    Several variables may be views of one buffer: that is how all parameters are one contiguous array.

    Shapes: value: `shape`, C-contiguous.
    """

    __slots__ = ("__weakref__", "_tensor", "name", "trainable", "value")

    def __init__(self, value: Any, name: str = "variable", trainable: bool = False, dtype: str | None = None) -> None:
        array = np.asarray(value)
        self.value = _padded(array, dtype or dtypes.canonical(array.dtype))
        self.name = name
        self.trainable = trainable
        self._tensor: Tensor | None = None

    @classmethod
    def zeros(cls, shape: tuple[int, ...], name: str, trainable: bool, dtype: str) -> Variable:
        """A variable of zeros, which take no memory until they are written to."""
        made = cls(0, name, trainable, dtype)
        made.value = _room(shape, dtype)
        return made

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of the array."""
        return self.value.shape

    @property
    def ndim(self) -> int:
        """How many axes the array has."""
        return self.value.ndim

    @property
    def dtype(self) -> str:
        """Number type of the array."""
        return str(self.value.dtype)

    @property
    def tensor(self) -> Tensor:
        """The leaf that reads this variable in a graph; always the same object."""
        if self._tensor is None:
            self._tensor = Node("Variable", (), {"variable": self, "shape": self.shape, "dtype": self.dtype}).outputs[0]
        return self._tensor

    def assign(self, value: Any) -> None:
        """Fill the array. Raises: ShapeError: another shape."""
        array = np.asarray(value)
        if array.shape != self.shape:
            raise ShapeError.at(
                f"Variable '{self.name}'",
                "value",
                f"of shape {text(self.shape)}",
                f"an array of shape {text(array.shape)}",
                "Weights cannot change shape.",
            )
        self.value[...] = array

    def numpy(self) -> np.ndarray:
        """A copy of the array."""
        return self.value.copy()

    def __repr__(self) -> str:
        return f"Variable('{self.name}', shape={text(self.shape)}, dtype={self.dtype})"

    def __add__(self, other: Operand) -> Tensor:
        return self.tensor + other

    def __radd__(self, other: Operand) -> Tensor:
        return self.tensor.__radd__(other)

    def __sub__(self, other: Operand) -> Tensor:
        return self.tensor - other

    def __rsub__(self, other: Operand) -> Tensor:
        return self.tensor.__rsub__(other)

    def __mul__(self, other: Operand) -> Tensor:
        return self.tensor * other

    def __rmul__(self, other: Operand) -> Tensor:
        return self.tensor.__rmul__(other)

    def __truediv__(self, other: Operand) -> Tensor:
        return self.tensor / other

    def __rtruediv__(self, other: Operand) -> Tensor:
        return self.tensor.__rtruediv__(other)

    def __pow__(self, other: Operand) -> Tensor:
        return self.tensor**other

    def __rpow__(self, other: Operand) -> Tensor:
        return self.tensor.__rpow__(other)

    def __matmul__(self, other: Operand) -> Tensor:
        return self.tensor @ other

    def __rmatmul__(self, other: Operand) -> Tensor:
        return self.tensor.__rmatmul__(other)

    def __neg__(self) -> Tensor:
        return -self.tensor

    def __getitem__(self, key: Any) -> Tensor:
        return self.tensor[key]


class QuantizedVariable(Variable):
    """A matrix kept as codes of 8 bits and a scale for each column, in the place of a weight.

    In a product, whole or some of its columns, it is read as it is. Whoever asks for `value` gets the floats
    it stands for, made anew each time.

    Args: codes: int8, a row for each column of the matrix; scale: float32, what a unit of that row stands for.
        trainable: whether the weight was; penalties on it are then measured still.
    Shapes: codes (N, K), scale (N,) -> (K, N).
    """

    __slots__ = ("codes", "scale")

    def __init__(self, codes: Variable, scale: Variable, trainable: bool = False) -> None:
        self.codes, self.scale = codes, scale
        self.name, self.trainable, self._tensor = codes.name, trainable, None

    @property
    def value(self) -> np.ndarray:  # type: ignore[override]
        """The matrix in float32. Shapes: (K, N)."""
        return _padded((self.codes.value * self.scale.value[:, None]).T, dtypes.FLOAT32)

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of the matrix."""
        return self.codes.shape[::-1]

    @property
    def dtype(self) -> str:
        """The type it stands for."""
        return dtypes.FLOAT32


PADDING = 128  # bytes behind every variable: a native kernel may read a whole vector where the last one is a part
ALIGNMENT = 64  # bytes of a cache line: a vector that lies in two of them takes twice as long to read


def _padded(array: np.ndarray, dtype: str) -> np.ndarray:
    """A C-contiguous copy, aligned, with readable memory behind it."""
    value = _room(array.shape, dtype)
    value[...] = array
    return value


def _room(shape: tuple[int, ...], dtype: str) -> np.ndarray:
    """Zeros, aligned, with readable memory behind them."""
    kind = np.dtype(dtype)
    size = math.prod(shape) * kind.itemsize
    memory = np.zeros(size + PADDING + ALIGNMENT, dtype=np.uint8)
    start = -memory.ctypes.data % ALIGNMENT
    return memory[start : start + size].view(kind).reshape(shape)


_precision: ContextVar[str | None] = ContextVar("elman_precision", default=None)


@contextmanager
def products_in(precision: str | None) -> Iterator[None]:
    """Matrix products built now round their operands to "bfloat16", or to nothing (None); sums keep the full type."""
    token = _precision.set(precision)
    try:
        yield
    finally:
        _precision.reset(token)


Operand = Tensor | Variable | float | int | bool | np.ndarray


@dataclass(frozen=True)
class Graph:
    """What to compute, from what, and what to remember.

    inputs: leaves of op Input, in the order a run receives arrays. outputs: tensors a run returns. updates:
        variables and the tensors they become after everything else has been computed. guard: a real scalar; when
        it is not finite a run applies no update and reports so.
    Raises: ShapeError: an update of another shape or type than its variable has.
    """

    inputs: tuple[Tensor, ...]
    outputs: tuple[Tensor, ...]
    updates: tuple[tuple[Variable, Tensor], ...] = ()
    guard: Tensor | None = None

    def __post_init__(self) -> None:
        for variable, value in self.updates:
            if (variable.shape, variable.dtype) != (value.shape, value.dtype):
                wanted, given = (f"{t.dtype} of shape {text(t.shape)}" for t in (variable, value))
                cure = "It is copied there: cast, reduce or reshape it in what computes it."
                raise ShapeError.at(f"Variable '{variable.name}'", "update", wanted, given, cure)

    @property
    def roots(self) -> tuple[Tensor, ...]:
        """Every tensor that must be computed."""
        guard = () if self.guard is None else (self.guard,)
        return (*self.outputs, *(t for _, t in self.updates), *guard)

    def nodes(self) -> list[Node]:
        """Nodes needed for the roots, inputs before users."""
        return ancestors(self.roots)


def ancestors(roots: Iterable[Tensor]) -> list[Node]:
    """Every node the roots depend on, in topological order."""
    seen: dict[int, Node] = {}
    stack = [t.node for t in roots]
    while stack:
        node = stack.pop()
        if node.serial not in seen:
            seen[node.serial] = node
            stack.extend(t.node for t in node.inputs)
    return [seen[serial] for serial in sorted(seen)]


def placeholder(name: str, shape: Sequence[Size], dtype: str = dtypes.FLOAT32) -> Tensor:
    """A new graph input. Shapes: -> shape."""
    return Node("Input", (), {"name": name, "shape": tuple(shape), "dtype": dtype}).outputs[0]


_constants: weakref.WeakValueDictionary[tuple[str, Any], Tensor] = weakref.WeakValueDictionary()


def constant(value: Any, dtype: str | None = None) -> Tensor:
    """A leaf that holds a number or an array; equal scalars share one leaf. Shapes: as the value."""
    array = np.asarray(value)
    array = np.array(array, dtype=dtype or dtypes.canonical(array.dtype), order="C")
    if array.shape == ():
        key = (str(array.dtype), array.tobytes())
        found = _constants.get(key)
        if found is None:
            found = _constants[key] = Node(
                "Constant", (), {"value": array, "shape": (), "dtype": str(array.dtype)}
            ).outputs[0]
        return found
    return Node("Constant", (), {"value": array, "shape": array.shape, "dtype": str(array.dtype)}).outputs[0]


def as_tensor(value: Operand, like: str | None = None) -> Tensor:
    """A tensor for anything arithmetic accepts; bare numbers take the type `like`. Shapes: as the value."""
    if isinstance(value, Tensor):
        return value
    if isinstance(value, Variable):
        return value.tensor
    if isinstance(value, (bool, np.bool_)):
        return constant(value, dtypes.BOOL)
    if isinstance(value, (int, float, np.number)) and not isinstance(value, np.ndarray):
        if like == dtypes.INT32 and isinstance(value, float):
            raise DTypeError.at(
                "ops", "number", "whole next to an int32 tensor", value, "Cast the tensor with elman.ops.cast first."
            )
        return constant(value, like if like not in (None, dtypes.BOOL) else dtypes.FLOAT32)
    if isinstance(value, Dim):
        raise DTypeError.at(
            "ops",
            "operand",
            "a tensor or number",
            value,
            "Use elman.ops.size(tensor, axis) for an open size as a number.",
        )
    array = np.asarray(value)
    return constant(array, like if like in dtypes.REAL and array.dtype.kind in "fiu" else None)


def apply(op: str, *operands: Operand, **attrs: Any) -> Tensor:
    """A new node of one output; numbers and arrays among the operands become constants of the tensors' type.

    Shapes: operands -> by the operator's shape rule.
    Raises: ShapeError, DTypeError: the operator's rule is not met.
    """
    if op == "MatMul" and not attrs and (found := _quantized(*operands)) is not None:
        return found
    if op == "MatMul" and _precision.get() is not None:
        attrs.setdefault("precision", _precision.get())
    typed = [v.dtype for v in operands if isinstance(v, (Tensor, Variable)) and v.dtype != dtypes.BOOL]
    like = typed[0] if typed else None
    return Node(op, [as_tensor(v, like) for v in operands], attrs).outputs[0]


def _quantized(a: Operand, b: Operand) -> Tensor | None:
    """The product with a matrix of codes, or some of its columns; None for any other."""
    t, columns = as_tensor(b) if isinstance(b, (Tensor, Variable)) else None, list[Node]()
    while t is not None and t.node.op == "Slice" and t.node.attrs["axis"] == 1:
        columns.append(t.node)
        t = t.node.inputs[0]
    matrix = None if t is None else t.node.attrs.get("variable")
    if not isinstance(matrix, QuantizedVariable):
        return None
    codes, scale = matrix.codes.tensor, matrix.scale.tensor
    for node in reversed(columns):
        codes, scale = (apply("Slice", x, **{**node.attrs, "axis": 0}) for x in (codes, scale))
    return Node("QuantizedMatMul", [as_tensor(a), codes, scale], {}).outputs[0]


def apply_many(op: str, operands: Sequence[Tensor], **attrs: Any) -> tuple[Tensor, ...]:
    """A new node of several outputs. Shapes: operands -> by the operator's shape rule."""
    return Node(op, operands, attrs).outputs


def _index(x: Tensor, key: Any) -> Tensor:
    """Basic indexing: integers, slices with step 1 or -1, one ellipsis, None."""
    keys = list(key) if isinstance(key, tuple) else [key]
    if Ellipsis in [k for k in keys if not isinstance(k, (Tensor, Variable, np.ndarray))]:
        at = next(i for i, k in enumerate(keys) if k is Ellipsis)
        fill = x.ndim - (len([k for k in keys if k is not None]) - 1)
        keys[at : at + 1] = [slice(None)] * fill
    axis, out = 0, x
    shape: list[Size] = []
    for k in keys:
        if k is None:
            shape.append(1)
            continue
        if axis >= x.ndim:
            raise ShapeError.at(
                "indexing", "indices", f"at most {x.ndim}", len(keys), "The tensor has shape " + text(x.shape) + "."
            )
        size = out.shape[axis]
        if isinstance(k, slice):
            out, length = _slice_axis(out, axis, size, k)
            shape.append(length)
        elif isinstance(k, (int, np.integer)):
            start = k if k >= 0 else size + int(k)
            if isinstance(size, int) and not -size <= k < size:
                raise ShapeError.at(
                    "indexing",
                    "index",
                    f"between {-size} and {size - 1} on axis {axis}",
                    k,
                    "The tensor has shape " + text(x.shape) + ".",
                )
            out = apply("Slice", out, axis=axis, start=start, length=1, step=1)
        else:
            raise DTypeError.at(
                "indexing",
                "index",
                "an integer, slice, None or ...",
                type(k).__name__,
                "Use elman.ops.take to pick by a tensor of indices.",
            )
        axis += 1
    shape.extend(out.shape[axis:])
    return out if tuple(shape) == out.shape else apply("Reshape", out, shape=tuple(shape))


def _slice_axis(x: Tensor, axis: int, size: Size, key: slice) -> tuple[Tensor, Size]:
    step = 1 if key.step is None else key.step
    if step not in (1, -1):
        raise ShapeError.at("indexing", "slice step", "1 or -1", step, "Reshape to split the axis, then index.")
    if step == -1:
        low = None if key.stop is None else _bound(key.stop, size) + 1  # x[a:b:-1] is x[b + 1 : a + 1] backwards
        high = None if key.start is None else _bound(key.start, size) + 1
        part, length = _slice_axis(x, axis, size, slice(low, high))
        return apply("Slice", part, axis=axis, start=length - 1, length=length, step=-1), length
    if key.start is None and key.stop is None:
        return x, size
    start = 0 if key.start is None else _bound(key.start, size)
    stop = size if key.stop is None else _bound(key.stop, size)
    if isinstance(size, int) and isinstance(start, int) and isinstance(stop, int):
        start, stop = max(0, min(start, size)), max(0, min(stop, size))
    length = max(0, stop - start) if isinstance(stop, int) and isinstance(start, int) else stop - start
    return apply("Slice", x, axis=axis, start=start, length=length, step=1), length


def _bound(index: Size, size: Size) -> Size:
    """A slice's bound counted from the front: negative ones count from the end."""
    if not isinstance(index, int) or index >= 0:
        return index
    return max(-1, size + index) if isinstance(size, int) else size + index


def kind(node: Node) -> str:
    """The kind of the node's operator (see operators.py)."""
    return TABLE[node.op].kind
