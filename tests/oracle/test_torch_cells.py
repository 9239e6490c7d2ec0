"""Every cell in PyTorch: outputs, states and the gradient of everything, the equations differentiated by PyTorch.

The equations are those of `cells_numpy.py`, given PyTorch's functions in place of NumPy's; nothing of elman's graph,
derivatives or kernels takes part.
"""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from elman import ops
from elman.autodiff import gradients
from elman.executors import NativeExecutor
from elman.graph import Graph
from elman.graph.rewrite import hoist, segment, simplify
from tests.contracts.test_cells import LENGTH, B, F, Row, T, called, every_row, scattered
from tests.oracle import cells_numpy
from tests.tolerances import assert_close

torch = pytest.importorskip("torch", reason="PyTorch is installed by the extra 'oracle' alone")
pytestmark = pytest.mark.oracle

WORDS = SimpleNamespace(
    asarray=lambda x: x,
    concatenate=lambda xs, axis=0: torch.cat(list(xs), axis),
    exp=torch.exp,
    eye=lambda n: torch.eye(n, dtype=torch.float64),
    log=torch.log,
    maximum=lambda a, b: torch.maximum(a, torch.as_tensor(b, dtype=a.dtype)),
    ndarray=np.ndarray,
    real=torch.real,
    split=lambda x, parts, axis=0: list(torch.chunk(x, parts, axis)),
    stack=lambda xs, axis: torch.stack(list(xs), axis),
    tanh=torch.tanh,
    zeros=lambda shape: torch.zeros(shape, dtype=torch.float64),
)
"""NumPy's words, as far as the equations use them."""


def pairs(row: Row, rng: np.random.Generator, cut: bool) -> list[tuple[Any, Any]]:
    """Ours and theirs: outputs, states, then gradients of the weights and the input."""
    layer = row.make(return_sequences=True, return_state=True)
    x, outputs, _ = called(layer)
    scattered(layer, rng)
    data = rng.normal(size=(B, T, F))
    loss = ops.sum(ops.sin(outputs[0] + 0.3))
    graph = simplify(Graph((x,), (loss, *outputs)))
    forward = hoist(simplify(segment(graph, 2)) if cut else graph)
    slopes = gradients(forward.outputs[0], [*(w.tensor for w in layer.weights), x])
    ours = NativeExecutor().compile(Graph((x,), (*forward.outputs[1:], *slopes))).run([data]).outputs
    leaves = {w.name.rsplit("/", 1)[-1]: torch.tensor(w.numpy(), requires_grad=True) for w in layer.weights}
    given = torch.tensor(data, requires_grad=True)
    y, states = cells_numpy.walk(row.name, leaves, given, layer.cell.state_sizes, row.config)
    torch.sin(y + 0.3).sum().backward()
    slopes_there = [
        leaf.grad if leaf.grad is not None else torch.zeros_like(leaf) for leaf in (*leaves.values(), given)
    ]
    return list(zip(ours, [t.detach().numpy() for t in (y, *states, *slopes_there)], strict=True))


@every_row
@pytest.mark.parametrize("cut", [False, True], ids=["whole", "segments"])
def test_outputs_states_and_gradients_are_pytorchs(row, cut, rng, monkeypatch):
    monkeypatch.setattr(cells_numpy, "np", WORDS)
    for ours, theirs in pairs(row, rng, cut):
        assert_close(ours, theirs, LENGTH * B * T, T)
