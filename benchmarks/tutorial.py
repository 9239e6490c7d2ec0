"""The tutorial's model: `fit`, the whole process from a cold start, `train_on_batch`, accuracy."""

from __future__ import annotations

import statistics

from benchmarks.peers import series
from benchmarks.program import Program, Running, Unavailable, run_cold
from benchmarks.report import Report, Row

SEEDS = range(20)
FEW = 5
"""Seeds of the first mean, which moves by 0.004 from one five to the next: that of all is shown beside it."""


def check(program: str, mse: float) -> None:
    """Assert that the run has learned: its error lies in the band around the floor of the noise."""
    low, high = series.BAND
    if not low <= mse <= high:
        raise AssertionError(f"{program}: training error must be in [{low}, {high}]. Received mse={mse:.4f}.")


def fit(report: Report, running: list[Running], rounds: int) -> None:
    """Time 100 epochs of fit, its compilation apart; every round has its own seed."""
    row, compilation = Row("fit, 5000 steps", "s"), Row("build and compile, before", "s")
    for seed in range(rounds):
        for program in running:
            answer = program.ask("tutorial_fit", seed=seed)
            check(program.name, answer["mse"])
            row.add(program.name, answer["seconds"])
            compilation.add(program.name, answer["compile_seconds"])
            row.notes.setdefault("mse", {}).setdefault(program.name, []).append(answer["mse"])
    report.rows += [row, compilation]


def train_on_batch(report: Report, running: list[Running], rounds: int) -> None:
    """Time one training step of 16 rows, called from Python."""
    row = Row("train_on_batch, 16 rows", "s")
    for _ in range(rounds):
        for program in running:
            row.add(program.name, program.ask("train_on_batch")["seconds"])
    report.rows.append(row)


def accuracy(report: Report, running: list[Running], rounds: int) -> None:
    """Compare the training error over seeds; `rounds` does not count here."""
    row = Row(f"mean squared error, training, {len(SEEDS)} seeds", "")
    for seed in SEEDS:
        for program in running:
            answer = program.ask("tutorial_fit", seed=seed)
            check(program.name, answer["mse"])
            row.add(program.name, answer["mse"])
    report.rounds = len(SEEDS)
    report.rows.append(row)


def means(rows: list[Row]) -> list[str]:
    """Return a table of means over seeds, as lines."""
    lines = ["", f"| program | mean, seeds 0-{FEW - 1} | mean, all seeds | its standard error |", "|---|---|---|---|"]
    for name, samples in (item for row in rows for item in row.samples.items()):
        error = statistics.stdev(samples) / len(samples) ** 0.5
        few, all_seeds = statistics.mean(samples[:FEW]), statistics.mean(samples)
        lines.append(f"| {name} | {few:.4f} | {all_seeds:.4f} | {error:.4f} |")
    return lines


def cold(report: Report, programs: list[Program], rounds: int) -> None:
    """Time whole processes: imports, data, fit, evaluate, predict, no plot; one unmeasured round warms the disk."""
    row = Row("whole process", "s")
    for turn in range(rounds + 1):
        for program in programs:
            try:
                answer = run_cold(program)
            except Unavailable as error:
                if turn == 0:
                    report.missing.append(str(error))
                continue
            check(program.name, answer["mse"])
            if turn:
                row.add(program.name, answer["seconds"])
    report.rows.append(row)
