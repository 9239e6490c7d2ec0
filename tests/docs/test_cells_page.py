"""The table of cells in docs/api/cells.md counts parameters as the layers do, and leaves none out."""

from __future__ import annotations

import inspect
import re

import pytest

from elman import layers
from elman.layers import Input
from elman.layers.rnn.recurrence import CellLayer
from tests.docs.pages import ROOT

PAGE = (ROOT / "docs" / "api" / "cells.md").read_text()
FORMULAS = dict(re.findall(r"^\| `(\w+)` \| [^|]+ \| `([^`]+)` \|", PAGE, re.MULTILINE))
OWN = {"ProjectionLSTM": {"projection_units": 2}, "JordanRNN": {"output_units": 2}, "QRNN": {"window": 3}}
SIZES = {"F": 4, "U": 5, "P": 2, "O": 2, "k": 3}


def test_the_table_has_every_recurrent_layer():
    found = {n for n in layers.__all__ if inspect.isclass(c := getattr(layers, n)) and issubclass(c, CellLayer)}
    assert set(FORMULAS) == found


@pytest.mark.parametrize("name", FORMULAS)
def test_the_formula_counts_the_parameters(name):
    layer = getattr(layers, name)(SIZES["U"], **OWN.get(name, {}))
    layer(Input((None, SIZES["F"])))
    assert layer.count_params() == eval(FORMULAS[name], {"__builtins__": {}}, SIZES)
