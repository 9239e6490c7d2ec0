"""Face or no face: small crops of photographs, every fifth kept back, beside the most frequent class.

Run: python -m benchmarks.tasks.faces --data DATA
"""

from __future__ import annotations

from collections import Counter

import numpy as np

from benchmarks.tasks.trial import Trial
from elman import SequenceModel
from elman.tasks.scoring import accuracy


def main() -> None:
    """Train on four crops of five, measure on the fifth."""
    trial = Trial("lfw_subset", "95 % of every fifth crop; stretch: 98 %")
    data = np.load(trial.data / "face_detection" / "lfw_subset" / "lfw_subset.npz", allow_pickle=False)
    x, y = data["x"], data["y"].astype(int)
    test = np.arange(len(x)) % 5 == 4
    mirrored = np.concatenate([x[~test], x[~test][:, :, ::-1]])  # a face seen in a mirror is a face
    settings = {"size": 64, "batch_size": 16, "epochs": 40, "learning_rate": 0.001, "validation": 0}
    model = SequenceModel({"image": "image"}, {"face": "category"}, **settings | trial.training)
    model.fit({"image": mirrored, "face": np.tile(y[~test], 2)})
    trial.learned(model)
    common = Counter(y[~test].tolist()).most_common(1)[0][0]
    trial.finish(
        accuracy=accuracy(y[test], model.predict({"image": x[test]})),
        most_frequent_accuracy=accuracy(y[test], [common] * int(test.sum())),
        tested_on=int(test.sum()),
    )


if __name__ == "__main__":
    main()
