"""Activations, regularizers and initializers give Keras' numbers."""

from __future__ import annotations

import numpy as np
import pytest

import elman
from elman import ops
from elman.autodiff import gradients
from tests.golden import reader
from tests.oracle.running import Setting, evaluate, feed
from tests.tolerances import assert_close

ACTIVATIONS = reader.read("keras_activations")
REGULARIZERS = {name: case for name, case in reader.read("keras_regularizers").items() if "regularizer" in case}
CONSTRAINTS = {name: case for name, case in reader.read("keras_regularizers").items() if "constraint" in case}
INITIALIZERS = reader.read("keras_initializers")


def activate(case: reader.Case, setting: Setting) -> tuple[object, object]:
    """Return output and gradient of an activation."""
    function = getattr(elman.activations, case["activation"])
    x = feed("x", case.one("input"), setting.dtype)
    y = function(x[0], **case["arguments"])
    if not case.has("output_grad"):
        return evaluate(setting, [y], [x])[0], None
    cotangent = feed("cotangent", case.one("output_grad"), setting.dtype)
    (slope,) = gradients(ops.sum(y * cotangent[0]), [x[0]])
    value, gradient = evaluate(setting, [y, slope], [x, cotangent])
    return value, gradient


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_activations_are_those_of_keras(name: str, setting: Setting) -> None:
    case = ACTIVATIONS[name]
    assert hasattr(elman.activations, case["activation"]), f"elman.activations has no {case['activation']}"
    if case.get("float64_only") and setting.dtype != "float64":
        pytest.skip("this case lies where float32 has no digits")
    value, gradient = activate(case, setting)
    assert_close(value, case.one("output"), length=8, what=name)
    if gradient is not None:
        assert_close(gradient, case.one("input_grad"), length=8, what=f"gradient of {name}")


@pytest.mark.parametrize("name", REGULARIZERS)
def test_regularizers_are_those_of_keras(name: str, setting: Setting) -> None:
    case = REGULARIZERS[name]
    x = feed("x", case.one("input"), setting.dtype)
    penalty = reader.build(case["regularizer"], elman)(x[0])
    value, gradient = evaluate(setting, [penalty, *gradients(penalty, [x[0]])], [x])
    assert_close(value, case.one("value"), length=12, what=name)
    assert_close(gradient, case.one("input_grad"), length=12, what=f"gradient of {name}")


@pytest.mark.parametrize("name", CONSTRAINTS)
def test_constraints_are_those_of_keras(name: str, setting: Setting) -> None:
    case = CONSTRAINTS[name]
    x = feed("x", case.one("input"), setting.dtype)
    (value,) = evaluate(setting, [reader.build(case["constraint"], elman)(x[0])], [x])
    assert_close(value, case.one("value"), length=12, what=name)


@pytest.mark.parametrize("name", [name for name, case in INITIALIZERS.items() if case["exact"]])
def test_constant_initializers_are_those_of_keras(name: str) -> None:
    case = INITIALIZERS[name]
    values = reader.build(case["initializer"], elman)(tuple(case["shape"]))
    np.testing.assert_array_equal(values, np.asarray(case["values"]))


@pytest.mark.parametrize("name", [name for name, case in INITIALIZERS.items() if not case["exact"]])
def test_random_initializers_have_the_moments_and_bounds_of_keras(name: str) -> None:
    case = INITIALIZERS[name]
    described = {**case["initializer"], "config": {**case["initializer"]["config"], "seed": 7}}
    values = np.asarray(reader.build(described, elman)(tuple(case["shape"])), np.float64)
    # Six standard errors: of the mean std/sqrt(n); of the standard deviation at most std/sqrt(n), too.
    margin = 6 * case["std"] / np.sqrt(values.size)
    assert abs(values.mean() - case["mean"]) <= 2 * margin
    assert abs(values.std() - case["std"]) <= 2 * margin
    if case["bound"] is not None:
        assert np.abs(values).max() <= case["bound"] * (1 + 1e-6)
        assert np.abs(values).max() >= 0.9 * max(abs(case["min"]), case["max"])
