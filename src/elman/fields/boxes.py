"""Boxes in a picture, as a sequence that ends when there is no further one."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, Literal, Self

import numpy as np
import numpy.typing as npt

from elman import settings
from elman.errors import DataError, DTypeError, unknown_name
from elman.fields.base import Encoded, Field
from elman.fields.samples import is_missing, rows_of, samples_of, together
from elman.fields.scaling import as_numbers

__all__ = ["Boxes"]

_Array = npt.NDArray[np.float64]


class Boxes(Field[Any]):
    """The boxes of each picture, the largest first, as center and size in fractions of the picture.

    A sample is a list of boxes in fractions, or a pair of boxes in pixels and the picture's (height, width). What lies
    outside the picture is cut off. No boxes are a sequence of length 0.

    Args:
        format: "xywh" (left, top, width, height) or "xyxy" (left, top, right, bottom).

    Shapes:
        encode: N samples (k_i, 4) -> (N, k, 4) or N arrays (k_i, 4): center x, center y, width, height; decode: such
        -> N arrays (k_i, 4) in `format`, in fractions, or in pixels where `sizes` (N, 2) are given.

    Raises:
        UnknownNameError: no such format.
        DataError: no samples, a box without extent, outside the picture, or NaN; the row is named.

    Example:
        >>> field = Boxes().fit([([[10, 20, 40, 20]], (100, 200))])
        >>> field.encode([[[0.0, 0.0, 0.25, 0.5], [0.5, 0.0, 0.5, 1.0]]]).tolist()
        [[[0.75, 0.5, 0.5, 1.0], [0.125, 0.25, 0.25, 0.5]]]
        >>> field.decode([[[0.15, 0.3, 0.2, 0.2]]], sizes=[(100, 200)])[0].round(3).tolist()
        [[10.0, 20.0, 40.0, 20.0]]
    """

    kind: ClassVar[str] = "boxes"
    sequence: ClassVar[bool] = True

    def __init__(self, format: Literal["xywh", "xyxy"] = "xywh") -> None:
        if format not in ("xywh", "xyxy"):
            raise unknown_name("Boxes", "format", format, ("xywh", "xyxy"))
        self.format = format
        self.most = 0

    @property
    def shape(self) -> tuple[int | None, ...]:
        """(None, 4)."""
        return (None, 4)

    def fit(self, values: Any) -> Self:
        """Learn how many boxes a picture of the training part has at most."""
        samples = samples_of("Boxes.fit", values, fitting=True)
        self.most = max(len(self._fractions("Boxes.fit", row, sample)) for row, sample in enumerate(samples))
        self.fitted = True
        return self

    def encode(self, values: Any) -> Encoded:
        """Boxes -> centers and sizes in fractions, the largest box first."""
        self._check_fitted("encode")
        samples = samples_of("Boxes.encode", values)
        boxes = [self._fractions("Boxes.encode", row, sample) for row, sample in enumerate(samples)]
        return (
            together([_ordered(one).astype(settings.floatx()) for one in boxes])
            if boxes
            else np.zeros((0, 0, 4), settings.floatx())
        )

    def decode(self, batch: Any, lengths: Any = None, sizes: Any = None) -> list[_Array]:
        """Centers and sizes -> boxes in `format`, cut off at the picture's edges.

        Args:
            batch: (N, k, 4), or N arrays (k_i, 4).
            lengths: how many boxes of each row count.
            sizes: height and width of each picture in pixels; None: boxes come in fractions.
        """
        self._check_fitted("decode")
        found = []
        for row, encoded in enumerate(rows_of(batch, lengths)):
            array = np.asarray(encoded, "float64").reshape(-1, 4)
            corners = np.clip(np.hstack([array[:, :2] - array[:, 2:] / 2, array[:, :2] + array[:, 2:] / 2]), 0, 1)
            boxes = corners if self.format == "xyxy" else np.hstack([corners[:, :2], corners[:, 2:] - corners[:, :2]])
            found.append(boxes if sizes is None else boxes * _scale(sizes[row]))
        return found

    def describe(self) -> str:
        """One line on format and number."""
        return f"boxes: {self.format}, " + (f"at most {self.most} a picture" if self.fitted else "not fitted")

    def learned(self) -> dict[str, Any]:
        """The largest number of boxes."""
        return {"most": self.most}

    def _restore(self, learned: Mapping[str, Any]) -> None:
        self.most = learned["most"]

    def _fractions(self, where: str, row: int, sample: Any) -> _Array:
        """A sample -> (k, 4): center x, center y, width, height."""
        if is_missing(sample) or not hasattr(sample, "__len__") or isinstance(sample, str):
            rule = "be lists of boxes, or pairs (boxes, (height, width))"
            kind = DataError if is_missing(sample) else DTypeError
            raise kind.at(where, "values", rule, type(sample).__name__, because=f"row {row}")
        in_pixels = isinstance(sample, tuple) and len(sample) == 2 and np.shape(sample[1]) == (2,)
        boxes = as_numbers(f"{where}, row {row}", sample[0] if in_pixels else sample)
        if boxes.size and (boxes.ndim != 2 or boxes.shape[1] != 4):
            raise DataError.at(where, "values", "have four numbers a box", boxes.shape, because=f"row {row}")
        boxes = boxes.reshape(-1, 4) / (_scale(sample[1]) if in_pixels else 1)
        corners = boxes if self.format == "xyxy" else np.hstack([boxes[:, :2], boxes[:, :2] + boxes[:, 2:]])
        cut = np.clip(corners, 0, 1)
        bad = np.flatnonzero(~((cut[:, 2:] > cut[:, :2]) & np.isfinite(corners[:, 2:])).all(axis=1))
        if len(bad):
            cure = f"Boxes are {self.format} in fractions, or in pixels as pairs (boxes, (height, width))."
            because = f"row {row}, box {bad[0]}"
            raise DataError.at(
                where, "values", "have boxes inside the picture", boxes[bad[0]].tolist(), cure, because=because
            )
        return np.hstack([(cut[:, :2] + cut[:, 2:]) / 2, cut[:, 2:] - cut[:, :2]])


def _scale(size: Any) -> _Array:
    """(height, width) -> what fractions of x, y, x, y are multiplied by."""
    height, width = (float(one) for one in size)
    return np.array([width, height, width, height])


def _ordered(boxes: _Array) -> _Array:
    """Largest first; of equal ones the left, then the upper."""
    return boxes[np.lexsort((boxes[:, 1], boxes[:, 0], -boxes[:, 2] * boxes[:, 3]))]
