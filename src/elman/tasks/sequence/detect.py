"""A picture to boxes: a recurrent decoder gives a box at each step, the largest first, and says when there is no more.

Source: Stewart and Andriluka 2016, "End-to-end people detection in crowded scenes" (boxes from a recurrence, with the
confidence that ends it); the order is that of size here, so boxes need not be matched.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from elman import layers, losses, ops
from elman.graph import Tensor
from elman.tasks.scoring import average_precision
from elman.tasks.sequence.design import core, dropped
from elman.tasks.sequence.encoders import Features, join_vectors
from elman.tasks.sequence.heads import Head, Run

__all__ = ["BoxLoss", "Detect"]

_WEIGHT = 5.0
"""How much the sides of a box count beside whether there is one."""


class BoxLoss(losses.Loss):
    """Cross-entropy of "there is a further box", and, where there is one, how far its sides are off.

    Shapes: y_true, y_pred (B, K, 5): center x, center y, width, height, presence -> (B, K).
    """

    def call(self, y_true: Tensor, y_pred: Tensor) -> Tensor:
        """A value for each step."""
        further = y_true[:, :, 4]
        off = ops.mean(ops.abs(y_true[:, :, :4] - y_pred[:, :, :4]), -1)
        return losses.binary_crossentropy(y_true[:, :, 4:], y_pred[:, :, 4:]) + _WEIGHT * further * off


class Detect(Head):
    """Four numbers and the share of certainty that there is a further box, for as many steps as were ever needed."""

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        self.loss = BoxLoss()

    @property
    def steps(self) -> int:
        """How many boxes there can be."""
        return max(1, getattr(self.field, "most", 1))

    def decodes(self) -> str:
        """Box by box."""
        design = self.design
        core = f"{design.layers} x {design.cell}({design.size})"
        return f"{core} gives a box a step, {self.steps} at most, as long as it is half sure that there is one"

    def output(self, features: Mapping[str, Features], inputs: Mapping[str, Tensor]) -> Tensor:
        """Shapes: -> (B, K, 5)."""
        vector = dropped(join_vectors(list(features.values())), self.design)
        x = core(layers.RepeatVector(self.steps)(vector), self.design, both_ways=False)
        made: Tensor = layers.Dense(5, activation="sigmoid")(x)
        return made

    def arrays(self, column: Any) -> tuple[dict[str, Any], Any]:
        """Boxes with a 1 behind each, and zeros after the last."""
        rows = list(self.field.encode(column))
        padded = np.zeros((len(rows), self.steps, 5), np.float32)
        for target, boxes in zip(padded, rows, strict=True):
            kept = boxes[: self.steps]
            target[: len(kept), :4], target[: len(kept), 4] = kept, 1
        return {}, padded

    def answers(self, run: Run) -> Any:
        """The boxes before the first step that says there is no more."""
        return self.field.decode([row[:, :4] for row in _begun(run.raw(self.name))])

    def measure(self, run: Run, columns: Mapping[str, Any]) -> dict[str, dict[str, float]]:
        """Average precision at half overlap, and the share of pictures with the right number of boxes."""
        truth = list(self.field.encode(columns[self.name]))
        found = _begun(run.raw(self.name))
        mean = [np.array(self.naive["mean"])] * len(truth)
        return {self.design.name: _scored(truth, found), "mean box": _scored(truth, mean)}

    def learn(self, columns: Mapping[str, Any]) -> None:
        """The mean of the largest boxes, as sure as pictures have one."""
        rows = list(self.field.encode(columns[self.name]))
        first = np.array([boxes[0] for boxes in rows if len(boxes)]).reshape(-1, 4)
        self.naive = {"mean": [[*map(float, first.mean(axis=0)), len(first) / len(rows)]] if len(first) else []}

    def shown(self, run: Run, columns: Mapping[str, Any]) -> tuple[Any, Any]:
        """Boxes as left, top, right, bottom in fractions. Shapes: -> N of (n, 4), twice."""
        sides = columns[self.name], self.answers(run)
        true, found = ([_corners(boxes) for boxes in self.field.encode(side)] for side in sides)
        return true, found


def _begun(raw: Any) -> list[npt.NDArray[Any]]:
    """The steps of each row before the first that says there is no further box."""
    return [row[: np.argmin([*(row[:, 4] >= 0.5), False])] for row in np.asarray(raw)]


def _scored(truth: Sequence[Any], found: Sequence[Any]) -> dict[str, float]:
    """Shapes: truth N arrays (n, 4); found N arrays (m, 5), how sure each is behind the box."""
    boxes = [np.asarray(row).reshape(-1, 5) for row in found]
    precision = average_precision(
        [_corners(row) for row in truth], [_corners(row[:, :4]) for row in boxes], [row[:, 4] for row in boxes]
    )
    number = np.mean([len(a) == len(b) for a, b in zip(truth, boxes, strict=True)])
    return {"mAP@0.5": precision, "right number": float(number)}


def _corners(boxes: Any) -> npt.NDArray[np.float64]:
    array = np.asarray(boxes, "float64").reshape(-1, 4)
    return np.hstack([array[:, :2] - array[:, 2:] / 2, array[:, :2] + array[:, 2:] / 2])
