"""Layers: the parts of a network. They trace operators onto symbolic tensors and never compute."""

from elman.layers.base import Call, Layer, Mask, current, reset_names, set_seed, tracing
from elman.layers.core import Activation, Dense, Embedding, Input, InputLayer, Lambda, Masking
from elman.layers.registry import deserialize, register, serialize
from elman.layers.rnn import Cell, SimpleRNN, SimpleRNNCell

__all__ = [
    "Activation", "Call", "Cell", "Dense", "Embedding", "Input", "InputLayer", "Lambda", "Layer", "Mask", "Masking",
    "SimpleRNN", "SimpleRNNCell", "current", "deserialize", "register", "reset_names", "serialize", "set_seed", "tracing",
]  # fmt: skip
