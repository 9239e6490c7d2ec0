"""Keras 3, on the backend that KERAS_BACKEND names: tensorflow or jax."""

from __future__ import annotations

import functools
import os
from typing import Any

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import keras
import numpy as np
import problems
import speak
from keras.layers import Dense, SimpleRNN
from keras.models import Sequential
from keras_tutorial import Tutorial

LAYERS = {"simple_rnn": keras.layers.SimpleRNN, "gru": keras.layers.GRU, "lstm": keras.layers.LSTM}


def start(seed: int) -> None:
    """Forget what was before."""
    keras.utils.clear_session()
    keras.utils.set_random_seed(seed)


TUTORIAL = Tutorial(Sequential, SimpleRNN, Dense, start, warm_up=20)


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
    jobs = {"tutorial_fit": TUTORIAL.tutorial_fit, "train_on_batch": TUTORIAL.train_on_batch, "rnn": rnn}
    speak.serve(versions, jobs, TUTORIAL.cold)
