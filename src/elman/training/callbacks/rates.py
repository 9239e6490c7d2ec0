"""Callbacks that change the learning rate between epochs. Schedules that change it every step are optimizers' own."""

from __future__ import annotations

import inspect
from collections.abc import Callable, MutableMapping
from typing import Any

from elman.arguments import check_number, check_whole
from elman.errors import ArgumentError
from elman.training.callbacks.base import Callback
from elman.training.callbacks.monitor import Monitor

__all__ = ["LearningRateScheduler", "ReduceLROnPlateau"]

Logs = MutableMapping[str, float]


class LearningRateScheduler(Callback):
    """Set the learning rate at the beginning of every epoch; the history has it as "learning_rate".

    Args:
        schedule: (epoch, rate) -> rate, or (epoch) -> rate; epochs count from 0.
        verbose: 1 prints the new rate.
    Raises: ArgumentError: the schedule is no function, or gives something that is not a number.
    """

    def __init__(self, schedule: Callable[..., float], verbose: int = 0) -> None:
        super().__init__()
        if not callable(schedule):
            raise ArgumentError.at("LearningRateScheduler", "schedule", "a function of the epoch", schedule)
        self.schedule = schedule
        self.verbose = verbose
        self._takes_rate = len(inspect.signature(schedule).parameters) > 1

    def on_epoch_begin(self, epoch: int, logs: Logs | None = None) -> None:
        """Ask the schedule."""
        now = self.model.optimizer.learning_rate
        new = self.schedule(epoch, now) if self._takes_rate else self.schedule(epoch)
        if not hasattr(new, "__float__"):
            raise ArgumentError.at(
                "LearningRateScheduler", "schedule", "a function that gives a number", new, "Return a float."
            )
        self.model.optimizer.learning_rate = float(new)
        if self.verbose:
            print(f"\nEpoch {epoch + 1}: LearningRateScheduler setting learning rate to {float(new):g}.")

    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None:
        """Tell the rate of the epoch."""
        _tell(self.model.optimizer, logs)


class ReduceLROnPlateau(Callback):
    """Multiply the learning rate by `factor` when a number has not improved for `patience` epochs.

    The history has the rate of each epoch as "learning_rate".

    Args: as in Keras.
        monitor, mode, min_delta: which number, which way is better, what change counts.
        factor: from 0 and below 1.
        patience: epochs to wait. cooldown: epochs to wait after a reduction before counting again.
        verbose: 1 prints.
        min_lr: never below this.
    Raises: ArgumentError: a number out of its range, or monitor is not among the logs.
    """

    def __init__(
        self,
        monitor: str = "val_loss",
        factor: float = 0.1,
        patience: float = 10,
        verbose: int = 0,
        mode: str = "auto",
        min_delta: float = 1e-4,
        cooldown: int = 0,
        min_lr: float = 0.0,
    ) -> None:
        super().__init__()
        self.monitor = Monitor("ReduceLROnPlateau", monitor, mode, min_delta)
        where, cure = "ReduceLROnPlateau", "0.1 divides the rate by ten."
        self.factor = check_number(where, "factor", factor, "in [0, 1)", cure)
        self.patience = check_number(where, "patience", patience, "a finite number from 0")
        self.verbose = verbose
        self.cooldown = check_whole(where, "cooldown", cooldown)
        self.min_lr = check_number(where, "min_lr", min_lr, "a finite number from 0")
        self.wait = self.cooldown_counter = 0

    def on_train_begin(self, logs: Logs | None = None) -> None:
        """Forget an earlier fit."""
        self.monitor.reset()
        self.wait = self.cooldown_counter = 0

    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None:
        """Count, and reduce when patience is at its end."""
        _tell(self.model.optimizer, logs)
        if self.monitor.skips(logs, self.params):
            return
        value = self.monitor.value(logs)
        if self.cooldown_counter > 0:
            self.cooldown_counter -= 1
            self.wait = 0
        if self.monitor.improves(value):
            self.wait = 0
        elif self.cooldown_counter == 0:
            self.wait += 1
            if self.wait >= self.patience:
                self._reduce(epoch)

    def _reduce(self, epoch: int) -> None:
        old = self.model.optimizer.learning_rate
        if old <= self.min_lr:
            return
        new = max(old * self.factor, self.min_lr)
        self.model.optimizer.learning_rate = new
        self.cooldown_counter, self.wait = self.cooldown, 0
        if self.verbose:
            print(f"\nEpoch {epoch + 1}: ReduceLROnPlateau reducing learning rate to {new:g}.")


def _tell(optimizer: Any, logs: Logs | None) -> None:
    """Put the learning rate of the epoch into its logs, as Keras does."""
    if logs is not None:
        logs["learning_rate"] = float(optimizer.learning_rate)
