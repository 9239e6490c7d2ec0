"""What `import elman` costs, and what it brings with it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time

from benchmarks import machine
from benchmarks.report import Report, Row

HEAVY = "pandas matplotlib polars torch tensorflow jax keras sklearn scipy rich typer narwhals safetensors".split()
"""What must not come with `import elman`."""

PROGRAMS = (
    ("python alone", "pass"),
    ("numpy", "import numpy"),
    ("elman", "import elman"),
    ("elman and its models", "import elman; elman.Sequential"),
)

LOADED = "import sys, json, {module}; print(json.dumps(sorted({{m.split('.')[0] for m in sys.modules}})))"


def run(code: str, *options: str) -> subprocess.CompletedProcess[str]:
    """Run a line of Python in a new process, bound as every program is."""
    return subprocess.run(
        [sys.executable, *options, "-c", code],
        env={**os.environ, **machine.threads(1)},
        preexec_fn=machine.bind,
        capture_output=True,
        check=True,
        text=True,
    )


def seconds_of(code: str) -> float:
    """Return the seconds of a whole process."""
    start = time.perf_counter()
    run(code)
    return time.perf_counter() - start


def heaviest(module: str, count: int = 8) -> list[tuple[str, float]]:
    """Return the modules that took longest to import, themselves alone, in milliseconds."""
    lines = run(f"import {module}", "-X", "importtime").stderr.splitlines()[1:]
    parts = [line.removeprefix("import time:").split("|") for line in lines if line.count("|") == 2]
    costs = [(name.strip(), int(own) / 1000) for own, _, name in parts]
    return sorted(costs, key=lambda cost: -cost[1])[:count]


def measure(report: Report, rounds: int) -> None:
    """Time `import elman` beside `import numpy` and an empty process; assert that nothing heavy comes along."""
    row = Row("process that only imports", "s")
    for turn in range(4 * rounds + 1):
        for name, code in PROGRAMS:
            seconds = seconds_of(code)
            if turn:
                row.add(name, seconds)
    loaded = json.loads(run(LOADED.format(module="elman; elman.Sequential")).stdout)
    found = [module for module in HEAVY if module in loaded]
    if found:
        raise AssertionError(f"import elman: nothing but numpy must be imported. Received {', '.join(found)}.")
    row.notes["heaviest_ms"] = {module: heaviest(module) for module in ("numpy", "elman")}
    report.rows.append(row)
