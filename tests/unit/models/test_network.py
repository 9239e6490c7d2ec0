"""Inputs of different lengths: as far apart as the layers allow."""

from __future__ import annotations

import numpy as np
import pytest

from elman import Model, load_model, ops
from elman.errors import ArgumentError, ShapeError
from elman.layers import GRU, LSTM, Add, Concatenate, Dense, Embedding, Input, Lambda, Masking
from tests.tolerances import assert_close


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


class Outside(Dense):
    """A layer that adds what it was not called on."""

    def call(self, x):
        return super().call(x) + self.other


@pytest.mark.parametrize("take", ["input", "made", "state"])
def test_a_layer_is_called_on_all_that_it_uses(take):
    x, z = Input((None, 3), name="x"), Input((None, 3), name="z")
    _, state = GRU(3, return_state=True, name="states")(x)
    other = {"input": z, "made": Dense(3, name="d")(x), "state": ops.expand_dims(state, 1)}[take]
    named = {"input": "z", "made": "d", "state": "Reshape"}[take]
    told = rf"layer 'f' must be called on all that it uses\. Received layer 'f'='x': it uses {named} too\. "
    with pytest.raises(ArgumentError, match=told + r"Pass that as well: Lambda\(\.\.\.\)\(\[x, other\]\)\."):
        Model([x, z], Lambda(lambda t: ops.tanh(t) + other, name="f")(x), name="m")
    layer = Outside(3, name="f")
    layer.other = other
    with pytest.raises(ArgumentError, match=told + "Pass that as well: Outside"):
        Model([x, z], layer(x), name="m")
    both = Model([x, z], Lambda(lambda t: ops.tanh(t[0]) + t[1])([x, other]))
    assert both.predict([np.ones((2, 4, 3)), np.ones((2, 4, 3))], verbose=0).shape == (2, 4, 3)


class Whole(Model):
    """A model whose call is made again as a whole."""

    def __init__(self):
        super().__init__()
        self.first = Dense(3)

    def call(self, x):
        h = self.first(x)
        return Lambda(lambda t: ops.tanh(t) + h)(x)


def test_a_call_of_the_model_s_own_may_use_its_tensors():
    model, x = Whole(), np.ones((2, 4, 3), np.float32)
    found = model.predict(x, verbose=0)
    kernel, bias = model.get_weights()
    assert_close(found, np.tanh(x) + x @ kernel + bias, length=3)


def test_what_is_known_outside_may_be_used():
    weights, ids = ops.softmax(np.arange(3, dtype=np.float32)), Input((None,), dtype="int32")
    steps = Embedding(5, 3, mask_zero=True)(ids)
    model = Model(ids, GRU(2)(Lambda(lambda t: t * weights, mask=lambda t, mask: mask)(steps)))
    assert model.predict(np.ones((2, 4)), verbose=0).shape == (2, 2)


def test_a_mask_is_handed_on_to_another_layer(rng, tmp_path):
    x = Input((None, 3))
    between = Dense(3)
    model = Model(x, GRU(4, seed=1)(between(x), mask=Masking()(x).mask))
    data = rng.normal(size=(2, 5, 3)).astype(np.float32)
    data[1, 3:] = 0
    found = model.predict(data, verbose=0)
    assert np.array_equal(found[1], model.predict(data[1:, :3], verbose=0)[0])
    assert not np.array_equal(found[1], Model(x, GRU(4, seed=1)(between(x))).predict(data, verbose=0)[1])
    model.save(tmp_path / "m.safetensors")
    assert np.array_equal(load_model(tmp_path / "m.safetensors").predict(data, verbose=0), found)
