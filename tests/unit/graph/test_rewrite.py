"""Rewrites: what each takes away, pinned on small graphs. That values stay is in tests/properties/test_graphs.py."""

from __future__ import annotations

import numpy as np
import pytest

from elman import ops
from elman.autodiff import gradients
from elman.executors.reference import ReferenceExecutor, evaluate_node
from elman.graph import Graph, Tensor, Variable, apply, constant, graph_text, placeholder, scan
from elman.graph.rewrite import (
    fold,
    fuse,
    fuse_products,
    hoist,
    join_sums,
    share_cross_entropy,
    simplify,
)
from elman.graph.rewrite.fuse import MAX_NODES
from elman.graph.verify import verify
from elman.shapes import B, T
from tests.tolerances import assert_close


def x(*shape, dtype="float32", name="x"):
    return placeholder(name, shape, dtype)


def operators(*roots: Tensor) -> list[str]:
    return [n.op for n in Graph((), roots).nodes() if n.op not in ("Input", "Constant", "Variable")]


# ---- simplify -------------------------------------------------------------------------------------------------------

SAME = {
    "plus_0": lambda a: a + 0.0,
    "0_plus": lambda a: 0.0 + a,
    "minus_0": lambda a: a - 0.0,
    "times_1": lambda a: a * 1.0,
    "1_times": lambda a: 1.0 * a,
    "over_1": lambda a: a / 1.0,
    "plus_zeros": lambda a: a + ops.zeros_like(a),
    "identity": lambda a: apply("Identity", a),
    "reshape": lambda a: apply("Reshape", a, shape=a.shape),
    "reshape_back": lambda a: ops.reshape(ops.reshape(a, (-1,)), a.shape),
    "expand": lambda a: apply("Expand", a, shape=a.shape),
    "cast": lambda a: apply("Cast", a, dtype=a.dtype),
    "transposed_back": lambda a: ops.transpose(ops.transpose(a, (1, 0)), (1, 0)),
    "whole_slice": lambda a: apply("Slice", a, axis=1, start=0, length=3, step=1),
    "no_pad": lambda a: ops.pad(a, 1),
    "concat_of_one": lambda a: apply("Concat", a, axis=1),
}


@pytest.mark.parametrize("name", SAME)
def test_what_changes_nothing_goes(name):
    a = x(B, 3)
    assert simplify(Graph((a,), (SAME[name](a),))).outputs == (a,)


KEPT = {
    "0_minus": lambda a: 0.0 - a,
    "1_over": lambda a: 1.0 / a,
    "larger": lambda a: a + ops.zeros((2, B, 3)),
    "slice": lambda a: a[:, :2],
    "reversed": lambda a: a[:, ::-1],
    "cast": lambda a: ops.cast(a, "int32"),
    "stop": ops.stop_gradient,
}


@pytest.mark.parametrize("name", KEPT)
def test_what_changes_something_stays(name):
    a = x(B, 3)
    assert simplify(Graph((a,), (KEPT[name](a),))).outputs[0] is not a


@pytest.mark.parametrize("divisor", [64.0, -0.25, 1024])
def test_a_quotient_by_a_power_of_two_is_a_product(divisor, rng):
    a = x(B, 3)
    made = simplify(Graph((a,), (a / divisor,)))
    assert operators(*made.outputs) == ["Mul"]
    given = (rng.normal(size=(50, 3)) * 10.0 ** rng.integers(-30, 30, (50, 3))).astype(np.float32)
    (product,) = ReferenceExecutor().compile(made).run([given]).outputs
    assert (product == given / np.float32(divisor)).all()


@pytest.mark.parametrize("divisor", [3.0, 0.0, 2.0**100, np.inf, np.nan])
def test_other_quotients_stay(divisor):
    a = x(B, 3)
    assert operators(*simplify(Graph((a,), (a / divisor,))).outputs) == ["Div"]


def test_quotients_by_a_root_read_its_inverse():
    a, b = x(B, 3), x(B, 1, name="y")
    made = simplify(Graph((a, b), (a / ops.sqrt(b), ops.reciprocal(ops.sqrt(b)))))
    assert operators(*made.outputs) == ["Rsqrt", "Mul"]


def test_stop_gradient_goes_once_no_derivative_is_taken():
    a = x(B, 3)
    assert simplify(Graph((a,), (ops.stop_gradient(a),)), final=True).outputs == (a,)


def test_equal_expressions_are_one():
    a, b = x(B, 3), x(B, 3, name="y")
    made = ops.tanh(a + b) * ops.tanh(a + b)
    simple = simplify(Graph((a, b), (made,)))
    assert operators(*simple.outputs) == ["Add", "Tanh", "Mul"]
    other = simplify(Graph((a, b), (ops.sum(a, 0), ops.sum(a, 1))))
    assert operators(*other.outputs) == ["ReduceSum", "ReduceSum"]


def test_one_and_true_and_1_are_not_one():
    a = x(B, 3)
    kept = simplify(
        Graph(
            (a,),
            (
                apply("CumSum", a, axis=1, reverse=False, exclusive=False),
                apply("CumSum", a, axis=1, reverse=True, exclusive=False),
            ),
        )
    )
    assert operators(*kept.outputs) == ["CumSum", "CumSum"]
    constants = simplify(Graph((), (constant(1.0), constant(1.0, "float32"))))
    assert constants.outputs[0].dtype != constants.outputs[1].dtype


def test_dead_nodes_are_not_in_the_graph():
    a = x(B, 3)
    ops.exp(a)
    assert operators(*simplify(Graph((a,), (ops.tanh(a),))).outputs) == ["Tanh"]


def test_a_transposed_operand_becomes_a_flag():
    a, b = x(B, 3), x(2, 3, name="y")
    (made,) = simplify(Graph((a, b), (a @ ops.transpose(b),))).outputs
    assert (made.node.op, made.node.attrs) == ("MatMul", {"transpose_b": True})


def test_an_axis_of_size_1_that_moves_is_a_reshape():
    a = x(B, 1, 3)
    (made,) = simplify(Graph((a,), (ops.swapaxes(a, 0, 1),))).outputs
    assert made.node.op == "Reshape"


def test_pointwise_operators_repeat_by_themselves():
    a, b = x(B, 3), x(3, name="y")
    (made,) = simplify(Graph((a, b), (a * ops.broadcast_to(b, (B, 3)),))).outputs
    assert "Expand" not in operators(made)


def test_what_is_done_to_one_repeated_element_is_done_once():
    a = x()
    later = simplify(Graph((a,), (ops.exp(apply("Expand", a, shape=(B, T))) / 3.0,)), final=True)
    assert operators(*later.outputs) == ["Exp", "Reshape", "Div", "Expand"]
    assert later.outputs[0].shape == (B, T)


def test_what_is_done_to_repeated_rows_is_done_to_the_rows():
    a = x(B, 1)
    later = simplify(Graph((a,), (ops.exp(2.0 * ops.broadcast_to(a, (B, 16))),)), final=True)
    assert operators(*later.outputs) == ["Mul", "Exp", "Expand"]
    assert later.outputs[0].shape == (B, 16)


def test_a_sum_of_negatives_is_the_negative_of_a_sum():
    a = x(B, 16)
    (made,) = simplify(Graph((a,), (ops.sum(-a, -1, keepdims=True),))).outputs
    assert operators(made) == ["ReduceSum", "Neg"]
    assert made.shape == (B, 1)


def test_a_square_has_one_gradient():
    a = x(B, 16)
    (slope,) = simplify(Graph((a,), tuple(gradients(ops.sum(a * a), [a])))).outputs
    assert "Add" not in operators(slope)


def test_the_gradient_of_a_split_is_a_concatenation():
    a = x(B, 4)
    u, v = ops.split(a, 2)
    (slope,) = gradients(ops.sum(ops.tanh(u) * 2.0 + ops.exp(v)), [a])
    (made,) = simplify(Graph((a,), (slope,))).outputs
    assert made.node.op == "Concat"


# ---- scans ----------------------------------------------------------------------------------------------------------


def two_states(keep):
    """A scan of which only some results are read."""
    sequence, h, c = x(T, B, 2), x(B, 2, name="h"), x(B, 2, name="c")
    finals, outputs = scan(lambda s, xs: ([ops.tanh(s[0] + xs[0]), s[1] * 2.0], [s[0], s[1], s[0]]), [h, c], [sequence])
    made = keep([*finals, *outputs])
    return simplify(Graph((sequence, h, c), tuple(made)))


def test_states_and_outputs_nobody_reads_go():
    (only,) = two_states(lambda r: [r[0]]).outputs
    assert (only.node.attrs["carries"], len(only.node.outputs)) == (1, 1)
    (second,) = two_states(lambda r: [r[3]]).outputs
    assert (second.node.attrs["carries"], second.node.attrs["sequences"], len(second.node.outputs)) == (1, 0, 2)


def test_equal_outputs_are_one():
    first, third = two_states(lambda r: [r[2], r[4]]).outputs
    assert first is third


def test_a_captured_value_is_captured_once():
    sequence, h, w = x(T, B, 2), x(B, 2, name="h"), x(2, name="w")
    finals, _ = scan(lambda s, xs: ([s[0] * w + xs[0] * (w + 0.0)], []), [h], [sequence])
    (made,) = simplify(Graph((sequence, h, w), finals)).outputs
    assert made.node.inputs == (h, sequence, w)


def test_the_forward_scan_runs_once_in_a_training_step():
    sequence, h, w = x(T, B, 2), x(B, 2, name="h"), x(2, 2, name="w")
    finals, outputs = scan(lambda s, xs: ([ops.tanh(s[0] @ w + xs[0])],) * 2, [h], [sequence])
    loss = ops.sum(finals[0]) + ops.sum(outputs[0])
    step = simplify(Graph((sequence, h, w), (loss, *gradients(loss, [w, h]))))
    assert operators(*step.outputs).count("Scan") == 2
    body = next(n for n in step.nodes() if n.op == "Scan" and n.attrs["reverse"]).attrs["body"]
    products = [n for n in body.nodes() if n.op == "MatMul"]
    assert len(products) == 1, "the weight's gradient is one product after the loop"


def test_products_of_the_input_move_before_the_loop():
    sequence, h = x(T, B, 2), x(B, 3, name="h")
    w, u, b = x(2, 3, name="w"), x(3, 3, name="u"), x(3, name="b")
    finals, _ = scan(lambda s, xs: ([ops.tanh(xs[0] @ w + s[0] @ u + b)], []), [h], [sequence])
    (made,) = simplify(hoist(Graph((sequence, h, w, u, b), finals))).outputs
    inside = [n.op for n in made.node.attrs["body"].nodes() if n.op != "Input"]
    assert sorted(inside) == ["Add", "MatMul", "Tanh"]
    assert operators(*made.node.inputs) == ["MatMul", "Add"]
    assert made.node.inputs[1].shape == (T, B, 3)


def test_a_step_alone_adds_in_the_order_of_all_steps():
    sequence, h = x(1, B, 2), x(B, 3, name="h")
    w, u, b = x(2, 3, name="w"), x(3, 3, name="u"), x(3, name="b")
    finals, _ = scan(lambda s, xs: ([ops.tanh(xs[0] @ w + s[0] @ u + b)], []), [h], [sequence])
    (made,) = simplify(hoist(Graph((sequence, h, w, u, b), finals))).outputs
    adds = [n for n in Graph((), (made,)).nodes() if n.op == "Add"]
    assert [sorted(t.node.op for t in n.inputs) for n in adds] == [["Input", "MatMul"], ["Identity", "MatMul"]]
    product = next(t.node for t in adds[0].inputs if t.node.op == "MatMul")
    assert product.inputs[0] is sequence, "the product of the input takes the bias first"


def test_a_step_alone_is_not_joined_to_what_is_around_it():
    """Its sums would start from others than those of a loop, and one rounding would become two or none."""
    sequence, h = x(1, B, 2), x(B, 3, name="h")
    w, u, scale = x(2, 3, name="w"), x(3, 3, name="u"), x(B, 3, name="scale")
    finals, _ = scan(lambda s, xs: ([xs[0] @ w + s[0] @ u], []), [h], [sequence])
    graph = simplify(hoist(Graph((sequence, h, w, u, scale), (finals[0] * scale, ops.tanh(finals[0])))), final=True)
    alone = fuse(fuse_products(graph))
    products = [n for n in alone.nodes() if n.op in ("MatMul", "Gemm")]
    assert [n.op for n in products] == ["MatMul", "Gemm"]
    assert products[1].inputs[0] is h, "the state's product is added to the input's, as in a loop"
    assert not any(n.op == "Identity" for n in alone.nodes())
    inside, _ = scan(lambda s, xs: ([s[0] * xs[0]], []), [h], [x(1, B, 3)])
    held = fuse(simplify(Graph((h, scale), (inside[0] + scale,)), final=True))
    assert [n.op for n in held.nodes() if n.op == "Fused"] == ["Fused", "Fused"]


def test_a_product_that_one_sum_alone_reads_is_rounded_with_it():
    a, b, row, number = x(B, 3, name="a"), x(B, 3, name="b"), x(B, 1, name="row"), x(name="number")

    def of(*outputs):
        made = fuse_products(Graph((a, b, row, number), outputs))
        return [t.node.op for t in made.outputs]

    assert of(a * b + a) == of(a + a * b) == of(row * row + a) == ["MultiplyAdd"]
    assert [t.node.op for t in fuse_products(Graph((a, b), (a * b + b * b,))).outputs[0].node.inputs] == [
        "Input", "Input", "Mul",
    ], "the first of two"  # fmt: skip
    product = a * b
    assert of(product + a, product) == ["Add", "Mul"]
    assert of(product + a, product + b) == ["Add", "Add"]
    assert of(number * number + a) == ["Add"], "it is one number, and stays one"
    whole = x(3, name="whole", dtype="int32")
    assert fuse_products(Graph((whole,), (whole * whole + whole,))).outputs[0].node.op == "Add"


def test_a_product_goes_with_the_sum_that_reads_it():
    """Whatever else could be joined with it: what passes between them stays in registers."""
    a, b, c, w = x(B, 3, name="a"), x(B, 3, name="b"), x(B, 3, name="c"), x(3, 3, name="w")
    product = a * b
    gate = ops.sigmoid(c @ w)
    later = ops.tanh((gate * a) @ w)
    made = fuse(Graph((a, b, c, w), (product + later * b, gate)))
    last = made.outputs[0].node.attrs["body"]
    assert sorted(n.op for n in last.nodes() if n.op != "Input") == ["Add", "Mul", "Mul", "Tanh"]


def test_what_depends_on_the_state_stays():
    sequence, h, w = x(T, B, 3), x(B, 3, name="h"), x(3, 3, name="w")
    finals, _ = scan(lambda s, xs: ([ops.tanh((xs[0] * s[0]) @ w)], []), [h], [sequence])
    graph = Graph((sequence, h, w), finals)
    assert graph_text(hoist(graph)) == graph_text(graph)


# ---- fold -----------------------------------------------------------------------------------------------------------


def evaluate(node):
    return evaluate_node(node, [t.node.attrs["value"] for t in node.inputs], {})


def test_constants_are_computed_once():
    a = x(B, 3)
    scale = ops.exp(constant(np.arange(3.0), "float32")) * 2.0
    (made,) = fold(Graph((a,), (a * scale,)), evaluate).outputs
    assert operators(made) == ["Mul"]
    np.testing.assert_array_equal(made.node.inputs[1].node.attrs["value"], np.exp(np.arange(3, dtype="float32")) * 2)


def test_large_constants_and_variables_are_left_alone():
    large = ops.tanh(constant(np.zeros(5000), "float32"))
    kept = ops.tanh(Variable(np.zeros(3), name="v").tensor)
    assert operators(*fold(Graph((), (large, kept)), evaluate).outputs) == ["Tanh", "Tanh"]


# ---- sums -----------------------------------------------------------------------------------------------------------


def test_a_sum_of_means_is_one_sum():
    a = x(B, T, 8)
    joined = join_sums(Graph((a,), (ops.sum(ops.mean(a, axis=-1)),))).outputs[0]
    assert operators(joined) == ["ReduceSum", "Div"]
    assert joined.node.inputs[0].node.attrs["axes"] == (0, 1, 2)


@pytest.mark.parametrize("keep", [(False, False), (True, False), (False, True), (True, True)])
@pytest.mark.parametrize("axes", [(0, 0), (2, 1), (1, 0), ((0, 2), 0)])
def test_joined_sums_keep_shape_and_value(axes, keep, rng):
    a = x(3, 4, 5)
    inner = ops.sum(a, axis=axes[0], keepdims=keep[0]) * 0.5
    whole = Graph((a,), (ops.sum(inner, axis=axes[1], keepdims=keep[1]),))
    joined = join_sums(whole)
    assert operators(*joined.outputs).count("ReduceSum") == 1 or axes == (0, 0)
    numbers = [rng.normal(size=(3, 4, 5)).astype(np.float32)]
    one, other = (ReferenceExecutor().compile(g).run(numbers).outputs[0] for g in (whole, joined))
    assert one.shape == other.shape
    assert_close(one, other, 60)


def test_sums_that_others_read_or_that_are_weighted_stay():
    a, w = x(B, T, 8), x(B, T, name="w")
    mean = ops.mean(a, axis=-1)
    for roots in ((ops.sum(mean), mean), (ops.sum(mean * w),)):
        graph = Graph((a, w), roots)
        assert operators(*join_sums(graph).outputs) == operators(*graph.outputs)


# ---- fuse -----------------------------------------------------------------------------------------------------------


def test_a_product_and_its_addend_are_one():
    a, w, b = x(B, 2), x(2, 3, name="w"), x(3, name="b")
    for addend in (b, x(1, 3), x(B, 3)):
        (made,) = fuse_products(Graph((a, w, addend), (a @ w + addend,))).outputs
        assert made.node.op == "Gemm"
        (made,) = fuse_products(Graph((a, w, addend), (addend + a @ w,))).outputs
        assert made.node.op == "Gemm"


def test_a_product_somebody_else_reads_stays():
    a, w, b = x(B, 2), x(2, 3, name="w"), x(3, name="b")
    product = a @ w
    assert operators(*fuse_products(Graph((a, w, b), (product + b, ops.tanh(product)))).outputs) == [
        "MatMul",
        "Add",
        "Tanh",
    ]
    assert operators(*fuse_products(Graph((a, w, b), (product + b, product))).outputs) == ["MatMul", "Add"]


def test_a_sum_over_the_batch_takes_no_addend():
    """It is a partial sum on each shard: an addend would be added once for every shard."""
    a, g, b = x(B, 2), x(B, 3, name="g"), x(2, 3, name="b")
    made = ops.matmul(a, g, transpose_a=True) + b
    assert operators(*fuse_products(Graph((a, g, b), (made,))).outputs) == ["MatMul", "Add"]


def test_a_chain_becomes_one_node():
    a, b = x(B, 3), x(3, name="b")
    made = fuse(Graph((a, b), (ops.tanh(a * b + 1.0),)))
    assert (
        graph_text(made)
        == """\
x = Input (B, 3) float32
b = Input (3,) float32
%2 = Fused(x, b) (B, 3) float32
    in0 = Input (B, 3) float32
    in1 = Input (3,) float32
    %2 = Mul(in0, in1) (B, 3) float32
    %3 = Add(%2, 1.0) (B, 3) float32
    %4 = Tanh(%3) (B, 3) float32
    return %4
return %2"""
    )


def test_a_group_does_not_wait_for_itself():
    """tanh(a) feeds a sum that feeds the same chain: the chain must be cut."""
    a = x(B, 3)
    t = ops.tanh(a)
    made = fuse(Graph((a,), (t - ops.sum(t, 1, keepdims=True),)))
    assert operators(*made.outputs) == ["Fused", "ReduceSum", "Fused"]


@pytest.mark.parametrize("features", [16, 64, 1024])
def test_rows_less_their_mean_are_one_node(features, rng):
    a, w = x(B, features), x(features, name="w")
    centred = a - ops.mean(a, axis=-1, keepdims=True)
    scale = ops.rsqrt(ops.mean(centred * centred, axis=-1, keepdims=True) + 1e-3)
    graph = Graph((a, w), (ops.tanh(centred * scale * w), scale))
    made = fuse(graph)
    verify(made)
    assert operators(*made.outputs) == ["Fused"]
    numbers = [rng.normal(size=size).astype(np.float32) for size in ((5, features), (features,))]
    one, other = (ReferenceExecutor().compile(g).run(numbers).outputs for g in (graph, made))
    for mine, theirs in zip(one, other, strict=True):
        assert (mine == theirs).all()


@pytest.mark.parametrize("features", [3, 17, 2048])
def test_rows_that_are_not_whole_vectors_or_too_long_are_reduced_apart(features):
    a = x(B, features)
    made = fuse(Graph((a,), (a - ops.sum(a, axis=-1, keepdims=True),)))
    assert operators(*made.outputs) == ["ReduceSum", "Fused"]


def test_what_has_one_element_a_row_joins_reductions_only():
    a, w = x(B, 16), x(B, 1, name="w")
    apart = fuse(Graph((a, w), (a * ops.tanh(w),)))
    assert operators(*apart.outputs) == ["Fused", "Fused"]
    alone = fuse(Graph((a,), (ops.sum(a, axis=-1, keepdims=True),)))
    assert operators(*alone.outputs) == ["ReduceSum"]


def test_shapes_and_whole_numbers_are_not_mixed():
    a, i = x(B, 3), x(dtype="int32", name="i")
    made = fuse(Graph((a, i), (ops.tanh(a) * 2.0, ops.exp(ops.sum(a)), i * 2 + 1)))
    assert operators(*made.outputs).count("Fused") == 3


def test_a_long_chain_is_cut():
    a = made = x(B, 3)
    for _ in range(2 * MAX_NODES):
        made = ops.tanh(made)
    groups = [n for n in fuse(Graph((a,), (made,))).nodes() if n.op == "Fused"]
    assert len(groups) == 2


def test_updates_and_the_guard_are_rewritten_too():
    a = x(B, 3)
    v = Variable(np.zeros((), "float32"), name="v")
    loss = ops.sum(a + 0.0)
    for rewrite in (simplify, hoist, fuse, fuse_products, lambda g: fold(g, evaluate)):
        made = rewrite(Graph((a,), (), ((v, v + loss),), guard=loss))
        assert made.updates[0][0] is v
        assert made.guard is not None
        assert "ReduceSum" in operators(made.guard)


# ---- share ----------------------------------------------------------------------------------------------------------


def entropies(weights):
    """The loss, whether the best class is right, and the gradient of weights(loss) by the layer's kernel."""
    h, w, b = x(B, 4, name="h"), x(4, 6, name="w"), x(6, name="b")
    index = x(B, dtype="int32", name="index")
    loss, _ = ops.linear_cross_entropy(h, w, b, index)
    _, best = ops.linear_cross_entropy(h, w, b, ops.zeros_like(index))
    total = weights(loss)
    return Graph((h, w, b, index), (total, best, *gradients(total, [w])))


def test_one_operator_gives_loss_best_class_and_gradient():
    graph = share_cross_entropy(simplify(entropies(ops.sum)))
    found = [n.op for n in graph.nodes() if n.op.startswith("LinearCrossEntropy")]
    assert found == ["LinearCrossEntropyGrad"]


def test_a_gradient_computed_from_the_loss_needs_the_loss_first():
    graph = share_cross_entropy(simplify(entropies(lambda loss: ops.sum(loss * loss))))
    found = sorted(n.op for n in graph.nodes() if n.op.startswith("LinearCrossEntropy"))
    assert found == ["LinearCrossEntropy", "LinearCrossEntropyGrad"]


def test_shared_or_not_the_numbers_are_the_same(rng):
    arrays = [rng.normal(size=s).astype("float32") for s in ((5, 4), (4, 6), (6,))] + [np.arange(5, dtype="int32")]
    for weights in (ops.sum, lambda loss: ops.sum(loss * loss)):
        graph = entropies(weights)
        plain, shared = (
            ReferenceExecutor().compile(g).run(arrays).outputs for g in (graph, share_cross_entropy(graph))
        )
        for a, b in zip(shared, plain, strict=True):
            assert_close(a.astype("float32"), b, length=6)
