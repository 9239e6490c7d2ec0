"""What every callback promises. A new one is a row; no row is exempt from a check."""

from __future__ import annotations

import inspect
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest

from elman import callbacks as door
from elman.callbacks import Callback
from elman.errors import DivergenceError
from elman.layers import Dense, Dropout, Input, set_seed
from elman.models import Sequential
from elman.optimizers import SGD

try:  # here, for its import changes the environment, which a test may not
    import tensorboardX as tensorboard
except ImportError:
    tensorboard = None

X = np.linspace(-1, 1, 24, dtype=np.float32).reshape(12, 2)
Y = X.sum(1)


class Case(NamedTuple):
    """A callback that finds no reason to act, made in a folder of its own."""

    class_name: str
    make: Callable[[Path], Callback]


CASES = [
    Case("BackupAndRestore", lambda d: door.BackupAndRestore(d / "backup", delete_checkpoint=False)),
    Case("CSVLogger", lambda d: door.CSVLogger(d / "log.csv")),
    Case("Callback", lambda d: door.Callback()),
    Case("EarlyStopping", lambda d: door.EarlyStopping("loss", patience=99)),
    Case("History", lambda d: door.History()),
    Case("LambdaCallback", lambda d: door.LambdaCallback(on_epoch_end=lambda epoch, logs: None)),
    Case("LearningRateScheduler", lambda d: door.LearningRateScheduler(lambda epoch, rate: rate)),
    Case("ModelCheckpoint", lambda d: door.ModelCheckpoint(d / "{epoch}.safetensors", "loss")),
    Case("ProgressBar", lambda d: door.ProgressBar(2)),
    Case("ReduceLROnPlateau", lambda d: door.ReduceLROnPlateau("loss", patience=99)),
    Case("TerminateOnNaN", lambda d: door.TerminateOnNaN()),
    *([Case("TensorBoard", lambda d: door.TensorBoard(d / "board"))] if tensorboard else []),
]

every_case = pytest.mark.parametrize("case", CASES, ids=[case.class_name for case in CASES])


def model(rate: float = 0.1) -> Sequential:
    set_seed(1)
    made = Sequential([Input((2,)), Dense(4, activation="tanh"), Dropout(0.2), Dense(1)], seed=1)
    made.compile(SGD(rate, momentum=0.5), "mse", metrics=["mae"])
    return made


def fit(made: Sequential, callback: Callback | None, **options: Any) -> dict[str, list[float]]:
    told = {"epochs": 3, "batch_size": 5, "verbose": 0, "validation_data": (X, Y), **options}
    history = made.fit(X, Y, callbacks=[callback] if callback else None, **told).history
    return {name: values for name, values in history.items() if name != "learning_rate"}  # told, where it may change


def test_the_table_has_every_callback() -> None:
    public = {n for n in door.__all__ if inspect.isclass(getattr(door, n)) and issubclass(getattr(door, n), Callback)}
    assert public - {case.class_name for case in CASES} <= ({"TensorBoard"} if tensorboard is None else set())


@every_case
def test_what_has_no_reason_to_act_changes_no_bit(case, tmp_path) -> None:
    plain, watched = model(), model()
    assert fit(watched, case.make(tmp_path)) == fit(plain, None)
    for a, b in zip(watched.get_weights(), plain.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)


@every_case
def test_it_is_given_the_model_and_what_fit_was_told(case, tmp_path) -> None:
    made, callback = model(), case.make(tmp_path)
    fit(made, callback)
    assert callback.model is made
    assert callback.params["epochs"] == 3
    assert callback.params["steps"] == 3


@every_case
def test_a_second_fit_is_as_the_first(case, tmp_path) -> None:
    """A callback forgets the run before; one that restores it, from its file, shows the same epochs."""
    callback = case.make(tmp_path)
    fit(model(), callback)
    again, plain = model(), model()
    expected = fit(plain, None)
    found = fit(again, callback)
    assert {name: values[-3:] for name, values in found.items()} == expected


@every_case
def test_it_may_watch_evaluation_and_prediction(case, tmp_path) -> None:
    made, callback = model(), case.make(tmp_path)
    expected = made.evaluate(X, Y, verbose=0), made.predict(X, verbose=0)
    assert made.evaluate(X, Y, verbose=0, callbacks=[callback]) == expected[0]
    np.testing.assert_array_equal(made.predict(X, verbose=0, callbacks=[callback]), expected[1])


@every_case
def test_it_lets_go_when_training_diverges(case, tmp_path) -> None:
    """An open file would be a ResourceWarning, which is an error."""
    made = model(1e30)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        try:
            fit(made, case.make(tmp_path), epochs=20)
        except DivergenceError:
            assert case.class_name != "TerminateOnNaN"
        else:
            assert case.class_name == "TerminateOnNaN"
    assert all(np.isfinite(w).all() for w in made.get_weights())


@every_case
def test_hooks_take_what_they_are_told(case, tmp_path) -> None:
    """Every hook has the arguments of `Callback`'s, by position and by name."""
    callback = case.make(tmp_path)
    for name, hook in inspect.getmembers(Callback, inspect.isfunction):
        if name.startswith("on_"):
            wanted = [p for p in inspect.signature(hook).parameters if p != "self"]
            given = inspect.signature(getattr(callback, name)).parameters
            if case.class_name != "LambdaCallback":
                assert list(given) == wanted, name
