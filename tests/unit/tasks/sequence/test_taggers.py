"""Tags of spans: written as IOBES for the network, given back as they came, and only in an order that makes sense."""

from __future__ import annotations

import numpy as np
import pytest

from elman.errors import ArgumentError, DTypeError, ShapeError, UnknownNameError
from elman.fields import convert_tags
from elman.tasks import SequenceClassifier, SequenceTagger

SMALL = {"size": 16, "epochs": 40, "learning_rate": 0.02, "dropout": 0.0, "validation": 0}
WORDS = [["from", "new", "york", "to", "rome"], ["rome", "to", "new", "york"], ["to", "rome", "now"]] * 6
TAGS = [["O", "B-CITY", "I-CITY", "O", "B-CITY"], ["B-CITY", "O", "B-CITY", "I-CITY"], ["O", "B-CITY", "O"]] * 6


@pytest.mark.parametrize("crf", [False, True])
@pytest.mark.parametrize("scheme", ["iob1", "iob2", "iobes", "bilou"])
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
    tags = [["N" if word == "to" else "V" for word in row] for row in WORDS]
    model = SequenceTagger(crf=True, **SMALL | {"epochs": 1}).fit(WORDS, tags)
    assert model.model_.blueprint_.outputs["y"].classes == ["O", "N", "V"]


def test_steps_count_as_much_as_their_tags(rng):
    """A rare tag that a token has now and then; rows differ in length, so weights are padded as tags are."""
    words = [[str(k) for k in rng.integers(0, 4, n)] for n in rng.integers(1, 9, 60)]
    tags = [["rare" if word == "0" and rng.random() < 0.2 else "often" for word in row] for row in words]
    plain, even, balanced = (
        SequenceTagger(class_weight=weight, **SMALL | {"epochs": 10}).fit(words, tags)
        for weight in (None, {"rare": 1, "often": 1}, "balanced")
    )
    assert plain.predict([["0"]]) == [["often"]]
    assert balanced.predict([["0", "1"], ["0"]]) == [["rare", "often"], ["rare"]]
    np.testing.assert_array_equal(*(m.model_.predict_proba({"x": words[:1]}) for m in (plain, even)))


def test_a_crf_has_no_steps_to_weigh():
    with pytest.raises(
        ArgumentError, match=r"class_weight must be None beside crf=True. Received .*'balanced'. Choose"
    ):
        SequenceTagger(crf=True, class_weight="balanced", **SMALL).fit(WORDS, TAGS)


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


@pytest.mark.parametrize("place", ["S-CITY", "U-CITY", "B-CITY"])
def test_spans_are_scored_wherever_the_training_had_some(place):
    words, tags = [["fly", "to", "rome"], ["no", "city"]] * 6, [["O", "O", place], ["O", "O"]] * 6
    model = SequenceTagger(size=4, epochs=1, validation=0).fit(words, tags)
    assert "span F1" in model.evaluate(words, tags).model
    assert "span F1" in model.evaluate(words[1:2], tags[1:2]).model  # none in these
    kinds = [["N"] * len(row) for row in words[:-1]] + [["V", "N"]]
    others = SequenceTagger(size=4, epochs=1, validation=0).fit(words, kinds)
    assert [*others.evaluate(words[:1], [["N", "N", "V"]]).model] == ["accuracy"]


def test_truths_that_are_no_tag_a_word_are_named():
    words, tags = [["fly", "to", "rome"], ["no", "city"]] * 6, [["O", "O", "B-CITY"], ["O", "O"]] * 6
    model = SequenceTagger(size=4, epochs=1, validation=0).fit(words, tags)
    for asked in (model.evaluate, model.plot):
        with pytest.raises(ShapeError, match=r"'y' must have one for each step of 'x'. Received 1 for 3: row 1. What"):
            asked([words[1], words[0]], [["O", "O"], ["O"]])


@pytest.mark.parametrize("truths", [[[True, False]] * 4, np.array([[True, False]] * 4)])
def test_truths_for_each_step_are_no_numbers(truths):
    with pytest.raises(DTypeError, match=r"SequenceTagger.fit: y must be of tags or numbers.*bool.*'yes' and 'no'"):
        SequenceTagger().fit([["a", "b"]] * 4, truths)
