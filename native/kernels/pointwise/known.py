"""Which pointwise programs are compiled ahead of time: those of the models below. Writes `known.inc`.

    python native/kernels/pointwise/known.py [--write]

A program is found again by its steps alone, so whoever writes the same equations gets the same speed. Without `--write`
the file is compared, and the exit code says whether it is what the models come down to today.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np

from elman import Sequential
from elman.executors.lowering.spec import OPS
from elman.executors.pointwise import CODES
from elman.layers import GRU, LSTM, Dense, SimpleRNN
from elman.optimizers import SGD, Adam, AdamW, Optimizer, RMSprop

FILE = Path(__file__).with_name("known.inc")
NAMES = list(CODES)
Key = tuple[tuple[int, ...], tuple[int, ...], tuple[tuple[int, ...], ...], tuple[int, ...], int]
"""Registers of constants and of inputs, steps, registers of outputs, how many registers there are."""


def models() -> Iterator[tuple[str, Sequential]]:
    """Name and model: layers alone and below another, losses, optimizers."""
    layers = {
        "SimpleRNN": (SimpleRNN, {}),
        "SimpleRNN(relu)": (SimpleRNN, {"activation": "relu"}),
        "GRU": (GRU, {}),
        "GRU(reset_after=False)": (GRU, {"reset_after": False}),
        "LSTM": (LSTM, {}),
    }
    for name, (layer, options) in layers.items():
        yield name, Sequential([layer(4, input_shape=(3, 2), **options), Dense(1)])
        lower = layer(4, input_shape=(3, 2), return_sequences=True, **options)
        yield f"{name} below another", Sequential([lower, layer(4, **options), Dense(1)])
    for activation in ("relu", "tanh", "sigmoid"):
        yield f"Dense({activation})", Sequential([Dense(4, activation, input_shape=(2,)), Dense(1)])


def trained() -> Iterator[tuple[str, Sequential]]:
    """The models, and one for each optimizer and loss, after one step and one prediction."""
    zeros, codes, choice = np.zeros((2, 1), np.float32), np.zeros(2, np.int32), np.zeros((2, 3), np.float32)
    for name, model in models():
        yield name, _run(model, SGD(), "mse", zeros)
    for name, head in {"every step": (), "every step, Dense": (Dense(1),)}.items():
        model = Sequential([LSTM(4, input_shape=(3, 2), return_sequences=True), *head])
        yield name, _run(model, SGD(), "mse", np.zeros((2, *model.output_shape[1:]), np.float32))
    descents = (SGD(momentum=0.9), SGD(momentum=0.9, nesterov=True))
    for optimizer in (RMSprop(), Adam(), Adam(global_clipnorm=1.0), AdamW(), *descents):
        yield type(optimizer).__name__, _run(Sequential([Dense(1, input_shape=(2,))]), optimizer, "mse", zeros)
    heads = {
        "mae": (Dense(1), zeros),
        "binary_crossentropy": (Dense(1, "sigmoid"), zeros),
        "sparse_categorical_crossentropy": (Dense(3, "softmax"), codes),
        "categorical_crossentropy": (Dense(3, "softmax"), choice),
    }
    for loss, (head, target) in heads.items():
        yield loss, _run(Sequential([Dense(2, input_shape=(2,)), head]), Adam(), loss, target)


def _run(model: Sequential, optimizer: Optimizer, loss: str, target: np.ndarray) -> Sequential:
    model.compile(optimizer, loss, metrics=[] if loss in ("mse", "mae") else ["accuracy"])
    x = np.zeros((2, *model.input_shape[1:]), np.float32)
    model.fit(x, target, verbose=0)
    model.evaluate(x, target, verbose=0)
    model.predict(x, verbose=0)
    return model


def programs() -> dict[Key, list[str]]:
    """Every program, as the kernel tells them apart, and where it was found."""
    found: dict[Key, list[str]] = {}
    for name, model in trained():
        for plan in model._steps._plans.values():
            spec = getattr(plan, "whole", plan).lowered.spec
            codes = [code for _, code in (*spec["segments"], *spec["last"])]
            codes += [body[0] for body in spec["bodies"]] + [strip[0] for strip in spec["strips"]]
            for i in (i for code in codes for i in code if i[0] == OPS["pointwise"]):
                constants, steps, inputs, outputs, registers, rows = i[5]
                plain = tuple(step[:5] for step in steps)
                key = (tuple(r for r, _ in constants), tuple(inputs), plain, tuple(outputs), registers)
                if not rows and fits(key) and name not in found.setdefault(key, []):
                    found[key].append(name)
    return found


def fits(program: Key) -> bool:
    """Whether it is worth the code, and has room in the arrays of `known.h`."""
    constants, inputs, steps, outputs, _ = program
    return 1 <= len(steps) <= 40 and len(constants) <= 8 and max(len(inputs), len(outputs)) <= 16


def text() -> str:
    """The file: a comment and a row for each program."""
    lines = []
    for (constants, inputs, steps, outputs, registers), names in programs().items():
        counts = [len(constants), len(inputs), len(steps), len(outputs), registers]
        made = [braced((NAMES[code], *rest)) for code, *rest in steps]
        parts = [*map(str, counts), braced(constants), braced(inputs), braced(outputs), braced(made)]
        lines += [f"// {names[0]}" + (" and others" if len(names) > 1 else ""), braced(parts) + ","]
    return "\n".join(lines) + "\n"


def braced(items: Iterable[object]) -> str:
    """Items as C++ writes a list of them."""
    return "{" + ", ".join(map(str, items)) + "}"


if __name__ == "__main__":
    if "--write" in sys.argv:
        FILE.write_text(text())
    sys.exit(FILE.read_text() != text())
