"""Every optimizer and schedule, with every option, against the steps Keras 3 took."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest

from elman import optimizers
from elman.executors.reference import ReferenceExecutor
from elman.graph import Graph, Variable, placeholder
from tests.evaluation import evaluate
from tests.golden.reader import build, read
from tests.tolerances import assert_close

PACKAGE = SimpleNamespace(optimizers=optimizers)
CASES = read("keras_optimizers")
SCHEDULES = read("keras_schedules")


def flat(arrays, dtype):
    return np.concatenate([a.ravel() for a in arrays]).astype(dtype)


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("name", CASES)
def test_an_optimizer_steps_as_kerass_does(name, dtype):
    case = CASES[name]
    optimizer = build(case["optimizer"], PACKAGE)
    initial = case.all("initial")
    ends = np.cumsum([a.size for a in initial])
    segments = [(f"w{i}", int(end) - a.size, a.size) for i, (a, end) in enumerate(zip(initial, ends, strict=True))]
    weights = Variable(flat(initial, dtype), name="weights")
    gradient = placeholder("gradient", weights.shape, dtype)
    updates = optimizer.updates(weights, gradient, segments)
    plan = ReferenceExecutor().compile(Graph((gradient,), (), tuple(updates)))
    for k in range(case["steps"]):
        assert_close(np.float32(optimizer.learning_rate), np.float32(case["learning_rate"][k]), length=1, what=name)
        plan.run([flat([g[k] for g in case.all("grad")], dtype)])
        expected = flat([v[k] for v in case.all("value")], "float64")
        assert_close(weights.value, expected, length=10, steps=k + 1, what=f"{name}, step {k}")
    if case["final"]:
        optimizer.finalize_variable_values()
        assert_close(weights.value, flat(case.all("final"), "float64"), length=10, steps=case["steps"], what=name)


@pytest.mark.parametrize("name", SCHEDULES)
def test_a_schedule_is_kerass(name):
    case = SCHEDULES[name]
    schedule = build(case["schedule"], PACKAGE)
    step = placeholder("step", (), "float64")
    traced = schedule(step)
    for k, expected in zip(case["steps"], case["values"], strict=True):
        value = schedule(k)
        start = max(abs(v) for v in case["values"])
        assert_close(
            np.array([start, value]), np.array([start, expected]), length=4, dtype=np.float32, what=f"{name} {k}"
        )
        (got,) = evaluate([traced], [(step, k)])
        assert_close(np.array([start, got]), np.array([start, value]), length=4, what=f"{name} at {k}, traced")
