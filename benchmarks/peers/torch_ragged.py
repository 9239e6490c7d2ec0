"""PyTorch on sequences of different lengths: packed, in shuffled batches, one optimizer step each."""

from __future__ import annotations

import time
from typing import Any

import numpy as np
import problems
import torch
import torch_rnn
from torch import nn
from torch.nn.utils.rnn import pack_sequence


def epoch(layer: Any, x: list[Any], y: Any, order: Any, batch: int, rate: float, whole: bool) -> float:
    """Train once on all sequences; return the mean loss."""
    optimizer = torch.optim.SGD(layer.parameters(), lr=rate)
    total = 0.0
    for rows in order.split(batch):
        taken = [x[row] for row in rows.tolist()]
        given = torch.stack(taken) if whole else pack_sequence(taken, enforce_sorted=False)
        state = layer(given)[1]
        last = (state[0] if isinstance(state, tuple) else state)[0]
        optimizer.zero_grad()
        loss = nn.functional.mse_loss(last, y[rows])
        loss.backward()
        optimizer.step()
        total += loss.item() * len(rows)
    return total / len(order)


def ragged(cell: str, sequences: int, shape: list[int], whole: bool, epochs: int) -> dict[str, Any]:
    """Time epochs of training on sequences of all lengths up to T, or on whole ones; batches of B."""
    sizes: Any = tuple(shape)
    given = problems.ragged(cell, sequences, sizes, whole)
    x, y = [torch.from_numpy(row) for row in given.x], torch.from_numpy(given.y)
    batch, everyone = shape[0], torch.arange(sequences)
    layer = torch_rnn.recurrent(cell, given.weights, shape[3])
    layer.bias_hh_l0.requires_grad_(cell == "gru")
    epoch(layer, x, y, everyone[:batch], batch, problems.RAGGED_RATE, whole)
    kernel, recurrent_kernel = layer.weight_ih_l0, layer.weight_hh_l0
    bias = torch.stack([layer.bias_ih_l0, layer.bias_hh_l0]) if cell == "gru" else layer.bias_ih_l0
    moved = [np.asarray(value.detach()) for value in (kernel, recurrent_kernel, bias)]
    layer = torch_rnn.recurrent(cell, given.weights, shape[3])
    loss = epoch(layer, x, y, everyone, batch, 0.0, whole)
    start = time.perf_counter()
    for _ in range(epochs):
        epoch(layer, x, y, torch.randperm(sequences), batch, 0.0, whole)
    seconds = (time.perf_counter() - start) / epochs
    return {"seconds": seconds, "result": [loss, *problems.fingerprint(moved[0], tuple(moved))]}
