"""Samples that no field takes: what each field says of them."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from elman.errors import DataError, DTypeError, ShapeError
from elman.fields import Audio, Boxes, Category, Image, Number, Series, Table, Tokens, Video

GREY = np.zeros((2, 3), "uint8")


@pytest.mark.parametrize(
    ("call", "error", "text"),
    [
        (lambda: Tokens().fit("a b"), DTypeError, "a column: a list with one entry a sample"),
        (
            lambda: Tokens().fit([["a"], "a b"]),
            DTypeError,
            "be lists of symbols. Received str: row 1. Split",
        ),
        (lambda: Tokens().fit([["a"], None]), DataError, "be lists of symbols. Received values='NoneType': row 1"),
        (
            lambda: Tokens().fit([["a", 0.5]]),
            DTypeError,
            "be lists of texts or whole numbers. Received dtype float: row 0, symbol 1",
        ),
        (
            lambda: Series().fit(np.zeros((2,) * 4)),
            ShapeError,
            "have shape (N,) or (N, channels), or be a column of such",
        ),
        (
            lambda: Series().fit([GREY, np.zeros((2, 4))]),
            ShapeError,
            "have 3 channels. Received shape (2, 4): sample 1",
        ),
        (lambda: Category().fit(["a"]).encode(["b"]), DataError, "be classes of the training part"),
        (lambda: Image().fit([GREY, np.full((2, 2), "x")]), DTypeError, "be pictures of numbers"),
        (lambda: Image().fit([np.full((2, 2), -1)]), DataError, "whole numbers 0 ... 255 or fractions 0 ... 1"),
        (lambda: Video().fit([3]), DTypeError, "be paths, lists of pictures or arrays. Received dtype int: row 0"),
        (lambda: Video().fit([np.zeros(3)]), DataError, "be videos (T, H, W) or (T, H, W, C)"),
        (lambda: Audio(8000).fit([np.zeros((2, 2, 2))]), DataError, "be sounds (samples,) or (samples, channels)"),
        (lambda: Boxes().fit([[], 3]), DTypeError, "be lists of boxes, or pairs (boxes, (height, width))"),
        (lambda: Boxes().fit([[], [[0, 0, 1]]]), DataError, "have four numbers a box. Received values=(1, 3): row 1"),
    ],
)
def test_a_sample_is_refused_in_words(call, error, text):
    with pytest.raises(error) as caught:
        call()
    assert text in str(caught.value)


def test_symbols_may_be_numbers_and_letters_may_become_small():
    field = Tokens(lower=True).fit([["The", "the", 7]])
    assert field.vocabulary.symbols == ("the", 7)
    assert field.decode(field.encode([["THE", 7]])) == [["the", 7]]


LARGE = r"must be numbers up to 3\.403e\+38"


@pytest.mark.parametrize("field", [Number, Series], ids=["number", "series"])
def test_numbers_too_large_to_count_with_are_refused_by_their_row(field):
    fitted = field().fit([1.0, 2.0])
    for where in (field().fit, fitted.encode):
        with pytest.raises(DataError, match=rf"{LARGE}\. Received \w+=1e\+300: row 1.*Correct"):
            where([1.0, 1e300])
        with pytest.raises(DataError, match=rf"{LARGE}\. Received values='a whole number beyond float64': row 1\. Cor"):
            where([1.0, 10**400])
    small = field().fit([0.0, 1e-8])
    with pytest.raises(
        DataError, match=r"a size that float32 can hold when scaled.*=1e\+38: row 0; the scale is 5e-09"
    ):
        small.encode([1e38])
    assert np.isfinite(fitted.encode([1e38])).all()


def test_a_whole_number_too_large_for_a_table_is_refused_by_its_row():
    table = Table.wrap("fit", pd.DataFrame({"n": [1, 10**400]}))
    rule = r"fit: target must be numeric\. Received target='a whole number beyond float64': row 1, column 'n'"
    with pytest.raises(DataError, match=rule):
        table.numbers("fit", "target", ["n"])
