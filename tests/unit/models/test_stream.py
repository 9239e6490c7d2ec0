"""Streams: bit-equal to predict, their state as bytes, forks, resets, and what cannot be streamed."""

from __future__ import annotations

import copy
import functools
import pickle
import threading

import numpy as np
import pytest

from elman import Model, Sequential, executors, layers, ops, settings
from elman.errors import (
    ArgumentError,
    DataError,
    DTypeError,
    FileFormatError,
    MemoryLimitError,
    ShapeError,
    WeightsError,
)
from elman.executors.native import NativePlan
from elman.executors.reference import ReferencePlan
from elman.layers import (
    GRU,
    LSTM,
    RNN,
    Add,
    Bidirectional,
    Concatenate,
    Dense,
    DilatedRNN,
    Dot,
    Dropout,
    Embedding,
    Flatten,
    GlobalAveragePooling1D,
    GRUCell,
    Input,
    Lambda,
    Layer,
    LayerNormalization,
    LSTMCell,
    Masking,
    RepeatVector,
    ResidualWrapper,
    SimpleRNN,
    Softmax,
    TimeDistributed,
)
from elman.layers.rnn.recurrence import CellLayer
from elman.models import load_model
from tests.tolerances import assert_close

STEPS, FEATURES = 7, 3


def residual() -> Model:
    x = Input((None, FEATURES))
    a = LSTM(6, return_sequences=True)(x)
    b = GRU(6, return_sequences=True)(a)
    return Model(x, Dense(2)(Add()([a, b * 0.5])))


def decoder() -> Model:
    x = Input((None, FEATURES))
    return Model(x, GRU(4, return_sequences=True)(RepeatVector(3)(LSTM(5)(x))))


def between() -> Model:
    """Operators between layers that name the size of the batch."""
    x = Input((None, FEATURES))
    h = ops.reshape(GRU(4)(x), (-1, 2, 2))
    return Model(x, Dense(2)(Flatten()(h * ops.expand_dims(LSTM(2)(x), 1))))


MODELS = {
    "simple": lambda: Sequential([Input((None, FEATURES)), SimpleRNN(5)]),
    "lstm": lambda: Sequential([Input((None, FEATURES)), LSTM(32)]),
    "gru": lambda: Sequential([Input((None, FEATURES)), GRU(7, return_sequences=True)]),
    "gru_before": lambda: Sequential([Input((None, FEATURES)), GRU(7, reset_after=False)]),
    "cells": lambda: Sequential([Input((None, FEATURES)), RNN([LSTMCell(8), GRUCell(4)], return_sequences=True)]),
    "fixed": lambda: Sequential(
        [Input((STEPS, FEATURES)), LSTM(9, return_sequences=True), LayerNormalization(), Dropout(0.5), GRU(8), Dense(2)]
    ),
    "every_step": lambda: Sequential(
        [Input((None, FEATURES)), SimpleRNN(5, return_sequences=True), TimeDistributed(Dense(3)), Softmax()]
    ),
    "stateful": lambda: Sequential([Input((None, FEATURES), batch_size=1), LSTM(5, stateful=True), Dense(1)]),
    "masked": lambda: Sequential([Input((None, FEATURES)), Masking(), GRU(5, return_sequences=True), LSTM(4)]),
    "residual": residual,
    "skip": lambda: Sequential([Input((None, FEATURES)), ResidualWrapper(GRU(FEATURES, return_sequences=True))]),
    "dilated": lambda: Sequential([Input((None, FEATURES)), DilatedRNN([GRUCell(5), GRUCell(4)], [2, 3])]),
    "learned": lambda: Sequential([Input((None, FEATURES)), LSTM(5, learn_initial_state=True, zoneout=0.2)]),
    "decoder": decoder,
    "between": between,
}


def made(name, rng):
    model = MODELS[name]()
    for w in model.weights:
        w.assign(rng.normal(0, 0.5, w.shape))
    return model


def data(rng, rows=1, steps=STEPS):
    return rng.normal(size=(rows, steps, FEATURES)).astype("float32")


def last(model, y, rows=0):
    """What a stream gives after the last step, from what predict gave."""
    return y[rows] if model.output.ndim == 2 or model.output.shape[1] == 3 else y[rows, -1]


def same(a, b, length=64):
    """Bits natively; the reference's products are NumPy's, whose rounding depends on the number of rows."""
    if executors.default().name == "native":
        assert a.tobytes() == b.tobytes()
    else:
        assert_close(a, b, length=length, steps=STEPS)


@pytest.mark.parametrize("name", MODELS)
def test_step_by_step_gives_what_predict_gives(name, rng):
    model, x = made(name, rng), data(rng)
    if name == "masked":
        x[0, [2, -1]] = 0
    wanted = [last(model, predicted(model, x[:, : t + 1])) for t in range(STEPS)]
    stream = model.stream()
    for t in range(STEPS):
        same(stream.step(x[0, t]), wanted[t])


@pytest.mark.parametrize(("layer", "features", "units"), [(GRU, 4, 64), (LSTM, 288, 288), (LSTM, 4, 360)])
def test_weights_that_overflow_a_cache_are_read_there_and_back(layer, features, units, rng):
    """Every second step goes from the last column to the first."""
    model = Sequential([Input((None, features)), layer(units)])
    x = rng.normal(size=(1, STEPS, features)).astype("float32")
    stream = model.stream()
    for t in range(STEPS):
        same(stream.step(x[0, t]), model.predict(x[:, : t + 1], verbose=0)[0], length=features + units)


def predicted(model, x):
    """predict of a sequence that starts here, whatever a stateful model remembers or its Input says of steps."""
    model.reset_states()
    if model.input.shape[1] == STEPS and x.shape[1] < STEPS:
        open_steps = Sequential([Input((None, FEATURES)), *model.layers])
        return open_steps.predict(x, verbose=0)
    return model.predict(x, verbose=0)


@pytest.mark.parametrize("name", MODELS)
def test_pieces_give_what_predict_gives(name, rng):
    model, x = made(name, rng), data(rng)
    stream = model.stream()
    first, second = stream.feed(x[0, :3]), stream.feed(x[:, 3:])
    whole = predicted(model, x)
    same(second if second.shape == whole.shape else np.concatenate([first, second], 1), whole)


def test_rows_of_a_stream_know_nothing_of_each_other(rng):
    model, x = made("residual", rng), data(rng, rows=4)
    stream = model.stream(batch=4)
    y = np.stack([stream.step(x[:, t]) for t in range(STEPS)], 1)
    for row in range(4):
        same(y[row : row + 1], model.predict(x[row : row + 1], verbose=0))


def test_words_are_read_by_number(rng):
    model = Sequential([Input((None,), dtype="int32"), Embedding(9, 4, mask_zero=True), GRU(6), Dense(9)])
    x = np.array([[3, 0, 8, 1]])
    stream = model.stream()
    y = [stream.step(word) for word in x[0]][-1]
    same(y, model.predict(x, verbose=0)[0])
    before = stream.save_state()
    with pytest.raises(DataError, match="between 0 and 8"):
        stream.step(9)
    with pytest.raises(DTypeError, match="whole numbers"):
        stream.step(0.5)
    assert stream.save_state() == before


def test_several_inputs_and_outputs(rng):
    a, b = Input((None, 2), name="a"), Input((None, 3), name="b")
    h = GRU(4, return_sequences=True)(Concatenate()([a, b]))
    model = Model([a, b], {"all": Dense(2)(h), "last": LSTM(3)(h)})
    xa, xb = rng.normal(size=(1, 5, 2)).astype("float32"), rng.normal(size=(1, 5, 3)).astype("float32")
    stream = model.stream()
    for t in range(5):
        y = stream.step([xa[0, t], xb[0, t]]) if t % 2 else stream.step({"a": xa[0, t], "b": xb[0, t]})
    whole = model.predict([xa, xb], verbose=0)
    same(y["all"], whole["all"][0, -1])
    same(y["last"], whole["last"][0])


# ---- the state -----------------------------------------------------------------------------------------------------


def test_a_saved_state_goes_on_bit_for_bit(rng):
    model, x = made("residual", rng), data(rng)
    stream = model.stream()
    stream.feed(x)
    blob = stream.save_state()
    wanted = stream.step(x[0, 0])
    other = model.stream()
    other.load_state(blob)
    assert other.step(x[0, 0]).tobytes() == wanted.tobytes()
    assert isinstance(blob, bytes)
    assert blob.startswith(b"elman-stream")


def test_a_fork_goes_its_own_way(rng):
    model, x = made("lstm", rng), data(rng)
    stream = model.stream()
    stream.feed(x)
    before = stream.states
    fork = stream.fork()
    wanted = fork.step(x[0, 0])
    assert all(np.array_equal(before[name], now) for name, now in stream.states.items())
    assert np.array_equal(stream.step(x[0, 0]), wanted)


def test_reset_starts_all_rows_or_some_again(rng):
    model, x = made("gru", rng), data(rng, rows=3)
    stream = model.stream(batch=3)
    start = stream.step(x[:, 0])
    stream.feed(x)
    stream.reset(rows=[1])
    y = stream.step(x[:, 0])
    assert np.array_equal(y[1], start[1])
    assert not np.array_equal(y[0], start[0])
    stream.reset()
    assert np.array_equal(stream.step(x[:, 0]), start)


def test_a_stream_sees_the_weights_as_they_are(rng):
    model, x = made("lstm", rng), data(rng, rows=8)
    stream = model.stream()
    stream.step(x[0, 0])
    model.compile("sgd", "mse")
    model.fit(x, np.ones((8, 32), "float32"), epochs=1, verbose=0)
    stream.reset()
    same(stream.step(x[0, 0]), model.predict(x[:1, :1], verbose=0)[0])


def test_what_comes_out_is_the_callers(rng):
    model, x = made("gru", rng), data(rng)
    stream = model.stream()
    first = stream.step(x[0, 0])
    kept = first.copy()
    stream.step(x[0, 1])
    assert np.array_equal(first, kept)


def test_forks_may_run_in_threads_at_once(rng):
    model, x = made("residual", rng), data(rng, steps=40)
    forks = [model.stream().fork() for _ in range(2)]
    forks += [forks[0].fork(), forks[0].fork()]  # these share a plan
    found = [None] * len(forks)

    def read(i):
        for row in x[0]:
            found[i] = forks[i].step(row)

    threads = [threading.Thread(target=read, args=(i,)) for i in range(len(forks))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert all(np.array_equal(y, found[0]) for y in found)
    same(found[0], model.predict(x, verbose=0)[0, -1])


def test_a_double_stream_is_double(rng):
    settings.set_floatx("float64")
    model, x = made("lstm", rng), rng.normal(size=(1, STEPS, FEATURES))
    stream = model.stream()
    y = [stream.step(row) for row in x[0]][-1]
    assert y.dtype == np.float64
    same(y, model.predict(x, verbose=0)[0])


def test_bound_buffers_hold_what_step_gives(rng):
    model, x = made("lstm", rng), data(rng)
    a, b = model.stream(), model.stream()
    row, result, run = b.bound()
    for t in range(STEPS):
        row[...] = x[0, t]
        run()
        assert np.array_equal(result, a.step(x[0, t]))
    u, v = Input((None, 2)), Input((None, 2))
    with pytest.raises(ArgumentError, match=r"one input and one output\. Received model='2 and 1'"):
        Model([u, v], GRU(2)(Add()([u, v]))).stream().bound()


def test_reset_states_of_a_stateful_model_takes_rows(rng):
    model = Sequential([Input((None, FEATURES), batch_size=2), LSTM(4, stateful=True)])
    model.predict(data(rng, rows=2), batch_size=2, verbose=0)
    model.reset_states(rows=[0])
    assert all(not v.value[0].any() and v.value[1].any() for v in model.states)
    model.reset_states()
    assert not any(v.value.any() for v in model.states)


DAMAGED = {
    "cut": (lambda b: b[:-3], r"state must be whole\. .*It was cut or changed"),
    "changed": (lambda b: b[:-20] + bytes([b[-20] ^ 1]) + b[-19:], "It was cut or changed"),
    "later": (lambda b: b[:12] + b"\x02\x00" + b[14:], r"of version 1\. Received state=2\. Update elman"),
    "foreign": (lambda b: b"x" * 60, "a saved state of a stream"),
    "empty": (lambda b: b"", "a saved state of a stream"),
    "no bytes": (lambda b: "text", "must be bytes"),
}


@pytest.mark.parametrize("damage", DAMAGED)
def test_a_damaged_state_is_refused_and_changes_nothing(damage, rng):
    model, x = made("gru", rng), data(rng)
    stream = model.stream()
    stream.feed(x)
    change, message = DAMAGED[damage]
    before = stream.save_state()
    with pytest.raises(FileFormatError, match=message):
        stream.load_state(change(before))
    assert stream.save_state() == before


def test_a_state_of_another_model_batch_or_weights_is_refused(rng):
    model = made("gru", rng)
    blob = model.stream().save_state()
    with pytest.raises(ShapeError, match=r"state must be of .* Use model.stream\(batch=1\) of the model that saved it"):
        made("lstm", rng).stream().load_state(blob)
    with pytest.raises(ShapeError, match="batch=1"):
        model.stream(batch=2).load_state(blob)
    model.weights[0].value[0, 0] += 1
    with pytest.raises(WeightsError, match="they have changed since"):
        model.stream().load_state(blob)


def test_a_state_of_a_model_that_computes_otherwise_is_refused(rng):
    one = Sequential([Input((None, 3)), GRU(4), Dense(1)])
    blob = one.stream().save_state()
    for stack in (
        [GRU(4, activation="relu"), Dense(1)],
        [GRU(4), Dense(1, activation="tanh")],
        [GRU(4, reset_after=False, use_bias=False), Dense(1)],
        [Softmax(), GRU(4), Dense(1)],
    ):
        other = Sequential([Input((None, 3)), *stack])
        same = [w.shape for w in other.weights] == [w.shape for w in one.weights]
        if same:
            other.set_weights(one.get_weights())
        stream = other.stream()
        before = stream.save_state()
        message = "computes otherwise with the same weights" if same else "they have changed since"
        with pytest.raises(WeightsError, match=message):
            stream.load_state(blob)
        assert stream.save_state() == before


@pytest.mark.parametrize("cell", MODELS)
def test_a_state_goes_to_the_same_model_by_other_names(cell, rng, tmp_path):
    x = data(rng)
    model = made(cell, rng)
    stream = model.stream()
    stream.feed(x)
    blob, wanted = stream.save_state(), stream.step(x[0, 0])
    model.save(tmp_path / "m.safetensors")
    for other in (load_model(tmp_path / "m.safetensors"), made(cell, rng), copy.deepcopy(model)):
        other.set_weights(model.get_weights())
        again = other.stream()
        again.load_state(blob)
        assert again.step(x[0, 0]).tobytes() == wanted.tobytes()


# ---- what is refused -----------------------------------------------------------------------------------------------


class Mine(Layer):
    """A layer that does not say whether it keeps to a step."""

    def call(self, x):
        return x * 2


class MineByStep(Mine):
    """One that does."""

    stepwise = True


REFUSED = {
    "bidirectional": (lambda: [Bidirectional(LSTM(2))], "reads the sequence from its end"),
    "backwards": (lambda: [GRU(2, go_backwards=True)], "starts at the end"),
    "pooling": (lambda: [LSTM(2, return_sequences=True), GlobalAveragePooling1D()], "the mean over all steps"),
    "flatten": (lambda: [LSTM(2, return_sequences=True), Flatten(), Dense(2)], "joins all steps into one row"),
    "softmax": (lambda: [LSTM(2, return_sequences=True), Softmax(axis=1)], "a sum over all steps"),
    "norm": (lambda: [LSTM(2, return_sequences=True), LayerNormalization(axis=[1, 2])], "the mean over all steps"),
    "lambda": (lambda: [Lambda(lambda x: x), GRU(2)], "stepwise = True"),
    "mine": (lambda: [Mine(), GRU(2)], "stepwise = True"),
    "none": (lambda: [Dense(2)], "have a recurrent layer"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_cannot_be_streamed_is_refused_with_the_reason(name):
    stack, reason = REFUSED[name]
    model = Sequential([Input((4, FEATURES)), *stack()])
    with pytest.raises(ArgumentError, match=reason):
        model.stream()


def test_functional_models_are_refused_with_the_reason():
    x = Input((None, FEATURES))
    h, state = GRU(3, return_sequences=True, return_state=True)(x)
    with pytest.raises(ArgumentError, match="as attention does"):
        Model(x, Dot(axes=2)([h, h])).stream()
    with pytest.raises(ArgumentError, match=r"operator Slice.*element-wise"):
        Model(x, h[:, ::-1]).stream()
    with pytest.raises(ArgumentError, match="initial_state comes from another layer"):
        Model(x, GRU(3)(x, initial_state=state)).stream()
    flat = Input((3,))
    with pytest.raises(ArgumentError, match="an axis of time"):
        Model(flat, Dense(2)(flat)).stream()


def test_a_layer_of_ones_own_that_keeps_to_a_step(rng):
    model, x = Sequential([Input((None, FEATURES)), MineByStep(), GRU(2)]), data(rng)
    stream = model.stream()
    y = [stream.step(x[0, t]) for t in range(STEPS)][-1]
    same(y, model.predict(x, verbose=0)[0])


def test_wrong_input_is_named(rng):
    model = made("gru", rng)
    stream = model.stream()
    with pytest.raises(ShapeError, match=r"x must have shape \(1, 3\)"):
        stream.step(np.ones(4, "float32"))
    with pytest.raises(ShapeError, match=r"x must have shape \(1, T, 3\)"):
        stream.feed(np.ones((2, 5, 3), "float32"))
    with pytest.raises(DataError, match="finite"):
        stream.feed([[1.0, float("nan"), 2.0]])
    with pytest.raises(ArgumentError, match="batch must be a whole number from 1"):
        model.stream(batch=0)
    assert stream.step([1, 2, 3]).shape == (7,)
    assert stream.step(np.ones((1, 3))).shape == (7,)


# ---- every recurrent layer -----------------------------------------------------------------------------------------

RECURRENT = {
    name: functools.partial(kind, projection_units=4) if name == "ProjectionLSTM" else kind
    for name, kind in vars(layers).items()
    if isinstance(kind, type) and issubclass(kind, CellLayer) and kind.__module__.startswith("elman.")
}


@pytest.mark.parametrize("name", RECURRENT)
@pytest.mark.parametrize("bias", [True, False], ids=["bias", "none"])
@pytest.mark.parametrize("sequences", [False, True], ids=["last", "all"])
def test_every_recurrent_layer_streams_what_it_predicts(name, bias, sequences, rng):
    """Without a bias nothing but the order of the sums keeps the input's product from the state's."""
    chosen = {} if bias else {"use_bias": False}
    if not bias and "use_bias" not in layers.__dict__[name].own_arguments():
        return
    model = Sequential([Input((None, FEATURES)), RECURRENT[name](6, return_sequences=sequences, **chosen)])
    for w in model.weights:
        w.assign(w.value + rng.normal(0, 0.1, w.shape))
    x = data(rng)
    whole = model.predict(x, verbose=0)
    stream = model.stream()
    y = np.stack([stream.step(x[0, t]) for t in range(STEPS)])
    same(y if sequences else y[-1], whole[0])
    stream.reset()
    stream.feed(x[:, :4])
    rest = stream.feed(x[:, 4:])
    same(rest, whole[:, 4:] if sequences else whole)


@pytest.mark.parametrize("rows", [[5], [-3], ["a"], [1.5], 1, "0", [True], [[0]]])
def test_rows_to_reset_are_rows_of_the_stream(rows, rng):
    stream = made("gru", rng).stream(batch=2)
    with pytest.raises(
        ArgumentError, match=r"stream: rows must be a list of whole numbers from 0 to 1\..*Without rows"
    ):
        stream.reset(rows=rows)


def test_rows_to_reset_may_be_told_by_truth_values_or_be_none(rng):
    stream, x = made("gru", rng).stream(batch=2), data(rng, rows=2)
    stream.feed(x)
    before = stream.states
    stream.reset(rows=[])
    assert all(np.array_equal(before[name], now) for name, now in stream.states.items())
    stream.reset(rows=np.array([False, True]))
    for name, now in stream.states.items():
        assert np.array_equal(before[name][0], now[0])
        assert not now[1].any()


@pytest.mark.parametrize("make", [copy.copy, copy.deepcopy, pickle.dumps])
def test_a_stream_is_forked_or_saved_and_not_copied(make, rng):
    with pytest.raises(DTypeError, match=r"stream must be forked or saved\..*Call fork\(\) .*save_state\(\)"):
        make(made("gru", rng).stream())


def test_a_stream_of_more_sequences_than_can_be_is_refused(rng):
    with pytest.raises(ArgumentError, match=r"stream: batch must be a whole number from 1 to 2147483647\."):
        made("gru", rng).stream(batch=10**20)


def test_a_stream_of_more_sequences_than_there_is_memory_for_says_batch(rng, monkeypatch):
    def full(*_):
        raise MemoryLimitError.of(100, 0, 1)

    monkeypatch.setattr(NativePlan, "run", full)
    monkeypatch.setattr(ReferencePlan, "run", full)
    with pytest.raises(MemoryLimitError, match=r"stream: batch must be as many sequences as there is memory for\."):
        made("gru", rng).stream(batch=1000)


def test_a_start_that_is_learned_is_the_one_there_is_now(rng):
    """Training goes on under a stream: what it starts from is a weight as others are."""
    model = Sequential([Input((None, FEATURES)), layers.GRU(4, learn_initial_state=True)])
    stream, x = model.stream(), data(rng)
    for w in model.weights:
        w.assign(rng.normal(0, 0.5, w.shape))
    whole = model.predict(x, verbose=0)
    stream.reset()
    same(stream.feed(x), whole)
    same(model.stream().feed(x), whole)
