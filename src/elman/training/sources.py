"""Where batches come from: everything at once (`DataSet`) or one after another (`Stream`)."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from elman.errors import ArgumentError, DataError, warn
from elman.executors import Rows
from elman.training.program import Signature

__all__ = ["DataSet", "Stream", "batches_of", "is_stream", "split", "steps_of", "stream_of", "warn_short"]


@dataclass
class DataSet:
    """Arrays in the order of a plan's inputs: inputs, lengths of ragged ones, targets, sample weights.

    Inputs may be `Rows`, which stay where they lie. Shapes: every array (N, ...).
    """

    arrays: list[np.ndarray | Rows]
    signature: Signature
    lengths: list[np.ndarray | None]

    @property
    def rows(self) -> int:
        """N."""
        return len(self.arrays[0])

    def part(self, start: int, stop: int) -> DataSet:
        """Rows start to stop, as views."""
        lengths = [None if n is None else n[start:stop] for n in self.lengths]
        return DataSet([a[start:stop] for a in self.arrays], self.signature, lengths)


@dataclass
class Stream:
    """Batches that come one at a time.

    Args: restart: gives a fresh iterator; endless: a generator, which goes on where it stopped instead.
    """

    restart: Callable[[], Iterator[Any]]
    endless: bool
    length: int | None
    current: Iterator[Any] | None = None

    def batches(self) -> Iterator[Any]:
        """The iterator of the next epoch."""
        if self.current is None or not self.endless:
            self.current = self.restart()
        return self.current

    def peek(self) -> Any:
        """The first item; it comes again as the first of the next epoch."""
        iterator = self.batches()
        first = next(iterator, None)
        if first is None:
            raise DataError("fit: x must be an iterable of batches. Received an empty one. Let it yield (x, y).")
        self.current = itertools.chain([first], iterator)
        return first


def batches_of(data: DataSet | Stream, size: int) -> int | None:
    """How many batches an epoch has, if that is known."""
    return data.length if isinstance(data, Stream) else -(-data.rows // size)


def steps_of(where: str, argument: str, wanted: int | None, data: DataSet | Stream, there: int | None) -> int | None:
    """How many batches will run, with a warning where arrays have fewer than asked for."""
    if wanted is None or there is None or isinstance(data, Stream):
        return wanted or there
    if there < wanted:
        warn_short(where, argument, wanted, there)
    return min(wanted, there)


def warn_short(where: str, argument: str, wanted: int, there: int) -> None:
    """Warn that the data ended before the batches that were asked for."""
    rule = f"{where}: {argument} must be at most {there}, the batches of the data. Received {argument}={wanted}"
    cure = f"{there} are run. Leave {argument} out, or give more data."
    warn(f"{rule}. {cure}")


def is_stream(x: Any) -> bool:
    """Whether x gives batches instead of being the data."""
    if isinstance(x, (np.ndarray, list, tuple, Mapping, str, bytes, bytearray, memoryview)):
        return False
    if hasattr(x, "to_numpy") or hasattr(x, "__array__") or (hasattr(x, "shape") and hasattr(x, "dtype")):
        return False
    return isinstance(x, Iterable) or (hasattr(x, "__getitem__") and hasattr(x, "__len__"))


def stream_of(x: Any) -> Stream:
    """The stream behind a generator, an iterable, or a sequence with `__getitem__` and `__len__` (as PyDataset)."""
    length = len(x) if hasattr(x, "__len__") else None
    if isinstance(x, Iterator):
        return Stream(lambda: x, True, length)
    if length is not None and hasattr(x, "__getitem__"):
        return Stream(lambda: (x[i] for i in range(len(x))), False, length)
    return Stream(lambda: iter(x), False, length)


def split(data: DataSet, where: str, fraction: float) -> tuple[DataSet, DataSet]:
    """The first rows to train on and the last `fraction` of them to validate with; nothing is shuffled.

    Args: fraction: in (0, 1).
    Raises: ArgumentError: one part is empty.
    """
    at = int(np.floor(data.rows * (1 - fraction)))
    if at in (0, data.rows):
        because = f"{data.rows} rows leave one part empty"
        raise ArgumentError.at(
            where, "validation_split", "large enough for both parts", fraction, "Give more rows.", because=because
        )
    return data.part(0, at), data.part(at, data.rows)
