"""Pictures of answers: what stands in them, read back from the figure."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest

from elman import SequenceModel, charts
from elman.errors import ElmanWarning
from elman.tasks import LanguageModel
from elman.tasks.sequence.plots import draw_alignment, draw_confusion, draw_result

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


HEBREW, ARABIC, SMILE, HAN, MAN = "\u05e9\u05dc", "\u0633\u0644", "\U0001f600", "\ud55c", "\U0001f468"


@pytest.fixture
def unspoken(monkeypatch):
    """No sign was told to have no font; no font has the Korean one, whatever this machine has."""
    monkeypatch.setattr(charts, "_told", set())
    font_of = charts._font_of
    monkeypatch.setattr(charts, "_font_of", lambda sign: None if sign in HAN + MAN else font_of(sign))


def test_hebrew_arabic_and_emoji_have_a_font(tmp_path):
    model = SequenceModel({"x": "text"}, {"y": "text"}, **QUICK)
    model.fit({"x": [f"a {SMILE}"] * 4, "y": [f"{SMILE} {ARABIC}"] * 4})
    (axes,) = model.plot({"x": ["a"], "y": [f"{HEBREW}{SMILE}"]}, tmp_path / "picture.png").axes
    assert {*HEBREW, SMILE} <= set(written(axes))
    assert all("DejaVu Sans" in text.get_family() for text in axes.texts)
    assert (tmp_path / "picture.png").stat().st_size > 0


@pytest.mark.usefixtures("unspoken")
def test_signs_without_a_font_are_code_points_and_are_told_once():
    _, (axes,) = charts.canvas()
    with pytest.warns(
        ElmanWarning, match=r"no font here has U\+D55C HANGUL SYLLABLE HAN, U\+1F468 MAN. Their code"
    ) as told:
        draw_alignment(axes, f"y {HAN}", [f"a{HAN}b{MAN}\u200d\ufe0f"], [f"a{HAN}b{MAN}"])
    assert len(told) == 1
    assert written(axes) == ["a", "a", "U+D55C", "U+D55C", "b", "b", "U+1F468", "U+1F468"]
    at = [text.get_position()[0] for text in axes.texts[::2]]
    assert at == [0, 1, 8, 9]
    assert axes.get_title(loc="left").startswith("y U+D55C: ")
    draw_confusion(axes, "y", [HAN, "a"], [HAN, "a"])
    assert [t.get_text() for t in axes.get_yticklabels()] == ["a", "U+D55C"]


def test_what_is_read_from_the_right_begins_there():
    _, (axes,) = charts.canvas()
    draw_alignment(axes, "y", [HEBREW, "ab"], [HEBREW, "ab"])
    x = {text.get_text(): (text.get_position()[0], text.get_ha()) for text in axes.texts}
    assert x[HEBREW[0]][0] == x[HEBREW[1]][0] + 1
    assert (x[HEBREW[0]][1], x["a"]) == ("right", (0, "left"))


def test_short_alignments_are_drawn_large_in_a_low_picture():
    sizes = {}
    for text in ("cat", "c" * 78):
        figure = draw_result([(SimpleNamespace(choice=SimpleNamespace(head="write"), name="y"), [text], [text])])
        sizes[text] = figure.axes[0].texts[0].get_fontsize()
        assert figure.get_size_inches()[1] < 3
    assert list(sizes.values()) == [16, 8]


def test_true_boxes_and_answers_are_named():
    pictures, boxes = np.zeros((8, 4, 4)), [[[0.0, 0.0, 0.5, 0.5]]] * 8
    model = SequenceModel({"x": "image"}, {"y": "boxes"}, cell="gru", **QUICK).fit({"x": pictures, "y": boxes})
    (axes,) = model.plot({"x": pictures, "y": boxes}).axes
    assert [t.get_text() for t in axes.get_legend().get_texts()] == ["truth", "answer"]
