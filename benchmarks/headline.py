"""The table of `README.md`: a few stored rows, among them the one where elman gains least."""

from __future__ import annotations

from benchmarks.report import RESULTS, ROOT, Row, place, read, show, span

README = ROOT / "README.md"
NAME = "speed"
PROGRAMS = {
    "elman": "elman",
    "keras-tf": "Keras (TensorFlow)",
    "torch": "PyTorch",
    "jax": "JAX",
    "onnxruntime": "ONNX Runtime",
}
CASES = (
    ("tutorial", "fit, 5000 steps", "the tutorials' network, 100 epochs of `fit`"),
    ("cold", "whole process", "its whole program, imports included"),
    ("rnn", "gru train 16x100x64x64", "a training step of GRU(64), 16 sequences of 100 steps"),
    ("rnn", "lstm train 32x50x1024x1024", "of LSTM(1024), 32 of 50"),
    ("rnn", "lstm inference 32x100x128x128", "prediction of LSTM(128), 32 of 100"),
    ("stream", "lstm 4x32, a new array", "one step of a stream of LSTM(32), from Python"),
)


def rows() -> list[tuple[str, Row]]:
    """Return what is shown: words, and the stored row. Raises: KeyError: there is none."""
    stored = {(bench, row.case): row for bench, _, _ in CASES for row in read(RESULTS / f"{bench}.json")[0]}
    return [(words, stored[bench, case]) for bench, case, words in CASES]


def markdown() -> str:
    """Return the table: medians, and where the numbers come from."""
    lines = ["| one CPU core, median | " + " | ".join(PROGRAMS.values()) + " |", "|---" * (len(PROGRAMS) + 1) + "|"]
    found = rows()
    for words, row in found:
        lines.append(f"| {words} | " + " | ".join(show(row, program).split(" (")[0] for program in PROGRAMS) + " |")
    days = span([row.run[:10] for _, row in found])
    note = f"Measured on {days}, all programs in turn on one machine: [all rows](docs/benchmarks.md)."
    return "\n".join([*lines, "", note])


def write() -> None:
    """Put the table into the README."""
    README.write_text(place(README.read_text(), NAME, markdown()))
