"""Layers as the guides of Keras 3 write them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from elman import Model, Sequential, load_model, ops
from elman.errors import ArgumentError
from elman.layers import LSTM, Dense, Input, Layer, register

X = np.linspace(-1, 1, 48, dtype=np.float32).reshape(8, 3, 2)
Y = np.linspace(0, 1, 8, dtype=np.float32)[:, None]


@register
class Linear(Layer):
    """Weights without names; a configuration that is added to that of super()."""

    def __init__(self, units: int = 32, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.size = units

    def build(self, input_shape: Any) -> None:
        self.w = self.add_weight(shape=(input_shape[-1], self.size), initializer="random_normal", trainable=True)
        self.b = self.add_weight(shape=(self.size,), initializer="zeros", trainable=True)

    def call(self, inputs: Any) -> Any:
        return ops.matmul(inputs, self.w) + self.b

    def get_config(self) -> dict[str, Any]:
        config = super().get_config()
        config.update({"units": self.size})
        return config


@register
class LinearReader(Model):
    """A model with such a configuration."""

    def __init__(self, units: int, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.rnn, self.out = LSTM(units), Linear(1)

    def call(self, x: Any) -> Any:
        return self.out(self.rnn(x))

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "units": self.rnn.units}


@pytest.mark.parametrize("kind", [Sequential, LinearReader])
def test_they_are_trained_and_saved(kind: Any, tmp_path: Path) -> None:
    model = kind([Input((3, 2)), Linear(4), LSTM(2), Dense(1)] if kind is Sequential else 3)
    model.compile("sgd", "mse")
    model.fit(X, Y, verbose=0)
    model.save(tmp_path / "m.safetensors")
    again = load_model(tmp_path / "m.safetensors")
    np.testing.assert_array_equal(again.predict(X, verbose=0), model.predict(X, verbose=0))


def test_weights_without_names_are_numbered() -> None:
    layer = Linear(4, name="l")
    layer.build((None, 2))
    assert [w.name for w in layer.weights] == ["l/variable", "l/variable_1"]
    with pytest.raises(ArgumentError, match=r"name must be a text. Received.*=\(2, 3\).*add_weight\(shape="):
        layer.add_weight((2, 3), "zeros")


def test_build_takes_its_shape_by_name() -> None:
    layer, model, stack = Dense(2), LinearReader(3), Sequential([Dense(2)])
    for built in (layer, model, stack):
        built.build(input_shape=(None, 3, 2) if built is model else (None, 2))
        assert built.built and built.weights
    assert layer.features == 2


@pytest.mark.parametrize(
    ("kind", "use"),
    [
        (Layer, lambda made: made(Input((3,)))),
        (Layer, lambda made: Sequential([made])),
        (Model, lambda made: made.compile("sgd", "mse")),
    ],
    ids=["called", "stacked", "compiled"],
)
def test_a_constructor_that_forgets_super_is_told(kind: Any, use: Any) -> None:
    class Forgets(kind):
        def __init__(self) -> None:
            self.out = Dense(1)

        def call(self, x: Any) -> Any:
            return self.out(x)

    with pytest.raises(AttributeError, match=r"Forgets: there is no name. Begin __init__ with super\(\).__init__\(\)"):
        use(Forgets())
