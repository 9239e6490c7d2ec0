"""Axes that go: a run of neighbours at a time."""

from __future__ import annotations

from elman.executors.lowering.writer import Writer
from elman.graph.node import Node, Tensor
from elman.graph.operators import REDUCTIONS
from elman.shapes import Shape, Size, product


def three(shape: Shape, first: int, last: int | None = None) -> list[Size]:
    """Sizes before, inside and behind a run of axes: what kernels that walk one axis read."""
    last = first if last is None else last
    return [product(shape[:first]), product(shape[first : last + 1]), product(shape[last + 1 :])]


def emit_reduction(w: Writer, node: Node) -> None:
    """Runs of neighbouring axes are reduced together; several runs one after the other, from the last."""
    x = node.inputs[0]
    source, shape = w.value(x, any_order=len(node.attrs["axes"]) == x.ndim), x.shape
    runs = _runs(node.attrs["axes"])
    for i, (first, last) in enumerate(reversed(runs)):
        sizes = three(shape, first, last)
        shape = (*shape[:first], *(1,) * (last - first + 1), *shape[last + 1 :])
        final = i == len(runs) - 1
        target = w.output(node.outputs[0]) if final else w.new(w.home(node), Tensor(node, 0, shape, x.dtype))
        w.add("reduce", [source], [target], sizes, [REDUCTIONS.index(node.op)])
        source = target


def _runs(axes: tuple[int, ...]) -> list[tuple[int, int]]:
    """Neighbouring axes as (first, last)."""
    runs: list[tuple[int, int]] = []
    for axis in sorted(axes):
        if runs and runs[-1][1] == axis - 1:
            runs[-1] = (runs[-1][0], axis)
        else:
            runs.append((axis, axis))
    return runs
