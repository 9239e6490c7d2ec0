"""A column as a list of samples, and a batch as rows: what all fields do at their two ends."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from elman.errors import DataError, DTypeError, truncation_warning
from elman.fields.base import Encoded

__all__ = ["class_ids", "is_missing", "plain", "rows_of", "samples_of", "together", "truncated"]


def samples_of(where: str, values: Any, *, fitting: bool = False) -> list[Any]:
    """The column as a list.

    Args:
        where: who asks, for errors.
        values: a list, a tuple, an array, or a column of a frame.
        fitting: whether there must be a sample.

    Raises:
        DTypeError: one text, one path, a number or a mapping: no column.
        DataError: empty while fitting.

    Example:
        >>> samples_of("Text.fit", "one text")
        Traceback (most recent call last):
            ...
        elman.errors.DTypeError: Text.fit: values must be a column: a list with one entry a sample. Received str. \
Put it into a list.
    """
    if isinstance(values, str | bytes | dict) or not hasattr(values, "__len__") or np.ndim(values[:0]) == 0:
        rule = "a column: a list with one entry a sample"
        raise DTypeError.at(where, "values", rule, type(values).__name__, "Put it into a list.")
    if isinstance(values, np.ndarray):
        samples = list(values) if values.ndim > 1 else values.tolist()
    else:
        samples = values.to_list() if hasattr(values, "to_list") else list(values)
    if fitting and not samples:
        raise DataError.at(where, "values", "have at least one sample", 0, "Check what was read.")
    return samples


def is_missing(sample: Any) -> bool:
    """Whether a sample is None or NaN, or what pandas has for them.

    Example:
        >>> is_missing(float("nan")), is_missing("")
        (True, False)
    """
    if isinstance(sample, float | np.floating):
        return bool(np.isnan(sample))
    return sample is None or type(sample).__name__ in ("NAType", "NaTType")


def plain(sample: Any) -> Any:
    """A numpy scalar as the Python value JSON knows.

    Example:
        >>> import numpy as np
        >>> plain(np.int64(3))
        3
    """
    return sample.item() if isinstance(sample, np.generic) else sample


def together(arrays: Sequence[npt.NDArray[Any]]) -> Encoded:
    """One array where all samples have one shape, else the list.

    Shapes:
        N arrays (T_i, ...) -> (N, T, ...) or the N arrays.

    Example:
        >>> import numpy as np
        >>> together([np.zeros(2), np.zeros(2)]).shape, len(together([np.zeros(1), np.zeros(2)]))
        ((2, 2), 2)
    """
    return np.stack(arrays) if len({array.shape for array in arrays}) == 1 else list(arrays)


def truncated(where: str, arrays: Sequence[Any], max_length: int | None) -> list[Any]:
    """Sequences no longer than `max_length`; a cut is said, once a call.

    Raises:
        TruncationWarning: as a warning, how many were cut and how long the longest was.
    """
    lengths = [len(array) for array in arrays]
    if max_length is None or max(lengths, default=0) <= max_length:
        return list(arrays)
    cut = sum(length > max_length for length in lengths)
    warnings.warn(truncation_warning(where, cut, len(arrays), max_length, max(lengths)), stacklevel=4)
    return [array[:max_length] for array in arrays]


def rows_of(batch: Any, lengths: Any = None) -> list[npt.NDArray[Any]]:
    """The rows of a batch, each as long as it counts.

    Shapes:
        batch (N, T, ...) or N arrays (T_i, ...); lengths (N,) or None -> N arrays (T_i, ...).

    Example:
        >>> [row.tolist() for row in rows_of([[5, 6, 0], [7, 0, 0]], lengths=[2, 1])]
        [[5, 6], [7]]
    """
    rows = [np.asarray(row) for row in batch]
    if lengths is None:
        return rows
    return [row[: int(length)] for row, length in zip(rows, lengths, strict=True)]


def class_ids(scores: npt.NDArray[Any], rank: int, classes: int = 2) -> npt.NDArray[np.int64]:
    """Ids of the best classes: of ids themselves, or of scores with a class axis behind `rank` others.

    Scores (..., 1) are those of the second of two classes, or of the only one.

    Shapes:
        (...) of whole numbers, or (..., V) -> (...).

    Example:
        >>> class_ids(np.array([[0.2, 0.8], [0.6, 0.4]]), rank=1).tolist()
        [1, 0]
    """
    scores = np.asarray(scores)
    if scores.ndim == rank:
        return np.asarray(np.rint(scores), np.int64)
    if scores.shape[-1] == 1:
        return np.asarray((scores[..., 0] > 0.5) & (classes > 1), np.int64)
    return np.asarray(np.argmax(scores, axis=-1), np.int64)
