"""Layers without a recurrence: what they refuse, and numbers that can be written out."""

from __future__ import annotations

import json

import numpy as np
import pytest

from elman import layers, ops
from elman.errors import ArgumentError, DataError, ShapeError, UnknownNameError
from elman.graph import Variable
from elman.layers import Input, Mask, tracing
from tests.evaluation import evaluate
from tests.tolerances import assert_close


def test_inputs():
    x = Input(shape=(None, 8), name="sales")
    assert (str(x.shape[1]), x.node.attrs["name"], x.dtype) == ("T", "sales", "float32")
    assert [str(d) for d in Input((None, None, 2)).shape] == ["B", "T", "D2", "2"]
    assert [str(d) for d in Input(batch_shape=(5, "S")).shape] == ["5", "S"]
    assert Input(3).shape[1] == 3
    assert Input((2,), dtype="int64").dtype == "int32"
    made = layers.InputLayer(shape=(None, 2), name="in")
    assert made.placeholder().shape == Input((None, 2)).shape
    assert layers.deserialize(layers.serialize(made)).get_config() == made.get_config()


@pytest.mark.parametrize("kwargs", [{}, {"shape": (1,), "batch_shape": (None, 1)}])
def test_an_input_has_one_shape(kwargs):
    with pytest.raises(ArgumentError, match=r"Input: shape must be given, or batch_shape, not both"):
        Input(**kwargs)


@pytest.mark.parametrize("size", [-1, 2.5, True])
def test_sizes_of_an_input(size):
    with pytest.raises(
        ArgumentError, match=r"Input: shape must be made of whole numbers from 0, names, or None\. Received shape="
    ):
        Input((size,))


def test_sizes_may_be_numbers_of_numpy():
    four = np.int64(4)
    made = [
        layers.LSTM(four), layers.Dense(four), layers.Embedding(four, np.int32(2)), layers.GRUCell(four),
        layers.GRU(4, dropout=np.float32(0.5)),
    ]  # fmt: skip
    for layer in made:
        json.dumps(layer.get_config())
    assert Input(four).shape[1:] == Input((four,)).shape[1:] == (4,)
    one, rate = np.int64(1), np.float32(0.5)
    made = [
        layers.Softmax(one),
        layers.LayerNormalization(one),
        layers.PReLU(shared_axes=one),
        layers.LSTM(4, zoneout=rate),
    ]
    for layer in made:
        layer(Input((3, 4)))
        json.dumps(layer.get_config())
    for wrong in (np.float64(4), np.bool_(True), np.int64(0)):
        with pytest.raises(ArgumentError, match="units must be a whole number from 1"):
            layers.Dense(wrong)


@pytest.mark.parametrize("shape", ["3", 2.5])
def test_a_shape_of_an_input_is_a_tuple(shape):
    for name in ("shape", "batch_shape"):
        with pytest.raises(ArgumentError, match=rf"Input: {name} must be a tuple of sizes\. Received {name}="):
            Input(**{name: shape})


def test_an_embedding_starts_from_a_table_and_refuses_strange_words():
    table = np.arange(6.0).reshape(3, 2)
    layer = layers.Embedding(3, 2, weights=[table])
    x = Input((None,), dtype="int32")
    y = layer(x)
    np.testing.assert_array_equal(evaluate([y], [(x, [[2, 0]])])[0], [[[4, 5], [0, 1]]])
    with pytest.raises(DataError, match=r"index must be between 0 and 2"):
        evaluate([y], [(x, [[0, 3]])])
    with pytest.raises(ArgumentError, match=r"input_dim must be a whole number from 1"):
        layers.Embedding(0, 2)


def test_masking_hides_equal_steps():
    x = Input((None, 2))
    y = layers.Masking(9.0)(x)
    out, mask = evaluate([y, y.mask.tensor(y.shape[1])], [(x, [[[9, 9], [9, 1], [0, 0]]])])
    np.testing.assert_array_equal(mask, [[False, True, True]])
    np.testing.assert_array_equal(out, [[[0, 0], [9, 1], [0, 0]]])


def test_lambda_checks_its_promise_and_carries_a_mask():
    with pytest.raises(ArgumentError, match=r"output_shape must be .*Leave it out: it is traced"):
        layers.Lambda(ops.tanh, output_shape=(3,))(Input((4,)))
    layer = layers.Lambda(lambda x, k: x * k, output_shape=(None, 4), mask=lambda x, mask: mask, arguments={"k": 3.0})
    y = layer(layers.Masking()(Input((None, 4))))
    assert y.mask is not None


def test_dropout_by_noise_shape():
    layer = layers.Dropout(0.5, noise_shape=(None, 1, None))
    x = Input((4, 30))
    with tracing(True, Variable(np.int32(1)), Variable(np.int32(0))):
        y = layer(x)
    (found,) = evaluate([y], [(x, np.ones((6, 4, 30)))])
    assert (found == found[:, :1]).all()
    assert set(np.unique(found)) == {0.0, 2.0}
    with tracing(True), pytest.raises(ShapeError, match=r"noise_shape must have one size for each axis of x"):
        layers.Dropout(0.5, noise_shape=(1, 1))(x)


def test_gaussian_noise_is_normal():
    layer = layers.GaussianNoise(2.0, seed=3)
    x = Input((4000,))
    with tracing(True):
        y = layer(x)
    (found,) = evaluate([y], [(x, np.zeros((4, 4000)))])
    assert abs(found.mean()) < 0.05
    assert abs(found.std() - 2) < 0.05
    assert abs((np.abs(found) < 2).mean() - 0.6827) < 0.02
    assert np.isfinite(found).all()
    with pytest.raises(ArgumentError, match=r"stddev must be a finite number from 0\. Received stddev=-1"):
        layers.GaussianNoise(-1)


def disturbed(layer, values):
    x = Input(values.shape[1:])
    with tracing(True, Variable(np.int32(1)), Variable(np.int32(0))):
        y = layer(x)
    return evaluate([y], [(x, values)])[0]


def test_gaussian_dropout_has_the_mean_and_variance_of_dropout():
    factors = disturbed(layers.GaussianDropout(0.2), np.full((4, 40000), 3.0)) / 3
    assert abs(factors.mean() - 1) < 0.01
    assert abs(factors.std() - 0.5) < 0.01  # sqrt(0.2 / 0.8)
    assert abs((np.abs(factors - 1) < 0.5).mean() - 0.6827) < 0.01
    assert (disturbed(layers.GaussianDropout(0.5), np.zeros((2, 9))) == 0).all()


def test_alpha_dropout_keeps_mean_and_variance():
    given = np.random.default_rng(0).normal(size=(4, 40000))
    found = disturbed(layers.AlphaDropout(0.1), given)
    values, counts = np.unique(found, return_counts=True)
    low = found == values[counts.argmax()]
    assert abs(low.mean() - 0.1) < 0.01
    assert abs(found.mean()) < 0.01
    assert abs(found.std() - 1) < 0.01
    alpha = -1.0507009873554805 * 1.6732632423543772
    a = 1 / np.sqrt(0.9 * (1 + 0.1 * alpha**2))
    assert_close(found, np.where(low, alpha, given) * a - a * 0.1 * alpha, 4)


def test_alpha_dropout_by_noise_shape():
    found = disturbed(layers.AlphaDropout(0.5, noise_shape=(None, 1, None)), np.ones((6, 4, 30)))
    assert (found == found[:, :1]).all()
    assert len(np.unique(found)) == 2
    with tracing(True), pytest.raises(ShapeError, match=r"noise_shape must have one size for each axis of x"):
        layers.AlphaDropout(0.5, noise_shape=(1, 1))(Input((4, 30)))


def test_noise_is_for_training_alone():
    x = Input((3,))
    for layer in (layers.GaussianDropout(0.5), layers.AlphaDropout(0.5), layers.GaussianNoise(1.0)):
        with tracing(False):
            assert layer(x).node is x.node
    for kind in (layers.GaussianDropout, layers.AlphaDropout):
        with pytest.raises(ArgumentError, match=r"rate must be in \[0, 1\)"):
            kind(1.0)
        with tracing(True):
            assert kind(0.0)(x).node is x.node


def test_spatial_dropout_drops_features():
    x = Input((5, 40))
    with tracing(True):
        y = layers.SpatialDropout1D(0.5)(x)
    (found,) = evaluate([y], [(x, np.ones((3, 5, 40)))])
    assert (found == found[:, :1]).all()
    assert (found[:, 0] == 0).any()


def test_pooling_leaves_padding_out():
    x, lengths = Input((None, 1), dtype="float64"), Input((), dtype="int32")
    mask = Mask(lengths=lengths)
    both = [
        layer(x, mask=mask)
        for layer in (layers.GlobalAveragePooling1D(dtype="float64"), layers.GlobalMaxPooling1D(dtype="float64"))
    ]
    data = -np.arange(1.0, 7.0).reshape(2, 3, 1)
    mean, largest = evaluate(both, [(x, data), (lengths, [2, 0])])
    assert mean.tolist() == [[-1.5], [0.0]]
    assert largest.tolist() == [[-1.0], [0.0]]
    with pytest.raises(ArgumentError, match=r"data_format must be 'channels_last'\..*Put Permute\(\(2, 1\)\) before"):
        layers.GlobalMaxPooling1D(data_format="channels_first")


@pytest.mark.parametrize(
    ("make", "error", "text"),
    [
        (lambda: layers.Permute((1, 3)), ArgumentError, r"dims must be each of 1 to 2 once\. Received dims=\(1, 3\)"),
        (lambda: layers.Permute((1,))(Input((2, 3))), ShapeError, r"x must have 1 axes beside the batch"),
        (lambda: layers.Reshape((-1, -1)), ArgumentError, r"target_shape must have one -1 at most"),
        (lambda: layers.Reshape((2, 3))(Input((5,))), ShapeError, r"x must be of 6 numbers in each row.*: 5 numbers"),
        (
            lambda: layers.Reshape((2, -1))(Input((5,))),
            ShapeError,
            r"x must be of 2 numbers times a whole number in each",
        ),
        (lambda: layers.Flatten(data_format="last"), ArgumentError, r"data_format must be 'channels_last' or"),
        (lambda: layers.RepeatVector(0), ArgumentError, r"n must be a whole number from 1"),
        (lambda: layers.RepeatVector(2)(Input((2, 3))), ShapeError, r"x must have shape \(B, F\).*: 1 axis too many"),
        (lambda: layers.ZeroPadding1D((1, 2, 3)), ArgumentError, r"padding must be a number of steps from 0, or two"),
        (lambda: layers.Cropping1D((3, 3))(Input((5, 1))), ShapeError, r"x must have at least 6 steps.*Crop less"),
        (lambda: layers.LayerNormalization(epsilon=0), ArgumentError, r"epsilon must be a finite number above 0"),
        (
            lambda: layers.LayerNormalization(axis=0)(Input((3,))),
            ShapeError,
            r"x must have the axes \[0\], the batch not",
        ),
        (
            lambda: layers.LayerNormalization(axis=1)(Input((None, 3))),
            ShapeError,
            r"gamma must have a shape of known sizes",
        ),
        (lambda: layers.PReLU()(Input((None, 3))), ShapeError, r"alpha must have a shape of known sizes"),
        (
            lambda: layers.ReLU(max_value=-1),
            ArgumentError,
            r"max_value must be a finite number from 0\.",
        ),
        (lambda: layers.Add()(Input((3,))), ArgumentError, r"x must be a list of tensors.*Call Add\(\)\(\[a, b\]\)"),
        (lambda: layers.Subtract()([Input((3,))] * 3), ArgumentError, r"x must be a list of exactly 2 tensors"),
        (lambda: layers.Dot(1)([Input((3,))]), ArgumentError, r"x must be a list of at least 2 tensors"),
        (lambda: layers.Dot(1)([Input((3,)), Input((4,))]), ShapeError, r"x must be of equal size on axes 1 and 1"),
        (lambda: layers.Dot(0)([Input((3,)), Input((3,))]), ArgumentError, r"axes must not be the batch axis"),
        (lambda: layers.Dot("a"), ArgumentError, r"axes must be a whole number"),
        (
            lambda: layers.Concatenate()([Input((2, 3)), Input((3, 3))]),
            ShapeError,
            r"x must be equal in every axis but 2",
        ),
        (lambda: layers.Add()([Input((3,)), Input((3,), batch_size=4)]), ShapeError, r"x must have one batch size"),
        (lambda: layers.Dense(2, lora_rank=4), UnknownNameError, r"Dense: argument must be a known name"),
    ],
)
def test_what_makes_no_sense_is_told(make, error, text):
    with pytest.raises(error, match=text):
        make()


def test_masks_of_several_inputs():
    a, b, n, m = Input((None, 2)), Input((None, 2)), Input((), dtype="int32"), Input((None,), dtype="bool")
    a.mask, b.mask = Mask(lengths=n), Mask(values=m)
    y = layers.Add()([a, b])
    z = layers.Concatenate(axis=1)([a, b])
    both = layers.Add()([a, a])
    plain = Input((None, 2))
    assert layers.Add()([a, plain]).mask is None
    assert layers.Concatenate()([plain, plain]).mask is None
    assert both.mask.lengths is not None
    half = layers.Concatenate(axis=1)([a, plain])
    feeds = [(a, np.zeros((2, 3, 2))), (b, np.zeros((2, 3, 2))), (plain, np.zeros((2, 3, 2)))]
    feeds += [(n, [1, 2]), (m, [[0, 1, 0], [0, 0, 0]])]
    steps = a.shape[1]
    found = evaluate([y.mask.tensor(steps), z.mask.tensor(steps + steps), half.mask.tensor(steps + steps)], feeds)
    assert found[0].tolist() == [[True, True, False], [True, True, False]]
    assert found[1].astype(int).tolist() == [[1, 0, 0, 0, 1, 0], [1, 1, 0, 0, 0, 0]]
    assert found[2].astype(int).tolist() == [[1, 0, 0, 1, 1, 1], [1, 1, 0, 1, 1, 1]]


def test_softmax_hides_what_its_mask_says():
    x, m = Input((3,)), Input((3,), dtype="bool")
    y = layers.Softmax()(x, mask=m)
    (found,) = evaluate([y], [(x, [[1, 1, 5]]), (m, [[1, 1, 0]])])
    assert found.tolist() == [[0.5, 0.5, 0.0]]


@pytest.mark.parametrize("kind", [layers.Softmax, layers.LayerNormalization, layers.BatchNormalization])
def test_time_distributed_counts_axes_from_its_layers_row(kind, rng):
    """Axis 1 of a row (B, F) is the features, not the steps."""
    x, data = Input((2, 3)), rng.normal(size=(1, 2, 3)).astype("float32")
    first, last = (layers.TimeDistributed(kind(axis)) for axis in (1, -1))
    a, b = (evaluate([layer(x)], [(x, data)])[0] for layer in (first, last))
    np.testing.assert_array_equal(a, b)
    assert first.count_params() == last.count_params()


def test_a_layer_as_tutorials_call_it():
    assert layers.LeakyReLU(alpha=0.1).negative_slope == 0.1
    assert layers.Activation("relu")(Input((3,))).node.op == "Relu"
    assert layers.TimeDistributed(layers.Dense(2))(Input((None, 5, 3))).shape[-1] == 2
