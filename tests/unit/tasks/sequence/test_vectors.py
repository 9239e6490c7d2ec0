"""Words that stand among the same others begin alike, and a network begins with them where it is told to."""

from __future__ import annotations

import numpy as np
import pytest

from elman import fields
from elman.errors import ArgumentError, UnknownNameError
from elman.tasks.sequence import SequenceModel
from elman.tasks.sequence.vectors import neighbours

STILL = {"size": 4, "embedding": 6, "epochs": 1, "validation": 0, "learning_rate": 1e-12, "vectors": "neighbours"}


def _texts(rng, rows=200):
    """Names do things, and things are somewhere; which name or thing it is, is chance."""
    groups = [["anna", "otto"], ["sees", "hears"], ["cars", "dogs"], ["here", "there"]]
    return [" ".join(rng.choice(group) for group in groups) for _ in range(rows)]


@pytest.fixture
def data(rng):
    texts = _texts(rng)
    return {"text": texts, "who": [text.split()[0] for text in texts]}


def test_words_used_alike_begin_alike(data):
    field = fields.Text("word").fit(data["text"])
    table = neighbours(field.encode(data["text"]), field.size, 6)
    assert table.shape == (field.size, 6)
    assert table.dtype == np.float32
    assert np.isfinite(table).all()
    words = "anna otto sees hears cars dogs here there".split()
    found = table[[int(field.encode([word])[0][0]) for word in words]]
    apart = np.linalg.norm(found[:, None] - found[None], axis=-1) + 9 * np.eye(8)
    assert apart.argmin(axis=1).tolist() == [1, 0, 3, 2, 5, 4, 7, 6]


@pytest.mark.parametrize("rows", [[], [[]], [[3], [4], []]], ids=["no rows", "an empty row", "words alone"])
def test_nothing_beside_anything_says_nothing(rows):
    assert neighbours([np.array(row, np.int32) for row in rows], 5, 3) is None


def test_more_numbers_than_contexts_are_zeros():
    table = neighbours([np.array([0, 1], np.int32)] * 3, 2, 5)
    assert table.shape == (2, 5)
    assert not table[:, 2:].any()


@pytest.mark.parametrize("spelling", [False, True])
def test_a_network_begins_with_them(data, spelling, tmp_path):
    model = SequenceModel({"text": "text"}, {"who": "category"}, spelling=spelling, **STILL).fit(data)
    field = model.blueprint_.inputs["text"]
    table = neighbours(field.encode(data["text"]), field.size, 6)
    assert any(w.shape == table.shape and np.abs(w - table).max() < 1e-9 for w in model.network_.get_weights())
    again = SequenceModel.load(model.save(tmp_path / "m.safetensors"))
    np.testing.assert_array_equal(again.predict_proba(data), model.predict_proba(data))
    assert len(model.find_learning_rate(data, steps=3).rates) == 3


def test_texts_of_one_word_begin_by_chance():
    data = {"text": ["good", "bad"] * 4, "mood": ["+", "-"] * 4}
    settings = STILL | {"epochs": 40, "learning_rate": 0.05, "dropout": 0.0}
    assert SequenceModel({"text": "text"}, {"mood": "category"}, **settings).fit(data).predict(data) == data["mood"]


def test_vectors_are_refused_where_no_words_are_read():
    rule = r"SequenceModel: vectors must be 'random' where no text and no tokens go in\."
    with pytest.raises(ArgumentError, match=rule):
        SequenceModel({"a": "number"}, {"b": "category"}, **STILL).fit({"a": [1.0, 2.0], "b": ["x", "y"]})
    with pytest.raises(UnknownNameError, match=r"SequenceModel: vectors .*'neighbours'"):
        SequenceModel("a", "b", vectors="glove").fit({"a": ["x y", "y x"], "b": ["x", "y"]})
