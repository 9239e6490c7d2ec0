"""What every layer promises, checked on one table of cases. A new layer is a new row; no row is exempt from a check."""

from __future__ import annotations

import inspect
import json
import warnings
from typing import Any, NamedTuple

import numpy as np
import pytest

from elman import layers, ops, settings
from elman.autodiff import gradients
from elman.errors import ShapeError, WeightsError
from elman.executors.reference import ReferenceExecutor
from elman.graph import Graph, Tensor, Variable, verify
from elman.layers import Input, Layer, Mask, tracing
from elman.shapes import evaluate as sizes_of
from tests.tolerances import assert_close, central_difference

SIZES = {"B": 3, "T": 4}
LONGEST, STEPS = 16, 8  # the longest sum of a case; its steps, two cells on each other


class Case(NamedTuple):
    """A layer, and the shapes of its inputs without the batch (None: T)."""

    name: str
    class_name: str
    config: dict[str, Any]
    shapes: tuple[tuple[int | None, ...], ...]
    output: tuple[int | str, ...]
    weights: int = 0
    ids: int = 0

    def make(self, **more: Any) -> Layer:
        return getattr(layers, self.class_name)(**{**_fresh(self.config), **more})

    @property
    def open_time(self) -> bool:
        return any(None in shape for shape in self.shapes)


def _fresh(value: Any) -> Any:
    """Layers among the arguments are made anew for each test."""
    if callable(value) and getattr(value, "__name__", "") == "<lambda>":
        return value()
    if isinstance(value, dict):
        return {k: _fresh(v) for k, v in value.items()}
    return value


SEQ, VEC = (None, 4), (4,)
U, W = 3, 2


def lstm_weights(features: int, units: int) -> int:
    return 4 * units * (features + units + 1)


CASES = [
    Case("dense", "Dense", {"units": U, "activation": "tanh"}, (VEC,), ("B", U), 15),
    Case("dense_sequence", "Dense", {"units": U, "use_bias": False}, (SEQ,), ("B", "T", U), 12),
    Case(
        "dense_everything", "Dense",
        {"units": U, "activation": "softplus", "kernel_regularizer": "l2", "bias_regularizer": "l1",
         "activity_regularizer": "l1_l2", "kernel_constraint": "max_norm", "bias_constraint": "non_neg",
         "kernel_initializer": "he_normal", "bias_initializer": {"class_name": "Constant", "config": {"value": 0.5}}},
        (VEC,), ("B", U), 15,
    ),
    Case("activation", "Activation", {"activation": "sigmoid"}, (SEQ,), ("B", "T", 4)),
    Case("relu", "ReLU", {"max_value": 1.0, "negative_slope": 0.1, "threshold": 0.2}, (VEC,), ("B", 4)),
    Case("leaky_relu", "LeakyReLU", {}, (VEC,), ("B", 4)),
    Case("elu", "ELU", {"alpha": 0.5}, (VEC,), ("B", 4)),
    Case("prelu", "PReLU", {"alpha_initializer": "ones"}, (VEC,), ("B", 4), 4),
    Case("prelu_shared", "PReLU", {"shared_axes": [1]}, (SEQ,), ("B", "T", 4), 4),
    Case("softmax", "Softmax", {}, (SEQ,), ("B", "T", 4)),
    Case("softmax_time", "Softmax", {"axis": 1}, (SEQ,), ("B", "T", 4)),
    Case("softmax_axes", "Softmax", {"axis": [1, 2]}, (SEQ,), ("B", "T", 4)),
    Case("embedding", "Embedding", {"input_dim": 7, "output_dim": U}, ((None,),), ("B", "T", U), 21, ids=7),
    Case("embedding_mask", "Embedding", {"input_dim": 7, "output_dim": U, "mask_zero": True},
         ((None,),), ("B", "T", U), 21, ids=7),
    Case("reversible_embedding", "ReversibleEmbedding", {"input_dim": 7, "output_dim": U},
         ((None,),), ("B", "T", U), 21, ids=7),
    Case("reversible_embedding_untied", "ReversibleEmbedding",
         {"input_dim": 7, "output_dim": U, "tie_weights": False, "mask_zero": True, "logit_soft_cap": 5.0},
         ((None,),), ("B", "T", U), 42, ids=7),
    Case("crf", "CRF", {"transition_regularizer": "l2"}, (SEQ,), ("B", "T", 4), 4 * 4 + 4 + 4),
    Case("masking", "Masking", {"mask_value": 0.5}, (SEQ,), ("B", "T", 4)),
    Case("lambda", "Lambda", {"function": ops.tanh}, (SEQ,), ("B", "T", 4)),
    Case("dropout", "Dropout", {"rate": 0.4}, (SEQ,), ("B", "T", 4)),
    Case("dropout_noise_shape", "Dropout", {"rate": 0.4, "noise_shape": [None, 1, None], "seed": 3},
         (SEQ,), ("B", "T", 4)),
    Case("spatial_dropout", "SpatialDropout1D", {"rate": 0.4}, (SEQ,), ("B", "T", 4)),
    Case("gaussian_noise", "GaussianNoise", {"stddev": 0.4}, (SEQ,), ("B", "T", 4)),
    Case("gaussian_dropout", "GaussianDropout", {"rate": 0.4}, (SEQ,), ("B", "T", 4)),
    Case("alpha_dropout", "AlphaDropout", {"rate": 0.4}, (SEQ,), ("B", "T", 4)),
    Case("alpha_dropout_noise_shape", "AlphaDropout", {"rate": 0.4, "noise_shape": [None, 1, None], "seed": 3},
         (SEQ,), ("B", "T", 4)),
    Case("activity_regularization", "ActivityRegularization", {"l1": 0.1, "l2": 0.2}, (SEQ,), ("B", "T", 4)),
    Case("layer_normalization", "LayerNormalization", {}, (SEQ,), ("B", "T", 4), 8),
    Case("layer_normalization_axes", "LayerNormalization", {"axis": [1, 2]}, ((2, 4),), ("B", 2, 4), 16),
    Case("layer_normalization_rms", "LayerNormalization", {"rms_scaling": True}, (SEQ,), ("B", "T", 4), 4),
    Case("batch_normalization", "BatchNormalization", {}, (SEQ,), ("B", "T", 4), 16),
    Case("batch_normalization_plane", "BatchNormalization",
         {"momentum": 0.5, "scale": False, "moving_mean_initializer": "ones"}, ((2, 3, 4),), ("B", 2, 3, 4), 12),
    Case("conv1d", "Conv1D", {"filters": U, "kernel_size": 3, "padding": "same"}, (SEQ,), ("B", "T", U), 39),
    Case("conv1d_causal", "Conv1D",
         {"filters": U, "kernel_size": 2, "padding": "causal", "dilation_rate": 2, "use_bias": False},
         (SEQ,), ("B", "T", U), 24),
    Case("conv1d_strides", "Conv1D", {"filters": U, "kernel_size": 3, "strides": 2}, ((6, 4),), ("B", 2, U), 39),
    Case("conv1d_groups", "Conv1D", {"filters": 4, "kernel_size": 2, "groups": 2, "padding": "same"},
         (SEQ,), ("B", "T", 4), 20),
    Case(
        "conv1d_everything", "Conv1D",
        {"filters": U, "kernel_size": [2], "activation": "tanh", "kernel_regularizer": "l2", "bias_regularizer": "l1",
         "activity_regularizer": "l1_l2", "kernel_constraint": "max_norm", "bias_constraint": "non_neg"},
        ((4, 2),), ("B", 3, U), 15,
    ),
    Case("conv2d", "Conv2D", {"filters": U, "kernel_size": [2, 3]}, ((4, 4, 2),), ("B", 3, 2, U), 39),
    Case("conv2d_same", "Conv2D", {"filters": U, "kernel_size": 3, "padding": "SAME", "strides": [2, 1]},
         ((5, None, 1),), ("B", 3, "T", U), 30),
    Case("max_pooling1d", "MaxPooling1D", {"strides": 1, "padding": "same"}, (SEQ,), ("B", "T", 4)),
    Case("max_pooling1d_valid", "MaxPooling1D", {}, ((5, 2),), ("B", 2, 2)),
    Case("average_pooling1d", "AveragePooling1D", {"pool_size": 3, "strides": 1, "padding": "same"},
         (SEQ,), ("B", "T", 4)),
    Case("max_pooling2d", "MaxPooling2D", {}, ((4, 5, 2),), ("B", 2, 2, 2)),
    Case("average_pooling2d", "AveragePooling2D", {"pool_size": [2, 3], "strides": 1}, ((4, 4, 2),), ("B", 3, 2, 2)),
    Case("global_average_pooling2d", "GlobalAveragePooling2D", {}, ((2, 3, 2),), ("B", 2)),
    Case("global_max_pooling2d", "GlobalMaxPooling2D", {"keepdims": True}, ((2, 3, 2),), ("B", 1, 1, 2)),
    Case("depthwise_conv1d", "DepthwiseConv1D", {"kernel_size": 3, "padding": "causal", "depth_multiplier": 2},
         (SEQ,), ("B", "T", 8), 32),
    Case("depthwise_conv2d", "DepthwiseConv2D", {"kernel_size": 2, "strides": [2, 2], "use_bias": False},
         ((4, 5, 2),), ("B", 2, 2, 2), 8),
    Case("separable_conv1d", "SeparableConv1D", {"filters": U, "kernel_size": 2, "padding": "same"},
         (SEQ,), ("B", "T", U), 8 + 12 + 3),
    Case("separable_conv2d", "SeparableConv2D", {"filters": U, "kernel_size": [1, 2]},
         ((2, 4, 2),), ("B", 2, 3, U), 13),
    Case("conv_lstm1d", "ConvLSTM1D", {"filters": 2, "kernel_size": 2}, ((None, 4, 1),), ("B", 3, 2), 16 + 32 + 8),
    Case("conv_lstm1d_dropout", "ConvLSTM1D",
         {"filters": 2, "kernel_size": 3, "padding": "same", "dropout": 0.3, "recurrent_dropout": 0.3,
          "return_sequences": True, "return_state": True, "go_backwards": True},
         ((None, 3, 1),), ("B", "T", 3, 2), 24 + 48 + 8),
    Case("conv_lstm2d", "ConvLSTM2D", {"filters": 2, "kernel_size": [1, 2], "use_bias": False},
         ((None, 2, 3, 1),), ("B", 2, 2, 2), 16 + 32),
    Case("up_sampling1d", "UpSampling1D", {"size": 3}, ((2, 4),), ("B", 6, 4)),
    Case("up_sampling2d", "UpSampling2D", {"size": [1, 3]}, ((2, 2, 3),), ("B", 2, 6, 3)),
    Case("zero_padding2d", "ZeroPadding2D", {"padding": [[1, 0], [2, 3]]}, ((2, 2, 3),), ("B", 3, 7, 3)),
    Case("cropping2d", "Cropping2D", {"cropping": [1, 2]}, ((4, 5, 1),), ("B", 2, 1, 1)),
    Case("spatial_dropout2d", "SpatialDropout2D", {"rate": 0.4}, ((2, 3, 4),), ("B", 2, 3, 4)),
    Case("highway", "Highway", {"activation": "tanh"}, (SEQ,), ("B", "T", 4), 40),
    Case("rbf", "RBF", {"units": U}, (SEQ,), ("B", "T", U), 15),
    Case("rbf_fixed_widths", "RBF", {"units": U, "width": 2.0, "train_widths": False}, (VEC,), ("B", U), 15),
    Case("mixture_of_experts", "MixtureOfExperts",
         {"experts": lambda: [layers.Dense(U, activation="tanh"), layers.Dense(U)]}, (VEC,), ("B", U), 40),
    Case("mixture_of_recurrences", "MixtureOfExperts",
         {"experts": lambda: [layers.GRU(U), layers.MGU(U)], "gate": lambda: layers.SimpleRNN(2)},
         (SEQ,), ("B", U), 81 + 48 + 14),
    Case("flatten", "Flatten", {}, ((2, 3),), ("B", 6)),
    Case("flatten_first", "Flatten", {"data_format": "channels_first"}, ((2, 3, 2),), ("B", 12)),
    Case("reshape", "Reshape", {"target_shape": [2, -1]}, ((4, 3),), ("B", 2, 6)),
    Case("permute", "Permute", {"dims": [2, 1]}, (SEQ,), ("B", 4, "T")),
    Case("repeat_vector", "RepeatVector", {"n": 5}, (VEC,), ("B", 5, 4)),
    Case("zero_padding", "ZeroPadding1D", {"padding": [1, 2]}, (SEQ,), ("B", 7, 4)),
    Case("cropping", "Cropping1D", {"cropping": [1, 1]}, ((5, 4),), ("B", 3, 4)),
    Case("average_pooling", "GlobalAveragePooling1D", {}, (SEQ,), ("B", 4)),
    Case("max_pooling", "GlobalMaxPooling1D", {"keepdims": True}, (SEQ,), ("B", 1, 4)),
    Case("add", "Add", {}, (SEQ, VEC), ("B", "T", 4)),
    Case("add_step", "Add", {}, (SEQ, (1, 4)), ("B", "T", 4)),
    Case("subtract", "Subtract", {}, (SEQ, SEQ), ("B", "T", 4)),
    Case("multiply", "Multiply", {}, (SEQ, (None, 1), SEQ), ("B", "T", 4)),
    Case("average", "Average", {}, (VEC, VEC), ("B", 4)),
    Case("maximum", "Maximum", {}, (SEQ, SEQ), ("B", "T", 4)),
    Case("minimum", "Minimum", {}, (SEQ, SEQ), ("B", "T", 4)),
    Case("concatenate", "Concatenate", {}, (SEQ, (None, 2)), ("B", "T", 6)),
    Case("concatenate_time", "Concatenate", {"axis": 1}, (SEQ, (2, 4)), ("B", 6, 4)),
    Case("dot", "Dot", {"axes": 2}, (SEQ, (5, 4)), ("B", "T", 5)),
    Case("dot_sequences", "Dot", {"axes": 2}, (SEQ, SEQ), ("B", "T", "T")),
    Case("dot_time", "Dot", {"axes": 1, "normalize": True}, (SEQ, (None, 2)), ("B", 4, 2)),
    Case("dot_attention", "Dot", {"axes": [2, 1]}, ((5, 3), (3, 4)), ("B", 5, 4)),
    Case("dot_normalized", "Dot", {"axes": [1, 1], "normalize": True}, (VEC, VEC), ("B", 1)),
    Case("attention", "Attention", {}, (SEQ, (5, 4)), ("B", "T", 4)),
    Case("attention_concat", "Attention", {"score_mode": "concat", "use_scale": True, "dropout": 0.3, "seed": 2},
         (SEQ, SEQ, SEQ), ("B", "T", 4), 2),
    Case("additive_attention", "AdditiveAttention", {"dropout": 0.3}, (SEQ, (5, 4)), ("B", "T", 4), 4),
    Case("multi_head_attention", "MultiHeadAttention", {"num_heads": 2, "key_dim": U}, (SEQ, (5, 4)), ("B", "T", 4),
         3 * (4 * 6 + 6) + 6 * 4 + 4),
    Case("multi_head_attention_everything", "MultiHeadAttention",
         {"num_heads": 2, "key_dim": U, "value_dim": W, "dropout": 0.3, "use_gate": True, "output_shape": 5,
          "sliding_window": 2, "kernel_regularizer": "l2", "activity_regularizer": "l2", "use_bias": False},
         (SEQ, SEQ, (None, 3)), ("B", "T", 5), 4 * 6 + 3 * 6 + 4 * 4 * 2 + 4 * 5),
    Case("simple_rnn", "SimpleRNN", {"units": U}, (SEQ,), ("B", U), U * (4 + U + 1)),
    Case("simple_rnn_relu", "SimpleRNN", {"units": U, "activation": "softsign", "use_bias": False},
         (SEQ,), ("B", U), U * 7),
    Case("gru", "GRU", {"units": U}, (SEQ,), ("B", U), 3 * U * (4 + U + 2)),
    Case("gru_before", "GRU", {"units": U, "reset_after": False, "return_sequences": True}, (SEQ,), ("B", "T", U), 72),
    Case("lstm", "LSTM", {"units": U}, (SEQ,), ("B", U), lstm_weights(4, U)),
    Case("lstm_sequences", "LSTM", {"units": U, "return_sequences": True}, (SEQ,), ("B", "T", U), lstm_weights(4, U)),
    Case("lstm_backwards", "LSTM", {"units": U, "return_sequences": True, "go_backwards": True},
         (SEQ,), ("B", "T", U), 96),
    Case("lstm_states", "LSTM", {"units": U, "return_state": True}, (SEQ,), ("B", U), lstm_weights(4, U)),
    Case("lstm_dropout", "LSTM", {"units": U, "dropout": 0.3, "recurrent_dropout": 0.3}, (SEQ,), ("B", U), 96),
    Case("gru_dropout", "GRU", {"units": U, "recurrent_dropout": 0.3, "kernel_regularizer": "l2"},
         (SEQ,), ("B", U), 81),
    Case("rnn", "RNN", {"cell": lambda: layers.GRUCell(U), "return_sequences": True}, (SEQ,), ("B", "T", U), 81),
    Case(
        "rnn_stacked", "RNN",
        {"cell": lambda: layers.StackedRNNCells([layers.LSTMCell(W, dropout=0.2), layers.GRUCell(U, dropout=0.2)])},
        (SEQ,), ("B", U), lstm_weights(4, W) + 3 * U * (W + U + 2),
    ),
    Case("bidirectional", "Bidirectional", {"layer": lambda: layers.LSTM(U, return_sequences=True)},
         (SEQ,), ("B", "T", 2 * U), 192),
    Case(
        "bidirectional_sum", "Bidirectional", {"layer": lambda: layers.GRU(U), "merge_mode": "sum"},
        (SEQ,), ("B", U), 162,
    ),
    Case(
        "bidirectional_states", "Bidirectional",
        {"layer": lambda: layers.SimpleRNN(U, return_sequences=True, return_state=True), "merge_mode": None},
        (SEQ,), ("B", "T", U), 2 * 24,
    ),
    Case("peephole_lstm", "PeepholeLSTM", {"units": U, "peephole_initializer": "ones"}, (SEQ,), ("B", U), 96 + 9),
    Case("projection_lstm", "ProjectionLSTM", {"units": U, "projection_units": W}, (SEQ,), ("B", W), 12 * 7 + 6),
    Case("cifg", "CIFG", {"units": U}, (SEQ,), ("B", U), 72),
    Case("janet", "JANET", {"units": U}, (SEQ,), ("B", U), 48),
    Case("mgu", "MGU", {"units": U}, (SEQ,), ("B", U), 48),
    Case("mut1", "MUT1", {"units": U}, (SEQ,), ("B", U), 3 * U * 5 + 2 * U * U),
    Case("ind_rnn", "IndRNN", {"units": U, "activation": "tanh"}, (SEQ,), ("B", U), U * 6),
    Case("li_gru", "LiGRU", {"units": U, "activation": "softsign"}, (SEQ,), ("B", U), 48),
    Case("ugrnn", "UGRNN", {"units": U}, (SEQ,), ("B", U), 48),
    Case("fast_rnn", "FastRNN", {"units": U}, (SEQ,), ("B", U), 24 + 2),
    Case("fast_grnn", "FastGRNN", {"units": U}, (SEQ,), ("B", U), 24 + U + 2),
    Case("antisymmetric_rnn", "AntisymmetricRNN", {"units": U}, (SEQ,), ("B", U), 24),
    Case("co_rnn", "CoRNN", {"units": U}, (SEQ,), ("B", U), U * (4 + 2 * U + 1)),
    Case("lem", "LEM", {"units": U}, (SEQ,), ("B", U), 96),
    Case("slstm", "SLSTM", {"units": U}, (SEQ,), ("B", U), 96),
    Case("min_gru", "MinGRU", {"units": U}, (SEQ,), ("B", U), 2 * U * 5),
    Case("min_lstm", "MinLSTM", {"units": U}, (SEQ,), ("B", U), 3 * U * 5),
    Case("lru", "LRU", {"units": U}, (SEQ,), ("B", U), 3 * U * 4 + 2 * U * U + 4 * U),
    Case("qrnn", "QRNN", {"units": U}, (SEQ,), ("B", U), 3 * U * 9),
    Case("qrnn_wide", "QRNN", {"units": U, "window": 3, "return_sequences": True}, (SEQ,), ("B", "T", U), 3 * U * 13),
    Case("sru", "SRU", {"units": U}, (SEQ,), ("B", U), 4 * U * 4 + 4 * U),
    Case("sru_square", "SRU", {"units": 4, "return_sequences": True}, (SEQ,), ("B", "T", 4), 3 * 16 + 16),
    Case("jordan_rnn", "JordanRNN", {"units": U, "output_units": W}, (SEQ,), ("B", W), U * 7 + W * 4),
    Case("jordan_rnn_decay", "JordanRNN", {"units": U, "decay": 0.5}, (SEQ,), ("B", U), U * 8 + U * 4),
    Case("echo_state", "EchoState", {"units": U, "connectivity": 1.0, "leak": 0.5}, (SEQ,), ("B", U), 24),
    Case("dilated_rnn", "DilatedRNN", {"cells": lambda: [layers.GRUCell(U), layers.LSTMCell(W)]}, (SEQ,), ("B", W),
         81 + lstm_weights(U, W)),
    Case("attentive_rnn", "AttentiveRNN", {"cell": lambda: layers.GRUCell(U), "return_sequences": True},
         (SEQ, (5, 4)), ("B", "T", U + 4), 3 * U * (4 + 4 + U + 2) + U * U + 4 * U + U + U),
    Case("attentive_rnn_dot", "AttentiveRNN", {"cell": lambda: layers.LSTMCell(4, dropout=0.2), "attention": "dot"},
         (SEQ, SEQ), ("B", 4), lstm_weights(4 + 4, 4) + 8 * 4),
    Case("attentive_rnn_general", "AttentiveRNN",
         {"cell": lambda: layers.GRUCell(U), "attention": "general", "attention_units": W, "return_state": True},
         (SEQ, (5, 4)), ("B", W), 3 * U * (4 + W + U + 2) + 4 * U + (4 + U) * W),
    Case("residual_wrapper", "ResidualWrapper", {"layer": lambda: layers.GRU(4, return_sequences=True)},
         (SEQ,), ("B", "T", 4), 3 * 4 * 10),
    Case("highway_wrapper", "HighwayWrapper", {"layer": lambda: layers.MGU(4, return_sequences=True)},
         (SEQ,), ("B", "T", 4), 2 * 4 * 9 + 20),
    Case("time_distributed_dense", "TimeDistributed", {"layer": lambda: layers.Dense(U)}, (SEQ,), ("B", "T", U), 15),
    Case("time_distributed_lstm", "TimeDistributed", {"layer": lambda: layers.LSTM(U)},
         ((None, 2, 4),), ("B", "T", U), 96),
]  # fmt: skip

PLUMBING = {"Call", "Cell", "Input", "InputLayer", "Layer", "Mask", "Tracing"}
"""Classes of the door that are no layers to be called: `InputLayer` gives an input, `Cell` and `Layer` are abstract."""


def every_case(test):
    return pytest.mark.parametrize("case", CASES, ids=[case.name for case in CASES])(test)


def inputs_of(case: Case, dtype: str = "float64") -> Any:
    made = [Input(shape, dtype="int32" if case.ids else dtype) for shape in case.shapes]
    return made if len(made) > 1 else made[0]


def flat(value: Any) -> list[Any]:
    return [leaf for item in value for leaf in flat(item)] if isinstance(value, (list, tuple)) else [value]


def arrays_for(tensors: list[Tensor], case: Case, rng: np.random.Generator, sizes: dict[str, int]) -> list[np.ndarray]:
    return [
        rng.integers(0, case.ids, sizes_of(t.shape, sizes)).astype(np.int32)
        if case.ids
        else rng.normal(size=sizes_of(t.shape, sizes)).astype(t.dtype)
        for t in tensors
    ]


def run(inputs: list[Tensor], outputs: list[Tensor], arrays: list[np.ndarray]) -> list[np.ndarray]:
    graph = Graph(tuple(inputs), tuple(outputs))
    verify(graph)
    return ReferenceExecutor().compile(graph).run(arrays).outputs


def called(case: Case, dtype: str = "float64", training: bool = False, **more: Any) -> tuple[Layer, Any, Any]:
    layer = case.make(dtype=dtype, **more)
    x = inputs_of(case, dtype)
    with tracing(training):
        return layer, x, layer(x)


def test_the_table_has_every_layer():
    public = {kind.__name__ for name in layers.__all__ if inspect.isclass(kind := getattr(layers, name))}
    cells = {name for name in public if issubclass(getattr(layers, name), layers.Cell)}
    assert public - PLUMBING - cells == {case.class_name for case in CASES}


@pytest.mark.parametrize("short", ["AvgPool", "MaxPool", "GlobalAvgPool", "GlobalMaxPool", "Conv", "SeparableConv"])
@pytest.mark.parametrize("axes", ["1D", "2D"])
def test_keras_other_names_are_the_same_classes(short, axes):
    """Keras 3 exports each of them, too; a model's file holds the name of the class."""
    long = short.replace("Avg", "Average").replace("Pool", "Pooling") if "Pool" in short else short
    other = short if "Pool" in short else f"{short}olution"
    assert getattr(layers, other + axes) is getattr(layers, long + axes)
    assert getattr(layers, other + axes).__name__ == long + axes


@every_case
def test_the_traced_shape_is_the_promised_and_the_computed_one(case, rng):
    _, x, y = called(case)
    letters = [str(d) if not isinstance(d, int) else d for d in flat(y)[0].shape]
    promised = [SIZES.get(d, d) if isinstance(d, str) else d for d in case.output]
    assert (
        [SIZES.get(d, d) if d in SIZES else d for d in letters] == promised
        or case.name == "zero_padding"
        or (case.name == "concatenate_time")
    )
    found = run(flat(x), flat(y), arrays_for(flat(x), case, rng, SIZES))
    for array, tensor in zip(found, flat(y), strict=True):
        assert array.shape == sizes_of(tensor.shape, SIZES)
    assert list(found[0].shape) == promised


@every_case
def test_weights_are_counted(case):
    layer, _, _ = called(case)
    assert layer.count_params() == case.weights == sum(w.size for w in layer.get_weights())
    names = [w.name for w in layer.weights]
    assert len(set(names)) == len(names)
    assert all(name.startswith(f"{layer.name}/") for name in names)


@every_case
def test_weights_can_be_set_and_are_checked(case, rng):
    layer, _, _ = called(case)
    values = [rng.normal(size=w.shape) for w in layer.weights]
    layer.set_weights(values)
    for wanted, found in zip(values, layer.get_weights(), strict=True):
        np.testing.assert_array_equal(wanted, found)
    with pytest.raises(
        WeightsError, match=rf"{layer.name}': weights must be a list of {len(values)} arrays. Received weights="
    ):
        layer.set_weights([*values, np.zeros(1)])
    if values:
        wrong = [np.zeros((*values[0].shape, 1)), *values[1:]]
        with pytest.raises(
            WeightsError, match=r"weights\[0\] \(.*\) must have shape \(.*\). Received .*: ?|Give them in"
        ):
            layer.set_weights(wrong)


@every_case
def test_a_layer_freezes_and_thaws(case):
    layer, _, _ = called(case)
    count, free = len(layer.weights), len(layer.trainable_weights)
    layer.trainable = False
    assert (len(layer.trainable_weights), len(layer.non_trainable_weights)) == (0, count)
    layer.trainable = True
    assert (len(layer.trainable_weights), len(layer.non_trainable_weights)) == (free, count - free)


@every_case
def test_a_configuration_makes_the_same_layer(case, rng):
    if case.class_name == "Lambda":
        with pytest.raises(ValueError, match="must be registered to be saved"):
            layers.serialize(case.make())
        return
    layer, x, y = called(case)
    text = json.dumps(layers.serialize(layer))
    again = layers.deserialize(json.loads(text))
    assert json.dumps(layers.serialize(again)) == text
    with tracing(False):
        z = again(x)
    again.set_weights(layer.get_weights())
    arrays = arrays_for(flat(x), case, rng, SIZES)
    for a, b in zip(run(flat(x), flat(y), arrays), run(flat(x), flat(z), arrays), strict=True):
        np.testing.assert_array_equal(a, b)


@every_case
@pytest.mark.parametrize("training", [False, True], ids=["use", "training"])
def test_gradients_are_central_differences(case, training, rng):
    layer = case.make(dtype="float64")
    x = inputs_of(case)
    with tracing(training) as now:
        y = layer(x)
    drawn = [rng.normal(size=w.shape) * 0.5 for w in layer.weights]
    positive = ["variance" in w.name for w in layer.weights]
    layer.set_weights([np.abs(v) + 0.5 if p else v for v, p in zip(drawn, positive, strict=True)])
    inputs, outputs = flat(x), flat(y)
    loss = ops.sum(ops.zeros((), "float64"))
    for i, t in enumerate(outputs):
        loss = loss + ops.sum(ops.sin(t * (1.0 + i))) if t.dtype == "float64" else loss
    for penalty in now.losses:
        loss = loss + penalty
    real = [t for t in inputs if t.dtype == "float64"]
    arrays = [a + 0.01 if a.dtype == np.float64 else a for a in arrays_for(inputs, case, rng, SIZES)]
    found = run(inputs, gradients(loss, [*(w.tensor for w in layer.weights), *real]), arrays)
    plan = ReferenceExecutor().compile(Graph(tuple(inputs), (loss,)))

    def value() -> float:
        return float(plan.run(arrays).outputs[0])

    places = [w.value for w in layer.weights] + [a for a in arrays if a.dtype == np.float64]
    step = np.finfo(np.float64).eps ** (1 / 3)
    for place, gradient in zip(places, found, strict=True):
        assert gradient.shape == place.shape
        at = tuple(int(rng.integers(0, n)) for n in place.shape)
        for index in {at, tuple(0 for _ in place.shape)}:
            kept = place[index]
            place[index] = kept + step
            up = value()
            place[index] = kept - step
            down = value()
            place[index] = kept
            expected = (up - down) / (2 * step)
            error = abs(expected - gradient[index])
            allowed = central_difference(abs(value()), abs(expected))
            assert error <= allowed, f"{index}: {gradient[index]}, not {expected}"


@every_case
def test_float32_is_float64_rounded(case, rng):
    layer, x, y = called(case)
    narrow, x32, y32 = called(case, "float32")
    narrow.set_weights(layer.get_weights())
    arrays = arrays_for(flat(x), case, rng, SIZES)
    wide = run(flat(x), flat(y), arrays)
    short = run(flat(x32), flat(y32), [a.astype(t.dtype) for a, t in zip(arrays, flat(x32), strict=True)])
    for a, b in zip(wide, short, strict=True):
        assert b.dtype == np.float32
        assert_close(b, a, LONGEST, STEPS)


@every_case
@pytest.mark.parametrize("rows", [0, 1])
def test_a_batch_may_be_empty_or_one_row(case, rows, rng):
    _, x, y = called(case)
    whole = arrays_for(flat(x), case, rng, SIZES)
    few = run(flat(x), flat(y), [a[:rows] for a in whole])
    for a, b in zip(run(flat(x), flat(y), whole), few, strict=True):
        assert_close(b, a[:rows], LONGEST, STEPS)


@every_case
@pytest.mark.parametrize("steps", [0, 1])
def test_a_sequence_may_be_empty_or_one_step(case, steps, rng):
    if not case.open_time:
        return
    _, x, y = called(case)
    sizes = {**SIZES, "T": steps}
    with np.errstate(all="ignore"):
        found = run(flat(x), flat(y), arrays_for(flat(x), case, rng, sizes))
    for array, tensor in zip(found, flat(y), strict=True):
        assert array.shape == sizes_of(tensor.shape, sizes)
        assert steps == 0 or np.isfinite(array).all()


@every_case
def test_a_wrong_rank_is_told(case):
    layer = case.make()
    if not layer.axes:
        return
    wrong = Input(()) if "..." in layer.axes else Input((2, 3, 4, 5, 6))
    rule = rf"{case.class_name} '{layer.name}': x must have shape \(B, .*\)\. Received shape \(.*\): .*\. .*\."
    with pytest.raises(ShapeError, match=rule):
        layer(wrong)


@every_case
def test_the_layer_can_be_called_again_and_notes_its_calls(case, rng):
    layer, x, y = called(case)
    before = [w.name for w in layer.weights]
    z = layer(x)
    assert [w.name for w in layer.weights] == before
    for i, t in enumerate(flat(z)):
        assert t.origin.layer is layer
        assert t.origin.index == i
        assert flat(t.origin.args) == flat(x)
    arrays = arrays_for(flat(x), case, rng, SIZES)
    for a, b in zip(run(flat(x), flat(y), arrays), run(flat(x), flat(z), arrays), strict=True):
        np.testing.assert_array_equal(a, b)


@every_case
def test_training_depends_on_seed_and_step_alone(case, rng):
    seed, step = (Variable(np.int32(n)) for n in (3, 0))
    layer = case.make(dtype="float64")
    x = inputs_of(case)
    passes = []
    for _ in range(2):
        with tracing(True, seed, step):
            passes.append(flat(layer(x)))
    arrays = arrays_for(flat(x), case, rng, SIZES)
    first, second = (run(flat(x), outputs, arrays) for outputs in passes)
    for a, b in zip(first, second, strict=True):
        np.testing.assert_array_equal(a, b)


MASKED = [
    case for case in CASES
    if case.shapes[0][0] is None and len(case.shapes) == 1 and not case.ids and case.class_name != "Masking"
]  # fmt: skip
every_masked = pytest.mark.parametrize("case", MASKED, ids=[case.name for case in MASKED])


@every_masked
def test_lengths_mean_what_values_mean(case, rng):
    """On real steps, and in whatever comes out without a time axis; padded steps of a recurrence differ: see `RNN`."""
    layer = case.make(dtype="float64")
    (shape,) = case.shapes
    if not layer.supports_masking:
        with pytest.warns(UserWarning, match="has a mask, which this layer cannot follow"):
            layer(Input(shape, dtype="float64"), mask=Input((None,), dtype="bool"))
        return
    x, lengths, values = Input(shape, dtype="float64"), Input((), dtype="int32"), Input((None,), dtype="bool")
    with tracing(False):
        by_length = flat(layer(x, mask=Mask(lengths=lengths)))
        by_value = flat(layer(x, mask=Mask(values=values)))
    assert [t.mask is None for t in by_length] == [t.mask is None for t in by_value]
    counts = np.array([4, 2, 0], np.int32)
    real = np.arange(4) < counts[:, None]
    found = run([x, lengths, values], [*by_length, *by_value], [rng.normal(size=(3, 4, *shape[1:])), counts, real])
    backwards = real[:, ::-1] if getattr(layer, "go_backwards", False) else real  # what has lengths still comes first
    for a, b, t in zip(found[: len(by_length)], found[len(by_length) :], by_length, strict=True):
        timed = t.ndim >= 3 and str(t.shape[1]) == "T"
        np.testing.assert_array_equal(a[real] if timed else a, b[backwards] if timed else b)


@every_masked
def test_padding_changes_nothing(case, rng):
    """A row with padding after it gives what it gives alone; its gradients, too, are those of the rows alone."""
    layer = case.make(dtype="float64")
    if not layer.supports_masking:
        return
    (shape,) = case.shapes
    x, lengths = Input(shape, dtype="float64"), Input((), dtype="int32")
    with tracing(False):
        padded, alone = flat(layer(x, mask=Mask(lengths=lengths))), flat(layer(x))
    data = rng.normal(size=(2, 4, *shape[1:]))
    arrays = [data, np.array([4, 2], np.int32)]
    long, short = run([x, lengths], padded, arrays), run([x], alone, [data[1:, :2]])
    timed = [t.ndim >= 3 and str(t.shape[1]) == "T" for t in padded]
    for a, b, through in zip(long, short, timed, strict=True):
        assert_close(b, a[1:, :2] if through else a[1:], LONGEST, STEPS)

    weights = [w.tensor for w in layer.trainable_weights]
    slopes = []
    for outputs, given, parts in ((padded, [x, lengths], [arrays]), (alone, [x], [[data[:1]], [data[1:, :2]]])):
        loss = ops.sum(ops.zeros((), "float64"))
        for t, through in zip(outputs, timed, strict=True):
            real = Mask(lengths=lengths).tensor(t.shape[1]) if through and outputs is padded else None
            y = t * ops.sin(t + 0.3)
            loss = loss + ops.sum(
                y if real is None else ops.where(ops.reshape(real, (*real.shape, *(1,) * (t.ndim - 2))), y, 0.0)
            )
        graph = gradients(loss, [*weights, x])
        slopes.append([run(given, graph, part) for part in parts])
    (whole,), (first, second) = slopes
    for a, b, c in zip(whole[:-1], first[:-1], second[:-1], strict=True):
        assert_close(a, b + c, LONGEST * 8, STEPS)
    assert_close(whole[-1][:1], first[-1], LONGEST * 8, STEPS)
    assert_close(whole[-1][1:, :2], second[-1], LONGEST * 8, STEPS)


@every_case
def test_what_stands_in_padded_steps_changes_nothing(case, rng):
    """Neither at real steps, nor in what has no mask, nor in penalties; or the layer says that it cannot follow."""
    layer, x = case.make(dtype="float64"), inputs_of(case)
    layer.activity_regularizer = layers.regularizers.L1L2(0.1, 0.1)
    steps, lengths = [t for t in flat(x) if t.ndim > 2 or case.ids], Input((), dtype="int32")
    for t in steps:
        t.mask = Mask(lengths=lengths)
    with warnings.catch_warnings(record=True) as told, tracing(False) as now:
        warnings.simplefilter("always")
        y = flat(layer(x))
    if any("has a mask, which this layer cannot follow" in str(w.message) for w in told):
        return
    arrays, counts = arrays_for(flat(x), case, rng, SIZES), np.array([4, 2, 0], np.int32)
    masks = [ops.ones(t.shape, "bool") if t.mask is None else t.mask.tensor(t.shape[1]) for t in y]
    found = []
    for _ in range(2):
        for t, array in zip(flat(x), arrays, strict=True):
            padded = np.arange(array.shape[1]) >= counts[:, None] if t in steps else np.zeros(len(array), bool)
            size = array[padded].shape
            array[padded] = rng.integers(0, case.ids, size) if case.ids else rng.normal(size=size)
        found.append(run([*flat(x), lengths], [*y, *masks, *now.losses], [*arrays, counts]))
    for first, second, real in zip(*(f[: len(y)] for f in found), found[0][len(y) : 2 * len(y)], strict=True):
        np.testing.assert_array_equal(first[real], second[real])
    np.testing.assert_array_equal(found[0][2 * len(y) :], found[1][2 * len(y) :])


def test_no_layer_needs_the_default_float_type(rng):
    settings.set_floatx("float64")
    layer = layers.LSTM(2)
    layer(Input((None, 3)))
    assert {w.dtype for w in layer.weights} == {"float64"}
