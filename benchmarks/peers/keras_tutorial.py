"""The tutorial as its authors write it, in Keras's words: the same program for whoever speaks them."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any, NamedTuple

import series
import speak


class Tutorial(NamedTuple):
    """The tutorial's program in one framework. `start` forgets what was before, and takes a seed."""

    sequential: Any
    simple_rnn: Any
    dense: Any
    start: Callable[[int], None]
    warm_up: int
    """Calls of `train_on_batch` before one is timed."""

    def model(self) -> Any:
        """Build the model."""
        model = self.sequential()
        model.add(self.simple_rnn(units=32, input_shape=(1, series.STEP), activation="relu"))
        model.add(self.dense(8, activation="relu"))
        model.add(self.dense(12, activation="relu"))
        model.add(self.dense(8, activation="relu"))
        model.add(self.dense(1))
        model.compile(loss="mean_squared_error", optimizer="rmsprop")
        return model

    def tutorial_fit(self, seed: int = 0) -> dict[str, Any]:
        """Time `fit` of a model that has compiled its step already, and that compilation apart."""
        self.start(seed)
        data = series.tutorial()
        start = time.perf_counter()
        model = self.model()
        fit(model, data, 1)
        compiled = time.perf_counter()
        history = fit(model, data, series.EPOCHS)
        end = time.perf_counter()
        mse = float(model.evaluate(data.x_train, data.y_train, verbose=0))
        assert len(history.history["loss"]) == series.EPOCHS
        return {"seconds": end - compiled, "compile_seconds": compiled - start, "mse": mse}

    def train_on_batch(self, calls: int = 0) -> dict[str, Any]:
        """Time `train_on_batch`."""
        self.start(0)
        data = series.tutorial()
        model = self.model()
        x, y = data.x_train[: series.BATCH], data.y_train[: series.BATCH]
        for _ in range(self.warm_up):
            model.train_on_batch(x, y)
        return speak.time_loop(lambda: model.train_on_batch(x, y), calls or 15 * self.warm_up)

    def cold(self) -> dict[str, Any]:
        """Do the whole tutorial but the plot."""
        data = series.tutorial()
        model = self.model()
        fit(model, data, series.EPOCHS)
        mse = float(model.evaluate(data.x_train, data.y_train, verbose=0))
        test = float(model.evaluate(data.x_test, data.y_test, verbose=0))
        predicted = model.predict(data.x_test, verbose=0)
        return {"mse": mse, "mse_test": test, "predicted": list(predicted.shape)}


def fit(model: Any, data: series.Split, epochs: int) -> Any:
    """Train as the tutorial does, silently."""
    return model.fit(data.x_train, data.y_train, epochs=epochs, batch_size=series.BATCH, verbose=0)
