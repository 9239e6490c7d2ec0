"""A recurrence as one step: what a user writes to invent a cell, and what SimpleRNN, GRU and LSTM are written in."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from typing import Any

from elman.errors import ArgumentError
from elman.graph import trace as ops
from elman.graph.node import Tensor
from elman.layers.base import Layer, current
from elman.shapes import Size


class Cell(Layer):
    """One step of a recurrence, as an equation: `step(x_t, state) -> (output, new state)`.

    Give a cell to `RNN`, which walks it along time: the equation is traced once, differentiated, and run natively.
    Parts that depend on x alone (`x @ kernel + bias`) are best written as a term of their own: they are computed for
    all steps at once.

    Args:
        dropout: share of the inputs to drop, the same ones at every step of a sequence (Gal and Ghahramani 2016).
        recurrent_dropout: the same for the state, where the step reads it through `self.recall(h)`.
        seed: makes the dropout masks independent of the model's seed.
    Shapes:   step: x (B, F), states (B, U) each -> output (B, any), new states as the states.
    Raises:   ArgumentError: a rate outside [0, 1).
    Example:
        >>> from elman import ops
        >>> from elman.layers import RNN, Input
        >>> class ElmanCell(Cell):
        ...     def __init__(self, units):
        ...         super().__init__()
        ...         self.units = self.state_size = units
        ...     def build(self, features):
        ...         self.w_xh = self.add_weight("w_xh", (features, self.units), "glorot_uniform")
        ...         self.w_hh = self.add_weight("w_hh", (self.units, self.units), "orthogonal")
        ...         self.b = self.add_weight("b", (self.units,), "zeros")
        ...     def step(self, x, h):
        ...         h = ops.tanh(x @ self.w_xh + self.b + h @ self.w_hh)
        ...         return h, h
        >>> RNN(ElmanCell(32), return_sequences=True)(Input((None, 8))).shape
        (B, T, 32)
    """

    axes = ("B", "F")
    input_kind = "real"

    state_size: int | Sequence[int]
    """Units of the state; of each state, if there are several."""

    def __init__(
        self, *, dropout: float = 0.0, recurrent_dropout: float = 0.0, seed: int | None = None, **kwargs: Any
    ) -> None:
        super().__init__(**kwargs)
        for argument, rate in (("dropout", dropout), ("recurrent_dropout", recurrent_dropout)):
            check_rate(self.where, argument, rate)
        self.dropout, self.recurrent_dropout, self.seed = float(dropout), float(recurrent_dropout), seed

    def build(self, *features: Any, **_: Any) -> None:
        """Add the weights for inputs of `features` numbers a step."""

    @abstractmethod
    def step(self, x: Tensor, /, *states: Any, **_: Any) -> Sequence[Tensor]:
        """The equation: (output, new state, ...) from the input of this step and the states before it."""

    def call(self, x: Tensor, states: Any) -> tuple[Tensor, list[Tensor]]:
        """One step by itself, as Keras calls a cell: (output, new states)."""
        made = self.step(x, *(states if isinstance(states, (list, tuple)) else [states]))
        return made[0], list(made[1:])

    def get_initial_state(self, batch_size: Size) -> list[Tensor]:
        """The states before the first step; zeros unless a cell knows better. Shapes: -> (B, U) each."""
        return [ops.zeros((batch_size, size), self.dtype) for size in self.state_sizes]

    @property
    def state_sizes(self) -> tuple[int, ...]:
        """Units of each state, as a tuple whatever `state_size` is."""
        sizes = getattr(self, "state_size", None)
        if isinstance(sizes, int):
            return (sizes,)
        if not isinstance(sizes, (list, tuple)) or not all(isinstance(s, int) for s in sizes):
            cure = "Set self.state_size in __init__."
            raise ArgumentError.at(self.where, "state_size", "be a number of units, or one for each state", sizes, cure)
        return tuple(sizes)

    def members(self) -> list[Cell]:
        """The cells that are run one after another in a step: this one."""
        return [self]

    def grouped(self, states: Sequence[Tensor]) -> list[Any]:
        """The final states as `return_state` shows them."""
        return list(states)

    def recall(self, h: Tensor) -> Tensor:
        """The state as the gates see it: some of it dropped, in training with `recurrent_dropout`. Shapes: as h."""
        now = current()
        now.recalled.add(id(self))
        return h * now.state_masks[id(self)] if id(self) in now.state_masks else h

    def _build_once(self, inputs: Any, args: tuple[Any, ...]) -> None:
        if not self.built:
            self.build(inputs.shape[-1])


class UnitCell(Cell):
    """A cell of `units` with the three weights of Keras's recurrent layers: kernel, recurrent kernel, bias."""

    units: int
    use_bias: bool
    bias_initializer: Any

    def __init__(self, _arguments: dict[str, Any]) -> None:
        dropouts = {k: _arguments[k] for k in ("dropout", "recurrent_dropout", "seed")}
        super().__init__(**dropouts, **_arguments["kwargs"])
        self._store(_arguments)
        check_units(self.where, "units", self.units)

    def _add_gates(self, features: int, gates: int, bias_shape: tuple[int, ...], bias_initializer: Any = None) -> None:
        """kernel (F, GU), recurrent_kernel (U, GU), bias, in this order."""
        self.kernel = self._add_stem("kernel", (features, gates * self.units))
        self.recurrent_kernel = self._add_stem("recurrent", (self.units, gates * self.units), "recurrent_kernel")
        self.bias = self._add_stem("bias", bias_shape, initializer=bias_initializer) if self.use_bias else None


def check_units(where: str, argument: str, value: Any) -> None:
    """Raises: ArgumentError: not a whole number from 1."""
    if isinstance(value, bool) or not isinstance(value, int) or value < 1:
        raise ArgumentError.at(where, argument, "be a whole number from 1", value)


def check_rate(where: str, argument: str, value: Any) -> None:
    """Raises: ArgumentError: not a share."""
    if not isinstance(value, (int, float)) or not 0 <= value < 1:
        raise ArgumentError.at(where, argument, "in [0, 1)", value)
