"""Pages as programs: what README and docs show is taken out of them and run, in the order in which a reader meets it.

```python   runs; all blocks of a page are one program, in a folder of their own that holds `examples/`
```output   stands below a block of code and is exactly what that block printed ("..." stands for anything)
```console  lines `$ elman ...` run as commands in the same folder; other commands (make, pip) are not run
```

Any other language is for the eye.
"""

from __future__ import annotations

import contextlib
import doctest
import io
import os
import shlex
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any, NamedTuple

ROOT = Path(__file__).parents[2]
PAGES = sorted([ROOT / "README.md", *(ROOT / "docs").rglob("*.md")])
FENCE = "```"


class Block(NamedTuple):
    """A fenced block: its language, its text, and the line of the page on which the text starts, from 1."""

    language: str
    text: str
    line: int


def blocks_of(page: Path) -> list[Block]:
    """The fenced blocks of a page, in order. An indented fence (inside a list) counts, too."""
    found: list[Block] = []
    language, start, body, indent = None, 0, [], 0
    for number, line in enumerate(page.read_text().splitlines(), 1):
        bare = line.strip()
        if language is None and bare.startswith(FENCE):
            language, start, body, indent = bare[3:].strip(), number + 1, [], len(line) - len(line.lstrip())
        elif language is not None and bare == FENCE:
            found.append(Block(language, "\n".join(body), start))
            language = None
        elif language is not None:
            body.append(line[indent:])
    assert language is None, f"{page}: the block of line {start} has no end"
    return found


def runs(page: Path) -> bool:
    """Whether a page has anything to run."""
    return any(b.language == "python" or (b.language == "console" and commands_of(b)) for b in blocks_of(page))


def commands_of(block: Block) -> list[str]:
    """The `$ elman ...` lines of a block; a backslash continues a line."""
    lines = block.text.replace("\\\n", " ").splitlines()
    return [line[2:].split("  #")[0].strip() for line in lines if line.startswith("$ elman ")]


def run_page(page: Path, folder: Path) -> None:
    """Run a page in a folder. Raises what a block raises; AssertionError: a command fails, an output is another one."""
    if not (folder / "examples").exists():
        shutil.copytree(ROOT / "examples", folder / "examples")
    names: dict[str, Any] = {"__name__": f"page_{page.stem}"}
    printed = ""
    with contextlib.chdir(folder):
        for block in blocks_of(page):
            place = f"{page.relative_to(ROOT)}:{block.line}"
            if block.language == "python":
                printed = _run_python(block, str(page), names)
            elif block.language == "console":
                printed = "".join(_run_command(command, place) for command in commands_of(block))
            elif block.language == "output":
                _compare(block.text, printed, place)


def _run_python(block: Block, page: str, names: dict[str, Any]) -> str:
    """What a block prints. Line numbers in a traceback are those of the page."""
    out = io.StringIO()
    code = compile("\n" * (block.line - 1) + block.text, page, "exec")
    with contextlib.redirect_stdout(out):
        exec(code, names)
    return out.getvalue()


def _run_command(command: str, place: str) -> str:
    """What a command prints."""
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    arguments = [sys.executable, "-m", *shlex.split(command)]
    nothing = subprocess.DEVNULL
    run = subprocess.run(
        arguments, stdin=nothing, capture_output=True, text=True, check=False, env=environment, timeout=120
    )
    assert run.returncode == 0, f"{place}: {command}\n{run.stdout}{run.stderr}"
    return run.stdout


def _compare(shown: str, printed: str, place: str) -> None:
    lines = [line.rstrip() for line in printed.rstrip().splitlines()]
    got, want = "\n".join(lines) + "\n", shown.rstrip() + "\n"
    same = doctest.OutputChecker().check_output(want, got, doctest.ELLIPSIS)
    assert same, f"{place} shows\n{want}\nbut the code above it prints\n{got}"
