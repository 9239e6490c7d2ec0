"""A line of writing to steps: convolutions over its pixels, four columns as one step."""

from __future__ import annotations

from typing import Any

from elman import layers
from elman.graph import Tensor
from elman.graph import trace as ops
from elman.tasks.sequence.design import Design, dropped

__all__ = ["SHORTER", "line_steps", "shortened"]

SHORTER = 4
"""Columns of a line that become one step."""


def line_steps(x: Tensor, channels: int, design: Design) -> Tensor:
    """A vector of every four columns. Shapes: (B, T, H * C) -> (B, ceil(T / 4), size)."""
    y = Regrouped((_size(x, -1) // channels, channels))(x)
    for filters in (32, 64):
        y = layers.Conv2D(filters, 3, padding="same", use_bias=False)(y)
        y = layers.Activation("relu")(layers.BatchNormalization()(y))
        y = layers.MaxPooling2D(2, padding="same")(y)
    y = Regrouped((_size(y, 2) * _size(y, 3),))(y)
    return dropped(layers.Dense(design.size, activation="relu")(y), design)


def shortened(columns: Any) -> Any:
    """How many steps lines of so many columns become.

    Example:
        >>> shortened(9)
        3
    """
    return -(-columns // SHORTER)


def _size(x: Tensor, axis: int) -> int:
    size = x.shape[axis]
    assert isinstance(size, int), "columns are of one height"
    return size


class Regrouped(layers.Layer):
    """The features of each step in another shape. Shapes: (B, T, ...) -> (B, T, *shape)."""

    supports_masking = True

    def __init__(self, shape: tuple[int, ...]) -> None:
        super().__init__()
        self.shape = shape

    def call(self, x: Tensor) -> Tensor:
        """The same numbers."""
        return ops.reshape(x, (*x.shape[:2], *self.shape))
