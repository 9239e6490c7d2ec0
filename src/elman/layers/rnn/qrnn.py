"""The quasi-recurrent network: convolutions over time, and a pooling that remembers."""

from __future__ import annotations

from typing import Any, ClassVar, final

from elman.graph import trace as ops
from elman.graph.node import Tensor
from elman.layers.activations import Activation
from elman.layers.arguments import check_units
from elman.layers.registry import register
from elman.layers.rnn.cell import PlainCell
from elman.layers.rnn.recurrence import UnitLayer


@register
@final
class QRNNCell(PlainCell):
    """One step of `QRNN`. Weights: kernel (F, 3U), past_kernel ((window - 1) F, 3U), bias (3U,), in the order z,
    f, o.
    """

    activation: Activation
    window: int
    zoned: ClassVar[tuple[int, ...] | None] = (0,)
    refuses: ClassVar[dict[str, str]] = {
        "recurrent_dropout": "its gates do not read the state",
        "weight_drop": "it has no recurrent weights",
        "recurrent_normalization": "its gates do not read the state",
    }

    def __init__(self, units: int, activation: Any = "tanh", window: int = 2, **kwargs: Any) -> None:
        super().__init__(units, **kwargs)
        self._store(locals())
        check_units(self.where, "window", window)
        self.state_size = (self.units,)

    def build(self, features: int) -> None:
        """Add kernel, past_kernel and bias; the inputs that the window still sees are a state."""
        self.kernel = self._add_stem("kernel", (features, 3 * self.units))
        past = (self.window - 1) * features
        if past:
            self.state_size = (self.units, past)
            self.past_kernel = self._add_stem("kernel", (past, 3 * self.units), "past_kernel")
        self.bias = self._add_stem("bias", (3 * self.units,)) if self.use_bias else None

    def step(self, x: Tensor, c: Tensor, *past: Tensor) -> list[Tensor]:
        """The equations. Shapes: x (B, F), c (B, U), past (B, (window - 1) F) -> h, c, past."""
        gates = self._from_input(x)
        for seen in past:
            gates = gates + seen @ self.past_kernel
        z, f, o = ops.split(gates, 3)
        f = ops.sigmoid(f)
        c = f * c + (1.0 - f) * self.activation(z)
        later = [ops.concatenate([seen, x], -1)[:, x.shape[-1] :] for seen in past]
        return [ops.sigmoid(o) * c, c, *later]


@register
@final
class QRNN(UnitLayer):
    """An LSTM whose gates look at the last few inputs instead of the state.

    For text and long sequences in stacks. The product with x_t leaves the loop, that with the inputs before it does
    not: with window=1 the loop has none. `zoneout` acts on c.

    With x = (x_{t-k+1}, ..., x_t), zeros before the start, and x W + b cut into z, f, o: c_t = sigmoid(f) c_{t-1} +
    (1 - sigmoid(f)) a(z);  h_t = sigmoid(o) c_t (fo-pooling). The states are c and the k - 1 inputs before.

    Args:
        units: size U of the state and the output.
        activation: a.
        window: k, how many inputs the gates see.
        use_bias, kernel_*, bias_*: of W and b.
        dropout, recurrent_dropout, zoneout, weight_drop, recurrent_normalization, seed: see `Cell`.
        return_sequences, return_state, go_backwards, stateful, zero_output_for_mask, learn_initial_state: see `RNN`.
    Shapes:   x (B, T, F) -> (B, U), or (B, T, U) with return_sequences; c (B, U), past inputs (B, (window - 1) F).
    Raises:   ShapeError: x is not of rank 3. ArgumentError: units < 1, a rate outside [0, 1).
    Source:   Bradbury et al. 2017, "Quasi-Recurrent Neural Networks", equations 1 and 4.
    Example:
        >>> from elman.layers import Input
        >>> QRNN(16, return_sequences=True)(Input((None, 8))).shape
        (B, T, 16)
    """

    cell_class = QRNNCell
