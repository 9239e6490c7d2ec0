"""Penalties on weights and outputs: functions of a tensor that give a scalar, added to the loss."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any, ClassVar, Literal, Self, final

import numpy as np

from elman.arguments import Checked, check_number
from elman.errors import ArgumentError, ShapeError
from elman.graph import trace as ops
from elman.graph.node import Tensor, constant
from elman.layers.registry import alias, register, resolve
from elman.shapes import text


class Regularizer(Checked, ABC):
    """Turns a weight or an output into a scalar penalty. Shapes: x (...) -> ()."""

    family: ClassVar[str] = "regularizer"

    @abstractmethod
    def __call__(self, x: Tensor) -> Tensor:
        """The penalty."""

    def get_config(self) -> dict[str, Any]:
        """The constructor's arguments."""
        return dict(vars(self))

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Self:
        """The regularizer that a configuration describes."""
        return cls(**config)


@register
@final
class L1(Regularizer):
    """l1 · Σ|x|: pushes weights to exactly 0."""

    def __init__(self, l1: float = 0.01) -> None:
        self.l1 = _factor("L1", "l1", l1)

    def __call__(self, x: Tensor) -> Tensor:
        """The penalty."""
        return ops.sum(ops.abs(x)) * self.l1


@register
@final
class L2(Regularizer):
    """l2 · Σx²: keeps weights small. Not decoupled weight decay, which is the optimizer's."""

    def __init__(self, l2: float = 0.01) -> None:
        self.l2 = _factor("L2", "l2", l2)

    def __call__(self, x: Tensor) -> Tensor:
        """The penalty."""
        return ops.sum(ops.square(x)) * self.l2


@register
@final
class L1L2(Regularizer):
    """l1 · Σ|x| + l2 · Σx²."""

    def __init__(self, l1: float = 0.0, l2: float = 0.0) -> None:
        self.l1, self.l2 = _factor("L1L2", "l1", l1), _factor("L1L2", "l2", l2)

    def __call__(self, x: Tensor) -> Tensor:
        """The penalty."""
        return ops.sum(ops.abs(x)) * self.l1 + ops.sum(ops.square(x)) * self.l2


@register
@final
class OrthogonalRegularizer(Regularizer):
    """factor · mean |cosine| between the rows (or columns) of a matrix: they should point in different directions.

    Shapes:   x (N, M) -> ().
    """

    def __init__(self, factor: float = 0.01, mode: Literal["rows", "columns"] = "rows") -> None:
        if mode not in ("rows", "columns"):
            raise ArgumentError.at(
                "OrthogonalRegularizer", "mode", "be 'rows' or 'columns'", mode, "Rows are the default."
            )
        self.factor, self.mode = _factor("OrthogonalRegularizer", "factor", factor), mode

    def __call__(self, x: Tensor) -> Tensor:
        """The penalty."""
        axis = 1 if self.mode == "rows" else 0
        size = x.shape[1 - axis] if x.ndim == 2 else None
        if not isinstance(size, int) or not isinstance(x.shape[axis], int):
            raise ShapeError.at("OrthogonalRegularizer", "x", "be a matrix", text(x.shape), "Use L2 for other weights.")
        length = ops.maximum(ops.sum(ops.square(x), axis, keepdims=True), 1e-12)
        unit = x * ops.rsqrt(length)
        cosines = ops.matmul(unit, unit, transpose_b=True) if axis == 1 else ops.matmul(unit, unit, transpose_a=True)
        others = constant(1.0 - np.eye(size), x.dtype)
        pairs = max(size * (size - 1) / 2, 1)
        return ops.sum(ops.abs(cosines * others)) * (0.5 * self.factor / pairs)


alias("regularizer", l1l2="L1L2", l1_l2="L1L2", orthogonal="OrthogonalRegularizer")


def get(identifier: Any, where: str = "regularizers", argument: str = "regularizer") -> Any:
    """The regularizer that a name, a configuration, a class or a callable stands for; None stays None.

    Raises:   UnknownNameError: an unknown name.
    Example:
        >>> get("l2").l2
        0.01
    """
    if identifier in ("l1_l2", "l1l2"):
        return L1L2(0.01, 0.01)
    return resolve(identifier, "regularizer", where, argument)


def _factor(where: str, argument: str, value: float) -> float:
    return float(check_number(where, argument, value, "a finite number from 0", "The usual is 0.01."))
