"""What NumPy is told of values that have no numbers yet: its operators build nodes, its functions are refused.

Without this NumPy takes such a value for an object that it does not know: `np.sum(x)` would be x itself.
"""

from __future__ import annotations

from typing import Any, NoReturn

import numpy as np

from elman.errors import DTypeError

__all__ = ["Symbolic"]

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
    """A value that is known when a graph runs; what has numbers of its own says so by `__array__`."""

    __slots__ = ()

    def __array_ufunc__(self, ufunc: Any, method: str, *inputs: Any, **kwargs: Any) -> Any:
        """An operator between an array and a symbolic value. Raises: DTypeError: any other function."""
        left, right = _OPERATORS.get(ufunc, ("", ""))
        if not left or method != "__call__" or kwargs:
            self._refuse(ufunc.__name__)
        first, *others = inputs
        own, name, rest = (first, left, others) if isinstance(first, Symbolic) else (others[0], right, [first])
        operator = getattr(own, name, None)
        return self._refuse(ufunc.__name__) if operator is None else operator(*rest)

    def __array_function__(self, function: Any, types: Any, args: Any, kwargs: Any) -> Any:
        """The shape or the rank. Raises: DTypeError: any other function."""
        if function in (np.shape, np.ndim):
            return getattr(args[0], function.__name__)
        return self._refuse(function.__name__)

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
        """Raises: DTypeError: there are no numbers."""
        self._refuse("array")

    def __float__(self) -> float:
        self._refuse("float", "Python")

    def __int__(self) -> int:
        self._refuse("int", "Python")

    def _refuse(self, function: str, of: str = "NumPy") -> NoReturn:
        numbers = "numpy() gives those of a weight" if hasattr(self, "numpy") else "predict gives those of a model"
        cure = f"Use elman.ops, whose functions have NumPy's names; numbers: {numbers}."
        because = "its numbers are known when the model runs"
        raise DTypeError.at(f"{of}'s {function}", "x", "an array of numbers", repr(self), cure, because=because)
