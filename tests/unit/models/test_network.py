"""Inputs of different lengths: as far apart as the layers allow."""

from __future__ import annotations

import numpy as np
import pytest

from elman import Model
from elman.errors import ShapeError
from elman.layers import GRU, LSTM, Add, Concatenate, Dense, Input


def encoder_decoder():
    source, target = Input((None, 3), name="source"), Input((None, 2), name="target")
    _, state = GRU(8, return_state=True)(source)
    return Model([source, target], Dense(4, activation="softmax")(GRU(8, return_sequences=True)(target, state)))


def test_an_encoder_and_a_decoder_may_differ_in_length(rng):
    model = encoder_decoder()
    source, target = rng.normal(size=(6, 5, 3)), rng.normal(size=(6, 9, 2))
    assert model.predict([source, target], verbose=0).shape == (6, 9, 4)
    model.compile("adam", "sparse_categorical_crossentropy")
    losses = model.fit([source, target], rng.integers(0, 4, (6, 9)), epochs=3, verbose=0).history["loss"]
    assert losses[-1] < losses[0]


def test_lengths_of_both_are_their_own(rng):
    model = encoder_decoder()
    source = [rng.normal(size=(n, 3)) for n in (5, 2)]
    target = [rng.normal(size=(n, 2)) for n in (3, 7)]
    both = model.predict([source, target], verbose=0)
    for row in range(2):
        alone = model.predict([source[row][None], target[row][None]], verbose=0)[0]
        assert np.array_equal(both[row][: len(alone)], alone)


def test_inputs_that_are_joined_must_be_equally_long(rng):
    a, b, c = (Input((None, 2), name=name) for name in "abc")
    model = Model([a, b, c], Concatenate()([LSTM(2)(Add()([a, b])), LSTM(2)(c)]))
    short, long = rng.normal(size=(1, 4, 2)), rng.normal(size=(1, 6, 2))
    assert model.predict([short, short, long], verbose=0).shape == (1, 4)
    with pytest.raises(ShapeError, match=r"must be of 4 steps as x\['a'\]"):
        model.predict([short, long, long], verbose=0)
