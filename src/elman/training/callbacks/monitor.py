"""Which of two values of a monitored number is the better one: shared by the callbacks that wait for improvement."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from elman.arguments import check_number
from elman.errors import ArgumentError, unknown_name

__all__ = ["Monitor"]

LARGER_IS_BETTER = ("acc", "accuracy", "auc", "precision", "recall", "f1", "r2", "fbeta", "top_k", "cosine", "iou")


class Monitor:
    """Compares values of one number of the logs.

    Args:
        where: the callback, for errors.
        name: of the number: "val_loss".
        mode: "min", "max", or "auto": larger is better for accuracy and its like, smaller for the rest.
        min_delta: a change must be larger than this to count.
        best: what to beat at the start.
    Raises: UnknownNameError: another mode.
    Example:
        >>> m = Monitor("EarlyStopping", "val_loss")
        >>> m.improves(0.5), m.improves(0.6), m.best
        (True, False, 0.5)
    """

    def __init__(
        self, where: str, name: str, mode: str = "auto", min_delta: float = 0.0, best: float | None = None
    ) -> None:
        if mode not in ("auto", "min", "max"):
            raise unknown_name(where, "mode", mode, ("auto", "min", "max"))
        if not isinstance(name, str):
            raise ArgumentError.at(where, "monitor", "a name of the logs", name, "For example 'val_loss'.")
        self.where = where
        self.name = name
        larger = any(part in name for part in LARGER_IS_BETTER) and not name.endswith("loss")
        self.sign = 1.0 if mode == "max" or (mode == "auto" and larger) else -1.0
        self.min_delta = abs(check_number(where, "min_delta", min_delta))
        self.start = best
        self.reset()

    def reset(self) -> None:
        """Forget the best value."""
        self.best = self.start if self.start is not None else -self.sign * math.inf

    def better(self, value: float) -> bool:
        """Whether value beats the best so far by more than min_delta."""
        return self.sign * (value - self.best) > self.min_delta

    def improves(self, value: float) -> bool:
        """As `better`, and remembers the value if it is."""
        found = self.better(value)
        if found:
            self.best = value
        return found

    def skips(self, logs: Mapping[str, Any] | None, params: Mapping[str, Any]) -> bool:
        """Whether an epoch was not validated though others are, by validation_freq. params: of the fit."""
        validated = any(name.startswith("val_") for name in logs or {})
        return self.name.startswith("val_") and bool(params.get("validates")) and not validated

    def value(self, logs: Mapping[str, Any] | None) -> float:
        """The monitored number. Raises: ArgumentError: the logs do not have it, or several by its name."""
        found = (logs or {}).get(self.name)
        if found is None:
            cure = "Pass validation_data or validation_split." if self.name.startswith("val_") else "Check the name."
            known = ", ".join(logs or {}) or "nothing"
            raise ArgumentError.at(self.where, "monitor", f"one of the logged names ({known})", self.name, cure)
        if isinstance(found, list):
            cure = "Monitor another, or give the metric an average."
            because = f"{self.name} has {len(found)} numbers"
            raise ArgumentError.at(self.where, "monitor", "one number", self.name, cure, because=because)
        return float(found)
