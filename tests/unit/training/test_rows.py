"""A list of sequences is read where it lies, and everything is as if it had been padded in one array."""

from __future__ import annotations

import gc
import tracemalloc
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import elman
from elman import callbacks, layers
from elman.errors import DataError, ShapeError
from elman.executors import Rows, native
from elman.shapes import B, T
from elman.training import measure, portions
from elman.training.arrays import Column, convert, take

RNG = np.random.default_rng(0)
LENGTHS = (3, 1, 40, 0, 7, 7, 23, 2, 40, 11, 5)
X = [RNG.normal(size=(n, 3)).astype("float32") for n in LENGTHS]
WORDS = [RNG.integers(1, 9, n).astype("int32") for n in LENGTHS]
EACH = [RNG.normal(size=(n, 1)).astype("float32") for n in LENGTHS]
LAST = RNG.normal(size=(len(LENGTHS), 2)).astype("float32")
REAL = Column("fit", "x", (B, T, 3), "float32")


def last() -> elman.Model:
    return elman.Sequential([layers.Input((None, 3)), layers.LSTM(4), layers.Dense(2)])


def deep() -> elman.Model:
    made = [layers.Dense(5, activation="tanh"), layers.GRU(4, return_sequences=True), layers.SimpleRNN(8)]
    return elman.Sequential([layers.Input((None, 3)), *made, layers.Dense(2)])


def each() -> elman.Model:
    made = [layers.Bidirectional(layers.SimpleRNN(4, return_sequences=True)), layers.Dense(1)]
    return elman.Sequential([layers.Input((None, 3)), *made])


def strided() -> elman.Model:
    made = [layers.Conv1D(4, 3, strides=2, padding="same"), layers.GlobalMaxPooling1D(), layers.Dense(2)]
    return elman.Sequential([layers.Input((None, 3)), *made])


def words() -> elman.Model:
    return elman.Sequential(
        [layers.Input((None,), dtype="int32"), layers.Embedding(9, 4), layers.GRU(4), layers.Dense(2)]
    )


def flat() -> elman.Model:
    return elman.Sequential([layers.Input((None, 1)), layers.SimpleRNN(4), layers.Dense(2)])


CASES: dict[str, tuple[Callable[[], elman.Model], list[np.ndarray], Any]] = {
    "last": (last, X, LAST),
    "deep": (deep, X, LAST),
    "each": (each, X, EACH),
    "strided": (strided, X, LAST),
    "words": (words, WORDS, LAST),
    "flat": (flat, [x[:, 0].copy() for x in X], LAST),
    "words in columns": (words, [w[:, None] for w in WORDS], LAST),
}


def copied(rows: list[np.ndarray]) -> list[np.ndarray]:
    """The same sequences, none of them in one piece: they are padded."""
    apart = [np.stack([row, row], -1)[..., 0] for row in rows]
    assert not any(row.flags.c_contiguous for row in apart if row.size > 1)
    return apart


def trained(case: str, given: Callable[[list[np.ndarray]], list[np.ndarray]], **options: Any) -> list[np.ndarray]:
    """Losses, weights, and what the model says of the same rows, of one whose data are `given`."""
    make, x, y = CASES[case]
    layers.set_seed(1)
    model = make()
    model.compile(elman.optimizers.Adam(0.01), "mse")
    x = given(x)
    losses = model.fit(x, y, **{"batch_size": 4, "epochs": 3, "verbose": 0, **options}).history["loss"]
    measured = model.evaluate(x, y, batch_size=3, verbose=0)
    said = model.predict(x, batch_size=4, verbose=0)
    answers = np.concatenate(said) if isinstance(said, list) else said
    step = model.train_on_batch(x, y)
    return [np.array(losses), *model.get_weights(), np.array(measured), np.array(step), answers]


def same(a: list[np.ndarray], b: list[np.ndarray]) -> None:
    for one, other in zip(a, b, strict=True):
        np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize("executor", ["native", "reference"])
@pytest.mark.parametrize("case", CASES)
def test_bits_are_those_of_padded_rows(case, executor, monkeypatch):
    monkeypatch.setenv("ELMAN_EXECUTOR", executor)
    assert isinstance(take(CASES[case][1], _column(case))[0], Rows)
    assert isinstance(take(copied(CASES[case][1]), _column(case))[0], np.ndarray)
    same(trained(case, list), trained(case, copied))


def _column(case: str) -> Column:
    (tensor,) = CASES[case][0]().inputs
    return Column("fit", "x", tensor.shape, tensor.dtype)


@pytest.mark.parametrize(
    "options",
    [{"shuffle": False}, {"batch_size": 32}, {"batch_size": 1}, {"validation_split": 0.3}, {"steps_per_epoch": 2}],
    ids="-".join,
)
def test_bits_however_rows_are_batched(options):
    same(trained("each", list, **options), trained("each", copied, **options))


@pytest.mark.skipif(not native.available(), reason="others cut each batch")
@pytest.mark.parametrize("batches", [1, 2, 100])
@pytest.mark.parametrize("given", [list, copied])
def test_bits_however_many_batches_a_call_takes(given, batches, monkeypatch):
    told = []

    class Progress(callbacks.Callback):
        def on_progress(self, done, logs=None):
            told.append(done)

    monkeypatch.setattr(measure.Pace, "learn", lambda self, *told: setattr(self, "batches", batches))
    together = trained("each", given, batch_size=2, callbacks=[Progress()])
    monkeypatch.setattr(native.NativePlan, "_cuttable", lambda *_: False)
    same(together, trained("each", given, batch_size=2))
    later = {1: [1, 2, 3, 4, 5, 6], 2: [2, 4, 6], 100: [6]}[batches]
    assert told == [6, *later, *later]  # how fast a batch is, nobody knows at first


def test_bits_of_windows_and_kept_states():
    def run(given):
        layers.set_seed(1)
        model = each_step()
        model.compile("sgd", "mse")
        return [np.array(model.fit(given(X), EACH, truncate=6, batch_size=2, verbose=0).history["loss"])]

    def each_step() -> elman.Model:
        return elman.Sequential([layers.Input((None, 3)), layers.GRU(4, return_sequences=True), layers.Dense(1)])

    same(run(list), run(copied))


@pytest.mark.skipif(not native.available(), reason="only the native executor knows what a plan needs")
def test_bits_of_portions(monkeypatch):
    monkeypatch.setattr(portions, "MOST", 60_000)
    same(trained("each", list, batch_size=11), trained("each", copied, batch_size=11))


def test_no_copy_is_made():
    rows = [RNG.normal(size=(n, 3)).astype("float32") for n in range(1000, 1040)]
    tracemalloc.start()
    made, lengths = take(rows, REAL)
    most = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert isinstance(made, Rows)
    assert all(kept is row for kept, row in zip(made.parts, rows, strict=True))
    assert lengths is not None
    assert lengths.tolist() == [len(row) for row in rows]
    # What is looked at together is at most two rows beyond a fixed size.
    assert most < sum(row.nbytes for row in rows) / 1.5


def test_rows_stay_alive_and_as_they_are():
    class Forget(callbacks.Callback):
        def on_epoch_begin(self, epoch, logs=None):
            given.clear()
            gc.collect()

    def run(rows, *told):
        layers.set_seed(1)
        model = last()
        model.compile("sgd", "mse")
        return model.fit(rows, LAST, batch_size=4, epochs=2, verbose=0, callbacks=list(told)).history["loss"]

    given = [x.copy() for x in X]
    for row in given:
        row.flags.writeable = False
    assert run(given, Forget()) == run(X)
    assert not given


@pytest.mark.parametrize("rows", [lambda x: x, lambda x: [row.astype("float64") for row in x]], ids=["lying", "padded"])
def test_what_is_wrong_is_named_alike(rows):
    x = [row.copy() for row in X]
    x[6][20, 1] = np.inf
    text = r"x must be finite\. Received x=inf: x\[6, 20, 1\], row 6, step 20, column 1\. Fill the gap"
    with pytest.raises(DataError, match=text):
        take(rows(x), REAL)
    flat = [row[:, 0].copy() for row in X]
    flat[2][5] = np.nan
    with pytest.raises(DataError, match=r"x must be finite\. Received x=nan: x\[2, 5, 0\], row 2, step 5, column 0"):
        take(rows(flat), Column("fit", "x", (B, T, 1), "float32"))
    with pytest.raises(ShapeError, match=r"x must have shape"):
        take(rows([row[:, :2].copy() for row in X]), REAL)


def test_numbers_that_overflow_their_sum_are_finite():
    rows = [np.full((n, 3), 3e38, "float32") for n in (2, 9)]
    assert isinstance(take(rows, REAL)[0], Rows)


@pytest.mark.parametrize(
    "rows",
    [
        [X[0], X[1].astype("float64")],
        [X[0], X[2][::2]],
        [X[0], X[1].tolist()],
        [X[0], X[1][:, :2]],
    ],
    ids=["types", "pieces", "lists", "features"],
)
def test_what_does_not_lie_well_is_copied(rows):
    column = Column("fit", "x", (B, T, len(rows[1][0])), "float32")
    try:
        expected = convert(rows, column)
    except ShapeError as error:
        with pytest.raises(ShapeError, match=str(error)[:40]):
            take(rows, column)
        return
    values, lengths = take(rows, column)
    assert isinstance(values, np.ndarray)
    np.testing.assert_array_equal(values, expected.values)
    np.testing.assert_array_equal(lengths, expected.lengths)


def test_rows_are_cut_as_an_array_is():
    rows, lengths = take(X, REAL)
    whole = convert(X, REAL).values
    np.testing.assert_array_equal(np.asarray(rows), whole)
    np.testing.assert_array_equal(lengths, convert(X, REAL).lengths)
    for cut in (slice(2, 5), (slice(None), slice(4)), (slice(1, 9, 2), slice(100), slice(None))):
        assert isinstance(rows[cut], Rows)
        assert rows[cut].shape == whole[cut].shape
        np.testing.assert_array_equal(np.asarray(rows[cut]), whole[cut])
    order = np.array([3, 0, 2, 2])
    np.testing.assert_array_equal(rows[:, :9][order], whole[:, :9][order])
    assert rows.ndim == 3
    assert np.asarray(rows, np.float64).dtype == np.float64
    with pytest.raises(ValueError, match="must be a copy"):
        np.asarray(rows, copy=False)
