"""Optimizers take Keras' steps on given gradients; schedules give Keras' learning rates."""

from __future__ import annotations

import numpy as np
import pytest

import elman
from elman.graph import Variable
from elman.training.parameters import Parameters
from tests.golden import reader
from tests.oracle.running import Setting, evaluate, feed
from tests.tolerances import assert_close

OPTIMIZERS = reader.read("keras_optimizers")
SCHEDULES = reader.read("keras_schedules")


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_optimizers_take_the_steps_of_keras(name: str, setting: Setting) -> None:
    case = OPTIMIZERS[name]
    optimizer = reader.build(case["optimizer"], elman)
    weights = [
        Variable(value.astype(setting.dtype), f"w{i}", trainable=True) for i, value in enumerate(case.all("initial"))
    ]
    parameters = Parameters(weights)
    optimizer.build(parameters.variable)
    steps = zip(*(gradient.reshape(case["steps"], -1) for gradient in case.all("grad")), strict=True)
    for s, gradients in enumerate(steps):
        flat = feed("gradient", [value for part in gradients for value in part], setting.dtype)
        updates = dict(optimizer.updates(parameters.variable, flat[0], parameters.segments))
        evaluate(setting, [], [flat], list(updates.items()))
        for i, (weight, expected) in enumerate(zip(weights, case.all("value"), strict=True)):
            assert_close(weight.value, expected[s], length=10, steps=s + 1, what=f"{name}: w{i} after step {s + 1}")


@pytest.mark.parametrize("name", SCHEDULES)
def test_schedules_give_the_rates_of_keras(name: str, setting: Setting) -> None:
    case = SCHEDULES[name]
    schedule = reader.build(case["schedule"], elman)
    step = feed("step", 0, setting.dtype)
    rate = schedule(step[0])
    for at, expected in zip(case["steps"], case["values"], strict=True):
        (found,) = evaluate(setting, [rate], [(step[0], step[1] + at)])
        assert_close(found, expected, length=1, steps=max(at, 1), what=f"{name} at step {at}")
        assert_close(np.float64(schedule(at)), expected, length=1, steps=max(at, 1), what=f"{name}({at})")
