"""Decoders that copy: words never seen in what was learned come out where they stand in what is read."""

import numpy as np
import pytest

from elman import SequenceModel
from elman.errors import ArgumentError
from elman.executors import ReferenceExecutor
from elman.fields import Category, Text, Tokens
from elman.graph import Graph, placeholder
from elman.tasks import Captioner, Translator
from elman.tasks.sequence.copying import Copied, copied_from
from tests.tolerances import assert_close

SMALL = {"size": 24, "epochs": 15, "learning_rate": 0.01, "dropout": 0.0, "validation": 0}


def test_the_chances_are_the_mixture(rng):
    scores, written = rng.normal(size=(2, 3, 6)), rng.uniform(size=(2, 3, 1))
    weights, ids = rng.dirichlet(np.ones(4), (2, 3)), np.array([[5, 1, 5, 0], [2, 2, 2, 3]], np.int32)
    leaves = [placeholder(f"x{i}", a.shape, str(a.dtype)) for i, a in enumerate((scores, written, weights, ids))]
    graph = Graph(tuple(leaves), (Copied()(leaves),))
    (found,) = ReferenceExecutor().compile(graph).run([scores, written, weights, ids]).outputs
    copied = np.einsum("bws,bsv->bwv", weights, np.eye(6)[ids])
    softmax = np.exp(scores) / np.exp(scores).sum(-1, keepdims=True)
    assert_close(found, (written * softmax + (1 - written) * copied + 1e-9) / (1 + 6e-9), 6)


@pytest.fixture(scope="module")
def places():
    """Sentences of names, most of which the last 60 have for themselves."""
    names = [f"{a}{b}{c}" for a in "bdfgklm" for b in "aeiou" for c in "nrstx"]
    drawn = np.random.default_rng(0).choice(names, (260, 2))
    return [f"{a} lives in {b}" for a, b in drawn], [f"{b} of {a}" for a, b in drawn]


def test_names_are_copied(places, tmp_path):
    source, target = places
    right = {}
    for copying in (False, True):
        model = Translator(copying=copying, **SMALL).fit(source[:200], target[:200])
        answers = model.predict(source[200:])
        right[copying] = np.mean([found == true for found, true in zip(answers, target[200:], strict=True)])
        assert ("tokens of 'x' may be copied" in model.model_.blueprint_.describe()) == copying
    assert right[False] < 0.2
    assert right[True] > 0.7
    again = Translator.load(model.save(tmp_path / "m.safetensors"))
    assert again.predict(source[200:]) == answers
    assert again.predict(source[200:220], beam=3)[:3] == model.predict(source[200:203], beam=3)
    assert again.predict(source[:1], temperature=0.5, seed=1)


def test_lists_of_tokens_are_copied_though_their_spelling_is_read(places):
    source, target = ([row.split() for row in side[:40]] for side in places)
    model = SequenceModel({"a": "tokens"}, {"b": "tokens"}, copying=True, **SMALL | {"epochs": 2, "tie_weights": True})
    model.fit({"a": source, "b": target})
    assert model.blueprint_.heads["b"].copied == "a"
    assert model.blueprint_.inputs["a"].size == model.blueprint_.outputs["b"].size
    assert len(model.predict({"a": source[:3]})) == 3


def test_both_columns_must_be_read_alike():
    assert copied_from({"a": Text(), "b": Category()}, {"y": Text()}) == {"y": "a"}
    assert copied_from({"a": Text("char")}, {"y": Text()}) == {}
    assert copied_from({"a": Tokens()}, {"y": Text()}) == {}


@pytest.mark.parametrize(
    ("model", "x"),
    [
        (SequenceModel({"x": "text"}, {"y": "category"}, copying=True), ["a", "b"]),
        (SequenceModel({"x": Text("char")}, {"y": "text"}, copying=True), ["a", "b"]),
        (SequenceModel({"x": "text"}, {"y": "text"}, copying=True, subsampling=2), ["a", "b"]),
    ],
)
def test_where_nothing_can_be_copied_it_is_refused(model, x):
    rule = "False unless a text is written from a text, both read alike, and every step is kept"
    with pytest.raises(ArgumentError, match=rf"SequenceModel: copying must be {rule}\. Received .*x:text, y:"):
        model.fit({"x": x * 4, "y": ["c", "d"] * 4})


def test_pictures_hold_no_tokens():
    with pytest.raises(TypeError, match="copying"):
        Captioner(copying=True)
