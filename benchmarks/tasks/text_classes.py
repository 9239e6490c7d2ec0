"""Texts to classes: sentiment and intents, beside TF-IDF with a logistic regression.

Run: python -m benchmarks.tasks.text_classes --set banking77 --data DATA
"""

from __future__ import annotations

import sys
from typing import Any

import pandas as pd

from benchmarks.tasks.trial import Trial
from elman import SequenceModel, fields
from elman.tasks.scoring import accuracy, macro_f1

SETS = {
    "airline_tweets": ("text", "sentiment", "macro-F1 above TF-IDF; stretch: +3 points"),
    "imdb_sample": ("text", "label", "accuracy above TF-IDF; stretch: +3 points"),
    "banking77": ("text", "category", "accuracy 85 %; stretch: 90 %"),
    "trec": ("text", "label", "accuracy 88 %; stretch: 92 %"),
}
SETTINGS: dict[str, dict[str, Any]] = {
    "airline_tweets": {"batch_size": 64, "epochs": 6, "learning_rate": 0.001},
    "imdb_sample": {"epochs": 5, "learning_rate": 0.003, "dropout": 0.7, "size": 32, "embedding": 128}
    | {"subsampling": 4, "spelling": False, "vectors": "neighbours"},
    "banking77": {"batch_size": 64, "epochs": 25},
    "trec": {"batch_size": 32, "epochs": 10, "learning_rate": 0.001},
}


def main() -> None:
    """Train on one set, and print its numbers."""
    which = sys.argv[sys.argv.index("--set") + 1] if "--set" in sys.argv else "trec"
    text, label, target = SETS[which]
    trial = Trial(which, target, set="trec")
    folder = trial.data / "text_classification" / which
    train, test = (pd.read_csv(folder / f"{part}.csv.gz") for part in ("train", "test"))
    settings: dict[str, Any] = {"spelling": True, "dropout": 0.5, "embedding": 64, "size": 128, "learning_rate": 0.002}
    settings["validation"] = 0  # all rows to learn from, and a rate that falls to nothing: no row decides when to stop
    # Rare words of reviews are names, and the test part's are of other films.
    known = 10 if which == "imdb_sample" else 2
    reader = fields.Text("word", lower=True, min_count=known, max_length=1000)
    model = SequenceModel({text: reader}, {label: "category"}, **settings | SETTINGS[which] | trial.training)
    model.fit(train[[text, label]])
    trial.learned(model)
    answers, truth = model.predict(test), test[label].tolist()
    others = tfidf(train[text], train[label], test[text])
    trial.finish(
        accuracy=accuracy(truth, answers),
        macro_f1=macro_f1(truth, answers),
        tfidf_accuracy=accuracy(truth, others),
        tfidf_macro_f1=macro_f1(truth, others),
    )


def tfidf(texts: pd.Series, labels: pd.Series, asked: pd.Series) -> list[object]:
    """What words and pairs of words, weighted, and a logistic regression answer."""
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline

    words = TfidfVectorizer(ngram_range=(1, 2), sublinear_tf=True, min_df=2)
    simple = make_pipeline(words, LogisticRegression(C=10, max_iter=1000))
    return list(simple.fit(texts, labels).predict(asked))


if __name__ == "__main__":
    main()
