"""Conv1D, Conv2D: the same few weights at every step of a sequence, or at every place of an image."""

from __future__ import annotations

from typing import Any, ClassVar, final

from elman.errors import ArgumentError, ShapeError
from elman.graph import trace as ops
from elman.graph import windows
from elman.graph.node import Tensor
from elman.layers import activations
from elman.layers.arguments import check_units, need_channels_last
from elman.layers.base import Mask
from elman.layers.registry import register
from elman.layers.windows import Numbers, Sliding
from elman.shapes import Shape, text


class Convolution(Sliding):
    """What Conv1D and Conv2D share: y = f(sum over the window of x · kernel + bias).

    Args:
        filters: channels N of the output.
        kernel_size: of the window.
        strides: how far the window moves on.
        padding: "valid": only windows that lie within x; "same": ceil(size / strides) places, zeros at both ends.
        data_format: "channels_last" alone.
        dilation_rate: distance of the steps a window looks at.
        groups: channels and filters are cut into so many groups; a filter sees the channels of its own.
        activation: f; None is none.
        use_bias, kernel_*, bias_*: how kernel (*kernel_size, C / groups, N) and bias (N,) start, what penalises and
            limits them.
        activity_regularizer: penalty on y.

    Shapes:
        x (B, S..., C) -> (B, S'..., filters).
    """

    filters: int
    kernel_size: tuple[int, ...]
    groups: int
    activation: activations.Activation
    use_bias: bool
    paddings: ClassVar[tuple[str, ...]] = ("valid", "same")

    def __init__(
        self, filters: int, kernel_size: Numbers, strides: Numbers = 1, padding: str = "valid",
        data_format: str | None = None, dilation_rate: Numbers = 1, groups: int = 1, activation: Any = None,
        use_bias: bool = True, kernel_initializer: Any = "glorot_uniform", bias_initializer: Any = "zeros",
        kernel_regularizer: Any = None, bias_regularizer: Any = None, activity_regularizer: Any = None,
        kernel_constraint: Any = None, bias_constraint: Any = None, **kwargs: Any,
    ) -> None:  # fmt: skip
        super().__init__(activity_regularizer=activity_regularizer, **kwargs)
        self._store(locals())
        check_units(self.where, "filters", filters)
        need_channels_last(self.where, data_format)
        self.kernel_size = self.numbers("kernel_size", kernel_size)
        self.strides = self.numbers("strides", strides)
        self.dilation_rate = self.numbers("dilation_rate", dilation_rate)
        self.padding = self.chosen_padding(padding, self.paddings)
        if check_units(self.where, "groups", groups) and filters % groups:
            raise ArgumentError.at(self.where, "groups", f"be a divisor of the {filters} filters", groups)
        if max(self.strides) > 1 and max(self.dilation_rate) > 1:
            rule = "be 1 where strides are not, as in Keras"
            raise ArgumentError.at(self.where, "dilation_rate", rule, dilation_rate, "Choose one of them.")

    def window(self) -> tuple[int, ...]:
        """The kernel's size."""
        return self.kernel_size

    def build(self, input_shape: Shape) -> None:
        """Add kernel (*kernel_size, C / groups, N) and bias (N,)."""
        channels = input_shape[-1]
        if not isinstance(channels, int) or channels % self.groups:
            rule = f"have a number of channels that {self.groups} groups divide"
            raise ShapeError.at(self.where, "x", rule, text(input_shape), "Change groups.")
        self.kernel = self._add_stem("kernel", (*self.kernel_size, channels // self.groups, self.filters))
        self.bias = self._add_stem("bias", (self.filters,)) if self.use_bias else None

    def call(self, x: Tensor, mask: Mask | None = None) -> Tensor:
        """The equation."""
        real = self.real_steps(x, mask)
        x = x if real is None else ops.where(real, x, 0.0)
        x, padding = self.behind_past(x)
        moves = (self.strides, padding, self.dilation_rate)
        return self.activation(windows.conv(x, self.kernel, *moves, bias=self.bias))


@register
@final
class Conv1D(Convolution):
    """Filters that look at a few neighbouring steps: what is typical of a stretch of a sequence, wherever it stands.

    y_t = f(b + sum over k of x_{t·strides + k·dilation_rate} · W_k). "causal" padding looks back only: such a layer
    can be streamed. A mask goes
    on, with the lengths that are left: with "valid" those of windows that lie within the real steps, otherwise the
    length by the strides, rounded up; padded steps count as zeros. Before a recurrent layer, strides make sequences
    shorter.

    Args:     as Keras's: filters N, kernel_size K, strides, padding ("valid", "same" or "causal"), data_format,
              dilation_rate, groups, activation, use_bias, kernel_*, bias_*, activity_regularizer.
    Shapes:   x (B, T, C) -> (B, T', N); kernel (K, C / groups, N).
    Raises:   ShapeError: x is not of rank 3, or shorter than the window. ArgumentError: an argument out of its range.
    Source:   Waibel et al. 1989, "Phoneme recognition using time-delay neural networks".
    Example:
        >>> from elman.layers import Input
        >>> Conv1D(16, 3, padding="same")(Input((None, 8))).shape
        (B, T, 16)
        >>> Conv1D(16, 4, strides=2)(Input((None, 8))).shape
        (B, (T//2) + -1, 16)
    """

    axes = ("B", "T", "F")
    paddings = ("valid", "same", "causal")


@register
@final
class Conv2D(Convolution):
    """Filters that look at a small patch of an image.

    Args:     as Keras's: filters N, kernel_size (K1, K2), strides, padding ("valid" or "same"), data_format,
              dilation_rate, groups, activation, use_bias, kernel_*, bias_*, activity_regularizer.
    Shapes:   x (B, H, W, C) -> (B, H', W', N); kernel (K1, K2, C / groups, N). A mask tells which of axis 1 are real.
    Raises:   ShapeError: x is not of rank 4, or smaller than the window. ArgumentError: an argument out of its range.
    Source:   LeCun et al. 1989, "Backpropagation applied to handwritten zip code recognition".
    Example:
        >>> from elman.layers import Input
        >>> Conv2D(32, 3, activation="relu")(Input((28, 28, 1))).shape
        (B, 26, 26, 32)
    """

    axes = ("B", "H", "W", "F")
    rank = 2

    def __init__(
        self, filters: int, kernel_size: Numbers, strides: Numbers = (1, 1), padding: str = "valid",
        data_format: str | None = None, dilation_rate: Numbers = (1, 1), groups: int = 1, activation: Any = None,
        use_bias: bool = True, kernel_initializer: Any = "glorot_uniform", bias_initializer: Any = "zeros",
        kernel_regularizer: Any = None, bias_regularizer: Any = None, activity_regularizer: Any = None,
        kernel_constraint: Any = None, bias_constraint: Any = None, **kwargs: Any,
    ) -> None:  # fmt: skip
        given = {k: v for k, v in locals().items() if k not in ("self", "kwargs", "__class__")}
        super().__init__(**given, **kwargs)
