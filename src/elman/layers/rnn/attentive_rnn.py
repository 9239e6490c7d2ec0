"""A decoder that looks: at each step a cell reads, beside its input, a mean of a memory that fits its state."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, final

from elman.errors import ArgumentError, ShapeError
from elman.graph import trace as ops
from elman.graph.node import Tensor
from elman.layers.arguments import check_units
from elman.layers.base import Mask, Tracing
from elman.layers.registry import register
from elman.layers.rnn.cell import REGULARIZERS, Cell
from elman.layers.rnn.recurrence import Recurrence, dropped
from elman.layers.scores import pairs, shares
from elman.shapes import Size, text

KINDS = ("additive", "dot", "general")


@register
@final
class AttentiveCell(Cell):
    """A cell that looks at a memory (B, S, M) at each step. Walk it with `AttentiveRNN`, which brings the memory.

    Args:     cell: any cell. attention, attention_units: see `AttentiveRNN`.
    Shapes:   step: x (B, F), the states of the cell, with Luong's attention also the output before (B, A) -> output.
    Raises:   ArgumentError: not a cell; another attention.
    """

    unsaved = ("dropout", "recurrent_dropout", "seed", *REGULARIZERS)
    refuses = dict.fromkeys(unsaved, "the cell inside has its own")
    cell: Cell
    attention: str

    def __init__(
        self, cell: Cell, attention: str = "additive", attention_units: int | None = None, **kwargs: Any
    ) -> None:
        super().__init__(**kwargs)
        if not isinstance(cell, Cell):
            raise ArgumentError.at(self.where, "cell", "be a Cell", cell, "Pass GRUCell(8), say.")
        if attention not in KINDS:
            raise ArgumentError.at(
                self.where, "attention", f"one of {', '.join(KINDS)}", attention, "Additive is Bahdanau's."
            )
        if attention_units is not None:
            check_units(self.where, "attention_units", attention_units)
        self.cell, self.attention, self.attention_units = cell, attention, attention_units
        self._share_dtype(kwargs.get("dtype"), cell)
        self.memory_features: int | None = None
        self.weights_now: Tensor | None = None
        self._memory: Tensor | None = None
        self._keys: Tensor | None = None
        self._visible: Tensor | None = None

    @property
    def units(self) -> int:
        """Units of the inner cell's output."""
        return int(getattr(self.cell, "output_size", None) or self.cell.state_sizes[0])

    @property
    def size(self) -> int:
        """Units A of the attention."""
        return self.attention_units or self.units

    @property
    def state_size(self) -> tuple[int, ...]:  # type: ignore[override]  # follows from the cell's
        """Those of the cell; with Luong's attention the output too, which is fed back."""
        return self.cell.state_sizes if self.attention == "additive" else (*self.cell.state_sizes, self.size)

    @property
    def output_size(self) -> int:
        """Units of the output: Bahdanau's is the cell's beside the mean of the memory."""
        return self.units + (self.memory_features or 0) if self.attention == "additive" else self.size

    def build(self, features: int) -> None:
        """Add the attention's weights and build the cell for its input beside what was looked at."""
        memory = self.memory_features
        if memory is None:
            raise ArgumentError.at(self.where, "memory", "known", None, "Walk the cell with AttentiveRNN.")
        size, additive = self.size, self.attention == "additive"
        if not self.cell.built:
            self.cell.build(features + (memory if additive else size))
        if additive:
            self.query_kernel = self.add_weight("query_kernel", (self.units, size))
            self.memory_kernel = self.add_weight("memory_kernel", (memory, size))
            self.attention_bias = self.add_weight("attention_bias", (size,), "zeros")
            self.score_kernel = self.add_weight("score_kernel", (size, 1))
            return
        if self.attention == "general":
            self.memory_kernel = self.add_weight("memory_kernel", (memory, self.units))
        elif memory != self.units:
            rule, cure = f"have {self.units} features, those of the cell's output", 'Use attention="general".'
            raise ShapeError.at(self.where, "memory", rule, memory, cure)
        self.output_kernel = self.add_weight("output_kernel", (memory + self.units, size))

    def look(self, memory: Tensor, mask: Mask | None) -> None:
        """What the next walk looks at. Its keys are made here, once. Shapes: memory (B, S, M)."""
        self._memory = self._keys = memory
        self._visible = None if mask is None else ops.expand_dims(mask.tensor(memory.shape[1]), 1)
        if self.attention == "additive":
            self._keys = memory @ self.memory_kernel + self.attention_bias.tensor
        elif self.attention == "general":
            self._keys = memory @ self.memory_kernel

    def step(self, x: Tensor, *states: Tensor) -> Sequence[Tensor]:
        """The equation."""
        inner = len(self.cell.state_sizes)
        if self.attention == "additive":
            context = self._context(states[0])
            y, *new = self._inner([x, context], states)
            return [ops.concatenate([y, context], -1), *new]
        y, *new = self._inner([x, states[inner]], states[:inner])
        output = ops.tanh(ops.concatenate([self._context(y), y], -1) @ self.output_kernel)
        return [output, *new, output]

    def gates(self, x: Tensor, *states: Tensor) -> dict[str, Tensor]:
        """Those of the cell, and where it looks: attention (B, S)."""
        self.step(x, *states)
        assert self.weights_now is not None, "set by a step"
        return {"attention": self.weights_now}

    def get_initial_state(self, batch_size: Size) -> list[Tensor]:
        """Those of the cell; zeros for the output before."""
        own = self.cell.get_initial_state(batch_size)
        return own if self.attention == "additive" else [*own, ops.zeros((batch_size, self.size), self.dtype)]

    def members(self) -> list[Cell]:
        """This one and those inside."""
        return [self, *self.cell.members()]

    def _inner(self, xs: list[Tensor], states: Sequence[Tensor]) -> Sequence[Tensor]:
        """The cell's step on several inputs side by side."""
        joined = ops.concatenate(xs, -1)
        return self.cell.advance(dropped(self.cell.members()[0], joined), *states)

    def _context(self, query: Tensor) -> Tensor:
        """The mean of the memory that fits a query. Shapes: (B, U) -> (B, M)."""
        assert self._memory is not None, "AttentiveRNN brings the memory"
        assert self._keys is not None, "made with the memory"
        if self.attention == "additive":
            q = ops.expand_dims(query[:, : self.units] @ self.query_kernel, 1)
            scores = ops.squeeze(ops.tanh(pairs(q, self._keys)) @ self.score_kernel, -1)
        else:
            scores = ops.matmul(ops.expand_dims(query, 1), self._keys, transpose_b=True)
        weights = shares(scores, self._visible)
        self.weights_now = ops.squeeze(weights, 1)
        return ops.squeeze(ops.matmul(weights, self._memory), 1)


@register
@final
class AttentiveRNN(Recurrence):
    """A recurrent decoder that looks at a memory, such as an encoder's outputs, at every step.

    With attention="additive" (Bahdanau), s the state before: weights = softmax(tanh(s W + m_j V + b) v), context = mean
    of the memory; the cell reads [x, context]; the output is [h, context]. With "dot" or "general" (Luong, with input
    feeding): h = cell([x, o']), o' the output before; weights = softmax(h . m_j) or softmax(h . m_j W);
    o = tanh([context, h] C). Masked steps of the memory are not seen; a row whose memory is all masked sees 0.

    Args:
        cell: a `Cell`; its first state (additive) or its output asks.
        attention: "additive", "dot" (the memory must have as many features as the cell has units) or "general".
        attention_units: A; default the units of the cell.
        return_sequences, return_state, go_backwards, stateful, zero_output_for_mask: see `RNN`.
    Call:     rnn([x, memory], initial_state=None): initial_state is one tensor for each state of the cell.
    Shapes:   x (B, T, F), memory (B, S, M) -> (B, T, U + M) additive, else (B, T, A); (B, ...) without sequences.
    Raises:   ArgumentError: other inputs than x and a memory; another attention. ShapeError: ranks; sizes with "dot".
    Source:   Bahdanau et al. 2015, appendix A.1.2, but the cell's own equation; Luong et al. 2015, sections 3.1, 3.3.
    Example:
        >>> from elman.layers import GRUCell, Input
        >>> decoder = AttentiveRNN(GRUCell(8), attention="general", return_sequences=True)
        >>> decoder([Input((None, 3)), Input((5, 16))]).shape
        (B, T, 8)
    """

    cell: AttentiveCell

    def __init__(
        self, cell: Any, attention: str = "additive", attention_units: int | None = None, **kwargs: Any
    ) -> None:
        with self._making(kwargs.pop("name", None)) as name:
            if not isinstance(cell, AttentiveCell):
                cell = AttentiveCell(cell, attention, attention_units, dtype=kwargs.get("dtype"), name="attentive_cell")
        super().__init__(cell, name=name, **kwargs)
        self.attention, self.attention_units = cell.attention, cell.attention_units

    def build(self, input_shape: tuple[Any, ...], memory_shape: tuple[Any, ...]) -> None:  # type: ignore[override]
        """Build the cell for its input and memory."""
        self.cell.memory_features = memory_shape[-1]
        super().build(input_shape)

    def call(self, inputs: Any, initial_state: Any = None, mask: Any = None) -> Any:
        """The output, and the states if asked for."""
        x, memory = inputs
        own, others = (None, memory.mask) if mask is None else mask
        self.cell.look(memory, others)
        return super().call(x, initial_state, own)

    def compute_mask(self, x: Any, mask: Any) -> Any:
        """That of x where whole sequences come out."""
        return mask[0] if self.return_sequences and mask is not None else None

    def get_config(self) -> dict[str, Any]:
        """The constructor's arguments; the cell as it was given."""
        config = super().get_config()
        return {**config, "cell": config["cell"]["config"]["cell"]}

    def _accept(self, x: Any) -> Any:
        """Raises: ArgumentError: not [x, memory]. ShapeError: the memory is no sequence."""
        pair = x if isinstance(x, (list, tuple)) else [x]
        self._check(pair[0])
        if len(pair) != 2:
            cure = "Call it with a list of the two."
            raise ArgumentError.at(self.where, "inputs", "[x, memory]", f"{len(pair)} of them", cure)
        if x[1].ndim != 3:
            cure = "Give the encoder return_sequences=True."
            raise ShapeError.at(self.where, "memory", "have shape (B, S, M)", text(x[1].shape), cure)
        return super()._accept(list(x))

    def _initial(self, now: Tracing, x: Tensor, given: Any) -> list[Tensor]:
        """The states before the first step; what the cell inside does not have starts at 0."""
        missing = len(self.cell.state_sizes) - len(self.cell.cell.state_sizes)
        if given is not None and missing:
            listed = list(given) if isinstance(given, (list, tuple)) else [given]
            if len(listed) == len(self.cell.cell.state_sizes):
                given = [*listed, *self.cell.get_initial_state(x.shape[0])[-missing:]]
        return super()._initial(now, x, given)
