"""Streams with weights in int8 beside float32, and beside ONNX Runtime's dynamic quantisation.

python -m benchmarks.int8 [--rounds 5] [--save]

Every program is warmed up and then takes turns with the others in one process on one CPU and one thread. ONNX Runtime
quantizes LSTM alone; it has no such GRU; where it is not installed (with onnx), elman is timed alone. What int8 costs
in accuracy is measured on the same steps and asserted.
"""

from __future__ import annotations

import argparse
import importlib.metadata
import logging
import os
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

import elman
from benchmarks import machine
from benchmarks.report import Report, Row

UNITS = (256, 512, 1024)
"""Features and units of one layer."""

STEPS = 64
"""Different steps that are read in turn."""

SECONDS = 0.15
"""Of one sample."""

LOSS = 0.02
"""Most that outputs may differ by on average, as a share of their mean size."""


def layer(cell: str, units: int) -> Any:
    """Return one recurrent layer as a model."""
    elman.set_seed(0)
    kinds = {"lstm": elman.layers.LSTM, "gru": elman.layers.GRU}
    return elman.Sequential([elman.Input((None, units)), kinds[cell](units, recurrent_initializer="glorot_uniform")])


def stream(model: Any, steps: np.ndarray) -> Callable[[int], np.ndarray]:
    """Return a function that reads one step into the model's bound stream."""
    given, result, run = model.stream().bound()

    def read(t: int) -> np.ndarray:
        given[...] = steps[t]
        run()
        return np.asarray(result)

    return read


def onnx_lstm(model: Any, steps: np.ndarray, quantized: bool) -> Callable[[int], np.ndarray]:
    """Return a function that reads one step into the same LSTM in ONNX Runtime. Gates are i, o, f, g there."""
    import onnx
    import onnxruntime
    from onnx import TensorProto, helper, numpy_helper
    from onnxruntime.quantization import QuantType, quantize_dynamic

    units = steps.shape[1]
    turned = [np.concatenate([np.split(w, 4, -1)[gate] for gate in (0, 3, 1, 2)], -1) for w in model.get_weights()]
    weights = {
        "W": turned[0].T[None],
        "R": turned[1].T[None],
        "B": np.concatenate([turned[2], np.zeros_like(turned[2])])[None],
    }
    node = helper.make_node("LSTM", ["x", *weights, "", "h", "c"], ["y", "h_n", "c_n"], hidden_size=units)

    def value(name: str, *shape: int) -> Any:
        return helper.make_tensor_value_info(name, TensorProto.FLOAT, shape)

    graph = helper.make_graph(
        [node],
        "step",
        [value("x", 1, 1, units), value("h", 1, 1, units), value("c", 1, 1, units)],
        [value("h_n", 1, 1, units), value("c_n", 1, 1, units)],
        [numpy_helper.from_array(np.ascontiguousarray(w), name) for name, w in weights.items()],
    )
    made = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 14)], ir_version=8)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    with tempfile.TemporaryDirectory() as folder:
        path, small = str(Path(folder) / "step.onnx"), str(Path(folder) / "int8.onnx")
        onnx.save(made, path)
        if quantized:
            logging.disable(logging.WARNING)  # that no graph was optimised: it is one node
            quantize_dynamic(path, small, per_channel=True, weight_type=QuantType.QInt8)
        session = onnxruntime.InferenceSession(small if quantized else path, options, ["CPUExecutionProvider"])
    state = [np.zeros((1, 1, units), "float32")] * 2

    def read(t: int) -> np.ndarray:
        state[:] = session.run(None, {"x": steps[t].reshape(1, 1, -1), "h": state[0], "c": state[1]})
        return np.asarray(state[0][0])

    return read


def programs(cell: str, steps: np.ndarray) -> dict[str, Callable[[int], np.ndarray]]:
    """Return what is compared: a function that reads step t and gives the output, by name."""
    units = steps.shape[1]
    plain, small = layer(cell, units), layer(cell, units)
    small.set_weights(plain.get_weights())
    small.quantize("int8")
    found = {"int8": stream(small, steps), "float32": stream(plain, steps)}
    if cell == "lstm" and onnx_runtime() is not None:
        found["onnxruntime int8"] = onnx_lstm(plain, steps, True)
        found["onnxruntime float32"] = onnx_lstm(plain, steps, False)
    return found


def onnx_runtime() -> str | None:
    """Return the version of ONNX Runtime, where it can be used."""
    try:
        importlib.metadata.version("onnx")
        return importlib.metadata.version("onnxruntime")
    except importlib.metadata.PackageNotFoundError:
        return None


def seconds_of(read: Callable[[int], np.ndarray]) -> float:
    """Return the seconds of a step."""
    count, start = 0, time.perf_counter()
    while time.perf_counter() - start < SECONDS:
        for t in range(STEPS):
            read(t)
        count += STEPS
    return (time.perf_counter() - start) / count


def compare(report: Report, cell: str, units: int, rounds: int) -> None:
    """Time the programs in turn, and say how far their outputs lie from those of float32."""
    steps = np.random.default_rng(0).normal(size=(STEPS, units)).astype("float32")
    found = programs(cell, steps)
    outputs = {name: np.stack([read(t).reshape(units).copy() for t in range(STEPS)]) for name, read in found.items()}
    row, exact = Row(f"{cell} {units}", "s"), outputs["float32"]
    apart = {name: float(np.abs(y - exact).mean() / np.abs(exact).mean()) for name, y in outputs.items()}
    for _ in range(rounds):
        for name, read in found.items():
            row.add(name, seconds_of(read))
    if apart["int8"] > LOSS or apart.get("onnxruntime float32", 0) > 1e-4:
        raise AssertionError(f"{row.case}: outputs must agree. Received {apart}.")
    row.notes = {"mean_difference": apart, "speedup": row.ratio("float32", to="int8")}
    report.rows.append(row)


def table(rows: list[Row]) -> list[str]:
    """Return the ratios and the losses as a second table."""
    lines = ["", "| case | float32 / int8 | onnxruntime int8 / int8 | loss | its loss |", "|---" * 5 + "|"]
    for row in rows:
        peer, loss = row.ratio("onnxruntime int8", to="int8"), row.notes["mean_difference"]
        theirs = [f"{peer:.3g}×", f"{100 * loss['onnxruntime int8']:.2g} %"] if peer else ["-", "-"]
        lines.append(
            f"| {row.case} | {row.notes['speedup']:.3g}× | {theirs[0]} | {100 * loss['int8']:.2g} % | {theirs[1]} |"
        )
    return lines


def main() -> None:
    """Read the command line, run, print, and write the results if asked to."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.int8", description=__doc__.split("\n", 1)[0])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--save", action="store_true")
    options = parser.parse_args()
    os.environ.update(machine.threads(1))
    machine.bind()
    text = (
        "One step of one sequence through one layer, features = units, NumPy in and out. Loss: mean difference "
        "of the outputs of 64 steps from those of float32, as a share of their mean size."
    )
    about = machine.describe()
    report = Report("int8", "Weights in int8", text, machine=about, rounds=options.rounds, appendix=table)
    report.versions = {"elman": {"elman": elman.__version__, "numpy": np.__version__}}
    if (version := onnx_runtime()) is None:
        print("ONNX Runtime is not here: pip install onnx onnxruntime")
    else:
        report.versions["onnxruntime"] = {"onnxruntime": version}
    for cell in ("lstm", "gru"):
        for units in UNITS:
            compare(report, cell, units, options.rounds)
    print(report.markdown())
    if options.save:
        report.save()


if __name__ == "__main__":
    main()
