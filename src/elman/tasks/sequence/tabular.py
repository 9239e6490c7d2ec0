"""X and y as scikit-learn's users pass them: checked, and turned into columns.

Numbers in two dimensions are checked as scikit-learn checks them; everything else is a column of samples.
"""

from __future__ import annotations

import os
import sys
import warnings
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from elman.errors import DataError, DTypeError, ElmanWarning, ShapeError
from elman.fields import Field, Number, Series, Text, Tokens
from elman.fields.guessing import guess_media, is_sound
from elman.fields.samples import is_missing
from elman.fields.scaling import as_numbers

__all__ = ["features_of", "field_for", "has_gaps", "samples", "targets"]


def samples(where: str, x: Any, *, gaps: bool = False) -> Any:
    """X as an array of numbers of two dimensions or more, or as a list of samples; NaN only where gaps may be.

    Raises:
        DTypeError: sparse or complex, or one text. ShapeError: one dimension of numbers. DataError: empty, NaN,
            infinite.

    Example:
        >>> samples("fit", [[1, 2], [3, 4]]).tolist()
        [[1.0, 2.0], [3.0, 4.0]]
        >>> samples("fit", ["a text", "another"])
        ['a text', 'another']
    """
    if hasattr(x, "toarray"):
        raise DTypeError.at(where, "X", "dense", type(x).__name__, "Sparse data are not supported: pass x.toarray().")
    if isinstance(x, (str, bytes)) or not (isinstance(x, Iterable) or hasattr(x, "__array__")):
        cure = "Put it into a list."
        raise DTypeError.at(where, "X", "a list with one entry a sample", type(x).__name__, cure)
    if isinstance(x, Mapping):
        cure = "For several columns take elman.SequenceModel; for one pass its samples."
        raise DTypeError.at(where, "X", "a list with one entry a sample", type(x).__name__, cure)
    if isinstance(x, (list, tuple)) and x and _in_a_file(x[0]):
        return list(x)
    array = x.to_numpy() if hasattr(x, "to_numpy") else x
    if not isinstance(array, np.ndarray) and hasattr(array, "__array__"):
        array = np.asarray(array)
    if not isinstance(array, np.ndarray):
        array = _stacked(array)
    if isinstance(array, np.ndarray) and array.dtype == object:
        array = _numbers(where, array)
    if not isinstance(array, np.ndarray) or array.dtype.kind in "UTS":
        return list(array)
    return _checked(where, array, gaps)


def targets(where: str, y: Any, rows: int | None, numeric: bool) -> Any:
    """y as a list or array of as many rows as X.

    Raises:
        DataError: missing, NaN or infinite, or of another length; fractions where classes are asked for.
    """
    if y is None:
        cure = "Pass fit(X, y)."
        because = "requires y to be passed, but the target y is None"
        raise DataError.at(where, "y", "given", None, cure, because=because)
    array = y.to_numpy() if hasattr(y, "to_numpy") else y
    if hasattr(array, "__array__") or _flat(array):
        found = np.asarray(array)
        # Beside texts NumPy makes a class "nan" of what is missing, and "1" of 1.
        mixed = found.dtype.kind == "U" and not isinstance(array, np.ndarray)
        mixed = mixed and not all(isinstance(one, str) for one in array)
        array = np.asarray(array, object) if mixed else found
    if isinstance(array, np.ndarray):
        array = _plain_targets(where, array, numeric)
    if rows is not None and len(array) != rows:
        cure = "Give one target for each row."
        raise DataError.at(where, "y", f"of {rows} rows, as X", len(array), cure)
    return array


def features_of(x: Any) -> int | None:
    """How many features each row of a table has; None where X is no table.

    Example:
        >>> features_of(np.zeros((5, 3)))
        3
    """
    return x.shape[1] if isinstance(x, np.ndarray) and x.ndim == 2 else None


def has_gaps(field: Any) -> bool:
    """Whether a field, or what stands for one, knows what to do with missing numbers.

    Example:
        >>> has_gaps(Series()), has_gaps(Series(missing="indicate")), has_gaps(None)
        (False, True, False)
    """
    return getattr(field, "missing", "error") != "error"


def field_for(x: Any, vector: bool) -> Field[Any]:
    """The field for X: numbers, series, text or tokens; what files hold, where all samples are files or sounds.

    Args:
        x: as `samples` gives it.
        vector: whether a row of a table is one vector, not a sequence.

    Raises:
        DataError: every row is empty.
    """
    if isinstance(x, np.ndarray):
        return Number() if vector and x.ndim == 2 else Series()
    known = [row for row in x if not is_missing(row)]
    if known and (found := guess_media(known)):
        return found.field
    sized = [row for row in known if hasattr(row, "__len__")]
    first = next((row for row in sized if len(row)), sized[0] if sized else "")
    if not len(first) and not isinstance(first, str):
        because = "every row is empty"
        raise DataError.at("fit", "X", "have a row with a step", first, "Check what was read.", because=because)
    if isinstance(first, (str, bytes)):
        return Text(level="word", lower=True, min_count=2)
    if isinstance(first, (Sequence, np.ndarray)) and isinstance(first[0], str):
        return Tokens(min_count=2)
    return Series()


def _in_a_file(sample: Any) -> bool:
    """Whether a sample is a path, the bytes of a file, or a sound with its rate: nothing to count or to stack."""
    return isinstance(sample, (bytes, Path)) or is_sound(sample)


def _stacked(x: Any) -> Any:
    """Rows of numbers of one length as an array; ragged and other samples as they are."""
    rows = list(x)
    if any(row is None or isinstance(row, str) for row in rows):
        return rows
    if not rows:
        return np.empty((0, 1))
    lists = [isinstance(row, (list, tuple, np.ndarray)) for row in rows]
    if not any(lists):
        return rows if np.ndim(rows[0]) else np.asarray(rows)  # pictures of pillow, or numbers
    if (
        not all(lists)
        or not any(map(len, rows))
        or len({row.shape if isinstance(row, np.ndarray) else len(row) for row in rows}) > 1
    ):
        return rows
    try:
        array = np.asarray(rows)
    except ValueError:  # steps of unlike lengths: the field says where
        return rows
    return array if array.dtype.kind in "fiubc" else rows


def _numbers(where: str, array: np.ndarray) -> Any:
    """An array of objects as numbers, or as a list of samples where its rows are texts or sequences."""
    first = array.flat[0] if array.size else 0.0
    if array.ndim == 1 and (isinstance(first, os.PathLike) or hasattr(first, "__len__") or np.ndim(first) > 0):
        return array.tolist()
    try:
        return array.astype("float64")
    except OverflowError:
        rule, received = "numbers that float64 can hold", "a larger whole number"
        raise DataError.at(where, "X", rule, received, "Correct the entry.") from None
    except (TypeError, ValueError) as error:
        cure = "argument must be a string or a number: pass one column of texts, X['text'], or take SequenceModel."
        raise DTypeError.at(where, "X", "of numbers", type(first).__name__, cure, because=str(error)) from None


def _checked(where: str, array: np.ndarray, gaps: bool) -> np.ndarray:
    if array.dtype.kind == "c":
        raise DataError(f"{where}: X must be real. Received complex numbers. Complex data not supported.")
    if array.ndim < 2:
        cure = "Expected 2D array, got 1D array instead. Reshape your data with x.reshape(-1, 1) or x.reshape(1, -1)."
        raise ShapeError.at(where, "X", "have shape (rows, features) or (rows, steps, channels)", array.shape, cure)
    if not len(array):
        cure = "A minimum of 1 is required."
        raise DataError.at(where, "X", "have at least one row", array.shape, cure, because="0 sample(s)")
    if array.shape[-1] == 0 or (array.ndim == 2 and 0 in array.shape):
        because = f"0 feature(s) (shape={array.shape}) while a minimum of 1 is required"
        raise DataError.at(where, "X", "have at least one feature", array.shape, because=because)
    wrong = np.isinf(array) if gaps else ~np.isfinite(array)
    if array.dtype.kind == "f" and wrong.any():
        at = tuple(int(i) for i in np.argwhere(wrong)[0])
        cure = "X contains NaN or infinity: fill the gap or drop the row."
        raise DataError.at(where, "X", "be finite", float(array[at]), cure, because=f"row {at[0]}, column {at[-1]}")
    whole = array.ndim > 2 and array.dtype.kind in "iu"  # pictures, whose brightness the type tells
    return array if whole or array.dtype.kind == "f" else array.astype("float64")


def _plain_targets(where: str, y: np.ndarray, numeric: bool) -> Any:
    if y.ndim == 2 and y.shape[1] == 1:
        warnings.warn(_column_warning(), stacklevel=4)
        y = y[:, 0]
    if y.dtype.kind == "c":
        raise DataError(f"{where}: y must be real. Received complex numbers. Complex data not supported.")
    if y.dtype == object and numeric:
        y = as_numbers(where, y)
    if y.dtype.kind == "f" and not np.isfinite(y).all():
        row = int(np.argwhere(~np.isfinite(y))[0][0])
        cure = "Input y contains NaN or infinity: fill it or drop the row."
        raise DataError.at(where, "y", "be finite", float(y.flat[row]), cure, because=f"row {row}")
    if not numeric and y.dtype.kind == "f" and y.ndim == 1 and np.any(y != np.floor(y)):
        cure = "Unknown label type: continuous. Use a regressor for numbers."
        raise DataError.at(where, "y", "made of classes", "fractions", cure)
    return y


def _column_warning() -> Warning:
    """That a column was taken for a vector; where scikit-learn is in use, in its class."""
    known = sys.modules.get("sklearn.exceptions")
    text = "A column-vector y was passed when a 1d array was expected. It is taken as y.ravel()."
    return ElmanWarning(text) if known is None else known.DataConversionWarning(text)


def _flat(y: Any) -> bool:
    """Whether y is a list of plain values."""
    return isinstance(y, (list, tuple)) and not any(isinstance(v, (list, tuple)) or np.ndim(v) for v in y)
