"""Where a tensor's elements lie: slices, transpositions and repetitions are strides over somebody else's memory."""

from __future__ import annotations

from dataclasses import dataclass

from elman.graph.node import Node, Tensor
from elman.graph.operators import REDUCTIONS
from elman.shapes import Shape, Size, product

VIEWS = ("Slice", "Transpose", "Expand", "Reshape")


def contiguous_strides(shape: Shape) -> tuple[Size, ...]:
    """Elements from one index to the next, per axis, of a C-contiguous array."""
    return tuple(product(shape[i + 1 :]) for i in range(len(shape)))


@dataclass(frozen=True)
class View:
    """Where a tensor's elements are: a value, the first element's offset, and a stride per axis."""

    value: int
    offset: Size
    strides: tuple[Size, ...]

    def contiguous(self, shape: Shape) -> bool:
        """Whether the elements follow one another (axes of size 1 may have any stride)."""
        return all(d == 1 or s == c for d, s, c in zip(shape, self.strides, contiguous_strides(shape), strict=True))

    def dense(self, shape: Shape) -> bool:
        """Whether the elements follow one another in some order of the axes."""
        left = [(d, s) for d, s in zip(shape, self.strides, strict=True) if d != 1]
        size: Size = 1
        while left:
            inner = next((axis for axis in left if axis[1] == size), None)
            if inner is None:
                return False
            left.remove(inner)
            size = size * inner[0]
        return True


def walked(node: Node, view: View) -> View | None:
    """The result of an operator of `VIEWS` as a view of its input's memory; None where no strides can say it."""
    x, out = node.inputs[0], node.outputs[0]
    if node.op == "Reshape":
        return _reshaped(view, x.shape, out.shape)
    if node.op == "Transpose":
        return View(view.value, view.offset, tuple(view.strides[i] for i in node.attrs["perm"]))
    if node.op == "Expand":
        return View(view.value, view.offset, _repeated(view, x.shape, out.shape))
    axis, start, step = (node.attrs[k] for k in ("axis", "start", "step"))
    strides = tuple(s * step if i == axis else s for i, s in enumerate(view.strides))
    return View(view.value, view.offset + start * view.strides[axis], strides)


def accepts(reader: Node, t: Tensor, view: View) -> bool:
    """Whether a reader can walk this view as it is."""
    if view.contiguous(t.shape):
        return True
    if reader.op in ("Fused", "Slice", "Transpose", "Expand", "Concat", "Pad"):
        return True
    if reader.op in REDUCTIONS:
        return len(reader.attrs["axes"]) == t.ndim and view.dense(t.shape)
    if reader.op in ("MatMul", "Gemm"):
        added = any(t is x for x in reader.inputs[2:])  # then only rows may lie apart
        return t.ndim == 2 and (not added or view.strides[1] == 1)
    if reader.op == "Reshape":
        return _reshaped(view, t.shape, reader.outputs[0].shape) is not None
    return False


def _repeated(view: View, shape: Shape, target: Shape) -> tuple[Size, ...]:
    """Strides after a repetition: 0 along new axes and those that had size 1."""
    missing = len(target) - len(shape)
    old = zip(shape, target[missing:], view.strides, strict=True)
    return (0,) * missing + tuple(0 if d == 1 and o != 1 else s for d, o, s in old)


def _reshaped(view: View, shape: Shape, target: Shape) -> View | None:
    """A view after a reshape: any of contiguous memory, else one that only adds or removes axes of size 1."""
    if view.contiguous(shape):
        return View(view.value, view.offset, contiguous_strides(target))
    if [d for d in shape if d != 1] != [d for d in target if d != 1]:
        return None
    kept = iter(s for d, s in zip(shape, view.strides, strict=True) if d != 1)
    return View(view.value, view.offset, tuple(0 if d == 1 else next(kept) for d in target))
