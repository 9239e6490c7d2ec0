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
    "scaled": (lambda z, g: scaled(z) * g, 1, 2),
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


def along_rows(h):
    """A loop over the rows: each adds itself to the sum of those before."""
    return ops.scan(lambda s, xs: ([s[0] + xs[0]], [s[0]]), [ops.zeros((4,), "float32")], [h])[1][0]


def along_features(h):
    """A loop over the features of each row."""
    turned = ops.swapaxes(h, 0, 1)
    (total,) = ops.scan(lambda s, xs: ([ops.tanh(s[0] + xs[0])], []), [ops.zeros(h.shape[:1], "float32")], [turned])[0]
    return ops.expand_dims(total, 1)


def own(h, w):
    """A matrix for each row, multiplied with it."""
    return ops.squeeze(ops.matmul(ops.expand_dims(h, 1), ops.expand_dims(h, 2) * w), 1)


JOINED = {
    "mean": lambda h, w: ops.mean(h, 0),
    "sum": lambda h, w: 0.1 * ops.sum(h, 0, keepdims=True),
    "products": lambda h, w: ops.matmul(ops.matmul(h, h, transpose_b=True), h),
    "outer": lambda h, w: ops.matmul(h, h, transpose_a=True)[:1],
    "pairs": lambda h, w: ops.mean(ops.expand_dims(h, 0) - ops.expand_dims(h, 1), 1),
    "softmax": lambda h, w: ops.softmax(h, 0),
    "cumsum": lambda h, w: ops.cumsum(h, 0),
    "reversed": lambda h, w: ops.flip(h, 0),
    "shifted": lambda h, w: ops.pad(h, 0, 1)[:-1],
    "beside_each_other": lambda h, w: ops.reshape(ops.transpose(h), h.shape),
    "loop": lambda h, w: along_rows(h),
}
APART = {
    "product": lambda h, w: h @ w,
    "mean": lambda h, w: ops.mean(h, 1, keepdims=True),
    "turned": lambda h, w: ops.transpose(ops.transpose(h) * 0.5),
    "own_matrix": own,
    "parts": lambda h, w: ops.reshape(ops.flip(ops.reshape(h, (-1, 2, 2)), 1), h.shape),
    "beside": lambda h, w: ops.concatenate([h[:, 1:], h[:, :1]], 1),
    "chosen": lambda h, w: ops.top_k(h, 1)[0],
    "no_gradient": lambda h, w: ops.stop_gradient(ops.mean(h, 0)),
}


def loss_with_lengths(what, rows):
    """Of a loop that adds to its state what is made of it."""
    x, n, w = placeholder("x", (T, rows, 4)), placeholder("n", (rows,), "int32"), placeholder("w", (4, 4))

    def step(states, slices):
        y = 0.9 * states[0] + slices[0] + what(states[0], w)
        return [y], [y]

    (y,) = ops.scan(step, [ops.ones((rows, 4), "float32")], [x], n)[1]
    return ops.sum(y), x


@pytest.mark.parametrize("rows", [B, 4])
@pytest.mark.parametrize("name", JOINED)
def test_rows_that_meet_in_a_step_with_lengths_are_refused(name, rows):
    loss, x = loss_with_lengths(JOINED[name], rows)
    with pytest.raises(GraphError, match=r"batch axis.*lengths.*rows meet in .*outside the scan"):
        gradients(loss, [x])


@pytest.mark.parametrize("rows", [B, 4])
@pytest.mark.parametrize("name", APART)
def test_a_step_with_lengths_may_do_anything_within_a_row(name, rows):
    loss, x = loss_with_lengths(APART[name], rows)
    assert gradients(loss, [x])[0].shape == x.shape


@pytest.mark.parametrize("rows", [B, 4])
def test_what_a_step_with_lengths_keeps_starts_with_rows(rows):
    loss, x = loss_with_lengths(lambda h, w: along_features(h), rows)
    with pytest.raises(GraphError, match=r"batch axis.*lengths.*it keeps .*outside the scan"):
        gradients(loss, [x])
