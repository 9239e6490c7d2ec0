"""ConvLSTM1D, ConvLSTM2D: an LSTM whose products are convolutions, for sequences of lines and of images."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar, final

import numpy as np

from elman.errors import ArgumentError, ShapeError
from elman.graph import trace as ops
from elman.graph import windows
from elman.graph.node import Tensor
from elman.layers import activations
from elman.layers.arguments import check_rate, check_sizes, check_units, need_channels_last
from elman.layers.base import Layer, Mask, current
from elman.layers.registry import register
from elman.layers.rnn.gates import LSTMGate
from elman.layers.rnn.recurrence import choose, turned
from elman.shapes import Shape, text

Numbers = int | Sequence[int]


class ConvLSTM(Layer):
    """What ConvLSTM1D and 2D share. Arguments are those of `LSTM` and of `Conv1D`."""

    input_kind = "real"
    supports_masking = True
    rank: ClassVar[int] = 1
    filters: int
    kernel_size: tuple[int, ...]
    strides: tuple[int, ...]
    dilation_rate: tuple[int, ...]
    padding: str
    activation: activations.Activation
    recurrent_activation: activations.Activation
    use_bias: bool
    unit_forget_bias: bool
    bias_initializer: Any
    dropout: float
    recurrent_dropout: float
    seed: int | None
    return_sequences: bool
    return_state: bool
    go_backwards: bool

    refuses: ClassVar[dict[str, str]] = {
        **dict.fromkeys(
            ("zoneout", "weight_drop", "recurrent_normalization"), "its state is a line or an image, not a row of units"
        ),
        "learn_initial_state": "its state has as many places as x, which its weights do not know",
        "zero_output_for_mask": "masked steps repeat the state before them",
        "stateful": "it keeps no states between batches",
    }
    """Options of other recurrent layers that it does not have: name -> reason."""

    def __init__(
        self, filters: int, kernel_size: Numbers, strides: Numbers = 1, padding: str = "valid",
        data_format: str | None = None, dilation_rate: Numbers = 1, activation: Any = "tanh",
        recurrent_activation: Any = "sigmoid", use_bias: bool = True, kernel_initializer: Any = "glorot_uniform",
        recurrent_initializer: Any = "orthogonal", bias_initializer: Any = "zeros", unit_forget_bias: bool = True,
        kernel_regularizer: Any = None, recurrent_regularizer: Any = None, bias_regularizer: Any = None,
        activity_regularizer: Any = None, kernel_constraint: Any = None, recurrent_constraint: Any = None,
        bias_constraint: Any = None, dropout: float = 0.0, recurrent_dropout: float = 0.0, seed: int | None = None,
        return_sequences: bool = False, return_state: bool = False, go_backwards: bool = False,
        stateful: bool = False, **kwargs: Any,
    ) -> None:  # fmt: skip
        others = {name: kwargs.pop(name) for name in (*self.refuses, "unroll") if name in kwargs}
        super().__init__(activity_regularizer=activity_regularizer, **kwargs)
        for option, value in {**others, "stateful": stateful}.items():
            if value and option in self.refuses:
                cure = "Take return_state=True and initial_state instead." if "state" in option else "Leave it out."
                rule = "be False here" if isinstance(value, bool) else "be left out here"
                raise ArgumentError.at(self.where, option, rule, value, cure, because=self.refuses[option])
        self._store({k: v for k, v in locals().items() if k not in ("others", "option", "value")})
        check_units(self.where, "filters", filters)
        need_channels_last(self.where, data_format)
        for argument, rate in (("dropout", dropout), ("recurrent_dropout", recurrent_dropout)):
            check_rate(self.where, argument, rate)
        self.kernel_size = check_sizes(self.where, "kernel_size", kernel_size, self.rank)
        self.strides, self.dilation_rate = (
            check_sizes(self.where, "strides", strides, self.rank),
            check_sizes(self.where, "dilation_rate", dilation_rate, self.rank),
        )
        self.padding = str(padding).lower()
        if self.padding not in ("valid", "same"):
            raise ArgumentError.at(self.where, "padding", "be one of valid, same", padding)

    def build(self, input_shape: Shape) -> None:
        """Add kernel (*kernel_size, C, 4N), recurrent_kernel (*kernel_size, N, 4N) and bias (4N,)."""
        channels: Any = input_shape[-1]
        wide = len(LSTMGate) * self.filters
        self.kernel = self._add_stem("kernel", (*self.kernel_size, channels, wide))
        self.recurrent_kernel = self._add_stem("recurrent", (*self.kernel_size, self.filters, wide), "recurrent_kernel")
        self.bias = self._add_stem("bias", (wide,), initializer=self._draw_bias) if self.use_bias else None

    def call(self, x: Tensor, initial_state: Any = None, mask: Mask | None = None, training: bool = False) -> Any:
        """The output, and the states if asked for. Shapes: x (B, T, S..., C); states (B, S'..., N)."""
        now = current()
        if training and self.dropout:
            x = x * now.dropout((x.shape[0], 1, *x.shape[2:]), self.dropout, x.dtype, self.seed)
        z = self._from_input(x)
        start = ops.zeros((x.shape[0], *z.shape[2:-1], self.filters), x.dtype)
        init = [start, start] if initial_state is None else self._given(initial_state, start.shape)
        drop = training and self.recurrent_dropout
        kept = now.dropout(start.shape, self.recurrent_dropout, x.dtype, self.seed) if drop else None
        real = None if mask is None or mask.values is None else ops.swapaxes(mask.values, 0, 1)
        steps, companion = ops.swapaxes(z, 0, 1), now.companion
        begin = companion.start(self.name, steps, init) if companion.carries else init  # others watch a cell
        restarts = companion.restarts(self.name, steps) if companion.carries else None

        def step(states: tuple[Tensor, ...], slices: tuple[Tensor, ...]) -> tuple[list[Tensor], list[Tensor]]:
            if restarts is not None:
                states = tuple(choose(slices[-1], a, b) for a, b in zip(init, states, strict=True))
            h, c = self._step(slices[0], states[0], states[1], kept)
            if real is not None:
                h, c = choose(slices[1], h, states[0]), choose(slices[1], c, states[1])
            return [h, c], [h] if self.return_sequences else []

        sequences = [steps, *(s for s in (real, restarts) if s is not None)]
        lengths = None if mask is None else mask.lengths
        finals, outputs = ops.scan(step, begin, sequences, lengths, self.go_backwards)
        if companion.carries:
            companion.finish(self.name, finals)
        y = finals[0]
        if self.return_sequences:
            y = ops.swapaxes(outputs[0], 0, 1)
            y = turned(y, mask) if self.go_backwards else y
        return [y, *finals] if self.return_state else y

    def compute_mask(self, x: Any, mask: Any) -> Any:
        """The input's mask where whole sequences come out."""
        return mask if self.return_sequences else None

    def _from_input(self, x: Tensor) -> Tensor:
        """x W + b at all steps at once. Shapes: (B, T, S..., C) -> (B, T, S'..., 4N)."""
        frames = ops.reshape(x, (x.shape[0] * x.shape[1], *x.shape[2:]))
        z = windows.conv(frames, self.kernel, self.strides, self.padding, self.dilation_rate, self.bias)
        return ops.reshape(z, (*x.shape[:2], *z.shape[1:]))

    def _step(self, z: Tensor, h: Tensor, c: Tensor, kept: Tensor | None) -> tuple[Tensor, Tensor]:
        """The equations. Shapes: z (B, S'..., 4N), h and c (B, S'..., N) -> h, c."""
        s = self.recurrent_activation
        recalled = h if kept is None else h * kept
        i, f, g, o = ops.split(z + windows.conv(recalled, self.recurrent_kernel, padding="same"), len(LSTMGate))
        c = s(f) * c + s(i) * self.activation(g)
        return s(o) * self.activation(c), c

    def _given(self, states: Any, shape: Shape) -> list[Tensor]:
        """Raises: ShapeError: not two states of the shape."""
        found = list(states) if isinstance(states, (list, tuple)) else [states]
        if [t.shape for t in found] != [shape, shape]:
            received = ", ".join(text(t.shape) for t in found)
            raise ShapeError.at(self.where, "initial_state", f"be two of shape {text(shape)}", received, "h, then c.")
        return [ops.cast(t, self.dtype) for t in found]

    def _draw_bias(self, shape: tuple[int, ...], dtype: str) -> np.ndarray:
        """The bias as drawn; that of the forget gate is 1 with `unit_forget_bias`: remember at the start."""
        bias = np.array(self.bias_initializer(shape, dtype))
        if self.unit_forget_bias:
            bias[LSTMGate.FORGET * self.filters :][: self.filters] = 1
        return bias


@register
@final
class ConvLSTM1D(ConvLSTM):
    """An LSTM over lines: what a step does to a place depends on the neighbours of the place alone.

    As `LSTM`, with z = x_t * W + h_{t-1} * U + b, * the convolution of `Conv1D`; that of h has padding "same". A mask
    of T goes on with return_sequences; masked steps keep the state.

    Args:     as Keras's: those of `LSTM`, with filters N, kernel_size, strides, padding ("valid" or "same"),
              data_format and dilation_rate of the input's convolution. unroll changes nothing; stateful, and what
              `Cell` and `RNN` have beyond Keras, is refused.
    Shapes:   x (B, T, S, C) -> (B, S', N), or (B, T, S', N) with return_sequences; h, c (B, S', N).
    Raises:   ShapeError: x is not of rank 4. ArgumentError: an argument out of its range.
    Source:   Shi et al. 2015, "Convolutional LSTM Network", equation 3 without the peepholes, as Keras.
    Example:
        >>> from elman.layers import Input
        >>> ConvLSTM1D(4, 3, padding="same")(Input((None, 16, 2))).shape
        (B, 16, 4)
    """

    axes = ("B", "T", "S", "F")


@register
@final
class ConvLSTM2D(ConvLSTM):
    """An LSTM over images: video, or maps that change with time.

    As `LSTM`, with z = x_t * W + h_{t-1} * U + b, * the convolution of `Conv2D`; that of h has padding "same". A mask
    of T goes on with return_sequences; masked steps keep the state.

    Args:     as Keras's: those of `LSTM`, with filters N, kernel_size, strides, padding ("valid" or "same"),
              data_format and dilation_rate of the input's convolution. unroll changes nothing; stateful, and what
              `Cell` and `RNN` have beyond Keras, is refused.
    Shapes:   x (B, T, H, W, C) -> (B, H', W', N), or (B, T, H', W', N) with return_sequences; h, c (B, H', W', N).
    Raises:   ShapeError: x is not of rank 5. ArgumentError: an argument out of its range.
    Source:   Shi et al. 2015, "Convolutional LSTM Network", equation 3 without the peepholes, as Keras.
    Example:
        >>> from elman.layers import Input
        >>> ConvLSTM2D(4, 3, padding="same")(Input((None, 16, 16, 1))).shape
        (B, 16, 16, 4)
    """

    axes = ("B", "T", "H", "W", "F")
    rank = 2
