"""Truncated backpropagation through time: windows of long sequences, states carried, started anew where asked."""

from __future__ import annotations

import numpy as np
import pytest

from elman import Sequential
from elman.errors import ArgumentError, DataError, DTypeError, ShapeError
from elman.layers import GRU, LSTM, Bidirectional, ConvLSTM1D, Dense, Embedding, Input, SimpleRNN
from elman.training.program import Signature
from elman.training.sources import DataSet
from elman.training.windows import Windows, _marks
from tests.tolerances import assert_close

ROWS, STEPS, FEATURES = 4, 24, 2


def model(rate: float = 0.0, stateful: bool = False, **options) -> Sequential:
    made = Sequential([
        Input((None, FEATURES), batch_size=ROWS if stateful else None),
        GRU(5, return_sequences=True, stateful=stateful, **options),
        LSTM(3, return_sequences=True, stateful=stateful),
        Dense(1),
    ], name="m")  # fmt: skip
    for i, w in enumerate(made.weights):
        w.assign(np.random.default_rng(i).normal(size=w.shape) * 0.4)
    made.compile(sgd(rate), "mse")
    return made


def sgd(rate: float) -> dict:
    return {"class_name": "SGD", "config": {"learning_rate": rate}}


def data(rng, rows=ROWS, steps=STEPS):
    return rng.normal(size=(rows, steps, FEATURES)).astype("float32"), rng.normal(size=(rows, steps, 1)).astype("f4")


def losses(made: Sequential, x, y, **options) -> list[float]:
    return made.fit(x, y, shuffle=False, verbose=0, **options).history["loss"]


def test_one_window_is_an_ordinary_batch(rng):
    x, y = data(rng)
    plain, cut = model(0.1), model(0.1)
    losses(plain, x, y, epochs=3, batch_size=ROWS)
    losses(cut, x, y, epochs=3, batch_size=ROWS, truncate=STEPS)
    for a, b in zip(plain.weights, cut.weights, strict=True):
        assert_close(b.value, a.value, ROWS * STEPS, 3 * STEPS)


def test_windows_are_batches_of_a_stateful_model(rng):
    x, y = data(rng)
    kept, cut = model(0.1, stateful=True), model(0.1)
    for _ in range(2):
        kept.reset_states()
        for t in range(0, STEPS, 6):
            kept.train_on_batch(x[:, t : t + 6], y[:, t : t + 6])
    losses(cut, x, y, epochs=2, batch_size=ROWS, truncate=6)
    for a, b in zip(kept.weights, cut.weights, strict=True):
        assert_close(b.value, a.value, ROWS * 6, 2 * STEPS)


@pytest.mark.parametrize("truncate", [1, 5, 8, 100])
def test_states_go_from_window_to_window(truncate, rng):
    x, y = data(rng)
    made = model()
    sizes = np.diff(np.arange(-(-STEPS // truncate) + 1) * STEPS // -(-STEPS // truncate))
    expected = np.array([((made.predict(x, verbose=0) - y) ** 2)[:, t].mean() for t in range(STEPS)])
    means = [part.mean() for part in np.split(expected, np.cumsum(sizes)[:-1])]
    assert sizes.max() <= truncate
    assert_close(
        losses(made, x, y, truncate=truncate, batch_size=ROWS)[0], np.mean(means), ROWS * STEPS, STEPS, np.float32
    )


@pytest.mark.parametrize("inside", [False, True], ids=["at windows", "anywhere"])
def test_images_are_read_in_windows_too(inside, rng):
    x, y = rng.normal(size=(1, STEPS, 4, 2)).astype("float32"), rng.normal(size=(1, STEPS, 4, 3)).astype("float32")
    made = Sequential([Input((None, 4, 2)), ConvLSTM1D(3, 3, padding="same", return_sequences=True)])
    made.compile(sgd(0.0), "mse")
    at = [7, 15] if inside else [6, 12]
    resets = np.zeros(STEPS, bool)
    resets[at] = True
    pieces = zip(np.split(x, at, 1), np.split(y, at, 1), strict=True)
    expected = np.concatenate([((made.predict(a, verbose=0) - b) ** 2)[0] for a, b in pieces]).mean()
    assert_close(losses(made, x, y, truncate=6, batch_size=1, resets=resets)[0], expected, STEPS, STEPS, np.float32)


@pytest.mark.parametrize("inside", [False, True], ids=["at windows", "anywhere"])
def test_resets_start_sequences_anew(inside, rng):
    x, y = data(rng, rows=1)
    at = [7, 8, 15] if inside else [6, 12]
    resets = np.zeros(STEPS, bool)
    resets[at] = True
    made = model()
    pieces = zip(np.split(x, at, 1), np.split(y, at, 1), strict=True)
    expected = np.concatenate([((made.predict(a, verbose=0) - b) ** 2)[0] for a, b in pieces]).mean()
    assert_close(losses(made, x, y, truncate=6, batch_size=1, resets=resets)[0], expected, STEPS, STEPS, np.float32)


def test_ragged_streams_follow_one_another_without_padding(rng):
    x, y = data(rng)
    lengths = (24, 3, 0, 9)
    a, b = ([rows[:n] for rows, n in zip(whole, lengths, strict=True)] for whole in (x, y))
    made = model()
    errors = [((made.predict(row[None], verbose=0)[0] - want) ** 2) for row, want in zip(a, b, strict=True) if len(row)]
    expected = np.concatenate(errors).mean()
    assert_close(losses(made, a, b, truncate=12, batch_size=1)[0], expected, 36, STEPS, np.float32)


def test_rows_are_contiguous_and_cover_everything():
    x = np.arange(23.0).reshape(1, 23, 1)
    windows = Windows("m", DataSet([x], Signature((False,)), [None]), steps=4, rows=3)
    assert len(windows) == 2
    assert [row.tolist() for row in windows._index[:, [0, -1]]] == [[0, 7], [8, 15], [15, 22]]
    assert windows._restart[:, 0].all()
    assert Windows("m", DataSet([x], Signature((False,)), [None]), steps=4).rows == 5
    assert Windows("m", DataSet([x], Signature((False,)), [None]), steps=100).rows == 1


def test_memory_is_that_of_a_window(rng):
    used = []
    for steps in (200, 2000):
        made = Sequential([Input((None, FEATURES)), LSTM(32, return_sequences=True), Dense(1)])
        made.compile("sgd", "mse")
        losses(made, *data(rng, steps=steps), truncate=20, batch_size=ROWS)
        (plan,) = made.make_steps()._plans.values()
        used.append(plan._plan.arena_bytes())
    assert used[0] == used[1]


def test_sample_weights_indices_and_progress(rng):
    x = rng.integers(0, 9, (2, 30))
    made = Sequential([Input((None,), dtype="int32"), Embedding(9, 4), SimpleRNN(4, return_sequences=True), Dense(9)])
    made.compile("sgd", {"class_name": "SparseCategoricalCrossentropy", "config": {"from_logits": True}})
    weighted = losses(made, x[:, :-1], x[:, 1:], truncate=10, sample_weight=np.array([1.0, 0.0]), batch_size=2)
    assert np.isfinite(weighted).all()
    assert made.history.params["steps"] == 3
    assert len(losses(made, x[:, :-1], x[:, 1:], truncate=10, steps_per_epoch=1, epochs=2)) == 2


@pytest.mark.parametrize("ragged", [False, True])
def test_resets_are_those_of_the_rows_that_are_trained_on(ragged, rng):
    x, y = data(rng)
    resets = rng.random((ROWS, STEPS)) < 0.2
    lengths = (9, 5, 20, STEPS) if ragged else (STEPS,) * ROWS
    a, b, rows = ([row[:n] for row, n in zip(whole, lengths, strict=True)] for whole in (x, y, resets))
    made = model()
    half = losses(made, a[:2], b[:2], truncate=6, batch_size=1, resets=rows[:2])
    given = rows if ragged else resets
    assert losses(made, a, b, truncate=6, batch_size=1, resets=given, validation_split=0.5) == half
    with pytest.raises(ShapeError, match=rf"resets\[1\] must have shape \({lengths[1]},\), .*Received .*\(2,\)"):
        losses(made, a, b, truncate=6, resets=[rows[0], rows[1][:2], *rows[2:]])


def test_what_cannot_be_read_in_windows(rng):
    x, y = data(rng)
    with pytest.raises(ArgumentError, match=r"truncate must be a whole number from 1"):
        losses(model(), x, y, truncate=0)
    with pytest.raises(ArgumentError, match=r"resets must be left out without truncate"):
        losses(model(), x, y, resets=np.zeros((ROWS, STEPS), bool))
    with pytest.raises(ShapeError, match=r"resets must have shape \(4, 24\)\. .*for every step of x"):
        losses(model(), x, y, truncate=5, resets=np.zeros(3, bool))
    with pytest.raises(DataError, match=r"x must have steps.*Leave empty sequences out"):
        losses(model(), x[:, :0], y[:, :0], truncate=5)
    with pytest.raises(ArgumentError, match=r"truncate must be left out where x gives batches"):
        model().fit(iter([(x, y)]), truncate=5, verbose=0)
    last = Sequential([Input((None, FEATURES)), GRU(3)])
    last.compile("sgd", "mse")
    with pytest.raises(ArgumentError, match=r"have outputs of shape \(B, T, \.\.\.\), T open.*return_sequences=True"):
        losses(last, x, y[:, 0].repeat(3, -1), truncate=5)
    both = Sequential([Input((None, FEATURES)), Bidirectional(GRU(3, return_sequences=True))])
    both.compile("sgd", "mse")
    with pytest.raises(ArgumentError, match="reads the sequence from its end"):
        losses(both, x, y.repeat(6, -1), truncate=5)


def test_a_loss_that_is_not_finite_is_told(rng):
    x, y = data(rng)
    made = model(1e30)
    with pytest.raises(ArithmeticError, match="nan or inf"):
        losses(made, x, y, truncate=5, epochs=5)


def test_it_goes_with_dropout_and_recompute(rng):
    x, y = data(rng)
    made = model(0.1, dropout=0.2, recurrent_dropout=0.2, zoneout=0.2)
    made.compile("sgd", "mse", recompute="sqrt")
    resets = rng.random((ROWS, STEPS)) < 0.2
    assert np.isfinite(losses(made, x, y, truncate=7, resets=resets, epochs=2)).all()


@pytest.mark.parametrize("mark", [np.nan, 2, "a", None])
def test_resets_are_truth_values(mark: object) -> None:
    with pytest.raises(DTypeError, match="resets must be True or False, or 1 and 0"):
        _marks("m", np.full((4, 20), mark), np.full(4, 20), 20)
    for one in (True, 1, 1.0):
        assert _marks("m", np.full((4, 20), one), np.full(4, 20), 20).all()
