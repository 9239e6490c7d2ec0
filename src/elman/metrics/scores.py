"""Scores that are no means: the F-score of classification, the coefficient of determination of regression."""

from __future__ import annotations

from typing import Any, final

import numpy as np

from elman import ops
from elman.arguments import check_number, check_whole
from elman.errors import unknown_name
from elman.graph import Tensor
from elman.graph.node import Operand
from elman.losses.base import EPSILON, align
from elman.metrics.base import Array, Metric, Updates, combined, no_nan, number


def _rows(
    where: str, y_true: Operand, y_pred: Operand, sample_weight: Operand | None, mask: Operand | None
) -> list[Tensor]:
    """Targets, predictions and weights with every step a row. Shapes: (B, ..., C) -> (N, C), (N, C), (N, C)."""
    y_true, y_pred = align(where, y_true, y_pred)
    weight = combined(where, y_pred, sample_weight, mask)
    weight = ops.ones_like(y_pred) if weight is None else ops.broadcast_to(weight, y_pred.shape)
    return [ops.reshape(t, (-1, y_pred.shape[-1])) for t in (y_true, y_pred, weight)]


class _FScore(Metric):
    """Precision and recall of each class, joined."""

    direction = "up"

    def __init__(
        self, average: str | None, beta: float, threshold: float | None, name: str | None, dtype: str | None
    ) -> None:
        super().__init__(name, dtype)
        if average not in (None, "micro", "macro", "weighted"):
            raise unknown_name(self.name, "average", average, ("micro", "macro", "weighted"))
        cure = "1 weighs precision and recall alike."
        self.average, self.beta = average, check_number(self.name, "beta", beta, "a finite number above 0", cure)
        self.threshold = None if threshold is None else check_number(self.name, "threshold", threshold, "in (0, 1]")

    def updates(
        self, y_true: Operand, y_pred: Operand, sample_weight: Operand | None = None, mask: Operand | None = None
    ) -> Updates:
        """What the counts become with one more batch. Shapes: counts (C,), or () for "micro"."""
        true, score, weight = _rows(self.name, y_true, y_pred, sample_weight, mask)
        if self.threshold is None:
            highest = score >= ops.max(score, -1, keepdims=True)
            said = ops.logical_and(highest, ops.abs(score) > 1e-9)
        else:
            said = score > self.threshold
        positive = ops.cast(said, score.dtype)
        found = {
            "true_positives": positive * true,
            "false_positives": positive * (1.0 - true),
            "false_negatives": (1.0 - positive) * true,
            "support": true,
        }
        axis = None if self.average == "micro" else 0
        return [update for name, x in found.items() for update in self._add(name, ops.sum(x * weight, axis))]

    def result(self) -> Any:
        """The score so far: a float; an array, one number a class, where average is None."""
        tp, fp, fn = (self._sum(n) for n in ("true_positives", "false_positives", "false_negatives"))
        precision, recall = tp / (tp + fp + EPSILON), tp / (tp + fn + EPSILON)
        joined = self.beta**2 * precision + recall + EPSILON
        score: Array = np.asarray((1 + self.beta**2) * precision * recall / joined)
        if self.average == "weighted":
            support = self._sum("support")
            return float((score * support / (support.sum() + EPSILON)).sum())
        return number(score) if self.average is None else float(score.mean())


@final
class F1Score(_FScore):
    """The harmonic mean of precision and recall of each class.

    Args:
        average: None: a number for each class; "macro": their mean; "weighted": their mean by how often a class occurs;
            "micro": one score from the counts of all classes.
        threshold: above it a score is positive; None: the highest of each sample is.
        name, dtype: see `Metric`.
    Shapes: y_true, y_pred (B, ..., C).
    Raises: UnknownNameError: another average. ArgumentError: a threshold outside (0, 1].
    Source: van Rijsbergen 1979; as Keras 3.
    Example:
        >>> F1Score(average="macro").result()
        0.0
    """

    def __init__(
        self,
        average: str | None = None,
        threshold: float | None = None,
        name: str = "f1_score",
        dtype: str | None = None,
    ) -> None:
        super().__init__(average, 1.0, threshold, name, dtype)


@final
class FBetaScore(_FScore):
    """The F-score in which recall weighs beta times as much as precision.

    Args: beta: above 0. average, threshold, name, dtype: see `F1Score`.
    Shapes: y_true, y_pred (B, ..., C).
    Raises: UnknownNameError: another average. ArgumentError: beta or threshold out of its range.
    Source: van Rijsbergen 1979; as Keras 3.
    Example:
        >>> FBetaScore(beta=2.0, average="micro").result()
        0.0
    """

    def __init__(
        self,
        average: str | None = None,
        beta: float = 1.0,
        threshold: float | None = None,
        name: str = "fbeta_score",
        dtype: str | None = None,
    ) -> None:
        super().__init__(average, beta, threshold, name, dtype)


@final
class R2Score(Metric):
    """How much of the targets' variance is predicted: 1 all of it, 0 as much as their mean would.

    Args:
        class_aggregation: "uniform_average" over outputs, "variance_weighted_average", or None: an array.
        num_regressors: above 0 gives the adjusted score for a model of so many regressors.
        name, dtype: see `Metric`.
    Shapes: y_true, y_pred (B, ..., C).
    Raises: UnknownNameError: another aggregation. ArgumentError: num_regressors is negative.
    Source: Wright 1921; as Keras 3, where an output of constant targets scores 0.
    Example:
        >>> R2Score().direction
        'up'
    """

    direction = "up"

    def __init__(
        self,
        class_aggregation: str | None = "uniform_average",
        num_regressors: int = 0,
        name: str = "r2_score",
        dtype: str | None = None,
    ) -> None:
        super().__init__(name, dtype)
        known = ("uniform_average", "variance_weighted_average")
        if class_aggregation not in (None, *known):
            raise unknown_name(self.name, "class_aggregation", class_aggregation, known)
        self.class_aggregation = class_aggregation
        self.num_regressors = check_whole(self.name, "num_regressors", num_regressors)

    def updates(
        self, y_true: Operand, y_pred: Operand, sample_weight: Operand | None = None, mask: Operand | None = None
    ) -> Updates:
        """What the sums become with one more batch. Shapes: sums (C,), num_samples ()."""
        true, predicted, weight = _rows(self.name, y_true, y_pred, sample_weight, mask)
        _, _, real = _rows(self.name, y_true, y_pred, None, mask)
        weighted = true * weight
        sums = {
            "sum": weighted,
            "squared_sum": true * weighted,
            "residual": ops.square(true - predicted) * weight,
            "count": weight,
        }
        rows = self._add("num_samples", ops.sum(real))
        return [*(update for name, x in sums.items() for update in self._add(name, ops.sum(x, 0))), *rows]

    def result(self) -> Any:
        """The score so far: a float, or an array where class_aggregation is None."""
        if not self._totals:
            return 0.0
        with np.errstate(all="ignore"):
            mean = no_nan(self._sum("sum"), self._sum("count"))
            total = self._sum("squared_sum") - self._sum("sum") * mean
            scores = np.asarray(1 - self._sum("residual") / total)
            scores = np.where(np.isinf(scores) | (total == 0), 0.0, scores)
            if self.class_aggregation is None:
                return number(self._adjusted(scores))
            weights = total if self.class_aggregation == "variance_weighted_average" else np.ones_like(total)
            return float(self._adjusted(no_nan((scores * weights).sum(), weights.sum())))

    def _adjusted(self, score: Any) -> Any:
        n, p = float(self._sum("num_samples")), self.num_regressors
        return score if p == 0 or p >= n - 1 else 1 - (1 - score) * (n - 1) / (n - p - 1)
