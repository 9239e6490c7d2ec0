"""All trainable weights as views of one buffer: the optimizer updates one vector, a save is one read.

Packing moves a weight's array (`Variable.value` is re-pointed, here and nowhere else), so whatever was compiled against
the old place must be compiled again. `generation()` tells whether anything moved since; a plan's owner asks before each
use.

Known weakness: two models that share weights and are trained in turn move them to and fro, one compilation each time.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from elman import dtypes, settings
from elman.errors import DTypeError
from elman.graph import Variable
from elman.graph.node import ALIGNMENT

__all__ = ["Parameters", "Segment", "generation", "release"]

moves = 0
"""What `generation` says, for who asks more often than a call is worth."""


def generation() -> int:
    """A number that grows whenever a weight's array has moved: equal numbers, same places."""
    return moves


class Segment(NamedTuple):
    """Where a weight lies in the buffer."""

    name: str
    offset: int
    size: int


class Parameters:
    """The weights that train, side by side in one array.

    Args:
        weights: variables of one real type; their values move into the buffer.
    Shapes: variable (P,), P the sum of the weights' sizes.
    Raises: DTypeError: weights of different types, or not real.
    Example:
        >>> w = Variable(np.ones((2, 3), "float32"), "w")
        >>> p = Parameters([w])
        >>> p.variable.value[:] = 5.0
        >>> float(w.value[1, 2])
        5.0
    """

    def __init__(self, weights: Sequence[Variable]) -> None:
        self.weights = tuple(weights)
        types = {w.dtype for w in self.weights} or {settings.floatx()}
        if len(types) > 1 or not dtypes.is_real(next(iter(types))):
            cure = "Build every layer under one elman.settings.set_floatx."
            raise DTypeError.at("fit", "trainable weights", "be of one real type", " and ".join(sorted(types)), cure)
        self.segments = _segments(self.weights)
        size, dtype = sum(s.size for s in self.segments), np.dtype(types.pop())
        lead = _lead(self.weights, self.segments, ALIGNMENT // dtype.itemsize)
        self.variable = Variable(np.zeros(lead + size, dtype), "parameters")
        self.variable.value = self.variable.value[lead:]
        self._views = [
            self.variable.value[s.offset : s.offset + s.size].reshape(w.shape)
            for s, w in zip(self.segments, self.weights, strict=True)
        ]
        self.claim()

    def covers(self, weights: Sequence[Variable]) -> bool:
        """Whether exactly these weights, in this order, are packed."""
        return len(weights) == len(self.weights) and all(a is b for a, b in zip(weights, self.weights, strict=True))

    def claim(self) -> None:
        """Move every weight into the buffer (again), unless it lies there."""
        global moves
        for weight, view in zip(self.weights, self._views, strict=True):
            # A layer that two models share lies in the buffer of the one that trained last.
            if weight.value is not view:
                view[...] = weight.value
                weight.value = view
                moves += 1


def release(weights: Sequence[Variable]) -> None:
    """Give weights arrays of their own again, so that a buffer they lay in can go."""
    global moves
    for weight in weights:
        weight.value = Variable(weight.value, dtype=weight.dtype).value
    moves += 1


def _lead(weights: Sequence[Variable], segments: Sequence[Segment], line: int) -> int:
    """How many numbers behind the start of a cache line the buffer begins; a line has `line` of them.

    Matrices whose rows are whole lines then begin with one, most of them by size: a step of a stream reads weights
    where they lie, and half as fast where each vector lies in two lines. What comes before them may have any size.
    """
    gained = [0] * line
    for weight, segment in zip(weights, segments, strict=True):
        if len(weight.shape) > 1 and weight.shape[-1] % line == 0:
            gained[-segment.offset % line] += segment.size
    return gained.index(max(gained))


def _segments(weights: Sequence[Variable]) -> list[Segment]:
    found, offset = [], 0
    for weight in weights:
        found.append(Segment(weight.name, offset, weight.value.size))
        offset += weight.value.size
    return found
