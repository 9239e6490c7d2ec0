"""From a sequence to one vector without a recurrence: GlobalAveragePooling1D, GlobalMaxPooling1D."""

from __future__ import annotations

from typing import Any, final

from elman.graph import trace as ops
from elman.graph.node import Tensor
from elman.layers.base import Layer, Mask
from elman.layers.registry import register
from elman.layers.reshaping import need_channels_last


class GlobalPooling(Layer):
    """A layer that takes all real steps together. A row without any gives 0."""

    axes = ("B", "T", "F")
    input_kind = "real"
    supports_masking = True
    keepdims: bool
    data_format: str | None

    def __init__(self, data_format: str | None = None, keepdims: bool = False, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        need_channels_last(self.where, data_format)
        self._store(locals())

    def compute_mask(self, x: Tensor, mask: Any) -> None:
        """None: no steps come out."""

    def _real(self, x: Tensor, mask: Mask) -> Tensor:
        """Which steps count. Shapes: -> (B, T, 1) bool."""
        return ops.expand_dims(mask.tensor(x.shape[1]), -1)


@register
@final
class GlobalAveragePooling1D(GlobalPooling):
    """The mean over the real steps.

    Args:     data_format: "channels_last" alone. keepdims: time stays, with size 1.
    Shapes:   x (B, T, F) -> (B, F), or (B, 1, F).
    Example:
        >>> from elman.layers import Input
        >>> GlobalAveragePooling1D()(Input((None, 8))).shape
        (B, 8)
    """

    def call(self, x: Tensor, mask: Mask | None = None) -> Tensor:
        """The mean."""
        if mask is None:
            return ops.mean(x, 1, self.keepdims)
        real = self._real(x, mask)
        total = ops.sum(ops.where(real, x, 0.0), 1, self.keepdims)
        return total / ops.maximum(ops.sum(ops.cast(real, x.dtype), 1, self.keepdims), 1.0)


@register
@final
class GlobalMaxPooling1D(GlobalPooling):
    """The largest over the real steps; Keras's ignores the mask.

    Args:     data_format: "channels_last" alone. keepdims: time stays, with size 1.
    Shapes:   x (B, T, F) -> (B, F), or (B, 1, F).
    Example:
        >>> from elman.layers import Input
        >>> GlobalMaxPooling1D()(Input((None, 8))).shape
        (B, 8)
    """

    def call(self, x: Tensor, mask: Mask | None = None) -> Tensor:
        """The largest."""
        if mask is None:
            return ops.max(x, 1, self.keepdims)
        real = self._real(x, mask)
        largest = ops.max(ops.where(real, x, float("-inf")), 1, self.keepdims)
        return ops.where(ops.max(ops.cast(real, x.dtype), 1, self.keepdims) > 0.0, largest, 0.0)
