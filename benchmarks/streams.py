"""One step at a time, from Python: a new array a step, and buffers that stay."""

from __future__ import annotations

from benchmarks.compare import compare, sides
from benchmarks.program import Running
from benchmarks.report import Report

SIZES = (
    ("lstm", 4, 32),
    ("gru", 4, 64),
    ("simple_rnn", 4, 64),
    ("lstm", 8, 8),
    ("lstm", 16, 16),
    ("lstm", 64, 64),
    ("gru", 16, 16),
    ("lstm", 256, 256),
    ("gru", 256, 256),
)
"""(cell, I, U): the first two are the project's goals; those with I = U up to 64 are RTNeural's."""


def measure(report: Report, running: list[Running], rounds: int) -> None:
    """Time a step of each size."""
    for cell, features, units in SIZES:
        for bound in (False, True):
            case = f"{cell} {features}x{units}, {'buffers stay' if bound else 'a new array'}"
            compare(
                report, case, "stream", sides(running, cell=cell, features=features, units=units, bound=bound), rounds
            )
