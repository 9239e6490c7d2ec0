"""The loop: the order of rows, pauses, Ctrl-C, and how little Python runs."""

from __future__ import annotations

import gc
import os
import re
import signal
import threading
from typing import Any

import numpy as np
import pytest

from elman.errors import DivergenceError
from elman.layers import Dense, Input
from elman.models import Sequential
from elman.optimizers import SGD
from elman.training.callbacks import Callback, LambdaCallback
from elman.training.measure import Pace
from elman.training.order import Shuffler
from tests.tolerances import assert_close


def model() -> Sequential:
    made = Sequential([Input((2,)), Dense(1)], seed=5)
    made.compile("sgd", "mse")
    return made


X = np.arange(40, dtype=np.float32).reshape(20, 2) / 40
Y = X.sum(1)


def test_the_order_is_a_permutation_that_depends_on_seed_and_epoch_alone() -> None:
    shuffle = Shuffler(3)
    orders = [shuffle(e, 100) for e in (0, 1, 0)]
    for order in orders:
        assert sorted(order.tolist()) == list(range(100))
    np.testing.assert_array_equal(orders[0], orders[2])
    assert not np.array_equal(orders[0], orders[1])
    assert not np.array_equal(orders[0], Shuffler(4)(0, 100))


def test_the_order_is_the_same_on_every_machine() -> None:
    """Written-out numbers: a change of NumPy or of the recipe would change every seeded result."""
    assert Shuffler(7)(2, 8).tolist() == [0, 1, 3, 6, 7, 5, 2, 4]


def test_all_places_are_equally_likely() -> None:
    shuffle = Shuffler(0)
    first = np.array([shuffle(e, 4)[0] for e in range(2000)])
    counts = np.bincount(first, minlength=4)
    assert np.abs(counts - 500).max() < 100


def test_the_pace_follows_the_clock() -> None:
    pace = Pace()
    pace.learn(10, 1.0)
    assert pace.batches == 1
    pace.learn(1000, 0.05)
    assert pace.batches == 1000


def test_an_epoch_is_one_call_of_the_plan_and_short_epochs_together_are_one(monkeypatch: pytest.MonkeyPatch) -> None:
    class Acts(Callback):
        def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
            pass

    made = model()
    made.fit(X, Y, batch_size=4, verbose=0)
    plan = made.make_steps().train(made._adapter.data_set(X, Y).signature)
    calls: list[Any] = []
    run, run_epochs = plan.run_batches, plan.run_epochs
    monkeypatch.setattr(plan, "run_batches", lambda *a: calls.append(len(a[1])) or run(*a), raising=False)
    monkeypatch.setattr(plan, "run_epochs", lambda *a: calls.append(a[1].shape) or run_epochs(*a), raising=False)
    made.fit(X, Y, batch_size=4, epochs=5, verbose=0, callbacks=[Acts()])
    assert calls == [20] * 5
    calls.clear()
    monkeypatch.setattr(Pace, "learn", lambda self, *_: setattr(self, "batches", 15))
    made.fit(X, Y, batch_size=4, epochs=8, verbose=0)
    assert calls == [20, (3, 20), (3, 20), 20]


@pytest.mark.parametrize("executor", ["native", "reference"])
def test_short_epochs_together_give_the_bits_of_each_alone(executor: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ELMAN_EXECUTOR", executor)
    monkeypatch.setattr(Pace, "learn", lambda self, *_: setattr(self, "batches", 100))
    together, alone = model(), model()
    alone.set_weights(together.get_weights())
    for made, callbacks in ((together, []), (alone, [LambdaCallback(on_epoch_end=lambda *_: None)])):
        made.compile("adam", "mse", metrics=["mae"])
        made.fit(X, Y, batch_size=3, epochs=9, steps_per_epoch=5, verbose=0, callbacks=callbacks)
    assert together.history.history == alone.history.history
    assert together.history.epoch == list(range(9))
    np.testing.assert_array_equal(together.get_weights()[0], alone.get_weights()[0])


def test_divergence_among_epochs_that_go_together_is_placed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Pace, "learn", lambda self, *_: setattr(self, "batches", 1000))
    made = model()
    made.compile(SGD(8.0), "mse")
    with pytest.raises(DivergenceError, match=r"step \d of epoch \d+, both from 0") as caught:
        made.fit(X, Y, batch_size=4, epochs=200, verbose=0)
    epoch = int(re.search(r"of epoch (\d+)", str(caught.value)).group(1))
    assert made.history.epoch == list(range(epoch))
    assert epoch > 1
    assert np.isfinite(made.get_weights()[0]).all()


def test_ctrl_c_among_epochs_that_go_together_keeps_what_was_done(monkeypatch: pytest.MonkeyPatch) -> None:
    made = model()
    made.fit(X, Y, batch_size=4, verbose=0)
    monkeypatch.setattr(Pace, "learn", lambda self, *_: setattr(self, "batches", 50_000))
    gc.collect()  # a signal that comes while Python tidies up is lost
    threading.Timer(0.02, lambda: os.kill(os.getpid(), signal.SIGINT)).start()
    with pytest.raises(KeyboardInterrupt):
        made.fit(X, Y, batch_size=4, epochs=10_000_000, verbose=0)
    taken = int(made.counters().step.value) - 5
    assert len(made.history.epoch) == taken // 5 > 0
    assert np.isfinite(made.history.history["loss"]).all()


def test_the_epoch_loss_is_the_mean_over_rows() -> None:
    made = model()
    made.optimizer.learning_rate = 0.0
    expected = np.mean((made.predict(X, verbose=0)[:, 0] - Y) ** 2)
    found = made.fit(X, Y, batch_size=7, verbose=0).history["loss"][0]
    assert_close(found, expected, len(X), dtype=np.float32)
    assert_close(made.evaluate(X, Y, batch_size=3, verbose=0), expected, len(X), dtype=np.float32)


def test_step_by_step_gives_the_bits_of_whole_epochs() -> None:
    class Nothing(Callback):
        def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
            pass

    a, b = model(), model()
    b.set_weights(a.get_weights())
    first = a.fit(X, Y, batch_size=3, epochs=3, verbose=0).history
    second = b.fit(X, Y, batch_size=3, epochs=3, verbose=0, callbacks=[Nothing()]).history
    assert first == second
    for v, w in zip(a.get_weights(), b.get_weights(), strict=True):
        np.testing.assert_array_equal(v, w)


class Interrupts(Callback):
    """Ctrl-C after a number of batches."""

    def __init__(self, batches: int) -> None:
        super().__init__()
        self.left = batches
        self.ended = False

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        self.left -= 1
        if self.left == 0:
            raise KeyboardInterrupt

    def on_train_end(self, logs: Any = None) -> None:
        self.ended = True


def test_ctrl_c_leaves_a_usable_model() -> None:
    made, interrupts = model(), Interrupts(12)
    with pytest.raises(KeyboardInterrupt):
        made.fit(X, Y, batch_size=4, epochs=9, verbose=0, callbacks=[interrupts])
    assert interrupts.ended
    assert made.history.epoch == [0, 1]
    assert int(made.counters().step.value) == 12
    assert np.isfinite(made.predict(X, verbose=0)).all()
    made.fit(X, Y, verbose=0)


def test_no_epochs_train_nothing() -> None:
    made = model()
    before = made.get_weights()
    assert made.fit(X, Y, epochs=0, verbose=0).history == {}
    np.testing.assert_array_equal(before[0], made.get_weights()[0])


def test_later_epochs_go_on_where_earlier_ones_stopped() -> None:
    whole, parts = model(), model()
    parts.set_weights(whole.get_weights())
    whole.fit(X, Y, epochs=5, batch_size=4, verbose=0)
    parts.fit(X, Y, epochs=2, batch_size=4, verbose=0)
    history = parts.fit(X, Y, epochs=5, initial_epoch=2, batch_size=4, verbose=0)
    assert history.epoch == [2, 3, 4]
    np.testing.assert_array_equal(whole.get_weights()[0], parts.get_weights()[0])
