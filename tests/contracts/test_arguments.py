"""Each number among the arguments of each public class of settings: what is none is refused by the argument's name, and
NumPy's numbers are taken where Python's are.

What an argument takes is read from its annotation, so a new class, or a new argument, is in this test at once.
"""

from __future__ import annotations

import inspect
import json
from typing import Any

import numpy as np
import pytest

from elman import layers
from elman.errors import ElmanError
from tests.contracts.constructors import NEEDED, OF_LAYERS, SETTINGS, kinds, made, parameters_of

TRIED: dict[str, Any] = {
    "num_labels": 2,
    "thresholds": [0.25],
    "label_weights": [1.0],
    "quantiles": [0.5],
    "axis": 0,
    "input_axes": [0],
    "output_axes": [1],
}
"""Values of arguments whose default is no number."""
BESIDE: dict[str, dict[str, Any]] = {"num_labels": {"multi_label": True}}
"""What an argument has a meaning with."""


def numbers() -> list[Any]:
    """(class, argument, words of its annotation) of each that takes numbers; `verbose` takes True and "auto", too."""
    found = []
    for kind in kinds(*SETTINGS):
        for p in inspect.signature(kind).parameters.values():
            words = [word.strip() for word in str(p.annotation).split("|")]
            if p.name != "verbose" and any(
                word.startswith(("int", "float", "Sequence[float", "list[int", "Rate")) for word in words
            ):
                found.append(
                    pytest.param(kind, p, words, id=f"{kind.__module__.split('.')[1]}-{kind.__name__}-{p.name}")
                )
    return found


WRONG = [float("nan"), -1.5, "some", [], object(), 1j, [float("nan")], ["some"], float("-inf")]


@pytest.mark.parametrize(("kind", "parameter", "words"), numbers())
def test_what_is_no_such_number_is_refused_by_name(kind, parameter, words):
    missing = [] if "None" in words or "bool" in words else [None]
    fractions = [] if any(w.startswith(("float", "Sequence[float", "Rate")) for w in words) else [1.5, np.float64(1.5)]
    below = (-1.5,) if parameter.name not in SIGNED else ()
    for wrong in [*(w for w in WRONG if w != -1.5), *below, *missing, *fractions]:
        with pytest.raises(ElmanError, match=rf"\b{parameter.name}\b must") as error:
            made(kind, **BESIDE.get(parameter.name, {}), **{parameter.name: wrong})
        assert "Received" in str(error.value)


SIGNED = ("mean", "minval", "maxval", "gain", "min_delta", "baseline", "initial_value_threshold", "boundaries")
"""What may be below 0, with a fraction."""


@pytest.mark.parametrize(("kind", "parameter", "words"), numbers())
def test_numbers_of_numpy_are_numbers(kind, parameter, words):
    if parameter.name == "loss_scale_factor":
        return  # None alone
    plain = parameter.default
    if isinstance(plain, str | bool) or plain is None or plain is parameter.empty:
        plain = TRIED.get(parameter.name, NEEDED.get(parameter.name, 2 if any("int" in w for w in words) else 0.5))
    rest = BESIDE.get(parameter.name, {})
    if isinstance(plain, list):
        given = [np.array(plain), [np.asarray(one)[()] for one in plain], tuple(plain)]
    else:
        given = [np.asarray(plain)[()], np.asarray(plain)]
        given += [np.int32(plain), np.uint8(plain)] if isinstance(plain, int) and plain >= 0 else []
    expected = made(kind, **rest, **{parameter.name: plain})
    for value in given:
        found = made(kind, **rest, **{parameter.name: value})
        if hasattr(found, "get_config"):
            assert json.dumps(found.get_config()) == json.dumps(expected.get_config())


# ---- layers ---------------------------------------------------------------------------------------------------------

WHOLE, REAL, EACH = {"int"}, {"float"}, {"int", "Numbers", "Sequence[int]"}
NO_NUMBERS: dict[str, tuple[str, ...]] = {}
NEGATIVE = ("axis", "axes", "alpha", "beta", "zeta", "nu", "transform_bias", "gate_bias", "mask_value")
"""What may be below 0."""


def of_layers() -> list[Any]:
    found = []
    for kind in kinds(layers):
        for p in parameters_of(kind).values():
            words = {word.strip() for word in str(p.annotation).split("|")} - {"None"}
            if words and (words <= REAL or words <= EACH) and p.name not in NO_NUMBERS.get(kind.__name__, ()):
                found.append(pytest.param(kind, p, words, id=f"{kind.__name__}-{p.name}"))
    return found


@pytest.mark.parametrize(("kind", "parameter", "words"), of_layers())
def test_what_is_no_such_number_of_a_layer_is_refused_by_name(
    kind: type, parameter: inspect.Parameter, words: set[str]
) -> None:
    name = parameter.name
    wrong: list[Any] = [float("nan"), "some", object(), 1j, [float("nan")], ["some"], float("-inf"), float("inf"), True]
    wrong += [] if words <= REAL else [1.5, np.float64(1.5), [1.5, 1.5], [True]]
    wrong += [] if name in NEGATIVE else [-1.5, -2]
    wrong += [] if "None" in str(parameter.annotation) else [None]
    for value in wrong:
        with pytest.raises(ElmanError, match=rf"\b{name}\b must") as error:
            made(kind, **{name: value})
        assert "Received" in str(error.value)


@pytest.mark.parametrize(("kind", "parameter", "words"), of_layers())
def test_numbers_of_numpy_are_numbers_for_layers(kind: type, parameter: inspect.Parameter, words: set[str]) -> None:
    name, plain = parameter.name, parameter.default
    if not isinstance(plain, int | float):
        plain = OF_LAYERS.get(name, 1 if words & EACH else 0.5)
    if isinstance(plain, tuple):
        return
    found = []
    for value in (plain, np.asarray(plain)[()], np.asarray(plain)):
        layers.reset_names()
        try:
            found.append(made(kind, **{name: value}))
        except ElmanError:
            assert not found  # cells inside have their own, or there are as many as cells
            return
    if kind is not layers.Lambda:
        assert len({json.dumps(layer.get_config()) for layer in found}) == 1
