"""Pictures to captions, beside the most frequent caption and that of the nearest picture.

Run: python -m benchmarks.tasks.captions --data DATA
"""

from __future__ import annotations

import csv
import zipfile
from collections import Counter

import numpy as np

from benchmarks.tasks.trial import Trial
from elman import SequenceModel, fields
from elman.tasks.scoring import bleu


def main() -> None:
    """Train on nine pictures of ten, each with its five captions; measure on the tenth."""
    trial = Trial("flickr8k_subset", "BLEU-4 above the most frequent and the nearest picture's caption")
    folder = trial.data / "image_captioning" / "flickr8k_subset"
    captions: dict[str, list[str]] = {}
    with (folder / "captions.tsv").open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE):
            captions.setdefault(row["file"], []).append(row["caption"].rstrip(" .").lower())
    names = sorted(captions)
    with zipfile.ZipFile(folder / "images.zip") as archive:
        reader = fields.Image(48, 48, 3).fit([archive.read(name) for name in names])
        pictures = dict(zip(names, reader.decode(reader.encode([archive.read(n) for n in names])), strict=True))
    learned = [name for i, name in enumerate(names) if i % 10 != 9]
    asked = [name for i, name in enumerate(names) if i % 10 == 9]
    pairs = [(pictures[name], caption) for name in learned for caption in captions[name]]
    settings = {"size": 128, "batch_size": 64, "epochs": 20, "learning_rate": 0.005, "dropout": 0.2, "validation": 0}
    words = fields.Text("word", lower=True, min_count=3, max_length=60)
    model = SequenceModel({"picture": fields.Image(48, 48, 3)}, {"caption": words}, **settings | trial.training)
    model.fit({"picture": [picture for picture, _ in pairs], "caption": [caption for _, caption in pairs]})
    trial.learned(model)
    answers = model.predict({"picture": [pictures[name] for name in asked]})
    known = np.stack([pictures[name].ravel().astype("float32") for name in learned])
    near = [learned[int(np.square(known - pictures[name].ravel()).sum(1).argmin())] for name in asked]
    common = Counter(caption for _, caption in pairs).most_common(1)[0][0]
    truth = [captions[name] for name in asked]
    trial.finish(
        bleu4=bleu(truth, answers),
        different_captions=len(set(answers)),
        most_frequent_bleu4=bleu(truth, [common] * len(asked)),
        nearest_picture_bleu4=bleu(truth, [captions[name][0] for name in near]),
        tested_on=len(asked),
    )


if __name__ == "__main__":
    main()
