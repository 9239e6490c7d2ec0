"""What a person brings by mistake: a clear error, or the right answer; the same table for fitting and for asking."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import PIL.Image
import pytest

from elman import fields
from elman.errors import (
    ArgumentError,
    DataError,
    DTypeError,
    ElmanWarning,
    FileFormatError,
    MemoryLimitError,
    ShapeError,
    TruncationWarning,
)
from elman.executors import native
from elman.tasks import (
    MLP,
    ConvNet,
    FaceDetector,
    LanguageModel,
    SequenceClassifier,
    SequenceModel,
    SequenceRegressor,
    SequenceTagger,
    Transcriber,
    Translator,
    VideoTagger,
)
from elman.training.portions import Portions, step_memory
from tests.tolerances import assert_close

S = {"size": 4, "epochs": 1, "validation": 0.25}
TEXTS, MOODS = ["good film", "bad film", "so good", "so bad"] * 3, ["+", "-"] * 6
RIGHT_TO_LEFT, FAMILY = "שלום עולם", "\U0001f468\u200d\U0001f469\u200d\U0001f467"


@pytest.fixture(scope="module")
def texts():
    return SequenceClassifier(**S).fit(TEXTS, MOODS)


@pytest.fixture(scope="module")
def series():
    return SequenceClassifier(**S).fit([np.ones((n, 2)) for n in (1, 2, 3, 4)] * 3, [0, 1] * 6)


@pytest.fixture(scope="module")
def pictures():
    return ConvNet(epochs=1, size=4).fit(np.zeros((8, 8, 8), "uint8"), [0, 1] * 4)


@pytest.mark.parametrize("given", [[""], ["", " "], ["never seen"], [f"{RIGHT_TO_LEFT} {FAMILY}"], ["a" * 50_000]])
def test_any_text_has_an_answer(texts, given):
    assert set(texts.predict(given)) <= {"+", "-"}
    assert np.isfinite(texts.predict_proba(given)).all()


@pytest.mark.parametrize(
    ("given", "error", "text"),
    [
        (
            "good film",
            DTypeError,
            r"predict: X must be a list with one entry a sample. Received str. Put it into a list",
        ),
        ([None], DataError, r"have a text in every row. Received values=None: row 0. Fill or drop the row"),
        (["a", None], DataError, r"Received values=None: row 1"),
        ([b"caf\xe9"], DataError, r"valid Unicode text.*row 0: unexpected end.*encoding='latin-1'"),
        (["\ud800"], DataError, r"valid Unicode text.*surrogates not allowed at 0"),
        (np.zeros((2, 3)), DTypeError, r"values must be texts. Received ndarray: row 0"),
    ],
)
def test_what_is_no_text_is_named(texts, given, error, text):
    with pytest.raises(error, match=text):
        texts.predict(given)


@pytest.mark.parametrize(
    ("x", "error", "text"),
    [
        ([], DataError, r"fit: X must have at least one row. Received X=\(0, 1\): 0 sample"),
        ({"a": TEXTS}, DTypeError, r"fit: X must be a list .* Received dict. For several columns take elman.Sequ"),
        ([b"caf\xe9", b"tea"] * 6, DataError, r"valid Unicode text.*row 0: unexpected end.*encoding='latin-1'"),
    ],
)
def test_what_is_no_list_of_samples_is_named(x, error, text):
    with pytest.raises(error, match=text):
        SequenceClassifier(**S).fit(x, MOODS[: len(x)])


@pytest.mark.parametrize(
    ("x", "y"),
    [
        ([b"good", b"caf\xc3\xa9"] * 4, ["+", "-"] * 4),
        (["", ""] * 4, ["+", "-"] * 4),
        (["same"] * 8, ["+", "-"] * 4),
        ([FAMILY, RIGHT_TO_LEFT] * 4, ["\U0001f600", "שלום"] * 4),
    ],
    ids=["bytes", "all empty", "all equal", "emoji, right to left"],
)
def test_poor_data_still_make_a_model(x, y):
    model = SequenceClassifier(**S).fit(x, y)
    assert set(model.predict(x)) <= set(y)
    assert np.isfinite(model.predict_proba(["", "?"])).all()


@pytest.mark.parametrize(
    ("kind", "x", "y"),
    [
        (SequenceClassifier, TEXTS, ["+"] * 12),
        (SequenceClassifier, ["one row"], ["+"]),
        (SequenceTagger, [["a", "b"], ["c"]], [["N", "N"], ["N"]]),
        (MLP, np.eye(4), [1, 1, 1, 1]),
        (ConvNet, np.zeros((4, 8, 8)), ["+"] * 4),
    ],
    ids=["one class", "one row", "one tag", "a table of one class", "pictures of one class"],
)
def test_a_single_class_is_learned_and_told(kind, x, y):
    """As scikit-learn's forests and neighbours take it, but not silently."""
    text = (
        r"'y' must have two classes or more in the rows to learn from. Received one, .*, \d+ times: nothing is learned"
    )
    with pytest.warns(ElmanWarning, match=text):
        model = kind(**S).fit(x, y)
    found = model.predict(x)
    assert (found if isinstance(found, list) else found.tolist()) == y
    assert model.model_.history_["accuracy"] == [1.0] or kind is SequenceTagger  # which chooses O, too


def test_a_label_never_seen_counts_as_wrong(texts):
    assert texts.score(["good", "bad"], ["?", "?"]) == 0.0
    assert texts.evaluate(["good"], ["?"]).model["accuracy"] == 0.0


MIXED = (0, 1, 10, 100, 1000, 10_000, 100_000)
ALL = {"size": 4, "epochs": 1, "validation": 0}


def test_lengths_from_none_to_very_many_stand_in_one_batch():
    steps, texts = [np.ones((n, 1)) for n in MIXED], ["a " * n for n in MIXED]
    answers = [
        SequenceClassifier(**ALL).fit(steps, [0, 1] * 3 + [0]).predict_proba(steps),
        SequenceRegressor(**ALL).fit(steps, range(7)).predict(steps),
        SequenceClassifier(**ALL).fit(texts, [0, 1] * 3 + [0]).predict_proba(texts),
    ]
    assert all(np.isfinite(found).all() and len(found) == len(MIXED) for found in answers)
    assert len(Transcriber(**ALL).fit(steps, ["", "a"] + ["ab"] * 5).predict(steps)) == len(MIXED)
    assert len(Translator(**ALL).fit(texts, list("abcdefg")).predict(texts)) == len(MIXED)


@pytest.mark.parametrize("crf", [False, True])
def test_every_step_of_very_many_has_its_tag(crf):
    words = [["a"] * n for n in (0, 1, 10_000)]
    model = SequenceTagger(crf=crf, **ALL).fit(
        words, [["N", "V"][: len(row)] + ["N"] * (len(row) - 2) for row in words]
    )
    assert [len(row) for row in model.predict(words)] == [0, 1, 10_000]


@pytest.mark.parametrize(
    ("field", "sample"),
    [
        (fields.Series(max_length=5), np.ones((9, 1))),
        (fields.Text(max_length=5), "a b c d e f"),
        (fields.Text("char", max_length=5), "abcdef"),
        (fields.Tokens(max_length=5), list("abcdef")),
        (fields.Line(height=4, max_length=5), np.zeros((4, 9), "uint8")),
        (fields.Video(height=4, width=4, max_length=5), np.zeros((9, 4, 4), "uint8")),
        (fields.Audio(rate=8000, max_length=5), (np.zeros(8000), 8000)),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, fields.Field) else "",
)
def test_whoever_cuts_says_so(field, sample):
    if field.kind == "audio":
        pytest.importorskip("kaldi_native_fbank")
    with pytest.warns(TruncationWarning, match=r"1 of 1 samples are longer than max_length=5 and lost their ends"):
        found = field.fit([sample]).encode([sample])
    assert len(found[0]) == 5


def test_emoji_and_right_to_left_text_come_out_as_they_went_in():
    learned = {"size": 16, "epochs": 80, "learning_rate": 0.03, "dropout": 0.0, "validation": 0}
    texts, first = [RIGHT_TO_LEFT, FAMILY], RIGHT_TO_LEFT.split(maxsplit=1)[0]
    translator = Translator(input=fields.Text("char"), **learned).fit(texts * 8, texts[::-1] * 8)
    assert translator.predict(texts) == texts[::-1]
    tagger = SequenceTagger(**learned).fit([[first, FAMILY]] * 8, [["שם", "\U0001f600"]] * 8)
    assert tagger.predict([[FAMILY, first]]) == [["\U0001f600", "שם"]]
    waves = [np.eye(3)[[0] * 4 + [1] * 4], np.eye(3)[[2] * 6]]
    assert Transcriber(**learned).fit(waves * 8, ["של", "é"] * 8).predict(waves) == ["של", "é"]
    language = LanguageModel(**learned).fit(f"{FAMILY} {RIGHT_TO_LEFT}\n" * 20)
    assert language.generate(FAMILY, length=12, temperature=0).startswith(f"{FAMILY} {RIGHT_TO_LEFT}\n")


def test_labels_and_tags_never_seen_count_as_wrong():
    tagger = SequenceTagger(**S).fit(WORDS, TAGS)
    assert tagger.evaluate([["a", "b"]], [["?", "?"]]).model["accuracy"] == 0.0
    labelled = SequenceModel({"x": "text"}, {"y": fields.Labels()}, **S).fit({"x": TEXTS, "y": [["p"], ["q"]] * 6})
    assert labelled.evaluate({"x": ["good"], "y": [["?"]]}).model["whole rows"] == 0.0


def test_a_class_never_seen_cannot_be_read():
    data = {"x": ["p", "q"] * 6, "y": MOODS}
    model = SequenceModel({"x": "category"}, {"y": "category"}, **S).fit(data)
    text = r"Category.encode of 'x': .* Received values='\?': row 0; known are 'p', 'q'. .* pass unknown='other'"
    with pytest.raises(DataError, match=text):
        model.predict({"x": ["?"]})
    other = SequenceModel({"x": fields.Category(unknown="other")}, {"y": "category"}, **S).fit(data)
    assert other.predict({"x": ["?"]})[0] in MOODS


def test_series_of_no_steps_and_of_very_many(series):
    with pytest.warns(TruncationWarning, match=r"1 of 3 samples are longer than max_length=100000 and lost their ends"):
        found = series.predict_proba([np.ones((0, 2)), np.ones((100_001, 2)), np.ones((1, 2))])
    assert np.isfinite(found).all()
    assert np.isfinite(series.predict_proba([np.ones((0, 2))])).all()


@pytest.mark.parametrize(
    ("given", "error", "text"),
    [
        ([np.zeros((3, 5))], ShapeError, r"values must have 2 channels. Received shape \(3, 5\): sample 0"),
        (["abc"], DataError, r"values must be numbers. Received values='abc': row 0"),
        ([np.full((2, 2), np.nan)], DataError, r"X must be finite. Received X=nan: row 0, column 0"),
        ([np.zeros((1, 2)), np.array([[1, np.inf], [1, 1]])], DataError, r"finite. Received data=inf: sample 1, row 0"),
    ],
)
def test_what_is_no_series_is_named(series, given, error, text):
    with pytest.raises(error, match=text):
        series.predict(given)


@pytest.mark.parametrize(
    ("given", "error", "text"),
    [
        (["no.png"], DataError, r"be files of pictures. Received values='no.png': row 0: there is no such file"),
        (
            [b"\x89PNG broken"],
            DataError,
            r"be whole pictures. Received values='11 bytes': row 0: cannot identify image",
        ),
        ([np.zeros((0, 0), "uint8")], ShapeError, r"values must have pixels"),
        ([np.full((8, 8), np.nan)], DataError, r"X must be finite"),
        ([np.full((8, 8), 200.0)], DataError, r"whole numbers 0 ... 255 or fractions 0 ... 1.*Divide by what white is"),
        ([np.zeros((8, 8, 4), "uint8")], DataError, r"or \(H, W, 3\).*without transparency: array"),
    ],
)
def test_what_is_no_picture_is_named(pictures, given, error, text):
    pytest.importorskip("PIL")
    with pytest.raises(error, match=text):
        pictures.predict(given)


def test_pictures_of_another_size_and_with_colours_are_read(pictures):
    pytest.importorskip("PIL")
    assert len(pictures.predict([np.zeros((5, 9), "uint8"), np.zeros((8, 8, 3), "uint8")])) == 2


def test_films_that_are_missing_or_damaged_are_named(tmp_path):
    pytest.importorskip("av")
    (tmp_path / "bad.mp4").write_bytes(b"\0\0\0\x18ftypmp42 and nothing else")
    for path, text in (("no.mp4", "there is no such file"), (str(tmp_path / "bad.mp4"), "be whole videos")):
        with pytest.raises(DataError, match=text):
            VideoTagger(**S).fit([path] * 4, ["a", "b"] * 2)


def test_sound_that_is_missing_or_damaged_is_named(tmp_path):
    pytest.importorskip("kaldi_native_fbank")
    (tmp_path / "bad.wav").write_bytes(b"RIFFxxxx")
    for path, text in (("no.wav", "there is no such file"), (str(tmp_path / "bad.wav"), "be whole sounds")):
        with pytest.raises(DataError, match=text):
            Transcriber(**S).fit([path] * 4, ["a"] * 4)


WORDS, TAGS = [["a", "b"], ["c"]] * 4, [["O", "B-X"], ["O"]] * 4
FRAMES = [np.ones((2, 1)), np.zeros((2, 1))] * 4


@pytest.mark.parametrize(
    ("fit", "error", "text"),
    [
        (lambda: SequenceClassifier(**S).fit(TEXTS, MOODS[:3]), DataError, r"y must be of 12 rows, as X. Received y=3"),
        (lambda: SequenceClassifier(**S).fit(TEXTS, [None, *MOODS[1:]]), DataError, r"value in every row.*: row 0"),
        (lambda: SequenceRegressor(**S).fit(FRAMES, ["a"] * 8), DataError, r"be numbers. Received values='a': row 0"),
        (lambda: SequenceTagger(**S).fit(WORDS, [["O"], ["P"]] * 4), ShapeError, r"one for each step of 'x'.*1 for 2"),
        (lambda: SequenceTagger(**S).fit(WORDS, [[]] * 8), DataError, r"have a tag in some row"),
        (lambda: SequenceTagger(**S).fit(WORDS, [["O"], None] * 4), DataError, r"be lists of symbols.*: row 1"),
        (lambda: SequenceTagger(**S).fit(WORDS, [None, ["O"]] * 4), DataError, r"be lists of symbols.*: row 0"),
        (lambda: SequenceClassifier(**S).fit([[1, [2, 3]], [1, 2]] * 4, [0, 1] * 4), DataError, r"one shape in every"),
        (lambda: SequenceClassifier(**S).fit([object()] * 8, [0, 1] * 4), DTypeError, r"Received dtype object: float"),
        (lambda: SequenceClassifier(**S).fit([Path("a.md")] * 8, [0, 1] * 4), DTypeError, r"be texts. Received Posix"),
        (lambda: SequenceClassifier(**S).fit([None, *TEXTS[1:]], MOODS), DataError, r"a text in every row.*: row 0"),
        (
            lambda: SequenceClassifier(**S).fit([float("nan"), *TEXTS[1:]], MOODS),
            DataError,
            r"a text in every row.*: row 0",
        ),
        (lambda: Transcriber(**S).fit(FRAMES, ["abab", "b"] * 4), DataError, r"length 4 with 0 repeats needs 4 frames"),
        (lambda: Translator(**S).fit(["a"] * 4, [1] * 4), DTypeError, r"values must be texts"),
        (lambda: LanguageModel(**S).fit(""), DataError, r"X must be texts with a token or more"),
        (lambda: FaceDetector(size=4).fit(np.zeros((2, 8, 8)), [[[2, 2, 1, 1]]] * 2), DataError, r"inside the picture"),
        (
            lambda: MLP(task="regress", class_weight="balanced").fit(np.eye(4), [1, 2, 3, 4]),
            ArgumentError,
            "left out here",
        ),
        (lambda: MLP().fit([[1.0, np.nan]] * 4, [0, 1] * 2), DataError, r"X must be finite.*row 0, column 1"),
    ],
)
def test_what_cannot_be_learned_is_named(fit, error, text):
    with pytest.raises(error, match=text):
        fit()


def test_sequences_without_steps_have_no_tags_and_no_text():
    for crf in (False, True):
        model = SequenceTagger(crf=crf, **S).fit([*WORDS, []], [*TAGS, []])
        assert model.predict([[], []]) == [[], []]
        assert model.predict([[], ["a"]])[0] == []
    assert Transcriber(**S).fit(FRAMES, ["a", ""] * 4).predict([np.ones((0, 1)), np.ones((1, 1))])[0] == ""
    translator = Translator(**S).fit(["a", ""] * 4, ["", ""] * 4)
    assert translator.predict([""]) == [""]


def test_a_text_of_one_letter_is_learned_whole():
    model = LanguageModel(**S).fit("a")
    assert set(model.generate("a", length=3)) <= {"a", "\ufffd"}


def test_no_boxes_at_all_are_learned():
    (found,) = FaceDetector(size=4, epochs=1).fit(np.zeros((4, 8, 8)), [[]] * 4).predict(np.zeros((1, 8, 8)))
    assert found.shape == (0, 4)


@pytest.mark.parametrize("kind", ["tags", "translation", "transcription"])
def test_long_rows_answer_by_themselves_and_alike(kind, monkeypatch):
    letters = ["ab" * n for n in (1, 40, 2, 3, 0, 1)]
    steps = [np.ones((len(text), 1)) for text in letters]
    if kind == "tags":
        model = SequenceTagger(crf=True, **ALL).fit([list(t) for t in letters], [list(t) for t in letters])
        given = [list(text) for text in letters]
    elif kind == "translation":
        model, given = Translator(input=fields.Text("char"), **ALL).fit(letters, list("abcdef")), letters
    else:
        model, given = Transcriber(**ALL).fit(steps, ["ab"[: len(row)] for row in steps]), steps
    whole = model.predict(given)
    monkeypatch.setattr("elman.training.buckets.MOST_STEPS", 20)
    assert model.predict(given) == whole


KINDS = {
    "classes": (SequenceClassifier, [0, 1] * 3 + [0]),
    "numbers": (SequenceRegressor, range(7)),
    "tags": (SequenceTagger, [["N", "V", "N"][: min(n, 3)] + ["V"] * (n - 3) for n in MIXED]),
}


@pytest.mark.skipif(not native.available(), reason="only the native executor knows what a plan needs")
@pytest.mark.parametrize("kind", KINDS)
def test_a_batch_of_lengths_from_none_to_very_many_is_learned_from_in_portions(kind, monkeypatch):
    """What needs more than a quarter of the memory gives what it gives whole; what needs too much is told at once."""
    make, y = KINDS[kind]
    x = [["a", "b", "b"][: min(n, 3)] + ["a"] * (n - 3) for n in MIXED]
    learned = {**ALL, "epochs": 2, "embedding": 2, "dropout": 0.0}
    whole = make(**learned).fit(x, y)
    monkeypatch.setenv("ELMAN_MEMORY_LIMIT", "600000000")
    needed: list[int] = []
    parted = Portions._in_portions
    monkeypatch.setattr(Portions, "_in_portions", lambda self, *a: needed.append(self.needed(a[0])) or parted(self, *a))
    portions = make(**learned).fit(x, y)
    assert len(needed) == 2
    assert min(needed) > step_memory()
    assert_close(np.float32(portions.model_.history_["loss"]), np.float32(whole.model_.history_["loss"]), 1000)
    monkeypatch.setenv("ELMAN_MEMORY_LIMIT", "10000000")
    with pytest.raises(MemoryLimitError, match=r"9\.5 MiB .* a batch of 1 row .* \(a field's max_length does\)"):
        make(**learned).fit(x, y)


def test_rows_that_are_all_empty_are_nothing_to_learn_from():
    for kind in (SequenceClassifier, MLP):
        with pytest.raises(DataError, match=r"fit: X must have a row with a step. Received X=\[\]: every row is empty"):
            kind(**S).fit([[], []] * 10, ["a", "b"] * 10)


def test_one_row_is_no_table():
    model = SequenceModel({"s": "text", "n": "number"}, {"y": "category"}, **S)
    model.fit({"s": TEXTS, "n": range(12), "y": MOODS})
    for row, column in (({"s": "a", "n": 1}, "s"), ({"s": ["a"], "n": 1}, "n")):
        rule = rf"predict: data\['{column}'\] must be a column: a list with one entry a row.*one row is \[\{{"
        with pytest.raises(DTypeError, match=rule):
            model.predict(row)
    assert len(model.predict([{"s": "a", "n": 1}])) == 1


def test_a_number_is_no_text():
    model = LanguageModel(size=4, epochs=1).fit(TEXTS)
    with pytest.raises(DTypeError, match=r"LanguageModel.evaluate: X must be a list with one entry a sample.*int"):
        model.perplexity(3)


def test_numbers_beyond_what_can_be_counted_with_are_no_samples():
    with pytest.raises(
        DataError, match=r"MLP.fit: X must be numbers that float64 can hold. Received X='a larger whole n"
    ):
        MLP(**S).fit(np.array([[1, 2], [10**400, 3]] * 4, object), [0, 1] * 4)
    with pytest.raises(
        DataError, match=r"MLP.fit: values must be numbers up to .*a whole number beyond float64': row 1"
    ):
        MLP(task="regress", **S).fit([[1, 2], [2, 3]] * 4, [1, 10**400] * 4)


def test_files_and_sounds_are_read_as_what_they_hold(tmp_path):
    rng = np.random.default_rng(0)
    waves, labels = rng.normal(0, 0.1, (8, 1600)).astype(np.float32), ["a", "b"] * 4
    sounds = [(wave, 8000) for wave in waves]
    paths = [str(tmp_path / f"{name}{n}.png") for n, name in enumerate(labels)]
    for path in paths:
        PIL.Image.fromarray(rng.integers(0, 256, (8, 8), np.uint8)).save(path)
    for given, kind in ((sounds, "audio"), (paths, "image"), ([Path(p) for p in paths], "image")):
        model = SequenceClassifier(**S).fit(given, labels)
        assert model.model_.blueprint_.inputs["x"].kind == kind
        assert np.isfinite(model.predict_proba(given)).all()
    heard = SequenceClassifier(**S).fit(sounds, labels)
    lists = [(wave.tolist(), 8000) for wave in waves]
    np.testing.assert_array_equal(heard.predict_proba(lists), heard.predict_proba(sounds))
    np.testing.assert_array_equal(heard.predict_proba(pd.Series(sounds)), heard.predict_proba(sounds))


def test_pictures_are_pillows_or_whole_numbers_of_any_type(pictures):
    grey = np.random.default_rng(0).integers(0, 256, (3, 8, 8), np.uint8)
    expected = pictures.predict_proba(grey)
    ways = [grey.astype(int), grey.tolist(), [PIL.Image.fromarray(one) for one in grey], grey / 255]
    for given in ways:
        np.testing.assert_array_equal(pictures.predict_proba(given), expected)


def test_words_and_tokens_of_one_length_may_be_an_array():
    words = np.array([["the", "cat"], ["a", "dog"]] * 4)
    tagger = SequenceTagger(**S).fit(words, np.array([["D", "N"]] * 8))
    assert tagger.model_.blueprint_.inputs["x"].kind == "tokens"
    for notes in ([[60, 62, 64], [64, 62, 60]] * 4, np.array([[60, 62, 64], [64, 62, 60]] * 4)):
        assert set(LanguageModel(**S).fit(notes).generate([60], length=5)) <= {60, 62, 64}


def test_a_number_beside_texts_is_a_class_of_its_own(tmp_path):
    model = SequenceClassifier(**S).fit(TEXTS, [1, "1"] * (len(TEXTS) // 2))
    model.save(tmp_path / "m.safetensors")
    for one in (model, SequenceClassifier.load(tmp_path / "m.safetensors")):
        assert one.classes_.tolist() == [1, "1"]


def test_a_table_with_one_column_of_texts_says_how_to_pass_it():
    with pytest.raises(DTypeError, match=r"pass one column of texts, X\['text'\]"):
        SequenceClassifier(**S).fit(pd.DataFrame({"text": TEXTS}), MOODS)


def test_a_file_of_another_task_is_told(texts, tmp_path):
    texts.save(tmp_path / "m.safetensors")
    for kind in (LanguageModel, SequenceRegressor, SequenceTagger, Transcriber, Translator, FaceDetector):
        with pytest.raises(
            FileFormatError, match=rf"a {kind.__name__}'s file.*it gives 'y' \(category\). Load it with el"
        ):
            kind.load(tmp_path / "m.safetensors")
    assert SequenceClassifier.load(tmp_path / "m.safetensors").classes_.tolist() == ["+", "-"]


@pytest.mark.parametrize(
    ("told", "rule"),
    [
        ({"steps": 0}, "steps must be a whole number from 1"),
        ({"lowest": 0}, "lowest must be a finite number above 0"),
        ({"lowest": 0.1, "highest": 0.01}, "highest must be above lowest, 0.1"),
    ],
)
def test_rates_that_do_not_rise_are_refused(told, rule):
    with pytest.raises(ArgumentError, match=f"find_learning_rate: {rule}"):
        SequenceClassifier(**S).find_learning_rate(TEXTS, MOODS, **told)


def test_a_class_of_fields_is_no_field():
    with pytest.raises(ArgumentError, match=r"a field or a kind. Received .*<class 'elman.fields.text.Text'>"):
        SequenceClassifier(input=fields.Text).fit(TEXTS, MOODS)
