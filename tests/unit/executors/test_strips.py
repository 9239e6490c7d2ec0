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
    beside = ["matmul", "matmul", "matmul", "pointwise", "reduce", "reduce", "scan"]
    assert sorted(backward[0]) == beside  # of both weights, x and the bias, and of the loss
    assert backward[1:] == (3, 4)


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


def fitted(layer_, loss=None, units=8):
    """The mean squared error of a layer on (B, T, 3), and the gradients of its weights."""
    x, y = placeholder("x", (B, T, 3)), placeholder("y", (B, T, units))
    made = layer_(x)
    apart = made - y
    total = ops.sum(ops.mean(apart * apart, axis=-1)) if loss is None else loss(apart)
    forward = hoist(simplify(Graph((x, y), (total,))))
    return Graph((x, y), (forward.outputs[0], *gradients(forward.outputs[0], [v.tensor for v in layer_.weights])))


def test_the_gradient_of_a_loss_is_made_beside_the_loop_and_the_loss_added_up_there():
    forward, backward = strips(fitted(layer("SimpleRNN")))
    assert forward == (["matmul", "scan"], 1, 0)
    assert backward[0][:3] == ["pointwise", "reduce", "scan"]
    assert backward[1:] == (3, 4)  # the gradients of outputs and of sums, and the squares


def test_a_gradient_that_is_read_before_the_loop_is_made_before_it():
    x, y = placeholder("x", (B, T, 3)), placeholder("y", (B, T, 8))
    cell, dense = layer("SimpleRNN"), elman.layers.Dense(8)
    apart = dense(cell(x)) - y
    forward = hoist(simplify(Graph((x, y), (ops.sum(apart * apart),))))
    wrt = [v.tensor for v in (*cell.weights, *dense.weights)]
    graph = Graph((x, y), (forward.outputs[0], *gradients(forward.outputs[0], wrt)))
    assert not any("pointwise" in names for names, _, _ in strips(graph))


LOSSES = {
    "mean squares": None,
    "all squares": lambda a: ops.sum(a * a),
    "weighted steps": lambda a: ops.sum(ops.mean(a * a, axis=-1) * ops.cumsum(ops.mean(a, axis=-1) * 0.0 + 1.0, 1)),
    "two sums": lambda a: ops.sum(ops.abs(a)) + 0.5 * ops.sum(a * a),
    "a step left out": lambda a: ops.sum(ops.square(a[:, 1:])),
}


@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize(("rows", "steps"), [(1, 1), (3, 300), (16, 37), (8, 8), (70, 20)])
def test_a_loss_beside_the_loop_is_that_of_the_reference(loss, rows, steps):
    graph = fitted(layer("GRU"), LOSSES[loss])
    random = np.random.default_rng(0)
    arrays = [random.normal(size=(rows, steps, n)).astype(np.float32) for n in (3, 8)]
    native, reference = (e().compile(graph).run(arrays).outputs for e in (NativeExecutor, ReferenceExecutor))
    for mine, other in zip(native, reference, strict=True):
        assert_close(mine, other, 16 + rows * steps, steps)


@pytest.mark.parametrize("units", [8, 16, 32])
def test_targets_stay_where_they_lie_if_their_steps_are_whole_vectors(units):
    graph = fitted(layer("SimpleRNN", units), units=units)
    assert lower(graph).spec["input_rows"] == [False, units % 16 == 0]
    random = np.random.default_rng(0)
    arrays = [random.normal(size=(53, 21, n)).astype(np.float32) for n in (3, units)]
    order = random.permutation(53)[:45]
    native, reference = (e().compile(graph) for e in (NativeExecutor, ReferenceExecutor))
    made = [plan.run_batches(arrays, order, 20).outputs for plan in (native, reference)]
    for mine, other in zip(*made, strict=True):
        assert_close(mine, other, 16 + 5 * 21, 21)
    del arrays  # which nobody looks at after a run
    assert len(native.profile(2)) > 0


def test_a_target_that_something_else_reads_is_gathered():
    x, y = placeholder("x", (B, T, 3)), placeholder("y", (B, T, 16))
    cell = layer("SimpleRNN", 16)
    apart = cell(x) - y
    forward = hoist(simplify(Graph((x, y), (ops.sum(apart * apart), ops.max(y, axis=(1, 2))))))
    wrt = [v.tensor for v in cell.weights]
    graph = Graph((x, y), (*forward.outputs, *gradients(forward.outputs[0], wrt)))
    assert lower(graph).spec["input_rows"] == [False, False]


def predicting(cells, features):
    """The outputs of layers, each on (B, T, features), beside each other."""
    x = elman.Input((None, features), name="x")
    return hoist(simplify(Graph((x,), tuple(cell(x) for cell in cells))))


@pytest.mark.parametrize(("features", "read"), [(32, True), (45, True), (31, False)])
@pytest.mark.parametrize("units", [1, 24, 300])
def test_steps_that_are_multiplied_stay_where_they_lie_if_they_are_long(features, read, units):
    graph = predicting([layer("SimpleRNN", units)], features)
    assert lower(graph).spec["input_rows"] == [read]
    x = np.random.default_rng(0).normal(size=(53, 29, features)).astype(np.float32)[:, :21]  # rows lie apart
    order = np.random.default_rng(1).permutation(53)[:45]
    native, reference = (e().compile(graph) for e in (NativeExecutor, ReferenceExecutor))
    made = [plan.run_batches([x], order, 20).outputs[0] for plan in (native, reference)]
    assert_close(*made, units + features, 21)
    alone = np.ascontiguousarray(x[order[40:]])
    assert np.array_equal(native.run([alone]).outputs[0], made[0])
    del x, alone  # which nobody looks at after a run
    assert len(native.profile(2)) > 0


@pytest.mark.parametrize("name", ["SimpleRNN", "GRU", "LSTM"])
@pytest.mark.parametrize("rows", [1, 2, 33])
def test_one_step_of_one_row_stays_where_it_lies(name, rows):
    elman.set_seed(0)
    model = elman.Sequential([elman.Input((None, 40)), getattr(elman.layers, name)(32)])
    x = np.random.default_rng(rows).normal(size=(rows, 1, 40)).astype(np.float32)
    wanted = np.array([model.stream().step(row[0]) for row in x])
    for size in (1, 32, None):
        np.testing.assert_array_equal(model.predict(x, batch_size=size, verbose=0), wanted)


class Sum(elman.layers.Cell):
    """Its input is multiplied, and added as it is, whose gradient is a product and what a loop makes."""

    def __init__(self, units):
        super().__init__()
        self.state_size = units

    def build(self, features):
        self.kernel = self.add_weight("kernel", (features, self.state_size), "glorot_uniform")
        self.recurrent_kernel = self.add_weight("recurrent_kernel", (self.state_size, self.state_size), "orthogonal")

    def step(self, x, h):
        h = ops.tanh(x @ self.kernel + h @ self.recurrent_kernel) + 0.5 * x
        return h, h


@pytest.mark.parametrize("cell", [lambda: elman.layers.RNN(Sum(24), return_sequences=True), lambda: layer("SRU", 24)])
@pytest.mark.parametrize(("rows", "steps"), [(1, 300), (16, 37), (33, 20), (70, 50)])
def test_a_product_may_be_added_to_what_a_strip_makes(cell, rows, steps):
    graph = training([elman.layers.Dense(24), cell()])
    x = np.random.default_rng([rows, steps]).normal(size=(rows, steps, 3)).astype(np.float32)
    native, reference = (e().compile(graph).run([x]).outputs for e in (NativeExecutor, ReferenceExecutor))
    for mine, other in zip(native, reference, strict=True):
        assert_close(mine, other, 24 + rows * steps, steps)


@pytest.mark.parametrize("threads", [1, 3])
def test_steps_that_are_multiplied_are_looked_at(threads, monkeypatch):
    monkeypatch.setenv("ELMAN_NUM_THREADS", str(threads))
    plan = NativeExecutor().compile(predicting([layer("LSTM", 64)], 45))
    x = np.random.default_rng(0).normal(size=(33, 9, 45)).astype(np.float32)
    again, expected = plan.again([x], look=True), plan.run([x]).outputs[0]
    assert plan._looks and np.array_equal(again(x)[0], expected)
    for place in ((0, 0, 0), (20, 4, 44), (32, 8, 44)):
        for wrong in (np.nan, np.inf, -np.inf):
            bad = x.copy()
            bad[place] = wrong
            assert again(bad) == []
            assert np.array_equal(again(x)[0], expected)
    assert not NativeExecutor().compile(predicting([layer("LSTM")], 31))._looks  # which is gathered


def test_two_loops_may_read_steps_where_they_lie():
    backwards = elman.layers.GRU(5, return_sequences=True, go_backwards=True)
    graph = predicting([layer("LSTM"), backwards], 40)
    assert lower(graph).spec["input_rows"] == [True]
    x = np.random.default_rng(0).normal(size=(19, 33, 40)).astype(np.float32)
    made = [e().compile(graph).run([x]).outputs for e in (NativeExecutor, ReferenceExecutor)]
    for mine, other in zip(*made, strict=True):
        assert_close(mine, other, 48, 33)


def test_steps_that_something_else_reads_are_gathered():
    x = elman.Input((None, 40), name="x")
    graph = hoist(simplify(Graph((x,), (layer("LSTM")(x), ops.max(x, axis=(1, 2))))))
    assert lower(graph).spec["input_rows"] == [False]
    assert lower(training([layer("LSTM")], 40)).spec["input_rows"] == [False]  # a gradient reads them, too


def test_results_are_written_where_they_will_stay():
    x = elman.Input((None, 4), name="x")
    y = layer("LSTM")(x)
    assert lower(hoist(simplify(Graph((x,), (y,))))).spec["output_given"] == [True]
    assert lower(hoist(simplify(Graph((x,), (y, y))))).spec["output_given"] == [False, False]
    read_again = hoist(simplify(Graph((x,), (y, ops.max(y, axis=1)))))
    assert lower(read_again).spec["output_given"] == [False, False]


@pytest.mark.parametrize("threads", [1, 3])
def test_results_stay_when_the_plan_runs_again(threads, monkeypatch):
    monkeypatch.setenv("ELMAN_NUM_THREADS", str(threads))
    graph = predicting([layer("LSTM", 40)], 40)
    native, reference = (e().compile(graph) for e in (NativeExecutor, ReferenceExecutor))
    arrays = [np.random.default_rng(n).normal(size=(57, 33, 40)).astype(np.float32) for n in range(2)]
    made = [native.run([x]).outputs[0] for x in arrays]
    for mine, x in zip(made, arrays, strict=True):
        assert_close(mine, reference.run([x]).outputs[0], 80, 33)
    batches = native.run_batches([arrays[0]], np.arange(57), 57).outputs[0]  # read afterwards
    assert np.array_equal(batches, made[0])


@pytest.mark.parametrize(("rows", "steps"), [(62, 20), (17, 1), (64, 33)])
def test_shards_of_a_large_loop_walk_together_and_keep_their_bits(monkeypatch, rows, steps):
    """One thread then reads the weights once a step for all its shards; four threads have a shard each.

    Of 62 rows, shards have 16 and 15, and strips that end after other steps.
    """
    graph = training([layer("LSTM", 384)])
    x = np.random.default_rng(0).normal(size=(rows, steps, 3)).astype(np.float32)

    def outputs(threads):
        monkeypatch.setenv("ELMAN_NUM_THREADS", str(threads))
        return NativeExecutor().compile(graph).run([x]).outputs

    alone = outputs(4)
    for threads in (1, 2, 3):
        assert [y.tobytes() for y in outputs(threads)] == [y.tobytes() for y in alone]
    for mine, other in zip(alone, ReferenceExecutor().compile(graph).run([x]).outputs, strict=True):
        assert_close(mine, other, 384 + rows * steps, steps)


def test_sums_over_strips_have_the_same_bits_for_any_number_of_threads(monkeypatch):
    graph = training([layer("LSTM", 32)])
    x = np.random.default_rng(0).normal(size=(70, 90, 3)).astype(np.float32)

    def bits(threads):
        monkeypatch.setenv("ELMAN_NUM_THREADS", str(threads))
        return [y.tobytes() for y in NativeExecutor().compile(graph).run([x]).outputs]

    one = bits(1)
    assert all(bits(threads) == one for threads in (2, 4))


def scaled(units=16):
    """A cell that scales and shifts its state, and the gradients of its weights: sums of products of stacks."""
    x, w, gamma, beta = (
        placeholder(n, s) for n, s in (("x", (T, B, 3)), ("w", (3, units)), ("g", (units,)), ("b", (units,)))
    )

    def step(states, slices):
        h = ops.tanh(states[0] * gamma + beta + slices[0])
        return [h], [h]

    (y,) = ops.scan(step, [ops.zeros((B, units), "float32")], [x @ w])[1]
    forward = hoist(simplify(Graph((x, w, gamma, beta), (ops.sum(y * y),))))
    return Graph(forward.inputs, (forward.outputs[0], *gradients(forward.outputs[0], [w, gamma, beta])))


def test_products_that_are_only_added_up_are_made_beside_the_loop():
    graph = scaled()
    names, local, sums = strips(graph)[1]
    assert names == ["pointwise", "reduce", "scan", "pointwise", "reduce", "reduce", "matmul"]
    assert (local, sums) == (4, 4)


@pytest.mark.parametrize(("rows", "steps"), [(1, 0), (1, 1), (1, 300), (16, 37), (33, 20)])
def test_sums_of_products_in_strips_are_those_of_the_reference(rows, steps):
    graph, random = scaled(), np.random.default_rng(0)
    arrays = [random.normal(size=size).astype(np.float32) for size in ((steps, rows, 3), (3, 16), (16,), (16,))]
    native, reference = (e().compile(graph).run(arrays).outputs for e in (NativeExecutor, ReferenceExecutor))
    for mine, other in zip(native, reference, strict=True):
        assert_close(mine, other, 16 + rows * steps, steps)


SQUARE = 300
"""Rows and columns of matrices whose rows are steps: turned, they still fit."""


def walked(sequence, start, step=lambda h, x: ops.tanh(0.5 * h + x)):
    """The last state and the stack of states along a matrix, row by row."""
    (last,), (stack,) = ops.scan(lambda s, xs: [[y := step(s[0], xs[0])], [y]], [start], [sequence])
    return last, stack


def beside(name, x, w, v):
    """What stands beside a loop, and reads of it what is not there before the loop ends; or is read so by it."""
    made = ops.tanh(x) if name.endswith("work") else x @ w
    if name.startswith("the last row"):
        return walked(made, made[-1])[1]
    if name.startswith("all rows"):
        return walked(made, v, lambda h, row: ops.tanh(0.5 * h + row + ops.mean(made * h, 1)))[1]
    if name.startswith("the sum"):
        total = ops.sum(made * made)
        return walked(made, v, lambda h, row: ops.tanh(h * total + row))[1]
    last, y = walked(made, v)
    return {
        "last state, product": lambda: ops.matmul(y, ops.reshape(last, (1, SQUARE)), transpose_b=True),
        "last state, sum": lambda: ops.sum(y * last, 0),
        "last row, addend": lambda: y @ w + y[-1],
        "turned, sum": lambda: ops.sum(y * ops.transpose(y), 0),
        "backwards, sum": lambda: ops.sum(y * ops.flip(y, 0), 0),
        "backwards, product": lambda: ops.matmul(ops.flip(y, 0), y, transpose_a=True),
        "sum of products with the stack": lambda: w @ y + y,
    }[name]()


@pytest.mark.parametrize(
    "name",
    [
        "last state, product", "last state, sum", "last row, addend", "turned, sum", "backwards, sum",
        "backwards, product", "sum of products with the stack", "the last row of a product", "the last row of work",
        "all rows of a product", "all rows of work", "the sum of a product", "the sum of work",
    ],
)  # fmt: skip
def test_nothing_beside_a_loop_is_read_before_it_is_there(name):
    inputs = [placeholder(n, s) for n, s in (("x", (SQUARE, SQUARE)), ("w", (SQUARE, SQUARE)), ("v", (SQUARE,)))]
    graph = Graph(tuple(inputs), (beside(name, *inputs),))
    random = np.random.default_rng(0)
    arrays = [random.normal(size=t.shape).astype(np.float32) / SQUARE**0.5 for t in inputs]
    native, reference = (e().compile(graph).run(arrays).outputs for e in (NativeExecutor, ReferenceExecutor))
    for mine, other in zip(native, reference, strict=True):
        assert_close(mine, other, SQUARE, SQUARE)
