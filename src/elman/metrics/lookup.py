"""From what a user writes in `compile(metrics=[...])` to a metric, and back to JSON."""

from __future__ import annotations

import inspect
from typing import Any

from elman.errors import ArgumentError, unknown_name
from elman.graph import Tensor
from elman.losses import Loss
from elman.losses.base import snake
from elman.losses.lookup import kind_of_classes
from elman.metrics import accuracy, confusion, means, scores
from elman.metrics.base import Metric
from elman.metrics.means import MeanMetricWrapper

CLASSES: dict[str, type[Metric]] = {
    name: value
    for module in (means, accuracy, confusion, scores)
    for name, value in vars(module).items()
    if inspect.isclass(value) and issubclass(value, Metric) and not inspect.isabstract(value) and name[0] != "_"
    if value is not MeanMetricWrapper
}

SHORT: dict[str, type[Metric]] = {
    "mse": means.MeanSquaredError,
    "rmse": means.RootMeanSquaredError,
    "mae": means.MeanAbsoluteError,
    "mape": means.MeanAbsolutePercentageError,
    "msle": means.MeanSquaredLogarithmicError,
    "bce": means.BinaryCrossentropy,
    "kld": means.KLDivergence,
    "log_cosh": means.LogCoshError,
    "logcosh": means.LogCoshError,
    "acc": accuracy.Accuracy,
}

KNOWN: dict[str, type[Metric]] = {
    **CLASSES,
    **{snake(name): value for name, value in CLASSES.items()},
    **SHORT,
    **{name.upper(): value for name, value in SHORT.items() if len(name) <= 4},
}


def get(identifier: Any) -> Metric:
    """The metric that a name, a class, an instance, a function, a loss or a configuration stands for.

    A name becomes the metric's name, as in Keras: reports say "mae" where `compile` did.

    Args: identifier: "mae", "mean_absolute_error", `MeanAbsoluteError`, `MeanAbsoluteError()`, a function of
        (y_true, y_pred), a Loss, or {"class_name": "AUC", "config": {"curve": "PR"}}.
    Raises: UnknownNameError: a name nobody knows. ArgumentError: nothing that could be a metric.
    Example:
        >>> get("mae"), get({"class_name": "AUC", "config": {"curve": "PR"}}).curve
        (MeanAbsoluteError(name='mae'), 'PR')
    """
    if isinstance(identifier, Metric):
        return identifier
    if isinstance(identifier, str):
        if identifier not in KNOWN:
            raise unknown_name("metrics.get", "metric", identifier, KNOWN)
        return KNOWN[identifier](name=identifier)
    if isinstance(identifier, dict) and "class_name" in identifier:
        if identifier["class_name"] not in KNOWN:
            raise unknown_name("metrics.get", "class_name", identifier["class_name"], KNOWN)
        return KNOWN[identifier["class_name"]].from_config(identifier.get("config", {}))
    if inspect.isclass(identifier) and issubclass(identifier, Metric):
        return identifier()
    if isinstance(identifier, Loss):
        return MeanMetricWrapper(identifier.call, name=identifier.name)
    if callable(identifier):
        return MeanMetricWrapper(identifier)
    rule = "a name, a Metric, a function of (y_true, y_pred) or a configuration"
    raise ArgumentError.at("metrics.get", "metric", rule, identifier, "For example metrics=['mae'].")


def resolve(identifier: Any, y_true: Tensor, y_pred: Tensor) -> Metric:
    """As `get`, and "accuracy" and "crossentropy" become the ones that fit the shapes, as in Keras.

    Shapes: y_pred (B, ..., 1): binary; y_true one axis shorter, or (B, ..., 1): sparse; else categorical.
    Example:
        >>> from elman.graph import placeholder
        >>> resolve("accuracy", placeholder("y", (4,), "int32"), placeholder("p", (4, 3)))
        SparseCategoricalAccuracy(name='accuracy')
    """
    word = identifier.lower() if isinstance(identifier, str) else ""
    what = {"accuracy": "accuracy", "acc": "accuracy", "crossentropy": "crossentropy", "ce": "crossentropy"}.get(word)
    if what is None:
        return get(identifier)
    return KNOWN[f"{kind_of_classes(y_true, y_pred)}_{what}"](name=identifier)


def serialize(metric: Metric) -> dict[str, Any]:
    """The metric as JSON that `get` understands.

    Raises: ArgumentError: a metric of the user's own, which no file can hold.
    Example:
        >>> serialize(get("mae"))
        {'class_name': 'MeanAbsoluteError', 'config': {'name': 'mae'}}
    """
    name = type(metric).__name__
    if CLASSES.get(name) is not type(metric):
        rule, cure = "one of elman's own to be saved", "Pass it to compile() again after loading."
        raise ArgumentError.at("metrics.serialize", "metric", rule, metric.name, cure)
    return {"class_name": name, "config": metric.get_config()}
