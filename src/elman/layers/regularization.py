"""Layers for training alone: Dropout, SpatialDropout1D/2D, ActivityRegularization; those that add noise: `noise.py`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, final

from elman.graph.node import Tensor
from elman.layers import regularizers
from elman.layers.arguments import check_rate, need_channels_last
from elman.layers.base import Layer, current
from elman.layers.noise import Noise, choice_shape
from elman.layers.registry import register


@register
@final
class Dropout(Noise):
    """In training, a random part of the input is set to 0, and the rest grows so that the mean stays.

    Not for the state of a recurrent layer, which needs the same choice at every step: see `recurrent_dropout`.

    Args:
        rate: share that is dropped.
        noise_shape: shape of the choice; 1 on an axis drops along it together, None is x's own size.
        seed: makes the choice independent of the model's seed.
    Shapes:   x (...) -> (...).
    Raises:   ArgumentError: rate outside [0, 1). ShapeError: noise_shape of another rank.
    Source:   Srivastava et al. 2014, "Dropout: a simple way to prevent neural networks from overfitting".
    Example:
        >>> from elman.layers import Input, tracing
        >>> with tracing(training=True):
        ...     y = Dropout(0.5)(Input((3,)))
        >>> y.shape
        (B, 3)
    """

    stepwise = True
    rate: float
    noise_shape: Sequence[int | None] | None

    def __init__(
        self, rate: float, noise_shape: Sequence[int | None] | None = None, seed: int | None = None, **kwargs: Any
    ) -> None:
        super().__init__(**kwargs)
        check_rate(self.where, "rate", rate)
        self._store(locals())

    def disturb(self, x: Tensor) -> Tensor:
        """Drop."""
        sizes = choice_shape(self.where, self.noise_shape, x)
        return x if not self.rate else x * current().dropout(sizes, self.rate, x.dtype, self.seed)


@register
@final
class SpatialDropout1D(Noise):
    """Dropout of whole features: a feature is dropped at every step of a sequence or at none.

    Shapes:   x (B, T, F) -> (B, T, F).
    Raises:   ArgumentError: rate outside [0, 1). ShapeError: x is not of rank 3.
    Source:   Tompson et al. 2015.
    """

    axes = ("B", "T", "F")
    rate: float

    def __init__(
        self, rate: float, seed: int | None = None, name: str | None = None, dtype: str | None = None, **kwargs: Any
    ) -> None:
        super().__init__(name=name, dtype=dtype, **kwargs)
        self._store({"rate": check_rate(self.where, "rate", rate), "seed": seed})

    def disturb(self, x: Tensor) -> Tensor:
        """Drop features."""
        return x if not self.rate else x * current().dropout((x.shape[0], 1, x.shape[2]), self.rate, x.dtype, self.seed)


@register
@final
class SpatialDropout2D(Noise):
    """Dropout of whole channels of an image: a channel is dropped at every place or at none.

    Args:     rate: share that is dropped. data_format: "channels_last" alone. seed: makes the choice independent of the
              model's seed.
    Shapes:   x (B, H, W, C) -> (B, H, W, C).
    Raises:   ArgumentError: rate outside [0, 1). ShapeError: x is not of rank 4.
    Source:   Tompson et al. 2015, "Efficient object localization using convolutional networks".
    Example:
        >>> from elman.layers import Input
        >>> SpatialDropout2D(0.2)(Input((7, 7, 8))).shape
        (B, 7, 7, 8)
    """

    axes = ("B", "H", "W", "F")
    rate: float
    data_format: str | None

    def __init__(
        self, rate: float, data_format: str | None = None, seed: int | None = None, name: str | None = None,
        dtype: str | None = None, **kwargs: Any,
    ) -> None:  # fmt: skip
        super().__init__(name=name, dtype=dtype, **kwargs)
        need_channels_last(self.where, data_format)
        self._store({"rate": check_rate(self.where, "rate", rate), "data_format": data_format, "seed": seed})

    def disturb(self, x: Tensor) -> Tensor:
        """Drop channels."""
        shape = (x.shape[0], 1, 1, x.shape[3])
        return x if not self.rate else x * current().dropout(shape, self.rate, x.dtype, self.seed)


@register
@final
class ActivityRegularization(Layer):
    """Adds a penalty on its input to the loss and passes the input on: l1 · Σ|x| + l2 · Σx², divided by the batch size.

    Shapes:   x (...) -> (...).
    """

    input_kind = "real"
    supports_masking = True
    l1: float
    l2: float

    def __init__(self, l1: float = 0.0, l2: float = 0.0, **kwargs: Any) -> None:
        super().__init__(activity_regularizer=regularizers.L1L2(l1, l2), **kwargs)
        self._store(locals())

    def call(self, x: Tensor) -> Tensor:
        """The input itself."""
        return x

    def get_config(self) -> dict[str, Any]:
        """As every layer's; the penalty is l1 and l2."""
        return {k: v for k, v in super().get_config().items() if k != "activity_regularizer"}
