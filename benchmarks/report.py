"""Sum samples up, keep `results/<name>.json` row by row, and write the tables of `docs/benchmarks.md`."""

from __future__ import annotations

import json
import re
import statistics
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
RESULTS = ROOT / "benchmarks" / "results"
PAGE = ROOT / "docs" / "benchmarks.md"

HEAD = """# Benchmarks

Every table is written by `make bench-peers` from runs whose numbers are in `benchmarks/results/`. Programs run in
turn, round after round, each bound to one CPU and one thread where nothing else is said; a table shows medians, and
the middle half of the samples in brackets. Ratios are medians over rounds: how many times elman's time of the same
round the other program took. What the programs computed must agree, or the run stops. A file holds rows of several
runs: a row measured again replaces the old one.
"""


@dataclass
class Row:
    """One case of a benchmark: the samples of every program, what was found equal, and in which run, by its time."""

    case: str
    unit: str
    samples: dict[str, list[float]] = field(default_factory=dict)
    notes: dict[str, Any] = field(default_factory=dict)
    run: str = ""

    def add(self, program: str, value: float) -> None:
        """Add one sample, with the digits that a clock gives: what is stored is what is shown."""
        self.samples.setdefault(program, []).append(short(value))

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
        """Return how many times the time of `to` the program took, the median over rounds; for other units, None."""
        mine, base = self.samples.get(program), self.samples.get(to)
        if not mine or not base or self.unit != "s":
            return None
        if len(mine) == len(base):
            return statistics.median(a / b for a, b in zip(mine, base, strict=True))
        return statistics.median(mine) / statistics.median(base)

    def as_json(self) -> dict[str, Any]:
        """Return the row as it is stored."""
        programs = {name: {"median": self.median(name), "samples": values} for name, values in self.samples.items()}
        ratios = {name: r for name in self.samples if name != "elman" and (r := self.ratio(name)) is not None}
        known = {"case": self.case, "unit": self.unit, "run": self.run, "programs": programs, "ratio_to_elman": ratios}
        return {**known, **self.notes}

    @classmethod
    def from_json(cls, stored: dict[str, Any]) -> Row:
        """Return a row that was stored."""
        notes = {name: value for name, value in stored.items() if name not in STORED}
        samples = {name: program["samples"] for name, program in stored["programs"].items()}
        return cls(stored["case"], stored["unit"], samples, notes, stored.get("run", ""))


def short(value: float) -> float:
    """Return a number with five digits."""
    return float(f"{value:.5g}")


STORED = ("case", "unit", "run", "programs", "ratio_to_elman")


@dataclass
class Report:
    """One benchmark: its rows, what it ran on, which programs were missing; and the runs that stored rows come from."""

    name: str
    title: str
    text: str
    rows: list[Row] = field(default_factory=list)
    versions: dict[str, dict[str, str]] = field(default_factory=dict)
    missing: list[str] = field(default_factory=list)
    machine: dict[str, Any] = field(default_factory=dict)
    rounds: int = 0
    appendix: Callable[[list[Row]], list[str]] | None = None
    runs: dict[str, dict[str, Any]] = field(default_factory=dict)

    def save(self) -> None:
        """Put the rows among those stored, and write the JSON file and the tables in the docs."""
        whole = self.merged()
        RESULTS.mkdir(exist_ok=True)
        content = {"name": self.name, "runs": whole.runs, "rows": [row.as_json() for row in whole.rows]}
        (RESULTS / f"{self.name}.json").write_text(compact(json.dumps(content, indent=1)) + "\n")
        whole.write()

    def write(self) -> None:
        """Write the tables in the docs."""
        page = PAGE.read_text() if PAGE.exists() else HEAD
        PAGE.write_text(place(page, self.name, self.markdown()))

    def merged(self) -> Report:
        """Return the stored rows, those measured now in place of older ones of the same case."""
        rows, runs = read(RESULTS / f"{self.name}.json")
        now = self.machine.get("time", "")
        mine = {row.case: replace(row, run=now) for row in self.rows}
        rows = [mine.pop(row.case, row) for row in rows] + list(mine.values())
        if self.rows:
            runs[now] = self.facts()
        used = {row.run for row in rows}
        return replace(self, rows=rows, runs={time: run for time, run in runs.items() if time in used})

    def facts(self) -> dict[str, Any]:
        """Return what is to be known of a run."""
        keys = ("machine", "versions", "missing", "rounds")
        return {key: getattr(self, key) for key in keys}

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
        return "\n".join([*lines, "", self.footnote(), *(self.appendix(self.rows) if self.appendix else ())])

    def footnote(self) -> str:
        """Return one line on machine, versions and rounds of all runs."""
        runs = list(self.runs.values()) or [self.facts()]
        programs = [found for run in runs for found in run["versions"].values()]
        versions = sorted({(name, version) for found in programs for name, version in found.items()})
        peaks = [peak for run in runs if (peak := run["machine"].get("fma_peak_gflops"))]
        parts = [
            span([run["machine"].get("time", "")[:10] for run in runs]),
            span([run["machine"].get("cpu", "") for run in runs]),
            f"multiply-add peak {span([f'{peak:.0f}' for peak in peaks])} GF/s" if peaks else "",
            f"{len(runs)} runs" if len(runs) > 1 else "",
            f"{span([str(run['rounds']) for run in runs])} rounds",
            ", ".join(f"{name} {version}" for name, version in versions),
        ]
        missing = "; ".join(dict.fromkeys(entry for run in runs for entry in run["missing"]))
        return f"*{' · '.join(part for part in parts if part)}.*{f' Missing: {missing}.' if missing else ''}"


def read(path: Path) -> tuple[list[Row], dict[str, dict[str, Any]]]:
    """Return the rows and runs of a stored file; a file without `runs` holds one."""
    if not path.exists():
        return [], {}
    stored = json.loads(path.read_text())
    rows = [Row.from_json(row) for row in stored["rows"]]
    if "runs" in stored:
        return rows, stored["runs"]
    time = stored["machine"]["time"]
    run = {key: stored[key] for key in ("machine", "versions", "missing", "rounds")}
    return [replace(row, run=time) for row in rows], {time: run}


def compact(text: str) -> str:
    """Return JSON with each list of numbers on one line."""
    return re.sub(r"\[\s+([-\d.e+,\s]+?)\s+\]", lambda m: "[" + re.sub(r"\s+", " ", m[1]) + "]", text)


def span(words: list[str]) -> str:
    """Return the one word, or the first and the last of them in order."""
    found = sorted(set(words), key=lambda word: (len(word), word))
    return found[0] if len(found) == 1 else f"{found[0]} to {found[-1]}"


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
