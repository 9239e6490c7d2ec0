"""COLUMN[:type] and cells: what the command line makes of them."""

from __future__ import annotations

from pathlib import Path

import pytest

from elman.cli.declared import Declared, declare, field_of, is_table, samples_of
from elman.cli.runs import render_config
from elman.errors import ArgumentError, UnknownNameError
from elman.fields import Labels, by_kind


def test_a_type_stands_behind_the_last_colon():
    assert declare("a:b:text") == Declared("a:b", "text")
    with pytest.raises(UnknownNameError, match=r"train: type must be a known name. .*='txt'. Did you mean 'text'"):
        declare("a:txt")


@pytest.mark.parametrize(("kind", "level"), [("char", "char"), ("word", "word"), ("bpe", "bpe"), ("text", "word")])
def test_levels_of_text_are_types(kind, level):
    assert field_of(Declared("x", kind), None, []).field.settings()["level"] == level


def test_what_is_told_wins_over_the_config_and_the_config_over_a_guess():
    cells, config = ["a b", "c d"], {"kind": "text", "level": "char"}
    assert field_of(Declared("x", "category"), config, cells).field.kind == "category"
    assert field_of(Declared("x", ""), config, cells).field.settings()["level"] == "char"
    assert field_of(Declared("x", ""), None, cells).field.settings()["level"] == "word"


@pytest.mark.parametrize(
    ("kind", "cell", "sample"),
    [
        ("text", None, ""),
        ("text", 3, "3"),
        ("tokens", "the cat", ["the", "cat"]),
        ("tags", None, []),
        ("labels", "news|sport", ["news", "sport"]),
        ("labels", "news sport", ["news", "sport"]),
        ("labels", None, []),
        ("labels", 3, ["3"]),
        ("series", "[1, 2.5;3]", [1.0, 2.5, 3.0]),
        ("series", "1 x", [1.0, "x"]),
        ("series", " [[1, 2.5], [3, 4]]", [[1, 2.5], [3, 4]]),
        ("boxes", "[[0, 0, 1, 1]]", [[0, 0, 1, 1]]),
        ("boxes", "", []),
        ("image", "a.png", "data/a.png"),
        ("category", None, None),
        ("number", 2.5, 2.5),
    ],
)
def test_a_cell_becomes_a_sample(kind, cell, sample):
    assert samples_of(by_kind(kind)(), [cell], Path("data")) == [sample]


def test_boxes_that_are_no_json_are_refused():
    with pytest.raises(ArgumentError, match=r"read: boxes must be JSON. Received boxes='0 0 1 1'. Write boxes as"):
        samples_of(by_kind("boxes")(), ["0 0 1 1"], Path())


def test_one_mark_stands_between_the_labels_of_a_column():
    field = by_kind("labels")()
    assert samples_of(field, ["New York|news", "New York", ""], Path()) == [["New York", "news"], ["New York"], []]
    assert field.separator == "|"
    learned = Labels().fit([["New York"], ["news"]])
    assert samples_of(learned, ["New York", None], Path()) == [["New York"], []]
    assert samples_of(Labels(separator=","), ["a b,c|d"], Path()) == [["a b", "c|d"]]


def test_steps_of_several_numbers_that_are_no_json_are_refused():
    with pytest.raises(ArgumentError, match=r"read: series must be JSON. Received series='\[\[1, 2\], '. Write steps"):
        samples_of(by_kind("series")(), ["[[1, 2], "], Path())


@pytest.mark.parametrize(
    ("name", "cells", "kind"),
    [
        ("boxes", ["[[0, 4, 8, 8]]", "[]", None], "boxes"),
        ("what", ["[[0, 4, 8, 8]]", "[1 2]", None], "series"),
        ("box", ["here", "there"], "text"),
        ("what", ["1", "2.5", None], "number"),
        ("what", [None, "1 2", "3"], "text"),
    ],
)
def test_cells_are_guessed_as_they_are_written(name, cells, kind):
    assert field_of(Declared(name, ""), None, cells).field.kind == kind


@pytest.mark.parametrize(
    ("name", "table"), [("a.csv", True), ("a.tsv.gz", True), ("a.parquet", True), ("a.txt", False)]
)
def test_tables_are_known_by_their_names(name, table):
    assert is_table(Path(name)) is table


def test_mappings_become_sections():
    text = render_config({"fields": {"a b": {"kind": "text", "max_tokens": None}}, "seed": 1})
    assert text == 'seed = 1\n\n[fields."a b"]\nkind = "text"\n'
