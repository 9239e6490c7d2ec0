"""Every rule of verify.py, broken once."""

from __future__ import annotations

import re

import numpy as np
import pytest

from elman import ops
from elman.errors import GraphError
from elman.graph import Graph, Node, Tensor, Variable, placeholder, scan, verify
from elman.graph.rewrite import fuse
from elman.shapes import B, T


def x(*shape, dtype="float32"):
    return placeholder("x", shape, dtype)


def recurrence(lengths=False):
    states, _ = scan(
        lambda s, xs: ([ops.tanh(s[0] + xs[0])], [s[0]]),
        [x(B, 2)],
        [x(T, B, 2)],
        x(B, dtype="int32") if lengths else None,
    )
    return states[0].node


def graph_of(*nodes):
    roots = [t for n in nodes for t in n.outputs]
    leaves = {t.node.serial: t for r in roots for n in Graph((), (r,)).nodes() for t in n.outputs if n.op == "Input"}
    return Graph(tuple(leaves.values()), tuple(roots))


def with_attrs(node, inputs=None, **changed):
    return Node(node.op, node.inputs if inputs is None else inputs, {**node.attrs, **changed})


def test_valid_graphs_pass():
    a = x(B, 3)
    v = Variable(np.zeros(()), name="v", dtype="float32")
    verify(Graph((a,), (a + 1.0,), ((v, ops.sum(a)),), guard=ops.sum(a)))
    verify(graph_of(recurrence()))
    verify(graph_of(recurrence(lengths=True)))
    verify(fuse(Graph((a,), (ops.tanh(a) * 2.0,))))


def broken_output():
    node = ops.tanh(x(2)).node
    node.outputs[0].shape = (3,)
    return graph_of(node)


def unknown_operator():
    node = ops.tanh(x(2)).node
    node.op = "Tan"
    return graph_of(node)


def state_changes_its_shape():
    node = recurrence()
    body = node.attrs["body"]
    wider = ops.concatenate([body.outputs[0]] * 2, 1)
    return graph_of(with_attrs(node, body=Graph(body.inputs, (wider, *body.outputs[1:]))))


def lengths_without_a_batch_axis():
    node = recurrence(lengths=True)
    body = node.attrs["body"]
    total = ops.sum(body.outputs[1])
    return graph_of(with_attrs(node, body=Graph(body.inputs, (body.outputs[0], total))))


def variable_inside():
    node = recurrence()
    body = node.attrs["body"]
    inside = body.outputs[0] + Variable(np.zeros(2, "float32"), name="v")
    return graph_of(with_attrs(node, body=Graph(body.inputs, (inside, *body.outputs[1:]))))


def body_that_reads_from_outside():
    node = recurrence()
    body = node.attrs["body"]
    outside = body.outputs[0] + x(2)
    return graph_of(with_attrs(node, body=Graph(body.inputs, (outside, *body.outputs[1:]))))


def fused_body_that_reduces():
    a = x(B, 3)
    inner = placeholder("in0", (B, 3))
    return graph_of(Node("Fused", [a], {"body": Graph((inner,), (ops.sum(inner, 1),))}))


def fused_body_of_two_shapes():
    a, b = x(B, 3), x(B, 1)
    i, j = placeholder("in0", (B, 3)), placeholder("in1", (B, 1))
    return graph_of(Node("Fused", [a, b], {"body": Graph((i, j), (ops.tanh(i), ops.tanh(j)))}))


def fused_body_of_other_inputs():
    inner = placeholder("in0", (B, 3))
    return graph_of(Node("Fused", [x(B, 4)], {"body": Graph((inner,), (ops.tanh(inner),))}))


def update_twice():
    v = Variable(np.zeros(3, "float32"), name="v")
    a = x(3)
    return Graph((a,), (), ((v, a), (v, a + 1.0)))


def guard_of_a_vector():
    a = x(3)
    return Graph((a,), (), guard=a)


def guard_of_a_truth():
    a = x(3)
    return Graph((a,), (), guard=ops.all(a > 0.0))


def missing_input():
    return Graph((), (x(3) + 1.0,))


def input_that_is_none():
    a = x(3)
    return Graph((a + 1.0,), (a,))


def scan_with_an_input_too_few():
    node = recurrence()
    return graph_of(with_attrs(node, inputs=node.inputs[:-1], steps=T))


def scan_of_other_steps():
    return graph_of(with_attrs(recurrence(), steps=4))


def slice_of_another_shape():
    node = recurrence()
    return graph_of(with_attrs(node, inputs=[node.inputs[0], x(T, B, 3)]))


def real_lengths():
    node = recurrence(lengths=True)
    return graph_of(with_attrs(node, inputs=[*node.inputs[:-1], x(B)]))


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (broken_output, "graph: outputs must be [((2,), 'float32')]. Received Tanh(Input)"),
        (unknown_operator, "graph: unknown operator. Received Tan(Input)"),
        (missing_input, "graph: an Input must be among the inputs of the graph that uses it. Received Input()"),
        (input_that_is_none, "graph: an input of the graph must be a leaf of op Input. Received Add(Input, Constant)"),
        (update_twice, "graph: a variable may be updated once. Received no node."),
        (guard_of_a_vector, "graph: the guard must be a real scalar."),
        (guard_of_a_truth, "graph: the guard must be a real scalar."),
        (scan_with_an_input_too_few, "graph: one input for each input of the body, then the lengths."),
        (scan_of_other_steps, "graph: a sequence must have the scan's number of steps as its first axis."),
        (slice_of_another_shape, "graph: body input x0 must have shape (B, 3), not (B, 2)."),
        (state_changes_its_shape, "graph: a state must keep its shape and type."),
        (real_lengths, "graph: lengths must be an int32 vector."),
        (lengths_without_a_batch_axis, "graph: with lengths, states and outputs must start with the batch axis."),
        (variable_inside, "scan body: a variable must be captured from outside the body."),
        (body_that_reads_from_outside, "scan body: an Input must be among the inputs of the graph that uses it."),
        (fused_body_that_reduces, "graph: a fused body must be pointwise, or reduce rows."),
        (fused_body_of_two_shapes, "graph: outputs of a fused body must share one shape, or be one of its row."),
        (fused_body_of_other_inputs, "graph: body inputs must match the node's inputs."),
    ],
)
def test_a_broken_rule_is_named(make, message):
    with pytest.raises(GraphError, match="^" + re.escape(message)):
        verify(make())


def test_notes_on_tensors_are_nobodys_business():
    a = x(B, 3)
    a.mask = a.origin = object()
    verify(Graph((a,), (a + 1.0,)))
    assert isinstance(a, Tensor)
