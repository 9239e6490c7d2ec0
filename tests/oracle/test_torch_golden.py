"""PyTorch's numbers, kept in golden files: layers, losses and optimizers agree without PyTorch being there."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import elman
from elman import layers, losses, ops, optimizers
from elman.autodiff import gradients
from elman.graph import Tensor, Variable
from elman.layers import Mask
from elman.training.parameters import Parameters
from tests.golden import reader
from tests.oracle.running import Feed, Setting, evaluate, feed
from tests.tolerances import assert_close

LAYERS, LOSSES, OPTIMIZERS = (reader.read(f"torch_{kind}") for kind in ("layers", "losses", "optimizers"))
LENGTH, STEPS = 16, 12  # 4 features, 5 units and biases; 6 steps of two layers


def gates(values: np.ndarray, kind: str) -> np.ndarray:
    """Blocks of the first axis in Keras's order: PyTorch's GRU has r before z."""
    if kind != "GRU":
        return values
    r, z, n = np.split(values, 3)
    return np.concatenate([z, r, n])


def converted(weights: list[np.ndarray], kind: str) -> list[np.ndarray]:
    """The weights of one direction of one layer. Shapes: (G, F), (G, U), (G,) twice, (P, U) -> Keras's."""
    matrices = [gates(w, kind) for w in weights if w.ndim == 2][:2]
    projection = [w.T for w in weights if w.ndim == 2][2:]
    biases = [gates(w, kind).astype(np.float64) for w in weights if w.ndim == 1]  # float32 would round the sum
    joined = [np.stack(biases) if kind == "GRU" else biases[0] + biases[1]] if biases else []
    return [*(m.T for m in matrices), *joined, *projection]


def layer_of(case: reader.Case, dtype: str) -> layers.Layer:
    kind, config = case["layer"]["class_name"], case["layer"]["config"]
    options: dict[str, Any] = {
        "use_bias": config.get("bias", True), "return_sequences": True, "return_state": True, "dtype": dtype,
    }  # fmt: skip
    if config.get("proj_size"):
        return layers.ProjectionLSTM(config["hidden_size"], projection_units=config["proj_size"], **options)
    made = {"RNN": layers.SimpleRNN, "GRU": layers.GRU, "LSTM": layers.LSTM}[kind]
    if config.get("nonlinearity"):
        options["activation"] = config["nonlinearity"]
    one = made(config["hidden_size"], **options)
    return layers.Bidirectional(one, dtype=dtype) if config.get("bidirectional") else one


def called(case: reader.Case, dtype: str) -> tuple[list[Tensor], list[Feed], Feed]:
    """A case's outputs, then the last states, layer by layer; its feeds, the input first."""
    x = feed("x", case.one("input"), dtype)
    feeds, tensor, kind = [x], x[0], case["layer"]["class_name"]
    if case["lengths"]:
        lengths = feed("lengths", case["lengths"], "int32")
        tensor.mask = Mask(lengths=lengths[0])
        feeds.append(lengths)
    ways = 2 if case["layer"]["config"].get("bidirectional") else 1
    starts = [feed(f"state{i}{d}", s[d], dtype) for d in range(ways) for i, s in enumerate(case.all("initial_state"))]
    weights, states = case.all("weight"), []
    depth = case["layer"]["config"].get("num_layers", 1)
    each = len(weights) // (depth * ways)
    for level in range(depth):
        layer = layer_of(case, dtype)
        extra = {"initial_state": [t for t, _ in starts]} if starts else {}
        tensor, *last = layer(tensor, **extra)
        pieces = [weights[each * (level * ways + d) :][:each] for d in range(ways)]
        layer.set_weights([w.astype(dtype) for piece in pieces for w in converted(piece, kind)])
        states.append(last)
    return [tensor, *(s for last in states for s in last)], [*feeds, *starts], x


@pytest.mark.parametrize("name", LAYERS)
def test_layers_are_those_of_pytorch(name: str, setting: Setting) -> None:
    case = LAYERS[name]
    outputs, feeds, _ = called(case, setting.dtype)
    y, *last = case.all("output")
    made = len(outputs) - 1
    wanted = [last[i % len(last)][i // len(last)] for i in range(made)]  # PyTorch: h of all layers and ways, then c
    for ours, theirs in zip(evaluate(setting, outputs, feeds), [y, *wanted], strict=True):
        assert_close(ours, theirs, LENGTH, STEPS, what=name)


@pytest.mark.parametrize("name", LAYERS)
def test_gradients_of_layers_are_those_of_pytorch(name: str, setting: Setting) -> None:
    case = LAYERS[name]
    outputs, feeds, x = called(case, setting.dtype)
    dy, *rest = case.all("output_grad")
    cotangents = [dy, *(rest[i % len(rest)][i // len(rest)] for i in range(len(outputs) - 1))]
    given = [feed(f"cotangent{i}", value, setting.dtype) for i, value in enumerate(cotangents)]
    terms = [ops.sum(output * cotangent) for output, (cotangent, _) in zip(outputs, given, strict=True)]
    total = terms[0]
    for term in terms[1:]:
        total = total + term
    (found,) = evaluate(setting, gradients(total, [x[0]]), [*feeds, *given])
    assert_close(found, case.one("input_grad"), LENGTH, STEPS, what=name)


NAMES = {
    "MSELoss": "MeanSquaredError", "L1Loss": "MeanAbsoluteError", "BCELoss": "BinaryCrossentropy",
    "KLDivLoss": "KLDivergence", "PoissonNLLLoss": "Poisson",
}  # fmt: skip


def loss_of(case: reader.Case, y_true: Tensor, y_pred: Tensor) -> Tensor:
    """The same number in our words."""
    kind, config = case["loss"]["class_name"], case["loss"]["config"]
    if kind == "HuberLoss":
        return losses.Huber(config["delta"])(y_true, y_pred)
    if kind == "BCEWithLogitsLoss":
        return losses.BinaryCrossentropy(from_logits=True)(y_true, y_pred)
    if kind == "CrossEntropyLoss":
        one_hot = ops.one_hot(y_true, int(y_pred.shape[-1]), y_pred.dtype)
        smoothing = config.get("label_smoothing", 0.0)
        return losses.CategoricalCrossentropy(from_logits=True, label_smoothing=smoothing)(one_hot, y_pred)
    if kind == "KLDivLoss":  # PyTorch's takes logarithms
        return losses.KLDivergence()(y_true, ops.exp(y_pred))
    return getattr(losses, NAMES[kind])()(y_true, y_pred)


@pytest.mark.parametrize("name", LOSSES)
def test_losses_are_those_of_pytorch(name: str, setting: Setting) -> None:
    case = LOSSES[name]
    whole = case["loss"]["class_name"] == "CrossEntropyLoss"
    y_true = feed("y_true", case.one("y_true"), "int32" if whole else setting.dtype)
    y_pred = feed("y_pred", case.one("y_pred"), setting.dtype)
    value = loss_of(case, y_true[0], y_pred[0])
    found, slope = evaluate(setting, [value, *gradients(value, [y_pred[0]])], [y_true, y_pred])
    near = 1e-7 if name.startswith("Poisson") else 0.0  # Keras adds 1e-7 inside the logarithm, PyTorch 1e-8
    length = 64 if not near else int(near * 100 / np.finfo(setting.dtype).eps) + 64
    assert_close(found, case.one("value"), length, what=name)
    assert_close(slope, case.one("y_pred_grad"), length, what=f"gradient of {name}")


ARGUMENTS = {"lr": "learning_rate", "eps": "epsilon", "alpha": "rho", "initial_accumulator_value": None}


def optimizer_of(described: dict[str, Any]) -> optimizers.Optimizer:
    config = {ARGUMENTS.get(k) or k: v for k, v in described["config"].items()}
    return getattr(elman.optimizers, described["class_name"])(**config)


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_optimizers_take_the_steps_of_pytorch(name: str, setting: Setting) -> None:
    """Epsilons stand in other places (PyTorch: beside the corrected root): 1e-7 beside roots of about 0.1."""
    case = OPTIMIZERS[name]
    weights = [Variable(v.astype(setting.dtype), f"w{i}", trainable=True) for i, v in enumerate(case.all("initial"))]
    parameters, optimizer = Parameters(weights), optimizer_of(case["optimizer"])
    length = 16 + int("epsilon" in optimizer.get_config()) * int(1e-4 / np.finfo(setting.dtype).eps)
    for s, parts in enumerate(zip(*(g.reshape(case["steps"], -1) for g in case.all("grad")), strict=True)):
        flat = feed("gradient", np.concatenate(parts), setting.dtype)
        evaluate(setting, [], [flat], optimizer.updates(parameters.variable, flat[0], parameters.segments))
        for weight, expected in zip(weights, case.all("value"), strict=True):
            assert_close(weight.value, expected[s], length=length, steps=s + 1, what=f"{name} after step {s + 1}")
