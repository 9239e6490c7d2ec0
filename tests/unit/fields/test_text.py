"""Text: what a word is in many scripts, ids, pieces, and tokenizer.json, with the `tokenizers` library as the judge."""

from __future__ import annotations

import sys

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from elman.errors import ArgumentError, DataError, FileFormatError, MissingExtraError, UnknownNameError
from elman.fields import EOS, PAD, UNK, Text, Tokens
from elman.fields.words import join_words, split_words

MIXED = "Don't pay 3.50, (now)! 👨‍👩‍👧 ❤️ 🇩🇪🇫🇷 1️⃣ שלום עולם مرحبا، كيف؟ नमस्ते दुनिया l’été x_y a-b 👍🏽 -- ..."


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", []),
        (" \n\t", []),
        ("Don't stop", ["Don't", "stop"]),
        ("3.50, 1,000.", ["3.50", ",", "1,000", "."]),
        ("'quoted'", ["'", "quoted", "'"]),
        ("well-known", ["well", "-", "known"]),
        ("👨‍👩‍👧 👍🏽!", ["👨‍👩‍👧", "👍🏽", "!"]),
        ("🇩🇪🇫🇷", ["🇩🇪", "🇫🇷"]),
        ("שלום, עולם", ["שלום", ",", "עולם"]),
        ("مرحبا؟", ["مرحبا", "؟"]),
        ("नमस्ते दुनिया", ["नमस्ते", "दुनिया"]),
    ],
)
def test_words_of_many_scripts(text, words):
    assert split_words(text) == words


@pytest.mark.parametrize(
    "text",
    ['She said "no", twice.', "(a) [b] {c}", "It costs $5; or €6!", "¿Qué? ¡Sí!", "a-b/c", "מה? כן!", "50% of 3.5"],
)
def test_words_are_joined_as_people_write(text):
    assert join_words(split_words(text)) == text


def test_the_most_frequent_words_have_the_first_ids_and_equal_ones_an_order():
    field = Text().fit(["b a b", "c a"])
    assert field.vocabulary.symbols == ("a", "b", "c")
    assert field.encode(["c b a d"]).tolist() == [[6, 5, 4, UNK]]


def test_a_small_vocabulary_keeps_the_most_frequent():
    assert Text(max_tokens=5).fit(["b a b"]).vocabulary.symbols == ("b",)
    assert Text(min_count=2).fit(["b a b"]).vocabulary.symbols == ("b",)


def test_unknown_words_are_shown_as_such():
    field = Text().fit(["a b"])
    assert field.decode(field.encode(["a zzz b"])) == ["a � b"]


def test_an_accent_is_one_character_however_it_was_typed():
    field = Text("char").fit(["é"])
    assert field.encode(["e\u0301"]).tolist() == field.encode(["é"]).tolist()


def test_lower_is_part_of_the_field():
    assert Text(lower=True).fit(["The the"]).encode(["THE"]).tolist() == [[4]]


def test_bytes_are_read_as_utf8():
    assert Text("char").fit(["né".encode()]).decode([[4, 5]]) == ["né"]


@pytest.mark.parametrize("level", ["char", "bpe"])
@given(text=st.text(st.characters(exclude_categories=["Cs"], codec="utf-8"), max_size=40))
def test_characters_and_pieces_come_back_exactly(level, text):
    import unicodedata

    form = unicodedata.normalize("NFC", text)
    field = Text(level, max_tokens=300 if level == "bpe" else None).fit([MIXED, form])
    assert field.decode(field.encode([form])) == [form]


@pytest.mark.parametrize("level", ["word", "char", "bpe"])
@pytest.mark.parametrize("lower", [False, True])
def test_the_written_tokenizer_gives_the_library_the_same_ids(level, lower, tmp_path):
    tokenizers = pytest.importorskip("tokenizers")
    field = Text(level, lower, max_tokens=300 if level == "bpe" else None).fit([MIXED, "the cat"])
    field.save_tokenizer(tmp_path / "tokenizer.json")
    library = tokenizers.Tokenizer.from_file(str(tmp_path / "tokenizer.json"))
    for text in [MIXED, "The cats' end.", "", "new words, é!"]:
        assert library.encode(text).ids == field.encode([text])[0].tolist()
    again = Text.from_file(tmp_path / "tokenizer.json")
    assert again.size == field.size
    assert again.encode([MIXED]).tolist() == field.encode([MIXED]).tolist()


def test_a_foreign_tokenizer_moves_up_behind_the_special_ids(tmp_path):
    tokenizers = pytest.importorskip("tokenizers")
    foreign = tokenizers.Tokenizer(tokenizers.models.WordLevel({"cat": 0, "[UNK]": 1}, unk_token="[UNK]"))
    foreign.pre_tokenizer = tokenizers.pre_tokenizers.Whitespace()
    foreign.enable_truncation(1)
    foreign.enable_padding(length=9)
    foreign.save(str(tmp_path / "tokenizer.json"))
    field = Text.from_file(tmp_path / "tokenizer.json")
    assert field.size == 6
    assert field.encode(["cat dog"]).tolist() == [[4, 5]]
    assert field.decode([[4, EOS, 4, PAD]]) == ["cat"]


def test_a_text_may_speak_of_special_symbols():
    field = Text("bpe", max_tokens=300).fit(["say <eos> and <pad>"])
    assert field.encode(["<eos>"]).min() > EOS
    assert field.decode(field.encode(["<eos>"])) == ["<eos>"]


@pytest.mark.parametrize(
    ("call", "error", "text"),
    [
        (lambda: Text("words"), UnknownNameError, r"Text: level must be a known name. .* Did you mean 'word'\?"),
        (lambda: Text(max_tokens=4), ArgumentError, r"Text: max_tokens must be at least 5. Received max_tokens=4"),
        (lambda: Text(max_length=0), ArgumentError, r"Text: max_length must be at least 1"),
        (lambda: Tokens(min_count=0), ArgumentError, r"Tokens: min_count must be at least 1"),
        (
            lambda: Text().fit(["a", b"caf\xe9"]),
            DataError,
            r"Text.fit: values must be valid Unicode text. .*row 1: unexpected end of data at 3. Read the file with",
        ),
        (lambda: Text().fit(["\ud83d"]), DataError, r"row 0: surrogates not allowed at 0"),
        (
            lambda: Text().fit([None]),
            DataError,
            r"Text.fit: values must have a text in every row. Received values=None",
        ),
        (
            lambda: Text.from_file("none.json"),
            DataError,
            r"path must be an existing tokenizer.json. Received path='none",
        ),
    ],
)
def test_bad_input_is_named(call, error, text):
    with pytest.raises(error, match=text):
        call()


@pytest.mark.parametrize("content", [b"{}", b"no json", b"\xff\xfe"])
def test_a_file_that_is_no_tokenizer_is_refused(content, tmp_path):
    (tmp_path / "tokenizer.json").write_bytes(content)
    with pytest.raises(FileFormatError, match=r"must be a tokenizer.json"):
        Text.from_file(tmp_path / "tokenizer.json")


def test_without_the_library_words_and_characters_still_work(monkeypatch):
    monkeypatch.setitem(sys.modules, "tokenizers", None)
    assert Text().fit(["a"]).decode([[4]]) == Text("char").fit(["a"]).decode([[4]]) == ["a"]
    with pytest.raises(MissingExtraError, match=r'pip install "elman\[text\]"'):
        Text("bpe").fit(["a"])


def test_a_million_characters_are_read_in_one_go():
    field = Text("char", max_length=None).fit(["ab"])
    ids = field.encode(["ab" * 500_000])
    assert ids.shape == (1, 1_000_000)
    assert np.unique(ids).tolist() == [4, 5]
