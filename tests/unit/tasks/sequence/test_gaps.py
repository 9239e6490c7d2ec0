"""Series with gaps: the network is told what was missing, and may learn from that."""

from __future__ import annotations

import numpy as np
import pytest

from elman import SequenceModel
from elman.errors import ArgumentError, DataError
from elman.fields import Series
from elman.tasks import SequenceClassifier, SequenceRegressor
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
