"""Cells for long memories, each with the start that its paper says long sequences need."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from elman import layers


def stack(cell: str, units: int, steps: int, depth: int, sequences: bool = False) -> list[Any]:
    """Recurrent layers. Args: steps: the memory that is needed. sequences: the last one, too, gives all its outputs."""
    make = _CELLS[cell]
    return [make(units, steps, return_sequences=sequences or i < depth - 1) for i in range(depth)]


def _gru(units: int, steps: int, **options: Any) -> Any:
    return layers.GRU(units, **options)


def _lem(units: int, steps: int, **options: Any) -> Any:
    return layers.LEM(units, **options)


def _ind_rnn(units: int, steps: int, **options: Any) -> Any:
    """Weights up to the T-th root of 2: what a unit keeps for T steps neither dies nor more than doubles."""
    most = 2.0 ** (1 / steps)
    last = not options["return_sequences"]
    start = {"class_name": "RandomUniform", "config": {"minval": 0.5 ** (1 / steps) if last else 0.0, "maxval": most}}
    limit = {"class_name": "MinMaxNorm", "config": {"min_value": 0.0, "max_value": most, "axis": []}}
    return layers.IndRNN(units, recurrent_initializer=start, recurrent_constraint=limit, **options)


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


_CELLS: dict[str, Callable[..., Any]] = {"gru": _gru, "lem": _lem, "indrnn": _ind_rnn, "lstm": _lstm}
CELLS = tuple(_CELLS)
