"""Ragged data go through a plan in batches of like length, and nothing else changes."""

from __future__ import annotations

import numpy as np
import pytest

import elman
from elman import layers
from elman.training.buckets import MOST_STEPS, POOL, Trim, by_length, neighbours
from elman.training.sources import DataSet
from tests.tolerances import assert_close

RNG = np.random.default_rng(0)


def _ragged(rows: int, longest: int) -> list[np.ndarray]:
    return [RNG.normal(size=(int(n), 2)).astype("float32") for n in RNG.integers(1, longest, rows)]


def _model(sequences: bool = False) -> elman.Model:
    layers.set_seed(1)
    model = elman.Sequential(
        [layers.Input((None, 2)), layers.SimpleRNN(5, return_sequences=sequences), layers.Dense(1)], seed=3
    )
    model.compile("sgd", "mse")
    return model


def test_every_row_comes_once_and_batches_are_alike_in_length():
    length = RNG.integers(1, 1000, 2003)
    order = RNG.permutation(2003)
    made = by_length(order, length, 8)
    assert sorted(made.tolist()) == list(range(2003))
    spread = np.mean([np.ptp(length[made[i : i + 8]]) for i in range(0, 2000, 8)])
    assert spread < 1000 / POOL * 1.5
    assert np.mean([np.ptp(length[order[i : i + 8]]) for i in range(0, 2000, 8)]) > 500


def test_an_epoch_sees_every_row_and_depends_on_the_seed_alone():
    x, y = _ragged(50, 30), RNG.normal(size=(50, 1))
    one, two = _model(), _model()
    for model in (one, two):
        model.fit(x, y, batch_size=4, epochs=2, verbose=0)
    for a, b in zip(one.get_weights(), two.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize("sequences", [False, True])
def test_predict_and_evaluate_give_what_padded_data_give(sequences):
    x = _ragged(21, 12)
    y = [row[:, :1] for row in x] if sequences else RNG.normal(size=(21, 1))
    model = _model(sequences)
    small, whole = model.predict(x, batch_size=4, verbose=0), model.predict(x, batch_size=21, verbose=0)
    for a, b in zip(small, whole, strict=True):
        assert a.shape == b.shape
        assert_close(a, b, length=7, steps=12)
    if not sequences:  # a mean over steps weighs batches by their rows, as in Keras
        losses = [np.float32(model.evaluate(x, y, batch_size=size, verbose=0)) for size in (4, 21)]
        assert_close(losses[0], losses[1], length=21, steps=12)


def _parts(length, count, batch_size):
    """Which rows meet, by the lengths of all."""
    trim = Trim(DataSet([length], ((), ()), [length]), [{}], {"T": length})
    return [rows.tolist() for rows in trim.sorted(count, batch_size)]


def test_rows_of_every_batch_come_longest_first():
    length = np.array([2, 5, 5, 1, 3, 4, 0])
    trim = Trim(DataSet([length], ((), ()), [length]), [{}], {"T": length})
    order, sizes = trim.parted(np.array([3, 1, 2, 0, 5, 4, 6]), 3)
    assert order.tolist() == [1, 2, 3, 5, 4, 0, 6]
    assert {name: n.tolist() for name, n in sizes.items()} == {"T": [5, 4, 1]}


@pytest.mark.parametrize("rows", [0, 3, 8, 403, 2003])
def test_orders_of_several_epochs_are_those_of_each(rows):
    length = RNG.integers(0, 30, 2003)
    trim = Trim(DataSet([length], ((), ()), [length]), [{}], {"T": length})
    orders = np.stack([RNG.permutation(2003)[:rows] for _ in range(3)])
    alike = by_length(orders, length, 8)
    np.testing.assert_array_equal(alike, [by_length(order, length, 8) for order in orders])
    made, sizes = trim.parted(alike, 8)
    each = [trim.parted(order, 8) for order in alike]
    np.testing.assert_array_equal(made, [order for order, _ in each])
    np.testing.assert_array_equal(sizes["T"], [n["T"] for _, n in each])


def test_batches_that_only_answer_hold_no_more_steps_than_fit():
    length = np.array([MOST_STEPS + 5, 3, MOST_STEPS // 2, 1, MOST_STEPS // 3, 0, MOST_STEPS // 3])
    assert _parts(length, 7, 4) == [[1, 3, 5], [6, 4], [2], [0]]
    assert _parts(length * 0 + 1, 5, 2) == [[1, 0], [3, 2], [4]]


def test_one_long_row_does_not_make_all_others_long(monkeypatch):
    x = [*_ragged(20, 12), RNG.normal(size=(900, 2)).astype("float32")]
    model, targets = _model(), RNG.normal(size=(21, 1))
    whole = model.predict(x, batch_size=32, verbose=0), np.float32(model.evaluate(x, targets, verbose=0))
    monkeypatch.setattr("elman.training.buckets.MOST_STEPS", 100)
    parted = model.predict(x, batch_size=32, verbose=0), np.float32(model.evaluate(x, targets, verbose=0))
    for a, b in zip(parted, whole, strict=True):
        assert_close(a, b, length=21, steps=900)


def test_rows_without_shuffling_stay_in_order():
    x, y = _ragged(12, 9), RNG.normal(size=(12, 1))
    one, two = _model(), _model()
    one.fit(x, y, batch_size=3, shuffle=False, verbose=0)
    for start in range(0, 12, 3):
        two.train_on_batch(x[start : start + 3], y[start : start + 3])
    for a, b in zip(one.get_weights(), two.get_weights(), strict=True):
        assert_close(a, b, length=7, steps=36)


def test_sequences_of_length_zero_are_legal():
    x = [np.zeros((0, 2), "float32"), np.zeros((0, 2), "float32"), np.ones((3, 2), "float32")]
    model = _model()
    model.fit(x, np.zeros((3, 1)), batch_size=2, verbose=0)
    assert np.isfinite(model.predict(x, batch_size=2, verbose=0)).all()


def test_embedded_ids_of_a_ragged_batch_keep_their_lengths():
    ids = [[1, 2, 3], [4], [2, 2]]
    model = elman.Sequential([layers.Input((None,), dtype="int32"), layers.Embedding(5, 3), layers.SimpleRNN(4)])
    alone = np.concatenate([model.predict(np.array([row]), verbose=0) for row in ids])
    assert_close(model.predict(ids, verbose=0), alone, length=7, steps=3)


@pytest.mark.parametrize("batch_size", [2, 32])
def test_predictions_behind_pooling_are_as_long_as_what_strides_leave(batch_size):
    made = [layers.Input((None, 2)), layers.MaxPooling1D(2, padding="same"), layers.MaxPooling1D(3)]
    model = elman.Sequential([*made, layers.SimpleRNN(3, return_sequences=True)])
    rows = [RNG.normal(size=(n, 2)).astype("float32") for n in (18, 6, 12, 1)]
    found = model.predict(rows, batch_size=batch_size, verbose=0)
    assert [len(row) for row in found] == [3, 1, 2, 0]
    for row, steps in zip(rows[:3], found, strict=False):
        assert_close(steps, model.predict(row[None], verbose=0)[0], 8, 3, np.float32)


def test_rows_in_their_order_are_parted_where_one_is_long(monkeypatch):
    monkeypatch.setattr("elman.training.buckets.MOST_STEPS", 20)
    assert [(p.start, p.stop) for p in neighbours([], 4)] == []
    assert [(p.start, p.stop) for p in neighbours([1, 2, 50, 1, 1, 1, 1, 1], 4)] == [(0, 2), (2, 3), (3, 7), (7, 8)]


def test_outputs_along_time_without_features_are_padded(monkeypatch):
    x = layers.Input((None, 2))
    model = elman.Model(x, layers.GRU(1, return_sequences=True)(x)[:, :, 0])
    rows = [*_ragged(5, 9), np.ones((30, 2), "float32")]
    monkeypatch.setattr("elman.training.buckets.MOST_STEPS", 40)
    found = model.predict(rows, verbose=0)
    assert found.shape == (6, 30)
    for row, steps in zip(rows, found, strict=True):
        assert_close(steps[: len(row)], model.predict(row[None], verbose=0)[0], 3, 30)
        assert not steps[len(row) :].any()
