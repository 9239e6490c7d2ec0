"""Series to classes: five sets, each beside the nearest neighbour by dynamic time warping.

Run: python -m benchmarks.tasks.sequence_classes --set japanesevowels --data DATA
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.tasks.trial import Trial
from elman import SequenceModel, fields
from elman.tasks.scoring import accuracy

SETS = ("japanesevowels", "basicmotions", "arrowhead", "gunpoint", "watch_exercises")
SETTINGS: dict[str, dict[str, Any]] = {
    "japanesevowels": {"size": 64, "batch_size": 16, "epochs": 120},
    "basicmotions": {"size": 32, "batch_size": 8, "epochs": 150},
    "arrowhead": {"size": 64, "batch_size": 16, "epochs": 30, "cell": "gru"},
    "gunpoint": {"size": 64, "batch_size": 8, "epochs": 300},
    "watch_exercises": {"size": 64, "batch_size": 8, "epochs": 60, "cell": "gru"},
}
FOLDED = {"arrowhead": 8, "watch_exercises": 16}
"""Neighbouring moments that become one step, where hundreds of steps would be too many to learn from so few series."""
VARIED = {"arrowhead": 30}
"""Warped copies of each series, where there are few."""


def main() -> None:
    """Train on one set, and print its numbers."""
    which = sys.argv[sys.argv.index("--set") + 1] if "--set" in sys.argv else SETS[0]
    trial = Trial(which, "above the nearest neighbour by dynamic time warping", set=SETS[0])
    (x, y), (x_test, y_test) = read(trial.data / "sequence_classification" / which / f"{which}.npz")
    settings = {"dropout": 0.3, "learning_rate": 0.003, "validation": 0, "cell": "lstm"} | SETTINGS[which]
    model = SequenceModel({"x": fields.Series()}, {"y": "category"}, **settings | trial.training)
    fold, copies = FOLDED.get(which, 1), VARIED.get(which, 0)
    chance = np.random.default_rng(trial.arguments.seed)
    made = [*x, *(varied(row, chance) for row in x for _ in range(copies))]
    model.fit({"x": [folded(row, fold) for row in made], "y": [*y, *(label for label in y for _ in range(copies))]})
    trial.learned(model)
    scored = accuracy(y_test, model.predict({"x": [folded(row, fold) for row in x_test]}))
    every = max(1, max(map(len, x)) // 120)  # long series are thinned for the neighbour alone: warping is quadratic
    near = nearest([row[::every] for row in x], y, [row[::every] for row in x_test])
    trial.finish(accuracy=scored, nearest_neighbour_dtw=accuracy(y_test, near), thinned_for_dtw=every)


def read(path: Path) -> list[tuple[list[np.ndarray], list[str]]]:
    """Sequences (T, C) and labels, to train on and to test with."""
    data = np.load(path, allow_pickle=False)
    if "train_x" in data:
        parts = []
        for part in ("train", "test"):
            rows = zip(data[f"{part}_x"], data[f"{part}_lengths"], strict=True)
            parts.append(([x[:, :n].T for x, n in rows], data[f"{part}_y"].tolist()))
        return parts
    rows = np.split(data["x"].astype("float32"), data["lengths"].cumsum()[:-1])
    subjects = np.unique(data["subject"])
    test = np.isin(data["subject"], subjects[-2:])  # two of eight subjects
    return [
        ([rows[i] for i in np.flatnonzero(chosen)], [str(label) for label in data["y"][chosen]])
        for chosen in (~test, test)
    ]


def folded(row: np.ndarray, fold: int) -> np.ndarray:
    """Neighbouring moments as one step. Shapes: (T, C) -> (T // fold, fold * C)."""
    steps = len(row) // fold
    return row[: steps * fold].reshape(steps, -1)


def varied(row: np.ndarray, chance: np.random.Generator, parts: int = 8) -> np.ndarray:
    """The series slower in some parts and faster in others, somewhat louder or softer, with noise."""
    ends = np.concatenate([[0], np.cumsum(chance.uniform(0.6, 1.4, parts))])
    moments = np.arange(len(row))
    told = np.interp(moments / (len(row) - 1), np.linspace(0, 1, parts + 1), ends / ends[-1] * (len(row) - 1))
    warped = np.stack([np.interp(told, moments, channel) for channel in row.T], axis=1)
    return (warped * chance.uniform(0.85, 1.15) + chance.normal(0, 0.03, warped.shape)).astype("float32")


def nearest(known: list[np.ndarray], labels: list[str], asked: list[np.ndarray]) -> list[str]:
    """The label of the nearest known series.

    Source: Sakoe and Chiba 1978; scaled by each channel's spread; no window.
    """
    together = np.concatenate(known)
    center, scale = together.mean(axis=0), together.std(axis=0) + 1e-9
    known, asked = ([(row - center) / scale for row in rows] for rows in (known, asked))
    return [labels[int(np.argmin([warped(row, other) for other in known]))] for row in asked]


def warped(a: np.ndarray, b: np.ndarray) -> float:
    """Cost of the cheapest warping path, diagonal by diagonal."""
    cost = np.square(a[:, None] - b[None]).sum(-1)
    n, m = cost.shape
    total = np.full((n + 1, m + 1), np.inf)
    total[0, 0] = 0
    for d in range(2, n + m + 1):
        i = np.arange(max(1, d - m), min(n, d - 1) + 1)
        j = d - i
        best = np.minimum(np.minimum(total[i - 1, j], total[i, j - 1]), total[i - 1, j - 1])
        total[i, j] = cost[i - 1, j - 1] + best
    return float(total[n, m])


if __name__ == "__main__":
    main()
