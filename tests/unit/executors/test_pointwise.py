"""Two nodes in one step of a pointwise program: of which there is one reader, and with the bits of two steps."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from elman import ops
from elman.executors import available
from elman.executors.lowering import lower
from elman.executors.native import NativeExecutor
from elman.executors.pointwise import CODES
from elman.graph import Graph, Tensor, placeholder
from tests.tolerances import assert_close

NAMES = list(CODES)
SHAPE = (5, 48)
WRITTEN: dict[str, Callable[..., Tensor]] = {
    "product": lambda a, b, c: a * b * c,
    "sum_product": lambda a, b, c: c * (a + b),
    "difference_product": lambda a, b, c: (a - b) * c,
    "less_product": lambda a, b, c: c - a * b,
}


def operands(real: str = "float32") -> tuple[Tensor, ...]:
    return tuple(placeholder(name, SHAPE, real) for name in "abc")


def arrays(seed: int = 0) -> list[np.ndarray]:
    rng = np.random.default_rng(seed)
    return [rng.normal(size=SHAPE).astype(np.float32) for _ in range(3)]


def codes(graph: Graph) -> list[str]:
    """The codes of the only pointwise program there is."""
    spec = lower(graph).spec
    (found,) = [i[5] for segment in (*spec["segments"], *spec["last"]) for i in segment[1] if i[-1] == "pointwise"]
    return [NAMES[step[0]] for step in found[1]]


@pytest.mark.parametrize("code", WRITTEN)
def test_two_steps_are_one(code: str) -> None:
    inputs = operands()
    assert codes(Graph(inputs, (WRITTEN[code](*inputs),))) == [code]


@pytest.mark.skipif(not available(), reason="the native extension is not built")
@pytest.mark.parametrize("code", WRITTEN)
def test_each_of_the_two_is_rounded(code: str) -> None:
    inputs, given = operands(), arrays()
    (found,) = NativeExecutor().compile(Graph(inputs, (WRITTEN[code](*inputs),))).run(given).outputs
    np.testing.assert_array_equal(found, WRITTEN[code](*given))


@pytest.mark.parametrize("code", WRITTEN)
def test_what_others_read_is_a_step_of_its_own(code: str) -> None:
    a, b, c = operands()
    inner = {"product": a * b, "sum_product": a + b, "difference_product": a - b, "less_product": a * b}[code]
    both = c - inner if code == "less_product" else inner * c
    assert len(codes(Graph((a, b, c), (both, inner)))) == 2


def test_products_that_are_added_are_rounded_once_whatever_else_they_could_join() -> None:
    a, b, c = operands()
    assert codes(Graph((a, b, c), ((a * b + c) * a,))) == ["multiply_add", "mul"]


def test_whole_numbers_are_not_joined() -> None:
    a, b, c = (placeholder(name, SHAPE, "int32") for name in "abc")
    spec = lower(Graph((a, b, c), (a * b * c,))).spec
    (found,) = [i[5] for segment in (*spec["segments"], *spec["last"]) for i in segment[1]]
    assert [NAMES[step[0]] for step in found[1]] == ["mul", "mul"]


def test_one_number_a_row_is_not_computed_for_each_element() -> None:
    a, b, c = operands()
    mean, most = ops.mean(a, -1, keepdims=True), ops.max(b, -1, keepdims=True)
    found = codes(Graph((a, b, c), (mean * most * c,)))
    assert "product" not in found
    assert found[-2:] == ["mul", "mul"]


@pytest.mark.skipif(not available(), reason="the native extension is not built")
@pytest.mark.parametrize("columns", [16, 48, 64, 256, 1024])
def test_sums_of_products_have_the_bits_of_the_two(columns: int) -> None:
    rng = np.random.default_rng(columns)
    x, y = (rng.normal(size=(7, columns)).astype(np.float32) for _ in "xy")
    a, b = (placeholder(name, x.shape) for name in "ab")
    dot = Graph((a, b), (ops.sum(a * b, -1, keepdims=True) - a,))
    assert codes(dot) == ["row_dot", "sub"]
    product = a * b
    apart = Graph((a, b), (ops.sum(product, -1, keepdims=True) - a, product))
    assert codes(apart) == ["mul", "row_sum", "sub"]
    both = [NativeExecutor().compile(graph).run([x, y]).outputs[0] for graph in (dot, apart)]
    np.testing.assert_array_equal(*both)


@pytest.mark.skipif(not available(), reason="the native extension is not built")
def test_sums_of_products_with_what_repeats_are_those_of_numpy() -> None:
    rng = np.random.default_rng(2)
    x, row, each = (rng.normal(size=size).astype(np.float32) for size in ((7, 48), (48,), (7, 1)))
    a, b, c = (placeholder(name, array.shape) for name, array in (("a", x), ("b", row), ("c", each)))
    for y, want in ((a * b, x * row), (a * c, x * each), (a * 0.1, x * np.float32(0.1)), (a * a, x * x)):
        graph = Graph((a, b, c), (a - ops.sum(y, -1, keepdims=True),))
        (found,) = NativeExecutor().compile(graph).run([x, row, each]).outputs
        assert_close(found, x - want.sum(-1, keepdims=True), length=x.shape[-1])
