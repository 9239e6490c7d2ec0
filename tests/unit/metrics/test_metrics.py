"""Metrics where Keras has no answer (tests/oracle holds the rest): weights, masks, edges, precision, names."""

from __future__ import annotations

import numpy as np
import pytest

from elman import losses, metrics
from elman.errors import ArgumentError, ShapeError, UnknownNameError
from elman.executors.reference import ReferenceExecutor
from elman.graph import Graph, placeholder, verify
from elman.metrics.base import Total
from elman.metrics.lookup import CLASSES, KNOWN
from elman.shapes import B, T
from tests.evaluation import leaf
from tests.golden.reader import document
from tests.tolerances import assert_close, tolerance

KERAS = document("keras_defaults")["metrics"]


def update(metric, *arrays, sample_weight=None, mask=None, open_axes=1):
    """Add one batch to a metric and give its result."""
    feeds = [(leaf(a, open_axes, f"x{i}"), np.asarray(a)) for i, a in enumerate(arrays)]
    options = {}
    for name, array in (("sample_weight", sample_weight), ("mask", mask)):
        if array is not None:
            options[name] = leaf(array, open_axes, name)
            feeds.append((options[name], np.asarray(array)))
    updates = metric.updates(*(t for t, _ in feeds[: len(arrays)]), **options)
    graph = Graph(tuple(t for t, _ in feeds), (), tuple(updates))
    verify(graph)
    ReferenceExecutor().compile(graph).run([a for _, a in feeds])
    return metric.result()


def test_an_empty_metric_is_0():
    for kind in (metrics.Mean, metrics.AUC, metrics.F1Score, metrics.R2Score, metrics.Precision, metrics.Sum):
        assert kind().result() == 0.0
    assert metrics.Perplexity().result() == 1.0


def test_weights_of_0_and_an_empty_batch_are_0_not_nan():
    zeros = np.zeros((3, 2), "float32")
    for kind in (metrics.MeanSquaredError, metrics.Precision, metrics.Recall, metrics.AUC, metrics.BinaryAccuracy):
        assert update(kind(), zeros, zeros, sample_weight=np.zeros(3, "float32")) == 0.0
        assert update(kind(), zeros[:0], zeros[:0]) == 0.0


def test_masked_steps_do_not_count(rng):
    y_true, y_pred = rng.random((3, 4, 2)), rng.random((3, 4, 2))
    mask = np.array([[1, 1, 1, 1], [1, 0, 0, 0], [0, 0, 0, 0]], bool)
    labels = (y_true > 0.5).astype("float64")
    real = [labels[mask], y_pred[mask]]
    for kind in (
        metrics.MeanSquaredError,
        metrics.RootMeanSquaredError,
        metrics.BinaryAccuracy,
        metrics.Precision,
        metrics.AUC,
    ):
        got = update(kind(), labels, y_pred, mask=mask, open_axes=2)
        assert_close(np.array(got), np.array(update(kind(), *real)), length=24, what=kind.__name__)


def test_padding_a_batch_changes_nothing(rng):
    """Keras averages rows first, so that there a step of a short batch counts more."""
    short, long = rng.random((2, 2, 1)), rng.random((2, 5, 1))
    metric = metrics.MeanSquaredError()
    update(metric, short, 0 * short, open_axes=2)
    got = update(metric, long, 0 * long, open_axes=2)
    assert_close(np.array(got), np.mean(np.concatenate([short.ravel(), long.ravel()]) ** 2), length=14)


def test_one_weight_a_sample_weighs_every_step(rng):
    y_true, y_pred, weight = rng.random((3, 4, 2)), rng.random((3, 4, 2)), rng.random(3)
    got = update(metrics.MeanSquaredError(), y_true, y_pred, sample_weight=weight, open_axes=2)
    values = ((y_true - y_pred) ** 2).mean(-1)
    assert_close(np.array(got), (values * weight[:, None]).sum() / (4 * weight.sum()), length=24)


def test_a_loss_tracker_weighs_batches_by_their_size():
    mean = metrics.Mean("loss")
    for value, rows in ((1.0, 32), (4.0, 8)):
        got = update(mean, np.float32(value), sample_weight=np.float32(rows), open_axes=0)
    assert_close(np.array(got), np.array(64 / 40), length=2)


def test_a_long_epoch_keeps_its_digits():
    """Plain float32 would stop counting at 16.7 million and drop what is small beside the sum."""
    total = Total("total", (), "float32")
    x = placeholder("x", ())
    plan = ReferenceExecutor().compile(Graph((x,), (), tuple(total.add(x))))
    values = [np.float32(2**24), *[np.float32(1)] * 50, *[np.float32(0.1)] * 50]
    for value in values:
        plan.run([value])
    exact = np.sum(values, dtype=np.float64)
    # The error of a compensated sum is of the square of the order of a plain one's.
    assert abs(total.value - exact) <= tolerance(np.float32, len(values)) ** 2 * exact
    assert abs(np.cumsum(np.array(values))[-1] - exact) > 50


def test_an_infinite_sum_stays_infinite():
    total = Total("total", (), "float32")
    x = placeholder("x", ())
    plan = ReferenceExecutor().compile(Graph((x,), (), tuple(total.add(x))))
    for value in (1.0, np.inf, 2.0):
        plan.run([np.float32(value)])
    assert total.value == np.inf


def test_reset_begins_anew(rng):
    metric = metrics.F1Score(average="macro")
    first = update(metric, np.eye(3)[[0, 1, 2]], rng.random((3, 3)))
    metric.reset_state()
    assert all(np.all(v.value == 0) for v in metric.variables)
    assert metric.result() == 0.0
    assert first >= 0.0


# ---- accuracies ---------------------------------------------------------------------------------------------------


def test_class_numbers_may_have_an_axis_of_1(rng):
    y_pred, label = rng.random((5, 3)), rng.integers(0, 3, (5, 1)).astype("int32")
    expected = np.mean(y_pred.argmax(-1) == label[:, 0])
    assert update(metrics.SparseCategoricalAccuracy(), label, y_pred) == expected
    assert update(metrics.SparseCategoricalAccuracy(), label[:, 0].astype("float32"), y_pred) == expected


def test_top_k_counts_ties_as_hits_and_nan_as_misses():
    y_pred = np.array([[0.5, 0.5, 0.1], [0.9, 0.5, 0.1], [np.nan, 0.5, 0.1]])
    label = np.array([1, 1, 0], "int32")
    assert update(metrics.SparseTopKCategoricalAccuracy(k=1), label, y_pred) == 1 / 3
    assert update(metrics.SparseTopKCategoricalAccuracy(k=9), label[:2], y_pred[:2]) == 1.0


# ---- confusion ----------------------------------------------------------------------------------------------------


def numpy_auc(label, score, thresholds):
    """By the definition: rates at every threshold, trapezoids between them."""
    said = score[None, :] > thresholds[:, None]
    recall = (said & label).sum(1) / label.sum()
    wrong = (said & ~label).sum(1) / (~label).sum()
    return float(np.sum((wrong[:-1] - wrong[1:]) * (recall[:-1] + recall[1:]) / 2))


@pytest.mark.parametrize("given", [None, [0.25, 0.5, 0.75]])
def test_the_area_is_that_under_its_curve(given, rng):
    label, score = rng.random(40) < 0.4, rng.random(40)
    score[:3] = [0.0, 1.0, 0.5]
    inner = np.arange(1, 199) / 199 if given is None else np.array(given)
    expected = numpy_auc(label, score, np.array([-1e-7, *inner, 1 + 1e-7]))
    got = update(metrics.AUC(thresholds=given), label.astype("float64"), score)
    assert_close(np.array(got), np.array(expected), length=40)


def test_areas_of_labels_are_averaged_with_their_weights(rng):
    label, score = rng.random((30, 3)) < 0.5, rng.random((30, 3))
    each = [update(metrics.AUC(), label[:, i].astype("float64"), score[:, i]) for i in range(3)]
    got = update(metrics.AUC(multi_label=True), label.astype("float64"), score)
    assert_close(np.array(got), np.mean(each), length=30)
    weights = [1.0, 0.0, 3.0]
    got = update(metrics.AUC(multi_label=True, label_weights=weights), label.astype("float64"), score)
    assert_close(np.array(got), np.average(each, weights=weights), length=30)


def test_an_area_of_one_class_alone_is_0():
    assert update(metrics.AUC(), np.ones((4, 1)), np.linspace(0, 1, 4)[:, None]) == 0.0


def test_nan_scores_are_no_index():
    assert 0.0 <= update(metrics.AUC(), np.array([[1.0], [0.0]]), np.array([[np.nan], [0.5]])) <= 1.0


@pytest.mark.parametrize("method", ["minoring", "majoring", "interpolation"])
def test_minoring_is_below_majoring(method, rng):
    label, score = rng.random(40) < 0.4, rng.random(40)
    got = {
        m: update(metrics.AUC(10, "PR", m), label.astype("float64"), score) for m in ("minoring", method, "majoring")
    }
    assert got["minoring"] <= got["majoring"]


def test_only_the_highest_k_are_positive(rng):
    score = np.array([[0.1, 0.9, 0.8], [0.2, 0.2, 0.1]])
    label = np.array([[1.0, 1.0, 0.0], [0.0, 1.0, 1.0]])
    assert update(metrics.Precision(top_k=1), label, score) == 0.5
    assert update(metrics.Recall(top_k=2), label, score) == 0.5


def test_several_thresholds_give_several_numbers():
    got = update(metrics.Precision(thresholds=[0.2, 0.6]), np.array([[1.0], [0.0]]), np.array([[0.9], [0.4]]))
    np.testing.assert_array_equal(got, [0.5, 1.0])


# ---- others -------------------------------------------------------------------------------------------------------


def test_perplexity_of_a_guess_is_the_number_of_classes():
    label = np.array([[1, 2, 0]], "int32")
    got = update(metrics.Perplexity(from_logits=True, ignore_class=0), label, np.zeros((1, 3, 5)), open_axes=2)
    assert_close(np.array(got), np.array(5.0), length=15)


def test_r2_of_the_mean_is_0_and_of_the_truth_1(rng):
    y_true = rng.normal(size=(20, 2))
    assert_close(np.array(update(metrics.R2Score(), y_true, y_true)), np.array(1.0), length=40)
    mean = np.broadcast_to(y_true.mean(0), y_true.shape)
    assert abs(update(metrics.R2Score(), y_true, np.ascontiguousarray(mean))) < 40 * 16 * np.finfo(float).eps
    raw = update(metrics.R2Score(class_aggregation=None), y_true, 0.5 * y_true)
    assert raw.shape == (2,)
    n, p = 20, 3
    plain = update(metrics.R2Score(), y_true, 0.5 * y_true)
    adjusted = update(metrics.R2Score(num_regressors=p), y_true, 0.5 * y_true)
    assert_close(
        np.array(adjusted), np.array(1 - (1 - plain) * (n - 1) / (2 * n - p - 1) * (2 * n - 1) / (n - 1)), length=40
    )


# ---- names --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", sorted(set(CLASSES) & set(KERAS) - {"Metric"}))
def test_defaults_are_kerass(name):
    expected = {k: v for k, v in KERAS[name]["config"].items() if k != "dtype"}
    config = CLASSES[name]().get_config()
    assert {k: v for k, v in config.items() if k in expected} == expected
    assert {k: v for k, v in config.items() if k not in expected}.items() <= {"axis": -1, "thresholds": None}.items()


@pytest.mark.parametrize("name", sorted(CLASSES))
def test_a_configuration_makes_the_same_metric(name):
    metric = CLASSES[name](name="mine", dtype="float64")
    again = metrics.get(metrics.serialize(metric))
    assert type(again) is type(metric)
    assert again.get_config() == metric.get_config()


@pytest.mark.parametrize("name", sorted(KNOWN))
def test_every_name_makes_a_metric_of_that_name(name):
    assert metrics.get(name).name == name


@pytest.mark.parametrize(
    ("y_true", "y_pred", "kind"),
    [
        ((B, 1), (B, 1), "Binary"),
        ((B,), (B, 4), "SparseCategorical"),
        ((B, T, 1), (B, T, 4), "SparseCategorical"),
        ((B, 4), (B, 4), "Categorical"),
    ],
)
def test_accuracy_and_crossentropy_mean_those_that_fit(y_true, y_pred, kind):
    t, p = placeholder("y", y_true), placeholder("p", y_pred)
    for word, what in (("accuracy", "Accuracy"), ("acc", "Accuracy"), ("crossentropy", "Crossentropy")):
        metric = metrics.resolve(word, t, p)
        assert (type(metric).__name__, metric.name) == (kind + what, word)


def test_what_compile_accepts(rng):
    mae = metrics.MeanAbsoluteError()
    assert metrics.get(mae) is mae
    assert type(metrics.get(metrics.AUC)) is metrics.AUC
    y_true, y_pred = rng.random((4, 2)), rng.random((4, 2))
    expected = np.abs(y_true - y_pred).mean()
    for given in (losses.mean_absolute_error, losses.MeanAbsoluteError(), "mae"):
        assert_close(np.array(update(metrics.get(given), y_true, y_pred)), expected, length=8)
    assert metrics.resolve("mae", placeholder("y", (B,)), placeholder("p", (B,))).name == "mae"


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (
            lambda: metrics.get("accurracy"),
            UnknownNameError,
            "metrics.get: metric must be a known name. Received metric='accurracy'. Did you mean 'accuracy'",
        ),
        (lambda: metrics.get({"class_name": "X"}), UnknownNameError, "metrics.get: class_name must be a known name."),
        (
            lambda: metrics.get(3),
            ArgumentError,
            "metrics.get: metric must be a name, a Metric, a function of (y_true, y_pred) or a configuration. "
            "Received metric=3. For example metrics=['mae'].",
        ),
        (
            lambda: metrics.serialize(metrics.get(lambda a, b: a)),
            ArgumentError,
            "metrics.serialize: metric must be one of elman's own to be saved. Received metric='<lambda>'. "
            "Pass it to compile() again after loading.",
        ),
        (
            lambda: metrics.BinaryAccuracy(threshold=2.0),
            ArgumentError,
            "binary_accuracy: threshold must be in [0, 1]. Received threshold=2.0. Predictions are probabilities.",
        ),
        (
            lambda: metrics.Precision(thresholds=[2.0]),
            ArgumentError,
            "precision: thresholds must be in [0, 1]. Received thresholds=2.0. Predictions are probabilities.",
        ),
        (
            lambda: update(metrics.Recall(class_id=2), np.ones((3, 2)), np.ones((3, 2))),
            ArgumentError,
            "recall: class_id must be below 2, the number of classes. Received class_id=2.",
        ),
        (
            lambda: metrics.TopKCategoricalAccuracy(k=0),
            ArgumentError,
            "top_k_categorical_accuracy: k must be a whole number from 1.",
        ),
        (lambda: metrics.AUC(curve="X"), UnknownNameError, "auc: curve must be a known name. Received curve='X'."),
        (
            lambda: metrics.AUC(summation_method="X"),
            UnknownNameError,
            "auc: summation_method must be a known name. Received summation_method='X'.",
        ),
        (lambda: metrics.AUC(num_thresholds=1), ArgumentError, "auc: num_thresholds must be a whole number from 2."),
        (lambda: metrics.AUC(num_labels=2), ArgumentError, "auc: num_labels must be None unless multi_label."),
        (lambda: metrics.F1Score(average="X"), UnknownNameError, "f1_score: average must be a known name."),
        (
            lambda: metrics.FBetaScore(beta=0.0),
            ArgumentError,
            "fbeta_score: beta must be a finite number above 0. Received beta=0.0.",
        ),
        (lambda: metrics.F1Score(threshold=0.0), ArgumentError, "f1_score: threshold must be in (0, 1]."),
        (
            lambda: metrics.R2Score(class_aggregation="X"),
            UnknownNameError,
            "r2_score: class_aggregation must be a known name.",
        ),
        (
            lambda: metrics.R2Score(num_regressors=-1),
            ArgumentError,
            "r2_score: num_regressors must be a whole number from 0.",
        ),
        (
            lambda: metrics.F1Score().updates(placeholder("y", (B, T)), placeholder("p", (B, T))),
            ShapeError,
            "f1_score: classes must be a known number. Received shape (T,). Give the last layer a fixed size.",
        ),
    ],
)
def test_what_cannot_be_is_refused(make, error, message):
    with pytest.raises(error) as caught:
        make()
    assert str(caught.value).startswith(message)


def test_a_metric_of_another_output_is_refused():
    metric = metrics.F1Score()
    metric.updates(placeholder("y", (B, 3)), placeholder("p", (B, 3)))
    with pytest.raises(ShapeError) as error:
        metric.updates(placeholder("y", (B, 4)), placeholder("p", (B, 4)))
    assert str(error.value) == (
        "f1_score: true_positives must be of the shape it was first used with, (3,). Received shape (4,). "
        "Make another metric for another output."
    )
