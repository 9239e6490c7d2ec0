"""PyTorch, eager, as one writes it: a module, an optimizer, a loop over shuffled batches."""

from __future__ import annotations

import time
from typing import Any

import numpy as np
import problems
import series
import speak
import torch
from torch import nn

torch.set_num_threads(1)


class Tutorial(nn.Module):
    """The tutorial's model."""

    def __init__(self) -> None:
        super().__init__()
        self.rnn = nn.RNN(series.STEP, 32, nonlinearity="relu", batch_first=True)
        widths = (32, 8, 12, 8)
        hidden = [part for i in range(3) for part in (nn.Linear(widths[i], widths[i + 1]), nn.ReLU())]
        self.head = nn.Sequential(*hidden, nn.Linear(8, 1))
        for name, weight in self.named_parameters():  # Keras' initial weights
            if weight.ndim == 1:
                nn.init.zeros_(weight)
            elif name == "rnn.weight_hh_l0":
                nn.init.orthogonal_(weight)
            else:
                nn.init.xavier_uniform_(weight)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Forecast (B,) from windows (B, 1, STEP)."""
        _, state = self.rnn(x)
        forecast: torch.Tensor = self.head(state[0])
        return forecast[:, 0]


def prepare(seed: int) -> tuple[Any, Any, Any, Any, Any]:
    """Return the data as tensors, the model and its optimizer with Keras' settings."""
    torch.manual_seed(seed)
    data = series.tutorial()
    model = Tutorial()
    optimizer = torch.optim.RMSprop(model.parameters(), lr=0.001, alpha=0.9, eps=1e-7)
    return data, torch.from_numpy(data.x_train), torch.from_numpy(data.y_train), model, optimizer


def step(model: Any, optimizer: Any, x: Any, y: Any) -> Any:
    """Train on one batch; return its loss."""
    optimizer.zero_grad()
    loss = nn.functional.mse_loss(model(x), y)
    loss.backward()
    optimizer.step()
    return loss


def fit(model: Any, optimizer: Any, x: Any, y: Any, epochs: int) -> list[float]:
    """Train on shuffled batches; return the loss of each epoch."""
    history = []
    for _ in range(epochs):
        total = torch.zeros(())
        for rows in torch.randperm(len(x)).split(series.BATCH):
            total += step(model, optimizer, x[rows], y[rows]).detach() * len(rows)
        history.append(float(total) / len(x))
    return history


def error(model: Any, x: Any, y: Any) -> float:
    """Return the mean squared error."""
    with torch.no_grad():
        return float(nn.functional.mse_loss(model(x), y))


def tutorial_fit(seed: int = 0) -> dict[str, Any]:
    """Time the training loop, after one epoch to warm up."""
    _, x, y, model, optimizer = prepare(seed)
    begin = time.perf_counter()
    fit(model, optimizer, x, y, 1)
    start = time.perf_counter()
    history = fit(model, optimizer, x, y, series.EPOCHS)
    end = time.perf_counter()
    assert len(history) == series.EPOCHS
    return {"seconds": end - start, "compile_seconds": start - begin, "mse": error(model, x, y)}


def train_on_batch(calls: int = 300) -> dict[str, Any]:
    """Time one training step of the tutorial's model, from NumPy in to a Python number out."""
    data, _, _, model, optimizer = prepare(0)
    x, y = data.x_train[: series.BATCH], data.y_train[: series.BATCH]

    def call() -> float:
        return step(model, optimizer, torch.from_numpy(x), torch.from_numpy(y)).item()

    for _ in range(20):
        call()
    return speak.time_loop(call, calls)


def cold() -> dict[str, Any]:
    """Do the whole tutorial but the plot."""
    data, x, y, model, optimizer = prepare(0)
    fit(model, optimizer, x, y, series.EPOCHS)
    x_test, y_test = torch.from_numpy(data.x_test), torch.from_numpy(data.y_test)
    with torch.no_grad():
        predicted = model(x_test).numpy()
    return {"mse": error(model, x, y), "mse_test": error(model, x_test, y_test), "predicted": list(predicted.shape)}


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
    for name, value in (
        ("weight_ih", kernel.T),
        ("weight_hh", recurrent_kernel.T),
        ("bias_ih", first),
        ("bias_hh", second),
    ):
        getattr(layer, f"{name}_l0").data = torch.from_numpy(np.ascontiguousarray(value))
    return layer


def rnn(cell: str, shape: list[int], mode: str, seconds: float = 0.3) -> dict[str, Any]:
    """Time one recurrent layer."""
    given = problems.problem(cell, tuple(shape))
    layer = recurrent(cell, given, shape[3])
    x, cotangent = torch.from_numpy(given.x), torch.from_numpy(given.cotangent)

    def infer() -> Any:
        with torch.inference_mode():
            return layer(x)[0]

    def train() -> Any:
        layer.zero_grad()
        y = layer(x)[0]
        y.backward(cotangent)
        return y

    if mode == "inference":
        result = problems.fingerprint(infer().numpy())
        return {**speak.time_calls(infer, seconds), "result": result}
    y = train()
    gradients = [layer.weight_ih_l0.grad, layer.weight_hh_l0.grad, layer.bias_ih_l0.grad]
    if cell == "gru":
        gradients[2] = torch.stack([layer.bias_ih_l0.grad, layer.bias_hh_l0.grad])
    result = problems.fingerprint(y.detach(), tuple(gradients))
    return {**speak.time_calls(train, seconds), "result": result}


if __name__ == "__main__":
    versions = {"torch": torch.__version__.split("+")[0], "numpy": np.__version__}
    speak.serve(versions, {"tutorial_fit": tutorial_fit, "train_on_batch": train_on_batch, "rnn": rnn}, cold)
