"""elman, through its public interface, written as the tutorials write Keras."""

from __future__ import annotations

import functools
from typing import Any

import numpy as np
import problems
import speak
from keras_tutorial import Tutorial

import elman
from elman.layers import Dense, SimpleRNN
from elman.models import Sequential

LAYERS = {"simple_rnn": "SimpleRNN", "gru": "GRU", "lstm": "LSTM"}


TUTORIAL = Tutorial(Sequential, SimpleRNN, Dense, elman.set_seed, warm_up=1300)


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
    jobs = {"tutorial_fit": TUTORIAL.tutorial_fit, "train_on_batch": TUTORIAL.train_on_batch, "rnn": rnn}
    speak.serve(versions, jobs, TUTORIAL.cold)
