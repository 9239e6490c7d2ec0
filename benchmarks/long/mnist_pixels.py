"""Digits pixel by pixel: one number a step, 784 steps, and then the digit.

Run: python -m benchmarks.long.mnist_pixels --data DATA --cell gru --pyramid

Wanted: 98.5 % of a held-back tenth in 60 minutes on two cores. `--pyramid` puts a layer on it that reads seven outputs
of the one below in a step, and one that reads four of that: 784 steps, 112, 28. The top looks back over 28 steps and
learns in a few epochs; these sizes tell it that 28 pixels make a line.

Source: Le et al. 2015, "A Simple Way to Initialize Recurrent Networks of Rectified Linear Units", section 4.2; Chan et
al. 2016, "Listen, Attend and Spell", section 3.1, for the pyramid.
"""

from __future__ import annotations

import gzip
import os
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.long.cells import chrono, stack
from benchmarks.long.run import Run
from elman import Sequential
from elman.layers import Dense, Input, Reshape
from elman.losses import SparseCategoricalCrossentropy


def digits(folder: Path) -> tuple[np.ndarray, np.ndarray]:
    """Pixels in reading order from 0 to 1, and the digits. Shapes: (N, 784, 1), (N,)."""
    with gzip.open(folder / "train-images-idx3-ubyte.gz") as file:
        pixels = np.frombuffer(file.read(), np.uint8, offset=16).reshape(-1, 784, 1).astype("float32") / 255
    with gzip.open(folder / "train-labels-idx1-ubyte.gz") as file:
        return pixels, np.frombuffer(file.read(), np.uint8, offset=8).astype("int32")


def pyramid(cell: str, units: int, steps: int) -> list[Any]:
    """Three layers of one cell, of an eighth, a half and all of the units, over all steps, a 7th and a 28th of them."""
    low, middle = units // 8, units // 2
    return [
        *stack(cell, low, steps, 1, sequences=True),
        Reshape((steps // 7, 7 * low)),
        *stack(cell, middle, steps // 7, 1, sequences=True),
        Reshape((steps // 28, 4 * middle)),
        *stack(cell, units, steps // 28, 1),
    ]


def main() -> None:
    """Train for some epochs or until the time is over; the rate falls to 0 along a cosine."""
    data = Path(os.environ.get("ELMAN_DATA", "data"))
    run = Run("mnist_pixels", __doc__, data=data, units=128, batch=50, epochs=12, rate=0.004, pyramid=False)
    given = run.given
    x, y = digits(given.data / "ocr" / "mnist_train")
    steps, cut = x.shape[1], len(x) * 9 // 10
    build = (
        pyramid(given.cell, given.units, steps) if given.pyramid else stack(given.cell, given.units, steps, given.depth)
    )
    model = Sequential([Input((steps, 1)), *build, Dense(10)], seed=given.seed)
    chrono(model)
    loss = SparseCategoricalCrossentropy(from_logits=True)
    model.compile(run.optimizer(given.epochs * (cut // given.batch)), loss, metrics=["accuracy"])
    rng, accuracy, epoch = np.random.default_rng(given.seed), 0.0, 0
    while epoch < given.epochs and run.spent < given.seconds:
        rows = rng.permutation(cut)[: cut // given.batch * given.batch]
        for part in np.array_split(rows, 10):  # so that no second copy of all digits is held
            model.fit(x[part], y[part], batch_size=given.batch, verbose=0)
        accuracy = model.evaluate(x[cut:], y[cut:], batch_size=500, verbose=0)[1]
        epoch += 1
        run.point(epoch, accuracy)
    run.keep(target=0.985, epochs_done=epoch, digits=len(x) - cut, accuracy=round(accuracy, 4))
    print(f"{given.cell}: {accuracy:.4f} of {len(x) - cut} held-back digits after {run.spent:.0f} s")


if __name__ == "__main__":
    main()
