"""JAX at its best: the whole fit is one jitted function, epochs and steps are lax.scan."""

from __future__ import annotations

import functools
import time
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import problems
import series
import speak
from jax import lax

WIDTHS = (32, 8, 12, 8, 1)
LEARNING_RATE, RHO, EPSILON = 0.001, 0.9, 1e-7


def initial_weights(seed: int) -> dict[str, Any]:
    """Draw the tutorial's weights as Keras does: Glorot uniform, orthogonal, zeros."""
    keys = jax.random.split(jax.random.PRNGKey(seed), 8)
    glorot, orthogonal = jax.nn.initializers.glorot_uniform(), jax.nn.initializers.orthogonal()
    weights = {
        "kernel": glorot(keys[0], (series.STEP, 32)),
        "recurrent_kernel": orthogonal(keys[1], (32, 32)),
        "bias": jnp.zeros(32),
    }
    for i in range(4):
        weights[f"dense_{i}"] = glorot(keys[2 + i], (WIDTHS[i], WIDTHS[i + 1]))
        weights[f"dense_bias_{i}"] = jnp.zeros(WIDTHS[i + 1])
    return weights


def forecast(weights: dict[str, Any], x: Any) -> Any:
    """Forecast (B,) from windows (B, T, STEP)."""

    def one_step(h: Any, projected: Any) -> tuple[Any, None]:
        return jax.nn.relu(projected + h @ weights["recurrent_kernel"]), None

    projected = x @ weights["kernel"] + weights["bias"]
    h, _ = lax.scan(one_step, jnp.zeros((x.shape[0], 32)), projected.swapaxes(0, 1))
    for i in range(4):
        h = h @ weights[f"dense_{i}"] + weights[f"dense_bias_{i}"]
        h = jax.nn.relu(h) if i < 3 else h
    return h[:, 0]


def loss(weights: dict[str, Any], x: Any, y: Any) -> Any:
    """Return the mean squared error."""
    return jnp.mean((forecast(weights, x) - y) ** 2)


def update(state: Any, batch: Any) -> tuple[Any, Any]:
    """Take one RMSprop step."""
    weights, squares = state
    value, gradients = jax.value_and_grad(loss)(weights, *batch)
    squares = jax.tree.map(lambda v, g: RHO * v + (1 - RHO) * g * g, squares, gradients)
    weights = jax.tree.map(lambda w, v, g: w - LEARNING_RATE * g / jnp.sqrt(v + EPSILON), weights, squares, gradients)
    return (weights, squares), value


@functools.partial(jax.jit, static_argnums=4)
def fit(state: Any, key: Any, x: Any, y: Any, epochs: int) -> tuple[Any, Any]:
    """Train on shuffled batches; return the state and the loss of each epoch."""

    def epoch(state: Any, key: Any) -> tuple[Any, Any]:
        rows = jax.random.permutation(key, len(x)).reshape(-1, series.BATCH)
        state, losses = lax.scan(lambda state, row: update(state, (x[row], y[row])), state, rows)
        return state, losses.mean()

    return lax.scan(epoch, state, jax.random.split(key, epochs))


def prepare(seed: int) -> tuple[series.Split, Any]:
    """Return the data and the initial state of training."""
    weights = initial_weights(seed)
    return series.tutorial(), (weights, jax.tree.map(jnp.zeros_like, weights))


def tutorial_fit(seed: int = 0) -> dict[str, Any]:
    """Time the compiled fit, and its compilation apart."""
    data, state = prepare(seed)
    key, x, y = jax.random.PRNGKey(seed + 1), jnp.asarray(data.x_train), jnp.asarray(data.y_train)
    begin = time.perf_counter()
    compiled = fit.lower(state, key, x, y, series.EPOCHS).compile()
    start = time.perf_counter()
    (weights, _), history = jax.block_until_ready(compiled(state, key, x, y))
    end = time.perf_counter()
    assert len(history) == series.EPOCHS
    return {"seconds": end - start, "compile_seconds": start - begin, "mse": float(loss(weights, x, y))}


def train_on_batch(calls: int = 300) -> dict[str, Any]:
    """Time one jitted training step, from NumPy in to a Python number out."""
    data, state = prepare(0)
    x, y = data.x_train[: series.BATCH], data.y_train[: series.BATCH]
    jitted = jax.jit(update)

    def call() -> float:
        nonlocal state
        state, value = jitted(state, (x, y))
        return float(value)

    for _ in range(20):
        call()
    return speak.time_loop(call, calls)


def cold() -> dict[str, Any]:
    """Do the whole tutorial but the plot."""
    data, state = prepare(0)
    (weights, _), _ = fit(state, jax.random.PRNGKey(1), data.x_train, data.y_train, series.EPOCHS)
    predicted = np.asarray(jax.jit(forecast)(weights, data.x_test))
    errors = {"mse": loss(weights, data.x_train, data.y_train), "mse_test": loss(weights, data.x_test, data.y_test)}
    return {**{key: float(value) for key, value in errors.items()}, "predicted": list(predicted.shape)}


def run_cell(cell: str, weights: Any, x: Any) -> Any:
    """Return the outputs (B, T, U) of one layer; the input's projection is taken out of the loop."""
    kernel, recurrent_kernel, bias = weights
    units = recurrent_kernel.shape[0]
    start = jnp.zeros((x.shape[0], units))
    inner = bias[1] if cell == "gru" else None
    projected = (x @ kernel + (bias[0] if cell == "gru" else bias)).swapaxes(0, 1)

    def simple_rnn(h: Any, p: Any) -> Any:
        h = jnp.tanh(p + h @ recurrent_kernel)
        return h, h

    def gru(h: Any, p: Any) -> Any:
        q = h @ recurrent_kernel + inner
        z = jax.nn.sigmoid(p[:, :units] + q[:, :units])
        r = jax.nn.sigmoid(p[:, units : 2 * units] + q[:, units : 2 * units])
        candidate = jnp.tanh(p[:, 2 * units :] + r * q[:, 2 * units :])
        h = z * h + (1 - z) * candidate
        return h, h

    def lstm(state: Any, p: Any) -> Any:
        h, c = state
        i, f, g, o = jnp.split(p + h @ recurrent_kernel, 4, axis=1)
        c = jax.nn.sigmoid(f) * c + jax.nn.sigmoid(i) * jnp.tanh(g)
        h = jax.nn.sigmoid(o) * jnp.tanh(c)
        return (h, c), h

    body = {"simple_rnn": simple_rnn, "gru": gru, "lstm": lstm}[cell]
    _, y = lax.scan(body, (start, start) if cell == "lstm" else start, projected)
    return y.swapaxes(0, 1)


@functools.lru_cache(maxsize=1)
def prepare_rnn(cell: str, shape: tuple[int, int, int, int]) -> tuple[Any, Any, Any, Any]:
    """Return inference and gradient of one layer, jitted, with their arguments."""
    given = problems.problem(cell, shape)
    x, cotangent = jnp.asarray(given.x), jnp.asarray(given.cotangent)
    weights = tuple(jnp.asarray(value) for value in given[1:4])

    def total(weights: Any, x: Any) -> Any:
        y = run_cell(cell, weights, x)
        return (y * cotangent).sum(), y

    return jax.jit(functools.partial(run_cell, cell)), jax.jit(jax.grad(total, has_aux=True)), weights, x


def rnn(cell: str, shape: list[int], mode: str, seconds: float = 0.3) -> dict[str, Any]:
    """Time one recurrent layer."""
    infer, gradient, weights, x = prepare_rnn(cell, tuple(shape))
    if mode == "inference":
        result = problems.fingerprint(infer(weights, x))
        return {**speak.time_calls(lambda: jax.block_until_ready(infer(weights, x)), seconds), "result": result}
    gradients, y = gradient(weights, x)
    result = problems.fingerprint(y, gradients)
    return {**speak.time_calls(lambda: jax.block_until_ready(gradient(weights, x)), seconds), "result": result}


if __name__ == "__main__":
    versions = {"jax": jax.__version__, "numpy": np.__version__}
    speak.serve(versions, {"tutorial_fit": tutorial_fit, "train_on_batch": train_on_batch, "rnn": rnn}, cold)
