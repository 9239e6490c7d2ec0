"""Layers: the parts of a network. They trace operators onto symbolic tensors and never compute."""

from elman.layers.activation import ELU, Activation, LeakyReLU, PReLU, ReLU, Softmax
from elman.layers.base import Call, Layer, Mask, Tracing, current, reset_names, rng, set_seed, tracing
from elman.layers.core import Dense, Input, InputLayer, Lambda
from elman.layers.embedding import Embedding, Masking
from elman.layers.merging import Add, Average, Concatenate, Dot, Maximum, Minimum, Multiply, Subtract
from elman.layers.normalization import LayerNormalization
from elman.layers.pooling import GlobalAveragePooling1D, GlobalMaxPooling1D
from elman.layers.registry import deserialize, register, serialize
from elman.layers.regularization import ActivityRegularization, Dropout, GaussianNoise, SpatialDropout1D
from elman.layers.reshaping import Cropping1D, Flatten, Permute, RepeatVector, Reshape, ZeroPadding1D
from elman.layers.rnn import (
    GRU,
    LSTM,
    RNN,
    Bidirectional,
    Cell,
    GRUCell,
    LSTMCell,
    SimpleRNN,
    SimpleRNNCell,
    StackedRNNCells,
    TimeDistributed,
)

__all__ = [
    "ELU", "GRU", "LSTM", "RNN", "Activation", "ActivityRegularization", "Add", "Average", "Bidirectional", "Call",
    "Cell", "Concatenate", "Cropping1D", "Dense", "Dot", "Dropout", "Embedding", "Flatten", "GRUCell",
    "GaussianNoise", "GlobalAveragePooling1D", "GlobalMaxPooling1D", "Input", "InputLayer", "LSTMCell", "Lambda",
    "Layer", "LayerNormalization", "LeakyReLU", "Mask", "Masking", "Maximum", "Minimum", "Multiply", "PReLU",
    "Permute", "ReLU", "RepeatVector", "Reshape", "SimpleRNN", "SimpleRNNCell", "Softmax", "SpatialDropout1D",
    "StackedRNNCells", "Subtract", "TimeDistributed", "Tracing", "ZeroPadding1D", "current", "deserialize",
    "register", "reset_names", "rng", "serialize", "set_seed", "tracing",
]  # fmt: skip
