"""Cut a long scan into segments, so that the way back need not keep what every step computed.

    scan over T steps  ->  scan over T/k segments of a scan over k steps, then the T mod k steps that are left

Same numbers, step for step. The gain is in the derivative: of a scan marked `segments`, autodiff keeps the states
before each segment alone and computes the segment again when the gradient comes by. With k = sqrt(T) both what is kept
(T/k states) and what is computed again (k steps) grow with sqrt(T), for one more forward pass. What a layer gives for
every step is kept, as its inputs are: a stack pays for its outputs, not for gates and products.

General for every cell: the rewrite knows scans, not cells. Where nothing is differentiated it gains nothing.

Source: Chen et al. 2016, "Training Deep Nets with Sublinear Memory Cost", section 4; for recurrences Gruslys et al.
    2016, "Memory-Efficient Backpropagation Through Time" (equal segments here, not their optimal ones).
"""

from __future__ import annotations

from collections.abc import Sequence

from elman.graph.node import Graph, Node, Tensor, apply
from elman.graph.rewrite.rebuild import copy, rebuild
from elman.graph.trace import arange, concatenate, reshape, scan, size_of
from elman.shapes import Size, root, share

LEAST = 4
"""Steps below which a scan of known length stays whole."""


def segment(graph: Graph, length: int | None = None) -> Graph:
    """Every scan of the graph cut into segments of `length` steps; None: as many as segments, the root of all."""

    def visit(node: Node, inputs: tuple[Tensor, ...]) -> Sequence[Tensor]:
        short = node.op != "Scan" or node.attrs.get("segments") or _short(node.attrs["steps"], length)
        return copy(node, inputs) if short else _Segments(node, inputs, length).outputs()

    return rebuild(graph, visit)


def _short(steps: Size, length: int | None) -> bool:
    return isinstance(steps, int) and steps < max(LEAST, length or 0)


class _Segments:
    """One scan being cut. Walked backwards, the steps left over are the first ones, so that they come last."""

    def __init__(self, node: Node, inputs: tuple[Tensor, ...], length: int | None) -> None:
        self.attrs, self.inputs = node.attrs, inputs
        carries, sequences = node.attrs["carries"], node.attrs["sequences"]
        self.states, rest = inputs[:carries], inputs[carries:]
        self.xs, self.captured = rest[:sequences], rest[sequences : len(node.attrs["body"].inputs) - carries]
        self.lengths = inputs[-1] if node.attrs["lengths"] else None
        steps = node.attrs["steps"]
        self.length: Size = root(steps) if length is None else length
        self.count = share(steps, self.length)
        self.whole = self.length * self.count
        self.left: Size = steps - self.whole

    def outputs(self) -> list[Tensor]:
        backwards = self.attrs["reverse"]
        first = self.left if backwards else 0
        finals, stacked = self._segmented(first)
        made = [reshape(y, (self.whole, *y.shape[2:])) for y in stacked]
        if self.left == 0:
            return [*finals, *made]
        at: Size = 0 if backwards else self.whole
        last = self._inner(finals, [_part(x, at, self.left) for x in self.xs], self.left, at)
        ends = last[len(finals) :]
        pairs = zip(ends, made, strict=True) if backwards else zip(made, ends, strict=True)
        return [*last[: len(finals)], *(concatenate(pair) for pair in pairs)]

    def _segmented(self, first: Size) -> tuple[tuple[Tensor, ...], tuple[Tensor, ...]]:
        """The scan over the segments, of the steps from `first`. Shapes: -> states; outputs (segments, steps, ...)."""
        cut = [_part(x, first, self.whole) for x in self.xs]
        xs = [reshape(x, (self.count, self.length, *x.shape[1:])) for x in cut]
        if self.lengths is not None:
            xs.append(arange(self.count) * _whole(self.length) + _whole(first))

        def step(states: tuple[Tensor, ...], slices: tuple[Tensor, ...]) -> tuple[list[Tensor], list[Tensor]]:
            start = None if self.lengths is None else slices[-1]
            made = self._inner(states, slices[: len(self.xs)], self.length, start)
            return made[: len(states)], made[len(states) :]

        finals, stacked = scan(step, self.states, xs, reverse=self.attrs["reverse"], steps=self.count)
        outer = (*finals, *stacked)[0].node
        made = Node("Scan", outer.inputs, {**outer.attrs, "segments": True}).outputs
        return made[: len(finals)], made[len(finals) :]

    def _inner(
        self, states: Sequence[Tensor], xs: Sequence[Tensor], steps: Size, start: Size | Tensor | None
    ) -> list[Tensor]:
        """The scan itself over some of its steps, the first of them number `start`."""
        lengths = []
        if self.lengths is not None and start is not None:
            lengths = [self.lengths - (start if isinstance(start, Tensor) else _whole(start))]
        inputs = [*states, *xs, *self.captured, *lengths]
        return list(Node("Scan", inputs, {**self.attrs, "steps": steps}).outputs)


def _part(x: Tensor, start: Size, length: Size) -> Tensor:
    """Steps start, start + 1, ... Shapes: x (T, ...) -> (length, ...)."""
    return x if x.shape[0] == length else apply("Slice", x, axis=0, start=start, length=length, step=1)


def _whole(size: Size) -> Tensor:
    """A size as an int32 scalar."""
    return size_of([size], "int32")
