"""Every score against another program, a brute-force definition, or numbers written out by hand."""

from __future__ import annotations

import functools
import math
import tracemalloc

import numpy as np
import pytest

from elman.errors import ElmanWarning
from elman.tasks import scoring
from tests.tolerances import nearly

sklearn = pytest.importorskip("sklearn.metrics")


def test_classes_agree_with_scikit_learn(rng):
    actual, found = rng.choice(list("abcd"), 300), rng.choice(list("abcde"), 300)
    assert scoring.accuracy(actual, found) == nearly(sklearn.accuracy_score(actual, found))
    expected = sklearn.f1_score(actual, found, average="macro", zero_division=0)
    assert scoring.macro_f1(actual, found) == nearly(expected)
    np.testing.assert_array_equal(scoring.confusion(actual, found)[1], sklearn.confusion_matrix(actual, found))
    precision, recall, f1, rows = sklearn.precision_recall_fscore_support(actual, found, zero_division=0)
    for i, row in enumerate(scoring.class_scores(actual, found).values()):
        assert list(row.values()) == nearly([precision[i], recall[i], f1[i], rows[i]])


@pytest.mark.parametrize("columns", [(), (3,)])
def test_r_squared_agrees_with_scikit_learn(columns, rng):
    actual, found = rng.normal(size=(20, *columns)), rng.normal(size=(20, *columns))
    if columns:
        actual *= [1.0, 10.0, 0.0]
    assert scoring.r_squared(actual, found) == nearly(sklearn.r2_score(actual, found))
    assert scoring.r_squared(actual, actual) == sklearn.r2_score(actual, actual) == 1.0
    assert math.isnan(scoring.r_squared(actual[:1], found[:1]))


def _edits(a: str, b: str) -> int:
    """The definition, as a recursion."""

    @functools.cache
    def edits(i: int, j: int) -> int:
        if not i or not j:
            return i + j
        return min(edits(i - 1, j) + 1, edits(i, j - 1) + 1, edits(i - 1, j - 1) + (a[i - 1] != b[j - 1]))

    return edits(len(a), len(b))


def test_edit_distance_is_its_recursion(rng):
    for _ in range(60):
        a, b = ("".join(rng.choice(list("abc"), rng.integers(0, 9))) for _ in range(2))
        assert scoring.edit_distance(a, b) == _edits(a, b)


def test_the_distance_of_long_texts_keeps_one_row():
    """A whole table of 3000 by 3000 would take 36 MB."""
    tracemalloc.start()
    assert scoring.edit_distance("ab" * 1500, "ba" * 1500) == 2
    assert tracemalloc.get_traced_memory()[1] < 2e6
    tracemalloc.stop()


def test_an_alignment_has_both_texts_and_as_many_edits(rng):
    for _ in range(30):
        a, b = ("".join(rng.choice(list("abc"), rng.integers(0, 9))) for _ in range(2))
        pairs = scoring.align(a, b)
        assert "".join(x for x, _ in pairs if x is not None) == a
        assert "".join(y for _, y in pairs if y is not None) == b
        assert sum(x != y for x, y in pairs) == _edits(a, b)


def test_error_rates_count_over_all_texts():
    actual, found = ["the cat sat", "on"], ["the cat", "on mats"]
    assert scoring.word_error_rate(actual, found) == 2 / 4
    assert scoring.character_error_rate(["ab", "cdef"], ["ab", "cxef"]) == 1 / 6
    assert scoring.word_error_rate([""], ["invented"]) == math.inf
    assert math.isnan(scoring.character_error_rate([""], [""]))


@pytest.mark.parametrize(
    ("tags", "expected"),
    [
        (["I-PER", "I-PER", "O", "B-PER", "B-PER"], [("PER", 0, 2), ("PER", 3, 4), ("PER", 4, 5)]),
        (["I-PER", "I-LOC", "B-LOC", "I-LOC"], [("PER", 0, 1), ("LOC", 1, 2), ("LOC", 2, 4)]),
        (["B-PER", "E-PER", "S-LOC", "S-LOC"], [("PER", 0, 2), ("LOC", 2, 3), ("LOC", 3, 4)]),
        (["B-PER", "I-PER", "E-PER", "I-PER"], [("PER", 0, 3), ("PER", 3, 4)]),
        (["NOUN", "NOUN", "VERB"], [("NOUN", 0, 2), ("VERB", 2, 3)]),
        (["O", "O"], []),
        ([], []),
    ],
)
def test_spans_are_read_as_the_shared_task_reads_them(tags, expected):
    assert scoring.spans(tags) == expected


def test_span_f1_counts_whole_spans():
    actual = [["B-PER", "I-PER", "O", "B-LOC"], ["B-ORG"]]
    found = [["B-PER", "I-PER", "O", "B-ORG"], ["B-ORG"]]
    assert scoring.span_f1(actual, found) == {"precision": 2 / 3, "recall": 2 / 3, "f1": 2 / 3}


def test_likelihoods():
    assert scoring.perplexity(0.0) == 1.0
    assert scoring.perplexity(1e6) == math.inf
    assert scoring.bits_per_character(math.log(8), characters=3) == nearly(1.0)


def test_rouge_l_of_the_examples_in_its_paper():
    truth = ["police killed the gunman"] * 3
    found = ["police kill the gunman", "the gunman kill police", "the gunman police killed"]
    assert [scoring.rouge_l([t], [f]) for t, f in zip(truth, found, strict=True)] == [3 / 4, 2 / 4, 2 / 4]
    assert scoring.rouge_l(["a b c d"], ["a b"]) == nearly(2 * 2 / 6)
    assert scoring.rouge_l(["a"], [""]) == 0.0


def test_bleu_of_its_definition():
    pytest.importorskip("sacrebleu")
    truth, found = ["the cat sat on the mat today"], ["the cat sat on the red mat"]
    precisions = [6 / 7, 4 / 6, 3 / 5, 2 / 4]
    assert scoring.bleu(truth, found) == nearly(100 * math.prod(precisions) ** 0.25)
    assert scoring.bleu([["no", truth[0]]], [truth[0]]) == nearly(100)
    assert 0 < scoring.chrf(truth, found) < 100


def test_short_texts_have_no_bleu_and_it_says_why():
    pytest.importorskip("sacrebleu")
    short = ["la casa", "roja"]
    with pytest.warns(ElmanWarning, match=r"bleu: nothing that was written has 4 words.* Pass effective_order=True"):
        assert scoring.bleu(short, short) == 0
    assert scoring.bleu(short, short, effective_order=True) == nearly(100)
    assert scoring.bleu(short, short, order=2) == nearly(100)
    with pytest.warns(ElmanWarning, match="has 4 words"):
        assert scoring.bleu(["a b c d e"], ["x"]) == 0
    scores = scoring.text_scores(short, short)
    assert list(scores) == ["BLEU", "chrF", "ROUGE-L", "CER", "whole"]
    assert "BLEU is 0 where no word is right, or where nothing that was written" in scoring.text_notes(scores)[0]
    assert scoring.text_notes({"BLEU": 0.1}) == []


def test_without_sacrebleu_texts_have_the_other_scores(monkeypatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    scores = scoring.text_scores(["a b"], ["a b"])
    assert scores == {"ROUGE-L": 1.0, "CER": 0.0, "whole": 1.0}
    assert scoring.text_notes(scores) == ['BLEU and chrF need sacrebleu: pip install "elman[text]"']


def test_overlaps_of_boxes():
    a = np.array([[0, 0, 2, 2], [0, 0, 1, 1.0]])
    b = np.array([[0, 0, 2, 2], [1, 1, 3, 3], [5, 5, 6, 6.0]])
    np.testing.assert_allclose(scoring.intersection_over_union(a, b), [[1, 1 / 7, 0], [1 / 4, 0, 0]])


def test_average_precision_of_a_case_written_out():
    truth = [np.array([[0, 0, 2, 2.0]]), np.array([[0, 0, 2, 2.0], [4, 4, 6, 6.0]]), np.zeros((0, 4))]
    found = [np.array([[0, 0, 2, 2.0], [0, 0, 2, 2.0]]), np.array([[4, 4, 6, 6.0]]), np.array([[1, 1, 2, 2.0]])]
    sure = [np.array([0.9, 0.5]), np.array([0.6]), np.array([0.8])]
    # By score: hit, miss (nothing there), hit, miss (found twice): recall 1/3 and 2/3 at precision 1 and 2/3.
    assert scoring.average_precision(truth, found, sure) == nearly(1 / 3 * 1 + 1 / 3 * 2 / 3)
    assert math.isnan(scoring.average_precision([np.zeros((0, 4))], [np.zeros((0, 4))]))
    assert scoring.average_precision(truth, [np.zeros((0, 4))] * 3) == 0.0


def test_of_no_texts_every_score_is_nan():
    for score in (scoring.bleu, scoring.chrf, scoring.rouge_l):
        assert np.isnan(score([], []))
