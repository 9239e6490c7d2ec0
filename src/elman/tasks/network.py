"""The network of a forecaster: recurrent layers over the window, one dense layer onto the whole horizon."""

from __future__ import annotations

from typing import Literal, get_args

from elman import layers, optimizers
from elman.errors import unknown_name
from elman.models import Sequential

__all__ = ["CellName", "build_network", "check_cell"]

CellName = Literal["simple_rnn", "gru", "lstm"]

_LAYERS = {"simple_rnn": layers.SimpleRNN, "gru": layers.GRU, "lstm": layers.LSTM}


def check_cell(where: str, cell: object) -> None:
    """Refuse a cell that is not in the table.

    Raises:
        UnknownNameError: no such cell; the nearest are named.
    """
    if cell not in get_args(CellName):
        raise unknown_name(where, "cell", cell, get_args(CellName))


def build_network(
    cell: CellName,
    units: int,
    depth: int,
    dropout: float,
    shape: tuple[int, int],
    outputs: int,
    learning_rate: float,
    loss: str,
    seed: int,
) -> Sequential:
    """A compiled network; the same seed gives the same weights.

    Direct multi-step: one dense layer gives every step of the horizon at once, so no error is fed back.
    Gradients are clipped to a global norm of 1, the usual cure for a recurrence that explodes.

    Shapes:
        shape (window, features) -> (B, outputs).
    """
    layers.set_seed(seed)
    network = Sequential([layers.Input(shape)], name="forecaster")
    for level in range(depth):
        network.add(_LAYERS[cell](units, return_sequences=level < depth - 1))
        if dropout:
            network.add(layers.Dropout(dropout))
    network.add(layers.Dense(outputs))
    network.compile(optimizer=optimizers.Adam(learning_rate, global_clipnorm=1.0), loss=loss)
    return network
