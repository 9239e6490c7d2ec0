"""Batches of sequences of like length, each as long as its own longest sequence.

    shuffle all rows → pools of 50 batches → sort each pool by length → cut into batches → shuffle the batches

Padding costs as much as data, so a batch should hold little of it. Which rows meet still changes from epoch to epoch,
for the pools do; the order depends on (seed, epoch) alone. A plan takes each length without being compiled again.

Cost: one sort an epoch, one of a batch's rows. Weakness: rows of a batch are alike in length, so where length tells
the class, batches are less mixed than those of a plain shuffle.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import numpy as np

from elman.executors import Plan, Rows, Run
from elman.graph import Tensor
from elman.shapes import Dim, Size
from elman.training.sources import DataSet

__all__ = ["MOST_STEPS", "POOL", "Trim", "by_length", "left", "neighbours", "run_whole"]

POOL = 50
"""Batches of a pool: enough for little padding, few enough for much mixing."""

MOST_STEPS = 1 << 16
"""Steps of a batch that only answers, padding included: memory stays bounded where one row is very long."""


class Trim:
    """Cuts the arrays of a data set to what some of its rows need.

    Attributes:
        length: what rows are sorted by: the steps of each row, of all ragged inputs together. (N,)
    """

    def __init__(self, data: DataSet, axes: Sequence[dict[int, str]], longest: dict[str, np.ndarray]) -> None:
        self.data = data
        self.axes = axes
        self.longest = longest
        self.length: np.ndarray = np.sum(list(longest.values()), axis=0)

    @classmethod
    def of(cls, data: DataSet, inputs: Sequence[Tensor]) -> Trim | None:
        """The way to trim data for a graph with these inputs; None where nothing is ragged or sizes are tied.

        An open axis can be cut where every input along it says how long its rows are, and every other array has it
        as it is.
        """
        if all(lengths is None for lengths in data.lengths):
            return None
        longest: dict[str, np.ndarray] = {}
        for lengths, tensor in zip(data.lengths, inputs, strict=False):
            if lengths is not None and isinstance(tensor.shape[1], Dim):
                name = str(tensor.shape[1])
                longest[name] = np.maximum(longest[name], lengths) if name in longest else lengths
        for lengths, tensor in zip(data.lengths, inputs, strict=False):
            if lengths is None:
                for size in tensor.shape[1:]:
                    longest.pop(str(size), None)
        axes: list[dict[int, str]] = []
        for tensor in inputs:
            open_axes = {axis: size for axis, size in enumerate(tensor.shape) if axis and isinstance(size, Dim)}
            tied = {name for size in open_axes.values() for name in size.symbols if str(size) not in longest}
            longest = {name: value for name, value in longest.items() if name not in tied}
            axes.append({axis: str(size) for axis, size in open_axes.items()})
        if not longest:
            return None
        return cls(data, [{k: v for k, v in a.items() if v in longest} for a in axes], longest)

    def run(self, plan: Plan, rows: np.ndarray) -> Run:
        """Run a plan on these rows, as long as the longest of them. Shapes: rows (n,)."""
        return plan.run_batches(self.cut(rows), rows, len(rows))

    def cut(self, rows: np.ndarray | slice) -> list[np.ndarray | Rows]:
        """Views of all arrays, as long as the longest of these rows; at least one step.

        Shapes: rows (n,) -> (N, ...) each.
        """
        sizes = {name: max(1, int(lengths[rows].max(initial=0))) for name, lengths in self.longest.items()}
        arrays = list(self.data.arrays)
        for i, axes in enumerate(self.axes):
            if axes:
                array = arrays[i]
                arrays[i] = array[tuple([slice(sizes[axes[n]] if n in axes else None) for n in range(array.ndim)])]
        return arrays

    def longest_first(self, rows: np.ndarray) -> np.ndarray:
        """The same rows, the longest first, for loops stop at the last row that goes on.

        Shapes: rows (..., n) -> (..., n).
        """
        return np.take_along_axis(rows, np.argsort(-self.length[rows], axis=-1, kind="stable"), axis=-1)

    def run_batches(self, plan: Plan, order: np.ndarray, batch_size: int, sizes: Mapping[str, np.ndarray]) -> Run:
        """Run a plan on batches of what `parted` gave: on all, or on the first of them.

        Shapes: order (n,), sizes (batches,).
        """
        each = {name: n[None] for name, n in sizes.items()}
        run = plan.run_epochs(self.data.arrays, order[None], batch_size, sizes=each)
        return self.run(plan, order[:batch_size]) if run is None else run

    def parted(self, orders: np.ndarray, batch_size: int) -> tuple[np.ndarray, dict[str, np.ndarray]]:
        """Orders with the longest rows of each batch first, and by open size how long each batch is.

        Shapes: orders (..., N) -> (..., N), sizes (..., batches).
        """
        *several, rows = orders.shape
        whole = rows // batch_size * batch_size
        batches = self.longest_first(orders[..., :whole].reshape(*several, whole // batch_size, batch_size))
        made = np.concatenate([batches.reshape(*several, whole), self.longest_first(orders[..., whole:])], axis=-1)
        starts = np.arange(0, rows, batch_size)
        sizes = {n: np.maximum(1, np.maximum.reduceat(long[made], starts, -1)) for n, long in self.longest.items()}
        for array, axes in zip(self.data.arrays, self.axes, strict=False):
            for axis, name in axes.items():  # where all rows are empty there is no first step
                sizes[name] = np.minimum(sizes[name], array.shape[axis])
        return made, sizes

    def sorted(self, count: int, batch_size: int) -> Iterator[np.ndarray]:
        """The first rows in batches of like length, for a plan that learns nothing: how rows are parted is free there.

        Yields: rows (n,), longest first: at most `batch_size`, and MOST_STEPS steps with what is padded; or one row.
        """
        order = np.argsort(self.length[:count], kind="stable")
        start = 0
        while start < count:
            # Lengths rise, so the last row of a batch says how long all of it becomes.
            steps = self.length[order[start : start + batch_size]] * np.arange(1, min(batch_size, count - start) + 1)
            size = max(1, int(np.searchsorted(steps, MOST_STEPS, side="right")))
            yield order[start : start + size][::-1]
            start += size


def run_whole(plan: Plan, data: DataSet) -> Run:
    """Run a plan on a data set as one batch, its rows in the order in which `fit` runs them."""
    trim = Trim.of(data, plan.graph.inputs)
    return plan.run(data.arrays) if trim is None else trim.run(plan, trim.longest_first(np.arange(data.rows)))


def by_length(orders: np.ndarray, length: np.ndarray, batch_size: int) -> np.ndarray:
    """Shuffled orders, rearranged so that batches hold rows of like length.

    Args: orders: rows, shuffled; each also says which batch comes first. length: steps of every row of the data.

    Shapes: orders (..., n), length (N,) -> (..., n).

    Example:
        >>> import numpy as np
        >>> by_length(np.array([0, 1, 2, 3]), np.array([9, 1, 8, 2]), batch_size=2).tolist()
        [1, 3, 2, 0]
    """
    pool = POOL * batch_size
    sorted_pools = [
        # Stable: rows of one length stay as shuffled, the same on every machine.
        np.take_along_axis(part, np.argsort(length[part], axis=-1, kind="stable"), axis=-1)
        for part in np.split(orders, range(pool, orders.shape[-1], pool), axis=-1)
    ]
    rows = np.concatenate(sorted_pools, axis=-1)
    whole = rows.shape[-1] // batch_size
    end = whole * batch_size
    batches = rows[..., :end].reshape(*rows.shape[:-1], whole, batch_size)
    # Shuffled row numbers rank the batches: no second source of chance beside (seed, epoch).
    ranks = np.argsort(orders[..., :whole], axis=-1, kind="stable")
    batches = np.take_along_axis(batches, ranks[..., None], axis=-2)
    return np.concatenate([batches.reshape(rows[..., :end].shape), rows[..., end:]], axis=-1)


def neighbours(length: Sequence[int] | np.ndarray, batch_size: int) -> Iterator[slice]:
    """Rows in their order, for what only answers: at most `batch_size`, and MOST_STEPS steps with padding; or one row.

    Shapes: length (N,).

    Example:
        >>> list(neighbours([3, 100_000, 2, 5], batch_size=2))
        [slice(0, 1, None), slice(1, 2, None), slice(2, 4, None)]
    """
    start = longest = 0
    for row, steps in enumerate(length):
        longest = max(longest, int(steps))
        if row > start and (row - start >= batch_size or longest * (row - start + 1) > MOST_STEPS):
            yield slice(start, row)
            start, longest = row, int(steps)
    if len(length) > start:
        yield slice(start, len(length))


def left(size: Size, lengths: Mapping[Size, np.ndarray]) -> np.ndarray | None:
    """How long each row is along an axis whose size follows from that of a ragged one; None where none is.

    Shapes: lengths (N,) each -> (N,).
    """
    for of, n in lengths.items():
        if size == of:
            return n
        if isinstance(size, Dim) and isinstance(of, Dim) and size.symbols and size.symbols == of.symbols:
            each, places = np.unique(n, return_inverse=True)
            return np.array([max(0, size.evaluate({str(of): int(k)})) for k in each], np.int32)[places]
    return None
