"""One recurrent layer as a benchmark problem: the same numbers for every program. Needs NumPy alone.

Weights are in Keras' layout: kernel (I, G U), recurrent_kernel (U, G U), bias (G U), for GRU (2, 3 U) with
gates z, r, h; for LSTM gates i, f, g, o. A training step computes the outputs of all steps, the gradient
of sum(output * cotangent) with respect to the three weights, and nothing else.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float32]
GATES = {"simple_rnn": 1, "gru": 3, "lstm": 4}


class Problem(NamedTuple):
    """Inputs (B, T, I), weights and cotangent (B, T, U) of one layer."""

    x: Array
    kernel: Array
    recurrent_kernel: Array
    bias: Array
    cotangent: Array


def problem(cell: str, shape: tuple[int, int, int, int]) -> Problem:
    """Return the problem of one cell and shape (B, T, I, U)."""
    batch, steps, features, units = shape
    random = np.random.default_rng([batch, steps, features, units, GATES[cell]])
    gates = GATES[cell] * units

    def draw(limit: float, *size: int) -> Array:
        return random.uniform(-limit, limit, size).astype(np.float32)

    scale = units**-0.5
    bias = draw(0.1, 2, gates) if cell == "gru" else draw(0.1, gates)
    return Problem(
        draw(1, batch, steps, features),
        draw((features + units) ** -0.5, features, gates),
        draw(scale, units, gates),
        bias,
        draw(scale / steps, batch, steps, units),
    )


def flops(cell: str, shape: tuple[int, int, int, int], mode: str) -> int:
    """Return the floating-point operations of the matrix products: what every program must do.

    Training counts the forward pass, the gradient through time and both weight gradients; the gradient of
    the input is not asked for.
    """
    batch, steps, features, units = shape
    products = 2 * batch * steps * GATES[cell] * units
    forward = products * (features + units)
    return forward if mode == "inference" else forward + products * (units + features + units)


def traffic(cell: str, shape: tuple[int, int, int, int], mode: str) -> int:
    """Return the bytes that must move at least once, were everything else to stay in the cache.

    Inputs, weights and outputs; in training also their gradients (not the input's), and the gates, kept for the way
    back: written once and read once.
    """
    batch, steps, features, units = shape
    gates = GATES[cell] * units
    weights = (features + units + 1) * gates
    forward = batch * steps * (features + units) + weights
    backward = batch * steps * (features + 2 * units + 2 * gates) + 2 * weights
    return 4 * (forward if mode == "inference" else forward + backward)


def fingerprint(output: Any, gradients: tuple[Any, ...] = ()) -> list[float]:
    """Sum up a result in a few numbers that programs must agree on: norms of outputs and gradients."""
    return [float(np.linalg.norm(np.asarray(value, np.float64))) for value in (output, *gradients)]
