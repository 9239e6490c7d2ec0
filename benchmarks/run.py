"""Run benchmarks: elman alone, or with `--peers` beside Keras, PyTorch and JAX in one run.

python -m benchmarks.run                             # all, elman alone; prints, writes nothing
python -m benchmarks.run --peers                     # all, side by side; writes results and docs
python -m benchmarks.run --peers --rounds 3 tutorial rnn --shapes 16x100x1x64,32x100x128x128 --cells lstm --modes train
python -m benchmarks.run --programs torch,jax rnn    # some programs
"""

from __future__ import annotations

import argparse
import contextlib
import sys
import time
from collections.abc import Callable, Iterable

from benchmarks import import_time, machine, rnn, tutorial
from benchmarks.peers import problems
from benchmarks.program import PROGRAMS, Program, Running, Unavailable
from benchmarks.report import Report

BENCHES = {
    "import": ("Import", "Seconds of a whole process that imports and leaves."),
    "tutorial": (
        "The tutorial: fit",
        "SimpleRNN(32, relu) and four dense layers on windows of a noisy sine, RMSprop, batches of 16, 100 epochs, "
        "shuffled, history kept, silent. What a program compiles once is timed apart.",
    ),
    "cold": ("The tutorial: whole process", "Imports, data, fit, evaluate and predict, from a cold start; no plot."),
    "train_on_batch": ("The tutorial: train_on_batch", "One training step of 16 rows, called from Python."),
    "accuracy": ("The tutorial: accuracy", "Mean squared training error after 100 epochs; the noise alone is 1/3."),
    "rnn": (
        "Recurrent layers",
        "One layer, (B, T, I, U), float32, all outputs returned. Training is forward and backpropagation through time "
        "with weight gradients; elman's is `train_on_batch`, loss and update included.",
    ),
}


def measure(name: str, report: Report, programs: list[Program], options: argparse.Namespace) -> None:
    """Run one benchmark into its report."""
    if name == "import":
        import_time.measure(report, options.rounds)
        return
    if name == "cold":
        tutorial.cold(report, programs, options.rounds)
        return
    with contextlib.ExitStack() as stack:
        running = []
        for program in programs:
            try:
                running.append(stack.enter_context(Running(program)))
            except Unavailable as error:
                report.missing.append(str(error))
        report.versions = {program.name: program.versions for program in running}
        if name == "rnn":
            rnn.measure(report, running, options.rounds, options.shapes, options.cells, options.modes)
            return
        benches: dict[str, Callable[[Report, list[Running], int], None]] = {
            "tutorial": tutorial.fit,
            "train_on_batch": tutorial.train_on_batch,
            "accuracy": tutorial.accuracy,
        }
        benches[name](report, running, options.rounds)


def shapes(text: str) -> list[rnn.Shape]:
    """Read shapes such as 16x100x1x64, with commas."""
    found = [tuple(int(size) for size in shape.split("x")) for shape in text.split(",")]
    if any(len(shape) != 4 for shape in found):
        raise argparse.ArgumentTypeError(f"a shape must be BxTxIxU. Received {text}.")
    return found  # type: ignore[return-value]  # their length was just looked at


def words(known: Iterable[str]) -> Callable[[str], list[str]]:
    """Return a reader of some of the known words, with commas."""

    def read(text: str) -> list[str]:
        if unknown := set(text.split(",")).difference(known):
            raise argparse.ArgumentTypeError(f"must be some of {', '.join(known)}. Received {', '.join(unknown)}.")
        return text.split(",")

    return read


def read_options(arguments: list[str]) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.run", description=__doc__.split("\n", 1)[0])
    parser.add_argument("benches", nargs="*", metavar="BENCH", help=f"some of {', '.join(BENCHES)}; all by default")
    parser.add_argument("--peers", action="store_true", help="all programs; write the results and docs/benchmarks.md")
    parser.add_argument("--programs", help="some programs, with commas: " + ",".join(p.name for p in PROGRAMS))
    parser.add_argument("--rounds", type=int, default=5, help="interleaved rounds (default: 5)")
    choices = ",".join("x".join(map(str, shape)) for shape in rnn.SHAPES)
    parser.add_argument("--shapes", type=shapes, default=rnn.SHAPES, help=f"rnn: (B, T, I, U), of {choices} or others")
    parser.add_argument("--cells", type=words(problems.GATES), default=[*problems.GATES], help="rnn: some cells")
    parser.add_argument("--modes", type=words(rnn.MODES), default=rnn.MODES, help="rnn: train, inference or both")
    parser.add_argument("--save", action=argparse.BooleanOptionalAction, help="write files (default: with --peers)")
    options = parser.parse_args(arguments)
    if unknown := [name for name in options.benches if name not in BENCHES]:
        parser.error(f"BENCH must be one of {', '.join(BENCHES)}. Received {', '.join(unknown)}.")
    return options


def chosen_programs(options: argparse.Namespace) -> list[Program]:
    """Return the programs to compare."""
    if options.programs:
        names = options.programs.split(",")
    else:
        names = [program.name for program in PROGRAMS] if options.peers else ["elman"]
    return [program for program in PROGRAMS if program.name in names]


def main(arguments: list[str] | None = None) -> int:
    """Run the benchmarks; return 1 where elman itself was missing from one."""
    options = read_options(sys.argv[1:] if arguments is None else arguments)
    programs = chosen_programs(options)
    save = options.peers if options.save is None else options.save
    lacking = False
    for name in options.benches or list(BENCHES):
        title, text = BENCHES[name]
        start = time.perf_counter()
        report = Report(name, title, text, machine=machine.describe(), rounds=options.rounds)
        measure(name, report, programs, options)
        print(report.markdown(), f"({time.perf_counter() - start:.0f} s)", sep="\n", end="\n\n", flush=True)
        lacking |= any(entry.startswith("elman:") for entry in report.missing)
        if save:
            report.save()
    return int(lacking)


if __name__ == "__main__":
    raise SystemExit(main())
