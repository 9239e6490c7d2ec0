"""Metrics counted from true and false positives and negatives at one or many thresholds.

A prediction is positive where it lies above a threshold; a target where it is not 0. Every label of a sample counts
alike. Unlike Keras 3, whose confusion metrics know no mask, masked steps do not count.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple, final

import numpy as np

from elman import ops
from elman.arguments import check_numbers, check_whole
from elman.errors import ArgumentError, ShapeError, unknown_name
from elman.graph import Tensor, apply, constant
from elman.graph.node import Operand
from elman.losses.base import align
from elman.metrics.base import Array, Metric, Updates, combined, no_nan, number
from elman.shapes import text

LOWEST = -1e10
"""What a score outside the top k becomes, and the threshold only scores inside it pass (Keras's NEG_INF)."""


class Labels(NamedTuple):
    """Targets (0 or 1), scores and weights, one for each label of each sample. Shapes: all (N,)."""

    true: Tensor
    score: Tensor
    weight: Tensor


def labels(
    where: str,
    y_true: Operand,
    y_pred: Operand,
    sample_weight: Operand | None,
    mask: Operand | None,
    top_k: int | None = None,
    class_id: int | None = None,
) -> Labels:
    """A batch laid out flat. Shapes: y_true, y_pred (B, ..., F) -> (B · ... · F,)."""
    y_true, y_pred = align(where, y_true, y_pred)
    if top_k is not None:
        y_pred = ops.where(_among_highest(y_pred, top_k), y_pred, LOWEST)
    if class_id is not None:
        classes = y_pred.shape[-1]
        if isinstance(classes, int) and class_id >= classes:
            raise ArgumentError.at(where, "class_id", f"below {classes}, the number of classes", class_id)
        y_true, y_pred = y_true[..., class_id : class_id + 1], y_pred[..., class_id : class_id + 1]
    weight = combined(where, y_pred, sample_weight, mask)
    weight = ops.ones_like(y_pred) if weight is None else ops.broadcast_to(weight, y_pred.shape)
    true = ops.cast(ops.not_equal(y_true, 0.0), y_pred.dtype)
    return Labels(ops.reshape(true, (-1,)), ops.reshape(y_pred, (-1,)), ops.reshape(weight, (-1,)))


def _among_highest(x: Tensor, k: int) -> Tensor:
    """True for exactly the k highest along the last axis; of equals the first. Shapes: (..., C) -> (..., C) bool."""
    one, other = ops.expand_dims(x, -1), ops.expand_dims(x, -2)
    position = ops.arange(x.shape[-1])
    earlier = ops.expand_dims(position, 0) < ops.expand_dims(position, 1)
    ahead = ops.logical_or(other > one, ops.logical_and(ops.equal(other, one), earlier))
    return ops.sum(ops.cast(ahead, x.dtype), -1) < float(k)


def counts(batch: Labels, thresholds: Sequence[float]) -> dict[str, Tensor]:
    """Weighted counts of each kind at each of K thresholds. Shapes: (N,) -> (K,) each."""
    levels = constant(np.asarray(thresholds), batch.score.dtype)
    positive = ops.cast(ops.expand_dims(batch.score, -1) > levels, batch.score.dtype)
    hit, miss = batch.true * batch.weight, (1.0 - batch.true) * batch.weight
    found = {"true_positives": (hit, True), "false_negatives": (hit, False)}
    wrong = {"false_positives": (miss, True), "true_negatives": (miss, False)}
    return {
        name: ops.sum(ops.expand_dims(w, -1) * (positive if yes else 1.0 - positive), 0)
        for name, (w, yes) in {**found, **wrong}.items()
    }


def _thresholds(where: str, thresholds: Any) -> Any:
    """One or several as Python's numbers. Raises: ArgumentError: outside [0, 1]."""
    cure = "Predictions are probabilities."
    return check_numbers(where, "thresholds", thresholds, "in [0, 1]", cure, one=True)


class _Counted(Metric):
    """Counts at given thresholds."""

    needs: tuple[str, ...]

    def __init__(
        self,
        thresholds: float | Sequence[float] | None = None,
        top_k: int | None = None,
        class_id: int | None = None,
        name: str | None = None,
        dtype: str | None = None,
    ) -> None:
        super().__init__(name, dtype)
        self.thresholds = None if thresholds is None else _thresholds(self.name, thresholds)
        self.top_k = None if top_k is None else check_whole(self.name, "top_k", top_k, 1)
        self.class_id = None if class_id is None else check_whole(self.name, "class_id", class_id)
        levels = self.thresholds if self.thresholds is not None else 0.5 if top_k is None else LOWEST
        self._levels = levels if isinstance(levels, list) else [levels]

    def updates(
        self, y_true: Operand, y_pred: Operand, sample_weight: Operand | None = None, mask: Operand | None = None
    ) -> Updates:
        """What the counts become with one more batch."""
        batch = labels(self.name, y_true, y_pred, sample_weight, mask, self.top_k, self.class_id)
        found = counts(batch, self._levels)
        return [update for name in self.needs for update in self._add(name, found[name])]


class _Count(_Counted):
    """One of the four counts."""

    def __init__(
        self, thresholds: float | Sequence[float] | None = None, name: str | None = None, dtype: str | None = None
    ) -> None:
        super().__init__(thresholds, name=name, dtype=dtype)

    def result(self) -> Any:
        """The count so far: a float, or an array for several thresholds."""
        return number(self._sum(self.needs[0]))


@final
class TruePositives(_Count):
    """How many positives were found.

    Args: thresholds: one level or several, in [0, 1]; default 0.5. name, dtype: see `Metric`.
    Example:
        >>> TruePositives().result()
        0.0
    """

    direction = "up"
    needs = ("true_positives",)


@final
class TrueNegatives(_Count):
    """How many negatives were left alone.

    Args: see `TruePositives`.
    Example:
        >>> TrueNegatives().result()
        0.0
    """

    direction = "up"
    needs = ("true_negatives",)


@final
class FalsePositives(_Count):
    """How many negatives were taken for positives.

    Args: see `TruePositives`.
    Example:
        >>> FalsePositives().result()
        0.0
    """

    direction = "down"
    needs = ("false_positives",)


@final
class FalseNegatives(_Count):
    """How many positives were missed.

    Args: see `TruePositives`.
    Example:
        >>> FalseNegatives().result()
        0.0
    """

    direction = "down"
    needs = ("false_negatives",)


class _Share(_Counted):
    """The share of the first count in both."""

    direction = "up"

    def result(self) -> Any:
        """The share so far: a float, or an array for several thresholds."""
        right, wrong = (self._sum(name) for name in self.needs)
        return number(no_nan(right, right + wrong))


@final
class Precision(_Share):
    """How much of what was called positive is: true positives / (true + false positives); 0 where nothing was.

    Args:
        thresholds: one level or several, in [0, 1]; default 0.5.
        top_k: only the k highest scores of a sample are positive, whatever they are.
        class_id: only this class, counted from 0, is looked at.
        name, dtype: see `Metric`.
    Raises: ArgumentError: a threshold outside [0, 1]; top_k below 1; a class there is not.
    Example:
        >>> Precision(thresholds=0.7).get_config()["thresholds"]
        0.7
    """

    needs = ("true_positives", "false_positives")


@final
class Recall(_Share):
    """How many of the positives were found: true positives / (true positives + false negatives); 0 without positives.

    Args: see `Precision`.
    Raises: ArgumentError: a threshold outside [0, 1].
    Example:
        >>> Recall(top_k=2).get_config()["top_k"]
        2
    """

    needs = ("true_positives", "false_negatives")


@final
class AUC(Metric):
    """The area under a curve of thresholds: how well scores put positives before negatives.

    Scores are sorted into the intervals between thresholds, so a batch costs no more for 200 thresholds than for 2.

    Args:
        num_thresholds: how many thresholds, evenly from 0 to 1; more are more exact.
        curve: "ROC" (recall over false-positive rate) or "PR" (precision over recall).
        summation_method: "interpolation", "minoring" or "majoring": how steps are filled. For PR, interpolation follows
            the counts, not the line.
        name, dtype: see `Metric`.
        thresholds: your own, between 0 and 1; then num_thresholds does not count.
        multi_label: an area for each label (last axis), then their mean, weighted by label_weights.
        num_labels: how many labels; only said for multi_label, and read from the predictions if not.
        label_weights: a weight for each label.
        from_logits: predictions are real numbers before the sigmoid.
    Raises: ArgumentError: fewer than 2 thresholds; UnknownNameError: another curve or method.
    Source: Davis and Goadrich 2006, "The relationship between precision-recall and ROC curves" (PR interpolation); as
        Keras 3.
    Example:
        >>> AUC(curve="PR").get_config()["num_thresholds"]
        200
    """

    direction = "up"
    _kinds = ("true_positives", "false_positives", "true_negatives", "false_negatives")

    def __init__(
        self,
        num_thresholds: int = 200,
        curve: str = "ROC",
        summation_method: str = "interpolation",
        name: str | None = None,
        dtype: str | None = None,
        thresholds: Sequence[float] | None = None,
        multi_label: bool = False,
        num_labels: int | None = None,
        label_weights: Sequence[float] | None = None,
        from_logits: bool = False,
    ) -> None:
        super().__init__(name, dtype)
        if str(curve).upper() not in ("ROC", "PR"):
            raise unknown_name(self.name, "curve", curve, ("ROC", "PR"))
        if str(summation_method).lower() not in ("interpolation", "minoring", "majoring"):
            methods = ("interpolation", "minoring", "majoring")
            raise unknown_name(self.name, "summation_method", summation_method, methods)
        check_whole(self.name, "num_thresholds", num_thresholds, 2)
        if num_labels is not None:
            num_labels = check_whole(self.name, "num_labels", num_labels, 1)
        if num_labels and not multi_label:
            raise ArgumentError.at(self.name, "num_labels", "None unless multi_label", num_labels)
        given = None if thresholds is None else sorted(check_numbers(self.name, "thresholds", thresholds, "in [0, 1]"))
        self.num_thresholds = int(num_thresholds) if given is None else len(given) + 2
        self.curve, self.summation_method = curve.upper(), summation_method.lower()
        self.thresholds, self.multi_label, self.num_labels = given, multi_label, num_labels
        if label_weights is not None:
            label_weights = check_numbers(self.name, "label_weights", label_weights, "a finite number from 0")
        self.label_weights, self.from_logits = label_weights, from_logits

    def updates(
        self, y_true: Operand, y_pred: Operand, sample_weight: Operand | None = None, mask: Operand | None = None
    ) -> Updates:
        """What the counts become with one more batch. Shapes: counts (K,), or (K · L,) for L labels."""
        y_true, y_pred = align(self.name, y_true, y_pred)
        if self.label_weights is not None and np.size(self.label_weights) not in (1, y_pred.shape[-1]):
            cure = "Give one for each label."
            shape = text(np.shape(self.label_weights))
            raise ShapeError.at(self.name, "label_weights", f"have shape ({y_pred.shape[-1]},)", shape, cure)
        if self.from_logits:
            y_pred = ops.sigmoid(y_pred)
        batch = labels(self.name, y_true, y_pred, sample_weight, mask)
        if self.label_weights is not None and not self.multi_label:
            each = constant(np.asarray(self.label_weights), y_pred.dtype)
            each = ops.reshape(ops.broadcast_to(each, y_pred.shape), (-1,))
            batch = batch._replace(weight=batch.weight * each)
        found = self._counts(batch, y_pred)
        return [update for name in self._kinds for update in self._add(name, found[name])]

    def _counts(self, batch: Labels, y_pred: Tensor) -> dict[str, Tensor]:
        """Counts at every threshold, by intervals: a score lies above all thresholds up to its interval's."""
        columns = self._columns(y_pred)
        score = ops.where(ops.equal(batch.score, batch.score), ops.clip(batch.score, 0.0, 1.0), 0.0)
        interval = ops.cast(self._interval(score), "int32")
        if columns > 1:
            label = ops.reshape(ops.broadcast_to(ops.arange(columns), y_pred.shape), (-1,))
            interval = interval * columns + label
        rows, shape = self.num_thresholds * columns, (self.num_thresholds, columns)

        def above(weight: Tensor) -> tuple[Tensor, Tensor]:
            held = ops.reshape(apply("ScatterAdd", interval, weight, rows=rows), shape)
            yes = ops.cumsum(held, 0, reverse=True)
            return ops.reshape(yes, (-1,)), ops.reshape(ops.sum(held, 0, keepdims=True) - yes, (-1,))

        tp, fn = above(batch.true * batch.weight)
        fp, tn = above((1.0 - batch.true) * batch.weight)
        return dict(zip(self._kinds, (tp, fp, tn, fn), strict=True))

    def _interval(self, score: Tensor) -> Tensor:
        """Number of the last threshold below each score, at least 0: the first lies below 0, the last above 1."""
        if self.thresholds is None:
            return ops.relu(ops.ceil(score * float(self.num_thresholds - 1)) - 1.0)
        levels = constant(np.asarray(self.thresholds), score.dtype)
        return ops.sum(ops.cast(ops.expand_dims(score, -1) > levels, score.dtype), -1)

    def _columns(self, y_pred: Tensor) -> int:
        last = y_pred.shape[-1]
        if not self.multi_label:
            return 1
        if not isinstance(last, int) or (self.num_labels or last) != last:
            rule = f"the last size of y_pred, {last}"
            raise ArgumentError.at(self.name, "num_labels", rule, self.num_labels, "Leave it out.")
        return last

    def result(self) -> float:
        """The area so far; 0 where a curve cannot be drawn."""
        if not self._totals:
            return 0.0
        tp, fp, tn, fn = (self._sum(name).reshape(self.num_thresholds, -1) for name in self._kinds)
        if self.curve == "PR" and self.summation_method == "interpolation":
            areas = _pr_area(tp, fp, fn)
        else:
            recall = no_nan(tp, tp + fn)
            x, y = (no_nan(fp, fp + tn), recall) if self.curve == "ROC" else (recall, no_nan(tp, tp + fp))
            left, right = y[:-1], y[1:]
            heights = {"interpolation": (left + right) / 2, "minoring": np.minimum(left, right)}
            height = heights.get(self.summation_method, np.maximum(left, right))
            areas = ((x[:-1] - x[1:]) * height).sum(0)
        if not self.multi_label or self.label_weights is None:
            return float(areas.mean())
        weights = np.asarray(self.label_weights, np.float64)
        return float(no_nan((areas * weights).sum(), weights.sum()))


def _pr_area(tp: Array, fp: Array, fn: Array) -> Array:
    """Area under the precision-recall curve, interpolated between counts. Shapes: (K, L) -> (L,)."""
    p = tp + fp
    dtp, dp = tp[:-1] - tp[1:], p[:-1] - p[1:]
    slope = no_nan(dtp, np.maximum(dp, 0))
    intercept = tp[1:] - slope * p[1:]
    both = (p[:-1] > 0) & (p[1:] > 0)
    ratio = np.where(both, no_nan(p[:-1], np.maximum(p[1:], 0)), 1.0)
    steps = no_nan(slope * (dtp + intercept * np.log(ratio)), np.maximum(tp[1:] + fn[1:], 0))
    return np.asarray(steps.sum(0))
