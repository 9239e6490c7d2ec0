"""What every loss promises. A new one is a row; no row is exempt from a check."""

from __future__ import annotations

import inspect
import json
from typing import Any, NamedTuple

import numpy as np
import pytest

from elman import layers, losses
from elman.autodiff import gradients
from elman.executors import available
from elman.graph import Tensor
from elman.losses import Loss
from elman.losses.lookup import CLASSES, KNOWN
from tests.evaluation import leaf
from tests.oracle.running import Setting, evaluate
from tests.tolerances import assert_close, central_difference

ROWS, STEPS, CLASS_COUNT = 4, 3, 5
LENGTH = ROWS * STEPS * CLASS_COUNT


class Case(NamedTuple):
    """A loss, and what its targets and predictions are: real, positive, yes or no, signs, one of five, its number; or,
    for losses of whole rows, labels shorter than the frames, or a tag for each step.
    """

    name: str
    class_name: str
    config: dict[str, Any]
    kind: str

    def make(self, **more: Any) -> Loss:
        return getattr(losses, self.class_name)(**{**self.config, **more})


CASES = [
    Case("mean_squared_error", "MeanSquaredError", {}, "real"),
    Case("mean_absolute_error", "MeanAbsoluteError", {}, "real"),
    Case("mean_absolute_percentage_error", "MeanAbsolutePercentageError", {}, "positive"),
    Case("mean_squared_logarithmic_error", "MeanSquaredLogarithmicError", {}, "positive"),
    Case("huber", "Huber", {"delta": 0.5}, "real"),
    Case("log_cosh", "LogCosh", {}, "real"),
    Case("poisson", "Poisson", {}, "positive"),
    Case("cosine_similarity", "CosineSimilarity", {}, "real"),
    Case("quantile", "QuantileLoss", {"quantiles": 0.9}, "real"),
    Case("quantiles", "QuantileLoss", {"quantiles": [0.1, 0.3, 0.5, 0.7, 0.9]}, "quantiles"),
    Case("binary_crossentropy", "BinaryCrossentropy", {"label_smoothing": 0.1}, "binary"),
    Case("binary_crossentropy_logits", "BinaryCrossentropy", {"from_logits": True}, "binary"),
    Case("binary_focal", "BinaryFocalCrossentropy", {"apply_class_balancing": True, "gamma": 1.5}, "binary"),
    Case("categorical_crossentropy", "CategoricalCrossentropy", {"label_smoothing": 0.1}, "classes"),
    Case("categorical_crossentropy_logits", "CategoricalCrossentropy", {"from_logits": True}, "classes"),
    Case("categorical_focal", "CategoricalFocalCrossentropy", {"alpha": 0.5}, "classes"),
    Case("sparse_categorical_crossentropy", "SparseCategoricalCrossentropy", {}, "numbers"),
    Case("sparse_ignore", "SparseCategoricalCrossentropy", {"from_logits": True, "ignore_class": 2}, "numbers"),
    Case("kl_divergence", "KLDivergence", {}, "classes"),
    Case("hinge", "Hinge", {}, "signs"),
    Case("squared_hinge", "SquaredHinge", {}, "signs"),
    Case("categorical_hinge", "CategoricalHinge", {}, "classes"),
    Case("ctc", "CTC", {}, "labels"),
    Case("crf", "CRF", {}, "tags"),
]
LENGTHS = np.array([3, 2, 1, 0])
"""Real steps of each row, where there is a mask."""


def every(cases: list[Case]) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("case", cases, ids=[case.name for case in cases])


every_case = every(CASES)
of_steps = every([case for case in CASES if case.kind not in ("labels", "tags")])
of_rows = every([case for case in CASES if case.kind in ("labels", "tags")])


def pair(kind: str, rng: np.random.Generator, dtype: str = "float64") -> tuple[np.ndarray, np.ndarray]:
    """Targets and predictions. Shapes: (B, T, C) each, or (B, T) targets of class numbers and quantiles."""
    shape = (ROWS, STEPS, CLASS_COUNT)
    share = rng.random(shape) + 0.1
    share = (share / share.sum(-1, keepdims=True)).astype(dtype)
    number = rng.integers(0, CLASS_COUNT, shape[:-1]).astype("int32")
    made: dict[str, tuple[Any, Any]] = {
        "real": (rng.normal(size=shape), rng.normal(size=shape)),
        "positive": (rng.random(shape) + 0.5, rng.random(shape) + 0.5),
        "quantiles": (rng.normal(size=shape[:-1]), rng.normal(size=shape)),
        "binary": (rng.integers(0, 2, shape), share),
        "signs": (rng.choice([-1.0, 1.0], shape), rng.normal(size=shape)),
        "classes": (np.eye(CLASS_COUNT)[number], share),
        "numbers": (number, share),
        "labels": (np.array([[4, 4, -1], [1, 2, -1], [3, -1, -1], [-1, -1, -1]], "int32"), rng.normal(size=shape)),
        "tags": (number, rng.normal(size=shape)),
    }
    true, predicted = made[kind]
    return (true if true.dtype == np.int32 else true.astype(dtype)), predicted.astype(dtype)


def scores(predicted: np.ndarray) -> tuple[Tensor, Tensor]:
    """An input for predictions, and the output of a CRF layer for it: the same numbers, and weights for its loss."""
    given = leaf(predicted, 2, "y_pred")
    layer = layers.CRF(dtype=str(predicted.dtype))
    passed = layer(given)
    layer.set_weights([np.sin(np.arange(w.numpy().size) + i).reshape(w.shape) for i, w in enumerate(layer.weights)])
    return given, passed


def value(
    loss: Loss, true: np.ndarray, predicted: np.ndarray, setting: Setting | None = None, **extra: np.ndarray
) -> np.ndarray:
    """The loss of arrays whose first two axes are open."""
    y_true, (given, y_pred) = leaf(true, 2, "y_true"), scores(predicted)
    more = {n: leaf(a, 2, n) for n, a in extra.items()}
    feeds = [(y_true, true), (given, predicted), *((more[n], a) for n, a in extra.items())]
    return evaluate(setting or Setting("reference", "float64"), [loss(y_true, y_pred, **more)], feeds)[0]


def test_the_table_has_every_loss() -> None:
    public = {name for name in losses.__all__ if inspect.isclass(getattr(losses, name))}
    assert public - {"Loss", "FunctionLoss"} == {case.class_name for case in CASES}
    assert set(CLASSES) == {case.class_name for case in CASES}


@every_case
def test_it_is_one_number_or_one_a_step_or_row(case, rng) -> None:
    true, predicted = pair(case.kind, rng)
    y_true, (_, y_pred) = leaf(true, 2, "y_true"), scores(predicted)
    axes = 1 if case.kind in ("labels", "tags") else 2
    assert case.make()(y_true, y_pred).shape == ()
    assert case.make(reduction="none")(y_true, y_pred).shape == y_pred.shape[:axes]
    each = value(case.make(reduction=None), true, predicted)
    assert each.shape == (ROWS, STEPS)[:axes]
    assert np.isfinite(each).all()
    assert_close(value(case.make(reduction="sum"), true, predicted), each.sum(), LENGTH)


@every_case
def test_a_configuration_makes_the_same_loss(case, rng) -> None:
    loss = case.make(name="mine", reduction="sum")
    text = json.dumps(losses.serialize(loss))
    again = losses.get(json.loads(text))
    assert type(again) is type(loss)
    assert json.dumps(losses.serialize(again)) == text
    data = pair(case.kind, rng)
    np.testing.assert_array_equal(value(again, *data), value(loss, *data))


@every_case
def test_names_lead_to_it(case) -> None:
    kind = getattr(losses, case.class_name)
    assert type(losses.get(kind.__name__)) is kind
    assert type(losses.get(losses.base.snake(kind.__name__))) is kind
    assert kind in KNOWN.values()


@every_case
def test_its_function_is_the_same_loss(case, rng) -> None:
    function = getattr(losses, losses.base.snake(case.class_name), None)
    if function is None:
        return
    made, data = losses.get(function), pair(case.kind, rng)
    assert type(made) is getattr(losses, case.class_name)
    assert made.name == function.__name__
    if made.aligned and case.kind != "quantiles":  # else it is told of frames, or of more than its default
        np.testing.assert_array_equal(value(made, *data), value(losses.FunctionLoss(function), *data))


@every_case
def test_gradients_are_central_differences(case, rng) -> None:
    true, predicted = pair(case.kind, rng)
    y_true, (given, y_pred) = leaf(true, 2, "y_true"), scores(predicted)
    (slope,) = gradients(case.make()(y_true, y_pred), [given])
    (found,) = evaluate(Setting("reference", "float64"), [slope], [(y_true, true), (given, predicted)])
    assert found.shape == predicted.shape
    step = np.finfo(np.float64).eps ** (1 / 3)
    for index in ((0, 0, 0), (3, 2, 4), (1, 1, 2)):
        moved = [predicted.copy(), predicted.copy()]
        moved[0][index] += step
        moved[1][index] -= step
        up, down = (float(value(case.make(), true, m)) for m in moved)
        expected = (up - down) / (2 * step)
        assert abs(found[index] - expected) <= central_difference(abs(up), abs(expected)), index


@every_case
@pytest.mark.skipif(not available(), reason="needs the compiled extension")
@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_native_is_reference(case, dtype, rng) -> None:
    true, predicted = pair(case.kind, rng, dtype)
    wide = true if true.dtype == np.int32 else true.astype("float64")
    expected = value(case.make(), wide, predicted.astype("float64"))
    assert_close(value(case.make(), true, predicted, Setting("native", dtype)), expected, LENGTH, dtype=dtype)


@of_steps
def test_a_mask_leaves_out_steps(case, rng) -> None:
    true, predicted = pair(case.kind, rng)
    mask = np.arange(STEPS) < LENGTHS[:, None]
    each = value(case.make(reduction=None), true, predicted)
    kept = mask & ((true != 2) if case.config.get("ignore_class") == 2 else True)
    assert_close(value(case.make(), true, predicted, mask=mask), each[kept].sum() / max(kept.sum(), 1), LENGTH)
    assert value(case.make(), true, predicted, mask=np.zeros_like(mask)) == 0.0


@of_rows
def test_a_mask_cuts_rows_short(case, rng) -> None:
    true, predicted = pair(case.kind, rng)
    mask = np.arange(STEPS) < LENGTHS[:, None]
    each = value(case.make(reduction=None), true, predicted, mask=mask)
    for i, n in enumerate(LENGTHS):
        alone = value(case.make(reduction=None), true[i : i + 1, :n], predicted[i : i + 1, :n])
        assert_close(each[i : i + 1], alone, LENGTH)
    assert each[-1] == 0.0
    assert_close(value(case.make(), true, predicted, mask=mask), each.mean(), LENGTH)


@every_case
def test_a_weight_of_two_is_a_sample_twice(case, rng) -> None:
    true, predicted = pair(case.kind, rng)
    weighted = value(case.make(reduction="sum"), true, predicted, sample_weight=np.array([1.0, 2.0, 0.0, 1.0]))
    rows = [0, 1, 1, 3]
    assert_close(weighted, value(case.make(reduction="sum"), true[rows], predicted[rows]), LENGTH)


@every_case
def test_a_batch_of_nothing_is_0(case, rng) -> None:
    true, predicted = pair(case.kind, rng)
    assert value(case.make(), true[:0], predicted[:0]) == 0.0


@every_case
def test_own_losses_mix_with_it(case, rng) -> None:
    """A function that calls the loss is that loss."""
    loss = case.make(reduction=None)

    def mine(y_true: Tensor, y_pred: Tensor) -> Tensor:
        return loss(y_true, y_pred) * 2.0

    data = pair(case.kind, rng)
    expected = 2 * value(loss, *data).mean()
    assert_close(value(losses.FunctionLoss(mine), *data), expected, LENGTH)
