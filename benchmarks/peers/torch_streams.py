"""PyTorch reading one step at a time."""

from __future__ import annotations

from typing import Any

import problems
import speak
import torch
import torch_rnn


def stream(cell: str, features: int, units: int, bound: bool) -> dict[str, Any]:
    """Time a step of the layer with its state given back; NumPy in and out, or tensors where buffers are bound."""
    given = problems.problem(cell, (1, problems.STREAMED, features, units))
    layer = torch_rnn.recurrent(cell, given, units)
    rows = list(given.x[0])
    tensors = [torch.from_numpy(row)[None, None] for row in rows]

    def walk() -> Any:
        state = None
        with torch.inference_mode():
            for i, row in enumerate(rows):
                x = tensors[i] if bound else torch.from_numpy(row)[None, None]
                y, state = layer(x, state)
                last = y if bound else y.numpy()[0, 0].copy()
        return last

    result = problems.fingerprint(walk())
    return {**speak.time_steps(walk, len(rows)), "result": result}
