"""Every door says what is behind it: `__all__` is sorted, complete, and true.

A door is the `__init__.py` of a folder: its `__all__` is what it binds, without an underscore, of its own folder. The
`__all__` of a plain module is what others may use of it. The order is the one `ruff check --fix` makes
(RUF022): constants, classes, the rest.
"""

from __future__ import annotations

import ast
import importlib
import importlib.metadata
from collections.abc import Iterable

import pytest

from tests.test_architecture import FILES

DOORS = [module for module, path in FILES.items() if path.name == "__init__.py"]


def declared(tree: ast.Module) -> list[str] | None:
    """`__all__` as it stands in the source; None without one."""
    for node in tree.body:
        targets = node.targets if isinstance(node, ast.Assign) else [getattr(node, "target", None)]
        if any(isinstance(target, ast.Name) and target.id == "__all__" for target in targets):
            return list(ast.literal_eval(node.value))
    return None


def defined(tree: ast.Module) -> set[str]:
    """The public names a module defines itself: classes, functions, constants; no imports."""
    names = set()
    for node in tree.body:
        if isinstance(node, ast.ClassDef | ast.FunctionDef):
            names.add(node.name)
        elif isinstance(node, ast.Assign | ast.AnnAssign):
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            names.update(target.id for target in targets if isinstance(target, ast.Name))
    return {name for name in names if not name.startswith("_")}


WITH_ALL = {module: names for module in FILES if (names := declared(ast.parse(FILES[module].read_text()))) is not None}


def in_order(names: Iterable[str]) -> list[str]:
    return sorted(names, key=lambda name: ((2, 1, 0)[name[0].isupper() + (len(name) > 1 and name.isupper())], name))


def public_names(module: str) -> set[str]:
    """What a door shows: what it defines, and what it binds of its own folder, at once or (TYPE_CHECKING) when asked.

    A name that the door's own code works with is a tool, not a show piece, unless `__all__` lists it.
    """
    tree = ast.parse(FILES[module].read_text())
    bound = defined(tree)
    conditional = [inner for node in tree.body if isinstance(node, ast.If) for inner in node.body]
    for node in tree.body + conditional:
        if isinstance(node, ast.ImportFrom) and (node.level == 1 or f"{node.module}.".startswith(f"{module}.")):
            bound.update(name.asname or name.name for name in node.names)
    used = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load)}
    tools = used - defined(tree) - set(WITH_ALL.get(module, ()))
    return {name for name in bound - tools if not name.startswith("_")}


@pytest.mark.parametrize("module", [module for module in DOORS if FILES[module].read_text().strip()])
def test_a_door_has_an_all_that_is_what_it_shows(module):
    assert set(WITH_ALL.get(module, ())) - {"__version__"} == public_names(module)


@pytest.mark.parametrize("module", WITH_ALL)
def test_all_is_sorted_without_doubles(module):
    assert WITH_ALL[module] == in_order(set(WITH_ALL[module]))


@pytest.mark.parametrize("module", WITH_ALL)
def test_every_name_in_all_exists(module):
    imported = importlib.import_module(module)
    assert [name for name in WITH_ALL[module] if not hasattr(imported, name)] == []


def test_the_version_is_the_packages():
    elman = importlib.import_module("elman")
    try:
        installed = importlib.metadata.version("elman")
    except importlib.metadata.PackageNotFoundError:
        pytest.skip("elman runs from its source folder and is not installed")
    assert elman.__version__ == installed
