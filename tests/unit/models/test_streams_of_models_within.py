"""Operators behind the last layer of a model within another: those that mix steps are refused."""

from __future__ import annotations

import numpy as np
import pytest

from elman import Model, Sequential, ops
from elman.errors import ArgumentError
from elman.layers import GRU, Add, Dense, Input

MIXED = {
    "mean": lambda h: h - ops.mean(h, axis=1, keepdims=True),
    "turned": lambda h: h[:, ::-1],
    "summed": lambda h: ops.cumsum(h, axis=1),
    "last": lambda h: h + ops.expand_dims(GRU(4)(h), 1),
}
AROUND = {
    "last": lambda x, inner: Model(x, inner(x)),
    "first": lambda x, inner: Model(x, Dense(2)(inner(x))),
    "beside": lambda x, inner: Model(x, Add()([inner(x), GRU(4, return_sequences=True)(x)])),
    "sequential": lambda x, inner: Sequential([x, inner, GRU(2, return_sequences=True)]),
}


def within(behind, around):
    x = Input((None, 3))
    inner = Model(x, behind(GRU(4, return_sequences=True)(x)))
    return around(Input((None, 3)), inner)


@pytest.mark.parametrize("around", AROUND)
@pytest.mark.parametrize("behind", MIXED)
def test_those_that_mix_steps_are_refused(behind, around):
    model = within(MIXED[behind], AROUND[around])
    with pytest.raises(ArgumentError, match=r"layers that need the steps so far alone.*operator"):
        model.stream()
    model.compile("sgd", "mse")
    x = np.zeros((1, 4, 3), np.float32)
    with pytest.raises(ArgumentError, match=r"layers that need the steps so far alone.*operator"):
        model.fit(x, model.predict(x, verbose=0), truncate=2, verbose=0)


@pytest.mark.parametrize("around", AROUND)
def test_others_give_the_bits_of_predict(around, rng):
    model = within(lambda h: ops.tanh(h) * 2.0, AROUND[around])
    x = rng.normal(size=(5, 3)).astype(np.float32)
    stream = model.stream()
    stepped = np.stack([stream.step(row) for row in x])
    assert stepped.tobytes() == np.asarray(model.predict(x[None], verbose=0)[0]).tobytes()
