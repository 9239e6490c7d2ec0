"""CTC decoding against the sum over every path."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from elman import Model, Sequential, layers, ops
from elman.decoding import NextTokens, ctc_beam, ctc_greedy
from elman.errors import ArgumentError, DataError, ShapeError
from elman.executors import default
from elman.graph import Graph
from tests.tolerances import assert_close


def spelled(path):
    return tuple(c for i, c in enumerate(path) if c and (i == 0 or c != path[i - 1]))


def every(p):
    """The probability of all labels, and the likeliest path."""
    steps, classes = p.shape
    found: dict[tuple[int, ...], float] = {}
    for path in itertools.product(range(classes), repeat=steps):
        found[spelled(path)] = found.get(spelled(path), 0.0) + float(np.prod(p[np.arange(steps), path]))
    return sorted(found.items(), key=lambda pair: -pair[1])


@pytest.mark.parametrize("logits", [False, True])
def test_the_beam_finds_the_likeliest_labels_and_greedy_the_likeliest_path(rng, logits):
    y = rng.normal(size=(3, 5, 3)) * 2
    p = np.exp(y) / np.exp(y).sum(-1, keepdims=True)
    lengths = np.array([5, 3, 0])
    best = ctc_beam(y if logits else p, lengths, width=50, best=2)
    path = ctc_greedy(y if logits else p, lengths)
    for i, n in enumerate(lengths):
        expected = every(p[i, :n])[:2]
        assert best.rows()[i][: len(expected)] == [list(labels) for labels, _ in expected]
        assert_close(np.exp(best.scores[i, : len(expected)]), [q for _, q in expected], 3**5, 5)
        assert path.rows()[i] == list(spelled(p[i, :n].argmax(-1)))
        assert_close(path.scores[i], np.log(p[i, :n].max(-1)).sum(), 8, 5)


def test_rows_may_differ_in_length(rng):
    rows = [rng.normal(size=(n, 4)) for n in (5, 2)]
    for search in (ctc_greedy, ctc_beam):
        assert search(rows).rows() == [search([row]).rows()[0] for row in rows]


def test_a_narrow_beam_keeps_each_prefix_once(rng):
    y = rng.normal(size=(4, 30, 3)) * 2
    for width in (2, 3, 7):
        for row in ctc_beam(y, width=width, best=width).rows():
            assert len({tuple(labels) for labels in row}) == width


def by_hand(log_p, width, weight=0.0, bonus=0.0, said=None):
    """The same search of one row in plain Python: prefix -> log p of paths that end in nothing, and in a label."""
    kept = {(): (0.0, -np.inf)}
    liked = {(): 0.0}
    for frame in log_p:
        tried = [c for c in np.argsort(-frame) if c][: 2 * width + 1]
        found = {}

        def add(prefix, place, value, found=found):
            pair = list(found.get(prefix, (-np.inf, -np.inf)))
            pair[place] = np.logaddexp(pair[place], value)
            found[prefix] = tuple(pair)

        for prefix, (blank, end) in kept.items():
            both = np.logaddexp(blank, end)
            add(prefix, 0, both + frame[0])
            if prefix:
                add(prefix, 1, end + frame[prefix[-1]])
            for c in tried:
                grown = (*prefix, int(c))
                if grown not in liked:
                    liked[grown] = liked[prefix] + (weight * said(prefix)[c] if said else 0.0) + bonus
                add(grown, 1, (blank if prefix[-1:] == (c,) else both) + frame[c])
        for prefix in kept:  # a label that was not tried still leads to a prefix that is kept
            if prefix[:-1] in kept and prefix and prefix[-1] not in tried:
                blank, end = kept[prefix[:-1]]
                from_here = blank if prefix[-2:-1] == prefix[-1:] else np.logaddexp(blank, end)
                add(prefix, 1, from_here + frame[prefix[-1]])
        alive = [prefix for prefix, pair in found.items() if max(pair) > -np.inf]
        order = sorted(alive, key=lambda prefix: -np.logaddexp(*found[prefix]) - liked[prefix])
        kept = {prefix: found[prefix] for prefix in order[:width]}
    return [(list(prefix), np.logaddexp(*pair) + liked[prefix]) for prefix, pair in kept.items()]


CASES = [
    (3, 5, 3, 8, 2.0),
    (4, 30, 3, 2, 2.0),
    (2, 20, 12, 3, 1.0),
    (2, 25, 30, 5, 3.0),
    (3, 1, 4, 4, 1.0),
    (2, 40, 2, 4, 3.0),
]


@pytest.fixture(params=["native", "reference"])
def executor(request, monkeypatch):
    monkeypatch.setenv("ELMAN_EXECUTOR", request.param)


@pytest.mark.parametrize(("rows", "steps", "classes", "width", "sharp"), CASES)
@pytest.mark.parametrize("bonus", [0.0, -0.5])
def test_the_search_is_the_one_by_hand(rng, executor, rows, steps, classes, width, sharp, bonus):
    y = rng.normal(size=(rows, steps, classes)) * sharp
    lengths = rng.integers(0, steps + 1, rows)
    log_p = y - np.logaddexp.reduce(y, -1, keepdims=True)
    found = ctc_beam(y, lengths, width=width, best=width, bonus=bonus)
    for row, n in enumerate(lengths):
        expected = by_hand(log_p[row, :n], width, bonus=bonus)
        assert found.rows()[row][: len(expected)] == [labels for labels, _ in expected]
        assert_close(found.scores[row, : len(expected)], [score for _, score in expected], 2 * classes, steps + 1)
        assert (found.scores[row, len(expected) :] == -np.inf).all()


def test_another_label_may_say_nothing(rng):
    y = rng.normal(size=(2, 9, 4))
    moved = ctc_beam(y[:, :, [1, 0, 2, 3]], blank=1, best=3)
    names = np.array([1, -1, 2, 3])
    assert [[names[labels].tolist() for labels in row] for row in moved.rows()] == ctc_beam(y, best=3).rows()


def test_what_cannot_be_never_comes():
    """Chances of exactly 0, as of symbols that are taken out."""
    y = np.array([[[0.5, 0.5, 0.0], [0.5, 0.5, 0.0]]])
    found = ctc_beam(y, best=9, width=9)
    assert found.rows()[0][:2] == [[1], []]
    assert np.isfinite(found.scores[0, :2]).all() and (found.scores[0, 2:] == -np.inf).all()
    assert found.lengths[0].tolist() == [1, 0, *[0] * 7]


def language(classes, kind=layers.GRU):
    made = [layers.Embedding(classes, 3), kind(4, return_sequences=True), layers.Dense(classes)]
    model = Sequential([layers.Input((None,), dtype="int32"), *made])
    for i, w in enumerate(model.weights):
        w.assign(np.random.default_rng(i).normal(size=w.shape) * 1.5)
    return model


@pytest.mark.parametrize("kind", [layers.GRU, layers.LSTM])
@pytest.mark.parametrize("tokens", [None, [4, 2, 3, 0, 1]])
def test_a_language_model_is_heard_after_every_prefix(rng, executor, kind, tokens):
    model, begin = language(5, kind), 1

    def said(prefix):
        ids = np.array([[begin, *(c if tokens is None else tokens[c] for c in prefix)]], np.int32)
        y = model.predict(ids, verbose=0)[0, -1].astype("float64")
        log_p = y - np.logaddexp.reduce(y)
        return log_p if tokens is None else log_p[tokens]

    y = rng.normal(size=(3, 12, 5)) * 2
    log_p = y - np.logaddexp.reduce(y, -1, keepdims=True)
    lengths = np.array([12, 7, 0])
    found = ctc_beam(
        y, lengths, width=4, best=4, language_model=NextTokens(model, begin, tokens), weight=0.7, bonus=0.2
    )
    for row, n in enumerate(lengths):
        expected = by_hand(log_p[row, :n], 4, 0.7, 0.2, said)
        assert found.rows()[row][: len(expected)] == [labels for labels, _ in expected]
        assert_close(found.scores[row, : len(expected)], [score for _, score in expected], 64, 24, np.float32)


def test_no_python_runs_between_frames(rng, monkeypatch):
    """A plan for the whole search, and one that gives the language model's first states."""
    y, heard, runs = rng.normal(size=(2, 90, 5)), NextTokens(language(5), 1), []
    for search in (lambda: ctc_beam(y), lambda: ctc_beam(y, language_model=heard)):
        search()  # compiles
        kind = type(default().compile(Graph((), (ops.arange(2),))))
        with monkeypatch.context() as patch:
            once = kind.run
            patch.setattr(kind, "run", lambda plan, arrays, once=once: runs.append(plan) or once(plan, arrays))
            search()
    assert len(runs) == 1 + 2


def test_a_search_reads_weights_where_they_lie(rng):
    """Training moves them; what was compiled before must not read the old ones."""
    y, model = rng.normal(size=(1, 6, 5)), language(5)
    heard = NextTokens(model, 1)
    ctc_beam(y, language_model=heard)
    model.compile("adam", "sparse_categorical_crossentropy")
    model.fit(rng.integers(0, 5, (8, 4)), rng.integers(0, 5, (8, 4)), epochs=5, verbose=0)
    fresh = ctc_beam(y, language_model=NextTokens(model, 1))
    np.testing.assert_array_equal(ctc_beam(y, language_model=heard).scores, fresh.scores)


@pytest.mark.parametrize(
    ("make", "text"),
    [
        (lambda: NextTokens(language(5), 5), r"NextTokens: tokens must be from 0 to 4. Received tokens=5"),
        (lambda: NextTokens(language(5), 0, [-1]), r"NextTokens: tokens must be from 0 to 4. Received tokens=-1"),
        (
            lambda: lambda prefixes: 0,
            r"language_model must be a NextTokens. .* Pass elman.decoding.NextTokens",
        ),
        (lambda: NextTokens(language(5), 0), r"language_model must be of 3 labels. Received language_model=5. Say its"),
    ],
)
def test_what_is_no_language_model_of_these_labels_is_refused(make, text):
    with pytest.raises(ArgumentError, match=text):
        ctc_beam(np.zeros((1, 2, 3)), language_model=make())


def test_a_language_model_reads_tokens_alone():
    source, words = layers.Input((None, 2), name="source"), layers.Input((None,), dtype="int32", name="words")
    made = layers.Concatenate()([layers.Embedding(4, 2)(words), source])
    with pytest.raises(ArgumentError, match=r"model must be one that reads tokens alone. .*'source', 'words'"):
        NextTokens(Model([source, words], layers.Dense(4)(layers.GRU(2, return_sequences=True)(made))), 1)


def test_what_is_refused():
    with pytest.raises(ShapeError, match=r"ctc_greedy: scores must have shape \(B, T, K\). Received shape \(2, 3\)"):
        ctc_greedy(np.ones((2, 3)))
    with pytest.raises(ArgumentError, match=r"ctc_beam: best must be at most width, 1\. Received best=2"):
        ctc_beam(np.ones((1, 2, 3)), width=1, best=2)


@pytest.mark.parametrize("behind", [np.nan, -1.0, 7.0, np.inf])
@pytest.mark.parametrize("search", [ctc_greedy, ctc_beam])
def test_what_stands_behind_the_end_says_nothing(search, behind):
    """Three frames of chances, as they are cut and as they are padded: the padding once made them logits."""
    y = np.array([[[0.1, 0.8, 0.1], [0.7, 0.2, 0.1], [0.1, 0.8, 0.1], [behind] * 3]])
    found, expected = search(y, [3]), search(y[:, :3])
    assert found.rows() == expected.rows() and found.scores == expected.scores


def test_numbers_out_of_range_are_refused():
    y = np.full((1, 4, 3), 1 / 3)
    for search, name in ((ctc_greedy, "ctc_greedy"), (ctc_beam, "ctc_beam")):
        for blank in (-1, 3, 1.0):
            with pytest.raises(ArgumentError, match=rf"{name}: blank must be a whole number from 0 to 2\. Received"):
                search(y, blank=blank)
        for lengths in ([5], [-1], [2.7], ["a"], [np.nan]):
            with pytest.raises(DataError, match=rf"{name}: lengths must be whole numbers from 0 to 4\. .*: row 0"):
                search(y, lengths)
        with pytest.raises(ShapeError, match=rf"{name}: lengths must have shape \(1,\)\. Received shape \(2,\)"):
            search(y, [1, 2])
    for options in ({"width": 2.5}, {"width": True}, {"best": 0}, {"bonus": np.nan}, {"weight": "x"}):
        (name,) = options
        with pytest.raises(ArgumentError, match=rf"ctc_beam: {name} must be"):
            ctc_beam(y, **options)
