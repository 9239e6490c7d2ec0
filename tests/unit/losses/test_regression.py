"""Losses of numbers where Keras has no answer, or a formula is at its edge."""

from __future__ import annotations

import numpy as np
import pytest

from elman import losses, ops
from elman.autodiff import gradients
from elman.errors import ArgumentError, ShapeError
from elman.graph import placeholder
from elman.shapes import B
from tests.evaluation import evaluate, leaf
from tests.tolerances import assert_close


def both(loss, y_true, y_pred):
    """A loss's value and the gradient of its predictions."""
    t, p = leaf(y_true, name="y_true"), leaf(y_pred, name="y_pred")
    value = loss(t, p)
    return evaluate([value, gradients(value, [p])[0]], [(t, y_true), (p, y_pred)])


def test_pinball_pulls_toward_its_quantile(rng):
    y_true, y_pred = rng.normal(size=(6, 1)), rng.normal(size=(6, 1))
    error = y_true - y_pred
    value, gradient = both(losses.QuantileLoss(0.9), y_true, y_pred)
    assert_close(value, np.where(error > 0, 0.9 * error, -0.1 * error).mean(), length=6)
    assert_close(gradient, np.where(error > 0, -0.9, 0.1) / 6, length=6)


def test_several_quantiles_share_a_target(rng):
    levels = [0.1, 0.5, 0.9]
    y_true, y_pred = rng.normal(size=6), rng.normal(size=(6, 3))
    error = y_true[:, None] - y_pred
    value, _ = both(losses.QuantileLoss(levels), y_true, y_pred)
    assert_close(value, np.maximum(np.array(levels) * error, (np.array(levels) - 1) * error).mean(), length=18)


def test_the_best_constant_for_a_quantile_is_that_quantile(rng):
    y_true = rng.normal(size=(101, 1))
    guesses = np.sort(y_true[:, 0])
    values = [both(losses.QuantileLoss(0.25), y_true, np.full((101, 1), g))[0] for g in guesses]
    assert guesses[int(np.argmin(values))] == np.quantile(y_true, 0.25)


@pytest.mark.parametrize(
    "loss", [losses.Huber(), losses.LogCosh(), losses.CosineSimilarity(), losses.MeanAbsoluteError()]
)
def test_an_exact_hit_has_a_finite_gradient(loss):
    value, gradient = both(loss, np.zeros((2, 3)), np.zeros((2, 3)))
    assert value == 0.0
    assert np.all(gradient == 0.0)


def test_log_cosh_of_a_huge_error_does_not_overflow():
    value, gradient = both(losses.LogCosh(), np.zeros((1, 2)), np.array([[1e4, -1e4]]))
    assert_close(value, 1e4 - np.log(2), length=2)
    assert_close(gradient, np.array([[0.5, -0.5]]), length=2)


def test_huber_joins_its_two_parts_smoothly():
    edge = np.array([[1.5]])
    value, gradient = both(losses.Huber(delta=1.5), np.zeros((1, 1)), edge)
    beyond = both(losses.Huber(delta=1.5), np.zeros((1, 1)), np.nextafter(edge, 2))
    assert_close(value, beyond[0], length=1)
    assert_close(gradient, beyond[1], length=1)


def test_nan_and_infinity_are_seen():
    for bad in (np.nan, np.inf):
        value, _ = both(losses.MeanSquaredError(), np.zeros((2, 1)), np.array([[0.0], [bad]]))
        assert not np.isfinite(value)


def test_bad_settings_are_refused():
    with pytest.raises(ArgumentError) as error:
        losses.Huber(delta=0.0)
    assert str(error.value) == (
        "Huber: delta must be a finite number above 0. Received delta=0.0. Use the size of an ordinary error."
    )
    with pytest.raises(ArgumentError) as error:
        losses.QuantileLoss([0.5, 1.0])
    assert str(error.value) == "QuantileLoss: quantiles must be in (0, 1). Received quantiles=1.0. The median is 0.5."


def test_predictions_without_a_value_for_each_quantile_are_refused():
    with pytest.raises(ShapeError) as error:
        losses.QuantileLoss([0.1, 0.9])(placeholder("y", (B,)), placeholder("p", (B, 3)))
    assert str(error.value) == (
        "quantile_loss: y_pred must be of shape (..., 2), one value for each quantile. Received shape (B, 3). "
        "Set the units of the last layer."
    )


def test_functions_and_classes_are_one(rng):
    y_true, y_pred = rng.random((4, 3)) + 0.1, rng.random((4, 3)) + 0.1
    t, p = leaf(y_true), leaf(y_pred)
    for name in ("mean_squared_error", "mean_absolute_percentage_error", "poisson", "cosine_similarity", "huber"):
        values, whole = evaluate([getattr(losses, name)(t, p), losses.get(name)(t, p)], [(t, y_true), (p, y_pred)])
        assert_close(whole, values.mean(), length=12, what=name)
        assert ops.mean(getattr(losses, name)(t, p)).shape == ()
