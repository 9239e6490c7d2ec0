"""Products of matrices: transposed, sliced and repeated operands are strides."""

from __future__ import annotations

from elman import dtypes
from elman.executors.lowering.spec import key
from elman.executors.lowering.views import View
from elman.executors.lowering.writer import Writer
from elman.executors.shards import of_batch
from elman.graph.node import Node
from elman.shapes import Size, product


def in_bfloat16(node: Node) -> bool:
    """Whether the products of a node are those of operands rounded to bfloat16."""
    return bool(node.attrs.get("precision") == dtypes.BFLOAT16)


def emit_product(w: Writer, node: Node) -> None:
    """MatMul, and Gemm with what it adds: batch, m, n, k, then row, column and matrix strides."""
    a, b = node.inputs[:2]
    out = node.outputs[0]
    batched = b.ndim > 2
    ta, tb = bool(node.attrs.get("transpose_a")), bool(node.attrs.get("transpose_b"))
    k, n = a.shape[-2] if ta else a.shape[-1], out.shape[-1]
    m = out.shape[-2] if batched else product(out.shape[:-1])
    batch = product(out.shape[:-2]) if batched else 1
    row_a, col_a = _matrix(w.where[key(a)], ta)
    row_b, col_b = _matrix(w.where[key(b)], tb)
    if not batched and a.ndim > 2 and w.where[key(a)].contiguous(a.shape):
        row_a = k
    dims: list[Size] = [batch, m, n, k, row_a, col_a, m * k if batched else 0, row_b, col_b, k * n if batched else 0]
    ins = [w.base(a), w.base(b)]
    added, full = n, False
    for addend in node.inputs[2:]:
        ins.append(w.base(addend))
        full = addend.shape == out.shape
        added = w.where[key(addend)].strides[0] if addend.ndim == 2 else n
    dims += [added if full else 0, m * n if full and batched else 0]
    packable = not batched and ins[1] in w.scope.packable  # a packed matrix is one matrix
    w.add("matmul", ins, [w.output(out)], dims, [packable, in_bfloat16(node)])
    if of_batch(a) or of_batch(b):
        w.count(2 * batch * m * n * k * w.scope.steps)


def emit_quantized_product(w: Writer, node: Node) -> None:
    """A product with codes: rows, columns, length of a row."""
    x, codes = node.inputs[:2]
    rows, (n, k) = product(x.shape[:-1]), codes.shape
    w.add("quantized_matmul", [w.value(t) for t in node.inputs], [w.output(node.outputs[0])], [rows, n, k])
    w.count(rows * n * k * w.scope.steps)


def emit_linear_cross_entropy(w: Writer, node: Node) -> None:
    """An output layer with its loss: two products' work more where it gives the gradients too."""
    x, kernel = node.inputs[:2]
    rows, k, n = product(x.shape[:-1]), *kernel.shape
    ins, outs = [w.value(t) for t in node.inputs], [w.output(t) for t in node.outputs]
    w.add("linear_cross_entropy", ins, outs, [rows, k, n], [in_bfloat16(node)])
    w.count((2 if len(ins) == 4 else 6) * rows * k * n * w.scope.steps)


def _matrix(view: View, transposed: bool) -> tuple[Size, Size]:
    """Strides from row to row and from column to column of the matrix that is multiplied."""
    row, column = view.strides[-2:]
    return (column, row) if transposed else (row, column)
