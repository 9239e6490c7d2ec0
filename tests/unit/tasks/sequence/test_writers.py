"""Texts out: the friendly names learn a small rule, and score it in the words of the task."""

from __future__ import annotations

import numpy as np
import pytest

from elman.fields import Text
from elman.tasks import Transcriber, Translator
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
