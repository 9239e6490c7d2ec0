"""Autodiff against central differences in float64, for every case; and a wrong rule must be noticed."""

from __future__ import annotations

import functools
import zlib
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pytest

import elman.autodiff
from elman import dtypes, ops
from elman.autodiff import RULES, gradients
from elman.executors.reference import ReferenceExecutor
from elman.graph import TABLE, Graph, Tensor, constant, verify
from elman.graph.rewrite import fuse, fuse_products, hoist, simplify
from tests.oracle.cases import CASES, SMALL, Case
from tests.tolerances import assert_close, central_difference

Change = Callable[[Sequence[Tensor | None]], list[Tensor | None]]

SMOOTH = {name: case for name, case in CASES.items() if case.differentiable and not case.long}
REAL = "float64"


def loss_of(outputs: Sequence[Tensor], name: str, real: str = REAL) -> Tensor:
    """A scalar that depends on every element of every real output, each with a weight of its own."""
    total: Tensor = ops.zeros((), real)
    for i, y in enumerate(t for t in outputs if dtypes.is_real(t.dtype)):
        position = constant(zlib.crc32(f"{name}{i}".encode()) % 97, real)
        for axis, size in enumerate(y.shape):
            place = ops.reshape(ops.arange(size, real), (1,) * axis + (size,) + (1,) * (y.ndim - axis - 1))
            position = position + place * (3.7**axis)
        total = total + ops.sum(y * ops.sin(position))
    return total


def traced(case: Case) -> tuple[list[Tensor], list[Tensor], Tensor]:
    """Inputs, the real ones among them, and the loss."""
    tensors = case.tensors(REAL)
    return tensors, [t for t in tensors if dtypes.is_real(t.dtype)], loss_of(case.outputs(tensors), case.name)


def run(inputs: Sequence[Tensor], outputs: Sequence[Tensor], arrays: Sequence[np.ndarray]) -> list[np.ndarray]:
    graph = Graph(tuple(inputs), tuple(outputs))
    verify(graph)
    return ReferenceExecutor().compile(graph).run(arrays).outputs


@functools.cache
def numeric(name: str) -> tuple[list[np.ndarray], float]:
    """Central differences of the loss by every real input, and the size of the loss. No code of autodiff runs."""
    case = SMOOTH[name]
    inputs, wrt, loss = traced(case)
    arrays = case.arrays(REAL, SMALL)
    plan = ReferenceExecutor().compile(Graph(tuple(inputs), (loss,)))
    step = np.finfo(REAL).eps ** (1 / 3)
    slopes = []
    for t, array in zip(inputs, arrays, strict=True):
        if t not in wrt:
            continue
        slope = np.zeros(array.shape)
        for at in np.ndindex(array.shape):
            values = []
            for h in (step, -step):
                moved = array.copy()
                moved[at] += h
                values.append(float(plan.run([moved if a is array else a for a in arrays]).outputs[0]))
            slope[at] = (values[0] - values[1]) / (2 * step)
        slopes.append(slope)
    return slopes, max(1.0, abs(float(plan.run(arrays).outputs[0])))


def analytic(name: str, prepare: Callable[[Graph], Graph] = lambda graph: graph) -> list[np.ndarray]:
    """Gradients of the loss by every real input; `prepare` may rewrite the forward graph first."""
    case = SMOOTH[name]
    inputs, wrt, loss = traced(case)
    graph = prepare(Graph(tuple(inputs), (loss,)))
    found = gradients(graph.outputs[0], wrt)
    assert [g.shape for g in found] == [t.shape for t in wrt]
    return run(inputs, found, case.arrays(REAL, SMALL))


def agree(name: str, found: Sequence[np.ndarray]) -> bool:
    expected, size = numeric(name)
    for g, e in zip(found, expected, strict=True):
        allowed = central_difference(size, float(np.max(np.abs(e), initial=0.0)))
        if g.size and not np.max(np.abs(g - e)) <= allowed:
            return False
    return True


@pytest.mark.parametrize("name", SMOOTH)
def test_a_gradient_is_the_central_difference(name: str) -> None:
    found = analytic(name)
    assert agree(name, found), f"{name}: autodiff {found}, central differences {numeric(name)[0]}"


@pytest.mark.parametrize("name", [n for n, c in SMOOTH.items() if c.op in ("Scan", "MatMul", "Gemm")])
def test_it_is_so_of_the_rewritten_graph_too(name: str) -> None:
    """Training differentiates what `simplify` and `hoist` made, and executors run what `fuse` makes of that."""
    case = SMOOTH[name]
    inputs, wrt, loss = traced(case)
    forward = hoist(simplify(Graph(tuple(inputs), (loss,))))
    backward = Graph(tuple(inputs), tuple(gradients(forward.outputs[0], wrt)))
    for whole in (backward, fuse(fuse_products(simplify(backward, final=True)))):
        verify(whole)
        found = ReferenceExecutor().compile(whole).run(case.arrays(REAL, SMALL)).outputs
        assert agree(name, found), name


def test_every_operator_has_a_case() -> None:
    assert {case.op for case in CASES.values()} == set(TABLE)


def test_every_rule_is_checked_by_central_differences() -> None:
    assert {case.op for case in SMOOTH.values()} >= set(RULES)


@pytest.mark.parametrize("name", [n for n, c in CASES.items() if c.open and c.differentiable])
def test_a_gradient_of_nothing_is_nothing(name: str) -> None:
    """No rows, or no steps: gradients of weights are 0, of the empty empty."""
    case = CASES[name]
    inputs, wrt, loss = traced(case)
    graph = Graph(tuple(inputs), tuple(gradients(loss, wrt)))
    for sizes in ({"B": 0, "T": 2}, {"B": 2, "T": 0}):
        if case.op == "Slice":
            continue
        for found, t in zip(ReferenceExecutor().compile(graph).run(case.arrays(REAL, sizes)).outputs, wrt, strict=True):
            assert np.isfinite(found).all(), f"{name} at {sizes}: {t}"


# ---- the negative control -------------------------------------------------------------------------------------------


FLAT = ("Sign", "Floor", "Ceil", "Round")
"""Step functions: their gradient is 0."""


def larger(found: Sequence[Tensor | None]) -> list[Tensor | None]:
    return [None if d is None else d * 1.01 for d in found]


def opposite(found: Sequence[Tensor | None]) -> list[Tensor | None]:
    """The first gradient negated; were all of them, two wrongs in a row would make a right."""
    first = next(i for i, d in enumerate(found) if d is not None)
    return [-d if i == first and d is not None else d for i, d in enumerate(found)]


def checked_by(op: str) -> list[str]:
    """Cases of an operator with something to differentiate."""
    return [n for n, case in SMOOTH.items() if case.op == op and any(a.dtype == "real" for a in case.arguments)]


@pytest.mark.parametrize("change", [larger, opposite])
@pytest.mark.parametrize("op", [op for op in RULES if op not in FLAT])
def test_a_wrong_rule_is_noticed(op: str, change: Change, monkeypatch: pytest.MonkeyPatch) -> None:
    right = RULES[op]
    monkeypatch.setitem(RULES, op, lambda n, g: change(right(n, g)))
    assert not all(agree(name, analytic(name)) for name in checked_by(op))


@pytest.mark.parametrize("op", FLAT)
def test_a_gradient_through_a_step_function_is_noticed(op: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(RULES, op, lambda n, g: [g])
    assert not all(agree(name, analytic(name)) for name in checked_by(op))


@pytest.mark.parametrize("factor", [1.01, -1.0])
@pytest.mark.parametrize("which", range(5))
def test_a_wrong_backpropagation_through_time_is_noticed(
    which: int, factor: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One gradient of the scan is wrong: by the initial state, the sequence, either weight, the bias."""
    right = elman.autodiff.scan_rule

    def wrong(node: Any, grads: Any) -> list[Tensor | None]:
        return [d if d is None or i != which else d * factor for i, d in enumerate(right(node, grads))]

    monkeypatch.setattr(elman.autodiff, "scan_rule", wrong)
    assert not agree("Scan", analytic("Scan"))


def test_a_rule_written_out() -> None:
    """Numbers a person can check: d/dx of x² + 3x at 2 is 7."""
    (x,) = CASES["Mul:square"].tensors(REAL)
    loss = ops.sum(x * x + 3.0 * x)
    (found,) = run([x], gradients(loss, [x]), [np.array([[2.0, 0.0, -1.0]])])
    assert_close(found, np.array([[7.0, 3.0, 1.0]]), length=2)
