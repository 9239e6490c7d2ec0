"""Copy memory: ten symbols are read, T blanks pass, and at a mark the ten are to be said again.

Run: python -m benchmarks.long.copying --cell lstm --steps 100

Answering at random gives a cross-entropy of 10 ln 8 / (T + 20); below a tenth of that it is solved. Source: Hochreiter
and Schmidhuber 1997, as Arjovsky et al. 2016, "Unitary Evolution Recurrent Neural Networks", section 4.1, put it.
"""

from __future__ import annotations

import math

import numpy as np

from benchmarks.long.cells import stack
from benchmarks.long.run import Run
from elman import Sequential
from elman.layers import Dense, Embedding, Input
from elman.losses import SparseCategoricalCrossentropy

SYMBOLS, WORD = 8, 10
BLANK, MARK = 8, 9


def sequences(rng: np.random.Generator, count: int, steps: int) -> tuple[np.ndarray, np.ndarray]:
    """What is read, and what is to be said. Shapes: (N, steps + 20) twice."""
    word = rng.integers(0, SYMBOLS, (count, WORD))
    x = np.full((count, steps + 2 * WORD), BLANK, "int32")
    y = x.copy()
    x[:, :WORD], x[:, steps + WORD - 1], y[:, -WORD:] = word, MARK, word
    return x, y


def main() -> None:
    """Train until the held-out loss is a tenth of that of guessing or the time is over."""
    run = Run("copying", __doc__, steps=100, units=128, batch=32, rate=0.003, updates=20_000, decay=False)
    given = run.given
    rng = np.random.default_rng(given.seed)
    recurrent = stack(given.cell, given.units, given.steps + WORD, given.depth, sequences=True)
    model = Sequential([Input((None,), dtype="int32"), Embedding(10, 16), *recurrent, Dense(10)], seed=given.seed)
    model.compile(run.optimizer(given.updates if given.decay else 0), SparseCategoricalCrossentropy(from_logits=True))
    held = sequences(np.random.default_rng(10_000), 500, given.steps)
    guess = WORD * math.log(SYMBOLS) / (given.steps + 2 * WORD)
    run.solve(model, lambda count: sequences(rng, count, given.steps), held, guess / 10)


if __name__ == "__main__":
    main()
