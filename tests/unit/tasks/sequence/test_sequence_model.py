"""Types in, types out: every topology learns a small rule, says why it was chosen, and survives a file."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import elman
from elman import fields
from elman.errors import (
    ArgumentError,
    DataError,
    DivergenceError,
    DTypeError,
    FileFormatError,
    NotBuiltError,
    ShapeError,
    UnknownNameError,
)
from elman.layers.initializers import Initializer
from elman.tasks import MLP, LanguageModel, SequenceClassifier, Translator
from elman.tasks.sequence import SequenceModel
from elman.tasks.sequence.blueprint import Blueprint
from elman.tasks.sequence.design import Design
from elman.training.callbacks import Callback
from tests.tolerances import nearly

SMALL = {"size": 12, "epochs": 25, "validation": 0, "learning_rate": 0.02, "dropout": 0.0}


def _reviews(rng, rows=60):
    words = {"+": ["good", "great", "fine"], "-": ["bad", "poor", "dull"]}
    moods = rng.choice(["+", "-"], rows)
    texts = [" ".join([*rng.choice(["a", "the", "film"], rng.integers(1, 4)), rng.choice(words[m])]) for m in moods]
    return {"text": texts, "mood": moods.tolist()}


def _tagged(rng, rows=60):
    places = ["rome", "oslo"]
    words = [rng.choice(["from", "to", "fly", *places], rng.integers(1, 6)).tolist() for _ in range(rows)]
    return {"words": words, "tags": [["B-CITY" if w in places else "O" for w in row] for row in words]}


def _waves(rng, rows=40):
    lengths, speeds = rng.integers(6, 12, rows), rng.choice([0.3, 1.5], rows)
    waves = [np.sin(np.arange(n) * s)[:, None] for n, s in zip(lengths, speeds, strict=True)]
    return {"wave": waves, "speed": speeds}


def test_text_to_category(rng):
    data = _reviews(rng)
    model = SequenceModel({"text": "text"}, {"mood": "category"}, **SMALL).fit(data)
    assert model.predict(data) == data["mood"]
    report = model.evaluate(data)
    assert report.model["accuracy"] == 1.0
    assert list(report.rows) == ["lstm", "most frequent class"]
    chances = model.predict_proba(data)
    assert chances.shape == (60, 2)
    assert chances.sum(axis=1) == nearly(np.ones(len(chances)), dtype=np.float32)


def test_a_frame_and_records_are_read_alike(rng):
    data = _reviews(rng, 20)
    answers = [
        SequenceModel({"text": "text"}, {"mood": "category"}, **SMALL | {"epochs": 2}).fit(given).predict_proba(given)
        for given in (data, pd.DataFrame(data), pd.DataFrame(data).to_dict("records"))
    ]
    np.testing.assert_array_equal(answers[0], answers[1])
    np.testing.assert_array_equal(answers[0], answers[2])


def test_series_to_number_and_category_together(rng):
    data = _waves(rng)
    data["fast"] = [speed > 1 for speed in data["speed"]]
    model = SequenceModel({"wave": fields.Series()}, {"speed": "number", "fast": "category"}, **SMALL).fit(data)
    answers = model.predict(data)
    assert answers["fast"] == data["fast"]
    assert np.abs(answers["speed"] - data["speed"]).mean() < 0.2
    reports = model.evaluate(data)
    assert reports["speed"].model["R²"] > 0.8
    assert reports["speed"].baselines["mean"]["R²"] == nearly(0, dtype=np.float32)


@pytest.mark.parametrize("spelling", [False, None])
def test_tokens_to_tags(rng, spelling):
    data = _tagged(rng)
    model = SequenceModel({"words": "tokens"}, {"tags": "tags"}, spelling=spelling, **SMALL).fit(data)
    assert model.predict(data) == data["tags"]
    report = model.evaluate(data)
    assert report.model == {"span F1": 1.0, "accuracy": 1.0}
    assert report.baselines["most frequent tag of each token"]["accuracy"] == 1.0


def test_numbers_at_each_step(rng):
    waves = [rng.normal(size=(n, 1)) for n in rng.integers(2, 8, 50)]
    data = {"x": waves, "y": [np.cumsum(w, axis=0) for w in waves]}
    model = SequenceModel({"x": fields.Series()}, {"y": fields.Series()}, **SMALL | {"epochs": 40}).fit(data)
    assert model.evaluate(data).model["R²"] > 0.9
    assert [row.shape for row in model.predict(data)] == [w.shape for w in waves]


def test_labels_in_one_text_are_scored_as_labels():
    asked = ["news|sport", "news", "", "sport"] * 8
    data = {"x": ["a b", "a", "c", "b"] * 8, "y": asked}
    model = SequenceModel({"x": "text"}, {"y": fields.Labels(separator="|")}, **SMALL | {"epochs": 60}).fit(data)
    assert model.predict({"x": ["a b", "c"]}) == [["news", "sport"], []]
    report = model.evaluate(data)
    assert report.model == {"micro-F1": 1.0, "whole rows": 1.0}
    assert report.rows["most frequent set"]["whole rows"] == 0.25


def test_several_inputs_and_labels(rng):
    data = _reviews(rng)
    data["stars"] = rng.integers(1, 6, 60)
    data["shop"] = rng.choice(["a", "b"], 60).tolist()
    data["notes"] = [
        [*(["happy"] if m == "+" else []), *(["north"] if s == "b" else [])]
        for m, s in zip(data["mood"], data["shop"], strict=True)
    ]
    model = SequenceModel(
        {"text": "text", "stars": "number", "shop": "category"}, {"notes": "labels"}, **SMALL | {"epochs": 60}
    )
    assert model.fit(data).evaluate(data).model["micro-F1"] > 0.95


def test_one_to_one():
    data = {"a": np.array([0, 0, 1, 1.0] * 8), "b": np.array([0, 1, 0, 1.0] * 8)}
    data["xor"] = [int(a != b) for a, b in zip(data["a"], data["b"], strict=True)]
    settings = SMALL | {"cell": "none", "epochs": 60}
    model = SequenceModel({"a": "number", "b": "number"}, {"xor": "category"}, **settings).fit(data)
    assert model.predict(data) == data["xor"]
    assert model.blueprint_.choices[0].shape == "one to one"


def test_the_next_token():
    data = {"text": ["abcd" * 60]}
    model = SequenceModel(
        {"text": fields.Text("char")}, {"text": "text"}, window=16, **SMALL | {"validation": 0.2, "epochs": 60}
    )
    report = model.fit(data).evaluate()
    assert report.model["perplexity"] < 1.5
    assert report.baselines["frequency of tokens"]["perplexity"] > 3
    assert model.blueprint_.both_ways is False


def test_texts_are_written_after_own_tokens_too():
    data = {"text": ["abcd" * 30]}
    options = SMALL | {"epochs": 3, "validation": 0, "window": 16}
    plain = SequenceModel({"text": fields.Text("char")}, {"text": "text"}, **options).fit(data)
    other = SequenceModel({"text": fields.Text("char")}, {"text": "text"}, scheduled_sampling=0.5, **options).fit(data)
    assert other.network_.scheduled_sampling == 0.5
    assert plain.network_.scheduled_sampling is None
    assert other.history_["loss"] != plain.history_["loss"]
    pairs = {"a": ["ab", "ba", "aab"] * 4, "b": ["ba", "ab", "baa"] * 4}
    written = SequenceModel({"a": "text"}, {"b": "text"}, scheduled_sampling=0.5, **options).fit(pairs)
    assert np.isfinite(written.history_["loss"]).all()
    with pytest.raises(ArgumentError, match="scheduled_sampling must be 0 unless one text is all that comes out"):
        SequenceModel({"a": "text"}, {"b": "category"}, scheduled_sampling=0.5, **options).fit(pairs)


def test_explain_says_what_was_chosen_and_why(rng):
    said: list[str] = []
    model = SequenceModel({"text": "text"}, {"mood": "category"}, **SMALL | {"epochs": 1}).fit(_reviews(rng))
    model.explain(said.append)
    assert said[0].startswith("mood: many to one\n  'text' is a sequence and 'mood' is one class")
    assert "read both ways by 1 x lstm(12)" in said[0]
    layers, loss, decoder = said[0].splitlines()[-3:]
    assert layers == (
        "  layers: Embedding(13, 12), Bidirectional(LSTM(12)), GlobalMaxPooling1D, GlobalAveragePooling1D, "
        f"Dense(2, softmax); {model.network_.count_params()} weights"
    )
    assert (loss, decoder) == ("  loss mood: sparse_categorical_crossentropy", "  decoder mood: the likeliest class")


def test_a_file_gives_the_same_answers(rng, tmp_path, monkeypatch):
    data = _tagged(rng) | {"mood": ["+", "-"] * 30}
    model = SequenceModel({"words": "tokens"}, {"tags": "tags", "mood": "category"}, **SMALL | {"validation": 0.2})
    model.fit(data).save(tmp_path / "m.safetensors")
    with monkeypatch.context() as patched:
        patched.setattr(Initializer, "__call__", None)  # what the file fills is not drawn
        again = SequenceModel.load(tmp_path / "m.safetensors")
    for name, raw in model.predict_proba(data).items():
        for a, b in zip(raw, again.predict_proba(data)[name], strict=True):
            np.testing.assert_array_equal(a, b)
    assert {k: str(v) for k, v in again.evaluate().items()} == {k: str(v) for k, v in model.evaluate().items()}
    assert str(again.evaluate(data)["tags"]) == str(model.evaluate(data)["tags"])
    elman.Sequential([elman.layers.Input((2,)), elman.layers.Dense(1)]).save(tmp_path / "other.safetensors")
    with pytest.raises(FileFormatError, match="a sequence model's file"):
        SequenceModel.load(tmp_path / "other.safetensors")


def test_the_best_weights_are_kept_and_training_stops(rng):
    data = _reviews(rng, 100)
    data["mood"] = rng.permutation(data["mood"]).tolist()  # nothing to learn
    model = SequenceModel({"text": "text"}, {"mood": "category"}, **SMALL | {"validation": 0.3, "patience": 2}).fit(
        data
    )
    assert len(model.history_["loss"]) < 25
    best = max(range(len(model.history_["val_accuracy"])), key=model.history_["val_accuracy"].__getitem__)
    assert model.evaluate().model["accuracy"] == nearly(model.history_["val_accuracy"][best], dtype=np.float32)


def test_class_weights_balance(rng):
    data = {"text": ["a"] * 90 + ["b"] * 10, "mood": ["x"] * 90 + ["y"] * 5 + ["x"] * 5}
    settings = SMALL | {"epochs": 60}
    plain, even = (
        SequenceModel({"text": "text"}, {"mood": "category"}, class_weight=w, **settings).fit(data)
        for w in (None, "balanced")
    )
    assert even.predict_proba({"text": ["b"]})[0, 1] > plain.predict_proba({"text": ["b"]})[0, 1] + 0.1
    model = SequenceModel({"text": "text"}, {"mood": "category"}, class_weight={"x": 1}, **settings)
    text = (
        r"class_weight must be given for every class of 'mood'. Received class_weight=\{'x': 1\}: 'y' has none. Known"
    )
    with pytest.raises(DataError, match=text):
        model.fit(data)


@pytest.mark.parametrize("given", ["blanced", 3, {"x": -1, "y": 1}, {"x": float("nan"), "y": 1}, {"x": "1", "y": 1}])
def test_weights_that_are_none_are_named(given):
    data = {"text": ["a", "b"] * 4, "mood": ["x", "y"] * 4}
    model = SequenceModel({"text": "text"}, {"mood": "category"}, class_weight=given, **SMALL)
    with pytest.raises(ArgumentError, match='class_weight must be "balanced", or a mapping from class to a number'):
        model.fit(data)


@pytest.mark.parametrize(
    ("setting", "value", "rule"),
    [
        ("dropout", "x", r"a number in \[0, 1\)"),
        ("dropout", 1, r"a number in \[0, 1\)"),
        ("recurrent_dropout", None, r"a number in \[0, 1\)"),
        ("learning_rate", "x", "a number above 0"),
        ("learning_rate", float("nan"), "a number above 0"),
        ("clipnorm", 0, "a number above 0, or None"),
        ("seconds", "long", "a number above 0, or None"),
        ("seed", 1.5, "a whole number from 0"),
        ("seed", -1, "a whole number from 0"),
        ("validation", "x", "a share from 0 to below 1"),
        ("epochs", "three", "a whole number from 1"),
        ("pooling", 3, "a known name"),
        ("cell", 3, "a known name"),
        ("hidden", "rfb", r"a known name.*Did you mean 'rbf'"),
    ],
)
def test_settings_that_cannot_be_are_named(setting, value, rule):
    model = SequenceModel({"text": "text"}, {"mood": "category"}, **SMALL | {setting: value})
    with pytest.raises(ArgumentError, match=f"{setting} must be {rule}"):
        model.fit({"text": ["a", "b"] * 4, "mood": ["x", "y"] * 4})


def test_the_rate_falls_in_a_wave_without_a_part_to_check_on(rng):
    data = _reviews(rng, 30)
    rates = {}
    for decay, validation in ((None, 0), (None, 0.3), ("cosine", 0.3), ("plateau", 0)):
        settings = SMALL | {"epochs": 2, "validation": validation}
        model = SequenceModel({"text": "text"}, {"mood": "category"}, decay=decay, **settings).fit(data)
        rates[decay, validation] = float(model.network_.optimizer.learning_rate)
    rate = SMALL["learning_rate"]
    assert rates == {
        (None, 0): 0.0,
        (None, 0.3): nearly(rate, dtype=np.float32),
        ("cosine", 0.3): 0.0,
        ("plateau", 0): nearly(rate, dtype=np.float32),
    }
    with pytest.raises(UnknownNameError, match="decay must be"):
        SequenceModel({"text": "text"}, {"mood": "category"}, decay="cosin").fit(data)


def test_a_time_limit_ends_training(rng):
    model = SequenceModel({"text": "text"}, {"mood": "category"}, **SMALL | {"epochs": 10**6}, seconds=0.3).fit(
        _reviews(rng)
    )
    assert 0 < len(model.history_["loss"]) < 10**5


def test_the_rate_finder_and_pictures(rng, tmp_path):
    data = _reviews(rng)
    model = SequenceModel({"text": "text"}, {"mood": "category"}, **SMALL | {"epochs": 3})
    found = model.find_learning_rate(data, steps=40)
    assert 1e-4 < found.suggestion < 1
    found.plot(tmp_path / "rate.png")
    model.fit(data)
    model.plot(path=tmp_path / "course.png")
    model.plot(data, tmp_path / "confusion.png")
    assert all((tmp_path / name).stat().st_size > 1000 for name in ("rate.png", "course.png", "confusion.png"))


def test_errors_say_what_to_do(rng):
    data = _reviews(rng, 10)
    with pytest.raises(UnknownNameError, match="cell must be"):
        SequenceModel({"text": "text"}, {"mood": "category"}, cell="lstn").fit(data)
    with pytest.raises(NotBuiltError, match="needs a fitted model"):
        SequenceModel().predict(data)
    with pytest.raises(ArgumentError, match="data must be given where no rows were left to check on"):
        SequenceModel({"text": "text"}, {"mood": "category"}, **SMALL).fit(data).evaluate()
    with pytest.raises(ArgumentError, match="along a sequence that goes in"):
        SequenceModel({"mood": "category"}, {"text": "tags"}).fit({"mood": ["a"], "text": [["O"]]})
    with pytest.raises(ArgumentError, match="a field or a kind"):
        SequenceModel({"text": 3}, {"mood": "category"}).fit(data)
    with pytest.raises(DataError, match="the same number of rows"):
        SequenceModel({"text": "text"}, {"mood": "category"}).fit({"text": ["a"], "mood": ["x", "y"]})
    with pytest.raises(KeyError, match="Did you mean 'mood'"):
        SequenceModel({"text": "text"}, {"mod": "category"}).fit(data)
    with pytest.raises(ArgumentError, match="validation must be a share"):
        SequenceModel({"text": "text"}, {"mood": "category"}, validation=1.5).fit(data)


def test_frames_to_text(rng):
    """Each letter is a level held for some frames: the same order, no alignment."""
    texts = ["".join(rng.choice(list("abc"), rng.integers(1, 4), replace=False)) for _ in range(60)]
    frames = [np.concatenate([np.full((3, 1), "abc".index(c) - 1.0) for c in text]) for text in texts]
    data = {"sound": frames, "text": texts}
    model = SequenceModel({"sound": fields.Series()}, {"text": fields.Text("char")}, **SMALL | {"epochs": 40}).fit(data)
    report = model.evaluate(data)
    assert report.model["CER"] < 0.05
    assert report.baselines["nothing"]["CER"] == 1.0
    assert model.blueprint_.choices[0].shape == "many to many, monotonic"


def test_text_to_text_of_another_length(rng):
    words = {"one": "uno", "two": "dos", "red": "rojo"}
    texts = [" ".join(rng.choice(list(words), rng.integers(1, 4))) for _ in range(80)]
    data = {"en": texts, "es": [" ".join(["el", *(words[w] for w in text.split())]) for text in texts]}
    settings = SMALL | {"size": 24, "epochs": 60}
    model = SequenceModel({"en": fields.Text("word")}, {"es": fields.Text("word")}, **settings).fit(data)
    report = model.evaluate(data)
    assert report.model["ROUGE-L"] > 0.9
    assert report.baselines["most frequent text"]["ROUGE-L"] < 0.8
    assert model.blueprint_.choices[0].shape == "many to many, unequal"


def test_pictures_to_classes_and_to_text(rng):
    bright = rng.integers(0, 2, 40)
    pictures = [(rng.random((12, 12, 1)) * 80 + 150 * b).astype("uint8") for b in bright]
    data = {"picture": pictures, "sky": ["day" if b else "night" for b in bright]}
    data["caption"] = ["a bright day" if b else "a dark night" for b in bright]
    model = SequenceModel({"picture": "image"}, {"sky": "category", "caption": "text"}, **SMALL).fit(data)
    assert model.predict(data)["sky"] == data["sky"]
    assert model.evaluate(data)["caption"].model["ROUGE-L"] > 0.9


def test_frames_of_a_film_to_a_class(rng):
    rising = rng.integers(0, 2, 40)
    films = [
        np.sort(rng.integers(0, 255, n))[:: 1 if up else -1]
        for n, up in zip(rng.integers(4, 7, 40), rising, strict=True)
    ]
    frames = [np.broadcast_to(film[:, None, None, None], (len(film), 8, 9, 1)).astype("uint8") for film in films]
    data = {"film": frames, "way": ["up" if up else "down" for up in rising]}
    model = SequenceModel({"film": "video"}, {"way": "category"}, **SMALL).fit(data)
    assert model.evaluate(data).model["accuracy"] > 0.9


def test_with_a_crf_neighbours_decide_together(rng, tmp_path):
    """Which tag an unclear word has, only the tag before it tells: never two of a kind in a row."""
    rows = [[("a", "b")[(first + k) % 2] for k in range(n)] for first, n in rng.integers(0, 6, (40, 2)) if n]
    data = {"words": [[row[0], *["?"] * (len(row) - 1)] for row in rows], "tags": rows}
    settings = SMALL | {"cell": "none", "epochs": 60, "crf": True}
    model = SequenceModel({"words": "tokens"}, {"tags": "tags"}, **settings).fit(data)
    assert model.predict(data) == rows
    assert SequenceModel.load(model.save(tmp_path / "m.safetensors")).predict(data) == rows
    alone = SequenceModel({"words": "tokens"}, {"tags": "tags"}, **settings | {"crf": False}).fit(data)
    assert alone.predict(data) != rows


def test_a_crf_that_nothing_would_use_is_refused(rng):
    with pytest.raises(ArgumentError, match=r"SequenceModel: crf must be False where no tags come out"):
        SequenceModel({"text": "text"}, {"mood": "category"}, crf=True).fit(_reviews(rng, 6))
    for setting, value in (("label_smoothing", 0.1), ("tie_weights", True)):
        with pytest.raises(ArgumentError, match=rf"SequenceModel: {setting} must be left out here.*: y:number"):
            SequenceModel({"x": "number"}, {"y": "number"}, **{setting: value}).fit({"x": [1.0] * 8, "y": [2.0] * 8})
    with pytest.raises(ArgumentError, match=r"SequenceModel: label_smoothing must be 0 beside crf=True"):
        SequenceModel({"words": "tokens"}, {"tags": "tags"}, crf=True, label_smoothing=0.1).fit(_tagged(rng, 6))


def test_subsampled_steps_are_read_as_a_whole(rng, tmp_path):
    """Rows of any length, none included: which of two waves it is, is still seen in every fourth step's mean."""
    data = _waves(rng)
    settings = SMALL | {"subsampling": 4, "epochs": 1}
    model = SequenceModel({"wave": "series"}, {"speed": "category"}, **settings).fit(data)
    rows = {"wave": [np.zeros((n, 1)) for n in (0, 1, 3, 4, 5)]}
    chances = model.predict_proba(rows)
    assert np.isfinite(chances).all()
    for at, row in enumerate(rows["wave"]):  # what others in the batch have behind their end changes nothing
        np.testing.assert_array_equal(model.predict_proba({"wave": [row]})[0], chances[at])
    again = SequenceModel.load(model.save(tmp_path / "m.safetensors"))
    np.testing.assert_array_equal(again.predict_proba(rows), chances)


def test_subsampling_tells_pairs_of_words(rng):
    """ "not good" is bad, "not bad" is good: single words say nothing, and two pairs are one step."""
    texts = [
        " ".join(rng.permutation(["x", "y", "z", f"not {a}", b])) for a, b in [("good", "bad"), ("bad", "good")] * 40
    ]
    data = {"text": texts, "mood": ["-", "+"] * 40}
    settings = SMALL | {"epochs": 60, "subsampling": 2, "validation": 0}
    assert SequenceModel({"text": "text"}, {"mood": "category"}, **settings).fit(data).predict(data) == data["mood"]


def test_subsampling_is_refused_where_steps_have_answers(rng):
    settings = SMALL | {"subsampling": 2}
    with pytest.raises(ArgumentError, match=r"SequenceModel: subsampling must be 1 where 'tags' needs every step\."):
        SequenceModel({"words": "tokens"}, {"tags": "tags"}, **settings).fit(_tagged(rng, 6))
    with pytest.raises(ArgumentError, match=r"SequenceModel: subsampling must be 1 where no sequence goes in\."):
        SequenceModel({"a": "number"}, {"b": "category"}, **settings).fit({"a": [1.0, 2.0], "b": ["x", "y"]})
    with pytest.raises(ArgumentError, match=r"SequenceModel: subsampling must be a whole number from 1\."):
        SequenceModel("a", "b", subsampling=0).fit({"a": ["x"], "b": ["y"]})


@pytest.mark.parametrize("row", [0, 5, 11])
def test_a_missing_value_is_named_by_its_row_in_the_table(rng, row):
    data = _reviews(rng, 12)
    data["mood"][row] = None
    with pytest.raises(DataError, match=rf"values must have a value in every row\..*: row {row}\."):
        SequenceModel({"text": "text"}, {"mood": "category"}, validation=0.5).fit(data)


@pytest.mark.parametrize("form", [list, np.array], ids=["lists", "an array"])
def test_series_of_one_length_are_a_column_not_one_long_series(form):
    rows = [[1.0, 1.0, 0.0], [0.0, 1.0, 1.0]] * 8
    data = {"x": form(rows), "y": ["down", "up"] * 8}
    model = SequenceModel({"x": "series"}, "y", **SMALL).fit(data)
    assert model.predict({"x": form(rows[:2])}) == ["down", "up"]
    sums = SequenceModel({"x": "series"}, {"s": "series"}, **SMALL).fit({"x": form(rows), "s": form(rows)})
    assert [np.shape(row) for row in sums.predict({"x": form(rows[:2])})] == [(3, 1), (3, 1)]
    assert sums.evaluate({"x": form(rows), "s": form(rows)}).model["R²"] > 0.9


def test_a_caption_is_written_with_a_look_at_the_parts_of_the_picture(rng):
    """What is bright, and where: the decoder's memory is what the convolutions found at each place."""
    sides = rng.integers(0, 2, 40)
    pictures = np.zeros((40, 16, 16, 1), "uint8")
    for picture, side in zip(pictures, sides, strict=True):
        picture[4:12, 8 * side : 8 * side + 8] = 200
    data = {"picture": list(pictures), "caption": [f"a lamp on the {('left', 'right')[side]}" for side in sides]}
    model = SequenceModel({"picture": "image"}, {"caption": "text"}, **SMALL | {"epochs": 80}).fit(data)
    assert "a look at the parts of 'picture'" in model.blueprint_.choices[0].reason
    assert any(layer.name.startswith("attention") for layer in model.network_.layers)
    assert model.predict(data, beam=2) == data["caption"]


def test_patience_is_that_of_the_slowest_head():
    text, kind = fields.Text("char"), fields.Category()
    frames = {"x": fields.Series().fit([[1.0, 2.0]])}
    one = Blueprint(frames, {"y": kind.fit(["a", "b"])}, Design())
    two = Blueprint(frames, {"y": kind, "t": text.fit(["ab"])}, Design())
    assert [max(head.patience for head in made.heads.values()) for made in (one, two)] == [6, 40]


def test_records_may_leave_out_what_others_have():
    rows = [{"text": "a", "mood": "+"}, {"text": "b", "n": 1.0, "mood": "-"}] * 4
    model = SequenceModel({"text": "text", "n": fields.Number(missing="mean")}, {"mood": "category"}, epochs=1, size=4)
    assert len(model.fit(rows).predict(rows)) == len(rows)


@pytest.mark.parametrize("data", [np.zeros((2, 2)), ["a text"], "a text"])
def test_data_without_names_of_columns_are_refused(data):
    with pytest.raises(DTypeError, match=r"fit: data must be a table, a mapping from name to column, or a list of rec"):
        SequenceModel("text", "mood").fit(data)


def test_what_comes_out_has_no_gaps():
    with pytest.raises(
        ArgumentError, match=r"outputs must be numbers without gaps. Received outputs=\"n: missing='mean'"
    ):
        SequenceModel({"text": "text"}, {"n": fields.Number(missing="mean")}).fit(
            {"text": ["a", "b"], "n": [1.0, np.nan]}
        )


class _Ended(Callback):
    """Ends training with the second epoch, as a person or a NaN may."""

    def __init__(self, error: type[BaseException]) -> None:
        super().__init__()
        self.error = error

    def on_epoch_end(self, epoch: int, logs: object = None) -> None:
        if epoch == 1:
            raise self.error


@pytest.mark.parametrize("error", [KeyboardInterrupt, DivergenceError])
@pytest.mark.parametrize("kind", [SequenceClassifier, LanguageModel, SequenceModel])
def test_what_was_learned_before_ctrl_c_is_there(tmp_path, kind, error):
    texts, moods = ["a b", "c d"] * 8, ["+", "-"] * 8
    given = {SequenceModel: ({"x": texts, "y": moods},), LanguageModel: (texts,)}.get(kind, (texts, moods))
    settings = {"size": 4, "epochs": 50, "validation": 0}
    model = kind("x", "y", **settings) if kind is SequenceModel else kind(**settings)
    with pytest.raises(error):
        model.fit(*given, callbacks=[_Ended(error)])
    model.save(tmp_path / "m.safetensors")
    asked = {"x": texts} if kind is SequenceModel else texts
    assert list(model.predict(asked)) == list(kind.load(tmp_path / "m.safetensors").predict(asked))
    assert len((model if kind is SequenceModel else model.model_).history_["loss"]) == 2
    with pytest.raises(ArgumentError, match="or the training did not end"):
        model.evaluate()


def test_a_training_that_never_began_leaves_nothing():
    class Early(Callback):
        def on_train_begin(self, logs: object = None) -> None:
            raise KeyboardInterrupt

    model = SequenceClassifier(size=4)
    with pytest.raises(KeyboardInterrupt):
        model.fit(["a", "b"] * 8, ["+", "-"] * 8, callbacks=[Early()])
    assert not hasattr(model, "model_")


@pytest.mark.parametrize(
    ("kind", "truths", "rule"),
    [
        ("number", [[1.0, 2.0], [2.0, 3.0]], r"'o': values must have 1 columns"),
        ("number", ["a", "2"], r"Number.encode of 'o': values must be numbers. Received values='a': row 0"),
        ("series", [np.ones((3, 2)), np.ones((2, 2))], r"Series.encode of 'o': values must have 1 channels"),
        ("series", [np.ones(3), np.array([1.0, np.nan])], r"'o' must have a value in every row.*: row 1"),
        (
            "series",
            [np.ones(3), np.array([1.0, np.inf])],
            r"Series.encode of 'o': data must be finite.*: sample 1, row 1",
        ),
    ],
)
def test_truths_that_are_no_such_numbers_are_named(rng, kind, truths, rule):
    given = [rng.normal(size=(n, 1)) for n in (3, 2)] * 4
    learned = [1.0, 2.0] * 4 if kind == "number" else given
    model = SequenceModel({"s": "series"}, {"o": kind}, size=4, epochs=1).fit({"s": given, "o": learned})
    for asked in (model.evaluate, model.plot):
        with pytest.raises((DataError, ShapeError), match=rule):
            asked({"s": given[:2], "o": truths})


def test_one_row_is_always_learned_from():
    model = SequenceModel({"x": "text"}, {"y": "number"}, size=4, epochs=1, validation=0.99)
    assert model.fit({"x": ["a", "b"], "y": [1.0, 2.0]}).report_.title == "y: validation part, 1"


def test_callbacks_are_one_or_several_or_refused():
    data = {"x": ["a", "b"] * 4, "y": ["+", "-"] * 4}
    model = SequenceModel({"x": "text"}, {"y": "category"}, size=4, epochs=1)
    assert model.fit(data, callbacks=Callback()).history_
    with pytest.raises(ArgumentError, match=r"SequenceModel.fit: callbacks must be Callback objects in a list"):
        model.fit(data, callbacks=3)


@pytest.mark.parametrize("loaded", [False, True])
def test_training_goes_on_from_what_was_learned(loaded, tmp_path):
    small = {"size": 8, "epochs": 3, "validation": 0, "learning_rate": 0.01, "decay": "plateau", "dropout": 0.0}
    texts, moods = ["good film", "bad film", "so good", "so bad"] * 8, ["+", "-", "+", "-"] * 8
    anew = SequenceClassifier(**small).fit(texts, moods)
    model = SequenceClassifier(**small).fit(texts, moods)
    if loaded:
        model = SequenceClassifier.load(model.save(tmp_path / "model.safetensors"))
    weights = model.model_.network_.get_weights()
    model.set_params(warm_start=True).fit(texts, moods)
    assert model.model_.history_["loss"][0] < anew.model_.history_["loss"][-1] * 1.05
    assert model.model_.history_["loss"][-1] < anew.model_.history_["loss"][-1]
    assert any((a != b).any() for a, b in zip(weights, model.model_.network_.get_weights(), strict=True))
    model.set_params(warm_start=False).fit(texts, moods)
    assert np.array_equal(model.predict_proba(texts), anew.predict_proba(texts))


@pytest.mark.parametrize(
    ("kind", "first", "then"),
    [
        (MLP, ([[0.0], [1.0]] * 8, [0, 1] * 8), ([[0.0], [1.0]] * 8, [1, 0] * 8)),
        (LanguageModel, ("hello world " * 20,), ("world hello " * 20,)),
        (Translator, (["a b", "b c"] * 8, ["b a", "c b"] * 8), (["a b a b a b"] * 8, ["b a b a b a"] * 8)),
    ],
)
def test_what_goes_on_keeps_its_fields(kind, first, then):
    model = kind(size=4, epochs=1, validation=0, warm_start=True).fit(*first)
    before, known = model.model_.network_, model.model_.blueprint_.fields
    model.fit(*then)
    assert model.model_.network_ is before
    assert all(model.model_.blueprint_.fields[name] is field for name, field in known.items())
    if kind is Translator:  # answers may be as long as the longest that was ever learned
        assert model.fit(*first).model_.blueprint_.heads["y"].naive["longest"] == 7


def test_another_network_does_not_go_on():
    data = {"x": ["a b", "b a"] * 4, "y": ["+", "-"] * 4, "z": ["+", "-"] * 4}
    model = SequenceModel("x", "y", size=4, epochs=1, validation=0, warm_start=True).fit(data)
    with pytest.raises(
        ArgumentError, match=r"warm_start must be False .* Leave size and outputs as before, or begin anew"
    ):
        model.set_params(size=5, outputs="z").fit(data)
    model.set_params(size=4, outputs="y")
    answers = model.evaluate(data)
    with pytest.raises(DataError, match=r"of 'y': values must be classes of the training part. Received values='\?'"):
        model.fit({**data, "y": ["?"] * 8})
    assert str(model.evaluate(data)) == str(answers)
    with pytest.raises(ArgumentError, match="warm_start must be True or False"):
        SequenceClassifier(warm_start="no").fit(data["x"], data["y"])
