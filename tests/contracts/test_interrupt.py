"""Ctrl-C reaches a run that is deep in native code, and leaves the model as it was after the last whole step."""

from __future__ import annotations

import os
import signal
import threading
import time

import numpy as np
import pytest

import elman
from elman.layers import LSTM, Dense, Input

LONG = 20_000  # steps: tens of seconds of work, were it not interrupted


def model() -> elman.Sequential:
    made = elman.Sequential([Input((None, 8)), LSTM(128), Dense(1)])
    made.compile("sgd", "mse")
    return made


def interrupt_soon() -> list[float]:
    """Send SIGINT to this process in a moment; the list gets the time at which it was sent."""
    sent: list[float] = []

    def send() -> None:
        time.sleep(0.3)
        sent.append(time.perf_counter())
        os.kill(os.getpid(), signal.SIGINT)

    threading.Thread(target=send, daemon=True).start()
    return sent


def test_one_long_prediction_can_be_interrupted() -> None:
    made, x = model(), np.zeros((32, LONG, 8), np.float32)
    made.predict(x[:, :3], verbose=0)
    sent = interrupt_soon()
    with pytest.raises(KeyboardInterrupt):
        made.predict(x, verbose=0)
    print(f"answered after {time.perf_counter() - sent[0]:.3f} s")
    assert np.isfinite(made.predict(x[:, :3], verbose=0)).all()


def test_one_long_training_step_can_be_interrupted() -> None:
    made, x, y = model(), np.zeros((16, LONG // 4, 8), np.float32), np.ones((16, 1), np.float32)
    made.train_on_batch(x[:, :3], y)
    before = made.get_weights()
    sent = interrupt_soon()
    with pytest.raises(KeyboardInterrupt):
        made.fit(x, y, batch_size=16, epochs=100, shuffle=False, verbose=0)
    print(f"answered after {time.perf_counter() - sent[0]:.3f} s")
    assert all(np.isfinite(w).all() for w in made.get_weights())
    assert [w.shape for w in made.get_weights()] == [w.shape for w in before]
    assert np.isfinite(made.train_on_batch(x[:, :3], y))
