"""Searches against plain Python over `predict`: greedy, drawn, beams, with and without an encoder."""

from __future__ import annotations

import numpy as np
import pytest

import elman
from elman import ops
from elman.decoding import Decoder
from elman.errors import ArgumentError, DataError
from elman.executors import default
from elman.graph import Graph
from elman.layers import (
    GRU,
    LSTM,
    Attention,
    AttentiveRNN,
    BatchNormalization,
    Bidirectional,
    Concatenate,
    Dense,
    Embedding,
    GRUCell,
    Input,
    LayerNormalization,
    LSTMCell,
    MultiHeadAttention,
)
from tests.tolerances import assert_close

V, EOS, STEPS = 4, 0, 5
PROMPTS = [[1], [2, 3, 1], [3, 3]]


def close(found, expected):
    assert_close(found, expected, 16, STEPS + 3, np.float32)


def scattered(model, scale=1.5):
    for i, w in enumerate(model.weights):
        w.assign(np.random.default_rng(i).normal(size=w.shape) * scale)
    return model


def greedy_of(decoder):
    return decoder.greedy(PROMPTS, length=STEPS)


@pytest.fixture(params=["native", "reference"])
def executor(request, monkeypatch):
    monkeypatch.setenv("ELMAN_EXECUTOR", request.param)


def small(*layers):
    return elman.Sequential([Input((None,), dtype="int32"), Embedding(V, 2), *layers])


@pytest.fixture(scope="module")
def language():
    layers = [Embedding(V, 5), LSTM(6, return_sequences=True), GRU(4, return_sequences=True), Dense(V)]
    return scattered(elman.Sequential([Input((None,), dtype="int32"), *layers]))


def translator(attention="additive", lengths=False):
    source = Input((None, 3), name="source")
    words = Input((None,), dtype="int32", name="words")
    memory, state = GRU(4, return_sequences=True, return_state=True)(source)
    cell = LSTMCell(4) if attention == "dot" else GRUCell(4)
    init = [state, state] if attention == "dot" else [state]
    y = AttentiveRNN(cell, attention, return_sequences=True)([Embedding(V, 3)(words), memory], initial_state=init)
    return scattered(elman.Model([source, words], Dense(V, activation="softmax")(y)))


def looking(look=lambda steps, source: Attention()([steps, Dense(4)(source)])):
    """A decoder that looks behind its recurrence."""
    source = Input((None, 3), name="source")
    words = Input((None,), dtype="int32", name="words")
    steps = GRU(4, return_sequences=True)(Embedding(V, 3)(words))
    looked = Concatenate()([steps, look(steps, source)])
    return scattered(elman.Model([source, words], Dense(V)(looked)))


def log_p(model, prefix, source=None):
    ids = np.array([prefix], np.int32)
    y = model.predict(ids if source is None else [source[None], ids], verbose=0)[0, -1].astype(np.float64)
    return np.log(y) if source is not None else y - np.logaddexp.reduce(y)


def greedy(model, prompt, source=None):
    answer, total = [], 0.0
    while len(answer) < STEPS and EOS not in answer:
        p = log_p(model, [*prompt, *answer], source)
        answer.append(int(p.argmax()))
        total += p.max()
    return [t for t in answer if t != EOS], total


def every(model, prompt, alpha, source=None, steps=3):
    """All answers of up to three tokens by their penalised score, best first."""
    found = []

    def grow(answer, total):
        if len(answer) == steps or EOS in answer:
            found.append((total / ((5 + len(answer)) / 6) ** alpha, [t for t in answer if t != EOS]))
            return
        for token, p in enumerate(log_p(model, [*prompt, *answer], source)):
            grow([*answer, token], total + p)

    grow([], 0.0)
    return sorted(found, key=lambda pair: -pair[0])


def test_greedy_is_the_likeliest_one_after_another(language):
    found = Decoder(language).greedy(PROMPTS, length=STEPS, eos=EOS)
    for prompt, answer, score in zip(PROMPTS, found.rows(), found.scores, strict=True):
        expected = greedy(language, prompt)
        assert answer == expected[0]
        close(score, expected[1])


@pytest.mark.parametrize("kind", [LayerNormalization, BatchNormalization])
def test_a_normalized_model_is_followed(kind):
    """In use both keep to a token, as long as they do not take the steps for features."""
    layers = [Embedding(V, 5), kind(), LSTM(6, return_sequences=True), kind(), Dense(V)]
    model = scattered(elman.Sequential([Input((None,), dtype="int32"), *layers]))
    for w in model.weights:
        w.assign(np.abs(w.value) + 0.5 if "variance" in w.name else w.value)
    found = Decoder(model).greedy(PROMPTS, length=STEPS, eos=EOS)
    for prompt, answer, score in zip(PROMPTS, found.rows(), found.scores, strict=True):
        expected = greedy(model, prompt)
        assert answer == expected[0]
        close(score, expected[1])


@pytest.mark.parametrize("alpha", [0.0, 0.6])
def test_a_beam_wide_enough_finds_the_best_of_all(language, alpha):
    found = Decoder(language).beam(PROMPTS, length=3, eos=EOS, width=70, best=3, length_penalty=alpha)
    for prompt, answers, scores in zip(PROMPTS, found.rows(), found.scores, strict=True):
        expected = every(language, prompt, alpha)[:3]
        assert answers == [tokens for _, tokens in expected]
        close(scores, [score for score, _ in expected])


def narrow(model, prompt, width, alpha=0.6):
    """A beam search token by token: hypotheses with their sums, ended or not."""
    kept = [(0.0, [])]
    for _ in range(STEPS):
        ways = []
        for total, answer in kept:
            ended = EOS in answer
            after = [(0.0, answer)] if ended else [
                (p, [*answer, token]) for token, p in enumerate(log_p(model, [*prompt, *answer]))
            ]  # fmt: skip
            ways += [(total + p, found) for p, found in after]
        kept = sorted(ways, key=lambda way: -way[0] / ((5 + len(way[1])) / 6) ** alpha)[:width]
    return [[t for t in answer if t != EOS] for _, answer in kept]


@pytest.mark.parametrize("width", [2, 3])
def test_a_narrow_beam_is_one_of_plain_python(language, width):
    found = Decoder(language).beam(PROMPTS, length=STEPS, eos=EOS, width=width, best=width).rows()
    assert found == [narrow(language, prompt, width) for prompt in PROMPTS]


@pytest.mark.parametrize(
    ("search", "expected"),
    [
        (lambda d: d.greedy([[1]], length=96), 4),
        (lambda d: d.sample([[1]], length=96, top_k=2, top_p=0.9, temperature=0.7, repetition_penalty=1.1), 4),
        (lambda d: d.beam([[1]], length=96, width=3), 5),
    ],
    ids=["greedy", "sample", "beam"],
)
def test_no_python_runs_between_tokens(search, expected, language, monkeypatch):
    """96 tokens: what is read once, three blocks of 32, and of a beam the way back."""
    decoder, runs = Decoder(language), []
    search(decoder)  # compiles
    kind = type(default().compile(Graph((), (ops.arange(2),))))
    once = kind.run
    monkeypatch.setattr(kind, "run", lambda plan, arrays: runs.append(plan) or once(plan, arrays))
    assert search(decoder).tokens.shape[-1] == 96
    assert len(runs) == expected


@pytest.mark.parametrize("attention", ["additive", "dot", "general"])
def test_an_encoder_is_read_once_and_followed(attention, rng):
    model = translator(attention)
    source = rng.normal(size=(2, 6, 3)).astype("float32")
    decoder = Decoder(model, "words")
    found = decoder.greedy([[1], [1]], [source], length=STEPS, eos=EOS)
    best = decoder.beam([[1], [1]], [source], length=3, eos=EOS, width=70, best=2)
    for i in range(2):
        assert found.rows()[i] == greedy(model, [1], source[i])[0]
        assert best.rows()[i] == [tokens for _, tokens in every(model, [1], 0.6, source[i])[:2]]


def test_padding_of_an_encoder_is_not_read(rng):
    model, source = translator(), rng.normal(size=(2, 6, 3)).astype("float32")
    decoder = Decoder(model)
    padded = decoder.beam([[1], [1]], [source], lengths=[[6, 2]], length=4, eos=EOS, width=3)
    alone = decoder.beam([[1]], [source[1:, :2]], length=4, eos=EOS, width=3)
    assert padded.rows()[1] == alone.rows()[0]
    close(padded.scores[1], alone.scores[0])


@pytest.mark.parametrize("behind", [False, True], ids=["inside", "behind"])
def test_coverage_spreads_what_is_looked_at(behind, rng):
    decoder, source = Decoder(looking() if behind else translator()), rng.normal(size=(1, 6, 3)).astype("float32")
    plain = decoder.beam([[1]], [source], length=8, width=3, best=3)
    spread = decoder.beam([[1]], [source], length=8, width=3, best=3, coverage_penalty=50.0)
    assert plain.rows() != spread.rows()
    with pytest.raises(ArgumentError, match=r"beam: coverage_penalty must be 0 here.*build the decoder with Attention"):
        Decoder(small(GRU(2, return_sequences=True), Dense(V))).beam([[1]], length=2, coverage_penalty=1.0)


@pytest.mark.parametrize(
    "look",
    [
        lambda steps, source: MultiHeadAttention(2, 3)([steps, source]),
        lambda steps, source: MultiHeadAttention(2, 3, use_gate=True)(steps, value=source, key=Dense(3)(source)),
    ],
    ids=["multi_head", "by_name"],
)
def test_many_heads_look_at_what_is_read(look, rng):
    model, source = looking(look), rng.normal(size=(1, 6, 3)).astype("float32")
    softened = scattered(elman.Model(model.inputs, elman.layers.Softmax()(model.outputs[0])), 0.5)
    found = Decoder(softened).greedy([[1]], [source], length=STEPS, eos=EOS)
    expected = greedy(softened, [1], source[0])
    assert found.rows()[0] == expected[0]
    close(found.scores[0], expected[1])


@pytest.mark.parametrize(
    ("look", "reason"),
    [
        (lambda steps, source: MultiHeadAttention(2, 3)(steps, steps), "it looks at all tokens"),
        (lambda steps, source: MultiHeadAttention(2, 3)(steps, value=steps), "it looks at all tokens"),
        (lambda steps, source: MultiHeadAttention(2, 3)(steps, source, use_causal_mask=True), "depends on the place"),
        (lambda steps, source: MultiHeadAttention(2, 3, sliding_window=2)([steps, source]), "depends on the place"),
        (lambda steps, source: Attention()([steps, Dense(4)(source)], use_causal_mask=True), "depends on the place"),
    ],
)
def test_what_looks_at_other_tokens_or_by_place_is_refused(look, reason):
    with pytest.raises(ArgumentError, match=f"one token at a time. .*{reason}"):
        Decoder(looking(look)).greedy([[1]], [np.ones((1, 6, 3), "float32")], length=2)


def test_draws_follow_the_model(language):
    rows = 4000
    p = np.exp(log_p(language, [2, 3]) / 0.7)
    p /= p.sum()
    drawn = Decoder(language).sample([[2, 3]] * rows, length=1, temperature=0.7, seed=5).tokens[:, 0]
    counts = np.bincount(drawn, minlength=V)
    assert float(((counts - rows * p) ** 2 / (rows * p)).sum()) < 16.3  # chi-square, 3 degrees, one in a thousand


@pytest.mark.parametrize(("options", "kept"), [({"top_k": 2}, 2), ({"top_p": 0.5}, None), ({"top_k": 1}, 1)])
def test_only_the_best_are_drawn(language, options, kept):
    p = np.exp(log_p(language, [2]))
    order = np.argsort(-p)
    kept = kept or int(np.searchsorted(np.cumsum(p[order]), options["top_p"]) + 1)
    drawn = Decoder(language).sample([[2]] * 500, length=1, seed=1, **options).tokens[:, 0]
    assert set(drawn) == set(order[:kept])


@pytest.mark.parametrize(
    "search",
    [lambda d: d.greedy(PROMPTS), lambda d: d.sample(PROMPTS, temperature=5.0), lambda d: d.beam(PROMPTS, best=5)],
    ids=["greedy", "sample", "beam"],
)
def test_some_tokens_never_come_out(search, language):
    found = search(Decoder(language, never=[0, 2]))
    assert set(np.ravel(found.tokens).tolist()) <= {1, 3}
    assert np.isfinite(found.scores).all()


def test_a_penalty_ends_repetition(language):
    decoder = Decoder(language)
    plain, other = (decoder.greedy([[1]], length=3, repetition_penalty=p) for p in (1.0, 1e6))
    assert len({1, *other.tokens[0]}) == 4
    assert plain.tokens[0].tolist() != other.tokens[0].tolist()


def test_the_same_seed_gives_the_same_tokens_whatever_is_beside(language):
    decoder = Decoder(language)
    many = decoder.sample([[1]] * 9, length=70, seed=3)
    np.testing.assert_array_equal(many.tokens, decoder.sample([[1]] * 9, length=70, seed=3).tokens)
    np.testing.assert_array_equal(many.tokens[:1], decoder.sample([[1]], length=70, seed=3).tokens)
    assert (many.tokens != decoder.sample([[1]] * 9, length=70, seed=4).tokens).any()
    np.testing.assert_array_equal(
        decoder.sample([[1]], length=9, temperature=0).tokens, decoder.greedy([[1]], length=9).tokens
    )


def test_weights_are_seen_as_they_are(language):
    model = scattered(small(GRU(2, return_sequences=True), Dense(V)))
    decoder = Decoder(model)
    before = decoder.greedy([[1]], length=2)
    scattered(model, 3.0)
    assert decoder.greedy([[1]], length=2).scores != before.scores


def test_a_beam_of_one_is_greedy(executor, language):
    decoder = Decoder(language)
    found, expected = decoder.beam(PROMPTS, length=STEPS, width=1, length_penalty=0.0), greedy_of(decoder)
    assert found.rows() == [[row] for row in expected.rows()]
    close(found.scores[:, 0], expected.scores)


def test_a_beam_gives_only_answers_that_there_are(executor, language):
    found = Decoder(language, never=[0, 1]).beam(PROMPTS, length=1, width=3, best=3)
    assert [sorted(row) for row in found.rows()] == [[[2], [3]]] * len(PROMPTS)
    assert (found.scores[:, 2] == -np.inf).all() and np.isfinite(found.scores[:, :2]).all()
    assert not found.lengths[:, 2].any() and not found.tokens[:, 2].any()
    assert Decoder(language, never=[0, 1, 2]).beam([[1]], length=2, width=9, best=9).rows() == [[[3, 3]]]


@pytest.mark.parametrize("temperature", [1e-30, 1e-38, 1e-45, 1e-300])
def test_the_coldest_draw_is_the_likeliest(executor, language, temperature):
    decoder = Decoder(language)
    assert decoder.sample(PROMPTS, length=STEPS, temperature=temperature).rows() == greedy_of(decoder).rows()


def test_what_never_comes_does_not_at_any_temperature(executor, language):
    drawn = Decoder(language, never=[0, 1]).sample([[2]] * 20, length=STEPS, temperature=1e35).tokens
    assert set(np.unique(drawn)) == {2, 3}


REFUSED = [
    (
        lambda d, m: d.greedy([[1]], repetition_penalty=0),
        ArgumentError,
        r"repetition_penalty must be a finite number a",
    ),
    (lambda d, m: d.greedy([[1]], repetition_penalty=float("nan")), ArgumentError, r"repetition_penalty must be"),
    (
        lambda d, m: d.greedy([[1]], eos=1.5),
        ArgumentError,
        r"eos must be a whole number from 0 to 3\. Received eos=1.5",
    ),
    (lambda d, m: d.greedy([[1]], eos=V), ArgumentError, r"eos must be a whole number from 0 to 3\. Received eos=4"),
    (lambda d, m: d.sample([[1]], seed=-1), ArgumentError, r"seed must be a whole number from 0\. Received seed=-1"),
    (lambda d, m: d.beam([[1]], width=2.5), ArgumentError, r"width must be a whole number from 1\. Received width=2.5"),
    (lambda d, m: d.beam([[1]], width=True), ArgumentError, r"width must be a whole number from 1\. Received width=Tr"),
    (lambda d, m: d.beam([[1]], best=1.0), ArgumentError, r"best must be a whole number from 1\. Received best=1.0"),
    (lambda d, m: d.beam([[1]], length_penalty=float("nan")), ArgumentError, r"length_penalty must be a finite number"),
    (lambda d, m: d.beam([[1]], length_penalty="x"), ArgumentError, r"length_penalty must be a finite number"),
    (
        lambda d, m: d.greedy([[1.7]]),
        DataError,
        r"prompt must be tokens from 0 to 3\. Received prompt=\[1.7\]\. Tokens ar",
    ),
    (lambda d, m: d.greedy([["a"]]), DataError, r"prompt must be tokens from 0 to 3\. Received prompt=\['a'\]"),
    (lambda d, m: d.greedy([[1], None]), DataError, r"prompt must be tokens from 0 to 3\. Received prompt=None"),
    (lambda d, m: d.greedy([[[1, 2], [3]]]), DataError, r"prompt must be tokens from 0 to 3\. Received prompt=\[\[1"),
    (lambda d, m: d.greedy(None), DataError, r"prompt must be a list of rows of tokens\. Received prompt=None"),
    (
        lambda d, m: Decoder(small(Bidirectional(GRU(2, return_sequences=True)), Dense(V))).greedy([[1]]),
        ArgumentError,
        r"reads the tokens from their end, too",
    ),
    (
        lambda d, m: Decoder(small(GRU(2), Dense(V))),
        ArgumentError,
        r"model must have one output \(B, T, V\).*shape|model=",
    ),
    (lambda d, m: Decoder(translator(), "source"), ArgumentError, r"tokens must be an input \(B, T\) of int32"),
    (lambda d, m: Decoder(m, never=[V]), ArgumentError, r"never must be some of the tokens 0 to 3.*never=\[4\]"),
    (lambda d, m: Decoder(m, never=range(V)), ArgumentError, r"never must be some of the tokens 0 to 3, not all"),
    (lambda d, m: Decoder(m, "other"), ArgumentError, r"tokens must be one of .*Received tokens='other'"),
    (lambda d, m: d.greedy([[]]), DataError, r"prompt must be a token or more in each row"),
    (lambda d, m: d.greedy([[V]]), DataError, r"prompt must be tokens from 0 to 3. Received prompt=4"),
    (lambda d, m: d.greedy([[1]], [np.ones((1, 2))]), ArgumentError, r"inputs must be 0 arrays beside the tokens"),
    (lambda d, m: d.greedy([[1]], length=0), ArgumentError, r"length must be a whole number from 1"),
    (lambda d, m: d.sample([[1]], top_p=0), ArgumentError, r"top_p must be in \(0, 1\]"),
    (lambda d, m: d.sample([[1]], temperature=-1), ArgumentError, r"temperature must be a finite number from 0"),
    (lambda d, m: d.beam([[1]], width=2, best=3), ArgumentError, r"best must be at most width, 2"),
    (lambda d, m: Decoder(translator()).greedy([[1]], [np.ones((2, 2, 3))]), DataError, r"inputs must have 1 rows"),
]


@pytest.mark.parametrize(("call", "error", "message"), REFUSED, ids=range(len(REFUSED)))
def test_what_is_refused(call, error, message, language):
    with pytest.raises(error, match=message):
        call(Decoder(language), language)
