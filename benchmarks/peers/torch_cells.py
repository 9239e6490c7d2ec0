"""Cells as loops over time in PyTorch: the equations of the oracle, and a user's cell."""

from __future__ import annotations

import functools
import json
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import problems
import speak
import torch
from torch import nn

sys.path.append(str(Path(__file__).resolve().parent.parent.parent))

from tests.oracle import cells_numpy

WORDS = SimpleNamespace(
    asarray=lambda x: x,
    concatenate=lambda xs, axis=0: torch.cat(list(xs), axis),
    exp=torch.exp,
    eye=torch.eye,
    log=torch.log,
    maximum=lambda a, b: torch.maximum(a, b) if torch.is_tensor(b) else torch.clamp(a, min=b),
    ndarray=np.ndarray,
    real=torch.real,
    split=lambda x, parts, axis=0: torch.chunk(x, parts, axis),
    stack=lambda xs, axis: torch.stack(list(xs), axis),
    tanh=torch.tanh,
    zeros=torch.zeros,
)
"""NumPy's words in PyTorch, as far as the equations use them."""


def cell(name: str, config: dict[str, Any], shape: list[int], given: dict[str, Any]) -> dict[str, Any]:
    """Time one training step of a cell with weights {name: [values, trainable]}."""
    weights, sizes, x, cotangent = prepared(name, json.dumps(given), tuple(shape))
    cells_numpy.np = WORDS
    cells_numpy.sigmoid = torch.sigmoid  # the fastest word for it
    leaves = [leaf for leaf in weights.values() if leaf.requires_grad]

    def train() -> Any:
        for leaf in leaves:
            leaf.grad = None
        y, _ = cells_numpy.walk(name, weights, x, sizes, config)
        if leaves:
            y.backward(cotangent)
        return y

    y = train()
    gradients = tuple(torch.zeros(()) if leaf.grad is None else leaf.grad for leaf in leaves)
    return {**speak.time_calls(train, 0.2, 3), "result": problems.fingerprint(y.detach(), gradients)}


@functools.lru_cache(maxsize=1)
def prepared(name: str, given: str, shape: tuple[int, ...]) -> tuple[dict[str, Any], list[int], Any, Any]:
    """Return leaves, sizes of the states, inputs and cotangent."""
    found = json.loads(given)
    weights = {
        name: torch.tensor(np.array(values, np.float32), requires_grad=trained)
        for name, (values, trained) in found["weights"].items()
    }
    x, cotangent = (torch.from_numpy(a) for a in problems.sequences(*shape[:3], found["outputs"]))
    return weights, found["sizes"], x, cotangent


def user_cell(shape: list[int]) -> dict[str, Any]:
    """Time one training step of an LSTM with peepholes and layer normalization, as one writes it."""
    given = problems.user_cell(*shape)
    leaves = [torch.from_numpy(value.copy()).requires_grad_() for value in given.weights.values()]
    x, cotangent, units = torch.from_numpy(given.x), torch.from_numpy(given.cotangent), shape[3]

    def walk() -> Any:
        kernel, recurrent_kernel, bias, gamma, peepholes, cell_gamma = leaves
        h = c = torch.zeros(shape[0], units)
        outputs = []
        for z in (x @ kernel).unbind(1):
            gates = nn.functional.layer_norm(z + h @ recurrent_kernel, (4 * units,), gamma, bias)
            i, f, g, o = gates.chunk(4, 1)
            i, f = torch.sigmoid(i + peepholes[0] * c), torch.sigmoid(f + peepholes[1] * c)
            c = f * c + i * torch.tanh(g)
            normalized = nn.functional.layer_norm(c, (units,), cell_gamma)
            h = torch.sigmoid(o + peepholes[2] * c) * torch.tanh(normalized)
            outputs.append(h)
        return torch.stack(outputs, 1)

    def train() -> Any:
        for leaf in leaves:
            leaf.grad = None
        y = walk()
        y.backward(cotangent)
        return y

    y = train()
    gradients = tuple(leaf.grad for leaf in leaves)
    return {**speak.time_calls(train, 0.2, 3), "result": problems.fingerprint(y.detach(), gradients)}
