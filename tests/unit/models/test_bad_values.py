"""Which data and which number an error means: data to validate with, numbers beyond the model's type."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import pandas as pd
import pytest

from elman.errors import DataError
from elman.layers import Dense, Input, SimpleRNN
from elman.models import Sequential

X = np.linspace(0, 1, 24, dtype=np.float32).reshape(8, 3)
Y = X[:, 0]
NAN, BIG, INF = X.copy(), X.astype(np.float64), X.copy()
NAN[3, 1], BIG[3, 1], INF[3, 1] = np.nan, 1e39, np.inf
LARGE = r"Sequential 'm': {0} must be within float32\. Received {0}=1e\+39: {0}{1}, {2}\. Scale it: values of about -1"


def dense() -> Sequential:
    made = Sequential([Input((3,)), Dense(1)], name="m")
    made.compile("sgd", "mse")
    return made


# ---- validation_data ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("data", "told"),
    [
        ((NAN, Y), "x must be finite. Received x=nan: x[3, 1], row 3, column 1."),
        ((X, NAN[:, 1]), "y must be finite. Received y=nan: y[3, 0], row 3, column 0."),
        ((X, Y, NAN[:, 1]), "sample_weight must be finite."),
        ((X, Y[:3]), "x and y must have the same number of rows."),
        ((X[:, :2], Y), "x must have shape (B, 3)."),
    ],
)
@pytest.mark.parametrize("streamed", [False, True])
def test_validation_data_are_named(data: Any, told: str, streamed: bool) -> None:
    given = iter([data]) if streamed else data
    with pytest.raises(Exception, match=re.escape(f"Sequential 'm', validation_data: {told}")) as caught:
        dense().fit(X, Y, validation_data=given, verbose=0)
    assert isinstance(caught.value, ValueError)


def test_the_data_to_train_on_are_not_called_validation_data() -> None:
    with pytest.raises(DataError, match=r"^Sequential 'm': x must be finite\."):
        dense().fit(NAN, Y, validation_data=(X, Y), verbose=0)


def test_a_generator_to_validate_with_that_has_ended() -> None:
    rule = (
        r"Sequential 'm', validation_data: x must be an iterable of at least one batch\. Received x='one without any'\."
    )
    with pytest.raises(DataError, match=rule + " A generator gives its batches once"):
        dense().fit(X, Y, epochs=2, validation_data=iter([(X, Y)]), verbose=0)


# ---- numbers beyond the model's type ------------------------------------------------------------------------------


@pytest.mark.parametrize("form", [np.asarray, np.ndarray.tolist, lambda a: pd.DataFrame(a, columns=list("abc"))])
def test_finite_numbers_beyond_float32(form: Any) -> None:
    column = "'b'" if isinstance(form(X), pd.DataFrame) else "1"
    with pytest.raises(DataError, match=LARGE.format("x", r"\[3, 1\]", f"row 3, column {column}")):
        dense().fit(form(BIG), Y, verbose=0)


def test_targets_and_weights_beyond_float32() -> None:
    for big in (BIG[:, 1], BIG[:, 1:2], pd.Series(BIG[:, 1], index=range(50, 58))):
        with pytest.raises(DataError, match=LARGE.format("y", r"\[3, 0\]", "row 3, column 0")):
            dense().fit(X, big, verbose=0)
    with pytest.raises(DataError, match=LARGE.format("sample_weight", r"\[3\]", "row 3")):
        dense().fit(X, Y, sample_weight=BIG[:, 1], verbose=0)


@pytest.mark.parametrize("long", [4, 60])
def test_numbers_of_ragged_rows_beyond_float32(long: int) -> None:
    made = Sequential([Input((None, 2)), SimpleRNN(1)], name="m")
    made.compile("sgd", "mse")
    rows = [np.zeros((n, 2)) for n in (3, long, 2)]
    rows[0][1, 1] = 1e39
    with pytest.raises(DataError, match=LARGE.format("x", r"\[0, 1, 1\]", "row 0, step 1, column 1")):
        made.fit(rows, Y[:3], verbose=0)


def test_numbers_of_a_batch_like_the_one_before_beyond_float32() -> None:
    made = dense()
    made.train_on_batch(BIG * 0, Y)
    with pytest.raises(DataError, match=LARGE.format("x", r"\[3, 1\]", "row 3, column 1")):
        made.train_on_batch(BIG, Y)


def test_infinity_is_no_number_to_be_scaled() -> None:
    with pytest.raises(
        DataError, match=r"x must be finite\. Received x=inf: x\[3, 1\], row 3, column 1\. Fill the gap"
    ):
        dense().fit(INF, Y, verbose=0)
