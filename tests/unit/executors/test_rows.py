"""Plans read rows that lie apart as those of one padded array."""

from __future__ import annotations

import numpy as np
import pytest

import elman
from elman import ops
from elman.errors import DTypeError
from elman.executors import Rows, native
from elman.executors.native import NativeExecutor
from elman.executors.reference import ReferenceExecutor
from elman.graph import Graph, placeholder
from elman.layers import GRU, LSTM, Dense, SimpleRNN
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
