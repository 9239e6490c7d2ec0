"""PyTorch, eager, as one writes it: a module, an optimizer, a loop over shuffled batches."""

from __future__ import annotations

import os
import time
from typing import Any

import numpy as np
import series
import speak
import torch
import torch_cells
import torch_ragged
import torch_rnn
import torch_streams
from torch import nn

torch.set_num_threads(int(os.environ.get("OMP_NUM_THREADS", "1")))


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


if __name__ == "__main__":
    versions = {"torch": torch.__version__.split("+")[0], "numpy": np.__version__}
    jobs = {
        "tutorial_fit": tutorial_fit,
        "train_on_batch": train_on_batch,
        "rnn": torch_rnn.rnn,
        "decay": torch_rnn.decay,
        "cell": torch_cells.cell,
        "user_cell": torch_cells.user_cell,
        "stream": torch_streams.stream,
        "ragged": torch_ragged.ragged,
    }
    speak.serve(versions, jobs, cold)
