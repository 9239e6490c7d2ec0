"""The antisymmetric network: a stable differential equation in small steps."""

from __future__ import annotations

from typing import Any, ClassVar, final

from elman.graph import trace as ops
from elman.graph.node import Tensor
from elman.layers.activations import Activation
from elman.layers.registry import register
from elman.layers.rnn.cell import PlainCell
from elman.layers.rnn.recurrence import UnitLayer


@register
@final
class AntisymmetricRNNCell(PlainCell):
    """One step of `AntisymmetricRNN`. Weights: kernel V (F, U), recurrent_kernel W (U, U), bias b (U,)."""

    activation: Activation
    step_size: float
    diffusion: float
    refuses: ClassVar[dict[str, str]] = {
        "recurrent_normalization": "a normalised product is no longer that of an antisymmetric matrix"
    }

    def __init__(
        self, units: int, activation: Any = "tanh", step_size: float = 0.1, diffusion: float = 0.01, **kwargs: Any
    ) -> None:
        super().__init__(units, **kwargs)
        self._store(locals(), step_size="a finite number above 0", diffusion="a finite number from 0")

    def build(self, features: int) -> None:
        """Add kernel, recurrent_kernel and bias."""
        self._add_gates(features, 1, (self.units,))

    def step(self, x: Tensor, h: Tensor) -> tuple[Tensor, Tensor]:
        """The equation. Shapes: x (B, F), h (B, U) -> (B, U) twice."""
        seen, w = self.recall(h), self.weight(self.recurrent_kernel)
        turned = seen @ (w - ops.swapaxes(w, 0, 1)) - self.diffusion * seen
        h = h + self.step_size * self.activation(self._from_input(x) + turned)
        return h, h


@register
@final
class AntisymmetricRNN(UnitLayer):
    """A recurrence that neither blows up nor dies out, without a gate.

    For long dependencies with few weights. The output grows with T times step_size: keep that near 1 to 10.

    h_t = h_{t-1} + e a(x_t V + h_{t-1} (W - W') - g h_{t-1} + b), W' being W transposed: the eigenvalues of W - W'
    are imaginary.

    Args:
        units: size U of the state and the output.
        activation: a.
        step_size: e, of Euler's method.
        diffusion: g, which makes up for the error of finite steps.
        use_bias, kernel_*, recurrent_*, bias_*: of W, U and b: how they start, what penalises and limits them.
        dropout, recurrent_dropout, zoneout, weight_drop, recurrent_normalization, seed: see `Cell`.
        return_sequences, return_state, go_backwards, stateful, zero_output_for_mask, learn_initial_state: see `RNN`.
    Shapes:   x (B, T, F) -> (B, U), or (B, T, U) with return_sequences; h (B, U).
    Raises:   ShapeError: x is not of rank 3. ArgumentError: units < 1, a rate outside [0, 1).
    Source:   Chang et al. 2019, "AntisymmetricRNN: A Dynamical System View on Recurrent Neural Networks", equation
              11; not its gated form.
    Example:
        >>> from elman.layers import Input
        >>> AntisymmetricRNN(16, return_sequences=True)(Input((None, 8))).shape
        (B, T, 16)
    """

    cell_class = AntisymmetricRNNCell
