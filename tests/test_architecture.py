"""The floors are real: read from the source with `ast`, for every module, without an allow-list.

A module imports from lower floors and from its own room. A room is a folder of `elman`, or a file beside the folders;
floor 0 is one room. A file beside the folders may be a door of a folder, as `elman.ops` of `graph`: it is of its room.
"""

from __future__ import annotations

import ast
import graphlib
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

import pytest

import elman

ROOT = Path(elman.__file__).parent

FLOORS = {
    0: ("arguments", "dtypes", "errors", "paths", "settings", "shapes"),
    1: ("charts", "fields"),
    2: ("graph",),
    3: ("autodiff", "executors", "layers", "losses", "optimizers"),
    4: ("metrics",),  # most of them are the mean of a loss
    5: ("training",),
    6: ("decoding", "models"),
    7: ("inspect", "interop", "tasks"),
    8: ("cli", "web"),
    9: ("",),  # elman/__init__.py, the front door
}
DOORS = {
    "__main__": "cli",
    "_native": "executors",
    "activations": "layers",
    "callbacks": "training",
    "constraints": "layers",
    "initializers": "layers",
    "ops": "graph",
    "regularizers": "layers",
}
FLOOR = {room: floor for floor, rooms in FLOORS.items() for room in rooms}

HEAVY = ("matplotlib", "narwhals", "pandas", "polars", "pyarrow", "rich", "safetensors", "tokenizers", "torch", "typer")


class Import(NamedTuple):
    """One import of elman by elman."""

    importer: str
    imported: str
    line: int
    inside: str  # the function it stands in; "" at the top of the module

    def __str__(self) -> str:
        where = f" in {self.inside}()" if self.inside else ""
        return f"{self.importer}:{self.line}{where} imports {self.imported}"


def module_files() -> dict[str, Path]:
    files = {}
    for path in sorted(ROOT.rglob("*.py")):
        parts = ("elman", *path.relative_to(ROOT).with_suffix("").parts)
        files[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
    return files


FILES = module_files()
MODULES = {*FILES, "elman._native"}


def imports_of(module: str, source: str, *, is_package: bool) -> list[Import]:
    found = []

    def visit(node: ast.AST, inside: str) -> None:
        if isinstance(node, ast.Import):
            found.extend(Import(module, name.name, node.lineno, inside) for name in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = node.module or ""
            if node.level:
                package = module.split(".") if is_package else module.split(".")[:-1]
                base = ".".join([*package[: len(package) - node.level + 1], *filter(None, [base])])
            for name in node.names:
                full = f"{base}.{name.name}"
                found.append(Import(module, full if full in MODULES else base, node.lineno, inside))
        elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            inside = node.name
        for child in ast.iter_child_nodes(node):
            visit(child, inside)

    visit(ast.parse(source), "")
    return [found_one for found_one in found if found_one.imported.split(".")[0] == "elman"]


IMPORTS = [
    found
    for module, path in FILES.items()
    for found in imports_of(module, path.read_text(), is_package=path.name == "__init__.py")
]


def room(module: str) -> str:
    """The folder, or the file beside the folders, that a module is of; "" is the front door."""
    name = f"{module}..".split(".")[1]
    return "the ground floor" if name in FLOORS[0] else DOORS.get(name, name)


def floor(module: str) -> int:
    return FLOOR.get(room(module), 0 if room(module) == "the ground floor" else 99)


def breaks_a_floor(found: Import) -> bool:
    return room(found.importer) != room(found.imported) and floor(found.imported) >= floor(found.importer)


def test_every_room_has_a_floor():
    missing = sorted({room(module) for module in FILES if floor(module) == 99})
    assert not missing, f"give these a floor in FLOORS, and a line in ARCHITECTURE.md: {missing}"


def test_the_map_shows_these_floors():
    told = (Path(__file__).parents[1] / "ARCHITECTURE.md").read_text().split("## Floors")[1].split("```")[1]
    drawn = re.findall(r"(\d) ([a-z/ ]+)", re.sub(r"\(.*?\)", "", told))
    shown = {int(number): sorted(rooms.replace("/", "").split()) for number, rooms in drawn}
    assert shown == {number: sorted(rooms) for number, rooms in FLOORS.items() if rooms != ("",)}


def test_no_import_goes_up_or_next_door():
    assert [str(found) for found in IMPORTS if breaks_a_floor(found)] == []


def test_no_internal_import_hides_in_a_function():
    assert [str(found) for found in IMPORTS if found.inside] == []


def test_no_internal_import_hides_in_a_string():
    """`import_module("elman...")` would be invisible to the other tests; only the lazy doors may use it."""
    hidden = []
    for module, path in FILES.items():
        for node in ast.walk(ast.parse(path.read_text())):
            if module in ("elman", "elman.cli.commands") or not isinstance(node, ast.Call):
                continue
            called = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
            if called not in ("import_module", "__import__"):
                continue
            name = node.args[0].value if node.args and isinstance(node.args[0], ast.Constant) else "elman?"
            if str(name).startswith(("elman", ".")):
                hidden.append(f"{module}:{node.lineno} imports {name}")
    assert hidden == []


def test_there_is_no_import_cycle():
    edges: dict[str, set[str]] = {module: set() for module in MODULES}
    for found in IMPORTS:
        if found.imported != found.importer:
            edges[found.importer].add(found.imported)
    try:
        graphlib.TopologicalSorter(edges).prepare()
    except graphlib.CycleError as error:
        pytest.fail(f"import cycle: {' <- '.join(error.args[1])}")


def test_only_the_executors_know_the_extension():
    knowing = {room(found.importer) for found in IMPORTS if found.imported == "elman._native"}
    assert knowing <= {"executors"}


def test_nothing_imports_the_command_line_or_the_front_door():
    top = ("", "cli", "web")
    assert [str(found) for found in IMPORTS if room(found.imported) in top and room(found.importer) not in top] == []


@pytest.mark.parametrize(
    ("module", "source", "wrong"),
    [
        ("elman.autodiff.reverse", "from elman.executors import base", True),
        ("elman.layers.core", "from elman.losses import mse", True),
        ("elman.graph.node", "from elman.fields import text", False),
        ("elman.fields.text", "import elman.graph.node", True),
        ("elman.shapes", "from .errors import ShapeError", False),
        ("elman.layers.rnn.lstm", "from ..base import Layer", False),
        ("elman.layers.rnn.lstm", "from ...training import loop", True),
        ("elman.tasks.forecaster", "from elman.inspect import gates", True),
        ("elman.models.model", "import elman", True),
        ("elman.layers.core", "from elman import ops", False),
        ("elman.graph.node", "from elman import ops", False),
        ("elman.models.model", "from elman import Sequential", True),
    ],
)
def test_the_test_itself_sees_a_broken_floor(module, source, wrong):
    (found,) = imports_of(module, source, is_package=False)
    if found.imported == "elman" and "ops" in source:
        found = found._replace(imported="elman.ops")  # before ops.py exists
    assert breaks_a_floor(found) is wrong


def test_the_test_itself_sees_a_hidden_import():
    (found,) = imports_of("elman.graph.node", "def trace():\n    from elman.graph import text\n", is_package=False)
    assert (found.inside, found.line) == ("trace", 2)


def test_import_elman_loads_numpy_and_nothing_heavy():
    code = "import sys, elman; print(*sorted({name.split('.')[0] for name in sys.modules}))"
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, env=environment)
    assert run.stderr == ""
    assert sorted(set(run.stdout.split()) & set(HEAVY)) == []
