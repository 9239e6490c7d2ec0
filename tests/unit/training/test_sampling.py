"""`compile(scheduled_sampling=...)`: in training a model reads tokens of its own."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from elman import Model, Sequential, load_model
from elman.errors import ArgumentError
from elman.executors import default
from elman.graph import Graph, Variable, placeholder
from elman.layers import GRU, LSTM, Dense, Dropout, Embedding, Input, tracing
from elman.layers.base import Mask
from elman.optimizers.schedules import LearningRateSchedule, PolynomialDecay
from elman.shapes import B, T
from elman.training import sampled
from tests.tolerances import assert_close

WORDS, ROWS, STEPS = 7, 6, 9


def model_of(rate=None, *, mask_zero=False, dropout=0.0, end="softmax") -> Sequential:
    layers = [Embedding(WORDS, 5, mask_zero=mask_zero), Dropout(dropout), GRU(6, return_sequences=True)]
    made = Sequential([Input((None,), dtype="int32"), *layers, Dense(WORDS, activation=end)], name="m", seed=4)
    for i, w in enumerate(made.weights):
        w.assign(np.random.default_rng(i).normal(size=w.shape))
    made.compile("sgd", "sparse_categorical_crossentropy", scheduled_sampling=rate)
    return made


@pytest.fixture
def data(rng):
    x = rng.integers(1, WORDS, (ROWS, STEPS + 1)).astype("int32")
    return x[:, :-1], x[:, 1:]


def with_own(model, x) -> np.ndarray:
    """The tokens of x, all but the first those the model says after the true ones before."""
    found = x.copy()
    for row in range(len(x)):
        for t in range(1, x.shape[1]):
            found[row, t] = model.predict(x[row : row + 1, :t], verbose=0)[0, -1].argmax()
    return found


def read_in_training(model, rate, x, lengths=None, step=0, seed=3) -> np.ndarray:
    """The tokens that the pass which is trained is given."""
    seen = []

    def trace(inputs):
        seen.append(inputs[0])
        return model.program().trace(inputs)

    program = sampled(dataclasses.replace(model.program(), trace=trace), rate)
    leaves = [placeholder("x", (B, T), "int32")]
    if lengths is not None:
        leaves.append(placeholder("lengths", (B,), "int32"))
        leaves[0].mask = Mask(lengths=leaves[1])
    numbers = [Variable(np.asarray(n, np.int32), name) for n, name in ((seed, "seed"), (step, "step"))]
    with tracing(True, *numbers):
        program.trace(leaves[:1])
    plan = default().compile(Graph(tuple(leaves), (seen[-1],)))
    return plan.run([x] if lengths is None else [x, lengths]).outputs[0]


def trained(model, x, y) -> list[np.ndarray]:
    model.fit(x, y, batch_size=-(-len(x) // 2), epochs=3, verbose=0)
    return [w.value.copy() for w in model.weights]


class Never(LearningRateSchedule):
    """0, which only the plan knows."""

    def __call__(self, step):
        """Nothing at any step."""
        return step * 0.0


@pytest.mark.parametrize("rate", [0, 0.0, Never()], ids=["int", "float", "schedule"])
def test_none_of_its_own_is_teacher_forcing_to_the_bit(rate, data):
    plain, other = trained(model_of(dropout=0.3), *data), trained(model_of(rate, dropout=0.3), *data)
    for a, b in zip(plain, other, strict=True):
        np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize("end", ["softmax", None])
def test_all_of_its_own_are_what_it_says_after_the_truth(end, data):
    model = model_of(end=end)
    np.testing.assert_array_equal(read_in_training(model, 1.0, data[0]), with_own(model, data[0]))


def test_it_is_trained_on_what_it_reads(data):
    x, y = data
    model, other = model_of(1.0), model_of()
    wanted = with_own(other, x)
    assert (wanted != x).any()
    model.train_on_batch(x, y)
    other.train_on_batch(wanted, y)
    for a, b in zip(model.weights, other.weights, strict=True):
        assert_close(a.value, b.value, ROWS * STEPS, STEPS)
        assert np.isfinite(a.value).all()


def test_the_share_is_the_rate_and_changes_with_step_and_seed(rng):
    model, x = model_of(), np.full((200, 60), WORDS, np.int32) - 1
    model.layers[-1].kernel.assign(np.zeros((6, WORDS)))
    model.layers[-1].bias.assign(np.eye(WORDS)[2] * 5)  # always says 2
    own = read_in_training(model, 0.25, x) == 2
    count = own[:, 1:].size
    assert not own[:, 0].any()
    assert abs(own[:, 1:].sum() - count / 4) < 5 * np.sqrt(count * 0.25 * 0.75)
    for changed in (read_in_training(model, 0.25, x, step=1), read_in_training(model, 0.25, x, seed=4)):
        both = ((changed == 2) & own)[:, 1:].sum()
        assert abs(both - count / 16) < 5 * np.sqrt(count / 16)


def test_a_schedule_lets_it_grow(rng):
    model, x = model_of(), np.full((100, 50), WORDS - 1, np.int32)
    model.layers[-1].kernel.assign(np.zeros((6, WORDS)))
    model.layers[-1].bias.assign(np.eye(WORDS)[2] * 5)
    shares = [
        (read_in_training(model, PolynomialDecay(0.0, 100, 0.8), x, step=step)[:, 1:] == 2).mean()
        for step in (0, 50, 100, 1000)
    ]
    assert shares[0] == 0
    assert np.abs(np.array(shares) - [0, 0.4, 0.8, 0.8]).max() < 0.05


@pytest.mark.parametrize("threads", [2, 3])
def test_the_same_seed_gives_the_same_bits_for_any_threads(threads, data, monkeypatch):
    x, y = (np.tile(part, (12, 1)) for part in data)
    monkeypatch.setenv("ELMAN_NUM_THREADS", "1")
    one = trained(model_of(0.5), x, y)
    monkeypatch.setenv("ELMAN_NUM_THREADS", str(threads))
    for a, b in zip(one, trained(model_of(0.5), x, y), strict=True):
        np.testing.assert_array_equal(a, b)


def test_padding_stays_padding(data):
    x, lengths = data[0].copy(), np.array([9, 4, 1, 0, 7, 2], np.int32)
    for row, n in enumerate(lengths):
        x[row, n:] = 0
    padded = np.arange(STEPS) >= lengths[:, None]
    by_length = read_in_training(model_of(), 1.0, x, lengths)
    assert (by_length[padded] == 0).all()
    for row, n in enumerate(lengths):
        if n:
            np.testing.assert_array_equal(by_length[row, :n], with_own(model_of(), x[row : row + 1, :n])[0])
    model = model_of(mask_zero=True)
    model.layers[-1].bias.assign(np.eye(WORDS)[0] * 2)  # fond of the padding
    by_value = read_in_training(model, 1.0, x)
    assert ((by_value == 0) == padded).all()
    assert (by_value != x).any()


def test_ragged_rows_train_as_rows_alone(data):
    rows = [row[:n] for row, n in zip(data[0], (9, 4, 1, 7, 2, 5), strict=True)]
    after = [row[: len(given)] for row, given in zip(data[1], rows, strict=True)]
    model, other = model_of(1.0), model_of()
    wanted = [with_own(other, row[None])[0] for row in rows]
    for made, x in ((model, rows), (other, wanted)):
        made.fit(x, after, batch_size=ROWS, epochs=1, shuffle=False, verbose=0)
    for a, b in zip(model.weights, other.weights, strict=True):
        assert_close(a.value, b.value, ROWS * STEPS, STEPS)


def test_evaluation_and_prediction_read_the_truth(data):
    plain, other = model_of(), model_of(1.0)
    np.testing.assert_array_equal(plain.predict(data[0], verbose=0), other.predict(data[0], verbose=0))
    assert plain.evaluate(*data, verbose=0) == other.evaluate(*data, verbose=0)


@pytest.mark.parametrize("steps", [1, 2])
def test_short_sequences(steps, data):
    model = model_of(1.0)
    model.fit(data[0][:, :steps], data[1][:, :steps], verbose=0)
    assert all(np.isfinite(w.value).all() for w in model.weights)


def test_an_encoder_decoder_reads_its_own_words_alone(rng):
    source, words = Input((None, 3)), Input((None,), dtype="int32")
    state = LSTM(4, return_state=True)(source)[1:]
    steps = LSTM(4, return_sequences=True)(Embedding(WORDS, 4)(words), initial_state=state)
    model = Model([source, words], Dense(WORDS, activation="softmax")(steps))
    model.compile("adam", "sparse_categorical_crossentropy", scheduled_sampling=0.5)
    x, tokens = rng.normal(size=(4, 6, 3)), rng.integers(0, WORDS, (4, 5)).astype("int32")
    history = model.fit([x, tokens[:, :-1]], tokens[:, 1:], epochs=3, verbose=0)
    assert np.isfinite(history.history["loss"]).all()


@pytest.mark.parametrize("rate", [0.25, PolynomialDecay(0.0, 10, 0.25)], ids=["number", "schedule"])
def test_a_file_remembers(rate, data, tmp_path):
    model = model_of(rate)
    model.fit(*data, verbose=0)
    model.save(tmp_path / "m.safetensors")
    kept = load_model(tmp_path / "m.safetensors").scheduled_sampling
    assert kept == rate or vars(kept) == vars(rate)


@pytest.mark.parametrize("rate", [-0.1, 1.5, "often", True, float("nan")])
def test_what_it_may_be(rate):
    with pytest.raises(ArgumentError, match=r"scheduled_sampling must be a number from 0 to 1, or a schedule\. "):
        model_of(rate)


def test_what_it_is_for(data, rng):
    other = Sequential([Input((None,), dtype="int32"), Embedding(3, 2), GRU(2), Dense(2)])
    other.compile("sgd", "mse", scheduled_sampling=0.5)
    with pytest.raises(ArgumentError, match=r"left out of a model without one output \(B, T, V\)"):
        other.fit(np.zeros((2, 3), "int32"), np.zeros((2, 2)), verbose=0)
    series = Sequential([Input((None, 2)), GRU(2, return_sequences=True)])
    series.compile("sgd", "mse", scheduled_sampling=0.5)
    with pytest.raises(ArgumentError, match=r"left out of a model without tokens \(B, T\)"):
        series.fit(rng.normal(size=(2, 3, 2)), rng.normal(size=(2, 3, 2)), verbose=0)
    model = model_of(0.5)
    with pytest.raises(ArgumentError, match=r"truncate must be left out with scheduled_sampling"):
        model.fit(*data, truncate=3, verbose=0)
