"""Arrays that have the batch on another axis than the first: batches of them cannot be cut."""

from __future__ import annotations

import numpy as np
import pytest

from elman import ops
from elman.errors import ShapeError
from elman.executors import NativeExecutor, ReferenceExecutor
from elman.graph import Graph, placeholder
from elman.shapes import B, T


def cases():
    x, square, turned = placeholder("x", (B, 3)), placeholder("x", (B, B)), placeholder("z", (T, B))
    ones = lambda *shape: np.ones(shape, np.float32)  # noqa: E731
    yield Graph([square], [ops.sum(square, axis=1)]), [ones(12, 12)]
    yield Graph([x, turned], [ops.sum(turned, axis=0) + ops.sum(x, axis=1)]), [ones(12, 3), ones(9, 12)]


@pytest.mark.parametrize("executor", [NativeExecutor(), ReferenceExecutor()], ids=lambda e: e.name)
def test_they_are_run_whole(executor):
    for graph, arrays in cases():
        plan = executor.compile(graph)
        np.testing.assert_array_equal(plan.run_batches(arrays, np.arange(12), 12).outputs[0], np.full(12, 12.0))
        for order, batch_size in ((np.arange(12), 5), (np.arange(4), 12)):
            with pytest.raises(ShapeError, match=r"must have shape \([BT], B\)"):
                plan.run_batches(arrays, order, batch_size)
            with pytest.raises(ShapeError, match=r"must have shape \([BT], B\)"):
                plan.run_epochs(arrays, order[None], batch_size)
