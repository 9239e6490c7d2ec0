"""Moving pictures as sequences of frames. The only file that knows av."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, ClassVar, Self

import numpy as np
import numpy.typing as npt

from elman import settings
from elman.errors import DataError, DTypeError, missing_extra
from elman.fields.base import Encoded, Field
from elman.fields.pixels import IMAGE_FILES, Pixels, as_pixels, check_pixels, resized
from elman.fields.samples import rows_of, samples_of, together, truncated
from elman.fields.scaling import Moments

__all__ = ["MOVIE_FILES", "Video"]

_LARGEST_FRAME = 64
_LONGEST = 1000

MOVIE_FILES = (".mp4", ".avi", ".mov", ".mkv", ".webm", ".mpg", ".mpeg", ".m4v")


class Video(Field[Any]):
    """Sequences of frames of one size, each channel scaled by the training part.

    A sample is the path of a file (extra `video`), the path of a folder of pictures, a list of what `Image` takes, or
    an array (T, H, W) or (T, H, W, C) of bytes 0 ... 255 or fractions 0 ... 1.

    Args:
        height, width: what frames are resized to; None: the first frame of the training part, at most 64 pixels.
        channels: 1 (grey) or 3 (colours).
        every: 1 keeps every frame, 2 every second ...
        max_length: frames beyond which a video is cut, with a warning; None: never. No more is read.

    Shapes:
        encode: N videos -> (N, T, H, W, C) or N arrays (T_i, H, W, C); decode: such -> N arrays
        (T_i, H, W, C) of bytes.

    Raises:
        DataError: no samples, no frame in the whole training part, no such file, a damaged one; the row is named.
        MissingExtraError: files without av, or without pillow.

    Example:
        >>> field = Video().fit([np.zeros((3, 4, 5), "uint8")])
        >>> field.shape, [len(video) for video in field.encode([np.zeros((2, 4, 5)), np.zeros((7, 4, 5))])]
        ((None, 4, 5, 1), [2, 7])
    """

    kind: ClassVar[str] = "video"
    sequence: ClassVar[bool] = True

    def __init__(
        self,
        height: int | None = None,
        width: int | None = None,
        channels: int = 1,
        every: int = 1,
        max_length: int | None = _LONGEST,
    ) -> None:
        check_pixels("Video", height=height, width=width, channels=channels, every=every, max_length=max_length)
        self.height, self.width, self.channels = height, width, channels
        self.every, self.max_length = every, max_length
        self._size = (0, 0)
        self._center, self._scale = np.zeros(1), np.ones(1)

    @property
    def shape(self) -> tuple[int | None, ...]:
        """(None, H, W, C)."""
        return (None, *self._size, self.channels)

    def fit(self, values: Any) -> Self:
        """Learn size, mean and standard deviation of the training part."""
        samples = samples_of("Video.fit", values, fitting=True)
        first = next((f for row, s in enumerate(samples) for f in self._raw("Video.fit", row, s) if f.size), None)
        if first is None:
            raise DataError.at("Video.fit", "values", "have at least one frame", 0, "Check what was read.")
        shrink = min(1.0, _LARGEST_FRAME / max(first.shape[:2]))
        height, width = (max(1, round(size * shrink)) for size in first.shape[:2])
        self._size = (self.height or height, self.width or width)
        moments = Moments(self.channels)
        for row, sample in enumerate(samples):
            for frame in self._frames("Video.fit", row, sample):
                moments.add(frame)
        self._center, self._scale = moments.center_and_scale()
        self.fitted = True
        return self

    def encode(self, values: Any) -> Encoded:
        """Videos -> sequences of scaled frames."""
        self._check_fitted("encode")
        samples = samples_of("Video.encode", values)
        videos = [list(self._frames("Video.encode", row, sample)) for row, sample in enumerate(samples)]
        scaled = [self._scaled(frames) for frames in truncated("Video.encode", videos, self.max_length)]
        return together(scaled) if scaled else np.zeros((0, 0, *self._size, self.channels), settings.floatx())

    def decode(self, batch: Any, lengths: Any = None) -> list[Pixels]:
        """Sequences of scaled frames -> videos of bytes."""
        self._check_fitted("decode")
        rows = rows_of(batch, lengths)
        return [np.clip(np.rint(row * self._scale + self._center), 0, 255).astype("uint8") for row in rows]

    def describe(self) -> str:
        """One line on size, channels and scaling."""
        if not self.fitted:
            return "video: not fitted"
        what = "grey" if self.channels == 1 else "colours"
        size = f"frames of {self._size[0]} x {self._size[1]}"
        return f"video: {size}, {what}, center {self._center[0]:.4g}, scale {self._scale[0]:.4g}"

    def learned(self) -> dict[str, Any]:
        """Size, and center and scale of each channel."""
        return {"size": list(self._size), "center": self._center.tolist(), "scale": self._scale.tolist()}

    def _restore(self, learned: Mapping[str, Any]) -> None:
        height, width = learned["size"]
        self._size = (height, width)
        self._center, self._scale = np.asarray(learned["center"]), np.asarray(learned["scale"])

    def _scaled(self, frames: list[Pixels]) -> npt.NDArray[Any]:
        array = np.stack(frames) if frames else np.zeros((0, *self._size, self.channels), "uint8")
        return ((array - self._center) / self._scale).astype(settings.floatx())

    def _frames(self, where: str, row: int, sample: Any) -> Iterator[Pixels]:
        """Frames (H, W, C) in the size learned; at most one more than is kept."""
        last = None if self.max_length is None else self.max_length * self.every + 1
        for frame in itertools.islice(self._raw(where, row, sample), 0, last, self.every):
            yield resized(where, frame, *self._size)

    def _raw(self, where: str, row: int, sample: Any) -> Iterator[Pixels]:
        """Frames (H, W, C) as they come."""
        if isinstance(sample, str | Path):
            path = Path(sample)
            if path.is_dir():
                sample = _pictures(where, row, path)
            elif path.is_file():
                yield from _of_file(where, row, path, self.channels)
                return
            else:
                because = f"row {row}: there is no such file"
                raise DataError.at(
                    where, "values", "be files of video", str(sample), "Check the path.", because=because
                )
        if not isinstance(sample, list | tuple | np.ndarray):
            rule = "be paths, lists of pictures or arrays"
            kind = DataError if sample is None else DTypeError
            raise kind.at(where, "values", rule, type(sample).__name__, because=f"row {row}")
        if isinstance(sample, np.ndarray) and sample.ndim not in (3, 4):
            rule = "be videos (T, H, W) or (T, H, W, C)"
            raise DataError.at(where, "values", rule, sample.shape, because=f"row {row}")
        for frame in sample:
            yield as_pixels(where, row, frame, self.channels)


def _pictures(where: str, row: int, folder: Path) -> list[Path]:
    """The pictures of a folder, 2.png before 10.png."""
    files = [path for path in folder.iterdir() if path.suffix.lower() in IMAGE_FILES]
    if not files:
        because = f"row {row}: it holds no pictures"
        raise DataError.at(where, "values", "be folders of pictures", str(folder), "Check the path.", because=because)
    return sorted(files, key=lambda path: [part.zfill(20) for part in re.split(r"(\d+)", path.name)])


def _of_file(where: str, row: int, path: Path, channels: int) -> Iterator[Pixels]:
    try:
        import av
    except ImportError:
        raise missing_extra(where, "av", "video") from None
    try:
        with av.open(str(path)) as container:
            for frame in container.decode(video=0):
                array = frame.to_ndarray(format="gray" if channels == 1 else "rgb24")
                yield np.asarray(array, "uint8").reshape(*array.shape[:2], channels)
    except (av.FFmpegError, IndexError, ValueError) as error:
        because = f"row {row}: {str(error).splitlines()[0].rstrip('.') if str(error) else 'it has no video'}"
        cure = "Replace or drop the file."
        raise DataError.at(where, "values", "be whole videos", str(path), cure, because=because) from None
