"""What every loss shares: how values become a number, how targets meet predictions, what is refused."""

from __future__ import annotations

import numpy as np
import pytest

from elman import losses, ops
from elman.errors import ShapeError, UnknownNameError
from elman.graph import placeholder
from elman.losses.base import REDUCTIONS, match_ranks, snake
from elman.shapes import B, T
from tests.evaluation import evaluate, leaf
from tests.tolerances import assert_close


def value_of(loss, y_true, y_pred, axes=1, **kw):
    feeds = [(leaf(a, axes, n), a) for n, a in (("y_true", y_true), ("y_pred", y_pred), *kw.items())]
    (value,) = evaluate(
        [loss(feeds[0][0], feeds[1][0], **{n: t for n, (t, _) in zip(kw, feeds[2:], strict=True)})], feeds
    )
    return value


@pytest.fixture
def pair(rng):
    return rng.normal(size=(3, 4, 2)), rng.normal(size=(3, 4, 2))


def test_a_mean_over_open_sizes_divides_by_what_came(rng):
    loss = losses.MeanSquaredError()
    y_true, y_pred = leaf(np.zeros((1, 2))), leaf(np.zeros((1, 2)))
    value = loss(y_true, y_pred)
    for rows in (1, 2, 7):
        a, b = rng.normal(size=(rows, 2)), rng.normal(size=(rows, 2))
        (got,) = evaluate([value], [(y_true, a), (y_pred, b)])
        assert_close(got, np.mean((a - b) ** 2), length=2 * rows)


@pytest.mark.parametrize("reduction", [r for r in REDUCTIONS if r != "none"])
def test_an_empty_batch_is_0_not_nan(reduction):
    got = value_of(losses.MeanSquaredError(reduction=reduction), np.zeros((0, 2)), np.zeros((0, 2)))
    assert got == 0.0


@pytest.mark.parametrize("reduction", [r for r in REDUCTIONS if r != "none"])
def test_weights_of_0_are_0_not_nan(reduction, pair):
    weight = np.zeros((3, 4))
    assert value_of(losses.MeanSquaredError(reduction=reduction), *pair, axes=2, sample_weight=weight) == 0.0


@pytest.mark.parametrize("reduction", [r for r in REDUCTIONS if r != "none"])
def test_a_mask_of_nothing_is_0_not_nan(reduction, pair):
    mask = np.zeros((3, 4), bool)
    assert value_of(losses.MeanSquaredError(reduction=reduction), *pair, axes=2, mask=mask) == 0.0


def test_a_mask_leaves_the_mean_over_what_is_real(pair, rng):
    mask = rng.random((3, 4)) < 0.5
    mask[0, 0] = True
    values = np.mean((pair[0] - pair[1]) ** 2, -1)
    assert_close(value_of(losses.MeanSquaredError(), *pair, axes=2, mask=mask), values[mask].mean(), length=24)


def test_weights_scale_but_do_not_divide(pair, rng):
    values, weight = np.mean((pair[0] - pair[1]) ** 2, -1), rng.random((3, 4))
    got = value_of(losses.MeanSquaredError(), *pair, axes=2, sample_weight=weight)
    assert_close(got, (values * weight).sum() / 12, length=24)
    got = value_of(losses.MeanSquaredError(reduction="mean_with_sample_weight"), *pair, axes=2, sample_weight=weight)
    assert_close(got, (values * weight).sum() / weight.sum(), length=24)


def test_one_weight_a_sample_weighs_every_step(pair, rng):
    values, weight = np.mean((pair[0] - pair[1]) ** 2, -1), rng.random(3)
    got = value_of(losses.MeanSquaredError(), *pair, axes=2, sample_weight=weight)
    assert_close(got, (values * weight[:, None]).mean(), length=24)


def test_no_reduction_keeps_the_values(pair):
    got = value_of(losses.MeanSquaredError(reduction=None), *pair, axes=2)
    assert_close(got, np.mean((pair[0] - pair[1]) ** 2, -1), length=2)
    assert losses.MeanSquaredError(reduction=None).reduction == "none"


@pytest.mark.parametrize(
    ("y_true", "y_pred", "both"),
    [
        ((B,), (B, 1), (B, 1)),
        ((B, 1), (B,), (B, 1)),
        ((B, T), (B, T, 1), (B, T)),
        ((B, T, 1), (B, T), (B, T)),
        ((B, 3), (B, 3), (B, 3)),
    ],
)
def test_ranks_meet_as_in_keras(y_true, y_pred, both):
    a, b = match_ranks(placeholder("y_true", y_true), placeholder("y_pred", y_pred))
    assert (a.shape, b.shape) == (both, both)


def test_whole_and_true_targets_take_the_predictions_type(rng):
    y_pred = rng.random((4, 1)).astype("float32")
    for y_true in (np.array([0, 1, 1, 0], "int32"), np.array([False, True, True, False])):
        got = value_of(losses.MeanSquaredError(), y_true, y_pred)
        assert got.dtype == np.float32
        assert_close(got, np.mean((y_true[:, None] - y_pred) ** 2), length=4)


def test_a_dtype_is_honoured(rng):
    y_true, y_pred = rng.random((4, 2)).astype("float32"), rng.random((4, 2)).astype("float32")
    assert value_of(losses.MeanSquaredError(dtype="float64"), y_true, y_pred).dtype == np.float64


def test_targets_of_another_rank_are_refused():
    with pytest.raises(ShapeError) as error:
        losses.mean_squared_error(placeholder("y", (B,)), placeholder("p", (B, 3)))
    assert str(error.value) == (
        "mean_squared_error: y_true must have the shape of y_pred, (B, 3). Received shape (B,). "
        "For class numbers use a sparse loss; else reshape the targets."
    )


def test_weights_that_do_not_fit_are_refused():
    with pytest.raises(ShapeError) as error:
        losses.MeanSquaredError()(placeholder("y", (4, 3)), placeholder("p", (4, 3)), placeholder("w", (5,)))
    assert str(error.value) == (
        "mean_squared_error: sample_weight must be of a shape that fits the values it weighs, (4,). "
        "Received shape (5,). Give one weight a sample, (B,), or one a step, (B, T)."
    )


def test_an_unknown_reduction_is_refused():
    with pytest.raises(UnknownNameError) as error:
        losses.Huber(reduction="avg")
    assert str(error.value) == (
        "Huber: reduction must be a known name. Received reduction='avg'. Known: 'mean', 'mean_with_sample_weight', "
        "'none', 'sum', 'sum_over_batch_size'."
    )


def test_a_loss_of_ones_own_gets_the_same_treatment(pair):
    class Bias(losses.Loss):
        def __init__(self, factor, **keywords):
            super().__init__(**keywords)
            self.factor = factor

        def call(self, y_true, y_pred):
            return self.factor * ops.mean(y_true - y_pred, -1)

    bias = Bias(2.0)
    assert bias.name == "bias"
    assert bias.get_config() == {"name": "bias", "reduction": "sum_over_batch_size", "factor": 2.0}
    assert_close(value_of(bias, *pair, axes=2), 2 * np.mean(pair[0] - pair[1]), length=24)


def test_classes_are_named_as_in_keras():
    assert [snake(n) for n in ("KLDivergence", "LogCosh", "AUC")] == ["kl_divergence", "log_cosh", "auc"]
