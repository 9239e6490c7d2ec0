"""The words layers are written in: composites against NumPy, and their errors."""

from __future__ import annotations

import numpy as np
import pytest

from elman import ops
from elman.errors import ShapeError
from elman.graph import placeholder
from elman.graph.trace import as_array, close
from elman.shapes import B, T
from tests.evaluation import evaluate
from tests.tolerances import assert_close


def logsumexp(a, axis):
    return np.log(np.sum(np.exp(a - a.max()), axis)) + a.max()


WORDS = {
    "square": (ops.square, np.square),
    "rsqrt": (lambda x: ops.rsqrt(x * x + 1.0), lambda a: 1 / np.sqrt(a * a + 1)),
    "reciprocal": (ops.reciprocal, lambda a: 1 / a),
    "mean": (ops.mean, np.mean),
    "mean_axis": (lambda x: ops.mean(x, 1, keepdims=True), lambda a: a.mean(1, keepdims=True)),
    "mean_axes": (lambda x: ops.mean(x, (0, -1)), lambda a: a.mean((0, -1))),
    "var": (lambda x: ops.var(x, -1), lambda a: a.var(-1)),
    "std": (lambda x: ops.std(x, 0), lambda a: a.std(0)),
    "norm": (lambda x: ops.norm(x, -1), lambda a: np.linalg.norm(a, axis=-1)),
    "logsumexp": (lambda x: ops.logsumexp(x, -1), lambda a: logsumexp(a, -1)),
    "logsumexp_all": (ops.logsumexp, lambda a: logsumexp(a, None)),
    "softmax_axis": (
        lambda x: ops.softmax(x, 1),
        lambda a: np.exp(a) / np.exp(a).sum(1, keepdims=True),
    ),
    "log_softmax_axis": (
        lambda x: ops.log_softmax(x, 0),
        lambda a: a - np.log(np.exp(a).sum(0, keepdims=True)),
    ),
    "clip": (lambda x: ops.clip(x, -0.5, 0.5), lambda a: a.clip(-0.5, 0.5)),
    "any": (lambda x: ops.any(x > 1.9, -1), lambda a: (a > 1.9).any(-1)),
    "all": (lambda x: ops.all(x > -1.0, -1), lambda a: (a > -1.0).all(-1)),
    "not_equal": (lambda x: ops.not_equal(x, 0.5), lambda a: a != 0.5),
    "greater": (lambda x: ops.greater(x, 0.5), lambda a: a > 0.5),
    "greater_equal": (lambda x: ops.greater_equal(x, 0.5), lambda a: a >= 0.5),
    "argmax": (ops.argmax, lambda a: a.argmax(-1)),
    "prod": (lambda x: ops.prod(x, -1), lambda a: a.prod(-1)),
    "min": (ops.min, np.min),
    "cumsum": (lambda x: ops.cumsum(x, -1), lambda a: a.cumsum(-1)),
    "expand_dims": (lambda x: ops.expand_dims(x, -2), lambda a: np.expand_dims(a, -2)),
    "squeeze": (lambda x: ops.squeeze(x[:, :1], 1), lambda a: a[:, 0]),
    "squeeze_all": (lambda x: ops.squeeze(x[:, :1, :1]), lambda a: a[:, 0, 0]),
    "transpose": (ops.transpose, np.transpose),
    "transpose_axes": (lambda x: ops.transpose(x, (1, 0, -1)), lambda a: a.transpose(1, 0, 2)),
    "swapaxes": (lambda x: ops.swapaxes(x, 0, -1), lambda a: a.swapaxes(0, -1)),
    "repeat": (lambda x: ops.repeat(x, 3, 1), lambda a: np.repeat(a[:, None], 3, 1)),
    "stack": (lambda x: ops.stack([x, 2.0 * x], 1), lambda a: np.stack([a, 2 * a], 1)),
    "concatenate_one": (lambda x: ops.concatenate([x], 1), lambda a: a),
    "flip": (lambda x: ops.flip(x, 1), lambda a: np.flip(a, 1)),
    "pad": (lambda x: ops.pad(x, -1, 1, 2), lambda a: np.pad(a, ((0, 0), (0, 0), (1, 2)))),
    "split": (lambda x: ops.split(x, 2)[1], lambda a: np.split(a, 2, -1)[1]),
    "split_at": (lambda x: ops.split(x, [1, 3])[1], lambda a: np.split(a, [1, 3], -1)[1]),
    "broadcast_to": (lambda x: ops.broadcast_to(x[0, 0], x.shape), lambda a: np.broadcast_to(a[0, 0], a.shape)),
    "zeros_like": (ops.zeros_like, np.zeros_like),
    "ones_like": (ops.ones_like, np.ones_like),
    "full": (lambda x: ops.full((2, 3), 1.5, "float64"), lambda a: np.full((2, 3), 1.5)),
    "size": (ops.size, lambda a: np.array(float(a.size))),
    "size_axis": (lambda x: ops.size(x, 1), lambda a: np.array(float(a.shape[1]))),
    "one_hot": (lambda x: ops.one_hot(ops.argmax(x), 4, "float64"), lambda a: np.eye(4)[a.argmax(-1)]),
    "power": (lambda x: ops.power(ops.abs(x), 1.5), lambda a: np.abs(a) ** 1.5),
    "mod": (lambda x: ops.mod(x, 0.7), lambda a: np.mod(a, 0.7)),
}


@pytest.mark.parametrize("name", WORDS)
def test_a_word_means_what_numpy_says(name, rng):
    word, meaning = WORDS[name]
    array = rng.uniform(-2, 2, (3, 5, 4))
    x = placeholder("x", (B, T, 4), "float64")
    (found,) = evaluate([word(x)], [(x, array)])
    expected = np.asarray(meaning(array))
    if expected.dtype.kind == "f":
        assert_close(found, expected, length=60, what=name)
    else:
        np.testing.assert_array_equal(found, expected)


def test_reductions_of_a_scalar_are_itself():
    x = placeholder("x", (), "float64")
    assert ops.sum(x) is x
    assert ops.mean(x).shape == ()


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda x: ops.sum(x, 3), "ReduceSum: axis must be between -3 and 2. Received "),
        (lambda x: ops.softmax(x, 5), "softmax: axis must be between -3 and 2. Received "),
        (lambda x: ops.split(x, 3), "split: sections must be a divisor of 4. Received "),
        (lambda x: ops.split(x, 2, 1), "split: axis must be of known size. Received shape (B, T, 4)."),
        (lambda x: ops.squeeze(x, 2), "Reshape: shape must be of 4*B*T elements like the input (B, T, 4). Received "),
    ],
)
def test_what_a_word_refuses(make, message):
    with pytest.raises(ShapeError) as error:
        make(placeholder("x", (B, T, 4)))
    assert str(error.value).startswith(message)


# ---- scan -----------------------------------------------------------------------------------------------------------


def test_what_does_not_depend_on_the_step_is_computed_before_the_loop():
    x, w = placeholder("x", (T, B, 2)), placeholder("w", (2,))
    (final,), _ = ops.scan(lambda s, xs: ([s[0] + xs[0] * ops.exp(w)], []), [ops.zeros((B, 2))], [x])
    body = final.node.attrs["body"]
    assert [n.op for n in body.nodes() if n.op != "Input"] == ["Mul", "Add"]
    assert final.node.inputs[2].node.op == "Exp"


def test_a_step_may_return_what_it_was_given():
    x = placeholder("x", (T, B, 2), "float64")
    states, outputs = ops.scan(lambda s, xs: (s, [xs[0], s[0]]), [ops.ones((B, 2), "float64")], [x])
    array = np.arange(12.0).reshape(3, 2, 2)
    final, echoed, kept = evaluate([*states, *outputs], [(x, array)])
    np.testing.assert_array_equal(final, np.ones((2, 2)))
    np.testing.assert_array_equal(echoed, array)
    np.testing.assert_array_equal(kept, np.ones((3, 2, 2)))


def test_lengths_stop_rows_and_zero_outputs():
    x, n = placeholder("x", (T, B), "float64"), placeholder("n", (B,), "int32")
    for reverse in (False, True):
        states, outputs = ops.scan(
            lambda s, xs: ([s[0] * 2.0 + xs[0]], [s[0] + 1.0]), [ops.ones((B,), "float64")], [x], n, reverse=reverse
        )
        array = np.array([[1.0, 10.0, 5.0], [2.0, 20.0, 6.0], [3.0, 30.0, 7.0]])
        final, out = evaluate([*states, *outputs], [(x, array), (n, [2, 0, 3])])
        order = [0, 1, 2][:: -1 if reverse else 1]
        expected, made = np.ones(3), np.zeros((3, 3))
        for t in order:
            for row, length in enumerate((2, 0, 3)):
                if t < length:
                    made[t, row] = expected[row] + 1
                    expected[row] = expected[row] * 2 + array[t, row]
        np.testing.assert_array_equal(final, expected)
        np.testing.assert_array_equal(out, made)


def test_a_number_becomes_the_type_of_its_state():
    states, _ = ops.scan(lambda s, x: ([1.0], []), [placeholder("s", (), "float64")], [], steps=2)
    assert states[0].dtype == "float64"


def test_close_makes_the_largest_outer_expression_one_input():
    x, w = placeholder("x", (2,)), placeholder("w", (2,))
    inner = placeholder("inner", (2,))
    body, captured = close([inner], [inner * (ops.exp(x) + w), w])
    assert [t.node.op for t in captured] == ["Add", "Input"]
    assert len(body.inputs) == 3
    assert as_array(ops.full((), 2.0)) == np.float32(2.0)
    assert as_array(x) is None
