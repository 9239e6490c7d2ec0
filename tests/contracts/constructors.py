"""Every public class of settings and every layer, what each takes, and a way to make it: for what holds for all."""

from __future__ import annotations

import inspect
from typing import Any

from elman import callbacks, constraints, initializers, layers, losses, metrics, ops, optimizers, regularizers
from elman.layers.rnn.recurrence import UnitLayer
from elman.optimizers import schedules

SETTINGS = (losses, metrics, optimizers, schedules, initializers, regularizers, constraints, callbacks)
NO_CLASSES = ("Call", "Mask", "Tracing", "MeanMetricWrapper")
"""What stands in the room of layers and is none, for nobody makes one by hand; what passes all on to a function."""

NEEDED: dict[str, Any] = {
    "initial_learning_rate": 0.1,
    "decay_steps": 10,
    "first_decay_steps": 10,
    "decay_rate": 0.5,
    "boundaries": [10, 20],
    "values": [0.3, 0.2, 0.1],
    "filepath": "m.safetensors",
    "backup_dir": "kept",
    "schedule": abs,
    "fn": losses.mean_squared_error,
    "filename": "log.csv",
    "function": abs,
    "callbacks": None,
    "model": None,
    "params": {},
}
"""Arguments without a default."""

OF_LAYERS: dict[str, Any] = {
    "units": 2, "filters": 2, "kernel_size": 2, "pool_size": 2, "input_dim": 3, "output_dim": 2, "rate": 0.5,
    "stddev": 0.5, "axes": 1, "n": 2, "dims": (2, 1), "target_shape": (2,), "num_heads": 1, "key_dim": 2,
    "projection_units": 2, "activation": "tanh", "function": ops.tanh,
    "layer": lambda: layers.LSTM(2, return_sequences=True), "cell": lambda: layers.SimpleRNNCell(2),
    "cells": lambda: [layers.SimpleRNNCell(2)], "experts": lambda: [layers.Dense(2)],
}  # fmt: skip
"""Those of layers; layers among them are made anew each time."""


def kinds(*rooms: Any) -> list[type]:
    """The classes of rooms."""
    found = [getattr(room, name) for room in rooms for name in room.__all__ if name not in NO_CLASSES]
    return [kind for kind in found if inspect.isclass(kind) and not inspect.isabstract(kind)]


def parameters_of(kind: type) -> dict[str, inspect.Parameter]:
    """All that a class takes, with what it passes on."""
    if issubclass(kind, UnitLayer):
        return {**parameters_of(kind.cell_class), **parameters_of(layers.RNN)}
    found: dict[str, inspect.Parameter] = {}
    for base in kind.__mro__:
        if "__init__" in vars(base) and base is not object:
            given = list(inspect.signature(base.__init__).parameters.values())[1:]
            for p in given:
                if p.kind not in (p.VAR_KEYWORD, p.VAR_POSITIONAL) and not p.name.startswith("_"):
                    found.setdefault(p.name, p)
            if not any(p.kind is p.VAR_KEYWORD for p in given):
                break
    return found


def made(kind: type, **given: Any) -> Any:
    """One of a class."""
    needed: dict[str, Any] = {"shape": (2,)} if kind is layers.InputLayer else {}
    for p in parameters_of(kind).values():
        if p.default is p.empty and (p.name != "cell" or "cell" in inspect.signature(kind).parameters):
            value = (OF_LAYERS if issubclass(kind, layers.Layer) else NEEDED)[p.name]
            needed[p.name] = value() if getattr(value, "__name__", "") == "<lambda>" else value
    return kind(**{**needed, **given})
