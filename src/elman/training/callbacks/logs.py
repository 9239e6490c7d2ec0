"""Callbacks that write the numbers of every epoch somewhere: CSV, TensorBoard."""

from __future__ import annotations

import csv
from collections.abc import Mapping
from pathlib import Path
from typing import Any, TextIO

from elman.arguments import check_whole
from elman.errors import missing_extra
from elman.training.callbacks.base import Callback

__all__ = ["CSVLogger", "TensorBoard"]

Logs = Mapping[str, float]


class CSVLogger(Callback):
    """One line of a CSV file for each epoch: the epoch's number, then the logs by name.

    Args:
        filename: the file; written anew unless append.
        separator: between values.
        append: go on behind what the file has; its header is not repeated.
    """

    def __init__(self, filename: str | Path, separator: str = ",", append: bool = False) -> None:
        super().__init__()
        self.filename = Path(filename)
        self.separator = separator
        self.append = append
        self._file: TextIO | None = None
        self._writer: Any = None

    def on_train_begin(self, logs: Logs | None = None) -> None:
        """Open the file."""
        self._has_header = self.append and self.filename.exists() and self.filename.stat().st_size > 0
        self._file = self.filename.open("a" if self.append else "w", newline="", encoding="utf-8")
        self._writer = None

    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None:
        """Write a line, at once."""
        logs = logs or {}
        assert self._file is not None
        if self._writer is None:
            names = ["epoch", *logs]
            self._writer = csv.DictWriter(
                self._file, names, restval="NA", extrasaction="ignore", delimiter=self.separator
            )
            if not self._has_header:
                self._writer.writeheader()
        self._writer.writerow({"epoch": epoch, **logs})
        self._file.flush()

    def on_train_end(self, logs: Logs | None = None) -> None:
        """Close the file."""
        if self._file is not None:
            self._file.close()
        self._file = self._writer = None
        self.append = True  # a second fit goes on


class TensorBoard(Callback):
    """Scalars of every epoch for TensorBoard; train and validation in two runs, as Keras writes them.

    Args:
        log_dir: the folder; runs "train" and "validation" go below it.
        update_freq: "epoch", or a number of batches after which losses are written too.
        histogram_freq: every so many epochs write histograms of the weights; 0: never.
    Raises: MissingExtraError: tensorboardX is not installed.
    """

    def __init__(self, log_dir: str | Path = "logs", histogram_freq: int = 0, update_freq: str | int = "epoch") -> None:
        super().__init__()
        self.log_dir = Path(log_dir)
        self.histogram_freq = check_whole("TensorBoard", "histogram_freq", histogram_freq)
        if update_freq != "epoch":
            check_whole("TensorBoard", "update_freq", update_freq, 1, cure="It counts batches; the usual is 'epoch'.")
        self.update_freq = update_freq
        self._writers: dict[str, Any] = {}
        if update_freq != "epoch":
            self.on_train_batch_end = self._batch  # type: ignore[method-assign]
        self._summary = _summary_writer()

    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None:
        """Write the epoch's scalars."""
        for name, value in (logs or {}).items():
            run, plain = ("validation", name[4:]) if name.startswith("val_") else ("train", name)
            self._scalar(run, f"epoch_{plain}", value, epoch)
        if self.histogram_freq and epoch % self.histogram_freq == 0:
            for layer in self.model.layers:
                for weight in layer.weights:
                    self._writer("train").add_histogram(f"{layer.name}/{weight.name}", weight.numpy(), epoch)

    def _batch(self, batch: int, logs: Logs | None = None) -> None:
        step = int(self.model.optimizer.iterations.value)
        if step % int(self.update_freq) == 0:
            for name, value in (logs or {}).items():
                self._scalar("train", f"batch_{name}", value, step)

    def _scalar(self, run: str, name: str, value: Any, step: int) -> None:
        several = isinstance(value, list)
        for i, one in enumerate(value if several else [value]):
            self._writer(run).add_scalar(f"{name}_{i}" if several else name, one, step)

    def on_train_end(self, logs: Logs | None = None) -> None:
        """Close the files."""
        for writer in self._writers.values():
            writer.close()
        self._writers = {}

    def _writer(self, run: str) -> Any:
        if run not in self._writers:
            self._writers[run] = self._summary(str(self.log_dir / run))
        return self._writers[run]


def _summary_writer() -> Any:
    try:
        from tensorboardX import SummaryWriter
    except ImportError:
        raise missing_extra("TensorBoard", "tensorboardX", "tensorboard") from None
    return SummaryWriter
