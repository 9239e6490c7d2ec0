"""What a metric is: sums that a plan adds up over an epoch, and a number read from them at its end.

`updates` is a graph: what the sums become with one more batch. `result` is NumPy on the finished sums. The plan
computes in one real type, float32 as a rule, in which the ten-millionth addition to a large sum would be lost. So every
sum is a `Total`: two numbers, what the sum is and what rounding has dropped so far.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any, ClassVar, Literal, Self

import numpy as np
from numpy.typing import NDArray

from elman import ops, settings
from elman.arguments import Checked
from elman.errors import ShapeError
from elman.executors import default
from elman.graph import Graph, Tensor, Variable, constant
from elman.graph.node import Operand
from elman.losses.base import arguments, snake, weigh
from elman.shapes import Shape, text

Array = NDArray[Any]
Updates = list[tuple[Variable, Tensor]]


class Total:
    """A sum over many batches, as exact as if it were added up in twice the precision.

    Source: Knuth 1997, volume 2, section 4.2.2, theorem B (TwoSum): six operations give the error of an addition.
    Cost: they are scalar (or as small as the sum) and fuse into one node. An infinite sum stays infinite.
    """

    def __init__(self, name: str, shape: tuple[int, ...], dtype: str) -> None:
        self.high = Variable(np.zeros(shape, dtype), name=name)
        self.low = Variable(np.zeros(shape, dtype), name=f"{name}_low")

    def add(self, x: Tensor) -> Updates:
        """What the two numbers become when x is added. Shapes: x as the sum."""
        a = self.high.tensor
        s = a + x
        b = s - a
        return [(self.high, s), (self.low, self.low + ((a - (s - b)) + (x - b)))]

    @property
    def value(self) -> Array:
        """The sum, in float64. Shapes: -> as the sum."""
        high = self.high.value.astype(np.float64)
        return np.where(np.isfinite(high), high + np.where(np.isfinite(high), self.low.value, 0.0), high)


class Metric(Checked, ABC):
    """A number that is watched, not trained on: over an epoch, or over a whole data set.

    Args:
        name: how reports call it; default: the class's name in snake case.
        dtype: the real type of its sums; default: that of the values it is given.
    """

    direction: ClassVar[Literal["up", "down"] | None] = None
    """Which way is better; None: it cannot be said."""

    def __init__(self, name: str | None = None, dtype: str | None = None) -> None:
        self.name = name or snake(type(self).__name__)
        self.dtype = dtype
        self._totals: dict[str, Total] = {}

    @abstractmethod
    def updates(
        self, y_true: Operand, y_pred: Operand, sample_weight: Operand | None = None, mask: Operand | None = None
    ) -> Updates:
        """What the metric's variables become with one more batch.

        Args: sample_weight: how much each sample or step counts. mask: which steps are real.
        Shapes: y_true, y_pred (B, ...); sample_weight (B,) or (B, T); mask (B, T) bool.
        """

    @abstractmethod
    def result(self) -> Any:
        """The number so far, a float (an array for some classes, where they say so); 0 before the first batch."""

    def update_state(self, *arrays: Any, **more: Any) -> None:
        """Take in a batch of arrays, outside of a model: `result` gives the number so far.

        Args: as `updates`.
        Example:
            >>> from elman.metrics import MeanSquaredError
            >>> metric = MeanSquaredError()
            >>> metric.update_state([1.0, 2.0], [1.0, 4.0])
            >>> metric.result()
            2.0
        """
        given: dict[str, Any] = {name: None if value is None else self._constant(value) for name, value in more.items()}
        updates = self.updates(*map(self._constant, arrays), **given)
        default().compile(Graph((), (), tuple(updates))).run([])

    def _constant(self, value: Any) -> Tensor:
        """An array as a tensor; real numbers in the metric's type, so that batches of any have one."""
        array = np.asarray(value)
        return constant(array, (self.dtype or settings.floatx()) if array.dtype.kind == "f" else None)

    @property
    def variables(self) -> list[Variable]:
        """Everything it remembers; none before `updates` has seen the shapes."""
        return [v for total in self._totals.values() for v in (total.high, total.low)]

    def reset_state(self) -> None:
        """Begin anew."""
        for variable in self.variables:
            variable.value[...] = 0

    def get_config(self) -> dict[str, Any]:
        """The constructor's arguments, fit for JSON."""
        config = {"name": self.name, **arguments(self, ("name", "dtype"))}
        return config if self.dtype is None else {**config, "dtype": self.dtype}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Self:
        """The metric that `get_config` described."""
        return cls(**config)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({', '.join(f'{k}={v!r}' for k, v in self.get_config().items())})"

    def _add(self, name: str, x: Tensor) -> Updates:
        """Add x to the sum called name, which is made when it is first needed."""
        x = x if self.dtype is None else ops.cast(x, self.dtype)
        known = self._totals.get(name)
        if known is None:
            known = self._totals[name] = Total(f"{self.name}/{name}", _known(self.name, x.shape), x.dtype)
        if known.high.shape != x.shape:
            rule = f"of the shape it was first used with, {text(known.high.shape)}"
            raise ShapeError.at(self.name, name, rule, text(x.shape), "Make another metric for another output.")
        return known.add(ops.cast(x, known.high.dtype))

    def _sum(self, name: str) -> Array:
        """The sum called name; 0 before the first batch."""
        return self._totals[name].value if name in self._totals else np.zeros(())


def _known(where: str, shape: Shape) -> tuple[int, ...]:
    sizes = tuple(d for d in shape if isinstance(d, int))
    if len(sizes) != len(shape):
        raise ShapeError.at(where, "classes", "a known number", text(shape), "Give the last layer a fixed size.")
    return sizes


def combined(where: str, values: Tensor, sample_weight: Operand | None, mask: Operand | None) -> Tensor | None:
    """Weights times mask, lined up with values; None where there is neither.

    Shapes: values (B, ...), weights and mask (B,) up to (B, ...) -> as they broadcast.
    """
    weight = None if sample_weight is None else weigh(where, "sample_weight", sample_weight, values)
    valid = None if mask is None else weigh(where, "mask", mask, values)
    return weight if valid is None else valid if weight is None else weight * valid


def no_nan(a: Any, b: Any) -> Array:
    """a / b; 0 where b is 0. Shapes: a and b that broadcast -> their broadcast."""
    a, b = np.asarray(a, np.float64), np.asarray(b, np.float64)
    out: Array = np.zeros(np.broadcast_shapes(a.shape, b.shape))
    np.divide(a, b, out=out, where=b != 0)
    return out


def number(values: Array) -> Any:
    """One value as a float, several as an array."""
    return float(values.reshape(())) if values.size == 1 else values
