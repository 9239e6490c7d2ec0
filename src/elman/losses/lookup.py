"""From what a user writes in `compile(loss=...)` to a loss, and back to JSON."""

from __future__ import annotations

from types import FunctionType
from typing import Any

from elman.errors import ArgumentError, unknown_name
from elman.graph import Tensor
from elman.losses import chain, classification, regression, temporal
from elman.losses.base import FunctionLoss, Loss, snake

CLASSES: dict[str, type[Loss]] = {
    name: value
    for module in (regression, classification, temporal, chain)
    for name, value in vars(module).items()
    if isinstance(value, type) and issubclass(value, Loss)
    if value.__module__ == module.__name__ and name[0] != "_"
}

SHORT: dict[str, type[Loss]] = {
    "mse": regression.MeanSquaredError,
    "mae": regression.MeanAbsoluteError,
    "mape": regression.MeanAbsolutePercentageError,
    "msle": regression.MeanSquaredLogarithmicError,
    "bce": classification.BinaryCrossentropy,
    "kld": classification.KLDivergence,
    "logcosh": regression.LogCosh,
    "pinball": regression.QuantileLoss,
}

KNOWN: dict[str, type[Loss]] = {
    **CLASSES,
    **{snake(name): value for name, value in CLASSES.items()},
    **SHORT,
    **{name.upper(): value for name, value in SHORT.items() if len(name) <= 4},
}

FUNCTIONS: dict[Any, type[Loss]] = {
    value: KNOWN[name]
    for module in (regression, classification, temporal, chain)
    for name, value in vars(module).items()
    if name in KNOWN and not isinstance(value, type)
}
"""The losses that are also functions: each checks its targets as its class does."""


def get(identifier: Any) -> Loss:
    """The loss that a name, a class, an instance, a function or a configuration stands for.

    Args: identifier: "mse", "mean_squared_error", "MeanSquaredError", `MeanSquaredError`, `MeanSquaredError()`,
        a function of (y_true, y_pred), or {"class_name": "Huber", "config": {"delta": 2.0}}.
    Raises: UnknownNameError: a name nobody knows. ArgumentError: nothing that could be a loss.
    Example:
        >>> get("mse").name, get({"class_name": "Huber", "config": {"delta": 2.0}}).delta
        ('mean_squared_error', 2.0)
    """
    if isinstance(identifier, Loss):
        return identifier
    if isinstance(identifier, str):
        if identifier not in KNOWN:
            raise unknown_name("losses.get", "loss", identifier, KNOWN)
        return KNOWN[identifier]()
    if isinstance(identifier, dict) and "class_name" in identifier:
        if identifier["class_name"] not in KNOWN:
            raise unknown_name("losses.get", "class_name", identifier["class_name"], KNOWN)
        return KNOWN[identifier["class_name"]].from_config(identifier.get("config", {}))
    if isinstance(identifier, type) and issubclass(identifier, Loss):
        return identifier()
    if callable(identifier):
        known = FUNCTIONS.get(identifier) if isinstance(identifier, FunctionType) else None
        return FunctionLoss(identifier) if known is None else known(name=identifier.__name__)
    rule = "a name, a Loss, a function of (y_true, y_pred) or a configuration"
    raise ArgumentError.at("losses.get", "loss", rule, identifier, "For example loss='mean_squared_error'.")


def resolve(identifier: Any, y_true: Tensor, y_pred: Tensor) -> Loss:
    """As `get`, and "crossentropy" or "ce" becomes the cross-entropy that fits the shapes, as in Keras.

    Shapes: y_pred (B, ..., 1): binary; y_true one axis shorter, or (B, ..., 1): sparse; else categorical.
    """
    if not isinstance(identifier, str) or identifier.lower() not in ("crossentropy", "ce"):
        return get(identifier)
    return get(f"{kind_of_classes(y_true, y_pred)}_crossentropy")


def kind_of_classes(y_true: Tensor, y_pred: Tensor) -> str:
    """What kind of classes shapes speak of: binary, sparse_categorical or categorical.

    Shapes: y_true (B, ..., C), (B, ..., 1) or (B, ...), y_pred (B, ..., C).
    """
    if y_pred.shape[-1:] == (1,):
        return "binary"
    return "sparse_categorical" if y_true.ndim < y_pred.ndim or y_true.shape[-1] == 1 else "categorical"


def serialize(loss: Loss) -> dict[str, Any]:
    """The loss as JSON that `get` understands.

    Raises: ArgumentError: a loss of the user's own, which no file can hold.
    Example:
        >>> serialize(get("mae"))["class_name"]
        'MeanAbsoluteError'
    """
    name = type(loss).__name__
    if CLASSES.get(name) is not type(loss):
        rule = "one of elman's own to be saved"
        raise ArgumentError.at("losses.serialize", "loss", rule, loss.name, "Pass it to compile() again after loading.")
    return {"class_name": name, "config": loss.get_config()}
