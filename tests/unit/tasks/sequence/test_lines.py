"""Lines of writing: convolutions make fewer steps of them, which the text that comes out must know."""

from __future__ import annotations

import numpy as np
import pytest

from elman import fields
from elman.errors import DataError
from elman.tasks.sequence import SequenceModel

SMALL = {"size": 16, "epochs": 50, "validation": 0, "learning_rate": 0.02, "dropout": 0.0}


def _lines(rng, rows=80):
    texts = ["".join(rng.choice(list("abc"), rng.integers(1, 5))) for _ in range(rows)]
    letters = {c: np.repeat(np.eye(8)[i][:, None] * 255, 8, 1).astype("uint8") for i, c in enumerate("abc")}
    return {"line": [np.concatenate([letters[c] for c in text], 1) for text in texts], "text": texts}


def test_a_line_to_its_text(rng):
    data = _lines(rng)
    model = SequenceModel({"line": "line"}, {"text": fields.Text("char")}, **SMALL).fit(data)
    report = model.evaluate(data)
    assert report.model["CER"] < 0.1
    assert report.baselines["nothing"]["CER"] == 1.0
    assert model.predict({"line": data["line"][:1]}) == model.predict(data)[:1]


def test_a_text_longer_than_its_line_is_told(rng):
    data = _lines(rng, 8) | {"text": ["abcabcabcabc"] * 8}
    with pytest.raises(DataError, match="frames, the model gives"):
        SequenceModel({"line": "line"}, {"text": fields.Text("char")}, **SMALL).fit(data)
