"""What a plan needs is known before it runs, and is given back where somebody asks."""

from __future__ import annotations

import numpy as np
import pytest

from elman import ops
from elman.errors import MemoryLimitError
from elman.executors import NativeExecutor, ReferenceExecutor, native
from elman.graph import Graph, placeholder
from elman.graph.rewrite import hoist
from elman.layers import LSTM
from elman.shapes import B, T
from tests.tolerances import assert_close

X = placeholder("x", (B, T, 3))
GRAPH = Graph((X,), (ops.tanh(ops.cumsum(X, 1)) + ops.sum(X, 1, keepdims=True),))

only_native = pytest.mark.skipif(not native.available(), reason="the reference executor does not plan its memory")


def given(rows: int, steps: int) -> np.ndarray:
    return np.linspace(0, 1, rows * steps * 3, dtype="float32").reshape(rows, steps, 3)


@only_native
@pytest.mark.parametrize("sizes", [(1, 1), (7, 5), (64, 30), (0, 3)])
def test_a_run_holds_what_was_told(sizes):
    plan = NativeExecutor().compile(GRAPH)
    told = plan.needed([given(*sizes)])
    assert plan._plan.arena_bytes() == 0
    plan.run([given(*sizes)])
    assert plan._plan.arena_bytes() == told > 0


@only_native
def test_what_passes_between_a_loop_and_its_neighbours_needs_a_strip_of_steps():
    """x W of a long sequence, four gates wide, is never whole."""
    x = placeholder("x", (B, T, 8))
    graph = hoist(Graph((x,), (LSTM(64)(x),)))
    plan, rows, steps = NativeExecutor().compile(graph), 4, 20_000
    arrays = [np.zeros((rows, steps, 8), np.float32)]
    assert arrays[0].nbytes <= plan.needed(arrays) < arrays[0].nbytes + rows * steps * 4 * 64 * 4 // 10


@only_native
def test_memory_is_given_back_and_taken_again():
    plan = NativeExecutor().compile(GRAPH)
    before = plan.run([given(9, 4)]).outputs[0]
    plan.release()
    assert plan._plan.arena_bytes() == 0
    np.testing.assert_array_equal(plan.run([given(9, 4)]).outputs[0], before)


@only_native
def test_no_sizes_one_after_another_hold_more_than_the_limit():
    """One large block of one row, then several blocks of many rows: together they would be too much."""
    plan = NativeExecutor().compile(GRAPH)
    limit = max(plan.needed([given(*sizes)]) for sizes in ((1, 4000), (64, 60)))
    bounded = NativeExecutor().compile(GRAPH, limit)
    for sizes in ((1, 4000), (64, 60), (1, 4000), (3, 2)):
        assert_close(bounded.run([given(*sizes)]).outputs[0], plan.run([given(*sizes)]).outputs[0], sizes[1])
        assert bounded._plan.arena_bytes() <= limit
    with pytest.raises(MemoryLimitError, match=r"Received a batch of 1 row that needs .* Cut the sequences to \d+ %"):
        bounded.run([given(1, 5000)])


def test_nobody_knows_what_the_reference_needs():
    plan = ReferenceExecutor().compile(GRAPH, 1)
    plan.release()
    assert plan.needed([given(2, 2)]) == 0
    assert plan.run([given(2, 2)]).outputs[0].shape == (2, 2, 3)
