"""ONNX's own backend cases = ours: a node, its attributes, its inputs and what must come out, made by the standard.

The graph's operators have ONNX's names; `ROWS` says with which words of `elman.ops` a node is written. A case that
asks for what elman does not have is left out by a rule, `Left(reason)`; how many ran and how many each rule left out
is in `COUNTS`, so that neither a rule nor a release of ONNX can empty a row unseen.
"""

from __future__ import annotations

import functools
import math
import warnings
from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pytest

from elman import layers, ops
from elman.graph import TABLE, Tensor
from elman.graph.node import apply
from elman.layers.tracing import tracing
from tests.oracle.running import Feed, Setting, evaluate, feed
from tests.tolerances import assert_close

onnx = pytest.importorskip("onnx", reason="ONNX is installed by the extra 'oracle' alone")
pytestmark = [pytest.mark.oracle, pytest.mark.xdist_group("onnx")]

TYPES = {"float32", "float64", "int32", "bool"}


class Left(Exception):
    """A case asks for what elman does not have."""


class Call:
    """A node with its attributes, and its inputs: read as numbers, or fed to the graph as tensors."""

    def __init__(self, case: Any, dtype: str) -> None:
        (self.node,) = case.model.graph.node
        self.attrs = {a.name: onnx.helper.get_attribute_value(a) for a in self.node.attribute}
        inputs, self.outputs = case.data_sets[0]
        known = dict(zip([i.name for i in case.model.graph.input], inputs, strict=True))
        self.arrays = [known.get(name) for name in self.node.input]
        self.dtype = dtype
        self.feeds: list[Feed] = []

    def has(self, i: int) -> bool:
        return i < len(self.arrays) and self.arrays[i] is not None

    def array(self, i: int) -> Any:
        """An input that is an array of a type that elman has."""
        array = self.arrays[i]
        if not isinstance(array, np.ndarray | np.generic) or str(array.dtype) not in TYPES:
            raise Left("type")
        return np.asarray(array)

    def tensor(self, i: int) -> Tensor:
        """An input as a placeholder; reals in the type of the setting."""
        array = self.array(i)
        self.feeds.append(feed(f"x{i}", array, self.dtype if array.dtype.kind == "f" else str(array.dtype)))
        return self.feeds[-1][0]

    def tensors(self) -> list[Tensor]:
        return [self.tensor(i) for i in range(len(self.arrays))]

    def numbers(self, i: int, default: Any = None) -> Any:
        """An input that is an attribute in elman: a shape, axes, indices."""
        return self.arrays[i].tolist() if self.has(i) else default

    def refuse(self, **usual: Any) -> None:
        """Leave out a case whose attributes are not these."""
        for name, value in usual.items():
            if self.attrs.get(name, value) != value:
                raise Left(name)

    def length(self) -> int:
        """How many terms the longest sum has."""
        if "kernel_shape" in self.attrs:
            return math.prod(self.attrs["kernel_shape"])
        kind = TABLE[self.node.op_type].kind if self.node.op_type in TABLE else "contraction"
        return 1 if kind in ("pointwise", "movement") else max(a.size for a in self.arrays if a is not None)


Row = Callable[[Call], Tensor | Sequence[Tensor | None]]

# ---- rows ----------------------------------------------------------------------------------------------------------


def plain(function: Callable[..., Tensor]) -> Row:
    return lambda c: function(*c.tensors())


def along(function: Callable[..., Tensor]) -> Row:
    return lambda c: function(c.tensor(0), axis=c.attrs.get("axis", -1))


def folded(function: Callable[[Tensor, Tensor], Tensor]) -> Row:
    return lambda c: functools.reduce(function, c.tensors())


def reduction(function: Callable[..., Tensor]) -> Row:
    def row(c: Call) -> Tensor:
        x, axes = c.tensor(0), c.numbers(1) or c.attrs.get("axes")
        if x.dtype == "bool" and 0 in x.shape:
            raise Left("bool of nothing")
        if not axes and c.attrs.get("noop_with_empty_axes"):
            return ops.stop_gradient(x)
        return function(x, axes or None, keepdims=bool(c.attrs.get("keepdims", 1)))

    return row


def power(c: Call) -> Tensor:
    a, b = c.tensors()
    if a.dtype == "int32":
        raise Left("power of an integer")
    return ops.power(a, ops.cast(b, a.dtype))


def mod(c: Call) -> Tensor:
    c.refuse(fmod=0)
    return ops.mod(*c.tensors())


def infinite(c: Call) -> Tensor:
    c.refuse(detect_negative=1, detect_positive=1)
    return ops.isinf(c.tensor(0))


def clip(c: Call) -> Tensor:
    low, high = (float(c.array(i)) if c.has(i) else default for i, default in ((1, -math.inf), (2, math.inf)))
    x = c.tensor(0)
    if x.dtype == "int32":
        raise Left("integers")
    return ops.clip(x, low, high)


def matmul(c: Call) -> Tensor:
    """A vector is a matrix of one row or column; leading axes are repeated where ours must be equal."""
    a, b = c.tensors()
    gone = [axis for axis, x in ((-2, a), (-1, b)) if x.ndim == 1]
    a, b = a if a.ndim > 1 else ops.expand_dims(a, 0), b if b.ndim > 1 else ops.expand_dims(b, -1)
    front = np.broadcast_shapes(a.shape[:-2], b.shape[:-2])
    a, b = (ops.broadcast_to(x, (*front, *x.shape[-2:])) for x in (a, b))
    return ops.squeeze(ops.matmul(a, b), gone)


def gemm(c: Call) -> Tensor:
    """Ours adds a row or a whole matrix: one number is repeated."""
    a, b = c.tensor(0) * c.attrs.get("alpha", 1.0), c.tensor(1)
    if not c.has(2):
        c.refuse(transA=0, transB=0)
        return ops.matmul(a, b)
    addend = c.tensor(2) * c.attrs.get("beta", 1.0)
    addend = (
        addend
        if addend.ndim and addend.shape[-1] == c.outputs[0].shape[-1]
        else ops.broadcast_to(addend, c.outputs[0].shape)
    )
    flags = {f"transpose_{x}": bool(c.attrs.get(f"trans{x.upper()}", 0)) for x in "ab"}
    return apply("Gemm", a, b, addend, **flags)


def channels_last(x: Tensor) -> Tensor:
    return ops.transpose(x, (0, *range(2, x.ndim), 1))


def channels_first(x: Tensor) -> Tensor:
    return ops.transpose(x, (0, x.ndim - 1, *range(1, x.ndim - 1)))


def padding(c: Call, sizes: Sequence[int]) -> Any:
    """Numbers before and after each axis, or our word for SAME_UPPER; SAME_LOWER has the odd one in front."""
    kernel = c.attrs["kernel_shape"]
    word = c.attrs.get("auto_pad", b"NOTSET")
    if word == b"SAME_UPPER":
        return "same"
    if word == b"SAME_LOWER":
        strides = c.attrs.get("strides", [1] * len(kernel))
        moves = zip(sizes, kernel, strides, strict=True)
        whole = [max((math.ceil(n / s) - 1) * s + k - n, 0) for n, k, s in moves]
        return [(w - w // 2, w // 2) for w in whole]
    pads = c.attrs.get("pads", [0] * (2 * len(kernel)))
    return list(zip(pads[: len(kernel)], pads[len(kernel) :], strict=True))


def conv(c: Call) -> Tensor:
    x, kernel = channels_last(c.tensor(0)), c.tensor(1)
    kernel = ops.transpose(kernel, (*range(2, kernel.ndim), 1, 0))
    bias = c.tensor(2) if c.has(2) else None
    strides, spread = c.attrs.get("strides", 1), c.attrs.get("dilations", 1)
    return channels_first(ops.conv(x, kernel, strides, padding(c, x.shape[1:-1]), spread, bias))


def pool(function: Callable[..., Tensor]) -> Row:
    def row(c: Call) -> Tensor:
        kernel = c.attrs["kernel_shape"]
        if len(kernel) > 2:
            raise Left("three axes")
        c.refuse(count_include_pad=0, ceil_mode=0, dilations=[1] * len(kernel))
        x = channels_last(c.tensor(0))
        if len(c.outputs) > 1:
            raise Left("indices")
        return channels_first(function(x, kernel, c.attrs.get("strides", 1), padding(c, x.shape[1:-1])))

    return row


def argmax(c: Call) -> Tensor:
    c.refuse(select_last_index=0)
    return ops.argmax(c.tensor(0), c.attrs.get("axis", 0), bool(c.attrs.get("keepdims", 1)))


def top_k(c: Call) -> list[Tensor]:
    """Ours looks along the last axis, for the largest."""
    c.refuse(largest=1, sorted=1)
    axis, (k,) = c.attrs.get("axis", -1), c.numbers(1)
    return [ops.swapaxes(t, axis, -1) for t in ops.top_k(ops.swapaxes(c.tensor(0), axis, -1), k)]


def cumsum(c: Call) -> Tensor:
    flags = {name: bool(c.attrs.get(name, 0)) for name in ("reverse", "exclusive")}
    x = c.tensor(0)
    if x.dtype == "int32":
        raise Left("integers")
    return ops.cumsum(x, c.numbers(1), **flags)


def gather(c: Call) -> Tensor:
    """Ours takes rows: the axis goes to the front and what was taken back to its place. ONNX counts back from -1."""
    x, axis, index = c.tensor(0), c.attrs.get("axis", 0), c.arrays[1]
    taken = ops.take(ops.transpose(x, (axis, *(i for i in range(x.ndim) if i != axis))), indices(c, 1, x.shape[axis]))
    where = range(index.ndim, index.ndim + axis)
    return ops.transpose(taken, (*where, *range(index.ndim), *range(index.ndim + axis, taken.ndim)))


def gather_elements(c: Call) -> Tensor:
    axis = c.attrs.get("axis", 0)
    return ops.take_along_axis(c.tensor(0), indices(c, 1, c.arrays[0].shape[axis]), axis)


def indices(c: Call, i: int, size: int) -> Tensor:
    """An input of int64 indices, as our border takes it; negative ones count from the end."""
    c.feeds.append(feed(f"x{i}", c.arrays[i], "int32"))
    index = c.feeds[-1][0]
    return ops.where(ops.less(index, 0), index + size, index)


def cut(c: Call) -> Tensor:
    x, starts, ends = c.tensor(0), c.numbers(1), c.numbers(2)
    axes, steps = c.numbers(3, range(len(starts))), c.numbers(4, [1] * len(starts))
    if any(abs(step) > 1 for step in steps):
        raise Left("steps")
    key = [slice(None)] * x.ndim
    for axis, *ends_and_step in zip(axes, starts, ends, steps, strict=True):
        key[axis] = slice(*ends_and_step)
    return x[tuple(key)]


def pad(c: Call) -> Tensor:
    """Ours adds zeros; another number is added where the padding is."""
    c.refuse(mode=b"constant")
    x, pads = c.tensor(0), c.numbers(1)
    axes, value = c.numbers(3, range(x.ndim)), c.numbers(2, 0.0)
    inside = ops.ones_like(x)
    for axis, before, after in zip(axes, pads[: len(axes)], pads[len(axes) :], strict=True):
        x, inside = (ops.pad(t, axis, before, after) for t in (x, inside))
    return x + (1.0 - inside) * value


def reshape(c: Call) -> Tensor:
    x, shape = c.tensor(0), c.numbers(1)
    kept = not c.attrs.get("allowzero", 0)
    return ops.reshape(x, [x.shape[i] if d == 0 and kept else d for i, d in enumerate(shape)])


def expand(c: Call) -> Tensor:
    x = c.tensor(0)
    return ops.broadcast_to(x, np.broadcast_shapes(x.shape, tuple(c.numbers(1))))


# ---- recurrent layers ----------------------------------------------------------------------------------------------


def recurrent(make: Callable[..., Any], order: Sequence[int], **config: Any) -> Row:
    """A layer for each direction. ONNX: X (T, B, F), W (D, G U, F), R (D, G U, U), B (D, 2 G U), P (D, 3 U) in i, o, f.

    Args: order: the places of our gates among ONNX's.
    """

    def weights(c: Call, way: int) -> list[Any]:
        w, r = (np.concatenate([np.split(c.array(i)[way], len(order))[g] for g in order]).T for i in (1, 2))
        biases = np.split(c.array(3)[way], 2 * len(order)) if c.has(3) else [np.zeros(len(r))] * 2 * len(order)
        bias = np.concatenate([biases[g] + biases[g + len(order)] for g in order])
        return [w, r, bias]

    def row(c: Call) -> list[Tensor]:
        c.refuse(linear_before_reset=0)
        ways = {b"forward": [False], b"reverse": [True], b"bidirectional": [False, True]}
        batch_first = bool(c.attrs.get("layout", 0))
        x = c.tensor(0) if batch_first else ops.swapaxes(c.tensor(0), 0, 1)
        if (c.has(4) and set(c.numbers(4)) != {x.shape[1]}) or any(c.has(i) and c.array(i).any() for i in (5, 6)):
            raise Left("lengths and first states")
        found = []
        for way, back in enumerate(ways[c.attrs.get("direction", b"forward")]):
            kind = layers.PeepholeLSTM if c.has(7) else make
            layer = kind(c.attrs["hidden_size"], return_sequences=True, return_state=True, **config)
            with tracing(training=False):
                y, *states = layer(ops.flip(x, 1) if back else x)
            peepholes = [np.stack([np.split(c.array(7)[way], 3)[g] for g in (0, 2, 1)])] if c.has(7) else []
            layer.set_weights([*weights(c, way), *peepholes])
            found.append([ops.flip(y, 1) if back else y, *states])
        y, *states = zip(*found, strict=True)
        sequence, finals = ops.stack(y, 2), [ops.stack(state, 1) for state in states]
        if batch_first:
            return [sequence, *finals]
        return [ops.transpose(sequence, (1, 2, 0, 3)), *(ops.swapaxes(state, 0, 1) for state in finals)]

    return row


# ---- the table -----------------------------------------------------------------------------------------------------

ROWS: dict[str, Row] = {
    "Abs": plain(ops.abs),
    "Add": plain(ops.add),
    "And": plain(ops.logical_and),
    "ArgMax": argmax,
    "AveragePool": pool(ops.average_pool),
    "Ceil": plain(ops.ceil),
    "Clip": clip,
    "Concat": lambda c: ops.concatenate(c.tensors(), c.attrs["axis"]),
    "Conv": conv,
    "Cos": plain(ops.cos),
    "CumSum": cumsum,
    "Div": plain(ops.divide),
    "Equal": plain(ops.equal),
    "Erf": plain(ops.erf),
    "Exp": plain(ops.exp),
    "Expand": expand,
    "Floor": plain(ops.floor),
    "GRU": recurrent(layers.GRU, (0, 1, 2), reset_after=False),
    "Gather": gather,
    "GatherElements": gather_elements,
    "Gemm": gemm,
    "Greater": plain(ops.greater),
    "GreaterOrEqual": plain(ops.greater_equal),
    "Identity": plain(ops.stop_gradient),
    "IsInf": infinite,
    "IsNaN": plain(ops.isnan),
    "LSTM": recurrent(layers.LSTM, (0, 2, 3, 1)),
    "Less": plain(ops.less),
    "LessOrEqual": plain(ops.less_equal),
    "Log": plain(ops.log),
    "LogSoftmax": along(ops.log_softmax),
    "MatMul": matmul,
    "Max": folded(ops.maximum),
    "MaxPool": pool(ops.max_pool),
    "Min": folded(ops.minimum),
    "Mod": mod,
    "Mul": plain(ops.multiply),
    "Neg": plain(ops.negative),
    "Not": plain(ops.logical_not),
    "Or": plain(ops.logical_or),
    "Pad": pad,
    "Pow": power,
    "RNN": recurrent(layers.SimpleRNN, (0,)),
    "Reciprocal": plain(ops.reciprocal),
    "ReduceL2": reduction(ops.norm),
    "ReduceLogSumExp": reduction(ops.logsumexp),
    "ReduceMax": reduction(ops.max),
    "ReduceMean": reduction(ops.mean),
    "ReduceMin": reduction(ops.min),
    "ReduceProd": reduction(ops.prod),
    "ReduceSum": reduction(ops.sum),
    "Relu": plain(ops.relu),
    "Reshape": reshape,
    "Round": plain(ops.round),
    "Sigmoid": plain(ops.sigmoid),
    "Sign": plain(ops.sign),
    "Sin": plain(ops.sin),
    "Slice": cut,
    "Softmax": along(ops.softmax),
    "Softplus": plain(ops.softplus),
    "Sqrt": plain(ops.sqrt),
    "Sub": plain(ops.subtract),
    "Tanh": plain(ops.tanh),
    "TopK": top_k,
    "Transpose": lambda c: ops.transpose(c.tensor(0), c.attrs.get("perm")),
    "Where": plain(ops.where),
}

OTHERS = {
    "Cast": "its cases go between types of which a graph has one, or elman none",
    "Constant": "a leaf: every other row has some",
    "MaxUnpool": "ours is given what MaxPool saw, ONNX's where it looked",
    "Range": "ours counts from 0 by 1",
    "Scan": "a body graph: RNN, GRU and LSTM run as scans",
    "Size": "ours is one open axis, a leaf",
}
"""Operators of ONNX's name that its cases do not fit."""

COUNTS: dict[str, tuple[int, dict[str, int]]] = {
    "Abs": (1, {}),
    "Add": (2, {"type": 6}),
    "And": (8, {}),
    "ArgMax": (8, {"select_last_index": 8}),
    "AveragePool": (9, {"ceil_mode": 2, "count_include_pad": 3, "three axes": 6}),
    "Ceil": (2, {}),
    "Clip": (9, {"type": 3}),
    "Concat": (12, {}),
    "Conv": (6, {}),
    "Cos": (2, {}),
    "CumSum": (7, {"integers": 2}),
    "Div": (4, {"type": 6}),
    "Equal": (2, {"type": 8}),
    "Erf": (1, {}),
    "Exp": (2, {}),
    "Expand": (2, {}),
    "Floor": (2, {}),
    "GRU": (6, {}),
    "Gather": (4, {}),
    "GatherElements": (3, {}),
    "Gemm": (11, {}),
    "Greater": (2, {"type": 6}),
    "GreaterOrEqual": (2, {"type": 6}),
    "Identity": (2, {"type": 3}),
    "IsInf": (1, {"detect_negative": 1, "detect_positive": 1, "type": 1}),
    "IsNaN": (1, {"type": 1}),
    "LSTM": (6, {}),
    "Less": (2, {"type": 6}),
    "LessOrEqual": (2, {"type": 6}),
    "Log": (2, {}),
    "LogSoftmax": (7, {}),
    "MatMul": (7, {}),
    "Max": (6, {"type": 8}),
    "MaxPool": (9, {"ceil_mode": 2, "dilations": 1, "indices": 2, "three axes": 4, "type": 1}),
    "Min": (6, {"type": 8}),
    "Mod": (6, {"fmod": 4, "type": 9}),
    "Mul": (3, {"type": 6}),
    "Neg": (2, {}),
    "Not": (3, {}),
    "Or": (8, {}),
    "Pad": (3, {"mode": 3}),
    "Pow": (5, {"power of an integer": 2, "type": 5}),
    "RNN": (6, {}),
    "Reciprocal": (2, {}),
    "ReduceL2": (9, {}),
    "ReduceLogSumExp": (9, {}),
    "ReduceMax": (10, {"bool of nothing": 1}),
    "ReduceMean": (8, {}),
    "ReduceMin": (10, {}),
    "ReduceProd": (9, {}),
    "ReduceSum": (12, {}),
    "Relu": (1, {}),
    "Reshape": (10, {}),
    "Round": (1, {}),
    "Sigmoid": (2, {}),
    "Sign": (1, {}),
    "Sin": (2, {}),
    "Slice": (7, {"steps": 1}),
    "Softmax": (7, {}),
    "Softplus": (2, {}),
    "Sqrt": (2, {}),
    "Sub": (3, {"type": 6}),
    "Tanh": (2, {}),
    "Transpose": (7, {}),
    "TopK": (2, {"largest": 1, "type": 4}),
    "Where": (1, {"type": 1}),
}
"""How many cases of ONNX ran, and how many were left out, by the rule."""

# ---- tests ---------------------------------------------------------------------------------------------------------


@functools.cache
def cases() -> dict[str, list[Any]]:
    """ONNX's cases of one node, by operator. Making them takes seconds, and overflows on purpose."""
    from onnx.backend.test.loader import load_model_tests

    found: dict[str, list[Any]] = {}
    state = np.random.get_state()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        every = load_model_tests(kind="node")
    np.random.set_state(state)
    for case in every:
        nodes = case.model.graph.node
        if len(nodes) == 1 and not nodes[0].domain:
            found.setdefault(nodes[0].op_type, []).append(case)
    return found


def run(case: Any, setting: Setting) -> None:
    """Compare one case. Raises: Left: not one that elman has."""
    call = Call(case, setting.dtype)
    made = ROWS[call.node.op_type](call)
    named = zip(call.node.output, [made] if isinstance(made, Tensor) else made, strict=False)
    outputs = [tensor for name, tensor in named if name]
    wanted = [np.asarray(output) for output in call.outputs]
    for found, expected in zip(evaluate(setting, outputs, call.feeds), wanted, strict=True):
        if expected.dtype.kind == "f":
            coarser = min(found.dtype, expected.dtype, key=lambda d: d.itemsize)
            assert_close(found, expected, call.length(), dtype=coarser, what=case.name)
        else:
            np.testing.assert_array_equal(found, expected, err_msg=case.name)


@pytest.mark.parametrize("op", ROWS)
def test_cases_of_onnx(op: str, setting: Setting) -> None:
    ran, left = 0, Counter[str]()
    for case in cases()[op]:
        try:
            run(case, setting)
            ran += 1
        except Left as rule:
            left[str(rule)] += 1
    assert (ran, dict(left)) == COUNTS[op]


def test_every_operator_of_onnx_has_a_row() -> None:
    assert set(TABLE) & set(cases()) == set(ROWS) & set(TABLE) | set(OTHERS)
    assert not set(ROWS) & set(OTHERS)
    assert all(ran for ran, _ in COUNTS.values())


def test_the_oracle_itself_notices(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(ROWS, "Tanh", plain(ops.sigmoid))
    with pytest.raises(AssertionError, match="test_tanh"):
        run(cases()["Tanh"][0], Setting("reference", "float64"))
