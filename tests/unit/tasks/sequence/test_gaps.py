"""Gaps: in series the network is told of them, and may learn from that; in what is asked for they are refused."""

from __future__ import annotations

from functools import partial

import numpy as np
import pandas as pd
import pytest

from elman import SequenceModel
from elman.errors import ArgumentError, DataError
from elman.fields import Series
from elman.tasks import SequenceClassifier, SequenceRegressor, SequenceTagger
from tests.tolerances import nearly

SMALL = {"size": 8, "epochs": 40, "learning_rate": 0.02, "dropout": 0.0, "validation": 0}


def _gappy(rng, shape):
    """Numbers of which only the gaps say something: rows of one class lack every second step."""
    x = rng.normal(size=shape)
    x[::2, ::2] = np.nan
    return x, ["gaps", "whole"] * (shape[0] // 2)


@pytest.mark.parametrize("ragged", [False, True])
def test_a_classifier_learns_from_what_is_missing(rng, ragged, tmp_path):
    x, y = _gappy(rng, (24, 6, 1))
    given = [row[: 4 + n % 3] for n, row in enumerate(x)] if ragged else x
    model = SequenceClassifier(input=Series(missing="indicate"), **SMALL).fit(given, y)
    assert model.score(given, y) == nearly(1.0)
    assert SequenceClassifier.load(model.save(tmp_path / "m.safetensors")).predict(given).tolist() == y
    with pytest.raises(DataError, match=r"SequenceClassifier\.fit: X must be finite|data must be finite"):
        SequenceClassifier(**SMALL).fit(given, y)


def test_a_regressor_takes_rows_of_a_table_with_gaps(rng):
    x, _ = _gappy(rng, (24, 6))
    counts = np.isnan(x).sum(1).astype(float)
    assert SequenceRegressor(input=Series(missing="indicate"), **SMALL).fit(x, counts).score(x, counts) > 0.9


def test_what_comes_out_has_no_gaps():
    data = {"x": [[1.0, 2.0], [2.0]], "y": [[1.0, 2.0], [2.0]]}
    with pytest.raises(ArgumentError, match=r"outputs must be a series without gaps.*only what goes in may have gaps"):
        SequenceModel({"x": "series"}, {"y": Series(missing="indicate")}, **SMALL).fit(data)


MOODS = {"text": ["good film", "bad film"] * 8, "mood": ["+", "-"] * 8}


@pytest.fixture(scope="module")
def moods():
    return SequenceModel({"text": "text"}, {"mood": "category"}, size=4, epochs=1, validation=0.25).fit(MOODS)


@pytest.mark.parametrize("gap", [None, np.nan, pd.NA, pd.NaT])
def test_a_row_without_a_truth_is_neither_right_nor_wrong(moods, gap):
    given = {**MOODS, "mood": ["+", gap, *MOODS["mood"][2:]]}
    for verb in ("evaluate", "plot"):
        rule = rf"{verb}: 'mood' must have a value in every row\. Received 'mood'={gap}: row 1\. Fill or drop the row"
        with pytest.raises(DataError, match=rule):
            getattr(moods, verb)(given)
    assert len(moods.predict(given)) == 16


def test_a_step_without_a_tag_is_refused_by_its_row():
    words, tags = [["fly", "to", "rome"], ["to", "oslo"]] * 6, [["O", "O", "C"], ["O", "C"]] * 6
    model = SequenceTagger(size=4, epochs=1).fit(words, tags)
    with pytest.raises(DataError, match=r"evaluate: 'y' must have a value in every row.*row 1"):
        model.evaluate(words, [tags[0], ["O", None], *tags[2:]])


@pytest.mark.parametrize("kind", [list, tuple, pd.Series, partial(np.array, dtype=object)], ids=range(4))
@pytest.mark.parametrize("gap", [None, np.nan])
def test_what_is_missing_among_names_of_classes_is_no_class(kind, gap):
    texts, names = ["good film", "bad film"] * 8, ["+", "-"] * 8
    gappy = [gap, *names[1:]]
    with pytest.raises(DataError, match=r"Category\.fit of 'y': values must have a value in every row.*row 0"):
        SequenceClassifier(size=4, epochs=1).fit(texts, kind(gappy))
    model = SequenceClassifier(size=4, epochs=1).fit(texts, names)
    for verb in (model.evaluate, model.score):
        with pytest.raises(DataError, match=r"(evaluate|score): 'y' must have a value in every row.*row 0"):
            verb(texts, kind(gappy))
