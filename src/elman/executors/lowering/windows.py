"""What moves a window over (B, ..., C): the sizes of the window as native/include/elman/kernels.h has them."""

from __future__ import annotations

from typing import NamedTuple

from elman.executors.lowering.writer import Writer
from elman.executors.shards import of_batch
from elman.graph.node import Node
from elman.shapes import Shape, Size, product


class _Form(NamedTuple):
    """op: the instruction. average: pooling by the mean. back: x is what comes out (or like it), g what goes in."""

    op: str
    average: bool = False
    back: bool = False


_FORMS = {
    "Conv": _Form("conv"),
    "ConvKernel": _Form("conv_kernel", back=True),
    "MaxPool": _Form("pool"),
    "MaxUnpool": _Form("unpool", back=True),
    "AveragePool": _Form("pool", average=True),
    "AverageUnpool": _Form("unpool", average=True, back=True),
}


def emit_window(w: Writer, node: Node) -> None:
    """One instruction over one or two axes; one axis is a plane of height 1."""
    form = _FORMS[node.op]
    x = node.outputs[0].shape if node.op == "AverageUnpool" else node.inputs[0].shape
    y = node.inputs[-1].shape if form.back else node.outputs[0].shape
    product_of = form.op in ("conv", "conv_kernel")
    kernel = node.inputs[1].shape[:-2] if node.op == "Conv" else node.attrs["kernel"]
    for size in y[1:-1]:
        w.checks.append((0, size, 1, size))  # a window longer than the sequence: fewer places than none
    dims = [x[0], *_pair(x[1:-1], 1), x[-1], *_pair(kernel, 1), *_pair(y[1:-1], 1)]
    dims += [*_pair(node.attrs["strides"], 1), *_pair(node.attrs["dilations"], 1)]
    dims += _pair(tuple(before for before, _ in node.attrs["pads"]), 0)
    dims += [y[-1]] if product_of else []
    w.add(form.op, [w.value(t) for t in node.inputs], [w.output(node.outputs[0])], dims, [form.average])
    if product_of and of_batch(node.inputs[0]):
        w.count(2 * product(y) * product(kernel) * x[-1] * w.scope.steps)


def _pair(sizes: Shape, missing: Size) -> list[Size]:
    """Down and across."""
    return [*(missing,) * (2 - len(sizes)), *sizes]
