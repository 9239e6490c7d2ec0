"""Update every metric of Keras several times, with and without weights."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np

from . import store
from .keras_functions import draw, title_of
from .store import Spec, spec


def metric(class_name: str, **config: Any) -> Spec:
    """Describe a metric."""
    return spec(class_name, "metrics", **config)


METRICS: tuple[tuple[Spec, str, str], ...] = (
    (metric("MeanSquaredError"), "real", "real"),
    (metric("RootMeanSquaredError"), "real", "real"),
    (metric("MeanAbsoluteError"), "real", "real"),
    (metric("MeanAbsolutePercentageError"), "real", "real"),
    (metric("MeanSquaredLogarithmicError"), "positive", "positive"),
    (metric("LogCoshError"), "real", "real"),
    (metric("CosineSimilarity"), "real", "real"),
    (metric("R2Score"), "real", "real"),
    (metric("R2Score", class_aggregation="variance_weighted_average"), "real", "real"),
    (metric("KLDivergence"), "simplex", "simplex"),
    (metric("Poisson"), "positive", "positive"),
    (metric("Hinge"), "sign", "real"),
    (metric("SquaredHinge"), "sign", "real"),
    (metric("CategoricalHinge"), "one_hot", "real"),
    (metric("BinaryCrossentropy"), "binary", "probability"),
    (metric("BinaryCrossentropy", from_logits=True), "binary", "real"),
    (metric("CategoricalCrossentropy"), "one_hot", "simplex"),
    (metric("SparseCategoricalCrossentropy"), "class", "simplex"),
    (metric("SparseCategoricalCrossentropy", from_logits=True), "class", "real"),
    (metric("Accuracy"), "class", "class"),
    (metric("BinaryAccuracy"), "binary", "probability"),
    (metric("BinaryAccuracy", threshold=0.3), "binary", "probability"),
    (metric("CategoricalAccuracy"), "one_hot", "simplex"),
    (metric("SparseCategoricalAccuracy"), "class", "simplex"),
    (metric("TopKCategoricalAccuracy", k=2), "one_hot", "simplex"),
    (metric("SparseTopKCategoricalAccuracy", k=2), "class", "simplex"),
    (metric("TopKCategoricalAccuracy"), "one_hot", "simplex"),
    (metric("Precision"), "binary", "probability"),
    (metric("Recall"), "binary", "probability"),
    (metric("Precision", thresholds=[0.2, 0.6]), "binary", "probability"),
    (metric("Recall", class_id=1), "binary", "probability"),
    (metric("TruePositives"), "binary", "probability"),
    (metric("TrueNegatives"), "binary", "probability"),
    (metric("FalsePositives"), "binary", "probability"),
    (metric("FalseNegatives"), "binary", "probability"),
    (metric("AUC"), "binary", "probability"),
    (metric("AUC", curve="PR", num_thresholds=50), "binary", "probability"),
    (metric("F1Score"), "one_hot", "simplex"),
    (metric("F1Score", average="macro"), "one_hot", "simplex"),
    (metric("F1Score", average="micro", threshold=0.4), "one_hot", "simplex"),
    (metric("FBetaScore", beta=2.0, average="weighted"), "one_hot", "simplex"),
)


def add(
    golden: store.Golden,
    described: Spec,
    targets: str,
    predictions: str,
    weights: list[bool],
    shape: tuple[int, ...],
    suffix: str,
) -> None:
    """Update one metric; record the result after each update."""
    title = f"{title_of(described)}:{suffix}"
    random = store.generator(title)
    instance = store.build(described, keras)
    arrays: dict[str, Any] = {}
    for k, weighted in enumerate(weights):
        y_true, y_pred = (store.exact(draw(kind, shape, random)) for kind in (targets, predictions))
        sample_weight = store.exact(random.uniform(0, 2, shape[:1])) if weighted else None
        instance.update_state(y_true, y_pred, sample_weight=sample_weight)
        arrays |= {
            f"y_true/{k}": y_true,
            f"y_pred/{k}": y_pred,
            f"result/{k}": keras.ops.convert_to_numpy(instance.result()),
        }
        if sample_weight is not None:
            arrays[f"sample_weight/{k}"] = sample_weight
    golden.add(
        {"name": title, "metric": described, "updates": len(weights), "sample_weight": weights, "shape": list(shape)},
        arrays,
    )


def make(made_by: dict[str, str]) -> None:
    """Write keras_metrics."""
    golden = store.Golden("keras_metrics", made_by)
    for described, targets, predictions in METRICS:
        add(golden, described, targets, predictions, [False, False], (6, 3), "plain")
        add(golden, described, targets, predictions, [False, True], (6, 3), "weighted")
    for name in ("MeanSquaredError", "BinaryAccuracy"):
        add(golden, metric(name), "binary", "probability", [False, True], (3, 4, 2), "sequence")
    for name in ("Mean", "Sum"):
        random = store.generator(name)
        instance = store.build(metric(name), keras)
        arrays: dict[str, Any] = {}
        for k in range(2):
            values, weight = store.exact(random.uniform(-1, 1, 5)), store.exact(random.uniform(0, 1, 5))
            instance.update_state(values, sample_weight=weight if k else None)
            arrays |= {f"values/{k}": values, f"result/{k}": np.asarray(instance.result())}
            if k:
                arrays[f"sample_weight/{k}"] = weight
        golden.add(
            {"name": name, "metric": metric(name), "updates": 2, "sample_weight": [False, True], "shape": [5]}, arrays
        )
    golden.save()
