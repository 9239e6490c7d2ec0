"""What training needs to know of a network, and the arrays one step needs.

Training knows no Model: a `Program` is a name for errors, inputs, names of outputs and a function that traces one from
the other. A `Signature` says which arrays a step is given beside the inputs (lengths, targets, weights); one graph is
built for each.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from elman import dtypes
from elman.graph import Tensor, placeholder
from elman.layers.base import Layer, Mask
from elman.shapes import B, Shape, T

__all__ = ["Feeds", "Program", "Signature", "Target", "name_of"]


def name_of(tensor: Tensor) -> str:
    """The name an input was given."""
    return str(tensor.node.attrs["name"])


@dataclass(frozen=True)
class Program:
    """A network as training sees it.

    Attributes:
        where: how errors call it: "Sequential 'forecaster'".
        inputs, outputs: its symbolic inputs and outputs (of the call that built it: shapes, types, masks).
        names: a name for each output.
        trace: builds the network on other tensors: `trace([x]) -> [y]`.
        layers: every layer once, in order.
        make_room: lets stateful layers keep states for a number of rows; gives whether they have moved. None: there are
            none.
    """

    where: str
    inputs: tuple[Tensor, ...]
    outputs: tuple[Tensor, ...]
    names: tuple[str, ...]
    trace: Callable[[Sequence[Tensor]], list[Tensor]]
    layers: tuple[Layer, ...]
    make_room: Callable[[int], bool] | None = None


class Target(NamedTuple):
    """Type and shape of the targets of one output; shape starts with the batch."""

    dtype: str
    shape: Shape


class Signature(NamedTuple):
    """Which arrays a step is given: a plan is compiled for each signature, whatever the sizes.

    Attributes:
        ragged: for each input whether its lengths are given.
        targets: for each output its target, or None where it has no loss.
        weights: for each output the rank of its sample weights: 0 none, 1 one a row, 2 one a step.
        restarts: where states that a window takes over from the last start anew: 1 at its first
            step, 2 at any; 0: there are none (see `Windows`).
    """

    ragged: tuple[bool, ...]
    targets: tuple[Target | None, ...] = ()
    weights: tuple[int, ...] = ()
    restarts: int = 0

    def untargeted(self) -> Signature:
        """The same inputs alone."""
        return Signature(self.ragged)


@dataclass(frozen=True)
class Feeds:
    """The leaves of one graph: `all` in the order in which a plan takes arrays."""

    inputs: tuple[Tensor, ...]
    targets: tuple[Tensor | None, ...]
    weights: tuple[Tensor | None, ...]
    all: tuple[Tensor, ...]
    restart: Tensor | None = None

    @staticmethod
    def of(program: Program, signature: Signature) -> Feeds:
        """New leaves: inputs, their lengths, targets, weights."""
        inputs = tuple(placeholder(name_of(t), _opened(t.shape), t.dtype) for t in program.inputs)
        lengths = []
        for leaf, given, ragged in zip(inputs, program.inputs, signature.ragged, strict=True):
            leaf.mask = given.mask
            if ragged:
                lengths.append(placeholder(f"{name_of(leaf)}_lengths", leaf.shape[:1], dtypes.INT32))
                leaf.mask = Mask(lengths=lengths[-1])
        targets = tuple(
            None if t is None else placeholder(f"{name}_target", _opened(t.shape), t.dtype)
            for name, t in zip(program.names, signature.targets, strict=False)
        )
        weights = tuple(
            placeholder(f"{name}_weight", _opened(output.shape[:rank]), _real(output.dtype)) if rank else None
            for name, output, rank in zip(program.names, program.outputs, signature.weights, strict=False)
        )
        restart = placeholder("restart", (B, T)[: signature.restarts], dtypes.BOOL) if signature.restarts else None
        further = [t for t in (*targets, *weights, restart) if t is not None]
        return Feeds(inputs, targets, weights, (*inputs, *lengths, *further), restart)


def _opened(shape: Shape) -> Shape:
    """A shape for batches of any number of rows, also where an input names the usual one."""
    return (B, *shape[1:]) if isinstance(shape[0], int) else shape


def _real(dtype: str) -> str:
    return dtype if dtypes.is_real(dtype) else dtypes.FLOAT32
