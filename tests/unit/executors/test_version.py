"""An extension built from other sources is not run: its numbers for instructions would mean others."""

from __future__ import annotations

import importlib.util
import sys
from types import ModuleType, SimpleNamespace

import pytest

import elman
from elman.errors import ReferenceExecutorWarning
from elman.executors import native
from elman.executors.lowering import HOMES, OPS
from elman.executors.pointwise import CODES

SAME = {"HOMES": " ".join(HOMES), "OPS": " ".join(OPS), "CODES": " ".join(CODES)}


def loaded_beside(extension: SimpleNamespace, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """The module `executors.native` as it comes up where this is the compiled extension."""
    monkeypatch.setitem(sys.modules, "elman._native", extension)
    monkeypatch.setattr(elman, "_native", extension, raising=False)
    spec = importlib.util.spec_from_file_location("fresh", native.__file__)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_an_extension_of_the_same_words_is_used(monkeypatch):
    assert loaded_beside(SimpleNamespace(**SAME), monkeypatch).available()


@pytest.mark.parametrize("table", SAME)
def test_a_shifted_table_is_noticed(table, monkeypatch):
    first, second, *rest = SAME[table].split()
    stale = loaded_beside(SimpleNamespace(**{**SAME, table: " ".join([second, first, *rest])}), monkeypatch)
    text = r"the compiled extension is of another version than the Python code; reinstall: pip install -e \."
    with pytest.warns(ReferenceExecutorWarning, match=text):
        assert not stale.available()


def test_an_extension_older_than_the_check_is_noticed(monkeypatch):
    with pytest.warns(ReferenceExecutorWarning, match="of another version"):
        assert not loaded_beside(SimpleNamespace(), monkeypatch).available()
