"""Results of a loop laid over sequences that nobody reads afterwards: a step's results replace what the step has read.

A layer's projected input (T, B, 4U) thus becomes its gates, and the gates become their gradients, in one buffer that
is still in the cache when it is written. Memory that is read and written once costs half of memory read here and
written there, and at 100 steps it is memory that sets the pace.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

from elman import dtypes
from elman.executors.lowering.in_place import Part
from elman.executors.lowering.spec import PART, TEMPORARY, Key, key
from elman.executors.lowering.views import VIEWS, View, accepts, contiguous_strides, walked
from elman.executors.lowering.writer import Writer
from elman.graph.node import Graph, Node, Tensor
from elman.shapes import Size


class Slab(NamedTuple):
    """A sequence (T, B, ..., W) of which each step's part, alone in its value, may be overwritten."""

    root: int
    whole: Tensor


class Overlay(NamedTuple):
    """Where a stacked output lies: in which slab, from which column on."""

    slab: Slab
    column: int

    @property
    def strides(self) -> tuple[Size, ...]:
        """Of the whole stack; a step's are all but the first."""
        return contiguous_strides(self.slab.whole.shape)

    def outside(self) -> View:
        """The stacked output as a view."""
        return View(self.slab.root, self.column, self.strides)

    def inside(self, w: Writer, slice_value: int, t: Tensor) -> View:
        """A step's result, in the step's part of the slab."""
        return View(w.new(PART, t, slice_value, self.column), 0, self.strides[1:])


def overlays(w: Writer, node: Node, parts: Mapping[Key, Sequence[Part]]) -> dict[int, Overlay]:
    """The scan's outputs, by number, that may replace a sequence; every output then lies in columns of its own.

    Allowed when nobody reads the sequence after this scan, and in the body nobody after the writer, which may itself
    read the elements that it replaces.
    """
    if node.attrs["lengths"]:  # finished rows must give 0: the loop clears whole slices
        return {}
    body: Graph = node.attrs["body"]
    readers, order = _readers(body), {n.serial: i for i, n in enumerate(body.nodes())}
    taken = {key(t) for t in (*body.inputs, *body.outputs[: node.attrs["carries"]])}
    results = {key(t) for t in body.outputs}
    found: dict[int, Overlay] = {}
    for slab in _slabs(w, node):
        aliases = list(_aliases(w, node, slab, readers))
        if any(key(t) in results for t, _ in aliases):  # read when the step is over
            continue
        reads = [read for t, view in aliases for read in _reads(t, view, slab, readers)]
        column = 0
        for j in range(node.attrs["carries"], len(body.outputs)):
            o = body.outputs[j]
            if key(o) in taken or not _fits(o, slab, column) or not _in_time(o, reads, order, parts):
                continue
            overlay = Overlay(slab, column)
            inside = View(-1, 0, overlay.strides[1:])
            inner = all(accepts(r, o, inside) for r in readers.get(key(o), ()))
            if inner and w.readable(node.outputs[j], View(-1, 0, overlay.strides)):
                found[j] = overlay
                taken.add(key(o))
                column += _columns(o)
    return found


def _readers(body: Graph) -> dict[Key, list[Node]]:
    readers: dict[Key, list[Node]] = {}
    for n in body.nodes():
        for t in n.inputs:
            readers.setdefault(key(t), []).append(n)
    return readers


def _slabs(w: Writer, node: Node) -> list[Slab]:
    """Sequences of reals, whole in their values, whose memory nobody reads after this scan."""
    first = node.attrs["carries"]
    found: dict[int, Slab] = {}
    for t in node.inputs[first : first + node.attrs["sequences"]]:
        root = w.root(w.where[key(t)].value)
        whole = w.owners.get(root)
        if root in found or whole is None or whole.ndim < 3 or whole.dtype == dtypes.INT32:
            continue
        if whole.node.op == "Input":  # of a body around this one: its memory outlives the step
            continue
        if w.values[root][0] == TEMPORARY and whole.shape[0] == node.attrs["steps"] and w.dead_after(root, node):
            found[root] = Slab(root, whole)
    return list(found.values())


def _aliases(w: Writer, node: Node, slab: Slab, readers: Mapping[Key, Sequence[Node]]) -> Iterator[tuple[Tensor, View]]:
    """Tensors of the body that lie in a step's part of the slab: slices, and views of them."""
    first = node.attrs["carries"]
    given = zip(node.inputs[first:], node.attrs["body"].inputs[first:], strict=False)
    waiting = [
        (inner, View(-1, 0, w.where[key(t)].strides[1:]))
        for t, inner in list(given)[: node.attrs["sequences"]]
        if w.root(w.where[key(t)].value) == slab.root
    ]
    while waiting:
        t, view = waiting.pop()
        yield t, view
        further = [(r.outputs[0], walked(r, view)) for r in readers.get(key(t), ()) if r.op in VIEWS]
        waiting += [(result, seen) for result, seen in further if seen is not None]


def _reads(t: Tensor, view: View, slab: Slab, readers: Mapping[Key, Sequence[Node]]) -> Iterator[tuple[Node, bool]]:
    """Who in the body reads an alias, and whether it walks its result as the slab is walked."""
    same = view.strides == contiguous_strides(slab.whole.shape)[1:] and t.shape[:-1] == slab.whole.shape[1:-1]
    for r in readers.get(key(t), ()):
        yield r, same and r.op == "Fused" and r.outputs[0].shape == t.shape


def _columns(t: Tensor) -> int:
    """The length of the last axis where it is known, else 0."""
    return t.shape[-1] if t.ndim and isinstance(t.shape[-1], int) else 0


def _fits(o: Tensor, slab: Slab, column: int) -> bool:
    """Whether a step's result has the slab's rows and finds free columns. Parts of a concatenation need all of them."""
    width, own = _columns(slab.whole), _columns(o)
    if o.dtype == dtypes.INT32 or o.shape[:-1] != slab.whole.shape[1:-1] or own == 0:
        return False
    return (o.node.op == "Fused" and column + own <= width) or (o.node.op == "Concat" and column == 0 and own == width)


def _in_time(
    o: Tensor, reads: Sequence[tuple[Node, bool]], order: Mapping[int, int], parts: Mapping[Key, Sequence[Part]]
) -> bool:
    """Whether every read of the slab comes before the result is written, or is the writer's own, of that element."""
    writers = {o.node.serial} if o.node.op == "Fused" else set()
    for t in o.node.inputs if o.node.op == "Concat" else ():
        written = any(key(p.whole) == key(o) for p in parts.get(key(t), ()))
        writers.add(t.node.serial if written else o.node.serial)
    first = min(order[s] for s in writers)
    return all(order[r.serial] < first or (same and writers == {r.serial}) for r, same in reads)
