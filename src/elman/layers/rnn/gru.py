"""The gated recurrent unit: most of an LSTM's memory with one state and three quarters of its weights."""

from __future__ import annotations

from typing import Any, final

from elman.graph import trace as ops
from elman.graph.node import Tensor
from elman.layers.activations import Activation
from elman.layers.registry import register
from elman.layers.rnn.cell import UnitCell
from elman.layers.rnn.gates import GRUGate
from elman.layers.rnn.recurrence import CellLayer


@register
@final
class GRUCell(UnitCell):
    """One step of `GRU`. Weights: kernel (F, 3U), recurrent_kernel (U, 3U), bias (2, 3U) or (3U,), in `GRUGate`s."""

    activation: Activation
    recurrent_activation: Activation
    reset_after: bool

    def __init__(
        self, units: int, activation: Any = "tanh", recurrent_activation: Any = "sigmoid", use_bias: bool = True,
        kernel_initializer: Any = "glorot_uniform", recurrent_initializer: Any = "orthogonal",
        bias_initializer: Any = "zeros", kernel_regularizer: Any = None, recurrent_regularizer: Any = None,
        bias_regularizer: Any = None, kernel_constraint: Any = None, recurrent_constraint: Any = None,
        bias_constraint: Any = None, dropout: float = 0.0, recurrent_dropout: float = 0.0, reset_after: bool = True,
        seed: int | None = None, **kwargs: Any,
    ) -> None:  # fmt: skip
        super().__init__(locals())
        self.state_size = self.output_size = self.units

    def build(self, features: int) -> None:
        """Add kernel, recurrent_kernel and bias; with reset_after one bias row for the input, one for the state."""
        size = len(GRUGate) * self.units
        self._add_gates(features, len(GRUGate), (2, size) if self.reset_after else (size,))

    def step(self, x: Tensor, h: Tensor) -> tuple[Tensor, Tensor]:
        """The equations. Shapes: x (B, F), h (B, U) -> (B, U) twice."""
        z, _, n = self.gates(x, h).values()
        h = z * h + (1.0 - z) * n
        return h, h

    def gates(self, x: Tensor, *states: Any) -> dict[str, Tensor]:
        """z and r between 0 and 1, and the candidate n. Shapes: x (B, F), h (B, U) -> (B, U) each."""
        a = x @ self.kernel
        if self.bias is not None:
            a = a + (self.bias[0] if self.reset_after else self.bias)
        seen = self.recall(states[0])
        z, r, n = self._gates_after(a, seen) if self.reset_after else self._gates_before(a, seen)
        return {"z": z, "r": r, "n": self.activation(n)}

    def _gates_after(self, a: Tensor, h: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """z, r and what goes into n, the reset gate applied to the product."""
        b = self.normalized(h @ self.weight(self.recurrent_kernel))
        b = b if self.bias is None else b + self.bias[1]
        (az, ar, an), (bz, br, bn) = ops.split(a, len(GRUGate)), ops.split(b, len(GRUGate))
        r = self.recurrent_activation(ar + br)
        return self.recurrent_activation(az + bz), r, an + r * bn

    def _gates_before(self, a: Tensor, h: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """z, r and what goes into n, the reset gate applied to the state."""
        gates, candidate = ops.split(self.weight(self.recurrent_kernel), [2 * self.units])
        az, ar, an = ops.split(a, len(GRUGate))
        bz, br = ops.split(self.normalized(h @ gates), 2)
        r = self.recurrent_activation(ar + br)
        return self.recurrent_activation(az + bz), r, an + self.normalized((r * h) @ candidate, 2 * self.units)


@register
@final
class GRU(CellLayer):
    """The recurrent layer to try first: nearly as good as `LSTM`, smaller and faster.

    With s the recurrent activation, a the activation, and products cut into three parts z, r, n (Keras calls the
    third h): z = s(x_t W_z + h U_z + b_z);  r = s(x_t W_r + h U_r + b_r);  n = a(x_t W_n + b_n + r (h U_n + b'_n));
    h_t = z h + (1 - z) n, where h is h_{t-1}. With reset_after=False, n = a(x_t W_n + (r h) U_n + b_n).

    Args:
        units: size U of the state and the output.
        activation, recurrent_activation: a and s.
        use_bias, kernel_*, recurrent_*, bias_*: of W, U and b: how they start, what penalises and limits them.
        dropout, recurrent_dropout: share of x_t and h_{t-1} dropped in training, the same for all steps; seed: of
            their masks. h_{t-1} is dropped where the gates read it, not where it is carried on.
        reset_after: the reset gate after the product (as PyTorch and cuDNN) or before (the first paper).
        unroll, use_cudnn: accepted for Keras's sake; they change no result.
        return_sequences, return_state, go_backwards, stateful, zero_output_for_mask: see `RNN`.
    Shapes:   x (B, T, F) -> (B, U), or (B, T, U) with return_sequences; h (B, U).
    Raises:   ShapeError: x is not of rank 3. ArgumentError: units < 1, a rate outside [0, 1).
    Source:   Cho et al. 2014, "Learning Phrase Representations using RNN Encoder-Decoder" (its z and 1 - z are
              swapped, as in Keras).
    Example:
        >>> from elman.layers import Input
        >>> GRU(16, return_sequences=True)(Input((None, 8))).shape
        (B, T, 16)
    """

    cell_class = GRUCell

    def __init__(
        self, units: int, activation: Any = "tanh", recurrent_activation: Any = "sigmoid", use_bias: bool = True,
        kernel_initializer: Any = "glorot_uniform", recurrent_initializer: Any = "orthogonal",
        bias_initializer: Any = "zeros", kernel_regularizer: Any = None, recurrent_regularizer: Any = None,
        bias_regularizer: Any = None, activity_regularizer: Any = None, kernel_constraint: Any = None,
        recurrent_constraint: Any = None, bias_constraint: Any = None, dropout: float = 0.0,
        recurrent_dropout: float = 0.0, seed: int | None = None, return_sequences: bool = False,
        return_state: bool = False, go_backwards: bool = False, stateful: bool = False, unroll: bool = False,
        reset_after: bool = True, use_cudnn: Any = "auto", zero_output_for_mask: bool = False, **kwargs: Any,
    ) -> None:  # fmt: skip
        super().__init__(locals())
