"""Every operator has one native form, and what the plan writes is what the kernels read."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest

import elman
from elman import ops
from elman.autodiff import gradients
from elman.errors import GraphError
from elman.executors.lowering import EMITTERS, OPS, lower
from elman.executors.native import NativeExecutor
from elman.executors.reference import ReferenceExecutor
from elman.graph import TABLE, Graph, Variable, apply, placeholder
from elman.graph.rewrite import hoist, simplify
from elman.layers import Dense, LayerNormalization, SimpleRNN, tracing
from elman.shapes import B, Dim, T
from tests.tolerances import assert_close

SPEC = Path(__file__).parents[3] / "native" / "include" / "elman" / "spec.h"


def instructions(graph: Graph) -> list[str]:
    spec = lower(graph).spec
    return [i[-1] for segment in (*spec["segments"], *spec["last"]) for i in segment[1]]


def test_every_operator_has_a_row():
    alone = {name for name, row in TABLE.items() if row.kind != "pointwise"} - {"Input"}  # pointwise ones are Fused
    assert set(EMITTERS) == alone


def test_instructions_have_the_order_of_the_contract():
    body = re.search(r"enum class Op\b[^{]*{(.*?)}", SPEC.read_text(), re.DOTALL)[1]
    assert re.findall(r"\w+", re.sub(r"//[^\n]*", "", body)) == [*OPS, "count_"]


def test_an_operator_without_a_row_is_named(monkeypatch):
    monkeypatch.delitem(EMITTERS, "Gather")
    x = placeholder("x", (3,), "int32")
    table = placeholder("table", (5, 2))
    y = ops.take(table, x)
    with pytest.raises(GraphError, match=r"operator Gather must have a native form.*Add its row to EMITTERS"):
        lower(Graph((table, x), (y,)))


def test_two_real_types_are_refused():
    a, b = placeholder("a", (2,), "float32"), placeholder("b", (2,), "float64")
    with pytest.raises(GraphError, match=r"one real type\. Received float32 and float64"):
        lower(Graph((a, b), (a, b)))


def test_what_readers_can_walk_is_not_copied():
    x = placeholder("x", (4, 6))
    y = ops.transpose(x, (1, 0))[1:3] * 2.0
    assert instructions(Graph((x,), (y,))) == ["pointwise"]


def test_what_readers_cannot_walk_is_copied():
    x = placeholder("x", (4, 6))
    assert instructions(Graph((x,), (ops.softmax(ops.transpose(x, (1, 0))),))) == ["copy", "softmax"]


def test_what_is_only_transposed_is_written_so():
    x = placeholder("x", (4, 6))
    y = ops.softmax(ops.transpose(ops.exp(x), (1, 0)))
    assert instructions(Graph((x,), (y,))) == ["pointwise", "softmax"]
    assert instructions(Graph((x,), (y, ops.softmax(ops.exp(x))))) == ["pointwise", "copy", "softmax", "softmax"]


def test_rows_are_gathered_step_by_step_where_time_comes_first(rng):
    x = placeholder("x", (B, T, 3))
    graph = Graph((x,), (ops.cumsum(ops.swapaxes(x, 0, 1), 0)[-1],))
    assert "copy" not in instructions(graph)[:1]
    assert lower(graph).spec["input_steps"] != [-1]
    data, order = rng.random((7, 5, 3), np.float32), np.array([6, 0, 3, 3, 2])
    plan = NativeExecutor().compile(graph)
    assert_close(plan.run([data]).outputs[0], data.sum(1), length=5)
    assert_close(plan.run_batches([data], order, 3).outputs[0], data[order[3:]].sum(1), length=5)


@pytest.mark.parametrize("time_first", [False, True])
def test_rows_may_lie_apart(rng, time_first):
    x, mask, scale = placeholder("x", (B, T, 3)), placeholder("mask", (B, 2), "bool"), placeholder("scale", (2,))
    steps = ops.cumsum(ops.swapaxes(x, 0, 1), 0)[-1] if time_first else ops.cumsum(x, 1)[:, -1]
    graph = Graph((x, mask, scale), (ops.where(mask, steps[:, :2], scale),))
    whole, wide = rng.random((7, 9, 3), np.float32), rng.random((7, 5, 4), np.float32)
    truths, both = rng.random((7, 2)) > 0.5, rng.random(4, np.float32)[::2]
    native, reference = (e.compile(graph) for e in (NativeExecutor(), ReferenceExecutor()))
    views = {
        "the first steps": whole[:, :5],
        "every other row": whole[::2],
        "rows backwards": whole[::-1, 2:7],
        "one row again and again": np.broadcast_to(whole[0], whole.shape),
        "no rows": whole[:0, :5],
        "every other step": whole[:, ::2],
        "steps in pieces": wide[:, :, :3],
    }
    for name, view in views.items():
        given = [view, truths[: len(view)], both]
        for order in (np.array([3, 0, 0, 1, 2])[: len(view)], np.arange(len(view))[::-1]):
            found, wanted = (plan.run_batches(given, order, 3).outputs for plan in (native, reference))
            for a, b in zip(found, wanted, strict=True):
                assert_close(a, b, length=9, what=name)
        assert_close(native.run(given).outputs[0], reference.run(given).outputs[0], length=9, what=name)


def test_what_there_is_one_of_in_a_row_lies_in_the_order_of_the_rows_beside_it(rng):
    """A row's 16 elements are turned for the loop that reads them, and with them its deviation, for the way back."""
    model = elman.Sequential(
        [elman.Input((None, 4)), Dense(16), LayerNormalization(), SimpleRNN(7, return_sequences=True)]
    )
    with tracing(training=True):
        x = placeholder("x", (B, T, 4))
        loss = ops.sum(ops.square(model(x)))
    graph = hoist(simplify(Graph((x,), (loss,))))
    wrt = [w.tensor for w in model.trainable_weights]
    graph = Graph(graph.inputs, (*graph.outputs, *gradients(graph.outputs[0], wrt)))
    arrays = [rng.normal(size=(5, 8, 4)).astype("float32")]
    native, reference = (e.compile(graph).run(arrays).outputs for e in (NativeExecutor(), ReferenceExecutor()))
    for a, b in zip(native, reference, strict=True):
        assert_close(a, b, 40, 8)


def test_rows_that_others_read_too_are_gathered_as_they_come():
    x = placeholder("x", (B, T, 3))
    assert lower(Graph((x,), (ops.cumsum(ops.swapaxes(x, 0, 1), 0), ops.cumsum(x, 1)))).spec["input_steps"] == [-1]


def test_parts_of_a_concatenation_are_written_into_it():
    x, y = placeholder("x", (2, 3)), placeholder("y", (4, 3))
    assert instructions(Graph((x, y), (ops.concatenate([ops.exp(x), ops.tanh(y)], 0),))) == ["pointwise", "pointwise"]


def test_parts_along_other_axes_are_written_with_strides():
    x, y = placeholder("x", (2, 3)), placeholder("y", (2, 5))
    a, b = ops.exp(x), ops.tanh(y)
    graph = Graph((x, y), (ops.concatenate([a, b], 1), ops.concatenate([b, a, a], 1)))
    assert instructions(graph) == ["pointwise", "pointwise"]
    given = [np.arange(n, dtype=np.float32).reshape(2, -1) / 9 for n in (6, 10)]
    native, reference = (e.compile(graph).run(given).outputs for e in (NativeExecutor(), ReferenceExecutor()))
    for mine, other in zip(native, reference, strict=True):
        assert_close(mine, other, length=1)


def test_an_update_is_written_into_its_variable():
    v = Variable(np.zeros(3, np.float32))
    spec = lower(Graph((), (), updates=((v, v.tensor + 1.0),))).spec
    assert [i[-1] for i in spec["last"][0][1]] == ["pointwise"]
    assert spec["updates"] == []


def test_neighbouring_axes_are_reduced_together():
    x = placeholder("x", (2, 3, 4, 5))
    assert instructions(Graph((x,), (ops.sum(x, axis=(0, 1, 3)),))) == ["reduce", "reduce"]
    assert instructions(Graph((x,), (ops.sum(x, axis=(1, 2)),))) == ["reduce"]


def test_sums_over_the_batch_are_partial():
    x = placeholder("x", (Dim.symbol("B"), 3))
    spec = lower(Graph((x,), (ops.sum(x),))).spec
    assert spec["shardable"]
    assert len(spec["partials"]) == 1


def test_a_batch_is_cut_where_each_row_has_its_table():
    rows, places = placeholder("rows", (Dim.symbol("B"), 3)), placeholder("places", (Dim.symbol("B"), 2), "int32")
    taken = ops.take_along_axis(rows, places)
    added = apply("ScatterAdd", places, taken, rows=4, batch=1)
    assert lower(Graph((rows, places), (added,))).spec["shardable"]
    assert not lower(Graph((rows, places), (ops.take(rows, places),))).spec["shardable"], "rows meet"


def test_a_loop_reads_every_matrix_of_a_captured_batch(rng):
    """A product with one matrix a row inside a loop: packed once, it would be the first row's for all."""
    x, memory = placeholder("x", (6, 3, 1, 4)), placeholder("memory", (3, 4, 5))
    _, (y,) = ops.scan(lambda states, xs: ([], [ops.matmul(xs[0], memory)]), [], [x])
    arrays = [rng.normal(size=t.shape).astype("float32") for t in (x, memory)]
    found, expected = (
        e().compile(Graph((x, memory), (y,))).run(arrays).outputs for e in (NativeExecutor, ReferenceExecutor)
    )
    assert_close(found[0], expected[0], 4)


def assert_as_reference(graph: Graph, arrays: list[np.ndarray], length: int, steps: int) -> None:
    native, reference = (e().compile(graph).run(arrays).outputs for e in (NativeExecutor, ReferenceExecutor))
    for mine, other in zip(native, reference, strict=True):
        assert_close(mine, other, length, steps)


@pytest.mark.parametrize("layer", ["LSTM", "GRU", "SimpleRNN", "MGU", "LEM"])
def test_a_training_step_keeps_states_where_the_loop_makes_them(layer):
    x = elman.Input((None, 3), name="x")
    made = getattr(elman.layers, layer)(32, return_sequences=True)
    forward = hoist(simplify(Graph((x,), (ops.sum(made(x) ** 2.0),))))
    graph = Graph(
        (x,), (forward.outputs[0], *gradients(forward.outputs[0], [v.tensor for v in made.trainable_weights]))
    )
    (code, states, *_, new, stacked, _, _, _, traced), backward = lower(graph).spec["bodies"]
    assert OPS["copy"] not in [i[0] for i in code]
    assert len(states) == len(traced)
    assert [stacked[i] for i in traced] == list(new)
    assert set(backward[-1]) == {-1}
    for rows in (1, 16, 33):  # rows of whole vectors, and shards
        assert_as_reference(
            graph, [np.random.default_rng(0).normal(size=(rows, 5, 3)).astype(np.float32)], 32 * rows * 5, 5
        )


@pytest.mark.parametrize("reverse", [False, True])
def test_states_before_and_after_each_step_share_a_stack(reverse):
    x, h, c = placeholder("x", (T, B, 4)), placeholder("h", (B, 4)), placeholder("c", (B, 4))

    def step(states, slices):
        h, c = states
        new = ops.tanh(h + slices[0]) * c
        return [new, c + new], [h, new, c, h]

    finals, stacks = ops.scan(step, [h, c], [x], reverse=reverse)
    graph = Graph((x, h, c), (*finals, *(ops.exp(y) for y in stacks), *stacks))
    random = np.random.default_rng(1)
    for steps in (0, 1, 6):
        given = [random.normal(size=size).astype(np.float32) for size in ((steps, 3, 4), (3, 4), (3, 4))]
        assert_as_reference(graph, given, 4, 6)
