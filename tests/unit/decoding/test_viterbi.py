"""Viterbi against every way there is."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from elman.decoding import viterbi
from elman.errors import DataError, ShapeError
from elman.layers import CRF, Input
from tests.tolerances import assert_close

K = 3


@pytest.fixture
def crf(rng):
    layer = CRF()
    layer(Input((None, K)))
    for w in (layer.transitions, layer.start, layer.end):
        w.assign(rng.normal(size=w.shape))
    return layer


def best_of_all(crf, x, order):
    """The best way that the order allows, and its score; None where there is none."""
    found = [([], -np.inf)]
    for tags in itertools.product(range(K), repeat=len(x)):
        around = [K, *tags, K]
        if all(order[a, b] for a, b in itertools.pairwise(around)):
            moves = sum(crf.transitions.value[a, b] for a, b in itertools.pairwise(tags))
            ends = crf.start.value[tags[0]] + crf.end.value[tags[-1]]
            found.append((list(tags), float(x[np.arange(len(x)), tags].sum() + moves + ends)))
    return max(found, key=lambda pair: pair[1])


@pytest.mark.parametrize("scale", [1.0, 1e6])
@pytest.mark.parametrize("executor", ["native", "reference"])
def test_the_best_way_that_the_order_allows_or_none(rng, crf, monkeypatch, executor, scale):
    """However large the scores: what may not be is not bought."""
    monkeypatch.setenv("ELMAN_EXECUTOR", executor)
    seen = set()
    for _ in range(30):
        x = (rng.normal(size=(1, int(rng.integers(1, 5)), K)) * scale).astype("float32")
        order = rng.random((K + 1, K + 1)) < 0.5
        found, (tags, score) = viterbi(crf, x, order=order), best_of_all(crf, x[0], order)
        assert found.rows() == [tags]
        assert_close(found.scores, [score], 16, scale * 5, np.float32)
        seen.add(bool(tags))
    assert seen == {True, False}


def test_lengths_are_of_these_rows(crf):
    x = np.zeros((2, 3, K), "float32")
    for lengths in ([4, 1], [-1, 1], [1.5, 1]):
        with pytest.raises(DataError, match=r"viterbi: lengths must be whole numbers from 0 to 3\. .*: row 0"):
            viterbi(crf, x, lengths)
    with pytest.raises(ShapeError, match=r"viterbi: lengths must have shape \(2,\)\. Received shape \(1,\)"):
        viterbi(crf, x, [1])
