"""Scans cut into segments: the same numbers and gradients, from less memory."""

from __future__ import annotations

import numpy as np
import pytest

from elman import layers, ops
from elman.autodiff import gradients
from elman.executors import NativeExecutor, ReferenceExecutor
from elman.graph import Graph, placeholder, scan, verify
from elman.graph.rewrite import hoist, segment, simplify
from elman.layers import Input
from elman.shapes import B, T, root, share
from tests.tolerances import assert_close

STEPS = (0, 1, 2, 3, 7, 9, 16, 23)


def summed(reverse: bool = False, ragged: bool = False) -> Graph:
    """s_t = s_{t-1} + x_t: the sums so far, and the last of them."""
    x, lengths = placeholder("x", (T, B, 2), "float64"), placeholder("lengths", (B,), "int32")
    (last,), (sums,) = scan(
        lambda states, slices: ([states[0] + slices[0]], [states[0] + slices[0]]),
        [ops.zeros((B, 2), "float64")], [x], lengths if ragged else None, reverse,
    )  # fmt: skip
    return Graph((x, lengths) if ragged else (x,), (last, sums))


def test_sizes_that_follow_from_others():
    size = root(T + 1)
    assert [size.evaluate({"T": n}) for n in (0, 2, 3, 8, 15)] == [1, 1, 2, 3, 4]
    assert share(T, size).evaluate({"T": 17}) == 4
    assert (root(0), root(24), share(25, 4), share(7, size).evaluate({"T": 8})) == (1, 4, 6, 2)
    with pytest.raises(KeyError, match="T"):
        size.evaluate({"B": 3})


@pytest.mark.parametrize("length", [None, 1, 4, 100])
@pytest.mark.parametrize("ragged", [False, True], ids=["whole", "ragged"])
@pytest.mark.parametrize("reverse", [False, True], ids=["forth", "back"])
@pytest.mark.parametrize("executor", [NativeExecutor, ReferenceExecutor])
def test_segments_give_what_the_whole_gives(length, ragged, reverse, executor, rng):
    graph = summed(reverse, ragged)
    cut = segment(graph, length)
    verify(cut)
    assert any(n.attrs.get("segments") for n in cut.nodes())
    plain, plan = executor().compile(graph), executor().compile(cut)
    for steps in STEPS:
        arrays = [rng.normal(size=(steps, 3, 2))]
        arrays += [np.array([steps, steps // 2, 0], np.int32)] if ragged else []
        for expected, found in zip(plain.run(arrays).outputs, plan.run(arrays).outputs, strict=True):
            np.testing.assert_array_equal(found, expected)


def test_a_short_scan_of_known_length_stays_whole():
    x = placeholder("x", (3, B, 2))
    (last,), _ = scan(lambda s, xs: ([s[0] + xs[0]], []), [ops.zeros((B, 2))], [x])
    assert segment(Graph((x,), (last,))).outputs == (last,)
    long = placeholder("x", (30, B, 2))
    (last,), _ = scan(lambda s, xs: ([s[0] + xs[0]], []), [ops.zeros((B, 2))], [long])
    (outer,) = (n for n in segment(Graph((long,), (last,))).nodes() if n.op == "Scan")
    assert outer.attrs["steps"] == 6


def trained(layer: layers.Layer, cut: bool) -> NativeExecutor:
    """A plan of the loss and the gradients of the weights."""
    x = Input((None, 5))
    loss = ops.sum(ops.square(layer(x)))
    graph = simplify(Graph((x,), (loss,)))
    graph = hoist(simplify(segment(graph)) if cut else graph)
    slopes = gradients(graph.outputs[0], [w.tensor for w in layer.trainable_weights])
    return NativeExecutor().compile(Graph((x,), (graph.outputs[0], *slopes)))


@pytest.mark.parametrize("name", ["LSTM", "GRU"])
def test_memory_grows_with_the_root_and_shards_stay(name, rng):
    layer = getattr(layers, name)(32)
    plain, cut = trained(layer, False), trained(layer, True)
    used = []
    for steps in (400, 1600):
        x = rng.normal(size=(16, steps, 5)).astype("float32") * 0.1
        for expected, found in zip(plain.run([x]).outputs, cut.run([x]).outputs, strict=True):
            assert_close(found, expected, 16 * steps, steps)
        assert cut._plan.shards() == plain._plan.shards() == [8, 8]
        inputs = 2 * x.nbytes  # as they came, and time first
        used.append([plan._plan.arena_bytes() - inputs for plan in (plain, cut)])
    assert used[1][0] > 3.5 * used[0][0]
    assert used[1][1] < 2.5 * used[0][1]
    assert used[1][1] * 10 < used[1][0]


def test_a_sum_that_does_not_start_at_zero_is_not_cut_into_shards():
    x = placeholder("x", (T, B, 2))
    start = ops.ones((2,))
    (total,), _ = scan(lambda s, xs: ([s[0] + ops.sum(xs[0], 0)], []), [start], [x])
    (last, total_too), _ = scan(
        lambda s, xs: ([s[0] + xs[0], s[1] * 2.0 + ops.sum(xs[0], 0)], []), [ops.zeros((B, 2)), ops.zeros((2,))], [x]
    )
    data = np.ones((4000, 64, 2), "float32") * 0.001
    for outputs in ((total,), (last, total_too)):
        graph = Graph((x,), outputs)
        for found, expected in zip(
            NativeExecutor().compile(graph).run([data[:20]]).outputs,
            ReferenceExecutor().compile(graph).run([data[:20]]).outputs, strict=True,
        ):  # fmt: skip
            assert_close(found, expected, 64, 20)
