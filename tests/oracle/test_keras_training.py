"""Whole trainings go Keras' way: losses of every epoch, final weights, predictions; and reach Keras' accuracy."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

import elman
from benchmarks.peers import series
from elman import settings
from tests.golden import reader
from tests.tolerances import assert_close, no_worse

RUNS = reader.read("keras_training")
LENGTH, TIME = 64, 6
"""No sum in these runs is longer than LENGTH (rows of a batch, features + units), no sequence than TIME."""


def updates_of(case: reader.Case) -> int:
    """Return the number of training steps of a run."""
    rows = len(case.one("x"))
    rows -= int(rows * case["fit"].get("validation_split", 0))
    return case["fit"]["epochs"] * math.ceil(rows / case["fit"].get("batch_size", 32))


# Keras's fit counts padded steps in a metric that has no sample weights, and its evaluate does not; elman never does.
MASKED_METRICS = {("masked_tagger", "accuracy")}


def train(case: reader.Case) -> tuple[Any, Any]:
    """Train elman's model from Keras' initial weights; return model and history."""
    model = reader.build(case["model"], elman)
    x, y = case.one("x"), case.one("y")
    if not model.built:
        model.build(x.shape)
    model.set_weights(case.all("weight"))
    model.compile(**{key: reader.build(value, elman) for key, value in case["compile"].items()})
    fit = dict(case["fit"])
    if "class_weight" in fit:
        fit["class_weight"] = {int(label): weight for label, weight in fit["class_weight"].items()}
    if case.has("sample_weight"):
        fit["sample_weight"] = case.one("sample_weight")
    return model, model.fit(x, y, verbose=0, **fit).history


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("name", RUNS)
def test_training_goes_the_way_of_keras(name: str, dtype: Any) -> None:
    settings.set_floatx(dtype)
    case = RUNS[name]
    steps = TIME * updates_of(case)
    model, history = train(case)
    assert set(history) == set(case["history"])
    for key, values in case["history"].items():
        if (name, key) in MASKED_METRICS:
            continue
        assert_close(np.asarray(history[key]), values, LENGTH, steps, dtype, f"{name}: {key}")
    for i, (ours, theirs) in enumerate(zip(model.get_weights(), case.all("final"), strict=True)):
        assert_close(ours, theirs, LENGTH, steps, dtype, f"{name}: weight {i}")


@pytest.mark.parametrize("name", RUNS)
def test_a_trained_model_predicts_and_evaluates_as_in_keras(name: str) -> None:
    settings.set_floatx("float64")
    case = RUNS[name]
    steps = TIME * updates_of(case)
    model, _ = train(case)
    x, y = case.one("x"), case.one("y")
    predicted = model.predict(x, verbose=0)[: case["predicted_rows"]]
    assert_close(predicted, case.one("prediction"), LENGTH, steps, what=f"{name}: prediction")
    batch_size = case["fit"].get("batch_size", 32)
    found = model.evaluate(x, y, batch_size=batch_size, verbose=0, return_dict=True)
    assert set(found) == set(case["evaluate"])
    for key, value in case["evaluate"].items():
        assert_close(np.asarray(found[key]), value, LENGTH, steps, "float64", f"{name}: {key} of evaluate")


def test_the_tutorial_ends_as_well_as_with_keras() -> None:
    golden = reader.document("keras_accuracy")
    data = series.tutorial()
    errors = []
    for seed in range(2 * len(golden["seeds"])):
        elman.set_seed(seed)
        layers = reader.build(RUNS["tutorial"]["model"]["config"]["layers"], elman)
        model = elman.Sequential(layers)
        model.compile(loss="mean_squared_error", optimizer="rmsprop")
        model.fit(data.x_train, data.y_train, epochs=golden["epochs"], batch_size=golden["batch_size"], verbose=0)
        errors.append(float(model.evaluate(data.x_train, data.y_train, verbose=0)))
    assert no_worse(errors, golden["mse_train"]), f"mean {np.mean(errors):.4f}, Keras {golden['mean']:.4f}: {errors}"
