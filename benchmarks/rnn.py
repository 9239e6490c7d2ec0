"""One recurrent layer: forward alone, and forward with backpropagation through time to its weights."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence

from benchmarks import machine
from benchmarks.peers import problems
from benchmarks.program import Running, Unavailable
from benchmarks.report import Report, Row

Shape = tuple[int, int, int, int]
MODES = ("train", "inference")
SHAPES: tuple[Shape, ...] = (
    (1, 100, 1, 32),
    (16, 100, 1, 64),
    (16, 100, 64, 64),
    (32, 100, 128, 128),
    (64, 100, 256, 256),
    (64, 100, 512, 512),
    (32, 50, 1024, 1024),
)
"""(B, T, I, U)."""
ROOFLINE = (
    "Work is that of the matrix products; traffic is what must move at least once: inputs, weights, outputs, their "
    "gradients, and the gates kept for the way back. The peak is that of fused multiply-adds, measured in each round."
)
AGREEMENT = 2e-3
"""How far norms of float32 results over 100 steps may differ between programs, relatively."""


def agree(case: str, results: dict[str, list[float]]) -> None:
    """Assert that all programs computed the same norms of outputs and gradients."""
    (first, *rest) = results.items()
    for name, values in rest:
        for mine, other in zip(first[1], values, strict=True):
            if not math.isclose(mine, other, rel_tol=AGREEMENT):
                raise AssertionError(f"{case}: {first[0]} and {name} must agree. Received {first[1]} and {values}.")


def measure(
    report: Report,
    running: list[Running],
    rounds: int,
    shapes: Sequence[Shape] = SHAPES,
    cells: Sequence[str] = tuple(problems.GATES),
    modes: Sequence[str] = MODES,
) -> None:
    """Time cells and modes on shapes; the rates of all go into a table of their own."""
    for shape, cell, mode in itertools.product(shapes, cells, modes):
        row = one_case(report, running, rounds, cell, shape, mode)
        if row.samples:
            report.rows.append(row)
    report.appendix = roofline(report.rows)


def roofline(rows: list[Row]) -> list[str]:
    """Return a table of work, traffic and the share of the peak that each program reached."""
    programs = list(dict.fromkeys(name for row in rows for name in row.samples))
    head = [
        "case",
        "GFLOP",
        "MB",
        "flop / byte",
        "peak GF/s",
        "elman GF/s",
        *(f"{name} % of peak" for name in programs),
    ]
    lines = ["", ROOFLINE, "", "| " + " | ".join(head) + " |", "|---" * len(head) + "|"]
    for row in rows:
        work, moved = row.notes["flops"], row.notes["bytes"]
        peak, rates = row.notes.get("peak"), row.notes["gflops"]
        cells = [row.case, f"{work * 1e-9:.3g}", f"{moved * 1e-6:.3g}", f"{work / moved:.0f}"]
        cells += [f"{peak:.0f}" if peak else "-", f"{rates['elman']:.0f}" if "elman" in rates else "-"]
        cells += [f"{100 * rates[name] / peak:.0f}" if peak and name in rates else "-" for name in programs]
        lines.append("| " + " | ".join(cells) + " |")
    return lines


def one_case(report: Report, running: list[Running], rounds: int, cell: str, shape: Shape, mode: str) -> Row:
    """Time one case; a program that cannot do it is named and left out."""
    row = Row(f"{cell} {mode} {'x'.join(map(str, shape))}", "s")
    results: dict[str, list[float]] = {}
    left_out: set[str] = set()
    peaks: list[float] = []
    for _ in range(rounds):
        if (peak := machine.fma_peak()) is not None:
            peaks.append(peak)
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
    rates = {name: work / median * 1e-9 for name in row.samples if (median := row.median(name))}
    row.notes |= {"flops": work, "bytes": problems.traffic(cell, shape, mode), "gflops": rates}
    if peaks:
        row.notes["peak"] = max(peaks)
    return row
