"""Variables change after everything that reads them, whether an update is copied or written in place."""

from __future__ import annotations

import numpy as np
import pytest

from elman import ops
from elman.executors import NativeExecutor, ReferenceExecutor, available
from elman.executors.lowering import lower
from elman.graph import Graph, Variable

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
