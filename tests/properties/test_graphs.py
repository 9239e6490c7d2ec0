"""Random graphs: whatever is traced, rewriting it and compiling it changes no value and no gradient."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import hypothesis.strategies as st
import numpy as np
import pytest
from hypothesis import assume, given, settings

from elman import ops
from elman.autodiff import gradients
from elman.errors import GraphError
from elman.executors import NativeExecutor, ReferenceExecutor, available
from elman.executors.reference import evaluate_node
from elman.graph import Graph, Tensor, Variable, graph_text, placeholder, verify
from elman.graph.rewrite import fold, fuse, fuse_products, hoist, segment, simplify
from elman.shapes import B, Shape, T
from tests.tolerances import assert_close

REAL = "float64"
SIZES = {"B": 3, "T": 4}

UNARY: tuple[Callable[[Tensor], Tensor], ...] = (
    ops.tanh,
    ops.sigmoid,
    ops.negative,
    ops.sin,
    ops.softplus,
    lambda x: ops.exp(ops.tanh(x)),
    lambda x: x + 0.0,
    lambda x: 1.0 * x,
    lambda x: x * 0.5 - 1.0,
    lambda x: ops.stop_gradient(x) * 0.5 + x,
    lambda x: ops.where(x > 0.1, x, ops.tanh(x)),
)
BINARY: tuple[Callable[[Tensor, Tensor], Tensor], ...] = (
    ops.add,
    ops.subtract,
    ops.multiply,
    ops.maximum,
    lambda a, b: a / (1.0 + b * b),
    lambda a, b: ops.where(a > b, a, b * 0.5),
)
WHOLE: tuple[Callable[[Tensor], Tensor], ...] = (
    lambda x: ops.sum(x, -1, keepdims=True),
    lambda x: ops.mean(x, 0),
    lambda x: ops.max(x, -1),
    ops.softmax,
    lambda x: ops.reshape(ops.reshape(x, (-1,)), x.shape),
    lambda x: ops.transpose(ops.transpose(x)),
    lambda x: ops.swapaxes(x, 0, -1),
    lambda x: ops.flip(x, -1),
    lambda x: x[..., :1],
    lambda x: ops.concatenate([x, x * 2.0], -1)[..., : x.shape[-1]],
    lambda x: ops.cumsum(x, x.ndim - 1),
    lambda x: ops.pad(x, x.ndim - 1, 1, 0)[..., 1:],
    lambda x: ops.broadcast_to(ops.expand_dims(x, 0), (2, *x.shape))[0],
)


def broadcastable(a: Shape, b: Shape) -> bool:
    pairs = zip(a[::-1], b[::-1], strict=False)
    return all(x == y or x == 1 or y == 1 for x, y in pairs)


class Grower:
    """Makes tensors from tensors as the choices it draws say."""

    def __init__(self, draw: Any, pool: list[Tensor], weights: Sequence[Tensor]) -> None:
        self.draw, self.pool, self.weights = draw, pool, weights

    def pick(self, options: Sequence[Any]) -> Any:
        return options[self.draw(st.integers(0, len(options) - 1))]

    def one(self) -> None:
        x: Tensor = self.pick(self.pool)
        kind = self.draw(st.integers(0, 5))
        if kind == 0:
            made = self.pick(UNARY)(x)
        elif kind in (1, 2):
            y = self.pick([t for t in self.pool if broadcastable(x.shape, t.shape)])
            made = self.pick(BINARY)(x, y)
        elif kind == 3 and x.ndim >= 2 and x.shape[-1] == 3:
            made = x @ self.pick(self.weights)
        elif kind == 4 and x.ndim >= 1 and x.shape[-1] not in (0, B, T):
            made = self.pick(WHOLE)(x)
        else:
            made = self.pick(UNARY)(x)
        if made.ndim <= 3:
            self.pool.append(made)

    def step(self, states: Sequence[Tensor], slices: Sequence[Tensor]) -> tuple[list[Tensor], list[Tensor]]:
        """The body of a scan: states keep their shape."""
        inner = Grower(self.draw, [*states, *slices, *self.weights[:1], self.bias], self.weights)
        for _ in range(self.draw(st.integers(1, 7))):
            inner.one()
        fits = [t for t in inner.pool if t.shape == states[0].shape]
        new = ops.tanh(self.pick(fits) * 0.5 + fits[-1])
        outputs = [t for t in inner.pool[-2:] if t.ndim >= 1 and t.shape[0] == B]
        return [new], [new, *outputs]

    @property
    def bias(self) -> Tensor:
        return next(t for t in self.pool if t.shape == (3,))


@st.composite
def graphs(draw: Any) -> tuple[list[Tensor], list[Tensor]]:
    """Inputs and outputs of a random graph, with a scan in most."""
    inputs = [
        placeholder("x", (B, 3), REAL),
        placeholder("s", (B, T, 3), REAL),
        placeholder("w", (3, 3), REAL),
        placeholder("b", (3,), REAL),
        placeholder("n", (B,), "int32"),
    ]
    x, s, w, b, lengths = inputs
    constant = Variable(np.linspace(-1, 1, 9).reshape(3, 3)).tensor
    grower = Grower(draw, [x, s, b, w], [w, constant])
    for _ in range(draw(st.integers(1, 5))):
        grower.one()
    if draw(st.booleans()):
        first = grower.pick([t for t in grower.pool if t.shape == (B, 3)])
        sequence = grower.pick([t for t in grower.pool if t.shape == (B, T, 3)])
        n = lengths if draw(st.booleans()) else None
        finals, outputs = ops.scan(grower.step, [first], [ops.swapaxes(sequence, 0, 1)], n, reverse=draw(st.booleans()))
        grower.pool += [*finals, ops.swapaxes(outputs[0], 0, 1), *(t for t in outputs[1:] if t.ndim <= 3)]
    for _ in range(draw(st.integers(1, 8))):
        grower.one()
    return inputs, grower.pool[-3:]


def arrays() -> list[np.ndarray]:
    random = np.random.default_rng(3)
    b, t = SIZES["B"], SIZES["T"]
    shapes = [(b, 3), (b, t, 3), (3, 3), (3,)]
    return [*(random.uniform(-1, 1, s) for s in shapes), np.array([4, 0, 2], "int32")]


def values(graph: Graph, native: bool = False) -> list[np.ndarray]:
    verify(graph)
    executor = NativeExecutor() if native else ReferenceExecutor()
    return executor.compile(graph).run(arrays()).outputs


def slopes(loss: Tensor, wrt: Sequence[Tensor]) -> list[Tensor]:
    """Gradients; of no interest are graphs that are refused: a step that joins rows of different lengths."""
    try:
        return list(gradients(loss, wrt))
    except GraphError as error:
        assume("start with the batch axis" not in str(error))
        raise


def evaluate_constant(node: Any) -> list[np.ndarray]:
    return evaluate_node(node, [t.node.attrs["value"] for t in node.inputs], {})


def same(found: Sequence[np.ndarray], expected: Sequence[np.ndarray], graph: Graph) -> None:
    """Equal up to the rounding of numbers of size 1, which all were added up from: some cancel to 0 exactly."""
    for a, b in zip(found, expected, strict=True):
        assert a.shape == b.shape
        assert_close(np.append(a, 1.0), np.append(b, 1.0), length=1000, steps=8, what=graph_text(graph))


@settings(max_examples=150)
@given(graphs())
def test_rewrites_keep_values(made: tuple[list[Tensor], list[Tensor]]) -> None:
    inputs, outputs = made
    graph = Graph(tuple(inputs), tuple(outputs))
    expected = values(graph)
    simple = simplify(graph)
    hoisted = hoist(simple)
    for rewritten in (
        simple,
        hoisted,
        hoist(graph),
        hoist(simplify(segment(simple, 2))),
        fold(simple, evaluate_constant),
        fuse_products(hoisted),
        fuse(graph),
        fuse(fuse_products(simplify(hoisted, final=True))),
    ):
        same(values(rewritten), expected, rewritten)


@settings(max_examples=100)
@given(graphs())
def test_rewrites_keep_gradients(made: tuple[list[Tensor], list[Tensor]]) -> None:
    inputs, outputs = made
    wrt = inputs[:4]
    plain = slopes(ops.sum(ops.concatenate([ops.reshape(ops.sin(t), (-1,)) for t in outputs])), wrt)
    expected = values(Graph(tuple(inputs), tuple(plain)))
    simple = simplify(Graph(tuple(inputs), tuple(outputs)))
    for forward in (hoist(simple), hoist(simplify(segment(simple)))):
        loss = ops.sum(ops.concatenate([ops.reshape(ops.sin(t), (-1,)) for t in forward.outputs]))
        backward = Graph(tuple(inputs), tuple(slopes(loss, wrt)))
        final = simplify(backward, final=True)
        for rewritten in (backward, final, fuse(fuse_products(final))):
            same(values(rewritten), expected, rewritten)


@pytest.mark.skipif(not available(), reason="the native extension is not built")
@settings(max_examples=150)
@given(graphs())
def test_native_keeps_values_and_gradients(made: tuple[list[Tensor], list[Tensor]]) -> None:
    inputs, outputs = made
    loss = ops.sum(ops.concatenate([ops.reshape(ops.sin(t), (-1,)) for t in outputs]))
    graph = Graph(tuple(inputs), (*outputs, *slopes(loss, inputs[:4])))
    same(values(graph, native=True), values(graph), graph)


@settings(max_examples=50)
@given(graphs())
def test_simplifying_twice_changes_nothing_more(made: tuple[list[Tensor], list[Tensor]]) -> None:
    inputs, outputs = made
    once = simplify(Graph(tuple(inputs), tuple(outputs)))
    assert graph_text(simplify(once)) == graph_text(once)
