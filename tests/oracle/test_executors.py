"""Native = reference: every case, forward and backward, in both real types, at several batch sizes and lengths."""

from __future__ import annotations

import functools
from collections.abc import Sequence

import numpy as np
import pytest

from elman import dtypes
from elman.autodiff import gradients
from elman.executors import NativeExecutor, Plan, ReferenceExecutor, available
from elman.graph import Graph
from elman.graph.rewrite import hoist, simplify
from tests.oracle.cases import CASES
from tests.oracle.test_gradients import loss_of
from tests.tolerances import assert_close

pytestmark = pytest.mark.skipif(not available(), reason="the native extension is not built")


@functools.cache
def graph_of(name: str, real: str) -> Graph:
    """The case's outputs and, where it has them, the gradients of everything real: a training step in small."""
    case = CASES[name]
    inputs = case.tensors(real)
    outputs = case.outputs(inputs)
    if not case.differentiable:
        return Graph(tuple(inputs), tuple(outputs))
    forward = hoist(simplify(Graph(tuple(inputs), (*outputs, loss_of(outputs, name, real)))))
    wrt = [t for t in inputs if dtypes.is_real(t.dtype)]
    return Graph(tuple(inputs), (*forward.outputs, *gradients(forward.outputs[-1], wrt)))


@functools.cache
def plans(name: str, real: str) -> tuple[Plan, Plan]:
    graph = graph_of(name, real)
    return ReferenceExecutor().compile(graph), NativeExecutor().compile(graph)


def largest(arrays: Sequence[np.ndarray]) -> float:
    """Return the size of the largest finite number: the loss adds all of them up, with both signs."""
    return max((float(np.abs(a[np.isfinite(a)]).max(initial=0)) for a in arrays if a.dtype.kind == "f"), default=0.0)


@pytest.mark.parametrize("real", ["float32", "float64"])
@pytest.mark.parametrize("name", CASES)
def test_native_is_reference(name: str, real: str) -> None:
    case = CASES[name]
    reference, native = plans(name, real)
    for sizes in case.sizes:
        arrays = case.arrays(real, sizes)
        expected, found = reference.run(arrays).outputs, native.run(arrays).outputs
        loss = len(expected) - 1 - sum(a.dtype == "real" for a in case.arguments) if case.differentiable else None
        for i, (a, b) in enumerate(zip(found, expected, strict=True)):
            what = f"{name} at {sizes}, output {i} of {len(expected)}"
            assert a.dtype == b.dtype, what
            if dtypes.is_real(str(b.dtype)):
                # A gradient passes through the loss's sums, over all rows and steps of the largest sizes.
                terms = largest(expected[:i]) if i == loss else 0.0
                assert_close(a, b, length=2 * case.length + 99, steps=2 * case.steps, what=what, terms=terms)
            else:
                np.testing.assert_array_equal(a, b, err_msg=what)


@pytest.mark.parametrize("name", ["Scan:lstm_lengths", "MatMul:sequence", "Add:both", "Softmax", "Gather:sequence"])
def test_a_plan_gives_the_same_bits_again(name: str) -> None:
    """Whatever ran in between: no buffer keeps what another size left."""
    case = CASES[name]
    _, native = plans(name, "float32")
    first = [native.run(case.arrays("float32", sizes)).outputs for sizes in case.sizes]
    again = [native.run(case.arrays("float32", sizes)).outputs for sizes in reversed(case.sizes)]
    for a, b in zip(first, reversed(again), strict=True):
        for x, y in zip(a, b, strict=True):
            np.testing.assert_array_equal(x, y)


@pytest.mark.parametrize("name", ["Scan", "MatMul", "ReduceSum:batch", "Transpose"])
def test_inputs_may_be_views_and_read_only(name: str) -> None:
    case = CASES[name]
    _, native = plans(name, "float32")
    arrays = case.arrays("float32", case.sizes[0])
    views = []
    for a in arrays:
        spread = np.repeat(a, 2, axis=-1)[..., ::2] if a.ndim else a
        spread.flags.writeable = False
        views.append(spread)
    before = [a.copy() for a in arrays]
    for x, y in zip(native.run(views).outputs, native.run(arrays).outputs, strict=True):
        np.testing.assert_array_equal(x, y)
    for a, b in zip(arrays, before, strict=True):
        np.testing.assert_array_equal(a, b)
