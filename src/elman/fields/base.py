"""What every field is: the border between a person's columns and a network's arrays."""

from __future__ import annotations

import abc
from collections.abc import Mapping
from typing import Any, ClassVar, Generic, Self, TypeVar

import numpy as np
import numpy.typing as npt

__all__ = ["Field", "FloatArray"]

FloatArray = npt.NDArray[np.floating[Any]]

_Values = TypeVar("_Values")


class Field(abc.ABC, Generic[_Values]):
    """Turns one kind of column into arrays and back, by what it learned from the training part.

    A field is fitted once, on training rows only; afterwards `encode` and `decode` are fixed
    functions. It knows no graph and no layer. `state()` is plain JSON and goes into the model
    file; `from_state` restores a field from it and runs nothing.

    Example:
        >>> from elman.fields import Series
        >>> field = Series(scaling="minmax").fit([0.0, 5.0, 10.0])
        >>> Series.from_state(field.state()).encode([2.5]).tolist()
        [[0.25]]
    """

    kind: ClassVar[str]

    @abc.abstractmethod
    def fit(self, values: _Values) -> Self:
        """Learn scaling, vocabulary ... from the training part."""

    @abc.abstractmethod
    def encode(self, values: _Values) -> FloatArray:
        """Values as a person has them -> an array as a network wants it."""

    @abc.abstractmethod
    def decode(self, array: FloatArray) -> FloatArray:
        """The way back: a network's array -> values as a person reads them."""

    @abc.abstractmethod
    def describe(self) -> str:
        """One line on what was learned."""

    @abc.abstractmethod
    def state(self) -> dict[str, Any]:
        """Everything `from_state` needs, as JSON."""

    @classmethod
    @abc.abstractmethod
    def from_state(cls, state: Mapping[str, Any]) -> Self:
        """Restore a fitted field."""
