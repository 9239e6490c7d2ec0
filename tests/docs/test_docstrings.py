"""The examples in docstrings run, in every module of the package."""

from __future__ import annotations

import copy
import doctest
import importlib

import pytest

from elman import layers
from elman.layers import registry
from tests.test_architecture import FILES

MODULES = [m for m, path in FILES.items() if ">>>" in path.read_text()]


@pytest.mark.parametrize("module", MODULES)
def test_the_examples_of_a_module_run(module, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(registry, "_entries", copy.deepcopy(registry._entries))
    layers.reset_names()
    layers.set_seed(0)
    found = doctest.testmod(importlib.import_module(module), optionflags=doctest.ELLIPSIS)
    assert found.attempted > 0
    assert found.failed == 0
