"""What `Layer` does for every layer: checks, names, weights, masks, penalties, notes on outputs, configurations."""

from __future__ import annotations

import threading

import numpy as np
import pytest

from elman import layers, ops
from elman.errors import ArgumentError, DTypeError, NotBuiltError, ShapeError, UnknownNameError, WeightsError
from elman.graph import Variable
from elman.layers import (
    Dense,
    Dropout,
    Input,
    Layer,
    Mask,
    Masking,
    current,
    initializers,
    regularizers,
    reset_names,
    tracing,
)
from elman.layers.base import rng as weight_rng
from elman.layers.base import set_seed
from tests.evaluation import evaluate
from tests.tolerances import assert_close


class Scale(Layer):
    """A user's layer: nothing but an equation and a weight."""

    def __init__(self, start=1.0, **kwargs):
        super().__init__(**kwargs)
        self.start = start

    def build(self, input_shape):
        self.s = self.add_weight("s", (input_shape[-1],), initializers.Constant(self.start))

    def call(self, x):
        return x * self.s


class Twice(Layer):
    """Layers inside a layer."""

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.first = Dense(3)
        self.rest = [Dense(2), Dropout(0.5)]

    def call(self, x, training=False):
        x = self.first(x)
        for layer in self.rest:
            x = layer(x)
        return x


def test_the_error_of_the_house_style():
    text = (
        r"^LSTM 'encoder': x must have shape \(B, T, 8\)\. Received shape \(B, 8\): no time axis\. "
        r"Add one with x\[:, None, :\] \(one step\) or x\[\.\.\., None\] \(one feature\)\.$"
    )
    lstm = layers.LSTM(4, name="encoder")
    lstm(Input((None, 8)))
    with pytest.raises(ShapeError, match=text):
        lstm(Input((8,)))


@pytest.mark.parametrize(
    ("layer", "shape", "text"),
    [
        (
            Dense(2, name="a"),
            (),
            r"x must have shape \(B, ..., F\)\. Received shape \(B,\): no feature axis\. Add one with",
        ),
        (layers.SimpleRNN(2), (3, 4, 5), r"Received shape \(B, 3, 4, 5\): 1 axis too many\. Reshape it, or wrap"),
        (layers.SimpleRNN(2), (), r"Received shape \(B,\): 2 axes too few\. Reshape it to rank 3\."),
        (Dense(2), (3, None), r"x must have a known number of features\. Received shape \(B, 3, T\)\. Say how many"),
    ],
)
def test_a_wrong_input_is_told(layer, shape, text):
    with pytest.raises(ShapeError, match=text):
        layer(Input(shape))


def test_other_features_than_built_for_are_told():
    layer = Dense(2, name="head")
    layer(Input((8,)))
    text = r"Dense 'head': x must have shape \(B, ..., 8\)\. Received shape \(B, 5\): 5 features\. It was built for 8"
    with pytest.raises(ShapeError, match=text):
        layer(Input((5,)))


def test_an_unknown_argument_is_told():
    with pytest.raises(
        UnknownNameError, match=r"Dense: argument must be a known name\. Received argument='unit'\. Did you"
    ):
        Dense(2, unit=3)


def test_names_are_those_of_keras():
    reset_names()
    assert [layers.SimpleRNN(1).name, layers.SimpleRNN(1).name] == ["simple_rnn", "simple_rnn_1"]
    assert [Dense(1, name="mine").name, Dense(1).name] == ["mine", "dense"]
    assert layers.LeakyReLU().name == "leaky_re_lu"


def test_weights_are_named_by_their_place():
    reset_names()
    lstm = layers.Bidirectional(layers.LSTM(2, name="walk"))
    lstm(Input((None, 3)))
    names = [w.name for w in lstm.weights]
    assert names[0] == "bidirectional/forward_walk/lstm_cell/kernel"
    assert names[3] == "bidirectional/backward_walk/lstm_cell/kernel"


def test_build_by_hand_is_the_build_of_a_call():
    by_hand, by_call = Dense(2, name="d"), Dense(2, name="d")
    by_hand.build((None, 3))
    by_call(Input((3,)))
    assert by_hand.built
    assert [(w.name, w.shape) for w in by_hand.weights] == [(w.name, w.shape) for w in by_call.weights]
    before = by_hand.weights
    by_hand(Input((3,)))
    assert by_hand.weights == before


def test_layers_inside_are_found():
    twice = Twice()
    twice(Input((4,)))
    assert [w.shape for w in twice.weights] == [(4, 3), (3,), (3, 2), (2,)]
    assert twice.weights[0].name == f"{twice.name}/{twice.first.name}/kernel"
    twice.trainable = False
    assert twice.first.trainable is False
    assert twice.trainable_weights == []


def test_a_weight_that_is_never_trained_stays_so():
    class Counter(Layer):
        def build(self, shape):
            self.count = self.add_weight("count", (), "zeros", trainable=False)
            self.w = self.add_weight("w", (2,), "ones")

        def call(self, x):
            current().update(self.count, current().read(self.count) + 1.0)
            return x * self.w

    layer = Counter()
    x = Input((2,))
    with tracing(True) as now:
        y = layer(x)
        layer(x)
    assert [w.name.split("/")[-1] for w in layer.weights] == ["w", "count"]  # Keras: what is trained comes first
    layer.trainable = False
    layer.trainable = True
    assert layer.non_trainable_weights == [layer.count]
    evaluate([y], [(x, np.zeros((1, 2)))], now.updates)
    assert layer.count.value == 2.0  # both calls count, one update is made


def test_set_weights_tells_which_is_wrong_and_changes_none():
    layer = Dense(2, name="d")
    layer(Input((3,)))
    before = layer.get_weights()
    text = r"Dense 'd': weights\[1\] \(d/bias\) must have shape \(2,\)\. Received .*\(3,\).*\. Give them in the order"
    with pytest.raises(WeightsError, match=text):
        layer.set_weights([np.ones((3, 2)), np.ones(3)])
    np.testing.assert_array_equal(layer.get_weights()[0], before[0])
    with pytest.raises(
        WeightsError, match=r"must be a list of 2 arrays\. Received weights=1\. Its weights are: d/kernel \(3, 2\)"
    ):
        layer.set_weights([np.ones((3, 2))])


def test_counting_before_building_is_told():
    with pytest.raises(
        NotBuiltError, match=r"Dense 'd': count_params needs a built layer\. Call it on an Input first\."
    ):
        Dense(2, name="d").count_params()


def test_set_seed_repeats_weights():
    def kernel():
        set_seed(5)
        layer = Dense(3)
        layer(Input((4,)))
        return layer.get_weights()[0]

    np.testing.assert_array_equal(kernel(), kernel())
    assert isinstance(weight_rng(), np.random.Generator)


def test_all_names_at_once_take_none_that_programs_use():
    """`from elman.layers import *` behind `rng = np.random.default_rng()`."""
    names: dict[str, object] = {}
    exec("from elman.layers import *", names)
    assert names.keys().isdisjoint({"rng", "np", "x", "y", "model"})


def test_outputs_note_their_call():
    x = Input((None, 3))
    layer = layers.LSTM(2, return_state=True)
    y, h, c = layer(x, training=True)
    assert [t.origin.index for t in (y, h, c)] == [0, 1, 2]
    assert y.origin.layer is layer
    assert y.origin.args == (x,)
    assert y.origin.kwargs == {"training": True}
    assert x.origin is None


def test_a_layer_that_passes_its_input_on_does_not_mark_it():
    x = Input((3,))
    y = Dropout(0.5)(x)
    assert y is not x
    assert y.node is x.node
    assert x.origin is None
    assert y.origin.args == (x,)


def test_training_is_what_the_pass_says_unless_the_call_does():
    x, layer = Input((3,)), Dropout(0.5)
    with tracing(True):
        assert layer(x).node is not x.node
        assert layer(x, training=False).node is x.node
        assert Twice()(x, training=False).node.op == "Add"
    with tracing(False):
        assert layer(x).node is x.node
        assert Twice()(x, training=True).node.op == "Mul"  # passed on to the layers inside
        assert current().training is False
    assert layer(x).node is x.node


def test_the_pass_is_the_threads_own():
    seen = []
    with tracing(True):
        thread = threading.Thread(target=lambda: seen.append(current().training))
        thread.start()
        thread.join()
        assert current().training
    assert seen == [False]


def test_penalties_are_collected_once_a_pass():
    layer = Dense(2, kernel_regularizer="l2", bias_regularizer="l1", activity_regularizer="l2")
    x = Input((3,))
    layer(x)
    with tracing(True) as now:
        layer(x)
        layer(x)
    assert len(now.losses) == 2 + 2  # the weights once, each output by itself
    layer.trainable = False
    with tracing(True) as now:
        layer(x)
    assert len(now.losses) == 1


def test_penalties_are_the_formulas():
    layer = Dense(2, kernel_regularizer=regularizers.L2(0.3), activity_regularizer=regularizers.L1(0.5))
    x = Input((3,))
    with tracing(True) as now:
        y = layer(x)
    a = np.arange(6, dtype=np.float32).reshape(2, 3)
    weight, output, out = evaluate([*now.losses, y], [(x, a)])
    assert_close(weight, 0.3 * np.sum(layer.get_weights()[0] ** 2), length=6)
    assert_close(output, 0.5 * np.abs(out).sum() / 2, length=4)


def test_penalties_of_cells_are_collected():
    layer = layers.RNN([layers.GRUCell(2, kernel_regularizer="l2"), layers.GRUCell(2, recurrent_regularizer="l1")])
    with tracing(True) as now:
        layer(Input((None, 3)))
    assert len(now.losses) == 2


def test_add_loss_reaches_the_pass():
    class Penal(Layer):
        def call(self, x):
            self.add_loss(ops.mean(x))
            return x

    with tracing(True) as now:
        Penal()(Input((3,)))
    assert len(now.losses) == 1


def test_constraints_are_listed():
    layer = layers.LSTM(2, kernel_constraint="max_norm", bias_constraint="non_neg")
    layer(Input((None, 3)))
    found = [(v.name.split("/")[-1], type(limit).__name__) for v, limit in layer.constraints]
    assert found == [("kernel", "MaxNorm"), ("bias", "NonNeg")]


def test_masks_go_through():
    x = Masking()(Input((None, 3)))
    assert x.mask is not None
    y = Dense(2)(x)
    assert y.mask is x.mask
    assert layers.LSTM(2)(y).mask is None
    assert layers.LSTM(2, return_sequences=True)(y).mask is x.mask


def test_a_lost_mask_is_told():
    with pytest.warns(UserWarning, match=r"Flatten 'f': x has a mask, which this layer cannot follow"):
        layers.Flatten(name="f")(Masking()(Input((2, 3))))


def test_a_mask_may_be_given():
    x, m = Input((None, 3)), Input((None,), dtype="float32")
    y = Dense(2)(x, mask=m)
    assert isinstance(y.mask, Mask)
    assert y.mask.values.dtype == "bool"


def test_lengths_as_values():
    lengths = Input((), dtype="int32")
    (found,) = evaluate([Mask(lengths=lengths).tensor(3)], [(lengths, np.array([0, 2, 3, 9]))])
    np.testing.assert_array_equal(found, [[0, 0, 0], [1, 1, 0], [1, 1, 1], [1, 1, 1]])


def test_number_types_are_converted():
    assert Dense(2)(Input((3,), dtype="float64")).dtype == "float32"
    assert Dense(2, dtype="float64")(Input((3,))).dtype == "float64"
    assert Dense(2)(Input((3,), dtype="int32")).dtype == "float32"
    assert layers.Embedding(4, 2)(Input((3,))).dtype == "float32"
    assert layers.Flatten()(Input((3,), dtype="int32")).dtype == "int32"


@pytest.mark.parametrize("name", ["int8", "float16", "real"])
def test_number_types_that_layers_do_not_compute_in_are_refused(name):
    with pytest.raises(UnknownNameError, match=f"Dense: dtype must be a known name. Received dtype='{name}'"):
        Dense(2, dtype=name)


def test_an_input_of_an_unknown_number_type_is_refused():
    with pytest.raises(DTypeError, match="dtype must be the name of a type"):
        Input((3,), dtype="real")


def test_a_wrapper_and_what_it_wraps_have_one_type():
    cell = layers.GRUCell(2)
    assert layers.RNN(cell, dtype="float64")(Input((None, 3))).dtype == "float64"
    assert cell.dtype == "float64"
    assert layers.RNN(layers.GRUCell(2, dtype="float64")).dtype == "float64"
    with pytest.raises(
        ArgumentError, match=r"dtype must be float64 as its weights are\. Received dtype='float32'\. Make a new"
    ):
        layers.RNN(cell, dtype="float32")


def test_a_layer_that_gives_no_tensor_is_told():
    class Bad(Layer):
        def call(self, x):
            return 3

    with pytest.raises(
        DTypeError, match=r"Bad '.*': output must be made of tensors\. Received dtype int\. Write it with"
    ):
        Bad()(Input((3,)))


def test_an_open_weight_is_told():
    with pytest.raises(ShapeError, match=r"s must have a shape of known sizes\. Received shape \(T,\)\. Fix the sizes"):
        Scale()(Input((None,)))


def test_an_initializer_of_another_shape_is_told():
    class Odd(Layer):
        def build(self, shape):
            self.add_weight("w", (2,), lambda shape, dtype: np.zeros(3, dtype))

        def call(self, x):
            return x

    with pytest.raises(ShapeError, match=r"initializer must be one that gives shape \(2,\)\. Received shape \(3,\)\."):
        Odd()(Input((3,)))


def test_shape_hints_of_old_tutorials():
    assert layers.SimpleRNN(2, input_shape=(1, 4)).input_shape_hint == (1, 4)
    assert layers.SimpleRNN(2, input_dim=4).input_shape_hint == (None, 4)
    assert layers.SimpleRNN(2, input_dim=4, input_length=7).input_shape_hint == (7, 4)
    assert Dense(2, input_dim=4).input_shape_hint == (4,)
    assert layers.Embedding(9, 2, input_length=5).input_shape_hint == (5,)
    stateful = layers.LSTM(2, batch_input_shape=(8, 3, 4))
    assert (stateful.batch_size_hint, stateful.input_shape_hint) == (8, (3, 4))
    assert layers.LSTM.from_config(stateful.get_config()).batch_size_hint == 8
    assert Dense(2).input_shape_hint is None
    assert layers.Bidirectional(layers.LSTM(2, input_shape=(3, 4))).input_shape_hint == (3, 4)
    assert layers.Embedding(9, 2).input_dtype == "int32"


def test_a_users_layer_writes_itself_down():
    config = Scale(2.5, name="s").get_config()
    assert config == {"name": "s", "trainable": True, "dtype": "float32", "start": 2.5}
    assert Scale.from_config(config).start == 2.5


def test_an_argument_that_was_not_kept_is_told():
    class Forgets(Layer):
        def __init__(self, size):
            super().__init__()

        def call(self, x):
            return x

    with pytest.raises(ArgumentError, match=r"size must be stored under its own name.*Write self\.size = size"):
        Forgets(3).get_config()


def test_random_numbers_do_not_depend_on_how_often_was_traced():
    seed, step = Variable(np.int32(1)), Variable(np.int32(0))
    x = Input((50,))
    layer, other = Dropout(0.5), Dropout(0.5)
    found = []
    for _ in range(2):
        with tracing(True, seed, step):
            found.append([other(layer(x)), layer(x)])
    ones = np.ones((4, 50))
    (a, b), (c, d) = (evaluate(outputs, [(x, ones)]) for outputs in found)
    np.testing.assert_array_equal(a, c)
    np.testing.assert_array_equal(b, d)
    assert (a != b).any()
    step.assign(1)
    (later,) = evaluate([found[0][1]], [(x, ones)])
    assert (later != b).any()
