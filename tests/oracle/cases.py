"""The case table: every operator, and the ways it can be used. One row, four uses.

`test_executors.py`: native = reference, forward and backward, at several batch sizes and lengths. `test_gradients.py`:
autodiff = central differences. `test_torch.py`: the reference = PyTorch, values and gradients. Benchmarks time them.

A case is a function of tensors and the arrays it is given. Shapes may name the open sizes B and T; the same case then
runs at any of `SIZES`. Numbers depend on the case's name and on nothing else.
"""

from __future__ import annotations

import functools
import zlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from elman import ops
from elman.graph import Graph, Tensor, Variable, apply, constant, placeholder
from elman.graph.node import ancestors, apply_many
from elman.graph.rewrite import fuse
from elman.graph.trace import random_uniform
from elman.graph.windows import pooling
from elman.shapes import B, Shape, T

LETTERS = {"B": B, "T": T}

SMALL = {"B": 2, "T": 3}
SIZES: tuple[dict[str, int], ...] = (
    {"B": 3, "T": 4},
    {"B": 1, "T": 1},
    {"B": 17, "T": 5},
    {"B": 2, "T": 0},
    {"B": 33, "T": 2},
    {"B": 16, "T": 2},
)
"""One of each kind: ordinary, smallest, odd tails, no steps at all, more than one shard of rows, whole vectors."""

EDGES = np.array(
    [
        0.0,
        -0.0,
        1.0,
        -1.0,
        0.5,
        -2.5,
        1e-30,
        -1e-30,
        1e-6,
        20.0,
        -20.0,
        87.0,
        -87.0,
        3e38,
        -3e38,
        np.inf,
        -np.inf,
        np.nan,
    ]
)
"""Numbers at which functions turn, overflow or end."""

Draw = Callable[[np.random.Generator, tuple[int, ...]], np.ndarray]


@dataclass(frozen=True)
class Argument:
    """One input: its shape with open sizes, its type ("real": that of the run), and how its numbers are drawn."""

    shape: tuple[int | str, ...]
    dtype: str
    draw: Draw

    def symbolic(self) -> Shape:
        """The shape as a graph sees it."""
        return tuple(d if isinstance(d, int) else LETTERS[d] for d in self.shape)

    def sized(self, sizes: Mapping[str, int]) -> tuple[int, ...]:
        """The shape as arrays have it."""
        return tuple(d if isinstance(d, int) else sizes[d] for d in self.shape)


@dataclass(frozen=True)
class Case:
    """One use of an operator.

    op: the row of the operator table it is about. build: from input tensors to outputs. differentiable: central
    differences exist here and our derivative is meant to equal them. length: terms of its longest sum, steps: of its
    recurrence, both at the largest of SIZES. long: too many elements for central differences.
    """

    name: str
    op: str
    build: Callable[..., Tensor | Sequence[Tensor]]
    arguments: tuple[Argument, ...]
    differentiable: bool = True
    length: int = 8
    steps: int = 1
    long: bool = False

    @property
    def open(self) -> bool:
        """Whether some size is open."""
        return any(isinstance(d, str) for a in self.arguments for d in a.shape)

    @property
    def sizes(self) -> tuple[dict[str, int], ...]:
        """The sizes it runs at."""
        return SIZES if self.open else SIZES[:1]

    def tensors(self, real: str) -> list[Tensor]:
        """Fresh placeholders, real ones of type `real`."""
        return [
            placeholder(f"x{i}", a.symbolic(), real if a.dtype == "real" else a.dtype)
            for i, a in enumerate(self.arguments)
        ]

    def outputs(self, tensors: Sequence[Tensor]) -> list[Tensor]:
        """The outputs over given tensors."""
        made = self.build(*tensors)
        return [made] if isinstance(made, Tensor) else list(made)

    def arrays(self, real: str, sizes: Mapping[str, int]) -> list[np.ndarray]:
        """The inputs: the same numbers, as far as the types can hold them, for every real type."""
        random = np.random.default_rng(zlib.crc32(self.name.encode()))
        drawn = [a.draw(random, a.sized(sizes)) for a in self.arguments]
        kinds = [real if a.dtype == "real" else a.dtype for a in self.arguments]
        with np.errstate(over="ignore"):
            rounded = [
                d.astype(np.float32) if a.dtype == "real" else d for d, a in zip(drawn, self.arguments, strict=True)
            ]
        return [np.ascontiguousarray(d, dtype=k).reshape(d.shape) for d, k in zip(rounded, kinds, strict=True)]

    def operators(self) -> set[str]:
        """Every operator of its graph, bodies included."""
        return _operators(self.outputs(self.tensors("float64")))

    def __str__(self) -> str:
        return self.name


def _operators(roots: Sequence[Tensor]) -> set[str]:
    found: set[str] = set()
    for node in ancestors(roots):
        found.add(node.op)
        if "body" in node.attrs:
            found |= _operators(node.attrs["body"].outputs)
    return found


# ---- drawing --------------------------------------------------------------------------------------------------------


def real(*shape: int | str, low: float = -2.0, high: float = 2.0) -> Argument:
    """Uniform numbers."""
    return Argument(shape, "real", lambda random, s: random.uniform(low, high, s))


def apart(*shape: int | str, step: float = 0.25) -> Argument:
    """Numbers that differ from each other and from every multiple of 1/2: no kink, tie or jump is near."""

    def draw(random: np.random.Generator, s: tuple[int, ...]) -> np.ndarray:
        count = int(np.prod(s))
        return (random.permutation(count) - count // 2 + 0.4).reshape(s) * step

    return Argument(shape, "real", draw)


def given(*values: Any) -> Argument:
    """These numbers."""
    array = np.array(values if len(values) != 1 else values[0], dtype=np.float64)
    return Argument(array.shape, "real", lambda random, s: array)


def whole(*shape: int | str, below: int = 5, low: int = 0) -> Argument:
    """Whole numbers from low to below."""
    return Argument(shape, "int32", lambda random, s: random.integers(low, below, s))


def single(*shape: int | str, low: float = -2.0, high: float = 2.0) -> Argument:
    """Uniform numbers in float32, whatever the run's real type is."""
    return Argument(shape, "float32", lambda random, s: random.uniform(low, high, s))


def codes(*shape: int) -> Argument:
    """Whole numbers of 8 bits."""
    return Argument(shape, "int8", lambda random, s: random.integers(-127, 128, s))


def truth(*shape: int | str) -> Argument:
    """True and False."""
    return Argument(shape, "bool", lambda random, s: random.random(s) < 0.5)


def lengths(rows: int | str = "B") -> Argument:
    """Lengths from 0 to T."""

    def draw(random: np.random.Generator, s: tuple[int, ...]) -> np.ndarray:
        return np.arange(s[0]) % 4

    return Argument((rows,), "int32", draw)


CASES: dict[str, Case] = {}


def case(name: str, build: Callable[..., Any], *arguments: Argument, **flags: Any) -> None:
    """Add a row; the operator is the name up to the colon."""
    assert name not in CASES, name
    CASES[name] = Case(name, name.split(":", maxsplit=1)[0], build, arguments, **flags)


def same(op: str, **attrs: Any) -> Callable[..., Tensor]:
    """The operator itself, as a function."""
    return lambda *xs: apply(op, *xs, **attrs)


# ---- one operand ----------------------------------------------------------------------------------------------------

UNARY = {
    **dict.fromkeys(("Identity", "Neg", "Exp", "Expm1", "Tanh", "Sigmoid", "Softplus", "Erf", "Sin", "Cos"), real),
    **dict.fromkeys(("Abs", "Sign", "Floor", "Ceil", "Round", "Relu", "Reciprocal"), apart),
}
POSITIVE = ("Sqrt", "Rsqrt", "Log", "Log1p")

for _op, _draw in {**UNARY, **dict.fromkeys(POSITIVE, lambda *s: real(*s, low=0.2, high=3.0))}.items():
    case(_op, same(_op), _draw("B", 5))
    case(f"{_op}:scalar", same(_op), _draw())
    case(f"{_op}:sequence", same(_op), _draw("B", "T", 3))
    case(f"{_op}:empty", same(_op), _draw("B", 0))
    case(f"{_op}:edges", same(_op), given(*EDGES), differentiable=False)
    case(f"{_op}:tail", same(_op), _draw(67), long=True)

case("Sin:large", same("Sin"), real(33, low=-1e4, high=1e4), differentiable=False)
case("Cos:large", same("Cos"), real(33, low=-1e4, high=1e4), differentiable=False)
case("Abs:kink", same("Abs"), given(0.0, -0.0))  # central differences agree with 0 here
case("Expm1:tiny", same("Expm1"), given(1e-20, -1e-7, 1e-10))
case("Log1p:tiny", same("Log1p"), given(1e-20, -1e-7, 1e-10))
case("Identity:stop", same("Identity", stop=True), real("B", 3), differentiable=False)
case("Neg:int32", same("Neg"), whole("B", 3, low=-5))
case("Abs:int32", same("Abs"), whole("B", 3, low=-5))
case("IsNaN", same("IsNaN"), given(*EDGES))
case("IsInf", same("IsInf"), given(*EDGES))
case("Not", same("Not"), truth("B", 5))
case("Cast:same", lambda x: apply("Cast", x, dtype=x.dtype), real("B", 3))
case("Cast:int32", same("Cast", dtype="int32"), apart("B", 5, step=1.3), differentiable=False)
case("Cast:bool", same("Cast", dtype="bool"), given(0.0, -0.0, 1e-30, -3.0, np.nan), differentiable=False)
case("Cast:int32_bool", same("Cast", dtype="bool"), whole("B", 4, below=2))
case("Cast:from_int32", lambda i, x: ops.cast(i, x.dtype) * x, whole("B", 4, low=-4), real("B", 4))
case("Cast:from_bool", lambda c, x: ops.cast(c, x.dtype) * x, truth("B", 4), real("B", 4))
case("Cast:bool_int32", lambda c: ops.cast(c, "int32"), truth("B", 4))

# ---- two and three operands -----------------------------------------------------------------------------------------

FORMS: dict[str, tuple[tuple[int | str, ...], tuple[int | str, ...]]] = {
    "": (("B", 3), ("B", 3)),
    ":row": (("B", 3), (3,)),
    ":column": (("B", 3), ("B", 1)),
    ":scalar": (("B", 3), ()),
    ":left_row": ((3,), ("B", 3)),
    ":both": (("B", 1, 3), ("T", 1)),
    ":sequence": (("B", "T", 2), (1, "T", 1)),
    ":middle": (("B", "T", 2), ("B", 1, 2)),
    ":empty": (("B", 0), (0,)),
}
for _op in ("Add", "Sub", "Mul", "Div", "Pow", "Max", "Min", "Mod"):
    for _form, (_a, _b) in FORMS.items():
        if _op == "Pow":
            case(_op + _form, same(_op), real(*_a, low=0.3, high=2.0), real(*_b), length=99)
        elif _op == "Mod":
            case(_op + _form, same(_op), apart(*_a, step=0.5), real(*_b, low=30.0, high=40.0), length=99)
        elif _op == "Div":
            case(_op + _form, same(_op), real(*_a), real(*_b, low=0.5, high=2.0), length=99)
        else:
            case(_op + _form, same(_op), apart(*_a), real(*_b, low=0.01, high=0.02), length=99)
    _pairs = np.array(
        [(a, b) for a in EDGES for b in EDGES if _op != "Mod" or (np.isfinite(a) and abs(b) > 1e-3 and abs(a) < 1e3)]
    )
    case(f"{_op}:edges", same(_op), given(_pairs[:, 0]), given(_pairs[:, 1]), differentiable=False)
for _op in ("Add", "Sub", "Mul", "Max", "Min", "Mod"):
    case(f"{_op}:int32", same(_op), whole("B", 3, low=-9, below=9), whole(3, low=1, below=5))
case("Mod:signs", same("Mod"), given(5.5, -5.5, 5.5, -5.5), given(3.0, 3.0, -3.0, -3.0))
case(
    "Mod:int32_signs",
    ops.mod,
    whole(8, low=-9),
    Argument((8,), "int32", lambda r, s: np.array([3, -3] * 4)),
)
case(
    "Add:large_int32", lambda i: i + 1, Argument((2,), "int32", lambda r, s: np.array([2**24, 2**30]))
)  # beyond float32
case("Max:tie", same("Max"), given(1.0, 2.0), given(1.0, 2.0))
case("Min:tie", same("Min"), given(1.0, 2.0), given(1.0, 2.0))
case("Pow:whole_exponent", lambda x: x**3.0, apart("B", 3))
case("Pow:square_root", lambda x: x**0.5, real("B", 3, low=0.5, high=2.0))
case("Mul:square", lambda x: x * x, real("B", 3))
for _op in ("Equal", "Less", "LessOrEqual"):
    for _form in ("", ":row", ":column", ":scalar", ":both", ":empty"):
        _a, _b = FORMS[_form]
        case(_op + _form, same(_op), real(*_a), real(*_b))
    case(f"{_op}:ties", same(_op), given(1.0, 2.0, 2.0, 0.0), given(1.0, 1.0, 3.0, -0.0))
    case(f"{_op}:int32", same(_op), whole("B", 4), whole("B", 4))
    _pairs = np.array([(a, b) for a in EDGES for b in EDGES])
    case(f"{_op}:edges", same(_op), given(_pairs[:, 0]), given(_pairs[:, 1]))
for _op in ("And", "Or"):
    case(_op, same(_op), truth("B", 4), truth("B", 4))
    case(f"{_op}:row", same(_op), truth("B", 4), truth(4))
case("Where", same("Where"), truth("B", 3), real("B", 3), real("B", 3))
case("Where:broadcast", same("Where"), truth("B", 1), real(3), real("B", 3), length=33)
case("Where:scalar", lambda c, x: ops.where(c, x, 0.0), truth(), real("B", 3))
case("Where:int32", same("Where"), truth("B", 3), whole("B", 3), whole("B", 3))
case("MultiplyAdd", same("MultiplyAdd"), real("B", 3), real("B", 3), real("B", 3))
case("MultiplyAdd:broadcast", same("MultiplyAdd"), real("B", 1), real(3), real("B", 3), length=33)
case("Where:nan_not_chosen", lambda x: ops.where(x > 0.0, x, x / 0.0), given(1.0, 2.0), differentiable=False)

# ---- contraction ----------------------------------------------------------------------------------------------------

case("MatMul", same("MatMul"), real("B", 3), real(3, 4), length=33)
case("MatMul:sequence", same("MatMul"), real("B", "T", 3), real(3, 2), length=99)
case("MatMul:batched", same("MatMul"), real("B", "T", 3), real("B", 3, 2))
case("MatMul:batched_open", same("MatMul"), real("B", "T", 3), real("B", 3, "T"))
case("MatMul:rank4", same("MatMul"), real("B", 2, "T", 3), real("B", 2, 3, 2))
case("MatMul:one", same("MatMul"), real("B", 1), real(1, 1), length=33)
case("MatMul:inner_0", same("MatMul"), real("B", 0), real(0, 3))
case("MatMul:over_batch", same("MatMul", transpose_a=True), real("B", 3), real("B", 2), length=33)
case("MatMul:over_time", same("MatMul"), real(2, "T"), real("T", 3))
case("MatMul:large", same("MatMul"), real(37, 65), real(65, 41), length=65, long=True)
case("MatMul:tall", same("MatMul"), real(301, 7), real(7, 3), length=301, long=True)
case("MatMul:wide", same("MatMul"), real(1, 130), real(130, 70), length=130, long=True)
case(
    "MatMul:nan",
    same("MatMul"),
    given([[1.0, np.nan], [np.inf, 2.0]]),
    given([[1.0, 0.0], [2.0, 3.0]]),
    differentiable=False,
)
for _ta in (False, True):
    for _tb in (False, True):
        _flags = {k: True for k, v in (("transpose_a", _ta), ("transpose_b", _tb)) if v}
        _name = "".join("nt"[v] for v in (_ta, _tb))
        _a, _b = (3, "T") if _ta else ("T", 3), (2, 3) if _tb else (3, 2)
        case(f"MatMul:{_name}", same("MatMul", **_flags), real(*_a), real(*_b), length=33)
        case(f"Gemm:{_name}", same("Gemm", **_flags), real(*_a), real(*_b), real(2), length=33)
        case(
            f"MatMul:batched_{_name}", same("MatMul", **_flags), real("B", *((3, 4) if _ta else (4, 3))), real("B", *_b)
        )
case("MatMul:sequence_nt", same("MatMul", transpose_b=True), real("B", "T", 3), real(2, 3), length=99)
case("Gemm:full", same("Gemm"), real("B", 3), real(3, 2), real("B", 2), length=33)
case("Gemm:row", same("Gemm"), real("B", 3), real(3, 2), real(1, 2), length=33)
case("Gemm:sequence", same("Gemm"), real("B", "T", 3), real(3, 2), real(2), length=99)
case("Gemm:sequence_full", same("Gemm"), real("B", "T", 3), real(3, 2), real("B", "T", 2), length=99)
case("Gemm:large", same("Gemm"), real(19, 35), real(35, 29), real(29), length=35, long=True)
for _form, (_x, _n) in {
    "": (("B", 5), 3),
    ":sequence": (("B", "T", 4), 6),
    ":one": (("B", 1), 1),
    ":inner_0": (("B", 0), 3),
    ":wide": ((1, 130), 70),
    ":large": ((37, 200), 41),
}.items():
    _codes, _scale = codes(_n, int(_x[-1])), single(_n, low=0.001, high=0.01)
    case(f"QuantizedMatMul{_form}", same("QuantizedMatMul"), single(*_x), _codes, _scale, differentiable=False)
case(
    "QuantizedMatMul:parts",
    lambda x, w, s: [apply("QuantizedMatMul", x[:, 2 * i : 2 * i + 2], w[i:], s[i:]) for i in range(3)],
    single("B", 6),
    codes(5, 2),
    single(5),
    differentiable=False,
)
case(
    "QuantizedMatMul:edges",
    same("QuantizedMatMul"),
    Argument((18, 2), "float32", lambda random, s: np.stack([EDGES, np.linspace(0, 2, 18)], 1)),
    codes(3, 2),
    single(3),
    differentiable=False,
)

# ---- windows --------------------------------------------------------------------------------------------------------

WINDOWS: dict[str, tuple[tuple[int | str, ...], tuple[int, ...], dict[str, Any]]] = {
    "": (("B", "T", 3), (3,), {"padding": "same"}),
    ":causal": (("B", "T", 2), (3,), {"padding": "causal", "strides": 2}),
    ":half": (("B", "T", 2), (4,), {"padding": "same", "strides": 3}),
    ":valid": (("B", 6, 2), (3,), {}),
    ":short": (("B", 2, 2), (3,), {}),
    ":stride": (("B", 7, 2), (2,), {"strides": 3}),
    ":plane": (("B", 4, 5, 2), (3, 2), {}),
    ":plane_same": (("B", 4, "T", 2), (3, 3), {"padding": "same"}),
    ":plane_stride": (("B", 5, 6, 1), (2, 3), {"padding": "same", "strides": (2, 1)}),
    ":cut": (("B", 6, 2), (2,), {"padding": [(-1, 2)]}),
}
"""Shape of x, window, and how it moves."""

for _form, (_x, _window, _how) in {
    **WINDOWS,
    ":dilated": (("B", "T", 2), (3,), {"padding": "causal", "dilation_rate": 2}),
    ":one": (("B", "T", 3), (1,), {"strides": 2, "padding": "same"}),
    ":plane_dilated": (("B", 6, 5, 2), (2, 2), {"dilation_rate": (3, 1), "strides": (1, 2)}),
    ":groups": (("B", "T", 4), (2,), {"padding": "same"}),
}.items():
    _kernel = real(*_window, 2 if _form == ":groups" else _x[-1], 4)
    case(f"Conv{_form}", functools.partial(ops.conv, **_how), real(*_x), _kernel, length=600)
    if _form != ":groups":
        _biased = functools.partial(lambda x, k, b, how: ops.conv(x, k, **how, bias=b), how=_how)
        case(f"Conv{_form or ':same'}_bias", _biased, real(*_x), _kernel, real(4), length=600)
for _name, _x, _kernel in (
    ("Conv:large", real(3, 19, 21, 33), real(3, 3, 33, 35)),
    ("Conv:tall", real(2, 700, 5), real(7, 5, 19)),
    ("Conv:pixels", real(5, 28, 28, 1), real(5, 5, 1, 8)),
):
    case(_name, functools.partial(ops.conv, padding="same"), _x, _kernel, length=4000, long=True)
case(
    "ConvKernel",
    lambda x, g: apply("ConvKernel", x, g, kernel=(2,), strides=(1,), dilations=(1,), pads=((1, 0),)),
    real("B", "T", 2),
    real("B", "T", 3),
    length=200,
)
case(
    "ConvKernel:plane",
    lambda x, g: apply(
        "ConvKernel", x, g, kernel=(2, 3), strides=(2, 1), dilations=(1, 2), pads=((0, 0), (0, 2)),
    ),
    real("B", 4, 6, 2),
    real("B", 2, 4, 2),
    length=400,
)  # fmt: skip
for _form, (_x, _window, _how) in WINDOWS.items():
    case(f"MaxPool{_form}", functools.partial(ops.max_pool, pool_size=_window, **_how), apart(*_x), length=99)
    case(f"AveragePool{_form}", functools.partial(ops.average_pool, pool_size=_window, **_how), real(*_x), length=99)
    _moves = functools.partial(pooling, "pool", pool_size=_window, **{"strides": None, "padding": "valid", **_how})
    case(
        f"MaxPool{_form or ':same'}_values",
        functools.partial(lambda x, v, moves: apply("MaxPool", x, v, **moves(shape=x.shape)), moves=_moves),
        apart(*_x),
        real(*_x),
        length=99,
    )
    case(
        f"MaxUnpool{_form}",
        functools.partial(
            lambda x, g, moves: apply(
                "MaxUnpool", x, apply("MaxPool", g, **moves(shape=x.shape)), **moves(shape=x.shape)
            ),
            moves=_moves,
        ),
        apart(*_x),
        apart(*_x),
        length=99,
    )
    case(
        f"AverageUnpool{_form}",
        functools.partial(
            lambda x, moves: apply(
                "AverageUnpool",
                apply("AveragePool", x, **moves(shape=x.shape)),
                **moves(shape=x.shape),
                sizes=x.shape[1:-1],
            ),
            moves=_moves,
        ),
        real(*_x),
        length=99,
    )
_edges = [[[v] for v in EDGES]]
case("MaxPool:edges", functools.partial(ops.max_pool, pool_size=2, strides=1), given(_edges), differentiable=False)
case("MaxPool:wide", functools.partial(ops.max_pool, pool_size=2), apart(2, 6, 8, 35, step=0.01), length=99, long=True)
case("AveragePool:wide", functools.partial(ops.average_pool, pool_size=2), real(2, 6, 8, 35), length=99, long=True)
case(
    "MaxUnpool:tie",  # the first largest takes all
    lambda x, g: apply("MaxUnpool", x, g, **pooling("pool", x.shape, 2, None, "valid")),
    given([[[1.0], [1.0], [2.0], [-np.inf], [-np.inf], [-np.inf], [np.nan], [3.0]]]),
    real(1, 4, 1),
    differentiable=False,
)

# ---- reduction ------------------------------------------------------------------------------------------------------

AXES = {"": (1,), ":batch": (0,), ":all": (0, 1, 2), ":last": (2,), ":two": (0, 2), ":time_last": (1, 2)}
for _op in ("ReduceSum", "ReduceMax", "ReduceMin", "ReduceProd"):
    for _form, _axes in AXES.items():
        _sized = (3, 2, 2) if _op == "ReduceProd" and _form == ":all" else ("B", "T", 3)
        _numbers = real(*_sized, low=0.7, high=1.4) if _op == "ReduceProd" else apart(*_sized, step=0.01)
        case(_op + _form, same(_op, axes=_axes, keepdims=False), _numbers, length=510)
    case(f"{_op}:keepdims", same(_op, axes=(1,), keepdims=True), apart("B", "T", 3), length=510)
    case(f"{_op}:size_0", same(_op, axes=(1,), keepdims=False), real(3, 0))
    case(f"{_op}:int32", same(_op, axes=(1,), keepdims=False), whole("B", 4, low=-3))
    case(f"{_op}:long", same(_op, axes=(1,), keepdims=False), real(3, 131, low=0.98, high=1.02), length=131, long=True)
    case(
        f"{_op}:edges",
        same(_op, axes=(1,), keepdims=False),
        given([[1.0, np.nan, 2.0], [np.inf, 1.0, 2.0], [-np.inf, 1.0, 0.0]]),
        differentiable=False,
    )
case("ReduceMax:tie", same("ReduceMax", axes=(1,), keepdims=False), given([[1.0, 3.0, 3.0]]))
case("ReduceMin:tie", same("ReduceMin", axes=(1,), keepdims=False), given([[1.0, 1.0, 3.0]]))
case(
    "ReduceProd:zeros",
    same("ReduceProd", axes=(1,), keepdims=False),
    given([[2.0, 0.0, 3.0], [0.0, 0.0, 3.0], [1.0, 2.0, 3.0]]),
)
case("ArgMax", same("ArgMax", axes=(1,), keepdims=False), apart("B", 5))
case("ArgMax:keepdims", same("ArgMax", axes=(2,), keepdims=True), apart("B", "T", 3))
case("ArgMax:first_axis", same("ArgMax", axes=(0,), keepdims=False), apart(4, 3))
case("ArgMax:size_0", same("ArgMax", axes=(1,), keepdims=False), real(3, 0))
case("ArgMax:size_0:columns", same("ArgMax", axes=(1,), keepdims=True), real(2, 0, 3))
case("ArgMax:int32", same("ArgMax", axes=(1,), keepdims=False), whole("B", 5, below=99))
case("ArgMax:tie", same("ArgMax", axes=(1,), keepdims=False), given([[1.0, 3.0, 3.0], [2.0, 2.0, 2.0]]))
case("TopK", lambda x: ops.top_k(x, 3)[0], apart("B", 5))
case("TopK:sequence", lambda x: ops.top_k(x, 2)[0], apart("B", "T", 3))
case("TopK:vector", lambda x: ops.top_k(x, 6)[0], apart(6))
case("TopK:wide", lambda x: ops.top_k(x, 5)[0], apart(3, 171))
case("TopK:places", lambda x: ops.top_k(x, 5)[1], apart("B", 171))
case("TopK:tie", lambda x: ops.top_k(x, 2)[1], given([[1.0, 3.0, 3.0], [2.0, 2.0, 2.0]]))
case("TopK:edges", lambda x: ops.top_k(x, 2)[1], given([[-np.inf, 0.0, -np.inf], [1.0, np.nan, np.nan]]))
for _op in ("Softmax", "LogSoftmax"):
    case(_op, same(_op), real("B", 5))
    case(f"{_op}:sequence", same(_op), real("B", "T", 3))
    case(f"{_op}:vector", same(_op), real(6))
    case(f"{_op}:one", same(_op), real("B", 1))
    case(f"{_op}:empty", same(_op), real("B", 0))
    case(f"{_op}:wide", same(_op), real(3, 71), length=71, long=True)
    case(
        f"{_op}:far",
        same(_op),
        given([[1e4, 0.0, -1e4], [700.0, 699.0, 0.0], [-90.0, -91.0, -200.0]]),
        differentiable=False,
    )
    case(f"{_op}:edges", same(_op), given([[-np.inf, 0.0, 1.0], [np.nan, 0.0, 1.0]]), differentiable=False)
for _axis in (0, 1, 2):
    for _reverse in (False, True):
        for _exclusive in (False, True):
            _name = f"CumSum:{_axis}{'r' * _reverse}{'e' * _exclusive}"
            _sized = (4, 3, 2) if _axis == 0 else ("B", "T", 3)
            case(_name, same("CumSum", axis=_axis, reverse=_reverse, exclusive=_exclusive), real(*_sized))

LINEAR = (real("B", "T", 3), real(3, 5), real(5), whole("B", "T", below=5))
case("LinearCrossEntropy", ops.linear_cross_entropy, *LINEAR, length=99)
case(
    "LinearCrossEntropy:rows",
    ops.linear_cross_entropy,
    real("B", 2),
    real(2, 3),
    real(3),
    whole("B", below=3),
    length=33,
)
case("LinearCrossEntropy:product", lambda *xs: (y := ops.linear_cross_entropy(*xs)[0]) * y, *LINEAR, length=99)
case(
    "LinearCrossEntropy:large",
    ops.linear_cross_entropy,
    real(301, 7, low=-0.5, high=0.5),
    real(7, 9001, low=-0.5, high=0.5),
    real(9001),
    whole(301, below=9001),
    length=9001,
    long=True,
)
case(
    "LinearCrossEntropyGrad",
    lambda *xs: apply_many("LinearCrossEntropyGrad", xs),
    *LINEAR,
    real("B", "T"),
    differentiable=False,
    length=99,
)

# ---- movement -------------------------------------------------------------------------------------------------------

case("Reshape", lambda x: ops.reshape(x, (-1, 3)), real("B", "T", 3))
case("Reshape:split", lambda x: ops.reshape(x, (x.shape[0], 2, 3)), real("B", 6))
case("Reshape:scalar", lambda x: ops.reshape(x, ()), real(1, 1))
case("Reshape:bool", lambda c: ops.reshape(c, (-1,)), truth("B", 3))
case("Expand", lambda x: apply("Expand", x, shape=(*x.shape[:1], 4, 3)), real("B", 1, 3))
case("Expand:front", lambda x, y: apply("Expand", x, shape=y.shape), real(3), real("B", "T", 3), length=85)
case("Expand:scalar", lambda x: apply("Expand", x, shape=(2, 3)), real())
case("Expand:int32", lambda i: apply("Expand", i, shape=(2, 3)), whole(3))
for _perm in ((1, 0, 2), (0, 2, 1), (2, 0, 1), (2, 1, 0)):
    case(f"Transpose:{''.join(map(str, _perm))}", same("Transpose", perm=_perm), real("B", "T", 3))
case("Transpose", same("Transpose", perm=(1, 0)), real("B", 3))
case("Transpose:rank4", same("Transpose", perm=(2, 0, 3, 1)), real("B", 2, "T", 2))
case("Transpose:int32", same("Transpose", perm=(1, 0)), whole("B", 3))
case("Concat", lambda x, y: ops.concatenate([x, y], 1), real("B", 3), real("B", 2))
case("Concat:time", lambda x, y: ops.concatenate([x, y], 1), real("B", "T", 2), real("B", 1, 2))
case("Concat:batch", lambda x, y: ops.concatenate([x, y], 0), real("T", 2), real(3, 2))
case(
    "Concat:three",
    lambda x, y, z: ops.concatenate([x, y, z], -1),
    real("B", "T", 1),
    real("B", "T", 2),
    real("B", "T", 3),
)
case("Concat:same", lambda x: ops.concatenate([x, x], 1), real("B", 3))
case("Concat:int32", lambda i, j: ops.concatenate([i, j], 1), whole("B", 3), whole("B", 2))
case("Slice", same("Slice", axis=1, start=1, length=2, step=1), real("B", 4))
case("Slice:last_step", lambda x: x[:, -1], real(2, 4, 3))
case("Slice:reverse", lambda x: x[:, ::-1], real("B", "T", 2))
case("Slice:reverse_part", lambda x: x[:, 3:0:-1], real("B", 5))
case("Slice:drop_first", lambda x: ops.concatenate([x, x], 1)[:, 1:], real("B", 3))
case("Slice:time", lambda x: x[:, : x.shape[1]], real("B", "T", 2))
case("Slice:nothing", lambda x: x[:, 2:2], real("B", 4))
case("Slice:inner", lambda x: x[:, 1:3, 0], real("B", 4, 2))
case("Pad", same("Pad", axis=1, before=1, after=2), real("B", 3))
case("Pad:time", lambda x: ops.pad(x, 1, before=1, after=x.shape[1]), real("B", "T", 2))
case("Pad:int32", same("Pad", axis=0, before=1, after=1), whole(3))
case("Gather", same("Gather"), real(5, 3), whole("B"), length=33)
case("Gather:sequence", same("Gather"), real(5, 3), whole("B", "T"), length=99)
case("Gather:scalar", same("Gather"), real(5, 3), whole())
case("Gather:vector", same("Gather"), real(5), whole("B", 2), length=66)
case("Gather:table_of_matrices", same("Gather"), real(5, 2, 3), whole("B"), length=33)
case("Gather:int32_table", same("Gather"), whole(5), whole("B"))
case("Gather:table_a_row", same("Gather", batch=1), real("B", 5, 3), whole("B", 2), length=198)
case("Gather:element_a_row", same("Gather", batch=2), real("B", "T", 5), whole("B", "T", 2), length=198)
case("Gather:int32_a_row", same("Gather", batch=1), whole("B", 5), whole("B", 2))
case("ScatterAdd", same("ScatterAdd", rows=5), whole("B"), real("B", 3), length=33)
case("ScatterAdd:sequence", same("ScatterAdd", rows=5), whole("B", "T"), real("B", "T", 2), length=99)
case("ScatterAdd:int32", same("ScatterAdd", rows=5), whole("B"), whole("B", 2))
case("ScatterAdd:vector", same("ScatterAdd", rows=5), whole("B"), real("B"), length=33)
case("ScatterAdd:table_a_row", same("ScatterAdd", rows=5, batch=1), whole("B", 2), real("B", 2, 3), length=198)
case("ScatterAdd:element_a_row", same("ScatterAdd", rows=5, batch=2), whole("B", "T", 7), real("B", "T", 7), length=99)
case("ScatterAdd:scalar", same("ScatterAdd", rows=5), whole(), real(3))

# ---- leaves, random, fused ------------------------------------------------------------------------------------------

case("Input", lambda x: x, real("B", 3))
case("Constant", lambda x: x * constant(np.arange(3.0), x.dtype), real("B", 3))
case("Variable", lambda x: x * Variable(np.arange(3.0), dtype=x.dtype), real("B", 3))
case("Range", lambda x: x * ops.cast(ops.arange(x.shape[1]), x.dtype), real("B", "T"))
case("Range:real", lambda x: x + ops.arange(4, x.dtype), real("B", 4))
case("Size", lambda x: ops.sum(x, 1) / ops.maximum(ops.size(x, 1), 1.0), real("B", "T"))
case("Size:batch", lambda x: x * ops.size(x), real("B", 2))
_seed = Argument((), "int32", lambda random, s: np.array(7))
_step = Argument((), "int32", lambda random, s: np.array(3))
case(
    "RandomUniform",
    lambda seed, step, x: x * random_uniform(x.shape, seed, step, 1, x.dtype),
    _seed,
    _step,
    real("B", 5),
)
case(
    "RandomUniform:later rows",
    lambda seed, step, first, x: x * random_uniform(x.shape, seed, step, 1, x.dtype, first),
    _seed,
    _step,
    Argument((), "int32", lambda random, s: np.array(1000)),
    real("B", 5),
)
case(
    "RandomUniform:fixed",
    lambda seed, step, x: x * random_uniform((3, 2), seed, step, 2, x.dtype),
    _seed,
    _step,
    real(3, 2),
)
case(
    "RandomUniform:scalar",
    lambda seed, step, x: x * random_uniform((), seed, step, 3, x.dtype),
    _seed,
    _step,
    real(),
)
case(
    "RandomUniform:sequence",
    lambda seed, step, x: x * random_uniform(x.shape, seed, step, 4, x.dtype),
    _seed,
    _step,
    real("B", "T", 3),
)


def fused(x: Tensor, y: Tensor) -> Sequence[Tensor]:
    """A chain with two results, as `fuse` makes it."""
    z = ops.tanh(x * y + 0.5)
    return fuse(Graph((x, y), (z, ops.exp(z) - x))).outputs


case("Fused", fused, real("B", 3), real(3), differentiable=False)


# ---- scans ----------------------------------------------------------------------------------------------------------

RECURRENCE = {"length": 40, "steps": 5}


def rnn(x: Tensor, h: Tensor, w: Tensor, u: Tensor, b: Tensor, n: Tensor | None = None, **how: Any) -> Sequence[Tensor]:
    """h_t = tanh(x_t W + h_{t-1} U + b): final state and all outputs."""

    def step(states: Any, slices: Any) -> Any:
        new = ops.tanh(slices[0] @ w + states[0] @ u + b)
        return [new], [new]

    (final,), (outputs,) = ops.scan(step, [h], [x], n, **how)
    return final, outputs


_weights = (real(2, 3), real(3, 3, low=-0.7, high=0.7), real(3))
case("Scan", rnn, real("T", "B", 2), real("B", 3), *_weights, **RECURRENCE)
case("Scan:lengths", rnn, real("T", "B", 2), real("B", 3), *_weights, lengths(), **RECURRENCE)
case("Scan:lengths_square", rnn, real("T", 3, 2), real(3, 3), *_weights, lengths(3), **RECURRENCE)  # rows as units
case("Scan:reverse", lambda *a: rnn(*a, reverse=True), real("T", "B", 2), real("B", 3), *_weights, **RECURRENCE)
case(
    "Scan:reverse_lengths",
    lambda *a: rnn(*a, reverse=True),
    real("T", "B", 2),
    real("B", 3),
    *_weights,
    lengths(),
    **RECURRENCE,
)
case("Scan:only_final", lambda *a: rnn(*a)[0], real("T", "B", 2), real("B", 3), *_weights, **RECURRENCE)
case("Scan:only_outputs", lambda *a: rnn(*a)[1], real("T", "B", 2), real("B", 3), *_weights, lengths(), **RECURRENCE)


def dividing(x: Tensor, h: Tensor, a: Tensor, b: Tensor, n: Tensor | None = None) -> Sequence[Tensor]:
    """Captured values over, and to the power of, what a step computes: of a finished row neither has a slope at 0."""

    def step(states: Any, slices: Any) -> Any:
        new = ops.tanh(a / (1.0 + states[0] * states[0]) + (1.0 + slices[0] * slices[0]) ** b)
        return [new], [new]

    (final,), (outputs,) = ops.scan(step, [h], [x], n)
    return final, outputs


_divided = (real("T", "B", 3), real("B", 3), real(3), real(3, low=-1.0, high=-0.2))
case("Scan:dividing", dividing, *_divided, **RECURRENCE)
case("Scan:dividing_lengths", dividing, *_divided, lengths(), **RECURRENCE)


def lstm(
    x: Tensor, h: Tensor, c: Tensor, w: Tensor, u: Tensor, b: Tensor, p: Tensor, n: Tensor | None = None
) -> Sequence[Tensor]:
    """Two states, four gates split from one product, a peephole p of the old cell."""

    def step(states: Any, slices: Any) -> Any:
        h, c = states
        i, f, g, o = ops.split(slices[0] @ w + h @ u + b, 4)
        c = ops.sigmoid(f + p * c) * c + ops.sigmoid(i) * ops.tanh(g)
        h = ops.sigmoid(o) * ops.tanh(c)
        return [h, c], [h]

    states, outputs = ops.scan(step, [h, c], [x], n)
    return [*states, *outputs]


_weights = (real(2, 8), real(2, 8, low=-0.7, high=0.7), real(8), real(2))
case("Scan:lstm", lstm, real("T", "B", 2), real("B", 2), real("B", 2), *_weights, **RECURRENCE)
case("Scan:lstm_lengths", lstm, real("T", "B", 2), real("B", 2), real("B", 2), *_weights, lengths(), **RECURRENCE)


def gru(x: Tensor, h: Tensor, w: Tensor, u: Tensor, b: Tensor, n: Tensor | None = None) -> Sequence[Tensor]:
    """Parts of one product used at different places, a reset gate on a slice of another."""

    def step(states: Any, slices: Any) -> Any:
        (h,) = states
        zx, rx, nx = ops.split(slices[0] @ w + b, 3)
        zh, rh, nh = ops.split(h @ u, 3)
        z = ops.sigmoid(zx + zh)
        new = z * h + (1.0 - z) * ops.tanh(nx + ops.sigmoid(rx + rh) * nh)
        return [new], [new]

    states, outputs = ops.scan(step, [h], [x], n)
    return [*states, *outputs]


_weights = (real(2, 6), real(2, 6, low=-0.7, high=0.7), real(6))
case("Scan:gru", gru, real("T", "B", 2), real("B", 2), *_weights, **RECURRENCE)
case("Scan:gru_lengths", gru, real("T", "B", 2), real("B", 2), *_weights, lengths(), **RECURRENCE)


def _look(query: Tensor, memory: Tensor) -> Tensor:
    """Attention over a memory: products with a captured matrix for each row, as it is and transposed."""
    weights = ops.softmax(ops.matmul(ops.expand_dims(query, 1), memory, transpose_b=True))
    return ops.squeeze(ops.matmul(weights, memory), 1)


def scanned(step: Callable[..., Any], *init_and_more: str, **how: Any) -> Callable[..., Sequence[Tensor]]:
    """A scan of `step(states, slices, captured)` over given states, sequences ("x") and captured values ("c")."""

    def build(*tensors: Tensor) -> Sequence[Tensor]:
        kinds = {k: [t for t, kind in zip(tensors, init_and_more, strict=True) if kind == k] for k in "sxcn"}
        finals, outputs = ops.scan(
            lambda s, x: step(s, x, kinds["c"]), kinds["s"], kinds["x"], kinds["n"][0] if kinds["n"] else None, **how
        )
        return [*finals, *outputs]

    return build


case(
    "Scan:two_sequences",
    scanned(lambda s, x, c: ([ops.tanh(s[0] + x[0] * x[1])], [s[0]]), "s", "x", "x"),
    real("B", 2),
    real("T", "B", 2),
    real("T", "B", 2),
    steps=5,
)
case(
    "Scan:no_sequence",
    scanned(lambda s, x, c: ([s[0] * c[0]], [s[0]]), "s", "c", steps=4),
    real("B", 2),
    real(2),
    steps=4,
    length=33,
)
case(
    "Scan:no_state", scanned(lambda s, x, c: ([], [x[0] * c[0]]), "x", "c"), real("T", "B", 2), real("B", 2), length=99
)
case(
    "Scan:captured_product",
    scanned(lambda s, x, c: ([s[0] * c[0] + x[0]], [s[0] * c[0]]), "s", "x", "c"),
    real("B", 2),
    real("T", "B", 2),
    real("B", 2),
    steps=5,
)
case(
    "Scan:captured_divisor",
    scanned(lambda s, x, c: ([x[0] / c[0] + s[0]], [c[0] / (2.0 + s[0] * s[0])]), "s", "x", "c"),
    real("B", 2),
    real("T", "B", 2),
    real(2, low=1.0, high=2.0),
    length=99,
    steps=5,
)
case(
    "Scan:captured_power",
    scanned(lambda s, x, c: ([s[0] ** c[0] + x[0]], [s[0]]), "s", "x", "c"),
    real("B", 2, low=1.0, high=2.0),
    real("T", "B", 2, low=1.0, high=2.0),
    real(2, low=0.1, high=0.5),
    length=99,
    steps=5,
)
case(
    "Scan:captured_choice",
    scanned(lambda s, x, c: ([ops.where(x[0] > 0.0, s[0], c[0])], [s[0]]), "s", "x", "c"),
    real("B", 2),
    apart("T", "B", 2),
    real(2),
    length=99,
    steps=5,
)
case(
    "Scan:captured_maximum",
    scanned(lambda s, x, c: ([ops.maximum(s[0] + x[0], c[0])], [s[0]]), "s", "x", "c"),
    real("B", 2),
    real("T", "B", 2),
    real(2),
    length=99,
    steps=5,
)


def _normalized(states: Sequence[Tensor], slices: Sequence[Tensor], captured: Sequence[Tensor]) -> Any:
    """A row without its mean, of variance 1, scaled: all but its tanh and what is one a row can be made again."""
    z = ops.tanh(states[0] + slices[0])
    centred = z - ops.mean(z, axis=-1, keepdims=True)
    y = centred * ops.rsqrt(ops.mean(centred * centred, axis=-1, keepdims=True) + 0.1) * captured[0]
    return [y], [y]


_rows = (real("B", 16), real("T", "B", 16), real(16))
case("Scan:normalized", scanned(_normalized, "s", "x", "c"), *_rows, length=256, steps=5)
case("Scan:normalized_lengths", scanned(_normalized, "s", "x", "c", "n"), *_rows, lengths(), length=256, steps=5)
# A captured value whose gradient cannot wait for the end of the loop: reduced, multiplied from the left, gathered.
case(
    "Scan:captured_reduced",
    scanned(lambda s, x, c: ([s[0] + x[0] * ops.sum(c[0] * s[0], -1, keepdims=True)], [s[0]]), "s", "x", "c"),
    real("B", 2, low=-0.5, high=0.5),
    real("T", "B", 2, low=-0.5, high=0.5),
    real("B", 2),
    length=40,
    steps=5,
)
case(
    "Scan:captured_left",
    scanned(lambda s, x, c: ([ops.tanh(c[0] @ s[0] + x[0])], [s[0]]), "s", "x", "c"),
    real(3, 2),
    real("T", 3, 2),
    real(3, 3),
    length=40,
    steps=5,
)
case(
    "Scan:captured_transposed",
    scanned(lambda s, x, c: ([ops.tanh(ops.matmul(s[0], c[0], transpose_b=True) + x[0])], [s[0]]), "s", "x", "c"),
    real("B", 2),
    real("T", "B", 2),
    real(2, 2),
    length=99,
    steps=5,
)
case(
    "Scan:captured_batch",
    scanned(lambda s, x, c: ([ops.tanh(_look(s[0], c[0]) + x[0])], [s[0]]), "s", "x", "c", "n"),
    real("B", 2),
    real("T", "B", 2),
    real("B", 3, 2),
    lengths(),
    length=99,
    steps=5,
)
case(
    "Scan:captured_twice",
    scanned(lambda s, x, c: ([ops.tanh(s[0] @ c[0] + x[0] @ c[0])], [ops.exp(c[0][0])]), "s", "x", "c"),
    real("B", 2),
    real("T", "B", 2),
    real(2, 2),
    length=99,
    steps=5,
)
case(
    "Scan:captured_alone",
    scanned(lambda s, x, c: ([s[0] + ops.tanh(c[0])], [s[0]]), "s", "c", steps=3),
    real("B", 2),
    real(2),
    length=99,
    steps=3,
)
case(
    "Scan:captured_sequence",
    scanned(
        lambda s, x, c: ([ops.tanh(s[0] + x[0])], [ops.softmax(ops.sum(c[0] * ops.expand_dims(s[0], 1), -1))]),
        "s",
        "x",
        "c",
    ),
    real("B", 2),
    real("T", "B", 2),
    real("B", 3, 2),
    length=40,
    steps=5,
)
case(
    "Scan:captured_table",
    scanned(lambda s, x, c: ([s[0] + ops.take(c[0], x[0])], [s[0]]), "s", "x", "c"),
    real("B", 2),
    whole("T", "B", below=4),
    real(4, 2),
    length=99,
    steps=5,
)
case(
    "Scan:state_passed_on",
    scanned(lambda s, x, c: ([s[1], s[0] * x[0]], [s[0] + s[1]]), "s", "s", "x"),
    real("B", 2),
    real("B", 2),
    real("T", "B", 2),
    steps=5,
)
case(
    "Scan:state_unused",
    scanned(lambda s, x, c: ([x[0], s[1]], [x[0]]), "s", "s", "x"),
    real("B", 2),
    real("B", 2),
    real("T", "B", 2),
)
case(
    "Scan:output_is_slice",
    scanned(lambda s, x, c: ([s[0] * x[0]], [x[0], x[0]]), "s", "x"),
    real("B", 2),
    real("T", "B", 2),
    steps=5,
)
case(
    "Scan:output_is_state",
    scanned(lambda s, x, c: ([s[0] * x[0]], [s[0]]), "s", "x", "n"),
    real("B", 2),
    real("T", "B", 2),
    lengths(),
    steps=5,
)
case(
    "Scan:counter",
    scanned(lambda s, x, c: ([s[0] + 1, s[1] * x[0]], [ops.cast(s[0], x[0].dtype) * x[0]]), "s", "s", "x"),
    whole("B"),
    real("B"),
    real("T", "B"),
    steps=5,
)
case(
    "Scan:rank3_state",
    scanned(lambda s, x, c: ([ops.tanh(s[0] * ops.expand_dims(x[0], -1))], [ops.sum(s[0], -1)]), "s", "x", "n"),
    real("B", 2, 3),
    real("T", "B", 2),
    lengths(),
    steps=5,
)
case(
    "Scan:softmax_inside",
    scanned(lambda s, x, c: ([ops.softmax(s[0] @ c[0] + x[0])], [s[0]]), "s", "x", "c"),
    real("B", 3),
    real("T", "B", 3),
    real(3, 3),
    length=99,
    steps=5,
)
case(
    "Scan:concat_inside",
    scanned(lambda s, x, c: ([ops.tanh(ops.concatenate([x[0], s[0]], 1) @ c[0])], [s[0]]), "s", "x", "c"),
    real("B", 2),
    real("T", "B", 3),
    real(5, 2),
    length=99,
    steps=5,
)


def nested(x: Tensor, h: Tensor, w: Tensor) -> Sequence[Tensor]:
    """A scan over time whose step scans over features."""

    def inner(states: Any, slices: Any) -> Any:
        new = ops.tanh(states[0] * w + slices[0])
        return [new], [new]

    def outer(states: Any, slices: Any) -> Any:
        final, outputs = ops.scan(inner, states, [ops.transpose(slices[0], [1, 0])])
        return final, [ops.sum(outputs[0], 0)]

    finals, outputs = ops.scan(outer, [h], [x])
    return [*finals, *outputs]


def quantized_rnn(x: Tensor, h: Tensor, w: Tensor, a: Tensor, u: Tensor, b: Tensor) -> Sequence[Tensor]:
    """A recurrence over codes, which the loop's body captures."""

    def step(states: tuple[Tensor, ...], slices: tuple[Tensor, ...]) -> tuple[list[Tensor], list[Tensor]]:
        into, back = apply("QuantizedMatMul", slices[0], w, a), apply("QuantizedMatMul", states[0], u, b)
        new = ops.tanh(into + back)
        return [new], [new]

    finals, outputs = ops.scan(step, [h], [x])
    return [*finals, *outputs]


case(
    "Scan:quantized",
    quantized_rnn,
    single("T", "B", 5),
    single("B", 3),
    codes(3, 5),
    single(3, low=0.002, high=0.004),
    codes(3, 3),
    single(3, low=0.002, high=0.004),
    differentiable=False,
    length=3,
    steps=5,
)
case("Scan:nested", nested, real("T", "B", 2), real("B"), real(), length=340, steps=10)


def twice(x: Tensor, h: Tensor, w: Tensor, u: Tensor, b: Tensor) -> Sequence[Tensor]:
    """Two layers of recurrence and a product after them."""
    _, lower = rnn(x, h, w, u, b)
    final, upper = rnn(lower, h, u, u, b)
    return [final, ops.tanh(upper) * lower]


case(
    "Scan:two_layers",
    twice,
    real("T", "B", 2),
    real("B", 3),
    real(2, 3),
    real(3, 3, low=-0.7, high=0.7),
    real(3),
    length=40,
    steps=10,
)
case(
    "Scan:bidirectional",
    lambda *a: [*rnn(*a), *rnn(*a, reverse=True)],
    real("T", "B", 2),
    real("B", 3),
    real(2, 3),
    real(3, 3, low=-0.7, high=0.7),
    real(3),
    lengths(),
    **RECURRENCE,
)
case(
    "Scan:batch_first",
    lambda x, *a: ops.swapaxes(rnn(ops.swapaxes(x, 0, 1), *a)[1], 0, 1),
    real("B", "T", 2),
    real("B", 3),
    real(2, 3),
    real(3, 3, low=-0.7, high=0.7),
    real(3),
    **RECURRENCE,
)
