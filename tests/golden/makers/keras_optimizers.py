"""Step every optimizer of Keras on fixed gradients; evaluate every learning-rate schedule."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import keras
import numpy as np

from . import store
from .keras_functions import title_of
from .store import Spec, spec

STEPS = 5
SHAPES = ((3, 2), (4,))


def schedule(class_name: str, **config: Any) -> Spec:
    """Describe a learning-rate schedule."""
    return spec(class_name, "optimizers.schedules", **config)


def optimizer(class_name: str, **config: Any) -> Spec:
    """Describe an optimizer."""
    return spec(class_name, "optimizers", **config)


def optimizers() -> Iterator[Spec]:
    """Every optimizer with every option that changes numbers."""
    yield optimizer("SGD")
    yield optimizer("SGD", learning_rate=0.1, momentum=0.9)
    yield optimizer("SGD", learning_rate=0.1, momentum=0.9, nesterov=True)
    yield optimizer("RMSprop")
    yield optimizer("RMSprop", rho=0.8, momentum=0.5)
    yield optimizer("RMSprop", centered=True)
    yield optimizer("RMSprop", centered=True, momentum=0.9, epsilon=0.001)
    for name in ("Adagrad", "Adadelta", "Adam", "AdamW", "Adamax", "Nadam", "Lion"):
        yield optimizer(name)
        yield optimizer(name, learning_rate=0.05)
    yield optimizer("Adagrad", initial_accumulator_value=0.5, epsilon=0.01)
    yield optimizer("Adadelta", learning_rate=1.0, rho=0.8)
    yield optimizer("Adam", amsgrad=True, learning_rate=0.1)
    yield optimizer("Adam", beta_1=0.8, beta_2=0.9, epsilon=0.1)
    yield optimizer("AdamW", weight_decay=0.1, learning_rate=0.05, amsgrad=True)
    yield optimizer("Adamax", beta_1=0.7, beta_2=0.8)
    yield optimizer("Lion", beta_1=0.5, beta_2=0.7, weight_decay=0.1)
    for name in ("SGD", "RMSprop", "Adam"):
        for option in ({"weight_decay": 0.1}, {"clipvalue": 0.3}, {"clipnorm": 0.5}, {"global_clipnorm": 0.5}):
            yield optimizer(name, learning_rate=0.1, **option)
        yield optimizer(name, learning_rate=0.1, use_ema=True, ema_momentum=0.8)
        yield optimizer(name, learning_rate=0.1, use_ema=True, ema_momentum=0.8, ema_overwrite_frequency=2)
        yield optimizer(name, learning_rate=0.1, gradient_accumulation_steps=2)
    for rate in (
        schedule("ExponentialDecay", initial_learning_rate=0.1, decay_steps=2, decay_rate=0.5),
        schedule("PiecewiseConstantDecay", boundaries=[1, 3], values=[0.1, 0.05, 0.01]),
    ):
        yield optimizer("SGD", learning_rate=rate)
        yield optimizer("Adam", learning_rate=rate)


def schedules() -> Iterator[Spec]:
    """Every schedule with its options."""
    start = {"initial_learning_rate": 0.1, "decay_steps": 6}
    for staircase in (False, True):
        yield schedule("ExponentialDecay", **start, decay_rate=0.5, staircase=staircase)
        yield schedule("InverseTimeDecay", **start, decay_rate=0.5, staircase=staircase)
    yield schedule("CosineDecay", **start)
    yield schedule("CosineDecay", **start, alpha=0.1)
    yield schedule("CosineDecay", initial_learning_rate=0.0, decay_steps=6, warmup_target=0.1, warmup_steps=4)
    yield schedule("CosineDecayRestarts", initial_learning_rate=0.1, first_decay_steps=4)
    yield schedule(
        "CosineDecayRestarts", initial_learning_rate=0.1, first_decay_steps=4, t_mul=1.0, m_mul=0.5, alpha=0.1
    )
    yield schedule("PiecewiseConstantDecay", boundaries=[3, 7], values=[0.1, 0.05, 0.01])
    yield schedule("PolynomialDecay", **start)
    yield schedule("PolynomialDecay", **start, end_learning_rate=0.01, power=2.0)
    yield schedule("PolynomialDecay", **start, cycle=True)


def short_title(described: Spec) -> str:
    """Name an optimizer case; a schedule stands with its class alone."""
    config = {
        key: value["class_name"] if isinstance(value, dict) else value for key, value in described["config"].items()
    }
    return title_of({**described, "config": config})


def make(made_by: dict[str, str]) -> None:
    """Write keras_optimizers."""
    golden = store.Golden("keras_optimizers", made_by)
    for described in optimizers():
        title = short_title(described)
        random = store.generator(title)
        initial = [store.exact(random.uniform(-1, 1, shape)) for shape in SHAPES]
        variables = [keras.Variable(value) for value in initial]
        instance = store.build(described, keras)
        arrays: dict[str, Any] = {f"initial/{i}": value for i, value in enumerate(initial)}
        given: list[list[Any]] = []
        reached: list[list[Any]] = []
        rates: list[float] = []
        for _ in range(STEPS):
            gradients = [store.exact(random.uniform(-1, 1, shape)) for shape in SHAPES]
            rates.append(float(instance.learning_rate))
            instance.apply(gradients, variables)
            given.append(gradients)
            reached.append([variable.numpy() for variable in variables])
        for i in range(len(SHAPES)):
            arrays[f"grad/{i}"] = np.stack([step[i] for step in given])
            arrays[f"value/{i}"] = np.stack([step[i] for step in reached])
        case = {
            "name": title,
            "optimizer": described,
            "steps": STEPS,
            "variables": [list(shape) for shape in SHAPES],
            "final": False,
        }
        case["learning_rate"] = rates
        if described["config"].get("use_ema"):
            instance.finalize_variable_values(variables)
            arrays |= {f"final/{i}": variable.numpy() for i, variable in enumerate(variables)}
            case["final"] = True
        golden.add(case, arrays)
    golden.save()


def make_schedules(made_by: dict[str, str]) -> None:
    """Write keras_schedules.json."""
    golden = store.Golden("keras_schedules", made_by)
    steps = [*range(15), 25, 100]
    for described in schedules():
        instance = store.build(described, keras)
        values = [float(instance(step)) for step in steps]
        golden.add({"name": title_of(described), "schedule": described, "steps": steps, "values": values}, {})
    golden.save()
