"""The history of a fit holds what callbacks leave in the logs."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from elman.layers import Dense, Input
from elman.models import Sequential
from elman.training import History
from elman.training import callbacks as cb

X = np.linspace(-1, 1, 24, dtype=np.float32).reshape(12, 2)
Y = X.sum(1)


def model() -> Sequential:
    made = Sequential([Input((2,)), Dense(1)])
    made.compile("adam", "mse")
    return made


class Adds(cb.Callback):
    """Leaves a number of its own, and reads the history of the epoch that ended."""

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        assert len(self.model.history.history["loss"]) == len(self.model.history.epoch) == epoch + 1
        logs["own"] = 10.0 - min(epoch, 1)
        if epoch == 1:
            logs["loss"] = -1.0


def test_what_a_callback_leaves_in_the_logs_is_history(tmp_path: Path) -> None:
    table = tmp_path / "epochs.csv"
    stopping = cb.EarlyStopping("own", patience=1)
    given = {"validation_data": (X, Y), "validation_freq": 2}
    found = model().fit(X, Y, epochs=9, callbacks=[Adds(), stopping, cb.CSVLogger(table)], verbose=0, **given)
    assert found.epoch == [0, 1, 2]
    assert found.history["own"] == [10.0, 9.0, 9.0]
    assert found.history["loss"][1] == -1.0
    assert [len(values) for values in found.history.values()] == [3, 3, 1]
    assert [float(row["own"]) for row in csv.DictReader(table.read_text().splitlines())] == found.history["own"]


def test_what_a_callback_leaves_is_restored(tmp_path: Path) -> None:
    class Ends(cb.Callback):
        def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
            if epoch == 2:
                raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        model().fit(X, Y, epochs=3, callbacks=[Adds(), cb.BackupAndRestore(tmp_path), Ends()], verbose=0)
    found = model().fit(X, Y, epochs=3, callbacks=[Adds(), cb.BackupAndRestore(tmp_path)], verbose=0)
    assert found.epoch == [0, 1, 2]
    assert found.history["own"] == [10.0, 9.0, 9.0]
    assert len(found.history["loss"]) == 3


def test_a_history_of_several_fits_keeps_each_epoch() -> None:
    history, made = History(), model()
    for _ in range(2):
        made.fit(X, Y, callbacks=[history], verbose=0)
    assert history.epoch == [0, 0]
    assert len(history.history["loss"]) == 2
