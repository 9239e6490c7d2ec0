"""RBF, MixtureOfExperts, Highway: what they are for, and what they refuse; and the small layers of images."""

from __future__ import annotations

import numpy as np
import pytest

import elman
from elman import layers
from elman.errors import ArgumentError, ShapeError
from elman.executors import ReferenceExecutor
from elman.graph import Graph
from elman.layers import Input, Mask, tracing
from tests.tolerances import assert_close


def run(inputs, outputs, arrays):
    return ReferenceExecutor().compile(Graph(tuple(inputs), tuple(outputs))).run(arrays).outputs


def test_an_rbf_unit_answers_to_its_centre(rng):
    layer = layers.RBF(3, width=0.5, dtype="float64")
    x = Input((2,), dtype="float64")
    y = layer(x)
    centers = rng.normal(size=(3, 2))
    layer.set_weights([centers, np.zeros(3)])
    points = np.concatenate([centers, rng.normal(size=(4, 2))])
    (found,) = run([x], [y], [points])
    expected = np.exp(-((points[:, None] - centers) ** 2).sum(-1) / (2 * 0.25))
    assert_close(found, expected, 64)
    assert_close(np.diagonal(found[:3]), np.ones(3), 64)


def test_an_rbf_network_solves_xor(rng):
    model = elman.Sequential([Input((2,)), layers.RBF(8), layers.Dense(1, activation="sigmoid")])
    model.compile(elman.optimizers.Adam(0.05), "binary_crossentropy")
    x = np.array([[0, 0], [0, 1], [1, 0], [1, 1]], "float32") * 2 - 1
    y = np.array([[0], [1], [1], [0]], "float32")
    model.fit(x, y, epochs=300, verbose=0)
    np.testing.assert_array_equal(model.predict(x) > 0.5, y > 0.5)


def test_a_mixture_is_the_gates_mean_of_its_experts(rng):
    experts = [layers.Dense(3), layers.Dense(3, activation="tanh")]
    layer = layers.MixtureOfExperts(experts)
    x = Input((4,))
    y = layer(x)
    shares = layers.Softmax()(layer.gate(x))
    g, a, b, found = run([x], [shares, experts[0](x), experts[1](x), y], [rng.normal(size=(5, 4)).astype("float32")])
    assert_close(found, g[:, :1] * a + g[:, 1:] * b, 16)


def test_experts_share_a_task_out(rng):
    """|x| is two lines: two linear experts and a gate learn it, one line cannot."""
    model = elman.Sequential([Input((1,)), layers.MixtureOfExperts([layers.Dense(1), layers.Dense(1)])])
    model.compile(elman.optimizers.Adam(0.05), "mse")
    x = rng.uniform(-1, 1, (256, 1)).astype("float32")
    history = model.fit(x, np.abs(x), epochs=60, verbose=0).history["loss"]
    assert history[-1] < 0.01


def test_a_highway_lets_its_input_pass(rng):
    layer = layers.Highway(transform_bias=-50.0)
    x = Input((4,))
    y = layer(x)
    data = rng.normal(size=(3, 4)).astype("float32")
    (found,) = run([x], [y], [data])
    assert_close(found, data, 16)


def test_up_sampling_repeats_steps_and_their_mask():
    x, lengths, values = Input((None, 1)), Input((), dtype="int32"), Input((None,), dtype="bool")
    with tracing(False):
        y = layers.UpSampling1D(2)(x, mask=Mask(lengths=lengths))
        z = layers.UpSampling1D(2)(x, mask=Mask(values=values))
    data = np.arange(3, dtype="float32")[None, :, None]
    found = run([x, lengths, values], [y, y.mask.lengths, z.mask.values], [data, np.int32([2]), data[..., 0] < 2])
    np.testing.assert_array_equal(found[0][0, :, 0], [0, 0, 1, 1, 2, 2])
    np.testing.assert_array_equal(found[1], [4])
    np.testing.assert_array_equal(found[2][0], [True] * 4 + [False] * 2)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: layers.RBF(0), r"units must be a whole number from 1\. Received units=0"),
        (lambda: layers.RBF(3, width=0), r"width must be a finite number above 0\. Received width=0"),
        (lambda: layers.MixtureOfExperts([]), r"experts must have at least one layer\. Received experts=\[\]"),
        (
            lambda: layers.MixtureOfExperts([len]),
            r"experts and gate must be layers\. Received .*For example",
        ),
        (
            lambda: layers.MixtureOfExperts([layers.Dense(2), layers.Dense(3)])(Input((4,))),
            r"experts must be layers that give results of one shape\. Received .*\(B, 2\) and \(B, 3\)\. Match them",
        ),
        (
            lambda: layers.MixtureOfExperts([layers.GRU(2), layers.GRU(2)])(Input((None, 4))),
            r"gate must be a layer that gives 2 numbers for each result of shape \(B, 2\)\. Received",
        ),
        (lambda: layers.UpSampling1D(0), r"size must be a whole number from 1\. Received size=0"),
        (lambda: layers.UpSampling2D((1, 0)), r"size must be a whole number from 1, or two of them\. Received"),
        (lambda: layers.UpSampling2D(interpolation="cubic"), r"interpolation must be 'nearest'\. Received .*smooths"),
        (lambda: layers.ZeroPadding2D((1, 2, 3)), r"padding must be a whole number from 0, two of them, or two pairs"),
        (lambda: layers.Cropping2D(3)(Input((5, 9, 1))), r"x must have at least 6 places along axis 1\. Received"),
        (lambda: layers.DepthwiseConv1D(3, depth_multiplier=0), r"depth_multiplier must be a whole number from 1"),
        (
            lambda: layers.SeparableConv1D(2, 3, strides=2, dilation_rate=2),
            r"dilation_rate must be 1 where strides are not, as in Keras\. Received dilation_rate=2",
        ),
    ],
)
def test_what_is_refused(make, message):
    with pytest.raises((ArgumentError, ShapeError), match=message):
        make()
