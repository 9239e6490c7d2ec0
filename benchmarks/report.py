"""Sum samples up, write `results/<name>.json` and the table of the same name in `docs/benchmarks.md`."""

from __future__ import annotations

import json
import re
import statistics
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
RESULTS = ROOT / "benchmarks" / "results"
PAGE = ROOT / "docs" / "benchmarks.md"

HEAD = """# Benchmarks

Every table is written by `make bench-peers` from one run, whose numbers are in `benchmarks/results/`. Programs run in
turn, round after round, each bound to one CPU and one thread; a table shows medians, and the middle half of the
samples in brackets. Ratios are those of medians: how many times elman's time the other program took.
"""


@dataclass
class Row:
    """One case of a benchmark: the samples of every program, and what was found equal."""

    case: str
    unit: str
    samples: dict[str, list[float]] = field(default_factory=dict)
    notes: dict[str, Any] = field(default_factory=dict)

    def add(self, program: str, value: float) -> None:
        """Add one sample."""
        self.samples.setdefault(program, []).append(value)

    def median(self, program: str) -> float | None:
        """Return the median of a program's samples; None where it has none."""
        values = self.samples.get(program)
        return statistics.median(values) if values else None

    def spread(self, program: str) -> tuple[float, float]:
        """Return the quartiles of a program's samples."""
        values = self.samples[program]
        if len(values) < 3:
            return min(values), max(values)
        low, _, high = statistics.quantiles(values, n=4, method="inclusive")
        return low, high

    def ratio(self, program: str, to: str = "elman") -> float | None:
        """Return how many times the time of `to` the program took; for other units, None."""
        mine, base = self.median(program), self.median(to)
        return None if mine is None or not base or self.unit != "s" else mine / base

    def as_json(self) -> dict[str, Any]:
        """Return the row as it is stored."""
        programs = {
            name: {"median": self.median(name), "quartiles": self.spread(name), "samples": values}
            for name, values in self.samples.items()
        }
        ratios = {name: self.ratio(name) for name in self.samples if name != "elman" and self.ratio(name) is not None}
        return {"case": self.case, "unit": self.unit, "programs": programs, "ratio_to_elman": ratios, **self.notes}


@dataclass
class Report:
    """One benchmark: its rows, what it ran on, which programs were missing."""

    name: str
    title: str
    text: str
    rows: list[Row] = field(default_factory=list)
    versions: dict[str, dict[str, str]] = field(default_factory=dict)
    missing: list[str] = field(default_factory=list)
    machine: dict[str, Any] = field(default_factory=dict)
    rounds: int = 0
    appendix: list[str] = field(default_factory=list)

    def save(self) -> None:
        """Write the JSON file and the table in the docs."""
        RESULTS.mkdir(exist_ok=True)
        content = {
            "name": self.name,
            "machine": self.machine,
            "versions": self.versions,
            "missing": self.missing,
            "rounds": self.rounds,
            "rows": [row.as_json() for row in self.rows],
        }
        (RESULTS / f"{self.name}.json").write_text(json.dumps(content, indent=1) + "\n")
        PAGE.parent.mkdir(exist_ok=True)
        page = PAGE.read_text() if PAGE.exists() else HEAD
        PAGE.write_text(place(page, self.name, self.markdown()))

    def markdown(self) -> str:
        """Return heading, text, table and footnote."""
        programs = list(dict.fromkeys(name for row in self.rows for name in row.samples))
        peers = [name for name in programs if name != "elman"]
        compared = "elman" in programs and any(row.ratio(name) for row in self.rows for name in peers)
        head = ["case", *programs, *(f"{name} / elman" for name in peers if compared)]
        lines = [f"## {self.title}", "", self.text, "", "| " + " | ".join(head) + " |", "|---" * len(head) + "|"]
        for row in self.rows:
            cells = [row.case, *(show(row, name) for name in programs)]
            if compared:
                cells += [f"{ratio:.3g}×" if (ratio := row.ratio(name)) else "-" for name in peers]
            lines.append("| " + " | ".join(cells) + " |")
        return "\n".join([*lines, "", self.footnote(), *self.appendix])

    def footnote(self) -> str:
        """Return one line on machine, versions and rounds."""
        versions = {name: version for found in self.versions.values() for name, version in found.items()}
        peak = self.machine.get("fma_peak_gflops")
        parts = [
            f"{self.machine.get('time', '')[:10]}",
            f"{self.machine.get('cpu', '')}",
            f"{self.rounds} rounds",
            ", ".join(f"{name} {version}" for name, version in sorted(versions.items())),
        ]
        if peak:
            parts.insert(2, f"multiply-add peak {peak:.0f} GF/s")
        missing = f" Missing: {'; '.join(self.missing)}." if self.missing else ""
        return f"*{' · '.join(part for part in parts if part)}.*{missing}"


def show(row: Row, program: str) -> str:
    """Return a table cell: the median, and the quartiles."""
    value = row.median(program)
    if value is None:
        return "-"
    low, high = row.spread(program)
    if row.unit != "s":
        return f"{value:.4g} {row.unit} ({low:.4g}-{high:.4g})".replace("  ", " ")
    scale, unit = next(((s, u) for s, u in ((1, "s"), (1e-3, "ms")) if value >= s), (1e-6, "µs"))
    return f"{value / scale:.3g} {unit} ({low / scale:.3g}-{high / scale:.3g})"


def place(page: str, name: str, table: str) -> str:
    """Put a table between its markers; append markers where the page has none."""
    begin, end = f"<!-- begin {name} -->", f"<!-- end {name} -->"
    block = f"{begin}\n{table}\n{end}"
    if begin not in page:
        return f"{page.rstrip()}\n\n{block}\n"
    return re.sub(f"{re.escape(begin)}.*?{re.escape(end)}", lambda _: block, page, flags=re.DOTALL)
