"""What the scripts of long memories share: arguments, training until a problem is solved, and the stored run."""

from __future__ import annotations

import argparse
import json
import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import elman
from benchmarks.long.cells import CELLS, chrono
from benchmarks.machine import describe
from elman import Sequential
from elman.optimizers import Adam
from elman.optimizers.schedules import CosineDecay

RESULTS = Path(__file__).parents[1] / "results" / "long"
UPDATES = 50
"""Updates between two looks at the held-out error."""


class Run:
    """One cell on one problem, timed from the first update on.

    Args:
        problem: its name, which is that of the file of results too.
        page: the script's docstring. options: arguments of the script: name -> default.
    """

    def __init__(self, problem: str, page: str | None, **options: Any) -> None:
        common = {"depth": 1, "seed": 0, "seconds": 3600.0}
        parser = argparse.ArgumentParser(description=page, formatter_class=argparse.RawDescriptionHelpFormatter)
        parser.add_argument("--cell", choices=CELLS, default="gru")
        parser.add_argument("--write", action="store_true", help="keep the run in results/long")
        for name, default in (common | options).items():
            if default is False:
                parser.add_argument(f"--{name}", action="store_true")
            else:
                parser.add_argument(f"--{name}", type=type(default), default=default)
        self.problem, self.given = problem, parser.parse_args()
        self.curve: list[tuple[Any, ...]] = []
        self.spent = self.cpu = 0.0
        self.began = time.perf_counter(), time.process_time()

    def optimizer(self, updates: int = 0) -> Adam:
        """Adam; its rate falls along a cosine and is 0 after so many updates, if any are given."""
        rate = self.given.rate
        return Adam(CosineDecay(rate, updates) if updates else rate, clipnorm=1.0)

    def solve(
        self, model: Sequential, draw: Callable[[int], tuple[Any, Any]], held: tuple[Any, Any], target: float
    ) -> None:
        """Train on new sequences until the held-out error is below the target, or the updates or the time are over."""
        chrono(model)
        error, updates = float("inf"), 0
        self.began = time.perf_counter(), time.process_time()
        while error >= target and self.spent < self.given.seconds and updates < self.given.updates:
            model.fit(*draw(UPDATES * self.given.batch), batch_size=self.given.batch, verbose=0)
            updates += UPDATES
            error = model.evaluate(*held, batch_size=250, verbose=0)
            self.point(updates, error)
        solved = error < target
        self.keep(target=round(target, 5), updates_done=updates, error=round(error, 5), solved=solved)
        print(f"{self.given.cell} T={self.given.steps}: {'solved' if solved else 'not solved'}, error {error:.5f}")

    def point(self, at: float, score: float) -> None:
        """Print and note a point of the learning curve, and the time."""
        self.spent, self.cpu = time.perf_counter() - self.began[0], time.process_time() - self.began[1]
        self.curve.append((at, round(self.spent, 1), round(score, 5)))
        print(f"{at:8g} {self.spent:7.1f} s ({self.cpu:.1f} s of CPU)  {score:.5f}", flush=True)

    def keep(self, **numbers: Any) -> None:
        """Store the run where --write asks for it, in place of an earlier one of this cell and length."""
        if not self.given.write:
            return
        path = RESULTS / f"{self.problem}.json"
        runs = json.loads(path.read_text())["runs"] if path.exists() else []
        settings = {k: v for k, v in vars(self.given).items() if k not in ("write", "data")}
        run = {
            **settings,
            "threads": os.environ.get("ELMAN_NUM_THREADS", "all"),
            **numbers,
            "wall_seconds": round(self.spent, 1),
            "cpu_seconds": round(self.cpu, 1),
            "curve": self.curve[:: max(1, len(self.curve) // 20)],
            "elman": elman.__version__,
            "machine": describe(),
        }
        others = [r for r in runs if (r["cell"], r.get("steps")) != (run["cell"], run.get("steps"))]
        RESULTS.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps({"problem": self.problem, "runs": [*others, run]}, indent=1) + "\n")
