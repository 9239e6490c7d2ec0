"""Masks through convolution and pooling: padding reaches no real output, and lengths are those a CTC loss needs."""

from __future__ import annotations

import json

import numpy as np
import pytest

import elman
from elman import layers
from elman.errors import ArgumentError, ShapeError
from elman.executors import NativeExecutor, ReferenceExecutor
from elman.graph import Graph
from elman.layers import Input, Mask, tracing
from tests.tolerances import assert_close

LENGTHS = np.array([11, 8, 5, 1, 0], np.int32)

SLIDING = {
    "conv_valid": lambda: layers.Conv1D(3, 3, padding="valid", strides=2),
    "conv_causal": lambda: layers.Conv1D(3, 3, padding="causal", strides=3),
    "conv_dilated": lambda: layers.Conv1D(3, 2, padding="causal", dilation_rate=3),
    "conv_same": lambda: layers.Conv1D(3, 4, padding="same"),
    "max_valid": lambda: layers.MaxPooling1D(3, strides=2),
    "max_same": lambda: layers.MaxPooling1D(3, strides=1, padding="same"),
    "average_valid": lambda: layers.AveragePooling1D(2),
    "average_same": lambda: layers.AveragePooling1D(4, strides=1, padding="same"),
}


def run(inputs, outputs, arrays):
    return ReferenceExecutor().compile(Graph(tuple(inputs), tuple(outputs))).run(arrays).outputs


@pytest.mark.parametrize("name", SLIDING)
def test_a_padded_row_gives_what_it_gives_alone(name, rng):
    layer = SLIDING[name]()
    x, lengths = Input((None, 2), dtype="float64"), Input((), dtype="int32")
    layer.use_dtype("float64")
    with tracing(False):
        padded, alone = layer(x, mask=Mask(lengths=lengths)), layer(x)
    data = rng.normal(size=(5, 11, 2))
    long, left = run([x, lengths], [padded, padded.mask.lengths], [data, LENGTHS])
    assert np.isfinite(long).all()
    for row, n in enumerate(LENGTHS):
        reach = layer.window()[0] if layer.padding == "valid" else 0
        if n < reach:
            assert left[row] == 0
            continue
        (short,) = run([x], [alone], [data[row : row + 1, :n]])
        assert left[row] == short.shape[1]
        assert_close(long[row, : left[row]], short[0], 16)


@pytest.mark.parametrize("name", SLIDING)
def test_a_mask_of_values_is_as_good_as_lengths(name, rng):
    layer = SLIDING[name]()
    x, lengths, values = Input((None, 2)), Input((), dtype="int32"), Input((None,), dtype="bool")
    with tracing(False):
        y, z = layer(x, mask=Mask(lengths=lengths)), layer(x, mask=Mask(values=values))
    masks = [t.mask.tensor(t.shape[1]) for t in (y, z)]
    real = np.arange(11) < LENGTHS[:, None]
    data = rng.normal(size=(5, 11, 2)).astype("float32")
    found = run([x, lengths, values], [y, z, *masks], [data, LENGTHS, real])
    np.testing.assert_array_equal(found[2], found[3])
    np.testing.assert_array_equal(found[0][found[2]], found[1][found[2]])


@pytest.mark.parametrize("make", [layers.MaxPooling2D, lambda: layers.Conv2D(3, 3, padding="same")])
def test_an_image_has_its_mask_along_the_first_axis(make, rng):
    layer = make()
    x, lengths = Input((8, 6, 2)), Input((), dtype="int32")
    with tracing(False):
        y = layer(x, mask=Mask(lengths=lengths))
    data = rng.normal(size=(3, 8, 6, 2)).astype("float32")
    other = np.where(np.arange(8)[:, None, None] < 4, data, 7.0).astype("float32")
    counts = np.array([4, 4, 4], np.int32)
    a, left = run([x, lengths], [y, y.mask.lengths], [data, counts])
    b, _ = run([x, lengths], [y, y.mask.lengths], [other, counts])
    np.testing.assert_array_equal(a[:, : left[0]], b[:, : left[0]])


def test_a_sequence_shorter_than_the_window_is_told_when_the_model_runs():
    x = Input((None, 2))
    graph = Graph((x,), (layers.Conv1D(3, 5)(x),))
    for executor in (ReferenceExecutor(), NativeExecutor()):
        with pytest.raises(ShapeError, match="The sequence is shorter than the model needs"):
            executor.compile(graph).run([np.zeros((2, 3, 2), "float32")])


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: layers.Conv1D(3, 0), r"Conv1D '.*': kernel_size must be a whole number from 1\. Received"),
        (lambda: layers.Conv2D(3, (1, 2, 3)), r"kernel_size must be a whole number from 1, or two of them\. Received"),
        (lambda: layers.Conv2D(3, 2, padding="causal"), r"padding must be one of valid, same\. Received"),
        (lambda: layers.MaxPooling1D(2, padding="causal"), r"padding must be one of valid, same\. Received"),
        (lambda: layers.Conv1D(3, 2, groups=2), r"groups must be a divisor of the 3 filters\. Received groups=2"),
        (
            lambda: layers.Conv1D(3, 2, strides=2, dilation_rate=2),
            r"dilation_rate must be 1 where strides are not, as in Keras\. Received dilation_rate=2\. Choose",
        ),
        (lambda: layers.Conv1D(3, 2, data_format="channels_first"), "data_format must be 'channels_last'"),
        (lambda: layers.ConvLSTM1D(2, 3, stateful=True), r"stateful must be False here\. Received stateful=True"),
        (lambda: layers.ConvLSTM1D(2, 3, padding="causal"), r"padding must be one of valid, same\. Received"),
        (lambda: layers.ConvLSTM1D(2, 1.5), r"kernel_size must be a whole number from 1\. Received kernel_size=1.5"),
        (lambda: layers.ConvLSTM2D(2, (1, 2, 3)), r"kernel_size must be a whole number from 1, or two of them"),
        (
            lambda: layers.ConvLSTM1D(2, 1)(Input((None, 4, 1)), initial_state=[Input((4, 2)), Input((3, 2))]),
            r"initial_state must be two of shape \(B, 4, 2\)\. Received .*h, then c",
        ),
        (lambda: layers.BatchNormalization(epsilon=0), r"epsilon must be a finite number above 0\. Received epsilon=0"),
        (lambda: layers.BatchNormalization(momentum=2), r"momentum must be in \[0, 1\]\. Received momentum=2"),
        (lambda: layers.BatchNormalization(renorm=True), r"renorm must be left as it is: elman does without"),
        (lambda: layers.BatchNormalization(axis=0)(Input((3,))), r"x must have the axis 0, which is not the batch"),
        (lambda: layers.Conv1D(4, 2, groups=2)(Input((4, 3))), r"x must have a number of channels that 2 groups"),
    ],
)  # fmt: skip
def test_what_is_refused(make, message):
    with pytest.raises((ArgumentError, ShapeError), match=message):
        make()


def test_masked_steps_of_a_convolutional_lstm_keep_its_state(rng):
    layer = layers.ConvLSTM1D(2, 2, return_state=True, dtype="float64")
    x, lengths, values = Input((None, 4, 1), dtype="float64"), Input((), dtype="int32"), Input((None,), dtype="bool")
    with tracing(False):
        by_length, by_value, alone = layer(x, mask=Mask(lengths=lengths)), layer(x, mask=Mask(values=values)), layer(x)
    data = rng.normal(size=(2, 5, 4, 1))
    real = np.arange(5) < np.array([[5], [3]])
    found = run([x, lengths, values], [*by_length, *by_value], [data, np.array([5, 3], np.int32), real])
    short = run([x], alone, [data[1:, :3]])
    for a, b, c in zip(found[:3], found[3:], short, strict=True):
        np.testing.assert_array_equal(a, b)
        assert_close(a[1:], c, 32, 5)


def test_batch_normalization_follows_the_data_in_training_and_remembers_it(rng):
    layer = layers.BatchNormalization(momentum=0.5)
    model = elman.Sequential([Input((4,)), layer])
    model.compile("sgd", "mse")
    x = rng.normal(3.0, 2.0, size=(512, 4)).astype("float32")
    model.fit(x, x, epochs=8, batch_size=128, verbose=0)
    assert_close(layer.moving_mean.value, x.mean(0), 10**6)
    y = model.predict(x)
    assert abs(float(y.mean())) < 1.0
    frozen = layer.moving_mean.numpy()
    layer.trainable = False
    model.compile("sgd", "mse")
    model.fit(x, x, epochs=1, verbose=0)
    np.testing.assert_array_equal(layer.moving_mean.value, frozen)


def test_a_convolution_before_a_recurrence_learns(rng):
    """Ragged rows go through strides into a recurrent layer; the mask follows."""
    model = elman.Sequential(
        [Input((None, 1)), layers.Conv1D(8, 4, strides=2, activation="relu"), layers.MaxPooling1D(2), layers.GRU(8),
         layers.Dense(1)]
    )  # fmt: skip
    model.compile("adam", "mse")
    rows = [rng.normal(size=(n, 1)).astype("float32") for n in rng.integers(8, 30, 64)]
    y = np.array([[row.mean()] for row in rows], "float32")
    history = model.fit(rows, y, epochs=12, verbose=0).history["loss"]
    assert history[-1] < history[0]
    alone = np.concatenate([model.predict(row[None]) for row in rows[:5]])
    assert_close(model.predict(rows)[:5], alone, 64, 16)


@pytest.mark.parametrize(
    "kind", [layers.Conv1D, layers.Conv2D, layers.ConvLSTM1D, layers.ConvLSTM2D, layers.SeparableConv1D]
)
def test_sizes_of_numpy_are_sizes(kind):
    found, expected = kind(2, np.int64(3), strides=np.int32(1), name="c"), kind(2, 3, strides=1, name="c")
    assert json.dumps(found.get_config()) == json.dumps(expected.get_config())
