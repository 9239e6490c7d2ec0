"""Messages that no other test quotes, each as a person reads it: place, rule, received value, cure."""

from __future__ import annotations

import importlib
import re
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import elman
from elman import constraints, dtypes, initializers, layers, losses, metrics, ops, optimizers
from elman.callbacks import BackupAndRestore, LambdaCallback, ReduceLROnPlateau
from elman.errors import ElmanError
from elman.graph import Variable, placeholder
from elman.layers import LSTM, Dense, Input
from elman.layers.rnn.attentive_rnn import AttentiveCell
from elman.layers.rnn.echo_state import ridge_readout
from elman.models import Model, Sequential, load_model
from elman.tasks import Forecaster
from elman.training import checkpoint

X = np.zeros((4, 3), np.float32)
SEQUENCES = np.zeros((4, 5, 3), np.float32)
T2 = placeholder("t", (2, 3))
IDS = placeholder("i", (2,), "int32")


def dense(**options: Any) -> Sequential:
    model = Sequential([Input((3,)), Dense(2)], name="m")
    model.compile(**{"optimizer": "sgd", "loss": "mse", **options})
    return model


def two_outputs(loss: Any = None) -> Model:
    x = Input((3,), name="x")
    model = Model(x, {"a": Dense(1, name="a")(x), "b": Dense(1, name="b")(x)}, name="two")
    model.compile("sgd", loss or {"a": "mse", "b": "mse"})
    return model


def forecaster(**settings: Any) -> Forecaster:
    quick = {"horizon": 2, "window": 4, "units": 2, "epochs": 1, "cell": "simple_rnn", "validation": 0}
    return Forecaster(**{**quick, **settings})


class OneState(layers.Cell):
    """A step that forgets to return its state."""

    def __init__(self) -> None:
        super().__init__(name="one")
        self.state_size = 2

    def build(self, features: int) -> None:
        self.w = self.add_weight("w", (features, 2))

    def step(self, x: Any, h: Any) -> Any:
        return x @ self.w + h


class Mine(metrics.Mean.__mro__[1]):  # type: ignore[misc]
    """A metric of one's own."""

    def updates(self, *args: Any, **kwargs: Any) -> Any:
        return []


def built(optimizer: optimizers.Optimizer) -> optimizers.Optimizer:
    optimizer.build(Variable(np.zeros(3), name="w"))
    return optimizer


def set_rate(optimizer: Any, value: Any) -> None:
    optimizer.learning_rate = value


def fitted(model: Any, x: Any = X, y: Any = None, **options: Any) -> Any:
    return model.fit(x, np.zeros((len(x), 2), np.float32) if y is None else y, verbose=0, **options)


def lstm_stream(batch: int = 1, units: int = 2) -> Any:
    return Sequential([Input((None, 3)), LSTM(units, return_sequences=True)], name="s").stream(batch=batch)


def traced(layer: layers.Layer) -> Any:
    with layers.tracing(True):
        return layer(Input((3,)))


def open_time() -> Sequential:
    return Sequential([Input((None, 3)), LSTM(2)], name="m")


def saved(model: Any, read: Callable[[Any], Any], weights_alone: bool = False) -> Any:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / ("m.weights.safetensors" if weights_alone else "m.safetensors")
        model.save_weights(path)
        return read(path)


def wide(quantized: bool) -> Sequential:
    model = Sequential([Input((64,)), Dense(64, name="d")], name="m")
    if quantized:
        model.quantize("int8")
    return model


def two_streams() -> Any:
    a, b = Input((None, 3), name="a"), Input((None, 3), name="b")
    return Model([a, b], LSTM(2, return_sequences=True)(layers.Concatenate()([a, b])), name="m").stream()


def both_ways() -> Sequential:
    reader = layers.Bidirectional(LSTM(2, return_sequences=True), name="b")
    model = Sequential([Input((None, 3)), reader, Dense(3)], name="m")
    model.compile("sgd", "mse")
    return model


def first_steps() -> Model:
    x = Input((None, 3))
    return Model(x, LSTM(2)(x[:, :4]), name="m")


def looped() -> Model:
    x = Input((5, 3))
    y = Dense(2)(x)
    return Model(x, ops.scan(lambda states, xs: ([], [xs[0] * 2.0]), [], [ops.transpose(y, (1, 0, 2))])[1][0], name="m")


def unreadable() -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "m.safetensors"
        checkpoint.write(path, {}, {"kind": "model", "model": {"class_name": "Sequential", "config": {}}})
        load_model(path)


ROWS: dict[str, tuple[Callable[[], Any], str]] = {
    # ---- tensors
    "dtype": (
        lambda: dtypes.canonical("complex64"),
        "dtype: dtype must be a real, integer or bool type (float32, float64, int32, bool)",
    ),
    "slice_step": (lambda: T2[:, ::2], "indexing: slice step must be 1 or -1. Received slice step=2. Reshape to"),
    "too_many_indices": (
        lambda: T2[0, 0, 0],
        "indexing: indices must be at most 2. Received indices=3. The tensor has",
    ),
    "index": (lambda: T2[5], "indexing: index must be between -2 and 1 on axis 0. Received index=5."),
    "axis": (lambda: ops.sum(T2, 4), "axis must be between -2 and 1. Received axis=4. The tensor has shape (2, 3)."),
    "reversed_step": (
        lambda: T2[::3],
        "indexing: slice step must be 1 or -1. Received slice step=3. Reshape to split the axis, then index.",
    ),
    "cross_entropy_shapes": (
        lambda: ops.linear_cross_entropy(T2, placeholder("w", (3, 5)), placeholder("b", (4,)), IDS),
        "LinearCrossEntropy: inputs must be of shapes (..., K), (K, V), (V,), (...). Received shape (2, 3), "
        "(3, 5), (4,), (2,). x @ w has shape (2, 5).",
    ),
    "conv_kernel": (
        lambda: ops.conv(placeholder("x", (2, 5, 3)), placeholder("k", (2, 4, 7))),
        "Conv: kernel must be of shape (window..., channels of x, filters), with x of shape (2, 5, 3). "
        "Received shape (2, 4, 7). One size an axis of the window, then two of channels.",
    ),
    # ---- settings that do not fit together, or what they are for; single ones: test_arguments.py
    "uniform_order": (
        lambda: initializers.RandomUniform(2, 1),
        "RandomUniform: maxval must be at least minval, 2. Received maxval=1.",
    ),
    "norm_order": (
        lambda: constraints.MinMaxNorm(2, 1),
        "MinMaxNorm: max_value must be at least min_value, 2. Received max_value=1.",
    ),
    "boundaries_order": (
        lambda: optimizers.schedules.PiecewiseConstantDecay([20, 10], [0.3, 0.2, 0.1], name="steps"),
        "steps: boundaries must be in order. Received boundaries=[20, 10]. They are steps, one after another.",
    ),
    "shorter_decays": (
        lambda: optimizers.schedules.CosineDecayRestarts(0.1, 10, t_mul=0.5),
        "CosineDecayRestarts: t_mul must be a finite number from 1. Received t_mul=0.5. Shorter and shorter decays",
    ),
    "constant_shape": (
        lambda: initializers.Constant([1, 2])((3,)),
        "Constant: value must be of a shape that fits (3,). Received shape (2,). It is as the weight is, or one number",
    ),
    "constant_text": (
        lambda: initializers.Constant("x"),
        "Constant: value must be a finite number, or an array of them. Received value='x'.",
    ),
    "fan_axes": (
        lambda: initializers.GlorotUniform(input_axes=[0], output_axes=[5])((3, 2)),
        "GlorotUniform: output_axes must be a whole number from -2 to 1. Received output_axes=5. The shape: (3, 2).",
    ),
    "sparse_axis": (
        lambda: losses.SparseCategoricalCrossentropy(axis=5)(IDS, T2),
        "sparse_categorical_crossentropy: axis must be a whole number from -2 to 1. Received axis=5.",
    ),
    "ctc_blank": (
        lambda: losses.CTC(blank=7)(placeholder("y", (2, 3), "int32"), placeholder("p", (2, 9, 5))),
        "ctc: blank must be a whole number from 0 to 4. Received blank=7. It is one of the classes.",
    ),
    "label_weights": (
        lambda: metrics.AUC(multi_label=True, label_weights=[1, 2]).updates(T2, T2),
        "auc: label_weights must have shape (3,). Received shape (2,). Give one for each label.",
    ),
    # ---- layers
    "activation": (
        lambda: Dense(2, activation=int, name="d"),
        "Dense 'd': activation must be a function of a tensor. Received activation=<class 'int'>. Pass "
        "'tanh', for example.",
    ),
    "attention_features": (
        lambda: layers.Attention(name="a")([Input((5, 3)), Input((5, 2))]),
        "Attention 'a': inputs must have queries and keys of equal features. Received shape (B, 5, 3) and (B,"
        " 5, 2). Put a Dense before one of them, or use AttentiveRNN or MultiHeadAttention, which have their "
        "own.",
    ),
    "multi_head_inputs": (
        lambda: layers.MultiHeadAttention(1, 2, name="a")(Input((5, 3))),
        "MultiHeadAttention 'a': inputs must be two or three: query, value, and a key where it differs. "
        "Received inputs=1. Call it as layer(query, value).",
    ),
    "borders": (
        lambda: layers.ZeroPadding2D((1, -1), name="p"),
        "ZeroPadding2D 'p': padding must be a whole number from 0, two of them, or two pairs (before, after)."
        " Received padding=(1, -1).",
    ),
    "units_of_a_layer": (
        lambda: layers.LSTM(0, name="encoder"),
        "LSTM 'encoder': units must be a whole number from 1. Received units=0.",
    ),
    "units_of_a_cell": (
        lambda: layers.RNN(layers.LSTMCell(0, name="c"), name="encoder"),
        "LSTMCell 'c': units must be a whole number from 1. Received units=0.",
    ),
    "an_option_of_a_layer": (
        lambda: layers.Bidirectional(layers.GRU(2, dropout=2, name="g")),
        "GRU 'g': dropout must be in [0, 1). Received dropout=2.",
    ),
    "attentive_kind": (
        lambda: layers.AttentiveRNN(layers.GRUCell(2), "looking", name="a"),
        "AttentiveRNN 'a': attention must be one of additive, dot, general. Received "
        "attention='looking'. Additive is Bahdanau's.",
    ),
    "attentive_alone": (
        lambda: layers.RNN(AttentiveCell(layers.GRUCell(2), name="c"))(Input((5, 3))),
        "AttentiveCell 'c': memory must be known. Received memory=None. Walk the cell with AttentiveRNN.",
    ),
    "attentive_dot": (
        lambda: layers.AttentiveRNN(layers.GRUCell(2), "dot", name="a")([Input((5, 3)), Input((4, 3))]),
        "AttentiveRNN 'a': memory must have 2 features, those of the cell's output. Received "
        'memory=3. Use attention="general".',
    ),
    "glu": (
        lambda: elman.activations.glu(placeholder("x", (2, 3))),
        "glu: x must have an even size on axis -1. Received shape (2, 3). Double the units before it.",
    ),
    "lambda_shape": (
        lambda: layers.Lambda(ops.tanh, output_shape=(9,), name="f")(Input((3,))),
        "Lambda 'f': output_shape must be (3,). Received output_shape=(9,). Leave it out: it is traced.",
    ),
    "normalization_axes": (
        lambda: layers.LayerNormalization(axis=0, name="n")(Input((3,))),
        "LayerNormalization 'n': x must have the axes [0], the batch not among them. Received shape (B, 3).",
    ),
    "register": (
        lambda: layers.register(type("Odd", (), {})),
        "register: class must be derived from Layer, Initializer, Regularizer or Constraint. Received class='Odd'.",
    ),
    "deserialize": (
        lambda: layers.deserialize({"name": "Dense"}),
        "deserialize: class_name must be {'class_name': ..., 'config': {...}}.",
    ),
    "factor": (
        lambda: elman.regularizers.L2(-1.0),
        "L2: l2 must be a finite number from 0. Received l2=-1.0. The usual is 0.01.",
    ),
    "orthogonal_mode": (
        lambda: elman.regularizers.OrthogonalRegularizer(mode="both"),
        "OrthogonalRegularizer: mode must be 'rows' or 'columns'. Received mode='both'. Rows are the default.",
    ),
    "orthogonal_matrix": (
        lambda: elman.regularizers.OrthogonalRegularizer()(placeholder("x", (2, 3, 4))),
        "OrthogonalRegularizer: x must be a matrix. Received shape (2, 3, 4). Use L2 for other weights.",
    ),
    "data_format": (
        lambda: layers.Flatten(data_format="sideways", name="f"),
        "Flatten 'f': data_format must be 'channels_last' or 'channels_first'. Received data_format='sideways'.",
    ),
    "reshape": (
        lambda: layers.Reshape((2, -1), name="r")(Input((3,))),
        "Reshape 'r': x must be of 2 numbers times a whole number in each row. Received shape (B, 3): 3 numbers.",
    ),
    "permute": (
        lambda: layers.Permute((0, 1), name="p"),
        "Permute 'p': dims must be each of 1 to 2 once. Received dims=(0, 1). The batch is not counted.",
    ),
    "padding": (
        lambda: layers.ZeroPadding1D((1, -1), name="p"),
        "ZeroPadding1D 'p': padding must be a number of steps from 0, or two of them. Received padding=(1, -1).",
    ),
    # ---- recurrent layers
    "dilations": (
        lambda: layers.DilatedRNN([layers.GRUCell(2)], dilations=[1, 2]),
        "DilatedRNN: dilations must be one number of steps for each of the cells. Received dilations=[1, 2].",
    ),
    "ridge": (
        lambda: ridge_readout(np.zeros((3, 2)), np.zeros((4, 1))),
        "ridge_readout: targets must have (3,) before its last axis, as states. Received shape (4, 1).",
    ),
    "learn_initial_state": (
        lambda: LSTM(2, stateful=True, learn_initial_state=True, name="l"),
        "LSTM 'l': learn_initial_state must be False here. Received learn_initial_state=True: a stateful layer starts "
        "where the last batch ended. Leave it out.",
    ),
    "initial_state_count": (
        lambda: LSTM(2, name="l")(Input((5, 3)), initial_state=[Input((2,))]),
        "LSTM 'l': initial_state must be a list of 2 states of sizes (2, 2). Received initial_state=1.",
    ),
    "initial_state_shape": (
        lambda: layers.GRU(2, name="g")(Input((5, 3)), initial_state=Input((4,))),
        "GRU 'g': initial_state[0] must have shape (B, 2). Received shape (B, 4). One row for each row of x.",
    ),
    "step": (
        lambda: layers.RNN(OneState())(Input((5, 3))),
        "step must be a function that returns (output, state 1). Received step='Tensor'. A step returns its output",
    ),
    "wrapped": (
        lambda: layers.ResidualWrapper(layers.GRU(3), name="r"),
        "ResidualWrapper 'r': layer must be a recurrent layer over (B, T, F) with return_sequences=True.",
    ),
    "wrapped_units": (
        lambda: layers.ResidualWrapper(layers.GRU(2, return_sequences=True), name="r")(Input((5, 3))),
        "ResidualWrapper 'r': layer must have as many outputs as x has features, 3. Received shape (B, 5, 2).",
    ),
    # ---- losses and metrics
    "target_rank": (
        lambda: losses.MeanSquaredError()(placeholder("y", (4, 2, 3)), placeholder("p", (4, 2))),
        "mean_squared_error: y_true must have the shape of y_pred, (4, 2). Received shape (4, 2, 3). For class numbers",
    ),
    "weight_shape": (
        lambda: losses.MeanSquaredError()(T2, T2, sample_weight=placeholder("w", (5,))),
        "mean_squared_error: sample_weight must be of a shape that fits the values it weighs, (2,). Received shape",
    ),
    "labels": (
        lambda: metrics.AUC(multi_label=True, num_labels=5).updates(T2, T2),
        "auc: num_labels must be the last size of y_pred, 3. Received num_labels=5. Leave it out.",
    ),
    "own_metric": (
        lambda: metrics.serialize(Mine("mine")),
        "metrics.serialize: metric must be one of elman's own to be saved. Received metric='mine'. Pass it",
    ),
    "beta": (
        lambda: metrics.FBetaScore(beta=0.0),
        "fbeta_score: beta must be a finite number above 0. Received beta=0.0. 1 weighs precision and recall alike.",
    ),
    # ---- optimizers and callbacks
    "rate_after_building": (
        lambda: set_rate(built(optimizers.SGD(0.1)), lambda step: 0.1),
        "sgd: learning_rate must be a number, and the optimizer without a schedule, once training has begun.",
    ),
    "segments": (
        lambda: optimizers.SGD(clipnorm=1.0).updates(
            Variable(np.zeros(3), name="w"), placeholder("g", (3,), "float64")
        ),
        "sgd: segments must be given. Received segments=(). clipnorm works on each weight by itself.",
    ),
    "loss_scale": (
        lambda: optimizers.SGD(loss_scale_factor=2.0),
        "sgd: loss_scale_factor must be None. Received loss_scale_factor=2.0. elman computes in float32 and float64",
    ),
    "another_vector": (
        lambda: built(optimizers.SGD()).build(Variable(np.zeros(4), name="w")),
        "sgd: parameters must be the vector of 3 numbers it was built for.",
    ),
    "no_hook": (lambda: LambdaCallback(on_lunch=print), "LambdaCallback: arguments must be hooks (on_train_begin"),
    "plateau": (
        lambda: ReduceLROnPlateau(factor=1.0),
        "ReduceLROnPlateau: factor must be in [0, 1). Received factor=1.0. 0.1 divides the rate by ten.",
    ),
    "backup": (
        lambda: BackupAndRestore("x", save_freq=5),  # type: ignore[arg-type]
        "BackupAndRestore: save_freq must be 'epoch'. Received save_freq=5. Leave it out.",
    ),
    # ---- models and their data
    "no_inputs": (
        lambda: Model(name="m"),
        "Model 'm': inputs and outputs must be given. Received inputs and outputs=None",
    ),
    "no_layer": (
        lambda: Sequential([Input((3,)), 5], name="m"),
        "Sequential 'm': layer must be a Layer. Received dtype int. Pass an instance such as Dense(8).",
    ),
    "custom_objects": (
        lambda: elman.models.model_from_json("{}", custom_objects={"a": 1}),
        "model_from_json: custom_objects must be None.",
    ),
    "ragged_features": (
        lambda: open_time().predict([SEQUENCES[0], SEQUENCES[1, :2, :2]], verbose=0),
        "x must be of sequences with equal features. Received x=[(2,), (3,)]. Give every sequence the same features.",
    ),
    "big_index": (
        lambda: Sequential([Input((None,), dtype="int32"), layers.Embedding(9, 2)]).predict(
            np.array([[1, 2**40]]), verbose=0
        ),
        "must be within int32. Received",
    ),
    "losses_count": (
        lambda: fitted(two_outputs(["mse", "mse", "mse"])),
        "loss must have one entry for each of 2 outputs. Received loss=['mse', 'mse', 'mse']. Outputs: a, b.",
    ),
    "missing_target": (
        lambda: fitted(two_outputs(), y={"a": np.zeros(4, np.float32)}),
        "must be given. Received y['b']=None. This output has a loss.",
    ),
    "noise_shape": (
        lambda: traced(layers.Dropout(0.5, noise_shape=(1,), name="d")),
        "Dropout 'd': noise_shape must have one size for each axis of x, (B, 3). Received shape (1,). Use None where",
    ),
    "uneven_rows": (
        lambda: open_time().predict([SEQUENCES[0], SEQUENCES[1, :, :2]], verbose=0),
        "Sequential 'm': x must be an array. Received x='list': setting an array element with a sequence.",
    ),
    "loaded_weights": (
        lambda: saved(Sequential([Input((3,)), Dense(2), Dense(2)], name="other"), dense().load_weights),
        "Sequential 'm': weights must be the 2 of this model. Received weights=4: ",
    ),
    "weights_are_no_model": (
        lambda: saved(dense(), load_model, weights_alone=True),
        "load_model: path must be a whole model. Received path=",
    ),
    "run_eagerly": (
        lambda: dense(run_eagerly=True),
        "Sequential 'm': run_eagerly must be False. Received run_eagerly=True. ELMAN_EXECUTOR=reference runs "
        "operator by operator.",
    ),
    "steps_per_execution": (
        lambda: dense(steps_per_execution=2),
        "Sequential 'm': steps_per_execution must be 1. Received steps_per_execution=2. Whole epochs run in "
        "one call anyway.",
    ),
    "jit_compile": (
        lambda: dense(jit_compile=False),
        "Sequential 'm': jit_compile must be 'auto' or True. Received jit_compile=False. Plans are always compiled.",
    ),
    "shuffle": (
        lambda: fitted(dense(), shuffle="batch"),
        "Sequential 'm'.fit: shuffle must be True or False. Received shuffle='batch'.",
    ),
    "loss_weights": (
        lambda: dense(loss_weights="a"),
        "Sequential 'm': loss_weights must be a finite number. Received loss_weights='a'.",
    ),
    "loss_weights_nan": (
        lambda: two_outputs().compile("sgd", ["mse", "mse"], loss_weights=[1.0, float("nan")]),
        "Model 'two': loss_weights must be a finite number. Received loss_weights=nan.",
    ),
    "trainable": (
        lambda: setattr(dense(), "trainable", "no"),
        "Sequential 'm': trainable must be True or False. Received trainable='no'.",
    ),
    "unreadable": (unreadable, "its architecture cannot be read (KeyError: 'layers'). Save it again."),
    "operator_between_layers": (
        lambda: looped().save("never_written.safetensors"),
        "Model 'm': operators between layers must be without loops and loose variables to be saved. Received "
        "operators between layers='Scan'. Put it into a layer of your own, decorated with "
        "@elman.layers.register.",
    ),
    "rate_on_a_schedule": (
        lambda: fitted(
            dense(optimizer=optimizers.SGD(lambda step: 0.1)),
            callbacks=[ReduceLROnPlateau(monitor="loss", patience=0, min_delta=9.0)],
            epochs=3,
        ),
        "sgd: learning_rate must be a number, and the optimizer without a schedule, once training has begun. "
        "Received learning_rate=0.010000000000000002: the optimizer's schedule is in charge. Make a new "
        "optimizer and compile() again.",
    ),
    "too_short": (
        lambda: first_steps().predict(SEQUENCES[:, :2], verbose=0),
        "Slice: range must be inside an axis of size 2. Received start 0, length 4. The sequence is shorter "
        "than the model needs.",
    ),
    "sampling_without_tokens": (
        lambda: fitted(dense(scheduled_sampling=0.5)),
        "Sequential 'm': scheduled_sampling must be left out of a model without one output (B, T, V). "
        "Received scheduled_sampling='(B, 2)'. It is for models that predict the next token.",
    ),
    "looking_ahead": (
        lambda: fitted(both_ways(), SEQUENCES, SEQUENCES, truncate=2),
        "Sequential 'm'.fit: model must be made of layers that need the steps so far alone. Received "
        "model=\"Bidirectional 'b'\": it reads the sequence from its end, too, which a stream has "
        "not reached. Call predict on the whole sequence, or train a model that looks back alone.",
    ),
    "quantize_mode": (
        lambda: dense().quantize("int4"),
        "Sequential 'm'.quantize: mode must be 'int8'. Received mode='int4'. For bfloat16 see dtype='mixed_bfloat16'.",
    ),
    "weights_of_a_quantized": (
        lambda: saved(wide(quantized=True), lambda path: wide(quantized=False).load_weights(path, skip_mismatch=True)),
        "Sequential 'm': weight 'd/kernel' must be of type float32. Received weight 'd/kernel'='int8'. A "
        "quantized model takes the weights of one: quantize the other, too.",
    ),
    # ---- streams
    "stream_lengths": (
        lambda: two_streams().feed([np.zeros((2, 3)), np.zeros((3, 3))]),
        "Model 'm'.stream: x must be of one length in all inputs. Received 2, 3. Cut them alike.",
    ),
    "stream_names": (
        lambda: two_streams().step({"a": np.zeros(3), "c": np.zeros(3)}),
        "Model 'm'.stream: x must be a dict of ['a', 'b']. Received x=['a', 'c']. Name every input.",
    ),
    "stream_bound": (
        lambda: two_streams().bound(),
        "Model 'm'.stream: model must have one input and one output. Received model='2 and 1'. Use step.",
    ),
    "stream_weights": (
        lambda: lstm_stream().load_state(lstm_stream().save_state()),
        "Sequential 's'.stream: state must be of a model with these weights. Received state=",
    ),
    "stream_without_time": (
        lambda: dense().stream(),
        "model must have inputs of shape (B, T, F), or (B, T) of indices. Received model='(B, 3)'. A stream",
    ),
    "stream_without_memory": (
        lambda: Sequential([Input((None, 3)), Dense(2)], name="m").stream(),
        "model must have a recurrent layer or a causal convolution that reads its input. Received model='none'. Call ",
    ),
    "stream_state_type": (
        lambda: lstm_stream().load_state("text"),
        "state must be bytes. Received state='str'. Pass what",
    ),
    "stream_state_batch": (
        lambda: lstm_stream(batch=2).load_state(lstm_stream(batch=1).save_state()),
        "Use model.stream(batch=1) of the model that saved it.",
    ),
    # ---- forecasts
    "forecast_rate": (
        lambda: forecaster(learning_rate=0.0).fit(np.arange(30.0)),
        "Forecaster: learning_rate must be a finite number above 0. Received learning_rate=0.0.",
    ),
    "forecast_validation": (
        lambda: forecaster(validation=1.5).fit(np.arange(30.0)),
        "Forecaster: validation must be a share below 1 or a number of rows. Received validation=1.5.",
    ),
    "forecast_rank": (
        lambda: forecaster().fit(np.zeros((3, 4, 5))),
        "Forecaster.fit: data must have shape (N,) or (N, channels). Received shape (3, 4, 5).",
    ),
    "forecast_named_column": (
        lambda: forecaster().fit(np.arange(30.0), time="month"),
        "Forecaster.fit: data must be a table where columns are named. Received data='array'. Pass a DataFrame.",
    ),
    "forecast_words": (
        lambda: forecaster().fit(np.array(["a", "b", "c"])),
        "Forecaster.fit: data must be numeric. Received",
    ),
    "forecast_rows": (
        lambda: forecaster(window=8, horizon=4, validation=4).fit(np.arange(14.0)),
        "Forecaster: training rows must be at least 12. Received training rows=10: of 14 rows 4 are for validation",
    ),
}
"""A call, and what it must say, or the beginning of it."""


@pytest.mark.parametrize("name", ROWS)
def test_a_message_says_what_is_wrong_and_what_to_do(name: str) -> None:
    call, text = ROWS[name]
    with pytest.raises(ElmanError, match=re.escape(text)):
        call()


def test_an_instruction_set_that_this_cpu_lacks(monkeypatch: pytest.MonkeyPatch) -> None:
    extension = pytest.importorskip("elman._native")
    monkeypatch.setattr(extension, "isa_supported", lambda isa: isa == 0)  # as on a machine without AVX2
    monkeypatch.setenv("ELMAN_ISA", "avx512")
    text = "native: ELMAN_ISA must be an instruction set of this CPU (baseline). Received ELMAN_ISA='avx512'. Unset it"
    with pytest.raises(ElmanError, match=re.escape(text)):
        importlib.import_module("elman.executors.native").chosen_isa()
