"""ONNX Runtime: one recurrent node, inference alone. Its gates: i, o, f, g; z, r, h; one row of weights a unit."""

from __future__ import annotations

import functools
import os
from typing import Any

import numpy as np
import onnx
import onnxruntime
import problems
import speak
from onnx import TensorProto, helper, numpy_helper

NODES = {"simple_rnn": "RNN", "gru": "GRU", "lstm": "LSTM"}
ORDER = {"simple_rnn": (0,), "gru": (0, 1, 2), "lstm": (0, 3, 1, 2)}
"""Keras' gates in ONNX's order."""


def in_order(cell: str, weight: Any) -> Any:
    """Return (..., G U) with ONNX's order of gates, as (G U, ...)."""
    parts = np.split(weight, problems.GATES[cell], axis=-1)
    return np.ascontiguousarray(np.concatenate([parts[k] for k in ORDER[cell]], axis=-1).T)


def session(cell: str, given: problems.Problem, streamed: bool) -> Any:
    """Return a session (T, B, I) -> (T, 1, B, U), with states in and out where it is streamed."""
    features, units = given.kernel.shape[0], given.recurrent_kernel.shape[0]
    bias = given.bias if cell == "gru" else np.stack([given.bias, np.zeros_like(given.bias)])
    weights = {
        "W": in_order(cell, given.kernel)[None],
        "R": in_order(cell, given.recurrent_kernel)[None],
        "B": np.concatenate([in_order(cell, part) for part in bias])[None],
    }
    states = ["h", "c"][: 2 if cell == "lstm" else 1] if streamed else []
    inputs, outputs = ["X", "W", "R", "B", "", *states], ["Y", *(f"{state}_after" for state in states)]
    options = {"linear_before_reset": 1} if cell == "gru" else {}
    node = helper.make_node(NODES[cell], inputs if states else inputs[:4], outputs, hidden_size=units, **options)

    def value(name: str, *shape: Any) -> Any:
        return helper.make_tensor_value_info(name, TensorProto.FLOAT, shape)

    graph = helper.make_graph(
        [node],
        cell,
        [value("X", "T", "B", features), *(value(state, 1, "B", units) for state in states)],
        [value("Y", "T", 1, "B", units), *(value(f"{state}_after", 1, "B", units) for state in states)],
        [numpy_helper.from_array(array, name) for name, array in weights.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 14)], ir_version=8)
    onnx.checker.check_model(model)
    settings = onnxruntime.SessionOptions()
    settings.intra_op_num_threads = int(os.environ.get("OMP_NUM_THREADS", "1"))
    settings.inter_op_num_threads = 1
    return onnxruntime.InferenceSession(model.SerializeToString(), settings, ["CPUExecutionProvider"])


@functools.lru_cache(maxsize=1)
def prepare(cell: str, shape: tuple[int, int, int, int], streamed: bool) -> tuple[Any, problems.Problem]:
    """Return the session and the problem."""
    given = problems.problem(cell, shape)
    return session(cell, given, streamed), given


def rnn(cell: str, shape: list[int], mode: str) -> dict[str, Any]:
    """Time one recurrent layer; time first, so that nobody transposes."""
    if mode != "inference":
        return {"unsupported": True}
    sizes: Any = tuple(shape)
    running, given = prepare(cell, sizes, False)
    x = {"X": np.ascontiguousarray(given.x.swapaxes(0, 1))}
    result = problems.fingerprint(running.run(None, x)[0])
    return {**speak.time_calls(lambda: running.run(None, x), **problems.patience(cell, sizes, mode)), "result": result}


def stream(cell: str, features: int, units: int, bound: bool) -> dict[str, Any]:
    """Time a step with states given back; with new arrays, or with its buffers bound."""
    running, given = prepare(cell, (1, problems.STREAMED, features, units), True)
    names = ["h", "c"][: 2 if cell == "lstm" else 1]
    rows = [row.reshape(1, 1, -1) for row in given.x[0]]
    walk = bound_walk(running, names, rows, units) if bound else new_walk(running, names, rows, units)
    result = problems.fingerprint(walk())
    return {**speak.time_steps(walk, len(rows)), "result": result}


def new_walk(running: Any, names: list[str], rows: list[Any], units: int) -> Any:
    """Return a walk that makes new arrays at every step."""

    def walk() -> Any:
        states = dict.fromkeys(names, np.zeros((1, 1, units), np.float32))
        for row in rows:
            y, *after = running.run(None, {"X": row, **states})
            states = dict(zip(names, after, strict=True))
        return y

    return walk


def bound_walk(running: Any, names: list[str], rows: list[Any], units: int) -> Any:
    """Return a walk over two sets of buffers that take turns as states before and after."""
    x, y = np.zeros_like(rows[0]), np.zeros((1, 1, 1, units), np.float32)
    sets = [{name: np.zeros((1, 1, units), np.float32) for name in names} for _ in range(2)]
    bindings = []
    for before, after in (sets, sets[::-1]):
        binding = running.io_binding()
        for name, array, bind in (
            ("X", x, binding.bind_input),
            ("Y", y, binding.bind_output),
            *((name, before[name], binding.bind_input) for name in names),
            *((f"{name}_after", after[name], binding.bind_output) for name in names),
        ):
            bind(name, "cpu", 0, np.float32, array.shape, array.ctypes.data)
        bindings.append(binding)

    def walk() -> Any:
        for array in sets[0].values():
            array[...] = 0
        for i, row in enumerate(rows):
            x[...] = row
            running.run_with_iobinding(bindings[i % 2])
        return y

    return walk


def tutorial() -> dict[str, Any]:
    """Refuse: it does not train."""
    raise SystemExit("onnxruntime does not train")


if __name__ == "__main__":
    versions = {"onnxruntime": onnxruntime.__version__, "numpy": np.__version__}
    speak.serve(versions, {"rnn": rnn, "stream": stream}, tutorial)
