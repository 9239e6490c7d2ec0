"""Truncated backpropagation through time: long streams read in windows, states carried from window to window.

All streams are put one behind another and cut into `rows` contiguous rows of one length, which are read side by side:
window after window, an update after each, the gradient reaching back to the start of the window and no further. Nothing
is padded and nothing is left out: where the steps do not divide, rows overlap by a few. A state starts anew where a
stream starts, where a row starts, and wherever the caller says. Memory grows with the window, never with the stream.

Source: Williams and Peng 1990, "An efficient gradient-based algorithm for on-line training of recurrent network
    trajectories", with k1 = k2.
Known weakness: what a row starts with was, in the middle of a stream, preceded by steps that its state has not seen.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any, ClassVar, final

import numpy as np

from elman import ops
from elman.errors import DataError, DTypeError, ShapeError
from elman.executors import Plan, Rows, Run
from elman.graph import Tensor, placeholder
from elman.layers.base import Companion
from elman.shapes import B, T, evaluate
from elman.training.program import Signature
from elman.training.sources import DataSet

__all__ = ["Carried", "Windows"]


@final
class Carried(Companion):
    """States of recurrent layers as inputs and outputs of a graph, started anew in rows that say so.

    Args: restart: where. Shapes: (B,) for the first step alone, or (B, T).
    """

    carries: ClassVar[bool] = True

    def __init__(self, restart: Tensor) -> None:
        self.restart = restart
        self.before: list[Tensor] = []
        self.after: list[Tensor] = []
        self._along: list[bool] = []

    def start(self, layer: str, steps: Tensor, states: Sequence[Tensor]) -> Sequence[Tensor]:
        """What the last window left, or `states` where it is to start anew."""
        self._along.append(steps.shape[0] == T)
        if not self._along[-1]:
            return states
        leaves = [placeholder(f"{layer}/state_{i}", s.shape, s.dtype) for i, s in enumerate(states)]
        self.before.extend(leaves)
        if self.restart.ndim > 1:
            return leaves
        return [_chosen(self.restart, s, leaf) for s, leaf in zip(states, leaves, strict=True)]

    def restarts(self, layer: str, steps: Tensor) -> Tensor | None:
        """Where in the walk states start anew. Shapes: -> (T, B) bool."""
        return ops.swapaxes(self.restart, 0, 1) if self.restart.ndim > 1 and self._along[-1] else None

    def finish(self, layer: str, states: Sequence[Tensor]) -> None:
        """What the next window begins with."""
        if self._along[-1]:
            self.after.extend(states)


def _chosen(where: Tensor, a: Tensor, b: Tensor) -> Tensor:
    """a in the rows where it holds, else b. Shapes: where (B,); a, b (B, ...)."""
    return ops.where(ops.reshape(where, (*where.shape, *(1,) * (a.ndim - 1))), a, b)


@final
class Windows:
    """A data set of long sequences as windows of rows read side by side.

    Args:
        data: sequences whose inputs, targets and weights all have a step for every step of x.
        steps: the longest a window may be.
        rows: how many are read side by side; None: 32, or as many as have a window each.
        resets: True where a sequence starts anew within a row of x, or a list of such rows. Shapes: (N, T); (T,)
            where there is one row.
        held_out: how many rows of x, and of resets, come after those of the data.
    Raises: ShapeError: resets of another shape. DataError: no steps at all.
    """

    def __init__(
        self, where: str, data: DataSet, steps: int, rows: int | None = None, resets: Any = None, held_out: int = 0
    ) -> None:  # fmt: skip
        count, longest = data.arrays[0].shape[:2]
        given = next((n for n in data.lengths if n is not None), None)
        lengths = np.full(count, longest) if given is None else np.asarray(given)
        total = int(lengths.sum())
        if total == 0:
            raise DataError.at(where, "x", "have steps", f"{count} sequences of none", "Leave empty sequences out.")
        self.rows = max(1, min(32, total // steps)) if rows is None else min(rows, total)
        self.signature = data.signature._replace(
            ragged=(False,) * len(data.signature.ragged),
            weights=tuple(2 if rank else 0 for rank in data.signature.weights),
        )  # fmt: skip
        inputs, ragged = len(data.lengths), sum(n is not None for n in data.lengths)
        own = [*data.arrays[:inputs], *data.arrays[inputs + ragged :]]  # lengths lie behind the inputs
        self._arrays = [_by_step(a, count, longest) for a in own]
        place = np.concatenate([np.arange(n) + i * longest for i, n in enumerate(lengths)])
        first = np.zeros(count * longest, bool)
        first[np.arange(count)[lengths > 0] * longest] = True
        first |= _marks(where, resets, lengths, longest, held_out)
        self._index, self._restart = _rows(place, first, self.rows)
        self._parts = int(-(-self._index.shape[1] // steps))

    def __len__(self) -> int:
        return self._parts

    def run(self, plan: Callable[[Signature], Plan]) -> Iterator[Run]:
        """Every window once, in order. Args: plan: that of a signature; its outputs are the loss, then the states."""
        width = self._index.shape[1]
        states: list[np.ndarray] | None = None
        for i in range(self._parts):
            # Nearly equal windows: a short last one would weigh as much as the others in an update.
            cut = slice(i * width // self._parts, (i + 1) * width // self._parts)
            restart = self._restart[:, cut]
            # A choice at every step costs time: only windows with a start after their first step pay it.
            inside = bool(restart[:, 1:].any())
            made = plan(self.signature._replace(restarts=2 if inside else 1))
            arrays = [a[self._index[:, cut]] for a in self._arrays]
            if states is None:
                leaves = made.graph.inputs[len(arrays) + 1 :]
                states = [np.zeros(evaluate(t.shape, {str(B): self.rows}), t.dtype) for t in leaves]
            run = made.run([*arrays, restart if inside else restart[:, 0], *states])
            states = run.outputs[1:]
            yield run


def _by_step(array: np.ndarray | Rows, rows: int, steps: int) -> np.ndarray:
    """One entry a step; a number a row is that of each of its steps. Shapes: (N, T, ...) or (N,) -> (N*T, ...)."""
    given = np.asarray(array)
    whole = given if given.ndim > 1 else np.repeat(given[:, None], steps, axis=1)
    flat: np.ndarray = np.ascontiguousarray(whole).reshape(rows * steps, *whole.shape[2:])
    return flat


def _marks(where: str, resets: Any, lengths: np.ndarray, steps: int, held_out: int = 0) -> np.ndarray:
    """Shapes: lengths (N,) -> (N*T,) bool."""
    rows = len(lengths)
    if resets is None:
        return np.zeros(rows * steps, bool)
    given = _side_by_side(where, resets, lengths)
    if given.dtype != bool and not (given.dtype.kind in "iuf" and np.isin(given, (0, 1)).all()):
        cure = "Give True at the steps before which the states start anew, False at the others."
        raise DTypeError.at(where, "resets", "True or False, or 1 and 0", _other(given), cure)
    marks = given.astype(bool)
    marks = marks[None] if marks.ndim == 1 and rows == 1 else marks
    if held_out and marks.ndim == 2 and len(marks) == rows + held_out:
        marks = marks[:rows, :steps]
    if marks.shape != (rows, steps):
        rule = f"have shape ({rows + held_out}, {steps})"
        raise ShapeError.at(where, "resets", rule, marks.shape, "Give True or False for every step of x.")
    return marks.reshape(-1)


def _side_by_side(where: str, resets: Any, lengths: np.ndarray) -> np.ndarray:
    """Marks as one array, those of rows of unlike length with 0 after them.

    Raises: ShapeError: other marks than a row has steps.
    """
    if not isinstance(resets, (list, tuple)) or len({np.shape(row) for row in resets}) == 1:
        return np.asarray(resets)
    parts = [np.asarray(row) for row in resets]
    for i, (part, steps) in enumerate(zip(parts, lengths, strict=False)):
        if part.shape != (steps,):
            rule = f"have shape ({steps},), that of the steps of the row"
            raise ShapeError.at(where, f"resets[{i}]", rule, part.shape, "Give True or False for every step of x.")
    whole = np.zeros((len(parts), max(part.size for part in parts)), np.result_type(*parts))
    for row, part in zip(whole, parts, strict=True):
        row[: part.size] = part.reshape(-1)
    return whole


def _other(given: np.ndarray) -> Any:
    """What an array of marks has that is none: its first number but 0 and 1, or its type."""
    return given[~np.isin(given, (0, 1))][0] if given.dtype.kind in "iuf" else str(given.dtype)


def _rows(place: np.ndarray, first: np.ndarray, rows: int) -> tuple[np.ndarray, np.ndarray]:
    """Contiguous rows of steps, and where a state starts anew in them. Shapes: (S,), (N*T,) -> (rows, L) twice."""
    width = -(-len(place) // rows)
    starts = np.round(np.linspace(0, len(place) - width, rows)).astype(np.int64)
    index = place[starts[:, None] + np.arange(width)]
    restart = first[index]
    restart[:, 0] = True
    return index, restart
