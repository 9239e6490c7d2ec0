"""What columns are taken for, and why; what no field reads is refused."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import numpy as np
import pandas as pd
import polars as pl
import pytest

from elman.errors import DataError, DTypeError
from elman.fields import guess

TWEETS = [f"tweet number {n} says so" for n in range(30)]


@pytest.mark.parametrize(
    ("column", "name", "kind", "reason"),
    [
        (TWEETS, "text", "text", "text: 30 different texts of 5 words"),
        ([f"nom{n}" for n in range(9)], "name", "text", "text: 9 different texts of 4 characters without spaces"),
        (["我喜欢这部电影", "不好看的电影"], "评论", "text", "without spaces"),
        (["spam", "ham"] * 5, "label", "category", "2 different texts in 10 rows"),
        (["spam", None, "ham", float("nan"), "ham", "spam"], "label", "category", "2 different texts in 4 rows"),
        ([True, False], "churn", "category", "true or false"),
        ([1, 2, 3] * 9, "stars", "category", "only 3 different whole numbers in 27 rows"),
        (list(range(99)), "age", "number", "numbers, 99 different ones in 99 rows"),
        ([0.5, 1.0], "price", "number", "numbers with fractions"),
        (["0.5", "1"], "price", "number", "text that reads as numbers with fractions"),
        (np.zeros((4, 3)), "x", "number", "a table of 3 numbers"),
        (np.zeros((4, 3, 2)), "x", "series", "arrays of numbers, the first (3, 2)"),
        ([np.zeros((3, 2)), np.zeros((5, 2))], "x", "series", "arrays of numbers"),
        ([[0.5, 1.5], [2.5]], "x", "series", "lists of numbers"),
        ([["the", "cat"], []], "words", "tokens", "lists of symbols, 2 different ones"),
        ([[60, 62], [64]], "notes", "tokens", "lists of symbols, 3 different ones"),
        ([["O", "B-LOC"], ["I-LOC"]], "y", "tags", "lists of O, B- and I- tags"),
        ([["DET", "NOUN"]], "pos", "tags", "lists of symbols in a column called 'pos'"),
        ([{"a"}, set()], "topics", "labels", "sets of labels"),
        ([[[0, 0, 1, 1]], []], "boxes", "boxes", "lists in a column called 'boxes'"),
        (["a/1.PNG", "a/2.png"], "file", "image", "paths of files of pictures (.png)"),
        (["1.wav"], "file", "audio", "paths of files of sound (.wav)"),
        ([Path("1.mp4")], "file", "video", "paths of files of video (.mp4)"),
        ([b"\x89PNG..."], "file", "image", "bytes of picture files"),
        ([b"RIFF..."], "file", "audio", "bytes of sound files"),
        ([b"some bytes", b"more bytes"], "text", "text", "2 words"),
        ([(np.zeros(9), 8000)], "sound", "audio", "pairs of a sound and its rate"),
        (np.zeros((2, 5, 5), "uint8"), "x", "image", "arrays of pixels (5, 5)"),
        ([np.zeros((5, 5, 3))], "x", "image", "arrays of pixels (5, 5, 3)"),
        ([np.zeros((7, 5, 5))], "x", "video", "arrays of frames (7, 5, 5)"),
        ([np.zeros((7, 5, 5, 3), "uint8")], "x", "video", "arrays of frames"),
    ],
)
def test_a_column_is_taken_for(column, name, kind, reason):
    field, why = guess(column, name)
    assert field.kind == kind
    assert reason in why
    assert not field.fitted


@pytest.mark.parametrize("frame", [pd.DataFrame, pl.DataFrame])
def test_columns_of_frames(frame):
    frame = frame({"text": TWEETS, "y": [0.5] * 30})
    assert [guess(frame[name], name).field.kind for name in ("text", "y")] == ["text", "number"]


@pytest.mark.parametrize(
    ("column", "error", "text"),
    [
        ([], DataError, r"guess 'x': values must have at least one sample"),
        ([None, float("nan")], DataError, r"guess 'x': column must have a value. .*all are missing"),
        ([[], []], DataError, r"guess 'x': column must have a step in some row"),
        ([1, "a"], DTypeError, r"of one type that a field reads. Received dtype int and str. Say what it is"),
        ([dt.date(2024, 1, 1)], DTypeError, r"Received date. Leave the column out, or turn it into numbers"),
        ("text", DTypeError, r"guess 'x': values must be a column"),
    ],
)
def test_what_cannot_be_guessed_says_why(column, error, text):
    with pytest.raises(error, match=text):
        guess(column, "x")
