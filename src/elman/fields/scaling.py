"""Numbers to a scale that suits a network, and back: what Series and Number share."""

from __future__ import annotations

from typing import Any, Literal, cast, get_args

import numpy as np
import numpy.typing as npt

from elman import settings
from elman.errors import DataError, unknown_name

__all__ = ["LARGEST", "Moments", "Scaling", "as_numbers", "center_and_scale", "check_scaling", "scaled"]

Scaling = Literal["standard", "minmax", "robust", "none"]

LARGEST = float(np.finfo("float32").max)
"""The largest number that a column may hold: what is larger is no measurement, and its square has no float64."""

_Array = npt.NDArray[np.float64]


def check_scaling(where: str, scaling: object) -> Scaling:
    """The scaling itself, or an error with the ones there are.

    Raises:
        UnknownNameError: no such scaling.
    """
    if scaling not in get_args(Scaling):
        raise unknown_name(where, "scaling", scaling, get_args(Scaling))
    return cast("Scaling", scaling)


def center_and_scale(scaling: Scaling, array: _Array) -> tuple[_Array, _Array]:
    """What `(x - center) / scale` needs, for each channel; of a constant it gives 0: the constant itself, and 1.

    What is missing (NaN) does not count.

    Shapes:
        array (N, C), of each channel at least one number -> center (C,), scale (C,).

    Example:
        >>> center_and_scale("minmax", np.array([[2.0], [6.0]]))
        (array([2.]), array([4.]))
    """
    if np.isnan(array).any():
        parts = [center_and_scale(scaling, channel[~np.isnan(channel), None]) for channel in array.T]
        return np.concatenate([center for center, _ in parts]), np.concatenate([scale for _, scale in parts])
    center, scale = _center_and_spread(scaling, array)
    varies = scale > 1e-12 * np.abs(center)  # below, a spread is rounding error of a constant, and so is its mean
    within = np.clip(center, array.min(axis=0), array.max(axis=0))
    return np.where(varies, center, within), np.where(varies, scale, 1.0)


def scaled(where: str, array: _Array, center: _Array, scale: _Array) -> npt.NDArray[np.floating[Any]]:
    """(x - center) / scale in elman's float type.

    Shapes:
        array (N, C), center (C,), scale (C,) -> (N, C).

    Raises:
        DataError: a number that is beyond that type then, with its row.

    Example:
        >>> scaled("encode", np.array([[3.0]]), np.array([1.0]), np.array([4.0])).tolist()
        [[0.5]]
    """
    found = (array - center) / scale
    kind = settings.floatx()
    large = np.argwhere(np.abs(found) > np.finfo(kind).max)
    if len(large):
        row, column = (int(index) for index in large[0])
        rule = f"of a size that {kind} can hold when scaled"
        because = f"row {row}; the scale is {scale[column]:.4g}"
        raise DataError.at(where, "values", rule, float(array[row, column]), "Correct the entry.", because=because)
    return found.astype(kind)


class Moments:
    """Mean and standard deviation of each channel over samples that come one by one, so that none need be kept.

    Example:
        >>> moments = Moments(1)
        >>> moments.add(np.array([[0], [255]], "uint8"))
        >>> moments.center_and_scale()
        (array([127.5]), array([127.5]))
    """

    def __init__(self, channels: int) -> None:
        self._count, self._sum, self._squares = 0, np.zeros(channels), np.zeros(channels)

    def add(self, values: npt.NDArray[Any]) -> None:
        """One sample more. Shapes: values (..., C)."""
        numbers = values.reshape(-1, values.shape[-1]).astype("float64")
        self._count += len(numbers)
        self._sum += numbers.sum(axis=0)
        self._squares += np.square(numbers).sum(axis=0)

    def center_and_scale(self) -> tuple[_Array, _Array]:
        """What `(x - center) / scale` needs, for each channel; the scale of a constant is 1. Shapes: -> (C,), (C,)."""
        center = self._sum / max(self._count, 1)
        spread = np.sqrt(np.maximum(self._squares / max(self._count, 1) - np.square(center), 0))
        # A difference of large sums: a spread this small is their rounding error.
        return center, np.where(spread > 1e-6 * np.abs(center), spread, 1.0)


def as_numbers(where: str, values: Any) -> _Array:
    """Values as float64; None is NaN.

    Shapes:
        any -> as given.

    Raises:
        DataError: an entry is no number, or a whole one beyond float64; its row is named. Rows of different lengths.

    Example:
        >>> as_numbers("Number.fit", [1, "two"])
        Traceback (most recent call last):
            ...
        elman.errors.DataError: Number.fit: values must be numbers. Received values='two': row 1. \
Correct the entry, or choose another type for this column.
    """
    try:
        return np.asarray(values, "float64")
    except (TypeError, ValueError, OverflowError):
        cure = "Correct the entry, or choose another type for this column."
        for row, value in enumerate(values):
            try:
                np.asarray(value, "float64")
            except OverflowError:
                rule, received = f"numbers up to {LARGEST:.4g}", "a whole number beyond float64"
                raise DataError.at(
                    where, "values", rule, received, "Correct the entry.", because=f"row {row}"
                ) from None
            except (TypeError, ValueError):
                raise DataError.at(where, "values", "be numbers", value, cure, because=f"row {row}") from None
        rule = "have one shape in every row"
        raise DataError.at(where, "values", rule, type(values).__name__, because="rows differ in length") from None


def _center_and_spread(scaling: Scaling, array: _Array) -> tuple[_Array, _Array]:
    """(N, C) -> center (C,), scale (C,), which may be 0."""
    if scaling == "standard":
        return array.mean(axis=0), array.std(axis=0)
    if scaling == "minmax":
        return array.min(axis=0), np.ptp(array, axis=0)
    if scaling == "robust":
        low, middle, high = np.percentile(array, [25, 50, 75], axis=0)
        return middle, high - low
    return np.zeros(array.shape[1]), np.ones(array.shape[1])
