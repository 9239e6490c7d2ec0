"""Words to tags: names (conll2003), parts of speech (ud_english_ewt); slots and the intent of the whole (atis, snips).

Run: python -m benchmarks.tasks.tagging --set conll2003 --data DATA
"""

from __future__ import annotations

import gzip
import sys
from pathlib import Path
from typing import Any

from benchmarks.tasks.trial import Trial
from elman import SequenceModel, fields

SETS = {
    "conll2003": "NER span F1 80 on validation; stretch: 85",
    "ud_english_ewt": "POS accuracy 93 % on validation; stretch: 95 %",
    "atis": "intent 97.0 %, slot F1 94.5 on validation; stretch: 98.4, 96.0",
    "snips": "no target set",
}
SETTINGS: dict[str, dict[str, Any]] = {
    "conll2003": {"size": 128, "batch_size": 32, "epochs": 14, "learning_rate": 0.003, "decay": "cosine", "crf": True},
    "ud_english_ewt": {"size": 128, "batch_size": 32, "epochs": 8, "learning_rate": 0.003, "decay": "cosine"},
    "atis": {"size": 100, "batch_size": 32, "epochs": 60, "patience": 12},
    "snips": {"size": 100, "batch_size": 32, "epochs": 25},
}


def main() -> None:
    """Train on one set, and print its numbers."""
    which = sys.argv[sys.argv.index("--set") + 1] if "--set" in sys.argv else "atis"
    trial = Trial(which, SETS[which], set="atis")
    folder = trial.data / "tagging" / which
    read = read_sentences if which in ("atis", "snips") else read_lines
    train, check = (read(min(folder.glob(f"{part}*"))) for part in ("train", "validation"))
    outputs: dict[str, Any] = {"tags": fields.Tags(scheme="iob2" if which == "conll2003" else None, unknown="outside")}
    if "intent" in train:
        outputs["intent"] = "category"
        known = set(train["intent"])
        rows = [i for i, intent in enumerate(check["intent"]) if intent in known]
        missed = len(check["intent"]) - len(rows)
        check = {name: [column[i] for i in rows] for name, column in check.items()}
        trial.numbers["validation rows with an unseen intent, counted as wrong"] = missed
    settings = {"dropout": 0.5, "embedding": 100, "learning_rate": 0.002, "validation": 0.1} | SETTINGS[which]
    model = SequenceModel({"words": fields.Tokens(min_count=2)}, outputs, **settings | trial.training)
    model.fit(train)
    trial.learned(model)
    reports = model.evaluate(check)
    for name, report in reports.items() if isinstance(reports, dict) else [("tags", reports)]:
        print(report)
        scale = len(check["words"]) / (len(check["words"]) + trial.numbers.get(UNSEEN, 0)) if name == "intent" else 1.0
        for measure, value in report.model.items():
            trial.numbers[f"{name} {measure}"] = round(value * scale, 4)
        for baseline, row in report.baselines.items():
            trial.numbers[f"{name} {baseline}"] = {measure: round(value, 4) for measure, value in row.items()}
    trial.finish()


UNSEEN = "validation rows with an unseen intent, counted as wrong"


def read_lines(path: Path) -> dict[str, list[Any]]:
    """One token a line, a blank line between sentences; the tag is the last column, or UPOS."""
    words, tags = [], []
    sentences: dict[str, list[Any]] = {"words": [], "tags": []}
    pos = "ud_" in str(path)
    with gzip.open(path, "rt", encoding="utf-8") as lines:
        for line in [*lines, "\n"]:
            parts = line.rstrip("\n").split("\t" if pos else " ")
            if parts == [""] or line.startswith("-DOCSTART-"):
                if words:
                    sentences["words"].append(words)
                    sentences["tags"].append(tags)
                words, tags = [], []
            else:
                words.append(parts[0])
                tags.append(parts[1] if pos else parts[-1])
    return sentences


def read_sentences(path: Path) -> dict[str, list[Any]]:
    """Tokens, tags and intent, a sentence a line."""
    with gzip.open(path, "rt", encoding="utf-8") as lines:
        rows = [line.rstrip("\n").split("\t") for line in lines]
    return {
        "words": [row[0].split() for row in rows],
        "tags": [row[1].split() for row in rows],
        "intent": [row[2] for row in rows],
    }


if __name__ == "__main__":
    main()
