"""One recurrent layer: forward alone, and forward with backpropagation through time to its weights."""

from __future__ import annotations

import math

from benchmarks.peers import problems
from benchmarks.program import Running, Unavailable
from benchmarks.report import Report, Row

SHAPES = (
    (1, 100, 1, 32),
    (16, 100, 1, 64),
    (16, 100, 64, 64),
    (32, 100, 128, 128),
    (64, 100, 256, 256),
    (64, 100, 512, 512),
    (32, 50, 1024, 1024),
)
"""(B, T, I, U)."""
AGREEMENT = 2e-3
"""How far norms of float32 results over 100 steps may differ between programs, relatively."""


def agree(case: str, results: dict[str, list[float]]) -> None:
    """Assert that all programs computed the same norms of outputs and gradients."""
    (first, *rest) = results.items()
    for name, values in rest:
        for mine, other in zip(first[1], values, strict=True):
            if not math.isclose(mine, other, rel_tol=AGREEMENT):
                raise AssertionError(f"{case}: {first[0]} and {name} must agree. Received {first[1]} and {values}.")


def measure(report: Report, running: list[Running], rounds: int, shapes: int = len(SHAPES)) -> None:
    """Time every cell and mode on the first `shapes` shapes."""
    for shape in SHAPES[:shapes]:
        for cell in problems.GATES:
            for mode in ("train", "inference"):
                row = one_case(report, running, rounds, cell, shape, mode)
                if row.samples:
                    report.rows.append(row)


def one_case(
    report: Report, running: list[Running], rounds: int, cell: str, shape: tuple[int, int, int, int], mode: str
) -> Row:
    """Time one case; a program that cannot do it is named and left out."""
    row = Row(f"{cell} {mode} {'x'.join(map(str, shape))}", "s")
    results: dict[str, list[float]] = {}
    left_out: set[str] = set()
    for _ in range(rounds):
        for program in running:
            if program.name in left_out:
                continue
            try:
                answer = program.ask("rnn", cell=cell, shape=shape, mode=mode)
            except Unavailable as error:
                left_out.add(program.name)
                report.missing.append(f"{row.case}: {error}")
                continue
            row.add(program.name, answer["seconds"])
            results[program.name] = answer["result"]
    if results:
        agree(row.case, results)
    work = problems.flops(cell, shape, mode)
    peak = report.machine.get("fma_peak_gflops")
    rates = {name: work / median * 1e-9 for name in row.samples if (median := row.median(name))}
    row.notes |= {"flops": work, "gflops": rates}
    if peak:
        row.notes["share_of_peak"] = {name: rate / peak for name, rate in rates.items()}
    return row
