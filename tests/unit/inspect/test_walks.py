"""Gradients through time against what they are by hand, states against what layers return, and the picture unrolled."""

from __future__ import annotations

import numpy as np
import pytest

from elman import Model, Sequential
from elman.errors import ArgumentError, UnknownNameError
from elman.inspect import gradient_flow, states, unroll
from elman.layers import (
    GRU,
    LRU,
    LSTM,
    QRNN,
    SRU,
    Bidirectional,
    Dense,
    Flatten,
    GlobalAveragePooling1D,
    GlobalMaxPooling1D,
    Input,
    SimpleRNN,
)
from tests.tolerances import assert_close

STEPS = 12


def linear(factor, units=3):
    """h_t = x_t + factor h_{t-1}: what comes back to step t of the sum of the last state is factor^(T-1-t)."""
    rnn = SimpleRNN(units, activation="linear", use_bias=False, name="rnn")
    model = Sequential([Input((None, units)), rnn])
    rnn.set_weights([np.eye(units), factor * np.eye(units)])
    return model


def test_the_gradient_of_a_linear_network_is_a_power(rng):
    flow = gradient_flow(linear(0.5), rng.normal(size=(2, STEPS, 3)))["rnn"]
    powers = 0.5 ** np.arange(STEPS)[::-1]
    assert_close(flow.slopes["h"], np.tile(powers[None, :, None], (2, 1, 3)).astype("float32"), length=3, steps=STEPS)
    assert_close(flow.norms.astype("float32"), np.sqrt(3) * powers, length=3, steps=STEPS)


@pytest.mark.parametrize(
    ("factor", "verdict", "memory"),
    [(0.5, "vanishes", 2), (0.9, "holds", 10), (1.0, "holds", 12), (2.0, "explodes", 12)],
)
def test_vanishing_and_exploding_are_named(factor, verdict, memory, rng):
    flow = gradient_flow(linear(factor), rng.normal(size=(2, STEPS, 3)))["rnn"]
    assert (flow.verdict, flow.memory) == (verdict, memory)
    assert_close(flow.factor, factor, length=3, steps=STEPS, dtype=np.float32)


@pytest.mark.parametrize("backwards", [False, True])
def test_ragged_rows_are_followed_back_from_the_end_of_each(backwards, rng):
    rnn = SimpleRNN(3, activation="linear", use_bias=False, go_backwards=backwards, name="rnn")
    model = Sequential([Input((None, 3)), rnn])
    rnn.set_weights([np.eye(3), 0.7 * np.eye(3)])
    long, short = (rng.normal(size=(n, 3)).astype("float32") for n in (60, 10))
    alone, both = (gradient_flow(model, rows)["rnn"] for rows in ([long], [long, short]))
    assert (both.verdict, both.memory) == (alone.verdict, alone.memory) == ("vanishes", 3)
    assert_close(both.factor, 0.7, length=3, steps=60, dtype=np.float32)
    first = 0 if backwards else 10
    assert_close(both.norms[first:], alone.norms[first:], 3, 60, np.float32)


@pytest.mark.parametrize("layer", [LRU(3, name="r"), QRNN(3, name="r"), SRU(3, name="r")])
def test_an_output_that_is_no_state_reads_the_states_of_its_step(layer, rng):
    """What comes out of a QRNN is sigmoid(o) c, so that its slope by c is the quotient of the two."""
    model, x = Sequential([Input((None, 2)), layer]), rng.normal(size=(2, 4, 2)).astype("float32")
    flow = gradient_flow(model, x)["r"]
    assert flow.norms[-1] > 0
    if isinstance(layer, QRNN):
        y, c = model.predict(x, verbose=0), flow.states["state_0"][:, -1]
        assert_close(flow.slopes["state_0"][:, -1], y / c, length=6, steps=4)


def test_the_way_back_of_a_backward_walk_ends_at_the_last_step(rng):
    rnn = SimpleRNN(3, activation="linear", use_bias=False, go_backwards=True, name="rnn")
    model = Sequential([Input((None, 3)), rnn])
    rnn.set_weights([np.eye(3), 0.5 * np.eye(3)])
    flow = gradient_flow(model, rng.normal(size=(1, STEPS, 3)))["rnn"]
    assert flow.norms.argmax() == 0
    assert (flow.verdict, flow.memory) == ("vanishes", 2)


def test_the_gradient_by_a_state_is_that_of_the_loss(rng):
    """Of the mean squared error of one output: 2 (y - target) w, at the last step."""
    model = Sequential([Input((None, 2)), LSTM(4, name="lstm"), Dense(1)])
    model.compile("sgd", "mse")
    x, y = rng.normal(size=(3, STEPS, 2)).astype("float32"), np.ones((3, 1), "float32")
    slopes = gradient_flow(model, x, y)["lstm"].slopes["h"]
    wanted = 2 * (model.predict(x, verbose=0) - y) * model.layers[-1].kernel.value.T
    assert_close(slopes[:, -1], wanted, length=8, steps=STEPS)
    assert np.array_equal(gradient_flow(model, x, y, loss="mean_squared_error")["lstm"].slopes["h"], slopes)


def test_states_and_gates_are_what_layers_return(rng):
    x = Input((None, 2))
    whole, h, c = LSTM(4, return_sequences=True, return_state=True, name="lstm")(x)
    model = Model(x, [whole, h, c])
    data = rng.normal(size=(3, STEPS, 2)).astype("float32")
    found = states(model, data)["lstm"]
    sequence, _, last_c = model.predict(data, verbose=0)
    assert_close(found["h"], sequence, length=6, steps=STEPS)
    assert_close(found["c"][:, -1], last_c, length=6, steps=STEPS)
    assert_close(found["o"] * np.tanh(found["c"]), found["h"], length=6)
    before = np.concatenate([np.zeros_like(found["c"][:, :1]), found["c"][:, :-1]], 1)
    assert_close(found["f"] * before + found["i"] * found["g"], found["c"], length=6)


@pytest.mark.parametrize("reset_after", [True, False])
def test_gates_of_a_gru_make_its_state(reset_after, rng):
    model = Sequential([Input((None, 2)), GRU(4, reset_after=reset_after, name="gru")])
    found = states(model, rng.normal(size=(3, STEPS, 2)))["gru"]
    before = np.concatenate([np.zeros_like(found["h"][:, :1]), found["h"][:, :-1]], 1)
    assert_close(found["z"] * before + (1 - found["z"]) * found["n"], found["h"], length=6)
    assert ((found["r"] > 0) & (found["r"] < 1)).all()


def test_a_table_has_a_row_for_each_walk(rng):
    shared = GRU(3, return_sequences=True, name="shared")
    x = Input((None, 3))
    model = Model(x, Bidirectional(LSTM(2), name="both")(shared(shared(x))))
    flow = gradient_flow(model, rng.normal(size=(2, 5, 3)))
    names = [layer.name for layer in flow]
    assert names == ["shared", "shared:2", names[2], names[3]]
    lines = str(flow).splitlines()
    assert lines[0].split() == ["layer", "steps", "first", "last", "per", "step", "memory", "gradient"]
    assert [line.split()[0] for line in lines[2:]] == names
    with pytest.raises(UnknownNameError, match="'shared'"):
        flow["share"]


def test_the_plot_shows_norms_on_a_logarithmic_scale_and_the_gates(rng):
    model = Sequential([Input((None, 2)), LSTM(4, return_sequences=True, name="a"), SimpleRNN(3, name="b")])
    figure = gradient_flow(model, rng.normal(size=(2, STEPS, 2))).plot()
    norms, gates = figure.axes
    assert norms.get_yscale() == "log"
    assert [line.get_label().split(":")[0] for line in norms.lines] == ["a", "b"]
    assert [line.get_label() for line in gates.lines] == ["i", "f", "g", "o"]
    assert len(norms.lines[0].get_xdata()) == STEPS


def test_what_cannot_be_looked_at_is_refused(rng):
    model = Sequential([Input((3,)), Dense(2)])
    x = rng.normal(size=(2, 3))
    with pytest.raises(ArgumentError, match="gradient_flow: model must have recurrent layers"):
        gradient_flow(model, x)
    with pytest.raises(ArgumentError, match="states: model must have recurrent layers"):
        states(model, x)
    with pytest.raises(ArgumentError, match="unroll: model must have a recurrent layer"):
        unroll(model)
    with pytest.raises(ArgumentError, match=r"gradient_flow: x must have steps\. Received x="):
        gradient_flow(linear(0.5), np.zeros((2, 0, 3)))
    with pytest.raises(ArgumentError, match="loss must be given with y"):
        gradient_flow(linear(0.5), rng.normal(size=(2, 4, 3)), np.ones((2, 3)))


def drawn(figure):
    return [text.get_text() for text in figure.axes[0].texts if text.get_text()]


def test_unrolled_shows_every_step_or_the_last():
    tagger = unroll(Sequential([Input((None, 3)), LSTM(4, return_sequences=True, name="r"), Dense(2)]))
    assert "r\nLSTM, 4" in drawn(tagger)
    assert [t for t in drawn(tagger) if "h_" in t] == ["$h_{t-1}$", "$h_{t}$", "$h_{t+1}$"]
    assert [t for t in drawn(tagger) if "y" in t] == ["$y_{t-1}$", "$y_{t}$", "$y_{t+1}$"]
    last = drawn(unroll(Sequential([Input((None, 3)), LSTM(4), Dense(2)], name="one"), title="mine"))
    assert "$h_{T}$" in last
    assert "$x_{T}$" in last
    stack = [LSTM(4, return_sequences=True), LSTM(4), Dense(2)]
    assert drawn(unroll(Sequential([Input((None, 3)), *stack]))).count("$h_{T}$") == 2
    assert last.count("$y$") == 1
    assert last.count("Dense") == 1


@pytest.mark.parametrize("join", [GlobalMaxPooling1D, GlobalAveragePooling1D, Flatten])
def test_every_arrow_up_ends_in_a_box(join):
    """What joins all steps is one box above them."""
    both = Bidirectional(LSTM(4, return_sequences=True))
    (axes,) = unroll(Sequential([Input((6, 3)), both, join(), Dense(2), Dense(1)])).axes
    boxes = [box.get_bbox() for box in axes.patches]
    ups = [t for t in axes.texts if not t.get_text() and t.xy[0] == t.xyann[0]]
    assert len(ups) == 4 + 4 + 3
    assert all(any(box.contains(x, y + 0.1) for box in boxes) for x, y in (up.xy for up in ups))


def test_unrolled_shows_both_ways_of_bidirectional():
    def arrows(layer):
        model = Sequential([Input((4, 3)), layer, Flatten()])
        return sum(not text.get_text() for text in unroll(model).axes[0].texts)

    one, both = LSTM(4, return_sequences=True), Bidirectional(LSTM(4, return_sequences=True))
    assert arrows(both) == arrows(one) + 4
