"""Tags and spans: the schemes say the same spans, whatever comes in."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from elman.errors import DataError, ShapeError, UnknownNameError
from elman.fields import Span, Tags, convert_tags, tag_spans
from elman.fields.spans import scheme_of
from elman.tasks.scoring import spans

SCHEMES = {
    "iob1": ["I-PER", "O", "I-LOC", "I-LOC", "B-LOC", "I-ORG"],
    "iob2": ["B-PER", "O", "B-LOC", "I-LOC", "B-LOC", "B-ORG"],
    "iobes": ["S-PER", "O", "B-LOC", "E-LOC", "S-LOC", "S-ORG"],
    "bilou": ["U-PER", "O", "B-LOC", "L-LOC", "U-LOC", "U-ORG"],
}
SPANS = [Span("PER", 0, 1), Span("LOC", 2, 4), Span("LOC", 4, 5), Span("ORG", 5, 6)]


@pytest.mark.parametrize("one", SCHEMES)
@pytest.mark.parametrize("other", SCHEMES)
def test_every_scheme_is_written_from_every_other(one, other):
    assert tag_spans(SCHEMES[one]) == SPANS
    assert convert_tags(SCHEMES[one], other) == SCHEMES[other]
    assert scheme_of([SCHEMES[one]]) == one


@pytest.mark.parametrize(
    ("tags", "expected"),
    [
        ([], []),
        (["O"], []),
        (["I-A", "I-B"], [Span("A", 0, 1), Span("B", 1, 2)]),
        (["B-A", "E-A", "I-A"], [Span("A", 0, 2), Span("A", 2, 3)]),
        (["E-A", "E-A"], [Span("A", 0, 1), Span("A", 1, 2)]),
        (["S-A", "I-A"], [Span("A", 0, 1), Span("A", 1, 2)]),
        (["U-A", "B-A", "L-A"], [Span("A", 0, 1), Span("A", 1, 3)]),
        (["B", "I", "O"], [Span("", 0, 2)]),
        (["B-date.month-name", "I-date.month-name"], [Span("date.month-name", 0, 2)]),
    ],
)
def test_what_no_scheme_allows_is_read_as_the_evaluation_reads_it(tags, expected):
    assert tag_spans(tags) == expected


@given(st.lists(st.sampled_from([f"{p}-{label}" for p in "BIESLU" for label in "AB"] + ["O"]), max_size=12))
def test_any_tags_keep_their_spans_through_every_scheme(tags):
    for scheme in SCHEMES:
        assert tag_spans(convert_tags(tags, scheme)) == tag_spans(tags)
    assert [Span(*found) for found in spans(tags)] == tag_spans(tags)


def test_a_label_seen_only_as_a_long_span_may_come_alone():
    field = Tags("iobes").fit([SCHEMES["iob1"]])
    assert field.size == 1 + 3 * 4
    assert field.decode(field.encode([["O", "I-ORG", "I-ORG"]])) == [["O", "I-ORG", "I-ORG"]]


@pytest.mark.parametrize("scheme", SCHEMES)
def test_tags_come_back_in_the_scheme_they_came_in(scheme):
    field = Tags("iobes").fit([SCHEMES[scheme]])
    assert field.decode(field.encode([SCHEMES[scheme]])) == [SCHEMES[scheme]]


def test_tags_without_a_scheme_are_any_names():
    field = Tags().fit([["NOUN", "VERB"], [1]])
    assert field.classes == [1, "NOUN", "VERB"]


def test_an_unseen_tag_may_count_as_outside():
    field = Tags(unknown="outside").fit([["B-x", "I-x"]])
    assert field.decode(field.encode([["B-y", "B-x"]])) == [["O", "B-x"]]


@pytest.mark.parametrize(
    ("call", "error", "text"),
    [
        (
            lambda: Tags("bio"),
            UnknownNameError,
            r"Tags: scheme must be a known name. .* Known: 'bilou', 'iob1', 'iob2', 'iobes'",
        ),
        (lambda: Tags(unknown="o"), UnknownNameError, r"Tags: unknown must be a known name"),
        (lambda: convert_tags([], "bio"), UnknownNameError, r"convert_tags: scheme must be a known name"),
        (
            lambda: Tags("iob2").fit([["O"], ["O", "PER"]]),
            DataError,
            r"Tags.fit, row 1: tags must have a prefix. Received tags='PER': step 1. Tags of spans are O, B-LABEL",
        ),
        (
            lambda: Tags().fit([["N"]]).encode([["N"], ["N", "V"]]),
            DataError,
            r"Tags.encode: values must be tags of the training part. Received values='V': row 1, step 1.",
        ),
        (lambda: Tags().fit([[], []]), DataError, r"Tags.fit: values must have a tag in some row"),
        (
            lambda: Tags().check_aligned([["N"], ["N"]], [["a"], ["a", "b"]], "fit"),
            ShapeError,
            r"fit: tags must have one tag for each step. Received 1 tags for 2 steps: row 1",
        ),
    ],
)
def test_bad_input_is_named(call, error, text):
    with pytest.raises(error, match=text):
        call()


@pytest.mark.parametrize("scheme", ["iob1", "iob2", "iobes"])
def test_the_order_of_tags_allows_what_the_scheme_writes_and_nothing_else(scheme):
    """A row of tags keeps to the order if, and only if, writing its spans again gives the same row."""
    field = Tags(scheme).fit([["B-A", "I-A", "O", "B-B", "I-B"]])
    order, border = field.order(), field.size
    for row in itertools.product(range(field.size), repeat=3):
        kept = all(order[a, b] for a, b in itertools.pairwise((border, *row, border)))
        tags = [str(field.classes[index]) for index in row]
        assert kept == (convert_tags(tags, scheme) == tags), tags


def test_tags_without_a_scheme_have_no_order():
    assert Tags().fit([["N", "V"]]).order() is None
