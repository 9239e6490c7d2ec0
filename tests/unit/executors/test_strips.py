"""Loops run in strips with the products beside them: what is taken along, what stays whole, and the numbers."""

from __future__ import annotations

import numpy as np
import pytest

import elman
from elman import ops
from elman.autodiff import gradients
from elman.executors.lowering import OPS, lower
from elman.executors.native import NativeExecutor
from elman.executors.reference import ReferenceExecutor
from elman.graph import Graph, placeholder
from elman.graph.rewrite import hoist, simplify
from elman.shapes import B, T
from tests.tolerances import assert_close

NAMES = [*OPS]


def training(layers, features=3):
    """The loss of layers on (B, T, features), and the gradients of the weights and the input."""
    x = elman.Input((None, features), name="x")
    y = x
    for layer in layers:
        y = layer(y)
    forward = hoist(simplify(Graph((x,), (ops.sum(y**2.0),))))
    wrt = [v.tensor for layer in layers for v in layer.trainable_weights]
    return Graph((x,), (forward.outputs[0], *gradients(forward.outputs[0], [*wrt, x])))


def strips(graph):
    """Of each strip: the names of its instructions, how many values are its own, how many instructions add up."""
    return [([NAMES[i[0]] for i in code], len(local), len(sums)) for code, local, sums in lower(graph).spec["strips"]]


def layer(name, units=8):
    return getattr(elman.layers, name)(units, return_sequences=True)


def test_products_run_beside_their_loop():
    forward, backward = strips(training([layer("LSTM")]))
    assert forward == (["matmul", "scan"], 1, 0)
    assert sorted(backward[0]) == ["matmul", "matmul", "matmul", "reduce", "scan"]  # of both weights, x and the bias
    assert backward[1:] == (1, 3)


def sums(*sequences, reverse=False):
    """Running sums along sequences (T, B, U)."""
    start = [ops.zeros((B, 4), "float32")]
    return [
        ops.scan(lambda s, xs: [[s[0] + xs[0]], [s[0] * xs[0]]], start, [z], reverse=reverse)[1][0] for z in sequences
    ]


@pytest.mark.parametrize("reverse", [False, True])
def test_a_sequence_that_others_read_keeps_its_memory(reverse):
    x, w = placeholder("x", (T, B, 3)), placeholder("w", (3, 4))
    z = x @ w
    graph = Graph((x, w), (*sums(z, reverse=reverse), z))
    assert strips(graph) == [(["matmul", "scan"], 0, 0)]
    random = np.random.default_rng(0)
    arrays = [random.normal(size=size).astype(np.float32) for size in ((70, 9, 3), (3, 4))]
    native, reference = (e().compile(graph).run(arrays).outputs for e in (NativeExecutor, ReferenceExecutor))
    for mine, other in zip(native, reference, strict=True):
        assert_close(mine, other, 3, 70)


def test_a_sequence_of_two_loops_is_made_before_both():
    x, w = placeholder("x", (T, B, 3)), placeholder("w", (3, 4))
    z = x @ w
    assert strips(Graph((x, w), (*sums(z), *sums(z, reverse=True)))) == []


@pytest.mark.parametrize("name", ["SimpleRNN", "GRU", "LSTM"])
@pytest.mark.parametrize(("rows", "steps"), [(1, 0), (1, 1), (1, 300), (16, 37), (33, 20)])
def test_a_step_in_strips_is_that_of_the_reference(name, rows, steps):
    graph = training([layer(name), layer(name, 5)])
    assert len(strips(graph)) == 4
    x = np.random.default_rng(0).normal(size=(rows, steps, 3)).astype(np.float32)
    native, reference = (e().compile(graph).run([x]).outputs for e in (NativeExecutor, ReferenceExecutor))
    for mine, other in zip(native, reference, strict=True):
        assert_close(mine, other, 16 + rows * steps, steps)


def test_sums_over_strips_have_the_same_bits_for_any_number_of_threads(monkeypatch):
    graph = training([layer("LSTM", 32)])
    x = np.random.default_rng(0).normal(size=(70, 90, 3)).astype(np.float32)

    def bits(threads):
        monkeypatch.setenv("ELMAN_NUM_THREADS", str(threads))
        return [y.tobytes() for y in NativeExecutor().compile(graph).run([x]).outputs]

    one = bits(1)
    assert all(bits(threads) == one for threads in (2, 4))
