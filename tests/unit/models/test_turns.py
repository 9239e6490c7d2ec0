"""One thread at a time trains or measures a model, and what a callback measures stays out of the epoch's sums."""

from __future__ import annotations

import copy
import threading
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from elman import Sequential
from elman.callbacks import Callback, LambdaCallback
from elman.errors import ArgumentError
from elman.layers import GRU, Dense, Input

X = np.linspace(-1, 1, 64 * 5 * 2, dtype="float32").reshape(64, 5, 2)
Y = np.ones((64, 1), "float32")
ODD = np.zeros((1, 5, 2), "float32"), np.full((1, 1), 1000, "float32")


def model() -> Sequential:
    made = Sequential([Input((None, 2)), GRU(3), Dense(1)], name="m", seed=1)
    made.set_weights([np.full_like(w, 0.1) for w in made.get_weights()])
    made.compile("sgd", "mse", metrics=["mae"])
    return made


def elsewhere(work: Callable[[], Any]) -> Any:
    """What happens when another thread does it: the result, or the error."""
    found: list[Any] = []

    def run() -> None:
        try:
            found.append(work())
        except Exception as error:
            found.append(error)

    thread = threading.Thread(target=run)
    thread.start()
    thread.join(60)
    return found[0]


WORK: dict[str, Callable[[Sequential], Any]] = {
    "fit": lambda m: m.fit(X, Y, verbose=0),
    "evaluate": lambda m: m.evaluate(X, Y, verbose=0),
    "test_on_batch": lambda m: m.test_on_batch(*ODD),
    "train_on_batch": lambda m: m.train_on_batch(*ODD),
}


@pytest.mark.parametrize("verb", WORK)
def test_another_thread_is_refused_while_one_trains(verb: str) -> None:
    made = model()
    found: list[Any] = []
    asks = LambdaCallback(on_epoch_end=lambda epoch, logs: found.append(elsewhere(lambda: WORK[verb](made))))
    wanted = model().fit(X, Y, epochs=2, verbose=0).history
    assert made.fit(X, Y, epochs=2, verbose=0, callbacks=[asks]).history == wanted
    assert [type(error) for error in found] == [ArgumentError] * 2
    with pytest.raises(ArgumentError, match=r"must be called by one thread at a time\. .*another thread trains"):
        raise found[0]
    assert not isinstance(elsewhere(lambda: WORK[verb](made)), Exception)


def test_a_kept_batch_is_refused_likewise_while_another_thread_trains() -> None:
    made = model()
    made.compile("sgd", "mse")
    made.train_on_batch(*ODD)
    made.train_on_batch(*ODD)
    found: list[Any] = []
    asks = LambdaCallback(on_epoch_end=lambda epoch, logs: found.append(elsewhere(lambda: made.train_on_batch(*ODD))))
    made.fit(X, Y, verbose=0, callbacks=[asks])
    assert isinstance(found[0], ArgumentError)


def test_predictions_and_copies_wait_for_nobody() -> None:
    made = model()
    found: list[Any] = []

    def act(epoch: int, logs: Any) -> None:
        found.append(elsewhere(lambda: made.predict(X, verbose=0)))
        found.append(elsewhere(lambda: copy.deepcopy(made).evaluate(X, Y, verbose=0)))

    made.fit(X, Y, verbose=0, callbacks=[LambdaCallback(on_epoch_end=act)])
    assert found[0].shape == (64, 1)
    assert len(found[1]) == 2


class Within(Callback):
    """Does something in the middle of an epoch."""

    def __init__(self, work: Callable[[Any], Any]) -> None:
        super().__init__()
        self.work, self.given = work, []

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        if batch == 1:
            self.given.append(self.work(self.model))


@pytest.mark.parametrize("verb", ["evaluate", "test_on_batch"])
def test_what_a_callback_measures_stays_out_of_the_epoch(verb: str) -> None:
    work = {"evaluate": lambda m: m.evaluate(*ODD, verbose=0), "test_on_batch": lambda m: m.test_on_batch(*ODD)}[verb]
    arguments = {"batch_size": 16, "shuffle": False, "verbose": 0, "epochs": 2}
    wanted = model().fit(X, Y, **arguments, callbacks=[Within(lambda m: None)]).history
    acts = Within(work)
    assert model().fit(X, Y, **arguments, callbacks=[acts]).history == wanted
    assert acts.given[0][0] > 900_000


def test_a_step_that_a_callback_trains_stays_out_of_the_epoch() -> None:
    made = model()
    made.compile("sgd", "mse")
    made.train_on_batch(X[:1], Y[:1])
    made.train_on_batch(X[:1], Y[:1])
    acts = Within(lambda m: m.train_on_batch(X[:1], Y[:1] * 30))
    history = made.fit(X, Y, batch_size=16, shuffle=False, verbose=0, callbacks=[acts]).history
    assert acts.given[0] > 100
    assert history["loss"][0] < 3
