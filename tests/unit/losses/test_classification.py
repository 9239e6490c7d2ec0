"""Losses of classes: saturated outputs, class numbers, ignored classes, other axes."""

from __future__ import annotations

import numpy as np
import pytest

from elman import losses, metrics, ops
from elman.autodiff import gradients
from elman.errors import ArgumentError, DataError, ShapeError
from elman.executors import ReferenceExecutor
from elman.graph import Graph, placeholder
from elman.graph.node import ancestors
from elman.shapes import B
from tests.evaluation import evaluate, leaf
from tests.tolerances import assert_close


def softmax(x):
    e = np.exp(x - x.max(-1, keepdims=True))
    return e / e.sum(-1, keepdims=True)


@pytest.mark.parametrize("targets", ["one_hot", "numbers"])
def test_a_softmax_that_is_saturated_still_learns(targets):
    """Computed from the softmax's input: neither clipped nor without gradient, as Keras does on TensorFlow."""
    logits = np.array([[200.0, 0.0, -200.0]])
    label = np.array([2], "int32")
    y_true = label if targets == "numbers" else np.eye(3)[label]
    x, t = leaf(logits, name="x"), leaf(y_true, name="y")
    loss = losses.SparseCategoricalCrossentropy() if targets == "numbers" else losses.CategoricalCrossentropy()
    value = loss(t, ops.softmax(x))
    got, gradient = evaluate([value, gradients(value, [x])[0]], [(x, logits), (t, y_true)])
    assert_close(got, np.array(400.0), length=3)
    assert_close(gradient, np.array([[1.0, 0.0, -1.0]]), length=3)


def test_a_sigmoid_that_is_saturated_still_learns():
    logits, y_true = np.array([[300.0], [-300.0]]), np.array([[0.0], [1.0]])
    x, t = leaf(logits, name="x"), leaf(y_true, name="y")
    value = losses.BinaryCrossentropy()(t, ops.sigmoid(x))
    got, gradient = evaluate([value, gradients(value, [x])[0]], [(x, logits), (t, y_true)])
    assert_close(got, np.array(300.0), length=2)
    assert_close(gradient, np.array([[0.5], [-0.5]]), length=2)


def test_a_probability_of_0_costs_no_more_than_the_clip():
    y_true, y_pred = np.array([[1.0, 0.0]]), np.array([[0.0, 1.0]])
    t, p = leaf(y_true), leaf(y_pred)
    (value,) = evaluate([losses.CategoricalCrossentropy()(t, p)], [(t, y_true), (p, y_pred)])
    assert_close(value, np.array(-np.log(1e-7)), length=2)


@pytest.mark.parametrize("head", ["logits", "softmax", "no_bias", "tied"])
def test_many_classes_take_the_layer_into_the_loss(head, rng, monkeypatch):
    """The same numbers and gradients, and no tensor of the graph has rows times classes elements."""
    x, w, b = rng.normal(size=(2, 3, 4)), rng.normal(size=(4, 9)), rng.normal(size=9)
    label = np.array([[0, 3, 8], [2, -1, 5]], "int32")
    arrays = [x, w.T if head == "tied" else w, b, label]
    inputs = [placeholder(name, a.shape, str(a.dtype)) for name, a in zip("xwbi", arrays, strict=True)]
    given = list(zip(inputs, arrays, strict=True))

    def traced(big):
        monkeypatch.setattr("elman.losses.classification.BIG", 9 if big else 10)
        z = ops.matmul(inputs[0], inputs[1], transpose_b=head == "tied")
        z = z if head == "no_bias" else z + inputs[2]
        y = ops.softmax(z) if head == "softmax" else z
        values = losses.sparse_categorical_crossentropy(inputs[3], y, head != "softmax", ignore_class=-1)
        hits = metrics.SparseCategoricalAccuracy().values(inputs[3], y)
        wrt = inputs[:2] if head == "no_bias" else inputs[:3]
        return [values, hits, *gradients(ops.sum(values * values), wrt)]

    for found, wanted in zip(evaluate(traced(True), given), evaluate(traced(False), given), strict=True):
        assert_close(found, wanted, length=64)
    fused = {
        t.shape for n in ancestors(traced(True)[:2]) for t in n.outputs if n.op not in ("MatMul", "Add", "Softmax")
    }
    assert not any(9 in shape and len(shape) > 2 for shape in fused)


@pytest.mark.parametrize("from_logits", [False, True])
def test_sparse_and_categorical_are_one_number(from_logits, rng):
    x = rng.normal(size=(5, 4))
    label = rng.integers(0, 4, 5).astype("int32")
    y_pred = x if from_logits else softmax(x)
    p, i, o = leaf(y_pred, name="p"), leaf(label, name="i"), leaf(np.eye(4)[label], name="o")
    sparse = losses.SparseCategoricalCrossentropy(from_logits=from_logits)(i, p)
    dense = losses.CategoricalCrossentropy(from_logits=from_logits)(o, p)
    got = evaluate([sparse, dense], [(p, y_pred), (i, label), (o, np.eye(4)[label])])
    expected = -np.log(softmax(x)[np.arange(5), label]).mean()
    for value in got:
        assert_close(value, expected, length=20)


def test_class_numbers_may_have_an_axis_of_1_and_be_real(rng):
    x, label = rng.normal(size=(5, 4)), rng.integers(0, 4, (5, 1)).astype("float32")
    p, i = leaf(x, name="p"), leaf(label, name="i")
    (value,) = evaluate([losses.SparseCategoricalCrossentropy(from_logits=True)(i, p)], [(p, x), (i, label)])
    assert_close(value, -np.log(softmax(x)[np.arange(5), label[:, 0].astype(int)]).mean(), length=20)


@pytest.mark.parametrize("reduction", ["sum_over_batch_size", "sum"])
def test_an_ignored_class_does_not_count(reduction, rng):
    x, label = rng.normal(size=(2, 3, 4)), np.array([[1, -1, 2], [-1, 0, 3]], "int32")
    p, i = leaf(x, 2, "p"), leaf(label, 2, "i")
    loss = losses.SparseCategoricalCrossentropy(from_logits=True, ignore_class=-1, reduction=reduction)
    value = loss(i, p)
    got, gradient = evaluate([value, gradients(value, [p])[0]], [(p, x), (i, label)])
    kept = label != -1
    each = -np.log(softmax(x)[kept][np.arange(4), label[kept]])
    assert_close(got, each.sum() if reduction == "sum" else each.mean(), length=24)
    assert np.all(gradient[~kept] == 0)


def test_an_ignored_class_and_a_mask_both_hold(rng):
    x, label = rng.normal(size=(1, 3, 4)), np.array([[1, 0, 2]], "int32")
    mask = np.array([[True, True, False]])
    p, i, m = leaf(x, 2, "p"), leaf(label, 2, "i"), leaf(mask, 2, "m")
    loss = losses.SparseCategoricalCrossentropy(from_logits=True, ignore_class=0)
    (got,) = evaluate([loss(i, p, mask=m)], [(p, x), (i, label), (m, mask)])
    assert_close(got, -np.log(softmax(x)[0, 0, 1]), length=24)


def test_a_class_that_does_not_exist_is_an_error_when_it_comes():
    x, label = np.zeros((2, 3)), np.array([0, 3], "int32")
    p, i = leaf(x, name="p"), leaf(label, name="i")
    value = losses.SparseCategoricalCrossentropy(from_logits=True)(i, p)
    with pytest.raises(DataError, match="index must be between 0 and 2"):
        evaluate([value], [(p, x), (i, label)])


def test_one_class_alone_costs_nothing():
    t, p = leaf(np.ones((2, 1))), leaf(np.ones((2, 1)))
    (value,) = evaluate(
        [losses.CategoricalCrossentropy(from_logits=True)(t, p)], [(t, np.ones((2, 1))), (p, np.ones((2, 1)))]
    )
    assert value == 0.0


@pytest.mark.parametrize("from_logits", [False, True])
def test_classes_may_lie_on_another_axis(from_logits, rng):
    x, y = rng.random((3, 4, 2)) + 0.1, rng.random((3, 4, 2))
    t, p = leaf(y), leaf(x)
    inner = losses.categorical_crossentropy(ops.swapaxes(t, 1, 2), ops.swapaxes(p, 1, 2), from_logits)
    got, expected = evaluate([losses.categorical_crossentropy(t, p, from_logits, axis=1), inner], [(t, y), (p, x)])
    assert_close(got, expected, length=4)
    label = rng.integers(0, 4, (3, 2)).astype("int32")
    i = leaf(label)
    got, expected = evaluate(
        [
            losses.sparse_categorical_crossentropy(i, p, from_logits, axis=1),
            losses.sparse_categorical_crossentropy(i, ops.swapaxes(p, 1, 2), from_logits),
        ],
        [(i, label), (p, x)],
    )
    assert_close(got, expected, length=4)


def test_hinge_takes_0_and_1_for_signs_only_if_all_are(rng):
    x = rng.normal(size=(4, 1))
    for y in (np.array([[0.0], [1.0], [1.0], [0.0]]), np.array([[0.0], [1.0], [1.0], [-1.0]])):
        t, p = leaf(y), leaf(x)
        (got,) = evaluate([losses.Hinge()(t, p)], [(t, y), (p, x)])
        signs = 2 * y - 1 if set(y.ravel()) <= {0.0, 1.0} else y
        assert_close(got, np.maximum(1 - signs * x, 0).mean(), length=4)


def test_what_cannot_be_class_numbers_is_refused():
    with pytest.raises(ShapeError) as error:
        losses.SparseCategoricalCrossentropy()(placeholder("y", (B, 3)), placeholder("p", (B, 3)))
    assert str(error.value) == (
        "sparse_categorical_crossentropy: y_true must have shape (B,): a class number for each prediction of shape "
        "(B, 3). Received shape (B, 3). For one-hot targets use the categorical loss."
    )


def test_a_smoothing_out_of_range_is_refused():
    with pytest.raises(ArgumentError) as error:
        losses.BinaryCrossentropy(label_smoothing=2)
    assert str(error.value) == (
        "BinaryCrossentropy: label_smoothing must be in [0, 1]. Received label_smoothing=2. 0.1 is usual."
    )


def test_sparse_smoothing_is_dense_smoothing(rng):
    y, p = rng.integers(0, 4, 5).astype("int32"), rng.normal(size=(5, 4)).astype("float32")
    sparse, dense = losses.SparseCategoricalCrossentropy, losses.CategoricalCrossentropy
    options = {"from_logits": True, "label_smoothing": 0.1}
    targets, scores, one_hot = placeholder("y", (5,), "int32"), placeholder("p", (5, 4)), placeholder("o", (5, 4))
    outputs = (sparse(**options)(targets, scores), dense(**options)(one_hot, scores))
    plan = ReferenceExecutor().compile(Graph((targets, scores, one_hot), outputs))
    a, b = plan.run([y, p, np.eye(4, dtype="float32")[y]]).outputs
    assert_close(a, b, 16)
    with pytest.raises(ArgumentError, match=r"SparseCategoricalCrossentropy: label_smoothing must be in \[0, 1\]"):
        sparse(label_smoothing=2)
