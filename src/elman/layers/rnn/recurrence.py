"""The one mechanism of recurrence: a cell walked along time by `scan`, with every option of every recurrent layer.

Directions, masks, lengths, kept and learned states, dropout and the random numbers of zoneout are done here, once, so
a user's cell has them as the built-in ones do. What an equation must heed (`recall`, `recur`) is in `cell.py`.

Source:   Keras 3's options and meanings; variational dropout from Gal and Ghahramani 2016, "A Theoretically Grounded
          Application of Dropout in Recurrent Neural Networks" (their tied form: one mask of the state for all gates,
          where Keras draws one for each gate).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, final

import numpy as np

from elman.errors import ArgumentError, ShapeError
from elman.graph import trace as ops
from elman.graph.node import Graph, Node, Tensor, Variable, apply, placeholder
from elman.graph.rewrite.rebuild import copy, rebuild
from elman.graph.trace import as_array
from elman.layers.arguments import rows_named
from elman.layers.base import Layer, Mask, Tracing, current, tracing
from elman.layers.registry import serialize, snake_case
from elman.layers.rnn.cell import REGULARIZERS, Cell
from elman.shapes import Size, text

_OPTIONS = (
    "return_sequences", "return_state", "go_backwards", "stateful", "unroll", "zero_output_for_mask",
)  # fmt: skip


class Recurrence(Layer):
    """A layer that walks a cell along time. See `RNN` for the options."""

    axes = ("B", "T", "F")
    input_kind = "real"
    supports_masking = True
    cell: Cell
    return_sequences: bool
    return_state: bool
    go_backwards: bool
    stateful: bool
    zero_output_for_mask: bool
    learn_initial_state: bool

    def __init__(
        self, cell: Cell, return_sequences: bool = False, return_state: bool = False, go_backwards: bool = False,
        stateful: bool = False, unroll: bool = False, zero_output_for_mask: bool = False,
        learn_initial_state: bool = False, **kwargs: Any,
    ) -> None:  # fmt: skip
        super().__init__(**kwargs)
        self._store({k: v for k, v in locals().items() if k in ("cell", "learn_initial_state", *_OPTIONS)})
        self._share_dtype(kwargs.get("dtype"), cell)
        self.states: list[Variable] | None = None
        self.starts: list[Variable] | None = None
        reason = "a stateful layer starts where the last batch ended" if stateful else _reason(cell)
        if learn_initial_state and reason:
            raise ArgumentError.at(
                self.where, "learn_initial_state", "be False here", True, "Leave it out.", because=reason
            )

    def build(self, input_shape: tuple[Any, ...]) -> None:
        """Build the cell, and the kept states of a stateful layer."""
        if not self.cell.built:
            self.cell.build(input_shape[-1])
        if self.learn_initial_state:
            numbered = enumerate(self.cell.state_sizes)
            self.starts = [self.add_weight(f"initial_state_{i}", (size,), "zeros") for i, size in numbered]
        if self.stateful and self.states is None:
            self.states = []
            self.make_room(input_shape[0] if isinstance(input_shape[0], int) else 1)

    def call(self, x: Tensor, initial_state: Any = None, mask: Mask | None = None) -> Any:
        """The output, and the states if asked for. Shapes: x (B, T, F) -> (B, T, U) or (B, U); states (B, U)."""
        now, cell = current(), self.cell
        init = self._initial(now, x, initial_state)
        self._draw_masks(now, x)
        steps = ops.swapaxes(dropped(cell.members()[0], x), 0, 1)
        now.input_masks.pop(id(cell.members()[0]), None)  # done, for all steps at once
        walk = _Walk(self.name, cell, self.return_sequences, self.go_backwards, self.zero_output_for_mask)
        last, whole, finals = walk(steps, init, mask)
        for member in cell.members():
            now.input_masks.pop(id(member), None)
            now.state_masks.pop(id(member), None)
            member.check_heeded()
            for table in (now.zoneouts, now.weight_masks):
                for key in [k for k in table if k[0] == id(member)]:
                    del table[key]
        if self.states is not None and not now.companion.carries:
            for variable, value in zip(self.states, finals, strict=True):
                now.update(variable, _over_first(now.read(variable), value))
        output = last if whole is None else ops.swapaxes(whole, 0, 1)
        if self.return_sequences and self.go_backwards:  # scan leaves outputs at their own time
            output = turned(output, mask)
        return [output, *cell.grouped(finals)] if self.return_state else output

    def compute_mask(self, x: Any, mask: Any) -> Any:
        """The input's mask where whole sequences come out; as in Keras that of values is not turned round with them."""
        return mask if self.return_sequences else None

    def make_room(self, rows: int) -> bool:
        """Keep states for so many rows of a batch, at 0 where none were kept. Returns: whether they have moved."""
        states = self.states
        if states is None or (states and states[0].shape[0] >= rows):
            return False
        old = [s.value for s in states] or [np.zeros((0, u)) for u in self.cell.state_sizes]
        wider = [np.concatenate([s, np.zeros((rows - len(s), s.shape[1]), s.dtype)]) for s in old]
        self.states = [Variable(s, f"{self.name}/rnn_state", dtype=self.dtype) for s in wider]
        return True

    def reset_state(self, rows: Sequence[int] | None = None) -> None:
        """Forget what a stateful layer has kept, for all rows of the batch or some.

        Raises: ArgumentError: rows that no batch had.
        """
        for variable in self.states or ():
            at = slice(None) if rows is None else rows_named(self.where, rows, len(variable.value))
            variable.value[at] = 0

    def reset_states(self, rows: Sequence[int] | None = None) -> None:
        """Keras's older name of `reset_state`."""
        self.reset_state(rows)

    def _initial(self, now: Tracing, x: Tensor, given: Any) -> list[Tensor]:
        """The states before the first step, checked."""
        sizes = self.cell.state_sizes
        if given is None:
            if self.states is not None and not now.companion.carries:
                if isinstance(x.shape[0], int):
                    self.make_room(x.shape[0])
                return [_first(now.read(v), x.shape[0]) for v in self.states]
            states = list(self.cell.get_initial_state(x.shape[0]))
            return states if self.starts is None else [s + w for s, w in zip(states, self.starts, strict=True)]
        states = [ops.cast(t, self.dtype) for t in leaves(given)]
        if len(states) != len(sizes):
            rule = f"a list of {len(sizes)} states of sizes {text(sizes)}"
            raise ArgumentError.at(self.where, "initial_state", rule, len(states), "Give them in a list, in order.")
        for i, (t, size) in enumerate(zip(states, sizes, strict=True)):
            if t.shape != (x.shape[0], size):
                rule = f"have shape {text((x.shape[0], size))}"
                raise ShapeError.at(
                    self.where, f"initial_state[{i}]", rule, text(t.shape), "One row for each row of x."
                )
        return states

    def _draw_masks(self, now: Tracing, x: Tensor) -> None:
        """Dropout masks of each cell, one for the whole sequence, made before the loop. Shapes: (B, F), (B, U)."""
        for cell in self.cell.members() if now.training else ():
            if cell.dropout:
                features = x.shape[-1] if cell.features is None else cell.features
                now.input_masks[id(cell)] = now.dropout((x.shape[0], features), cell.dropout, cell.dtype, cell.seed)
            if cell.recurrent_dropout:
                shape = (x.shape[0], cell.state_sizes[0])
                now.state_masks[id(cell)] = now.dropout(shape, cell.recurrent_dropout, cell.dtype, cell.seed)
            for i, rate in enumerate(cell.zoneout_rates if cell.zoneout else ()):
                if rate:
                    now.zoneouts[id(cell), i] = _noise(now, x, cell, i)


@final
@dataclass(frozen=True)
class _Walk:
    """One walk of a cell along time: what to return, which way, and what a masked step gives."""

    layer: str
    cell: Cell
    sequences: bool
    reverse: bool
    zero: bool

    def __call__(
        self, steps: Tensor, init: Sequence[Tensor], mask: Mask | None
    ) -> tuple[Tensor, Tensor | None, list[Tensor]]:
        """Last output, outputs (None unless sequences), final states. Shapes: steps (T, B, F); init (B, U) each."""
        output, same = self._probe(steps, init)
        real = None if mask is None or mask.values is None else ops.swapaxes(mask.values, 0, 1)
        now = current()
        own = {id(member) for member in self.cell.members()}
        zoneouts = {k: v for k, v in now.zoneouts.items() if k[0] in own}  # in the step: the numbers of the step
        repeats = real is not None and not self.zero  # masked steps give the output before them
        zeroes = real is not None and self.zero
        # Before the first real step the output is 0, the state what it starts with.
        last_is_state = same is not None and not zeroes and (mask is None or _is_zero(init[same]))
        carried = (repeats if self.sequences else True) and not last_is_state
        first = [ops.zeros((steps.shape[1], *output.shape[1:]), output.dtype)] if carried else []
        companion = current().companion
        begin = [*init, *first]
        start = companion.start(self.layer, steps, begin)
        restarts = companion.restarts(self.layer, steps)
        probes = companion.probes(self.layer, steps, init)

        sequences = [steps, *zoneouts.values(), *(s for s in (real, restarts) if s is not None)]
        walked = len(sequences)

        def step(states: tuple[Tensor, ...], slices: tuple[Tensor, ...]) -> tuple[list[Tensor], list[Tensor]]:
            if restarts is not None:
                again = slices[walked - 1]
                states = tuple(choose(again, a, b) for a, b in zip(begin, states, strict=True))
            before, previous = states[: len(init)], states[len(init) :]
            now.zoneouts.update(zip(zoneouts, slices[1:], strict=False))
            y, *after = self.cell.advance(slices[0], *before)
            if probes:
                probed = [state + slope for state, slope in zip(after, slices[walked:], strict=True)]
                y = _reading(y, before, after, probed) if same is None else probed[same]
                after = probed
            if real is not None:
                here = slices[1 + len(zoneouts)]
                kept = [choose(here, new, old) for new, old in zip(after, before, strict=True)]
                if last_is_state and same is not None:
                    y = kept[same]
                elif self.zero:
                    y = choose(here, y, ops.zeros_like(y))
                elif carried:
                    y = choose(here, y, previous[0])
                after = kept
            kept_of_step = companion.watch(self.cell, slices[0], before, after)
            return [*after, *([y] if carried else [])], [*([y] if self.sequences else []), *kept_of_step]

        lengths = None if mask is None else mask.lengths
        finals, outputs = ops.scan(step, start, [*sequences, *probes], lengths, self.reverse)
        companion.finish(self.layer, finals)
        companion.watched(self.layer, outputs[1:] if self.sequences else outputs)
        last = finals[-1] if carried else finals[same or 0]
        return last, outputs[0] if self.sequences else None, list(finals[: len(init)])

    def _probe(self, steps: Tensor, init: Sequence[Tensor]) -> tuple[Tensor, int | None]:
        """A step traced to learn the output's shape, and which new state it is, if one.

        Raises:   ArgumentError: the step returns another number of states than it takes.
        """
        with tracing(training=False):
            states = [placeholder(f"state{i}", s.shape, s.dtype) for i, s in enumerate(init)]
            made = self.cell.advance(placeholder("x", steps.shape[1:], steps.dtype), *states)
        if not isinstance(made, (list, tuple)) or len(made) != len(init) + 1:
            received = len(made) if isinstance(made, (list, tuple)) else type(made).__name__
            rule = f"a function that returns (output, {', '.join(f'state {i + 1}' for i in range(len(init)))})"
            cure = "A step returns its output first, then each new state."
            raise ArgumentError.at(self.cell.where, "step", rule, received, cure)
        output = made[0]
        same = (i for i, s in enumerate(made[1:]) if s.node is output.node and s.index == output.index)
        return output, next(same, None)


class CellLayer(Recurrence):
    """A recurrent layer that makes its own cell from its arguments; the cell's arguments can be read from the layer."""

    cell_class: ClassVar[type[Cell]]

    def __init__(self, _arguments: dict[str, Any]) -> None:
        given = {k: v for k, v in _arguments.items() if k not in ("self", "__class__", "kwargs")}
        kwargs = {**_arguments["kwargs"], "activity_regularizer": given.pop("activity_regularizer")}
        options = {k: given.pop(k) for k in _OPTIONS if k in given}
        given |= {k: kwargs.pop(k) for k in REGULARIZERS if k in kwargs}
        self.use_cudnn = given.pop("use_cudnn", "auto")
        common = {k: kwargs[k] for k in ("dtype", "trainable") if k in kwargs}
        with self._making(kwargs.pop("name", None)) as name:
            cell = self.cell_class(**given, **common, name=snake_case(self.cell_class.__name__))
        super().__init__(cell, name=name, **options, **kwargs)

    def _common_config(self) -> dict[str, Any]:
        regularizers = {k: serialize(getattr(self.cell, k)) for k in REGULARIZERS}
        given = {k: v for k, v in regularizers.items() if v != REGULARIZERS[k]}
        learned = {"learn_initial_state": True} if self.learn_initial_state else {}
        return {**super()._common_config(), **given, **learned}

    def __getattr__(self, attribute: str) -> Any:
        if hasattr(type(self), attribute):
            return object.__getattribute__(self, attribute)  # says why it is not there
        cell = self.__dict__.get("cell")
        if cell is None or attribute.startswith("_") or not hasattr(cell, attribute):
            told = f"{type(self).__name__!r} object has no attribute {attribute!r}"
            raise AttributeError(told, name=attribute, obj=self)
        return getattr(cell, attribute)


class UnitLayer(CellLayer):
    """A recurrent layer that takes the arguments of its cell and those of `RNN`: all it adds is its page."""

    def __init__(self, units: int, **options: Any) -> None:
        known = {*self.cell_class.own_arguments(), *_OPTIONS}
        arguments = {k: options.pop(k) for k in list(options) if k in known}
        penalty = options.pop("activity_regularizer", None)
        super().__init__({"units": units, **arguments, "activity_regularizer": penalty, "kwargs": options})

    @classmethod
    def own_arguments(cls) -> list[str]:
        """Those of the cell, then those of a recurrent layer."""
        return [*cls.cell_class.own_arguments(), *_OPTIONS]


def turned(x: Tensor, mask: Mask | None) -> Tensor:
    """Time turned round, within the lengths of each row; turning back what was turned gives the original.

    Shapes: x (B, T, ...) -> (B, T, ...).
    """
    a = x.node.attrs
    if mask is not None and mask.lengths is not None:
        order = mask.order(x.shape[1])
        again = x.node.op == "Gather" and x.node.inputs[1] is order
        return x.node.inputs[0] if again else apply("Gather", x, order, batch=1)
    if x.node.op == "Slice" and a["step"] == -1 and a["axis"] == 1 and a["length"] == x.node.inputs[0].shape[1]:
        return x.node.inputs[0]
    return ops.flip(x, 1)


def dropped(cell: Cell, x: Tensor) -> Tensor:
    """The input of a cell with its dropout mask, the same at every step. Shapes: x (B, T, F) or (B, F)."""
    mask = current().input_masks.get(id(cell))
    if mask is None:
        return x
    return x * (ops.expand_dims(mask, 1) if x.ndim > mask.ndim else mask)


def _noise(now: Tracing, x: Tensor, cell: Cell, i: int) -> Tensor:
    """Uniform numbers for the zoneout of state i at every step. Shapes: x (B, T, F) -> (T, B, U)."""
    seed = None if cell.seed is None else cell.seed + i
    drawn = now.uniform((x.shape[0], x.shape[1], cell.state_sizes[i]), now.next_key(), cell.dtype, seed)
    return ops.swapaxes(drawn, 0, 1)


def _reason(cell: Cell) -> str | None:
    """Why a cell's initial state cannot be learned, if so."""
    return next((m.refuses["learn_initial_state"] for m in cell.members() if "learn_initial_state" in m.refuses), None)


def _is_zero(state: Tensor) -> bool:
    """Whether a state is known to start at 0."""
    while state.node.op in ("Expand", "Reshape"):
        state = state.node.inputs[0]
    value = as_array(state)
    return value is not None and not value.any()


def _reading(y: Tensor, before: Sequence[Tensor], after: Sequence[Tensor], others: Sequence[Tensor]) -> Tensor:
    """An output that reads others instead of the new states of its own step. Shapes: states (B, U) each -> as y."""
    old = {(t.node.serial, t.index) for t in before}
    table = {(a.node.serial, a.index): b for a, b in zip(after, others, strict=True)}

    def visit(node: Node, inputs: tuple[Tensor, ...]) -> Sequence[Tensor]:
        places = [(node.serial, t.index) for t in node.outputs]
        return [t if p in old else table.get(p, t) for p, t in zip(places, copy(node, inputs), strict=True)]

    return rebuild(Graph((), (y,)), visit).outputs[0]


def choose(real: Tensor, a: Tensor, b: Tensor) -> Tensor:
    """a in rows where the step is real, else b. Shapes: real (B,), a and b (B, ...)."""
    return ops.where(ops.reshape(real, (*real.shape, *(1,) * (a.ndim - 1))), a, b)


def _first(kept: Tensor, rows: Size) -> Tensor:
    """Shapes: kept (R, U), R at least rows -> (rows, U)."""
    return kept if kept.shape[0] == rows else apply("Slice", kept, axis=0, start=0, length=rows, step=1)


def _over_first(kept: Tensor, new: Tensor) -> Tensor:
    """New states in place of the first; the others stay. Shapes: kept (R, U), new (B, U) -> (R, U)."""
    if kept.shape[0] == new.shape[0]:
        return new
    left = apply("Slice", kept, axis=0, start=new.shape[0], length=kept.shape[0] - new.shape[0], step=1)
    return ops.reshape(ops.concatenate([new, left]), kept.shape)


def leaves(value: Any) -> list[Any]:
    """What nested lists hold, in order."""
    return [leaf for item in value for leaf in leaves(item)] if isinstance(value, (list, tuple)) else [value]
