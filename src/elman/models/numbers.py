"""Numbers of what was computed from arrays: `np.asarray(model(x))` asks for them, and a plan gives them."""

from __future__ import annotations

import numpy as np

from elman.executors import default
from elman.graph import Graph, Tensor, Variable
from elman.graph.node import ancestors
from elman.layers.tracing import active

__all__ = ["numbers_of"]


def numbers_of(value: Tensor | Variable) -> np.ndarray | None:
    """The numbers of a weight, or of a tensor; None where they are not known: an Input is behind it.

    While a layer is traced there are none either: they would stay what they are now, whatever the weights become. For a
    look at a layer, a loss or a model: a plan is compiled each time. `predict` keeps its plans.

    Example:
        >>> from elman import ops
        >>> float(ops.sum(ops.exp(np.zeros(3))))
        3.0
    """
    if active():
        return None
    if isinstance(value, Variable):
        return value.value
    if any(node.op == "Input" for node in ancestors([value])):
        return None
    return np.array(default().compile(Graph((), (value,))).run([]).outputs[0])
