"""What a wider search is worth: greedy answers beside beams, and beside beams that hear a language model.

`dates`: eight digits joined from recordings of one speaker, clean and with noise of a tenth of their energy; the reader
learned random strings, the language model other dates. `spa_short`: English to Spanish, up to four words.

Run: python -m benchmarks.tasks.searches --set dates --data DATA
"""

from __future__ import annotations

import sys
import time
from collections import defaultdict
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.tasks.speech import Takes, takes
from benchmarks.tasks.translation import read
from benchmarks.tasks.trial import Trial
from elman import fields
from elman.tasks import LanguageModel, Transcriber, Translator
from elman.tasks.scoring import accuracy, bleu, character_error_rate, chrf

TARGETS = {
    "dates": "fewer errors with a language model of dates than without",
    "spa_short": "a better BLEU by five beams than by the likeliest token",
}
Spoken = dict[str, dict[str, list[np.ndarray]]]
RATE, NOISE = 8000, 0.1


def main() -> None:
    """Train on one set, and search it in several ways."""
    which = sys.argv[sys.argv.index("--set") + 1] if "--set" in sys.argv else "dates"
    trial = Trial(which, TARGETS[which], set="dates")
    {"dates": dates, "spa_short": sentences}[which](trial)


def dates(trial: Trial) -> None:
    """Error rates of digits, without and with a language model."""
    chance = np.random.default_rng(trial.arguments.seed)
    learn, ask = (by_digit(part) for part in takes(trial.data / "speech" / "fsdd" / "recordings.zip"))
    texts = ["".join(map(str, chance.integers(0, 10, chance.integers(2, 7)))) for _ in range(900)]
    sounds = [noisy(say(text, learn, chance), NOISE * (i % 2), chance) for i, text in enumerate(texts)]
    settings = {"size": 96, "batch_size": 16, "patience": 24, "epochs": 24, "learning_rate": 0.004}
    reader = fields.Audio(rate=RATE, mels=40, stack=4)
    model = Transcriber(input=reader, **settings | trial.training).fit([(s, RATE) for s in sounds], texts)
    trial.learned(model.model_)
    book = LanguageModel(size=64, epochs=20, learning_rate=0.01, validation=0, seed=trial.arguments.seed)
    book.fit([date(chance) for _ in range(2000)])
    truth = [date(chance) for _ in range(150)]
    spoken = [say(text, ask, chance) for text in truth]
    searches = {"greedy": {}, "beam": {"beam": 16}, "language_model": {"beam": 16, "language_model": book}}
    numbers: dict[str, Any] = {}
    for kind, noise in (("clean", 0.0), ("noisy", NOISE)):
        given = [(noisy(sound, noise, chance), RATE) for sound in spoken]
        for name, search in searches.items():
            found = model.predict(given, **search)
            numbers[f"{kind}_{name}_error_rate"] = character_error_rate(truth, found)
            numbers[f"{kind}_{name}_whole"] = accuracy(truth, found)
    trial.finish(**numbers, tested_on=len(truth))


def sentences(trial: Trial) -> None:
    """BLEU and time of beams."""
    folder = trial.data / "translation" / "spa_eng"
    source, target = short(folder / "train.tsv.gz", 9000)
    asked, truth = short(folder / "test.tsv.gz", 500)
    settings = {"size": 96, "batch_size": 32, "epochs": 10, "learning_rate": 0.005}
    model = Translator(input=fields.Text("bpe", max_tokens=1500), **settings | trial.training).fit(source, target)
    trial.learned(model.model_)
    numbers: dict[str, Any] = {}
    for beam in (1, 2, 5, 10):
        model.predict(asked[:8], beam=beam)  # compiles
        start = time.process_time()
        found = model.predict(asked, beam=beam)
        numbers[f"beam_{beam}_cpu_seconds"] = round(time.process_time() - start, 2)
        numbers[f"beam_{beam}_bleu"], numbers[f"beam_{beam}_chrf"] = bleu(truth, found), chrf(truth, found)
    trial.finish(**numbers, learned_from=len(source), tested_on=len(truth))


def date(chance: np.random.Generator) -> str:
    """Day, month and year between 1990 and 2025, as eight digits."""
    return f"{chance.integers(1, 29):02d}{chance.integers(1, 13):02d}{chance.integers(1990, 2026)}"


def by_digit(part: Takes) -> Spoken:
    """Takes of each speaker by what is said."""
    found: Spoken = {speaker: defaultdict(list) for speaker in part}
    for speaker, recorded in part.items():
        for sound, digit in recorded:
            found[speaker][digit].append(sound)
    return found


def say(text: str, part: Spoken, chance: np.random.Generator) -> np.ndarray:
    """A text of digits by one speaker, drawn take by take."""
    of = part[str(chance.choice(sorted(part)))]
    return np.concatenate([of[digit][chance.integers(len(of[digit]))] for digit in text])


def noisy(sound: np.ndarray, share: float, chance: np.random.Generator) -> np.ndarray:
    """With white noise of that share of its energy."""
    x = sound.astype("float64")
    made = x + chance.normal(size=len(x)) * np.sqrt(share * np.square(x).mean())
    return np.clip(made, -32768, 32767).astype("int16")


def short(path: Path, count: int) -> tuple[list[str], list[str]]:
    """The first pairs with up to four English words."""
    known = read(path)
    pairs = [pair for pair in zip(known["english"], known["spanish"], strict=True) if len(pair[0].split()) <= 4]
    return [a for a, _ in pairs[:count]], [b for _, b in pairs[:count]]


if __name__ == "__main__":
    main()
