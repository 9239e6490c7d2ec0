"""Variables and constants: no instruction, a value whose memory is there before the plan runs."""

from __future__ import annotations

import numpy as np

from elman import dtypes
from elman.executors.lowering.spec import CONSTANT
from elman.executors.lowering.writer import Writer
from elman.graph.node import Node


def emit_variable(w: Writer, node: Node) -> None:
    """The variable's own memory."""
    w.variable(node.attrs["variable"])


def emit_constant(w: Writer, node: Node) -> None:
    """An array that the plan keeps, in the type that its kernels read."""
    t = node.outputs[0]
    kind = t.dtype if t.dtype in (dtypes.INT32, dtypes.INT8) else w.real
    w.constants.append(np.ascontiguousarray(node.attrs["value"], dtype=kind))
    w.define(t, CONSTANT, len(w.constants) - 1)
