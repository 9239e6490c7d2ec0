"""What a layer may know while it is traced: training or not, random numbers, what to remember or add to the loss.

The context is the calling thread's own, so two threads may trace one model at once.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Any, ClassVar, final

from elman import dtypes
from elman.graph import trace as ops
from elman.graph.node import Tensor, Variable, constant
from elman.shapes import B, Size

# Philox keys of layers that were given a seed of their own: far from the counted ones.
_OWN_SEED_KEY = 1 << 30


class Companion:
    """What goes along while layers are traced; this one changes nothing.

    A stream brings the states of recurrent layers and takes them away; an inspection watches every step of a walk.
    """

    carries: ClassVar[bool] = False
    """Whether states come from outside, so that what stateful layers have kept is left alone."""

    def enter(self, layer: Any, x: Any, args: Sequence[Any], kwargs: Mapping[str, Any]) -> None:
        """A layer is about to be called on x."""

    def leave(self, layer: Any, outputs: Any) -> None:
        """What a layer makes, before it is noted that the layer made it."""

    def start(self, layer: str, steps: Tensor, states: Sequence[Tensor]) -> Sequence[Tensor]:
        """The states to start a walk with, instead of `states`. Shapes: steps (T, B, F); states (B, U) each."""
        return states

    def restarts(self, layer: str, steps: Tensor) -> Tensor | None:
        """Where in the walk the states are to be what they were before its first step. Shapes: -> (T, B) bool."""
        return None

    def finish(self, layer: str, states: Sequence[Tensor]) -> None:
        """The states after the walk that began last. Shapes: states (B, U) each."""

    def probes(self, layer: str, steps: Tensor, states: Sequence[Tensor]) -> Sequence[Tensor]:
        """What to add to each new state at each step: nothing, or as many as states. Shapes: (T, B, U) each."""
        return ()

    def watch(self, cell: Any, x: Tensor, before: Sequence[Tensor], after: Sequence[Tensor]) -> Sequence[Tensor]:
        """What to keep of a step. Shapes: (B, ...) each."""
        return ()

    def look(self, query: Tensor, weights: Tensor) -> None:
        """Where an attention layer looks. Shapes: query (B, Q, F), weights (B, Q, S)."""

    def watched(self, layer: str, kept: Sequence[Tensor]) -> None:
        """What was kept of every step of a walk. Shapes: (T, B, ...) each."""


@final
@dataclass(eq=False)
class Tracing:
    """One pass over the layers of a model.

    training: whether dropout drops and noise is added. seed, step: int32 scalars that random numbers depend on;
        without them (a layer called outside a model) both are 0. first: int32 scalar, the number that the first row
        has in the batch of which these rows are a portion; None: they are all of it.
    updates: state to remember, in `Graph.updates`' form. losses: scalar penalties.
    """

    training: bool = False
    seed: Variable | None = None
    step: Variable | None = None
    first: Tensor | None = None
    updates: list[tuple[Variable, Tensor]] = field(default_factory=list)
    losses: list[Tensor] = field(default_factory=list)
    penalized: set[int] = field(default_factory=set)
    state_masks: dict[int, Tensor] = field(default_factory=dict)
    input_masks: dict[int, Tensor] = field(default_factory=dict)
    weight_masks: dict[tuple[int, int], Tensor] = field(default_factory=dict)
    zoneouts: dict[tuple[int, int], Tensor] = field(default_factory=dict)
    heeded: set[tuple[int, str]] = field(default_factory=set)
    companion: Companion = field(default_factory=Companion)
    called: list[Any] = field(default_factory=list)
    keys: int = 0

    def next_key(self) -> int:
        """A number that tells one use of random numbers from every other; equal in every pass over the same layers."""
        self.keys += 1
        return self.keys - 1

    def uniform(self, shape: Sequence[Size], key: int, dtype: str, seed: int | None = None) -> Tensor:
        """Uniform numbers in [0, 1), new at each step; `seed` makes them independent of the model's seed and key.

        Shapes: -> shape.
        """
        own = self.seed if seed is None else constant(seed % (1 << 31), dtypes.INT32)
        zero = constant(0, dtypes.INT32)
        by_row = bool(shape) and shape[0] == B
        return ops.random_uniform(
            shape, zero if own is None else own, zero if self.step is None else self.step,
            key if seed is None else _OWN_SEED_KEY, dtype, self.first if by_row else None,
        )  # fmt: skip

    def dropout(self, shape: Sequence[Size], rate: float, dtype: str, seed: int | None = None) -> Tensor:
        """A mask that is 0 with probability `rate` and 1/(1 - rate) otherwise: multiplying by it keeps the mean.

        Shapes: -> shape.
        """
        return ops.where(self.uniform(shape, self.next_key(), dtype, seed) < rate, 0.0, constant(1 / (1 - rate), dtype))

    def read(self, variable: Variable) -> Tensor:
        """A state as it stands at this point of the pass: what it will become, if something has changed it already.

        Shapes: -> as the variable.
        """
        return next((value for known, value in self.updates if known is variable), variable.tensor)

    def update(self, variable: Variable, value: Tensor) -> None:
        """Remember a value for the next run; the last one counts. Shapes: value as the variable."""
        self.updates[:] = [(v, t) for v, t in self.updates if v is not variable]
        self.updates.append((variable, value))


_current: ContextVar[Tracing | None] = ContextVar("elman_tracing", default=None)


def current() -> Tracing:
    """The pass this thread is in; outside of any, a fresh one that is not training and that nobody reads."""
    return _current.get() or Tracing()


def active() -> bool:
    """Whether this thread is in a pass."""
    return _current.get() is not None


@contextmanager
def tracing(
    training: bool, seed: Variable | None = None, step: Variable | None = None, companion: Companion | None = None,
    first: Tensor | None = None,
) -> Iterator[Tracing]:  # fmt: skip
    """Trace layers as for training or for use; the context collects what they remember and add to the loss.

    Args:     training: whether dropout drops. seed, step: int32 scalars; the model counts `step` up after each batch.
              companion: what goes along. first: the number of the first row.
    Shapes:   first ().
    Example:
        >>> from elman.layers import Dropout, Input
        >>> x = Input((3,))
        >>> with tracing(training=True) as t:
        ...     y = Dropout(0.5)(x)
        >>> y.node.op, t.keys
        ('Mul', 1)
    """
    made = Tracing(training, seed, step, first, companion=companion or Companion())
    token = _current.set(made)
    try:
        yield made
    finally:
        _current.reset(token)


@contextmanager
def switched(training: bool) -> Iterator[None]:
    """The same pass with another training flag, for what is called inside."""
    now = current()
    before, now.training = now.training, training
    try:
        yield
    finally:
        now.training = before


@contextmanager
def calls_within() -> Iterator[list[Any]]:
    """The layers that are called meanwhile, without those that they call."""
    now = current()
    before, now.called = now.called, []
    try:
        yield now.called
    finally:
        now.called = before


@final
@dataclass(frozen=True, eq=False)
class Mask:
    """Which steps of a sequence are real: by `lengths`, when real steps come first, or step by step.

    Recurrent layers hand lengths to `scan`, which skips what is not real; values cost a choice at each step.

    Shapes:   lengths (B,) int32; values (B, T) bool. One of them is None.
    """

    lengths: Tensor | None = None
    values: Tensor | None = None
    _orders: dict[Size, Tensor] = field(default_factory=dict, init=False, repr=False)

    def tensor(self, steps: Size) -> Tensor:
        """True where a step is real. Shapes: -> (B, steps) bool."""
        if self.values is not None:
            return self.values
        assert self.lengths is not None, "a mask has lengths or values"
        return ops.less(ops.expand_dims(ops.arange(steps), 0), ops.expand_dims(self.lengths, 1))

    def order(self, steps: Size) -> Tensor:
        """The steps of each row with the real ones turned round, padding after them. Shapes: -> (B, steps) int32."""
        assert self.lengths is not None, "a mask of values says nothing of padding"
        if steps not in self._orders:
            t = ops.expand_dims(ops.arange(steps), 0)
            lengths = ops.expand_dims(self.lengths, 1)
            self._orders[steps] = ops.where(ops.less(t, lengths), lengths - 1 - t, t)
        return self._orders[steps]

    def over(self, x: Tensor) -> Tensor:
        """True where a step of x is real. Shapes: x (B, T, ...) -> (B, T, 1, ...) bool."""
        real = self.tensor(x.shape[1])
        return ops.reshape(real, (*real.shape, *(1,) * (x.ndim - real.ndim)))
