"""What the way back of a scan asks of the way there. The numbers are in tests/oracle/test_gradients.py."""

from __future__ import annotations

import pytest

from elman import ops
from elman.autodiff import gradients
from elman.errors import GraphError
from elman.graph import Graph, placeholder
from elman.graph.rewrite import simplify
from elman.shapes import B, T


def centred(z):
    return z - ops.mean(z, axis=-1, keepdims=True)


def scaled(z):
    return centred(z) * ops.rsqrt(ops.mean(centred(z) * centred(z), axis=-1, keepdims=True) + 0.1)


# By what is done to tanh(h + x): how many whole rows the loop keeps beside its output, and numbers that are one a row
KEPT = {
    "tanh": (lambda z, g: z * g, 1, 0),
    "one_less": (lambda z, g: z * (1.0 - z) * g, 1, 0),
    "centred": (lambda z, g: ops.exp(centred(z)) * g, 2, 0),
    "scaled": (lambda z, g: scaled(z) * g, 1, 3),
    "exponential": (lambda z, g: ops.exp(z) * g, 2, 0),
}


@pytest.mark.parametrize("name", KEPT)
def test_what_is_one_step_from_what_is_kept_is_made_again(name):
    what, wide, narrow = KEPT[name]
    x, g = placeholder("x", (T, B, 16)), placeholder("g", (16,))

    def step(states, slices):
        y = what(ops.tanh(states[0] + slices[0]), g)
        return [y], [y]

    (y,) = ops.scan(step, [ops.zeros((B, 16), "float32")], [x])[1]
    back = simplify(Graph((x, g), tuple(gradients(ops.sum(y * 3.0), [x, g]))))
    forward = next(n for n in back.nodes() if n.op == "Scan")
    stacked = [t.shape for t in forward.outputs[1:]]
    assert (stacked.count((T, B, 16)), stacked.count((T, B, 1))) == (wide, narrow), stacked


@pytest.mark.parametrize("joined", [True, False])
def test_rows_that_meet_in_a_step_with_lengths_are_refused(joined):
    x, n = placeholder("x", (T, B, 4)), placeholder("n", (B,), "int32")

    def step(states, slices):
        y = ops.tanh(states[0] * ops.exp(ops.mean(slices[0], 0 if joined else 1, keepdims=not joined)))
        return [y], [y]

    (y,) = ops.scan(step, [ops.ones((B, 4), "float32")], [x], n)[1]
    if not joined:
        assert gradients(ops.sum(y), [x])
        return
    with pytest.raises(GraphError, match=r"batch axis.*lengths.*Exp.*outside the scan"):
        gradients(ops.sum(y), [x])
