"""Losses and metrics give Keras' numbers: every reduction, sample weights, masks, gradients."""

from __future__ import annotations

from typing import Any

import pytest

import elman
from elman import ops
from elman.autodiff import gradients
from tests.golden import reader
from tests.oracle.running import Feed, Setting, evaluate, feed
from tests.tolerances import assert_close

LOSSES = reader.read("keras_losses")
METRICS = {name: case for name, case in reader.read("keras_metrics").items() if case.has("y_true")}
LENGTH = 64
"""No loss or metric in these cases adds up more than LENGTH terms."""


def target(case: reader.Case, values: Any, class_name: str, dtype: str) -> Feed:
    """Return the targets: class numbers for a sparse loss, else reals."""
    return feed("y_true", values, "int32" if class_name.startswith("Sparse") else dtype)


@pytest.mark.parametrize("name", LOSSES)
def test_losses_are_those_of_keras(name: str, setting: Setting) -> None:
    case = LOSSES[name]
    assert hasattr(elman.losses, case["loss"]["class_name"]), f"elman.losses has no {case['loss']['class_name']}"
    if case.get("float64_only") and setting.dtype != "float64":
        pytest.skip("this case lies where float32 has no digits")
    loss = reader.build(case["loss"], elman)
    y_true = target(case, case.one("y_true"), case["loss"]["class_name"], setting.dtype)
    y_pred = feed("y_pred", case.one("y_pred"), setting.dtype)
    feeds, extra = [y_true, y_pred], {}
    for part, kind in (("sample_weight", setting.dtype), ("mask", "bool")):
        if case.has(part):
            given = feed(part, case.one(part), kind)
            feeds.append(given)
            extra[part] = given[0]
    value = loss(y_true[0], y_pred[0], **extra)
    (slope,) = gradients(ops.sum(value), [y_pred[0]])
    found, gradient = evaluate(setting, [value, slope], feeds)
    assert_close(found, case.one("value"), LENGTH, what=name)
    assert_close(gradient, case.one("y_pred_grad"), LENGTH, what=f"gradient of {name}")


@pytest.mark.parametrize("name", METRICS)
def test_metrics_are_those_of_keras(name: str, setting: Setting) -> None:
    case = METRICS[name]
    class_name = case["metric"]["class_name"]
    assert hasattr(elman.metrics, class_name), f"elman.metrics has no {class_name}"
    metric = reader.build(case["metric"], elman)
    weights = iter(case.all("sample_weight"))
    for k, (true, predicted) in enumerate(zip(case.all("y_true"), case.all("y_pred"), strict=True)):
        feeds = [target(case, true, class_name, setting.dtype), feed("y_pred", predicted, setting.dtype)]
        if case["sample_weight"][k]:
            feeds.append(feed("sample_weight", next(weights), setting.dtype))
        updates = metric.updates(*(tensor for tensor, _ in feeds))
        evaluate(setting, [], feeds, updates)
        assert_close(metric.result(), case.all("result")[k], LENGTH, dtype=setting.dtype, what=f"{name}, update {k}")
