"""Inputs that are looked up in a table: an index outside is told by its row, before a step is done."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from elman import Model, Sequential, ops
from elman.errors import DataError
from elman.layers import GRU, Dense, Embedding, Flatten, Input, Lambda, TimeDistributed

RULE = r"Sequential 'm'(, validation_data)?: x must be between 0 and 9, the rows of 'words/embeddings'\. Received x="
CURE = r"\. Enlarge the table \(input_dim\) or map unknown values to a reserved index\."
Y = np.zeros((64, 1), np.float32)


def words(dtype: str = "int32") -> Sequential:
    made = Sequential([Input((None,), dtype=dtype), Embedding(10, 4, name="words"), GRU(3), Dense(1)], name="m")
    made.compile("sgd", "mse")
    return made


def indices(value: float, row: int = 37) -> np.ndarray:
    x = np.arange(64 * 5).reshape(64, 5) % 10
    x[row, 2] = value
    return x


CALLS = {
    "fit": lambda m, x: m.fit(x, Y, verbose=0),
    "evaluate": lambda m, x: m.evaluate(x, Y, verbose=0),
    "predict": lambda m, x: m.predict(x, verbose=0),
    "train_on_batch": lambda m, x: m.train_on_batch(x, Y),
    "test_on_batch": lambda m, x: m.test_on_batch(x, Y),
    "predict_on_batch": lambda m, x: m.predict_on_batch(x),
    "validation_split": lambda m, x: m.fit(x, Y, validation_split=0.5, verbose=0),
    "validation_data": lambda m, x: m.fit(indices(0), Y, validation_data=(x, Y), verbose=0),
}


@pytest.mark.parametrize("call", CALLS)
@pytest.mark.parametrize("value", [-1, 10])
def test_an_index_outside_is_told_by_its_row(call: str, value: int) -> None:
    made, x = words(), indices(value).astype(np.int32)
    for _ in range(3):  # also by what a first batch has prepared
        CALLS[call](made, indices(9).astype(np.int32)) if "on_batch" in call else None
        weights = made.get_weights()
        with pytest.raises(DataError, match=f"{RULE}{value}: row 37, step 2{CURE}"):
            CALLS[call](made, x)
        for before, now in zip(weights, made.get_weights(), strict=True):
            np.testing.assert_array_equal(before, now)


@pytest.mark.parametrize("form", [list, lambda x: x.astype(np.float64), np.ndarray.tolist])
@pytest.mark.parametrize("dtype", ["int32", "float32"])
def test_in_every_form(form: Any, dtype: str) -> None:
    with pytest.raises(DataError, match=rf"{RULE}10(\.0)?: row 37, step 2"):
        words(dtype).predict(form(indices(10)), verbose=0)


def test_among_rows_of_different_lengths_that_stay_where_they_are() -> None:
    rows = [np.full(1 + i % 3000, i % 10, np.int32) for i in range(4000)]
    words().predict(rows, verbose=0)
    rows[3500][17] = 12
    with pytest.raises(DataError, match=rf"{RULE}12: row 3500, step 17"):
        words().predict(rows, verbose=0)


def test_a_table_behind_other_layers_and_the_smallest_of_several() -> None:
    inner = Sequential([Input((3,), dtype="int32"), Embedding(7, 2, name="few")])
    x, other = Input((4, 3), dtype="int32", name="x"), Input((4, 3), dtype="int32", name="other")
    parts = [TimeDistributed(inner)(x), Embedding(9, 2, name="more")(x), Embedding(11, 2, name="most")(other)]
    made = Model([x, other], [Flatten()(part) for part in parts])
    good = np.full((2, 4, 3), 6)
    made.predict([good, good + 4], verbose=0)
    with pytest.raises(DataError, match=r"x\['x'\] must be between 0 and 6, the rows of '.*few/emb.*=8: row 0, s"):
        made.predict([good + 2, good], verbose=0)
    with pytest.raises(DataError, match=r"x\['other'\] must be between 0 and 10.*=11: row 0, step 0, column 0"):
        made.predict([good, good + 5], verbose=0)


def test_what_is_computed_from_an_input_is_told_when_it_is_looked_up() -> None:
    x = Input((2,), dtype="int32")
    made = Model(x, Flatten()(Embedding(5, 2)(Lambda(lambda x: x[:, :1])(x))))
    assert made.predict(np.array([[4, 99]]), verbose=0).shape == (1, 2)
    made = Model(x, Flatten()(Embedding(5, 2)(Lambda(lambda x: ops.maximum(x, 0) + 1)(x))))
    assert made.predict(np.array([[-7, 3]]), verbose=0).shape == (1, 4)
    with pytest.raises(DataError, match=r"Gather: index must be between 0 and 4\. Received index=5: position 3"):
        made.predict(np.array([[0, 0], [0, 4]]), verbose=0)
