"""What layers, models, losses and metrics give for arrays, outside of any training."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from elman import layers, losses, metrics, ops
from elman.errors import DTypeError
from elman.models import Model, Sequential
from tests.tolerances import assert_close

X = np.random.default_rng(5).normal(size=(3, 6, 2)).astype(np.float32)


def model(*more: Any) -> Sequential:
    return Sequential([layers.Input((6, 2)), layers.LSTM(3), *more, layers.Dense(2, "tanh")])


def test_a_model_on_arrays_has_the_numbers_of_predict() -> None:
    made = model(layers.Dropout(0.5))
    for found in (np.asarray(made(X)), made(X).numpy(), np.stack(list(made(X)))):
        assert_close(found, made.predict(X, verbose=0), 6)
    x = layers.Input((6, 2))
    both = Model(x, {"a": layers.GRU(2)(x), "b": ops.mean(x, 1)})
    assert_close(np.asarray(both(X)["b"]), X.mean(1), 6)


def test_a_layer_on_arrays_has_numbers_and_numpy_takes_them() -> None:
    output, h, c = layers.LSTM(3, return_state=True)(X)
    assert np.allclose(output, h) and not np.allclose(h, c)
    assert np.sum(c).shape == () and np.concatenate([h, c]).shape == (6, 3)
    sums = layers.Dense(1, use_bias=False, kernel_initializer="ones")(X)
    np.testing.assert_array_equal(sums, X.sum(-1, keepdims=True))


def test_in_training_each_call_drops_other_numbers() -> None:
    layers.set_seed(3)
    made = model(layers.Dropout(0.5))
    drawn = [np.asarray(made(X, training=True)) for _ in range(4)]
    assert len({a.tobytes() for a in drawn}) > 1
    layers.set_seed(3)
    again = model(layers.Dropout(0.5))
    np.testing.assert_array_equal(drawn[0], again(X, training=True))


def test_weights_are_read_when_numbers_are_asked_for() -> None:
    layer = layers.Dense(1, kernel_initializer="ones")
    y = layer(X)
    before = y.numpy()
    layer.kernel.assign(layer.kernel.numpy() * 2)
    np.testing.assert_array_equal(y, before * 2)


def test_losses_of_arrays_are_numbers() -> None:
    assert float(losses.MeanSquaredError()([[1.0], [2.0]], [[1.0], [4.0]])) == 2.0
    np.testing.assert_array_equal(losses.mean_absolute_error(np.ones((2, 3)), np.zeros((2, 3))), [1, 1])


def test_there_are_none_behind_an_input_or_while_a_layer_is_traced() -> None:
    with pytest.raises(DTypeError, match=r"NumPy's array: x must be .* predict gives those of a model"):
        np.asarray(model().output)

    class Frozen(layers.Layer):
        def build(self, input_shape: Any) -> None:
            self.w = self.add_weight("w", (2,), "ones")

        def call(self, x: Any) -> Any:
            return x * np.exp(self.w)  # its gradient would be lost

    with pytest.raises(DTypeError, match=r"NumPy's exp: x must be .*Received Variable\('frozen.*/w', "):
        Sequential([layers.Input((2,)), Frozen()])


@pytest.mark.parametrize(
    ("kind", "true"),
    [(metrics.MeanSquaredError, "vector"), (metrics.RootMeanSquaredError, "vector"), (metrics.AUC, "bits")],
)
def test_metrics_take_arrays_and_give_what_evaluate_gives(kind: Any, true: str) -> None:
    y = np.arange(6, dtype=np.float32).reshape(3, 2) if true == "vector" else np.array([[0, 1], [1, 0], [1, 1]])
    made = Sequential([layers.Input((6, 2)), layers.LSTM(3), layers.Dense(2, "sigmoid")])
    made.compile("sgd", "mse", metrics=[kind(name="m")], weighted_metrics=[kind(name="w")])
    weights = np.array([1.0, 2.0, 0.5])
    expected = made.evaluate(X, y, sample_weight=weights, verbose=0, return_dict=True)
    predicted = made.predict(X, verbose=0)
    for name, given in (("m", None), ("w", weights)):
        metric = kind()
        for rows in (slice(0, 2), slice(2, 3)):
            weight = None if given is None else given[rows]
            metric.update_state(y[rows], predicted[rows].tolist(), sample_weight=weight)
        assert_close(np.float32(metric.result()), np.float32(expected[name]), 6)
    metric.reset_state()
    assert metric.result() == 0


def test_means_take_values() -> None:
    mean = metrics.Mean()
    mean.update_state([1.0, 2.0])
    mean.update_state(np.float32([6.0]))
    assert mean.result() == 3.0
