"""Random cells and stacks: a stream gives the bits of `predict`, whatever is computed beside them, read or not."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from typing import Any

import hypothesis.strategies as st
import numpy as np
import pytest
from hypothesis import assume, given, settings

from elman import Input, Sequential, ops
from elman.executors import available
from elman.graph import Tensor
from elman.layers import RNN, Cell, Dense, Layer
from tests.contracts.test_cells import ROWS, Row

STEPS = 6


def normalized(x: Tensor) -> Tensor:
    apart = x - ops.mean(x, -1, keepdims=True)
    return apart / ops.sqrt(ops.mean(apart * apart, -1, keepdims=True) + 1e-3)


UNARY: tuple[Callable[[Tensor], Tensor], ...] = (ops.tanh, ops.sigmoid, normalized)
BINARY: tuple[Callable[[Tensor, Tensor], Tensor], ...] = (ops.add, ops.multiply, ops.subtract, ops.maximum)


class DrawnCell(Cell):
    """Sums and products of products of the step and the states; some states are made of them, too, but read by none."""

    def __init__(self, units: int, states: int, drawn: int, **options: Any) -> None:
        super().__init__(**options)
        self.units, self.states, self.drawn = units, states, drawn
        self.state_size = (units,) * states if states > 1 else units

    def build(self, features: int) -> None:
        self.w = [self.add_weight(f"w{i}", (features, self.units), "glorot_uniform") for i in range(3)]
        self.u = [self.add_weight(f"u{i}", (self.units, self.units), "orthogonal") for i in range(3)]
        self.p = [self.add_weight(f"p{i}", (self.units,), "glorot_uniform") for i in range(3)]

    def step(self, x: Tensor, *states: Tensor) -> tuple[Tensor, ...]:
        at = random.Random(self.drawn)
        read = states[: at.randint(1, len(states))]
        pool = [*(x @ w for w in self.w), *(at.choice(read) @ u for u in self.u), *read, *(p * 1.0 for p in self.p)]
        made = pool[:1]
        for _ in range(at.randint(6, 22)):
            if at.random() < 0.2:
                made.append(at.choice(UNARY)(at.choice([t for t in pool if t.ndim == 2])))
            else:
                made.append(at.choice(BINARY)(at.choice(pool), at.choice(pool)))
            pool.append(made[-1])
        full = [t for t in made if t.ndim == 2]
        out = ops.tanh(full[-1])
        after = [ops.tanh(at.choice(full) + at.choice(read)) for _ in states]
        return out, *([out, *after[1:]] if at.random() < 0.5 else after)


@pytest.mark.skipif(not available(), reason="the native extension is not built")
@settings(max_examples=60, deadline=None)
@given(
    st.integers(0, 2**31), st.sampled_from([3, 16, 48]), st.sampled_from([1, 3, 33]), st.integers(1, 3), st.booleans()
)
def test_a_stream_of_any_cell_gives_the_bits_of_predict(
    drawn: int, units: int, features: int, states: int, stacked: bool
) -> None:
    cells = [DrawnCell(units, states, drawn), *([DrawnCell(units, 1, drawn + 1)] if stacked else [])]
    streams_what_it_predicts([RNN(cell, return_sequences=True) for cell in cells], features, drawn)


@pytest.mark.skipif(not available(), reason="the native extension is not built")
@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.tuples(st.sampled_from(ROWS), st.sampled_from([4, 15, 48]), st.booleans()), min_size=2, max_size=4),
    st.integers(0, 2**31),
)
def test_a_stream_of_any_stack_gives_the_bits_of_predict(chosen: list[tuple[Row, int, bool]], drawn: int) -> None:
    layers = [
        row.make(dtype="float32", units=units, return_sequences=True, **({"zoneout": 0.1} if zoned else {}))
        for row, units, zoned in chosen
        if not (zoned and "zoneout" in row.refused)
    ]
    assume(layers)  # else each was refused its zoneout
    streams_what_it_predicts(layers, 4, drawn)


def streams_what_it_predicts(layers: Sequence[Layer], features: int, drawn: int) -> None:
    rng = np.random.default_rng(drawn)
    model = Sequential([Input((None, features)), *layers, Dense(2)])
    for w in model.weights:
        w.assign(rng.normal(0, 0.4, w.shape))
    x = rng.normal(size=(1, STEPS, features)).astype("float32")
    whole = model.predict(x, verbose=0)
    stream = model.stream()
    steps = np.stack([stream.step(x[0, t]) for t in range(STEPS)])
    assert steps.tobytes() == whole.tobytes()
    stream.reset()
    assert np.concatenate([stream.feed(x[:, :2]), stream.feed(x[:, 2:])], 1).tobytes() == whole.tobytes()
