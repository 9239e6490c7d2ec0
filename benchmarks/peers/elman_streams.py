"""elman reading one step at a time."""

from __future__ import annotations

import functools
from typing import Any

import problems
import speak
from elman_rnn import LAYERS

import elman


@functools.lru_cache(maxsize=1)
def model_of(cell: str, features: int, units: int) -> Any:
    """Return a model of one layer with the problem's weights."""
    given = problems.problem(cell, (1, problems.STREAMED, features, units))
    model = elman.Sequential([elman.Input((None, features)), getattr(elman.layers, LAYERS[cell])(units)])
    model.set_weights([given.kernel, given.recurrent_kernel, given.bias])
    return model


def stream(cell: str, features: int, units: int, bound: bool) -> dict[str, Any]:
    """Time a step with a new array a step, or with bound buffers."""
    rows = list(problems.problem(cell, (1, problems.STREAMED, features, units)).x[0])
    reading = model_of(cell, features, units).stream()
    for row in rows:
        y = reading.step(row)
    result = problems.fingerprint(y)
    if not bound:
        return {**speak.time_steps(lambda: [reading.step(row) for row in rows], len(rows)), "result": result}
    into, _, run = reading.bound()

    def walk() -> None:
        for row in rows:
            into[...] = row
            run()

    into[...] = 0
    return {**speak.time_steps(walk, len(rows)), "result": result}
