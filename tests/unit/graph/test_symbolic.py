"""What NumPy may do with values that have no numbers yet."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import elman.models  # noqa: F401  # runs what numbers are asked of
from elman.errors import DTypeError
from elman.executors.reference import ReferenceExecutor
from elman.graph import Graph, Variable, placeholder

X = placeholder("x", (2, 3))
W = Variable(np.arange(6.0, dtype=np.float32).reshape(2, 3), name="w")
FUNCTIONS: list[Callable[[Any], Any]] = [
    np.exp, np.tanh, np.sqrt, np.isnan, np.sum, np.mean, np.transpose, np.argmax, np.where, np.size,
    lambda x: np.maximum(x, 0), lambda x: np.clip(x, 0, 1), lambda x: np.concatenate([x, x]), lambda x: np.stack([x]),
    lambda x: np.dot(x, x), lambda x: np.reshape(x, (6,)), np.add.reduce, lambda x: np.equal(x, 1),
    lambda x: np.add(np.ones((2, 3)), x, out=np.ones((2, 3))), lambda x: np.floor_divide(x, 2),
]  # fmt: skip


@pytest.mark.parametrize("function", FUNCTIONS)
def test_functions_of_numpy_are_refused_with_where_the_right_ones_are(function: Any) -> None:
    with pytest.raises(DTypeError, match=r"^NumPy's \w+: x must be an array of numbers\. Received .* elman\.ops,"):
        function(X)


@pytest.mark.parametrize("function", FUNCTIONS)
def test_functions_of_numpy_are_given_the_numbers_of_weights(function: Any) -> None:
    try:
        expected = function(W.value)
    except ValueError:  # of these sizes
        with pytest.raises(ValueError, match=r"shapes \(2,3\) and \(2,3\) not aligned"):
            function(W)
    else:
        np.testing.assert_equal(function(W), expected)


@pytest.mark.parametrize("function", [np.array, np.asarray, float, int, math.exp, lambda x: np.array([x, x])])
def test_a_tensor_behind_an_input_is_no_number_and_no_array(function: Any) -> None:
    with pytest.raises(DTypeError, match=r"Received Tensor\(Input, .*: its numbers are known when the model runs\."):
        function(X)


def test_a_variable_has_numbers_to_be_copied() -> None:
    copy = np.asarray(W)
    copy[:] = 9
    np.testing.assert_array_equal(W, np.arange(6).reshape(2, 3))
    assert np.array(W, np.float64).dtype == np.float64
    count = Variable(np.array(3, np.int32))
    assert int(count) == 3 and float(count) == 3.0


OPERATORS: list[Callable[[Any, Any], Any]] = [
    lambda a, x: a + x, lambda a, x: a - x, lambda a, x: a * x, lambda a, x: a / x, lambda a, x: a**x,
    lambda a, x: x + a, lambda a, x: x - a, lambda a, x: x**a, lambda a, x: np.matmul(a.T, x), lambda a, x: x @ a.T,
    lambda a, x: np.multiply(x, a), lambda a, x: np.negative(x) - a, lambda a, x: np.absolute(x) + a[0, 0],
    lambda a, x: np.float32(2) * x, lambda a, x: a.T @ x, lambda a, x: 2.0**x,
]  # fmt: skip


@pytest.mark.parametrize("operator", OPERATORS)
def test_operators_between_arrays_and_tensors_build_what_arrays_would_give(operator: Any) -> None:
    a, x = np.full((2, 3), 1.5, np.float32), np.arange(1.0, 7.0, dtype=np.float32).reshape(2, 3)
    made = ReferenceExecutor().compile(Graph((X,), (operator(a, X),))).run([x]).outputs[0]
    np.testing.assert_array_max_ulp(made, np.asarray(operator(a, x), np.float32), 4)


def test_comparisons_between_arrays_and_tensors() -> None:
    a, x = np.full((2, 3), 3.0, np.float32), np.arange(1.0, 7.0, dtype=np.float32).reshape(2, 3)
    for operator in (np.less, np.less_equal, np.greater, np.greater_equal):
        for left, right in ((a, X), (X, a)):
            made = ReferenceExecutor().compile(Graph((X,), (operator(left, right),))).run([x]).outputs[0]
            expected = operator(a, x) if left is a else operator(x, a)
            np.testing.assert_array_equal(made, expected)


def test_shape_and_rank_are_known() -> None:
    assert np.shape(X) == (2, 3) and np.ndim(W) == 2
