"""Limits on weights: functions of a weight that give the nearest allowed one, applied after each update."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Any, ClassVar, Self, final

import numpy as np

from elman.arguments import Checked, check_number, check_whole
from elman.errors import ArgumentError
from elman.graph import trace as ops
from elman.graph.node import Tensor
from elman.layers.arguments import check_axes
from elman.layers.registry import alias, register, resolve, serialize

_EPSILON = 1e-7  # Keras's epsilon(): keeps a weight of length 0 from dividing by it


class Constraint(Checked, ABC):
    """Turns a weight into an allowed one. Shapes: w (...) -> (...)."""

    family: ClassVar[str] = "constraint"

    @abstractmethod
    def __call__(self, w: Tensor) -> Tensor:
        """The allowed weight."""

    def get_config(self) -> dict[str, Any]:
        """The constructor's arguments."""
        return {name: serialize(value) for name, value in vars(self).items()}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Self:
        """The constraint that a configuration describes."""
        return cls(**config)


def _axis(where: str, axis: Any) -> int | list[int]:
    """One or several. Raises: ArgumentError: no whole numbers."""
    return check_whole(where, "axis", axis, None) if np.ndim(axis) == 0 else check_axes(where, "axis", axis)


@register
@final
class MaxNorm(Constraint):
    """Length over `axis` at most `max_value`. For a Dense kernel, axis 0 is the weights into one unit."""

    def __init__(self, max_value: float = 2, axis: int | Sequence[int] = 0) -> None:
        self.max_value = check_number("MaxNorm", "max_value", max_value, "a finite number from 0")
        self.axis = _axis("MaxNorm", axis)

    def __call__(self, w: Tensor) -> Tensor:
        """The shortened weight."""
        length = ops.norm(w, self.axis, keepdims=True)
        return w * (ops.clip(length, 0, self.max_value) / (length + _EPSILON))


@register
@final
class MinMaxNorm(Constraint):
    """Length over `axis` between two bounds; `rate` < 1 only moves part of the way."""

    def __init__(
        self, min_value: float = 0.0, max_value: float = 1.0, rate: float = 1.0, axis: int | Sequence[int] = 0
    ) -> None:
        self.min_value = check_number("MinMaxNorm", "min_value", min_value, "a finite number from 0")
        self.max_value = check_number("MinMaxNorm", "max_value", max_value, "a finite number from 0")
        if self.min_value > self.max_value:
            raise ArgumentError.at("MinMaxNorm", "max_value", f"at least min_value, {min_value}", max_value)
        self.rate, self.axis = check_number("MinMaxNorm", "rate", rate, "in [0, 1]"), _axis("MinMaxNorm", axis)

    def __call__(self, w: Tensor) -> Tensor:
        """The weight of allowed length."""
        length = ops.norm(w, self.axis, keepdims=True)
        wanted = ops.clip(length, self.min_value, self.max_value) * self.rate + length * (1.0 - self.rate)
        return w * (wanted / (length + _EPSILON))


@register
@final
class NonNeg(Constraint):
    """No weight below 0."""

    def __call__(self, w: Tensor) -> Tensor:
        """The weight with negative parts set to 0."""
        return ops.relu(w)


@register
@final
class UnitNorm(Constraint):
    """Length over `axis` exactly 1."""

    def __init__(self, axis: int | Sequence[int] = 0) -> None:
        self.axis = _axis("UnitNorm", axis)

    def __call__(self, w: Tensor) -> Tensor:
        """The weight of length 1."""
        return w / (ops.norm(w, self.axis, keepdims=True) + _EPSILON)


alias("constraint", nonneg="NonNeg", unitnorm="UnitNorm", maxnorm="MaxNorm")


def get(identifier: Any, where: str = "constraints", argument: str = "constraint") -> Any:
    """The constraint that a name, a configuration, a class or a callable stands for; None stays None.

    Raises:   UnknownNameError: an unknown name.
    Example:
        >>> type(get("non_neg")).__name__
        'NonNeg'
    """
    return resolve(identifier, "constraint", where, argument)
