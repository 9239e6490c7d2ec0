"""Run a graph in a test: every executor and precision, from tensors and arrays to arrays."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from elman.executors import Executor, NativeExecutor, ReferenceExecutor
from elman.graph import Graph, Tensor, Variable, placeholder, verify

Feed = tuple[Tensor, Any]


class Setting(NamedTuple):
    """An executor and the real type it works in."""

    executor: str
    dtype: str


SETTINGS = (Setting("reference", "float64"), Setting("native", "float64"), Setting("native", "float32"))


def executor_of(setting: Setting) -> Executor:
    """Return the executor of a setting."""
    return ReferenceExecutor() if setting.executor == "reference" else NativeExecutor()


def feed(name: str, array: Any, dtype: str) -> Feed:
    """Return a placeholder shaped like the array, with the array in its type."""
    values = np.array(array, dtype=dtype, order="C")
    return placeholder(name, values.shape, dtype), values


def evaluate(
    setting: Setting,
    outputs: Sequence[Tensor],
    feeds: Sequence[Feed],
    updates: Sequence[tuple[Variable, Tensor]] = (),
    runs: int = 1,
) -> list[np.ndarray[Any, Any]]:
    """Return the outputs of the last of `runs` runs."""
    graph = Graph(tuple(tensor for tensor, _ in feeds), tuple(outputs), tuple(updates))
    verify(graph)
    plan = executor_of(setting).compile(graph)
    arrays = [array for _, array in feeds]
    found: list[np.ndarray[Any, Any]] = []
    for _ in range(runs):
        found = plan.run(arrays).outputs
    return found
