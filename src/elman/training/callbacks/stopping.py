"""Callbacks that end training: when it no longer helps, or no longer works."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from elman.arguments import check_number, check_whole
from elman.training.callbacks.base import Callback
from elman.training.callbacks.monitor import Monitor

__all__ = ["EarlyStopping", "TerminateOnNaN"]

Logs = Mapping[str, float]


class EarlyStopping(Callback):
    """Stop when a number has not improved for `patience` epochs.

    Args: as in Keras.
        monitor: which number of the logs.
        min_delta: smaller changes do not count.
        patience: epochs without improvement to bear.
        verbose: 1 prints when it stops.
        mode: "min", "max" or "auto".
        baseline: a value to beat; without beating it, training stops after `patience` epochs.
        restore_best_weights: end with the weights of the best epoch.
        start_from_epoch: epochs before this one are not looked at.
    Raises: ArgumentError: a number out of its range, or monitor is not among the logs.
    """

    def __init__(
        self,
        monitor: str = "val_loss",
        min_delta: float = 0,
        patience: float = 0,
        verbose: int = 0,
        mode: str = "auto",
        baseline: float | None = None,
        restore_best_weights: bool = False,
        start_from_epoch: int = 0,
    ) -> None:
        super().__init__()
        self.monitor = Monitor("EarlyStopping", monitor, mode, min_delta)
        self.patience = check_number("EarlyStopping", "patience", patience, "a finite number from 0")
        self.verbose = verbose
        self.baseline = None if baseline is None else check_number("EarlyStopping", "baseline", baseline)
        self.restore_best_weights = restore_best_weights
        self.start_from_epoch = check_whole("EarlyStopping", "start_from_epoch", start_from_epoch)
        self.wait = 0
        self.stopped_epoch = 0
        self.best_epoch = 0
        self.best_weights: list[Any] | None = None

    def on_train_begin(self, logs: Logs | None = None) -> None:
        """Forget an earlier fit."""
        self.wait = self.stopped_epoch = self.best_epoch = 0
        self.best_weights = None
        self.monitor.reset()

    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None:
        """Compare, count, and stop when patience is at its end."""
        if epoch < self.start_from_epoch or self.monitor.skips(logs, self.params):
            return
        value = self.monitor.value(logs)
        if self.restore_best_weights and self.best_weights is None:
            self.best_weights, self.best_epoch = self.model.get_weights(), epoch
        self.wait += 1
        if self.monitor.improves(value):
            self.best_epoch = epoch
            if self.restore_best_weights:
                self.best_weights = self.model.get_weights()
            if self.baseline is None or self.monitor.sign * (value - self.baseline) > self.monitor.min_delta:
                self.wait = 0
            return
        if self.wait >= self.patience and epoch > 0:
            self.stopped_epoch = epoch
            self.model.stop_training = True

    def on_train_end(self, logs: Logs | None = None) -> None:
        """Put back the best weights."""
        if self.stopped_epoch > 0 and self.verbose:
            print(f"Epoch {self.stopped_epoch + 1}: early stopping")
        if self.restore_best_weights and self.best_weights is not None:
            if self.verbose:
                print(f"Restoring model weights from the end of the best epoch: {self.best_epoch + 1}.")
            self.model.set_weights(self.best_weights)

    @property
    def best(self) -> float:
        """The best value seen."""
        return self.monitor.best


class TerminateOnNaN(Callback):
    """End training quietly when the loss is not finite, instead of raising DivergenceError; good weights are kept.

    Args: raise_error: raise DivergenceError after all, as without this callback.
    """

    def __init__(self, raise_error: bool = False) -> None:
        super().__init__()
        self.ends_quietly = not raise_error

    def diverged(self, epoch: int, batch: int) -> None:
        """Called by the loop in place of the error."""
        print(f"Batch {batch}: Invalid loss, terminating training")
        self.model.stop_training = True
