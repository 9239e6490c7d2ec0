"""DepthwiseConv1D/2D, SeparableConv1D/2D: convolution channel by channel, and a product that mixes the channels."""

from __future__ import annotations

from typing import Any, ClassVar, final

from elman.errors import ArgumentError
from elman.graph import trace as ops
from elman.graph import windows
from elman.graph.node import Tensor, Variable
from elman.layers import activations
from elman.layers.arguments import check_units, need_channels_last
from elman.layers.base import Mask
from elman.layers.registry import register
from elman.layers.windows import Numbers, Sliding
from elman.shapes import Shape


class ByChannel(Sliding):
    """A window over each channel by itself. Arguments as Keras's; see the classes."""

    kernel_size: tuple[int, ...]
    depth_multiplier: int
    activation: activations.Activation
    use_bias: bool
    paddings: ClassVar[tuple[str, ...]] = ("valid", "same")

    def _window_arguments(
        self, kernel_size: Numbers, strides: Numbers, padding: str, dilation_rate: Numbers, depth_multiplier: int
    ) -> None:
        """Check and keep how the window moves."""
        self.kernel_size = self.numbers("kernel_size", kernel_size)
        self.strides = self.numbers("strides", strides)
        self.dilation_rate = self.numbers("dilation_rate", dilation_rate)
        self.padding = self.chosen_padding(padding, self.paddings)
        check_units(self.where, "depth_multiplier", depth_multiplier)
        if max(self.strides) > 1 and max(self.dilation_rate) > 1:
            rule = "be 1 where strides are not, as in Keras"
            raise ArgumentError.at(self.where, "dilation_rate", rule, dilation_rate, "Choose one of them.")

    def window(self) -> tuple[int, ...]:
        """The kernel's size."""
        return self.kernel_size

    def _by_channel(self, x: Tensor, kernel: Variable, mask: Mask | None) -> Tensor:
        """Shapes: x (B, S..., C) -> (B, S'..., C * M)."""
        real = self.real_steps(x, mask)
        x = x if real is None else ops.where(real, x, 0.0)
        x, padding = self.behind_past(x)
        return windows.depthwise_conv(x, kernel, self.strides, padding, self.dilation_rate)


class Depthwise(ByChannel):
    """What DepthwiseConv1D and 2D share. Shapes: x (B, S..., C) -> (B, S'..., C * depth_multiplier)."""

    def __init__(
        self, kernel_size: Numbers, strides: Numbers = 1, padding: str = "valid", depth_multiplier: int = 1,
        data_format: str | None = None, dilation_rate: Numbers = 1, activation: Any = None, use_bias: bool = True,
        depthwise_initializer: Any = "glorot_uniform", bias_initializer: Any = "zeros",
        depthwise_regularizer: Any = None, bias_regularizer: Any = None, activity_regularizer: Any = None,
        depthwise_constraint: Any = None, bias_constraint: Any = None, **kwargs: Any,
    ) -> None:  # fmt: skip
        super().__init__(activity_regularizer=activity_regularizer, **kwargs)
        self._store(locals())
        need_channels_last(self.where, data_format)
        self._window_arguments(kernel_size, strides, padding, dilation_rate, depth_multiplier)

    def build(self, input_shape: Shape) -> None:
        """Add kernel (*kernel_size, C, M) and bias (C * M,)."""
        channels: Any = input_shape[-1]
        self.kernel = self._add_stem("depthwise", (*self.kernel_size, channels, self.depth_multiplier), "kernel")
        self.bias = self._add_stem("bias", (channels * self.depth_multiplier,)) if self.use_bias else None

    def call(self, x: Tensor, mask: Mask | None = None) -> Tensor:
        """The equation."""
        y = self._by_channel(x, self.kernel, mask)
        return self.activation(y if self.bias is None else y + self.bias)


class Separable(ByChannel):
    """What SeparableConv1D and 2D share. Shapes: x (B, S..., C) -> (B, S'..., filters)."""

    filters: int

    def __init__(
        self, filters: int, kernel_size: Numbers, strides: Numbers = 1, padding: str = "valid",
        data_format: str | None = None, dilation_rate: Numbers = 1, depth_multiplier: int = 1, activation: Any = None,
        use_bias: bool = True, depthwise_initializer: Any = "glorot_uniform",
        pointwise_initializer: Any = "glorot_uniform", bias_initializer: Any = "zeros",
        depthwise_regularizer: Any = None, pointwise_regularizer: Any = None, bias_regularizer: Any = None,
        activity_regularizer: Any = None, depthwise_constraint: Any = None, pointwise_constraint: Any = None,
        bias_constraint: Any = None, **kwargs: Any,
    ) -> None:  # fmt: skip
        super().__init__(activity_regularizer=activity_regularizer, **kwargs)
        self._store(locals())
        check_units(self.where, "filters", filters)
        need_channels_last(self.where, data_format)
        self._window_arguments(kernel_size, strides, padding, dilation_rate, depth_multiplier)

    def build(self, input_shape: Shape) -> None:
        """Add depthwise_kernel (*kernel_size, C, M), pointwise_kernel (1..., C * M, N) and bias (N,)."""
        channels: Any = input_shape[-1]
        wide = channels * self.depth_multiplier
        sizes = (*self.kernel_size, channels, self.depth_multiplier)
        self.depthwise_kernel = self._add_stem("depthwise", sizes, "depthwise_kernel")
        mixing = (*(1,) * self.rank, wide, self.filters)
        self.pointwise_kernel = self._add_stem("pointwise", mixing, "pointwise_kernel")
        self.bias = self._add_stem("bias", (self.filters,)) if self.use_bias else None

    def call(self, x: Tensor, mask: Mask | None = None) -> Tensor:
        """The equation."""
        y = self._by_channel(x, self.depthwise_kernel, mask)
        y = windows.conv(y, self.pointwise_kernel, bias=self.bias)
        return self.activation(y)


@register
@final
class DepthwiseConv1D(Depthwise):
    """Filters that see one feature each: cheap, and nothing is mixed. A mask goes on as through `Conv1D`.

    Args:     as Keras's: kernel_size K, strides, padding ("valid", "same" or "causal"), depth_multiplier M (filters a
              feature), data_format, dilation_rate, activation, use_bias, depthwise_*, bias_*, activity_regularizer.
    Shapes:   x (B, T, C) -> (B, T', C * M); kernel (K, C, M).
    Raises:   ShapeError: x is not of rank 3, or shorter than the window. ArgumentError: an argument out of its range.
    Source:   Sifre 2014, "Rigid-motion scattering for image classification", section 6.2.
    Example:
        >>> from elman.layers import Input
        >>> DepthwiseConv1D(3, padding="same")(Input((None, 8))).shape
        (B, T, 8)
    """

    axes = ("B", "T", "F")
    paddings = ("valid", "same", "causal")


@register
@final
class DepthwiseConv2D(Depthwise):
    """Filters that see one channel of an image each.

    Args:     as Keras's: kernel_size (K1, K2), strides, padding ("valid" or "same"), depth_multiplier M, data_format,
              dilation_rate, activation, use_bias, depthwise_*, bias_*, activity_regularizer.
    Shapes:   x (B, H, W, C) -> (B, H', W', C * M); kernel (K1, K2, C, M).
    Raises:   ShapeError: x is not of rank 4, or smaller than the window. ArgumentError: an argument out of its range.
    Source:   Howard et al. 2017, "MobileNets", section 3.1.
    Example:
        >>> from elman.layers import Input
        >>> DepthwiseConv2D(3)(Input((28, 28, 8))).shape
        (B, 26, 26, 8)
    """

    axes = ("B", "H", "W", "F")
    rank = 2


@register
@final
class SeparableConv1D(Separable):
    """`DepthwiseConv1D`, then a product that mixes the features: a cheap `Conv1D`. A mask goes on as through that.

    Args:     as Keras's: filters N, kernel_size K, strides, padding ("valid", "same" or "causal"), data_format,
              dilation_rate, depth_multiplier M, activation, use_bias, depthwise_*, pointwise_*, bias_*,
              activity_regularizer.
    Shapes:   x (B, T, C) -> (B, T', N); depthwise_kernel (K, C, M), pointwise_kernel (1, C * M, N).
    Raises:   ShapeError: x is not of rank 3, or shorter than the window. ArgumentError: an argument out of its range.
    Source:   Howard et al. 2017, "MobileNets", section 3.1.
    Example:
        >>> from elman.layers import Input
        >>> SeparableConv1D(4, 3, padding="same")(Input((None, 8))).shape
        (B, T, 4)
    """

    axes = ("B", "T", "F")
    paddings = ("valid", "same", "causal")


@register
@final
class SeparableConv2D(Separable):
    """`DepthwiseConv2D`, then a product that mixes the channels: a cheap `Conv2D`.

    Args:     as Keras's: filters N, kernel_size (K1, K2), strides, padding ("valid" or "same"), data_format,
              dilation_rate, depth_multiplier M, activation, use_bias, depthwise_*, pointwise_*, bias_*,
              activity_regularizer.
    Shapes:   x (B, H, W, C) -> (B, H', W', N); depthwise_kernel (K1, K2, C, M), pointwise_kernel (1, 1, C * M, N).
    Raises:   ShapeError: x is not of rank 4, or smaller than the window. ArgumentError: an argument out of its range.
    Source:   Howard et al. 2017, "MobileNets", section 3.1.
    Example:
        >>> from elman.layers import Input
        >>> SeparableConv2D(4, 3)(Input((28, 28, 8))).shape
        (B, 26, 26, 4)
    """

    axes = ("B", "H", "W", "F")
    rank = 2
