"""`layer.input` and `layer.output`: where in a network a layer stands, so that a model can end there."""

from __future__ import annotations

import copy
import pickle

import numpy as np
import pytest

from elman import Model, Sequential, load_model, ops
from elman.errors import ArgumentError, NotBuiltError, ShapeError
from elman.layers import GRU, LSTM, Add, Bidirectional, Dense, Input, Layer

X = np.random.default_rng(0).normal(size=(4, 6, 3)).astype(np.float32)


def test_a_model_ends_where_a_layer_does(tmp_path) -> None:
    made = Sequential([Input((6, 3)), GRU(4, return_sequences=True, name="low"), GRU(2, name="high"), Dense(1)])
    path = tmp_path / "m.safetensors"
    made.save(path)
    for model in (made, load_model(path), copy.deepcopy(made), Model(made.input, made.output)):
        part = Model(model.inputs, model.get_layer("low").output)
        assert part.predict(X, verbose=0).shape == (4, 6, 4)
        assert model.get_layer("high").input is model.get_layer("low").output


def test_a_stack_that_grows_and_shrinks() -> None:
    made = Sequential([Input((6, 3))])
    made.add(GRU(4, return_sequences=True, name="low"))
    made.add(GRU(2, name="high"))
    top = Dense(1)
    made.add(top)
    assert made.layers[0].output is made.layers[1].input
    assert top.output is made.output
    assert made.pop() is top
    with pytest.raises(NotBuiltError, match=r"Dense 'dense.*': output must be that of one call\. Received no calls\."):
        _ = top.output
    assert made.layers[1].output is made.output


def test_a_layer_that_was_called_twice_or_never() -> None:
    shared, once = Dense(3, name="shared"), Add(name="once")
    with pytest.raises(NotBuiltError, match=r"Dense 'shared': input must be .* no calls\. Call it on an Input first\."):
        _ = shared.input
    a, b = Input((3,)), Input((3,))
    y = once([shared(a), shared(b)])
    with pytest.raises(NotBuiltError, match=r"output must be .* Received several calls\. Keep what each call gave\."):
        _ = shared.output
    model = Model([a, b], y)
    model.compile("sgd", "mse")
    model.fit([X[:, 0], X[:, 1]], X[:, 2], verbose=0)
    assert once.output is y and [t.shape for t in once.input] == [y.shape, y.shape]


@pytest.mark.parametrize("make", [lambda: Dense(2), lambda: LSTM(2)])
def test_what_is_not_there_is_no_attribute_and_arrays_are_no_call(make) -> None:
    layer = make()
    assert not hasattr(layer, "input")
    assert getattr(layer, "output", None) is None
    with pytest.raises(NotBuiltError, match=r"output must be that of one call\. Received no calls\."):
        _ = layer.output
    layer(X)
    y = layer(Input((6, 3)))
    assert layer.output is y


def test_an_attribute_of_ones_own_comes_first_and_copies_know_no_calls() -> None:
    class Own(Layer):
        def __init__(self) -> None:
            super().__init__()
            self.output = Dense(2)

        def call(self, x):
            return self.output(x)

    assert Own()(Input((3,))).shape[-1] == 2
    layer = Dense(2)
    layer(Input((3,)))
    for other in (copy.copy(layer), copy.deepcopy(layer), pickle.loads(pickle.dumps(layer))):
        with pytest.raises(NotBuiltError):
            _ = other.output


@pytest.mark.parametrize("kind", [GRU, LSTM])
def test_an_attribute_nobody_has_is_told_of_the_layer(kind: type) -> None:
    layer = kind(4)
    assert layer.units == 4 and not hasattr(layer, "unitz")
    with pytest.raises(AttributeError, match=f"'{kind.__name__}' object has no attribute 'unitz'"):
        _ = layer.unitz


class Penalized(Layer):
    """Adds what it is told to the loss."""

    def __init__(self, penalty) -> None:
        super().__init__(name="p")
        self.penalty = penalty

    def call(self, x):
        self.add_loss(self.penalty(x))
        return x


def test_penalties_are_added_inside_call_alone() -> None:
    def loss(penalty) -> float:
        made = Sequential([Input((3,)), Penalized(penalty)])
        made.compile("sgd", "mse")
        return made.evaluate(X[:, 0], X[:, 0], verbose=0)

    assert loss(lambda x: 2.5) == loss(lambda x: ops.mean(x) * 0.0 + 2.5) == 2.5
    with pytest.raises(
        ShapeError, match=r"Penalized 'p': penalty must be a scalar\. Received shape \(B, 3\)\. Reduce it"
    ):
        loss(lambda x: x)
    made = Sequential([Input((3,)), Dense(1)], name="m")
    for at in (made, made.layers[0]):
        with pytest.raises(ArgumentError, match=r"add_loss must be called inside call\. .* Write a layer whose call"):
            at.add_loss(1.0)


@pytest.mark.parametrize("rows", [[9], [-5], [0.5], 3, "a", [[0]], [True]])
def test_rows_to_forget_that_no_batch_had(rows) -> None:
    made = Sequential([Input((6, 3)), Bidirectional(GRU(2, stateful=True)), Dense(1)])
    first = made.predict(X, verbose=0)
    kept = [v.numpy() for v in made.states]
    with pytest.raises(
        ArgumentError, match=r"GRU '.*': rows must be a list of whole numbers from 0 to 3\. Received rows"
    ):
        made.reset_states(rows)
    for before, now in zip(kept, made.states, strict=True):
        np.testing.assert_array_equal(before, now.numpy())
    made.reset_states([True, True, True, True])
    np.testing.assert_array_equal(made.predict(X, verbose=0), first)
