"""Each truth among the arguments of each public class and of a model's verbs: what is neither True nor False is refused
by the argument's name, as is a name that is no argument.

What takes truths is read from annotations, so a new class, or a new argument, is in this test at once.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from elman import layers, optimizers
from elman.errors import ElmanError, UnknownNameError
from elman.models import Model, Sequential, load_model
from tests.contracts.constructors import SETTINGS, kinds, made, parameters_of

ALL = kinds(*SETTINGS, layers)


def flags() -> list[Any]:
    found = []
    for kind in ALL:
        for p in parameters_of(kind).values():
            words = {word.strip() for word in str(p.annotation).split("|")}
            if "bool" in words <= {"bool", "None"}:
                found.append(pytest.param(kind, p.name, "None" in words, id=f"{kind.__name__}-{p.name}"))
    return found


def test_the_search_finds_classes_and_flags() -> None:
    assert len(ALL) > 200 and len(flags()) > 350


@pytest.mark.parametrize(("kind", "name", "none"), flags())
def test_what_is_neither_true_nor_false_is_refused_by_name(kind: type, name: str, none: bool) -> None:
    missing = [] if none else [None]
    for wrong in ["yes", "False", 0, 1, 1.0, [], [True], object(), np.float32(1), np.array([True]), *missing]:
        with pytest.raises(ElmanError, match=rf"\b{name} must") as error:
            made(kind, **{name: wrong})
        assert "Received" in str(error.value)


@pytest.mark.parametrize(("kind", "name", "none"), flags())
def test_truths_of_numpy_are_truths(kind: type, name: str, none: bool) -> None:
    for flag in (True, False):
        try:
            expected = made(kind, **{name: flag})
        except ElmanError:
            continue  # a setting that cannot be honoured
        for given in (np.bool_(flag), np.array(flag)):
            found = made(kind, **{name: given})
            held = getattr(found, name, flag)
            assert held is getattr(expected, name, flag) or not isinstance(held, bool | np.bool_)


@pytest.mark.parametrize("kind", ALL, ids=lambda kind: kind.__name__)
def test_a_name_that_is_no_argument_is_refused_with_those_that_are(kind: type) -> None:
    with pytest.raises(ElmanError, match=r"must be (a known name|hooks).*Received arguments?='unheard'") as error:
        made(kind, unheard=1)
    assert all(p in str(error.value) for p in list(parameters_of(kind))[:1])


def model() -> Sequential:
    found = Sequential([layers.Input((2,)), layers.Dense(1)], name="m")
    found.compile("sgd", "mse")
    return found


X, Y = np.zeros((4, 2), np.float32), np.zeros((4, 1), np.float32)
VERBS: dict[str, Callable[..., Any]] = {
    "compile": lambda **k: model().compile("sgd", "mse", **k),
    "fit": lambda **k: model().fit(X, Y, verbose=0, **k),
    "evaluate": lambda **k: model().evaluate(X, Y, verbose=0, **k),
    "predict": lambda **k: model().predict(X, verbose=0, **k),
    "summary": lambda **k: model().summary(**k),
    "save": lambda **k: model().save("m.safetensors", **k),
    "save_weights": lambda **k: model().save_weights("m.safetensors", **k),
    "load_weights": lambda **k: model().load_weights("m.safetensors", **k),
    "load_model": lambda **k: load_model("m.safetensors", **k),
}


@pytest.mark.parametrize("verb", VERBS)
def test_verbs_of_a_model_look_at_truths_and_names(verb: str) -> None:
    function = getattr(Model, verb, load_model)
    named = [p.name for p in inspect.signature(function).parameters.values() if p.annotation == "bool"]
    place = rf"^(Sequential 'm'\.)?{verb}: "
    for name in named:
        with pytest.raises(ElmanError, match=rf"{place}{name} must be True or False\. Received {name}='no'"):
            VERBS[verb](**{name: "no"})
    with pytest.raises(UnknownNameError, match=rf"{place}argument must be a known name\. .*'unheard'\. Known: '"):
        VERBS[verb](unheard=1)


def test_annotations_of_ones_own_layer_are_no_rules() -> None:
    class Loose(layers.Layer):
        def __init__(self, often: bool = False, **kwargs: Any) -> None:
            super().__init__(**kwargs)
            self.often = often

        def call(self, x: Any) -> Any:
            return x

    assert Loose(often="now and then").often == "now and then"
    with pytest.raises(ElmanError, match=r"Loose: trainable must be True or False\. Received trainable='no'"):
        Loose(trainable="no")


@pytest.mark.parametrize(
    ("verb", "name", "cure"),
    [
        ("fit", "workers", "Leave it out: batches are made one after another."),
        ("fit", "nb_epoch", "It is called epochs."),
        ("predict", "use_multiprocessing", "Leave it out"),
        ("compile", "sample_weight_mode", r"Leave it out: sample_weight of shape \(N, T\) weighs steps."),
        ("save", "save_format", "Leave it out: files are safetensors."),
        ("load_model", "custom_objects", "decorate your classes with @elman.layers.register"),
    ],
)
def test_of_words_of_keras_it_is_said_what_stands_for_them(verb: str, name: str, cure: str) -> None:
    with pytest.raises(UnknownNameError, match=rf"Received argument='{name}'\. .*{cure}.*Known: "):
        VERBS[verb](**{name: 1})
    with pytest.raises(UnknownNameError, match=r"SGD: argument .*='lr'\. It is learning_rate, of an optimizer"):
        optimizers.SGD(lr=0.1)
