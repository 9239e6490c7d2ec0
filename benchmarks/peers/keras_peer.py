"""Keras 3, on the backend that KERAS_BACKEND names: tensorflow or jax."""

from __future__ import annotations

import functools
import os
import time
from typing import Any

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import keras
import numpy as np
import problems
import series
import speak
from keras.layers import Dense, SimpleRNN
from keras.models import Sequential

LAYERS = {"simple_rnn": keras.layers.SimpleRNN, "gru": keras.layers.GRU, "lstm": keras.layers.LSTM}


def tutorial_model() -> Any:
    """Build the tutorial's model as the tutorial does."""
    model = Sequential()
    model.add(SimpleRNN(units=32, input_shape=(1, series.STEP), activation="relu"))
    model.add(Dense(8, activation="relu"))
    model.add(Dense(12, activation="relu"))
    model.add(Dense(8, activation="relu"))
    model.add(Dense(1))
    model.compile(loss="mean_squared_error", optimizer="rmsprop")
    return model


def fit(model: Any, data: series.Split, epochs: int) -> Any:
    """Train as the tutorial does, silently."""
    return model.fit(data.x_train, data.y_train, epochs=epochs, batch_size=series.BATCH, verbose=0)


def tutorial_fit(seed: int = 0) -> dict[str, Any]:
    """Time `fit` of a model that has compiled its step already, and that compilation apart."""
    keras.utils.clear_session()
    keras.utils.set_random_seed(seed)
    data = series.tutorial()
    start = time.perf_counter()
    model = tutorial_model()
    fit(model, data, 1)
    compiled = time.perf_counter()
    history = fit(model, data, series.EPOCHS)
    end = time.perf_counter()
    mse = float(model.evaluate(data.x_train, data.y_train, verbose=0))
    assert len(history.history["loss"]) == series.EPOCHS
    return {"seconds": end - compiled, "compile_seconds": compiled - start, "mse": mse}


def train_on_batch(calls: int = 300) -> dict[str, Any]:
    """Time `train_on_batch` of the tutorial's model."""
    keras.utils.clear_session()
    data = series.tutorial()
    model = tutorial_model()
    x, y = data.x_train[: series.BATCH], data.y_train[: series.BATCH]
    for _ in range(20):
        model.train_on_batch(x, y)
    return speak.time_loop(lambda: model.train_on_batch(x, y), calls)


def cold() -> dict[str, Any]:
    """Do the whole tutorial but the plot."""
    data = series.tutorial()
    model = tutorial_model()
    fit(model, data, series.EPOCHS)
    mse = float(model.evaluate(data.x_train, data.y_train, verbose=0))
    test = float(model.evaluate(data.x_test, data.y_test, verbose=0))
    predicted = model.predict(data.x_test, verbose=0)
    return {"mse": mse, "mse_test": test, "predicted": list(predicted.shape)}


def tensorflow_calls(layer: Any, given: problems.Problem) -> tuple[Any, Any]:
    """Compile inference and training of one layer with tf.function."""
    import tensorflow as tf

    x, cotangent = tf.constant(given.x), tf.constant(given.cotangent)

    @tf.function
    def infer() -> Any:
        return layer(x)

    @tf.function
    def train() -> Any:
        with tf.GradientTape() as tape:
            y = layer(x)
            total = tf.reduce_sum(y * cotangent)
        return y, tape.gradient(total, [weight.value for weight in layer.weights])

    return infer, train


def jax_calls(layer: Any, given: problems.Problem) -> tuple[Any, Any]:
    """Compile inference and training of one layer with jax.jit."""
    import jax

    x, cotangent = jax.numpy.asarray(given.x), jax.numpy.asarray(given.cotangent)
    weights = [weight.value for weight in layer.trainable_variables]
    rest = [weight.value for weight in layer.non_trainable_variables]

    def forward(weights: Any, x: Any) -> Any:
        return layer.stateless_call(weights, rest, x)[0]

    def total(weights: Any, x: Any, cotangent: Any) -> Any:
        y = forward(weights, x)
        return (y * cotangent).sum(), y

    infer, gradient = jax.jit(forward), jax.jit(jax.grad(total, has_aux=True))

    def train() -> Any:
        gradients, y = gradient(weights, x, cotangent)
        return y, [value.block_until_ready() for value in gradients]

    return lambda: infer(weights, x).block_until_ready(), train


@functools.lru_cache(maxsize=1)
def prepare_rnn(cell: str, shape: tuple[int, int, int, int]) -> tuple[Any, Any]:
    """Return compiled inference and training of one layer."""
    given = problems.problem(cell, shape)
    layer = LAYERS[cell](shape[3], return_sequences=True)
    layer.build(given.x.shape)
    layer.set_weights([given.kernel, given.recurrent_kernel, given.bias])
    return (tensorflow_calls if keras.backend.backend() == "tensorflow" else jax_calls)(layer, given)


def rnn(cell: str, shape: list[int], mode: str, seconds: float = 0.3) -> dict[str, Any]:
    """Time one recurrent layer."""
    infer, train = prepare_rnn(cell, tuple(shape))
    if mode == "inference":
        result = problems.fingerprint(infer())
        return {**speak.time_calls(infer, seconds), "result": result}
    y, gradients = train()
    result = problems.fingerprint(y, tuple(gradients))
    return {**speak.time_calls(train, seconds), "result": result}


if __name__ == "__main__":
    backend = keras.backend.backend()
    versions = {"keras": keras.__version__, backend: __import__(backend).__version__, "numpy": np.__version__}
    speak.serve(versions, {"tutorial_fit": tutorial_fit, "train_on_batch": train_on_batch, "rnn": rnn}, cold)
