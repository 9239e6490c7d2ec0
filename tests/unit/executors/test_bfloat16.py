"""mixed_bfloat16: what is rounded, who may emulate it, and that training is as good."""

from __future__ import annotations

import numpy as np
import pytest

import elman
from elman import settings
from elman.errors import ExecutorError, UnknownNameError
from elman.executors import NativeExecutor, ReferenceExecutor, available
from elman.graph import Graph, apply, placeholder
from elman.layers import LSTM, Bidirectional, Dense
from tests.tolerances import assert_close

native = pytest.mark.skipif(not available(), reason="the native extension is not built")


@pytest.fixture(params=["unit", "emulated"])
def rounding(request, monkeypatch):
    """The CPU's unit where it has one, and the emulation."""
    monkeypatch.setenv("ELMAN_BFLOAT16", "emulate")
    if request.param == "emulated":
        monkeypatch.setenv("ELMAN_ISA", "baseline")


def product(a, b, **flags):
    x, y = placeholder("x", a.shape, str(a.dtype)), placeholder("y", b.shape, str(b.dtype))
    return Graph((x, y), (apply("MatMul", x, y, precision="bfloat16", **flags),))


def test_operands_are_rounded_to_nearest_even_and_nothing_else():
    halves = np.array([[1 + 2**-8, 1 + 3 * 2**-8, 1 + 2**-7, -1 - 2**-8, 3e38, np.inf, np.nan]], "float32").T
    one = np.ones((1, 1), "float32")
    (found,) = ReferenceExecutor().compile(product(halves, one)).run([halves, one]).outputs
    wanted = [1, 1 + 2**-6, 1 + 2**-7, -1, np.float32(3.0040553e38), np.inf, np.nan]
    np.testing.assert_array_equal(found[:, 0], np.array(wanted, "float32"))


@native
@pytest.mark.parametrize("real", ["float32", "float64"])
@pytest.mark.parametrize("flags", [(), ("transpose_a",), ("transpose_b",), ("transpose_a", "transpose_b")])
def test_native_rounds_as_the_reference(rounding, real, flags, rng):
    for m, n, k in ((1, 1, 1), (33, 70, 45), (5, 17, 600), (2, 3, 0)):
        a = rng.normal(size=(k, m) if "transpose_a" in flags else (m, k)).astype(real)
        b = rng.normal(size=(n, k) if "transpose_b" in flags else (k, n)).astype(real)
        graph = product(a, b, **dict.fromkeys(flags, True))
        (found,), (wanted,) = (
            executor.compile(graph).run([a, b]).outputs for executor in (NativeExecutor(), ReferenceExecutor())
        )
        assert_close(found, wanted, length=2 * k)


def tagger(dtype):
    elman.layers.set_seed(3)
    x = elman.Input((None, 6))
    y = Dense(4, activation="softmax", dtype=dtype)(LSTM(40, return_sequences=True, dtype=dtype)(x))
    model = elman.Model(x, y)
    model.compile(elman.optimizers.Adam(0.01), "sparse_categorical_crossentropy", metrics=["accuracy"])
    return model


@native
def test_training_is_as_good_as_in_float32(rounding, rng):
    x = rng.normal(size=(64, 12, 6)).astype("float32")
    y = (np.cumsum(x[..., 0], 1) > 0) * 2 + (x[..., 1] > 0)
    histories = [tagger(dtype).fit(x, y, epochs=15, verbose=0).history["loss"] for dtype in (None, "mixed_bfloat16")]
    plain, mixed = np.array(histories)
    assert not np.array_equal(plain, mixed)
    assert np.max(np.abs(mixed - plain)) < 0.02 * plain[0]
    assert mixed[-1] < 0.7 * mixed[0]


@native
def test_training_has_the_same_bits_on_any_number_of_threads(monkeypatch, rng):
    monkeypatch.setenv("ELMAN_BFLOAT16", "emulate")
    x, y = rng.normal(size=(64, 30, 6)).astype("float32"), rng.integers(0, 4, (64, 30))
    weights = []
    for threads in (1, 2, 4):
        monkeypatch.setenv("ELMAN_NUM_THREADS", str(threads))
        model = tagger("mixed_bfloat16")
        model.fit(x, y, epochs=2, batch_size=64, verbose=0)
        weights.append(model.get_weights())
    for others in weights[1:]:
        for one, other in zip(weights[0], others, strict=True):
            np.testing.assert_array_equal(one, other)


@native
def test_weights_states_and_results_stay_float32(rounding, rng):
    model = tagger("mixed_bfloat16")
    assert {w.dtype for w in model.weights} == {"float32"}
    assert model.predict(rng.normal(size=(2, 3, 6)).astype("float32"), verbose=0).dtype == np.float32


@native
def test_a_stream_gives_what_predict_gives(rounding, rng):
    model = tagger("mixed_bfloat16")
    x = rng.normal(size=(1, 5, 6)).astype("float32")
    stream = model.stream()
    steps = np.stack([stream.step(x[0, t]) for t in range(5)])
    np.testing.assert_array_equal(steps.reshape(5, 4), model.predict(x, verbose=0)[0])


@native
def test_a_cpu_without_a_unit_refuses_unless_told_to_emulate(monkeypatch):
    monkeypatch.setenv("ELMAN_ISA", "baseline")
    monkeypatch.delenv("ELMAN_BFLOAT16", raising=False)
    a = np.ones((2, 2), "float32")
    text = "native: dtype_policy must be one this CPU has a unit for. Received dtype_policy='mixed_bfloat16'"
    with pytest.raises(ExecutorError, match=text):
        NativeExecutor().compile(product(a, a))


def test_the_policy_of_the_settings_and_of_a_layer():
    try:
        settings.set_dtype_policy("mixed_bfloat16")
        mixed = LSTM(2)
    finally:
        settings.set_dtype_policy("float32")
    assert (mixed.dtype, mixed.dtype_policy, mixed.cell.dtype_policy) == ("float32", "mixed_bfloat16", "mixed_bfloat16")
    assert LSTM(2).dtype_policy == "float32"
    assert LSTM.from_config(mixed.get_config()).dtype_policy == "mixed_bfloat16"
    assert Bidirectional(LSTM(2, dtype="mixed_bfloat16")).backward_layer.dtype_policy == "mixed_bfloat16"


def test_an_unknown_policy_is_an_error():
    with pytest.raises(UnknownNameError, match="set_dtype_policy: policy must be a known name"):
        settings.set_dtype_policy("mixed_float16")
