"""Numbers over time: one or many channels, scaled by what the training part showed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Literal, Self, overload

import numpy as np
import numpy.typing as npt

from elman.errors import DataError, ShapeError
from elman.fields.base import MAX_LENGTH, Encoded, Field, FloatArray
from elman.fields.missing import Missing, check_missing, fill_missing
from elman.fields.samples import rows_of, together, truncated
from elman.fields.scaling import Scaling, as_numbers, center_and_scale, check_scaling, scaled

__all__ = ["Series"]

_Array = npt.NDArray[np.float64]


class Series(Field[Any]):
    """A numeric series with one or many channels, or a column of such series.

    `encode` gives `(x - center) / scale` for each channel. A channel that never changed in the training part has scale
    1: it becomes 0 and comes back unharmed. A list of arrays, an array with three axes and nested lists of different
    lengths are columns: one series a sample, which may have no steps at all.

    Args:
        scaling: "standard" (mean, standard deviation), "minmax" (to 0 ... 1), "robust" (median, interquartile range;
            for outliers) or "none". The default suits tanh-like cells.
        missing: "error" names the first NaN; "interpolate" fills them; "indicate" repeats the last value (before the
            first one: the center) and says in C further channels, by 1, what was missing.
        columns: the channels' names, used in errors and in `describe`.
        max_length: steps beyond which a series of a column is cut, with a warning; None: never.

    Shapes:
        fit, encode: (N,) or (N, C) -> (N, C) in elman's float type; (N, T, C) or N arrays (T_i,) or (T_i, C)
        -> (N, T, C) or N arrays (T_i, C), under "indicate" 2 C; decode: (..., C) -> (..., C).

    Raises:
        UnknownNameError: no such scaling.
        DataError: empty, NaN under "error", or infinite values.
        ShapeError: more than three axes, or another number of channels than fitted.

    Example:
        >>> field = Series(columns=["sales"]).fit([1.0, 2.0, 3.0])
        >>> field.encode([2.0]).tolist()
        [[0.0]]
        >>> field.decode(field.encode([7.0])).round(3).tolist()
        [[7.0]]
        >>> print(field.describe())
        series 'sales': standard scaling, center 2, scale 0.8165
        >>> [len(series) for series in field.encode([[1.0, 3.0], [2.0]])]
        [2, 1]
    """

    kind: ClassVar[str] = "series"
    sequence: ClassVar[bool] = True

    center: _Array
    scale: _Array

    def __init__(
        self,
        scaling: Scaling = "standard",
        missing: Missing | Literal["indicate"] = "error",
        columns: Sequence[str] | None = None,
        max_length: int | None = MAX_LENGTH,
    ) -> None:
        self.scaling = check_scaling("Series", scaling)
        self.missing = missing if missing == "indicate" else check_missing("Series", missing)
        self.columns = list(columns) if columns is not None else None
        self.max_length = max_length
        self.center, self.scale = np.zeros(0), np.ones(0)

    @property
    def shape(self) -> tuple[int | None, ...]:
        """(None, C), or (None, 2 C) where missing values are indicated."""
        return (None, len(self.center) * (2 if self.missing == "indicate" else 1))

    def fit(self, values: Any) -> Self:
        """Learn center and scale of each channel from the training part."""
        series = self._parts("Series.fit", values) if _is_column(values) else [self._channels("Series.fit", values)]
        rows = [part for part in series if len(part)]
        if not rows:
            raise DataError.at("Series.fit", "values", "have at least one row", 0, "Check what was read.")
        known = np.concatenate(rows)
        empty = np.flatnonzero(np.isnan(known).all(0))
        if len(empty):
            raise DataError.at(
                "Series.fit", "values", "have a value in every channel", None, because=f"channel {empty[0]}"
            )
        self.center, self.scale = center_and_scale(self.scaling, known)
        self.fitted = True
        return self

    @overload
    def encode(self, values: npt.NDArray[Any]) -> FloatArray: ...
    @overload
    def encode(self, values: Any) -> Encoded: ...
    def encode(self, values: Any) -> Encoded:
        """Values in the user's units -> scaled."""
        self._check_fitted("encode")
        if not _is_column(values):
            return self._scaled(self._channels("Series.encode", values))
        parts = self._parts("Series.encode", values, len(self.center))
        return together([self._scaled(part) for part in truncated("Series.encode", parts, self.max_length)])

    def decode(self, batch: Any, lengths: Any = None) -> Any:
        """(..., C) scaled -> (..., C) in the user's units, float64; a list for a list, and where lengths are given."""
        self._check_fitted("decode")
        if isinstance(batch, list) or lengths is not None:
            return [self.decode(row) for row in rows_of(batch, lengths)]
        self._check_channels("Series.decode", batch.shape)
        return np.asarray(batch, "float64") * self.scale + self.center

    def describe(self) -> str:
        """One line on names, scaling, center and scale (of the first channel)."""
        names = ", ".join(map(repr, self.columns or [])) or f"{len(self.center)} channels"
        if not self.fitted:
            return f"series {names}: {self.scaling} scaling, not fitted"
        return f"series {names}: {self.scaling} scaling, center {self.center[0]:.4g}, scale {self.scale[0]:.4g}"

    def learned(self) -> dict[str, Any]:
        """Center and scale of each channel."""
        return {"center": self.center.tolist(), "scale": self.scale.tolist()}

    def _restore(self, learned: Mapping[str, Any]) -> None:
        self.center = np.asarray(learned["center"], "float64")
        self.scale = np.asarray(learned["scale"], "float64")

    def _scaled(self, series: _Array) -> FloatArray:
        self._check_channels("Series.encode", series.shape)
        steps = scaled("Series.encode", series, self.center, self.scale)
        if self.missing != "indicate":
            return steps
        return np.hstack([_repeated(steps), np.isnan(steps).astype(steps.dtype)])

    def _parts(self, where: str, values: Any, channels: int | None = None) -> list[_Array]:
        """A column -> N arrays (T_i, C), finite. Series without steps get the channels of the others."""
        parts = [as_numbers(f"{where}, sample {n}", part) for n, part in enumerate(values)]
        width = channels
        for n, part in enumerate(parts):
            if not part.size:
                continue
            found = part.shape[1] if part.ndim > 1 else 1
            width = width or found
            if found != width:
                raise ShapeError.at(where, "values", f"have {width} channels", part.shape, because=f"sample {n}")
        return [
            self._channels(where, part, f"sample {n}, row {{}}") if part.size else np.zeros((0, width or 1))
            for n, part in enumerate(parts)
        ]

    def _channels(self, where: str, values: npt.ArrayLike, name_row: str = "row {}") -> _Array:
        """(N,) or (N, C) -> (N, C) float64, finite."""
        array = as_numbers(where, values)
        if array.ndim not in (1, 2):
            rule = "have shape (N,) or (N, channels), or be a column of such series"
            raise ShapeError.at(where, "values", rule, array.shape)
        array = array.reshape(len(array), -1) if array.size else np.zeros((0, len(self.center) or 1))
        names = self.columns or [str(c) for c in range(array.shape[1])]
        if self.missing != "indicate":
            return fill_missing(where, array, names, self.missing, name_row.format)
        fill_missing(
            where, np.nan_to_num(array, nan=0.0, posinf=np.inf, neginf=-np.inf), names, "error", name_row.format
        )
        return array

    def _check_channels(self, where: str, shape: tuple[int, ...]) -> None:
        if shape[-1] != len(self.center):
            raise ShapeError.at(where, "values", f"have {len(self.center)} channels", shape)


def _repeated(series: FloatArray) -> FloatArray:
    """Each gap as the last value before it, else 0. Shapes: (T, C) -> (T, C)."""
    last = np.maximum.accumulate(np.where(np.isnan(series), 0, np.arange(len(series))[:, None]), axis=0)
    return np.nan_to_num(np.take_along_axis(series, last, 0))


def _is_column(values: Any) -> bool:
    """Whether these are many series: arrays in a list, three axes, or nested lists that differ in length."""
    if isinstance(values, np.ndarray) and values.dtype != object:
        return values.ndim == 3
    samples = values.to_list() if hasattr(values, "to_list") else values
    if not isinstance(samples, list | tuple | np.ndarray) or not len(samples):
        return False
    if any(isinstance(sample, np.ndarray) and sample.ndim for sample in samples):
        return True
    if not all(isinstance(sample, list | tuple) for sample in samples):
        return False
    deep = any(isinstance(step, list | tuple | np.ndarray) for sample in samples for step in sample[:1])
    return deep or len({len(sample) for sample in samples}) > 1
