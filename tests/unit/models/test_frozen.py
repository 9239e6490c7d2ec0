"""Layers that do not train: what files, copies and clones keep of them, alone and inside other layers."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from elman import Model, Sequential, load_model
from elman.errors import ArgumentError, WeightsError
from elman.layers import LSTM, Bidirectional, Dense, Input, Layer, register
from elman.models import clone_model, model_from_json

X = np.linspace(-1, 1, 48, dtype=np.float32).reshape(8, 3, 2)
Y = np.linspace(0, 1, 8, dtype=np.float32)[:, None]


@register
class TwoHalves(Layer):
    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.first, self.second = Dense(3), Dense(2)

    def call(self, x: Any) -> Any:
        return self.second(self.first(x))


@register
class Halves(Model):
    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.first, self.second = LSTM(3), Dense(1)

    def call(self, x: Any) -> Any:
        return self.second(self.first(x))


def trained(model: Model) -> Model:
    model.compile("adam", "mse")
    model.fit(X, Y, epochs=2, verbose=0)
    return model


def frozen_names(model: Model) -> list[int]:
    return [i for i, w in enumerate(model.weights) if not w.trainable]


@pytest.mark.parametrize("freeze", [True, False], ids=["frozen", "freed"])
def test_a_model_whose_layers_were_frozen_or_freed_since_is_saved(freeze: bool, tmp_path: Path) -> None:
    model = Sequential([Input((3, 2)), LSTM(3), Dense(2, name="d"), Dense(1)])
    model.get_layer("d").trainable = freeze
    trained(model)
    model.get_layer("d").trainable = not freeze
    model.save(tmp_path / "m.safetensors")
    for again in (load_model(tmp_path / "m.safetensors"), copy.deepcopy(model)):
        np.testing.assert_array_equal(again.predict(X, verbose=0), model.predict(X, verbose=0))
        assert frozen_names(again) == frozen_names(model)
        again.fit(X, Y, verbose=0)  # as after another compile
    with pytest.raises(ArgumentError, match=r"layer 'd' (trained|did not train) before. Call compile\(\) again"):
        model.fit(X, Y, verbose=0)


def test_a_model_saved_as_it_trained_goes_on_exactly(tmp_path: Path) -> None:
    model = Sequential([Input((3, 2)), LSTM(3), Dense(2, trainable=False), Dense(1)])
    trained(model).save(tmp_path / "m.safetensors")
    again = load_model(tmp_path / "m.safetensors")
    for one in (model, again):
        one.fit(X, Y, shuffle=False, verbose=0)
    for a, b in zip(model.get_weights(), again.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)


def test_a_checkpoint_says_which_layers_must_train(tmp_path: Path) -> None:
    model = trained(Sequential([Input((3, 2)), LSTM(3), Dense(1, name="d")]))
    model.save_checkpoint(tmp_path / "c.safetensors", {})
    other = clone_model(model)
    other.get_layer("d").trainable = False
    other.compile("adam", "mse")
    with pytest.raises(WeightsError, match="Let those layers train that did when it was saved, and compile"):
        other.load_checkpoint(tmp_path / "c.safetensors")


def bidirectional() -> Model:
    both = Bidirectional(LSTM(2))
    both.forward_layer.trainable = False
    return Sequential([Input((3, 2)), both, Dense(1)])


def layer_inside() -> Model:
    inner = TwoHalves()
    inner.first.trainable = False
    return Sequential([Input((3, 2)), inner, LSTM(2), Dense(1)])


def model_inside() -> Model:
    inner = Halves()
    inner.first.trainable = False
    return Sequential([Input((3, 2)), inner, Dense(1)])


def functional() -> Model:
    inner, x = Halves(), Input((3, 2))
    inner.second.trainable = False
    return Model(x, Dense(1)(inner(x)))


def own_call() -> Model:
    model = Halves()
    model.first.trainable = False
    model.build((None, 3, 2))
    return model


def thawed_inside() -> Model:
    inner = TwoHalves()
    inner.trainable = False
    inner.second.trainable = True
    return Sequential([Input((3, 2)), inner, LSTM(2), Dense(1)])


@pytest.mark.parametrize(
    "make", [bidirectional, layer_inside, model_inside, functional, own_call, thawed_inside], ids=lambda f: f.__name__
)
def test_layers_inside_layers_stay_frozen(make: Any, tmp_path: Path) -> None:
    model = make()
    assert 0 < len(frozen_names(model)) < len(model.weights)
    trained(model).save(tmp_path / "m.safetensors")
    made = [load_model(tmp_path / "m.safetensors"), copy.deepcopy(model), clone_model(model)]
    for again in [*made, model_from_json(model.to_json())]:
        assert frozen_names(again) == frozen_names(model)
    for again in made[:2]:
        np.testing.assert_array_equal(again.predict(X, verbose=0), model.predict(X, verbose=0))
