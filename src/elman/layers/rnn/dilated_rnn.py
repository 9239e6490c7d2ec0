"""Dilated recurrence: cells that look back further than one step, the higher the further."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, final

import numpy as np

from elman.arguments import check_whole
from elman.errors import ArgumentError
from elman.graph.node import Tensor
from elman.layers.arguments import check_units
from elman.layers.registry import register
from elman.layers.rnn.cell import REGULARIZERS, Cell
from elman.layers.rnn.recurrence import Recurrence
from elman.layers.rnn.rnn import StackedRNNCells
from elman.shapes import Size


@register
@final
class DilatedCell(Cell):
    """A cell whose past is `dilation` steps ago: h_t from x_t and h_{t-d}. Its states: those of the last d steps.

    Args:     cell: any cell, with its own dropouts. dilation: d; 1 is the cell itself.
    Shapes:   step: x (B, F), d times the states of the cell, oldest first -> output, new states.
    Raises:   ArgumentError: not a cell; dilation < 1.
    """

    unsaved = ("dropout", "recurrent_dropout", "seed", *REGULARIZERS)
    refuses = dict.fromkeys(unsaved, "the cell inside has its own")

    def __init__(self, cell: Cell, dilation: int = 1, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        if not isinstance(cell, Cell):
            raise ArgumentError.at(self.where, "cell", "be a Cell", cell, "Pass GRUCell(8), say.")
        check_units(self.where, "dilation", dilation)
        self.cell, self.dilation = cell, dilation
        self._share_dtype(kwargs.get("dtype"), cell)

    def build(self, features: int) -> None:
        """Build the cell."""
        if not self.cell.built:
            self.cell.build(features)

    def step(self, x: Tensor, *states: Tensor) -> Sequence[Tensor]:
        """The cell's step from the oldest states, which make room for the new ones."""
        count = len(self.cell.state_sizes)
        y, *new = self.cell.advance(x, *states[:count])
        return [y, *states[count:], *new]

    def get_initial_state(self, batch_size: Size) -> list[Tensor]:
        """Those of the cell, for each of the steps before the first."""
        return [s for _ in range(self.dilation) for s in self.cell.get_initial_state(batch_size)]

    @property
    def state_size(self) -> tuple[int, ...]:  # type: ignore[override]  # follows from the cell's
        """Those of the cell, d times."""
        return self.cell.state_sizes * self.dilation

    @property
    def output_size(self) -> int:
        """Units of the cell's output."""
        return int(getattr(self.cell, "output_size", None) or self.cell.state_sizes[0])

    def members(self) -> list[Cell]:
        """The cell inside."""
        return self.cell.members()


@register
@final
class DilatedRNN(Recurrence):
    """Layers of cells on top of each other, each looking back twice as far as the one below.

    For long sequences: the way from x_0 to y_T is T / d steps long, so gradients survive. Not faster
    than a stack: every layer still works at every step.

    h_t^(l) = cell_l(h_t^(l-1), h_{t-d_l}^(l)), h^(0) = x; steps before the first give the initial state.

    Args:
        cells: one cell for each layer, lowest first.
        dilations: d of each layer; default 1, 2, 4, ...
        return_sequences, return_state, go_backwards, stateful, zero_output_for_mask, learn_initial_state: see `RNN`.
    Shapes:   x (B, T, F) -> (B, U), or (B, T, U) with return_sequences, U of the last cell.
    Raises:   ShapeError: x is not of rank 3. ArgumentError: not a list of cells, or not one dilation for each.
    Source:   Chang et al. 2017, "Dilated Recurrent Neural Networks", equations 1 and 2; without its fusion layer (start
              with dilation 1, or put a `Dense` layer on top).
    Example:
        >>> from elman.layers import GRUCell, Input
        >>> DilatedRNN([GRUCell(8), GRUCell(8), GRUCell(4)], return_sequences=True)(Input((None, 3))).shape
        (B, T, 4)
    """

    def __init__(self, cells: Sequence[Cell], dilations: Sequence[int] | None = None, **kwargs: Any) -> None:
        given = list(cells) if isinstance(cells, (list, tuple)) else []
        one = dilations is None or np.ndim(dilations) == 0
        steps = [2**i for i in range(len(given))] if dilations is None else [] if one else list(dilations)
        if not given or len(steps) != len(given):
            rule, cure = "be one number of steps for each of the cells", "Pass [1, 2, 4] for three cells, say."
            raise ArgumentError.at("DilatedRNN", "dilations", rule, dilations, cure)
        steps = [check_whole("DilatedRNN", "dilations", n, 1) for n in steps]
        super().__init__(StackedRNNCells([DilatedCell(c, d) for c, d in zip(given, steps, strict=True)]), **kwargs)
        self.dilations = steps

    @property
    def cells(self) -> list[Cell]:
        """The cells as they were given."""
        return self.cell.members()

    def get_config(self) -> dict[str, Any]:
        """The constructor's arguments; what `RNN` calls cell is made from them."""
        return {k: v for k, v in super().get_config().items() if k != "cell"}
