"""A language model learns what follows what, goes on with a text, and says how likely one is."""

from __future__ import annotations

import pickle

import numpy as np
import pytest

from elman import SequenceModel
from elman.errors import ArgumentError, DataError, NotBuiltError
from elman.fields import Text
from elman.tasks import LanguageModel
from tests.tolerances import nearly

SMALL = {"size": 24, "epochs": 60, "learning_rate": 0.03, "dropout": 0.0, "validation": 0}


@pytest.fixture(scope="module")
def home():
    return LanguageModel(**SMALL).fit(["the sun", "the sea"] * 8)


def test_it_goes_on_with_a_prompt(home):
    assert {home.generate("the s", seed=seed) for seed in range(8)} == {"the sun", "the sea"}
    assert home.generate(seed=3) == home.generate(seed=3)
    assert home.generate("the s", length=1, top_k=1) in ("the su", "the se")
    assert home.predict(["th", "the su"]) == ["the", "the sun"]
    assert home.predict(["Xthe su"])[0].startswith("Xthe su")  # with what it does not know as it was


def test_it_says_how_likely_a_text_is(home):
    report = home.evaluate(["the sea"])
    assert home.perplexity("the sea") < home.perplexity("sea the")
    assert home.perplexity(["the sea"]) == nearly(report.model["perplexity"])
    assert home.bits_per_character("the sea") == nearly(report.model["bits a character"])
    assert home.score("the sea") == nearly(-report.model["nats a token"])


def test_words_and_tokens():
    words = LanguageModel(input=Text("word"), **SMALL).fit(["how are you ?"] * 8)
    assert words.generate("how are", temperature=0) == "how are you?"
    tokens = LanguageModel(**SMALL).fit([["do", "re", "mi"]] * 8)
    assert tokens.generate(["do"], temperature=0) == ["do", "re", "mi"]


def test_one_long_text_is_checked_on_its_end():
    model = LanguageModel(size=16, epochs=4, window=16).fit("HOME " * 60)
    assert model.evaluate().title == "y: validation part, 1"
    assert len(model.generate("HO", length=5)) <= 7


def test_what_it_cannot_read_is_refused(home):
    with pytest.raises(DataError, match=r"LanguageModel\.fit: X must be texts with a token or more"):
        LanguageModel().fit([[1.0, 2.0], [3.0, 4.0]])
    with pytest.raises(DataError, match=r"LanguageModel\.fit: X must be texts with a token or more"):
        LanguageModel().fit([""])
    with pytest.raises(ArgumentError, match="temperature must be a finite number from 0"):
        home.generate(temperature=-1)
    with pytest.raises(NotBuiltError, match="generate needs a fitted model"):
        LanguageModel().generate()


def test_its_plans_are_kept_between_texts_and_not_stored(home):
    first = home.generate("the s", seed=1)
    head, network = home.model_.blueprint_.heads["y"], home.model_.network_
    decoder = head.kept.decoder(network, "y", "y")
    assert home.generate("the s", seed=1) == first
    assert head.kept.decoder(network, "y", "y") is decoder
    again = pickle.loads(pickle.dumps(home))
    assert again.generate("the s", seed=1) == first


def test_what_was_written_may_become_less_likely(home):
    assert len(set(home.generate("t", temperature=0, length=6, repetition_penalty=100.0))) == 7


def test_a_refit_model_forgets_the_old_plans():
    model = LanguageModel(**SMALL).fit(["aaaa"] * 8)
    assert model.generate("a", temperature=0) == "aaaa"
    assert model.fit(["abab"] * 8).generate("a", temperature=0) == "abab"


def test_a_column_may_be_both_given_and_asked(tmp_path):
    texts = {"t": ["the sun", "the sea"] * 8}
    model = SequenceModel({"t": Text("char")}, {"t": Text("char")}, **SMALL).fit(texts)
    assert model.predict({"t": ["th", "the su"]}) == ["the", "the sun"]
    chances = model.predict_proba({"t": ["the s"]})
    assert np.argmax(chances[0][-1]) in model.blueprint_.outputs["t"].encode(["ue"])[0]
    model.plot({"t": ["the s"]}, tmp_path / "next.png")
    assert (tmp_path / "next.png").stat().st_size > 1000


def test_a_second_column_says_what_kind_of_text():
    columns = {"tongue": ["es", "en"] * 16, "t": ["sol", "sun"] * 16}
    model = SequenceModel({"tongue": "category", "t": Text("char")}, {"t": Text("char")}, **SMALL).fit(columns)
    assert model.predict({"tongue": ["es", "en"], "t": ["s", "s"]}) == ["so", "su"]
    assert model.evaluate(columns).model["perplexity"] < 1.5


@pytest.mark.parametrize(
    ("told", "rule"),
    [
        ({"length": 0}, "length must be a whole number from 1. Received length=0."),
        ({"temperature": -1}, "temperature must be a finite number from 0. Received temperature=-1."),
        ({"top_k": -2}, "top_k must be a whole number from 0"),
        ({"top_k": 1.5}, r"top_k must be a whole number from 0. Received top_k=1.5"),
        ({"length": 2.5}, r"length must be a whole number from 1. Received length=2.5"),
        ({"temperature": "hot"}, r"temperature must be a finite number from 0. Received temperature='hot'"),
        ({"seed": -1}, r"seed must be a whole number from 0. Received seed=-1"),
        ({"top_p": 0}, r"top_p must be in \(0, 1\]"),
        ({"repetition_penalty": 0}, "repetition_penalty must be a finite number above 0"),
    ],
)
def test_generate_speaks_for_itself(home, told, rule):
    with pytest.raises(ArgumentError, match=f"^generate: {rule}"):
        home.generate("ho", **told)


def test_a_prompt_stands_as_it_was_given():
    model = LanguageModel(input=Text("word"), **SMALL).fit(["how are you", "are you"] * 8)
    assert model.generate("well, how", length=2, temperature=0) == "well, how are you"


def test_a_book_is_learned_whole(recwarn):
    model = LanguageModel(size=2, epochs=1, batch_size=512).fit("ab" * 60_000)
    assert not recwarn.list
    assert model.evaluate().title.startswith("y: validation part")


def test_the_vectors_of_tokens_are_no_whisper():
    """As small as those of a layer alone they drown beside what is read, and a decoder learns frequencies alone."""
    model = LanguageModel(size=32, epochs=1, learning_rate=1e-6).fit("abcdefgh" * 20)
    table = next(w for w in model.model_.network_.weights if "embed" in w.name)
    assert 0.8 < np.std(table.value) < 1.2


def test_tied_weights_are_one_matrix():
    texts = ["the sun", "the sea"] * 8
    model = LanguageModel(tie_weights=True, label_smoothing=0.01, **SMALL).fit(texts)
    network, size = model.model_.network_, model.model_.blueprint_.outputs["y"].size
    assert [w.shape for w in network.weights if size in w.shape] == [(size, SMALL["size"])]
    assert model.perplexity(texts) < 1.5
    assert model.generate("the s", temperature=0) in texts


def test_a_space_behind_a_prompt_is_the_one_before_the_next_word():
    settings = {"size": 16, "epochs": 20, "validation": 0, "learning_rate": 0.02, "dropout": 0.0}
    model = LanguageModel(input=Text("word"), **settings).fit(["how are you today"] * 8)
    assert [model.generate(prompt, temperature=0) for prompt in ("how are ", "how are")] == ["how are you today"] * 2
    assert model.predict(["how are "]) == ["how are you"]
