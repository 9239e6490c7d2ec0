"""Loops over rows of different lengths: what is finished is not run, and the numbers are those of the reference."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

import elman
from elman import ops
from elman.autodiff import gradients
from elman.executors.lowering import lower
from elman.executors.native import NativeExecutor, NativePlan
from elman.executors.reference import ReferenceExecutor
from elman.graph import Graph, placeholder
from elman.graph.rewrite import hoist, simplify
from elman.layers.base import Mask
from elman.shapes import B
from tests.tolerances import assert_close

LENGTHS = {
    "falling": lambda random, rows, steps: np.sort(random.integers(0, steps + 1, rows))[::-1],
    "any": lambda random, rows, steps: random.integers(0, steps + 1, rows),
    "rising": lambda random, rows, steps: np.sort(random.integers(0, steps + 1, rows)),
    "whole": lambda random, rows, steps: np.full(rows, steps),
    "none": lambda random, rows, steps: np.zeros(rows),
}


def training(*layers, wrt_input=True):
    """Outputs of layers on (B, T, 3) with lengths, a loss, and the gradients of the weights and the input."""
    x, lengths = elman.Input((None, 3), name="x"), placeholder("lengths", (B,), "int32")
    y = x
    y.mask = Mask(lengths=lengths)
    for layer in layers:
        y = layer(y)
    forward = hoist(simplify(Graph((x, lengths), (y, ops.sum(y**2.0)))))
    wrt = [v.tensor for layer in layers for v in layer.trainable_weights]
    return Graph((x, lengths), (*forward.outputs, *gradients(forward.outputs[1], [*wrt, *([x] if wrt_input else [])])))


def data(rows, steps, order):
    random = np.random.default_rng([rows, steps])
    lengths = LENGTHS[order](random, rows, steps).astype(np.int32)
    return [random.normal(size=(rows, steps, 3)).astype(np.float32), lengths]


def layer(name, units=8, **options):
    return getattr(elman.layers, name)(units, **options)


MODELS = {
    "SimpleRNN": lambda: (layer("SimpleRNN"),),
    "GRU": lambda: (layer("GRU"),),
    "LSTM": lambda: (layer("LSTM"),),
    "every step": lambda: (layer("LSTM", return_sequences=True),),
    "stack": lambda: (layer("LSTM", return_sequences=True), layer("GRU", 5)),
    "backwards": lambda: (layer("GRU", go_backwards=True),),
    "both ways": lambda: (elman.layers.Bidirectional(layer("LSTM", return_sequences=True)), layer("SimpleRNN", 5)),
    "between": lambda: (layer("GRU", return_sequences=True), elman.layers.Dense(4, "tanh"), layer("LSTM", 5)),
}


@pytest.mark.parametrize("order", LENGTHS)
@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize(("rows", "steps"), [(0, 5), (1, 9), (33, 20), (70, 40)])
def test_numbers_are_those_of_the_reference(model, order, rows, steps):
    graph = training(*MODELS[model]())
    arrays = data(rows, steps, order)
    plan, reference = (e().compile(graph) for e in (NativeExecutor, ReferenceExecutor))
    wanted = reference.run(arrays).outputs
    for again in (plan.run(arrays).outputs, plan.run(arrays).outputs):  # nothing is left of the run before
        for mine, other in zip(again, wanted, strict=True):
            assert_close(mine, other, 16 + rows * steps, steps)


@pytest.mark.parametrize("name", ["SimpleRNN", "GRU", "LSTM"])
def test_a_loop_stops_at_the_last_row_that_goes_on(name):
    assert all(body[8] for body in lower(training(layer(name))).spec["bodies"])


def test_a_loop_whose_rows_meet_takes_all_of_them():
    x, lengths = placeholder("x", (4, B, 3)), placeholder("lengths", (B,), "int32")

    def step(states, slices):
        (h,) = states
        h = h + slices[0] - ops.max(h, axis=0, keepdims=True)
        return [h], [h]

    (last,), _ = ops.scan(step, [ops.zeros((B, 3), "float32")], [x], lengths=lengths)
    graph = Graph((x, lengths), (last,))
    assert [body[8] for body in lower(graph).spec["bodies"]] == [False]
    arrays = [np.random.default_rng(0).normal(size=(4, 5, 3)).astype(np.float32), np.array([4, 1, 3, 2, 0], np.int32)]
    native, reference = (e().compile(graph).run(arrays).outputs for e in (NativeExecutor, ReferenceExecutor))
    assert_close(native[0], reference[0], 3, 4)


@pytest.mark.parametrize("threads", [2, 4])
def test_bits_do_not_depend_on_threads(monkeypatch, threads):
    graph, arrays = training(layer("LSTM", 32)), data(70, 60, "falling")

    def bits(count):
        monkeypatch.setenv("ELMAN_NUM_THREADS", str(count))
        return [y.tobytes() for y in NativeExecutor().compile(graph).run(arrays).outputs]

    assert bits(threads) == bits(1)


def shards(lengths, *layers, wrt_input=False):
    """The steps of each shard's rows, in a batch of these lengths."""
    lengths = np.array(lengths, np.int32)
    plan = NativeExecutor().compile(training(*layers, wrt_input=wrt_input))
    x = np.zeros((len(lengths), max(1, lengths.max()), 3), np.float32)
    plan.run([x, lengths])
    return [part.tolist() for part in np.split(lengths, np.cumsum(plan._plan.shards())[:-1])]


def test_shards_have_like_work():
    falling = np.arange(64, 0, -2)
    for lengths in (falling, falling[::-1], np.random.default_rng(0).permutation(falling)):
        long, short = shards(lengths, layer("LSTM", 48))
        assert abs(sum(long) - sum(short)) <= max(falling)
    assert len(shards(falling, layer("LSTM", 48))[0]) == 10
    four = shards(np.repeat(falling, 3), layer("GRU", 48))
    assert len(four) == 4 and np.ptp([sum(part) for part in four]) <= 2 * max(falling)


def test_shards_have_like_numbers_of_rows_where_lengths_are_alike():
    assert [len(part) for part in shards([40] * 33, layer("LSTM", 48))] == [17, 16]
    assert [len(part) for part in shards([0] * 16 + [40], layer("LSTM", 64))] == [16, 1]
    assert [len(part) for part in shards([40] + [0] * 16, layer("LSTM", 64))] == [1, 16]


def test_work_on_all_rows_of_a_step_counts_for_every_row():
    falling = np.arange(64, 0, -2)
    alone = shards(falling, layer("LSTM", 48))
    behind = shards(falling, elman.layers.Dense(20, "tanh"), layer("LSTM", 48))  # which takes padding, too
    assert len(alone[0]) < len(behind[0]) < 16


def gapless(*layers, wrt_input=False):
    """How many values have no gaps behind finished rows, and whether the input is among them."""
    spec = lower(training(*layers, wrt_input=wrt_input)).spec
    return sum(v[6] >= 0 for v in spec["values"]), spec["values"][spec["inputs"][0]][6] >= 0


def test_what_only_loops_and_products_beside_them_read_has_no_gaps():
    one, there = gapless(layer("LSTM"))
    assert there and one == 10  # x; the projection, four gates, both states, tanh(c); the gradient of the gates
    two, there = gapless(layer("LSTM", return_sequences=True), layer("LSTM"))
    assert there and two == 2 * one + 1  # what is between them counts once on the way, and once on the way back


def test_what_others_read_keeps_a_place_for_every_row():
    many, there = gapless(layer("LSTM"), wrt_input=True)
    assert not there and many == 6  # the gradient of x is an answer: neither x nor what is multiplied beside it
    assert not gapless(elman.layers.Dense(4, "tanh"), layer("LSTM"))[1]


def test_a_loop_that_stops_at_rows_needs_states_that_have_them():
    graph = training(layer("LSTM"))
    lowered = lower(graph)
    states = lowered.spec["bodies"][0][1]
    values = [(*v[:5], False, *v[6:]) if n in states else v for n, v in enumerate(lowered.spec["values"])]
    with pytest.raises(ValueError, match="a body walks rows that it cannot walk"):
        NativePlan(graph, dataclasses.replace(lowered, spec={**lowered.spec, "values": values}))


def test_a_loop_that_stops_at_rows_has_no_product_of_several_matrices():
    graph = training(layer("LSTM"))
    lowered = lower(graph)
    (code, *rest), *others = lowered.spec["bodies"]
    at = next(n for n, i in enumerate(code) if i[-1] == "matmul")
    assert lowered.spec["dims"][code[at][3][0]] == [(1, [])]
    several = (*code[at][:3], [code[at][3][2], *code[at][3][1:]], *code[at][4:])
    bodies = [([*code[:at], several, *code[at + 1 :]], *rest), *others]
    with pytest.raises(ValueError, match="a body walks rows that it cannot walk"):
        NativePlan(graph, dataclasses.replace(lowered, spec={**lowered.spec, "bodies": bodies}))


def test_lengths_that_shards_are_cut_by_are_of_an_input():
    graph = training(layer("LSTM"))
    lowered = lower(graph)
    ((_, steps, work),) = lowered.spec["ragged"]
    state = lowered.spec["bodies"][0][1][0]
    for value in (state, lowered.spec["inputs"][0]):
        with pytest.raises(ValueError, match="lengths must be whole numbers of an input, one a row"):
            NativePlan(graph, dataclasses.replace(lowered, spec={**lowered.spec, "ragged": [(value, steps, work)]}))


def test_a_batch_of_a_fixed_size_keeps_its_finished_states():
    x, lengths = placeholder("x", (3, 6, 3)), placeholder("lengths", (3,), "int32")
    x.mask = Mask(lengths=lengths)
    outputs = layer("LSTM", return_sequences=True, return_state=True)(x)
    graph = hoist(simplify(Graph((x, lengths), tuple(outputs))))
    feeds = [np.random.default_rng(0).normal(size=(3, 6, 3)).astype(np.float32), np.array([6, 3, 1], np.int32)]
    found, expected = (
        executor.compile(graph).run(feeds).outputs for executor in (NativeExecutor(), ReferenceExecutor())
    )
    for ours, theirs in zip(found, expected, strict=True):
        assert_close(ours, theirs, 8, 6)
