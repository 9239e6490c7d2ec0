"""Losses of classes: how surprised a prediction is by the class that came.

Predictions are probabilities (clipped to [1e-7, 1 - 1e-7], as in Keras) or, with `from_logits`, what a softmax or
sigmoid would make probabilities of. Where y_pred is itself the output of a Softmax or Sigmoid node, the loss is
computed from that node's input, as Keras does on TensorFlow: the same value for ordinary numbers, but neither clipped
nor without gradient where the prediction is saturated. It applies to the last axis and to y_pred itself, not to what
was computed from it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar, final

import numpy as np

from elman import ops
from elman.arguments import check_number, check_numbers, check_whole
from elman.errors import DataError, ShapeError
from elman.graph import Tensor, as_tensor
from elman.graph.node import Operand
from elman.losses.base import EPSILON, Loss, PlainLoss, align, real
from elman.shapes import text


def _logits(y_pred: Tensor, op: str, from_logits: bool) -> tuple[Tensor, bool]:
    """The input of the Softmax or Sigmoid that y_pred came from, if it did."""
    return (y_pred.node.inputs[0], True) if y_pred.node.op == op else (y_pred, from_logits)


BIG = 8192
"""Classes from which the logits of a batch are never held whole: the layer that makes them and the loss are one."""


def big_layer(logits: Tensor) -> tuple[Tensor, Tensor, Tensor, str | None] | None:
    """x, w, b and precision of logits that are x w + b, where there are many classes.

    Shapes: x (..., K), w (K, V), b (V,).
    """
    classes, node = logits.shape[-1], logits.node
    if not isinstance(classes, int) or classes < BIG:
        return None
    b = ops.zeros((classes,), logits.dtype)
    if node.op == "Add" and node.inputs[1].shape == b.shape:
        node, b = node.inputs[0].node, node.inputs[1]
    if node.op != "MatMul" or node.inputs[1].ndim > 2 or node.attrs.get("transpose_a"):
        return None
    x, w = node.inputs
    w = ops.transpose(w, (1, 0)) if node.attrs.get("transpose_b") else w
    return x, w, b, node.attrs.get("precision")


def _layer_loss(layer: tuple[Tensor, Tensor, Tensor, str | None], index: Tensor) -> tuple[Tensor, Tensor]:
    """Loss and best class. Shapes: index (B, ...) -> (B, ...) each."""
    x, w, b, precision = layer
    return ops.linear_cross_entropy(x, w, b, index, precision)


def best_class(y_pred: Tensor) -> Tensor:
    """The class of the highest score; the first of equals. Shapes: (B, ..., C) -> (B, ...) int32."""
    x, _ = _logits(y_pred, "Softmax", from_logits=True)
    layer = big_layer(x)
    if layer is None:
        return ops.argmax(y_pred)
    anything = ops.zeros(y_pred.shape[:-1], "int32")  # the best class does not depend on the right one
    return _layer_loss(layer, anything)[1]


def _probability(y_pred: Tensor) -> Tensor:
    return ops.clip(y_pred, EPSILON, 1.0 - EPSILON)


def _share(where: str, smoothing: float) -> float:
    """Raises: ArgumentError: not a share."""
    return check_number(where, "label_smoothing", smoothing, "in [0, 1]", "0.1 is usual.")


def _smoothed(y_true: Tensor, smoothing: float, classes: Tensor | float) -> Tensor:
    return y_true * (1.0 - smoothing) + smoothing / classes if smoothing else y_true


# ---- as functions ---------------------------------------------------------------------------------------------------


def binary_crossentropy(
    y_true: Operand, y_pred: Operand, from_logits: bool = False, label_smoothing: float = 0.0, axis: int = -1
) -> Tensor:
    """-(y log p + (1 - y) log(1 - p)), the mean over axis. Shapes: (B, ..., F) -> (B, ...)."""
    y_true, y_pred = align("binary_crossentropy", y_true, y_pred)
    return ops.mean(_binary(_smoothed(y_true, label_smoothing, 2.0), y_pred, from_logits), axis)


def _binary(y_true: Tensor, y_pred: Tensor, from_logits: bool) -> Tensor:
    x, is_logit = _logits(y_pred, "Sigmoid", from_logits)
    if is_logit:
        return ops.softplus(x) - x * y_true
    p = _probability(x)
    return -(y_true * ops.log(p) + (1.0 - y_true) * ops.log(1.0 - p))


def binary_focal_crossentropy(
    y_true: Operand,
    y_pred: Operand,
    apply_class_balancing: bool = False,
    alpha: float = 0.25,
    gamma: float = 2.0,
    from_logits: bool = False,
    label_smoothing: float = 0.0,
    axis: int = -1,
) -> Tensor:
    """Binary cross-entropy times (1 - p of what came)^gamma, the mean over axis. Shapes: (B, ..., F) -> (B, ...)."""
    y_true, y_pred = align("binary_focal_crossentropy", y_true, y_pred)
    y_true = _smoothed(y_true, label_smoothing, 2.0)
    p = ops.sigmoid(y_pred) if from_logits else y_pred
    right = y_true * p + (1.0 - y_true) * (1.0 - p)
    values = (1.0 - right) ** gamma * _binary(y_true, p, from_logits=False)
    if apply_class_balancing:
        values = (y_true * alpha + (1.0 - y_true) * (1.0 - alpha)) * values
    return ops.mean(values, axis)


def _shares(p: Tensor, axis: int) -> Tensor:
    """p made to add up to 1; 0 where all of it is, as at the padded steps of a recurrent layer. Shapes: any -> as p."""
    total = ops.sum(p, axis, keepdims=True)
    return p / ops.where(ops.equal(total, 0.0), 1.0, total)


def categorical_crossentropy(
    y_true: Operand, y_pred: Operand, from_logits: bool = False, label_smoothing: float = 0.0, axis: int = -1
) -> Tensor:
    """-sum(y log p) over the classes on axis; y one-hot, p made to add up to 1. Shapes: (B, ..., C) -> (B, ...)."""
    y_true, y_pred = align("categorical_crossentropy", y_true, y_pred)
    y_true = _smoothed(y_true, label_smoothing, ops.size(y_true, -1))
    last = axis in (-1, y_pred.ndim - 1)
    x, is_logit = _logits(y_pred, "Softmax", from_logits) if last else (y_pred, from_logits)
    if is_logit:
        return -ops.sum(y_true * ops.log_softmax(x, axis), axis)
    return -ops.sum(y_true * ops.log(_probability(_shares(x, axis))), axis)


def categorical_focal_crossentropy(
    y_true: Operand,
    y_pred: Operand,
    alpha: float | Sequence[float] = 0.25,
    gamma: float = 2.0,
    from_logits: bool = False,
    label_smoothing: float = 0.0,
    axis: int = -1,
) -> Tensor:
    """-sum(alpha (1 - p)^gamma y log p) over the classes on axis. Shapes: (B, ..., C) -> (B, ...)."""
    y_true, y_pred = align("categorical_focal_crossentropy", y_true, y_pred)
    y_true = _smoothed(y_true, label_smoothing, ops.size(y_true, -1))
    p = ops.softmax(y_pred, axis) if from_logits else y_pred
    p = _probability(_shares(p, axis))
    weight = as_tensor(np.asarray(alpha), p.dtype)
    return ops.sum(weight * (1.0 - p) ** gamma * (-y_true * ops.log(p)), axis)


def class_numbers(where: str, y_true: Operand, y_pred: Tensor) -> Tensor:
    """Sparse targets as int32, without an axis of size 1 at the end. Shapes: (B, ...) or (B, ..., 1) -> (B, ...)."""
    index = ops.cast(as_tensor(y_true), "int32")
    given = index.shape
    if index.ndim == y_pred.ndim and index.shape[-1] == 1:
        index = ops.squeeze(index, -1)
    if index.shape != y_pred.shape[:-1]:
        rule = f"have shape {text(y_pred.shape[:-1])}: a class number for each prediction of shape {text(y_pred.shape)}"
        raise ShapeError.at(where, "y_true", rule, text(given), "For one-hot targets use the categorical loss.")
    return index


def sparse_categorical_crossentropy(
    y_true: Operand,
    y_pred: Operand,
    from_logits: bool = False,
    ignore_class: int | None = None,
    axis: int = -1,
    label_smoothing: float = 0.0,
) -> Tensor:
    """-log p of the class numbered y_true; 0 where that is ignore_class. Shapes: (B, ...), (B, ..., C) -> (B, ...).

    With `label_smoothing` s, (1 - s) of it and s of its mean over all classes.

    Raises: DataError: when the graph runs, a class number outside 0..C-1 that is not ignore_class.
    """
    y_pred = real(y_pred)
    check_whole("sparse_categorical_crossentropy", "axis", axis, -y_pred.ndim, y_pred.ndim - 1)
    if axis not in (-1, y_pred.ndim - 1):
        at = axis % y_pred.ndim
        y_pred = ops.transpose(y_pred, [*(i for i in range(y_pred.ndim) if i != at), at])
    index = class_numbers("sparse_categorical_crossentropy", y_true, y_pred)
    kept = None if ignore_class is None else ops.not_equal(index, ignore_class)
    index = index if kept is None else ops.where(kept, index, ops.zeros_like(index))
    x, is_logit = _logits(y_pred, "Softmax", from_logits)
    layer = big_layer(x) if is_logit and not label_smoothing else None
    if layer is None:
        scores = ops.log_softmax(x if is_logit else ops.log(_probability(x)))
        classes = ops.arange(y_pred.shape[-1])
        known = ops.take(classes, index)  # itself, but a number that is no class is an error when the graph runs
        hit = ops.equal(ops.expand_dims(known, -1), classes)
        values = -ops.sum(ops.where(hit, scores, 0.0), -1)
        if label_smoothing:
            values = values * (1.0 - label_smoothing) - ops.mean(scores, -1) * label_smoothing
    else:
        values, _ = _layer_loss(layer, index)
    return values if kept is None else ops.where(kept, values, 0.0)


def kl_divergence(y_true: Operand, y_pred: Operand) -> Tensor:
    """sum(y log(y / p)) over the last axis, both clipped to [1e-7, 1]. Shapes: (B, ..., C) -> (B, ...)."""
    y_true, y_pred = align("kl_divergence", y_true, y_pred)
    y_true, y_pred = ops.clip(y_true, EPSILON, 1.0), ops.clip(y_pred, EPSILON, 1.0)
    return ops.sum(y_true * ops.log(y_true / y_pred), -1)


def _signs(y_true: Tensor) -> Tensor:
    """Labels 0 and 1 as -1 and 1 if the whole batch holds no others; else unchanged (Keras's rule)."""
    is_binary = ops.logical_or(ops.equal(y_true, 0.0), ops.equal(y_true, 1.0))
    every = ops.min(ops.cast(is_binary, y_true.dtype)) > 0.5
    return ops.where(every, 2.0 * y_true - 1.0, y_true)


def hinge(y_true: Operand, y_pred: Operand) -> Tensor:
    """mean(max(1 - y p, 0)) over the last axis, y being -1 or 1 (or 0 and 1). Shapes: (B, ..., F) -> (B, ...)."""
    y_true, y_pred = align("hinge", y_true, y_pred)
    return ops.mean(ops.relu(1.0 - _signs(y_true) * y_pred), -1)


def squared_hinge(y_true: Operand, y_pred: Operand) -> Tensor:
    """mean(max(1 - y p, 0)²) over the last axis, y being -1 or 1 (or 0 and 1). Shapes: (B, ..., F) -> (B, ...)."""
    y_true, y_pred = align("squared_hinge", y_true, y_pred)
    return ops.mean(ops.square(ops.relu(1.0 - _signs(y_true) * y_pred)), -1)


def categorical_hinge(y_true: Operand, y_pred: Operand) -> Tensor:
    """max(1 + best wrong score - right score, 0), y one-hot. Shapes: (B, ..., C) -> (B, ...)."""
    y_true, y_pred = align("categorical_hinge", y_true, y_pred)
    wrong = ops.max((1.0 - y_true) * y_pred, -1)
    return ops.relu(wrong - ops.sum(y_true * y_pred, -1) + 1.0)


# ---- as classes -----------------------------------------------------------------------------------------------------


class _Smoothing(Loss):
    """What cross-entropies share: logits or probabilities, targets drawn toward the mean, the axis."""

    function: ClassVar[staticmethod[..., Tensor]]

    def __init__(
        self,
        from_logits: bool = False,
        label_smoothing: float = 0.0,
        axis: int = -1,
        reduction: str | None = "sum_over_batch_size",
        name: str | None = None,
        dtype: str | None = None,
    ) -> None:
        super().__init__(name, reduction, dtype)
        self.label_smoothing = _share(type(self).__name__, label_smoothing)
        self.from_logits, self.axis = from_logits, check_whole(type(self).__name__, "axis", axis, None)

    def call(self, y_true: Tensor, y_pred: Tensor) -> Tensor:
        """A value for each sample (and step), as the function gives it. Shapes: (B, ..., F) -> (B, ...)."""
        options = (*self._focus(), self.from_logits, self.label_smoothing, self.axis)
        return self.function(y_true, y_pred, *options)

    def _focus(self) -> tuple[float, ...]:
        """What the function takes before those: the options of a focal loss."""
        return ()


class _OfShares(_Smoothing):
    """Targets are 0, 1 or between: how true it is."""

    limits = (0.0, 1.0)

    def check_targets(self, where: str, name: str, labels: Any, frames: Any, classes: int) -> None:
        """Raises: DataError: labels outside [0, 1], with which the loss has no least value. Shapes: labels (N, ...)."""
        if labels.size == 0 or (labels.min() >= 0 and labels.max() <= 1):
            return
        at = tuple(int(i) for i in np.argwhere((labels < 0) | (labels > 1))[0])
        words = ("row", "step")
        place = ", ".join(f"{what} {i}" for what, i in zip(words, at if len(at) > 2 else at[:1], strict=False))
        cure = "Map -1 and 1 to 0 and 1 with (y + 1) / 2; for values use 'mean_squared_error'."
        raise DataError.at(where, name, f"in [0, 1] for {self.name}", float(str(labels[at])), cure, because=place)


@final
class BinaryCrossentropy(_OfShares):
    """For yes-or-no outputs (a sigmoid each), several of which may be yes at once.

    Args:
        from_logits: predictions are real numbers before the sigmoid.
        label_smoothing: how far targets are drawn toward 0.5, in [0, 1].
        axis: over which the mean is taken.
        reduction, name, dtype: see `Loss`.
    Shapes: y_true, y_pred (B, ..., F) -> ().
    Raises: ArgumentError: label_smoothing outside [0, 1].
    Source: Keras 3; from logits log(1 + e^x) - x y.
    Example:
        >>> BinaryCrossentropy(from_logits=True).get_config()["from_logits"]
        True
    """

    function = staticmethod(binary_crossentropy)


@final
class BinaryFocalCrossentropy(_OfShares):
    """Binary cross-entropy that looks away from what is already right: for rare positives.

    Args:
        apply_class_balancing: weigh positives by alpha, negatives by 1 - alpha.
        alpha: weight of the positives.
        gamma: how strongly easy examples are turned down; 0 is plain cross-entropy.
        from_logits, label_smoothing, axis: see `BinaryCrossentropy`. reduction, name, dtype: see `Loss`.
    Shapes: y_true, y_pred (B, ..., F) -> ().
    Source: Lin et al. 2017, "Focal loss for dense object detection"; as Keras 3.
    Example:
        >>> BinaryFocalCrossentropy(gamma=1.0).get_config()["gamma"]
        1.0
    """

    function = staticmethod(binary_focal_crossentropy)

    def __init__(
        self,
        apply_class_balancing: bool = False,
        alpha: float = 0.25,
        gamma: float = 2.0,
        from_logits: bool = False,
        label_smoothing: float = 0.0,
        axis: int = -1,
        reduction: str | None = "sum_over_batch_size",
        name: str | None = None,
        dtype: str | None = None,
    ) -> None:
        super().__init__(from_logits, label_smoothing, axis, reduction, name, dtype)
        self.apply_class_balancing = apply_class_balancing
        self.alpha = check_number("BinaryFocalCrossentropy", "alpha", alpha, "in [0, 1]")
        self.gamma = check_number("BinaryFocalCrossentropy", "gamma", gamma, "a finite number from 0")

    def _focus(self) -> tuple[float, ...]:
        return (self.apply_class_balancing, self.alpha, self.gamma)


@final
class CategoricalCrossentropy(_Smoothing):
    """For one class out of C, targets one-hot (or probabilities); the output layer is a softmax.

    Args:
        from_logits: predictions are real numbers before the softmax.
        label_smoothing: how far targets are drawn toward 1/C, in [0, 1].
        axis: the axis of classes.
        reduction, name, dtype: see `Loss`.
    Shapes: y_true, y_pred (B, ..., C) -> ().
    Raises: ArgumentError: label_smoothing outside [0, 1].
    Source: Keras 3: probabilities are divided by their sum, then clipped.
    Example:
        >>> CategoricalCrossentropy().name
        'categorical_crossentropy'
    """

    function = staticmethod(categorical_crossentropy)


@final
class CategoricalFocalCrossentropy(_Smoothing):
    """Categorical cross-entropy that looks away from what is already right.

    Args:
        alpha: weight of every class, or one of each. gamma: how strongly easy examples are turned down.
        from_logits, label_smoothing, axis: see `CategoricalCrossentropy`. reduction, name, dtype: see `Loss`.
    Shapes: y_true, y_pred (B, ..., C) -> ().
    Source: Lin et al. 2017, "Focal loss for dense object detection"; as Keras 3.
    Example:
        >>> CategoricalFocalCrossentropy().name
        'categorical_focal_crossentropy'
    """

    function = staticmethod(categorical_focal_crossentropy)

    def __init__(
        self,
        alpha: float | Sequence[float] = 0.25,
        gamma: float = 2.0,
        from_logits: bool = False,
        label_smoothing: float = 0.0,
        axis: int = -1,
        reduction: str | None = "sum_over_batch_size",
        name: str | None = None,
        dtype: str | None = None,
    ) -> None:
        super().__init__(from_logits, label_smoothing, axis, reduction, name, dtype)
        rule = "a finite number from 0"
        self.alpha = check_numbers("CategoricalFocalCrossentropy", "alpha", alpha, rule, one=True)
        self.gamma = check_number("CategoricalFocalCrossentropy", "gamma", gamma, rule)

    def _focus(self) -> tuple[Any, ...]:
        return (self.alpha, self.gamma)


@final
class SparseCategoricalCrossentropy(Loss):
    """For one class out of C, targets class numbers: what language models and taggers are trained with.

    Args:
        from_logits: predictions are real numbers before the softmax.
        ignore_class: a class number that does not count, such as the one that pads; a mean leaves those steps out.
        reduction: see `Loss`.
        axis: the axis of classes.
        label_smoothing: how far targets are drawn toward 1/C, in [0, 1]; 0.1 is usual for translation.
        name, dtype: see `Loss`.
    Shapes: y_true (B, ...) or (B, ..., 1) whole numbers, y_pred (B, ..., C) -> ().
    Raises: DataError: when the graph runs, a class number outside 0..C-1. ArgumentError: label_smoothing.
    Source: Keras 3: probabilities are clipped, then made to add up to 1.
    Example:
        >>> SparseCategoricalCrossentropy(ignore_class=0).get_config()["ignore_class"]
        0
    """

    def __init__(
        self,
        from_logits: bool = False,
        ignore_class: int | None = None,
        reduction: str | None = "sum_over_batch_size",
        axis: int = -1,
        name: str | None = None,
        dtype: str | None = None,
        label_smoothing: float = 0.0,
    ) -> None:
        super().__init__(name, reduction, dtype)
        where = type(self).__name__
        self.ignore_class = None if ignore_class is None else check_whole(where, "ignore_class", ignore_class, None)
        self.from_logits, self.axis = from_logits, check_whole(where, "axis", axis, None)
        self.label_smoothing = _share(where, label_smoothing)

    def call(self, y_true: Tensor, y_pred: Tensor) -> Tensor:
        """See `sparse_categorical_crossentropy`."""
        options = (self.from_logits, self.ignore_class, self.axis, self.label_smoothing)
        return sparse_categorical_crossentropy(y_true, y_pred, *options)

    def check_targets(self, where: str, name: str, labels: Any, frames: Any, classes: int) -> None:
        """Raises: DataError: class numbers that are none. Shapes: labels (N, ...)."""
        wrong = (labels < 0) | (labels >= classes)
        if self.ignore_class is not None:
            wrong &= labels != self.ignore_class
        if self.axis == -1 and wrong.any():
            at = tuple(int(i) for i in np.argwhere(wrong)[0])
            place = f"row {at[0]}" if len(at) == 1 else f"row {at[0]}, step {at[1]}"
            rule = f"class numbers between 0 and {classes - 1}"
            cure = "Give the last layer one output for each class, and number them from 0."
            raise DataError.at(where, name, rule, int(labels[at]), cure, because=place)

    def valid(self, y_true: Tensor, y_pred: Tensor) -> Tensor | None:
        """Where the class is not the ignored one."""
        if self.ignore_class is None:
            return None
        index = ops.cast(y_true, "int32")
        index = ops.squeeze(index, -1) if index.ndim == y_pred.ndim else index
        return ops.not_equal(index, self.ignore_class)


@final
class KLDivergence(PlainLoss):
    """How many nats more it takes to describe y_true with the distribution y_pred.

    Args: reduction, name, dtype: see `Loss`.
    Shapes: y_true, y_pred (B, ..., C) -> ().
    Source: Kullback and Leibler 1951, "On information and sufficiency"; as Keras 3.
    Example:
        >>> KLDivergence().name
        'kl_divergence'
    """

    function = staticmethod(kl_divergence)


@final
class Hinge(PlainLoss):
    """The margin loss of support vector machines, targets -1 and 1 (a batch of 0 and 1 alone is converted).

    Args: reduction, name, dtype: see `Loss`.
    Shapes: y_true, y_pred (B, ..., F) -> ().
    Source: Cortes and Vapnik 1995, "Support-vector networks"; as Keras 3.
    Example:
        >>> Hinge().name
        'hinge'
    """

    function = staticmethod(hinge)


@final
class SquaredHinge(PlainLoss):
    """The hinge loss squared: smooth at the margin, harder on what is far beyond it.

    Args: reduction, name, dtype: see `Loss`.
    Shapes: y_true, y_pred (B, ..., F) -> ().
    Source: Keras 3.
    Example:
        >>> SquaredHinge().name
        'squared_hinge'
    """

    function = staticmethod(squared_hinge)


@final
class CategoricalHinge(PlainLoss):
    """The hinge loss of one class out of C: the right score should beat the best wrong one by 1.

    Args: reduction, name, dtype: see `Loss`.
    Shapes: y_true one-hot, y_pred (B, ..., C) -> ().
    Source: Crammer and Singer 2001; as Keras 3, where the best wrong score is at least 0.
    Example:
        >>> CategoricalHinge().name
        'categorical_hinge'
    """

    function = staticmethod(categorical_hinge)
