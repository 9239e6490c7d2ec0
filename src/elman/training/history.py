"""What a fit leaves behind: one list of numbers for each name, one number an epoch."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from elman.training.callbacks.base import Callback

__all__ = ["History"]


class History(Callback):
    """The losses and metrics of every epoch, as `fit` returns them.

    `history` maps a name ("loss", "val_loss", "accuracy") to its values, which are lists for metrics of several
    numbers; `epoch` holds the epoch numbers, from 0; `params` what the fit was told (epochs, steps, verbose).

    Example:
        >>> h = History()
        >>> h.on_epoch_end(0, {"loss": 0.5})
        >>> h.history
        {'loss': [0.5]}
    """

    only_reads: ClassVar[bool] = True

    def __init__(self) -> None:
        super().__init__()
        self.history: dict[str, list[float]] = {}
        self.epoch: list[int] = []
        self._now: int | None = None
        self._taken: set[str] = set()

    def on_train_begin(self, logs: Mapping[str, float] | None = None) -> None:
        """The next epoch is another, whatever its number."""
        self._now = None

    def on_epoch_end(self, epoch: int, logs: Mapping[str, float] | None = None) -> None:
        """Take in the numbers of an epoch; told of it again, what was added to them since."""
        if epoch != self._now:
            self._now, self._taken = epoch, set()
            self.epoch.append(epoch)
        for name, value in (logs or {}).items():
            values = self.history.setdefault(name, [])
            if name in self._taken:
                values[-1] = value
            else:
                values.append(value)
        self._taken.update(logs or ())

    def __repr__(self) -> str:
        return f"History({len(self.epoch)} epochs of {', '.join(self.history) or 'nothing'})"
