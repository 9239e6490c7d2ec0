"""From a sequence or an image to one vector: GlobalAveragePooling1D/2D, GlobalMaxPooling1D/2D."""

from __future__ import annotations

from typing import Any, ClassVar, final

from elman.graph import trace as ops
from elman.graph.node import Tensor
from elman.layers.arguments import need_channels_last
from elman.layers.base import Layer, Mask
from elman.layers.registry import register


class GlobalPooling(Layer):
    """A layer that takes all real steps together. A row without any gives 0.

    Shapes: x (B, S..., C) -> (B, C), or (B, 1..., C) with keepdims.
    """

    axes: ClassVar[tuple[str, ...]] = ("B", "T", "F")
    input_kind = "real"
    supports_masking = True
    keepdims: bool
    data_format: str | None
    rank = 1

    def __init__(self, data_format: str | None = None, keepdims: bool = False, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        need_channels_last(self.where, data_format)
        self._store(locals())

    def compute_mask(self, x: Tensor, mask: Any) -> None:
        """None: no steps come out."""

    def _axes(self) -> tuple[int, ...]:
        """The axes that go."""
        return tuple(range(1, self.rank + 1))

    def _real(self, x: Tensor, mask: Mask) -> Tensor:
        """Which steps count. Shapes: -> (B, T, 1) or (B, H, W, 1) bool."""
        steps = ops.reshape(mask.tensor(x.shape[1]), (x.shape[0], x.shape[1], *(1,) * self.rank))
        return ops.broadcast_to(steps, (*x.shape[:-1], 1))


class GlobalAveragePooling(GlobalPooling):
    """The mean."""

    def call(self, x: Tensor, mask: Mask | None = None) -> Tensor:
        """The mean."""
        axes = self._axes()
        if mask is None:
            return ops.mean(x, axes, self.keepdims)
        real = self._real(x, mask)
        total = ops.sum(ops.where(real, x, 0.0), axes, self.keepdims)
        return total / ops.maximum(ops.sum(ops.cast(real, x.dtype), axes, self.keepdims), 1.0)


class GlobalMaxPooling(GlobalPooling):
    """The largest."""

    def call(self, x: Tensor, mask: Mask | None = None) -> Tensor:
        """The largest."""
        axes = self._axes()
        if mask is None:
            return ops.max(x, axes, self.keepdims)
        real = self._real(x, mask)
        largest = ops.max(ops.where(real, x, float("-inf")), axes, self.keepdims)
        return ops.where(ops.max(ops.cast(real, x.dtype), axes, self.keepdims) > 0.0, largest, 0.0)


@register
@final
class GlobalAveragePooling1D(GlobalAveragePooling):
    """The mean over the real steps.

    Args:     data_format: "channels_last" alone. keepdims: time stays, with size 1.
    Shapes:   x (B, T, F) -> (B, F), or (B, 1, F).
    Example:
        >>> from elman.layers import Input
        >>> GlobalAveragePooling1D()(Input((None, 8))).shape
        (B, 8)
    """


@register
@final
class GlobalMaxPooling1D(GlobalMaxPooling):
    """The largest over the real steps; Keras's ignores the mask.

    Args:     data_format: "channels_last" alone. keepdims: time stays, with size 1.
    Shapes:   x (B, T, F) -> (B, F), or (B, 1, F).
    Example:
        >>> from elman.layers import Input
        >>> GlobalMaxPooling1D()(Input((None, 8))).shape
        (B, 8)
    """


@register
@final
class GlobalAveragePooling2D(GlobalAveragePooling):
    """The mean over the places of an image.

    Args:     data_format: "channels_last" alone. keepdims: height and width stay, with size 1.
    Shapes:   x (B, H, W, C) -> (B, C), or (B, 1, 1, C). A mask tells which of axis 1 are real.
    Example:
        >>> from elman.layers import Input
        >>> GlobalAveragePooling2D()(Input((7, 7, 8))).shape
        (B, 8)
    """

    axes = ("B", "H", "W", "F")
    rank = 2


@register
@final
class GlobalMaxPooling2D(GlobalMaxPooling):
    """The largest over the places of an image.

    Args:     data_format: "channels_last" alone. keepdims: height and width stay, with size 1.
    Shapes:   x (B, H, W, C) -> (B, C), or (B, 1, 1, C). A mask tells which of axis 1 are real.
    Example:
        >>> from elman.layers import Input
        >>> GlobalMaxPooling2D()(Input((7, 7, 8))).shape
        (B, 8)
    """

    axes = ("B", "H", "W", "F")
    rank = 2
