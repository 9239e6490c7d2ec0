"""Messages of what stands around networks that no other test quotes: fields, decoding, tasks, the command line."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import elman
from elman import fields, layers
from elman.cli import commands
from elman.cli.declared import samples_of
from elman.cli.runs import render_config
from elman.decoding import Decoder
from elman.errors import ElmanError
from elman.layers import GRU, Dense, Embedding, Input
from elman.tasks import Forecaster, SequenceClassifier, SequenceModel

STEPS = [[1.0, 2.0], [3.0, 4.0]] * 4
WORDS = {"text": ["a film", "no film"] * 4, "mood": ["+", "-"] * 4}


def network(*given: Any) -> Any:
    words = Input((None,), dtype="int32", name="words")
    y = GRU(4, return_sequences=True)(Embedding(5, 3)(words))
    return elman.Model([*given, words], Dense(5)(y + sum(map(Dense(4), given)) if given else y), name="m")


def with_a_head() -> Any:
    source, words = Input((4,), name="source"), Input((None,), dtype="int32", name="words")
    return elman.Model(
        [source, words], Dense(5)(GRU(4, return_sequences=True)(Embedding(5, 3)(words), source)), name="m"
    )


def looking_back() -> Any:
    x = Input((None,), dtype="int32")
    look = layers.MultiHeadAttention(1, 3, name="look")
    return elman.Model(x, Dense(5)(look(Embedding(5, 3)(x), Embedding(5, 3)(x))), name="m")


def sequence(inputs: Any = "text", outputs: Any = "mood", data: Any = None, **settings: Any) -> SequenceModel:
    return SequenceModel(inputs, outputs, size=2, epochs=1, **settings).fit(data or WORDS)


def labels(x: Any = STEPS, y: Any = (0, 1) * 4, kind: Any = SequenceClassifier, **settings: Any) -> Any:
    return kind(**{"size": 2, "epochs": 1, **settings}).fit(x, y)


def beyond_the_horizon() -> Any:
    import pandas as pd

    table = pd.DataFrame({"a": np.sin(np.arange(30.0)), "b": np.arange(30.0)})
    quick = Forecaster(horizon=2, window=4, units=2, epochs=1, cell="simple_rnn", validation=0)
    return quick.fit(table, target="a", features="b").predict(horizon=5)


def declared(cell: str) -> Any:
    return samples_of(fields.Boxes(), [cell], Path())


ROWS: dict[str, tuple[Callable[[], Any], str]] = {
    # ---- fields
    "number_columns": (
        lambda: fields.Number().fit([[1.0, 2.0], [3.0, 4.0]]).encode([[1.0]]),
        "Number.encode: values must have 2 columns. Received shape (1, 1).",
    ),
    "picture_shape": (
        lambda: fields.Image().fit([np.zeros((4, 4, 7))]),
        "Image.fit: values must be pictures (H, W), (H, W, 1) or (H, W, 3). Received values=(4, 4, 7): row 0.",
    ),
    "picture_range": (
        lambda: fields.Image().fit([np.full((4, 4), 300)]),
        "Image.fit: values must be pictures of whole numbers 0 ... 255 or fractions 0 ... 1. Received "
        "values='300 ... 300': row 0.",
    ),
    "picture_damaged": (
        lambda: fields.Image().fit([b"\x89PNG and no more"]),
        "Image.fit: values must be whole pictures. Received values='16 bytes': row 0: cannot identify image "
        "file. Replace or drop the file.",
    ),
    "series_rank": (
        lambda: fields.Series().fit(np.zeros((2, 3, 4, 5))),
        "Series.fit: values must have shape (N,) or (N, channels), or be a column of such series. Received "
        "shape (2, 3, 4, 5).",
    ),
    "guess_times": (
        lambda: fields.guess([dt.date(2026, 1, 1)] * 3, "when"),
        "guess 'when': column must be of a type that a field reads. Received date. Leave the column out, "
        "or turn it into numbers; a forecast takes it as time: elman.tasks.Forecaster.",
    ),
    # ---- decoding
    "decoder_input": (
        lambda: Decoder(network(), tokens="letters"),
        "Decoder of Model 'm': tokens must be one of words. Received tokens='letters'. Name the input.",
    ),
    "decoder_rows": (
        lambda: Decoder(with_a_head()).greedy([[1], [2]], [np.zeros((3, 4))]),
        "Decoder of Model 'm': inputs must have 2 rows, as the prompt. Received inputs=3. One for each.",
    ),
    "decoder_layer": (
        lambda: Decoder(looking_back()).greedy([[1]]),
        "Decoder of Model 'm': model must be made of layers that need one token at a time. Received "
        "model=\"MultiHeadAttention 'look'\": it looks at all tokens. Decode with a recurrent "
        "model, or predict the whole sequence again for each token.",
    ),
    "coverage": (
        lambda: Decoder(network()).beam([[1]], coverage_penalty=0.2),
        "Decoder of Model 'm'.beam: coverage_penalty must be 0 here. Received coverage_penalty=0.2. Leave it "
        "out, or build the decoder with Attention or AttentiveRNN.",
    ),
    # ---- tasks
    "future_features": (
        beyond_the_horizon,
        "predict: horizon must be at most 2. Received horizon=5. Train with a longer horizon: the features' "
        "future is not known.",
    ),
    "sequence_rate": (
        lambda: sequence(learning_rate=0.0),
        "SequenceModel: learning_rate must be a number above 0. Received learning_rate=0.0.",
    ),
    "sequence_share": (
        lambda: sequence(validation=1.0),
        "SequenceModel.fit: validation must be a share from 0 to below 1. Received validation=1.0. 0.1 keeps "
        "a tenth to check on.",
    ),
    "sequence_no_columns": (
        lambda: sequence(inputs=[]),
        "SequenceModel: inputs must be at least one column. Received inputs=[]. For example ['text'].",
    ),
    "sequence_output": (
        lambda: sequence(outputs={"face": fields.Image()}, data={**WORDS, "face": [np.zeros((4, 4))] * 8}),
        "SequenceModel: outputs must be of a kind that can be made. Received outputs='face:image'. Outputs "
        "are boxes, category, labels, number, tags, series, text or tokens.",
    ),
    "sparse": (
        lambda: labels(type("Sparse", (), {"toarray": None})()),
        "SequenceClassifier.fit: X must be dense. Received Sparse. Sparse data are not supported: pass x.toarray().",
    ),
    "no_targets": (
        lambda: labels(y=None),
        "SequenceClassifier.fit: y must be given. Received y=None: requires y to be passed, but the target y "
        "is None. Pass fit(X, y).",
    ),
    "one_dimension": (
        lambda: labels(np.arange(8.0)),
        "SequenceClassifier.fit: X must have shape (rows, features) or (rows, steps, channels). Received "
        "shape (8,). Expected 2D array, got 1D array instead. Reshape your data with x.reshape(-1, 1) or "
        "x.reshape(1, -1).",
    ),
    "no_rows": (
        lambda: labels(np.zeros((0, 2)), []),
        "SequenceClassifier.fit: X must have at least one row. Received X=(0, 2): 0 sample(s). A minimum of 1"
        " is required.",
    ),
    "no_features": (
        lambda: labels(np.zeros((8, 0))),
        "SequenceClassifier.fit: X must have at least one feature. Received X=(8, 0): 0 feature(s) (shape=(8,"
        " 0)) while a minimum of 1 is required.",
    ),
    "fractions": (
        lambda: labels(y=np.arange(8) / 3),
        "SequenceClassifier.fit: y must be made of classes. Received y='fractions'. Unknown label type: "
        "continuous. Use a regressor for numbers.",
    ),
    "n_best": (
        lambda: sequence(validation=0).n_best({"text": ["a film"]}, n=2),
        "n_best: output must be a text. Received output='mood': 'mood' is no text that is written. Ask "
        "predict or predict_proba.",
    ),
    # ---- the command line
    "train_nothing": (
        lambda: commands.train.train({}, None, False),
        "train: FILE must be given. Received FILE=None. Example: elman train sales.csv --target sales.",
    ),
    "train_both": (
        lambda: commands.train.train({"file": "a.csv", "input": ["a"], "horizon": 3}, None, False),
        "train: --horizon must be left out where --input is given. Received --horizon=3. It is for forecasts;"
        " leave it out, or leave --input out.",
    ),
    "train_book": (
        lambda: commands.train.train({"file": __file__, "input": ["mood"]}, None, False),
        "train: --input must be left out for a file of text. Received --input='mood'. A text file has one "
        "column, 'text'; tables end in .csv, .tsv or .parquet.",
    ),
    "config": (
        lambda: render_config({"since": dt.date(2026, 1, 1)}),
        "train: since must be a number, text or list. Received since=datetime.date(2026, 1, 1).",
    ),
    "boxes": (
        lambda: declared("[[0, 0, 1"),
        "read: boxes must be JSON. Received boxes='[[0, 0, 1'. Write boxes as [[left, top, width, height], ...], or ",
    ),
}
"""A call, and what it must say, or the beginning of it."""


@pytest.mark.parametrize("name", ROWS)
def test_a_message_says_what_is_wrong_and_what_to_do(name: str) -> None:
    call, text = ROWS[name]
    with pytest.raises(ElmanError, match=re.escape(text)):
        call()
