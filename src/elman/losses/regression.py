"""Losses of numbers: how far a prediction is from a real target.

Each is a function (a value for each sample: the mean over the last axis) and a class that reduces those values.
Formulas and constants are those of Keras 3.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import final

import numpy as np

from elman import ops
from elman.arguments import check_number, check_numbers, check_whole
from elman.errors import ShapeError
from elman.graph import Tensor
from elman.graph.node import Operand
from elman.losses.base import EPSILON, Loss, PlainLoss, align, real
from elman.shapes import text


def mean_squared_error(y_true: Operand, y_pred: Operand) -> Tensor:
    """mean((y_true - y_pred)²) over the last axis. Shapes: (B, ..., F) -> (B, ...)."""
    y_true, y_pred = align("mean_squared_error", y_true, y_pred)
    return ops.mean(ops.square(y_true - y_pred), -1)


def mean_absolute_error(y_true: Operand, y_pred: Operand) -> Tensor:
    """mean(|y_true - y_pred|) over the last axis. Shapes: (B, ..., F) -> (B, ...)."""
    y_true, y_pred = align("mean_absolute_error", y_true, y_pred)
    return ops.mean(ops.abs(y_true - y_pred), -1)


def mean_absolute_percentage_error(y_true: Operand, y_pred: Operand) -> Tensor:
    """100 mean(|y_true - y_pred| / max(|y_true|, 1e-7)) over the last axis. Shapes: (B, ..., F) -> (B, ...)."""
    y_true, y_pred = align("mean_absolute_percentage_error", y_true, y_pred)
    return ops.mean(ops.abs((y_true - y_pred) / ops.maximum(ops.abs(y_true), EPSILON)), -1) * 100.0


def mean_squared_logarithmic_error(y_true: Operand, y_pred: Operand) -> Tensor:
    """mean((log(1 + y_true) - log(1 + y_pred))²) over the last axis, both at least 1e-7.

    Shapes: (B, ..., F) -> (B, ...).
    """
    y_true, y_pred = align("mean_squared_logarithmic_error", y_true, y_pred)
    difference = ops.log1p(ops.maximum(y_pred, EPSILON)) - ops.log1p(ops.maximum(y_true, EPSILON))
    return ops.mean(ops.square(difference), -1)


def huber(y_true: Operand, y_pred: Operand, delta: float = 1.0) -> Tensor:
    """Half the square of an error up to delta, linear beyond; the mean over the last axis.

    Shapes: (B, ..., F) -> (B, ...).
    """
    y_true, y_pred = align("huber", y_true, y_pred)
    error = y_pred - y_true
    size = ops.abs(error)
    return ops.mean(ops.where(size <= delta, 0.5 * ops.square(error), delta * size - 0.5 * delta * delta), -1)


def log_cosh(y_true: Operand, y_pred: Operand) -> Tensor:
    """log(cosh(y_pred - y_true)) without overflow; the mean over the last axis. Shapes: (B, ..., F) -> (B, ...)."""
    y_true, y_pred = align("log_cosh", y_true, y_pred)
    error = y_pred - y_true
    return ops.mean(error + ops.softplus(-2.0 * error) - math.log(2.0), -1)


def poisson(y_true: Operand, y_pred: Operand) -> Tensor:
    """mean(y_pred - y_true log(y_pred + 1e-7)) over the last axis. Shapes: (B, ..., F) -> (B, ...)."""
    y_true, y_pred = align("poisson", y_true, y_pred)
    return ops.mean(y_pred - y_true * ops.log(y_pred + EPSILON), -1)


def unit(x: Tensor, axis: int) -> Tensor:
    """x divided by its length along axis, a length below 1e-7 taken as 1e-7: its gradient is finite at 0 too.

    Shapes: any -> as x.
    """
    return x * ops.rsqrt(ops.maximum(ops.sum(ops.square(x), axis, keepdims=True), EPSILON * EPSILON))


def cosine_similarity(y_true: Operand, y_pred: Operand, axis: int = -1) -> Tensor:
    """-cos of the angle between y_true and y_pred: -1 the same way. Shapes: (B, ..., F) -> (B, ...)."""
    y_true, y_pred = align("cosine_similarity", y_true, y_pred)
    return -ops.sum(unit(y_true, axis) * unit(y_pred, axis), axis)


def quantile_loss(y_true: Operand, y_pred: Operand, quantiles: float | Sequence[float] = 0.5) -> Tensor:
    """The pinball loss max(q e, (q - 1) e), e = y_true - y_pred; the mean over the last axis.

    Shapes: one quantile: y_true, y_pred (B, ..., F) -> (B, ...); Q quantiles: y_true (B, ...) or (B, ..., 1),
    y_pred (B, ..., Q) -> (B, ...).
    """
    if np.ndim(quantiles) == 0:
        y_true, y_pred = align("quantile_loss", y_true, y_pred)
        level: Operand = float(np.asarray(quantiles))
    else:
        y_pred = real(y_pred)
        y_true = real(y_true, y_pred.dtype)
        level = np.asarray(quantiles, dtype=y_pred.dtype)
        if y_pred.shape[-1] != len(level):
            rule = f"of shape (..., {len(level)}), one value for each quantile"
            raise ShapeError.at("quantile_loss", "y_pred", rule, text(y_pred.shape), "Set the units of the last layer.")
        if y_true.ndim == y_pred.ndim - 1:
            y_true = ops.expand_dims(y_true, -1)
    error = y_true - y_pred
    return ops.mean(ops.maximum(level * error, (level - 1.0) * error), -1)


@final
class MeanSquaredError(PlainLoss):
    """The mean of squared errors: the usual loss of a forecast; large errors count most.

    Args: reduction, name, dtype: see `Loss`.
    Shapes: y_true, y_pred (B, ..., F) -> ().
    Source: Gauss 1809, "Theoria motus corporum coelestium"; as Keras 3.
    Example:
        >>> MeanSquaredError().name
        'mean_squared_error'
    """

    function = staticmethod(mean_squared_error)


@final
class MeanAbsoluteError(PlainLoss):
    """The mean of absolute errors: outliers pull less than with squares; the best constant is the median.

    Args: reduction, name, dtype: see `Loss`.
    Shapes: y_true, y_pred (B, ..., F) -> ().
    Source: Laplace 1774; as Keras 3. The gradient of an exact hit is 0.
    Example:
        >>> MeanAbsoluteError().name
        'mean_absolute_error'
    """

    function = staticmethod(mean_absolute_error)


@final
class MeanAbsolutePercentageError(PlainLoss):
    """The mean error as a percentage of the target. Unfit for targets near 0, where it explodes.

    Args: reduction, name, dtype: see `Loss`.
    Shapes: y_true, y_pred (B, ..., F) -> ().
    Source: Keras 3. Hyndman and Koehler 2006 on why to prefer scaled errors.
    Example:
        >>> MeanAbsolutePercentageError().name
        'mean_absolute_percentage_error'
    """

    function = staticmethod(mean_absolute_percentage_error)


@final
class MeanSquaredLogarithmicError(PlainLoss):
    """Squared errors of log(1 + y): for positive targets that span orders of magnitude.

    Args: reduction, name, dtype: see `Loss`.
    Shapes: y_true, y_pred (B, ..., F) -> ().
    Source: Keras 3.
    Example:
        >>> MeanSquaredLogarithmicError().name
        'mean_squared_logarithmic_error'
    """

    function = staticmethod(mean_squared_logarithmic_error)


@final
class Huber(Loss):
    """Squares for small errors, absolute values for large ones: smooth at 0, calm about outliers.

    Args:
        delta: the error at which the square turns into a line; in the targets' unit.
        reduction, name, dtype: see `Loss`.
    Shapes: y_true, y_pred (B, ..., F) -> ().
    Raises: ArgumentError: delta is not positive.
    Source: Huber 1964, "Robust estimation of a location parameter"; as Keras 3.
    Example:
        >>> Huber(delta=2.0).get_config()["delta"]
        2.0
    """

    def __init__(
        self,
        delta: float = 1.0,
        reduction: str | None = "sum_over_batch_size",
        name: str = "huber_loss",
        dtype: str | None = None,
    ) -> None:
        super().__init__(name, reduction, dtype)
        cure = "Use the size of an ordinary error."
        self.delta = check_number("Huber", "delta", delta, "a finite number above 0", cure)

    def call(self, y_true: Tensor, y_pred: Tensor) -> Tensor:
        """See `huber`."""
        return huber(y_true, y_pred, self.delta)


@final
class LogCosh(PlainLoss):
    """log(cosh(error)): near 0 a square, far away an absolute value, smooth everywhere.

    Args: reduction, name, dtype: see `Loss`.
    Shapes: y_true, y_pred (B, ..., F) -> ().
    Source: Keras 3.
    Example:
        >>> LogCosh().name
        'log_cosh'
    """

    function = staticmethod(log_cosh)


@final
class Poisson(PlainLoss):
    """The negative log-likelihood of counts whose rate is predicted, up to a constant.

    Args: reduction, name, dtype: see `Loss`.
    Shapes: y_true, y_pred (B, ..., F), y_pred positive -> ().
    Source: Keras 3: y_pred - y_true log(y_pred + 1e-7).
    Example:
        >>> Poisson().name
        'poisson'
    """

    function = staticmethod(poisson)


@final
class CosineSimilarity(Loss):
    """Minus the cosine of the angle between target and prediction: -1 the same way, 1 opposite; lengths do not count.

    Args:
        axis: along which vectors lie.
        reduction, name, dtype: see `Loss`.
    Shapes: y_true, y_pred (B, ..., F) -> ().
    Source: Keras 3.
    Example:
        >>> CosineSimilarity().name
        'cosine_similarity'
    """

    def __init__(
        self,
        axis: int = -1,
        reduction: str | None = "sum_over_batch_size",
        name: str = "cosine_similarity",
        dtype: str | None = None,
    ) -> None:
        super().__init__(name, reduction, dtype)
        self.axis = check_whole("CosineSimilarity", "axis", axis, None)

    def call(self, y_true: Tensor, y_pred: Tensor) -> Tensor:
        """See `cosine_similarity`."""
        return cosine_similarity(y_true, y_pred, self.axis)


@final
class QuantileLoss(Loss):
    """The pinball loss: its best prediction is not the mean but a quantile, so several of them draw a forecast's fan.

    Args:
        quantiles: one level, or a list of levels, between 0 and 1; 0.5 is the median.
        reduction, name, dtype: see `Loss`.
    Shapes: one level: y_true, y_pred (B, ..., F); Q levels: y_true (B, ...) or (B, ..., 1), y_pred (B, ..., Q) -> ().
    Raises: ArgumentError: a level outside (0, 1). ShapeError: y_pred does not end with Q values.
    Source: Koenker and Bassett 1978, "Regression quantiles". Not in Keras.
    Example:
        >>> QuantileLoss([0.1, 0.5, 0.9]).get_config()["quantiles"]
        [0.1, 0.5, 0.9]
    """

    def __init__(
        self,
        quantiles: float | Sequence[float] = 0.5,
        reduction: str | None = "sum_over_batch_size",
        name: str = "quantile_loss",
        dtype: str | None = None,
    ) -> None:
        super().__init__(name, reduction, dtype)
        cure = "The median is 0.5."
        self.quantiles = check_numbers("QuantileLoss", "quantiles", quantiles, "in (0, 1)", cure, one=True)

    def call(self, y_true: Tensor, y_pred: Tensor) -> Tensor:
        """See `quantile_loss`."""
        return quantile_loss(y_true, y_pred, self.quantiles)
