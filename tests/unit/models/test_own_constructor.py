"""Classes that make their network in the constructor, and what files hold of them."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from elman import Model, Sequential, load_model
from elman.errors import ArgumentError
from elman.layers import LSTM, Add, Dense, Input, TimeDistributed, register
from elman.models import clone_model, model_from_json

X = np.linspace(-1, 1, 48, dtype=np.float32).reshape(8, 3, 2)
Y = np.linspace(0, 1, 8, dtype=np.float32)[:, None]


@register
class Made(Model):
    """As Keras's guides write it: the constructor makes inputs and outputs."""

    def __init__(self, units: int, **kwargs: Any) -> None:
        x = Input((3, 2))
        super().__init__(inputs=x, outputs=Dense(1)(LSTM(units)(x)), **kwargs)
        self.units = units


@register
class Passed(Model):
    """What it is given goes on to Model."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)

    def twice(self, x: Any) -> Any:
        return 2 * self.predict(x, verbose=0)


@register
class Named(Model):
    def __init__(self, inputs: Any, outputs: Any, name: str | None = None) -> None:
        super().__init__(inputs, outputs, name)


def passed(kind: type[Model]) -> Model:
    x = Input((3, 2))
    return kind(x, Dense(1)(LSTM(3)(x)))


@pytest.mark.parametrize("make", [lambda: Made(3), lambda: passed(Passed), lambda: passed(Named)], ids="mpn")
def test_they_are_loaded_copied_and_cloned(make: Any, tmp_path: Path) -> None:
    model = make()
    model.compile("adam", "mse")
    model.fit(X, Y, verbose=0)
    model.save(tmp_path / "m.safetensors")
    expected = model.predict(X, verbose=0)
    for again in (load_model(tmp_path / "m.safetensors"), copy.deepcopy(model)):
        assert type(again) is type(model)
        np.testing.assert_array_equal(again.predict(X, verbose=0), expected)
        again.fit(X, Y, verbose=0)
    for fresh in (clone_model(model), model_from_json(model.to_json())):
        fresh.set_weights(model.get_weights())
        np.testing.assert_array_equal(fresh.predict(X, verbose=0), expected)


def test_a_network_and_a_call_are_not_both_given() -> None:
    class Both(Model):
        def __init__(self) -> None:
            x = Input((3, 2))
            super().__init__(inputs=x, outputs=Dense(1)(x))

        def call(self, x: Any) -> Any:
            return super().call(x) * 2.0

    with pytest.raises(ArgumentError, match=r"inputs and outputs must be left out beside a call.*or leave out call"):
        Both()


def test_an_own_sequential_is_refused_when_it_is_saved(tmp_path: Path) -> None:
    @register
    class Mine(Sequential):  # type: ignore[misc]
        def __init__(self) -> None:
            super().__init__([Input((3, 2)), LSTM(2), Dense(1)])

    with pytest.raises(ArgumentError, match=r"class must be Sequential itself.*Write a function that makes"):
        Mine().save(tmp_path / "m.safetensors")
    assert not list(tmp_path.iterdir())


def test_a_layer_may_have_the_name_of_the_model_around_it(tmp_path: Path) -> None:
    inner = [Sequential([LSTM(2, name="k"), Dense(2, name="z")], name="k") for _ in "a"]
    middle = Sequential([Dense(2, name="k"), Sequential([Dense(3, name="k")], name="m")], name="z")
    model = Sequential([Input((3, 2)), *inner, middle, Dense(1)])
    model.save(tmp_path / "m.safetensors")
    np.testing.assert_array_equal(
        load_model(tmp_path / "m.safetensors").predict(X, verbose=0), model.predict(X, verbose=0)
    )


def test_a_call_takes_several_inputs_in_one_argument() -> None:
    class Two(Model):
        def __init__(self) -> None:
            super().__init__()
            self.out = Dense(1)

        def call(self, a: Any, b: Any) -> Any:
            return self.out(a) + self.out(b)

    model = Two()
    model.compile("sgd", "mse")
    with pytest.raises(ArgumentError, match=r"call must be a function of one x. Received call=\['a', 'b'\].*a, b = x"):
        model.fit([X, X], Y, verbose=0)


def shared_inside_and_out() -> Model:
    shared, x = Dense(3, name="shared"), Input((3, 2))
    stack = Sequential([shared, LSTM(3)])
    return Model(x, Add()([stack(x), LSTM(3)(shared(x))]))


def shared_by_two_stacks() -> Model:
    shared, x = LSTM(3, return_sequences=True, name="shared"), Input((3, 2))
    return Model(x, Add()([Sequential([shared, Dense(2)])(x), Sequential([shared, Dense(2)])(x)]))


def shared_by_a_wrapper() -> Model:
    shared, x = Dense(3, name="shared"), Input((3, 2))
    return Model(x, Add()([TimeDistributed(shared)(x), shared(x)]))


@pytest.mark.parametrize(
    "make", [shared_inside_and_out, shared_by_two_stacks, shared_by_a_wrapper], ids=lambda f: f.__name__
)
def test_a_layer_that_models_share_is_one_layer_again(make: Any, tmp_path: Path) -> None:
    model = make()
    model.save(tmp_path / "m.safetensors")
    made = [load_model(tmp_path / "m.safetensors"), copy.deepcopy(model), clone_model(model)]
    made[2].set_weights(model.get_weights())
    for again in made:
        assert len(again.weights) == len(model.weights)
        np.testing.assert_array_equal(again.predict(X, verbose=0), model.predict(X, verbose=0))
