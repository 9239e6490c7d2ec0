"""Numbers of a traced expression, from the reference executor: what tests of losses, metrics and optimizers run."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from elman.executors.reference import ReferenceExecutor
from elman.graph import Graph, Tensor, Variable, placeholder, verify
from elman.shapes import B, T


def leaf(array: Any, open_axes: int = 1, name: str = "x") -> Tensor:
    """A placeholder for an array whose first axes, B and T, are open; a size of 1 after the first stays 1."""
    array = np.asarray(array)
    letters = (B, T)[:open_axes]
    shape = [1 if i and size == 1 else d for i, (d, size) in enumerate(zip(letters, array.shape, strict=False))]
    return placeholder(name, (*shape, *array.shape[len(shape) :]), str(array.dtype))


def evaluate(
    outputs: Sequence[Tensor],
    feeds: Sequence[tuple[Tensor, Any]] = (),
    updates: Sequence[tuple[Variable, Tensor]] = (),
) -> list[np.ndarray]:
    """Run a verified graph once. Shapes: outputs -> their arrays."""
    graph = Graph(tuple(t for t, _ in feeds), tuple(outputs), tuple(updates))
    verify(graph)
    arrays = [np.asarray(array, dtype=t.dtype) for t, array in feeds]
    return ReferenceExecutor().compile(graph).run(arrays).outputs
