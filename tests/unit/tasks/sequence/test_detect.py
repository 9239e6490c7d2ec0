"""Boxes one by one: found where they are, as many as there are, and learned from pixels or fractions."""

from __future__ import annotations

import math

import matplotlib.pyplot as plt
import numpy as np
import pytest

from elman import SequenceModel
from elman.errors import DataError
from elman.graph import placeholder
from elman.tasks import FaceDetector
from elman.tasks.sequence.detect import BoxLoss
from tests.evaluation import evaluate

SIDE = 16


def _squares(rng, rows):
    """Pictures with none, one or two bright squares, and their boxes in pixels."""
    pictures, boxes = rng.integers(0, 60, (rows, SIDE, SIDE), dtype="uint8"), []
    for i, picture in enumerate(pictures):
        found = [(0, 6), (8, 5)][: i % 3]
        boxes.append([[left, int(rng.integers(0, 2)) * 8, size, size] for left, size in found])
        for left, top, size, _ in boxes[-1]:
            picture[top : top + size, left : left + size] = 255
    return pictures, boxes


@pytest.fixture(scope="module")
def trained():
    pictures, boxes = _squares(np.random.default_rng(0), 120)
    pairs = [(row, (SIDE, SIDE)) for row in boxes]
    detector = FaceDetector(size=32, epochs=60, learning_rate=0.01, validation=0, dropout=0)
    return detector.fit(pictures, pairs), pictures, pairs


def test_it_finds_boxes_and_stops(trained):
    detector, pictures, pairs = trained
    scores = detector.evaluate(pictures, pairs)
    assert scores.model["mAP@0.5"] > 0.9
    assert scores.model["right number"] > 0.95
    assert scores.rows["mean box"]["mAP@0.5"] < 0.7
    found = detector.predict(pictures[:3])
    assert [row.shape for row in found] == [(0, 4), (1, 4), (2, 4)]
    assert np.abs(found[1][0] * SIDE - pairs[1][0][0]).max() < 1.5
    assert detector.score(pictures, pairs) == scores.model["mAP@0.5"]


def test_boxes_in_fractions_are_the_same(trained):
    detector, pictures, pairs = trained
    fractions = [(np.array(boxes) / SIDE).tolist() for boxes, _ in pairs]
    assert detector.score(pictures, fractions) == detector.score(pictures, pairs)


def test_it_says_why_and_draws(trained):
    detector, pictures, pairs = trained
    lines: list[str] = []
    detector.explain(lines.append)
    assert "until it says there is no more" in lines[0]
    figure = detector.plot(pictures[:3], pairs[:3])
    assert len(figure.axes[0].lines) == 3 + 2 * (0 + 1 + 2) + len(("truth", "answer"))
    plt.close(figure)


def test_pictures_without_boxes_give_none(rng):
    pictures = rng.random((8, 8, 8))
    model = SequenceModel({"picture": "image"}, {"faces": "boxes"}, size=4, epochs=20, learning_rate=0.05, validation=0)
    found = model.fit({"picture": pictures, "faces": [[]] * 8}).predict({"picture": pictures})
    assert [len(boxes) for boxes in found] == [0] * 8
    assert math.isnan(model.evaluate({"picture": pictures, "faces": [[]] * 8}).model["mAP@0.5"])


def test_a_box_outside_the_picture_is_named(rng):
    with pytest.raises(DataError, match=r"boxes inside the picture.*row 1, box 0"):
        FaceDetector(validation=0).fit(rng.random((2, 8, 8)), [[], [[0.5, 0.5, -0.1, 0.2]]])


def test_sides_count_only_where_there_is_a_box():
    true = np.float32([[[0.5, 0.5, 0.2, 0.2, 1.0], [0.0, 0.0, 0.0, 0.0, 0.0]]])
    guess = np.float32([[[0.5, 0.5, 0.2, 0.6, 0.5], [0.9, 0.9, 0.9, 0.9, 0.5]]])
    y_true, y_pred = placeholder("y_true", (1, 2, 5)), placeholder("y_pred", (1, 2, 5))
    (values,) = evaluate([BoxLoss().call(y_true, y_pred)], [(y_true, true), (y_pred, guess)])
    assert values.ravel().tolist() == pytest.approx([math.log(2) + 5 * 0.1, math.log(2)])
