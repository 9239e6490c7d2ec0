"""What convolution and pooling share: a window that moves along time, or along both axes of a plane, and its masks.

A mask tells which steps of axis 1 are real: time, or for an image read from left to right its columns. Padded steps
never reach a real output: they count as the zeros (pooling: as the nothing) around the data. Behind a window of K
steps, d apart, that moves on by s, of n real steps there are left

    "valid"              (n - d (K - 1) - 1) // s + 1: the windows that lie within the real steps
    "same", "causal"     n / s, rounded up

and these are the new mask's lengths, which a CTC loss needs. A mask of values keeps the value of the step that decides
the same: the window's last for "valid", every s-th otherwise. Keras drops masks here.

With "same" and strides the zeros in front depend on the length of the whole batch, so a padded row and the same row
alone may meet the window at other steps; "valid" and "causal" have no such freedom.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

from elman.errors import ArgumentError
from elman.graph import trace as ops
from elman.graph import windows
from elman.graph.node import Tensor, apply
from elman.layers.arguments import check_sizes
from elman.layers.base import Layer, Mask, current
from elman.shapes import Size

Numbers = int | Sequence[int]


class Sliding(Layer):
    """A layer with a window. Classes say the `rank`; objects have `strides` and `padding`."""

    input_kind = "real"
    supports_masking = True
    rank: ClassVar[int] = 1
    strides: tuple[int, ...]
    padding: str
    dilation_rate: tuple[int, ...] = (1, 1)

    def window(self) -> tuple[int, ...]:
        """Its size along each axis."""
        raise AssertionError("a layer that slides has a window")

    def numbers(self, argument: str, value: Any) -> tuple[int, ...]:
        """One whole number from 1 an axis. Raises: ArgumentError: anything else."""
        return check_sizes(self.where, argument, value, self.rank)

    def chosen_padding(self, padding: Any, allowed: Sequence[str]) -> str:
        """The word in small letters. Raises: ArgumentError: another word."""
        if not isinstance(padding, str) or padding.lower() not in allowed:
            raise ArgumentError.at(self.where, "padding", f"be one of {', '.join(allowed)}", padding)
        return str(padding.lower())

    def real_steps(self, x: Tensor, mask: Mask | None) -> Tensor | None:
        """Which steps count, where windows may reach padded ones. Shapes: -> (B, T, 1) or (B, T, 1, 1) bool."""
        if mask is None or (self.padding == "valid" and mask.lengths is not None):
            return None
        return mask.over(x)

    @property
    def reach(self) -> int:
        """How many steps beside its own a window reads along the first axis."""
        return self.dilation_rate[0] * (self.window()[0] - 1)

    def behind_past(self, x: Tensor) -> tuple[Tensor, str]:
        """x and its padding; in a stream the steps before x instead of the zeros that a causal window begins with.

        Shapes: x (B, T, C) -> (B, T, C), or (B, reach + T, C), where every window lies within.
        """
        companion = current().companion
        if self.padding != "causal" or self.reach == 0 or not companion.carries:
            return x, self.padding
        zeros = ops.zeros((x.shape[0], self.reach, *x.shape[2:]), x.dtype)
        (past,) = companion.start(self.name, ops.swapaxes(x, 0, 1), [zeros])
        whole = ops.concatenate([past, x], 1)
        companion.finish(self.name, [whole[:, -self.reach :]])
        return whole, "valid"

    def compute_mask(self, x: Tensor, mask: Mask | None) -> Mask | None:
        """Which places are real. Shapes: x (B, S..., C) -> lengths (B,) or a mask (B, S'), S' as in the output."""
        if mask is None:
            return None
        stride = self.strides[0]
        reach = self.reach if self.padding == "valid" else 0
        if mask.lengths is not None:
            return Mask(lengths=ops.maximum(mask.lengths - reach + (stride - 1), 0) / stride)
        length = self.places(x)[0]
        whole = stride == 1 and reach == 0
        kept = mask.values
        return mask if whole or kept is None else Mask(values=_every(kept, reach, stride, length))

    def places(self, x: Tensor) -> tuple[Size, ...]:
        """How many windows fit along each axis. Shapes: x (B, S..., C) -> one size for each S."""
        moves = zip(x.shape[1:-1], self.window(), self.strides, self.dilation_rate, strict=False)
        return tuple(windows.places(self.where, *move, self.padding) for move in moves)


def _every(values: Tensor, start: int, stride: int, length: Size) -> Tensor:
    return apply("Slice", values, axis=1, start=start, length=length, step=stride)
