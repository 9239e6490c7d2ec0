"""The adding problem: of T random numbers two are marked; their sum is asked for at the end.

Run: python -m benchmarks.long.adding --cell gru --steps 600 --units 32 --rate 0.004

Always answering 1 gives an error of 1/6; below 0.001 it is solved. New sequences in every epoch, so that nothing can be
learned by heart. Source: Hochreiter and Schmidhuber 1997, "Long Short-Term Memory", section 5.4, as Le et al. 2015 put
it.
"""

from __future__ import annotations

import numpy as np

from benchmarks.long.cells import stack
from benchmarks.long.run import Run
from elman import Sequential
from elman.layers import Dense, Input


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
    run = Run("adding", __doc__, steps=600, units=64, batch=50, rate=0.002, updates=20_000, decay=False, target=1e-3)
    given = run.given
    rng = np.random.default_rng(given.seed)
    recurrent = stack(given.cell, given.units, given.steps, given.depth)
    model = Sequential([Input((None, 2)), *recurrent, Dense(1)], seed=given.seed)
    model.compile(run.optimizer(given.updates if given.decay else 0), "mse")
    held = sequences(np.random.default_rng(10_000), 1000, given.steps)
    run.solve(model, lambda count: sequences(rng, count, given.steps), held, given.target)


if __name__ == "__main__":
    main()
