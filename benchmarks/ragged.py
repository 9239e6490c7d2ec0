"""Sequences of different lengths: what a step that counts costs, beside batches without padding."""

from __future__ import annotations

from benchmarks.compare import Side, compare
from benchmarks.peers import problems
from benchmarks.program import Running
from benchmarks.report import Report, Row

SHAPES = ((32, 100, 64, 64), (32, 100, 128, 128))
MANY = 1024
"""Sequences of a fit; whole ones are half as many, which are as many steps."""
KINDS = (
    ("one batch, whole", True, lambda batch: batch, 40),
    ("one batch, mixed", False, lambda batch: batch, 40),
    ("one epoch, whole", True, lambda _: MANY // 2, 1),
    ("one epoch, mixed", False, lambda _: MANY, 1),
    ("five epochs, whole", True, lambda _: MANY // 2, 5),
    ("five epochs, mixed", False, lambda _: MANY, 5),
)
"""What is trained on, whether all sequences have T steps, how many there are, given B, and for how many epochs."""
EXPLAINED = (
    "Cost of a step that counts over that of the same program's whole sequences; medians over rounds. elman's `fit` "
    "puts sequences of like length into one batch, and is given a list: what it makes of it is in these times (of "
    "whole sequences an array, mixed ones it reads where they lie); PyTorch packs what the shuffle gives."
)


def measure(report: Report, running: list[Running], rounds: int) -> None:
    """Time training, a step that counts, on whole sequences, one mixed batch, and a fit."""
    for shape in SHAPES:
        for cell in ("lstm", "gru"):
            for kind, whole, count, epochs in KINDS:
                sequences = count(shape[0])
                steps = sum(len(x) for x in problems.ragged(cell, sequences, shape, whole).x)
                asked = {"cell": cell, "sequences": sequences, "shape": shape, "whole": whole, "epochs": epochs}
                both = [Side(program.name, program, asked, steps) for program in running]
                compare(report, f"{cell} {'x'.join(map(str, shape))}: {kind}", "ragged", both, rounds)


def over_whole(rows: list[Row]) -> list[str]:
    """Return a table of what mixed lengths cost, relative to whole sequences."""
    programs = list(dict.fromkeys(name for row in rows for name in row.samples))
    lines = ["", EXPLAINED, "", "| case | " + " | ".join(programs) + " |", "|---" * (len(programs) + 1) + "|"]
    known = {row.case: row for row in rows}
    for row in rows:
        base = known.get(row.case.removesuffix("mixed") + "whole")
        if base is None:
            continue
        both = Row(row.case, "s", {**row.samples, **{f"whole {name}": found for name, found in base.samples.items()}})
        ratios = [both.ratio(name, to=f"whole {name}") for name in programs]
        lines.append(f"| {row.case} | " + " | ".join(f"{r:.3g}×" if r else "-" for r in ratios) + " |")
    return lines
