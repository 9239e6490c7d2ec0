"""Every cell: one training step, beside the same equation looped over time in PyTorch; wrappers; users' cells."""

from __future__ import annotations

from typing import Any

from benchmarks.compare import Side, compare, sides
from benchmarks.program import Running, Unavailable
from benchmarks.report import Report

SHAPE = (16, 100, 64, 64)
"""(B, T, I, U)."""

CELLS: tuple[tuple[str, dict[str, Any]], ...] = (
    ("SimpleRNN", {}),
    ("GRU", {}),
    ("GRU", {"reset_after": False}),
    ("LSTM", {}),
    ("PeepholeLSTM", {}),
    ("ProjectionLSTM", {"projection_units": 32}),
    ("CIFG", {}),
    ("JANET", {}),
    ("MGU", {}),
    ("MUT1", {}),
    ("IndRNN", {}),
    ("LiGRU", {}),
    ("UGRNN", {}),
    ("FastRNN", {}),
    ("FastGRNN", {}),
    ("AntisymmetricRNN", {}),
    ("CoRNN", {}),
    ("LEM", {}),
    ("SLSTM", {}),
    ("MinGRU", {}),
    ("MinLSTM", {}),
    ("LRU", {}),
    ("QRNN", {}),
    ("SRU", {}),
    ("JordanRNN", {"output_units": 64}),
    ("EchoState", {}),
)
WRAPPERS = (
    "Bidirectional(LSTM)",
    "StackedRNNCells(LSTM, GRU)",
    "DilatedRNN(GRU, GRU, GRU)",
    "ResidualWrapper(LSTM)",
    "HighwayWrapper(LSTM)",
    "AttentiveRNN(GRU, additive)",
    "ConvLSTM1D(16, 3)",
    "ConvLSTM2D(16, 3)",
)
WRITTEN = ((16, 100, 64, 64), (32, 100, 128, 128), (64, 100, 256, 256))
USER = ((1, 100, 1, 32), (16, 100, 1, 64), (16, 100, 64, 64), (32, 100, 128, 128))


def measure(report: Report, running: list[Running], rounds: int) -> None:
    """Time all cells, with weights that elman drew, then the wrappers, which have no peer."""
    elman = next(program for program in running if program.name == "elman")
    for name, config in CELLS:
        words = ", ".join(f"{key}={value}" for key, value in config.items())
        case = f"{name}({words})" if words else name
        asked = {"name": name, "config": config, "shape": SHAPE}
        try:
            drawn = elman.ask("cell", **asked)
        except Unavailable as error:
            report.missing.append(f"{case}: {error}")
            continue
        given = {key: drawn[key] for key in ("weights", "sizes", "outputs")}
        both = [Side(p.name, p, asked if p is elman else {**asked, "given": given}) for p in running]
        compare(report, case, "cell", both, rounds)
    for name in WRAPPERS:
        compare(report, name, "wrapper", [Side("elman", elman, {"name": name})], rounds)


def written(report: Report, running: list[Running], rounds: int) -> None:
    """Time the LSTM written as an equation beside the one built in, and a cell nobody fused beside PyTorch's loop."""
    elman = next(program for program in running if program.name == "elman")
    for shape in WRITTEN:
        for mode in ("train", "inference"):
            asked = {"cell": "lstm", "shape": shape, "mode": mode}
            both = [Side("elman", elman, asked), Side("written by hand", elman, {**asked, "written": True})]
            compare(report, f"lstm {mode} {'x'.join(map(str, shape))}", "rnn", both, rounds)
    for shape in USER:
        case = f"peepholes, layer normalization: train {'x'.join(map(str, shape))}"
        compare(report, case, "user_cell", sides(running, shape=shape), rounds)
