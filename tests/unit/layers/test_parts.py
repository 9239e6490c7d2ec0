"""Layers inside a layer of one's own: in whatever they are kept, they are trained, frozen, saved and told."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from elman import Sequential, load_model
from elman.errors import ArgumentError
from elman.layers import Activation, Dense, Input, Lambda, Layer, TimeDistributed, register
from tests.tolerances import assert_close

X = np.random.default_rng(0).normal(size=(4, 3)).astype(np.float32)


@register
class Kept(Layer):
    """Five dense layers, kept in a list that grows, in a dict, under a private name, and in nested ones."""

    def __init__(self, units: int) -> None:
        super().__init__()
        self.units = units
        self.listed: list[Any] = []
        self.listed.append(Dense(units))
        self.named = {"a": Dense(units)}
        self._own = Dense(units)
        self.nested = [[Dense(units)], {"b": (Dense(units),)}]

    def call(self, x: Any) -> Any:
        for layer in (*self.listed, self.named["a"], self._own, *self.nested[0], self.nested[1]["b"][0]):
            x = layer(x)
        return x


def test_every_part_is_trained() -> None:
    model = Sequential([Input((3,)), layer := Kept(3)])
    model.compile("sgd", "mse")
    assert len(layer.weights) == 10
    before = model.get_weights()
    model.fit(X, X, verbose=0)
    assert all((a != b).any() for a, b in zip(before, model.get_weights(), strict=True))
    names = [layer.listed[0], layer.named["a"], layer._own, layer.nested[0][0], layer.nested[1]["b"][0]]
    assert [w.name.split("/")[-2] for w in layer.weights[::2]] == [part.name for part in names]


def test_parts_are_known_once_it_was_called() -> None:
    layer = Kept(3)
    layer(Input((3,)))
    assert len(layer.weights) == len(layer.trainable_weights) == 10


def test_parts_of_what_is_frozen_are() -> None:
    class Frozen(Kept):
        def __init__(self) -> None:
            super().__init__(3)
            self.trainable = False
            self.later = Dense(3)

    layer = Frozen()
    assert not layer.later.trainable
    layer(Input((3,)))
    assert len(layer.weights) == 10
    assert not layer.trainable_weights


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_a_constructor_without_the_common_arguments_is_loaded(tmp_path: Path, dtype: str) -> None:
    layer = Kept(3)
    layer.use_dtype(dtype)
    model = Sequential([Input((3,), dtype=dtype), layer, Dense(1, dtype=dtype)])
    layer.trainable = False
    model.save(tmp_path / "m.safetensors")
    other = load_model(tmp_path / "m.safetensors")
    assert other.layers[0].name == layer.name
    assert (other.layers[0].dtype, other.layers[0].trainable) == (dtype, False)
    assert not other.layers[0].trainable_weights
    np.testing.assert_array_equal(other.predict(X, verbose=0), model.predict(X, verbose=0))


class Anew(Layer):
    """Makes a layer each time it is called, which nobody would train."""

    def call(self, x: Any) -> Any:
        return Dense(2, name="inner")(x)


class Borrowed(Layer):
    """Uses what a part of another layer is."""

    def __init__(self, inner: Any) -> None:
        super().__init__()
        self.units = inner.units
        self._get = lambda: inner

    def call(self, x: Any) -> Any:
        return self._get()(x)


@register
class Late(Layer):
    """Makes its parts when it is first called, and keeps them."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.inner: Any = None
        self.more: list[Any] = []

    def call(self, x: Any) -> Any:
        if self.inner is None:
            self.inner = Dense(2)
            self.more.append(Dense(3))
        return self.more[0](self.inner(x))


@pytest.mark.parametrize(
    "make",
    [
        lambda: Anew(name="outer"),
        lambda: Borrowed(Dense(2, name="inner")),
        lambda: Lambda(lambda x: Dense(2, name="inner")(x) * 2.0),
        lambda: TimeDistributed(Anew()),
    ],
    ids=["made", "borrowed", "function", "wrapped"],
)
def test_layers_that_nobody_would_train_are_refused(make: Any) -> None:
    layer = make()
    shape = (4, 3) if isinstance(layer, TimeDistributed) else (3,)
    cure = r"Make it in __init__ of a Layer or Model, self.layer = \.\.\."
    with pytest.raises(ArgumentError, match=f"layers must be stored as attributes. Received.*Dense 'inner'.*{cure}"):
        Sequential([Input(shape), layer, Dense(1)])


def test_parts_without_weights_may_be_made_anew() -> None:
    model = Sequential([Input((3,)), Lambda(lambda x: Activation("tanh")(x) * 1.0)])
    assert_close(model.predict(X, verbose=0), np.tanh(X), 1)


def test_parts_that_are_kept_when_they_are_made_are_trained(tmp_path: Path) -> None:
    model = Sequential([Input((3,)), Late()])
    assert len(model.weights) == 4
    model.compile("sgd", "mse")
    before = model.get_weights()
    model.fit(X, np.ones((4, 3), np.float32), verbose=0)
    assert all((a != b).any() for a, b in zip(before, model.get_weights(), strict=True))
    model.save(tmp_path / "m.safetensors")
    again = load_model(tmp_path / "m.safetensors")
    np.testing.assert_array_equal(again.predict(X, verbose=0), model.predict(X, verbose=0))
