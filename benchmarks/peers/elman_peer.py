"""elman, through its public interface, written as the tutorials write Keras."""

from __future__ import annotations

import functools
import time
from typing import Any

import numpy as np
import problems
import series
import speak

import elman
from elman.layers import Dense, SimpleRNN
from elman.models import Sequential

LAYERS = {"simple_rnn": "SimpleRNN", "gru": "GRU", "lstm": "LSTM"}


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
    """Time `fit` of a model that has compiled its plan already, and that compilation apart."""
    elman.set_seed(seed)
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


def train_on_batch(calls: int = 20000) -> dict[str, Any]:
    """Time `train_on_batch` of the tutorial's model."""
    data = series.tutorial()
    model = tutorial_model()
    x, y = data.x_train[: series.BATCH], data.y_train[: series.BATCH]
    for _ in range(200):
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


@functools.lru_cache(maxsize=2)
def layer_model(cell: str, shape: tuple[int, int, int, int], learning_rate: float) -> Any:
    """Return a model of one layer with the problem's weights."""
    given = problems.problem(cell, shape)
    _, steps, features = given.x.shape
    layer = getattr(elman.layers, LAYERS[cell])(given.cotangent.shape[2], return_sequences=True)
    model = elman.Sequential([elman.Input((steps, features)), layer])
    model.compile(loss="mean_squared_error", optimizer=elman.optimizers.SGD(learning_rate))
    model.set_weights([given.kernel, given.recurrent_kernel, given.bias])
    return model


def rnn(cell: str, shape: list[int], mode: str, seconds: float = 0.3) -> dict[str, Any]:
    """Time one recurrent layer.

    A training step here is `train_on_batch`: loss and update come on top of what the peers are asked for.
    With target = output - cotangent * size / 2 the gradient of the mean squared error is the cotangent.
    """
    key = (cell, tuple(shape))
    given = problems.problem(*key)
    model = layer_model(*key, 1.0)
    model.set_weights([given.kernel, given.recurrent_kernel, given.bias])
    y = np.asarray(model.predict_on_batch(given.x))
    if mode == "inference":
        timed = speak.time_calls(lambda: model.predict_on_batch(given.x), seconds)
        return {**timed, "result": problems.fingerprint(y)}
    target = (y - given.cotangent * (y.size / 2)).astype(np.float32)
    before = model.get_weights()
    model.train_on_batch(given.x, target)
    gradients = tuple(old - new for old, new in zip(before, model.get_weights(), strict=True))
    still = layer_model(*key, 0.0)
    timed = speak.time_calls(lambda: still.train_on_batch(given.x, target), seconds)
    return {**timed, "result": problems.fingerprint(y, gradients)}


if __name__ == "__main__":
    versions = {"elman": elman.__version__, "numpy": np.__version__}
    speak.serve(versions, {"tutorial_fit": tutorial_fit, "train_on_batch": train_on_batch, "rnn": rnn}, cold)
