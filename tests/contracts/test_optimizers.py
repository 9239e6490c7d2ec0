"""What every optimizer promises. A new one joins by its row in `optimizers.lookup`; no row is exempt from a check."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest

from elman import optimizers
from elman.executors import Executor, NativeExecutor, ReferenceExecutor, available
from elman.graph import Graph, Variable, placeholder
from elman.layers import LSTM, Dense, Input
from elman.models import Sequential
from elman.optimizers import Optimizer
from elman.optimizers.lookup import KNOWN
from tests.tolerances import assert_close
from tests.unit.optimizers.test_formulas import RULES

P, STEPS = 6, 5
SEGMENTS = (("dense/kernel", 0, 4), ("dense/bias", 4, 2))
OPTIONS: dict[str, dict[str, Any]] = {
    "plain": {},
    "clipnorm": {"clipnorm": 0.5},
    "clipvalue": {"clipvalue": 0.5},
    "global_clipnorm": {"global_clipnorm": 0.5},
    "weight_decay": {"weight_decay": 0.1},
    "average": {"use_ema": True, "ema_momentum": 0.75},
    "average_overwrites": {"use_ema": True, "ema_momentum": 0.75, "ema_overwrite_frequency": 2},
    "accumulation": {"gradient_accumulation_steps": 2},
    "everything": {
        "clipnorm": 0.5, "weight_decay": 0.1, "use_ema": True, "ema_momentum": 0.75, "gradient_accumulation_steps": 2,
    },
}  # fmt: skip

every_optimizer = pytest.mark.parametrize("kind", KNOWN.values(), ids=list(KNOWN))
every_option = pytest.mark.parametrize("options", OPTIONS.values(), ids=list(OPTIONS))


class Trained:
    """An optimizer at work on one vector."""

    def __init__(self, optimizer: Optimizer, executor: Executor | None = None, dtype: str = "float64") -> None:
        self.optimizer = optimizer
        self.weights = Variable(np.linspace(-1, 1, P).astype(dtype), name="weights")
        gradient = placeholder("gradient", (P,), dtype)
        graph = Graph((gradient,), (), tuple(optimizer.updates(self.weights, gradient, SEGMENTS)))
        self.plan = (executor or ReferenceExecutor()).compile(graph)

    def steps(self, gradients: np.ndarray) -> np.ndarray:
        """The weights after a step with each gradient. Shapes: (N, P) -> (N, P)."""
        reached = []
        for g in gradients:
            self.plan.run([g.astype(self.weights.dtype)])
            reached.append(self.weights.value.copy())
        return np.array(reached)


@pytest.fixture
def gradients(rng: np.random.Generator) -> np.ndarray:
    return rng.normal(size=(STEPS, P))


def test_every_optimizer_has_its_formula_written_out() -> None:
    assert {type(optimizer) for _, optimizer in RULES.values()} == set(KNOWN.values())


@every_optimizer
@every_option
def test_what_it_remembers_is_as_long_as_the_weights(kind, options) -> None:
    optimizer = kind(**options)
    optimizer.build(Variable(np.zeros(P), name="weights"))
    scalars = {"iterations", "learning_rate", *optimizer.scalars()}
    for variable in optimizer.variables:
        owner, name = variable.name.split("/")
        assert owner == optimizer.name
        assert variable.shape == (() if name in scalars else (P,)), name
    assert len({v.name for v in optimizer.variables}) == len(optimizer.variables)


@every_optimizer
@every_option
def test_every_variable_is_updated_once(kind, options) -> None:
    optimizer = kind(**options)
    weights = Variable(np.zeros(P), name="weights")
    updated = [v for v, _ in optimizer.updates(weights, placeholder("g", (P,), "float64"), SEGMENTS)]
    rate = next(v for v in optimizer.variables if v.name.endswith("learning_rate"))
    assert updated[0] is weights
    assert sorted(map(id, updated[1:])) == sorted(id(v) for v in optimizer.variables if v is not rate)


@every_optimizer
@every_option
def test_a_configuration_makes_the_same_optimizer(kind, options, gradients) -> None:
    rate = optimizers.schedules.ExponentialDecay(0.1, 10, 0.5)
    optimizer = kind(learning_rate=rate, name="mine", **options)
    text = json.dumps(optimizers.serialize(optimizer))
    again = optimizers.get(json.loads(text))
    assert type(again) is kind
    assert json.dumps(optimizers.serialize(again)) == text
    np.testing.assert_array_equal(Trained(again).steps(gradients), Trained(optimizer).steps(gradients))


@every_optimizer
@every_option
def test_it_resumes_exactly(kind, options, gradients) -> None:
    whole = Trained(kind(0.1, **options)).steps(gradients)
    first, second = Trained(kind(0.1, **options)), Trained(kind(0.1, **options))
    first.steps(gradients[:3])
    second.weights.assign(first.weights.value)
    for new, old in zip(second.optimizer.variables, first.optimizer.variables, strict=True):
        new.assign(old.value)
    np.testing.assert_array_equal(second.steps(gradients[3:]), whole[3:])


@every_optimizer
@every_option
@pytest.mark.skipif(not available(), reason="needs the compiled extension")
def test_native_is_reference(kind, options, gradients) -> None:
    expected = Trained(kind(0.1, **options)).steps(gradients)
    assert_close(Trained(kind(0.1, **options), NativeExecutor()).steps(gradients), expected, P, STEPS)


@every_optimizer
@every_option
def test_float32_is_float64_rounded(kind, options, gradients) -> None:
    wide = Trained(kind(0.1, **options)).steps(gradients)
    assert_close(Trained(kind(0.1, **options), dtype="float32").steps(gradients), wide, P, STEPS)


@every_optimizer
def test_clipping_is_a_step_with_the_clipped_gradient(kind, gradients) -> None:
    def scaled(g: np.ndarray) -> np.ndarray:
        return g * np.minimum(1.0, 0.5 / np.linalg.norm(g, axis=-1, keepdims=True))

    plain = {"weight_decay": None} if kind is not optimizers.AdamW else {}
    by_weight = np.concatenate([scaled(gradients[:, :4]), scaled(gradients[:, 4:])], 1)
    for option, clipped in (
        ("clipvalue", np.clip(gradients, -0.5, 0.5)), ("global_clipnorm", scaled(gradients)), ("clipnorm", by_weight),
    ):  # fmt: skip
        expected = Trained(kind(0.1, **plain)).steps(clipped)
        assert_close(Trained(kind(0.1, **plain, **{option: 0.5})).steps(gradients), expected, P, STEPS, what=option)


@every_optimizer
def test_weights_decay_apart_from_the_gradient(kind) -> None:
    """The rule's own step of a gradient of 0 is 0 from the start, so the decay stands alone."""
    w = Trained(kind(0.1, weight_decay=0.5)).steps(np.zeros((1, P)))
    assert_close(w[0], np.linspace(-1, 1, P) * (1 - 0.1 * 0.5), P)
    spared = kind(0.1, weight_decay=0.5)
    spared.exclude_from_weight_decay(["bias"])
    w = Trained(spared).steps(np.zeros((1, P)))
    assert_close(w[0], np.linspace(-1, 1, P) * np.array([0.95] * 4 + [1.0] * 2), P)


@every_optimizer
def test_the_average_follows_and_takes_over_at_the_end(kind, gradients) -> None:
    trained = Trained(kind(0.1, use_ema=True, ema_momentum=0.75))
    reached = trained.steps(gradients)
    average = reached[0]
    for w in reached[1:]:
        average = 0.75 * average + 0.25 * w
    trained.optimizer.finalize_variable_values()
    assert_close(trained.weights.value, average, P, STEPS)
    np.testing.assert_array_equal(Trained(kind(0.1)).steps(gradients), reached)


@every_optimizer
def test_accumulated_gradients_are_one_step_of_their_mean(kind, gradients) -> None:
    four = gradients[:4]
    reached = Trained(kind(0.1, gradient_accumulation_steps=2)).steps(four)
    expected = Trained(kind(0.1)).steps((four[::2] + four[1::2]) / 2)
    np.testing.assert_array_equal(reached[0], np.linspace(-1, 1, P))
    np.testing.assert_array_equal(reached[2], reached[1])
    assert_close(reached[1::2], expected, P, STEPS)


@every_optimizer
def test_a_schedule_is_a_rate_set_by_hand_at_each_step(kind, gradients) -> None:
    schedule = optimizers.schedules.InverseTimeDecay(0.1, 2, 1.0)
    scheduled = Trained(kind(schedule))
    by_hand = Trained(kind(1.0))
    for step, g in enumerate(gradients):
        by_hand.optimizer.learning_rate = schedule(step)
        assert_close(scheduled.optimizer.learning_rate, schedule(step), P)
        assert_close(scheduled.steps(g[None]), by_hand.steps(g[None]), P, step + 1)


@every_optimizer
def test_it_learns(kind) -> None:
    rate = {optimizers.Adadelta: 30.0, optimizers.SGD: 0.1, optimizers.Adagrad: 0.1}.get(kind, 0.01)
    x = np.random.default_rng(0).normal(size=(64, 4, 2)).astype("float32")
    model = Sequential([Input((4, 2)), LSTM(4), Dense(1)], seed=1)
    model.compile(kind(rate), "mse")
    losses = model.fit(x, x.sum((1, 2)), epochs=12, batch_size=16, verbose=0).history["loss"]
    assert losses[-1] < 0.8 * losses[0]
