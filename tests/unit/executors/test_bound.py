"""Plans on arrays that stay, and plans without arrays, on every executor."""

from __future__ import annotations

import numpy as np
import pytest

from elman import ops
from elman.errors import ShapeError
from elman.executors import NativeExecutor, ReferenceExecutor, available
from elman.graph import Graph, Variable, placeholder
from elman.shapes import T

EXECUTORS = [ReferenceExecutor(), *([NativeExecutor()] if available() else [])]
each = pytest.mark.parametrize("executor", EXECUTORS, ids=lambda e: e.name)


@each
def test_a_graph_without_inputs_runs(executor):
    made = executor.compile(Graph((), (ops.full((2, 3), 0.5),))).run([]).outputs[0]
    assert np.array_equal(made, np.full((2, 3), 0.5, "float32"))


@each
def test_a_bound_plan_reads_and_fills_its_arrays(executor):
    x, w = placeholder("x", (1, 3)), Variable(np.eye(3, dtype="float32"))
    given, made = np.ones((1, 3), "float32"), np.zeros((1, 3), "float32")
    run = executor.compile(Graph((x,), (x @ w + 1.0,))).bound([given], [made]).run
    for value in (1.0, 2.0):
        given[...] = value
        run()
        assert np.array_equal(made, np.full((1, 3), value + 1, "float32"))


@each
def test_a_step_takes_arrays_like_the_given_one_alone(executor):
    x = placeholder("x", (1, 1, 3))
    array, made = np.zeros((1, 1, 3), "float32"), np.zeros((1, 1, 3), "float32")
    bound = executor.compile(Graph((x,), (x + 1.0,))).bound([array], [made], given=array[0, 0], answer=made[0, 0])
    y = bound.step(np.array([1, 2, 3], "float32"))
    assert (y.dtype, y.tolist(), made.ravel().tolist()) == (np.float32, [2, 3, 4], [2, 3, 4])
    assert not np.shares_memory(y, made)
    others = [np.ones(3), np.ones(3, "int32"), np.ones(3, ">f4"), np.ones(2, "float32"), np.ones((1, 3), "float32")]
    for other in (*others, np.float32(1), [1.0, 1.0, 1.0], None, "abc"):
        assert bound.step(other) is None
    assert made.ravel().tolist() == [2, 3, 4]
    assert executor.compile(Graph((x,), (x + 1.0,))).bound([array], [made]).step(array) is None


@each
def test_a_bound_plan_goes_on_where_the_plan_has_run_on_other_sizes_since(executor):
    x = placeholder("x", (T, 3))
    given, made = np.ones((2, 3), "float32"), np.zeros((2, 3), "float32")
    plan = executor.compile(Graph((x,), (x * 2.0,)))
    run = plan.bound([given], [made]).run
    for value, steps in ((1.0, 1000), (2.0, 100_000), (3.0, 1)):  # memory of the plan moves when it grows
        given[...] = value
        run()
        assert np.array_equal(made, np.full((2, 3), 2 * value, "float32"))
        other = plan.run([np.ones((steps, 3), "float32")]).outputs[0]
        assert np.array_equal(other, np.full((steps, 3), 2, "float32"))
        run()
        assert np.array_equal(made, np.full((2, 3), 2 * value, "float32"))


@each
def test_states_that_change_places_do_not_overwrite_each_other(executor):
    a, b = placeholder("a", (2,)), placeholder("b", (2,))
    first, second = np.array([1, 2], "float32"), np.array([3, 4], "float32")
    run = executor.compile(Graph((a, b), (b, a))).bound([first, second], [first, second]).run
    run()
    assert (first.tolist(), second.tolist()) == ([3, 4], [1, 2])
    run()
    assert (first.tolist(), second.tolist()) == ([1, 2], [3, 4])


@each
def test_arrays_of_another_size_are_refused(executor):
    x = placeholder("x", (2,))
    plan = executor.compile(Graph((x,), (x + 1.0,)))
    with pytest.raises(ShapeError):
        plan.bound([np.zeros(3, "float32")], [np.zeros(2, "float32")]).run()
    with pytest.raises(ValueError, match=r"does not fit its output|broadcast"):
        plan.bound([np.zeros(2, "float32")], [np.zeros(3, "float32")]).run()
