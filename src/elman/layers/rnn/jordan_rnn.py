"""The network of Jordan (1986): what it said is what it remembers."""

from __future__ import annotations

from typing import Any, final

from elman.graph.node import Tensor
from elman.layers.activations import Activation
from elman.layers.arguments import check_units
from elman.layers.registry import register
from elman.layers.rnn.cell import PlainCell
from elman.layers.rnn.recurrence import UnitLayer


@register
@final
class JordanRNNCell(PlainCell):
    """One step of `JordanRNN`. Weights: kernel W (F, U), recurrent_kernel U (O, U), bias b (U,), output_kernel V
    (U, O), output_bias c (O,).
    """

    activation: Activation
    output_activation: Activation
    decay: float

    def __init__(
        self, units: int, output_units: int | None = None, activation: Any = "tanh", output_activation: Any = "tanh",
        decay: float = 0.0, **kwargs: Any,
    ) -> None:  # fmt: skip
        super().__init__(units, **kwargs)
        self._store(
            {"activation": activation, "output_activation": output_activation, "decay": decay}, decay="in [0, 1]"
        )
        self.output_units = output_units
        self.state_size = self.output_size = units if output_units is None else output_units
        check_units(self.where, "output_units", self.output_size)

    def build(self, features: int) -> None:
        """Add kernel, recurrent_kernel and bias, output_kernel and output_bias."""
        self.kernel = self._add_stem("kernel", (features, self.units))
        self.recurrent_kernel = self._add_stem("recurrent", (self.output_size, self.units), "recurrent_kernel")
        self.bias = self._add_stem("bias", (self.units,)) if self.use_bias else None
        self.output_kernel = self._add_stem("kernel", (self.units, self.output_size), "output_kernel")
        self.output_bias = self._add_stem("bias", (self.output_size,), "output_bias") if self.use_bias else None
        self.add_recurrent_gamma(self.units)

    def step(self, x: Tensor, context: Tensor) -> tuple[Tensor, Tensor]:
        """The equations. Shapes: x (B, F), context (B, O) -> y, context (B, O)."""
        hidden = self.activation(self._from_input(x) + self.recur(context, self.recurrent_kernel))
        y = hidden @ self.output_kernel
        y = self.output_activation(y if self.output_bias is None else y + self.output_bias)
        context = self.decay * context + y if self.decay else y
        return y, context


@register
@final
class JordanRNN(UnitLayer):
    """A recurrence over the output: the sibling of Elman's `SimpleRNN`, which feeds back the hidden layer.

    For teaching, and where the past matters only through what was said: controllers, sequences of actions.

    h_t = a(x_t W + s_{t-1} U + b);  y_t = g(h_t V + c);  s_t = decay s_{t-1} + y_t. The output is y, the state is s.

    Args:
        units: size U of the hidden layer h.
        output_units: size O of the output and the state; default U.
        activation, output_activation: a and g.
        decay: how much of the state stays in Jordan's context units; 0: the last output alone.
        use_bias, kernel_*, recurrent_*, bias_*: of W, U and b: how they start, what penalises and limits them.
        dropout, recurrent_dropout, zoneout, weight_drop, recurrent_normalization, seed: see `Cell`.
        return_sequences, return_state, go_backwards, stateful, zero_output_for_mask, learn_initial_state: see `RNN`.
    Shapes:   x (B, T, F) -> (B, O), or (B, T, O) with return_sequences; s (B, O).
    Raises:   ShapeError: x is not of rank 3. ArgumentError: units < 1, a rate outside [0, 1).
    Source:   Jordan 1986, "Serial Order: A Parallel Distributed Processing Approach", ICS report 8604, section on
              state units.
    Example:
        >>> from elman.layers import Input
        >>> JordanRNN(16, output_units=4)(Input((None, 8))).shape
        (B, 4)
    """

    cell_class = JordanRNNCell
