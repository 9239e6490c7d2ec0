"""Tags of spans: written as IOBES for the network, given back as they came, and only in an order that makes sense."""

from __future__ import annotations

import pytest

from elman.errors import UnknownNameError
from elman.fields import convert_tags
from elman.tasks import SequenceClassifier, SequenceTagger

SMALL = {"size": 16, "epochs": 40, "learning_rate": 0.02, "dropout": 0.0, "validation": 0}
WORDS = [["from", "new", "york", "to", "rome"], ["rome", "to", "new", "york"], ["to", "rome", "now"]] * 6
TAGS = [["O", "B-CITY", "I-CITY", "O", "B-CITY"], ["B-CITY", "O", "B-CITY", "I-CITY"], ["O", "B-CITY", "O"]] * 6


@pytest.mark.parametrize("crf", [False, True])
@pytest.mark.parametrize("scheme", ["iob1", "iob2", "iobes"])
def test_spans_come_back_in_the_scheme_they_came_in(crf, scheme):
    tags = [convert_tags(row, scheme) for row in TAGS]
    model = SequenceTagger(crf=crf, **SMALL).fit(WORDS, tags)
    assert "S-CITY" in model.model_.blueprint_.outputs["y"].classes
    assert model.predict(WORDS[:3]) == tags[:3]


def test_a_crf_gives_only_tags_that_may_follow_each_other(rng):
    """Even where it learned nothing: the tags are those that their own spans would be written with."""
    words = [[str(k) for k in rng.integers(0, 50, n)] for n in rng.integers(1, 12, 40)]
    tags = [
        convert_tags([("O", "B-A", "I-A", "I-B")[k] for k in rng.integers(0, 4, len(row))], "iobes") for row in words
    ]
    model = SequenceTagger(crf=True, **SMALL | {"epochs": 2}).fit(words, tags)
    assert [convert_tags(row, "iobes") for row in model.predict(words)] == model.predict(words)


def test_tags_that_mark_no_spans_are_taken_as_they_are():
    model = SequenceTagger(crf=True, **SMALL | {"epochs": 1}).fit(WORDS, [["N"] * len(row) for row in WORDS])
    assert model.model_.blueprint_.outputs["y"].classes == ["O", "N"]


def test_settings_of_one_estimator_are_unknown_to_another():
    with pytest.raises(UnknownNameError, match="SequenceClassifier: parameter must be a known name"):
        SequenceClassifier().set_params(crf=True)


@pytest.mark.parametrize(
    ("tags", "told"),
    [
        (["B-X", "O"], "only tags that may follow each other"),
        (["NOUN", "VERB"], "any tag may follow any, for they have"),
    ],
)
def test_explain_says_what_a_crf_makes_of_tags(tags, told):
    lines: list[str] = []
    words = [["a", "b"]] * 4
    SequenceTagger(crf=True, **SMALL).fit(words, [tags] * 4).explain(lines.append)
    assert f"chosen together by a CRF: {told}" in lines[0]
    SequenceTagger(**SMALL).fit(words, [tags] * 4).explain(lines.append)
    assert "CRF" not in lines[1]
