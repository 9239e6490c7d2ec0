"""Attention: decoders that look, against the equations in NumPy; the way back of a tied embedding; what is refused."""

from __future__ import annotations

import numpy as np
import pytest

from elman import layers
from elman.errors import ArgumentError, ShapeError
from elman.executors import NativeExecutor
from elman.graph import Graph
from elman.layers import AttentiveRNN, Input, Mask, tracing
from tests.tolerances import assert_close

B, T, S, F, M, U = 3, 4, 5, 2, 3, 3


def softmax(x):
    e = np.exp(x - x.max(-1, keepdims=True))
    return e / e.sum(-1, keepdims=True)


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def gru(x, h, kernel, recurrent, bias):
    z = x @ kernel + bias[0]
    r = h @ recurrent + bias[1]
    update, reset = sigmoid(z[:, :U] + r[:, :U]), sigmoid(z[:, U : 2 * U] + r[:, U : 2 * U])
    return update * h + (1 - update) * np.tanh(z[:, 2 * U :] + reset * r[:, 2 * U :])


def walk(attention, x, memory, real, h, w):
    """The decoder of Bahdanau or Luong, step by step."""
    fed, found, looked = np.zeros((B, U)), [], []

    def context(query):
        if attention == "additive":
            keys = memory @ w["memory_kernel"] + w["attention_bias"]
            scores = (np.tanh((query @ w["query_kernel"])[:, None] + keys) @ w["score_kernel"])[..., 0]
        else:
            keys = memory @ w["memory_kernel"] if attention == "general" else memory
            scores = np.einsum("bu,bsu->bs", query, keys)
        weights = softmax(np.where(real, scores, -1e9))
        looked.append(weights)
        return np.einsum("bs,bsm->bm", weights, memory)

    for t in range(T):
        if attention == "additive":
            c = context(h)
            h = gru(np.concatenate([x[:, t], c], 1), h, w["kernel"], w["recurrent_kernel"], w["bias"])
            found.append(np.concatenate([h, c], 1))
        else:
            h = gru(np.concatenate([x[:, t], fed], 1), h, w["kernel"], w["recurrent_kernel"], w["bias"])
            fed = np.tanh(np.concatenate([context(h), h], 1) @ w["output_kernel"])
            found.append(fed)
    return np.stack(found, 1), h


@pytest.mark.parametrize("attention", ["additive", "dot", "general"])
def test_a_decoder_looks_as_its_equation_says(attention, rng):
    decoder = AttentiveRNN(layers.GRUCell(U, dtype="float64"), attention, return_sequences=True, return_state=True)
    x, memory = Input((None, F), dtype="float64"), Input((S, M), dtype="float64")
    lengths, h = Input((), dtype="int32"), Input((U,), dtype="float64")
    memory.mask = Mask(lengths=lengths)
    with tracing(False):
        made = decoder([x, memory], initial_state=[h])
    decoder.set_weights([rng.normal(size=w.shape) for w in decoder.weights])
    data = [rng.normal(size=s) for s in ((B, T, F), (B, S, M), (B, U))]
    counts = np.array([S, 2, 1], np.int32)
    plan = NativeExecutor().compile(Graph((x, memory, lengths, h), tuple(made)))
    found = plan.run([data[0], data[1], counts, data[2]]).outputs
    weights = {w.name.rsplit("/", 1)[-1]: w.numpy() for w in decoder.weights}
    y, state = walk(attention, *data[:2], np.arange(S) < counts[:, None], data[2], weights)
    assert_close(found[0], y, F + M + 2 * U, T)
    assert_close(found[1], state, F + M + 2 * U, T)
    assert len(found) == (2 if attention == "additive" else 3)


def test_what_is_looked_at_can_be_seen(rng):
    cell = layers.AttentiveCell(layers.GRUCell(U))
    decoder = AttentiveRNN(cell)
    x, memory = Input((None, F)), Input((S, M))
    decoder([x, memory])
    cell.look(memory, None)
    assert cell.gates(Input((F,)), Input((U,)))["attention"].shape == memory.shape[:2]


def test_a_tied_embedding_goes_back_through_its_own_table(rng):
    words = layers.ReversibleEmbedding(7, U, logit_soft_cap=2.0)
    ids, vectors = Input((None,), dtype="int32"), Input((None, U))
    words(ids)
    (scores,) = (
        NativeExecutor()
        .compile(Graph((vectors,), (words(vectors, reverse=True),)))
        .run([data := rng.normal(size=(B, T, U)).astype("float32")])
        .outputs
    )
    assert_close(scores, 2 * np.tanh(data @ words.get_weights()[0].T / 2), U)
    assert len(words.weights) == 1
    with pytest.raises(ArgumentError, match=r"reverse_dtype must be None or float32.*Received reverse_dtype='float64'"):
        layers.ReversibleEmbedding(7, U, reverse_dtype="float64")


REFUSED = [
    (lambda: AttentiveRNN(3), r"cell must be a Cell. Received cell=3"),
    (lambda: layers.AttentiveCell(layers.GRUCell(2), "local"), r"attention must be one of additive, dot, general"),
    (lambda: layers.AttentiveCell(layers.GRUCell(2)).build(3), r"memory must be known.*Walk the cell with Attent"),
    (lambda: AttentiveRNN(layers.GRUCell(2))(Input((None, 2))), r"inputs must be \[x, memory\]. Received .*1 of them"),
    (lambda: layers.Attention(score_mode="far"), r'score_mode must be "dot" or "concat". Received score_mode=\'far\''),
    (lambda: layers.Attention()([Input((3, 2))]), r"inputs must be \[query, value\] or \[query, value, key\]"),
    (lambda: layers.MultiHeadAttention(2, 2, attention_axes=2), r"attention_axes must be None or 1, the axis of time"),
    (lambda: layers.MultiHeadAttention(2, 2)(Input((3, 2))), r"inputs must be two or three: query, value, .*inputs=1"),
]
MISSHAPEN = [
    (lambda: AttentiveRNN(layers.GRUCell(2))([Input((3, 2)), Input((2,))]), r"memory must have shape \(B, S, M\)"),
    (lambda: AttentiveRNN(layers.GRUCell(2), "dot")([Input((3, 2)), Input((3, 4))]), r"memory must have 2 features"),
    (lambda: layers.Attention()([Input((3, 2)), Input((2,))]), r"value must have shape \(B, T, F\)"),
    (lambda: layers.Attention()([Input((3, 2)), Input((3, 4))]), r"queries and keys of equal features"),
    (lambda: layers.MultiHeadAttention(2, 2)(Input((3, 2)), Input((2,))), r"value must have shape \(B, T, F\)"),
]


@pytest.mark.parametrize(("make", "message"), REFUSED, ids=range(len(REFUSED)))
def test_what_is_refused(make, message):
    with pytest.raises(ArgumentError, match=message):
        make()


@pytest.mark.parametrize(("make", "message"), MISSHAPEN, ids=range(len(MISSHAPEN)))
def test_shapes_are_told(make, message):
    with pytest.raises(ShapeError, match=message):
        make()


def test_a_cell_that_a_layer_makes_has_a_name_without_a_number():
    memory, x = layers.Input((None, 4)), layers.Input((None, 3))
    for _ in range(2):
        rnn = layers.AttentiveRNN(layers.GRUCell(4), "general", name="look")
        rnn([x, memory])
        assert "look/attentive_cell/memory_kernel" in [w.name for w in rnn.weights]
    with pytest.raises(ShapeError, match=r"^AttentiveRNN 'attentive_rnn': memory must have 3 features"):
        layers.AttentiveRNN(layers.GRUCell(3), "dot", name="attentive_rnn")([x, memory])
