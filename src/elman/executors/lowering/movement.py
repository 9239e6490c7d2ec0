"""Elements that move: not at all where strides can say it, else by copies with strides on both sides."""

from __future__ import annotations

from elman.errors import GraphError
from elman.executors.lowering.in_place import before_reshapes
from elman.executors.lowering.spec import CONSTANT, ONCE, key
from elman.executors.lowering.views import View, accepts, contiguous_strides, walked
from elman.executors.lowering.writer import Writer
from elman.graph.node import Node, Tensor
from elman.shapes import Shape, Size


def emit_view(w: Writer, node: Node) -> None:
    """A tensor that shares its source's memory; copied only if a reader needs it contiguous."""
    out = node.outputs[0]
    if node.op == "Slice":
        axis, start, length, step = (node.attrs[k] for k in ("axis", "start", "length", "step"))
        w.checks.append((start, length, step, node.inputs[0].shape[axis]))
    source = w.where[key(node.inputs[0])]
    view = walked(node, source)
    if view is None:
        raise GraphError(
            f"lowering: {node!r} must read a contiguous tensor. Received strides {source.strides}. "
            "This is a bug of elman."
        )
    if _needs_copy(w, out, view):
        _copy(w, view, w.output(out), out.shape, contiguous_strides(out.shape))
    else:
        w.where[key(out)] = view


def _needs_copy(w: Writer, t: Tensor, view: View) -> bool:
    """Whether someone cannot read the view. A constant that is a result becomes a value that the plan can read."""
    if key(t) not in w.scope.kept and all(accepts(r, t, view) for r in w.scope.readers.get(key(t), ())):
        return False
    constant = w.home(t.node) == ONCE and w.values[view.value][0] == CONSTANT
    return constant or not view.contiguous(t.shape)


def _copy(
    w: Writer,
    source: View,
    target: int,
    sizes: Shape,
    to_strides: tuple[Size, ...],
    to_offset: Size = 0,
    clear: bool = False,
) -> None:
    dims = [to_offset, source.offset, *sizes, *to_strides, *source.strides]
    w.add("copy", [source.value], [target], dims, [clear, len(sizes)])


def emit_concat(w: Writer, node: Node) -> None:
    """A copy for every input that was not written in place."""
    out, axis = node.outputs[0], node.attrs["axis"]
    if key(out) not in w.where:
        w.output(out)
    target = w.where[key(out)].value
    strides = contiguous_strides(out.shape)
    at: Size = 0
    for t in node.inputs:
        if (key(before_reshapes(t)), key(out), at * strides[axis]) not in w.placed:
            _copy(w, w.where[key(t)], target, t.shape, strides, at * strides[axis])
        at = at + t.shape[axis]


def emit_pad(w: Writer, node: Node) -> None:
    """A copy into cleared memory."""
    x, out = node.inputs[0], node.outputs[0]
    strides = contiguous_strides(out.shape)
    before = node.attrs["before"] * strides[node.attrs["axis"]]
    _copy(w, w.where[key(x)], w.output(out), x.shape, strides, before, clear=True)
