"""Accuracies: the share of predictions that hit."""

from __future__ import annotations

from typing import final

from elman import ops
from elman.arguments import check_number, check_whole
from elman.graph import Tensor
from elman.graph.node import Operand
from elman.losses.base import align, real
from elman.losses.classification import best_class, class_numbers
from elman.metrics.means import MeanOf


def _in_top_k(index: Tensor, y_pred: Tensor, k: int) -> Tensor:
    """1 where fewer than k classes score higher than class `index`. Shapes: index (...), y_pred (..., C) -> (...)."""
    own = ops.equal(ops.expand_dims(index, -1), ops.arange(y_pred.shape[-1]))
    score = ops.sum(ops.where(own, y_pred, 0.0), -1, keepdims=True)
    higher = ops.sum(ops.cast(y_pred > score, y_pred.dtype), -1)
    hit = ops.logical_and(higher < float(k), ops.equal(score, score)[..., 0])
    return ops.cast(hit, y_pred.dtype)


def _at_least_one(name: str, k: int) -> int:
    return check_whole(name, "k", k, 1)


@final
class Accuracy(MeanOf):
    """The share of predictions equal to their target: for predictions that are class numbers already.

    In `compile(metrics=["accuracy"])` the word means the accuracy that fits the shapes; see `resolve`.

    Args: name, dtype: see `Metric`.
    Example:
        >>> Accuracy().direction
        'up'
    """

    direction = "up"

    def __init__(self, name: str = "accuracy", dtype: str | None = None) -> None:
        super().__init__(name, dtype)

    def values(self, y_true: Operand, y_pred: Operand) -> Tensor:
        """1 where equal. Shapes: (B, ...) -> (B, ...)."""
        y_true, y_pred = align(self.name, y_true, y_pred)
        return ops.cast(ops.equal(y_true, y_pred), y_pred.dtype)


@final
class BinaryAccuracy(MeanOf):
    """The share of yes-or-no predictions on the right side of a threshold.

    Args: threshold: above it is yes. name, dtype: see `Metric`.
    Raises: ArgumentError: threshold outside [0, 1].
    Example:
        >>> BinaryAccuracy(threshold=0.3).get_config()["threshold"]
        0.3
    """

    direction = "up"

    def __init__(self, name: str = "binary_accuracy", dtype: str | None = None, threshold: float = 0.5) -> None:
        super().__init__(name, dtype)
        cure = "Predictions are probabilities."
        self.threshold = check_number(self.name, "threshold", threshold, "in [0, 1]", cure)

    def values(self, y_true: Operand, y_pred: Operand) -> Tensor:
        """1 where right. Shapes: (B, ..., F) -> (B, ..., F)."""
        y_true, y_pred = align(self.name, y_true, y_pred)
        said = ops.cast(y_pred > self.threshold, y_pred.dtype)
        return ops.cast(ops.equal(y_true, said), y_pred.dtype)


@final
class CategoricalAccuracy(MeanOf):
    """The share of samples whose highest score is at the 1 of a one-hot target; the first of equals counts.

    Args: name, dtype: see `Metric`.
    Example:
        >>> CategoricalAccuracy().name
        'categorical_accuracy'
    """

    direction = "up"

    def __init__(self, name: str = "categorical_accuracy", dtype: str | None = None) -> None:
        super().__init__(name, dtype)

    def values(self, y_true: Operand, y_pred: Operand) -> Tensor:
        """1 where hit. Shapes: (B, ..., C) -> (B, ...)."""
        y_true, y_pred = align(self.name, y_true, y_pred)
        return ops.cast(ops.equal(ops.argmax(y_true), ops.argmax(y_pred)), y_pred.dtype)


@final
class SparseCategoricalAccuracy(MeanOf):
    """The share of samples whose highest score is at the target's class number; the first of equals counts.

    Args: name, dtype: see `Metric`.
    Example:
        >>> SparseCategoricalAccuracy().name
        'sparse_categorical_accuracy'
    """

    direction = "up"

    def __init__(self, name: str = "sparse_categorical_accuracy", dtype: str | None = None) -> None:
        super().__init__(name, dtype)

    def values(self, y_true: Operand, y_pred: Operand) -> Tensor:
        """1 where hit. Shapes: (B, ...) or (B, ..., 1), (B, ..., C) -> (B, ...)."""
        y_pred = real(y_pred)
        return ops.cast(ops.equal(class_numbers(self.name, y_true, y_pred), best_class(y_pred)), y_pred.dtype)


@final
class TopKCategoricalAccuracy(MeanOf):
    """The share of samples whose one-hot target is among the k highest scores; ties are hits, NaN is none.

    Args: k: how many scores. name, dtype: see `Metric`.
    Raises: ArgumentError: k is below 1.
    Example:
        >>> TopKCategoricalAccuracy(k=3).get_config()["k"]
        3
    """

    direction = "up"

    def __init__(self, k: int = 5, name: str = "top_k_categorical_accuracy", dtype: str | None = None) -> None:
        super().__init__(name, dtype)
        self.k = _at_least_one(self.name, k)

    def values(self, y_true: Operand, y_pred: Operand) -> Tensor:
        """1 where hit. Shapes: (B, ..., C) -> (B, ...)."""
        y_true, y_pred = align(self.name, y_true, y_pred)
        return _in_top_k(ops.argmax(y_true), y_pred, self.k)


@final
class SparseTopKCategoricalAccuracy(MeanOf):
    """The share of samples whose class number is among the k highest scores; ties are hits, NaN is none.

    Args: k: how many scores. name, dtype: see `Metric`.
    Raises: ArgumentError: k is below 1.
    Example:
        >>> SparseTopKCategoricalAccuracy(k=3).get_config()["k"]
        3
    """

    direction = "up"

    def __init__(self, k: int = 5, name: str = "sparse_top_k_categorical_accuracy", dtype: str | None = None) -> None:
        super().__init__(name, dtype)
        self.k = _at_least_one(self.name, k)

    def values(self, y_true: Operand, y_pred: Operand) -> Tensor:
        """1 where hit. Shapes: (B, ...) or (B, ..., 1), (B, ..., C) -> (B, ...)."""
        y_pred = real(y_pred)
        return _in_top_k(class_numbers(self.name, y_true, y_pred), y_pred, self.k)
