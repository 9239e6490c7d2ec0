"""Pictures as arrays of pixels: read from files, bytes or arrays, and resized. The only file that knows pillow."""

from __future__ import annotations

import io
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from elman.errors import ArgumentError, DataError, DTypeError, missing_extra

__all__ = ["IMAGE_FILES", "Pixels", "as_pixels", "check_pixels", "picture_size", "resized"]

Pixels = npt.NDArray[np.uint8]
"""(H, W, C) with C = 1 (grey) or 3 (red, green, blue)."""

IMAGE_FILES = (".png", ".jpg", ".jpeg", ".bmp", ".gif", ".tif", ".tiff", ".webp", ".pgm", ".ppm")


def picture_size(where: str, row: int, sample: Any) -> tuple[int, int, int]:
    """Height, width and channels of a picture; a file is read but not decoded.

    Raises:
        DataError: no such file, no picture, no pixels.
        DTypeError: neither a path, bytes, a pillow image nor an array.
    """
    if isinstance(sample, np.ndarray):
        height, width, channels = _of_array(where, row, sample).shape
        return height, width, channels
    image = _opened(where, row, sample)
    try:
        turned = image.getexif().get(0x0112, 1) >= 5
    except Exception as error:  # noqa: BLE001 - a damaged file may raise anything
        raise _damaged(where, row, sample, error) from None
    width, height = image.size[::-1] if turned else image.size
    return height, width, 1 if image.mode in ("1", "L", "LA", "I", "I;16", "F") else 3


def as_pixels(where: str, row: int, sample: Any, channels: int) -> Pixels:
    """A picture with as many channels as asked for.

    A transparent picture lies on white; the orientation that a camera noted is applied; colours become grey by
    0.299 R + 0.587 G + 0.114 B (ITU-R BT.601).

    Shapes:
        -> (H, W, channels).

    Raises:
        DataError: no such file, a damaged one, no picture, no pixels, numbers that are no brightness.
        DTypeError: neither a path, bytes, a pillow image nor an array.
    """
    if isinstance(sample, np.ndarray):
        pixels = _of_array(where, row, sample)
    else:
        pixels = _decoded(where, row, sample, channels)
    if pixels.shape[2] == channels:
        return pixels
    if channels == 3:
        return np.repeat(pixels, 3, axis=2)
    return np.asarray(np.rint(pixels @ np.array([[0.299], [0.587], [0.114]])), "uint8")


def resized(where: str, pixels: Pixels, height: int, width: int) -> Pixels:
    """The picture in another size (antialiased); itself where the size is right.

    Shapes:
        (H, W, C) -> (height, width, C).
    """
    if pixels.shape[:2] == (height, width):
        return pixels
    library = _library(where)
    image = library.fromarray(pixels[:, :, 0] if pixels.shape[2] == 1 else pixels)
    array = np.asarray(image.resize((width, height), library.Resampling.BILINEAR))
    return array.reshape(height, width, -1)


def check_pixels(where: str, **sizes: int | None) -> None:
    """Refuse sizes below 1, and channels other than 1 and 3.

    Raises:
        ArgumentError: with the name of the size.
    """
    for name, size in sizes.items():
        if size is not None and (size < 1 or (name == "channels" and size not in (1, 3))):
            raise ArgumentError.at(where, name, "1 or 3" if name == "channels" else "at least 1", size)


def _of_array(where: str, row: int, array: npt.NDArray[Any]) -> Pixels:
    """(H, W) or (H, W, C), bytes 0 ... 255, fractions 0 ... 1 or truth values -> (H, W, C)."""
    because = f"row {row}"
    if array.ndim not in (2, 3) or (array.ndim == 3 and array.shape[2] not in (1, 3)):
        rule = "be pictures (H, W), (H, W, 1) or (H, W, 3)"
        cure = "Channels stand last, without transparency: array.transpose(1, 2, 0), array[:, :, :3]."
        raise DataError.at(where, "values", rule, array.shape, cure, because=because)
    pixels = array.reshape(*array.shape[:2], -1) if array.size else np.zeros((*array.shape[:2], 1), "uint8")
    if pixels.dtype == np.uint8:
        return pixels
    if pixels.dtype.kind not in "fiub":
        raise DTypeError.at(where, "values", "be pictures of numbers", array.dtype, because=because)
    low, high = (pixels.min(), pixels.max()) if pixels.size else (0, 0)
    limit = 255 if pixels.dtype.kind in "iu" else 1
    if not (low >= 0 and high <= limit):
        rule = "be pictures of whole numbers 0 ... 255 or fractions 0 ... 1"
        cure = "Divide by what white is: array / 255, of 16 bits array / 65535."
        raise DataError.at(where, "values", rule, f"{low} ... {high}", cure, because=because)
    return np.rint(pixels.astype("float64") * (255 / limit)).astype("uint8")


def _opened(where: str, row: int, sample: Any) -> Any:
    """A pillow image, not yet decoded."""
    library = _library(where)
    if isinstance(sample, library.Image):
        return sample
    if not isinstance(sample, str | Path | bytes):
        rule = "be paths, bytes, pillow images or arrays"
        kind = DataError if sample is None else DTypeError
        raise kind.at(where, "values", rule, type(sample).__name__, because=f"row {row}")
    if not isinstance(sample, bytes) and not Path(sample).is_file():
        because = f"row {row}: " + ("it is a folder" if Path(sample).is_dir() else "there is no such file")
        raise DataError.at(where, "values", "be files of pictures", str(sample), "Check the path.", because=because)
    try:
        # Read whole: pillow would keep a file open until its picture is gone.
        return library.open(io.BytesIO(sample if isinstance(sample, bytes) else Path(sample).read_bytes()))
    except Exception as error:  # noqa: BLE001 - a damaged file may raise anything
        raise _damaged(where, row, sample, error) from None


def _decoded(where: str, row: int, sample: Any, channels: int) -> Pixels:
    image = _opened(where, row, sample)
    from PIL import Image, ImageOps

    try:
        image = ImageOps.exif_transpose(image)
        if image.mode in ("I", "I;16", "I;16B", "F"):
            deep = np.asarray(image, "float64")
            most = deep.max(initial=0)
            white = 1 if image.mode == "F" and most <= 1 else 255 if most <= 255 else 65535
            return _of_array(where, row, np.clip(deep / white, 0, 1))
        if image.mode in ("LA", "PA", "RGBA") or "transparency" in image.info:
            image = image.convert("RGBA")
            image = Image.alpha_composite(Image.new("RGBA", image.size, "white"), image)
        array = np.asarray(image.convert("L" if channels == 1 else "RGB"))
    except Exception as error:  # noqa: BLE001 - a damaged file may raise anything
        raise _damaged(where, row, sample, error) from None
    return array.reshape(*array.shape[:2], -1)


def _damaged(where: str, row: int, sample: Any, error: Exception) -> DataError:
    reason: Iterable[str] = str(error).splitlines() or [type(error).__name__]
    shown = f"{len(sample)} bytes" if isinstance(sample, bytes) else str(sample)
    because = f"row {row}: {re.sub(' <_io.*', '', next(iter(reason))).rstrip('.')}"  # an address helps nobody
    return DataError.at(where, "values", "be whole pictures", shown, "Replace or drop the file.", because=because)


def _library(where: str) -> Any:
    try:
        from PIL import Image
    except ImportError:
        raise missing_extra(where, "pillow", "image") from None
    return Image
