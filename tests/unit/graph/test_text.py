"""The printed graph: what people read, pinned."""

from __future__ import annotations

import numpy as np

from elman import ops
from elman.graph import Graph, Variable, graph_text, placeholder
from elman.shapes import B, T


def test_leaves_updates_and_the_guard_have_names():
    x = placeholder("x", (B, 2))
    w = Variable(np.zeros((2, 3), "float32"), name="w")
    count = Variable(np.zeros((), "int32"), name="count")
    y = ops.relu(x @ w)
    loss = ops.sum(y)
    assert (
        graph_text(Graph((x,), (y,), ((count, count + 1),), guard=loss))
        == """\
x = Input (B, 2) float32
w = Variable (2, 3) float32
%2 = MatMul(x, w) (B, 3) float32
%3 = Relu(%2) (B, 3) float32
%4 = ReduceSum(%3) axes=(0, 1) () float32
count = Variable () int32
%6 = Add(count, 1) () int32
return %3
update count = %6
guard %4"""
    )


def test_bodies_are_indented():
    x = placeholder("x", (T, B, 2))
    states, _ = ops.scan(lambda s, xs: ([ops.tanh(s[0] + xs[0])], []), [placeholder("h", (B, 2))], [x])
    assert (
        graph_text(Graph((x, states[0].node.inputs[0]), states))
        == """\
x = Input (T, B, 2) float32
h = Input (B, 2) float32
%2 = Scan(h, x) carries=1 sequences=1 steps=T (B, 2) float32
    state0 = Input (B, 2) float32
    x0 = Input (B, 2) float32
    %2 = Add(state0, x0) (B, 2) float32
    %3 = Tanh(%2) (B, 2) float32
    return %3
return %2"""
    )
