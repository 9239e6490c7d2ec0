"""The words of the spec that native/include/elman/spec.h reads: homes, instructions, and the whole."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from elman.graph.node import Tensor, Variable
from elman.shapes import Size

HOMES = "temporary input variable constant once part".split()  # Home in spec.h
TEMPORARY, INPUT, VARIABLE, CONSTANT, ONCE, PART = range(len(HOMES))
OPS = {
    name: i
    for i, name in enumerate(
        (
            "matmul quantized_matmul pointwise integer reduce arg_max top_k softmax cum_sum linear_cross_entropy copy "
            "gather scatter_add uniform range size conv conv_kernel pool unpool scan strip"
        ).split()
    )
}

Key = tuple[int, int]
Instruction = tuple[Any, ...]


def key(t: Tensor) -> Key:
    """A tensor's name in tables: its node and which output of it."""
    return (t.node.serial, t.index)


@dataclass
class Lowered:
    """The spec as the binding reads it, and what the executor must know beside it."""

    spec: dict[str, Any]
    symbols: list[str]
    variables: list[Variable]
    constants: list[np.ndarray]
    real: str
    checks: list[tuple[Size, Size, int, Size]]
