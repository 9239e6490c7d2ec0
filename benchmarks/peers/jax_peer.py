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
    start = jnp.zeros((x.shape[0], recurrent_kernel.shape[0]))
    step, first = body(cell, recurrent_kernel, bias)
    projected = (x @ kernel + first).swapaxes(0, 1)
    _, y = lax.scan(step, (start, start) if cell == "lstm" else start, projected)
    return y.swapaxes(0, 1)


def body(cell: str, recurrent_kernel: Any, bias: Any) -> tuple[Any, Any]:
    """Return the step (state, projected input) -> (state, output), and the bias that goes into the projection."""
    units = recurrent_kernel.shape[0]
    first, inner = (bias[0], bias[1]) if cell == "gru" else (bias, None)

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

    return {"simple_rnn": simple_rnn, "gru": gru, "lstm": lstm}[cell], first


@functools.lru_cache(maxsize=1)
def prepare_rnn(cell: str, shape: tuple[int, int, int, int]) -> tuple[dict[str, Any], Any, Any]:
    """Return every mode of one layer, jitted, (weights, x) -> (gradients, outputs), with their arguments."""
    given = problems.problem(cell, shape)
    x, cotangent = jnp.asarray(given.x), jnp.asarray(given.cotangent)
    weights = tuple(jnp.asarray(value) for value in given[1:4])

    def total(weights: Any, x: Any) -> Any:
        y = run_cell(cell, weights, x)
        return (y * cotangent).sum(), y

    def train_dx(weights: Any, x: Any) -> Any:
        (to_weights, to_x), y = jax.grad(total, (0, 1), has_aux=True)(weights, x)
        return (*to_weights, to_x), y

    calls = {
        "inference": lambda weights, x: ((), run_cell(cell, weights, x)),
        "train": jax.grad(total, has_aux=True),
        "train-dx": train_dx,
    }
    return {mode: jax.jit(call) for mode, call in calls.items()}, weights, x


def rnn(cell: str, shape: list[int], mode: str) -> dict[str, Any]:
    """Time one recurrent layer."""
    sizes: Any = tuple(shape)
    calls, weights, x = prepare_rnn(cell, sizes)
    gradients, y = calls[mode](weights, x)
    timed = speak.time_calls(
        lambda: jax.block_until_ready(calls[mode](weights, x)), **problems.patience(cell, sizes, mode)
    )
    return {**timed, "result": problems.fingerprint(y, gradients)}


@functools.lru_cache(maxsize=1)
def prepare_stream(cell: str, features: int, units: int) -> tuple[Any, Any]:
    """Return one step, jitted, (state, row) -> (state, output), and the problem."""
    given = problems.problem(cell, (1, problems.STREAMED, features, units))
    kernel, recurrent_kernel, bias = (jnp.asarray(value) for value in given[1:4])
    step, first = body(cell, recurrent_kernel, bias)

    def one(state: Any, row: Any) -> Any:
        return step(state, row[None] @ kernel + first)

    return jax.jit(one), given


def stream(cell: str, features: int, units: int, bound: bool) -> dict[str, Any]:
    """Time a step from NumPy to NumPy, or from one of JAX's arrays to another."""
    one, given = prepare_stream(cell, features, units)
    rows = [jnp.asarray(row) for row in given.x[0]] if bound else list(given.x[0])

    def walk() -> Any:
        state = jnp.zeros((1, units))
        state = (state, state) if cell == "lstm" else state
        for row in rows:
            state, y = one(state, row)
            last = y.block_until_ready() if bound else np.asarray(y)
        return last

    result = problems.fingerprint(walk())
    return {**speak.time_steps(walk, len(rows)), "result": result}


if __name__ == "__main__":
    versions = {"jax": jax.__version__, "numpy": np.__version__}
    jobs = {"tutorial_fit": tutorial_fit, "train_on_batch": train_on_batch, "rnn": rnn, "stream": stream}
    speak.serve(versions, jobs, cold)
