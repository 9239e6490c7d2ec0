"""The CRF against every sequence of tags there is: its loss, the loss's gradient, the best tags."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

import elman
from elman import layers, losses, ops
from elman.autodiff import gradients
from elman.decoding import viterbi
from elman.errors import ArgumentError, ShapeError
from elman.executors import NativeExecutor, ReferenceExecutor
from elman.graph import Graph, placeholder
from elman.graph.rewrite import hoist, simplify
from elman.layers import tracing
from tests.tolerances import assert_close, central_difference

B, T, K = 4, 4, 3
LENGTHS = np.array([4, 1, 3, 0], np.int32)


def score(x, tags, moves, start, end):
    total = start[tags[0]] + end[tags[-1]] + sum(x[t, tag] for t, tag in enumerate(tags))
    return total + sum(moves[a, b] for a, b in itertools.pairwise(tags))


def every(x, weights):
    return {tags: score(x, tags, *weights) for tags in itertools.product(range(K), repeat=len(x))}


def made(rng, dtype="float64"):
    crf = layers.CRF(dtype=dtype)
    x, y, real = placeholder("x", (B, T, K), dtype), placeholder("y", (B, T), "int32"), placeholder("m", (B, T), "bool")
    with tracing(True):
        loss = losses.CRF(reduction="none")(y, crf(x), mask=real)
    crf.set_weights([rng.normal(size=w.shape) for w in crf.weights])
    return crf, (x, y, real), loss


@pytest.mark.parametrize(("executor", "dtype"), [(ReferenceExecutor, "float64"), (NativeExecutor, "float64"),
                                                 (NativeExecutor, "float32")])  # fmt: skip
def test_the_loss_is_the_share_of_the_tags_among_all(executor, dtype, rng):
    crf, inputs, loss = made(rng, dtype)
    x, y = rng.normal(size=(B, T, K)).astype(dtype), rng.integers(0, K, (B, T)).astype(np.int32)
    real = np.arange(T) < LENGTHS[:, None]
    found = executor().compile(Graph(inputs, (loss,))).run([x, y, real]).outputs[0]
    weights = crf.get_weights()
    for row, n, value in zip(range(B), LENGTHS, found, strict=True):
        scores = every(x[row, :n], weights) if n else {(): 0.0}
        right = scores[tuple(y[row, :n].tolist())]
        assert_close(value, np.logaddexp.reduce([float(s) for s in scores.values()]) - right, K * T, T, dtype)


def test_its_gradient_is_the_central_difference(rng):
    crf, inputs, loss = made(rng)
    forward = hoist(simplify(Graph(inputs, (ops.sum(loss),))))
    total = forward.outputs[0]
    arrays = [rng.normal(size=(B, T, K)), rng.integers(0, K, (B, T)).astype(np.int32), np.arange(T) < LENGTHS[:, None]]
    slopes = gradients(total, [*(w.tensor for w in crf.weights), inputs[0]])
    found = NativeExecutor().compile(Graph(inputs, tuple(slopes))).run(arrays).outputs
    plan = NativeExecutor().compile(Graph(inputs, (total,)))
    step = float(np.finfo(np.float64).eps) ** (1 / 3)
    for place, slope in zip([*(w.value for w in crf.weights), arrays[0]], found, strict=True):
        for at in np.ndindex(place.shape):
            kept, values = place[at], []
            for place[at] in (kept + step, kept - step):
                values.append(float(plan.run(arrays).outputs[0]))
            place[at] = kept
            error = abs((values[0] - values[1]) / (2 * step) - slope[at])
            assert error <= central_difference(values[0], float(np.abs(slope).max()))


def test_viterbi_finds_the_best_of_all(rng):
    crf, _, _ = made(rng)
    x = rng.normal(size=(B, T, K))
    found = viterbi(crf, x, LENGTHS)
    for row, n in enumerate(LENGTHS):
        scores = every(x[row, :n], crf.get_weights()) if n else {(): 0.0}
        best = max(scores, key=scores.__getitem__)
        assert found.rows()[row] == list(best)
        assert_close(found.scores[row], scores[best], K * T, T)
    assert not found.tokens[np.arange(T) >= LENGTHS[:, None]].any()


def test_viterbi_keeps_to_an_order(rng):
    crf, _, _ = made(rng)
    x, order = rng.normal(size=(B, T, K)), rng.random((K + 1, K + 1)) < 0.6
    order[np.arange(K), np.arange(K)] = True  # some way there is always
    order[K, 0] = order[0, K] = True
    for row, n in enumerate(LENGTHS):
        scores = every(x[row, :n], crf.get_weights()) if n else {(): 0.0}
        fits = {t: s for t, s in scores.items() if all(order[a, b] for a, b in itertools.pairwise((K, *t, K))) or not n}
        assert viterbi(crf, x, LENGTHS, order).rows()[row] == list(max(fits, key=fits.__getitem__))
    with pytest.raises(ShapeError, match=r"viterbi: order must have shape \(4, 4\). Received .*\(3, 3\)"):
        viterbi(crf, x, order=np.ones((K, K)))


def test_a_tagger_learns_what_may_follow(rng):
    """The tags of odd rows are turned round, which only the tag before can tell."""
    x = [np.zeros((n, 2), np.float32) for n in rng.integers(3, 9, 60)]
    y = []
    for i, row in enumerate(x):
        row[0, i % 2] = 4
        y.append([(t + i) % 2 for t in range(len(row))])
    crf = layers.CRF()
    model = elman.Sequential([layers.Input((None, 2)), layers.Dense(2), crf])
    model.compile("adam", loss="crf")
    model.optimizer.learning_rate = 0.05
    history = model.fit(x, y, epochs=60, verbose=0).history["loss"]
    assert history[-1] < 0.1 < history[0]
    assert viterbi(crf, model.predict(x, verbose=0)).rows() == y


def test_what_is_refused(rng):
    crf, _, _ = made(rng)
    with pytest.raises(
        ArgumentError, match=r"CRF: y_pred must be the output of a CRF layer.*End the model with layers"
    ):
        losses.CRF()(placeholder("y", (2, 3), "int32"), placeholder("p", (2, 3, 4)))
    with pytest.raises(ArgumentError, match=r"viterbi: crf must be a built CRF layer"):
        viterbi(layers.CRF(), np.ones((1, 2, 3)))
    with pytest.raises(ShapeError, match=r"viterbi: scores must have shape \(B, T, 3\). Received .*\(1, 2, 2\)"):
        viterbi(crf, np.ones((1, 2, 2)))
