"""The echo state network: a fixed random recurrence, read out by a linear regression."""

from __future__ import annotations

from typing import Any, final

import numpy as np

from elman.errors import ShapeError
from elman.graph.node import Tensor
from elman.layers.activations import Activation
from elman.layers.initializers import rng
from elman.layers.registry import register
from elman.layers.rnn.cell import PlainCell
from elman.layers.rnn.recurrence import UnitLayer
from elman.shapes import text


@register
@final
class EchoStateCell(PlainCell):
    """One step of `EchoState`. Weights, none of them trained: kernel (F, U), recurrent_kernel (U, U), bias (U,)."""

    activation: Activation
    spectral_radius: float
    leak: float
    connectivity: float

    def __init__(
        self, units: int, spectral_radius: float = 0.9, leak: float = 1.0, connectivity: float = 0.1,
        activation: Any = "tanh", kernel_initializer: Any = "random_uniform", **kwargs: Any,
    ) -> None:  # fmt: skip
        super().__init__(units, kernel_initializer=kernel_initializer, **kwargs)
        self._store(
            {"activation": activation, "spectral_radius": spectral_radius}, spectral_radius="a finite number from 0"
        )
        self._store({"leak": leak, "connectivity": connectivity}, leak="in (0, 1]", connectivity="in (0, 1]")

    def build(self, features: int) -> None:
        """Add kernel, recurrent_kernel and bias, fixed."""
        self.kernel = self.add_weight("kernel", (features, self.units), self.kernel_initializer, trainable=False)
        shape = (self.units, self.units)
        self.recurrent_kernel = self.add_weight("recurrent_kernel", shape, self._draw_reservoir, trainable=False)
        self.bias = (
            self.add_weight("bias", (self.units,), self.bias_initializer, trainable=False) if self.use_bias else None
        )
        self.add_recurrent_gamma(self.units)

    def step(self, x: Tensor, h: Tensor) -> tuple[Tensor, Tensor]:
        """The equation. Shapes: x (B, F), h (B, U) -> (B, U) twice."""
        new = self.activation(self._from_input(x) + self.recur(h, self.recurrent_kernel))
        h = (1.0 - self.leak) * h + self.leak * new
        return h, h

    def _draw_reservoir(self, shape: tuple[int, ...], dtype: str) -> np.ndarray:
        """A sparse random matrix whose largest eigenvalue is `spectral_radius` in size."""
        matrix = rng().uniform(-1, 1, shape) * (rng().random(shape) < self.connectivity)
        largest = float(np.abs(np.linalg.eigvals(matrix)).max())
        return (matrix * (self.spectral_radius / largest if largest > 0 else 0.0)).astype(dtype)


@register
@final
class EchoState(UnitLayer):
    """A reservoir: random, fixed weights that echo the past; only what reads it is trained.

    For small data and chaotic series: training is one linear regression (`ridge_readout`), or a `Dense` layer on top
    trained as usual. Feed scaled inputs.

    h_t = (1 - l) h_{t-1} + l a(x_t W + h_{t-1} U + b), W, U and b drawn once.

    Args:
        units: size U of the state and the output.
        spectral_radius: size of U's largest eigenvalue; below 1 the past fades.
        leak: l; small for slow signals.
        connectivity: share of U that is not 0.
        activation: a.
        use_bias, kernel_initializer, bias_initializer: of W and b. Of U the draw is its own, and nothing is
            trained: recurrent_initializer, regularisers and constraints are taken and do nothing.
        dropout, recurrent_dropout, zoneout, weight_drop, recurrent_normalization, seed: see `Cell`.
        return_sequences, return_state, go_backwards, stateful, zero_output_for_mask, learn_initial_state: see `RNN`.
    Shapes:   x (B, T, F) -> (B, U), or (B, T, U) with return_sequences; h (B, U).
    Raises:   ShapeError: x is not of rank 3. ArgumentError: units < 1, a rate outside [0, 1).
    Source:   Jaeger 2001, "The 'echo state' approach to analysing and training recurrent neural networks", GMD report
              148; leak and read-out as in Lukoševičius 2012, "A Practical Guide to Applying Echo State Networks",
              equations 2, 3 and 9.
    Example:
        >>> from elman.layers import Input
        >>> EchoState(16, spectral_radius=0.8, return_sequences=True)(Input((None, 8))).shape
        (B, T, 16)
    """

    cell_class = EchoStateCell


def ridge_readout(states: np.ndarray, targets: np.ndarray, ridge: float = 1e-6) -> tuple[np.ndarray, np.ndarray]:
    """The linear read-out of a reservoir in one go: kernel and bias for `Dense.set_weights`.

    Args:     states: what the layer gave, with return_sequences, its first steps cut off. targets: what is to be said
              at each step. ridge: penalty on the squared kernel; the bias is not penalised.
    Shapes:   states (..., U), targets (..., K) -> kernel (U, K), bias (K,).
    Raises:   ShapeError: states and targets are not of the same steps.
    Source:   Lukoševičius 2012, equation 9 (ridge regression), on centred data. Cost: one system of U equations.
    Example:
        >>> states = np.array([[0.0], [1.0], [2.0]])
        >>> kernel, bias = ridge_readout(states, 2 * states + 1, ridge=0.0)
        >>> kernel.round(6).tolist(), bias.round(6).tolist()
        ([[2.0]], [1.0])
    """
    if states.shape[:-1] != targets.shape[:-1]:
        rule = f"have {text(states.shape[:-1])} before its last axis, as states"
        raise ShapeError.at("ridge_readout", "targets", rule, text(targets.shape), "One row of targets for each state.")
    x, y = (np.asarray(a, np.float64).reshape(-1, a.shape[-1]) for a in (states, targets))
    middle, level = x.mean(0), y.mean(0)
    x, y = x - middle, y - level
    kernel = np.linalg.solve(x.T @ x + ridge * np.eye(x.shape[1]), x.T @ y)
    return kernel, level - middle @ kernel
