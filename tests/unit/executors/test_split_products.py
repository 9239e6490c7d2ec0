"""Products of floats in three bfloat16 parts on a tile unit: predictions have none, and they are as exact as others."""

from __future__ import annotations

import numpy as np
import pytest

import elman
from elman import settings
from elman.executors import available
from elman.executors.native import chosen_isa

pytestmark = [
    pytest.mark.skipif(not available(), reason="the native extension is not built"),
    pytest.mark.skipif(
        available() and chosen_isa() != "amx", reason="this CPU has no tile unit, or it is not to be used"
    ),
]

ROWS, STEPS, FEATURES, UNITS = 48, 12, 80, 112  # shards of 24 rows: a whole tile and a half


def data(real="float32"):
    rng = np.random.default_rng(3)
    x = rng.normal(size=(ROWS, STEPS, FEATURES))
    return x.astype(real), np.tanh(x[:, :, :1]).astype(real)


def model(layer, real="float32"):
    """The same weights in either type, for those of float32 are drawn first."""
    settings.set_floatx(real)
    elman.set_seed(5)
    hidden = [layer(UNITS, return_sequences=True) for _ in range(2)]
    made = elman.Sequential([elman.Input((None, FEATURES)), *hidden, elman.layers.Dense(1)])
    made.compile(elman.optimizers.SGD(2.0**16), "mse")  # steps so large that rounding the new weights does not count
    settings.set_floatx("float32")
    return made


def gradients(layer, real="float32", weights=None):
    """What one step takes from the weights, and the weights before."""
    made = model(layer, real)
    if weights is not None:
        made.set_weights([w.astype(real) for w in weights])
    before = [np.array(w) for w in made.get_weights()]
    made.train_on_batch(*data(real))
    return [b.astype("float64") - a.astype("float64") for b, a in zip(before, made.get_weights(), strict=True)], before


def far(found, wanted):
    """How far gradients are from those of float64, relatively."""
    total = sum(float(np.sum((f - w) ** 2)) for f, w in zip(found, wanted, strict=True))
    return np.sqrt(total / sum(float(np.sum(w**2)) for w in wanted))


@pytest.mark.parametrize("layer", [elman.layers.LSTM, elman.layers.GRU, elman.layers.SimpleRNN])
def test_gradients_are_as_exact_as_those_of_whole_products(layer, monkeypatch):
    parts, weights = gradients(layer)
    exact, _ = gradients(layer, "float64", weights)
    monkeypatch.setenv("ELMAN_ISA", "avx512")
    whole, _ = gradients(layer, weights=weights)
    assert any(not np.array_equal(p, w) for p, w in zip(parts, whole, strict=True)), "nothing was done in parts"
    assert far(parts, exact) < 1.1 * far(whole, exact)


def test_predictions_have_the_bits_of_a_cpu_without_the_unit(monkeypatch):
    x, _ = data()
    made = model(elman.layers.LSTM)
    here = made.predict(x, verbose=0)
    monkeypatch.setenv("ELMAN_ISA", "avx512")
    other = model(elman.layers.LSTM)
    np.testing.assert_array_equal(here, other.predict(x, verbose=0))


@pytest.mark.parametrize("rows", range(17, 33))
def test_shards_of_unlike_rows_are_done_alike(rows, monkeypatch):
    x, y = data()
    found = []
    for threads in ("1", "2"):
        monkeypatch.setenv("ELMAN_NUM_THREADS", threads)
        made = model(elman.layers.LSTM)
        made.train_on_batch(x[:rows], y[:rows])
        found.append(np.concatenate([np.ravel(w) for w in made.get_weights()]))
    np.testing.assert_array_equal(*found)


@pytest.mark.parametrize(("shortest", "parts"), [(STEPS - 1, True), (1, False)])
def test_loops_are_done_in_parts_where_few_rows_end_before_the_last(shortest, parts, monkeypatch):
    """Of a batch whose rows end one after another most tiles would be half empty."""
    x, _ = data()
    lengths = np.linspace(shortest, STEPS, 32).round().astype(int)
    rows = [row[:n, :2] for row, n in zip(x, lengths, strict=False)]
    found = []
    for isa in ("amx", "avx512"):
        monkeypatch.setenv("ELMAN_ISA", isa)
        elman.set_seed(5)
        made = elman.Sequential([elman.Input((None, 2)), elman.layers.SimpleRNN(256), elman.layers.Dense(1)])
        made.set_weights([10 * w for w in made.get_weights()])  # chaotic: a difference in the last bit grows
        made.compile("sgd", "mse")
        found.append(made.evaluate(rows, np.ones(32), verbose=0))
    assert (found[0] != found[1]) == parts


@pytest.mark.parametrize("shortest", [STEPS - 2, STEPS // 2, 1])
def test_shards_of_rows_that_end_are_done_alike(shortest, monkeypatch):
    x, y = data()
    lengths = np.linspace(shortest, STEPS, ROWS).round().astype(int)
    rows = [row[:n] for row, n in zip(x, lengths, strict=True)]
    found = []
    for threads in ("1", "2"):
        monkeypatch.setenv("ELMAN_NUM_THREADS", threads)
        elman.set_seed(5)
        made = elman.Sequential([elman.Input((None, FEATURES)), elman.layers.LSTM(UNITS), elman.layers.Dense(1)])
        made.compile(elman.optimizers.SGD(2.0**16), "mse")
        made.train_on_batch(rows, y[:, 0])
        found.append(np.concatenate([np.ravel(w) for w in made.get_weights()]))
    np.testing.assert_array_equal(*found)
