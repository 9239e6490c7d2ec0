"""The learning rate as one reads it from an optimizer: a number, which may be asked what Keras's variable is asked."""

from __future__ import annotations

from typing import Any, final

import numpy as np

__all__ = ["LearningRate"]


@final
class LearningRate(float):
    """The learning rate of the next step, a float. Keras's words for it work: `assign(0.01)`, `numpy()`, `value`.

    Args: value: of now; it stays when the optimizer's changes. optimizer: whose `assign` sets it.
    Example:
        >>> from elman.optimizers import Adam
        >>> adam = Adam(0.1)
        >>> adam.learning_rate.assign(adam.learning_rate / 2)
        >>> adam.learning_rate
        0.05
    """

    __slots__ = ("_optimizer",)
    _optimizer: Any

    def __new__(cls, value: float, optimizer: Any) -> LearningRate:
        """A float that knows whose it is."""
        made = super().__new__(cls, value)
        made._optimizer = optimizer
        return made

    def assign(self, value: Any) -> None:
        """Set the optimizer's. Raises: ArgumentError: as to set `learning_rate` does."""
        self._optimizer.learning_rate = value

    def numpy(self) -> np.ndarray:
        """As an array of one number. Shapes: -> ()."""
        return np.asarray(float(self))

    @property
    def value(self) -> float:
        """The number alone."""
        return float(self)

    def __reduce__(self) -> Any:
        """Copies are numbers: an optimizer is not copied by its rate."""
        return float, (float(self),)
