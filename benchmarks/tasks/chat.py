"""The next word of a conversation, beside a trigram model of the same words (interpolated Kneser-Ney).

Run: python -m benchmarks.tasks.chat --data DATA
"""

from __future__ import annotations

import gzip
import json
import math
from collections import Counter, defaultdict
from pathlib import Path

from benchmarks.tasks.trial import Trial
from elman import SequenceModel, fields

TURN = "|"
"""Between two turns."""
DISCOUNT = 0.75


def main() -> None:
    """Train on conversations, measure on others."""
    trial = Trial("dailydialog", "perplexity below that of a trigram model", dialogues=1500, words=5000)
    given = trial.arguments
    folder = trial.data / "chatbot" / "dailydialog"
    learned = read(folder / "train.jsonl.gz")[: given.dialogues or None]
    asked = read(folder / "validation.jsonl.gz")
    common = {w for w, _ in Counter(w for row in learned for w in row).most_common(given.words)}
    check, asked = asked[:200], asked[200:]
    learned, check, asked = (
        [[w if w in common else "<unk>" for w in row] for row in rows] for rows in (learned, check, asked)
    )
    settings = {"size": 256, "batch_size": 8, "window": 64, "learning_rate": 0.002, "dropout": 0.5}
    plan = {"epochs": 10, "decay": "cosine", "embedding": 256, "tie_weights": True}
    words = fields.Tokens()
    model = SequenceModel({"said": words}, {"said": words}, **settings | plan | trial.training)
    model.fit({"said": learned}, validation_data={"said": check})
    trial.learned(model)
    found = model.evaluate({"said": asked}).model
    trial.finish(
        perplexity=found["perplexity"],
        trigram_perplexity=Trigrams(learned).perplexity(asked),
        dialogues=len(learned),
        words_learned_from=sum(map(len, learned)),
        words_tested_on=sum(map(len, asked)),
    )


class Trigrams:
    """Chances of words after the two before them.

    Source: Kneser and Ney 1995; Chen and Goodman 1999, interpolated, one discount.
    """

    def __init__(self, rows: list[list[str]]) -> None:
        self.counts: list[Counter[tuple[str, ...]]] = [Counter(), Counter(), Counter()]
        for row in map(_bounded, rows):
            for i in range(2, len(row)):
                self.counts[2][tuple(row[i - 2 : i + 1])] += 1
        for order in (1, 0):  # lower orders count in how many places a word goes on, not how often
            for words in self.counts[order + 1]:
                self.counts[order][words[1:]] += 1
        self.total: list[Counter[tuple[str, ...]]] = [Counter(), Counter(), Counter()]
        self.kinds: list[defaultdict[tuple[str, ...], int]] = [defaultdict(int) for _ in range(3)]
        for order in range(3):
            for words, count in self.counts[order].items():
                self.total[order][words[:-1]] += count
                self.kinds[order][words[:-1]] += 1

    def chance(self, words: tuple[str, ...]) -> float:
        """Of the last word after those before it."""
        order = len(words) - 1
        lower = 1 / (len(self.counts[0]) + 1) if not order else self.chance(words[1:])
        total = self.total[order][words[:-1]]
        if not total:
            return lower
        kept = max(self.counts[order][words] - DISCOUNT, 0.0)
        return (kept + DISCOUNT * self.kinds[order][words[:-1]] * lower) / total

    def perplexity(self, rows: list[list[str]]) -> float:
        """Over all words, and the end of each row."""
        nats = count = 0.0
        for row in map(_bounded, rows):
            for i in range(2, len(row)):
                nats -= math.log(self.chance(tuple(row[i - 2 : i + 1])))
            count += len(row) - 2
        return math.exp(nats / count)


def _bounded(row: list[str]) -> list[str]:
    return ["<bos>", "<bos>", *row, "<eos>"]


def read(path: Path) -> list[list[str]]:
    """Conversations as words, with a sign between turns."""
    with gzip.open(path, "rt", encoding="utf-8") as lines:
        talks = [json.loads(line)["utterances"] for line in lines]
    return [f" {TURN} ".join(talk).lower().split() for talk in talks]


if __name__ == "__main__":
    main()
