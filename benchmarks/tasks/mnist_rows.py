"""Digits row by row: 28 steps of 28 pixels.

Run: python -m benchmarks.tasks.mnist_rows --data DATA
"""

from __future__ import annotations

import gzip

import numpy as np

from benchmarks.tasks.trial import Trial
from elman import SequenceModel, fields
from elman.tasks.scoring import accuracy


def main() -> None:
    """Train on nine tenths, measure on the last."""
    trial = Trial("mnist_rows", "98.5 % of a held-back tenth in 5 minutes; stretch: 99.2 %")
    folder = trial.data / "ocr" / "mnist_train"
    with gzip.open(folder / "train-images-idx3-ubyte.gz") as file:
        images = np.frombuffer(file.read(), np.uint8, offset=16).reshape(-1, 28, 28).astype("float32") / 255
    with gzip.open(folder / "train-labels-idx1-ubyte.gz") as file:
        labels = np.frombuffer(file.read(), np.uint8, offset=8).astype(int)
    cut = len(images) * 9 // 10
    settings = {
        "size": 128,
        "batch_size": 128,
        "epochs": 12,
        "decay": "cosine",
        "learning_rate": 0.003,
        "dropout": 0.2,
        "validation": 0.05,
    }
    reader = fields.Series(scaling="none")
    model = SequenceModel({"x": reader}, {"y": "category"}, pooling="max+last", **settings | trial.training)
    model.fit({"x": images[:cut], "y": labels[:cut]})
    trial.learned(model)
    trial.finish(accuracy=accuracy(labels[cut:], model.predict({"x": images[cut:]})))


if __name__ == "__main__":
    main()
