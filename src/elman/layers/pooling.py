"""MaxPooling1D/2D, AveragePooling1D/2D: one number for each window, so that a sequence or an image becomes smaller."""

from __future__ import annotations

from typing import Any, final

from elman.graph import trace as ops
from elman.graph import windows
from elman.graph.node import Tensor
from elman.layers.arguments import need_channels_last
from elman.layers.base import Mask
from elman.layers.registry import register
from elman.layers.windows import Numbers, Sliding


class Pooling(Sliding):
    """A layer that takes each window together, channel by channel.

    Args:     pool_size: of the window. strides: how far it moves on; None: its own size. padding: "valid" or "same".
              data_format: "channels_last" alone.
    """

    pool_size: tuple[int, ...]
    data_format: str | None

    def __init__(
        self, pool_size: Numbers, strides: Numbers | None = None, padding: str = "valid",
        data_format: str | None = None, name: str | None = None, **kwargs: Any,
    ) -> None:  # fmt: skip
        super().__init__(name=name, **kwargs)
        need_channels_last(self.where, data_format)
        self.pool_size = self.numbers("pool_size", pool_size)
        self.strides = self.pool_size if strides is None else self.numbers("strides", strides)
        self.padding, self.data_format = self.chosen_padding(padding, ("valid", "same")), data_format

    def window(self) -> tuple[int, ...]:
        """The pool's size."""
        return self.pool_size

    def real_places(self, x: Tensor, mask: Mask | None, rank: int) -> Tensor:
        """Which places count. Shapes: -> (B, T', 1...) bool."""
        length = self.places(x)[0]
        made = self.compute_mask(x, mask)
        assert made is not None, "there is a mask"
        return ops.reshape(made.tensor(length), (x.shape[0], length, *(1,) * (rank - 2)))


class MaxPooling(Pooling):
    """The largest of each window. Shapes: x (B, S..., C) -> (B, S'..., C)."""

    def call(self, x: Tensor, mask: Mask | None = None) -> Tensor:
        """The largest; 0 where nothing is real."""
        real = self.real_steps(x, mask)
        if real is None:
            return windows.max_pool(x, self.pool_size, self.strides, self.padding)
        y = windows.max_pool(ops.where(real, x, float("-inf")), self.pool_size, self.strides, self.padding)
        return ops.where(self.real_places(x, mask, x.ndim), y, 0.0)


class AveragePooling(Pooling):
    """The mean of each window. Shapes: x (B, S..., C) -> (B, S'..., C)."""

    def call(self, x: Tensor, mask: Mask | None = None) -> Tensor:
        """The mean of what is real; 0 where nothing is."""
        real = self.real_steps(x, mask)
        if real is None:
            return windows.average_pool(x, self.pool_size, self.strides, self.padding)
        share = ops.broadcast_to(ops.cast(real, x.dtype), (*x.shape[:-1], 1))
        moves = (self.pool_size, self.strides, self.padding)
        total, count = windows.average_pool(ops.where(real, x, 0.0), *moves), windows.average_pool(share, *moves)
        return ops.where(self.real_places(x, mask, x.ndim), total / ops.where(count > 0.0, count, 1.0), 0.0)


@register
@final
class MaxPooling1D(MaxPooling):
    """The largest of every few steps, feature by feature: a sequence of half the length by default.

    A mask goes on, with the lengths that are left, as for `Conv1D`.

    Args:     pool_size: steps of a window. strides: how far it moves on; None: pool_size. padding: "valid" or "same".
              data_format: "channels_last" alone.
    Shapes:   x (B, T, F) -> (B, T', F).
    Raises:   ShapeError: x is not of rank 3, or shorter than the window. ArgumentError: a size below 1.
    Example:
        >>> from elman.layers import Input
        >>> MaxPooling1D(2)(Input((10, 8))).shape
        (B, 5, 8)
    """

    axes = ("B", "T", "F")

    def __init__(
        self, pool_size: Numbers = 2, strides: Numbers | None = None, padding: str = "valid",
        data_format: str | None = None, name: str | None = None, **kwargs: Any,
    ) -> None:  # fmt: skip
        super().__init__(pool_size, strides, padding, data_format, name, **kwargs)


@register
@final
class AveragePooling1D(AveragePooling):
    """The mean of every few steps, feature by feature; padding does not count.

    A mask goes on, with the lengths that are left, as for `Conv1D`.

    Args:     pool_size: steps of a window. strides: how far it moves on; None: pool_size. padding: "valid" or "same".
              data_format: "channels_last" alone.
    Shapes:   x (B, T, F) -> (B, T', F).
    Raises:   ShapeError: x is not of rank 3, or shorter than the window. ArgumentError: a size below 1.
    Example:
        >>> from elman.layers import Input
        >>> AveragePooling1D(2, padding="same")(Input((None, 8))).shape
        (B, ((T + 1)//2), 8)
    """

    axes = ("B", "T", "F")


@register
@final
class MaxPooling2D(MaxPooling):
    """The largest of each small patch of an image, channel by channel: half the height and width by default.

    Args:     pool_size: height and width of a window. strides: how far it moves on; None: pool_size.
              padding: "valid" or "same". data_format: "channels_last" alone.
    Shapes:   x (B, H, W, C) -> (B, H', W', C). A mask tells which of axis 1 are real.
    Raises:   ShapeError: x is not of rank 4, or smaller than the window. ArgumentError: a size below 1.
    Example:
        >>> from elman.layers import Input
        >>> MaxPooling2D()(Input((28, 28, 32))).shape
        (B, 14, 14, 32)
    """

    axes = ("B", "H", "W", "F")
    rank = 2

    def __init__(
        self, pool_size: Numbers = (2, 2), strides: Numbers | None = None, padding: str = "valid",
        data_format: str | None = None, name: str | None = None, **kwargs: Any,
    ) -> None:  # fmt: skip
        super().__init__(pool_size, strides, padding, data_format, name, **kwargs)


@register
@final
class AveragePooling2D(AveragePooling):
    """The mean of each small patch of an image, channel by channel; padding does not count.

    Args:     pool_size: height and width of a window. strides: how far it moves on; None: pool_size.
              padding: "valid" or "same". data_format: "channels_last" alone.
    Shapes:   x (B, H, W, C) -> (B, H', W', C). A mask tells which of axis 1 are real.
    Raises:   ShapeError: x is not of rank 4, or smaller than the window. ArgumentError: a size below 1.
    Example:
        >>> from elman.layers import Input
        >>> AveragePooling2D(2)(Input((28, 28, 32))).shape
        (B, 14, 14, 32)
    """

    axes = ("B", "H", "W", "F")
    rank = 2
