"""Run benchmarks: elman alone, or with `--peers` beside Keras, PyTorch, JAX and ONNX Runtime in one run.

python -m benchmarks.run                             # all, elman alone; prints, writes nothing
python -m benchmarks.run --peers                     # all, side by side; writes results and docs
python -m benchmarks.run --peers --rounds 3 tutorial rnn --shapes 16x100x1x64,32x100x128x128 --cells lstm --modes train
python -m benchmarks.run --programs torch,jax rnn    # some programs
python -m benchmarks.run --tables                    # measure nothing; write the tables of what is stored
"""

from __future__ import annotations

import argparse
import contextlib
import functools
import sys
import time
from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

from benchmarks import cells, denormals, headline, import_time, machine, ragged, rnn, streams, tutorial
from benchmarks.peers import problems
from benchmarks.program import FRAMEWORKS, PROGRAMS, Program, Running, Unavailable, programs
from benchmarks.report import Report, Row


class Bench(NamedTuple):
    """One benchmark: its words, how it is measured, by which programs, and the table that follows its rows."""

    title: str
    text: str
    measure: Callable[[Report, list[Running], int], None] | None = None
    programs: tuple[str, ...] = FRAMEWORKS
    appendix: Callable[[list[Row]], list[str]] | None = None


TRAINING = (
    "One layer, (B, T, I, U), float32, all outputs returned. train: forward and backpropagation through time with "
    "weight gradients; elman's is `train_on_batch`, loss and update included. train-dx: the gradient of the input, "
    "too, as a layer between layers needs it."
)
BENCHES = {
    "import": Bench("Import", "Seconds of a whole process that imports and leaves.", programs=()),
    "tutorial": Bench(
        "The tutorial: fit",
        "SimpleRNN(32, relu) and four dense layers on windows of a noisy sine, RMSprop, batches of 16, 100 epochs, "
        "shuffled, history kept, silent. What a program compiles once is timed apart.",
        tutorial.fit,
    ),
    "cold": Bench(
        "The tutorial: whole process", "Imports, data, fit, evaluate and predict, from a cold start; no plot."
    ),
    "train_on_batch": Bench(
        "The tutorial: train_on_batch",
        "One training step of 16 rows, called from Python.",
        tutorial.train_on_batch,
    ),
    "accuracy": Bench(
        "The tutorial: accuracy",
        "Mean squared training error after 100 epochs; the noise alone is 1/3.",
        tutorial.accuracy,
        appendix=tutorial.means,
    ),
    "rnn": Bench(
        "Recurrent layers",
        TRAINING,
        programs=("elman", "keras-tf", "torch", "jax", "onnxruntime"),
        appendix=rnn.roofline,
    ),
    "public": Bench(
        "Recurrent layers: shapes that others measured",
        "As above, (B, T, I, U), for shapes of DeepBench, oneDNN's benchdnn, Haste and a report to PyTorch.",
        rnn.public,
        ("elman", "torch", "jax", "onnxruntime"),
        rnn.roofline,
    ),
    "threads": Bench(
        "Two threads",
        "A training step as above on one CPU and on two.",
        functools.partial(rnn.measure, shapes=rnn.SEVERAL, modes=("train",)),
        ("elman", "elman-2-threads", "torch", "torch-2-threads"),
        rnn.speedups,
    ),
    "bfloat16": Bench(
        "bfloat16",
        "A training step as above in float32 (elman: as it is, and with AVX-512 alone), and with matrix products of "
        "bfloat16 operands: `mixed_bfloat16` here, `torch.autocast` there.",
        rnn.bfloat16,
        ("elman", "elman-avx512", "elman-bfloat16", "torch", "torch-bfloat16"),
        rnn.gains,
    ),
    "instructions": Bench(
        "Instruction sets",
        "A training step as above, and with AVX-512 or AVX2 alone, forced by `ELMAN_ISA`. Where the CPU has a tile "
        "unit (AMX), elman as it is does large products on it, in three bfloat16 parts.",
        functools.partial(rnn.measure, modes=("train",)),
        ("elman", "elman-avx512", "elman-avx2"),
        rnn.sets,
    ),
    "stream": Bench(
        "Streams",
        "One step of one sequence, (I, U), called from Python: NumPy in and out with a new array a step, or buffers "
        "that stay. PyTorch and ONNX Runtime get states back; where buffers stay they see tensors and bindings.",
        streams.measure,
        ("elman", "torch", "jax", "onnxruntime"),
    ),
    "ragged": Bench(
        "Sequences of different lengths",
        "Training of one layer that gives its last output, (B, T, I, U), lengths evenly from 1 to T: seconds a step "
        "that counts. elman: an epoch of `fit`, also with AVX-512 alone; PyTorch: `pack_sequence`, loss and SGD.",
        ragged.measure,
        ("elman", "elman-avx512", "torch"),
        ragged.over_whole,
    ),
    "cells": Bench(
        "Every cell",
        f"Outputs and gradients of all weights, (B, T, I, U) = {cells.SHAPE}; PyTorch: the same equation as a loop "
        "over time, from `tests/oracle/cells_numpy.py`. Layers around cells have shapes of their own, in "
        "`benchmarks/peers/elman_cells.py`.",
        cells.measure,
        ("elman", "torch"),
    ),
    "written": Bench(
        "Cells of one's own",
        "An LSTM that a user wrote as an equation, beside the one built in; and one with peepholes and layer "
        "normalization beside the loop over time that one writes in PyTorch.",
        cells.written,
        ("elman", "torch"),
    ),
    "denormals": Bench(
        "Fading states",
        f"Inference, (B, T, I, U) = {denormals.SHAPE}, of states that fade below 1e-38, where a CPU is slow. elman "
        "flushes such numbers to zero; PyTorch keeps them unless it is told.",
        denormals.measure,
        ("elman", "torch"),
    ),
}


def measure(name: str, report: Report, chosen: list[Program], options: argparse.Namespace) -> None:
    """Run one benchmark into its report."""
    if name == "import":
        import_time.measure(report, options.rounds)
        return
    if name == "cold":
        tutorial.cold(report, chosen, options.rounds)
        return
    with contextlib.ExitStack() as stack:
        running = []
        for program in chosen:
            try:
                running.append(stack.enter_context(Running(program)))
            except Unavailable as error:
                report.missing.append(str(error))
        report.versions = {program.name: program.versions for program in running}
        of_options: dict[str, Any] = {
            "shapes": options.shapes,
            "cells": options.cells,
            "modes": options.modes,
        }
        call = BENCHES[name].measure or functools.partial(rnn.measure, **of_options)
        call(report, running, options.rounds)


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
    parser.add_argument("--peers", action="store_true", help="all programs; write the results and tables")
    parser.add_argument("--programs", help="some programs, with commas: " + ",".join(p.name for p in PROGRAMS))
    parser.add_argument("--rounds", type=int, default=5, help="interleaved rounds (default: 5)")
    choices = ",".join("x".join(map(str, shape)) for shape in rnn.SHAPES)
    parser.add_argument("--shapes", type=shapes, default=rnn.SHAPES, help=f"rnn: (B, T, I, U), of {choices} or others")
    parser.add_argument("--cells", type=words(problems.GATES), default=[*problems.GATES], help="rnn: some cells")
    parser.add_argument(
        "--modes", type=words(rnn.MODES), default=rnn.MODES, help=f"rnn: some of {', '.join(rnn.MODES)}"
    )
    parser.add_argument("--save", action=argparse.BooleanOptionalAction, help="write files (default: with --peers)")
    parser.add_argument("--tables", action="store_true", help="write the tables of stored results; measure nothing")
    options = parser.parse_args(arguments)
    if unknown := [name for name in options.benches if name not in BENCHES]:
        parser.error(f"BENCH must be one of {', '.join(BENCHES)}. Received {', '.join(unknown)}.")
    return options


def chosen_programs(bench: Bench, options: argparse.Namespace) -> list[Program]:
    """Return the programs to compare: those asked for, or all that the benchmark is for, or elman in all its forms."""
    if options.programs:
        return programs(options.programs.split(","))
    return programs(name for name in bench.programs if options.peers or name.startswith("elman"))


def main(arguments: list[str] | None = None) -> int:
    """Run the benchmarks; return 1 where elman itself was missing from one."""
    options = read_options(sys.argv[1:] if arguments is None else arguments)
    save = options.peers if options.save is None else options.save
    lacking = False
    for name in options.benches or list(BENCHES):
        bench = BENCHES[name]
        report = Report(name, bench.title, bench.text, rounds=options.rounds, appendix=bench.appendix)
        if options.tables:
            stored = report.merged()
            if stored.rows:
                stored.write()
            continue
        start = time.perf_counter()
        report.machine = machine.describe()
        try:
            measure(name, report, chosen_programs(bench, options), options)
        finally:  # rows that are measured stay, whatever ends the run
            print(report.markdown(), f"({time.perf_counter() - start:.0f} s)", sep="\n", end="\n\n", flush=True)
            if save and report.rows:
                report.save()
        lacking |= any(entry.startswith("elman:") for entry in report.missing)
    if save or options.tables:
        headline.write()
    return int(lacking)


if __name__ == "__main__":
    raise SystemExit(main())
