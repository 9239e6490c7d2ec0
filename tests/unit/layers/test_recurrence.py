"""The mechanism of recurrence, on cells whose numbers can be written out."""

from __future__ import annotations

import numpy as np
import pytest

from elman import layers, ops
from elman.errors import ArgumentError, ShapeError
from elman.graph import Graph, Variable
from elman.graph.rewrite import hoist, simplify
from elman.layers import RNN, Cell, Input, Mask, StackedRNNCells, activations, tracing
from tests.evaluation import evaluate


class Sum(Cell):
    """h_t = h_{t-1} + x_t; the output is 10 h_t, so that it is no state."""

    def __init__(self, units, **kwargs):
        super().__init__(**kwargs)
        self.units = self.state_size = units

    def step(self, x, h):
        h = h + x
        return h * 10.0, h


class Plain(Cell):
    """h_t = h_{t-1} + x_t, and the output is the state."""

    def __init__(self, units, **kwargs):
        super().__init__(**kwargs)
        self.units = self.state_size = units

    def step(self, x, h):
        h = self.recall(h) + x
        return h, h


DATA = np.arange(1.0, 9.0).reshape(2, 4, 1)  # rows 1 2 3 4 and 5 6 7 8


def numbers(layer, *, values=None, lengths=None, initial=None, training=False, data=DATA):
    x = Input((None, 1), dtype="float64")
    feeds = [(x, data)]
    kwargs = {}
    if values is not None:
        m = Input((None,), dtype="bool")
        feeds.append((m, np.array(values, bool)))
        kwargs["mask"] = Mask(values=m)
    if lengths is not None:
        m = Input((), dtype="int32")
        feeds.append((m, np.array(lengths, np.int32)))
        kwargs["mask"] = Mask(lengths=m)
    if initial is not None:
        h = Input((1,), dtype="float64")
        feeds.append((h, np.array(initial, float)))
        kwargs["initial_state"] = [h]
    with tracing(training) as now:
        y = layer(x, **kwargs)
    return [a[..., 0].tolist() for a in evaluate(y if isinstance(y, list) else [y], feeds, now.updates)]


def rnn(cell=Sum, **options):
    return RNN(cell(1), dtype="float64", **options)


def test_the_last_output_and_the_state():
    assert numbers(rnn(return_state=True)) == [[100, 260], [10, 26]]


def test_sequences_both_ways():
    assert numbers(rnn(return_sequences=True))[0][0] == [10, 30, 60, 100]
    back = numbers(rnn(return_sequences=True, go_backwards=True, return_state=True))
    assert back[0][0] == [40, 70, 90, 100]  # in the order they were made
    assert back[1] == [10, 26]


@pytest.mark.parametrize("cell", [Sum, Plain])
def test_masked_steps_repeat_the_output_before_them(cell):
    scale = 10 if cell is Sum else 1
    values = [[0, 1, 0, 1], [1, 0, 0, 0]]
    y, h = numbers(rnn(cell, return_sequences=True, return_state=True), values=values)
    assert y == [[0, 2 * scale, 2 * scale, 6 * scale], [5 * scale] * 4]
    assert h == [6, 5]
    assert numbers(rnn(cell), values=values) == [[6 * scale, 5 * scale]]


@pytest.mark.parametrize("cell", [Sum, Plain])
def test_masked_steps_before_the_first_give_0_whatever_the_initial_state(cell):
    scale = 10 if cell is Sum else 1
    y, h = numbers(
        rnn(cell, return_sequences=True, return_state=True), values=[[0, 1, 0, 1], [0, 0, 0, 0]], initial=[[100], [7]]
    )
    assert y == [[0, 102 * scale, 102 * scale, 106 * scale], [0, 0, 0, 0]]
    assert h == [106, 7]
    assert numbers(rnn(cell), values=[[0, 1, 0, 1], [0, 0, 0, 0]], initial=[[100], [7]]) == [[106 * scale, 0]]
    assert numbers(rnn(cell), lengths=[4, 0], initial=[[100], [7]]) == [[110 * scale, 0]]


def test_zero_output_for_mask():
    values = [[0, 1, 0, 1], [1, 1, 1, 0]]
    assert numbers(rnn(return_sequences=True, zero_output_for_mask=True), values=values)[0] == [
        [0, 20, 0, 60],
        [50, 110, 180, 0],
    ]
    assert numbers(rnn(zero_output_for_mask=True), values=values) == [[60, 0]]
    assert numbers(rnn(zero_output_for_mask=True), lengths=[4, 3]) == [[100, 180]]


def test_lengths_stop_a_row():
    y, h = numbers(rnn(return_sequences=True, return_state=True), lengths=[2, 4])
    assert y == [[10, 30, 0, 0], [50, 110, 180, 260]]
    assert h == [3, 26]
    assert numbers(rnn(), lengths=[2, 0]) == [[30, 0]]
    back = numbers(rnn(return_sequences=True, go_backwards=True), lengths=[2, 4])[0]
    assert back == [[20, 30, 0, 0], [80, 150, 210, 260]]


def test_an_initial_state_of_another_shape_is_told():
    x = Input((None, 1))
    with pytest.raises(
        ArgumentError, match=r"initial_state must be a list of 2 states of sizes \(3, 3\)\. Received initial_state=1"
    ):
        layers.LSTM(3)(x, initial_state=[Input((3,))])
    with pytest.raises(
        ShapeError, match=r"initial_state\[1\] must have shape \(B, 3\)\. Received shape \(B, 2\)\. One row"
    ):
        layers.LSTM(3)(x, initial_state=[Input((3,)), Input((2,))])


def test_stateful_goes_on_and_forgets():
    x = Input(batch_shape=(2, None, 1), dtype="float64")
    layer = rnn(stateful=True)
    with tracing(False) as now:
        y = layer(x)
    assert evaluate([y], [(x, DATA)], now.updates)[0].tolist() == [[100], [260]]
    assert evaluate([y], [(x, DATA)], now.updates)[0].tolist() == [[200], [520]]
    layer.reset_state(rows=[0])
    assert [v.value.tolist() for v in layer.states] == [[[0], [52]]]
    layer.reset_states()
    assert evaluate([y], [(x, DATA)], now.updates)[0].tolist() == [[100], [260]]


def test_a_stateful_layer_called_twice_in_a_pass_goes_on():
    x = Input(batch_shape=(2, None, 1), dtype="float64")
    layer = rnn(stateful=True)
    with tracing(False) as now:
        layer(x)
        y = layer(x)
    assert len(now.updates) == 1
    assert evaluate([y], [(x, DATA)], now.updates)[0].tolist() == [[200], [520]]
    assert layer.states[0].value.tolist() == [[20], [52]]


def test_states_are_kept_row_by_row_whatever_the_size_of_a_batch():
    x = Input((None, 1), dtype="float64")
    layer = rnn(stateful=True)
    with tracing(False):
        layer(x)
    assert layer.make_room(3)
    assert not layer.make_room(2)
    with tracing(False) as now:
        y = layer(x)
    assert evaluate([y], [(x, DATA)], now.updates)[0].tolist() == [[100], [260]]
    assert evaluate([y], [(x, DATA[:1])], now.updates)[0].tolist() == [[200]]
    assert layer.states[0].value.tolist() == [[20], [26], [0]]
    assert evaluate([y], [(x, np.concatenate([DATA, DATA[:1]]))], now.updates)[0].tolist() == [[300], [520], [100]]
    layer.reset_state(rows=[1])
    assert layer.states[0].value.tolist() == [[30], [0], [10]]


def test_a_step_of_another_number_of_states_is_told():
    class Bad(Sum):
        def step(self, x, h):
            return h

    with pytest.raises(
        ArgumentError, match=r"step must be a function that returns \(output, state 1\)\. Received step='Tensor'"
    ):
        rnn(Bad)(Input((None, 1)))


def test_a_cell_without_state_size_is_told():
    class Bad(Sum):
        def __init__(self, units):
            Cell.__init__(self)

    with pytest.raises(
        ArgumentError, match=r"state_size must be a number of units, or one for each state\. Received state_size=None"
    ):
        RNN(Bad(1))(Input((None, 1)))


def test_what_is_no_cell_is_told():
    with pytest.raises(ArgumentError, match=r"RNN: cell must be a Cell, or a list of them"):
        RNN(layers.Dense(3))
    with pytest.raises(ArgumentError, match=r"cells must be a list of cells"):
        StackedRNNCells([])


@pytest.mark.parametrize("units", [0, -1, 2.0, True, "3"])
def test_units_are_whole_numbers(units):
    with pytest.raises(ArgumentError, match=r"units must be a whole number from 1\. Received units="):
        layers.LSTM(units)


@pytest.mark.parametrize("rate", [-0.1, 1.0, "a"])
def test_rates_are_shares(rate):
    with pytest.raises(ArgumentError, match=r"recurrent_dropout must be in \[0, 1\)\. Received recurrent_dropout="):
        layers.LSTM(3, recurrent_dropout=rate)
    with pytest.raises(ArgumentError, match=r"Dropout '.*': rate must be in \[0, 1\)"):
        layers.Dropout(rate)


class Zeroed(Cell):
    """The output is the input as it comes in and the state as it is recalled, side by side."""

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.state_size = 50

    def step(self, x, h):
        return ops.concatenate([x, self.recall(h)], -1), ops.ones_like(h)


def dropped(**config):
    seed, step = Variable(np.int32(2)), Variable(np.int32(0))
    x = Input((None, 50))
    layer = RNN(Zeroed(**config), return_sequences=True)
    with tracing(True, seed, step):
        y = layer(x)
    (found,) = evaluate([y], [(x, np.ones((8, 5, 50)))])
    return found[..., :50], found[:, 1:, 50:]  # the state before the first step is 0


def test_dropout_is_the_same_at_every_step():
    for part, rest in (dropped(dropout=0.4), dropped(recurrent_dropout=0.4)[::-1]):
        assert (part == part[:, :1]).all()
        assert set(np.unique(part)) == {0.0, np.float32(1 / 0.6)}
        assert abs((part[:, 0] == 0).mean() - 0.4) < 0.1
        assert (part[0, 0] != part[1, 0]).any()
        assert (rest == 1).all()


def test_a_seed_of_its_own_makes_dropout_the_layers_own():
    np.testing.assert_array_equal(dropped(dropout=0.4, seed=7)[0], dropped(dropout=0.4, seed=7)[0])
    assert (dropped(dropout=0.4, seed=7)[0] != dropped(dropout=0.4, seed=8)[0]).any()


def test_recurrent_dropout_that_a_cell_cannot_honour_is_told():
    layer = RNN(Sum(1, recurrent_dropout=0.5))
    text = r"Sum '.*': recurrent_dropout must be 0 for this cell\. Received recurrent_dropout=0\.5\. Write"
    with tracing(True), pytest.raises(ArgumentError, match=text):
        layer(Input((None, 1)))


def test_dropout_reaches_every_cell_of_a_stack():
    layer = RNN([Plain(1, dropout=0.5), Plain(1, dropout=0.5, recurrent_dropout=0.5)])
    with tracing(True) as now:
        layer(Input((None, 1)))
    assert now.keys == 3
    assert now.input_masks == {}
    assert now.state_masks == {}


def test_stacked_states_are_grouped_as_in_keras():
    layer = RNN([layers.LSTMCell(2), layers.GRUCell(3)], return_state=True)
    _, (h, c), g = layer(Input((None, 4)))
    assert [t.shape[1] for t in (h, c, g)] == [2, 2, 3]


@pytest.mark.parametrize("layer", [layers.SimpleRNN, layers.GRU, layers.LSTM])
def test_products_with_the_input_leave_the_loop(layer):
    y = layer(4, dropout=0.3, return_sequences=True)
    x = Input((None, 3))
    with tracing(True):
        graph = hoist(simplify(Graph((x,), (y(x),))))
    (scan,) = [n for n in graph.nodes() if n.op == "Scan"]
    body = [n.op for n in scan.attrs["body"].nodes()]
    assert body.count("MatMul") + body.count("Gemm") == 1  # the state's product alone
    assert sum(n.op == "MatMul" for n in graph.nodes()) == 1


@pytest.mark.parametrize("layer", [layers.SimpleRNN, layers.GRU, layers.LSTM])
def test_a_layer_shows_its_cells_arguments(layer):
    made = layer(5, activation="relu", dropout=0.25)
    assert (made.units, made.dropout, made.use_bias) == (5, 0.25, True)
    assert made.activation is activations.relu
    with pytest.raises(AttributeError, match="nonsense"):
        _ = made.nonsense


def test_unit_forget_bias():
    for forget in (True, False):
        layer = layers.LSTM(2, unit_forget_bias=forget)
        layer(Input((None, 3)))
        np.testing.assert_array_equal(layer.get_weights()[2], [0, 0, forget, forget, 0, 0, 0, 0])


def test_a_cell_by_itself():
    cell = layers.LSTMCell(2)
    y, (h, c) = cell(Input((3,)), [Input((2,)), Input((2,))])
    assert (y.shape, h.shape, c.shape) == ((Input((2,)).shape),) * 3
    assert [w.shape for w in cell.weights] == [(3, 8), (2, 8), (8,)]


def test_bidirectional_refuses_what_does_not_match():
    forward = layers.LSTM(2, return_sequences=True)
    with pytest.raises(ArgumentError, match=r"layer must be a recurrent layer"):
        layers.Bidirectional(layers.Dense(2))
    with pytest.raises(ArgumentError, match=r"merge_mode must be one of"):
        layers.Bidirectional(forward, merge_mode="cat")
    with pytest.raises(
        ArgumentError, match=r"backward_layer must have go_backwards=True\. Received backward_layer=False"
    ):
        layers.Bidirectional(forward, backward_layer=layers.LSTM(2, return_sequences=True))
    with pytest.raises(ArgumentError, match=r"backward_layer\.return_sequences must be True as layer's"):
        layers.Bidirectional(forward, backward_layer=layers.LSTM(2, go_backwards=True))


def test_bidirectional_of_unlike_layers_takes_the_states_of_each(rng):
    both = layers.Bidirectional(layers.LSTM(3), backward_layer=layers.GRU(2, go_backwards=True), dtype="float64")
    x, states = Input((None, 1), dtype="float64"), [Input((n,), dtype="float64") for n in (3, 3, 2)]
    with tracing(False):
        y = both(x, initial_state=states)
        forth, back = both.forward_layer(x, states[:2]), both.backward_layer(x, states[2:])
    arrays = [DATA, *(rng.normal(size=(len(DATA), n)) for n in (3, 3, 2))]
    found, *ways = evaluate([y, forth, back], list(zip([x, *states], arrays, strict=True)))
    np.testing.assert_array_equal(found, np.concatenate(ways, -1))
    unlike = layers.Bidirectional(layers.GRU(3), "sum", backward_layer=layers.GRU(2, go_backwards=True), name="both")
    with pytest.raises(
        ShapeError,
        match=r"Bidirectional 'both': backward_layer must have outputs of shape \(B, 3\), as layer has. Received",
    ):
        unlike(Input((None, 1)))


@pytest.mark.parametrize(
    ("option", "value", "reason"),
    [
        ("zoneout", 0.1, "not a row of units"),
        ("weight_drop", 0.1, "not a row of units"),
        ("recurrent_normalization", "layer", "not a row of units"),
        ("learn_initial_state", True, "as many places as x"),
        ("zero_output_for_mask", True, "repeat the state before them"),
        ("stateful", True, "keeps no states between batches"),
    ],
)
def test_what_a_conv_lstm_does_not_have_is_refused_with_the_reason(option, value, reason):
    layers.ConvLSTM1D(2, 3, unroll=True, **{option: type(value)()})
    with pytest.raises(ArgumentError, match=rf"{option} must be .* here.*Received {option}=") as caught:
        layers.ConvLSTM1D(2, 3, **{option: value})
    assert reason in str(caught.value)


def test_bidirectional_does_not_turn_time_round_twice():
    y = layers.Bidirectional(layers.GRU(2, return_sequences=True))(Input((None, 3)))
    graph = Graph((), (y,))
    assert not [n for n in graph.nodes() if n.op == "Slice" and n.attrs["step"] == -1]


def test_bidirectional_starts_from_weights():
    source = layers.Bidirectional(layers.GRU(2))
    source(Input((None, 3)))
    copy = layers.Bidirectional(layers.GRU(2), weights=source.get_weights())
    copy(Input((None, 3)))
    for a, b in zip(source.get_weights(), copy.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)


def test_time_distributed_refuses():
    with pytest.raises(ShapeError, match=r"x must have shape \(B, T, \.\.\.\)\. Received shape \(B, 4\): no time axis"):
        layers.TimeDistributed(layers.Dense(2))(Input((4,)))
    with pytest.raises(ArgumentError, match=r"layer must be a layer"):
        layers.TimeDistributed("dense")


def test_a_random_layer_in_a_step_draws_once_for_a_sequence():
    class Dropping(Cell):
        def __init__(self):
            super().__init__()
            self.state_size = 8
            self.drop = layers.Dropout(0.5)

        def build(self, features):
            pass

        def step(self, x, h):
            y = self.drop(x)
            return y, h

    x = Input((5, 8))
    with tracing(True, Variable(np.int32(1)), Variable(np.int32(0))):
        y = RNN(Dropping(), return_sequences=True)(x)
    (found,) = evaluate([y], [(x, np.ones((3, 5, 8), np.float32))])
    assert set(np.unique(found)) == {0.0, 2.0}
    np.testing.assert_array_equal(found, np.repeat(found[:, :1], 5, axis=1))
    assert (found[0] != found[1]).any()
