"""Speech: single digits as classes; digits in a row and words of yes and no by CTC.

The strings of `fsdd_strings` are recordings of one speaker joined end to end: training takes only, or test takes only.

Run: python -m benchmarks.tasks.speech --set fsdd --data DATA
"""

from __future__ import annotations

import io
import sys
import wave
import zipfile
from collections import Counter, defaultdict
from typing import Any

import numpy as np

from benchmarks.tasks.trial import Trial
from elman import SequenceModel, fields
from elman.tasks.scoring import accuracy, character_error_rate

TARGETS = {
    "fsdd": "97 % of takes not trained on; stretch: 99 %",
    "fsdd_strings": "CER 5 % on takes not trained on; stretch: 2 %",
    "yesno": "CER 5 % on every fourth recording; stretch: 2 %",
}
SETTINGS: dict[str, dict[str, Any]] = {
    "fsdd": {"size": 96, "batch_size": 32, "epochs": 30, "learning_rate": 0.003},
    "fsdd_strings": {
        "size": 96,
        "batch_size": 16,
        "patience": 24,
        "epochs": 24,
        "learning_rate": 0.004,
        "decay": "cosine",
    },
    "yesno": {"size": 32, "batch_size": 4, "epochs": 80, "learning_rate": 0.005, "validation": 0},
}
STRINGS = {"learned": 1500, "asked": 200}
Rows = dict[str, list[Any]]
Takes = dict[str, list[tuple[np.ndarray, str]]]


def main() -> None:
    """Train on one set, and print its numbers."""
    which = sys.argv[sys.argv.index("--set") + 1] if "--set" in sys.argv else "fsdd"
    trial = Trial(which, TARGETS[which], set="fsdd")
    if which == "yesno":
        learned, asked = words(trial.data / "speech" / "yesno" / "waves.zip")
    else:
        learned, asked = digits(trial.data / "speech" / "fsdd" / "recordings.zip", which == "fsdd_strings", trial)
    spoken = {"text": "category" if which == "fsdd" else fields.Text("char")}
    # Steps of 10 ms are more than CTC can align at first: 600 frames for eight words.
    sounds = {"sound": fields.Audio(rate=8000, mels=40, stack=1 if which == "fsdd" else 4)}
    model = SequenceModel(sounds, spoken, **SETTINGS[which] | trial.training)
    model.fit(learned)
    trial.learned(model)
    truth, answers = asked["text"], model.predict(asked)
    common = Counter(learned["text"]).most_common(1)[0][0]
    numbers = {"whole_rows": accuracy(truth, answers), "most_frequent": accuracy(truth, [common] * len(truth))}
    if which != "fsdd":
        numbers |= {
            "character_error_rate": character_error_rate(truth, answers),
            "most_frequent_error_rate": character_error_rate(truth, [common] * len(truth)),
        }
    trial.finish(**numbers, tested_on=len(truth))


def digits(path: Any, strings: bool, trial: Trial) -> tuple[Rows, Rows]:
    """Takes 5 to 49 of each digit and speaker to learn from, 0 to 4 to ask; single, or joined to strings of 2 to 6."""
    counts = STRINGS["learned"], STRINGS["asked"]
    chance = np.random.default_rng(trial.arguments.seed)
    made = []
    for part, count in zip(takes(path), counts, strict=True):
        rows = joined(part, count, chance) if strings else [take for found in part.values() for take in found]
        made.append({"sound": [sound for sound, _ in rows], "text": [digit for _, digit in rows]})
    return made[0], made[1]


def takes(path: Any) -> tuple[Takes, Takes]:
    """Sounds and digits of each speaker, to learn from and to ask."""
    parts: tuple[Takes, Takes] = (defaultdict(list), defaultdict(list))
    with zipfile.ZipFile(path) as archive:
        for name in sorted(archive.namelist()):
            digit, speaker, take = name.removesuffix(".wav").split("_")
            parts[int(take) < 5][speaker].append((samples(archive.read(name)), digit))
    return parts


def joined(known: Takes, count: int, chance: np.random.Generator) -> list[tuple[np.ndarray, str]]:
    """Strings of two to six digits, each of one speaker."""
    rows = []
    for _ in range(count):
        of = known[str(chance.choice(sorted(known)))]
        drawn = [of[i] for i in chance.integers(len(of), size=chance.integers(2, 7))]
        rows.append((np.concatenate([sound for sound, _ in drawn]), "".join(digit for _, digit in drawn)))
    return rows


def words(path: Any) -> tuple[Rows, Rows]:
    """Recordings of eight words, each 0 or 1; every fourth by name is asked."""
    with zipfile.ZipFile(path) as archive:
        names = sorted(name for name in archive.namelist() if name.endswith(".wav"))
        rows = [(samples(archive.read(name)), name.rsplit("/")[-1][:-4].replace("_", "")) for name in names]
    parts = [[row for i, row in enumerate(rows) if (i % 4 == 3) is asked] for asked in (False, True)]
    made = [{"sound": [sound for sound, _ in part], "text": [text for _, text in part]} for part in parts]
    return made[0], made[1]


def samples(wav: bytes) -> np.ndarray:
    """The samples of a wav file of 16 bits, one channel."""

    with wave.open(io.BytesIO(wav)) as file:
        return np.frombuffer(file.readframes(file.getnframes()), "<i2")


if __name__ == "__main__":
    main()
