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


Calls = dict[str, Any]
"""For each mode a call that gives outputs and gradients."""


def tensorflow_calls(layer: Any, given: problems.Problem) -> Calls:
    """Compile inference and training of one layer with tf.function."""
    import tensorflow as tf

    x, cotangent = tf.constant(given.x), tf.constant(given.cotangent)
    weights = [weight.value for weight in layer.weights]

    def training(wrt: list[Any]) -> Any:
        @tf.function
        def train() -> Any:
            with tf.GradientTape() as tape:
                tape.watch(x)
                y = layer(x)
                total = tf.reduce_sum(y * cotangent)
            return y, tape.gradient(total, wrt)

        return train

    inference = tf.function(lambda: (layer(x), ()))
    return {"inference": inference, "train": training(weights), "train-dx": training([*weights, x])}


def jax_calls(layer: Any, given: problems.Problem) -> Calls:
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
    both = jax.jit(jax.grad(total, (0, 1), has_aux=True))

    def train() -> Any:
        gradients, y = gradient(weights, x, cotangent)
        return y, [value.block_until_ready() for value in gradients]

    def train_dx() -> Any:
        (to_weights, to_x), y = both(weights, x, cotangent)
        return y, [value.block_until_ready() for value in (*to_weights, to_x)]

    return {"inference": lambda: (infer(weights, x).block_until_ready(), ()), "train": train, "train-dx": train_dx}


@functools.lru_cache(maxsize=1)
def prepare_rnn(cell: str, shape: tuple[int, int, int, int]) -> Calls:
    """Return compiled inference and training of one layer."""
    given = problems.problem(cell, shape)
    layer = LAYERS[cell](shape[3], return_sequences=True)
    layer.build(given.x.shape)
    layer.set_weights([given.kernel, given.recurrent_kernel, given.bias])
    return (tensorflow_calls if keras.backend.backend() == "tensorflow" else jax_calls)(layer, given)


def rnn(cell: str, shape: list[int], mode: str) -> dict[str, Any]:
    """Time one recurrent layer."""
    sizes: Any = tuple(shape)
    call = prepare_rnn(cell, sizes)[mode]
    y, gradients = call()
    result = problems.fingerprint(y, tuple(gradients))
    return {**speak.time_calls(call, **problems.patience(cell, sizes, mode)), "result": result}


if __name__ == "__main__":
    backend = keras.backend.backend()
    versions = {"keras": keras.__version__, backend: __import__(backend).__version__, "numpy": np.__version__}
    jobs = {"tutorial_fit": TUTORIAL.tutorial_fit, "train_on_batch": TUTORIAL.train_on_batch, "rnn": rnn}
    speak.serve(versions, jobs, TUTORIAL.cold)
