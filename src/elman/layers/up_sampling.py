"""UpSampling1D, UpSampling2D: every step, or every place of an image, several times."""

from __future__ import annotations

from typing import Any, final

from elman.errors import ArgumentError
from elman.graph import trace as ops
from elman.graph.node import Tensor
from elman.layers.arguments import check_sizes, check_units, need_channels_last
from elman.layers.base import Layer, Mask
from elman.layers.registry import register


def repeated(x: Tensor, times: int, axis: int) -> Tensor:
    """Each element `times` times along an axis. Shapes: (..., S, ...) -> (..., S * times, ...)."""
    y = ops.repeat(x, times, axis + 1)
    return ops.reshape(y, (*x.shape[:axis], x.shape[axis] * times, *x.shape[axis + 1 :]))


@register
@final
class UpSampling1D(Layer):
    """Every step several times: a sequence as long as it was before pooling.

    Args:     size: how many times.
    Shapes:   x (B, T, F) -> (B, T * size, F). A mask goes on.
    Raises:   ShapeError: x is not of rank 3. ArgumentError: size < 1.
    Example:
        >>> from elman.layers import Input
        >>> UpSampling1D(2)(Input((None, 8))).shape
        (B, 2*T, 8)
    """

    axes = ("B", "T", "F")
    supports_masking = True
    size: int

    def __init__(self, size: int = 2, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        check_units(self.where, "size", size)
        self._store(locals())

    def call(self, x: Tensor) -> Tensor:
        """The longer sequence."""
        return repeated(x, self.size, 1)

    def compute_mask(self, x: Tensor, mask: Mask | None) -> Mask | None:
        """As many times the lengths, or the values."""
        if mask is None:
            return None
        if mask.lengths is not None:
            return Mask(lengths=ops.multiply(mask.lengths, self.size))
        return Mask(values=repeated(mask.tensor(x.shape[1]), self.size, 1))


@register
@final
class UpSampling2D(Layer):
    """Every row and column of an image several times.

    Args:     size: how many times (rows, columns). data_format: "channels_last" alone. interpolation: "nearest" alone.
    Shapes:   x (B, H, W, C) -> (B, H * size[0], W * size[1], C).
    Raises:   ShapeError: x is not of rank 4. ArgumentError: a size below 1, another interpolation.
    Example:
        >>> from elman.layers import Input
        >>> UpSampling2D()(Input((7, 7, 8))).shape
        (B, 14, 14, 8)
    """

    axes = ("B", "H", "W", "F")
    size: tuple[int, int]
    data_format: str | None
    interpolation: str

    def __init__(
        self, size: Any = (2, 2), data_format: str | None = None, interpolation: str = "nearest", **kwargs: Any
    ) -> None:
        super().__init__(**kwargs)
        need_channels_last(self.where, data_format)
        if interpolation != "nearest":
            cure = "A Conv2D after it smooths."
            raise ArgumentError.at(self.where, "interpolation", "be 'nearest'", interpolation, cure)
        rows, columns = check_sizes(self.where, "size", size, 2)
        self.size, self.data_format, self.interpolation = (rows, columns), data_format, interpolation

    def call(self, x: Tensor) -> Tensor:
        """The larger image."""
        return repeated(repeated(x, self.size[1], 2), self.size[0], 1)
