"""Where in a photograph the raccoons are: boxes one by one, beside the mean box of the photographs learned from.

Learned from are also mirrored photographs and pieces of them that hold every box whole: 128 photographs are few.

Run: python -m benchmarks.tasks.boxes --data DATA
"""

from __future__ import annotations

import csv
import io
import zipfile
from pathlib import Path

import numpy as np

from benchmarks.tasks.trial import Trial
from elman import SequenceModel, fields

Boxes = np.ndarray
"""Shapes: (k, 4): left, top, width, height in fractions."""


def main() -> None:
    """Train on four photographs of five, measure on the fifth."""
    trial = Trial("raccoon_boxes", "mAP@0.5 of 0.4 on every fifth photograph; stretch: 0.6", pieces=10, side=64)
    given = trial.arguments
    photographs = read(trial.data / "face_detection" / "raccoon_boxes")
    learned = [row for i, row in enumerate(photographs) if i % 5 != 4]
    asked = [row for i, row in enumerate(photographs) if i % 5 == 4]
    chance = np.random.default_rng(given.seed)
    made = [sample for pixels, boxes in learned for sample in varied(pixels, boxes, given.pieces, chance)]
    settings = {"size": 128, "batch_size": 32, "epochs": 20, "learning_rate": 0.002, "validation": 0, "dropout": 0.3}
    reader = fields.Image(given.side, given.side, 3)
    model = SequenceModel({"photograph": reader}, {"boxes": "boxes"}, **settings | trial.training)
    model.fit({"photograph": [pixels for pixels, _ in made], "boxes": [boxes.tolist() for _, boxes in made]})
    trial.learned(model)
    rows = {"photograph": [pixels for pixels, _ in asked], "boxes": [boxes.tolist() for _, boxes in asked]}
    report = model.evaluate(rows)
    trial.finish(
        **{name: report.model[name] for name in report.model},
        **{f"{who} {name}": value for who, scores in report.baselines.items() for name, value in scores.items()},
        learned_from=len(made),
        tested_on=len(asked),
    )


def varied(pixels: np.ndarray, boxes: Boxes, count: int, chance: np.random.Generator) -> list[tuple[np.ndarray, Boxes]]:
    """The photograph, and pieces that hold all its boxes; every second one mirrored."""
    found = [(pixels, boxes)]
    height, width = pixels.shape[:2]
    first, last = boxes[:, :2].min(axis=0), (boxes[:, :2] + boxes[:, 2:]).max(axis=0)
    for _ in range(count):
        left, top = first * chance.random(2)
        right, bottom = 1 - (1 - last) * chance.random(2)
        rows = slice(int(top * height), max(int(np.ceil(bottom * height)), int(top * height) + 8))
        columns = slice(int(left * width), max(int(np.ceil(right * width)), int(left * width) + 8))
        piece = pixels[rows, columns]
        size = np.array([piece.shape[1] / width, piece.shape[0] / height])
        begin = np.array([columns.start / width, rows.start / height])
        moved = np.hstack([(boxes[:, :2] - begin) / size, boxes[:, 2:] / size])
        if chance.random() < 0.5:
            piece = piece[:, ::-1]
            moved[:, 0] = 1 - moved[:, 0] - moved[:, 2]
        found.append((np.ascontiguousarray(piece), moved))
    return found


def read(folder: Path) -> list[tuple[np.ndarray, Boxes]]:
    """Photographs by their number, each with its boxes."""
    from PIL import Image

    boxes: dict[str, list[list[float]]] = {}
    with (folder / "boxes.csv").open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            boxes.setdefault(row["file"], []).append([float(row[n]) for n in ("left", "top", "width", "height")])
    rows = []
    with zipfile.ZipFile(folder / "images.zip") as archive:
        for name in sorted(boxes, key=lambda name: int("".join(filter(str.isdigit, name)))):
            pixels = np.array(Image.open(io.BytesIO(archive.read(name))).convert("RGB"))
            size = np.array([pixels.shape[1], pixels.shape[0]] * 2)
            rows.append((pixels, np.array(boxes[name]) / size))
    return rows


if __name__ == "__main__":
    main()
