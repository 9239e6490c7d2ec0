"""A recurrence as one step: what a user writes to invent a cell, and what SimpleRNN, GRU and LSTM are written in."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from typing import Any, ClassVar, Literal

from elman.errors import ArgumentError
from elman.graph import trace as ops
from elman.graph.node import Tensor, Variable
from elman.layers.arguments import check_rate, check_units
from elman.layers.base import Layer, current
from elman.layers.registry import serialize
from elman.shapes import Size

REGULARIZERS = {"zoneout": 0.0, "weight_drop": 0.0, "recurrent_normalization": None}
"""Options of every cell beside Keras's, and their defaults."""

_CURES = {
    "recurrent_dropout": "Write self.recall(h) in step where the gates read the state.",
    "weight_drop": "Write self.recur(h, U) in step, not h @ U.",
    "recurrent_normalization": "Call self.add_recurrent_gamma(size) in build and write self.recur(h, U) in step.",
}
_EPSILON = 1e-3


class Cell(Layer):
    """One step of a recurrence, as an equation: `step(x_t, state) -> (output, new state)`.

    Give a cell to `RNN`, which walks it along time: the equation is traced once, differentiated, and run natively.
    Parts that depend on x alone (`x @ kernel + bias`) are best written as a term of their own: they are computed for
    all steps at once. A random layer used inside a step draws once for a sequence: the same numbers at every step of
    it, as `dropout` does. What is drawn anew at each step is `zoneout`, or comes in as a feature.

    Args:
        dropout: share of the inputs to drop, the same ones at every step of a sequence (Gal and Ghahramani 2016).
        recurrent_dropout: the same for the state, where the step reads it through `self.recall(h)`.
        zoneout: share of the new state that stays as it was, drawn anew at each step in training; in use the mean of
            both (Krueger et al. 2016). One rate, or one for each state.
        weight_drop: share of the recurrent weights dropped, the same ones for a whole batch (Merity et al. 2017), where
            the step uses them through `self.recur(h, U)`.
        recurrent_normalization: "layer": what the state adds to the gates is brought to mean 0 and variance 1, then
            scaled by learned weights (Ba et al. 2016, equation 20), where the step says `self.recur(h, U)`.
        seed: makes the dropout masks independent of the model's seed.
    Shapes:   step: x (B, F), states (B, U) each -> output (B, any), new states as the states.
    Raises:   ArgumentError: a rate outside [0, 1); an option that makes no sense for the cell, with the reason.
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

    refuses: ClassVar[dict[str, str]] = {}
    """Options that make no sense for the cell: name -> reason."""

    zoned: ClassVar[tuple[int, ...] | None] = None
    """Which states zoneout is for; None: all."""

    recurrent_gamma: Variable | None = None
    recurrent_normalization: Literal["layer"] | None
    seed: int | None

    state_size: int | Sequence[int]
    """Units of the state; of each state, if there are several."""

    def __init__(
        self, *, dropout: float = 0.0, recurrent_dropout: float = 0.0, zoneout: float | Sequence[float] = 0.0,
        weight_drop: float = 0.0, recurrent_normalization: Literal["layer"] | None = None, seed: int | None = None,
        **kwargs: Any,
    ) -> None:  # fmt: skip
        super().__init__(**kwargs)
        self.dropout = float(check_rate(self.where, "dropout", dropout))
        self.recurrent_dropout = float(check_rate(self.where, "recurrent_dropout", recurrent_dropout))
        self.weight_drop = check_rate(self.where, "weight_drop", weight_drop)
        listed = list(zoneout) if isinstance(zoneout, (list, tuple)) else None
        rates = [check_rate(self.where, "zoneout", rate) for rate in ([zoneout] if listed is None else listed)]
        self.zoneout = rates[0] if listed is None else rates
        if recurrent_normalization not in (None, "layer"):
            raise ArgumentError.at(self.where, "recurrent_normalization", 'be "layer" or None', recurrent_normalization)
        self._store({"recurrent_normalization": recurrent_normalization, "seed": seed})
        self._refuse_options()

    def build(self, *features: Any, **_: Any) -> None:
        """Add the weights for inputs of `features` numbers a step."""

    @abstractmethod
    def step(self, x: Tensor, /, *states: Any, **_: Any) -> Sequence[Tensor]:
        """The equation: (output, new state, ...) from the input of this step and the states before it."""

    def call(self, x: Tensor, states: Any) -> tuple[Tensor, list[Tensor]]:
        """One step by itself, as Keras calls a cell: (output, new states)."""
        made = self.advance(x, *(states if isinstance(states, (list, tuple)) else [states]))
        return made[0], list(made[1:])

    def advance(self, x: Tensor, *states: Tensor) -> Sequence[Tensor]:
        """A step with what no equation says: zoneout. What walks a cell calls this. Shapes: as `step`."""
        made = self.step(x, *states)
        if not self.zoneout or not isinstance(made, (list, tuple)) or len(made) != len(states) + 1:
            return made
        pairs = zip(made[1:], states, self.zoneout_rates, strict=True)
        after = [self._zoned(i, new, old, rate) for i, (new, old, rate) in enumerate(pairs)]
        twin = next((i for i, s in enumerate(made[1:]) if s.node is made[0].node and s.index == made[0].index), None)
        return [made[0] if twin is None else after[twin], *after]

    def gates(self, x: Tensor, *states: Any) -> dict[str, Tensor]:
        """What a step decides inside, by the names its equation uses, for those who look; nothing unless a cell says.

        Shapes: x (B, F), states (B, U) each -> (B, U) each.
        """
        return {}

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

    @property
    def zoneout_rates(self) -> tuple[float, ...]:
        """The rate of each state.

        Raises:   ArgumentError: another number of rates than states.
        """
        count, rate = len(self.state_sizes), self.zoneout
        if isinstance(rate, (int, float)):
            return tuple(float(rate) if self.zoned is None or i in self.zoned else 0.0 for i in range(count))
        if len(rate) != count:
            raise ArgumentError.at(self.where, "zoneout", f"be one rate, or {count}, one for each state", list(rate))
        return tuple(float(r) for r in rate)

    def members(self) -> list[Cell]:
        """The cells that are run one after another in a step: this one."""
        return [self]

    def grouped(self, states: Sequence[Tensor]) -> list[Any]:
        """The final states as `return_state` shows them."""
        return list(states)

    def recall(self, h: Tensor) -> Tensor:
        """The state as the gates see it: some of it dropped, in training with `recurrent_dropout`. Shapes: as h."""
        now = current()
        now.heeded.add((id(self), "recurrent_dropout"))
        return h * now.state_masks[id(self)] if id(self) in now.state_masks else h

    def weight(self, kernel: Variable) -> Tensor:
        """Recurrent weights as the gates see them: some dropped, in training with `weight_drop`. Shapes: as kernel."""
        now, tensor = current(), kernel.tensor
        now.heeded.add((id(self), "weight_drop"))
        if not self.weight_drop or not now.training:
            return tensor
        key = (id(self), id(kernel))
        if key not in now.weight_masks:
            now.weight_masks[key] = now.dropout(kernel.shape, self.weight_drop, self.dtype, self.seed)
        return tensor * now.weight_masks[key]

    def normalized(self, z: Tensor, start: int = 0) -> Tensor:
        """What the state adds to the gates, with `recurrent_normalization` of mean 0 and variance 1, times gamma.

        Args:     start: where in gamma this part of the gates begins, for cells with several products.
        Shapes:   z (B, N) -> (B, N).
        """
        current().heeded.add((id(self), "recurrent_normalization"))
        if self.recurrent_gamma is None:
            return z
        centred = z - ops.mean(z, -1, keepdims=True)
        scale = ops.rsqrt(ops.mean(ops.square(centred), -1, keepdims=True) + _EPSILON)
        return centred * scale * self.recurrent_gamma.tensor[start : start + z.shape[-1]]

    def recur(self, h: Tensor, kernel: Variable) -> Tensor:
        """h U with all a user may ask for: recall(h) @ weight(U), normalized. Shapes: (B, U), (U, N) -> (B, N)."""
        return self.normalized(self.recall(h) @ self.weight(kernel))

    def add_recurrent_gamma(self, size: int) -> None:
        """The scale of `recurrent_normalization`, if the cell was given it. Call it inside `build`."""
        if self.recurrent_normalization:
            self.recurrent_gamma = self.add_weight("recurrent_gamma", (size,), "ones")

    def check_heeded(self) -> None:
        """Raises: ArgumentError: the step never asks for what an option would change."""
        now = current()
        for option, cure in _CURES.items():
            given = getattr(self, option)
            if given and (now.training or option == "recurrent_normalization") and (id(self), option) not in now.heeded:
                raise ArgumentError.at(self.where, option, f"be {_plain(option)} for this cell", given, cure)
            now.heeded.discard((id(self), option))

    def _zoned(self, i: int, new: Tensor, old: Tensor, rate: float) -> Tensor:
        """Some of the old state among the new; their mean when not training."""
        if not rate:
            return new
        noise = current().zoneouts.get((id(self), i))
        return rate * old + (1.0 - rate) * new if noise is None else ops.where(noise < rate, old, new)

    def _refuse_options(self) -> None:
        """Raises: ArgumentError: an option that makes no sense here."""
        for option, reason in self.refuses.items():
            if getattr(self, option, None):
                rule = f"be {_plain(option)} for this cell"
                raise ArgumentError.at(self.where, option, rule, getattr(self, option), "Leave it out.", because=reason)

    def _common_config(self) -> dict[str, Any]:
        given = {k: getattr(self, k) for k, default in REGULARIZERS.items() if getattr(self, k) != default}
        return {**super()._common_config(), **{k: serialize(v) for k, v in given.items()}}

    def _build_once(self, inputs: Any, args: tuple[Any, ...]) -> None:
        if not self.built:
            self.build(inputs.shape[-1])


class UnitCell(Cell):
    """A cell of `units` with the three weights of Keras's recurrent layers: kernel, recurrent kernel, bias."""

    units: int
    use_bias: bool
    kernel_initializer: Any
    recurrent_initializer: Any
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
        self.add_recurrent_gamma(gates * self.units)


class PlainCell(UnitCell):
    """A `UnitCell` with the usual arguments of its weights, so that a new cell says only what is its own."""

    def __init__(
        self, units: int, use_bias: bool = True, kernel_initializer: Any = "glorot_uniform",
        recurrent_initializer: Any = "orthogonal", bias_initializer: Any = "zeros", kernel_regularizer: Any = None,
        recurrent_regularizer: Any = None, bias_regularizer: Any = None, kernel_constraint: Any = None,
        recurrent_constraint: Any = None, bias_constraint: Any = None, dropout: float = 0.0,
        recurrent_dropout: float = 0.0, seed: int | None = None, **kwargs: Any,
    ) -> None:  # fmt: skip
        super().__init__(locals())
        self.state_size = self.output_size = self.units

    def _from_input(self, x: Tensor) -> Tensor:
        """x W + b, for all gates. Shapes: (B, F) -> (B, GU)."""
        z = x @ self.kernel
        return z if self.bias is None else z + self.bias


def _plain(option: str) -> str:
    """The value of an option that is not used, as text."""
    return str(REGULARIZERS.get(option, 0)).replace("0.0", "0")
