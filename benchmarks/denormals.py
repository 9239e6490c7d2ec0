"""States that fade below the smallest normal number: with such numbers flushed to zero, and as they would be."""

from __future__ import annotations

from benchmarks.compare import Side, compare
from benchmarks.program import Running
from benchmarks.report import Report

SHAPE = (16, 1000, 4, 64)
"""(B, T, I, U)."""


def measure(report: Report, running: list[Running], rounds: int) -> None:
    """Time states that fade and such that do not; PyTorch as it is, and told to flush."""
    for fading in (True, False):
        asked = {"shape": SHAPE, "fading": fading}
        both = [Side(program.name, program, asked) for program in running]
        both += [Side("torch, flushing", p, {**asked, "flush": True}) for p in running if p.name == "torch"]
        compare(report, f"simple_rnn inference, states {'fade' if fading else 'stay'}", "decay", both, rounds)
