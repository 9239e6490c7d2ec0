"""Ragged targets of outputs that are not as long as x: as long as what predict gives of each row."""

from __future__ import annotations

import numpy as np
import pytest

from elman import Model
from elman.errors import DataError
from elman.layers import GRU, AveragePooling1D, Conv1D, Dense, Input, MaxPooling1D, UpSampling1D
from elman.optimizers import SGD
from tests.tolerances import assert_close

LENGTHS = (7, 3, 10, 4, 1)

SHORTER = {
    "same": lambda: Conv1D(3, 3, strides=2, padding="same"),
    "causal": lambda: Conv1D(3, 2, strides=3, padding="causal"),
    "valid": lambda: Conv1D(3, 2, strides=2, padding="valid"),
    "max": lambda: MaxPooling1D(2, padding="same"),
    "average": lambda: AveragePooling1D(3, padding="same"),
    "up": lambda: UpSampling1D(2),
}

ALONE = ("causal", "valid", "max", "up")
"""Where a row alone is cut as it is in a batch: what goes before its first step does not follow from the longest."""


def answer(layer):
    x = Input((None, 2))
    model = Model(x, Dense(2)(layer()(GRU(3, return_sequences=True)(x))))
    model.compile(SGD(1.0), "mse")  # a step so large that weights tell its digits
    return model


def data(model, rng):
    x = [rng.normal(size=(n, 2)).astype(np.float32) for n in LENGTHS]
    return x, [rng.normal(size=row.shape).astype(np.float32) for row in model.predict(x, verbose=0)]


def stepped(model, weights, x, y):
    """The loss of a batch, and how far one step of training moves the weights."""
    model.set_weights(weights)
    loss = model.train_on_batch(x, y)
    return loss, [after - before for after, before in zip(model.get_weights(), weights, strict=True)]


@pytest.mark.parametrize("name", SHORTER)
def test_the_loss_is_that_of_what_predict_gives(name, rng):
    model = answer(SHORTER[name])
    x, y = data(model, rng)
    gap = [(a - b) ** 2 for a, b in zip(y, model.predict(x, verbose=0), strict=True)]
    expected = np.concatenate(gap).mean()
    assert_close(model.evaluate(x, y, verbose=0), expected, length=64, dtype=np.float32)
    assert_close(model.train_on_batch(x, y), expected, length=64, dtype=np.float32)


@pytest.mark.parametrize("name", ALONE)
def test_rows_learn_together_as_they_do_alone(name, rng):
    model = answer(SHORTER[name])
    x, y = data(model, rng)
    weights = model.get_weights()
    loss, moved = stepped(model, weights, x, y)
    alone = [(len(b), *stepped(model, weights, a[None], b[None])) for a, b in zip(x, y, strict=True) if len(b)]
    total = sum(n for n, _, _ in alone)
    assert_close(loss, sum(n * each for n, each, _ in alone) / total, len(alone), dtype=np.float32)
    for i, found in enumerate(moved):
        assert_close(found, sum(n * each[i] for n, _, each in alone) / total, length=64, dtype=np.float32)


@pytest.mark.parametrize("name", ALONE)
def test_batches_are_as_long_as_their_longest_row(name, rng):
    model = answer(SHORTER[name])
    x, y = ([row for row in rows for _ in range(5)][:-5] for rows in data(model, rng))  # without the row of no steps
    y = [row + np.float32(i) for i, row in enumerate(y)]
    gap = [((a - b) ** 2).mean() for a, b in zip(y, model.predict(x, verbose=0), strict=True)]
    model.compile(SGD(0.0), "mse")
    assert_close(model.evaluate(x, y, batch_size=1, verbose=0), np.mean(gap), length=64, dtype=np.float32)
    for options in ({"batch_size": 1}, {"batch_size": 5, "shuffle": False}):
        found = model.fit(x, y, verbose=0, **options).history["loss"]
        assert_close(found[0], np.mean(gap), length=64, dtype=np.float32)


def test_weights_of_steps_are_as_long_as_the_output(rng):
    model = answer(SHORTER["causal"])
    x, y = data(model, rng)
    weight = [np.arange(len(row), dtype=np.float32) for row in y]
    gap = [w * ((a - b) ** 2).mean(-1) for a, b, w in zip(y, model.predict(x, verbose=0), weight, strict=True)]
    found = model.evaluate(x, y, sample_weight=weight, verbose=0)
    assert_close(found, np.concatenate(gap).sum() / sum(map(len, y)), length=64, dtype=np.float32)


def test_targets_of_other_lengths_are_refused(rng):
    model = answer(SHORTER["causal"])
    x, y = data(model, rng)
    with pytest.raises(
        DataError, match=r"must be as long as the output, row by row.*row 2.*Give one target for each step"
    ):
        model.fit(x, [*y[:2], y[2][:-1], *y[3:]], verbose=0)
    with pytest.raises(DataError, match=r"must be as long as the output, row by row"):
        model.fit(x, x, verbose=0)
