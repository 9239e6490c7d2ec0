"""Cells for long memories, each with the start that its paper says long sequences need."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from elman import layers


def stack(cell: str, units: int, steps: int, depth: int, sequences: bool = False) -> list[Any]:
    """Recurrent layers. Args: steps: the memory that is needed. sequences: the last one, too, gives all its outputs."""
    made = []
    for i in range(depth):
        made.append(_CELLS[cell](units, steps, return_sequences=sequences or i < depth - 1))
        if cell == "lru":  # linear by itself
            made.append(layers.Dense(units, "relu"))
    return made


def _gru(units: int, steps: int, **options: Any) -> Any:
    return layers.GRU(units, **options)


def _lem(units: int, steps: int, **options: Any) -> Any:
    return layers.LEM(units, **options)


def _ind_rnn(units: int, steps: int, **options: Any) -> Any:
    """The last layer keeps what it has read: in T steps it changes by a tenth at most, and T inputs add up to few.

    A step of the optimizer is far more than the room between: without limits, each would turn memory into noise.
    """
    last = not options["return_sequences"]
    least, most = 0.9 ** (1 / steps) if last else 0.0, 1.1 ** (1 / steps)
    start = {"class_name": "RandomUniform", "config": {"minval": least, "maxval": most}}
    limit = {"class_name": "MinMaxNorm", "config": {"min_value": least, "max_value": most, "axis": []}}
    scale = {"class_name": "VarianceScaling", "config": {"scale": 1 / steps if last else 1.0, "mode": "fan_avg"}}
    return layers.IndRNN(
        units, kernel_initializer=scale, recurrent_initializer=start, recurrent_constraint=limit, **options
    )


def _lru(units: int, steps: int, **options: Any) -> Any:
    """Radii near 1: in T steps a state shrinks by a factor e at most."""
    return layers.LRU(units, min_radius=math.exp(-1 / steps), max_radius=math.exp(-0.01 / steps), **options)


def _lstm(units: int, steps: int, **options: Any) -> Any:
    """Chrono start: forget gates whose memories are spread over 1 to T steps (Tallec and Ollivier 2018)."""
    made = layers.LSTM(units, **options)
    made.chrono = np.log(np.random.default_rng(0).uniform(1, max(steps - 1, 2), units)).astype("float32")
    return made


def chrono(model: Any) -> None:
    """Give the biases of LSTM layers their chrono start: input gates -b, forget gates b."""
    for layer in model.layers:
        if hasattr(layer, "chrono"):
            kernel, recurrent, bias = layer.get_weights()
            units = len(layer.chrono)
            bias[:units], bias[units : 2 * units] = -layer.chrono, layer.chrono
            layer.set_weights([kernel, recurrent, bias])


_CELLS: dict[str, Callable[..., Any]] = {"gru": _gru, "lem": _lem, "indrnn": _ind_rnn, "lru": _lru, "lstm": _lstm}
CELLS = tuple(_CELLS)
