"""One recurrent layer as a benchmark problem: the same numbers for every program. Needs NumPy alone.

Weights are in Keras' layout: kernel (I, G U), recurrent_kernel (U, G U), bias (G U), for GRU (2, 3 U) with
gates z, r, h; for LSTM gates i, f, g, o. A training step ("train") computes the outputs of all steps, the gradient
of sum(output * cotangent) with respect to the three weights, and nothing else; "train-dx" that of the input, too.
"""

from __future__ import annotations

import functools
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float32]
GATES = {"simple_rnn": 1, "gru": 3, "lstm": 4}


BFLOAT16 = "BENCH_BFLOAT16"
"""Environment variable: "1" where a program multiplies matrices of bfloat16 numbers."""


class Problem(NamedTuple):
    """Inputs (B, T, I), weights and cotangent (B, T, U) of one layer."""

    x: Array
    kernel: Array
    recurrent_kernel: Array
    bias: Array
    cotangent: Array


@functools.lru_cache(maxsize=2)
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


class Ragged(NamedTuple):
    """Sequences (T_i, I) with targets (U,) for the last output; `weights` holds those of the layer."""

    x: tuple[Array, ...]
    y: Array
    weights: Problem


@functools.lru_cache(maxsize=2)
def ragged(cell: str, sequences: int, shape: tuple[int, int, int, int], whole: bool) -> Ragged:
    """Return sequences of all lengths from 1 to T, half of T in the mean; `whole`: all of them T."""
    _, steps, features, units = shape
    random = np.random.default_rng([sequences, *shape])
    lengths = random.permutation(np.linspace(1, steps, sequences).round().astype(int))
    x = tuple(random.normal(size=(steps if whole else n, features)).astype(np.float32) for n in lengths)
    return Ragged(x, random.normal(size=(sequences, units)).astype(np.float32), problem(cell, (1, 1, features, units)))


RAGGED_RATE = 1.0
"""The learning rate of the one step by which programs are compared; epochs are timed at a rate of 0."""


class UserCell(NamedTuple):
    """Inputs (B, T, I), cotangent (B, T, U), and weights by name."""

    x: Array
    cotangent: Array
    weights: dict[str, Array]


def user_cell(batch: int, steps: int, features: int, units: int) -> UserCell:
    """Return the problem of an LSTM with peepholes and layer normalization.

    However few the features, they weigh as much as the state: were they less, layer normalization would make the cell
    chaotic, and gradients of two programs would have nothing in common.
    """
    given = problem("lstm", (batch, steps, features, units))
    random = np.random.default_rng(units)
    gamma, cell_gamma, peepholes = (random.normal(1, 0.1, size) for size in (4 * units, units, (3, units)))
    further = {"gamma": gamma, "peepholes": 0.1 * peepholes, "cell_gamma": cell_gamma}
    kernel = given.kernel * (units / features) ** 0.5
    weights = {"kernel": kernel, "recurrent_kernel": given.recurrent_kernel, "bias": given.bias, **further}
    return UserCell(given.x, given.cotangent, {name: value.astype(np.float32) for name, value in weights.items()})


def sequences(batch: int, steps: int, features: int, units: int) -> list[Array]:
    """Return inputs (B, T, I) and a cotangent (B, T, U) for any cell."""
    random = np.random.default_rng([batch, steps, features, units])
    return [random.normal(size=(batch, steps, n)).astype(np.float32) for n in (features, units)]


NORMAL_STEPS = 20
"""So many steps of a fading state are above the smallest normal number: programs are compared by these."""


def decaying(batch: int, steps: int, features: int, units: int, fading: bool) -> Problem:
    """Return a layer whose states fade to nine tenths a step, from a number so small that most steps are denormal.

    Not `fading`: the same from one, kept up by its input.
    """
    x = np.zeros((batch, steps, features), np.float32)
    x[:, 0] = 2e-36 if fading else 1
    x[:, 1:] = 0 if fading else 0.1
    kernel = np.zeros((features, units), np.float32)
    kernel[0] = 1
    recurrent_kernel = np.float32(0.9) * np.eye(units, dtype=np.float32)
    return Problem(x, kernel, recurrent_kernel, np.zeros(units, np.float32), x[:, :, :1].repeat(units, 2))


STREAMED = 200
"""Steps that a stream is compared by, and timed over."""


def flops(cell: str, shape: tuple[int, int, int, int], mode: str) -> int:
    """Return the floating-point operations of the matrix products: what every program must do.

    Training counts the forward pass, the gradient through time and both weight gradients; "train-dx" the gradient of
    the input, too.
    """
    batch, steps, features, units = shape
    products = 2 * batch * steps * GATES[cell] * units
    forward = products * (features + units)
    if mode == "inference":
        return forward
    return forward + products * (units + features + units) + (products * features if mode == "train-dx" else 0)


def traffic(cell: str, shape: tuple[int, int, int, int], mode: str) -> int:
    """Return the bytes that must move at least once, were everything else to stay in the cache.

    Inputs, weights and outputs; in training also their gradients (the input's where it is asked for), and the gates,
    kept for the way back: written once and read once.
    """
    batch, steps, features, units = shape
    gates = GATES[cell] * units
    weights = (features + units + 1) * gates
    forward = batch * steps * (features + units) + weights
    backward = batch * steps * (features + 2 * units + 2 * gates) + 2 * weights
    backward += batch * steps * features if mode == "train-dx" else 0
    return 4 * (forward if mode == "inference" else forward + backward)


def patience(cell: str, shape: tuple[int, int, int, int], mode: str) -> dict[str, float]:
    """Return for how many seconds, and how often at least, a case is timed in a round: large ones less often."""
    heavy = flops(cell, shape, mode) > 2e10
    return {"seconds": 0.2, "least": 2 if heavy else 5}


def fingerprint(output: Any, gradients: tuple[Any, ...] = ()) -> list[float]:
    """Sum up a result in a few numbers that programs must agree on: norms of outputs and gradients."""
    return [float(np.linalg.norm(np.asarray(value, np.float64))) for value in (output, *gradients)]
