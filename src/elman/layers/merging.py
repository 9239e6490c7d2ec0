"""Layers of several inputs: Add, Subtract, Multiply, Average, Maximum, Minimum, Concatenate, Dot."""

from __future__ import annotations

import functools
from abc import abstractmethod
from collections.abc import Sequence
from typing import Any, final

import numpy as np

from elman import dtypes
from elman.arguments import check_whole
from elman.errors import ArgumentError, ShapeError
from elman.graph import trace as ops
from elman.graph.node import Tensor
from elman.layers.arguments import check_axes
from elman.layers.base import Layer, Mask
from elman.layers.registry import register
from elman.shapes import text


class Merge(Layer):
    """A layer that is called on a list of tensors.

    Tensors of lower rank get axes of size 1 after the batch; sizes of 1 are repeated. A step is real in the output if
    it is in any input that has these steps; where such an input has no mask, the output has none. What has no time, or
    one step that is repeated, says nothing about the others' steps.

    Shapes:   [x (B, ...), ...] -> (B, ...), their broadcast.
    """

    supports_masking = True

    def __call__(self, x: Any, *more: Any, **options: Any) -> Any:
        """Trace the layer onto a list of tensors. Raises: ArgumentError: tensors one by one."""
        if more:
            cure = f"Call {type(self).__name__}()([a, b])."
            raise ArgumentError.at(self.where, "x", "be a list of tensors", f"{1 + len(more)} arguments", cure)
        return super().__call__(x, **options)

    @abstractmethod
    def merge(self, xs: list[Tensor]) -> Tensor:
        """The equation, on tensors of one rank. Shapes: (B, ...) each, of one rank -> (B, ...), their broadcast."""

    def call(self, xs: Sequence[Tensor]) -> Tensor:
        """The equation, once the ranks are equal."""
        tensors = self._checked(xs)
        rank = max(x.ndim for x in tensors)
        return self.merge([_raised(x, rank) for x in tensors])

    def compute_mask(self, xs: Sequence[Tensor], mask: Any) -> Mask | None:
        """Real where any input is that has the steps of the output."""
        if mask is None:
            return None
        whole = [(x, m) for x, m in zip(xs, mask, strict=True) if _has_steps(x, xs)]
        if any(m is None for _, m in whole):
            return None
        if all(m.lengths is not None for _, m in whole):
            return Mask(lengths=functools.reduce(ops.maximum, [m.lengths for _, m in whole]))
        return Mask(values=functools.reduce(ops.logical_or, [_steps(m, x) for x, m in whole]))

    def _checked(self, xs: Any, least: int = 1) -> list[Tensor]:
        """Raises: ArgumentError: not a list; too few."""
        if not isinstance(xs, (list, tuple)):
            raise ArgumentError.at(
                self.where, "x", "be a list of tensors", xs, f"Call {type(self).__name__}()([a, b])."
            )
        if len(xs) < least:
            raise ArgumentError.at(self.where, "x", f"a list of at least {least} tensors", len(xs), "Give it more.")
        rows = {x.shape[0] for x in xs}
        if len(rows) > 1:
            shapes = ", ".join(text(x.shape) for x in xs)
            raise ShapeError.at(self.where, "x", "have one batch size", shapes, "All inputs come from the same rows.")
        return list(xs)


def _raised(x: Tensor, rank: int) -> Tensor:
    """x with axes of size 1 after the batch, up to a rank."""
    return ops.reshape(x, (x.shape[0], *(1,) * (rank - x.ndim), *x.shape[1:]))


def _has_steps(x: Tensor, xs: Sequence[Tensor]) -> bool:
    """Whether x has the steps of the broadcast of xs: its rank, and no single step that is repeated."""
    rank = max(other.ndim for other in xs)
    return x.ndim == rank and (x.shape[1] != 1 or all(other.ndim < rank or other.shape[1] == 1 for other in xs))


def _steps(mask: Mask, x: Tensor) -> Tensor:
    """A mask step by step. Shapes: -> (B, T) bool."""
    return mask.tensor(x.shape[1])


@register
@final
class Add(Merge):
    """a + b + ...: residual connections, for one.

    Example:
        >>> from elman.layers import Input
        >>> Add()([Input((None, 3)), Input((3,))]).shape
        (B, T, 3)
    """

    def merge(self, xs: list[Tensor]) -> Tensor:
        """The sum."""
        return functools.reduce(ops.add, xs)


@register
@final
class Subtract(Merge):
    """a - b, of exactly two."""

    def merge(self, xs: list[Tensor]) -> Tensor:
        """The difference."""
        if len(xs) != 2:
            raise ArgumentError.at(
                self.where, "x", "a list of exactly 2 tensors", len(xs), "Subtract one after the other."
            )
        return xs[0] - xs[1]


@register
@final
class Multiply(Merge):
    """a · b · ..., element by element: gating."""

    def merge(self, xs: list[Tensor]) -> Tensor:
        """The product."""
        return functools.reduce(ops.multiply, xs)


@register
@final
class Average(Merge):
    """(a + b + ...) / n."""

    def merge(self, xs: list[Tensor]) -> Tensor:
        """The mean."""
        return functools.reduce(ops.add, xs) / len(xs)


@register
@final
class Maximum(Merge):
    """The largest, element by element."""

    def merge(self, xs: list[Tensor]) -> Tensor:
        """The largest."""
        return functools.reduce(ops.maximum, xs)


@register
@final
class Minimum(Merge):
    """The smallest, element by element."""

    def merge(self, xs: list[Tensor]) -> Tensor:
        """The smallest."""
        return functools.reduce(ops.minimum, xs)


@register
@final
class Concatenate(Merge):
    """Inputs side by side along an axis.

    Args:     axis: -1, features: each step knows more; 1, time: one sequence after another.
    Shapes:   [x (B, ..., F1), (B, ..., F2)] -> (B, ..., F1 + F2).
    Raises:   ShapeError: the other axes differ.
    Example:
        >>> from elman.layers import Input
        >>> Concatenate()([Input((None, 3)), Input((None, 2))]).shape
        (B, T, 5)
    """

    axis: int

    def __init__(self, axis: int = -1, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.axis = check_whole(self.where, "axis", axis, None)

    def call(self, xs: Sequence[Tensor]) -> Tensor:
        """Side by side."""
        tensors = self._checked(xs)
        at = self.axis % tensors[0].ndim
        rests = {(*x.shape[:at], *x.shape[at + 1 :]) for x in tensors}
        if len(rests) > 1:
            shapes = " and ".join(text(x.shape) for x in tensors)
            cure = "Crop, pad or reshape them first; open axes are equal when they have one name."
            raise ShapeError.at(self.where, "x", f"be equal in every axis but {at}", shapes, cure)
        return self.merge(tensors)

    def merge(self, xs: list[Tensor]) -> Tensor:
        """Side by side."""
        return ops.concatenate(xs, self.axis)

    def compute_mask(self, xs: Sequence[Tensor], mask: Any) -> Mask | None:
        """Along time, the masks one after another; along features, real where any input is; no mask means all real."""
        if mask is None or all(m is None for m in mask):
            return None
        if self.axis % xs[0].ndim != 1 or xs[0].ndim < 3:
            return super().compute_mask(xs, mask)
        every = [
            ops.full(x.shape[:2], True, dtypes.BOOL) if m is None else _steps(m, x)
            for x, m in zip(xs, mask, strict=True)
        ]
        return Mask(values=ops.concatenate(every, 1))


@register
@final
class Dot(Merge):
    """Products of vectors of two inputs, row by row: similarity, attention.

    Padded steps have no part in sums over time. The steps of the first input stay steps; those of the second
    cannot, beside those of the first.

    Args:
        axes: the axis (from 1; negative from the end) that is multiplied out; or one for each input.
        normalize: vectors are first made of length 1 along those axes: the cosine.
    Shapes:   (B, M, K), (B, N, K) with axes=2 -> (B, M, N); (B, K), (B, K) with axes=1 -> (B, 1).
    Raises:   ShapeError: the axes differ in size. ArgumentError: not two inputs; the batch axis.
    Example:
        >>> from elman.layers import Input
        >>> Dot(axes=2)([Input((5, 3)), Input((7, 3))]).shape
        (B, 5, 7)
    """

    normalize: bool

    def __init__(self, axes: int | Sequence[int], normalize: bool = False, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        found = check_axes(self.where, "axes", axes)
        if len(found) != (1 if np.ndim(axes) == 0 else 2):
            raise ArgumentError.at(self.where, "axes", "be an axis, or one for each input", axes, "Pass axes=2, say.")
        self._pair, self.normalize = (found[0], found[-1]), normalize
        self.dot_axes: int | list[int] = found[0] if np.ndim(axes) == 0 else found

    def call(self, xs: Sequence[Tensor], mask: Any = None) -> Tensor:
        """The products."""
        tensors = self._checked(xs, 2)
        for i, (m, axis) in enumerate(zip(mask or (), self._pair, strict=False)):
            if m is not None and axis % tensors[i].ndim == 1:
                tensors[i] = ops.where(m.over(tensors[i]), tensors[i], 0.0)
        return self.merge(tensors)

    def merge(self, xs: list[Tensor]) -> Tensor:
        """The products; other axes of the first input come first."""
        if len(xs) != 2:
            raise ArgumentError.at(self.where, "x", "a list of exactly 2 tensors", len(xs), "Take them in pairs.")
        (a, i), (b, j) = ((x, axis % x.ndim) for x, axis in zip(xs, self._pair, strict=True))
        if 0 in (i, j):
            raise ArgumentError.at(self.where, "axes", "not be the batch axis", self._pair, "Count axes from 1.")
        if a.shape[i] != b.shape[j]:
            shapes = f"{text(a.shape)} and {text(b.shape)}"
            raise ShapeError.at(self.where, "x", f"be of equal size on axes {i} and {j}", shapes, "Choose other axes.")
        if self.normalize:
            a, b = _unit(a, i), _unit(b, j)
        left, right = _last(a, i), _last(b, j)
        rows, columns = left.shape[1:-1], right.shape[1:-1]
        flat_left, flat_right = (ops.reshape(x, (x.shape[0], -1, x.shape[-1])) for x in (left, right))
        out = ops.matmul(flat_left, flat_right, transpose_b=True)
        return ops.reshape(out, (a.shape[0], *(rows + columns or (1,))))

    def compute_mask(self, xs: Sequence[Tensor], mask: Any) -> Mask | None:
        """That of the input whose steps stay."""
        if mask is None or not self.follows_mask(xs, mask):
            return None
        stay = [m for x, m, axis in zip(xs, mask, self._pair, strict=True) if m is not None and axis % x.ndim != 1]
        return stay[0] if stay else None

    def follows_mask(self, xs: Sequence[Tensor], mask: Any) -> bool:
        """Unless steps of the second input become columns beside rows of the first."""
        return mask is None or mask[1] is None or self._pair[1] % xs[1].ndim == 1 or xs[0].ndim == 2

    def get_config(self) -> dict[str, Any]:
        """As every layer's; `axes` as it was given."""
        return {**self._common_config(), "axes": self.dot_axes, "normalize": self.normalize}


def _last(x: Tensor, axis: int) -> Tensor:
    """x with an axis moved to the end."""
    return ops.transpose(x, [*(i for i in range(x.ndim) if i != axis), axis])


def _unit(x: Tensor, axis: int) -> Tensor:
    """Vectors along an axis made of length 1; those shorter than 1e-6 only scaled."""
    return x * ops.rsqrt(ops.maximum(ops.sum(ops.square(x), axis, keepdims=True), 1e-12))
