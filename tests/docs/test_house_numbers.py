"""`docs/design/house.md`: its numbers are those of `docs/house_numbers.py`, its walks are those of the programs."""

from __future__ import annotations

import importlib.util
import re
import shutil
import subprocess
import sys

import pytest

from elman.executors.native import available
from tests.docs.pages import ROOT

PAGE = (ROOT / "docs" / "design" / "house.md").read_text()
LAG = 0.25
"""How far a drifting number on the page may be from today's; whole numbers below 20 by 5."""

RECORDER = """
import sys
entered = {}
def note(frame, event, arg):
    code = frame.f_code
    if event == "call" and "/elman/" in code.co_filename:
        entered.setdefault(f"{code.co_filename.split('/elman/')[-1]} {code.co_qualname}", None)
def record(main):
    sys.setprofile(note)
    try:
        main()
    except SystemExit:
        pass
    sys.setprofile(None)
    sys.stderr.write("\\n".join(entered))
"""
PROGRAMS = {
    "train": """
from elman.cli import app
sys.argv = "elman train examples/airline.csv --target passengers --epochs 1 -o model.safetensors".split()
record(app.main)
""",
    "cell": """
sys.path.insert(0, "examples")
import custom_cell
record(custom_cell.main)
""",
}


@pytest.fixture(scope="module")
def numbers():
    spec = importlib.util.spec_from_file_location("house_numbers", ROOT / "docs" / "house_numbers.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def rows_of(name: str) -> list[list[str]]:
    """The cells of a table between markers, without its head."""
    text = PAGE.split(f"<!-- {name} -->\n")[1].split("<!-- end -->")[0]
    return [[cell.strip() for cell in row.strip("|\n ").split(" | ")] for row in text.splitlines()[2:]]


def test_what_must_hold_holds(numbers):
    assert rows_of("exact") == [list(row) for row in numbers.exact()]


def test_what_drifts_has_not_drifted_far(numbers):
    shown, today = dict(rows_of("drifting")), dict(numbers.drifting())
    assert list(shown) == list(today)
    far = {name: (shown[name], today[name]) for name in shown if not near(shown[name], today[name])}
    assert far == {}, "run docs/house_numbers.py --write, and read the marks again"


def near(shown: str, today: str) -> bool:
    """Whether the numbers in two cells, in their order, are near each other."""
    pairs = zip(re.findall(r"[\d.]+", shown), re.findall(r"[\d.]+", today), strict=True)
    return all(abs(float(a) - float(b)) <= max(LAG * float(b), 5 if "." not in a else 0.2) for a, b in pairs)


def test_the_comparison_sees_a_far_number():
    assert near("100 / 31", "105 / 40")
    assert not near("100 / 31", "100 / 60")


@pytest.mark.slow
@pytest.mark.skipif(not available(), reason="the walks enter the native extension")
@pytest.mark.parametrize("walk", PROGRAMS)
def test_a_walk_enters_the_rooms_in_this_order(walk, tmp_path):
    shutil.copytree(ROOT / "examples", tmp_path / "examples")
    code = f"{RECORDER}\nsys.path[:0] = {sys.path!r}\n{PROGRAMS[walk]}"
    command = [sys.executable, "-c", code]
    run = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=True, timeout=240)
    entered = run.stderr.splitlines()
    wanted = [f"{room} {what}".replace("`", "") for room, what, _ in rows_of(f"walk: {walk}")]
    assert [room for room in wanted if room not in entered] == []
    assert wanted == sorted(wanted, key=entered.index)
