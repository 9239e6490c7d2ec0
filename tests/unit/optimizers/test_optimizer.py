"""What every optimizer shares: clipping, decay, averages, accumulation, the learning rate, configuration."""

from __future__ import annotations

import copy
import pickle

import numpy as np
import pytest

from elman import ops, optimizers
from elman.errors import ArgumentError, NotBuiltError, UnknownNameError
from elman.executors.reference import ReferenceExecutor
from elman.graph import Graph, Variable, placeholder
from elman.optimizers.lookup import KNOWN
from elman.optimizers.schedules import LearningRateSchedule
from tests.golden.reader import document
from tests.tolerances import assert_close

KERAS = document("keras_defaults")
SEGMENTS = (("dense/kernel", 0, 4), ("dense/bias", 4, 2))


def trained(optimizer, gradients, start=None, segments=SEGMENTS):
    """Weights after each step."""
    weights = Variable(np.zeros(6) if start is None else start, name="weights")
    gradient = placeholder("gradient", (6,), "float64")
    plan = ReferenceExecutor().compile(Graph((gradient,), (), tuple(optimizer.updates(weights, gradient, segments))))
    reached = []
    for g in gradients:
        plan.run([np.asarray(g, "float64")])
        reached.append(weights.value.copy())
    return reached


G = np.array([3.0, 0.0, 0.0, 4.0, 0.0, 0.0])


def test_a_long_gradient_is_shortened_weight_by_weight():
    g = G + np.array([0, 0, 0, 0, 0.3, 0.4])
    (w,) = trained(optimizers.SGD(1.0, clipnorm=1.0), [g])
    assert_close(w, -np.array([0.6, 0, 0, 0.8, 0.3, 0.4]), length=6)


def test_a_long_gradient_is_shortened_as_a_whole():
    (w,) = trained(optimizers.SGD(1.0, global_clipnorm=1.0), [G], segments=())
    assert_close(w, -G / 5, length=6)
    (w,) = trained(optimizers.SGD(1.0, global_clipnorm=6.0), [G], segments=())
    assert_close(w, -G, length=6)


def test_a_gradient_of_0_is_not_divided_by_its_length():
    for option in ("clipnorm", "global_clipnorm"):
        (w,) = trained(optimizers.SGD(1.0, **{option: 1.0}), [np.zeros(6)])
        assert np.all(w == 0.0)


def test_an_infinite_gradient_becomes_nan_for_the_guard_to_see():
    (w,) = trained(optimizers.SGD(1.0, global_clipnorm=1.0), [np.where(G == 3, np.inf, G)])
    assert np.isnan(w).all()


def test_numbers_are_clipped_one_by_one():
    (w,) = trained(optimizers.SGD(1.0, clipvalue=0.5), [G - 1], segments=())
    assert_close(w, -np.clip(G - 1, -0.5, 0.5), length=1)


def test_an_average_nobody_trained_is_refused():
    optimizers.SGD().finalize_variable_values()
    with pytest.raises(NotBuiltError) as error:
        optimizers.SGD(use_ema=True).finalize_variable_values()
    assert str(error.value) == "sgd: finalize_variable_values needs a built optimizer. Call fit() first."


def test_the_learning_rate_can_be_read_and_set_between_steps():
    optimizer = optimizers.SGD(0.1)
    assert optimizer.learning_rate == 0.1
    weights = Variable(np.zeros(6, "float32"), name="weights")
    gradient = placeholder("gradient", (6,))
    plan = ReferenceExecutor().compile(Graph((gradient,), (), tuple(optimizer.updates(weights, gradient))))
    assert optimizer.learning_rate == 0.1  # and not what float32 makes of it
    optimizer.learning_rate = 1.0
    plan.run([G.astype("float32")])
    assert_close(weights.value, -G, length=1)
    optimizer.variables[1].assign(0.25)  # as a checkpoint does
    assert optimizer.learning_rate == 0.25
    assert optimizer.get_config()["learning_rate"] == 0.25


def test_a_schedule_follows_the_counter():
    optimizer = optimizers.SGD(optimizers.schedules.PiecewiseConstantDecay([0, 1], [1.0, 0.5, 0.25]))
    reached = trained(optimizer, [G] * 3)
    assert_close(reached[-1], -1.75 * G, length=3)
    assert optimizer.learning_rate == 0.25


def test_any_function_of_the_step_is_a_schedule():
    reached = trained(optimizers.SGD(lambda step: 1.0 / (1.0 + step)), [G] * 3)
    assert_close(reached[-1], -(1 + 1 / 2 + 1 / 3) * G, length=3)


def test_variables_are_named_and_ordered():
    optimizer = optimizers.Adam(amsgrad=True, use_ema=True, gradient_accumulation_steps=2)
    optimizer.build(Variable(np.zeros(3), name="weights"))
    assert [(v.name, v.shape, v.dtype) for v in optimizer.variables] == [
        ("adam/iterations", (), "int32"),
        ("adam/learning_rate", (), "float64"),
        ("adam/average", (3,), "float64"),
        ("adam/gradient_accumulator", (3,), "float64"),
        ("adam/momentum", (3,), "float64"),
        ("adam/velocity", (3,), "float64"),
        ("adam/velocity_hat", (3,), "float64"),
    ]


# ---- configuration --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", KNOWN)
def test_defaults_are_kerass(name):
    kind = KNOWN[name]
    expected = KERAS["optimizers"][kind.__name__]["config"]
    config = kind().get_config()
    assert np.float32(config.pop("learning_rate")) == np.float32(expected["learning_rate"])
    assert config == {k: v for k, v in expected.items() if k != "learning_rate"}


@pytest.mark.parametrize("name", sorted(set(KERAS["optimizers.schedules"]) - {"LearningRateSchedule"}))
def test_a_schedules_defaults_are_kerass(name):
    described = KERAS["optimizers.schedules"][name]
    schedule = getattr(optimizers.schedules, name)(**described["made_with"])
    assert schedule.get_config() == described["config"]
    again = optimizers.schedules.get(optimizers.schedules.serialize(schedule))
    assert again.get_config() == schedule.get_config()


def test_what_compile_accepts():
    adam = optimizers.Adam()
    assert optimizers.get(adam) is adam
    assert type(optimizers.get("RMSprop")) is type(optimizers.get("rmsprop")) is optimizers.RMSprop
    assert type(optimizers.get(optimizers.Lion)) is optimizers.Lion


def test_an_unknown_name_is_answered_with_near_ones():
    with pytest.raises(UnknownNameError) as error:
        optimizers.get("adm")
    assert str(error.value).startswith(
        "optimizers.get: optimizer must be a known name. Received optimizer='adm'. Did you mean 'adam'"
    )
    with pytest.raises(
        UnknownNameError, match=r"schedules\.get: schedule must be a known name\. Received schedule='X'"
    ):
        optimizers.SGD({"class_name": "X"})
    with pytest.raises(ArgumentError) as error:
        optimizers.get(3)
    assert str(error.value) == (
        "optimizers.get: optimizer must be a name, an Optimizer or a configuration. Received optimizer=3. "
        "For example optimizer='adam'."
    )


UNIT = "in [0, 1]"


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (
            lambda: optimizers.Adam(-0.1),
            "adam: learning_rate must be a finite number from 0. Received learning_rate=-0.1.",
        ),
        (
            lambda: optimizers.Adam(clipnorm=1.0, clipvalue=2.0),
            "adam: clipnorm, clipvalue must be only one of them. Received clipnorm, clipvalue={'clipnorm': 1.0, "
            "'clipvalue': 2.0}. Choose one way of clipping.",
        ),
        (
            lambda: optimizers.Adam(clipnorm=0.0),
            "adam: clipnorm must be a finite number above 0. Received clipnorm=0.0. None leaves it out.",
        ),
        (
            lambda: optimizers.Adam(loss_scale_factor=8.0),
            "adam: loss_scale_factor must be None. Received loss_scale_factor=8.0. "
            "elman computes in float32 and float64, which need no loss scaling.",
        ),
        (
            lambda: optimizers.Adam(ema_momentum=1.5),
            f"adam: ema_momentum must be {UNIT}. Received ema_momentum=1.5.",
        ),
        (
            lambda: optimizers.Adam(gradient_accumulation_steps=1),
            "adam: gradient_accumulation_steps must be a whole number from 2. Received gradient_accumulation_steps=1.",
        ),
        (
            lambda: optimizers.Adam(beta_2=1.0),
            "adam: beta_2 must be in [0, 1). Received beta_2=1.0. The usual are 0.9 and 0.999.",
        ),
        (
            lambda: optimizers.AdamW(weight_decay=None),
            "adam_w: weight_decay must be a number. Received weight_decay=None. Without it, use Adam.",
        ),
        (lambda: optimizers.SGD(momentum=2.0), f"sgd: momentum must be {UNIT}. Received momentum=2.0."),
        (
            lambda: optimizers.Adagrad(initial_accumulator_value=-1.0),
            "adagrad: initial_accumulator_value must be a finite number from 0.",
        ),
        (
            lambda: optimizers.Lion(beta_1=0.0),
            "lion: beta_1 must be in (0, 1]. Received beta_1=0.0. At 0 it would be the sign of the gradient alone.",
        ),
        (
            lambda: optimizers.schedules.CosineDecay(0.1, 0),
            "CosineDecay: decay_steps must be a finite number above 0. Received decay_steps=0. "
            "It counts training steps (batches), not epochs.",
        ),
        (
            lambda: optimizers.schedules.PiecewiseConstantDecay([1], [0.1]),
            "PiecewiseConstant: boundaries must be one fewer than values. Received boundaries=[1]. "
            "Give 0 boundaries or 2 values.",
        ),
        (
            lambda: trained(optimizers.SGD(clipnorm=1.0), [G], segments=()),
            "sgd: segments must be given. Received segments=(). clipnorm works on each weight by itself.",
        ),
        (
            lambda: optimizers.SGD(lambda step: ops.exp(-1.0 * step)).learning_rate,
            "sgd: learning_rate must be a schedule that can give a number for a number, so that it can be read. "
            "Received learning_rate=",
        ),
        (
            lambda: optimizers.SGD(lambda step: step).get_config(),
            "sgd: learning_rate must be a number or a schedule to be saved. Received learning_rate=",
        ),
    ],
)
def test_bad_settings_are_refused(make, message):
    with pytest.raises(ArgumentError) as error:
        make()
    assert str(error.value).startswith(message)


def test_counts_of_0_are_none_as_in_keras_and_in_older_files():
    for name in ("gradient_accumulation_steps", "ema_overwrite_frequency"):
        config = {**optimizers.SGD(use_ema=True).get_config(), name: 0}
        assert getattr(optimizers.SGD.from_config(config), name) is None


def test_a_built_optimizer_keeps_its_vector_and_its_kind_of_rate():
    optimizer = optimizers.SGD()
    optimizer.build(Variable(np.zeros(3), name="weights"))
    optimizer.build(Variable(np.zeros(3), name="other"))
    with pytest.raises(ArgumentError, match=r"sgd: parameters must be the vector of 3 numbers it was built for\."):
        optimizer.build(Variable(np.zeros(4), name="weights"))
    with pytest.raises(
        ArgumentError, match="sgd: learning_rate must be a number, and the optimizer without a schedule"
    ):
        optimizer.learning_rate = optimizers.schedules.CosineDecay(0.1, 10)
    with pytest.raises(ArgumentError, match="sgd: exclude_from_weight_decay must be called before training"):
        optimizer.exclude_from_weight_decay(["bias"])


@pytest.mark.parametrize("name", ["lr", "learing_rate", "decay", "momentum"])
def test_an_attribute_that_is_no_setting_is_refused(name):
    optimizer = optimizers.Adam()
    with pytest.raises(UnknownNameError, match=f"adam: attribute must be .*='{name}'.*Known:.* 'learning_rate', "):
        setattr(optimizer, name, 0.5)
    assert not hasattr(optimizer, name)


def test_settings_may_be_changed_until_training_begins():
    optimizer = optimizers.Adam(learning_rate=optimizers.schedules.CosineDecay(0.1, 10))
    optimizer.beta_1, optimizer.learning_rate = 0.5, 0.2
    optimizer.build(Variable(np.zeros(3), name="weights"))
    optimizer.learning_rate = 0.1
    with pytest.raises(
        ArgumentError, match=r"adam: beta_1 must be left as it is once training has begun\. Received beta_1"
    ):
        optimizer.beta_1 = 0.9
    assert (optimizer.beta_1, optimizer.get_config()["learning_rate"]) == (0.5, 0.1)


def test_an_optimizer_of_ones_own_has_what_its_constructor_made():
    class Own(optimizers.SGD):
        def __init__(self, seen=0, **options):
            super().__init__(**options)
            self.seen, self.table = seen, {}

    optimizer = copy.deepcopy(pickle.loads(pickle.dumps(optimizers.SGD(0.5)))), Own(3, learning_rate=0.5)
    optimizer[1].seen += 1
    assert (optimizer[1].seen, optimizer[0].learning_rate) == (4, 0.5)
    for one in optimizer:
        with pytest.raises(UnknownNameError):
            one.tables = {}


def test_what_is_ones_own_cannot_be_written_down():
    class Mine(LearningRateSchedule):
        def __call__(self, step):
            return 0.1

    with pytest.raises(ArgumentError) as error:
        optimizers.SGD(Mine()).get_config()
    assert str(error.value) == (
        "schedules.serialize: schedule must be one of elman's own to be saved. Received schedule='Mine'. "
        "Pass it to compile() again after loading."
    )


def test_the_learning_rate_is_a_number_that_may_be_asked_what_a_variable_is():
    adam = optimizers.Adam(0.5)
    rate = adam.learning_rate
    assert isinstance(rate, float) and rate == rate.value == 0.5 and rate.numpy() == np.float64(0.5)
    rate.assign(adam.learning_rate * 0.5)
    assert (adam.learning_rate, rate) == (0.25, 0.5)
    for copied in (copy.deepcopy(rate), pickle.loads(pickle.dumps(rate)), adam.get_config()["learning_rate"]):
        assert type(copied) is float
    parameters = Variable(np.zeros(3, np.float32))
    adam.build(parameters)
    adam.learning_rate.assign(np.float32(0.125))
    assert adam.learning_rate == 0.125 and adam.variables[1].value == np.float32(0.125)
    with pytest.raises(ArgumentError, match="learning_rate must be a finite number from 0"):
        adam.learning_rate.assign("fast")
    scheduled = optimizers.SGD(optimizers.schedules.ExponentialDecay(0.1, 10, 0.9))
    scheduled.build(parameters)
    with pytest.raises(ArgumentError, match="the optimizer's schedule is in charge"):
        scheduled.learning_rate.assign(0.1)
