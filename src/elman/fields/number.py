"""One number a sample, or a fixed few of them: scaled by what the training part showed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, Literal, Self

import numpy as np
import numpy.typing as npt

from elman.errors import DataError, ShapeError, unknown_name
from elman.fields.base import Field, FloatArray
from elman.fields.samples import samples_of
from elman.fields.scaling import LARGEST, Scaling, as_numbers, center_and_scale, check_scaling, scaled

__all__ = ["Number"]

_Array = npt.NDArray[np.float64]


class Number(Field[Any]):
    """A number of each sample: a price, an age, a target to regress; or a row of a table of numbers.

    Not a series: nothing follows on anything.

    Args:
        scaling: "standard", "minmax", "robust" or "none", as in `Series`.
        missing: "error" names the first NaN; "mean" puts the center of the training part in its place.

    Shapes:
        fit, encode: (N,) or (N, F) -> (N, F) in elman's float type; decode: (N, F) -> (N,) where fitted on (N,),
        else (N, F).

    Raises:
        UnknownNameError: no such scaling, or way with missing values.
        DataError: empty, no number, NaN under "error", infinite.
        ShapeError: more than two axes, or other columns than fitted.

    Example:
        >>> field = Number().fit([10, 20, 30])
        >>> field.encode([20]).tolist(), field.decode(np.array([[0.0]])).tolist()
        ([[0.0]], [20.0])
        >>> print(field.describe())
        number: standard scaling, center 20, scale 8.165
    """

    kind: ClassVar[str] = "number"

    def __init__(self, scaling: Scaling = "standard", missing: Literal["error", "mean"] = "error") -> None:
        self.scaling = check_scaling("Number", scaling)
        if missing not in ("error", "mean"):
            raise unknown_name("Number", "missing", missing, ("error", "mean"))
        self.missing = missing
        self.center, self.scale, self.single = np.zeros(0), np.ones(0), True

    @property
    def shape(self) -> tuple[int | None, ...]:
        """(F,)."""
        return (len(self.center),)

    def fit(self, values: Any) -> Self:
        """Learn center and scale of each column from the training part."""
        array = self._table("Number.fit", samples_of("Number.fit", values, fitting=True), fitting=True)
        self.center, self.scale = center_and_scale(self.scaling, array)
        self.single = np.ndim(values) == 1
        self.fitted = True
        return self

    def encode(self, values: Any) -> FloatArray:
        """Numbers in the user's units -> (N, F) scaled."""
        self._check_fitted("encode")
        array = self._table("Number.encode", samples_of("Number.encode", values))
        if not len(array):
            array = array.reshape(0, len(self.center))
        if array.shape[1] != len(self.center):
            raise ShapeError.at("Number.encode", "values", f"have {len(self.center)} columns", array.shape)
        return scaled("Number.encode", np.where(np.isnan(array), self.center, array), self.center, self.scale)

    def decode(self, batch: Any, lengths: Any = None) -> _Array:
        """(N, F) scaled -> numbers in the user's units, float64."""
        self._check_fitted("decode")
        numbers = np.asarray(batch, "float64").reshape(len(batch), -1) * self.scale + self.center
        return numbers[:, 0] if self.single else numbers

    def describe(self) -> str:
        """One line on scaling, center and scale (of the first column)."""
        if not self.fitted:
            return f"number: {self.scaling} scaling, not fitted"
        columns = "" if self.single else f" {len(self.center)} columns,"
        return f"number:{columns} {self.scaling} scaling, center {self.center[0]:.4g}, scale {self.scale[0]:.4g}"

    def learned(self) -> dict[str, Any]:
        """Center and scale of each column; whether there was only one, without an axis of its own."""
        return {"center": self.center.tolist(), "scale": self.scale.tolist(), "single": self.single}

    def _restore(self, learned: Mapping[str, Any]) -> None:
        self.center = np.asarray(learned["center"], "float64")
        self.scale = np.asarray(learned["scale"], "float64")
        self.single = learned["single"]

    def _table(self, where: str, values: list[Any], *, fitting: bool = False) -> _Array:
        """(N,) or (N, F) -> (N, F), NaN only where it may be."""
        array = as_numbers(where, values)
        if array.ndim not in (1, 2):
            raise ShapeError.at(where, "values", "have shape (N,) or (N, columns)", array.shape)
        array = array.reshape(len(array), -1) if array.size else array.reshape(len(array), 1)
        infinite = np.isinf(array) if self.missing == "mean" else ~np.isfinite(array)
        for wrong, rule in ((infinite, "be finite"), (np.abs(array) > LARGEST, f"be numbers up to {LARGEST:.4g}")):
            if not wrong.any():
                continue
            row, column = (int(index) for index in np.argwhere(wrong)[0])
            cure = "Fill or drop the row, or pass missing='mean'." if np.isnan(array[row, column]) else "Correct it."
            because = f"row {row}, column {column}" if array.shape[1] > 1 else f"row {row}"
            raise DataError.at(where, "values", rule, float(array[row, column]), cure, because=because)
        empty = np.flatnonzero(np.isnan(array).all(axis=0))
        if fitting and len(empty):
            raise DataError.at(where, "values", "have a number", float("nan"), because=f"column {empty[0]} is empty")
        return array
