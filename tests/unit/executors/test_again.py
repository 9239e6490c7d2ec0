"""A plan run again on arrays like those of a run before: what is the same, what is refused, and what is left alone."""

from __future__ import annotations

import subprocess
import sys
import threading
import weakref

import numpy as np
import pytest

from elman import Sequential, ops
from elman.errors import DataError
from elman.executors import NativeExecutor, ReferenceExecutor, available
from elman.graph import Graph, Variable, placeholder
from elman.layers import GRU, Dense, Embedding, Input
from elman.shapes import B, T

native = pytest.mark.skipif(not available(), reason="the compiled extension is missing")


def of_rows(value: float = 2.0, rows: int = 2) -> np.ndarray:
    return np.full((rows, 3), value, "float32")


def test_the_reference_has_no_such_way():
    x = placeholder("x", (B, 3))
    assert ReferenceExecutor().compile(Graph((x,), (x + 1.0,))).again([of_rows()]) is None


@native
def test_results_are_those_of_a_run_in_new_arrays():
    x = placeholder("x", (B, 3))
    plan = NativeExecutor().compile(Graph((x,), (x * 2.0, ops.sum(x))))
    again = plan.again([of_rows()])
    read_only = of_rows(5.0)
    read_only.flags.writeable = False
    for given in (of_rows(1.0), read_only, of_rows(7.0)):
        first, second = again(given), again(given)
        for made in (first, second):
            assert [a.tolist() for a in made] == [a.tolist() for a in plan.run([given]).outputs]
        assert not np.shares_memory(first[0], second[0])


@native
def test_arrays_that_are_different_are_not_taken_and_nothing_is_done():
    x, steps = placeholder("x", (B, 3)), Variable(np.zeros((), "float32"))
    plan = NativeExecutor().compile(Graph((x,), (x * 2.0,), ((steps, steps + 1.0),)))
    again = plan.again([of_rows()])
    others = [
        of_rows(rows=1),
        of_rows().T,
        of_rows().astype("float64"),
        of_rows().astype(">f4"),
        np.zeros((2, 3), "int32"),
    ]
    others += [np.zeros((2, 6), "float32")[:, ::2], of_rows().ravel(), of_rows()[None]]
    for other in (*others, of_rows().tolist(), None, "abc", np.float32(1)):
        assert again(other) is None
    assert again() is None and again(of_rows(), of_rows()) is None
    assert steps.value == 0
    assert again(of_rows()) and steps.value == 1


@native
def test_runs_on_other_sizes_and_memory_given_back_in_between_change_nothing():
    x = placeholder("x", (B, T, 3))
    plan = NativeExecutor().compile(Graph((x,), (x * 2.0,)))
    given = np.ones((1, 4, 3), "float32")
    again = plan.again([given])
    for between in (lambda: plan.run([np.ones((50, 1000, 3), "float32")]), plan.release):
        between()
        assert np.array_equal(again(given)[0], 2 * given)


@native
def test_a_guard_that_fails_leaves_no_results_and_no_updates():
    x, kept = placeholder("x", (B, 3)), Variable(np.zeros((), "float32"))
    total = ops.sum(x)
    plan = NativeExecutor().compile(Graph((x,), (total,), ((kept, total),), guard=total))
    again = plan.again([of_rows()])
    assert again(of_rows(np.nan)) == [] and kept.value == 0
    assert again(of_rows()) == [12.0] and kept.value == 12


@native
def test_threads_of_python_share_one_way():
    x = placeholder("x", (B, T, 3))
    again = NativeExecutor().compile(Graph((x,), (ops.exp(x),))).again([np.zeros((2, 50, 3), "float32")])
    wrong: list[float] = []

    def work(value: float) -> None:
        given = np.full((2, 50, 3), value, "float32")
        expected = again(given)[0]
        wrong.extend(value for _ in range(200) if not np.array_equal(again(given)[0], expected))
        if abs(expected[0, 0, 0] - np.exp(value)) > 1e-5:
            wrong.append(value)

    threads = [threading.Thread(target=work, args=(i / 10,)) for i in range(6)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    assert not wrong


WAITS = """
import faulthandler, threading
import numpy as np
from elman.executors import NativeExecutor
from elman.graph import Graph, placeholder
from elman import ops
from elman.shapes import B, T

faulthandler.dump_traceback_later(60, exit=True)
x, data = placeholder("x", (B, T, 8)), np.zeros((1, 400_000, 8), "float32")
finals, _ = ops.scan(lambda s, v: ([ops.tanh(s[0] + v[0])], []), [ops.zeros((B, 8))], [ops.swapaxes(x, 0, 1)])
plan = NativeExecutor().compile(Graph((x,), (finals[0],)))
again = plan.again([data])
for ask in (lambda: plan.needed([data]), lambda: plan.profile(1), plan.release):
    began, ended = threading.Event(), threading.Event()

    def work():
        while not ended.is_set():
            began.set()
            again(data)

    other = threading.Thread(target=work)
    other.start()
    for _ in range(5):
        began.clear()
        began.wait()
        ask()
    ended.set()
    other.join()
print("done")
"""


@native
def test_who_waits_for_a_run_of_another_thread_lets_python_go_on():
    # A run asks Python for signals: one that waited for the run and kept Python meanwhile would wait for ever.
    run = subprocess.run([sys.executable, "-c", WAITS], check=False, capture_output=True, text=True)
    assert run.stdout == "done\n", run.stderr


@native
def test_the_arrays_of_a_run_before_are_not_kept_and_may_become_others():
    x = placeholder("x", (B, 3))
    plan = NativeExecutor().compile(Graph((x,), (x * 2.0,)))
    given = of_rows(rows=4)
    gone, again = weakref.ref(given), plan.again([given])
    given.shape = (3, 4)
    assert again(given) is None
    assert again(of_rows(3.0, rows=4))[0].tolist() == [[6.0] * 3] * 4
    del given
    assert gone() is None


@native
def test_results_of_no_run_are_refused():
    x = placeholder("x", (B, 3))
    plan = NativeExecutor().compile(Graph((x,), (x * 2.0,)))
    with pytest.raises(ValueError, match="does not fit"):
        plan._plan.read([of_rows()])
    with pytest.raises(RuntimeError, match="last run"):
        plan._plan.profile(1)


def test_a_batch_like_the_last_one_with_an_index_outside_the_table_is_named(rng):
    model = Sequential([Input((4,), dtype="int32"), Embedding(10, 3), GRU(2), Dense(1)])
    model.compile("sgd", "mse")
    x, y = rng.integers(0, 10, (2, 4)).astype("int32"), np.ones((2, 1), "float32")
    for call in (lambda x: model.train_on_batch(x, y), model.predict_on_batch):
        call(x), call(x)
        with pytest.raises(DataError, match="between 0 and 9"):
            call(np.where(x == x[0, 0], 10, x).astype("int32"))
        call(x)


@native
def test_what_fails_the_short_way_goes_the_long_way(monkeypatch):
    model = Sequential([Input((4, 2)), GRU(2), Dense(1)])
    x, asked = np.ones((2, 4, 2), "float32"), list[tuple[int, ...]]()
    first, _ = model.predict_on_batch(x), model.predict_on_batch(x)  # what comes twice is kept

    def full(*arrays: np.ndarray) -> None:
        asked.append(arrays[0].shape)
        raise MemoryError(1 << 40, 1 << 30, 2)

    monkeypatch.setattr(model, "_predicts", model._predicts._replace(again=full))
    assert np.array_equal(model.predict_on_batch(x), first) and asked == [(2, 4, 2)]


@native
@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_who_asks_for_it_gets_no_results_of_nan(bad):
    x, index = placeholder("x", (B, 3)), placeholder("index", (B,), "int32")
    plan = NativeExecutor().compile(Graph((x, index), (ops.where(x > 0.0, 1.0, 2.0),)))
    numbers = np.zeros(2, "int32")
    looking, blind = plan.again([of_rows(), numbers], look=True), plan.again([of_rows(), numbers])
    wrong = of_rows()
    wrong[1, 2] = bad
    assert not plan._looks and looking(wrong, numbers) == [] and len(blind(wrong, numbers)) == 1
    assert len(looking(of_rows(), numbers)) == 1
    empty = plan.again([of_rows(rows=0), numbers[:0]], look=True)
    assert empty(of_rows(rows=0), numbers[:0])[0].shape == (0, 3)
