"""Where weights start: laws, seeds, types, shapes."""

from __future__ import annotations

import math

import numpy as np
import pytest

from elman import Sequential, layers
from elman.errors import ArgumentError, ShapeError
from elman.layers import initializers as init
from elman.tasks import Forecaster, SequenceClassifier
from tests.tolerances import assert_close

RANDOM = [
    init.RandomNormal, init.RandomUniform, init.TruncatedNormal, init.VarianceScaling, init.GlorotUniform,
    init.GlorotNormal, init.HeUniform, init.HeNormal, init.LecunUniform, init.LecunNormal, init.Orthogonal,
]  # fmt: skip


@pytest.mark.parametrize("kind", RANDOM)
def test_a_seed_draws_the_same_numbers_at_every_call(kind):
    first = kind(seed=3)
    np.testing.assert_array_equal(first((4, 5)), first((4, 5)))
    np.testing.assert_array_equal(first((4, 5)), kind.from_config(first.get_config())((4, 5)))
    loose = kind()
    assert (loose((4, 5)) != loose((4, 5))).any()


@pytest.mark.parametrize("kind", RANDOM)
def test_a_generator_and_a_type_may_be_given(kind):
    a = kind()((4, 5), "float64", np.random.default_rng(1))
    b = kind()((4, 5), "float64", np.random.default_rng(1))
    np.testing.assert_array_equal(a, b)
    assert (a.dtype, kind()((4, 5)).dtype) == (np.float64, np.float32)


@pytest.mark.parametrize("shape", [(6, 6), (3, 12), (12, 3), (2, 3, 4)])
def test_orthogonal_rows_or_columns(shape):
    q = init.Orthogonal(gain=2.0)(shape, "float64").reshape(-1, shape[-1])
    small = q @ q.T if q.shape[0] < q.shape[1] else q.T @ q
    assert_close(small, 4 * np.eye(len(small)), max(q.shape))


def test_fans_of_kernels():
    assert init.fans((3, 4)) == (3, 4)
    assert init.fans((5,)) == (5, 5)
    assert init.fans(()) == (1, 1)
    assert init.fans((2, 3, 4)) == (6, 8)
    assert init.fans((2, 3, 4), [0], [1, 2]) == (2, 12)


def test_variance_scaling_keeps_the_variance():
    for distribution in ("uniform", "truncated_normal", "untruncated_normal"):
        draw = init.VarianceScaling(2.0, "fan_in", distribution, seed=1)((400, 300), "float64")
        assert math.isclose(draw.std(), math.sqrt(2 / 400), rel_tol=0.01)
    assert np.abs(init.TruncatedNormal(stddev=1.0, seed=1)((1000,))).max() <= 2


@pytest.mark.parametrize(
    ("make", "error", "text"),
    [
        (
            lambda: init.VarianceScaling(scale=0),
            ArgumentError,
            "scale must be a finite number above 0. Received scale=0",
        ),
        (lambda: init.VarianceScaling(mode="in"), ArgumentError, "mode must be one of fan_in, fan_out, fan_avg"),
        (lambda: init.VarianceScaling(distribution="n"), ArgumentError, "distribution must be one of uniform"),
        (lambda: init.Orthogonal()((3,)), ShapeError, "shape must be of rank 2 or more"),
        (lambda: init.Identity()((3,)), ShapeError, r"shape must be \(N, M\)"),
    ],
)
def test_what_makes_no_sense_is_told(make, error, text):
    with pytest.raises(error, match=text):
        make()


def test_a_constant_may_be_an_array():
    table = [[1.0, 2.0], [3.0, 4.0]]
    constant = init.Constant(np.array(table))
    np.testing.assert_array_equal(constant((2, 2)), table)
    assert constant.get_config() == {"value": table}


@pytest.mark.parametrize("wrong", [-1, 1.5, "a", True, None])
def test_a_seed_is_a_whole_number_wherever_one_is_given(wrong):
    rule = rf"seed must be a whole number from 0. Received seed={wrong!r}"
    given = {
        "set_seed": lambda: layers.set_seed(wrong),
        "GlorotUniform": lambda: init.GlorotUniform(seed=wrong)((2, 2)),
        "Sequential": lambda: Sequential([layers.Input((3,)), layers.Dense(1)], seed=wrong),
        "Forecaster": lambda: Forecaster(seed=wrong).fit(np.arange(50.0)),
        "SequenceModel": lambda: SequenceClassifier(seed=wrong).fit(["a b", "b a"], ["a", "b"]),
    }
    for where, call in given.items():
        if wrong is None and where in ("GlorotUniform", "Sequential"):
            continue  # their own choice
        with pytest.raises(ArgumentError, match=rf"{where}: {rule}"):
            call()


def test_a_seed_may_be_as_large_as_one_likes():
    for seed in (2**31, 2**40, np.int64(3)):
        layers.set_seed(seed)
        model = Sequential([layers.Input((3,)), layers.Dense(1)], seed=seed)
        model.compile("sgd", "mse")
        model.fit(np.ones((4, 3)), np.ones((4, 1)), verbose=0)
