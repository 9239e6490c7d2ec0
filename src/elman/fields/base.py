"""What every field is: the border between a person's columns and a network's arrays."""

from __future__ import annotations

import abc
import inspect
from collections.abc import Mapping
from typing import Any, ClassVar, Generic, Self, TypeVar

import numpy as np
import numpy.typing as npt

from elman import settings
from elman.errors import NotBuiltError

__all__ = ["BOS", "EOS", "MAX_LENGTH", "PAD", "UNK", "Encoded", "Field", "FloatArray"]

FloatArray = npt.NDArray[np.floating[Any]]
Encoded = npt.NDArray[Any] | list[npt.NDArray[Any]]
"""One array (N, ...), or N arrays (T_i, ...) where samples differ in length."""

PAD, UNK, BOS, EOS = 0, 1, 2, 3
"""The ids every vocabulary of symbols begins with: padding, unknown symbol, begin and end of a sequence."""

MAX_LENGTH = 100_000
"""Steps of a sequence beyond which it is cut, with a warning, unless asked otherwise."""

_Values = TypeVar("_Values")


class Field(abc.ABC, Generic[_Values]):
    """Turns one kind of column into arrays and back, by what it learned from the training part.

    A field is fitted once, on training samples only; afterwards `encode` and `decode` are fixed functions. It knows no
    graph and no layer. Its constructor's arguments are its settings. `state()` is plain JSON and goes into the model
    file; `from_state` restores a field from it and runs nothing.

    Example:
        >>> from elman.fields import Series
        >>> field = Series(scaling="minmax").fit([0.0, 5.0, 10.0])
        >>> Series.from_state(field.state()).encode([2.5]).tolist()
        [[0.25]]
    """

    kind: ClassVar[str]
    sequence: ClassVar[bool] = False
    """Whether an encoded sample has a time axis."""

    fitted: bool = False

    @property
    @abc.abstractmethod
    def shape(self) -> tuple[int | None, ...]:
        """Shape of one encoded sample; None stands for an open time axis."""

    @property
    def size(self) -> int | None:
        """How many classes, labels or symbols there are; None where there are none."""
        return None

    @property
    def dtype(self) -> str:
        """Type of the encoded numbers."""
        return settings.floatx()

    @abc.abstractmethod
    def fit(self, values: _Values) -> Self:
        """Learn scaling, vocabulary ... from the training part."""

    @abc.abstractmethod
    def encode(self, values: _Values) -> Encoded:
        """Samples as a person has them -> one array, or a list of arrays where samples differ in length."""

    @abc.abstractmethod
    def decode(self, batch: Any, lengths: Any = None) -> Any:
        """The way back: what a network gives -> samples as a person reads them.

        Args:
            batch: an array, or a list of arrays of different lengths.
            lengths: how much of each row counts, where rows of an array are padded.
        """

    @abc.abstractmethod
    def describe(self) -> str:
        """One line on what was learned."""

    @abc.abstractmethod
    def learned(self) -> dict[str, Any]:
        """What `fit` learned, as JSON."""

    @abc.abstractmethod
    def _restore(self, learned: Mapping[str, Any]) -> None:
        """Take over what another field of these settings learned."""

    def settings(self) -> dict[str, Any]:
        """The constructor's arguments, as JSON: what a config file says of this field."""
        return {name: getattr(self, name) for name in inspect.signature(type(self)).parameters}

    def state(self) -> dict[str, Any]:
        """Everything `from_state` needs, as JSON."""
        return {"kind": self.kind, "settings": self.settings(), "learned": self.learned() if self.fitted else None}

    @classmethod
    def from_state(cls, state: Mapping[str, Any]) -> Self:
        """Restore a field from `state()`."""
        field = cls(**state["settings"])
        if state["learned"] is not None:
            field._restore(state["learned"])
            field.fitted = True
        return field

    def _at(self, verb: str) -> str:
        """How errors call this place: `Series.fit`."""
        return f"{type(self).__name__}.{verb}"

    def _check_fitted(self, verb: str) -> None:
        if not self.fitted:
            raise NotBuiltError(f"{self._at(verb)} needs a fitted field. Call fit() with the training part first.")
