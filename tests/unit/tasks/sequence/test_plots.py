"""Pictures of answers: what stands in them, read back from the figure."""

from __future__ import annotations

import numpy as np
import pytest

from elman import SequenceModel, charts
from elman.tasks import LanguageModel
from elman.tasks.sequence.plots import draw_alignment, draw_confusion

QUICK = {"size": 4, "epochs": 1, "validation": 0}


def written(axes):
    return [text.get_text() for text in axes.texts]


def test_alignment_marks_what_is_wrong_and_cuts_long_texts():
    _, (axes,) = charts.canvas()
    draw_alignment(axes, "y", ["cat", ["B-PER", "O"], "x" * 100_000, "a\nb"], ["cut", ["B-PER"], "x" * 99_999, "a b"])
    wrong = [t.get_text() for t in axes.texts if t.get_color() == charts.SPLIT]
    assert wrong == ["a", "u", "O", "·", "↵", "␣"]
    assert written(axes).count("x") == 2 * 78
    assert written(axes).count("…") == 1
    apart = {t.get_text(): t.get_position()[0] for t in axes.texts}
    assert apart["O"] == len("B-PER") + 1


def test_confusion_says_how_many_classes_it_leaves_out():
    _, (axes,) = charts.canvas()
    classes = [str(i) for i in range(40)] + ["0"]
    draw_confusion(axes, "y", classes, classes)
    assert axes.get_title(loc="left") == "y: who is taken for whom, the 30 most frequent of 40"
    assert len(axes.get_yticklabels()) == 30


def test_labels_are_counted_as_found_missed_and_given_wrongly(monkeypatch):
    rows = {"x": [[0.0], [1.0], [2.0]], "y": [["a", "b"], ["a"], []]}
    model = SequenceModel({"x": "number"}, {"y": "labels"}, cell="none", **QUICK).fit(rows)
    monkeypatch.setattr(type(model.blueprint_.heads["y"]), "answers", lambda self, run: [["a"], ["a", "b"], []])
    (axes,) = model.plot(rows).axes
    labels = [t.get_text() for t in axes.get_yticklabels()]
    told = {
        bars.get_label(): {label: int(bar.get_width()) for label, bar in zip(labels, bars, strict=True)}
        for bars in axes.containers
    }
    assert told == {"found": {"a": 2, "b": 0}, "missed": {"a": 0, "b": 1}, "given wrongly": {"a": 0, "b": 1}}


def test_a_language_model_shows_which_token_it_takes_for_which():
    model = LanguageModel(window=8, **QUICK).fit("ab ab\nab " * 20)
    (axes,) = model.plot("ab " * 2000).axes
    assert {t.get_text() for t in axes.get_yticklabels()} >= {"a", "b", "␣"}
    assert axes.get_title(loc="left").endswith("who is taken for whom")


@pytest.mark.filterwarnings("error")
def test_signs_the_font_lacks_are_drawn_as_boxes(tmp_path):
    model = SequenceModel({"x": "text"}, {"y": "text"}, **QUICK).fit({"x": ["a 😀"] * 4, "y": ["😀 سلام"] * 4})
    model.plot({"x": ["a"], "y": ["😀"]}, tmp_path / "picture.png")
    assert (tmp_path / "picture.png").stat().st_size > 0


def test_true_boxes_and_answers_are_named():
    pictures, boxes = np.zeros((8, 4, 4)), [[[0.0, 0.0, 0.5, 0.5]]] * 8
    model = SequenceModel({"x": "image"}, {"y": "boxes"}, cell="gru", **QUICK).fit({"x": pictures, "y": boxes})
    (axes,) = model.plot({"x": pictures, "y": boxes}).axes
    assert [t.get_text() for t in axes.get_legend().get_texts()] == ["truth", "answer"]
