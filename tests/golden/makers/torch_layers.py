"""Run PyTorch's recurrent layers, losses and optimizers: a second opinion beside Keras.

How PyTorch's weights map to the layout of Keras (kernel, recurrent_kernel, bias):

- `weight_ih_l0` (gates * H, F) is `kernel` transposed, `weight_hh_l0` is `recurrent_kernel` transposed.
- gates: LSTM i, f, g, o in both. GRU: PyTorch r, z, n; Keras z, r, h (swap the first two thirds).
- biases: `bias_ih_l0 + bias_hh_l0` is Keras' one bias for SimpleRNN and LSTM; for GRU with
  `reset_after=True` the two are the two rows of Keras' bias (2, 3 H), gates swapped.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
import torch

from . import store
from .store import Spec, spec

B, T, F, U = 3, 6, 4, 5
LENGTHS = (6, 3, 1)


class Case(NamedTuple):
    """One layer and how it is called."""

    name: str
    layer: Spec
    states: bool = False
    lengths: tuple[int, ...] = ()


def cases() -> Iterator[Case]:
    """Every option of PyTorch's recurrent layers which elman has too."""
    for class_name in ("RNN", "GRU", "LSTM"):
        base = class_name.lower()
        sizes = {"input_size": F, "hidden_size": U, "batch_first": True}
        yield Case(base, spec(class_name, **sizes))
        yield Case(f"{base}_no_bias", spec(class_name, **sizes, bias=False))
        yield Case(f"{base}_initial_state", spec(class_name, **sizes), states=True)
        yield Case(f"{base}_lengths", spec(class_name, **sizes), states=True, lengths=LENGTHS)
        yield Case(f"{base}_bidirectional", spec(class_name, **sizes, bidirectional=True), states=True)
        yield Case(f"{base}_bidirectional_lengths", spec(class_name, **sizes, bidirectional=True), lengths=LENGTHS)
        yield Case(f"{base}_two_layers", spec(class_name, **sizes, num_layers=2))
    yield Case("rnn_relu", spec("RNN", input_size=F, hidden_size=U, batch_first=True, nonlinearity="relu"))
    yield Case("lstm_projection", spec("LSTM", input_size=F, hidden_size=U, batch_first=True, proj_size=2))


def call(layer: Any, case: Case, x: Any, states: Any) -> list[Any]:
    """Call the layer, packed where rows have lengths; return outputs and final states."""
    given = (states[0] if len(states) == 1 else tuple(states)) if states else None
    if not case.lengths:
        y, final = layer(x, given)
    else:
        packed = torch.nn.utils.rnn.pack_padded_sequence(x, torch.tensor(case.lengths), batch_first=True)
        packed_y, final = layer(packed, given)
        y, _ = torch.nn.utils.rnn.pad_packed_sequence(packed_y, batch_first=True, total_length=T)
    return [y, *final] if isinstance(final, tuple) else [y, final]


def run(case: Case) -> tuple[dict[str, Any], dict[str, Any]]:
    """Call the layer forwards and backwards; return its JSON line and its arrays."""
    random = store.generator(case.name)

    def draw(shape: Any, size: float = 1.0) -> Any:
        return torch.tensor(store.exact(random.uniform(-size, size, tuple(shape))))

    layer = store.build(case.layer, torch, "nn").double()
    for parameter in layer.parameters():
        parameter.data = draw(parameter.shape, 0.8)
    x = draw((B, T, F), 1.5).requires_grad_()
    directions = 2 if layer.bidirectional else 1
    count = 0 if not case.states else 2 if case.layer["class_name"] == "LSTM" else 1
    states = [draw((directions * layer.num_layers, B, U)).requires_grad_() for _ in range(count)]
    outputs = call(layer, case, x, states)
    cotangents = [draw(output.shape) for output in outputs]
    total = sum((output * cotangent).sum() for output, cotangent in zip(outputs, cotangents, strict=True))
    assert isinstance(total, torch.Tensor)
    total.backward()
    groups = {
        "input": [x],
        "input_grad": [x.grad],
        "initial_state": states,
        "initial_state_grad": [state.grad for state in states],
        "output": outputs,
        "output_grad": cotangents,
        "weight": list(layer.parameters()),
        "weight_grad": [parameter.grad for parameter in layer.parameters()],
    }
    arrays = {f"{key}/{i}": value.detach().numpy() for key, group in groups.items() for i, value in enumerate(group)}
    line = {
        "name": case.name,
        "layer": {**case.layer, "module": "nn"},
        "inputs": [{"shape": [B, T, F], "dtype": "float32"}],
        "lengths": list(case.lengths),
        "initial_state": len(states),
        "weights": [{"name": name, "shape": list(parameter.shape)} for name, parameter in layer.named_parameters()],
        "outputs": [list(output.shape) for output in outputs],
    }
    return line, arrays


def make(made_by: dict[str, str]) -> None:
    """Write torch_layers."""
    golden = store.Golden("torch_layers", made_by)
    for case in cases():
        golden.add(*run(case))
    golden.save()


LOSSES: tuple[tuple[Spec, str, str], ...] = (
    (spec("MSELoss", "nn"), "real", "real"),
    (spec("L1Loss", "nn"), "real", "real"),
    (spec("HuberLoss", "nn", delta=0.5), "real", "real"),
    (spec("BCELoss", "nn"), "probability", "binary"),
    (spec("BCEWithLogitsLoss", "nn"), "real", "binary"),
    (spec("CrossEntropyLoss", "nn"), "real", "class"),
    (spec("CrossEntropyLoss", "nn", label_smoothing=0.1), "real", "class"),
    (spec("KLDivLoss", "nn", reduction="batchmean"), "log_simplex", "simplex"),
    (spec("PoissonNLLLoss", "nn", log_input=False), "positive", "positive"),
)


def draw_values(kind: str, random: np.random.Generator) -> Any:
    """Draw predictions or targets of shape (4, 3), or classes (4,)."""
    if kind in ("simplex", "log_simplex"):
        values = random.uniform(0.1, 1, (4, 3))
        values /= values.sum(-1, keepdims=True)
        return torch.tensor(store.exact(np.log(values) if kind == "log_simplex" else values))
    if kind == "class":
        return torch.tensor(random.integers(0, 3, 4))
    if kind == "binary":
        return torch.tensor(random.integers(0, 2, (4, 3)), dtype=torch.float64)
    low, high = {"real": (-2, 2), "probability": (0.02, 0.98), "positive": (0.1, 3)}[kind]
    return torch.tensor(store.exact(random.uniform(low, high, (4, 3))))


def make_losses(made_by: dict[str, str]) -> None:
    """Write torch_losses."""
    golden = store.Golden("torch_losses", made_by)
    for described, predictions, targets in LOSSES:
        name = ":".join([described["class_name"], *(f"{key}={value}" for key, value in described["config"].items())])
        random = store.generator(name)
        y_pred, y_true = draw_values(predictions, random).requires_grad_(), draw_values(targets, random)
        value = store.build(described, torch)(y_pred, y_true)
        value.backward()
        arrays = {"y_pred": y_pred.detach(), "y_true": y_true, "value": value.detach(), "y_pred_grad": y_pred.grad}
        case = {"name": name, "loss": described, "shape": list(y_pred.shape)}
        golden.add(case, {key: array.numpy() for key, array in arrays.items()})
    golden.save()


OPTIMIZERS = (
    spec("SGD", "optim", lr=0.1, momentum=0.9),
    spec("SGD", "optim", lr=0.1, momentum=0.9, nesterov=True),
    spec("Adam", "optim", lr=0.05, eps=1e-7),
    spec("AdamW", "optim", lr=0.05, eps=1e-7, weight_decay=0.1),
    spec("RMSprop", "optim", lr=0.05, alpha=0.9, eps=1e-7),
    spec("Adadelta", "optim", lr=1.0, rho=0.8, eps=1e-7),
    spec("Adagrad", "optim", lr=0.05, initial_accumulator_value=0.1, eps=1e-7),
    spec("Adamax", "optim", lr=0.05, eps=1e-7),
)


def make_optimizers(made_by: dict[str, str]) -> None:
    """Write torch_optimizers: five steps on fixed gradients of (3, 2) and (4,)."""
    golden = store.Golden("torch_optimizers", made_by)
    shapes = ((3, 2), (4,))
    for described in OPTIMIZERS:
        name = ":".join([described["class_name"], *(f"{key}={value}" for key, value in described["config"].items())])
        random = store.generator(name)
        initial = [store.exact(random.uniform(-1, 1, shape)) for shape in shapes]
        parameters = [torch.nn.Parameter(torch.tensor(value)) for value in initial]
        config = {**described["config"], "params": parameters}
        optimizer = getattr(torch.optim, described["class_name"])(**config)
        given = [[store.exact(random.uniform(-1, 1, shape)) for shape in shapes] for _ in range(5)]
        reached = []
        for gradients in given:
            for parameter, gradient in zip(parameters, gradients, strict=True):
                parameter.grad = torch.tensor(gradient)
            optimizer.step()
            reached.append([parameter.detach().numpy().copy() for parameter in parameters])
        arrays = {f"initial/{i}": value for i, value in enumerate(initial)}
        for i in range(len(shapes)):
            arrays[f"grad/{i}"] = np.stack([step[i] for step in given])
            arrays[f"value/{i}"] = np.stack([step[i] for step in reached])
        golden.add(
            {"name": name, "optimizer": described, "steps": 5, "variables": [list(shape) for shape in shapes]}, arrays
        )
    golden.save()
