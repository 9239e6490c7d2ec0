"""One recurrent layer of elman: built in, or the same equation written by a user."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from typing import Any

import elman_written
import numpy as np
import problems
import speak

import elman
from elman import executors, ops
from elman.autodiff import gradients
from elman.graph import Graph
from elman.graph.rewrite import hoist, simplify

Shape = tuple[int, int, int, int]
LAYERS = {"simple_rnn": "SimpleRNN", "gru": "GRU", "lstm": "LSTM"}


def layer_of(cell: str, units: int, written: bool = False) -> Any:
    """Return a layer that gives all outputs; `written`: a user's equation instead of the built-in cell."""
    if written:
        return elman.layers.RNN(elman_written.CELLS[cell](units), return_sequences=True)
    return getattr(elman.layers, LAYERS[cell])(units, return_sequences=True)


@functools.lru_cache(maxsize=4)
def layer_model(cell: str, shape: Shape, learning_rate: float, written: bool = False) -> Any:
    """Return a model of one layer with the problem's weights."""
    given = problems.problem(cell, shape)
    _, steps, features = given.x.shape
    model = elman.Sequential([elman.Input((steps, features)), layer_of(cell, given.cotangent.shape[2], written)])
    model.compile(loss="mean_squared_error", optimizer=elman.optimizers.SGD(learning_rate))
    model.set_weights([given.kernel, given.recurrent_kernel, given.bias])
    return model


def rnn(cell: str, shape: list[int], mode: str, written: bool = False) -> dict[str, Any]:
    """Time one recurrent layer.

    A training step here is `train_on_batch`: loss and update come on top of what the peers are asked for.
    With target = output - cotangent * size / 2 the gradient of the mean squared error is the cotangent.
    """
    sizes: Any = tuple(shape)
    given, often = problems.problem(cell, sizes), problems.patience(cell, sizes, mode)
    if mode == "train-dx":
        return with_input_gradient(cell, sizes, given, often)
    model = layer_model(cell, sizes, 1.0, written)
    model.set_weights([given.kernel, given.recurrent_kernel, given.bias])
    y = np.asarray(model.predict_on_batch(given.x))
    if mode == "inference":
        timed = speak.time_calls(lambda: model.predict_on_batch(given.x), **often)
        return {**timed, "result": problems.fingerprint(y)}
    target = (y - given.cotangent * (y.size / 2)).astype(np.float32)
    before = model.get_weights()
    model.train_on_batch(given.x, target)
    slopes = tuple(old - new for old, new in zip(before, model.get_weights(), strict=True))
    still = layer_model(cell, sizes, 0.0, written)
    still.train_on_batch(given.x, target)  # compiled and in memory, as the peers' are after the call that is compared
    timed = speak.time_calls(lambda: still.train_on_batch(given.x, target), **often)
    return {**timed, "result": problems.fingerprint(y, slopes)}


def with_input_gradient(cell: str, shape: Shape, given: problems.Problem, often: dict[str, Any]) -> dict[str, Any]:
    """Time outputs and gradients of weights and input, as a layer between layers needs them."""
    plan = differentiated_layer(cell, shape)
    y, *slopes = plan.run([given.x, given.cotangent]).outputs
    timed = speak.time_calls(lambda: plan.run([given.x, given.cotangent]), **often)
    return {**timed, "result": problems.fingerprint(y, tuple(slopes))}


@functools.lru_cache(maxsize=1)
def differentiated_layer(cell: str, shape: Shape) -> Any:
    """Return the plan (x, cotangent) -> (outputs, gradients of the three weights and of x)."""
    given = problems.problem(cell, shape)
    layer = layer_of(cell, shape[3])
    x = elman.Input(given.x.shape[1:])
    y = layer(x)
    layer.set_weights([given.kernel, given.recurrent_kernel, given.bias])
    return differentiated([x], y, [w.tensor for w in layer.weights] + [x])


def differentiated(inputs: Sequence[Any], y: Any, wrt: Sequence[Any]) -> Any:
    """Return the plan (inputs, cotangent) -> (y, gradients of sum(y * cotangent))."""
    cotangent = elman.Input(y.shape[1:], name="cotangent")
    graph = hoist(simplify(Graph((*inputs, cotangent), (ops.sum(y * cotangent), y))))
    slopes = gradients(graph.outputs[0], list(wrt))
    return executors.default().compile(Graph(graph.inputs, (graph.outputs[1], *slopes)))


def decay(shape: list[int], fading: bool) -> dict[str, Any]:
    """Time inference of states that fade below the smallest normal number, or of such that do not."""
    given = problems.decaying(*shape, fading=fading)
    steps, features = given.x.shape[1:]
    layer = elman.layers.SimpleRNN(given.cotangent.shape[2], activation="relu", return_sequences=True)
    model = elman.Sequential([elman.Input((steps, features)), layer])
    model.set_weights([given.kernel, given.recurrent_kernel, given.bias])
    y = np.asarray(model.predict_on_batch(given.x))
    timed = speak.time_calls(lambda: model.predict_on_batch(given.x), 0.2, 3)
    return {**timed, "result": problems.fingerprint(y[:, : problems.NORMAL_STEPS])}
