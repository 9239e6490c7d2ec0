"""A stack that is told no shape takes what its first data allow: rows of tokens may have any number of them."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from elman import Model, Sequential
from elman.layers import LSTM, Dense, Embedding, Flatten, Reshape

R = np.random.default_rng(0)
TOKENS = R.integers(0, 9, (8, 6))
Y = R.normal(size=(8, 1)).astype(np.float32)
ROWS = [row[: 1 + i % 6] for i, row in enumerate(TOKENS)]


def model(*between: Any) -> Sequential:
    made = Sequential([Embedding(9, 4), *(between or (LSTM(3),)), Dense(1)])
    made.compile("adam", "mse")
    return made


@pytest.mark.parametrize(
    "x",
    [TOKENS, TOKENS.astype(np.float32), ROWS, [row.tolist() for row in ROWS], [row[:4] for row in TOKENS]],
    ids=["array", "reals", "rows", "lists", "rows of one length"],
)
def test_the_number_of_tokens_is_open(x: Any) -> None:
    made = model()
    made.fit(x, Y, verbose=0)
    assert made.input_shape == (None, None)
    whole = made.predict(ROWS, verbose=0)
    for row, expected in zip(ROWS, whole, strict=True):
        np.testing.assert_array_equal(made.predict(row[None], verbose=0)[0], expected)


def test_it_is_known_where_a_layer_needs_it() -> None:
    made = model(Flatten())
    made.fit(TOKENS, Y, verbose=0)
    assert made.input_shape == (None, 6)


@pytest.mark.parametrize("x", [TOKENS, TOKENS.astype(np.float32)], ids=["whole", "real"])
@pytest.mark.parametrize("first", [[], [Reshape((6, 1)), LSTM(2)]], ids=["dense", "reshaped"])
def test_columns_of_a_table_stay_columns(x: Any, first: list[Any]) -> None:
    made = Sequential([*first, Dense(1)])
    made.compile("adam", "mse")
    made.fit(x, Y, verbose=0)
    assert made.input_shape == (None, 6)


class Pair(Model):
    """Two sequences, of lengths of their own."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.second = LSTM(3), LSTM(3)

    def call(self, x: Any) -> Any:
        a, b = x
        return self.first(a) * self.second(b)


def test_two_inputs_of_a_call_may_both_be_ragged() -> None:
    rows = [[R.normal(size=(1 + (i * k) % 4, 2)).astype(np.float32) for i in range(8)] for k in (1, 3)]
    made = Pair()
    made.compile("adam", "mse")
    made.fit(rows, R.normal(size=(8, 3)), verbose=0)
    whole = made.predict(rows, verbose=0)
    for i in range(8):
        np.testing.assert_array_equal(made.predict([rows[0][i][None], rows[1][i][None]], verbose=0)[0], whole[i])
