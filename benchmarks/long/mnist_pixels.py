"""Digits pixel by pixel: one number a step, 784 steps, and then the digit.

Run: python -m benchmarks.long.mnist_pixels --data DATA --seconds 3600

Wanted: 98.5 % of a held-back tenth in 60 minutes on two cores. Source: Le et al. 2015, "A Simple Way to Initialize
Recurrent Networks of Rectified Linear Units", section 4.2.
"""

from __future__ import annotations

import argparse
import gzip
import os
import time
from pathlib import Path

import numpy as np

from benchmarks.long.cells import CELLS, chrono, stack
from elman import Sequential
from elman.layers import Dense, Input
from elman.losses import SparseCategoricalCrossentropy
from elman.optimizers import Adam
from elman.optimizers.schedules import CosineDecay


def digits(folder: Path) -> tuple[np.ndarray, np.ndarray]:
    """Pixels in reading order from 0 to 1, and the digits. Shapes: (N, 784, 1), (N,)."""
    with gzip.open(folder / "train-images-idx3-ubyte.gz") as file:
        pixels = np.frombuffer(file.read(), np.uint8, offset=16).reshape(-1, 784, 1).astype("float32") / 255
    with gzip.open(folder / "train-labels-idx1-ubyte.gz") as file:
        return pixels, np.frombuffer(file.read(), np.uint8, offset=8).astype("int32")


def main() -> None:
    """Train in pieces of an epoch until the time is over; the rate falls to 0 along a cosine."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, default=os.environ.get("ELMAN_DATA", "data"))
    for name, default in (("units", 128), ("depth", 1), ("batch", 100), ("epochs", 15), ("seed", 0), ("step", 1)):
        parser.add_argument(f"--{name}", type=int, default=default)
    for name, rate in (("rate", 0.002), ("seconds", 3600.0)):
        parser.add_argument(f"--{name}", type=float, default=rate)
    parser.add_argument("--cell", choices=CELLS, default="gru")
    given = parser.parse_args()
    x, y = digits(given.data / "ocr" / "mnist_train")
    x = x.reshape(len(x), -1, given.step)  # --step 7 reads seven pixels a step: a shorter version of the task
    cut = len(x) * 9 // 10
    recurrent = stack(given.cell, given.units, x.shape[1], given.depth)
    model = Sequential([Input((None, given.step)), *recurrent, Dense(10)], seed=given.seed)
    chrono(model)
    pieces, piece = given.epochs * 9, cut // 9 // given.batch * given.batch
    schedule = CosineDecay(given.rate, pieces * piece // given.batch)
    model.compile(Adam(schedule, clipnorm=1.0), SparseCategoricalCrossentropy(from_logits=True), metrics=["accuracy"])
    rng, began = np.random.default_rng(given.seed), time.perf_counter()
    order = rng.permutation(cut)
    for i in range(pieces):
        if i % 9 == 0:
            order = rng.permutation(cut)
        rows = order[i % 9 * piece : (i % 9 + 1) * piece]
        model.fit(x[rows], y[rows], batch_size=given.batch, verbose=0)
        spent = time.perf_counter() - began
        known = model.history.history["accuracy"][-1]
        print(f"epoch {(i + 1) / 9:5.2f} {spent:7.1f} s  training {known:.4f}", flush=True)
        if spent > given.seconds:
            break
    _, accuracy = model.evaluate(x[cut:], y[cut:], batch_size=500, verbose=0)
    print(f"{given.cell}: {accuracy:.4f} of {len(x) - cut} held-back digits after {spent:.0f} s")


if __name__ == "__main__":
    main()
