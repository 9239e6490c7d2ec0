"""One recurrent layer of PyTorch."""

from __future__ import annotations

import os
from typing import Any

import numpy as np
import problems
import speak
import torch
from torch import nn


def swap(weight: Any, units: int) -> Any:
    """Put Keras' gates z, r, h into PyTorch's order r, z, n, along the last axis."""
    z, r, h = weight[..., :units], weight[..., units : 2 * units], weight[..., 2 * units :]
    return np.concatenate([r, z, h], axis=-1)


def recurrent(cell: str, given: problems.Problem, units: int) -> Any:
    """Return PyTorch's layer with the problem's weights."""
    layer = {"simple_rnn": nn.RNN, "gru": nn.GRU, "lstm": nn.LSTM}[cell](given.x.shape[2], units, batch_first=True)
    kernel, recurrent_kernel, bias = given.kernel, given.recurrent_kernel, given.bias
    if cell == "gru":
        kernel, recurrent_kernel, bias = (swap(weight, units) for weight in (kernel, recurrent_kernel, bias))
        first, second = bias
    else:
        first, second = bias, np.zeros_like(bias)
    load(layer, kernel, recurrent_kernel, first, second)
    return layer


def load(layer: Any, kernel: Any, recurrent_kernel: Any, first: Any, second: Any) -> None:
    """Give PyTorch's layer weights (I, G U), (U, G U) and two biases (G U)."""
    names = ("weight_ih_l0", "weight_hh_l0", "bias_ih_l0", "bias_hh_l0")
    for name, value in zip(names, (kernel.T, recurrent_kernel.T, first, second), strict=True):
        getattr(layer, name).data = torch.tensor(np.ascontiguousarray(value))  # a copy, for steps change it


def rnn(cell: str, shape: list[int], mode: str) -> dict[str, Any]:
    """Time one recurrent layer."""
    sizes: Any = tuple(shape)
    given, often = problems.problem(cell, sizes), problems.patience(cell, sizes, mode)
    layer = recurrent(cell, given, shape[3])
    x, cotangent = torch.from_numpy(given.x).clone(), torch.from_numpy(given.cotangent)
    x.requires_grad_(mode == "train-dx")
    rounded = os.environ.get(problems.BFLOAT16) == "1"
    cotangent = cotangent.to(torch.bfloat16) if rounded else cotangent

    def forward() -> Any:
        with torch.autocast("cpu", torch.bfloat16, enabled=rounded):
            return layer(x)[0]

    def infer() -> Any:
        with torch.inference_mode():
            return forward()

    def train() -> Any:
        layer.zero_grad()
        x.grad = None
        y = forward()
        y.backward(cotangent)
        return y

    if mode == "inference":
        result = problems.fingerprint(infer().float().numpy())
        return {**speak.time_calls(infer, **often), "result": result}
    y = train()
    gradients = [layer.weight_ih_l0.grad, layer.weight_hh_l0.grad, layer.bias_ih_l0.grad]
    if cell == "gru":
        gradients[2] = torch.stack([layer.bias_ih_l0.grad, layer.bias_hh_l0.grad])
    if x.grad is not None:
        gradients.append(x.grad)
    result = problems.fingerprint(y.detach().float(), tuple(gradients))
    return {**speak.time_calls(train, **often), "result": result}


def decay(shape: list[int], fading: bool, flush: bool = False) -> dict[str, Any]:
    """Time inference of states that fade below the smallest normal number, or of such that do not."""
    given = problems.decaying(*shape, fading=fading)
    layer = nn.RNN(shape[2], shape[3], nonlinearity="relu", batch_first=True)
    load(layer, given.kernel, given.recurrent_kernel, given.bias, np.zeros_like(given.bias))
    x = torch.from_numpy(given.x)

    def infer() -> Any:
        with torch.inference_mode():
            return layer(x)[0]

    torch.set_flush_denormal(flush)
    try:
        result = problems.fingerprint(infer().numpy()[:, : problems.NORMAL_STEPS])
        return {**speak.time_calls(infer, 0.2, 3), "result": result}
    finally:
        torch.set_flush_denormal(False)
