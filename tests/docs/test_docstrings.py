"""Every public name has a docstring, and the examples in docstrings run."""

from __future__ import annotations

import copy
import doctest
import importlib
import inspect

import pytest

from elman import layers
from elman.layers import registry
from tests.test_architecture import FILES
from tests.test_exported_names import WITH_ALL

MODULES = [m for m, path in FILES.items() if ">>>" in path.read_text()]


@pytest.mark.parametrize("module", MODULES)
def test_the_examples_of_a_module_run(module, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    importlib.import_module("elman.models")  # registers its classes before the table is copied
    monkeypatch.setattr(registry, "_entries", copy.deepcopy(registry._entries))
    layers.reset_names()
    layers.set_seed(0)
    found = doctest.testmod(importlib.import_module(module), optionflags=doctest.ELLIPSIS)
    assert found.attempted > 0
    assert found.failed == 0


@pytest.mark.parametrize("door", WITH_ALL)
def test_every_public_class_and_function_is_documented(door):
    module = importlib.import_module(door)
    shown = {name: getattr(module, name) for name in WITH_ALL[door]}
    bare = [n for n, v in shown.items() if (inspect.isclass(v) or inspect.isfunction(v)) and not inspect.getdoc(v)]
    assert bare == []
    assert module.__doc__
