"""Metrics that are the mean of something: of a loss for each sample, of hits, of a value.

Every element counts by its weight (1 without weights, 0 where masked), over all batches alike. Keras 3 averages each
row's steps first, so that a step of a short batch counts more than one of a long batch; here padding a batch changes
nothing. Where every batch has one length, both are the same number.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable
from typing import Any, ClassVar, final

import numpy as np

from elman import losses, ops
from elman.arguments import check_number, check_whole
from elman.graph import Tensor, as_tensor
from elman.graph.node import Operand
from elman.losses.base import align, real
from elman.metrics.base import Metric, Updates, combined, no_nan


class _Average(Metric):
    """The weighted mean of values over all batches."""

    def _average(self, values: Tensor, sample_weight: Operand | None, mask: Operand | None) -> Updates:
        weights = combined(self.name, values, sample_weight, mask)
        if weights is None:
            total, count = ops.sum(values), ops.size(values)
        else:
            total, count = ops.sum(values * weights), ops.sum(weights)
            if weights.shape != values.shape:
                count = count * (ops.size(values) / ops.maximum(ops.size(weights), 1.0))
        return [*self._add("total", total), *self._add("count", count)]

    def result(self) -> float:
        """The mean so far; 0 where nothing counted."""
        return float(no_nan(self._sum("total"), self._sum("count")))


@final
class Mean(_Average):
    """The mean of the values it is given: what a loss is tracked with.

    Args: name, dtype: see `Metric`.
    Shapes: values (...) or (); sample_weight (), (B,) or as values; mask as values.
    Example:
        >>> from elman.graph import placeholder
        >>> mean = Mean("loss")
        >>> [v.name for v, _ in mean.updates(placeholder("values", (4,)))]
        ['loss/total', 'loss/total_low', 'loss/count', 'loss/count_low']
    """

    def __init__(self, name: str = "mean", dtype: str | None = None) -> None:
        super().__init__(name, dtype)

    def updates(  # type: ignore[override]  # a value has no target
        self, values: Operand, sample_weight: Operand | None = None, mask: Operand | None = None
    ) -> Updates:
        """What total and count become with more values."""
        return self._average(real(values), sample_weight, mask)


@final
class Sum(Metric):
    """The weighted sum of the values it is given.

    Args: name, dtype: see `Metric`.
    Example:
        >>> Sum().result()
        0.0
    """

    def __init__(self, name: str = "sum", dtype: str | None = None) -> None:
        super().__init__(name, dtype)

    def updates(  # type: ignore[override]  # a value has no target
        self, values: Operand, sample_weight: Operand | None = None, mask: Operand | None = None
    ) -> Updates:
        """What the total becomes with more values."""
        values = real(values)
        weights = combined(self.name, values, sample_weight, mask)
        return self._add("total", ops.sum(values if weights is None else values * weights))

    def result(self) -> float:
        """The sum so far."""
        return float(self._sum("total"))


class MeanOf(_Average):
    """The mean of a value for each sample (and step): subclass it and give `values`."""

    @abstractmethod
    def values(self, y_true: Operand, y_pred: Operand) -> Tensor:
        """A value for each sample. Shapes: y_true, y_pred (B, ..., F) -> (B, ...), or (B, ..., F)."""

    def valid(self, y_true: Operand, y_pred: Operand) -> Tensor | None:
        """Which values count, where the metric itself knows better than the mask.

        Shapes: y_true, y_pred (B, ..., F) -> as `values`.
        """
        return None

    def updates(
        self, y_true: Operand, y_pred: Operand, sample_weight: Operand | None = None, mask: Operand | None = None
    ) -> Updates:
        """What total and count become with one more batch."""
        values, own = self.values(y_true, y_pred), self.valid(y_true, y_pred)
        if own is not None:
            mask = own if mask is None else ops.logical_and(as_tensor(mask), own)
        return self._average(values, sample_weight, mask)


@final
class MeanMetricWrapper(MeanOf):
    """The mean of a function of (y_true, y_pred).

    Args: fn: gives a value for each sample, in the words of `elman.ops`; kwargs: further arguments for it.
    Example:
        >>> MeanMetricWrapper(losses.huber, delta=2.0).name
        'huber'
    """

    def __init__(
        self, fn: Callable[..., Tensor], name: str | None = None, dtype: str | None = None, **kwargs: Any
    ) -> None:
        super().__init__(name or getattr(fn, "__name__", None), dtype)
        self.fn, self._kwargs = fn, kwargs

    def values(self, y_true: Operand, y_pred: Operand) -> Tensor:
        """What the function gives."""
        return self.fn(as_tensor(y_true), as_tensor(y_pred), **self._kwargs)


class _MeanLoss(MeanOf):
    """The mean of a loss without options; subclasses name its function."""

    direction = "down"
    function: ClassVar[staticmethod[[Operand, Operand], Tensor]]

    def values(self, y_true: Operand, y_pred: Operand) -> Tensor:
        """What the loss's function gives. Shapes: y_true, y_pred (B, ..., F) -> (B, ...)."""
        return self.function(y_true, y_pred)


# ---- of numbers -----------------------------------------------------------------------------------------------------


@final
class MeanSquaredError(_MeanLoss):
    """The mean of squared errors.

    Args: name, dtype: see `Metric`.
    Example:
        >>> MeanSquaredError().name
        'mean_squared_error'
    """

    function = staticmethod(losses.mean_squared_error)


@final
class RootMeanSquaredError(MeanOf):
    """The root of the mean of squared errors: an error in the target's unit.

    Args: name, dtype: see `Metric`.
    Example:
        >>> RootMeanSquaredError().name
        'root_mean_squared_error'
    """

    direction = "down"

    def values(self, y_true: Operand, y_pred: Operand) -> Tensor:
        """The squared errors."""
        y_true, y_pred = align(self.name, y_true, y_pred)
        return ops.square(y_pred - y_true)

    def result(self) -> float:
        """The root of the mean so far."""
        return float(np.sqrt(super().result()))


@final
class MeanAbsoluteError(_MeanLoss):
    """The mean of absolute errors.

    Args: name, dtype: see `Metric`.
    Example:
        >>> MeanAbsoluteError().name
        'mean_absolute_error'
    """

    function = staticmethod(losses.mean_absolute_error)


@final
class MeanAbsolutePercentageError(_MeanLoss):
    """The mean error as a percentage of the target.

    Args: name, dtype: see `Metric`.
    Example:
        >>> MeanAbsolutePercentageError().name
        'mean_absolute_percentage_error'
    """

    function = staticmethod(losses.mean_absolute_percentage_error)


@final
class MeanSquaredLogarithmicError(_MeanLoss):
    """The mean squared error of log(1 + y).

    Args: name, dtype: see `Metric`.
    Example:
        >>> MeanSquaredLogarithmicError().name
        'mean_squared_logarithmic_error'
    """

    function = staticmethod(losses.mean_squared_logarithmic_error)


@final
class LogCoshError(_MeanLoss):
    """The mean of log(cosh(error)).

    Args: name, dtype: see `Metric`.
    Example:
        >>> LogCoshError().name
        'logcosh'
    """

    function = staticmethod(losses.log_cosh)

    def __init__(self, name: str = "logcosh", dtype: str | None = None) -> None:
        super().__init__(name, dtype)


@final
class CosineSimilarity(MeanOf):
    """The mean cosine of the angle between target and prediction: 1 the same way. (The loss has the other sign.)

    Args: axis: along which vectors lie. name, dtype: see `Metric`.
    Example:
        >>> CosineSimilarity().direction
        'up'
    """

    direction = "up"

    def __init__(self, name: str = "cosine_similarity", dtype: str | None = None, axis: int = -1) -> None:
        super().__init__(name, dtype)
        self.axis = check_whole(self.name, "axis", axis, None)

    def values(self, y_true: Operand, y_pred: Operand) -> Tensor:
        """Minus `losses.cosine_similarity`."""
        return -losses.cosine_similarity(y_true, y_pred, self.axis)


@final
class Poisson(_MeanLoss):
    """The mean of the Poisson loss.

    Args: name, dtype: see `Metric`.
    Example:
        >>> Poisson().name
        'poisson'
    """

    function = staticmethod(losses.poisson)


# ---- of classes -----------------------------------------------------------------------------------------------------


@final
class BinaryCrossentropy(MeanOf):
    """The mean binary cross-entropy.

    Args: from_logits, label_smoothing: see `losses.BinaryCrossentropy`. name, dtype: see `Metric`.
    Example:
        >>> BinaryCrossentropy().name
        'binary_crossentropy'
    """

    direction = "down"

    def __init__(
        self,
        name: str = "binary_crossentropy",
        dtype: str | None = None,
        from_logits: bool = False,
        label_smoothing: float = 0,
    ) -> None:
        super().__init__(name, dtype)
        self.from_logits = from_logits
        self.label_smoothing = check_number(self.name, "label_smoothing", label_smoothing, "in [0, 1]")

    def values(self, y_true: Operand, y_pred: Operand) -> Tensor:
        """See `losses.binary_crossentropy`."""
        return losses.binary_crossentropy(y_true, y_pred, self.from_logits, self.label_smoothing)


@final
class CategoricalCrossentropy(MeanOf):
    """The mean cross-entropy of one-hot targets.

    Args: from_logits, label_smoothing, axis: see `losses.CategoricalCrossentropy`. name, dtype: see `Metric`.
    Example:
        >>> CategoricalCrossentropy().name
        'categorical_crossentropy'
    """

    direction = "down"

    def __init__(
        self,
        name: str = "categorical_crossentropy",
        dtype: str | None = None,
        from_logits: bool = False,
        label_smoothing: float = 0,
        axis: int = -1,
    ) -> None:
        super().__init__(name, dtype)
        self.from_logits, self.axis = from_logits, check_whole(self.name, "axis", axis, None)
        self.label_smoothing = check_number(self.name, "label_smoothing", label_smoothing, "in [0, 1]")

    def values(self, y_true: Operand, y_pred: Operand) -> Tensor:
        """See `losses.categorical_crossentropy`."""
        return losses.categorical_crossentropy(y_true, y_pred, self.from_logits, self.label_smoothing, self.axis)


class _Sparse(MeanOf):
    """The mean cross-entropy of class numbers, without those to be ignored."""

    from_logits: bool
    ignore_class: int | None
    axis: int = -1

    def values(self, y_true: Operand, y_pred: Operand) -> Tensor:
        """See `losses.sparse_categorical_crossentropy`."""
        return losses.sparse_categorical_crossentropy(y_true, y_pred, self.from_logits, self.ignore_class, self.axis)

    def valid(self, y_true: Operand, y_pred: Operand) -> Tensor | None:
        """Where the class is not the ignored one."""
        rule = losses.SparseCategoricalCrossentropy(ignore_class=self.ignore_class)
        return rule.valid(as_tensor(y_true), as_tensor(y_pred))


@final
class SparseCategoricalCrossentropy(_Sparse):
    """The mean cross-entropy of class numbers.

    Args: from_logits, ignore_class, axis: see `losses.SparseCategoricalCrossentropy`; ignored steps do not count, while
        Keras counts them as 0. name, dtype: see `Metric`.
    Example:
        >>> SparseCategoricalCrossentropy().name
        'sparse_categorical_crossentropy'
    """

    direction = "down"

    def __init__(
        self,
        name: str = "sparse_categorical_crossentropy",
        dtype: str | None = None,
        from_logits: bool = False,
        ignore_class: int | None = None,
        axis: int = -1,
    ) -> None:
        super().__init__(name, dtype)
        self.from_logits, self.axis = from_logits, check_whole(self.name, "axis", axis, None)
        self.ignore_class = None if ignore_class is None else check_whole(self.name, "ignore_class", ignore_class, None)


@final
class Perplexity(_Sparse):
    """How many equally likely classes a language model hesitates between: e to the mean cross-entropy; 1 before data.

    Args: from_logits, ignore_class: see `losses.SparseCategoricalCrossentropy`. name, dtype: see `Metric`.
    Source: Jelinek et al. 1977. Not in Keras 3 itself (KerasHub has it).
    Example:
        >>> Perplexity(ignore_class=0).get_config()["ignore_class"]
        0
    """

    direction = "down"

    def __init__(
        self,
        name: str = "perplexity",
        dtype: str | None = None,
        from_logits: bool = False,
        ignore_class: int | None = None,
    ) -> None:
        super().__init__(name, dtype)
        self.from_logits = from_logits
        self.ignore_class = None if ignore_class is None else check_whole(self.name, "ignore_class", ignore_class, None)

    def result(self) -> float:
        """e to the mean so far."""
        return float(np.exp(super().result()))


@final
class KLDivergence(_MeanLoss):
    """The mean Kullback-Leibler divergence.

    Args: name, dtype: see `Metric`.
    Example:
        >>> KLDivergence().name
        'kl_divergence'
    """

    function = staticmethod(losses.kl_divergence)


@final
class Hinge(_MeanLoss):
    """The mean hinge loss.

    Args: name, dtype: see `Metric`.
    Example:
        >>> Hinge().name
        'hinge'
    """

    function = staticmethod(losses.hinge)


@final
class SquaredHinge(_MeanLoss):
    """The mean squared hinge loss.

    Args: name, dtype: see `Metric`.
    Example:
        >>> SquaredHinge().name
        'squared_hinge'
    """

    function = staticmethod(losses.squared_hinge)


@final
class CategoricalHinge(_MeanLoss):
    """The mean categorical hinge loss.

    Args: name, dtype: see `Metric`.
    Example:
        >>> CategoricalHinge().name
        'categorical_hinge'
    """

    function = staticmethod(losses.categorical_hinge)
