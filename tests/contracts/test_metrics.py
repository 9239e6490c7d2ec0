"""What every metric promises. A new one is a row; no row is exempt from a check."""

from __future__ import annotations

import inspect
import json
from typing import Any, NamedTuple

import numpy as np
import pytest

from elman import Model, layers, losses, metrics
from elman.executors import available
from elman.metrics import Metric
from elman.metrics.lookup import CLASSES
from tests.contracts.test_losses import LENGTH, ROWS, STEPS, pair
from tests.evaluation import leaf
from tests.oracle.running import Setting, evaluate
from tests.tolerances import assert_close

REFERENCE = Setting("reference", "float64")


class Case(NamedTuple):
    """A metric, and what its targets and predictions are: see `pair`; "value" is one array without targets."""

    name: str
    class_name: str
    config: dict[str, Any]
    kind: str

    def make(self, **more: Any) -> Metric:
        return getattr(metrics, self.class_name)(**{**self.config, **more})


CASES = [
    Case("mean", "Mean", {}, "value"),
    Case("sum", "Sum", {}, "value"),
    Case("mean_squared_error", "MeanSquaredError", {}, "real"),
    Case("root_mean_squared_error", "RootMeanSquaredError", {}, "real"),
    Case("mean_absolute_error", "MeanAbsoluteError", {}, "real"),
    Case("mean_absolute_percentage_error", "MeanAbsolutePercentageError", {}, "positive"),
    Case("mean_squared_logarithmic_error", "MeanSquaredLogarithmicError", {}, "positive"),
    Case("log_cosh", "LogCoshError", {}, "real"),
    Case("cosine_similarity", "CosineSimilarity", {}, "real"),
    Case("poisson", "Poisson", {}, "positive"),
    Case("r2", "R2Score", {}, "rows"),
    Case("r2_weighted", "R2Score", {"class_aggregation": "variance_weighted_average"}, "rows"),
    Case("r2_adjusted", "R2Score", {"num_regressors": 2}, "rows"),
    Case("binary_crossentropy", "BinaryCrossentropy", {"label_smoothing": 0.1}, "binary"),
    Case("categorical_crossentropy", "CategoricalCrossentropy", {}, "classes"),
    Case("sparse_categorical_crossentropy", "SparseCategoricalCrossentropy", {"ignore_class": 2}, "numbers"),
    Case("perplexity", "Perplexity", {}, "numbers"),
    Case("kl_divergence", "KLDivergence", {}, "classes"),
    Case("hinge", "Hinge", {}, "signs"),
    Case("squared_hinge", "SquaredHinge", {}, "signs"),
    Case("categorical_hinge", "CategoricalHinge", {}, "classes"),
    Case("accuracy", "Accuracy", {}, "binary"),
    Case("binary_accuracy", "BinaryAccuracy", {"threshold": 0.2}, "binary"),
    Case("categorical_accuracy", "CategoricalAccuracy", {}, "classes"),
    Case("sparse_categorical_accuracy", "SparseCategoricalAccuracy", {}, "numbers"),
    Case("top_k", "TopKCategoricalAccuracy", {"k": 2}, "classes"),
    Case("sparse_top_k", "SparseTopKCategoricalAccuracy", {"k": 2}, "numbers"),
    Case("precision", "Precision", {"thresholds": 0.2}, "binary"),
    Case("precision_levels", "Precision", {"thresholds": [0.1, 0.2, 0.3]}, "binary"),
    Case("recall", "Recall", {"top_k": 2}, "binary"),
    Case("true_positives", "TruePositives", {"thresholds": 0.2}, "binary"),
    Case("true_negatives", "TrueNegatives", {"thresholds": 0.2}, "binary"),
    Case("false_positives", "FalsePositives", {"thresholds": 0.2}, "binary"),
    Case("false_negatives", "FalseNegatives", {"thresholds": 0.2}, "binary"),
    Case("auc", "AUC", {"num_thresholds": 20}, "binary"),
    Case("auc_pr", "AUC", {"curve": "PR", "thresholds": [0.1, 0.2, 0.3]}, "binary"),
    Case("f1", "F1Score", {"average": "macro"}, "rows_binary"),
    Case("f_beta", "FBetaScore", {"average": "weighted", "beta": 2.0, "threshold": 0.2}, "rows_binary"),
]

every_case = pytest.mark.parametrize("case", CASES, ids=[case.name for case in CASES])
ABSTRACT = {"Metric", "MeanOf"}
OF_ITS_OWN = {"MeanMetricWrapper"}  # of a function, which no file can hold


def arrays(case: Case, rng: np.random.Generator, dtype: str = "float64") -> list[np.ndarray]:
    """What an update takes before weights and mask: targets and predictions, or a value."""
    if case.kind == "value":
        return [rng.normal(size=(ROWS, STEPS)).astype(dtype)]
    rows, _, kind = case.kind.partition("_")
    if rows == "rows":
        return [a[:, 0] for a in pair(kind or "real", rng, dtype)]
    return list(pair(case.kind, rng, dtype))


def update(metric: Metric, data: list[np.ndarray], setting: Setting = REFERENCE, **extra: np.ndarray) -> Any:
    """Add a batch, of open rows; the result after it."""
    axes = 2 if data[-1].ndim > 2 or len(data) == 1 else 1
    feeds = [(leaf(a, axes, f"x{i}"), a) for i, a in enumerate(data)]
    options = {name: leaf(a, min(axes, a.ndim), name) for name, a in extra.items()}
    evaluate(setting, [], [*feeds, *zip(options.values(), extra.values(), strict=True)], metric.updates(
        *(t for t, _ in feeds), **options
    ))  # fmt: skip
    return np.asarray(metric.result())


def test_the_table_has_every_metric() -> None:
    public = {name for name in metrics.__all__ if inspect.isclass(getattr(metrics, name))}
    assert public - ABSTRACT - OF_ITS_OWN == {case.class_name for case in CASES} == set(CLASSES)


@every_case
def test_it_says_something_before_any_data(case, rng) -> None:
    assert np.isfinite(case.make().result()).all()
    metric = case.make()
    update(metric, [a[:0] for a in arrays(case, rng)])
    np.testing.assert_array_equal(metric.result(), case.make().result())


@every_case
def test_it_knows_which_way_is_better_or_that_nobody_can(case) -> None:
    assert case.make().direction in ("up", "down") or case.kind == "value"


@every_case
def test_batches_add_up_to_the_whole(case, rng) -> None:
    data = arrays(case, rng)
    parts = case.make()
    for rows in (slice(0, 1), slice(1, 3), slice(3, 4)):
        update(parts, [a[rows] for a in data])
    assert_close(np.asarray(parts.result()), update(case.make(), data), LENGTH)


@every_case
def test_a_reset_begins_anew(case, rng) -> None:
    metric, data = case.make(), arrays(case, rng)
    first = update(metric, data)
    metric.reset_state()
    np.testing.assert_array_equal(metric.result(), case.make().result())
    np.testing.assert_array_equal(update(metric, data), first)


@every_case
def test_what_it_remembers_is_its_variables(case, rng) -> None:
    """A fresh one with the same numbers goes on as the first: what a resumed epoch needs."""
    data = arrays(case, rng)
    first, second = case.make(), case.make()
    update(first, data)
    update(second, [a[:1] for a in data])
    for new, old in zip(second.variables, first.variables, strict=True):
        assert new.name == old.name
        new.assign(old.value)
    np.testing.assert_array_equal(update(second, data), update(first, data))


@every_case
def test_a_configuration_makes_the_same_metric(case, rng) -> None:
    metric = case.make(name="mine")
    text = json.dumps(metrics.serialize(metric))
    again = metrics.get(json.loads(text))
    assert type(again) is type(metric)
    assert json.dumps(metrics.serialize(again)) == text
    data = arrays(case, rng)
    np.testing.assert_array_equal(update(again, data), update(metric, data))


@every_case
def test_names_lead_to_it(case) -> None:
    kind = getattr(metrics, case.class_name)
    assert type(metrics.get(kind.__name__)) is kind
    assert type(metrics.get(losses.base.snake(kind.__name__))) is kind


@every_case
@pytest.mark.skipif(not available(), reason="needs the compiled extension")
@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_native_is_reference(case, dtype, rng) -> None:
    data = arrays(case, rng, dtype)
    wide = [a if a.dtype == np.int32 else a.astype("float64") for a in data]
    expected = update(case.make(), wide)
    assert_close(update(case.make(), data, Setting("native", dtype)), expected, LENGTH, dtype=dtype)


@every_case
def test_a_weight_of_two_is_a_sample_twice(case, rng) -> None:
    data = arrays(case, rng)
    weighted = update(case.make(), data, sample_weight=np.array([1.0, 2.0, 0.0, 1.0]))
    assert_close(weighted, update(case.make(), [a[[0, 1, 1, 3]] for a in data]), LENGTH)


@every_case
def test_a_mask_leaves_out_what_is_padding(case, rng) -> None:
    """Sequences lose steps; a metric of rows loses rows."""
    data = arrays(case, rng)
    if case.kind.startswith("rows"):
        mask = np.array([True, False, True, True])
        assert_close(update(case.make(), data, mask=mask), update(case.make(), [a[mask] for a in data]), LENGTH)
        return
    mask = np.array([[1, 1, 0], [1, 1, 0], [1, 1, 0], [0, 0, 0]], bool)
    assert_close(update(case.make(), data, mask=mask), update(case.make(), [a[:3, :2] for a in data]), LENGTH)


@every_case
@pytest.mark.parametrize("weights", [None, np.array([1.0, 2.0, 0.0, 1.0])], ids=["", "weights"])
def test_rows_of_a_model_count_without_their_padding(case, weights, rng) -> None:
    """In metrics, which know no weights, and in weighted ones."""
    if case.kind == "value":
        return
    true, predicted = pair(case.kind.removeprefix("rows_").replace("rows", "real"), rng, "float32")
    lengths = [3, 1, 2, 2]
    rows = [[a[i, :n] for i, n in enumerate(lengths)] for a in (predicted, true)]
    x = layers.Input((None, predicted.shape[-1]))
    model = Model(x, layers.Activation("linear")(x))
    loss = "sparse_categorical_crossentropy" if true.dtype == np.int32 else "mse"
    model.compile(loss=loss, metrics=[case.make(name="plain")], weighted_metrics=[case.make(name="weighted")])
    found = model.evaluate(*rows, sample_weight=weights, return_dict=True, verbose=0)
    data = [np.concatenate(part).astype("float64" if part[0].dtype == np.float32 else "int32") for part in rows[::-1]]
    single = data if case.kind.startswith("rows") else [a[:, None] for a in data]
    weighed = {} if weights is None else {"sample_weight": np.repeat(weights, lengths)}
    assert_close(np.asarray(found["plain"], "float32"), update(case.make(), single), LENGTH)
    assert_close(np.asarray(found["weighted"], "float32"), update(case.make(), single, **weighed), LENGTH)
