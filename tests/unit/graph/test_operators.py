"""The operator table: every row has its meaning, its derivative, and says what it does not take."""

from __future__ import annotations

import pytest

from elman import ops
from elman.autodiff import RULES
from elman.errors import DTypeError, ShapeError
from elman.executors.reference import ROWS
from elman.graph import TABLE, apply, placeholder, scan
from elman.shapes import B, T


def test_every_operator_has_a_reference_row():
    assert set(TABLE) - set(ROWS) == {"Input"}
    assert set(ROWS) <= set(TABLE)


def test_every_operator_that_gradients_flow_through_has_a_rule():
    """Leaves have no operands; tests, logic and ArgMax give no real; Scan's rule is a file; int8 cannot be trained."""
    nothing_flows = {name for name, row in TABLE.items() if row.kind in ("leaf", "random")}
    whole = {"IsNaN", "IsInf", "Not", "Equal", "Less", "LessOrEqual", "And", "Or", "ArgMax"}
    others = {"Scan", "Fused", "LinearCrossEntropyGrad", "QuantizedMatMul"}
    assert set(TABLE) - set(RULES) == nothing_flows | whole | others
    assert set(RULES) <= set(TABLE)


def test_every_row_says_what_it_means():
    kinds = {"leaf", "pointwise", "contraction", "reduction", "movement", "random", "control"}
    for name, row in TABLE.items():
        assert row.name == name
        assert row.kind in kinds
        assert row.meaning
        assert row.arity >= -1


def real(*shape, dtype="float32"):
    return placeholder("x", shape, dtype)


def test_open_sizes_go_through():
    x = real(B, T, 3)
    assert apply("MatMul", x, real(3, 4)).shape == (B, T, 4)
    assert ops.concatenate([x, x], 1).shape == (B, T + T, 3)
    assert ops.reshape(x, (-1, 3)).shape == (B * T, 3)
    assert ops.reshape(ops.reshape(x, (-1,)), (B, T, 3)).shape == x.shape
    assert ops.pad(x, 1, 1, T).shape == (B, 1 + T + T, 3)
    assert (ops.sum(x, 1) + real(3)).shape == (B, 3)


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (
            lambda: real(2, dtype="int32") + real(2),
            DTypeError,
            "Add: operands must be of one number type. Received int32 and float32. Convert one with elman.ops.cast.",
        ),
        (
            lambda: real(2, dtype="bool") + real(2, dtype="bool"),
            DTypeError,
            "Add: operands must be of one number type. Received bool and bool.",
        ),
        (
            lambda: real(B, 3) + real(4),
            ShapeError,
            "broadcast: shapes must be equal or 1 axis by axis. Received (B, 3) and (4,). "
            "Reshape one of them, or add an axis of size 1.",
        ),
        (
            lambda: real(B) + real(T),
            ShapeError,
            "broadcast: shapes must be equal or 1 axis by axis. Received (B,) and (T,).",
        ),
        (
            lambda: ops.tanh(real(2, dtype="int32")),
            DTypeError,
            "Tanh: input must be a real tensor. Received int32. Convert it with elman.ops.cast.",
        ),
        (
            lambda: ops.logical_and(real(2), real(2)),
            DTypeError,
            "And: input must be a bool tensor. Received float32. Convert it with elman.ops.cast.",
        ),
        (
            lambda: ops.where(real(2), real(2), real(2)),
            DTypeError,
            "Where: input must be a bool condition tensor. Received float32.",
        ),
        (
            lambda: ops.where(real(2, dtype="bool"), real(2), real(2, dtype="int32")),
            DTypeError,
            "Where: branches must be of one type. Received float32 and int32.",
        ),
        (
            lambda: real(2, 3) @ real(4, 2),
            ShapeError,
            "MatMul: operands must be of equal inner size. Received (2, 3) and (4, 2). Their inner sizes are 3 and 4.",
        ),
        (
            lambda: real(3) @ real(3, 2),
            ShapeError,
            "MatMul: operands must be of rank 2 or more. Received (3,) and (3, 2). Add an axis of size 1.",
        ),
        (
            lambda: real(2, 3) @ real(3, 2, dtype="float64"),
            DTypeError,
            "MatMul: operands must be of one real type. Received float32 and float64.",
        ),
        (
            lambda: real(B, 2, 3) @ real(T, 3, 2),
            ShapeError,
            "MatMul: operands must be of equal leading sizes when the right one has rank 3 or more. "
            "Received (B, 2, 3) and (T, 3, 2). Expand one of them.",
        ),
        (
            lambda: ops.matmul(real(B, 3, 2), real(3, 2), transpose_a=True),
            ShapeError,
            "MatMul: left operand must be of rank 2 when it is transposed against a matrix. Received ",
        ),
        (
            lambda: apply("Gemm", real(2, 3), real(3, 4), real(5)),
            ShapeError,
            "Gemm: addend must be a row of, or all of, (2, 4). Received (5,).",
        ),
        (
            lambda: apply("Gemm", real(2, 3), real(3, 4), real()),
            ShapeError,
            "Gemm: addend must be a row of, or all of, (2, 4). Received ().",
        ),
        (
            lambda: real(2, dtype="int32") ** real(2, dtype="int32"),
            DTypeError,
            "Pow: input must be a real tensor. Received int32. Convert it with elman.ops.cast.",
        ),
        (
            lambda: apply("Gemm", real(1, 3), real(3, 4), real(2, 4)),
            ShapeError,
            "Gemm: addend must be a row of, or all of, (1, 4). Received ",
        ),
        (
            lambda: apply("ReduceSum", real(2, 3), axes=(2,), keepdims=False),
            ShapeError,
            "ReduceSum: axes must be between 0 and 1. Received ",
        ),
        (
            lambda: apply("Reshape", real(B, 3), shape=(B, 4)),
            ShapeError,
            "Reshape: shape must be of 3*B elements like the input (B, 3). Received ",
        ),
        (
            lambda: apply("Expand", real(2), shape=(3, 3)),
            ShapeError,
            "broadcast: shapes must be equal or 1 axis by axis. Received (2,) and (3, 3).",
        ),
        (
            lambda: apply("Expand", real(2, 3), shape=(1, 3)),
            ShapeError,
            "Expand: shape must be a broadcast of (2, 3). Received ",
        ),
        (
            lambda: apply("Transpose", real(2, 3), perm=(0, 0)),
            ShapeError,
            "Transpose: perm must be an order of the 2 axes. Received ",
        ),
        (
            lambda: ops.concatenate([real(2, 3), real(3, 3)], 1),
            ShapeError,
            "Concat: inputs must be equal in every axis but 1. Received (2, 3) and (3, 3). Reshape or crop them first.",
        ),
        (
            lambda: ops.concatenate([real(2), real(2, dtype="int32")]),
            DTypeError,
            "Concat: inputs must be of one type. Received float32 and int32.",
        ),
        (
            lambda: apply("Slice", real(3), axis=0, start=2, length=2, step=1),
            ShapeError,
            "Slice: range must be inside axis 0 of size 3. Received 2 to 3. Slice a smaller range.",
        ),
        (
            lambda: ops.take(real(5, 2), real(3)),
            DTypeError,
            "Gather: input must be a int32 index tensor. Received float32.",
        ),
        (
            lambda: apply("ScatterAdd", real(3, dtype="int32"), real(4, 2), rows=5),
            ShapeError,
            "ScatterAdd: values must be of leading shape (3,). Received (4, 2). One row a position.",
        ),
        (
            lambda: ops.take_along_axis(real(2, 5), real(3, 4, dtype="int32")),
            ShapeError,
            "Gather: index must be of leading shape (2,). Received (3, 4). One table a row.",
        ),
        (
            lambda: apply("Add", real(2)),
            ShapeError,
            "Add: inputs must be 2 in number. Received ",
        ),
        (
            lambda: ops.reshape(real(B, 3), (-1, 2)),
            ShapeError,
            "reshape: shape must be a divisor of 3*B elements. Received ",
        ),
        (
            lambda: scan(lambda s, x: (s, []), [real(B, 2)]),
            ShapeError,
            "scan: steps must be given when there is no xs. Received ",
        ),
        (
            lambda: scan(lambda s, x: (s, []), [real(B, 2)], [real(T, B), real(4, B)]),
            ShapeError,
            "scan: xs must be of T steps each. Received (4, B). Every sequence has time as its first axis.",
        ),
        (
            lambda: scan(lambda s, x: ([], []), [real(B, 2)], [real(T, B)]),
            ShapeError,
            "scan: new states must be 1 in number. Received ",
        ),
        (
            lambda: scan(lambda s, x: ([s[0][:, :1]], []), [real(B, 2)], [real(T, B)]),
            ShapeError,
            "scan: new state 0 must be of shape (B, 2) and type float32 as before the step. Received (B, 1), float32. "
            "A state keeps its shape.",
        ),
    ],
)
def test_what_an_operator_does_not_take(make, error, message):
    with pytest.raises(error) as caught:
        make()
    text = str(caught.value).replace("Received shape ", "Received ").replace("Received dtype ", "Received ")
    assert text.startswith(message)
