"""coRNN: coupled oscillators."""

from __future__ import annotations

from typing import Any, final

from elman.graph import trace as ops
from elman.graph.node import Tensor
from elman.layers.activations import Activation
from elman.layers.registry import register
from elman.layers.rnn.cell import PlainCell
from elman.layers.rnn.recurrence import UnitLayer


@register
@final
class CoRNNCell(PlainCell):
    """One step of `CoRNN`. Weights: kernel V (F, U), recurrent_kernel (2U, U) for y above z, bias b (U,)."""

    activation: Activation
    step_size: float
    frequency: float
    damping: float

    def __init__(
        self, units: int, activation: Any = "tanh", step_size: float = 0.05, frequency: float = 2.7,
        damping: float = 4.7, **kwargs: Any,
    ) -> None:  # fmt: skip
        super().__init__(units, **kwargs)
        self._store(
            locals(),
            step_size="a finite number above 0",
            frequency="a finite number from 0",
            damping="a finite number from 0",
        )
        self.state_size = (self.units, self.units)

    def build(self, features: int) -> None:
        """Add kernel, recurrent_kernel and bias."""
        self.kernel = self._add_stem("kernel", (features, self.units))
        self.recurrent_kernel = self._add_stem("recurrent", (2 * self.units, self.units), "recurrent_kernel")
        self.bias = self._add_stem("bias", (self.units,)) if self.use_bias else None
        self.add_recurrent_gamma(self.units)

    def step(self, x: Tensor, y: Tensor, z: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """The equations. Shapes: x (B, F), y and z (B, U) -> y, y, z (B, U)."""
        both = ops.concatenate([self.recall(y), self.recall(z)], -1)
        force = self.activation(self._from_input(x) + self.normalized(both @ self.weight(self.recurrent_kernel)))
        z = z + self.step_size * (force - self.frequency * y - self.damping * z)
        y = y + self.step_size * z
        return y, y, z


@register
@final
class CoRNN(UnitLayer):
    """Damped oscillators that drive each other: gradients proven to stay in bounds.

    For very long sequences; step_size, frequency and damping are worth a search.

    With the positions y and the velocities z of the step before: z_t = z + d (a(y U_y + z U_z + x_t V + b) - f y - e
    z);  y_t = y + d z_t. The output is y.

    Args:
        units: size U of both states and the output.
        activation: a.
        step_size: d.
        frequency, damping: f (gamma in the paper) and e (epsilon).
        use_bias, kernel_*, recurrent_*, bias_*: of W, U and b: how they start, what penalises and limits them.
        dropout, recurrent_dropout, zoneout, weight_drop, recurrent_normalization, seed: see `Cell`.
        return_sequences, return_state, go_backwards, stateful, zero_output_for_mask, learn_initial_state: see `RNN`.
    Shapes:   x (B, T, F) -> (B, U), or (B, T, U) with return_sequences; y, z (B, U).
    Raises:   ShapeError: x is not of rank 3. ArgumentError: units < 1, a rate outside [0, 1).
    Source:   Rusch and Mishra 2021, "Coupled Oscillatory Recurrent Neural Network (coRNN)", equation 3 with the
              damping explicit.
    Example:
        >>> from elman.layers import Input
        >>> CoRNN(16, return_sequences=True)(Input((None, 8))).shape
        (B, T, 16)
    """

    cell_class = CoRNNCell
