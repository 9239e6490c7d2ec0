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

    def on_epoch_end(self, epoch: int, logs: Mapping[str, float] | None = None) -> None:
        """Take in the numbers of an epoch."""
        self.epoch.append(epoch)
        for name, value in (logs or {}).items():
            self.history.setdefault(name, []).append(value)

    def __repr__(self) -> str:
        return f"History({len(self.epoch)} epochs of {', '.join(self.history) or 'nothing'})"
