"""README and docs are programs that run: code, commands, and what they are said to print. See `pages.py`."""

from __future__ import annotations

import copy
import importlib
import re
from pathlib import Path

import matplotlib.pyplot as plt
import pytest

from elman import layers
from elman.layers import registry
from tests.docs.pages import PAGES, ROOT, Block, blocks_of, commands_of, run_page, runs

WRITTEN = sorted({*PAGES, *ROOT.glob("*.md"), ROOT / "tests" / "README.md", ROOT / "examples" / "README.md"})
IDS = [str(page.relative_to(ROOT)) for page in WRITTEN]


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """An empty folder, and the state of a fresh program; what a page registers and draws is forgotten after it."""
    importlib.import_module("elman.models")  # registers its classes before the table is copied
    monkeypatch.setattr(registry, "_entries", copy.deepcopy(registry._entries))
    layers.reset_names()
    layers.set_seed(0)
    yield tmp_path
    plt.close("all")


@pytest.mark.slow
@pytest.mark.parametrize("page", [page for page in PAGES if runs(page)], ids=lambda p: str(p.relative_to(ROOT)))
def test_a_page_runs(page, folder):
    run_page(page, folder)


@pytest.mark.parametrize("page", WRITTEN, ids=IDS)
def test_what_a_page_points_to_exists(page):
    """Links inside the repository, without those to headings."""
    links = re.findall(r"\]\(([^)#\s]+)[^)]*\)", page.read_text())
    inside = [link for link in links if not re.match(r"[a-z]+:", link)]
    assert [link for link in inside if not (page.parent / link).exists()] == []


@pytest.mark.parametrize("page", WRITTEN, ids=IDS)
def test_files_a_page_names_exist(page):
    """Paths in backquotes that start with a folder of the repository."""
    named = re.findall(r"`((?:src|native|tests|docs|examples|benchmarks)/[\w./*-]+)`", page.read_text())
    assert [name for name in named if not list(ROOT.glob(name.rstrip("/")))] == []


def test_the_runner_itself_sees_a_wrong_output(tmp_path):
    page = ROOT / "docs" / "index.md"
    blocks = [Block("python", "print(1 + 1)", 3), Block("output", "3", 7)]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("tests.docs.pages.blocks_of", lambda _: blocks)
        with pytest.raises(AssertionError, match=r"index.md:7 shows\n3\n\nbut the code above it prints\n2"):
            run_page(page, tmp_path)


def test_commands_are_found():
    text = "$ make demo\n$ elman train a.csv \\\n  --target y\n$ elman demo   # a picture\nshown"
    assert commands_of(Block("console", text, 1)) == ["elman train a.csv    --target y", "elman demo"]


def test_blocks_know_their_line(tmp_path):
    page = Path(tmp_path / "page.md")
    page.write_text("a\n\n```python\nx = 1\n```\n- b\n\n    ```text\n    c\n    ```\n")
    assert blocks_of(page) == [Block("python", "x = 1", 4), Block("text", "c", 9)]
