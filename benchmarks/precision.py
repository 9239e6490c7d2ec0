"""Big vocabularies with and without whole logits: elman beside itself, in speed and in most memory held.

python -m benchmarks.precision [--rounds 5] [--save]

Every variant is a process of its own on one CPU and one thread, so that the most memory it held is its own. Variants
take turns, round after round; their losses must agree.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import resource
import subprocess
import sys
import time
from typing import Any

import numpy as np

from benchmarks import machine
from benchmarks.report import Report, Row

VOCABULARIES = ((10_000, 256), (32_000, 256))
"""(V, U) of a language model of 32 rows of 50 steps."""

AGREEMENT = 1e-5
"""How far losses may differ, relatively."""


def language_model(variant: str, classes: int, units: int) -> tuple[Any, np.ndarray, np.ndarray]:
    """Return a model of the next word, and a batch. "whole": its logits are held."""
    import elman
    from elman.losses import classification

    if variant == "whole":
        classification.BIG = sys.maxsize
    elman.layers.set_seed(0)
    words = elman.Input((None,), dtype="int32")
    h = elman.layers.LSTM(units, return_sequences=True)(elman.layers.Embedding(classes, units)(words))
    model = elman.Model(words, elman.layers.Dense(classes)(h))
    model.compile("sgd", elman.losses.SparseCategoricalCrossentropy(from_logits=True), metrics=["accuracy"])
    x = np.random.default_rng(0).integers(0, classes, (32, 50)).astype("int32")
    return model, x, (x * 37 % classes).astype("int32")


def child(variant: str, sizes: list[int]) -> None:
    """Print the best time of a step, its loss, and the most memory the process held, as JSON."""
    model, x, y = language_model(variant, *sizes)
    seconds, loss = [], 0.0
    for _ in range(4):
        start = time.perf_counter()
        loss = float(np.atleast_1d(model.train_on_batch(x, y))[0])
        seconds.append(time.perf_counter() - start)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(json.dumps({"seconds": min(seconds[1:]), "loss": loss, "megabytes": peak}))


def ask(variant: str, sizes: tuple[int, ...]) -> dict[str, float]:
    """Run one variant in a process of its own."""
    command = [sys.executable, "-m", "benchmarks.precision", "--child", variant, *map(str, sizes)]
    environment = {**os.environ, **machine.threads(1)}
    made = subprocess.run(command, env=environment, capture_output=True, text=True, check=True, preexec_fn=machine.bind)
    answer: dict[str, float] = json.loads(made.stdout)
    return answer


def compare(report: Report, sizes: tuple[int, ...], variants: tuple[str, str], rounds: int) -> None:
    """Time two variants in turn; note memory; assert that they lose alike."""
    times = Row(f"vocabulary {'x'.join(map(str, sizes))}", "s")
    memory = Row(f"{times.case}, most memory", "MB")
    losses: dict[str, float] = {}
    for _ in range(rounds):
        for variant in variants:
            answer = ask(variant, sizes)
            times.add(variant, answer["seconds"])
            memory.add(variant, answer["megabytes"])
            losses[variant] = answer["loss"]
    first, second = (losses[v] for v in variants)
    if not math.isclose(first, second, rel_tol=AGREEMENT):
        raise AssertionError(f"{times.case}: losses must agree. Received {losses}.")
    times.notes |= {"losses": losses, "speedup": times.ratio(variants[1], to=variants[0])}
    report.rows += [times, memory]


def main() -> None:
    """Read the command line, run, print, and write the results if asked to."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.precision", description=__doc__.split("\n", 1)[0])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--save", action="store_true")
    parser.add_argument("--child", nargs="+", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.child:
        variant, *sizes = options.child
        child(variant, [int(size) for size in sizes])
        return
    text = "One training step of a language model, (V, U): the loss fused with its layer, beside whole logits."
    report = Report("precision", "Big vocabularies", text, machine=machine.describe(), rounds=options.rounds)
    for pair in VOCABULARIES:
        compare(report, pair, ("fused", "whole"), options.rounds)
    print(report.markdown())
    if options.save:
        report.save()


if __name__ == "__main__":
    main()
