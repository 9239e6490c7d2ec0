"""CTC decoding against the sum over every path."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from elman.decoding import ctc_beam, ctc_greedy
from elman.errors import ArgumentError, ShapeError
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


def test_a_language_model_has_its_say():
    y = np.log([[[0.1, 0.46, 0.44]]])
    assert ctc_beam(y).rows() == [[[1]]]
    asked = []

    def model(prefixes):
        asked.extend(prefixes)
        return np.log(np.tile([0.1, 0.1, 0.8], (len(prefixes), 1)))

    assert ctc_beam(y, language_model=model).rows() == [[[2]]]
    assert asked == [()]
    ctc_beam(np.tile(y, (2, 4, 1)), language_model=model, width=4)
    assert len(asked[1:]) == len(set(asked[1:])), "asked twice about one prefix"
    assert ctc_beam(y, bonus=-9.0).rows() == [[[]]]


def test_what_is_refused():
    with pytest.raises(ShapeError, match=r"ctc_greedy: scores must have shape \(B, T, K\). Received shape \(2, 3\)"):
        ctc_greedy(np.ones((2, 3)))
    with pytest.raises(ArgumentError, match=r"ctc_beam: width must be 1 or more, and best between 1 and width"):
        ctc_beam(np.ones((1, 2, 3)), width=1, best=2)
