"""Random graphs: native = PyTorch, values and gradients; PyTorch differentiates by itself."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings

from elman import ops
from elman.autodiff import gradients
from elman.executors import NativeExecutor
from elman.graph import Graph, Tensor
from elman.graph.rewrite import hoist, simplify
from tests.properties import test_graphs as random

torch = pytest.importorskip("torch", reason="PyTorch is installed by the extra 'oracle' alone")
evaluate = pytest.importorskip("tests.oracle.test_torch").evaluate
pytestmark = pytest.mark.oracle


@settings(max_examples=150, deadline=None)
@given(random.graphs())
def test_native_is_pytorch_on_random_graphs(made: tuple[list[Tensor], list[Tensor]]) -> None:
    inputs, outputs = made
    wrt, arrays = inputs[:4], random.arrays()
    loss = ops.sum(ops.concatenate([ops.reshape(ops.sin(t), (-1,)) for t in outputs]))
    forward = hoist(simplify(Graph(tuple(inputs), (loss, *outputs))))
    graph = Graph(tuple(inputs), (*forward.outputs, *gradients(forward.outputs[0], wrt)))
    found = NativeExecutor().compile(graph).run(arrays).outputs
    leaves = [torch.tensor(a, requires_grad=a.dtype.kind == "f") for a in arrays]
    there = evaluate(Graph(tuple(inputs), (loss, *outputs)), leaves, random.SIZES)
    slopes = torch.autograd.grad(there[0], leaves[:4], allow_unused=True) if there[0].requires_grad else [None] * 4
    theirs = [t.detach().numpy() for t in there]
    theirs += [np.zeros(t.shape) if g is None else g.numpy() for t, g in zip(leaves, slopes, strict=False)]
    random.same(found, theirs, graph)
