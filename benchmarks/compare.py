"""One case, asked of several programs in turn, round after round; what they computed must agree."""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence
from typing import Any, NamedTuple

from benchmarks.program import Running, Unavailable, Unsupported
from benchmarks.report import Report, Row

AGREEMENT = 2e-3
"""How far norms of float32 results over 100 steps may differ between programs, relatively."""


class Side(NamedTuple):
    """One column: a label, the program behind it, and what it is asked. `count`: how many things one call does."""

    label: str
    program: Running
    arguments: dict[str, Any]
    count: int = 1


def sides(running: Sequence[Running], **arguments: Any) -> list[Side]:
    """Return a side a program, all asked the same."""
    return [Side(program.name, program, arguments) for program in running]


def compare(
    report: Report, case: str, job: str, asked: Sequence[Side], rounds: int, agreement: float = AGREEMENT
) -> Row:
    """Time one case and add its row, where anyone could do it; a program that could not is named in the report.

    `notes` keep, by program, the multiply-add peak while it was timed in each round, and how far results lay apart.
    """
    row, left_out = Row(case, "s"), set[str]()
    results: dict[str, list[float]] = {}
    peaks: dict[str, list[float]] = {}
    for _ in range(rounds):
        for side in asked:
            if side.label in left_out:
                continue
            try:
                answer = side.program.ask(job, **side.arguments)
            except Unavailable as error:
                left_out.add(side.label)
                if not isinstance(error, Unsupported):
                    report.missing.append(f"{case}: {error}")
                continue
            row.add(side.label, answer["seconds"] / side.count)
            results[side.label] = answer["result"]
            if "peak" in answer:
                peaks.setdefault(side.label, []).append(answer["peak"])
    if row.samples:
        row.notes |= {"peaks": peaks, "apart": agree(case, results, agreement)}
        report.rows.append(row)
    return row


def agree(case: str, results: dict[str, list[float]], agreement: float = AGREEMENT) -> float:
    """Assert that all programs computed the same numbers; return how far they lie apart, relatively."""
    (name, first), *rest = results.items()
    apart = 0.0
    for other, values in rest:
        for mine, its in zip(first, values, strict=True):
            if not math.isclose(mine, its, rel_tol=agreement):
                raise AssertionError(f"{case}: {name} and {other} must agree. Received {first} and {values}.")
            apart = max(apart, abs(mine - its) / max(abs(mine), abs(its), 1e-30))
    return apart


def share_of_peak(row: Row, program: str) -> float | None:
    """Return which share of the multiply-add peak beside it a program reached, the median of rounds; None: unknown."""
    samples, work = row.samples.get(program), row.notes.get("flops")
    peaks = row.notes.get("peaks", {}).get(program)
    if not samples or not work or not peaks or len(peaks) != len(samples):
        return None
    return statistics.median(work / seconds * 1e-9 / peak for seconds, peak in zip(samples, peaks, strict=True))
