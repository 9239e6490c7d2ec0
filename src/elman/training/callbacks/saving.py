"""Callbacks that write models: the best so far, or everything needed to go on after a crash."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from elman.arguments import check_number, check_whole
from elman.errors import ArgumentError
from elman.training.callbacks.base import Callback
from elman.training.callbacks.monitor import Monitor

__all__ = ["BackupAndRestore", "ModelCheckpoint"]

Logs = Mapping[str, float]


class ModelCheckpoint(Callback):
    """Save the model, or its weights, after epochs (or every so many batches).

    Args: as in Keras.
        filepath: may hold {epoch} (from 1) and any name of the logs: "best-{epoch:02d}-{val_loss:.3f}.safetensors".
        monitor, mode: what "best" means. save_best_only: keep only what beats the best so far.
        verbose: 1 prints. save_weights_only: weights alone.
        save_freq: "epoch", or a number of batches.
        initial_value_threshold: what the first model must beat.
    Raises: ArgumentError: filepath names what the logs do not have; monitor likewise.
    """

    def __init__(
        self,
        filepath: str | Path,
        monitor: str = "val_loss",
        verbose: int = 0,
        save_best_only: bool = False,
        save_weights_only: bool = False,
        mode: str = "auto",
        save_freq: str | int = "epoch",
        initial_value_threshold: float | None = None,
    ) -> None:
        super().__init__()
        if save_freq != "epoch":
            check_whole("ModelCheckpoint", "save_freq", save_freq, 1, cure="It counts batches; the usual is 'epoch'.")
        if initial_value_threshold is not None:
            check_number("ModelCheckpoint", "initial_value_threshold", initial_value_threshold)
        self.filepath = str(filepath)
        self.monitor = Monitor("ModelCheckpoint", monitor, mode, best=initial_value_threshold)
        self.verbose = verbose
        self.save_best_only = save_best_only
        self.save_weights_only = save_weights_only
        self.save_freq = save_freq
        self._epoch = 0
        self._batches = 0
        if save_freq != "epoch":
            self.on_train_batch_end = self._batch  # type: ignore[method-assign]

    def on_epoch_begin(self, epoch: int, logs: Logs | None = None) -> None:
        """Note the epoch for the file's name."""
        self._epoch = epoch

    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None:
        """Save."""
        if self.save_freq == "epoch":
            self._save(epoch, logs or {})

    def _batch(self, batch: int, logs: Logs | None = None) -> None:
        self._batches += 1
        if self._batches % int(self.save_freq) == 0:
            self._save(self._epoch, logs or {}, batch)

    def _save(self, epoch: int, logs: Logs, batch: int | None = None) -> None:
        if self.save_best_only and batch is None and self.monitor.skips(logs, self.params):
            return
        path = self._path(epoch, logs, batch)
        if self.save_best_only and not self.monitor.improves(self.monitor.value(logs)):
            return
        if self.verbose:
            print(f"\nEpoch {epoch + 1}: saving model to {path}")
        Path(path).parent.mkdir(parents=True, exist_ok=True)
        if self.save_weights_only:
            self.model.save_weights(path, overwrite=True)
        else:
            self.model.save(path, overwrite=True)

    def _path(self, epoch: int, logs: Logs, batch: int | None) -> str:
        values: dict[str, Any] = {"epoch": epoch + 1, **logs, **({} if batch is None else {"batch": batch + 1})}
        try:
            return self.filepath.format(**values)
        except (KeyError, TypeError) as error:
            known = ", ".join(name for name, value in values.items() if not isinstance(value, list))
            because = f"{error} is not known" if isinstance(error, KeyError) else "one of them has several numbers"
            raise ArgumentError.at(
                "ModelCheckpoint",
                "filepath",
                "made of known names",
                self.filepath,
                f"Known names: {known}.",
                because=because,
            ) from None


class BackupAndRestore(Callback):
    """Write all that training needs to go on; `fit` called again goes on from it with the bits of an unbroken run.

    Weights, optimizer, random state, epoch and history of this fit are kept; an epoch that was begun is done again.

    Args:
        backup_dir: folder of the one file, backup.safetensors.
        save_freq: "epoch": after every epoch. Batches are not offered: an epoch is what can be repeated exactly.
        double_checkpoint: keep the file before the last one too, as backup.safetensors.before.
        delete_checkpoint: remove the file when training is complete.
    Raises: ArgumentError: another save_freq. WeightsError: the file is another model's.
    """

    def __init__(
        self,
        backup_dir: str | Path,
        save_freq: str = "epoch",
        double_checkpoint: bool = False,
        delete_checkpoint: bool = True,
    ) -> None:
        super().__init__()
        if save_freq != "epoch":
            raise ArgumentError.at("BackupAndRestore", "save_freq", "'epoch'", save_freq, "Leave it out.")
        self.path = Path(backup_dir) / "backup.safetensors"
        self.before = self.path.with_name("backup.safetensors.before")
        self.double_checkpoint = double_checkpoint
        self.delete_checkpoint = delete_checkpoint

    def on_train_begin(self, logs: Logs | None = None) -> None:
        """Restore, if there is something to restore."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        kept = self.path if self.path.exists() else self.before
        if kept.exists():
            state = self.model.load_checkpoint(kept)
            self.params["first_epoch"] = int(state["epoch"]) + 1
            self.model.history.epoch[:] = state["epochs"]
            self.model.history.history.update(state["history"])

    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None:
        """Write the file."""
        history = self.model.history
        history.on_epoch_end(epoch, logs)  # with what callbacks before this one added
        state = {"epoch": epoch, "epochs": history.epoch, "history": history.history}
        if self.double_checkpoint and self.path.exists():
            self.path.replace(self.before)
        self.model.save_checkpoint(self.path, state)

    def on_train_end(self, logs: Logs | None = None) -> None:
        """Remove the file when all epochs are done."""
        if self.delete_checkpoint and self.params.get("complete"):
            self.path.unlink(missing_ok=True)
            self.before.unlink(missing_ok=True)
