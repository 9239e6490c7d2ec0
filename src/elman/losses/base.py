"""What a loss is: a value for each sample, and how a batch of values becomes one number.

The reductions, weights and masks are Keras 3's. `reduce_values` is their one place; metrics share `align` and `weigh`.
"""

from __future__ import annotations

import inspect
import re
from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Any, ClassVar, Self, final

from elman import dtypes, ops, settings
from elman.arguments import Checked
from elman.errors import ArgumentError, ElmanError, ShapeError, unknown_name
from elman.graph import Tensor, as_tensor
from elman.graph.node import Operand
from elman.shapes import text

REDUCTIONS = ("sum_over_batch_size", "sum", "mean", "mean_with_sample_weight", "none")

EPSILON = 1e-7
"""Keras's `backend.epsilon()`: what probabilities and denominators are kept away from 0 by."""


def real(x: Operand, dtype: str | None = None) -> Tensor:
    """A tensor of a real type: its own where it has one, else `dtype`, else the float type of the settings.

    Shapes: any -> as x.
    """
    x = as_tensor(x)
    if dtype is not None:
        return ops.cast(x, dtype)
    return x if dtypes.is_real(x.dtype) else ops.cast(x, settings.floatx())


def match_ranks(a: Tensor, b: Tensor) -> tuple[Tensor, Tensor]:
    """Two tensors of one rank where their ranks differ by an axis of size 1 at the end, as Keras does; else unchanged.

    Shapes: (B,) and (B, 1) -> both (B, 1); (B, T) and (B, T, 1) -> both (B, T).
    """
    if a.ndim == b.ndim + 1 and a.shape[-1] == 1:
        return (a, ops.expand_dims(b, -1)) if b.ndim == 1 else (ops.squeeze(a, -1), b)
    if b.ndim == a.ndim + 1 and b.shape[-1] == 1:
        return (ops.expand_dims(a, -1), b) if a.ndim == 1 else (a, ops.squeeze(b, -1))
    return a, b


def align(where: str, y_true: Operand, y_pred: Operand) -> tuple[Tensor, Tensor]:
    """Targets and predictions as tensors of one real type and one rank, ready to be compared element by element.

    Shapes: y_true as y_pred, or one axis of size 1 apart -> both of the rank of y_pred.
    Raises: ShapeError: shapes that cannot be compared.
    """
    y_pred = real(y_pred)
    y_true, y_pred = match_ranks(real(y_true, y_pred.dtype), y_pred)
    if y_true.ndim != y_pred.ndim or y_pred.ndim == 0:
        rule = f"have the shape of y_pred, {text(y_pred.shape)}"
        cure = "For class numbers use a sparse loss; else reshape the targets."
        raise ShapeError.at(where, "y_true", rule, text(y_true.shape), cure)
    return y_true, y_pred


def weigh(where: str, argument: str, weights: Operand, values: Tensor) -> Tensor:
    """Weights as a real tensor that lines up with values: axes of size 1 are added, or one taken, at the end.

    Shapes: weights (B,) or (B, 1) for values (B,); (B,), (B, 1) or (B, T) for values (B, T).
    Raises: ShapeError: weights that would have to be invented or thrown away.
    """
    given = real(weights, values.dtype)
    w = given
    if w.ndim == values.ndim + 1 and w.shape[-1] == 1:
        w = ops.squeeze(w, -1)
    w = ops.reshape(w, (*w.shape, *(1,) * (values.ndim - w.ndim)))
    if w.ndim > values.ndim or any(a not in (b, 1) for a, b in zip(w.shape, values.shape, strict=True)):
        rule = f"of a shape that fits the values it weighs, {text(values.shape)}"
        cure = "Give one weight a sample, (B,), or one a step, (B, T)."
        raise ShapeError.at(where, argument, rule, text(given.shape), cure)
    return w


def ratio(total: Tensor, count: Tensor) -> Tensor:
    """total / count; 0 where count is 0. Shapes: total and count alike -> as they."""
    empty = ops.equal(count, 0)
    # By 1 there, not by 0: the branch that `where` drops would still make its gradient 0 * inf.
    return ops.where(empty, ops.zeros_like(total), total / ops.where(empty, ops.ones_like(count), count))


def reduce_values(
    where: str,
    values: Tensor,
    sample_weight: Operand | None = None,
    mask: Operand | None = None,
    reduction: str = "sum_over_batch_size",
) -> Tensor:
    """One number (or, for "none", the weighted values) from a value for each sample or step.

    "sum_over_batch_size" and "mean" divide by the number of values, of the unmasked ones where there is a mask;
    weights scale values but not the divisor. "mean_with_sample_weight" divides by the sum of the weights as they were
    given. Nothing to divide by gives 0.

    Shapes: values (B,) or (B, T, ...); sample_weight (B,) or (B, T); mask (B, T) bool -> ().
    """
    total, count = totals(where, values, sample_weight, mask, reduction)
    return divided(total, count, reduction)


def totals(
    where: str, values: Tensor, sample_weight: Operand | None, mask: Operand | None, reduction: str
) -> tuple[Tensor, Tensor | None]:
    """The sum of the weighted values and what `divided` divides it by: sums of both over portions are those of a batch.

    Shapes: as `reduce_values` -> (), () or None; with "none" the weighted values, None.
    """
    weight = None if sample_weight is None else weigh(where, "sample_weight", sample_weight, values)
    valid = None if mask is None else weigh(where, "mask", mask, values)
    weights = weight if valid is None else valid if weight is None else weight * valid
    weighted = values if weights is None else values * weights
    if reduction == "none":
        return weighted, None
    total = ops.sum(weighted)
    if reduction == "mean_with_sample_weight" and weights is not None:
        return total, ops.sum(weights)
    if reduction == "sum" or values.ndim == 0:
        return total, None
    if valid is not None and reduction != "mean_with_sample_weight":
        return total, ops.sum(valid) * (ops.size(values) / ops.maximum(ops.size(valid), 1.0))
    return total, ops.size(values)


def divided(total: Tensor, count: Tensor | None, reduction: str) -> Tensor:
    """What `totals` gave as one number. Shapes: (), () -> ()."""
    if count is None:
        return total
    return ratio(total, count) if reduction == "mean_with_sample_weight" else total / ops.maximum(count, 1.0)


def snake(name: str) -> str:
    """A class's name as Keras writes it in configurations: KLDivergence is kl_divergence."""
    return re.sub(r"([a-z0-9])([A-Z])", r"\1_\2", re.sub(r"(.)([A-Z][a-z]+)", r"\1_\2", name)).lower()


def arguments(self: object, skip: tuple[str, ...] = ()) -> dict[str, Any]:
    """What the constructor was given, read back from attributes of the same names."""
    names = [n for n in inspect.signature(type(self).__init__).parameters if n not in ("self", *skip)]
    return {n: getattr(self, n) for n in names if hasattr(self, n)}


class Loss(Checked, ABC):
    """What training makes small: a function of targets and predictions, reduced to one number.

    Write your own by subclassing and giving `call`, in the words of `elman.ops`.

    Args:
        name: how reports call it; default: the class's name in snake case.
        reduction: "sum_over_batch_size" (the mean over samples and steps), "sum", "mean",
            "mean_with_sample_weight" or "none" (also None; training takes the mean); see `reduce_values`.
        dtype: the real type it is computed in; default: that of the predictions.
    Shapes: y_true, y_pred (B, ..., F) -> (); with reduction "none" (B, ...).
    Raises: UnknownNameError: another reduction.
    Example:
        >>> from elman.graph import placeholder
        >>> MeanLess = type("MeanLess", (Loss,), {"call": lambda self, y_true, y_pred: ops.mean(y_true - y_pred, -1)})
        >>> MeanLess()(placeholder("y", (4, 2)), placeholder("p", (4, 2))).shape
        ()
    """

    aligned: ClassVar[bool] = True
    """Whether targets have the steps of the output; where not, `check_targets` is told the frames of each row."""

    limits: ClassVar[tuple[float, float] | None] = None
    """Between which numbers `check_targets` wants targets, where the loss of others would be a number, too."""

    def __init__(
        self, name: str | None = None, reduction: str | None = "sum_over_batch_size", dtype: str | None = None
    ) -> None:
        if reduction not in (*REDUCTIONS, None):
            raise unknown_name(type(self).__name__, "reduction", reduction, REDUCTIONS)
        self.name = name or snake(type(self).__name__)
        self.reduction = reduction or "none"
        self.dtype = dtype

    @abstractmethod
    def call(self, y_true: Tensor, y_pred: Tensor) -> Tensor:
        """A value for each sample (and step). Shapes: y_true, y_pred (B, ..., F) -> (B, ...)."""

    def valid(self, y_true: Tensor, y_pred: Tensor) -> Tensor | None:
        """Which values count, where the loss itself knows better than the mask. Shapes: -> as `call`, bool."""
        return None

    def check_targets(self, where: str, name: str, labels: Any, frames: Any, classes: int) -> None:
        """Refuse class numbers before the first step. Args: frames: where they have steps of their own.

        Shapes: labels (N, ...), frames (N,).
        """

    def __call__(
        self, y_true: Operand, y_pred: Operand, sample_weight: Operand | None = None, mask: Operand | None = None
    ) -> Tensor:
        """The loss of a batch as a scalar tensor.

        Args: sample_weight: how much each sample or step counts. mask: which steps are real.
        Shapes: sample_weight (B,) or (B, T); mask (B, T) bool -> ().
        Raises: ShapeError: targets, weights or mask do not fit the predictions.
        """
        values, counted = self.values(as_tensor(y_true), real(y_pred, self.dtype), mask)
        return reduce_values(self.name, values, sample_weight, counted, self.reduction)

    def values(self, y_true: Tensor, y_pred: Tensor, mask: Operand | None) -> tuple[Tensor, Operand | None]:
        """A value for each sample (and step), and which of them count; None: all.

        Shapes: y_true, y_pred (B, ..., F), mask (B, T) bool -> (B, ...) both.
        """
        values, own = self._called(y_true, y_pred), self.valid(y_true, y_pred)
        if own is not None:
            mask = own if mask is None else ops.logical_and(as_tensor(mask), own)
        return values, mask

    def _called(self, y_true: Tensor, y_pred: Tensor) -> Tensor:
        """What `call` gives. Raises: ArgumentError: it gives no tensor, or does with tensors what they cannot.

        Shapes: as `call`.
        """
        where, cure = f"loss {self.name!r}", "For example return ops.mean(ops.square(y_true - y_pred), -1)."
        try:
            values: Any = self.call(y_true, y_pred)
        except (TypeError, AttributeError) as error:
            if isinstance(error, ElmanError):
                raise
            rule, told = "computed by elman.ops, for NumPy knows no tensors", str(error).rstrip(".")
            raise ArgumentError.at(where, "value", rule, type(error).__name__, cure, because=told) from error
        if not isinstance(values, Tensor):
            raise ArgumentError.at(where, "value", "a tensor", values, cure)
        return values

    def totals(
        self, y_true: Tensor, y_pred: Tensor, sample_weight: Operand | None, mask: Operand | None
    ) -> tuple[Tensor, Tensor | None]:
        """The loss before its last division: what portions of a batch add up to. One not reduced is a mean here.

        Shapes: as `__call__` -> (), ().
        """
        values, counted = self.values(y_true, real(y_pred, self.dtype), mask)
        reduction = "sum_over_batch_size" if self.reduction == "none" else self.reduction
        return totals(self.name, values, sample_weight, counted, reduction)

    def get_config(self) -> dict[str, Any]:
        """The constructor's arguments, fit for JSON."""
        config = {"name": self.name, "reduction": self.reduction, **arguments(self, ("name", "reduction", "dtype"))}
        return config if self.dtype is None else {**config, "dtype": self.dtype}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Self:
        """The loss that `get_config` described."""
        return cls(**config)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({', '.join(f'{k}={v!r}' for k, v in self.get_config().items())})"


class PlainLoss(Loss):
    """A loss without options of its own: its function, reduced. Subclasses name the function.

    Args: reduction, name, dtype: see `Loss`.
    Shapes: y_true, y_pred (B, ..., F) -> ().
    """

    function: ClassVar[staticmethod[[Operand, Operand], Tensor]]

    def __init__(
        self, reduction: str | None = "sum_over_batch_size", name: str | None = None, dtype: str | None = None
    ) -> None:
        super().__init__(name, reduction, dtype)

    def call(self, y_true: Tensor, y_pred: Tensor) -> Tensor:
        """A value for each sample (and step), as the function gives it. Shapes: (B, ..., F) -> (B, ...)."""
        return self.function(y_true, y_pred)


@final
class FunctionLoss(Loss):
    """A plain function of (y_true, y_pred) as a loss.

    Args: function: gives a value for each sample, in the words of `elman.ops`.
    Example:
        >>> FunctionLoss(lambda y_true, y_pred: ops.mean(y_true - y_pred, -1), name="bias").name
        'bias'
    """

    def __init__(
        self,
        function: Callable[[Tensor, Tensor], Tensor],
        reduction: str | None = "sum_over_batch_size",
        name: str | None = None,
        dtype: str | None = None,
    ) -> None:
        super().__init__(name or getattr(function, "__name__", "loss"), reduction, dtype)
        self.function = function

    def call(self, y_true: Tensor, y_pred: Tensor) -> Tensor:
        """A value for each sample (and step), as the function gives it."""
        return self.function(y_true, y_pred)
