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
from elman.shapes import Dim
from elman.training.sources import DataSet

__all__ = ["MOST_STEPS", "POOL", "Trim", "by_length", "neighbours", "run_whole"]

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
        if not longest or isinstance(inputs[0].shape[0], int):
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
        """The same rows, the longest first, for loops stop at the last row that goes on. Shapes: rows (n,) -> (n,)."""
        return rows[np.argsort(-self.length[rows], kind="stable")]

    def run_batches(self, plan: Plan, order: np.ndarray, batch_size: int, sizes: Mapping[str, np.ndarray]) -> Run:
        """Run a plan on batches of what `parted` gave: on all, or on the first of them. Shapes: order (n,)."""
        run = plan.run_ragged(self.data.arrays, order, batch_size, sizes)
        return self.run(plan, order[:batch_size]) if run is None else run

    def parted(self, order: np.ndarray, batch_size: int) -> tuple[np.ndarray, dict[str, np.ndarray]]:
        """An order with the longest rows of each batch first, and by open size how long each batch is.

        Shapes: order (N,) -> (N,), sizes (batches,).
        """
        whole = len(order) // batch_size * batch_size
        batches = order[:whole].reshape(-1, batch_size)
        batches = np.take_along_axis(batches, np.argsort(-self.length[batches], axis=1, kind="stable"), axis=1)
        made = np.concatenate([batches.ravel(), self.longest_first(order[whole:])])
        starts = np.arange(0, len(order), batch_size)
        sizes = {name: np.maximum(1, np.maximum.reduceat(n[made], starts)) for name, n in self.longest.items()}
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


def by_length(order: np.ndarray, length: np.ndarray, batch_size: int) -> np.ndarray:
    """A shuffled order, rearranged so that batches hold rows of like length.

    Args: order: rows, shuffled; it also says which batch comes first. length: steps of every row of the data.

    Shapes: order (n,), length (N,) -> (n,).

    Example:
        >>> import numpy as np
        >>> by_length(np.array([0, 1, 2, 3]), np.array([9, 1, 8, 2]), batch_size=2).tolist()
        [1, 3, 2, 0]
    """
    pool = POOL * batch_size
    sorted_pools = [
        # Stable: rows of one length stay as shuffled, the same on every machine.
        part[np.argsort(length[part], kind="stable")]
        for part in np.split(order, range(pool, len(order), pool))
    ]
    rows = np.concatenate(sorted_pools)
    whole = len(rows) // batch_size
    batches = rows[: whole * batch_size].reshape(whole, batch_size)
    # Shuffled row numbers rank the batches: no second source of chance beside (seed, epoch).
    ranks = np.argsort(order[:whole], kind="stable")
    return np.concatenate([batches[ranks].ravel(), rows[whole * batch_size :]])


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
