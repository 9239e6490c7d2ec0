"""Variables change after everything that reads them, whether an update is copied or written in place."""

from __future__ import annotations

import numpy as np
import pytest

from elman import ops
from elman.errors import DataError
from elman.executors import NativeExecutor, ReferenceExecutor, available
from elman.executors.lowering import lower
from elman.graph import Graph, Variable, placeholder
from elman.shapes import Dim

native = pytest.mark.skipif(not available(), reason="the native extension is not built")

N = 6000  # more than the native kernels hold at a time: what is written too early is read


def vector(start: float = 0.0) -> Variable:
    return Variable(np.arange(start, start + N, dtype=np.float32))


def read_backwards() -> tuple[Graph, list[Variable]]:
    v = vector()
    return Graph((), (), ((v, v[::-1] * 2.0),)), [v]


def read_transposed() -> tuple[Graph, list[Variable]]:
    v = Variable(np.arange(10_000, dtype=np.float32).reshape(100, 100))
    return Graph((), (), ((v, ops.transpose(v.tensor, (1, 0)) * 2.0 + v),)), [v]


def read_as_another_variable() -> tuple[Graph, list[Variable]]:
    v, half, other = vector(), Variable(np.zeros(N // 2, np.float32)), Variable(np.zeros(N // 2, np.float32))
    half.value = v.value[N // 2 :]
    return Graph((), (), ((v, v * 2.0), (other, half + 1.0))), [v, other]


def read_by_each_other() -> tuple[Graph, list[Variable]]:
    a, b = vector(), vector(10.0)
    return Graph((), (), ((a, b[::-1] * 2.0), (b, a[::-1] + 1.0))), [a, b]


def swapped() -> tuple[Graph, list[Variable]]:
    a, b = vector(), vector(10.0)
    return Graph((), (), ((a, b.tensor), (b, a.tensor))), [a, b]


def shown_too() -> tuple[Graph, list[Variable]]:
    v = vector()
    return Graph((), (v.tensor, v[2:4]), ((v, v + 1.0),)), [v]


def whole_numbers() -> tuple[Graph, list[Variable]]:
    v = Variable(np.arange(N, dtype=np.int32))
    return Graph((), (v.tensor,), ((v, v[::-1]),)), [v]


CASES = [
    read_backwards, read_transposed, read_as_another_variable, read_by_each_other, swapped, shown_too, whole_numbers,
]  # fmt: skip


@native
@pytest.mark.parametrize("case", CASES)
def test_old_values_are_read_before_they_change(case):
    results = []
    for executor in (ReferenceExecutor(), NativeExecutor()):
        graph, variables = case()
        outputs = executor.compile(graph).run([]).outputs
        results.append([*outputs, *(v.value for v in variables)])
    for expected, got in zip(*results, strict=True):
        np.testing.assert_array_equal(got, expected)


def test_an_update_of_what_is_read_at_its_own_place_is_not_copied():
    v, m = vector(), vector(1.0)
    mean = m * 0.9 + v
    spec = lower(Graph((), (), ((v, v - mean), (m, mean)))).spec
    assert spec["updates"] == []
    assert len(spec["last"]) == 1


SIZES = [2, 40_000]  # copied after each step; made in another place by every second step


def training(size: int, steps: int) -> tuple[Graph, list[Variable], list[np.ndarray]]:
    """Weights in one buffer, read as views of it; a step adds to them; the guard fails where a row is not finite."""
    buffer, count = Variable(np.linspace(-1.0, 1.0, 3 * size, dtype=np.float32)), Variable(np.zeros((), np.int32))
    first, second = Variable(np.zeros(3, np.float32)), Variable(np.zeros((size, 3), np.float32))
    first.value = buffer.value[:3]
    x = placeholder("x", (Dim.symbol("B"), 3))
    slope = ops.sum(ops.tanh(x * first), axis=0)
    new = buffer * 0.9 + ops.reshape(second * slope, (-1,))
    updates = ((buffer, new), (second, second + slope), (count, count + 1))
    rows = np.random.default_rng(0).standard_normal((2 * steps - 1, 3)).astype(np.float32)  # the last batch is smaller
    return Graph((x,), (slope,), updates, guard=ops.sum(new)), [buffer, second, count], [rows]


@native
@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("steps", [1, 2, 3, 4, 7])
def test_a_run_of_many_steps_gives_what_single_steps_give(size, steps):
    results = []
    for together in (True, False):
        graph, variables, arrays = training(size, steps)
        plan, order = NativeExecutor().compile(graph), np.arange(len(arrays[0]))
        batches = [order] if together else [order[i : i + 2] for i in range(0, len(order), 2)]
        runs = [plan.run_batches(arrays, batch, 2) for batch in batches]
        results.append([runs[-1].outputs[0], *(v.value for v in variables)])
    for a, b in zip(*results, strict=True):
        assert a.tobytes() == b.tobytes()


@native
def test_a_run_reads_what_reaches_beyond_an_updated_view():
    size = SIZES[-1]
    whole, part = Variable(np.arange(4 * size, dtype=np.float32)), Variable(np.zeros(2 * size, np.float32))
    part.value = whole.value[: 2 * size]
    x = placeholder("x", (Dim.symbol("B"),))
    plan = NativeExecutor().compile(Graph((x,), (ops.max(whole.tensor),), ((part, whole[: 2 * size] * 0.5),)))
    assert plan.run_batches([np.zeros(5, np.float32)], np.arange(5), 1).outputs[0] == 4 * size - 1
    np.testing.assert_array_equal(part.value, np.arange(2 * size) / 32)
    np.testing.assert_array_equal(whole.value[2 * size :], np.arange(2 * size, 4 * size))


@native
@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("bad", [0, 1, 2, 3])
def test_a_run_that_diverges_keeps_the_last_good_values(size, bad):
    graph, variables, arrays = training(size, 5)
    NativeExecutor().compile(graph).run_batches(arrays, np.arange(2 * bad), 2)
    expected = [v.numpy() for v in variables]
    graph, variables, arrays = training(size, 5)
    arrays[0][2 * bad] = np.nan
    run = NativeExecutor().compile(graph).run_batches(arrays, np.arange(9), 2)
    assert (run.diverged, run.steps) == (True, bad)
    for v, value in zip(variables, expected, strict=True):
        np.testing.assert_array_equal(v.value, value)


@native
@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("bad", [1, 2])
def test_a_run_that_fails_keeps_the_last_good_values(size, bad):
    table, index = Variable(np.ones((4, size), np.float32)), placeholder("index", (Dim.symbol("B"),), "int32")
    row = ops.sum(ops.take(table.tensor, index), axis=0)
    new = table * 0.5 + row
    graph = Graph((index,), (), ((table, new),), guard=ops.sum(new))
    rows = np.array([0, 0, 0, 0], np.int32)
    rows[bad] = 4
    with pytest.raises(DataError, match="between 0 and 3"):
        NativeExecutor().compile(graph).run_batches([rows], np.arange(4), 1)
    np.testing.assert_array_equal(table.value, np.full((4, size), 1.5**bad, np.float32))
