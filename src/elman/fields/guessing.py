"""Which field a column needs, told from its samples, with the reason. A guess is printed and can be overruled."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from elman.errors import DataError, DTypeError
from elman.fields.audio import SOUND_FILES, Audio
from elman.fields.base import Field
from elman.fields.boxes import Boxes
from elman.fields.category import Category, Labels
from elman.fields.image import Image
from elman.fields.number import Number
from elman.fields.pixels import IMAGE_FILES
from elman.fields.samples import is_missing, plain, samples_of
from elman.fields.series import Series
from elman.fields.spans import marks_spans
from elman.fields.tags import Tags
from elman.fields.text import Text
from elman.fields.tokens import Tokens
from elman.fields.video import MOVIE_FILES, Video

__all__ = ["BOX_NAMES", "TAG_NAMES", "Guess", "guess", "guess_media", "is_sound"]

_LOOKED_AT = 10_000
_MOST_CLASSES = 1000
_MOST_NUMBERS = 20
_LONGEST_CLASS = 40
_WORDS_OF_A_CLASS = 3
"""Texts of more words are sentences, unless each stands there often."""
TAG_NAMES = ("tags", "tag", "pos", "upos", "ner", "slots", "chunks")
"""What columns of tags are called."""

BOX_NAMES = ("boxes", "box", "bbox", "bboxes")
"""What columns of boxes are called."""


class Guess(NamedTuple):
    """An unfitted field for a column, and why it was chosen."""

    field: Field[Any]
    reason: str


def guess(column: Any, name: str) -> Guess:
    """The field that suits a column.

    Args:
        column: samples: a list, an array, or a column of a frame. At most 10 000 are looked at.
        name: of the column: told in errors; "tags" and "boxes" are hints.

    Raises:
        DataError: no samples, or none that is not missing.
        DTypeError: samples of a type no field reads, or of several types.

    Example:
        >>> guess(["good film", "bad film", "a film", "what?"], "review")
        Guess(field=<elman.fields.text.Text object at 0x...>, reason='text: 4 different texts of 2 words')
        >>> guess([3.5, 2.0], "price").reason
        'numbers with fractions'
    """
    where = f"guess {name!r}"
    table = column if isinstance(column, np.ndarray) and column.ndim == 2 and column.dtype.kind in "fiub" else None
    if table is not None and len(table):
        return Guess(Number(), f"a table of {table.shape[1]} numbers")
    samples = [s for s in map(plain, samples_of(where, column, fitting=True)[:_LOOKED_AT]) if not is_missing(s)]
    if not samples:
        raise DataError.at(where, "column", "have a value", None, "Fill it or leave it out.", because="all are missing")
    if found := guess_media(samples):
        return found
    for kinds, rule in _RULES:
        if all(isinstance(sample, kinds) for sample in samples):
            return rule(name, samples)
    types = sorted({type(sample).__name__ for sample in samples})
    cure = f"Say what it is: {{{name!r}: 'text'}}, or leave the column out."
    raise DTypeError.at(where, "column", "of one type that a field reads", " and ".join(types[:3]), cure)


def guess_media(samples: Sequence[Any]) -> Guess | None:
    """The field of samples that all are sounds with their rates, or files of one kind: paths by how they end, bytes by
    how they begin; None for others.

    Example:
        >>> guess_media(["a.wav", "b.flac"])
        Guess(field=<elman.fields.audio.Audio object at 0x...>, reason='paths of files of sound (.wav)')
    """
    if all(isinstance(sample, str | Path) for sample in samples):
        suffixes = [Path(sample).suffix.lower() if len(str(sample)) < 1000 else "" for sample in samples]
        for files, field, what in _FILES:
            if all(suffix in files for suffix in suffixes):
                return Guess(field(), f"paths of files of {what} ({suffixes[0]})")
    if all(isinstance(sample, bytes) for sample in samples):
        if all(sample.startswith((b"RIFF", b"fLaC", b"OggS", b"ID3")) for sample in samples):
            return Guess(_sound(), "bytes of sound files")
        if all(sample.startswith((b"\x89PNG", b"\xff\xd8", b"GIF8", b"BM", b"II*", b"MM\0*")) for sample in samples):
            return Guess(Image(), "bytes of picture files")
    return Guess(_sound(), "pairs of a sound and its rate") if all(map(is_sound, samples)) else None


def is_sound(sample: Any) -> bool:
    """Whether a sample is a pair (sound, rate).

    Example:
        >>> is_sound(([0.0, 0.5], 8000)), is_sound((1, 2))
        (True, False)
    """
    return (
        isinstance(sample, tuple)
        and len(sample) == 2
        and isinstance(sample[0], list | np.ndarray)
        and np.ndim(sample[0][:1]) in (1, 2)
        and np.ndim(sample[1]) == 0
    )


def _of_texts(name: str, texts: Sequence[str]) -> Guess:
    if all(map(_is_number, texts)):
        return _of_numbers(name, [float(text) for text in texts], "text that reads as ")
    different = set(texts)
    length = float(np.mean([len(text) for text in different]))
    words = float(np.mean([len(text.split()) for text in texts]))
    often = len(texts) >= 5 * len(different) if words > _WORDS_OF_A_CLASS else len(texts) >= 2 * len(different)
    if len(different) <= _MOST_CLASSES and often and length <= _LONGEST_CLASS:
        return Guess(Category(), f"{len(different)} different texts in {len(texts)} rows")
    if words < 1.5:
        return Guess(Text("char"), f"text: {len(different)} different texts of {length:.0f} characters without spaces")
    return Guess(Text(), f"text: {len(different)} different texts of {words:.0f} words")


def _of_numbers(name: str, numbers: Sequence[float], how: str = "") -> Guess:
    if any(number != round(number) for number in numbers if np.isfinite(number)):
        return Guess(Number(), f"{how}numbers with fractions")
    different = len(set(numbers))
    if different <= _MOST_NUMBERS and len(numbers) >= 5 * different and all(map(np.isfinite, numbers)):
        return Guess(Category(), f"{how}only {different} different whole numbers in {len(numbers)} rows")
    return Guess(Number(), f"{how}numbers, {different} different ones in {len(numbers)} rows")


def _of_truths(name: str, truths: Sequence[bool]) -> Guess:
    return Guess(Category(), "true or false")


def _of_sets(name: str, sets: Sequence[set[Any]]) -> Guess:
    return Guess(Labels(), "sets of labels")


def _of_lists(name: str, lists: Sequence[Sequence[Any]]) -> Guess:
    inside = [plain(symbol) for sample in lists for symbol in sample]
    if name.lower() in BOX_NAMES:
        return Guess(Boxes(), f"lists in a column called {name!r}")
    if not inside:
        raise DataError.at(
            f"guess {name!r}", "column", "have a step in some row", 0, "Say what it is, or leave it out."
        )
    if marks_spans(lists):
        return Guess(Tags("iobes"), "lists of O, B- and I- tags")
    if all(isinstance(symbol, str | int) and not isinstance(symbol, bool) for symbol in inside):
        if name.lower() in TAG_NAMES:
            return Guess(Tags(), f"lists of symbols in a column called {name!r}")
        return Guess(Tokens(), f"lists of symbols, {len(set(inside))} different ones")
    return Guess(Series(), "lists of numbers")


def _of_arrays(name: str, arrays: Sequence[np.ndarray]) -> Guess:
    axes = {array.ndim for array in arrays}
    bytes_ = all(array.dtype == np.uint8 for array in arrays)
    colours = all(array.ndim == 3 and array.shape[2] in (1, 3) for array in arrays)
    if colours or (bytes_ and axes == {2}):
        return Guess(Image(channels=None), f"arrays of pixels {arrays[0].shape}")
    if axes <= {3, 4}:
        return Guess(Video(channels=3 if arrays[0].shape[3:] == (3,) else 1), f"arrays of frames {arrays[0].shape}")
    return Guess(Series(), f"arrays of numbers, the first {arrays[0].shape}")


def _of_bytes(name: str, samples: Sequence[bytes]) -> Guess:
    return _of_texts(name, [sample.decode("utf-8", "replace") for sample in samples])


def _of_paths(name: str, paths: Sequence[Path]) -> Guess:
    if all(path.is_dir() for path in paths):
        return Guess(Video(), "folders")
    return _of_texts(name, [str(path) for path in paths])


def _of_times(name: str, times: Sequence[Any]) -> Guess:
    cure = "Leave the column out, or turn it into numbers; a forecast takes it as time: elman.tasks.Forecaster."
    raise DTypeError.at(f"guess {name!r}", "column", "of a type that a field reads", type(times[0]).__name__, cure)


def _sound() -> Audio:
    """Steps of 30 ms: as good as of 10 for what people ask, a third of the work, and far easier to align to text."""
    return Audio(stack=3)


_FILES: tuple[tuple[tuple[str, ...], Callable[[], Field[Any]], str], ...] = (
    (IMAGE_FILES, Image, "pictures"),
    (SOUND_FILES, _sound, "sound"),
    (MOVIE_FILES, Video, "video"),
)
_RULES: tuple[tuple[Any, Callable[[str, Any], Guess]], ...] = (
    (bool, _of_truths),
    ((int, float), _of_numbers),
    (str, _of_texts),
    (bytes, _of_bytes),
    (Path, _of_paths),
    ((set, frozenset), _of_sets),
    (np.ndarray, _of_arrays),
    ((list, tuple), _of_lists),
    ((dt.date, dt.timedelta, np.datetime64), _of_times),
)
"""What all samples are, and who looks closer; the first that fits."""


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True
