"""Copy memory: ten symbols are read, T blanks pass, and at a mark the ten are to be said again.

Run: python -m benchmarks.long.copying --cell lstm --steps 100 --seconds 300

Answering at random gives a cross-entropy of 10 ln 8 / (T + 20); below a tenth of that it is solved. Source: Hochreiter
and Schmidhuber 1997, as Arjovsky et al. 2016, "Unitary Evolution Recurrent Neural Networks", section 4.1, put it.
"""

from __future__ import annotations

import argparse
import math
import time

import numpy as np

from benchmarks.long.cells import CELLS, chrono, stack
from elman import Sequential
from elman.layers import Dense, Embedding, Input
from elman.losses import SparseCategoricalCrossentropy
from elman.optimizers import Adam

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
    parser = argparse.ArgumentParser(description=__doc__)
    for name, default in (("steps", 100), ("units", 128), ("depth", 1), ("batch", 32), ("seed", 0)):
        parser.add_argument(f"--{name}", type=int, default=default)
    for name, rate in (("rate", 0.003), ("seconds", 600.0)):
        parser.add_argument(f"--{name}", type=float, default=rate)
    parser.add_argument("--cell", choices=CELLS, default="lstm")
    given = parser.parse_args()
    rng = np.random.default_rng(given.seed)
    recurrent = stack(given.cell, given.units, given.steps + WORD, given.depth, sequences=True)
    model = Sequential([Input((None,), dtype="int32"), Embedding(10, 16), *recurrent, Dense(10)], seed=given.seed)
    chrono(model)
    model.compile(Adam(given.rate, clipnorm=1.0), SparseCategoricalCrossentropy(from_logits=True))
    held = sequences(np.random.default_rng(10_000), 500, given.steps)
    guess = WORD * math.log(SYMBOLS) / (given.steps + 2 * WORD)
    began, updates, loss = time.perf_counter(), 0, float("inf")
    while loss >= guess / 10 and time.perf_counter() - began < given.seconds:
        model.fit(*sequences(rng, 50 * given.batch, given.steps), batch_size=given.batch, verbose=0)
        updates += 50
        loss = model.evaluate(*held, batch_size=250, verbose=0)
        spent = time.perf_counter() - began
        print(f"{updates:6d} updates {spent:6.1f} s  loss {loss:.5f}, guessing {guess:.5f}", flush=True)
    print(f"{given.cell} T={given.steps}: {'solved' if loss < guess / 10 else 'not solved'}, loss {loss:.5f}")


if __name__ == "__main__":
    main()
