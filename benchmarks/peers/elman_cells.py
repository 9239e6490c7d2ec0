"""Every cell of elman, its wrappers, and a user's cell: one training step."""

from __future__ import annotations

import functools
import json
from typing import Any

import numpy as np
import problems
import speak
from elman_rnn import differentiated
from elman_written import NormalizedPeepholeLSTM

import elman
from elman import layers

Timed = dict[str, Any]


def trained(inputs: list[Any], y: Any, layer: Any, arrays: list[Any]) -> Timed:
    """Time outputs and gradients of all trainable weights."""
    plan = differentiated(inputs, y, [w.tensor for w in layer.trainable_weights])
    found, *slopes = plan.run(arrays).outputs
    return {**speak.time_calls(lambda: plan.run(arrays), 0.2), "result": problems.fingerprint(found, tuple(slopes))}


@functools.lru_cache(maxsize=1)
def prepared(name: str, config: str, shape: tuple[int, ...]) -> tuple[Any, Any, list[Any]]:
    """Return a layer of one cell, its plan, and its arrays."""
    _, steps, features, units = shape
    elman.set_seed(0)
    layer = getattr(layers, name)(**{"units": units, "return_sequences": True, **json.loads(config)})
    x = elman.Input((steps, features))
    y = layer(x)
    plan = differentiated([x], y, [w.tensor for w in layer.trainable_weights])
    return layer, plan, problems.sequences(shape[0], steps, features, int(y.shape[2]))


def cell(name: str, config: dict[str, Any], shape: list[int]) -> Timed:
    """Time one training step of a cell with its initial weights, which come back with the answer."""
    layer, plan, arrays = prepared(name, json.dumps(config), tuple(shape))
    y, *slopes = plan.run(arrays).outputs
    frozen = {id(w) for w in layer.non_trainable_weights}
    weights = {w.name.rsplit("/", 1)[-1]: [w.numpy().tolist(), id(w) not in frozen] for w in layer.weights}
    timed = speak.time_calls(lambda: plan.run(arrays), 0.2)
    given = {"weights": weights, "sizes": list(layer.cell.state_sizes), "outputs": int(y.shape[2])}
    return {**timed, **given, "result": problems.fingerprint(y, tuple(slopes))}


def user_cell(shape: list[int]) -> Timed:
    """Time one training step of a user's LSTM with peepholes and layer normalization."""
    given = problems.user_cell(*shape)
    layer = layers.RNN(NormalizedPeepholeLSTM(shape[3]), return_sequences=True)
    x = elman.Input(given.x.shape[1:])
    y = layer(x)
    layer.set_weights(list(given.weights.values()))
    return trained([x], y, layer, [given.x, given.cotangent])


WRAPPERS: dict[str, tuple[tuple[tuple[int, ...], ...], Any]] = {
    "Bidirectional(LSTM)": (
        ((16, 100, 64),), lambda: layers.Bidirectional(layers.LSTM(64, return_sequences=True)),
    ),
    "StackedRNNCells(LSTM, GRU)": (
        ((16, 100, 64),), lambda: layers.RNN([layers.LSTMCell(64), layers.GRUCell(64)], return_sequences=True),
    ),
    "DilatedRNN(GRU, GRU, GRU)": (
        ((16, 100, 64),), lambda: layers.DilatedRNN([layers.GRUCell(64) for _ in range(3)], return_sequences=True),
    ),
    "ResidualWrapper(LSTM)": (
        ((16, 100, 64),), lambda: layers.ResidualWrapper(layers.LSTM(64, return_sequences=True)),
    ),
    "HighwayWrapper(LSTM)": (
        ((16, 100, 64),), lambda: layers.HighwayWrapper(layers.LSTM(64, return_sequences=True)),
    ),
    "AttentiveRNN(GRU, additive)": (
        ((16, 50, 64), (16, 50, 64)), lambda: layers.AttentiveRNN(layers.GRUCell(64), return_sequences=True),
    ),
    "ConvLSTM1D(16, 3)": (
        ((8, 20, 64, 8),), lambda: layers.ConvLSTM1D(16, 3, padding="same", return_sequences=True),
    ),
    "ConvLSTM2D(16, 3)": (
        ((4, 10, 16, 16, 8),), lambda: layers.ConvLSTM2D(16, 3, padding="same", return_sequences=True),
    ),
}  # fmt: skip
"""Shapes of the inputs, and the layer."""


def wrapper(name: str) -> Timed:
    """Time one training step of a layer that is more than a cell."""
    shapes, make = WRAPPERS[name]
    elman.set_seed(0)
    random = np.random.default_rng(0)
    inputs = [elman.Input(shape[1:]) for shape in shapes]
    layer = make()
    y = layer(inputs[0] if len(inputs) == 1 else inputs)
    sizes = [*shapes, (shapes[0][0], *y.shape[1:])]
    return trained(inputs, y, layer, [random.normal(size=size).astype("float32") for size in sizes])
