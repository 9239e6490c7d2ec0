"""What NumPy is told of symbolic values: its operators build nodes, its functions are given numbers, if there are any.

Without this NumPy takes such a value for an object that it does not know: `np.sum(x)` would be x itself.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from elman.errors import DTypeError

__all__ = ["Symbolic", "answer_by"]

_OPERATORS: dict[Any, tuple[str, str]] = {
    np.add: ("__add__", "__radd__"),
    np.subtract: ("__sub__", "__rsub__"),
    np.multiply: ("__mul__", "__rmul__"),
    np.divide: ("__truediv__", "__rtruediv__"),
    np.power: ("__pow__", "__rpow__"),
    np.matmul: ("__matmul__", "__rmatmul__"),
    np.less: ("__lt__", "__gt__"),
    np.less_equal: ("__le__", "__ge__"),
    np.greater: ("__gt__", "__lt__"),
    np.greater_equal: ("__ge__", "__le__"),
    np.negative: ("__neg__", ""),
    np.absolute: ("__abs__", ""),
}
"""What Python calls for each, where the symbolic value is on the left, and where it is on the right."""


class Symbolic:
    """A value that is known when a graph runs, or already: of weights, and of what was computed from arrays alone."""

    __slots__ = ()

    def __array_ufunc__(self, ufunc: Any, method: str, *inputs: Any, **kwargs: Any) -> Any:
        """An operator between an array and a symbolic value; other functions of numbers that are known.

        Raises: DTypeError: they are not.
        """
        left, right = _OPERATORS.get(ufunc, ("", ""))
        if left and method == "__call__" and not kwargs:
            first, *others = inputs
            own, name, rest = (first, left, others) if isinstance(first, Symbolic) else (others[0], right, [first])
            operator = getattr(own, name, None)
            if operator is not None:
                return operator(*rest)
        given = [_arrays(value, ufunc.__name__) for value in inputs]
        return getattr(ufunc, method)(*given, **kwargs)

    def __array_function__(self, function: Any, types: Any, args: Any, kwargs: Any) -> Any:
        """The shape or the rank; other functions of numbers that are known. Raises: DTypeError: they are not."""
        if function in (np.shape, np.ndim):
            return getattr(args[0], function.__name__)
        return function(*_arrays(args, function.__name__), **_arrays(kwargs, function.__name__))

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
        """The numbers as they are now. Raises: DTypeError: there are none yet."""
        found = self.numbers_for("array")
        return found.astype(dtype or found.dtype)

    def __float__(self) -> float:
        return float(self.numbers_for("float", "Python"))

    def __int__(self) -> int:
        return int(self.numbers_for("int", "Python"))

    def numpy(self) -> np.ndarray:
        """A copy of the numbers. Raises: DTypeError: there are none yet."""
        return self.__array__()

    def numbers_for(self, function: str, of: str = "NumPy") -> np.ndarray:
        """The numbers, for a function. Raises: DTypeError: there are none yet."""
        found = _answer(self)
        if found is None:
            numbers = "predict gives those of a model, numpy() those of weights and of what arrays were turned into"
            if _answer is _of_a_variable:
                numbers = "import elman.models, which runs what was computed from arrays"
            cure = f"Use elman.ops, whose functions have NumPy's names. Numbers: {numbers}."
            because = "its numbers are known when the model runs"
            raise DTypeError.at(f"{of}'s {function}", "x", "an array of numbers", repr(self), cure, because=because)
        return found


def _arrays(value: Any, function: str) -> Any:
    """Numbers in the place of all symbolic values, in lists, tuples and dicts, too."""
    if isinstance(value, Symbolic):
        return value.numbers_for(function)
    if isinstance(value, (list, tuple)):
        return type(value)([_arrays(item, function) for item in value])
    if isinstance(value, dict):
        return {key: _arrays(item, function) for key, item in value.items()}
    return value


def _of_a_variable(value: Any) -> np.ndarray | None:
    """All that is known where nothing is imported that runs graphs."""
    found: np.ndarray | None = getattr(value, "value", None)
    return found


_answer: Callable[[Any], np.ndarray | None] = _of_a_variable


def answer_by(function: Callable[[Any], np.ndarray | None]) -> None:
    """Say what gives the numbers of a tensor or a variable, or None where they are not known: floors above this one
    run graphs.
    """
    global _answer
    _answer = function
