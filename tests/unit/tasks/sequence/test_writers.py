"""Texts out: the friendly names learn a small rule, and score it in the words of the task."""

from __future__ import annotations

import unicodedata

import numpy as np
import pytest

from elman import SequenceModel
from elman.errors import ArgumentError, UnknownNameError
from elman.fields import Text
from elman.tasks import LanguageModel, SequenceClassifier, Transcriber, Translator
from tests.tolerances import nearly

SMALL = {"size": 16, "epochs": 60, "learning_rate": 0.03, "dropout": 0.0, "validation": 0}
WORDS = {"red": "rojo", "old": "viejo", "car": "coche", "sea": "mar"}


def _pairs():
    source = [f"{a} {b}" for a in ("red", "old") for b in ("car", "sea")] * 6
    return source, [" ".join(WORDS[w] for w in reversed(text.split())) for text in source]


def test_a_translator_is_scored_by_bleu():
    pytest.importorskip("sacrebleu")
    source, target = _pairs()
    model = Translator(**SMALL).fit(source, target)
    assert model.predict(source) == target
    report = model.evaluate(source, target)
    assert list(report.model) == ["BLEU", "chrF", "ROUGE-L", "CER", "whole"]
    assert report.model["chrF"] == nearly(100.0)
    assert report.baselines["most frequent text"]["chrF"] < 90
    assert (model.score(source, target), report.model["ROUGE-L"]) == (1.0, 1.0)
    assert model.model_.evaluate({"x": source, "y": target}) == report
    assert (report.model["BLEU"] == 0) == bool(report.notes)


def test_a_bleu_of_0_is_explained(tmp_path):
    pytest.importorskip("sacrebleu")
    source, target = _pairs()
    model = Translator(**SMALL | {"epochs": 1, "validation": 0.2}).fit([text[:3] for text in source], target)
    note = "read chrF and ROUGE-L, or elman.tasks.scoring.bleu(..., effective_order=True)"
    report = model.evaluate([source[0][:3]], ["red house"])
    assert report.model["BLEU"] == 0
    assert note in report.notes[0]
    assert note in str(report)
    assert list(model.evaluate().model) == list(report.model)
    again = Translator.load(model.save(tmp_path / "m.safetensors"))
    assert again.evaluate() == model.evaluate()


def test_two_texts_of_different_lengths_are_written_at_once():
    source, target = _pairs()
    columns = {"english": source, "spanish": target, "first": [text.split()[0] for text in source]}
    kinds = {"english": "text"}, {"spanish": "text", "first": "text"}
    model = SequenceModel(*kinds, **SMALL | {"epochs": 80}).fit(columns)
    found = model.predict(columns)
    assert np.mean([a == b for a, b in zip(found["first"], columns["first"], strict=True)]) > 0.9
    assert {len(text.split()) for text in found["spanish"]} == {2}


def test_a_translator_takes_the_field_of_both_sides():
    source, target = _pairs()
    model = Translator(input=Text("char"), **SMALL | {"epochs": 1}).fit(source, target)
    assert {field.level for field in (model.model_.blueprint_.inputs["x"], model.model_.blueprint_.outputs["y"])} == {
        "char"
    }


def test_a_transcriber_is_scored_by_wrong_characters(rng):
    texts = ["".join(rng.choice(["a", "b", "c"], rng.integers(1, 4))) for _ in range(60)]
    waves = [np.repeat(np.eye(3)[[ord(c) - 97 for c in text]], 4, axis=0) for text in texts]
    model = Transcriber(**SMALL).fit(waves, texts)
    assert model.score(waves, texts) > 0.9
    assert list(model.evaluate(waves, texts).model) == ["CER", "WER", "whole"]


def test_a_transcriber_takes_lines_of_writing_and_sound(rng):
    lines = [rng.integers(0, 255, (8, 24), "uint8") for _ in range(6)]
    quick = SMALL | {"epochs": 1}
    assert Transcriber(**quick).fit(lines, ["a"] * 6).model_.blueprint_.inputs["x"].kind == "line"
    assert Transcriber(**quick).fit(np.stack(lines), ["a"] * 6).model_.blueprint_.inputs["x"].kind == "line"
    pytest.importorskip("kaldi_native_fbank")
    sounds = [(rng.normal(size=4000).astype("float32"), 8000) for _ in range(4)]
    assert Transcriber(**quick).fit(sounds, ["a"] * 4).model_.blueprint_.inputs["x"].kind == "audio"


@pytest.fixture(scope="module")
def undecided():
    """A translator of words that have two meanings, one of them of two words."""
    source, target = ["a"] * 5 + ["b"] * 5, ["one"] + ["two three"] * 4 + ["six"] * 4 + ["four five"]
    return Translator(**SMALL | {"epochs": 40}).fit(source * 4, target * 4)


def test_a_beam_finds_n_best_texts_and_says_how_likely_they_are(undecided):
    found = undecided.n_best(["a", "b"], 2, length_penalty=0.0)
    assert [[text for text, _ in row] for row in found] == [["two three", "one"], ["six", "four five"]]
    likely, less = np.exp([score for _, score in found[0]])
    assert 0.05 < less < 0.4 < likely < 0.95
    assert undecided.predict(["b"], beam=3, length_penalty=10.0) == ["four five"]
    assert undecided.predict(["a", "b"], beam=4) == [row[0][0] for row in undecided.n_best(["a", "b"], 4)]


def test_a_beam_is_a_setting_too(undecided, tmp_path):
    again = Translator.load(undecided.save(tmp_path / "m.safetensors")).set_params(beam=3)
    assert again.predict(["b"], length_penalty=10.0) == ["four five"]
    assert again.evaluate(["b"], ["six"], beam=1).model["whole"] == 1.0


def test_plans_of_a_search_are_kept(undecided):
    head = undecided.model_.blueprint_.heads["y"]
    undecided.predict(["a"])
    kept = head.kept.decoder(undecided.model_.network_, "y", head.told)
    undecided.predict(["b"], beam=2)
    assert head.kept.decoder(undecided.model_.network_, "y", head.told) is kept


def test_coverage_is_asked_of_a_beam_that_looks(undecided):
    assert undecided.predict(["a"], beam=2, coverage_penalty=0.2) == ["two three"]


def test_a_search_that_says_nothing_is_refused(undecided):
    with pytest.raises(UnknownNameError, match=r"predict: setting must be a known name.*'beams'.*Did you mean 'beam'"):
        undecided.predict(["a"], beams=2)
    with pytest.raises(ArgumentError, match="predict: beam must be"):
        undecided.predict(["a"], beam=0)
    with pytest.raises(ArgumentError, match="n_best: n must be"):
        undecided.n_best(["a"], 0)
    model = SequenceClassifier(size=4, epochs=1, validation=0).fit(["a b", "b a"] * 4, [0, 1] * 4).model_
    with pytest.raises(
        ArgumentError, match=r"predict: beam must be left out where no text is written. Received beam=2"
    ):
        model.predict({"x": ["a"]}, beam=2)
    with pytest.raises(ArgumentError, match=r"n_best: output must be a text. Received output='y': 'y' is no text"):
        model.n_best({"x": ["a"]})
    with pytest.raises(ArgumentError, match=r"generate: model must be a language model"):
        undecided.model_.generate("a")


@pytest.fixture(scope="module")
def mumbled():
    """ "co" and "ko" sound alike; only texts tell which is meant."""
    sounds = {"c": [1.0, 0.0], "k": [1.0, 0.0], "o": [0.0, 1.0]}
    texts = ["co", "ko"] * 20
    waves = [np.repeat([sounds[letter] for letter in text], 4, axis=0) for text in texts]
    return Transcriber(**SMALL | {"epochs": 40}).fit(waves, texts), waves[:1]


def told(texts, **settings):
    small = {"size": 8, "epochs": 20, "learning_rate": 0.05, "dropout": 0.0, "validation": 0}
    return LanguageModel(**small | settings).fit(texts * 8)


def test_no_more_texts_are_given_than_there_are(mumbled):
    model, waves = mumbled
    (found,) = model.n_best([waves[0][:1]], 9)
    assert sorted(text for text, _ in found) == ["", "c", "k", "o"]
    assert all(np.isfinite(score) for _, score in found)


@pytest.mark.parametrize("text", ["co", "ko"])
def test_a_language_model_decides_what_sounds_alike(mumbled, text):
    (model, waves), language = mumbled, told([text, text, text, "kc"])
    assert {found for found, _ in model.n_best(waves, 2)[0]} == {"co", "ko"}
    assert model.predict(waves, language_model=language) == [text]
    assert model.predict(waves, language_model=language.model_, beam=4, language_weight=1.0) == [text]
    assert model.evaluate(waves, [text], language_model=language).model["whole"] == 1.0


def test_a_language_model_of_other_symbols_is_refused(mumbled, undecided):
    model, waves = mumbled
    with pytest.raises(ArgumentError, match=r"predict: language_model must be a fitted elman\.tasks\.LanguageModel"):
        model.predict(waves, language_model=undecided)
    with pytest.raises(ArgumentError, match=r"language_model must be of the same symbols.*Fit it with the field that"):
        model.predict(waves, language_model=told(["red house"], epochs=1, input=Text()))


def test_a_translator_learns_with_tied_and_smoothed_targets(tmp_path):
    settings = {"size": 24, "epochs": 40, "learning_rate": 0.02, "dropout": 0.0, "validation": 0}
    model = Translator(tie_weights=True, label_smoothing=0.1, scheduled_sampling=0.1, clipnorm=5.0, **settings)
    source, target = ["red house", "house", "red car", "car"], ["casa roja", "casa", "coche rojo", "coche"]
    model.fit(source * 8, target * 8)
    assert model.predict(source) == target
    assert model.predict(source, beam=3) == target
    assert Translator.load(model.save(tmp_path / "t.safetensors")).predict(source) == target
    assert model.model_.history_["loss"][-1] > 0.2  # what is smoothed is never certain


def test_what_is_written_can_be_drawn(undecided):
    drawn = [text for seed in range(40) for text in undecided.predict(["a"], temperature=1.0, seed=seed)]
    assert 0.05 < np.mean([text == "one" for text in drawn]) < 0.5
    assert np.mean([text == "two three" for text in drawn]) > 0.4
    assert undecided.predict(["a"] * 3, temperature=1.0, seed=3) == undecided.predict(
        ["a"] * 3, temperature=1.0, seed=3
    )
    assert undecided.predict(["a", "b"], temperature=1.0, top_k=1) == undecided.predict(["a", "b"])
    assert undecided.evaluate(["a"] * 40, ["one"] * 40, temperature=2.0).model["whole"] > 0


def test_rows_of_every_batch_are_drawn_by_numbers_of_their_own(undecided):
    drawn = undecided.predict(["a"] * 128, temperature=3.0, seed=5)
    assert drawn[:64] == undecided.predict(["a"] * 64, temperature=3.0, seed=5)  # so many go through together
    assert drawn[64:] != drawn[:64]


def test_a_penalty_keeps_from_saying_the_same_again():
    model = Translator(**SMALL).fit(["a"] * 16, (["no no"] * 5 + ["no yes"] * 3) * 2)
    assert model.predict(["a"]) == ["no no"]
    assert model.predict(["a"], repetition_penalty=4.0) == ["no yes"]


@pytest.mark.parametrize(
    ("told", "message"),
    [
        ({"temperature": 1.0, "beam": 2}, r"predict: temperature must be left out beside a beam.*Pass beam=1"),
        ({"top_k": 3}, r"predict: top_k must be left out where nothing is drawn.*Pass a temperature"),
        ({"temperature": -1.0}, r"predict: temperature must be a finite number from 0"),
        ({"language_weight": 0.2}, r"language_weight must be left out where a decoder writes.*Known here: beam, cov"),
    ],
)
def test_a_way_of_writing_that_says_nothing_is_refused(undecided, told, message):
    with pytest.raises(ArgumentError, match=message):
        undecided.predict(["a"], **told)


def test_several_drawn_texts_are_refused(undecided):
    with pytest.raises(ArgumentError, match=r"n_best: temperature must be left out.*other seeds"):
        undecided.n_best(["a"], 2, temperature=1.0)


def test_nothing_is_drawn_where_speech_is_read(mumbled):
    model, waves = mumbled
    with pytest.raises(ArgumentError, match=r"temperature must be left out where speech or writing is read by CTC"):
        model.predict(waves, temperature=1.0)


def test_an_accent_is_not_wrong_because_it_was_typed_as_two_characters():
    settings = {"size": 16, "epochs": 30, "validation": 0, "learning_rate": 0.03, "dropout": 0.0}
    typed = [unicodedata.normalize("NFD", text) for text in ("été", "café")] * 8
    scores = Translator(**settings).fit(["summer", "coffee"] * 8, typed).evaluate(["summer", "coffee"], typed[:2])
    assert (scores.model["CER"], scores.model["whole"], scores.baselines["most frequent text"]["whole"]) == (0, 1, 0.5)
