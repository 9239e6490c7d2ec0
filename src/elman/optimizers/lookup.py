"""From what a user writes in `compile(optimizer=...)` to an optimizer, and back to JSON."""

from __future__ import annotations

from typing import Any

from elman.errors import ArgumentError, unknown_name
from elman.optimizers.adadelta import Adadelta
from elman.optimizers.adagrad import Adagrad
from elman.optimizers.adam import Adam, Adamax, AdamW, Nadam
from elman.optimizers.lion import Lion
from elman.optimizers.optimizer import Optimizer
from elman.optimizers.rmsprop import RMSprop
from elman.optimizers.sgd import SGD

KNOWN: dict[str, type[Optimizer]] = {
    kind.__name__.lower(): kind for kind in (SGD, RMSprop, Adagrad, Adadelta, Adam, AdamW, Adamax, Nadam, Lion)
}


def get(identifier: Any) -> Optimizer:
    """The optimizer that a name, a class, an instance or a configuration stands for; letter case does not count.

    Args: identifier: "adam", `Adam`, `Adam(0.01)`, or {"class_name": "Adam", "config": {"learning_rate": 0.01}}.
    Raises: UnknownNameError: a name nobody knows. ArgumentError: nothing that could be an optimizer.
    Example:
        >>> get("rmsprop"), get({"class_name": "SGD", "config": {"learning_rate": 0.1}}).learning_rate
        (RMSprop(learning_rate=0.001), 0.1)
    """
    if isinstance(identifier, Optimizer):
        return identifier
    if isinstance(identifier, type) and issubclass(identifier, Optimizer):
        return identifier()  # type: ignore[call-arg]
    config: dict[str, Any] = {}
    name = identifier
    if isinstance(identifier, dict):
        name, config = identifier.get("class_name"), identifier.get("config", {})
    if not isinstance(name, str):
        rule = "a name, an Optimizer or a configuration"
        raise ArgumentError.at("optimizers.get", "optimizer", rule, identifier, "For example optimizer='adam'.")
    if name.lower() not in KNOWN:
        raise unknown_name("optimizers.get", "optimizer", name, KNOWN)
    return KNOWN[name.lower()].from_config(config)


def serialize(optimizer: Optimizer) -> dict[str, Any]:
    """The optimizer as JSON that `get` understands (its state is in `optimizer.variables`).

    Raises: ArgumentError: an optimizer or a learning rate of the user's own, which no file can hold.
    Example:
        >>> serialize(Adam(0.01))["class_name"]
        'Adam'
    """
    name = type(optimizer).__name__
    if KNOWN.get(name.lower()) is not type(optimizer):
        cure = "Pass it to compile() again after loading."
        raise ArgumentError.at("optimizers.serialize", "optimizer", "one of elman's own to be saved", name, cure)
    return {"class_name": name, "config": optimizer.get_config()}
