"""`docs/add_an_operator.md` says which lines make an operator: they must stand in the files it names."""

from __future__ import annotations

import re

import pytest

from elman.executors.pointwise import CODES, NAMES
from elman.graph import TABLE
from tests.docs.pages import ROOT, blocks_of

PAGE = ROOT / "docs" / "add_an_operator.md"


def shown() -> list[tuple[str, str]]:
    """(file, line) of every line that a diff of the page adds."""
    found, file = [], ""
    for block in blocks_of(PAGE):
        for line in block.text.splitlines() if block.language == "diff" else ():
            if line.startswith("+++ "):
                file = line[4:]
            else:
                found.append((file, line[1:]))
    return found


def squeezed(text: str) -> str:
    return re.sub(r"\s+", " ", text).strip()


@pytest.mark.parametrize(("file", "line"), shown())
def test_a_line_stands_in_its_file(file, line):
    assert squeezed(line) in squeezed((ROOT / file).read_text())


def test_the_page_counts_right():
    lines = [file for file, _ in shown()]
    table = {file: int(count) for file, count in re.findall(r"\| `([\w/.]+)` \| (\d+) \|", PAGE.read_text())}
    assert table == {file: lines.count(file) for file in lines}
    assert f"{len(lines)} lines in {len(table)} files" in PAGE.read_text()


def test_codes_have_the_order_of_the_contract():
    header = (ROOT / "native/include/elman/kernels.h").read_text()
    body = re.sub(r"/\*.*?\*/|//[^\n]*", "", re.search(r"enum class PointwiseCode[^{]*{(.*?)}", header, re.DOTALL)[1])
    codes = [word for word in re.split(r"[\s,]+", body) if word and word != "count_"]
    assert list(CODES) == codes


def test_every_pointwise_operator_has_a_native_code():
    pointwise = {name for name, row in TABLE.items() if row.kind == "pointwise"}
    assert pointwise - set(NAMES) == {"Cast"}  # a chain of codes: see executors/pointwise.py
    assert set(NAMES.values()) <= set(CODES)
