"""Pictures: as a whole, or as a line that is read from left to right."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any, ClassVar, Literal, Self

import numpy as np
import numpy.typing as npt

from elman import settings
from elman.errors import ShapeError, unknown_name
from elman.fields.base import MAX_LENGTH, Encoded, Field, FloatArray
from elman.fields.pixels import Pixels, as_pixels, check_pixels, picture_size, resized
from elman.fields.samples import rows_of, samples_of, together, truncated
from elman.fields.scaling import Moments

__all__ = ["Image", "Line"]

_LARGEST_IMAGE = 128
_TALLEST_LINE = 64


class Image(Field[Any]):
    """Pictures of one size, each channel scaled by the mean and standard deviation of the training part.

    A sample is the path of a file, the bytes of one, a pillow image (extra `image`), or an array (H, W) or (H, W, C) of
    bytes 0 ... 255 or fractions 0 ... 1.

    Args:
        height, width: what pictures are resized to; None: the median of the training part, at most 128 pixels.
        channels: 1 (grey) or 3 (colours); None: 3 where any picture of the training part has colours.

    Shapes:
        encode: N pictures -> (N, H, W, C); decode: (N, H, W, C) -> N arrays (H, W, C) of bytes.

    Raises:
        DataError: no samples, no such file, a damaged one, no picture; the row is named.
        MissingExtraError: files, or another size, without pillow.

    Example:
        >>> field = Image().fit([np.array([[0, 255], [255, 0]], "uint8")])
        >>> field.shape, field.encode([np.array([[255, 255], [0, 0]], "uint8")])[0, :, 0, 0].tolist()
        ((2, 2, 1), [1.0, -1.0])
        >>> print(field.describe())
        image: 2 x 2, grey, center 127.5, scale 127.5
    """

    kind: ClassVar[str] = "image"

    def __init__(self, height: int | None = None, width: int | None = None, channels: int | None = None) -> None:
        check_pixels("Image", height=height, width=width, channels=channels)
        self.height, self.width, self.channels = height, width, channels
        self._shape = (0, 0, 0)
        self._center, self._scale = np.zeros(1), np.ones(1)

    @property
    def shape(self) -> tuple[int | None, ...]:
        """(H, W, C)."""
        return self._shape

    def fit(self, values: Any) -> Self:
        """Learn size, channels, mean and standard deviation of the training part."""
        samples = samples_of("Image.fit", values, fitting=True)
        sizes = np.array([picture_size("Image.fit", row, sample) for row, sample in enumerate(samples)])
        height, width = np.median(sizes[:, :2], axis=0)
        shrink = min(1.0, _LARGEST_IMAGE / max(height, width))
        self._shape = (
            self.height or max(1, round(height * shrink)),
            self.width or max(1, round(width * shrink)),
            self.channels or int(sizes[:, 2].max()),
        )
        moments = Moments(self._shape[2])
        for row, sample in enumerate(samples):
            moments.add(self._pixels("Image.fit", row, sample))
        self._center, self._scale = moments.center_and_scale()
        self.fitted = True
        return self

    def encode(self, values: Any) -> FloatArray:
        """Pictures -> (N, H, W, C) scaled."""
        self._check_fitted("encode")
        samples = samples_of("Image.encode", values)
        encoded = np.empty((len(samples), *self._shape), settings.floatx())
        for row, sample in enumerate(samples):
            encoded[row] = (self._pixels("Image.encode", row, sample) - self._center) / self._scale
        return encoded

    def decode(self, batch: Any, lengths: Any = None) -> list[Pixels]:
        """(N, H, W, C) scaled -> pictures of bytes."""
        self._check_fitted("decode")
        return [_bytes(np.asarray(row).reshape(self._shape) * self._scale + self._center) for row in batch]

    def describe(self) -> str:
        """One line on size, channels and scaling (of the first channel)."""
        if not self.fitted:
            return "image: not fitted"
        height, width, channels = self._shape
        what = "grey" if channels == 1 else "colours"
        return f"image: {height} x {width}, {what}, center {self._center[0]:.4g}, scale {self._scale[0]:.4g}"

    def learned(self) -> dict[str, Any]:
        """Size, and center and scale of each channel."""
        return {"shape": list(self._shape), "center": self._center.tolist(), "scale": self._scale.tolist()}

    def _restore(self, learned: Mapping[str, Any]) -> None:
        height, width, channels = learned["shape"]
        self._shape = (height, width, channels)
        self._center, self._scale = np.asarray(learned["center"]), np.asarray(learned["scale"])

    def _pixels(self, where: str, row: int, sample: Any) -> Pixels:
        height, width, channels = self._shape
        return resized(where, _not_empty(where, row, as_pixels(where, row, sample, channels)), height, width)


class Line(Field[Any]):
    """A picture read step by step: a line of writing from left to right, one column of pixels a step.

    A sample is what `Image` takes. Every picture is scaled to one height and keeps its proportions, so lines differ in
    length. A picture without columns is a line of length 0.

    Args:
        height: pixels of a column; None: the median of the training part, at most 64.
        channels: 1 (grey) or 3 (colours).
        order: "columns" from left to right, or "rows" from top to bottom; `height` is then the width of a row.
        max_length: steps beyond which a line is cut, with a warning; None: never.

    Shapes:
        encode: N pictures -> (N, W, H * C) or N arrays (W_i, H * C); decode: such -> N arrays (H, W_i, C) of bytes.

    Raises:
        DataError: no samples, no such file, a damaged one, no picture; the row is named.
        MissingExtraError: files, or another size, without pillow.

    Example:
        >>> field = Line().fit([np.zeros((8, 30), "uint8"), np.full((8, 50), 255, "uint8")])
        >>> field.shape, [len(line) for line in field.encode([np.zeros((8, 3)), np.zeros((16, 8))])]
        ((None, 8), [3, 4])
    """

    kind: ClassVar[str] = "line"
    sequence: ClassVar[bool] = True

    def __init__(
        self,
        height: int | None = None,
        channels: int = 1,
        order: Literal["columns", "rows"] = "columns",
        max_length: int | None = MAX_LENGTH,
    ) -> None:
        check_pixels("Line", height=height, channels=channels, max_length=max_length)
        if order not in ("columns", "rows"):
            raise unknown_name("Line", "order", order, ("columns", "rows"))
        self.height, self.channels, self.order, self.max_length = height, channels, order, max_length
        self._height = 0
        self._center, self._scale = np.zeros(1), np.ones(1)

    @property
    def shape(self) -> tuple[int | None, ...]:
        """(None, H * C)."""
        return (None, self._height * self.channels)

    def fit(self, values: Any) -> Self:
        """Learn height, mean and standard deviation of the training part."""
        samples = samples_of("Line.fit", values, fitting=True)
        across = 0 if self.order == "columns" else 1
        heights = Counter(picture_size("Line.fit", row, sample)[across] for row, sample in enumerate(samples))
        self._height = self.height or max(1, min(_TALLEST_LINE, round(np.median(list(heights.elements())))))
        moments = Moments(self.channels)
        for row, sample in enumerate(samples):
            moments.add(self._columns("Line.fit", row, sample))
        self._center, self._scale = moments.center_and_scale()
        self.fitted = True
        return self

    def encode(self, values: Any) -> Encoded:
        """Pictures -> sequences of columns."""
        self._check_fitted("encode")
        samples = samples_of("Line.encode", values)
        pictures = [self._columns("Line.encode", row, sample) for row, sample in enumerate(samples)]
        width = self._height * self.channels
        lines = [
            ((columns - self._center) / self._scale).reshape(len(columns), width).astype(settings.floatx())
            for columns in truncated("Line.encode", pictures, self.max_length)
        ]
        return together(lines) if lines else np.zeros((0, 0, width), settings.floatx())

    def decode(self, batch: Any, lengths: Any = None) -> list[Pixels]:
        """Sequences of columns -> pictures of bytes."""
        self._check_fitted("decode")
        return [self._picture(row) for row in rows_of(batch, lengths)]

    def describe(self) -> str:
        """One line on height and scaling."""
        if not self.fitted:
            return "line: not fitted"
        return f"line: {self.order} of {self._height}, center {self._center[0]:.4g}, scale {self._scale[0]:.4g}"

    def learned(self) -> dict[str, Any]:
        """Height, and center and scale of each channel."""
        return {"height": self._height, "center": self._center.tolist(), "scale": self._scale.tolist()}

    def _restore(self, learned: Mapping[str, Any]) -> None:
        self._height = learned["height"]
        self._center, self._scale = np.asarray(learned["center"]), np.asarray(learned["scale"])

    def _columns(self, where: str, row: int, sample: Any) -> Pixels:
        """(W, H, C)."""
        pixels = as_pixels(where, row, sample, self.channels)
        columns = pixels if self.order == "rows" else pixels.transpose(1, 0, 2)
        if not len(columns):
            return np.zeros((0, self._height, self.channels), "uint8")
        length = max(1, round(len(columns) * self._height / _not_empty(where, row, columns).shape[1]))
        return resized(where, np.ascontiguousarray(columns), length, self._height)

    def _picture(self, line: npt.NDArray[Any]) -> Pixels:
        if line.shape[-1] != self._height * self.channels:
            raise ShapeError.at("Line.decode", "batch", f"have {self._height * self.channels} features", line.shape)
        columns = _bytes(line.reshape(len(line), self._height, self.channels) * self._scale + self._center)
        return columns if self.order == "rows" else columns.transpose(1, 0, 2)


def _bytes(brightness: npt.NDArray[Any]) -> Pixels:
    return np.asarray(np.clip(np.rint(brightness), 0, 255), "uint8")


def _not_empty(where: str, row: int, pixels: Pixels) -> Pixels:
    if not pixels.size:
        raise ShapeError.at(where, "values", "have pixels", pixels.shape, because=f"row {row}")
    return pixels
