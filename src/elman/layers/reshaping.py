"""Layers that only move numbers: Flatten, Reshape, Permute, RepeatVector, ZeroPadding1D/2D, Cropping1D/2D."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, final

import numpy as np

from elman.arguments import as_plain, check_whole
from elman.errors import ArgumentError, ShapeError
from elman.graph import trace as ops
from elman.graph.node import Tensor
from elman.layers.arguments import check_axes, check_units, need_channels_last
from elman.layers.base import Layer
from elman.layers.registry import register
from elman.shapes import product, quotient, text


@register
@final
class Flatten(Layer):
    """All axes but the batch as one.

    Args:     data_format: "channels_first" puts axis 1 last before; default "channels_last" changes nothing.
    Shapes:   x (B, ...) -> (B, N).
    Example:
        >>> from elman.layers import Input
        >>> Flatten()(Input((3, 4))).shape
        (B, 12)
    """

    data_format: str | None

    def __init__(self, data_format: str | None = None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        check_format(self.where, data_format)
        self._store(locals())

    def call(self, x: Tensor) -> Tensor:
        """The axes as one."""
        if self.data_format == "channels_first" and x.ndim > 2:
            x = ops.transpose(x, (0, *range(2, x.ndim), 1))
        return ops.reshape(x, (x.shape[0], product(x.shape[1:])))


@register
@final
class Reshape(Layer):
    """The same numbers in the same order under another shape.

    Args:     target_shape: without the batch; one size may be -1.
    Shapes:   x (B, ...) -> (B, *target_shape).
    Raises:   ShapeError: the numbers of one example do not fit.
    Example:
        >>> from elman.layers import Input
        >>> Reshape((-1, 2))(Input((6,))).shape
        (B, 3, 2)
    """

    target_shape: tuple[int, ...]

    def __init__(self, target_shape: Sequence[int], **kwargs: Any) -> None:
        super().__init__(**kwargs)
        sizes = check_axes(self.where, "target_shape", target_shape) if np.size(target_shape) else []
        self.target_shape = tuple(check_whole(self.where, "target_shape", size, -1) for size in sizes)
        if self.target_shape.count(-1) > 1:
            raise ArgumentError.at(
                self.where, "target_shape", "have one -1 at most", self.target_shape, "Say the other size."
            )

    def call(self, x: Tensor) -> Tensor:
        """The other shape."""
        one, known = product(x.shape[1:]), product(d for d in self.target_shape if d != -1)
        rest = quotient(one, known) if -1 in self.target_shape else (1 if one == known else None)
        if rest is None:
            rule = f"of {known} numbers{' times a whole number' if -1 in self.target_shape else ''} in each row"
            raise ShapeError.at(self.where, "x", rule, text(x.shape), "Change target_shape.", because=f"{one} numbers")
        return ops.reshape(x, (x.shape[0], *(rest if d == -1 else d for d in self.target_shape)))


@register
@final
class Permute(Layer):
    """Axes in another order.

    Args:     dims: the axes, counted from 1 (the batch stays first): (2, 1) swaps time and features.
    Shapes:   x (B, A1, A2, ...) -> (B, A[dims[0]], ...).
    Raises:   ShapeError: x has another number of axes. ArgumentError: not an order of 1, 2, ...
    Example:
        >>> from elman.layers import Input
        >>> Permute((2, 1))(Input((5, 3))).shape
        (B, 3, 5)
    """

    dims: tuple[int, ...]

    def __init__(self, dims: Sequence[int], **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.dims = tuple(check_axes(self.where, "dims", dims))
        if sorted(self.dims) != list(range(1, len(self.dims) + 1)):
            rule = f"each of 1 to {len(self.dims)} once"
            raise ArgumentError.at(self.where, "dims", rule, self.dims, "The batch is not counted.")

    def call(self, x: Tensor) -> Tensor:
        """The other order."""
        if x.ndim != len(self.dims) + 1:
            because = f"{x.ndim - 1} axes beside the batch"
            raise ShapeError.at(
                self.where, "x", f"have {len(self.dims)} axes beside the batch", text(x.shape), "", because=because
            )
        return ops.transpose(x, (0, *self.dims))


@register
@final
class RepeatVector(Layer):
    """One vector as n equal steps: from the encoder's last state to the decoder's input.

    Shapes:   x (B, F) -> (B, n, F).
    Raises:   ShapeError: x is not of rank 2. ArgumentError: n < 1.
    Example:
        >>> from elman.layers import Input
        >>> RepeatVector(4)(Input((8,))).shape
        (B, 4, 8)
    """

    axes = ("B", "F")
    n: int

    def __init__(self, n: int, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        check_units(self.where, "n", n)
        self._store(locals())

    def call(self, x: Tensor) -> Tensor:
        """The steps."""
        return ops.repeat(x, self.n, 1)


def _is_count(value: Any) -> bool:
    """Whether it is a whole number from 0."""
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0


class Steps(Layer):
    """A layer that adds or takes steps at both ends of a sequence."""

    axes = ("B", "T", "F")

    def _ends(self, argument: str, value: Any) -> tuple[int, int]:
        """How many at the front and at the back."""
        pair = list(map(as_plain, value)) if isinstance(value, list | tuple) else [as_plain(value)] * 2
        if len(pair) != 2 or not all(_is_count(n) for n in pair):
            raise ArgumentError.at(self.where, argument, "be a number of steps from 0, or two of them", value)
        return pair[0], pair[1]


@register
@final
class ZeroPadding1D(Steps):
    """Steps of zeros before and after a sequence.

    Args:     padding: how many at each end, or (before, after). data_format: "channels_last" alone.
    Shapes:   x (B, T, F) -> (B, before + T + after, F).
    Example:
        >>> from elman.layers import Input
        >>> ZeroPadding1D((1, 2))(Input((5, 3))).shape
        (B, 8, 3)
    """

    padding: tuple[int, int]
    data_format: str | None

    def __init__(self, padding: int | Sequence[int] = 1, data_format: str | None = None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        need_channels_last(self.where, data_format)
        self.padding, self.data_format = self._ends("padding", padding), data_format

    def call(self, x: Tensor) -> Tensor:
        """The longer sequence."""
        return ops.pad(x, 1, *self.padding)


@register
@final
class Cropping1D(Steps):
    """A sequence without its first and last steps.

    Args:     cropping: how many at each end, or (first, last).
    Shapes:   x (B, T, F) -> (B, T - first - last, F).
    Raises:   ShapeError: fewer steps than are cropped, known while tracing or when the model runs.
    Example:
        >>> from elman.layers import Input
        >>> Cropping1D((1, 2))(Input((5, 3))).shape
        (B, 2, 3)
    """

    cropping: tuple[int, int]

    def __init__(self, cropping: int | Sequence[int] = (1, 1), **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.cropping = self._ends("cropping", cropping)

    def call(self, x: Tensor) -> Tensor:
        """The shorter sequence."""
        first, last = self.cropping
        if isinstance(x.shape[1], int) and x.shape[1] < first + last:
            raise ShapeError.at(self.where, "x", f"have at least {first + last} steps", text(x.shape), "Crop less.")
        return x[:, first:, :] if last == 0 else x[:, first:-last, :]


class Borders(Layer):
    """A layer that adds or takes rows and columns at the borders of an image."""

    axes = ("B", "H", "W", "F")

    def _borders(self, argument: str, value: Any) -> tuple[tuple[int, int], tuple[int, int]]:
        """How many (before, after), of rows and of columns."""
        two = value if isinstance(value, list | tuple) else (value, value)
        pairs = [list(map(as_plain, n)) if isinstance(n, list | tuple) else [as_plain(n)] * 2 for n in two]
        if len(pairs) != 2 or not all(len(p) == 2 and all(_is_count(n) for n in p) for p in pairs):
            rule = "be a whole number from 0, two of them, or two pairs (before, after)"
            raise ArgumentError.at(self.where, argument, rule, value)
        (top, bottom), (left, right) = pairs
        return (top, bottom), (left, right)


@register
@final
class ZeroPadding2D(Borders):
    """Rows and columns of zeros around an image.

    Args:     padding: how many at each border, (rows, columns), or ((top, bottom), (left, right)). data_format:
              "channels_last" alone.
    Shapes:   x (B, H, W, C) -> (B, top + H + bottom, left + W + right, C).
    Example:
        >>> from elman.layers import Input
        >>> ZeroPadding2D(((1, 0), (2, 2)))(Input((5, 3, 1))).shape
        (B, 6, 7, 1)
    """

    padding: tuple[tuple[int, int], tuple[int, int]]
    data_format: str | None

    def __init__(self, padding: Any = (1, 1), data_format: str | None = None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        need_channels_last(self.where, data_format)
        self.padding, self.data_format = self._borders("padding", padding), data_format

    def call(self, x: Tensor) -> Tensor:
        """The larger image."""
        rows, columns = self.padding
        return ops.pad(ops.pad(x, 2, *columns), 1, *rows)


@register
@final
class Cropping2D(Borders):
    """An image without its outer rows and columns.

    Args:     cropping: how many at each border, (rows, columns), or ((top, bottom), (left, right)). data_format:
              "channels_last" alone.
    Shapes:   x (B, H, W, C) -> (B, H - top - bottom, W - left - right, C).
    Raises:   ShapeError: fewer rows or columns than are cropped, known while tracing or when the model runs.
    Example:
        >>> from elman.layers import Input
        >>> Cropping2D(1)(Input((5, 4, 1))).shape
        (B, 3, 2, 1)
    """

    cropping: tuple[tuple[int, int], tuple[int, int]]
    data_format: str | None

    def __init__(self, cropping: Any = ((0, 0), (0, 0)), data_format: str | None = None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        need_channels_last(self.where, data_format)
        self.cropping, self.data_format = self._borders("cropping", cropping), data_format

    def call(self, x: Tensor) -> Tensor:
        """The smaller image."""
        for axis, (first, last) in enumerate(self.cropping, 1):
            size = x.shape[axis]
            if isinstance(size, int) and size < first + last:
                rule = f"have at least {first + last} places along axis {axis}"
                raise ShapeError.at(self.where, "x", rule, text(x.shape), "Crop less.")
            kept = slice(first, None if last == 0 else -last)
            x = x[(slice(None),) * axis + (kept,)]
        return x


def check_format(where: str, data_format: str | None) -> None:
    """Raises: ArgumentError: not one of Keras's two words."""
    if data_format not in (None, "channels_last", "channels_first"):
        raise ArgumentError.at(where, "data_format", "be 'channels_last' or 'channels_first'", data_format)
