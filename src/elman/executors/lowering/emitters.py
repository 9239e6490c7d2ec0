"""The native form of every operator: one row each.

Most operators are one instruction that reads and writes whole tensors: `_plain`, with the sizes and flags that
its kernel reads (native/plan/build.cpp). The others are a function in the file of their kind.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from elman.executors.lowering.contraction import emit_linear_cross_entropy, emit_product, emit_quantized_product
from elman.executors.lowering.leaves import emit_constant, emit_variable
from elman.executors.lowering.movement import emit_concat, emit_pad, emit_view
from elman.executors.lowering.pointwise import emit_fused
from elman.executors.lowering.recurrence import emit_scan
from elman.executors.lowering.reductions import emit_reduction, three
from elman.executors.lowering.windows import emit_window
from elman.executors.lowering.writer import Emitter, Writer
from elman.executors.shards import of_batch
from elman.graph.node import Node
from elman.shapes import Size, product


def _plain(
    op: str, dims: Callable[[Node], Sequence[Size]], flags: Callable[[Node], Sequence[int]] = lambda n: ()
) -> Emitter:
    """One instruction: whole inputs, whole outputs."""

    def emit(w: Writer, node: Node) -> None:
        w.add(op, [w.value(t) for t in node.inputs], [w.output(t) for t in node.outputs], dims(node), flags(node))

    return emit


def _rows(n: Node) -> list[Size]:
    """The sizes of an operator along the last axis: how many rows, and how long."""
    return [product(n.inputs[0].shape[:-1]), n.inputs[0].shape[-1]]


def _gathered(n: Node) -> list[Size]:
    (table, index), tables = n.inputs, n.attrs.get("batch", 0)
    rows, width = table.shape[tables], product(table.shape[tables + 1 :])
    return [product(table.shape[:tables]), rows, width, product(index.shape[tables:])]


def _scattered(n: Node) -> list[Size]:
    (index, values), tables = n.inputs, n.attrs.get("batch", 0)
    width = product(values.shape[index.ndim :])
    return [product(index.shape[:tables]), n.attrs["rows"], width, product(index.shape[tables:])]


def _drawn(n: Node) -> list[Size]:
    shape = n.outputs[0].shape
    return [shape[0] if shape else 1, product(shape[1:])]


EMITTERS: dict[str, Emitter] = {
    "Variable": emit_variable,
    "Constant": emit_constant,
    "Range": _plain("range", lambda n: [n.attrs["shape"][0]]),
    "Size": _plain("size", lambda n: [n.attrs["dim"]]),
    "RandomUniform": _plain("uniform", _drawn, lambda n: [n.attrs["key"], of_batch(n.outputs[0])]),
    "Fused": emit_fused,
    "MatMul": emit_product,
    "Gemm": emit_product,
    "QuantizedMatMul": emit_quantized_product,
    "Conv": emit_window,
    "ConvKernel": emit_window,
    "MaxPool": emit_window,
    "MaxUnpool": emit_window,
    "AveragePool": emit_window,
    "AverageUnpool": emit_window,
    "ReduceSum": emit_reduction,
    "ReduceMax": emit_reduction,
    "ReduceMin": emit_reduction,
    "ReduceProd": emit_reduction,
    "ArgMax": _plain("arg_max", lambda n: three(n.inputs[0].shape, n.attrs["axes"][0])),
    "CumSum": _plain(
        "cum_sum",
        lambda n: three(n.inputs[0].shape, n.attrs["axis"]),
        lambda n: [n.attrs["reverse"], n.attrs["exclusive"]],
    ),
    "TopK": _plain("top_k", lambda n: [*_rows(n), n.attrs["k"]]),
    "Softmax": _plain("softmax", _rows, lambda n: [False]),
    "LogSoftmax": _plain("softmax", _rows, lambda n: [True]),
    "LinearCrossEntropy": emit_linear_cross_entropy,
    "LinearCrossEntropyGrad": emit_linear_cross_entropy,
    "Slice": emit_view,
    "Transpose": emit_view,
    "Expand": emit_view,
    "Reshape": emit_view,
    "Concat": emit_concat,
    "Pad": emit_pad,
    "Gather": _plain("gather", _gathered),
    "ScatterAdd": _plain("scatter_add", _scattered),
    "Scan": emit_scan,
}
