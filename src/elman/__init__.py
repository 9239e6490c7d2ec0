"""elman: recurrent neural networks and sequence modelling.

    >>> import elman
    >>> model = elman.Sequential([elman.layers.Input((4, 1)), elman.layers.LSTM(8), elman.layers.Dense(1)])

Parts are imported when they are first named, so `import elman` costs little more than NumPy.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from elman import (
        activations,
        callbacks,
        constraints,
        decoding,
        executors,
        initializers,
        inspect,
        layers,
        losses,
        metrics,
        models,
        ops,
        optimizers,
        regularizers,
        settings,
        tasks,
    )
    from elman.graph import Variable
    from elman.layers import Input, set_seed
    from elman.models import Model, Sequential, load_model
    from elman.tasks import SequenceModel

__version__ = "0.1.0"

_MODULES = (
    "activations",
    "callbacks",
    "constraints",
    "decoding",
    "executors",
    "initializers",
    "inspect",
    "layers",
    "losses",
    "metrics",
    "models",
    "ops",
    "optimizers",
    "regularizers",
    "settings",
    "tasks",
)
_NAMES = {
    "Input": "elman.layers",
    "Model": "elman.models",
    "SequenceModel": "elman.tasks",
    "Sequential": "elman.models",
    "Variable": "elman.graph",
    "load_model": "elman.models",
    "set_seed": "elman.layers",
}

__all__ = [
    "Input",
    "Model",
    "SequenceModel",
    "Sequential",
    "Variable",
    "activations",
    "callbacks",
    "constraints",
    "decoding",
    "executors",
    "initializers",
    "inspect",
    "layers",
    "load_model",
    "losses",
    "metrics",
    "models",
    "ops",
    "optimizers",
    "regularizers",
    "set_seed",
    "settings",
    "tasks",
]


_OF_KERAS = {
    "backend": "Functions of tensors are in elman.ops; elman.layers.reset_names() begins as in a new program.",
    "preprocessing": "Lists of ragged sequences are data as they are; elman.fields has text, images and windows.",
    "saving": "Decorate classes with @elman.layers.register; files are read by elman.load_model.",
    "utils": (
        "Instead of to_categorical: sparse_categorical_crossentropy, or numpy.eye(classes)[y]; of pad_sequences: a "
        "list of ragged sequences; of set_random_seed: elman.set_seed; of timeseries_dataset_from_array: "
        "elman.fields.windows."
    ),
}
"""Parts of Keras that are not here: what to write instead."""


def __getattr__(name: str) -> Any:
    """A part of elman, imported now."""
    if name in _MODULES:
        return importlib.import_module(f"elman.{name}")
    if name in _NAMES:
        return getattr(importlib.import_module(_NAMES[name]), name)
    raise AttributeError(f"module 'elman' has no attribute {name!r}. {_OF_KERAS.get(name, '')}".rstrip())


def __dir__() -> list[str]:
    return sorted([*__all__, "__version__"])
