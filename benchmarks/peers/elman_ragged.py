"""elman on sequences of different lengths: an epoch of `fit`."""

from __future__ import annotations

import time
from typing import Any

import problems
from elman_rnn import LAYERS

import elman


def model_of(cell: str, given: problems.Ragged, learning_rate: float) -> Any:
    """Return a model of one layer that gives its last output."""
    features, units = given.weights.x.shape[2], given.y.shape[1]
    model = elman.Sequential([elman.Input((None, features)), getattr(elman.layers, LAYERS[cell])(units)])
    model.compile(loss="mean_squared_error", optimizer=elman.optimizers.SGD(learning_rate))
    model.set_weights([given.weights.kernel, given.weights.recurrent_kernel, given.weights.bias])
    return model


def ragged(cell: str, sequences: int, shape: list[int], whole: bool, epochs: int) -> dict[str, Any]:
    """Time epochs of training on sequences of all lengths up to T, or on whole ones; batches of B."""
    given = problems.ragged(cell, sequences, tuple(shape), whole)
    x = list(given.x)  # whole or not: what `fit` makes of a list is part of both
    batch, size = shape[0], {"batch_size": shape[0], "verbose": 0}
    first = model_of(cell, given, problems.RAGGED_RATE)
    part = slice(0, batch)
    first.fit(x[part], given.y[part], shuffle=False, **size)
    still = model_of(cell, given, 0.0)
    loss = still.fit(x, given.y, **size).history["loss"][0]
    start = time.perf_counter()
    still.fit(x, given.y, epochs=epochs, **size)
    seconds = (time.perf_counter() - start) / epochs
    return {
        "seconds": seconds,
        "result": [loss, *problems.fingerprint(first.get_weights()[0], tuple(first.get_weights()))],
    }
