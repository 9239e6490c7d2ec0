"""`compile(recompute=...)`: less memory, the same training."""

from __future__ import annotations

import numpy as np
import pytest

from elman import Sequential, load_model
from elman.errors import ArgumentError
from elman.layers import GRU, LSTM, Bidirectional, Dense, Input
from tests.tolerances import assert_close

STEPS, EPOCHS = 30, 3


def fitted(recompute, x, y, **options) -> Sequential:
    layers = [Bidirectional(GRU(3, return_sequences=True, seed=1, **options)), LSTM(4, seed=2), Dense(1)]
    model = Sequential([Input((None, 2)), *layers], name="m")
    for i, w in enumerate(model.weights):
        w.assign(np.random.default_rng(i).normal(size=w.shape) * 0.3)
    model.compile("sgd", "mse", recompute=recompute)
    model.fit(x, y, epochs=EPOCHS, batch_size=4, shuffle=False, verbose=0)
    return model


@pytest.mark.parametrize("recompute", ["sqrt", 1, 7, 100])
@pytest.mark.parametrize("ragged", [False, True], ids=["whole", "ragged"])
def test_training_is_the_same(recompute, ragged, rng):
    x = rng.normal(size=(8, STEPS, 2)).astype("float32")
    y = rng.normal(size=(8, 1)).astype("float32")
    data = [row[: 3 + 3 * i] for i, row in enumerate(x)] if ragged else x
    plain, cut = fitted(None, data, y, dropout=0.2), fitted(recompute, data, y, dropout=0.2)
    for a, b in zip(plain.weights, cut.weights, strict=True):
        assert_close(b.value, a.value, 8 * STEPS, STEPS * EPOCHS * 2)


def test_summary_says_what_is_kept_and_a_file_remembers(tmp_path, rng):
    model = fitted("sqrt", rng.normal(size=(4, 9, 2)), rng.normal(size=(4, 1)))
    model.save(tmp_path / "m.safetensors")
    found: list[str] = []
    load_model(tmp_path / "m.safetensors").summary(print_fn=found.append)
    assert "Way back through T steps: √T states kept, √T steps at a time computed again" in found
    model.compile("sgd", "mse", recompute=50)
    found.clear()
    model.summary(print_fn=found.append)
    assert "Way back through T steps: T/50 states kept, 50 steps at a time computed again" in found
    model.compile("sgd", "mse", recompute=1)
    found.clear()
    model.summary(print_fn=found.append)
    assert "Way back through T steps: T states kept, each step computed again" in found
    dense = Sequential([Input((2,)), Dense(1)])
    dense.compile("sgd", "mse", recompute="sqrt")
    dense.summary(print_fn=found.append)
    assert sum(line.startswith("Way back") for line in found) == 1
    model.compile("sgd", "mse")
    found.clear()
    model.summary(print_fn=found.append)
    assert not any(line.startswith("Way back") for line in found)


@pytest.mark.parametrize("recompute", [0, -1, 1.5, "log", True])
def test_what_it_may_be(recompute):
    with pytest.raises(ArgumentError, match=r'recompute must be a whole number from 1\. .*Pass "sqrt", steps in'):
        Sequential([Input((None, 2)), GRU(2)]).compile("sgd", "mse", recompute=recompute)
