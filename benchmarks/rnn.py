"""One recurrent layer: forward alone, and forward and back through time; by program, threads, instructions."""

from __future__ import annotations

import functools
import itertools
import statistics
from collections.abc import Sequence
from typing import NamedTuple

from benchmarks.compare import compare, share_of_peak, sides
from benchmarks.peers import problems
from benchmarks.program import Running
from benchmarks.report import Report, Row

Shape = tuple[int, int, int, int]
MODES = ("train", "train-dx", "inference")
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
LARGE: tuple[Shape, ...] = (SHAPES[3], SHAPES[5])
"""Shapes for bfloat16: products take most of the time. With 1024 units PyTorch's own gradients in it are 4 % off."""
SEVERAL: tuple[Shape, ...] = SHAPES[1:6]
"""Shapes with rows enough for two threads."""
ROOFLINE = (
    "Work is that of the matrix products; traffic is what must move at least once: inputs, weights, outputs, their "
    "gradients, and the gates kept for the way back. The peak is that of fused multiply-adds on one CPU, measured for "
    "30 µs every 5 ms while a program is timed, between its calls; a share is that of the medians of a round, and the "
    "median over rounds is shown. The column of peaks is elman's. Products slow the clock down (the peak is 170 GF/s "
    "right after a step of 32x100x128x128, and 224 after 30 ms of nothing else), and the update of millions of weights "
    "lets it recover before the peak is read: shares of the largest shapes are low by that. Where elman uses a tile "
    "unit (AMX) its rate is that of the same work in float32, and a share may exceed 100."
)


class Public(NamedTuple):
    """A case that others have measured: who, and what."""

    source: str
    cell: str
    shape: Shape
    modes: tuple[str, ...] = MODES


PUBLIC = (
    Public("DeepBench", "lstm", (16, 150, 256, 256), ("train",)),
    Public("DeepBench", "simple_rnn", (16, 50, 1760, 1760), ("train",)),
    Public("DeepBench", "lstm", (1, 150, 256, 256), ("inference",)),
    Public("DeepBench", "lstm", (1, 25, 512, 512), ("inference",)),
    Public("DeepBench", "simple_rnn", (1, 672, 32, 32), ("inference",)),
    Public("benchdnn", "lstm", (64, 50, 500, 500)),
    Public("benchdnn", "gru", (64, 50, 500, 500), ("train",)),
    Public("benchdnn", "lstm", (32, 10, 512, 128)),
    Public("Haste", "lstm", (1, 50, 128, 128)),
    Public("Haste", "gru", (32, 50, 128, 128)),
    Public("Haste", "lstm", (64, 50, 256, 256), ("train",)),
    Public("PyTorch #42094", "lstm", (500, 5, 510, 32)),
)
"""Some of the shapes of DeepBench (rnn_problems.h), oneDNN's benchdnn (inputs/rnn) and Haste (README)."""


def measure(
    report: Report,
    running: list[Running],
    rounds: int,
    shapes: Sequence[Shape] = SHAPES,
    cells: Sequence[str] = tuple(problems.GATES),
    modes: Sequence[str] = MODES,
) -> None:
    """Time cells and modes on shapes."""
    for shape, cell, mode in itertools.product(shapes, cells, modes):
        one_case(report, running, rounds, cell, shape, mode)


def public(report: Report, running: list[Running], rounds: int) -> None:
    """Time the shapes that others have published."""
    for case in PUBLIC:
        for mode in case.modes:
            one_case(report, running, rounds, case.cell, case.shape, mode, f"{case.source}: ")


def one_case(
    report: Report, running: list[Running], rounds: int, cell: str, shape: Shape, mode: str, before: str = ""
) -> None:
    """Time one case; the gradient of an input of one feature, of data that is, nobody needs."""
    if mode == "train-dx" and shape[2] == 1:
        return
    case = f"{before}{cell} {mode} {'x'.join(map(str, shape))}"
    work = problems.flops(cell, shape, mode)
    row = compare(report, case, "rnn", sides(running, cell=cell, shape=shape, mode=mode), rounds)
    rates = {name: work / median * 1e-9 for name in row.samples if (median := row.median(name))}
    row.notes |= {"flops": work, "bytes": problems.traffic(cell, shape, mode), "gflops": rates}


def bfloat16(report: Report, running: list[Running], rounds: int) -> None:
    """Time a training step of large layers; what is rounded to three digits agrees in two."""
    for cell, shape in itertools.product(("lstm", "gru"), LARGE):
        case, asked = f"{cell} train {'x'.join(map(str, shape))}", sides(running, cell=cell, shape=shape, mode="train")
        compare(report, case, "rnn", asked, rounds, agreement=1e-2)


GAINS = {
    "elman: float32 / bfloat16": ("elman", "elman-bfloat16"),
    "elman: float32 with AVX-512 / bfloat16": ("elman-avx512", "elman-bfloat16"),
    "torch: float32 / bfloat16": ("torch", "torch-bfloat16"),
    "bfloat16: torch / elman": ("torch-bfloat16", "elman-bfloat16"),
}
SETS = {"AVX-512 / as it is": ("elman-avx512", "elman"), "AVX2 / AVX-512": ("elman-avx2", "elman-avx512")}
THREADS = {
    "elman: one / two threads": ("elman", "elman-2-threads"),
    "torch: one / two threads": ("torch", "torch-2-threads"),
}


def ratios(pairs: dict[str, tuple[str, str]], rows: list[Row]) -> list[str]:
    """Return a table of how many times longer the first of two programs took than the second, where both ran."""
    ran = {name for row in rows for name in row.samples}
    pairs = {head: pair for head, pair in pairs.items() if ran.issuperset(pair)}
    lines = ["", "| case | " + " | ".join(pairs) + " |", "|---" * (len(pairs) + 1) + "|"]
    for row in rows:
        found = [row.ratio(a, to=b) for a, b in pairs.values()]
        lines.append(f"| {row.case} | " + " | ".join(f"{r:.3g}×" if r else "-" for r in found) + " |")
    return lines


gains, sets, speedups = (functools.partial(ratios, pairs) for pairs in (GAINS, SETS, THREADS))


def roofline(rows: list[Row]) -> list[str]:
    """Return a table of work, traffic and the share of the peak that each program reached."""
    programs = list(dict.fromkeys(name for row in rows for name in row.samples))
    head = ["case", "GFLOP", "MB", "flop / byte", "peak GF/s", "elman GF/s", *(f"{name} %" for name in programs)]
    lines = ["", ROOFLINE, "", "| " + " | ".join(head) + " |", "|---" * len(head) + "|"]
    for row in rows:
        work, moved = row.notes["flops"], row.notes["bytes"]
        peaks, rates = row.notes.get("peaks", {}).get("elman"), row.notes["gflops"]
        cells = [row.case, f"{work * 1e-9:.3g}", f"{moved * 1e-6:.3g}", f"{work / moved:.0f}"]
        cells += [
            f"{statistics.median(peaks):.0f}" if peaks else "-",
            f"{rates['elman']:.0f}" if "elman" in rates else "-",
        ]
        shares = [share_of_peak(row, name) for name in programs]
        cells += ["-" if share is None else f"{100 * share:.0f}" for share in shares]
        lines.append("| " + " | ".join(cells) + " |")
    return lines
