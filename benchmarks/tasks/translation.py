"""English to Spanish: an encoder both ways and a decoder that looks back, beside the nearest known sentence.

Run: python -m benchmarks.tasks.translation --data DATA
"""

from __future__ import annotations

import csv
import gzip
from pathlib import Path

from benchmarks.tasks.trial import Trial
from elman import SequenceModel, fields
from elman.tasks.scoring import bleu, chrf


def main() -> None:
    """Train on the official part, measure on the test part."""
    trial = Trial("spa_eng", "BLEU 35 on the test part in 60 minutes; stretch: 45", rows=0, tested=0)
    folder = trial.data / "translation" / "spa_eng"
    train, check, test = (read(folder / f"{part}.tsv.gz") for part in ("train", "validation", "test"))
    train = {name: column[: trial.arguments.rows or None] for name, column in train.items()}
    test = {name: column[: trial.arguments.tested or None] for name, column in test.items()}
    texts = fields.Text("bpe", lower=False, max_tokens=4000, max_length=60)
    settings = {"size": 256, "batch_size": 64, "epochs": 5, "learning_rate": 0.003, "dropout": 0.2, "decay": "cosine"}
    settings |= {"beam": 4}
    model = SequenceModel({"english": texts}, {"spanish": texts}, **settings | trial.training)
    model.fit(train, validation_data={name: column[:500] for name, column in check.items()})
    trial.learned(model)
    truth, answers = test["spanish"], model.predict(test)
    near = nearest(train["english"], train["spanish"], test["english"])
    for asked, answer in list(zip(test["english"], answers, strict=True))[:3]:
        print(f"  {asked} -> {answer}")
    trial.finish(
        bleu=bleu(truth, answers),
        chrf=chrf(truth, answers),
        nearest_sentence_bleu=bleu(truth, near),
        learned_from=len(train["english"]),
        tested_on=len(truth),
    )


def read(path: Path) -> dict[str, list[str]]:
    """Columns of pairs."""
    with gzip.open(path, "rt", encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE))
    return {name: [row[name] for row in rows] for name in ("english", "spanish")}


def nearest(known: list[str], answers: list[str], asked: list[str]) -> list[str]:
    """The answer to the known sentence with the most similar words, by TF-IDF."""
    from sklearn.feature_extraction.text import TfidfVectorizer

    words = TfidfVectorizer(ngram_range=(1, 2), token_pattern=r"\w+")
    table = words.fit_transform(known)
    found = []
    for start in range(0, len(asked), 200):
        shared = words.transform(asked[start : start + 200]) @ table.T
        found += [answers[int(at)] for at in shared.toarray().argmax(axis=1)]
    return found


if __name__ == "__main__":
    main()
