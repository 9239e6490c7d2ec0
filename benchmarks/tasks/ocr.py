"""Pictures of text: captchas and lines of nineteenth-century print, by convolutions, an LSTM both ways, and CTC.

Run: python -m benchmarks.tasks.ocr --set captcha_v2 --data DATA
"""

from __future__ import annotations

import csv
import sys
import zipfile
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.tasks.trial import Trial
from elman import SequenceModel, fields
from elman.tasks.scoring import accuracy, character_error_rate

TARGETS = {
    "captcha_v2": "90 % of whole captchas of a tenth; stretch: 97 %",
    "captcha_8char": "CER and whole captchas of a tenth",
    "fraktur_lines": "CER 8 % on the lines of a tenth of the books; stretch: 4 %",
}
SETTINGS: dict[str, dict[str, Any]] = {
    "captcha_v2": {"batch_size": 16, "epochs": 60},
    "captcha_8char": {"batch_size": 32, "epochs": 24},
    "fraktur_lines": {"batch_size": 16, "epochs": 14},
}
HEIGHTS = {"captcha_v2": 32, "captcha_8char": 48, "fraktur_lines": 32}


def main() -> None:
    """Train on one set, and print its numbers."""
    which = sys.argv[sys.argv.index("--set") + 1] if "--set" in sys.argv else "captcha_v2"
    trial = Trial(which, TARGETS[which], set="captcha_v2")
    pictures, texts, groups = read(trial.data / "ocr" / which)
    chance = np.random.default_rng(0)
    kept = set(chance.permutation(sorted(set(groups)))[: max(1, len(set(groups)) // 10)].tolist())
    held = np.array([group in kept for group in groups])
    learned, asked = (
        {"line": [pictures[i] for i in rows], "text": [texts[i] for i in rows]}
        for rows in (np.flatnonzero(~held), np.flatnonzero(held))
    )
    # CTC stands still for long before it finds the first symbols: a short patience would stop it there.
    settings: dict[str, Any] = {"size": 96, "learning_rate": 0.004, "decay": "cosine", "dropout": 0.2}
    settings |= {"validation": 0.05, "patience": 80} | SETTINGS[which]
    model = SequenceModel(
        {"line": fields.Line(height=HEIGHTS[which])}, {"text": fields.Text("char")}, **settings | trial.training
    )
    model.fit(learned)
    trial.learned(model)
    truth, answers = asked["text"], model.predict(asked)
    common = [Counter(learned["text"]).most_common(1)[0][0]] * len(truth)
    trial.finish(
        whole_rows=accuracy(truth, answers),
        character_error_rate=character_error_rate(truth, answers),
        most_frequent_error_rate=character_error_rate(truth, common),
        tested_on=len(truth),
    )


def read(folder: Path) -> tuple[list[bytes], list[str], list[str]]:
    """Pictures, their texts, and what must not be split: a book's lines, or a picture."""
    with zipfile.ZipFile(folder / "images.zip") as archive:
        if (folder / "transcripts.tsv").is_file():
            with (folder / "transcripts.tsv").open(encoding="utf-8", newline="") as file:
                rows = [
                    (row["file"], row["text"]) for row in csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE)
                ]
            books = [name.rsplit("_", 1)[0] for name, _ in rows]
            return [archive.read(name) for name, _ in rows], [text for _, text in rows], books
        names = sorted(name for name in archive.namelist() if name.endswith(".png"))
        return [archive.read(name) for name in names], [Path(name).stem for name in names], names


if __name__ == "__main__":
    main()
