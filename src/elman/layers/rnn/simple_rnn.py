"""The simple recurrent network of Elman (1990): one equation, one weight matrix over time."""

from __future__ import annotations

from typing import Any, final

from elman.graph.node import Tensor
from elman.layers.activations import Activation
from elman.layers.registry import register
from elman.layers.rnn.cell import UnitCell
from elman.layers.rnn.recurrence import CellLayer


@register
@final
class SimpleRNNCell(UnitCell):
    """One step of `SimpleRNN`. Weights: kernel W (F, U), recurrent_kernel U (U, U), bias b (U,)."""

    activation: Activation

    def __init__(
        self, units: int, activation: Any = "tanh", use_bias: bool = True, kernel_initializer: Any = "glorot_uniform",
        recurrent_initializer: Any = "orthogonal", bias_initializer: Any = "zeros", kernel_regularizer: Any = None,
        recurrent_regularizer: Any = None, bias_regularizer: Any = None, kernel_constraint: Any = None,
        recurrent_constraint: Any = None, bias_constraint: Any = None, dropout: float = 0.0,
        recurrent_dropout: float = 0.0, seed: int | None = None, **kwargs: Any,
    ) -> None:  # fmt: skip
        super().__init__(locals())
        self.state_size = self.units

    def build(self, features: int) -> None:
        """Add kernel, recurrent_kernel and bias."""
        self._add_gates(features, 1, (self.units,))

    def step(self, x: Tensor, h: Tensor) -> tuple[Tensor, Tensor]:
        """The equation. Shapes: x (B, F), h (B, U) -> (B, U) twice."""
        z = x @ self.kernel
        z = z if self.bias is None else z + self.bias
        h = self.activation(z + self.recur(h, self.recurrent_kernel))
        return h, h


@register
@final
class SimpleRNN(CellLayer):
    """The plainest recurrent layer: for short memories, teaching, and as a baseline for GRU and LSTM.

    h_t = f(x_t W + h_{t-1} U + b), h_0 = 0. Gradients through time shrink or grow like powers of U: beyond some tens
    of steps use `GRU` or `LSTM`.

    Args:
        units: size U of the state and the output.
        activation: f; "tanh" keeps the state within -1 and 1, "relu" does not.
        use_bias, kernel_*, recurrent_*, bias_*: of W, U and b: how they start, what penalises and limits them.
        dropout, recurrent_dropout: share of x_t and h_{t-1} dropped in training, the same for all steps; seed: of
            their masks.
        unroll: accepted for Keras's sake; changes no result here, and nothing else.
        return_sequences, return_state, go_backwards, stateful, zero_output_for_mask: see `RNN`.
    Shapes:   x (B, T, F) -> (B, U), or (B, T, U) with return_sequences; h (B, U).
    Raises:   ShapeError: x is not of rank 3. ArgumentError: units < 1, a rate outside [0, 1).
    Source:   Elman 1990, "Finding Structure in Time", Cognitive Science 14(2).
    Example:
        >>> from elman.layers import Input
        >>> SimpleRNN(32, activation="relu")(Input((None, 4))).shape
        (B, 32)
    """

    cell_class = SimpleRNNCell

    def __init__(
        self, units: int, activation: Any = "tanh", use_bias: bool = True, kernel_initializer: Any = "glorot_uniform",
        recurrent_initializer: Any = "orthogonal", bias_initializer: Any = "zeros", kernel_regularizer: Any = None,
        recurrent_regularizer: Any = None, bias_regularizer: Any = None, activity_regularizer: Any = None,
        kernel_constraint: Any = None, recurrent_constraint: Any = None, bias_constraint: Any = None,
        dropout: float = 0.0, recurrent_dropout: float = 0.0, return_sequences: bool = False,
        return_state: bool = False, go_backwards: bool = False, stateful: bool = False, unroll: bool = False,
        seed: int | None = None, zero_output_for_mask: bool = False, **kwargs: Any,
    ) -> None:  # fmt: skip
        super().__init__(locals())
