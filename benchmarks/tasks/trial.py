"""What every task's script does alike: arguments, the clock, the line that is printed, the JSON that is kept."""

from __future__ import annotations

import argparse
import json
import os
import time
from pathlib import Path
from typing import Any

import elman
from benchmarks.machine import describe

RESULTS = Path(__file__).parents[1] / "results" / "tasks"


class Trial:
    """One run of one task.

    Args:
        name: of the result's file. target: what is to be reached, in words.
        options: further arguments of the script: name -> default.
    """

    def __init__(self, name: str, target: str, **options: Any) -> None:
        parser = argparse.ArgumentParser(description=f"{name}: {target}")
        parser.add_argument(
            "--data", type=Path, default=os.environ.get("ELMAN_DATA", "data"), help="folder of data sets"
        )
        parser.add_argument("--seconds", type=float, default=None, help="the most time training may take")
        parser.add_argument("--epochs", type=int, default=None, help="another number of them than the script's own")
        parser.add_argument("--seed", type=int, default=0)
        parser.add_argument("--verbose", type=int, default=2)
        parser.add_argument("--write", action="store_true", help="keep the numbers in results/tasks")
        for option, default in options.items():
            kind = str if default is None else type(default)
            parser.add_argument(f"--{option}", type=kind, default=default)
        self.arguments = parser.parse_args()
        self.name, self.target = name, target
        self.data = Path(self.arguments.data)
        self.numbers: dict[str, Any] = {}
        self.history: dict[str, list[float]] = {}
        self.start, self.cpu = time.perf_counter(), time.process_time()

    @property
    def training(self) -> dict[str, Any]:
        """Settings that every model takes from the command line."""
        given = self.arguments
        settings = {"seconds": given.seconds, "seed": given.seed, "verbose": given.verbose}
        return settings if given.epochs is None else settings | {"epochs": given.epochs}

    def learned(self, model: Any) -> None:
        """Note the time and the course of a training."""
        self.clocked()
        self.history = {name: [round(value, 4) for value in values] for name, values in model.history_.items()}

    def clocked(self) -> None:
        """Note how long it took since the start: on the wall, and of all threads together, whoever else was at work."""
        self.numbers["seconds"] = round(time.perf_counter() - self.start, 1)
        self.numbers["cpu_seconds"] = round(time.process_time() - self.cpu, 1)

    def finish(self, **numbers: Any) -> None:
        """Print the numbers, and keep them if asked to."""
        self.numbers |= {name: round(v, 4) if isinstance(v, float) else v for name, v in numbers.items()}
        kept = {
            "task": self.name,
            "target": self.target,
            "seed": self.arguments.seed,
            "most_seconds": self.arguments.seconds,
            "threads": os.environ.get("ELMAN_NUM_THREADS", "all"),
            "elman": elman.__version__,
            "machine": describe(),
            "numbers": self.numbers,
            "history": self.history,
        }
        print(f"\n{self.name}, seed {self.arguments.seed}; wanted: {self.target}")
        for name, value in self.numbers.items():
            print(f"  {name}: {value}")
        if self.arguments.write:
            RESULTS.mkdir(parents=True, exist_ok=True)
            (RESULTS / f"{self.name}.json").write_text(json.dumps(kept, indent=1, ensure_ascii=False) + "\n")
