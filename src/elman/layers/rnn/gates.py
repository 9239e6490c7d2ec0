"""The order of gates in the weights of gated cells, said once: Keras's, which files and golden tests follow."""

from __future__ import annotations

from enum import IntEnum
from typing import final


@final
class LSTMGate(IntEnum):
    """Blocks of an LSTM's kernels and bias: i, f, g (Keras: c), o. PyTorch has the same order."""

    INPUT = 0
    FORGET = 1
    CANDIDATE = 2
    OUTPUT = 3


@final
class GRUGate(IntEnum):
    """Blocks of a GRU's kernels and bias: z, r, n (Keras: h). PyTorch stores r first."""

    UPDATE = 0
    RESET = 1
    CANDIDATE = 2


@final
class CoupledGate(IntEnum):
    """Blocks of an LSTM whose input gate is 1 - f: f, g, o."""

    FORGET = 0
    CANDIDATE = 1
    OUTPUT = 2


@final
class UpdateGate(IntEnum):
    """Blocks of cells with one gate: what says how much is replaced (z, or f), what replaces it (n, or g)."""

    UPDATE = 0
    CANDIDATE = 1
