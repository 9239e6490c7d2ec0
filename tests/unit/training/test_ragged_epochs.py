"""Short epochs of ragged rows go to the plan together, and everything is as if each had gone alone."""

from __future__ import annotations

import gc
import os
import re
import signal
import threading
from typing import Any

import numpy as np
import pytest

import elman
from elman import layers
from elman.errors import DivergenceError
from elman.executors import native
from elman.executors.base import Run
from elman.optimizers import SGD
from elman.training import measure
from elman.training.callbacks import Callback, LambdaCallback
from elman.training.portions import Portions

RNG = np.random.default_rng(2)
LENGTHS = (3, 1, 40, 0, 7, 7, 23, 2, 40, 11, 5)
X = [RNG.normal(size=(n, 3)).astype("float32") for n in LENGTHS]
Y = RNG.normal(size=(len(X), 1)).astype("float32")
EACH = [RNG.normal(size=(n, 1)).astype("float32") for n in LENGTHS]
needs_native = pytest.mark.skipif(not native.available(), reason="others cut each batch")


def model(optimizer: Any = "adam", steps: bool = False, seed: int = 2) -> elman.Model:
    cell = layers.GRU(4, return_sequences=steps)
    made = elman.Sequential([layers.Input((None, 3)), cell, layers.Dropout(0.2), layers.Dense(1)], seed=seed)
    made.compile(optimizer, "mse", metrics=["mae"])
    return made


def fitted(alone: bool, steps: bool = False, seed: int = 2, **options: Any) -> elman.Model:
    layers.set_seed(1)
    made = model("adam", steps, seed)
    listening = [LambdaCallback(on_epoch_end=lambda *_: None)] if alone else []
    asked = {"batch_size": 4, "epochs": 9, "verbose": 0, "callbacks": listening, **options}
    made.fit(asked.pop("x", X), asked.pop("y", EACH if steps else Y), **asked)
    return made


def assert_same(one: elman.Model, two: elman.Model) -> None:
    assert one.history.history == two.history.history
    assert one.history.epoch == two.history.epoch
    for a, b in zip(one.get_weights(), two.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)


@pytest.fixture(autouse=True)
def pace(monkeypatch: pytest.MonkeyPatch) -> None:
    """After the first call one takes 40 batches, however fast the machine is."""
    monkeypatch.setattr(measure.Pace, "learn", lambda self, *_: setattr(self, "batches", 40))


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch) -> list[tuple[int, int, int | None]]:
    """Epochs of each call of the plan, rows of one, and the steps it did; None: it left them to others."""
    found: list[tuple[int, int, int | None]] = []
    plain = Portions.run_epochs

    def noted(self: Portions, arrays: Any, orders: Any, *rest: Any, **named: Any) -> Run | None:
        run = plain(self, arrays, orders, *rest, **named)
        found.append((*orders.shape, None if run is None else run.steps))
        return run

    monkeypatch.setattr(Portions, "run_epochs", noted)
    return found


@needs_native
def test_short_epochs_are_one_call_unless_somebody_acts_between_them(calls: list[Any]) -> None:
    fitted(alone=False, epochs=20)
    assert calls == [(2, 11, 6), (13, 11, 39), (5, 11, 15)]
    calls.clear()
    fitted(alone=True, epochs=3)
    assert calls == [(1, 11, 3)] * 3
    calls.clear()
    fitted(alone=False, epochs=3, validation_data=(X, Y))
    assert calls == [(1, 11, 3)] * 3


@pytest.mark.parametrize("executor", ["native", "reference"])
@pytest.mark.parametrize(
    "options",
    [{}, {"shuffle": False}, {"batch_size": 32}, {"batch_size": 1}, {"steps_per_epoch": 2}, {"steps": True}],
    ids=str,
)
def test_bits_are_those_of_each_epoch_alone(
    executor: str, options: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ELMAN_EXECUTOR", executor)
    together, alone = (fitted(way, **options) for way in (False, True))
    assert_same(together, alone)
    assert together.history.epoch == list(range(9))
    assert len({*together.history.history["mae"]}) == 9


def test_bits_of_rows_that_must_be_padded() -> None:
    apart = [np.stack([row, row], -1)[..., 0] for row in X]
    assert_same(fitted(False, x=apart), fitted(True))


def diverging(alone: bool) -> tuple[elman.Model, str]:
    layers.set_seed(1)
    made = model(SGD(1.8))
    listening = [LambdaCallback(on_epoch_end=lambda *_: None)] if alone else []
    with pytest.raises(DivergenceError) as caught:
        made.fit(X, Y, batch_size=4, epochs=400, verbose=0, callbacks=listening)
    return made, str(caught.value)


def test_divergence_is_placed_and_leaves_what_it_leaves_in_an_epoch_alone() -> None:
    (together, told), (alone, also) = diverging(False), diverging(True)
    assert told == also
    assert re.search(r"step [12] of epoch \d+, both from 0", told)
    assert together.history.epoch[-1] > 5
    assert_same(together, alone)
    assert np.isfinite(np.concatenate([w.ravel() for w in together.get_weights()])).all()


class StopsAt(Callback):
    """Ctrl-C after so many steps."""

    def __init__(self, steps: int) -> None:
        super().__init__()
        self.left = steps

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        self.left -= 1
        if self.left == 0:
            raise KeyboardInterrupt


def test_ctrl_c_keeps_what_was_done(monkeypatch: pytest.MonkeyPatch) -> None:
    many = 20_000
    monkeypatch.setattr(measure.Pace, "learn", lambda self, *_: setattr(self, "batches", many))
    plain = Portions.run_epochs

    def soon(self: Portions, arrays: Any, orders: Any, *rest: Any, **named: Any) -> Run | None:
        if len(orders) > 100:
            gc.collect()  # a signal that comes while Python tidies up is lost
            threading.Timer(0.02, lambda: os.kill(os.getpid(), signal.SIGINT)).start()
        return plain(self, arrays, orders, *rest, **named)

    monkeypatch.setattr(Portions, "run_epochs", soon)
    layers.set_seed(1)
    made, slow = model(), model()
    slow.set_weights(made.get_weights())
    asked = {"batch_size": 4, "epochs": many, "shuffle": False, "verbose": 0}  # by steps rows meet as they are shuffled
    with pytest.raises(KeyboardInterrupt):
        made.fit(X, Y, **asked)
    taken = int(made.counters().step.value)
    assert 2 < len(made.history.epoch) == taken // 3 < many
    with pytest.raises(KeyboardInterrupt):
        slow.fit(X, Y, callbacks=[StopsAt(taken)], **asked)
    if taken % 3 == 0:  # the slow one stopped before it was told of the end of that epoch
        del made.history.epoch[-1]
        for numbers in made.history.history.values():
            del numbers[-1]
    assert_same(made, slow)


LONG = [RNG.normal(size=(n, 3)).astype("float32") for n in (1, 2, 3, 5, 7, 400, 6, 2)]
"""Of which one needs more memory than the others together."""


@needs_native
@pytest.mark.parametrize(
    ("rows", "options", "first"),
    [
        (LONG, {"shuffle": False}, (2, 8, 2)),
        (LONG[5:] + LONG[:5], {"shuffle": False}, (2, 8, None)),
        (LONG, {"steps_per_epoch": 1, "seed": 2}, (2, 2, 1)),
        (LONG, {"steps_per_epoch": 2, "seed": 4}, (2, 4, 3)),
    ],
    ids=["within an epoch", "at once", "between epochs", "within a later epoch"],
)
def test_epochs_whose_batches_do_not_fit_go_on_alone(
    rows: list[np.ndarray], options: dict[str, Any], first: tuple[Any, ...], monkeypatch: pytest.MonkeyPatch,
    calls: list[Any],
) -> None:  # fmt: skip
    monkeypatch.setenv("ELMAN_MEMORY_LIMIT", "400000")
    told = {"x": rows, "y": Y[:8], "batch_size": 2, **options}
    together = fitted(False, **told)
    assert calls[0] == first
    assert all(epochs == 1 for epochs, *_ in calls[1:])
    assert_same(together, fitted(True, **told))
    assert together.history.epoch == list(range(9))
