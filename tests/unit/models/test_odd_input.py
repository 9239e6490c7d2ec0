"""Odd arrays, frames and objects: the numbers of a plain array, or an error that says what to do."""

from __future__ import annotations

import decimal
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pytest

from elman import Model, Sequential
from elman.errors import ArgumentError, DataError, DTypeError, ElmanError, ShapeError
from elman.layers import GRU, LSTM, Concatenate, Dense, Embedding, Input

ROWS, STEPS, FEATURES = 4, 5, 3


def sequences() -> Sequential:
    model = Sequential([Input((None, FEATURES)), LSTM(4), Dense(1)], name="m")
    model.compile("sgd", "mse")
    return model


def plain(seed: int = 0) -> np.ndarray:
    """Halves, which every type of real number holds."""
    return np.random.default_rng(seed).integers(-6, 6, (ROWS, STEPS, FEATURES)).astype("float32") / 2


X, Y = plain(), np.ones((ROWS, 1), "float32")


def unaligned(x: np.ndarray) -> np.ndarray:
    return np.frombuffer(b"x" + x.tobytes(), np.uint8)[1:].view(x.dtype).reshape(x.shape)


def boxed(x: np.ndarray) -> np.ndarray:
    """Arrays of one length in an array of objects, as code for ragged rows leaves them."""
    rows = np.empty(len(x), object)
    rows[:] = list(x)
    return rows


class Wrapped:
    """What has nothing but `__array__`."""

    def __init__(self, x: np.ndarray) -> None:
        self.x = x

    def __array__(self, dtype: Any = None, copy: Any = None) -> np.ndarray:
        return self.x


class Derived(np.ndarray):
    """A class of one's own."""


TAKEN: dict[str, Callable[[np.ndarray], Any]] = {
    "float16": lambda x: x.astype("float16"),
    "float64": lambda x: x.astype("float64"),
    "longdouble": lambda x: x.astype(np.longdouble),
    "big endian": lambda x: x.astype(">f4"),
    "big endian float64": lambda x: x.astype(">f8"),
    "objects": lambda x: x.astype(object),
    "decimals": lambda x: np.array([decimal.Decimal(float(v)) for v in x.flat], object).reshape(x.shape),
    "array of arrays": boxed,
    "strided": lambda x: np.repeat(x, 2, 1)[:, ::2],
    "backwards": lambda x: x[::-1, ::-1].copy()[::-1, ::-1],
    "transposed": lambda x: x.swapaxes(0, 1).copy().swapaxes(0, 1),
    "fortran": np.asfortranarray,
    "unaligned": unaligned,
    "read-only": lambda x: np.frombuffer(x.tobytes(), "float32").reshape(x.shape),
    "lists": lambda x: x.tolist(),
    "list of arrays": list,
    "list of frames": lambda x: [pd.DataFrame(row) for row in x],
    "list of nullable frames": lambda x: [pd.DataFrame(row.astype("float64")).astype("Float64") for row in x],
    "list of polars frames": lambda x: [pl.DataFrame(row) for row in x],
    "unmasked": lambda x: np.ma.masked_array(x, mask=False),
    "derived": lambda x: x.view(Derived),
    "wrapped": Wrapped,
}


def learned(model: Sequential, x: Any, learn: Callable[[Sequential, Any], Any]) -> np.ndarray:
    """The weights after learning from x; the model is as it was."""
    before = model.get_weights()
    learn(model, x)
    found = np.concatenate([w.ravel() for w in model.get_weights()])
    model.set_weights(before)
    return found


ANSWERS: dict[str, Callable[[Sequential, Any], Any]] = {
    "predict": lambda m, x: m.predict(x, verbose=0),
    "predict in parts": lambda m, x: m.predict(x, batch_size=3, verbose=0),
    "predict_on_batch": lambda m, x: m.predict_on_batch(x),
    "evaluate": lambda m, x: m.evaluate(x, Y, verbose=0),
    "fit": lambda m, x: learned(m, x, lambda m, x: m.fit(x, Y, shuffle=False, verbose=0)),
    "train_on_batch": lambda m, x: learned(m, x, lambda m, x: [m.train_on_batch(x, Y) for _ in range(3)]),
    "feed": lambda m, x: m.stream(batch=ROWS).feed(x),
}


@pytest.mark.parametrize("kind", TAKEN)
@pytest.mark.parametrize("way", ANSWERS)
def test_odd_arrays_give_the_numbers_of_plain_ones(way: str, kind: str) -> None:
    model, ask, other = sequences(), ANSWERS[way], plain(1)
    wanted, wanted_of_other = ask(model, X), ask(model, other)
    for _ in range(3):  # the second and third time some ways are shorter
        np.testing.assert_array_equal(ask(model, TAKEN[kind](X)), wanted)
    ask(model, X), ask(model, X)
    np.testing.assert_array_equal(ask(model, TAKEN[kind](other)), wanted_of_other)


@pytest.mark.parametrize("kind", ["int8", "uint8", "int32", "uint32", "int64", "uint64", "bool", ">i4"])
@pytest.mark.parametrize("way", ANSWERS)
def test_whole_numbers_are_taken_for_reals(way: str, kind: str) -> None:
    """Also where as many bytes could be read as something else."""
    model, ask = sequences(), ANSWERS[way]
    whole = (np.abs(X) * 2).astype(kind)
    wanted = ask(model, whole.astype("float32"))
    ask(model, X), ask(model, X)
    np.testing.assert_array_equal(ask(model, whole), wanted)


SLICED = [name for name in TAKEN if "list" not in name and name not in ("array of arrays", "wrapped")]


@pytest.mark.parametrize("kind", SLICED)
@pytest.mark.parametrize("batch", [1, ROWS])
def test_odd_steps_give_the_numbers_of_plain_ones(batch: int, kind: str) -> None:
    model, odd = sequences(), TAKEN[kind](X)
    a, b = model.stream(batch=batch), model.stream(batch=batch)
    for t in range(STEPS):
        wanted = a.step(np.ascontiguousarray(X[0, t] if batch == 1 else X[:, t]))
        np.testing.assert_array_equal(b.step(odd[0, t] if batch == 1 else odd[:, t]), wanted)


def test_a_mapped_file_is_read(tmp_path: Path) -> None:
    X.tofile(tmp_path / "x")
    model = sequences()
    for mode in ("r", "c"):
        mapped = np.memmap(tmp_path / "x", dtype="float32", mode=mode, shape=X.shape)
        for ask in ANSWERS.values():
            np.testing.assert_array_equal(ask(model, mapped), ask(model, X))


TABLE = {"a": [1.5, 2.0, 3.0], "b": [1, 0, 2], "c": [True, False, True]}
FRAMES: dict[str, Callable[[], Any]] = {
    "pandas": lambda: pd.DataFrame(TABLE),
    "nullable": lambda: pd.DataFrame(TABLE).astype({"a": "Float64", "b": "Int64", "c": "boolean"}),
    "some nullable": lambda: pd.DataFrame(TABLE).astype({"b": "Int64", "c": "float32"}),
    "polars": lambda: pl.DataFrame(TABLE, strict=False).cast({"c": pl.Int8}),
}


@pytest.mark.parametrize("kind", FRAMES)
def test_frames_of_several_types_are_taken(kind: str) -> None:
    model = Sequential([Input((3,)), Dense(2)])
    model.compile("sgd", "mse")
    frame, clean = FRAMES[kind](), np.array([*TABLE.values()], "float32").T
    y = np.ones((3, 2), "float32")
    for _ in range(3):
        np.testing.assert_array_equal(model.predict(frame, verbose=0), model.predict(clean, verbose=0))
    assert model.evaluate(frame, y, verbose=0) == model.evaluate(clean, y, verbose=0)
    y = pd.Series([1, 0, 1], dtype="Int64")
    one = Sequential([Input((3,)), Dense(1)])
    one.compile("sgd", "mse")
    assert one.evaluate(clean, y, verbose=0) == one.evaluate(clean, y.to_numpy("float32"), verbose=0)
    step = sequences().stream(batch=3)
    assert step.step(frame).shape == (3, 1)


def with_one(value: Any, kind: Any = object) -> np.ndarray:
    x = X.astype(kind)
    x[1, 2, 0] = value
    return x


class Sparse:
    """Has a shape, a type and rows, and is no array."""

    shape, dtype = (ROWS, FEATURES), np.dtype("float32")

    def __iter__(self) -> Iterator[Any]:
        return iter(())

    def __len__(self) -> int:
        raise TypeError("ambiguous")


REFUSED: dict[str, tuple[Any, type[ElmanError], str]] = {
    "missing": (with_one(None), DTypeError, "row 1, step 2, column 0 is None"),
    "NA": (with_one(pd.NA), DTypeError, "row 1, step 2, column 0 is <NA>"),
    "word": (with_one("a"), DTypeError, "row 1, step 2, column 0 is 'a'"),
    "NaN object": (with_one(np.nan), DataError, r"be finite.*row 1, step 2, column 0"),
    "too large": (with_one(1e300, "float64"), DataError, r"(within float32|be finite).*row 1, step 2, column 0"),
    "beyond floats": (with_one(10**400), DataError, "within the range of floats"),
    "numbers in words": (X.astype(str), DTypeError, r"of real numbers\. Received dtype <U32"),
    "bytes": (X.astype("S8"), DTypeError, r"of real numbers\. Received dtype |S8"),
    "complex": (X.astype("complex64"), DTypeError, "of real numbers. Received dtype complex64"),
    "times": (X.astype("M8[s]"), DTypeError, "of real numbers"),
    "durations": (X.astype("m8[s]"), DTypeError, "of real numbers"),
    "records": (np.zeros((ROWS, STEPS), [("a", "f4"), ("b", "f4")]), DTypeError, "of real numbers"),
    "masked": (
        np.ma.masked_array(X, mask=with_one(9, "f") > 8),
        DataError,
        r"without masked.*1 of 60 are masked\. Fill them",
    ),
    "list of masked": ([np.ma.masked_array(x, mask=x > 2) for x in X], DataError, "without masked"),
    "a number": (3.0, ShapeError, r"Received shape \(\)"),
    "no dimension": (np.array(1.0), ShapeError, r"Received shape \(\)"),
    "nothing": (None, DTypeError, "it is of type NoneType. Pass an array"),
    "an object": (object(), DTypeError, "it is of type object. Pass an array"),
    "a class": (np.ndarray, DTypeError, "it is of type type. Pass an array"),
    "a word": ("hello", DTypeError, "of real numbers"),
    "bytes alone": (b"abc", DTypeError, "of real numbers"),
    "sparse": (Sparse(), DTypeError, "it is of type Sparse. Pass an array"),
    "lazy": (pl.DataFrame({"a": [1.0]}).lazy(), DTypeError, "it is of type LazyFrame. Pass an array"),
    "uneven lists": ([[[1, 2, 3], [1, 2]], [[1, 2, 3], [4, 5, 6]]], DataError, "be an array.*Give every row"),
    "uneven features": ([X[0], X[1, :, :2]], DataError, "be an array.*Give every row"),
    "features": (X[..., :2], ShapeError, r"Received shape \(4, 5, 2\)"),
    "rank": (X[0, 0, :2], ShapeError, r"Received shape \(2,\)"),
}


@pytest.mark.parametrize("kind", REFUSED)
@pytest.mark.parametrize("way", ANSWERS)
def test_what_is_no_sequence_of_numbers_is_refused(way: str, kind: str) -> None:
    model = sequences()
    x, error, message = REFUSED[kind]
    ask = ANSWERS[way]
    ask(model, X), ask(model, X)
    with pytest.raises(error, match=rf"^Sequential 'm'(\.stream)?: x must .*{message}"):
        ask(model, x)


NO_STEPS = ["missing", "NA", "word", "beyond floats", "numbers in words", "bytes", "complex", "times", "masked"]


@pytest.mark.parametrize("kind", NO_STEPS)
def test_a_step_of_no_numbers_is_refused(kind: str) -> None:
    x, error, _ = REFUSED[kind]
    stream = sequences().stream()
    stream.step(X[0, 0])
    before = stream.save_state()
    with pytest.raises(error, match=r"^Sequential 'm'\.stream: x must "):
        stream.step(x[1, 2])
    assert stream.save_state() == before


def test_an_input_of_several_is_named() -> None:
    a, b = Input((None, 2), name="a"), Input((None, 3), name="b")
    stream = Model([a, b], LSTM(2)(Concatenate()([a, b])), name="two").stream()
    with pytest.raises(ShapeError, match=r"x\['b'\] must have shape \(1, 3\)\. Received shape \(1, 2\)"):
        stream.step([np.ones(2), np.ones(2)])
    with pytest.raises(DataError, match=r"x\['b'\] must be finite"):
        stream.feed([np.ones((4, 2)), np.full((4, 3), np.nan)])


@pytest.mark.parametrize("value", [1e19, -(2**63), 2**64 - 1, 2**32 + 1, 2**70])
def test_indices_beyond_their_type_are_refused(value: Any) -> None:
    """Cut down to 32 bits, some would be indices."""
    model = Sequential([Input((None,), dtype="int32"), Embedding(5, 3), GRU(2)], name="m")
    with pytest.raises(DataError, match=r"x must be within int32\. .*row 0, column 1"):
        model.predict(np.array([[1, value]], dtype=None if abs(value) < 2**64 else object), verbose=0)
    with pytest.raises(DataError, match="x must be within int32"):
        model.stream().step(value)


@pytest.mark.parametrize("wrong", [-1, 3])
def test_a_class_that_is_none_is_named_by_its_row(wrong: int) -> None:
    model = Sequential([Input((3,)), Dense(3, activation="softmax")], name="m")
    model.compile("sgd", "sparse_categorical_crossentropy")
    y = np.array([0, 1, wrong, 2], "int32")
    cure = "Give the last layer one output for each class, and number them from 0."
    message = rf"m': y must be class numbers between 0 and 2\. Received y={wrong}: row 2\. {cure}"
    for call in (model.fit, model.evaluate):
        with pytest.raises(DataError, match=message):
            call(X[:, 0], y, verbose=0)
    for _ in range(2):
        model.train_on_batch(X[:, 0], np.array([0, 1, 2, 0], "int32"))
    with pytest.raises(DataError, match=message):
        model.train_on_batch(X[:, 0], y)
    every = Sequential([Input((None, 3)), GRU(3, return_sequences=True, activation="softmax")], name="m")
    every.compile("sgd", {"class_name": "SparseCategoricalCrossentropy", "config": {"ignore_class": -1}})
    y = np.zeros((ROWS, STEPS), int)
    y[1, 2] = -1
    assert np.isfinite(every.evaluate(X, y, verbose=0))
    y[1, 3] = -2
    with pytest.raises(DataError, match="Received y=-2: row 1, step 3"):
        every.evaluate(X, y, verbose=0)


def test_a_generator_that_has_ended_is_told() -> None:
    """It gave a loss of 0."""
    model = sequences()
    batches = iter([(X, Y)])
    model.evaluate(batches, verbose=0)
    for call in (model.evaluate, model.predict):
        with pytest.raises(DataError, match=r"x must be an iterable of at least one batch\..*make a new one"):
            call(batches, verbose=0)
        for steps in (0, -1, 1.5, "2"):
            with pytest.raises(ArgumentError, match="steps must be a whole number from 1"):
                call(X, steps=steps, verbose=0)


def test_batches_of_several_lengths_are_predicted_row_by_row() -> None:
    model = Sequential([Input((None, 3)), GRU(2, return_sequences=True)])
    made = model.predict(iter([X, X[:, :2]]), verbose=0)
    assert [y.shape for y in made] == [(STEPS, 2)] * ROWS + [(2, 2)] * ROWS
    np.testing.assert_array_equal(made[ROWS], model.predict(X[:1, :2], verbose=0)[0])
