"""Videos to classes: which letter lips speak, which gesture a fingertip makes, beside the most frequent class.

Run: python -m benchmarks.tasks.video_tags --set fingertip_gestures --data DATA
"""

from __future__ import annotations

import sys
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.tasks.trial import Trial
from elman import SequenceModel, fields
from elman.tasks.scoring import accuracy, macro_f1

TARGETS = {
    "avletters_lips": "45 % of the third repetitions; stretch: 60 %",
    "fingertip_gestures": "90 % of the last fifth of each class; stretch: 95 %",
}
SETTINGS: dict[str, dict[str, Any]] = {
    "avletters_lips": {"size": 96, "batch_size": 16, "epochs": 60, "learning_rate": 0.001, "validation": 0},
    "fingertip_gestures": {"size": 64, "batch_size": 64, "epochs": 60, "learning_rate": 0.003, "validation": 0},
}


def main() -> None:
    """Train on one set, and print its numbers."""
    which = sys.argv[sys.argv.index("--set") + 1] if "--set" in sys.argv else "fingertip_gestures"
    trial = Trial(which, TARGETS[which], set="fingertip_gestures")
    folder = trial.data / "video_tagging" / which
    x, y, test = READERS[which](folder / f"{which}.npz")
    reader = fields.Video() if which == "avletters_lips" else fields.Series()
    model = SequenceModel({"x": reader}, {"y": "category"}, **SETTINGS[which] | trial.training)
    learned, asked = np.flatnonzero(~test), np.flatnonzero(test)
    model.fit({"x": [x[i] for i in learned], "y": [y[i] for i in learned]})
    trial.learned(model)
    truth = [y[i] for i in asked]
    answers = model.predict({"x": [x[i] for i in asked]})
    common = Counter(y[i] for i in learned).most_common(1)[0][0]
    trial.finish(
        accuracy=accuracy(truth, answers),
        macro_f1=macro_f1(truth, answers),
        most_frequent_accuracy=accuracy(truth, [common] * len(truth)),
        tested_on=len(truth),
    )


def lips(path: Path) -> tuple[list[np.ndarray], list[str], np.ndarray]:
    """Clips (T, 30, 40), letters, and which are tested on: the third repetition of every talker."""
    data = np.load(path, allow_pickle=False)
    clips = np.split(data["frames"], data["lengths"].cumsum()[:-1])
    return clips, [str(letter) for letter in data["letter"]], data["repetition"] == 3


def fingertips(path: Path) -> tuple[np.ndarray, list[str], np.ndarray]:
    """Paths (N, 16, 2), gestures, and which are tested on: the last fifth of each class, for neighbours overlap."""
    data = np.load(path, allow_pickle=False)
    classes, y = data["labels"], data["y"]
    test = np.zeros(len(y), bool)
    for label in np.unique(y):
        rows = np.flatnonzero(y == label)
        test[rows[len(rows) * 4 // 5 :]] = True
    return data["x"], [str(classes[label]) for label in y], test


READERS: dict[str, Any] = {"avletters_lips": lips, "fingertip_gestures": fingertips}

if __name__ == "__main__":
    main()
