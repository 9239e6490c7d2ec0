"""The adding problem: of T random numbers two are marked; their sum is asked for at the end.

Run: python -m benchmarks.long.adding --cell gru --steps 600 --seconds 300

Always answering 1 gives an error of 1/6; below 0.001 it is solved. New sequences in every epoch, so that nothing can be
learned by heart. Source: Hochreiter and Schmidhuber 1997, "Long Short-Term Memory", section 5.4, as Le et al. 2015 put
it.
"""

from __future__ import annotations

import argparse
import time

import numpy as np

from benchmarks.long.cells import CELLS, chrono, stack
from elman import Sequential
from elman.layers import Dense, Input
from elman.optimizers import Adam


def sequences(rng: np.random.Generator, count: int, steps: int) -> tuple[np.ndarray, np.ndarray]:
    """Numbers and marks, one in each half, and the sum of the marked. Shapes: (N, T, 2), (N, 1)."""
    x = np.zeros((count, steps, 2), "float32")
    x[..., 0] = rng.random((count, steps))
    rows, half = np.arange(count), steps // 2
    for start in (0, half):
        x[rows, start + rng.integers(0, half, count), 1] = 1
    return x, (x[..., 0] * x[..., 1]).sum(1, keepdims=True)


def main() -> None:
    """Train until the held-out error is below the target or the time is over."""
    parser = argparse.ArgumentParser(description=__doc__)
    for name, default in (("steps", 600), ("units", 64), ("depth", 1), ("batch", 50), ("seed", 0)):
        parser.add_argument(f"--{name}", type=int, default=default)
    for name, rate in (("rate", 0.002), ("seconds", 600.0), ("target", 1e-3)):
        parser.add_argument(f"--{name}", type=float, default=rate)
    parser.add_argument("--cell", choices=CELLS, default="gru")
    given = parser.parse_args()
    rng = np.random.default_rng(given.seed)
    model = Sequential(
        [Input((None, 2)), *stack(given.cell, given.units, given.steps, given.depth), Dense(1)], seed=given.seed
    )
    chrono(model)
    model.compile(Adam(given.rate, clipnorm=1.0), "mse")
    held = sequences(np.random.default_rng(10_000), 1000, given.steps)
    began, updates, error = time.perf_counter(), 0, float("inf")
    while error >= given.target and time.perf_counter() - began < given.seconds:
        x, y = sequences(rng, 50 * given.batch, given.steps)
        model.fit(x, y, batch_size=given.batch, verbose=0)
        updates += 50
        error = model.evaluate(*held, batch_size=200, verbose=0)
        print(f"{updates:6d} updates {time.perf_counter() - began:6.1f} s  error {error:.5f}", flush=True)
    print(f"{given.cell} T={given.steps}: {'solved' if error < given.target else 'not solved'}, error {error:.5f}")


if __name__ == "__main__":
    main()
