"""The linear recurrent unit: complex numbers that turn and shrink."""

from __future__ import annotations

from typing import Any, ClassVar, final

import numpy as np

from elman.errors import ArgumentError
from elman.graph import trace as ops
from elman.graph.node import Tensor
from elman.layers.initializers import rng
from elman.layers.registry import register
from elman.layers.rnn.cell import PlainCell
from elman.layers.rnn.recurrence import UnitLayer


@register
@final
class LRUCell(PlainCell):
    """One step of `LRU`. Weights: kernel (F, 3U): B real, B imaginary, D; output_kernel (2U, U): C real, then
    minus C imaginary; nu, theta, log_gamma (U,).
    """

    min_radius: float
    max_radius: float
    max_phase: float
    refuses: ClassVar[dict[str, str]] = {
        "recurrent_dropout": "nothing but the state itself reads the state",
        "weight_drop": "its recurrence is a diagonal of eigenvalues, and one that is dropped forgets everything",
        "recurrent_normalization": "the recurrence must stay linear",
    }

    def __init__(
        self, units: int, min_radius: float = 0.0, max_radius: float = 1.0, max_phase: float = 6.283185307179586,
        **kwargs: Any,
    ) -> None:  # fmt: skip
        super().__init__(units, **kwargs)
        self._store(locals(), min_radius="in [0, 1)", max_radius="in (0, 1]", max_phase="a finite number above 0")
        if self.min_radius > self.max_radius:
            raise ArgumentError.at(self.where, "min_radius", f"at most max_radius={max_radius}", min_radius)
        self.state_size = (self.units, self.units)

    def build(self, features: int) -> None:
        """Add the weights; eigenvalues start uniform in a ring of the complex plane."""
        units = (self.units,)
        self.kernel = self._add_stem("kernel", (features, 3 * self.units))
        self.output_kernel = self._add_stem("kernel", (2 * self.units, self.units), "output_kernel")
        self.bias = self._add_stem("bias", units) if self.use_bias else None
        self.nu = self.add_weight("nu", units, self._draw_nu)
        self.theta = self.add_weight("theta", units, self._draw_theta)
        self.log_gamma = self.add_weight("log_gamma", units, self._draw_gamma)

    def step(self, x: Tensor, re: Tensor, im: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """The equations. Shapes: x (B, F), re and im (B, U) -> y, re, im (B, U)."""
        radius, phase = ops.exp(-ops.exp(self.nu.tensor)), ops.exp(self.theta.tensor)
        a, b = radius * ops.cos(phase), radius * ops.sin(phase)
        into_re, into_im, skip = ops.split(x @ self.kernel, 3)
        gamma = ops.exp(self.log_gamma.tensor)
        re, im = a * re - b * im + gamma * into_re, a * im + b * re + gamma * into_im
        y = ops.concatenate([re, im], -1) @ self.output_kernel + skip
        return y if self.bias is None else y + self.bias, re, im

    def _draw_nu(self, shape: tuple[int, ...], dtype: str) -> np.ndarray:
        """log(-log radius), the squares of the radii uniform."""
        squares = rng().uniform(self.min_radius**2, self.max_radius**2, shape).clip(1e-12, 1 - 1e-12)
        return np.asarray(np.log(-0.5 * np.log(squares)), dtype)

    def _draw_theta(self, shape: tuple[int, ...], dtype: str) -> np.ndarray:
        """The logarithm of uniform phases."""
        return np.log(rng().uniform(1e-12, self.max_phase, shape)).astype(dtype)

    def _draw_gamma(self, shape: tuple[int, ...], dtype: str) -> np.ndarray:
        """log sqrt(1 - radius^2): white noise as input gives states of variance 1."""
        squares = np.exp(-2 * np.exp(self.nu.numpy().astype(np.float64)))
        return np.asarray(0.5 * np.log1p(-squares), dtype)


@register
@final
class LRU(UnitLayer):
    """A diagonal linear recurrence with complex eigenvalues: the state space model as a recurrent layer.

    For sequences of thousands of steps, in stacks with a nonlinear `Dense` layer (and a `ResidualWrapper`) between:
    the layer itself is linear. Its recurrence costs a few sums a step; the product with C is made step by step.

    x_t = l x_{t-1} + exp(g) (u_t B), complex and by element, l = exp(-exp(nu) + i exp(theta));  y_t = Re(x_t C) + u_t
    D + b. The states are the real and the imaginary part of x; u_t is the input.

    Args:
        units: size U of the complex state and of the output.
        min_radius, max_radius, max_phase: the ring that eigenvalues start in; for long memories 0.9 and 0.999, for
            smooth ones a max_phase of 0.3.
        use_bias, kernel_*, bias_*: of B, C and D, and of b.
        dropout, recurrent_dropout, zoneout, weight_drop, recurrent_normalization, seed: see `Cell`.
        return_sequences, return_state, go_backwards, stateful, zero_output_for_mask, learn_initial_state: see `RNN`.
    Shapes:   x (B, T, F) -> (B, U), or (B, T, U) with return_sequences; re, im (B, U).
    Raises:   ShapeError: x is not of rank 3. ArgumentError: units < 1, a rate outside [0, 1).
    Source:   Orvieto et al. 2023, "Resurrecting Recurrent Neural Networks for Long Sequences", equations 3, 6 and 7
              and its appendix A. B, C and D start by `kernel_initializer` (the paper: normal, variance 1/(2F) and
              1/U); D is a matrix, so that F may differ from U.
    Example:
        >>> from elman.layers import Input
        >>> LRU(16, min_radius=0.9, max_radius=0.999, return_sequences=True)(Input((None, 8))).shape
        (B, T, 16)
    """

    cell_class = LRUCell
