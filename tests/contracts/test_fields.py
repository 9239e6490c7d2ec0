"""One suite for every field: what all of them promise, on every kind, without exemptions.

A case is a way to make a field, a training part, samples it has not seen, and what its column may be spoiled with.
"""

from __future__ import annotations

import dataclasses
import json
import tracemalloc
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from elman import settings
from elman.errors import DataError, DTypeError, ElmanError, NotBuiltError, ShapeError, TruncationWarning
from elman.fields import (
    BOS,
    EOS,
    FIELDS,
    PAD,
    Audio,
    Boxes,
    Category,
    Field,
    Image,
    Labels,
    Line,
    Number,
    Series,
    Tags,
    Text,
    Tokens,
    Video,
    by_kind,
    restore,
)
from tests.tolerances import tolerance


@dataclasses.dataclass(frozen=True)
class Case:
    """A field with samples."""

    make: Callable[[], Field[Any]]
    train: list[Any]
    fresh: list[Any]
    bad: list[Any]
    """Samples no field of the kind can take."""
    same: Callable[[Any, Any], bool] = lambda one, other: one == other
    """Whether a sample came back."""
    long: Callable[[int], Any] | None = None
    """A sample of so many steps, for fields of open length."""


def close(one: Any, other: Any) -> bool:
    one, other = np.asarray(one, "float64"), np.asarray(other, "float64")
    span = 10 * (np.abs(one).max(initial=0) + 1)  # scaling multiplies by at most a few
    return one.shape == other.shape and bool(np.all(np.abs(one - other) <= tolerance(np.float32, 1) * span))


def column(one: Any, other: Any) -> bool:
    return close(np.ravel(one), np.ravel(other))


def picture(one: Any, other: Any) -> bool:
    one = np.asarray(one)
    whole = np.rint(one * (255 if one.dtype.kind == "f" else 1))
    return np.array_equal(whole.ravel(), np.ravel(other))


def box(one: Any, other: Any) -> bool:
    return close(np.array(one[0]) / 10 if isinstance(one, tuple) else np.reshape(one, (-1, 4)), other)


def anything(one: Any, other: Any) -> bool:
    """Sound does not come back."""
    return other.ndim == 2


def tone(samples: int) -> np.ndarray:
    return np.sin(np.arange(samples, dtype="float32") * 0.3)


WORDS = ["the cat sat.", "a dog, a cat!", "", "the end"]
CASES = {
    "category": Case(Category, ["b", "a", "b"], ["a", "b"], [None, float("nan"), ["a"]]),
    "category of numbers": Case(Category, [3, 1, 3], [1, 3], [None, ["a"]]),
    "category with other": Case(lambda: Category("other"), [True, False], [False, True], [None, float("nan")]),
    "labels": Case(Labels, [["a", "b"], []], [["a"], [], ["a", "b"]], [None, "a", 3]),
    "labels in one text": Case(
        lambda: Labels("|"), ["a|b", ""], ["a", "", "a|b"], [None, 3], lambda one, other: one == "|".join(other)
    ),
    "number": Case(Number, [1.0, 2.0, 4.0], [3.0, -7.0], [None, float("nan"), float("inf"), "many"], close),
    "number with gaps": Case(lambda: Number("robust", "mean"), [1.0, None, 4.0], [3.0], [float("inf"), "x"], close),
    "numbers": Case(Number, [[1.0, 5.0], [2.0, 6.0]], [[3.0, 0.0]], [[np.nan, 1.0], [1.0, np.inf], ["a", "b"]], close),
    "series": Case(
        Series,
        [np.array([[1.0, 9.0], [2.0, 8.0]]), np.array([[3.0, 7.0]]), np.zeros((0, 2))],
        [np.array([[5.0, 5.0]]), np.zeros((0, 2))],
        [np.array([[np.nan, 1.0]]), np.array([[1.0]]), [["a", "b"]]],
        close,
        lambda n: np.ones((n, 2)),
    ),
    "series of one channel": Case(
        lambda: Series("minmax", "interpolate"),
        [np.array([1.0, 3.0]), np.array([1.0, np.nan]), np.zeros(0)],
        [np.array([5.0]), np.zeros(0)],
        [np.array([np.inf])],
        column,
        np.ones,
    ),
    "text of words": Case(
        Text, WORDS, ["the dog", ""], [None, float("nan"), 3, b"\xff", "\ud800"], long=lambda n: "cat " * n
    ),
    "text of characters": Case(lambda: Text("char"), WORDS, ["tea", ""], [None, 3, b"caf\xe9"], long=lambda n: "a" * n),
    "text of pieces": Case(
        lambda: Text("bpe", max_tokens=270), WORDS, ["zebra ☃ 👨‍👩‍👧", ""], [None, 3, "\udfff"], long=lambda n: "z" * n
    ),
    "tokens": Case(
        Tokens, [["b", "a"], [], ["b", 3]], [["a"], [], [3, "b"]], [None, "ab", 3, [None]], long=lambda n: ["a"] * n
    ),
    "tags": Case(Tags, [["N", "V"], [], ["N"]], [["V"], []], [None, "NV", ["unseen"]], long=lambda n: ["N"] * n),
    "tags of spans": Case(
        lambda: Tags("iobes"),
        [["B-x", "I-x", "O"], ["O"], []],
        [["B-x"], ["O", "O", "B-x", "B-x", "I-x"], []],
        [None, ["x"], ["B-unseen"]],
        long=lambda n: ["O"] * n,
    ),
    "image": Case(
        lambda: Image(4, 5),
        [np.arange(20, dtype="uint8").reshape(4, 5), np.full((4, 5), 255, "uint8")],
        [np.zeros((4, 5), "uint8")],
        [None, "no such file.png", b"no picture", 3, np.zeros((0, 5)), np.full((4, 5), np.nan), np.zeros(5)],
        picture,
    ),
    "image in colours": Case(
        Image,
        [np.arange(60, dtype="uint8").reshape(4, 5, 3)],
        [np.full((4, 5, 3), 200, "uint8")],
        [np.zeros((4, 5, 2), "uint8"), np.full((4, 5), "a"), np.full((4, 5), 256)],
        picture,
    ),
    "line": Case(
        Line,
        [np.arange(24, dtype="uint8").reshape(4, 6), np.full((4, 5), 255, "uint8"), np.zeros((4, 0))],
        [np.full((4, 7), 9, "uint8"), np.zeros((4, 1), "uint8")],
        [None, "no such file.png", 3, np.zeros((0, 5)), np.full((4, 5), -1)],
        picture,
        lambda n: np.zeros((4, n), "uint8"),
    ),
    "line of rows in colours": Case(
        lambda: Line(channels=3, order="rows"),
        [np.arange(60, dtype="uint8").reshape(5, 4, 3)],
        [np.full((7, 4, 3), 9, "uint8")],
        [None, np.zeros((5, 0))],
        picture,
        lambda n: np.zeros((n, 4, 3), "uint8"),
    ),
    "audio": Case(
        lambda: Audio(8000, mels=10),
        [tone(800), tone(2000), np.zeros(0)],
        [tone(400), (tone(1600), 16000), np.zeros(0)],
        [None, "no such file.wav", b"no sound", 3, np.full(900, np.nan), np.zeros((2, 2, 2))],
        anything,
        lambda n: tone(80 * n),
    ),
    "video": Case(
        lambda: Video(max_length=100_000),
        [np.arange(60, dtype="uint8").reshape(3, 4, 5), np.full((2, 4, 5), 255, "uint8"), np.zeros((0, 4, 5))],
        [np.zeros((1, 4, 5), "uint8"), [np.zeros((4, 5))] * 2, np.zeros((0, 4, 5))],
        [None, "no such file.mp4", 3, np.zeros(4), [np.zeros(4)], np.full((1, 4, 5), 2.0)],
        picture,
        lambda n: np.broadcast_to(np.uint8(7), (n, 4, 5)),
    ),
    "boxes": Case(
        Boxes,
        [[[0.1, 0.1, 0.5, 0.5], [0.0, 0.0, 0.2, 0.2]], [], [[0.5, 0.5, 0.5, 0.5]]],
        [[[0.2, 0.3, 0.4, 0.1]], [], ([[1, 1, 2, 2]], (10, 10))],
        [None, "box", 3, [[0.1, 0.1, 0.5]], [[0.1, 0.1, 0.0, 0.5]], [[1.5, 0, 0.5, 0.5]], [[np.nan, 0, 1, 1]]],
        box,
        lambda n: [[0.25, 0.25, 0.5, 0.5]] * n,
    ),
}
SEQUENCES = [name for name, case in CASES.items() if case.long is not None]
CUT = [name for name in SEQUENCES if "max_length" in CASES[name].make().settings()]
"""Tags are cut where their tokens are."""

case = pytest.mark.parametrize("case", CASES.values(), ids=CASES)
sequence = pytest.mark.parametrize("case", [CASES[name] for name in SEQUENCES], ids=SEQUENCES)


def fitted(case: Case) -> Field[Any]:
    return case.make().fit(case.train)


def as_lists(encoded: Any) -> list[Any]:
    return [np.asarray(row).tolist() for row in encoded]


def padded(rows: Any) -> tuple[np.ndarray, list[int]]:
    lengths = [len(row) for row in rows]
    batch = np.zeros((len(rows), max(lengths), *np.shape(rows[0])[1:]), np.asarray(rows[0]).dtype)
    for row, values in zip(batch, rows, strict=True):
        row[: len(values)] = values
    return batch, lengths


def test_every_kind_has_a_case():
    assert {case.make().kind for case in CASES.values()} == set(FIELDS)


@case
def test_a_kind_is_found_by_its_name(case):
    field = case.make()
    assert by_kind(field.kind) is type(field)


@case
def test_what_is_unfitted_says_so(case):
    field = case.make()
    assert not field.fitted
    assert field.state()["learned"] is None
    assert not restore(field.state()).fitted
    assert "not fitted" in field.describe()
    for verb in (field.encode, field.decode):
        with pytest.raises(NotBuiltError, match=rf"{type(field).__name__}.\w+ needs a fitted field. Call fit\(\)"):
            verb(case.train)


@case
def test_settings_are_json_and_make_a_twin(case):
    field = fitted(case)
    twin = by_kind(field.kind)(**json.loads(json.dumps(field.settings())))
    assert not twin.fitted
    assert twin.settings() == field.settings()
    assert as_lists(twin.fit(case.train).encode(case.fresh)) == as_lists(field.encode(case.fresh))


@case
def test_the_state_is_json_and_restores_the_field(case):
    field = fitted(case)
    restored = restore(json.loads(json.dumps(field.state())))
    assert restored.fitted
    assert restored.state() == field.state()
    assert restored.describe() == field.describe()
    assert (restored.shape, restored.size, restored.dtype) == (field.shape, field.size, field.dtype)
    encoded = field.encode(case.fresh)
    assert as_lists(restored.encode(case.fresh)) == as_lists(encoded)


@case
def test_describe_is_one_line(case):
    assert "\n" not in fitted(case).describe()
    assert fitted(case).describe().startswith(case.make().kind)


@case
@pytest.mark.parametrize("part", ["train", "fresh"])
def test_encoded_samples_have_the_promised_shape_and_type(case, part):
    field = fitted(case)
    encoded = field.encode(getattr(case, part))
    assert len(encoded) == len(getattr(case, part))
    assert isinstance(encoded, np.ndarray) == (len({row.shape for row in encoded}) == 1)
    for row in encoded:
        assert row.dtype == field.dtype
        assert len(row.shape) == len(field.shape)
        assert all(wanted in (None, got) for wanted, got in zip(field.shape, row.shape, strict=True))
    assert field.sequence == (None in field.shape)


@case
def test_the_float_type_is_elmans(case):
    settings.set_floatx("float64")
    field = fitted(case)
    assert field.dtype in ("float64", "int32")
    assert all(row.dtype == field.dtype for row in field.encode(case.fresh))


@case
def test_ids_lie_below_the_size(case):
    field = fitted(case)
    if field.dtype == "int32":
        assert all(np.all(row < field.size) and np.all(row >= 0) for row in field.encode(case.train))


@case
def test_samples_come_back(case):
    field = fitted(case)
    decoded = field.decode(field.encode(case.fresh))
    assert len(decoded) == len(case.fresh)
    assert all(case.same(sample, back) for sample, back in zip(case.fresh, decoded, strict=True))


@sequence
def test_padding_is_left_out_where_lengths_say_so(case):
    field = fitted(case)
    batch, lengths = padded(field.encode(case.train))
    decoded = field.decode(batch, lengths)
    straight = field.decode([row[:length] for row, length in zip(batch, lengths, strict=True)])
    assert all(np.array_equal(one, other) for one, other in zip(decoded, straight, strict=True))


@case
def test_scores_decode_as_the_ids_they_favour(case):
    field = fitted(case)
    if field.dtype == "int32":
        ids = field.encode(case.train)
        scores = [np.eye(field.size)[row] for row in ids]
        assert field.decode(scores) == field.decode(list(ids))


@case
def test_a_sample_is_encoded_alike_alone_and_in_company(case):
    field = fitted(case)
    together = field.encode(case.fresh)
    alone = [field.encode([sample])[0] for sample in case.fresh]
    assert as_lists(together) == as_lists(alone)


@case
def test_encoding_learns_nothing(case):
    field = fitted(case)
    before = json.dumps(field.state())
    field.encode(case.fresh)
    assert json.dumps(field.state()) == before


@case
def test_fitting_again_forgets(case):
    field = fitted(case)
    field.fit(case.fresh[:1] or case.train)
    assert field.fit(case.train).state() == fitted(case).state()


@case
def test_one_sample_is_a_column(case):
    field = case.make().fit(case.train[:1])
    assert len(field.encode(case.train[:1])) == 1


@case
def test_equal_samples_are_a_column(case):
    field = case.make().fit(case.train[:1] * 5)
    encoded = field.encode(case.train[:1] * 5)
    assert isinstance(encoded, np.ndarray)
    assert np.all(np.isfinite(encoded))
    assert all(case.same(case.train[0], back) for back in field.decode(encoded))


@case
def test_no_samples_cannot_be_learned_from_but_encoded(case):
    field = case.make()
    with pytest.raises(DataError, match=rf"{type(field).__name__}.fit: values must have at least one"):
        field.fit([])
    encoded = fitted(case).encode([])
    assert isinstance(encoded, np.ndarray)
    assert len(encoded) == 0


@case
@pytest.mark.parametrize("values", ["text", {"a": 1}, 3, None])
def test_what_is_no_column_is_refused(case, values):
    field = case.make()
    with pytest.raises(ElmanError, match=rf"{type(field).__name__}.fit: values must "):
        field.fit(values)


@case
def test_a_bad_sample_is_named_with_its_row(case):
    field = fitted(case)
    for bad in case.bad:
        with pytest.raises(
            (DataError, DTypeError, ShapeError), match=rf"{type(field).__name__}.encode.*(row|sample) 1"
        ):
            field.encode([case.train[0], bad])


@case
def test_columns_of_frames_and_tuples_are_columns(case):
    pandas = pytest.importorskip("pandas")
    field, wanted = fitted(case), fitted(case).encode(case.fresh)
    assert as_lists(field.encode(tuple(case.fresh))) == as_lists(wanted)
    held = pandas.Series(case.fresh, dtype=object)
    assert as_lists(field.encode(held)) == as_lists(wanted)


@sequence
def test_lengths_from_nothing_to_very_long_are_mixed(case):
    field = fitted(case)
    samples = [case.long(n) for n in (0, 1, 100_000, 3)]
    encoded = field.encode(samples)
    assert isinstance(encoded, list)
    assert len(encoded[0]) == 0
    assert 1 <= len(encoded[1]) <= len(encoded[3]) <= len(encoded[2]) <= 100_000


@pytest.mark.parametrize("case", [CASES[name] for name in CUT], ids=CUT)
def test_a_cut_is_said(case):
    field = by_kind(case.make().kind)(**{**case.make().settings(), "max_length": 2}).fit(case.train)
    with pytest.warns(TruncationWarning, match=r"1 of 2 samples are longer than max_length=2 and lost their ends"):
        encoded = field.encode([case.long(0), case.long(30)])
    assert len(encoded[1]) == 2
    whole = by_kind(field.kind)(**{**field.settings(), "max_length": None}).fit(case.train)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert len(whole.encode([case.long(30)])[0]) > 2


@sequence
def test_long_samples_take_memory_in_proportion(case):
    field, sample = fitted(case), case.long(100_000)
    tracemalloc.start()
    field.encode([sample, case.long(0)])
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert most < 100_000 * 2000, f"{most / 100_000:.0f} bytes a step"


@pytest.mark.parametrize("name", ["text of words", "text of characters", "text of pieces", "tokens"])
def test_special_ids_end_and_leave_no_trace(name):
    field = fitted(CASES[name])
    row = field.encode(CASES[name].train)[0].tolist()
    assert field.decode([[BOS, *row, EOS, *row, PAD]]) == field.decode([row])
