"""The data of the tutorial: a noisy sine cut into windows. Needs NumPy alone.

`x_t = sin(0.02 t) + 2 U(0, 1)` for t = 0 .. 999, the first 800 points for training. Each part is
continued with its own last `STEP` values; from every window of `STEP` values the next one is to be
forecast. The uniform noise cannot be forecast: its variance 4/12 = 1/3 is the floor of the error.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

POINTS, TRAINING_POINTS, STEP = 1000, 800, 4
EPOCHS, BATCH = 100, 16
SEED = 2024
NOISE_FLOOR = 1 / 3
BAND = (0.25, 0.42)
"""Where the mean squared training error of a sound run ends, whatever the program and the seed."""


class Split(NamedTuple):
    """Windows (N, 1, STEP) and the value after each (N,), for training and for the test."""

    x_train: NDArray[np.float32]
    y_train: NDArray[np.float32]
    x_test: NDArray[np.float32]
    y_test: NDArray[np.float32]


def noisy_sine(seed: int = SEED) -> NDArray[np.float64]:
    """Return the series (POINTS,)."""
    return np.sin(0.02 * np.arange(POINTS)) + 2 * np.random.default_rng(seed).random(POINTS)


def windows(values: NDArray[np.float64]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Cut one part into windows, as the tutorials do."""
    continued = np.append(values, values[-STEP:]).astype(np.float32)
    cut = np.lib.stride_tricks.sliding_window_view(continued, STEP)[: len(values)]
    return np.ascontiguousarray(cut[:, None, :]), continued[STEP:]


def tutorial(seed: int = SEED) -> Split:
    """Return the tutorial's windows."""
    series = noisy_sine(seed)
    return Split(*windows(series[:TRAINING_POINTS]), *windows(series[TRAINING_POINTS:]))
