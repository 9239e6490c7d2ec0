"""RNN and StackedRNNCells: any cell, or several on top of each other, walked along time."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, final

from elman.errors import ArgumentError
from elman.graph.node import Tensor
from elman.layers.registry import register
from elman.layers.rnn.cell import REGULARIZERS, Cell
from elman.layers.rnn.recurrence import Recurrence, dropped
from elman.shapes import Size


@register
@final
class StackedRNNCells(Cell):
    """Cells on top of each other within one step: the output of one is the input of the next.

    All their states are its states. The same numbers as stacked recurrent layers that return sequences, but in one
    walk; a stack of layers is usually faster, for the products of each with its whole input then leave the loop.

    Args:     cells: the cells, lowest first.
    Shapes:   step: x (B, F), the states of each cell in order -> the last cell's output, new states.
    Raises:   ArgumentError: not a list of cells.
    Example:
        >>> from elman.layers import RNN, GRUCell, Input, LSTMCell
        >>> RNN(StackedRNNCells([LSTMCell(8), GRUCell(4)]))(Input((None, 3))).shape
        (B, 4)
    """

    unsaved = ("dropout", "recurrent_dropout", "seed", *REGULARIZERS)  # the cells have their own
    refuses = dict.fromkeys(unsaved, "each cell of the stack has its own")
    cells: Sequence[Cell]

    def __init__(self, cells: Sequence[Cell], **kwargs: Any) -> None:
        super().__init__(**kwargs)
        if not isinstance(cells, (list, tuple)) or not cells or not all(isinstance(c, Cell) for c in cells):
            raise ArgumentError.at(
                self.where, "cells", "be a list of cells", cells, "Pass [LSTMCell(8), GRUCell(4)], say."
            )
        self.cells = list(cells)
        self._share_dtype(kwargs.get("dtype"), *self.cells)

    @property
    def state_size(self) -> tuple[int, ...]:  # type: ignore[override]  # follows from the cells'
        """Those of each cell; known as soon as theirs are."""
        return tuple(size for cell in self.cells for size in cell.state_sizes)

    def build(self, features: int) -> None:
        """Build each cell for the output of the one below."""
        for cell in self.cells:
            if not cell.built:
                cell.build(features)
            features = getattr(cell, "output_size", None) or cell.state_sizes[0]

    def step(self, x: Tensor, *states: Tensor) -> list[Tensor]:
        """Each cell's step, lowest first."""
        after: list[Tensor] = []
        for cell, mine in zip(self.cells, self._split(states), strict=True):
            x, *new = cell.advance(dropped(cell, x), *mine)
            after.extend(new)
        return [x, *after]

    def get_initial_state(self, batch_size: Size) -> list[Tensor]:
        """Those of each cell."""
        return [state for cell in self.cells for state in cell.get_initial_state(batch_size)]

    def members(self) -> list[Cell]:
        """The cells, and those of stacks among them."""
        return [member for cell in self.cells for member in cell.members()]

    def grouped(self, states: Sequence[Tensor]) -> list[Any]:
        """One entry for each cell: its state, or the list of its states."""
        return [mine[0] if len(mine) == 1 else mine for mine in self._split(states)]

    @property
    def output_size(self) -> int:
        """Units of the last cell's output."""
        last = self.cells[-1]
        return int(getattr(last, "output_size", None) or last.state_sizes[0])

    def _split(self, states: Sequence[Tensor]) -> list[list[Tensor]]:
        rest = list(states)
        return [[rest.pop(0) for _ in cell.state_sizes] for cell in self.cells]


@register
@final
class RNN(Recurrence):
    """Any cell as a layer: your own equation, walked along time, differentiated and run natively.

    The options mean the same for every cell and every recurrent layer.

    Args:
        cell: a `Cell`, or a list of them to be stacked.
        return_sequences: all outputs, not the last one alone.
        return_state: also the states after the last step: the result is `[output, state, ...]`.
        go_backwards: walk from the last step to the first; outputs come in the order they were made: where rows have
            lengths, those of the real steps, then padding. A mask of values is turned with x, but not with the
            outputs: the layers after this one see it as it was, as in Keras.
        stateful: the states after a batch are those before the next, whatever its size: row i goes on where row i was,
            and starts at 0 if there was none. `reset_state(rows)` forgets.
        learn_initial_state: the states before the first step are weights, the same for every row.
        unroll: accepted for Keras's sake; changes no result.
        zero_output_for_mask: masked steps give 0; by default they repeat the output before them, as in Keras. Where
            rows have lengths, padded steps always give 0, and the last output is that of the last real step.
    Call:     rnn(x, initial_state=None, mask=None): initial_state is one tensor (B, U) for each state, in a list.
    Shapes:   x (B, T, F) -> (B, U), or (B, T, U) with return_sequences; states (B, U).
    Raises:   ShapeError: x is not of rank 3. ArgumentError: the cell's step gives other than output and states.
    Example:
        >>> from elman.layers import Input, SimpleRNNCell
        >>> RNN(SimpleRNNCell(5), return_sequences=True)(Input((None, 3))).shape
        (B, T, 5)
    """

    def __init__(
        self, cell: Any, return_sequences: bool = False, return_state: bool = False, go_backwards: bool = False,
        stateful: bool = False, unroll: bool = False, zero_output_for_mask: bool = False, **kwargs: Any,
    ) -> None:  # fmt: skip
        if isinstance(cell, (list, tuple)):
            cell = StackedRNNCells(cell)
        if not isinstance(cell, Cell):
            raise ArgumentError.at(
                "RNN", "cell", "be a Cell, or a list of them", cell, "Derive yours from elman.layers.Cell."
            )
        super().__init__(
            cell, return_sequences, return_state, go_backwards, stateful, unroll, zero_output_for_mask, **kwargs
        )
