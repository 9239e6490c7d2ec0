"""Every callback, told what a fit would tell it, does what Keras's does."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from elman.errors import ArgumentError, DivergenceError, ElmanWarning, MissingExtraError, UnknownNameError
from elman.layers import Dense, Input, SimpleRNN, set_seed
from elman.metrics import Precision
from elman.models import Sequential, load_model
from elman.optimizers import SGD
from elman.training import callbacks as cb
from tests.tolerances import assert_close

try:  # here, for its import changes the environment, which a test may not
    import tensorboardX as tensorboard
except ImportError:
    tensorboard = None

X = np.linspace(-1, 1, 24, dtype=np.float32).reshape(12, 2)
Y = X.sum(1)


def model(seed: int = 1) -> Sequential:
    made = Sequential([Input((2,)), Dense(1)], seed=seed)
    made.compile(SGD(0.1), "mse")
    return made


class Stub:
    """A model as callbacks see it."""

    def __init__(self) -> None:
        self.stop_training = False
        self.weights = 0
        self.optimizer = SGD(1.0)

    def get_weights(self) -> list[int]:
        return [self.weights]

    def set_weights(self, weights: list[int]) -> None:
        self.weights = weights[0]


def told(callback: cb.Callback, values: list[float], name: str = "val_loss") -> Stub:
    """The model after epochs that gave these values, stopped where the callback stops."""
    stub = Stub()
    callback.set_model(stub)
    callback.on_train_begin(None)
    for epoch, value in enumerate(values):
        callback.on_epoch_begin(epoch, None)
        stub.weights = epoch
        callback.on_epoch_end(epoch, {name: value})
        if stub.stop_training:
            break
    callback.on_train_end({name: values[-1]})
    return stub


# ---- base -----------------------------------------------------------------------------------------------------------


def test_hooks_are_called_in_order() -> None:
    seen: list[str] = []

    class Records(cb.Callback):
        pass

    for hook in [n for n in vars(cb.Callback) if n.startswith("on_") and n != "on_progress"]:
        setattr(Records, hook, lambda self, *a, hook=hook: seen.append(hook))
    model().fit(X, Y, batch_size=6, verbose=0, callbacks=[Records()], validation_data=(X, Y))
    test = ["on_test_begin", *["on_test_batch_begin", "on_test_batch_end"] * 2, "on_test_end"]
    train = ["on_train_begin", "on_epoch_begin", *["on_train_batch_begin", "on_train_batch_end"] * 2]
    assert seen == [*train, *test, "on_epoch_end", "on_train_end"]


def test_batch_logs_are_means_so_far() -> None:
    logs: list[float] = []
    made = model()
    made.optimizer.learning_rate = 0.0
    talk = cb.LambdaCallback(on_train_batch_end=lambda batch, found: logs.append(found["loss"]))
    made.fit(X, Y, batch_size=5, shuffle=False, verbose=0, callbacks=talk)
    errors = (made.predict(X, verbose=0)[:, 0] - Y) ** 2
    assert_close(logs, [errors[:5].mean(), errors[:10].mean(), errors.mean()], len(errors), dtype=np.float32)


def test_stop_training_ends_the_epoch_at_a_batch() -> None:
    made = model()

    class Stops(cb.Callback):
        def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
            self.model.stop_training = batch == 1

    history = made.fit(X, Y, batch_size=4, epochs=9, verbose=0, callbacks=[Stops()])
    assert history.epoch == [0]
    assert int(made.counters().step.value) == 2


def test_what_is_no_callback_is_refused() -> None:
    rule = r"Sequential '.*': callbacks must be Callback objects in a list\. Received callbacks={}\. {}"
    derive, made = r"Derive it from elman\.callbacks\.Callback\.", r"Make one: EarlyStopping\(\)\."
    for wrong, told, cure in [
        (["stop"], "'stop'", derive), ("stop", "'stop'", derive), (3, "3", derive), ([None], "None", derive),
        (cb.EarlyStopping, "<class '.*EarlyStopping'>", made), ([cb.EarlyStopping], "<class '.*EarlyStopping'>", made),
    ]:  # fmt: skip
        for verb in ("fit", "evaluate"):
            with pytest.raises(ArgumentError, match=rule.format(told, cure)):
                getattr(model(), verb)(X, Y, verbose=0, callbacks=wrong)
    for none in (None, [], (), iter([])):
        model().fit(X, Y, verbose=0, callbacks=none)
    with pytest.raises(ArgumentError, match=r"LambdaCallback: arguments must be hooks .*Received arguments='on_epoch'"):
        cb.LambdaCallback(on_epoch=print)


# ---- stopping -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "values", "epoch"),
    [
        ({}, [3, 2, 1, 1, 0], 3),
        ({"patience": 2}, [3, 2, 1, 1, 1, 0], 4),
        ({"patience": 20 / 10}, [3, 2, 1, 1, 1, 0], 4),
        ({"patience": 2, "min_delta": 0.5}, [3, 2.8, 2.6, 2.4], 2),
        ({"mode": "max"}, [1, 2, 1, 3], 2),
        ({"start_from_epoch": 3}, [1, 2, 3, 4, 5], 4),
        ({"baseline": 0.5, "patience": 2}, [3, 2, 2.5, 9], 2),
    ],
)
def test_early_stopping(arguments: dict[str, Any], values: list[float], epoch: int) -> None:
    callback = cb.EarlyStopping(**arguments)
    assert told(callback, values).stop_training
    assert callback.stopped_epoch == epoch


def test_early_stopping_knows_that_more_accuracy_is_better() -> None:
    assert not told(cb.EarlyStopping("val_accuracy"), [0.1, 0.2, 0.3], "val_accuracy").stop_training
    assert told(cb.EarlyStopping("val_accuracy"), [0.3, 0.2], "val_accuracy").stop_training


def test_early_stopping_restores_the_best_weights(capsys: pytest.CaptureFixture[str]) -> None:
    callback = cb.EarlyStopping(patience=2, restore_best_weights=True, verbose=1)
    assert told(callback, [3, 1, 2, 2, 0]).weights == 1
    assert "early stopping" in capsys.readouterr().out
    assert callback.best == 1


def test_epochs_that_are_not_validated_do_not_count(tmp_path: Path) -> None:
    stopping, plateau = cb.EarlyStopping(patience=1, min_delta=1e9), cb.ReduceLROnPlateau(patience=1, min_delta=1e9)
    best = cb.ModelCheckpoint(tmp_path / "{epoch}-{val_loss:.1f}.safetensors", save_best_only=True)
    given = {"validation_data": (X, Y), "validation_freq": 2, "callbacks": [stopping, plateau, best]}
    found = model().fit(X, Y, epochs=9, verbose=0, **given)
    assert found.epoch == [0, 1, 2, 3]  # the first that is validated is the best, the second comes too late
    assert found.history["learning_rate"][-1] == found.history["learning_rate"][0]
    assert {path.name[0] for path in tmp_path.iterdir()} <= {"2", "4"}


def test_a_monitor_that_is_not_logged_is_an_error() -> None:
    text = r"EarlyStopping: monitor must be one of the logged names \(loss\)\. Received monitor='val_loss'\. Pass val"
    with pytest.raises(ArgumentError, match=text):
        model().fit(X, Y, verbose=0, callbacks=[cb.EarlyStopping()])
    with pytest.raises(UnknownNameError, match="mode"):
        cb.EarlyStopping(mode="best")


def test_terminate_on_nan_ends_quietly_with_good_weights(capsys: pytest.CaptureFixture[str]) -> None:
    made = model()
    made.compile(SGD(1e6), "mse")
    with pytest.raises(DivergenceError):
        made.fit(X * 10, Y, epochs=50, verbose=0)
    with pytest.raises(DivergenceError):
        made.fit(X * 10, Y, epochs=50, verbose=0, callbacks=[cb.TerminateOnNaN(raise_error=True)])
    made.fit(X * 10, Y, epochs=50, verbose=0, callbacks=[cb.TerminateOnNaN()])
    assert "Invalid loss, terminating training" in capsys.readouterr().out
    assert all(np.isfinite(w).all() for w in made.get_weights())


# ---- learning rates -------------------------------------------------------------------------------------------------


def test_reduce_on_plateau() -> None:
    callback = cb.ReduceLROnPlateau(factor=0.5, patience=2, cooldown=1, min_lr=0.2)
    rates = []
    stub = Stub()
    callback.set_model(stub)
    callback.on_train_begin()
    for epoch, value in enumerate([1, 1, 1, 1, 1, 1, 1, 1, 1, 1]):
        logs: dict[str, float] = {"val_loss": value}
        before = stub.optimizer.learning_rate
        callback.on_epoch_end(epoch, logs)
        assert logs["learning_rate"] == before  # of the epoch that ended
        rates.append(stub.optimizer.learning_rate)
    assert rates == [1, 1, 0.5, 0.5, 0.25, 0.25, 0.2, 0.2, 0.2, 0.2]
    with pytest.raises(ArgumentError, match=r"factor must be in \[0, 1\)"):
        cb.ReduceLROnPlateau(factor=1.0)


def test_a_schedule_of_epochs_reaches_the_compiled_plan(capsys: pytest.CaptureFixture[str]) -> None:
    made = model()
    made.fit(X, Y, verbose=0)
    before = made.get_weights()[0]
    made.fit(X, Y, verbose=0, callbacks=[cb.LearningRateScheduler(lambda epoch, rate: 0.0, verbose=1)])
    np.testing.assert_array_equal(before, made.get_weights()[0])
    assert "setting learning rate to 0" in capsys.readouterr().out
    made.fit(X, Y, verbose=0, callbacks=[cb.LearningRateScheduler(lambda epoch: 0.1)])
    assert not np.array_equal(before, made.get_weights()[0])
    told = made.fit(X, Y, epochs=3, verbose=0, callbacks=[cb.LearningRateScheduler(lambda epoch: 0.5**epoch)]).history
    assert told["learning_rate"] == [1.0, 0.5, 0.25]
    with pytest.raises(ArgumentError, match="schedule must be a function that gives a number"):
        made.fit(X, Y, verbose=0, callbacks=[cb.LearningRateScheduler(lambda epoch: "slow")])


# ---- files ----------------------------------------------------------------------------------------------------------


def test_checkpoints_have_the_epoch_and_the_loss_in_their_names(tmp_path: Path) -> None:
    made = model()
    path = tmp_path / "run" / "m-{epoch:02d}-{loss:.3f}.safetensors"
    losses = made.fit(X, Y, epochs=2, verbose=0, callbacks=[cb.ModelCheckpoint(path)]).history["loss"]
    names = sorted(p.name for p in (tmp_path / "run").iterdir())
    assert names == [f"m-0{i + 1}-{loss:.3f}.safetensors" for i, loss in enumerate(losses)]
    np.testing.assert_array_equal(load_model(tmp_path / "run" / names[1]).get_weights()[0], made.get_weights()[0])


def test_only_the_best_is_kept(tmp_path: Path) -> None:
    path = tmp_path / "best.safetensors"
    callback = cb.ModelCheckpoint(path, save_best_only=True, save_weights_only=True, monitor="loss")
    made = model()
    callback.set_model(made)
    made.set_weights([np.full((2, 1), 1.0), np.zeros(1)])
    callback.on_epoch_end(0, {"loss": 1.0})
    made.set_weights([np.full((2, 1), 2.0), np.zeros(1)])
    callback.on_epoch_end(1, {"loss": 2.0})
    made.load_weights(path)
    assert made.get_weights()[0][0, 0] == 1.0


def test_checkpoints_every_so_many_batches(tmp_path: Path) -> None:
    callback = cb.ModelCheckpoint(tmp_path / "{epoch}-{batch}.safetensors", save_freq=2)
    model().fit(X, Y, batch_size=4, epochs=2, verbose=0, callbacks=[callback])
    assert sorted(p.stem for p in tmp_path.iterdir()) == ["1-2", "2-1", "2-3"]


def test_a_name_that_is_not_logged_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(ArgumentError, match=r"'val_loss' is not known\. Known names: epoch, loss\."):
        model().fit(X, Y, verbose=0, callbacks=[cb.ModelCheckpoint(tmp_path / "{val_loss}.safetensors")])
    with pytest.raises(ArgumentError, match="save_freq must be a whole number from 1"):
        cb.ModelCheckpoint("x", save_freq="batch")


class Breaks(cb.Callback):
    """A crash in the middle of an epoch."""

    def __init__(self, epoch: int) -> None:
        super().__init__()
        self.epoch, self.now = epoch, 0

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        self.now = epoch

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        if self.now == self.epoch and batch == 1:
            raise RuntimeError("power cut")


def test_backup_goes_on_with_the_same_bits(tmp_path: Path) -> None:
    whole, broken = model(), model()
    broken.set_weights(whole.get_weights())
    start = whole.get_weights()
    expected = whole.fit(X, Y, epochs=5, batch_size=4, verbose=0).history
    backup = cb.BackupAndRestore(tmp_path)
    with pytest.raises(RuntimeError, match="power cut"):
        broken.fit(X, Y, epochs=5, batch_size=4, verbose=0, callbacks=[backup, Breaks(3)])
    again = model(seed=99)
    again.set_weights([np.zeros_like(w) for w in start])
    history = again.fit(X, Y, epochs=5, batch_size=4, verbose=0, callbacks=[cb.BackupAndRestore(tmp_path)])
    assert history.history == expected
    for a, b in zip(whole.get_weights(), again.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)
    assert list(tmp_path.iterdir()) == []


def test_double_backup_keeps_the_file_before_the_last(tmp_path: Path) -> None:
    whole, broken = model(), model()
    broken.set_weights(whole.get_weights())
    expected = whole.fit(X, Y, epochs=5, batch_size=4, verbose=0).history
    backup = cb.BackupAndRestore(tmp_path, double_checkpoint=True)
    with pytest.raises(RuntimeError, match="power cut"):
        broken.fit(X, Y, epochs=5, batch_size=4, verbose=0, callbacks=[backup, Breaks(3)])
    (tmp_path / "backup.safetensors").unlink()  # as if the machine had died between the two
    backup = cb.BackupAndRestore(tmp_path, double_checkpoint=True)
    assert model().fit(X, Y, epochs=5, batch_size=4, verbose=0, callbacks=[backup]).history == expected
    assert list(tmp_path.iterdir()) == []


def test_backup_survives_ctrl_c(tmp_path: Path) -> None:
    class Interrupts(Breaks):
        def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
            if self.now == self.epoch:
                raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        model().fit(X, Y, epochs=5, verbose=0, callbacks=[cb.BackupAndRestore(tmp_path), Interrupts(2)])
    assert [p.name for p in tmp_path.iterdir()] == ["backup.safetensors"]


def test_csv(tmp_path: Path) -> None:
    path = tmp_path / "log.csv"
    made = model()
    first = made.fit(X, Y, epochs=2, verbose=0, callbacks=[cb.CSVLogger(path)]).history["loss"]
    made.fit(X, Y, epochs=1, verbose=0, callbacks=[cb.CSVLogger(path, append=True)])
    rows = list(csv.DictReader(path.read_text().splitlines()))
    assert [row["epoch"] for row in rows] == ["0", "1", "0"]
    assert [float(row["loss"]) for row in rows[:2]] == first


@pytest.mark.skipif(tensorboard is None, reason="the extra 'tensorboard' is not installed")
def test_tensorboard(tmp_path: Path) -> None:
    board = cb.TensorBoard(tmp_path, histogram_freq=1, update_freq=2)
    model().fit(X, Y, epochs=2, batch_size=4, verbose=0, validation_data=(X, Y), callbacks=[board])
    assert sorted(p.name for p in tmp_path.iterdir()) == ["train", "validation"]
    assert all(any(run.iterdir()) for run in tmp_path.iterdir())


def test_tensorboard_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "tensorboardX", None)
    with pytest.raises(MissingExtraError, match=re.escape('pip install "elman[tensorboard]"')):
        cb.TensorBoard()


# ---- progress -------------------------------------------------------------------------------------------------------


def test_one_line_an_epoch(capsys: pytest.CaptureFixture[str]) -> None:
    model().fit(X, Y, batch_size=4, epochs=2, verbose=2, validation_data=(X, Y))
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "Epoch 1/2"
    assert re.fullmatch(r"3/3 - \d+\w+ - \d+\w+/step - loss: [\d.e-]+ - val_loss: [\d.e-]+", lines[1])
    assert len(lines) == 4


def test_no_terminal_no_live_line(capsys: pytest.CaptureFixture[str]) -> None:
    model().fit(X, Y, verbose=1)
    assert "\r" not in capsys.readouterr().out


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_a_live_line_on_a_terminal() -> None:
    screen = Terminal()
    bar = cb.ProgressBar(1, 3, screen)
    bar.set_params({"epochs": 1})
    bar.on_epoch_begin(0)
    bar.on_progress(2)
    bar.on_progress(3)
    bar.on_epoch_end(0, {"loss": 0.25})
    text = screen.getvalue()
    assert text.startswith("Epoch 1/1\n\r2/3 ━━━━━━━━━━━━━───────")
    assert re.search(r"\r3/3 ━{20} \d+ms \d+us/step - loss: 0\.2500\s*\n$", text)


CLASSES = np.eye(3, dtype=np.float32)[np.arange(12) % 3]


def classifier(*metrics: Any) -> Sequential:
    set_seed(1)
    made = Sequential([Input((2,)), Dense(3, "softmax")])
    made.compile(SGD(0.1), "categorical_crossentropy", metrics=list(metrics))
    return made


def test_a_metric_of_several_numbers_is_a_list_in_all_that_is_reported(tmp_path: Path, capsys: Any) -> None:
    made = classifier("f1_score", Precision(thresholds=[0.3, 0.6], name="precision"))
    backup, table = cb.BackupAndRestore(tmp_path / "kept"), tmp_path / "epochs.csv"
    found = made.fit(X, CLASSES, epochs=2, validation_data=(X, CLASSES), callbacks=[backup, cb.CSVLogger(table)])
    loss, each_class, each_threshold = made.evaluate(X, CLASSES, verbose=0)
    assert found.history["val_f1_score"][-1] == each_class and len(each_class) == 3
    assert found.history["val_precision"][-1] == each_threshold and len(each_threshold) == 2
    assert np.shape(found.history["f1_score"]) == (2, 3)
    assert made.evaluate(X, CLASSES, verbose=0, return_dict=True) == {
        "loss": loss, "f1_score": each_class, "precision": each_threshold,
    }  # fmt: skip
    assert made.test_on_batch(X, CLASSES)[1] == each_class
    shown = " ".join(f"{value:.4f}" for value in each_class)
    assert f" - val_f1_score: [{shown}]" in capsys.readouterr().out
    with table.open() as file:
        assert list(csv.DictReader(file))[-1]["val_f1_score"] == str(each_class)


def test_of_several_numbers_none_is_monitored_or_named() -> None:
    made = classifier("f1_score")
    with pytest.raises(ArgumentError, match=r"EarlyStopping: monitor must be one number.*3 numbers.*average"):
        made.fit(X, CLASSES, verbose=0, callbacks=cb.EarlyStopping("f1_score"))
    with pytest.raises(ArgumentError, match=r"filepath.*several numbers.*Known names: epoch, loss\."):
        made.fit(X, CLASSES, verbose=0, callbacks=cb.ModelCheckpoint("best-{f1_score:.2f}.safetensors"))


def test_training_goes_on_with_lists_in_its_history(tmp_path: Path) -> None:
    class Stop(cb.Callback):
        def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
            if epoch == 1:
                raise KeyboardInterrupt

    unbroken = classifier("f1_score").fit(X, CLASSES, epochs=3, verbose=0).history
    made = classifier("f1_score")
    with pytest.raises(KeyboardInterrupt):
        made.fit(X, CLASSES, epochs=3, verbose=0, callbacks=[cb.BackupAndRestore(tmp_path), Stop()])
    again = classifier("f1_score").fit(X, CLASSES, epochs=3, verbose=0, callbacks=cb.BackupAndRestore(tmp_path))
    assert again.history == unbroken


# ---- what ran -----------------------------------------------------------------------------------------------------


def generated(count: int) -> Iterator[Any]:
    for i in range(count):
        yield X[i : i + 4], Y[i : i + 4]


class Again:
    """Batches that nobody counted before, from the first again for each epoch."""

    def __iter__(self) -> Iterator[Any]:
        return generated(4)


@pytest.mark.parametrize("kind", ["whole", "batch by batch", "windows"])
def test_steps_beyond_the_data_are_told(kind: str, capsys: pytest.CaptureFixture[str]) -> None:
    made, x, y, more = model(), X, Y, {}
    if kind == "batch by batch":
        more = {"callbacks": cb.LambdaCallback(on_train_batch_end=lambda batch, logs: None)}
    if kind == "windows":
        made = Sequential([Input((None, 1)), SimpleRNN(2, return_sequences=True), Dense(1)])
        made.compile("sgd", "mse")
        x, y, more = np.ones((4, 6, 1)), np.ones((4, 6, 1)), {"truncate": 2}
    rule = r"steps_per_epoch must be at most 3, the batches of the data\. Received steps_per_epoch=20\. 3 are run\."
    with pytest.warns(ElmanWarning, match=rule) as told:
        history = made.fit(x, y, batch_size=4, epochs=2, steps_per_epoch=20, **more)
    assert len(told) == 1
    assert history.params["steps"] == 3
    assert capsys.readouterr().out.count("3/3 - ") == 2


def test_validation_steps_beyond_the_data_are_told() -> None:
    with pytest.warns(ElmanWarning, match="validation_steps must be at most 3"):
        model().fit(X, Y, batch_size=4, validation_data=(X, Y), validation_steps=4, verbose=0)


@pytest.mark.parametrize("verb", ["evaluate", "predict"])
def test_measured_steps_beyond_the_data_are_told(verb: str, capsys: pytest.CaptureFixture[str]) -> None:
    made = model()
    with pytest.warns(ElmanWarning, match=r"steps must be at most 3, the batches of the data\. Received steps=100\."):
        getattr(made, verb)(X, batch_size=4, steps=100, **({"y": Y} if verb == "evaluate" else {}))
    assert capsys.readouterr().out.startswith("3/3 - ")
    with pytest.warns(ElmanWarning, match=r"steps must be at most 5, the batches of the data\. Received steps=9\."):
        getattr(made, verb)(generated(5), steps=9)
    assert capsys.readouterr().out.startswith("5/9 - ")
    getattr(made, verb)(generated(5), steps=5)  # warnings are errors


def test_batches_that_nobody_counted_are_counted(capsys: pytest.CaptureFixture[str]) -> None:
    made = model()
    made.fit(Again(), epochs=2, validation_data=(X, Y), validation_batch_size=1)
    assert re.findall(r"^(\S+) - ", capsys.readouterr().out, re.MULTILINE) == ["4/4", "4/4"]
    made.evaluate(generated(5))
    made.predict(generated(5))
    assert re.findall(r"^(\S+) - ", capsys.readouterr().out, re.MULTILINE) == ["5/5", "5/5"]


def test_a_measurement_of_batches_is_live_on_a_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    screen = Terminal()
    monkeypatch.setattr("sys.stdout", screen)
    model().evaluate(generated(2))
    assert re.match(r"\r1/\? .*\r2/\? .*\r +\r2/2 - \d+ms - loss: [\d.]+\n$", screen.getvalue())
