"""Every layer in a stream: bit for bit what `predict` gives, or refused with the reason.

The rows are those of `test_layers.py`: a new layer is walked here, too.
"""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pytest

from elman import Model, Sequential, executors, ops
from elman.errors import ArgumentError
from elman.graph import Tensor
from elman.layers import (
    GRU,
    AttentiveRNN,
    Conv1D,
    DepthwiseConv1D,
    Embedding,
    Flatten,
    GRUCell,
    Input,
    Masking,
    RepeatVector,
    Reshape,
    SeparableConv1D,
    Softmax,
    TimeDistributed,
)
from tests.contracts.test_layers import CASES, Case, flat
from tests.tolerances import assert_close

STEPS, ROWS = 5, 2

REFUSED = {
    "Attention": "it looks at all steps",
    "AdditiveAttention": "it looks at all steps",
    "AttentiveRNN": "it looks at a memory as a whole",
    "AveragePooling1D": "its window reaches over steps to come",
    "Bidirectional": "it reads the sequence from its end",
    "Dot": "it compares every step with every other",
    "GlobalAveragePooling1D": "it takes the mean over all steps",
    "GlobalMaxPooling1D": "it takes the largest over all steps",
    "Lambda": "nobody knows what a function does with time",
    "MaxPooling1D": "its window reaches over steps to come",
    "MultiHeadAttention": "it looks at all steps",
    "Permute": "it moves the axis of time",
    "ZeroPadding1D": "it adds or takes steps at the ends",
    # one case of a layer whose others go
    "conv1d": "its window reaches over steps to come",
    "conv1d_groups": "its window reaches over steps to come",
    "separable_conv1d": "its window reaches over steps to come",
    "concatenate_time": "it puts one sequence behind another",
    "conv_lstm1d_dropout": "it starts at the end of the sequence",
    "lstm_backwards": "it starts at the end of the sequence",
    "softmax_axes": "it divides by a sum over all steps",
    "softmax_time": "it divides by a sum over all steps",
}


def reads_time(case: Case) -> bool:
    """Whether axis 1 of every input is time, not one step for all: what a stream can be given."""
    return all(shape[:1] == (None,) or (len(shape) == 2 and shape[0] != 1) for shape in case.shapes)


WALKED = [case for case in CASES if case.open_time and reads_time(case)]


def model_of(case: Case, rng: np.random.Generator) -> Model:
    """The layer, a recurrent layer on what it gives step by step, and one beside it, so that there is a state."""
    inputs = [Input(shape, dtype="int32" if case.ids else "float32") for shape in case.shapes]
    made = flat(case.make()(inputs if len(inputs) > 1 else inputs[0]))
    beside = Embedding(case.ids, 4)(inputs[0]) if case.ids else inputs[0]
    timed = [t for t in (beside, made[0]) if t.ndim > 2 and str(t.shape[1]) == "T"]
    readable = [t for t in timed if isinstance(t.shape[-1], int)]
    read = [GRU(2)(t if t.ndim == 3 else TimeDistributed(Flatten())(t)) for t in readable]
    model = Model(inputs, [*made, *read])
    for w in model.weights:
        drawn = rng.normal(0, 0.5, w.shape)
        w.assign(np.abs(drawn) + 0.5 if "variance" in w.name else drawn)
    return model


def data_for(case: Case, rng: np.random.Generator) -> list[np.ndarray]:
    shapes = [(ROWS, STEPS, *shape[1:]) for shape in case.shapes]
    return [
        rng.integers(0, case.ids, s).astype("int32") if case.ids else rng.normal(size=s).astype("float32")
        for s in shapes
    ]


def same(a: np.ndarray, b: np.ndarray) -> None:
    """Bits natively; the reference's products are NumPy's, whose rounding depends on the number of rows."""
    if executors.default().name == "native":
        assert a.tobytes() == b.tobytes()
    else:
        assert_close(a, b, length=16, steps=STEPS)


def given(arrays: list[np.ndarray]) -> Any:
    """A list where there are several inputs; a list of one would be a row of numbers."""
    return arrays if len(arrays) > 1 else arrays[0]


def predicted(model: Model, arrays: list[np.ndarray]) -> list[np.ndarray]:
    return flat(model.predict(arrays, verbose=0))


@pytest.mark.parametrize("case", WALKED, ids=[case.name for case in WALKED])
def test_every_layer_streams_what_it_predicts_or_is_refused(case, rng):
    model = model_of(case, rng)
    reason = REFUSED.get(case.name, REFUSED.get(case.class_name))
    if reason is not None:
        with pytest.raises(ArgumentError, match=reason):
            model.stream()
        return
    arrays = data_for(case, rng)
    alone = [a[:1] for a in arrays]
    whole = predicted(model, alone)
    timed = [t.ndim > 1 and str(t.shape[1]) == "T" for t in model.outputs]
    stream, rows = model.stream(), model.stream(batch=ROWS)
    for t in range(STEPS):
        so_far = whole if all(timed) else predicted(model, [a[:, : t + 1] for a in alone])
        wanted = [w[0, t] if steps else s[0] for w, s, steps in zip(whole, so_far, timed, strict=True)]
        one, many = stream.step(given([a[0, t] for a in alone])), rows.step(given([a[:, t] for a in arrays]))
        for y, z, w in zip(flat(one), flat(many), wanted, strict=True):
            same(y, w)
            same(z[0], w)
    stream.reset()
    stream.feed(given([a[:, :2] for a in alone]))
    for y, w, steps in zip(flat(stream.feed(given([a[:, 2:] for a in alone]))), whole, timed, strict=True):
        same(y, w[:, 2:] if steps else w)


CAUSAL = {
    "small": lambda: Conv1D(3, 2, padding="causal"),
    "wide": lambda: Conv1D(40, 5, padding="causal", activation="relu"),
    "dilated": lambda: Conv1D(17, 3, padding="causal", dilation_rate=4),
    "groups": lambda: Conv1D(8, 3, padding="causal", groups=2),
    "depthwise": lambda: DepthwiseConv1D(4, padding="causal", depth_multiplier=2),
    "separable": lambda: SeparableConv1D(9, 4, padding="causal", dilation_rate=2),
    "stack": lambda: Sequential(
        [Input((None, 8)), *(Conv1D(8, 2, padding="causal", dilation_rate=d) for d in (1, 2, 4))]
    ),
}


@pytest.mark.parametrize("name", CAUSAL)
@pytest.mark.parametrize("masked", [False, True], ids=["all", "masked"])
def test_convolutions_that_look_back_carry_the_steps_their_windows_read(name, masked, rng):
    """Without a recurrent layer, too; in pieces shorter than a window and longer ones."""
    steps = 23
    x = Input((None, 8))
    model = Model(x, CAUSAL[name]()(Masking()(x) if masked else x))
    for w in model.weights:
        w.assign(rng.normal(0, 0.5, w.shape))
    data = rng.normal(size=(ROWS, steps, 8)).astype("float32")
    data[:, [3, 4, 11]] *= not masked
    whole = model.predict(data[:1], verbose=0)
    stream, rows = model.stream(), model.stream(batch=ROWS)
    for t in range(steps):
        same(stream.step(data[0, t]), whole[0, t])
        same(rows.step(data[:, t])[:1], whole[:, t])
    stream.reset()
    cuts = [0, 1, 3, 4, 16, steps]
    pieces = [stream.feed(data[:1, a:b]) for a, b in itertools.pairwise(cuts)]
    same(np.concatenate(pieces, 1), whole)
    state = stream.save_state()
    fork = stream.fork()
    stream.step(data[0, 0])
    stream.load_state(state)
    same(stream.step(data[1, 0]), fork.step(data[1, 0]))


def test_a_window_does_not_reach_from_one_sequence_into_the_next(rng):
    model = Sequential([Input((None, 3)), Conv1D(3, 2, padding="causal"), GRU(2, return_sequences=True)])
    model.compile("sgd", "mse")
    x = rng.normal(size=(2, 8, 3)).astype("float32")
    with pytest.raises(ArgumentError, match="its window would reach from one sequence into the next"):
        model.fit(x, x[..., :2], truncate=4, verbose=0)


@pytest.mark.parametrize("memory", [(None, 4), (5, 4)], ids=["open", "fixed"])
def test_a_memory_is_not_taken_for_steps(memory):
    """It is looked at as a whole; step by step it would be another at each step."""
    x, m = Input((None, 3)), Input(memory)
    looks = AttentiveRNN(GRUCell(3), return_sequences=True)
    with pytest.raises(ArgumentError, match="memory as a whole"):
        Model([x, m], looks([x, m])).stream()
    encoded = GRU(4)(x)
    with pytest.raises(ArgumentError, match="memory as a whole"):
        Model(x, AttentiveRNN(GRUCell(3))([x, RepeatVector(2)(encoded)])).stream()


class OwnSoftmax(Softmax):
    """A user's layer that is a kind of one of ours."""


def test_a_kind_of_a_layer_that_looks_along_time_is_refused_like_it():
    model = Sequential([Input((None, 3)), OwnSoftmax(axis=1), GRU(2)])
    with pytest.raises(ArgumentError, match="over all steps"):
        model.stream()


def numbered(h: Tensor) -> Tensor:
    """The number of each step. Shapes: h (B, T, U) -> (1, T, 1)."""
    return ops.cast(ops.reshape(ops.arange(h.shape[1]), (1, -1, 1)), "float32")


JOINED = {
    "product": (lambda h, last: h * ops.expand_dims(last, 1), "operator Mul.*known at their end alone"),
    "repeated": (lambda h, last: ops.broadcast_to(ops.expand_dims(last, 1), h.shape), "element-wise"),
    "numbered": (lambda h, last: h + numbered(h), "element-wise"),
}


@pytest.mark.parametrize("name", JOINED)
def test_what_the_end_or_the_count_of_steps_tells_is_not_joined_to_steps(name):
    """A stream knows neither the last step of all nor, in the pieces it reads, the number of a step."""
    x = Input((None, 3))
    h, last = GRU(4, return_sequences=True, return_state=True)(x)
    join, message = JOINED[name]
    with pytest.raises(ArgumentError, match=message):
        Model(x, GRU(2)(join(h, last))).stream()


def test_steps_of_another_shape_are_still_steps(rng):
    x = Input((None, 6))
    model = Model(x, GRU(3, return_sequences=True)(TimeDistributed(Flatten())(Reshape((-1, 2, 3))(x))))
    data = rng.normal(size=(1, STEPS, 6)).astype("float32")
    whole, stream = model.predict(data, verbose=0), model.stream()
    for t in range(STEPS):
        same(stream.step(data[0, t]), whole[0, t])
    y = GRU(3)(Reshape((-1, 3))(x))
    with pytest.raises(ArgumentError, match="begin target_shape with -1, the steps"):
        Model(x, y).stream()
