"""Plans read rows that lie apart as those of one padded array."""

from __future__ import annotations

import numpy as np
import pytest

import elman
from elman import ops
from elman.errors import DTypeError, MemoryLimitError
from elman.executors import Rows, native
from elman.executors.native import NativeExecutor
from elman.executors.reference import ReferenceExecutor
from elman.graph import Graph, placeholder
from elman.layers import GRU, LSTM, Dense, SimpleRNN
from elman.layers.base import Mask
from elman.shapes import B
from tests.unit.executors.test_lengths import training

pytestmark = pytest.mark.skipif(not native.available(), reason="not built here")

RNG = np.random.default_rng(1)
LENGTHS = np.array([9, 9, 7, 7, 3, 1, 0, 5, 9, 2, 4, 6], np.int32)
ROWS = Rows([RNG.normal(size=(n, 3)).astype("float32") for n in LENGTHS], (12, 9, 3), np.dtype("float32"))
ORDER = np.array([8, 2, 3, 7, 4, 5, 6, 0, 1, 11, 10, 9])


def predicting(*layers):
    """A graph whose products read rows where they lie: no gradients, no lengths."""
    x = elman.Input((None, 3), name="x")
    y = x
    for layer in layers:
        y = layer(y)
    return Graph((x,), (y,))


GRAPHS = {
    "training": lambda: training(SimpleRNN(5, return_sequences=True), LSTM(8)),
    "gapless": lambda: training(GRU(16), wrt_input=False),
    "predicting": lambda: predicting(LSTM(16, return_sequences=True)),
    "by row": lambda: predicting(Dense(8, activation="tanh")),
}


@pytest.mark.parametrize("executor", [NativeExecutor, ReferenceExecutor])
@pytest.mark.parametrize("graph", GRAPHS)
def test_bits_are_those_of_an_array(graph, executor):
    made = GRAPHS[graph]()
    plan = executor().compile(made)
    rest = [LENGTHS][: len(made.inputs) - 1]
    for given, lengths in ((ROWS, rest), (ROWS[2:8], [n[2:8] for n in rest]), (ROWS[:, :10], rest)):
        ran = [plan.run([x, *lengths]).outputs for x in (given, np.asarray(given))]
        for one, other in zip(*ran, strict=True):
            np.testing.assert_array_equal(one, other)
    for size in (1, 4, 5, 12):
        ran = [plan.run_batches([x, *rest], ORDER, size).outputs for x in (ROWS, np.asarray(ROWS))]
        for one, other in zip(*ran, strict=True):
            np.testing.assert_array_equal(one, other)


def test_epochs_read_the_rows_of_their_order():
    x, lengths = elman.Input((None, 3), name="x"), placeholder("lengths", (B,), "int32")
    total = elman.graph.Variable(np.zeros((), "float32"), "total")
    first = ops.sum(x[:, 0, 0] * ops.cast(lengths, "float32"))
    plan = NativeExecutor().compile(Graph((x, lengths), (first,), ((total, total.tensor * 2.0 + first),)))
    orders = np.stack([ORDER[:6], ORDER[6:]])
    noted = [np.zeros(2, "float32") for _ in range(2)]
    for x_of, into in zip((ROWS, np.asarray(ROWS)), noted, strict=True):
        plan.run_epochs([x_of, LENGTHS], orders, 4, [(total, into)])
    np.testing.assert_array_equal(noted[0], noted[1])
    assert noted[0].any()


def test_rows_that_no_plan_can_read_are_refused():
    plan = NativeExecutor().compile(predicting(Dense(2)))
    pieces = Rows([np.ones((3, 9), "float32").T], (1, 9, 3), np.dtype("float32"))
    with pytest.raises(ValueError, match="a row that lies apart must be an array in one piece"):
        plan.run([pieces])
    with pytest.raises(DTypeError, match="of type float32"):
        plan.run([Rows([np.ones((9, 3))], (1, 9, 3), np.dtype("float64"))])


@pytest.mark.parametrize("given", [ROWS, np.asarray(ROWS)], ids=["rows", "array"])
def test_epochs_of_batches_of_their_own_lengths_are_those_run_one_by_one(given):
    graph, state = learning()
    total = elman.graph.Variable(np.zeros((), "float32"), "total")
    plan = NativeExecutor().compile(
        Graph(graph.inputs, graph.outputs, (*graph.updates, (total, total.tensor * 0.5 + graph.outputs[0])))
    )
    orders = np.stack([ORDER[:7], ORDER[5:], ORDER[2:9]])
    sizes = {"T": np.maximum.reduceat(LENGTHS[orders], [0, 3, 6], axis=1) - [[0, 0, 0], [0, 1, 0], [0, 0, 2]]}
    noted = np.zeros(3, "float32")
    run = plan.run_epochs([given, LENGTHS], orders, 3, [(total, noted)], sizes)
    assert run is not None
    assert (run.steps, run.diverged, run.outputs, total.value) == (9, False, [], 0)
    made = state.value.copy()
    state.value[...] = 1
    for epoch, order in enumerate(orders):
        plan.run_epochs([given, LENGTHS], order[None], 3, sizes={"T": sizes["T"][epoch : epoch + 1]})
        assert total.value == noted[epoch]
        total.value[...] = 0
    np.testing.assert_array_equal(made, state.value)
    assert len(set(noted.tolist())) == 3


def learning(guarded: bool = False) -> tuple[Graph, elman.graph.Variable]:
    """A variable that every batch turns into something else, by what stands in its last step."""
    x, lengths = elman.Input((None, 3), name="x"), placeholder("lengths", (B,), "int32")
    x.mask = Mask(lengths=lengths)
    state = elman.graph.Variable(np.ones(5, "float32"), "state")
    seen = ops.sum(SimpleRNN(5, kernel_initializer="ones")(x), 0) + ops.cast(ops.size(x, 1, "float32"), "float32")
    updates = ((state, ops.tanh(state.tensor * 0.5 + seen)),)
    guard = 1.0 / (5.0 - ops.size(x, 1, "float32")) if guarded else None
    return Graph((x, lengths), (ops.sum(seen),), updates, guard), state


SIZES = {"T": np.array([[9, 7, 5, 9]])}
"""Of ORDER in batches of three; the first is the longest, whatever it needs."""


@pytest.mark.parametrize("given", [ROWS, np.asarray(ROWS)], ids=["rows", "array"])
def test_batches_of_their_own_lengths_are_those_cut_one_by_one(given):
    graph, state = learning()
    plan = NativeExecutor().compile(graph)
    order = ORDER[np.argsort(-LENGTHS[ORDER].reshape(4, 3), axis=1, kind="stable") + 3 * np.arange(4)[:, None]].ravel()
    sizes = {"T": LENGTHS[order].reshape(1, 4, 3).max(-1)}
    run = plan.run_epochs([given, LENGTHS], order[None], 3, sizes=sizes)
    assert run is not None
    assert (run.steps, run.diverged, run.outputs) == (4, False, [])
    made = state.value.copy()
    state.value[...] = 1
    for i, size in enumerate(sizes["T"][0]):
        rows = order[3 * i : 3 * i + 3]
        plan.run_batches([np.asarray(ROWS)[:, :size], LENGTHS], rows, 3)
    np.testing.assert_array_equal(made, state.value)
    assert ReferenceExecutor().compile(graph).run_epochs([given, LENGTHS], order[None], 3, sizes=sizes) is None


def test_a_batch_that_fails_ends_the_run():
    plan = NativeExecutor().compile(learning(guarded=True)[0])
    run = plan.run_epochs([ROWS, LENGTHS], ORDER[None], 3, sizes=SIZES)
    assert run is not None
    assert (run.steps, run.diverged) == (2, True)


def test_a_batch_that_does_not_fit_ends_the_run_before_it():
    graph = learning()[0]
    least, most = (NativeExecutor().compile(graph).needed([ROWS[:3, :n], LENGTHS[:3]]) for n in (7, 9))
    assert least < most
    plan = NativeExecutor().compile(graph, memory=most - 1)
    sizes = np.array([[5, 7, 9, 5]])
    for epochs, steps in ((1, 2), (2, 2), (4, 2)):  # behind a batch of its epoch, and as the first
        run = plan.run_epochs([ROWS, LENGTHS], ORDER.reshape(epochs, -1), 3, sizes={"T": sizes.reshape(epochs, -1)})
        assert run is not None
        assert (run.steps, run.diverged) == (steps, False)
    with pytest.raises(MemoryLimitError):
        plan.run_epochs([ROWS, LENGTHS], ORDER[None, 6:], 3, sizes={"T": sizes[:, 2:]})


def test_batches_that_cannot_be_cut_so_are_left_to_the_caller():
    x, y = elman.Input((None, 3), name="x"), elman.Input((4, None), name="y")
    late = NativeExecutor().compile(Graph((y,), (y * 2.0,)))
    orders, sizes = np.arange(2)[None], {"T": np.array([[3, 9]])}
    assert late.run_epochs([np.ones((2, 4, 9), "float32")], orders, 1, sizes=sizes) is None
    z = elman.Input((None, 3), name="z")
    both = NativeExecutor().compile(Graph((x, z), (x * z,)))
    wider = [np.ones((2, 4, 3), "float32"), np.ones((2, 9, 3), "float32")]  # alike once they are cut
    assert both.run_epochs(wider, orders, 1, sizes={"T": np.array([[3, 4]])}) is None
    plan = NativeExecutor().compile(Graph((x,), (x * 2.0,)))
    with pytest.raises(ValueError, match="a batch is longer than its arrays"):
        plan.run_epochs([np.ones((2, 4, 3), "float32")], orders, 1, sizes=sizes)
    for wrong in ([[3]], [[3, 3, 3]], [[]]):
        with pytest.raises(ValueError, match="sizes that do not fit the batches"):
            plan.run_epochs([np.ones((2, 4, 3), "float32")], orders, 1, sizes={"T": np.array(wrong, np.int64)})
    with pytest.raises(ValueError, match="sizes that do not fit the batches"):
        plan.run_epochs([np.ones((2, 4, 3), "float32")], np.zeros((1, 0), int), 1, sizes={"T": np.zeros((1, 0), int)})


def test_what_would_take_other_numbers_is_refused():
    rows = Rows([np.ones((2, 1)), np.ones((3, 1))], (2, 3, 1), np.dtype(float))
    mask, every = np.array([True, False]), slice(None)
    for key in (mask, mask[:, None], np.array([[0], [1]]), np.array(0)):
        with pytest.raises(IndexError, match="Rows: rows are taken by one axis of numbers, not by"):
            rows[key]
    late, missing = [(every, slice(1, None)), (every, slice(0, 3, 2))], [(every, every, slice(0)), (every, every, None)]
    one = [0, True, (0,), (every, 0), [0], mask.tolist(), (mask, every), (every, mask), None, ...]
    for key in (*late, *missing, *one):
        with pytest.raises(IndexError, match="Rows: only rows and first steps are cut"):
            rows[key]
    with pytest.raises(TypeError, match="'Rows' object is not iterable"):
        list(rows)
    assert rows[1:, :2, :].shape == (1, 2, 1)
