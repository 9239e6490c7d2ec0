"""The numbers of `docs/design/house.md`: the code measured against the house style.

Two tables: what must hold exactly, and what drifts as the code grows (a test lets the page lag by a quarter).

Run: python docs/house_numbers.py            (prints the tables, the longest functions, the history)
     python docs/house_numbers.py --write    (and puts the tables into the page)
"""

from __future__ import annotations

import ast
import io
import re
import statistics
import subprocess
import sys
import tokenize
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple, TypeGuard

ROOT = Path(__file__).parents[1]
if __name__ == "__main__":
    sys.path.insert(0, str(ROOT))  # for `tests`

from elman.autodiff import RULES  # noqa: E402
from elman.executors import reference  # noqa: E402
from elman.executors.lowering import OPS  # noqa: E402
from elman.graph import TABLE  # noqa: E402
from tests import test_architecture  # noqa: E402

PAGE = ROOT / "docs" / "design" / "house.md"
HOUSE = ROOT / "src" / "elman"
SOURCES = {path: path.read_text() for path in sorted(HOUSE.rglob("*.py"))}
TREES = {path: ast.parse(text) for path, text in SOURCES.items()}
TESTS = {path: path.read_text() for path in sorted((ROOT / "tests").rglob("*.py"))}
VAGUE = {"utils", "util", "helpers", "helper", "misc", "manager", "common"}

Function = ast.FunctionDef | ast.AsyncFunctionDef


class Found(NamedTuple):
    """A function, the file it is in, and the class around it, if any."""

    path: Path
    node: Function
    owner: ast.ClassDef | None

    def __str__(self) -> str:
        name = f"{self.owner.name}.{self.node.name}" if self.owner else self.node.name
        return f"{self.path.relative_to(HOUSE)}:{self.node.lineno} {name} {length(self.node)}"


def length(node: Function | ast.ClassDef) -> int:
    """Lines from `def` to the end, docstring included."""
    return (node.end_lineno or node.lineno) - node.lineno + 1


def functions() -> list[Found]:
    """Every function and method of src/elman, also those inside others."""

    def below(path: Path, node: ast.AST, owner: ast.ClassDef | None) -> Iterator[Found]:
        for child in ast.iter_child_nodes(node):
            if isinstance(child, Function):
                yield Found(path, child, owner)
            yield from below(path, child, child if isinstance(child, ast.ClassDef) else owner)

    return [found for path, tree in TREES.items() for found in below(path, tree, None)]


FUNCTIONS = functions()
CLASSES = {node.name: node for tree in TREES.values() for node in tree.body if isinstance(node, ast.ClassDef)}


def share(part: int, whole: int) -> str:
    return f"{100 * part / max(whole, 1):.0f} %"


def spread(values: list[int]) -> str:
    """Median, the ninth decile, the largest."""
    return f"{statistics.median_low(values)} / {statistics.quantiles(values, n=10)[-1]:.0f} / {max(values)}"


def cycles() -> int:
    """Modules that can be reached from themselves by imports."""
    edges: dict[str, set[str]] = {}
    for found in test_architecture.IMPORTS:
        edges.setdefault(found.importer, set()).add(found.imported)

    def reached(start: str) -> set[str]:
        seen: set[str] = set()
        open_ = list(edges.get(start, ()))
        while open_:
            module = open_.pop()
            if module not in seen:
                seen.add(module)
                open_ += edges.get(module, ())
        return seen

    return sum(module in reached(module) for module in edges)


def typed(function: Function) -> bool:
    """Whether all arguments and the result have a type."""
    a = function.args
    given = [*a.posonlyargs, *a.args, *a.kwonlyargs, *filter(None, [a.vararg, a.kwarg])]
    return function.returns is not None and all(g.annotation or g.arg in ("self", "cls") for g in given)


def comments(text: str) -> int:
    """Comments to read; those that talk to a tool, and headings with a rule, do not count."""
    tokens = tokenize.generate_tokens(io.StringIO(text).readline)
    said = [t.string for t in tokens if t.type == tokenize.COMMENT]
    return sum(not re.match(r"# ?(fmt|type|noqa|mypy|pragma|--)", comment) for comment in said)


def remarks(native: list[str]) -> int:
    """Lines of a native file with a comment, headings not counted."""
    return sum("//" in line and "// --" not in line for line in native)


def documented(node: ast.AST) -> int:
    """Lines of a node's docstring."""
    text = ast.get_docstring(node) if isinstance(node, Function | ast.ClassDef | ast.Module) else None
    return len(text.splitlines()) if text else 0


def takes_tensors(found: Found) -> bool:
    """Whether a public function's signature speaks of tensors or arrays; what stands inside a function is private."""
    names = [found.node.name, *([found.owner.name] if found.owner else [])]
    if any(name.startswith("_") for name in names) or found.node not in (found.owner or TREES[found.path]).body:
        return False
    annotations = [arg.annotation for arg in (*found.node.args.args, *found.node.args.kwonlyargs)]
    text = " ".join(ast.unparse(a) for a in (*annotations, found.node.returns) if a is not None)
    return bool(re.search(r"Tensor|Operand|Array|ndarray", text))


def has_shapes(found: Found) -> bool:
    """Whether a function, its class, or what either replaces says shapes."""
    owners = [found.owner, *bases(found.owner)] if found.owner else []
    methods = [method for owner in owners for method in owner.body if getattr(method, "name", "") == found.node.name]
    documents = [ast.get_docstring(node) or "" for node in (found.node, *owners[:1], *methods)]
    return any("Shapes:" in document or "Shape:" in document for document in documents)


def bases(owner: ast.ClassDef) -> list[ast.ClassDef]:
    """The classes of the house that a class is derived from, found by their names."""
    names = [ast.unparse(base).split(".")[-1].split("[")[0] for base in owner.bases]
    found = [CLASSES[name] for name in names if name in CLASSES and CLASSES[name] is not owner]
    return found + [further for base in found for further in bases(base)]


def messages() -> tuple[int, int]:
    """Places that build an error with `.at`, and those with eight letters or more of rule, cure or reason in a test."""
    tested = " ".join(TESTS.values()).replace("\\", "")
    sites = [(call, assigned(tree)) for tree in TREES.values() for call in ast.walk(tree) if builds_error(call)]
    return len(sites), sum(any(len(part) >= 8 and part in tested for part in words(*site)) for site in sites)


def builds_error(node: ast.AST) -> TypeGuard[ast.Call]:
    """Whether a node is `SomeError.at(where, argument, rule, received, ...)`; NumPy's `add.at` takes fewer."""
    return isinstance(node, ast.Call) and getattr(node.func, "attr", None) == "at" and len(node.args) >= 4


def assigned(tree: ast.AST) -> dict[str, list[ast.expr]]:
    """What the names of a module and of its functions are given; `rule, cure = ...` gives both the whole."""
    given: dict[str, list[ast.expr]] = {}
    for node in ast.walk(tree):
        for target in node.targets if isinstance(node, ast.Assign) else ():
            for name in target.elts if isinstance(target, ast.Tuple) else (target,):
                given.setdefault(ast.unparse(name), []).append(node.value)
    return given


def words(call: ast.Call, names: dict[str, list[ast.expr]]) -> list[str]:
    """The texts of a message's rule, cure and reason, also those a name holds: as last assigned above the call."""
    told = [*call.args[2:3], *call.args[4:5], *(k.value for k in call.keywords)]
    used = {node.id for arg in told for node in ast.walk(arg) if isinstance(node, ast.Name)}
    above = [[value for value in names.get(name, ()) if value.lineno <= call.lineno] for name in sorted(used)]
    told += [max(values, key=lambda value: value.lineno) for values in above if values]
    texts = [c.value for arg in told for c in ast.walk(arg) if isinstance(c, ast.Constant)]
    return [text.strip() for text in texts if isinstance(text, str)]


def stems() -> list[tuple[str, str]]:
    """Where one name is used for one thing, as found / looked for."""
    modules = {path.stem for path in SOURCES} - {"__init__", "__main__"}
    tests = {path.stem.removeprefix("test_") for path in TESTS}
    rooms = sorted(path.name for path in HOUSE.iterdir() if (path / "__init__.py").exists())
    files = {path.stem for path in (ROOT / "native").rglob("*.*")}
    kernels = files | {path.name for path in (ROOT / "native" / "kernels").iterdir()}
    pages = {path.stem for path in (ROOT / "docs" / "api").glob("*.md")}
    units = {path.name for path in (ROOT / "tests" / "unit").iterdir()}
    benches = {path.stem.removeprefix("bench_") for path in (ROOT / "benchmarks").rglob("*.py")}
    return [
        ("modules with a test file of their name", f"{len(modules & tests)} / {len(modules)}"),
        ("rooms with a folder in tests/unit", f"{len(units & set(rooms))} / {len(rooms)}"),
        ("rooms with a page in docs/api", f"{len(pages & set(rooms))} / {len(rooms)}"),
        ("modules or rooms with a benchmark of their name", f"{len((modules | {*rooms}) & benches)}"),
        ("native instructions with a file or folder of their name", f"{len(kernels & set(OPS))} / {len(OPS)}"),
    ]


def exact() -> list[tuple[str, str]]:
    """What must hold as the page says."""
    imports = test_architecture.IMPORTS
    vague = [path for path in SOURCES if VAGUE & set(path.relative_to(HOUSE).with_suffix("").parts)]
    return [
        ("modules in an import cycle", str(cycles())),
        ("imports that go up or next door", str(sum(map(test_architecture.breaks_a_floor, imports)))),
        ("internal imports inside functions", str(sum(bool(found.inside) for found in imports))),
        ("operators without a reference row, `Input` aside", str(len(set(TABLE) - {*reference.ROWS, "Input"}))),
        ("modules named utils, helpers, misc, manager, common", str(len(vague))),
        ("tolerances written in a test", str(loose())),
    ]


def loose() -> int:
    """Numbers given as rtol, atol, rel or abs in tests, outside the file that derives them."""
    said = re.compile(r"\b(?:rtol|atol|rel|abs)=[\d.]+")
    return sum(len(said.findall(text)) for path, text in TESTS.items() if path.name != "tolerances.py")


def drifting() -> list[tuple[str, str]]:
    """What the page may lag behind by a quarter."""
    lines = {path: len(text.splitlines()) for path, text in SOURCES.items()}
    sites, quoted = messages()
    tensors = [found for found in FUNCTIONS if takes_tensors(found)]
    spoken = sum(map(comments, SOURCES.values()))
    nodes = [node for tree in TREES.values() for node in ast.walk(tree)]
    maths = [
        path
        for path in SOURCES
        if path.parent in (HOUSE / "layers" / "rnn", HOUSE / "optimizers", HOUSE / "autodiff")
        and path.stem not in ("__init__", "lookup")
    ]
    sources = [p for p in (ROOT / "native").rglob("*.*") if p.suffix in (".h", ".cpp") and "tests" not in p.parts]
    native = [p.read_text().splitlines() for p in sources]
    return [
        ("modules", str(len(lines))),
        ("lines", str(sum(lines.values()))),
        ("file: median / p90 / max", spread(list(lines.values()))),
        ("files over 400 lines", str(sum(n > 400 for n in lines.values()))),
        ("native file: median / p90 / max", spread([len(text) for text in native])),
        ("functions", str(len(FUNCTIONS))),
        ("function: median / p90 / max", spread([length(found.node) for found in FUNCTIONS])),
        ("functions over 50 lines", str(sum(length(found.node) > 50 for found in FUNCTIONS))),
        ("functions fully typed", share(sum(typed(found.node) for found in FUNCTIONS), len(FUNCTIONS))),
        ("comments per 100 lines", f"{100 * spoken / sum(lines.values()):.1f}"),
        ("lines of docstrings per 100 lines", f"{100 * sum(map(documented, nodes)) / sum(lines.values()):.0f}"),
        ("native comments per 100 lines", f"{100 * sum(map(remarks, native)) / sum(map(len, native)):.1f}"),
        ("raise", str(sum(isinstance(node, ast.Raise) for node in nodes))),
        ("assert", str(sum(isinstance(node, ast.Assert) for node in nodes))),
        *lstm(),
        ("operators", str(len(TABLE))),
        ("derivative rows; `Scan` has a file", str(len(RULES))),
        ("operators no gradient flows through", str(len(set(TABLE) - {*RULES, "Scan"}))),
        ("lines of autodiff/rules.py", str(lines[HOUSE / "autodiff" / "rules.py"])),
        ("public functions of tensors or arrays with Shapes", share(sum(map(has_shapes, tensors)), len(tensors))),
        ("error messages built with .at", str(sites)),
        ("of these, with their words in a test", share(quoted, sites)),
        ("match= in tests", str(sum(text.count("match=") for text in TESTS.values()))),
        ("files of maths that name a Source", share(sum("Source:" in SOURCES[p] for p in maths), len(maths))),
        *stems(),
    ]


def lstm() -> list[tuple[str, str]]:
    """The layer's size, and how much of it is docstring."""
    path = HOUSE / "layers" / "rnn" / "lstm.py"
    classes = {node.name: node for node in TREES[path].body if isinstance(node, ast.ClassDef)}
    texts = [ast.get_docstring(node) for node in ast.walk(TREES[path]) if isinstance(node, Function | ast.ClassDef)]
    said = sum(len(text.splitlines()) for text in texts if text)
    whole = len(SOURCES[path].splitlines())
    return [
        ("layers/rnn/lstm.py, cell and layer", str(whole)),
        ("class LSTM alone", str(length(classes["LSTM"]))),
        ("share of docstrings in lstm.py", share(said, whole)),
    ]


def longest(count: int = 8) -> list[str]:
    return [str(found) for found in sorted(FUNCTIONS, key=lambda found: -length(found.node))[:count]]


def history() -> list[tuple[str, str]]:
    """How commits look; empty without git. No test asks: a checkout may be shallow."""
    log = ["git", "-C", str(ROOT), "log", "--no-merges", "--name-only", "--format=%x00%s%x01"]
    try:
        out = subprocess.run(log, capture_output=True, text=True, check=True).stdout
    except (OSError, subprocess.CalledProcessError):
        return []
    entries = [entry.split("\x01") for entry in out.split("\x00")[1:]]
    subjects = [subject for subject, _ in entries]
    code = [files for _, files in entries if re.search(r"^(src|native/(kernels|plan|bindings))/", files, re.MULTILINE)]
    tested = sum(bool(re.search(r"^(tests|native/tests)/", files, re.MULTILINE)) for files in code)
    areas = sum(bool(re.match(r"[a-z_, /]+: [a-z]", subject)) for subject in subjects)
    return [
        ("commits", str(len(subjects))),
        ("subjects up to 60 characters", share(sum(len(s) <= 60 for s in subjects), len(subjects))),
        ("subjects `area: imperative`", share(areas, len(subjects))),
        ("commits of code that touch tests", share(tested, len(code))),
    ]


def table(rows: list[tuple[str, str]]) -> str:
    return "\n".join(["| what | number |", "|---|---|", *(f"| {name} | {value} |" for name, value in rows)])


def write() -> None:
    page = PAGE.read_text()
    for name, rows in (("exact", exact()), ("drifting", drifting())):
        before, after = page.split(f"<!-- {name} -->\n")
        page = f"{before}<!-- {name} -->\n{table(rows)}\n{after[after.index('<!-- end -->') :]}"
    PAGE.write_text(page)


if __name__ == "__main__":
    for rows in (exact(), drifting(), history()):
        print(table(rows), end="\n\n")
    print("longest functions:", *longest(), sep="\n  ")
    if "--write" in sys.argv:
        write()
