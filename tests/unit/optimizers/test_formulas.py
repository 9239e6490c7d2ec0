"""Each optimizer's rule against the same rule written out in NumPy, as its paper (and Keras) has it."""

from __future__ import annotations

import numpy as np
import pytest

from elman import optimizers
from elman.executors.reference import ReferenceExecutor
from elman.graph import Graph, Variable, placeholder
from tests.tolerances import assert_close

STEPS, P = 6, 7


def sgd(w, g, s, t, rate=0.1, momentum=0.0, nesterov=False):
    s["m"] = momentum * s["m"] - rate * g
    return w + (momentum * s["m"] - rate * g if nesterov else s["m"])


def rmsprop(w, g, s, t, rate=0.1, rho=0.8, momentum=0.3, epsilon=1e-3, centered=True):
    s["v"] = rho * s["v"] + (1 - rho) * g**2
    s["a"] = rho * s["a"] + (1 - rho) * g
    push = rate * g / np.sqrt(s["v"] - (s["a"] ** 2 if centered else 0) + epsilon)
    s["m"] = momentum * s["m"] + push
    return w - s["m"]


def adagrad(w, g, s, t, rate=0.1, start=0.2, epsilon=1e-3):
    s["v"] = (start if t == 1 else s["v"]) + g**2
    return w - rate * g / np.sqrt(s["v"] + epsilon)


def adadelta(w, g, s, t, rate=0.5, rho=0.8, epsilon=1e-3):
    s["v"] = rho * s["v"] + (1 - rho) * g**2
    d = -np.sqrt(s["a"] + epsilon) / np.sqrt(s["v"] + epsilon) * g
    s["a"] = rho * s["a"] + (1 - rho) * d**2
    return w + rate * d


def adam(w, g, s, t, rate=0.1, b1=0.8, b2=0.95, epsilon=1e-3, amsgrad=False, decay=0.0):
    w = w - decay * rate * w
    s["m"] = b1 * s["m"] + (1 - b1) * g
    s["v"] = b2 * s["v"] + (1 - b2) * g**2
    s["a"] = np.maximum(s["a"], s["v"]) if amsgrad else s["v"]
    # epsilon beside the uncorrected root: "epsilon hat" of the paper
    return w - rate * np.sqrt(1 - b2**t) / (1 - b1**t) * s["m"] / (np.sqrt(s["a"]) + epsilon)


def adamax(w, g, s, t, rate=0.1, b1=0.8, b2=0.95, epsilon=1e-3):
    s["m"] = b1 * s["m"] + (1 - b1) * g
    s["v"] = np.maximum(b2 * s["v"], np.abs(g))
    return w - rate / (1 - b1**t) * s["m"] / (s["v"] + epsilon)


def nadam(w, g, s, t, rate=0.1, b1=0.8, b2=0.95, epsilon=1e-3):
    def mu(k):
        return b1 * (1 - 0.5 * 0.96**k)

    before = np.prod([mu(k) for k in range(1, t + 1)])
    s["m"] = b1 * s["m"] + (1 - b1) * g
    s["v"] = b2 * s["v"] + (1 - b2) * g**2
    ahead = mu(t + 1) * s["m"] / (1 - before * mu(t + 1)) + (1 - mu(t)) * g / (1 - before)
    return w - rate * ahead / (np.sqrt(s["v"] / (1 - b2**t)) + epsilon)


def lion(w, g, s, t, rate=0.1, b1=0.8, b2=0.95):
    push = np.sign(b1 * s["m"] + (1 - b1) * g)
    s["m"] = b2 * s["m"] + (1 - b2) * g
    return w - rate * push


MOMENTS = {"learning_rate": 0.1, "beta_1": 0.8, "beta_2": 0.95, "epsilon": 1e-3}
RULES = {
    "sgd": (sgd, optimizers.SGD(0.1)),
    "momentum": (lambda *a: sgd(*a, momentum=0.9), optimizers.SGD(0.1, momentum=0.9)),
    "nesterov": (
        lambda *a: sgd(*a, momentum=0.9, nesterov=True),
        optimizers.SGD(0.1, momentum=0.9, nesterov=True),
    ),
    "rmsprop": (
        lambda *a: rmsprop(*a, momentum=0.0, centered=False),
        optimizers.RMSprop(0.1, rho=0.8, epsilon=1e-3),
    ),
    "rmsprop_centered": (rmsprop, optimizers.RMSprop(0.1, 0.8, 0.3, 1e-3, centered=True)),
    "adagrad": (adagrad, optimizers.Adagrad(0.1, 0.2, 1e-3)),
    "adadelta": (adadelta, optimizers.Adadelta(0.5, 0.8, 1e-3)),
    "adam": (adam, optimizers.Adam(**MOMENTS)),
    "amsgrad": (lambda *a: adam(*a, amsgrad=True), optimizers.Adam(**MOMENTS, amsgrad=True)),
    "adamw": (lambda *a: adam(*a, decay=0.1), optimizers.AdamW(**MOMENTS, weight_decay=0.1)),
    "adamax": (adamax, optimizers.Adamax(**MOMENTS)),
    "nadam": (nadam, optimizers.Nadam(**MOMENTS)),
    "lion": (lion, optimizers.Lion(0.1, 0.8, 0.95)),
}


@pytest.mark.parametrize("name", RULES)
def test_a_step_is_the_papers(name, rng):
    rule, optimizer = RULES[name]
    optimizer = type(optimizer).from_config(optimizer.get_config())
    expected = rng.normal(size=P)
    weights = Variable(expected, name="weights")
    gradient = placeholder("gradient", (P,), "float64")
    plan = ReferenceExecutor().compile(Graph((gradient,), (), tuple(optimizer.updates(weights, gradient))))
    state = {"m": np.zeros(P), "v": np.zeros(P), "a": np.zeros(P)}
    for t in range(1, STEPS + 1):
        g = rng.normal(size=P)
        expected = rule(expected, g, state, t)
        plan.run([g])
        assert_close(weights.value, expected, length=10, steps=t, what=f"{name}, step {t}")
    assert optimizer.iterations.value == STEPS


@pytest.mark.parametrize("name", ["adam", "adamax", "nadam"])
def test_bias_correction_keeps_its_digits_in_float32(name):
    """1 - 0.999 in float32 would keep four digits; the first step would be off by as much."""
    optimizer = {"adam": optimizers.Adam, "adamax": optimizers.Adamax, "nadam": optimizers.Nadam}[name](0.1)
    results = {}
    for dtype in ("float32", "float64"):
        again = type(optimizer).from_config(optimizer.get_config())
        weights = Variable(np.zeros(3, dtype), name="weights")
        gradient = placeholder("gradient", (3,), dtype)
        plan = ReferenceExecutor().compile(Graph((gradient,), (), tuple(again.updates(weights, gradient))))
        plan.run([np.array([1.0, -2.0, 0.5], dtype)])
        results[dtype] = weights.value
    assert_close(results["float32"], results["float64"], length=10)
