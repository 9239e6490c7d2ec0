"""Sequences of different lengths: what a step that counts costs, beside batches without padding."""

from __future__ import annotations

from benchmarks.compare import Side, compare
from benchmarks.peers import problems
from benchmarks.program import Running
from benchmarks.report import Report, Row

SHAPES = ((32, 100, 64, 64), (32, 100, 128, 128))
MANY = 1024
"""Sequences of a fit."""
WHOLE, MIXED, FIT = "whole", "one batch, mixed", f"fit of {MANY}, mixed"
EXPLAINED = (
    "Cost of a step that counts over that of the program's own whole sequences; medians over rounds. elman's `fit` "
    "puts sequences of like length into one batch; PyTorch packs what the shuffle gives."
)


def measure(report: Report, running: list[Running], rounds: int) -> None:
    """Time training, a step that counts, on whole sequences, one mixed batch, and a fit."""
    for shape in SHAPES:
        for cell in ("lstm", "gru"):
            for kind, sequences in ((WHOLE, shape[0]), (MIXED, shape[0]), (FIT, MANY)):
                whole = kind == WHOLE
                steps = sum(len(x) for x in problems.ragged(cell, sequences, shape, whole).x)
                asked = {"cell": cell, "sequences": sequences, "shape": shape, "whole": whole}
                both = [Side(program.name, program, asked, steps) for program in running]
                compare(report, f"{cell} {'x'.join(map(str, shape))}: {kind}", "ragged", both, rounds)


def over_whole(rows: list[Row]) -> list[str]:
    """Return a table of what mixed lengths cost, relative to whole sequences."""
    programs = list(dict.fromkeys(name for row in rows for name in row.samples))
    lines = ["", EXPLAINED, "", "| case | " + " | ".join(programs) + " |", "|---" * (len(programs) + 1) + "|"]
    whole = {row.case.rsplit(": ", 1)[0]: row for row in rows if row.case.endswith(WHOLE)}
    for row in rows:
        base = whole.get(row.case.rsplit(": ", 1)[0])
        if base is None or base is row:
            continue
        both = Row(row.case, "s")
        both.samples = {**{name: row.samples[name] for name in row.samples}, **_renamed(base)}
        ratios = [both.ratio(name, to=f"whole {name}") for name in programs]
        lines.append(f"| {row.case} | " + " | ".join(f"{r:.3g}×" if r else "-" for r in ratios) + " |")
    return lines


def _renamed(base: Row) -> dict[str, list[float]]:
    return {f"whole {name}": samples for name, samples in base.samples.items()}
