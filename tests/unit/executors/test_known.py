"""`native/kernels/pointwise/known.inc`: what is compiled ahead of time is what built-in layers come down to today."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import pytest

from elman.executors import native

ROOT = Path(__file__).parents[3]


@pytest.mark.skipif(not native.available(), reason="programs are lowered for the native executor alone")
def test_known_programs_are_those_of_today():
    script = ROOT / "native" / "kernels" / "pointwise" / "known.py"
    spec = importlib.util.spec_from_file_location("known", script)
    known = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(known)
    assert known.FILE.read_text() == known.text(), f"run: python {script.relative_to(ROOT)} --write"
