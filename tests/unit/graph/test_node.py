"""Tensors, variables and constants: arithmetic, indexing, and what they refuse."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from elman import ops
from elman.errors import DTypeError, ShapeError
from elman.graph import Graph, Variable, as_tensor, constant, placeholder
from elman.shapes import B, T
from tests.evaluation import evaluate


def test_arithmetic_is_that_of_numpy(rng):
    a, b = rng.uniform(1, 2, (3, 2)), rng.uniform(1, 2, 2)
    x, y = placeholder("x", (B, 2), "float64"), placeholder("y", (2,), "float64")
    pairs = [
        (x + y, a + b),
        (x - y, a - b),
        (x * y, a * b),
        (x / y, a / b),
        (x**y, a**b),
        (x**2, a**2),
        (x % y, a % b),
        (2 + x, 2 + a),
        (2 - x, 2 - a),
        (2 * x, 2 * a),
        (2 / x, 2 / a),
        (-x, -a),
        (abs(-x), a),
        (x < y, a < b),
        (x <= y, a <= b),
        (x > y, a > b),
        (x >= 1.5, a >= 1.5),
        ((x > 1.2) & (x < 1.8), (a > 1.2) & (a < 1.8)),
        ((x > 1.8) | ~(x > 1.2), (a > 1.8) | ~(a > 1.2)),
        (b + x, a + b),
        (b @ np.eye(2) * x, b * a),
    ]
    found = evaluate([t for t, _ in pairs], [(x, a), (y, b)])
    for (_, expected), got in zip(pairs, found, strict=True):
        np.testing.assert_array_equal(got, expected)


def test_a_variable_is_its_leaf_in_an_expression():
    v = Variable(np.array([1.0, 2.0]), name="v")
    x = placeholder("x", (2,), "float64")
    made = [v + x, x + v, v - x, 3.0 - v, v * x, 2.0 * v, v / x, 1.0 / v, v**2, -v, v[0], v.tensor]
    a, b = np.array([1.0, 2.0]), np.array([5.0, 7.0])
    expected = [a + b, b + a, a - b, 3 - a, a * b, 2 * a, a / b, 1 / a, a**2, -a, a[0], a]
    for got, want in zip(evaluate(made, [(x, b)]), expected, strict=True):
        np.testing.assert_array_equal(got, want)
    assert v.tensor is v.tensor


@pytest.mark.parametrize("step", [None, 1, -1])
def test_slices_are_those_of_numpy(step):
    array = np.arange(5.0)
    x, y = placeholder("x", (5,), "float64"), placeholder("y", (T,), "float64")
    bounds = [None, *range(-7, 8)]
    for start, stop in itertools.product(bounds, bounds):
        key = slice(start, stop, step)
        (fixed,) = evaluate([x[key]], [(x, array)])
        np.testing.assert_array_equal(fixed, array[key], err_msg=str(key))
        inside = all(k is None or -5 <= k < 5 for k in (start, stop))
        if inside and len(array[key]):
            (opened,) = evaluate([y[key]], [(y, array)])
            np.testing.assert_array_equal(opened, array[key], err_msg=f"open {key}")


def test_indices_are_those_of_numpy(rng):
    array = rng.normal(size=(3, 4, 2))
    x = placeholder("x", (B, 4, 2), "float64")
    keys = [
        0,
        -1,
        (slice(None), 2),
        (slice(None), -1, 0),
        (..., 0),
        (0, ..., 1),
        (slice(None), None),
        (..., None),
        (None, 0),
    ]
    for key in keys:
        (got,) = evaluate([x[key]], [(x, array)])
        np.testing.assert_array_equal(got, array[key], err_msg=str(key))
    assert x[:] is x


def test_a_tensor_of_known_size_can_be_unpacked():
    a, b = placeholder("x", (2, 3))
    assert a.shape == b.shape == (3,)


def test_equal_numbers_share_a_leaf():
    assert constant(1.5) is constant(1.5)
    assert constant(1.5, "float32") is not constant(1.5)
    x = placeholder("x", (2,), "float64")
    assert (x + 1.5).node.inputs[1].dtype == "float64"
    assert as_tensor(np.array([1, 2])).dtype == "int32"
    assert as_tensor(np.array([1, 2]), like="float32").dtype == "float32"


def test_a_variable_keeps_its_array():
    v = Variable([1.0, 2.0], name="v")
    array = v.value
    v.assign([3, 4])
    assert v.value is array
    assert v.numpy() is not array
    assert (v.shape, v.ndim, v.dtype, repr(v)) == ((2,), 1, "float64", "Variable('v', shape=(2,), dtype=float64)")
    with pytest.raises(ShapeError) as error:
        v.assign([1.0])
    assert str(error.value) == (
        "Variable 'v': value must be of shape (2,). Received an array of shape (1,). Weights cannot change shape."
    )


def test_a_graph_knows_its_nodes_in_order():
    x = placeholder("x", (2,))
    y = (x + 1.0) * x
    graph = Graph((x,), (y,), guard=None)
    nodes = graph.nodes()
    assert [n.op for n in nodes if n.op != "Constant"] == ["Input", "Add", "Mul"]
    place = {n.serial: i for i, n in enumerate(nodes)}
    assert all(place[t.node.serial] < place[n.serial] for n in nodes for t in n.inputs)


@pytest.mark.parametrize(
    ("update", "given"),
    [
        (lambda x: ops.sum(x, 0), "float32 of shape (3,)"),
        (lambda x: x[:, 0], "float32 of shape (B,)"),
        (lambda x: ops.cast(x[0, :2], "int32"), "int32 of shape (2,)"),
    ],
)
def test_an_update_has_the_shape_and_type_of_its_variable(update, given):
    """It is copied into the variable's memory."""
    x = placeholder("x", (B, 3))
    with pytest.raises(ShapeError) as error:
        Graph((x,), (), ((Variable(np.zeros(2, "float32"), name="v"), update(x)),))
    assert str(error.value).startswith(f"Variable 'v': update must be float32 of shape (2,). Received {given}. ")


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (
            lambda x: bool(x > 0.0),
            DTypeError,
            "Tensor: condition must be known while tracing. Received Tensor(Less, shape=(B, 3), dtype=bool). "
            "Use elman.ops.where to choose by value.",
        ),
        (
            list,
            ShapeError,
            "Tensor: first axis must be a known size to be iterated. Received shape (B, 3). "
            "Use elman.ops.scan over an open axis.",
        ),
        (lambda x: x[:, 5], ShapeError, "indexing: index must be between -3 and 2 on axis 1. Received "),
        (lambda x: x[0, 0, 0], ShapeError, "indexing: indices must be at most 2. Received "),
        (lambda x: x[:, ::2], ShapeError, "indexing: slice step must be 1 or -1. Received "),
        (
            lambda x: x[:, "a"],
            DTypeError,
            "indexing: index must be an integer, slice, None or .... Received str. "
            "Use elman.ops.take to pick by a tensor of indices.",
        ),
        (lambda x: x[x > 0.0], DTypeError, "indexing: index must be an integer, slice, None or .... Received "),
        (
            lambda x: placeholder("i", (2,), "int32") + 0.5,
            DTypeError,
            "ops: number must be whole next to an int32 tensor. Received ",
        ),
        (
            lambda x: x * B,
            DTypeError,
            "ops: operand must be a tensor or number. Received ",
        ),
    ],
)
def test_what_a_tensor_refuses(make, error, message):
    with pytest.raises(error) as caught:
        make(placeholder("x", (B, 3)))
    assert str(caught.value).startswith(message)
