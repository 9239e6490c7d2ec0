"""Numbers over time: one or many channels, scaled by what the training part showed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Literal, Self, get_args

import numpy as np
import numpy.typing as npt

from elman import settings
from elman.errors import DataError, NotBuiltError, ShapeError, unknown_name
from elman.fields.base import Field, FloatArray
from elman.fields.missing import Missing, check_missing, fill_missing

__all__ = ["Scaling", "Series"]

Scaling = Literal["standard", "minmax", "robust", "none"]


class Series(Field[npt.ArrayLike]):
    """A numeric series with one or many channels.

    `encode` gives `(x - center) / scale` for each channel. A channel that never changed in the
    training part has scale 1: it becomes 0 and comes back unharmed.

    Args:
        scaling: "standard" (mean, standard deviation), "minmax" (to 0 ... 1), "robust" (median,
            interquartile range; for outliers) or "none". The default suits tanh-like cells.
        missing: "error" names the first NaN; "interpolate" fills them.
        columns: the channels' names, used in errors and in `describe`.

    Shapes:
        fit, encode: (N,) or (N, C) -> (N, C) in elman's float type; decode: (..., C) -> (..., C).

    Raises:
        UnknownNameError: no such scaling.
        DataError: empty, NaN under "error", or infinite values.
        ShapeError: more than two axes, or another number of channels than fitted.

    Example:
        >>> field = Series(columns=["sales"]).fit([1.0, 2.0, 3.0])
        >>> field.encode([2.0]).tolist()
        [[0.0]]
        >>> field.decode(field.encode([7.0])).round(3).tolist()
        [[7.0]]
        >>> print(field.describe())
        series 'sales': standard scaling, center 2, scale 0.8165
    """

    kind: ClassVar[str] = "series"

    center: npt.NDArray[np.float64]
    scale: npt.NDArray[np.float64]

    def __init__(
        self, scaling: Scaling = "standard", missing: Missing = "error", columns: Sequence[str] | None = None
    ) -> None:
        if scaling not in get_args(Scaling):
            raise unknown_name("Series", "scaling", scaling, get_args(Scaling))
        self.scaling = scaling
        self.missing = check_missing("Series", missing)
        self.columns = list(columns) if columns is not None else None
        self.center, self.scale = np.zeros(0), np.ones(0)

    def fit(self, values: npt.ArrayLike) -> Self:
        """Learn center and scale of each channel from the training part."""
        array = self._channels("Series.fit", values)
        if not len(array):
            raise DataError.at("Series.fit", "values", "have at least one row", 0, "Check what was read.")
        self.center, scale = _center_and_scale(self.scaling, array)
        # Below this a spread is rounding error of a constant, not a scale.
        noise = 1e-12 * np.maximum(1.0, np.abs(self.center))
        self.scale = np.where(scale > noise, scale, 1.0)
        return self

    def encode(self, values: npt.ArrayLike) -> FloatArray:
        """(N,) or (N, C) in the user's units -> (N, C) scaled."""
        array = self._channels("Series.encode", values)
        self._check_channels("Series.encode", array.shape)
        return ((array - self.center) / self.scale).astype(settings.floatx())

    def decode(self, array: FloatArray) -> npt.NDArray[np.float64]:
        """(..., C) scaled -> (..., C) in the user's units, float64."""
        self._check_channels("Series.decode", array.shape)
        return np.asarray(array, "float64") * self.scale + self.center

    def describe(self) -> str:
        """One line on names, scaling, center and scale (of the first channel)."""
        names = ", ".join(map(repr, self.columns or [])) or f"{len(self.center)} channels"
        if not len(self.center):
            return f"series {names}: {self.scaling} scaling, not fitted"
        return f"series {names}: {self.scaling} scaling, center {self.center[0]:.4g}, scale {self.scale[0]:.4g}"

    def state(self) -> dict[str, Any]:
        """Settings and what was learned, as JSON."""
        return {
            "kind": self.kind,
            "scaling": self.scaling,
            "missing": self.missing,
            "columns": self.columns,
            "center": self.center.tolist(),
            "scale": self.scale.tolist(),
        }

    @classmethod
    def from_state(cls, state: Mapping[str, Any]) -> Self:
        """Restore a fitted field from `state()`."""
        field = cls(state["scaling"], state["missing"], state["columns"])
        field.center = np.asarray(state["center"], "float64")
        field.scale = np.asarray(state["scale"], "float64")
        return field

    def _channels(self, where: str, values: npt.ArrayLike) -> npt.NDArray[np.float64]:
        """(N,) or (N, C) -> (N, C) float64, finite."""
        array = np.asarray(values, "float64")
        if array.ndim not in (1, 2):
            raise ShapeError.at(where, "values", "have shape (N,) or (N, channels)", array.shape)
        array = array.reshape(len(array), -1) if array.size else array.reshape(len(array), 1)
        names = self.columns or [str(c) for c in range(array.shape[1])]
        return fill_missing(where, array, names, self.missing)

    def _check_channels(self, where: str, shape: tuple[int, ...]) -> None:
        if not len(self.center):
            raise NotBuiltError(f"{where} needs a fitted field. Call fit() with the training part first.")
        if shape[-1] != len(self.center):
            raise ShapeError.at(where, "values", f"have {len(self.center)} channels", shape)


def _center_and_scale(
    scaling: Scaling, array: npt.NDArray[np.float64]
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """(N, C) -> center (C,), scale (C,)."""
    if scaling == "standard":
        return array.mean(axis=0), array.std(axis=0)
    if scaling == "minmax":
        return array.min(axis=0), np.ptp(array, axis=0)
    if scaling == "robust":
        low, middle, high = np.percentile(array, [25, 50, 75], axis=0)
        return middle, high - low
    return np.zeros(array.shape[1]), np.ones(array.shape[1])
