"""Sequential and Model: building, calling, connecting, reading, in Keras's words."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from elman import callbacks, ops
from elman.errors import ArgumentError, DataError, DTypeError, NotBuiltError, ShapeError, UnknownNameError
from elman.layers import (
    GRU,
    LSTM,
    Add,
    Dense,
    Dropout,
    Embedding,
    Flatten,
    Input,
    InputLayer,
    SimpleRNN,
    TimeDistributed,
)
from elman.models import Model, Sequential
from tests.tolerances import assert_close, nearly

X = np.arange(12, dtype=np.float32).reshape(4, 3)


def stack() -> Sequential:
    return Sequential([Input((3,)), Dense(4, name="one"), Dense(2, name="two")], name="s")


# ---- Sequential -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "first",
    [
        [Input((3,)), Dense(2)],
        [InputLayer((3,)), Dense(2)],
        [InputLayer(input_shape=(3,)), Dense(2)],
        [InputLayer((3,), dtype="int32"), Dense(2)],
        [InputLayer(batch_input_shape=(None, 3)), Dense(2)],
        [Dense(2, input_shape=(3,))],
        [Dense(2, input_dim=3)],
    ],
)
def test_ways_to_say_the_input_shape(first: list) -> None:
    model = Sequential(first)
    assert (model.input_shape, model.output_shape) == ((None, 3), (None, 2))
    assert [layer.count_params() for layer in model.layers] == [8]


def test_layers_are_added_and_taken_off() -> None:
    model = Sequential(name="s")
    model.add(Input((3,)))
    model.add(Dense(4))
    assert model.output_shape == (None, 4)
    model.add(Dense(2))
    assert model.output_shape == (None, 2)
    top = model.pop()
    assert (top.units, model.output_shape) == (2, (None, 4))
    assert model.predict(X, verbose=0).shape == (4, 4)
    with pytest.raises(ArgumentError, match="Sequential 's': Input must be the first entry"):
        model.add(Input((3,)))
    with pytest.raises(DTypeError, match="Sequential 's': layer must be a Layer"):
        model.add("dense")
    with pytest.raises(
        ArgumentError, match=r"layers must be of different names\. Received layers='d': two layers have it"
    ):
        Sequential([Dense(1, name="d"), Dense(2, name="d")])
    with pytest.raises(ArgumentError, match="pop must be called on a model with layers"):
        Sequential().pop()


def test_a_model_without_input_shape_waits_for_data() -> None:
    model = Sequential([Dense(2)], name="s")
    assert not model.built
    text = (
        r"Sequential 's': the shape of its input must be known\. Put an Input first, pass input_shape= to the first "
        r"layer, call build\(\(None, \.\.\.\)\), or call fit with data\."
    )
    for read in (lambda: model.output_shape, model.count_params, lambda: model.inputs):
        with pytest.raises(NotBuiltError, match=text):
            read()
    assert model.predict(X, verbose=0).shape == (4, 2)
    assert model.built


def test_build_makes_the_weights() -> None:
    model = Sequential([GRU(2), Dense(1)])
    model.build((None, None, 3))
    assert model.input_shape == (None, None, 3)
    assert len(model.weights) == 5


def test_time_stays_open_unless_a_layer_must_know_it() -> None:
    open_time, fixed = Sequential([SimpleRNN(2)]), Sequential([Flatten(), Dense(2)])
    x = np.ones((4, 5, 3))
    for model in (open_time, fixed):
        model.predict(x, verbose=0)
    assert (open_time.input_shape, fixed.input_shape) == ((None, None, 3), (None, 5, 3))


def test_an_embedding_is_given_integers() -> None:
    model = Sequential([Embedding(5, 2), Flatten(), Dense(1)])
    model.predict(np.ones((2, 3), np.int64), verbose=0)
    assert model.inputs[0].dtype == "int32"


def test_a_layer_of_several_outputs_needs_the_functional_model() -> None:
    with pytest.raises(ArgumentError, match=r"layers must be of one output each\. .*: it gives 2 outputs"):
        Sequential([Input((4, 2)), GRU(2, return_state=True)])


# ---- Model ----------------------------------------------------------------------------------------------------------


def test_operators_between_layers() -> None:
    x = Input((3,))
    a, b = Dense(2)(x), Dense(2)(x)
    model = Model(x, ops.tanh(a) * b + 1.0)
    weights = [layer.get_weights() for layer in model.layers[1:]]
    (ka, ca), (kb, cb) = weights
    assert_close(model.predict(X, verbose=0), np.tanh(X @ ka + ca) * (X @ kb + cb) + 1, length=3)


def test_outputs_keep_their_form() -> None:
    x = Input((3,))
    a, b = Dense(2, name="a")(x), Dense(1, name="b")(x)
    assert isinstance(Model(x, a).predict(X, verbose=0), np.ndarray)
    assert [o.shape for o in Model(x, [a, b]).predict(X, verbose=0)] == [(4, 2), (4, 1)]
    assert {k: o.shape for k, o in Model(x, {"p": a, "q": b}).predict(X, verbose=0).items()} == {
        "p": (4, 2),
        "q": (4, 1),
    }
    assert Model(x, [a, b]).output_names == ["a", "b"]


def test_an_inner_part_is_a_model_that_shares_its_weights() -> None:
    whole = stack()
    inner = Model(whole.input, whole.layers[0].weights and whole.get_layer("one")(whole.input))
    whole.compile("sgd", "mse")
    whole.fit(X, X[:, :2], verbose=0)
    kernel, bias = whole.get_layer("one").get_weights()
    assert_close(inner.predict(X, verbose=0), X @ kernel + bias, length=3)
    whole.fit(X, X[:, :2], epochs=3, verbose=0)
    kernel, bias = whole.get_layer("one").get_weights()
    assert_close(inner.predict(X, verbose=0), X @ kernel + bias, length=3)


def test_two_models_that_share_weights_train_in_turn() -> None:
    x = Input((3,))
    shared = Dense(2, name="shared")
    first = Model(x, Dense(1, name="f")(shared(x)))
    second = Model(x, Dense(1, name="g")(shared(x)))
    data = X / 12
    y = data[:, 0]
    for model in (first, second):
        model.compile("sgd", "mse")
    kernel, bias = shared.weights
    for model in (first, second, first, second):
        before = kernel.numpy()
        model.fit(data, y, verbose=0)
        assert not np.array_equal(before, kernel.numpy())
        head = model.layers[-1].get_weights()
        expected = (data @ kernel.value + bias.value) @ head[0] + head[1]
        assert_close(model.predict(data, verbose=0), expected, length=3, steps=2)
        loss = np.mean((expected[:, 0] - y) ** 2)
        assert_close(model.train_on_batch(data, y), loss, length=4, steps=3, dtype=np.float32)


def test_a_model_on_tensors_is_a_layer() -> None:
    inner = stack()
    x = Input((3,))
    outer = Model(x, inner(x * 2.0))
    assert_close(outer.predict(X, verbose=0), inner.predict(2 * X, verbose=0), length=4, steps=2)
    assert [layer.name for layer in outer.layers] == [outer.inputs[0].node.attrs["name"], "s"]
    assert {id(w) for w in outer.weights} == {id(w) for w in inner.weights}
    with pytest.raises(ShapeError, match=r"Sequential 's': x must have shape \(B, 3\)"):
        inner(Input((4, 3)))


def test_a_deep_network_is_no_deep_recursion() -> None:
    x = y = Input((2,))
    for _ in range(400):
        y = Add()([y, x])
    assert Model(x, y).predict(np.ones((1, 2)), verbose=0)[0, 0] == 401


def test_connections_that_cannot_be() -> None:
    a, b = Input((3,), name="a"), Input((3,), name="b")
    with pytest.raises(
        ArgumentError, match=r"Model 'm': outputs must be made from the inputs alone\. Received outputs='b'"
    ):
        Model(a, Dense(1)(a + b), name="m")
    with pytest.raises(ArgumentError, match=r"Model 'm': inputs must be made by Input"):
        Model(Dense(2)(a), Dense(2)(a), name="m")
    with pytest.raises(DTypeError, match=r"Model 'm': outputs must be symbolic tensors"):
        Model(a, [3.0], name="m")
    with pytest.raises(ArgumentError, match=r"Model 'm': inputs and outputs must be given"):
        Model(name="m")


def test_layers_are_found_by_name_and_number() -> None:
    model = stack()
    assert model.get_layer("two") is model.get_layer(index=1) is model.layers[1]
    with pytest.raises(UnknownNameError, match="Did you mean 'two'"):
        model.get_layer("tow")
    with pytest.raises(ArgumentError, match="index must be between 0 and 1"):
        model.get_layer(index=2)
    with pytest.raises(ArgumentError, match="name or index must be given, not both"):
        model.get_layer()


# ---- what a person asks it ------------------------------------------------------------------------------------------


def test_evaluate_gives_a_float_without_metrics_and_a_list_with() -> None:
    model, y = stack(), X[:, :2]
    model.compile("sgd", "mse")
    assert isinstance(model.evaluate(X, y, verbose=0), float)
    model.compile("sgd", "mse", metrics=["mae", "mse"])
    values = model.evaluate(X, y, verbose=0)
    assert values[2] == nearly(values[0])
    assert list(model.evaluate(X, y, verbose=0, return_dict=True)) == ["loss", "mae", "mse"] == model.metrics_names


def test_on_batch() -> None:
    model, y = stack(), X[:, :2]
    model.compile("sgd", "mse")
    expected = np.mean((model.predict(X, verbose=0) - y) ** 2)
    assert_close(model.test_on_batch(X, y), expected, y.size, steps=2, dtype=np.float32)
    np.testing.assert_array_equal(model.predict_on_batch(X), model.predict(X, verbose=0))
    first = model.train_on_batch(X, y)
    assert_close(first, expected, y.size, steps=2, dtype=np.float32)
    expected = np.mean((model.predict(X, verbose=0) - y) ** 2)
    kept = model.train_on_batch(X, y)
    assert_close(kept, expected, y.size, steps=2, dtype=np.float32, what="by the kept plan")
    assert model.train_on_batch(X.tolist(), y.tolist(), return_dict=True).keys() == {"loss"}
    assert model.train_on_batch(X[:2], y[:2]) != first
    assert model.train_on_batch(X.astype(np.float64), y.astype(np.float64)) > 0


def the_long_way(model: Model, x: Any) -> Any:
    """predict while somebody looks on: no batch is taken for one like the last."""
    return model.predict(x, verbose=0, callbacks=[callbacks.Callback()])


@pytest.mark.parametrize("predicted", [Model.predict_on_batch, lambda m, x: m.predict(x, verbose=0)], ids=["on", "all"])
def test_batches_like_the_last_are_predicted_as_the_first(predicted: Any) -> None:
    model, y = stack(), X[:, :2]
    for x in (X, X.astype(np.float64), X[:2], X.tolist(), X[::-1], 2 * X, np.tile(X, (9, 1))):
        for _ in range(3):
            np.testing.assert_array_equal(predicted(model, x), the_long_way(model, x))
    predicted(model, X)
    model.compile("sgd", "mse")
    model.fit(X, y, verbose=0)  # moves the weights
    np.testing.assert_array_equal(predicted(model, X), the_long_way(model, X))
    model.set_weights([2 * w for w in model.get_weights()])
    np.testing.assert_array_equal(predicted(model, X), the_long_way(model, X))
    for bad in (np.float32(np.nan), np.float64(1e300)):  # too large for float32
        x = X.astype(bad.dtype)
        predicted(model, x), predicted(model, x)
        x[2, 1] = bad
        with pytest.raises(DataError, match=r"x must be (finite|within float32)\. Received x=(nan|1e\+300): x\[2, 1\]"):
            predicted(model, x)


def test_rows_of_different_lengths_in_an_array_are_predicted_unpadded() -> None:
    model = Sequential([Input((None, 2)), LSTM(3, return_sequences=True)])
    rows = np.empty(2, object)
    rows[:] = [np.ones((3, 2), "float32"), np.ones((1, 2), "float32")]
    for _ in range(3):
        assert [y.shape for y in model.predict(rows, verbose=0)] == [(3, 3), (1, 3)]


@pytest.mark.parametrize("kind", [LSTM, TimeDistributed])
def test_the_batch_size_of_an_input_is_what_it_is_where_no_other_is_given(kind: Any) -> None:
    def made(rows: int | None) -> Model:
        x = Input(batch_shape=(rows, 5, 2))
        y = LSTM(3, dropout=0.1)(x) if kind is LSTM else Flatten()(TimeDistributed(Dense(3))(x))
        model = Model(x, Dense(1)(y), seed=3)
        for i, w in enumerate(model.weights):
            w.assign(np.random.default_rng(i).normal(size=w.shape))
        model.compile("sgd", "mse")
        return model

    x = np.random.default_rng(0).normal(size=(22, 5, 2)).astype(np.float32)
    y = x[:, 0, :1]
    for given, size in ((None, 4), (4, 4), (7, 7), (22, 22)):
        named, plain = made(4), made(None)
        steps = Steps()
        options = {"epochs": 2, "validation_data": (x[:3], y[:3]), "callbacks": steps, "verbose": 0}
        first = named.fit(x, y, batch_size=given, **options).history
        assert first == plain.fit(x, y, batch_size=size, **options).history
        assert steps.seen == [-(-22 // size)] * 2
        assert named.evaluate(x, y, batch_size=given, verbose=0) == plain.evaluate(x, y, batch_size=size, verbose=0)
        assert named.train_on_batch(x[:3], y[:3]) == plain.train_on_batch(x[:3], y[:3])
        for rows in (3, 22):
            np.testing.assert_array_equal(named.predict(x[:rows], verbose=0), plain.predict(x[:rows], verbose=0))


class Steps(callbacks.Callback):
    """How many batches each `fit` has."""

    def __init__(self) -> None:
        super().__init__()
        self.seen: list[int] = []

    def on_train_begin(self, logs: Any = None) -> None:
        self.seen.append(self.params["steps"])


@pytest.mark.parametrize("stateful", [False, True])
def test_a_batch_that_is_no_number_is_refused_before_a_state_moves(stateful: bool) -> None:
    model, other = (
        Sequential([Input((None, 40)), LSTM(4, return_sequences=True, stateful=stateful)]) for _ in range(2)
    )
    other.set_weights(model.get_weights())
    x = np.random.default_rng(0).normal(size=(3, 5, 40)).astype(np.float32)
    first = [model.predict_on_batch(x) for _ in range(2)]
    assert np.array_equal(*first) is not stateful
    for bad in (np.nan, np.inf):
        wrong = x.copy()
        wrong[2, 4, 39] = bad
        with pytest.raises(DataError, match=r"x must be finite\. Received x=(nan|inf): x\[2, 4, 39\]"):
            model.predict_on_batch(wrong)
    expected = [other.predict_on_batch(x) for _ in range(3)]
    np.testing.assert_array_equal(model.predict_on_batch(x), expected[2])


def test_the_kept_plan_is_dropped_when_it_must_be() -> None:
    model, y = stack(), X[:, :2]
    model.compile("sgd", "mse")
    model.train_on_batch(X, y)
    model.get_layer("one").trainable = False
    model.compile("sgd", "mse")
    before = model.get_layer("one").get_weights()[0]
    model.train_on_batch(X, y)
    model.train_on_batch(X, y)
    np.testing.assert_array_equal(before, model.get_layer("one").get_weights()[0])


def test_the_batch_size_does_not_change_predictions() -> None:
    model = Sequential([Input((None, 2)), GRU(5), Dense(3)])
    x = np.random.default_rng(0).normal(size=(37, 6, 2)).astype(np.float32)
    whole = model.predict(x, batch_size=37, verbose=0)
    for size in (1, 5, 32):
        assert_close(model.predict(x, batch_size=size, verbose=0), whole, length=7, steps=6)


def test_one_plan_serves_every_length() -> None:
    model = Sequential([Input((None, 2)), SimpleRNN(3)])
    for steps in (1, 7, 3):
        assert model.predict(np.ones((2, steps, 2)), verbose=0).shape == (2, 3)
    assert len(model.make_steps()._plans) == 1


def test_dropout_drops_in_training_only() -> None:
    model = Sequential([Input((3,)), Dropout(0.5)])
    np.testing.assert_array_equal(model.predict(X, verbose=0), X)


def test_weights_in_and_out() -> None:
    model, other = stack(), stack()
    other.set_weights(model.get_weights())
    np.testing.assert_array_equal(model.predict(X, verbose=0), other.predict(X, verbose=0))
    assert model.count_params() == 26


def test_float64() -> None:
    from elman import settings

    settings.set_floatx("float64")
    model = stack()
    model.compile("adam", "mse", metrics=["mae"])
    model.fit(X, X[:, :2], verbose=0)
    assert model.predict(X, verbose=0).dtype == np.float64
    assert all(w.dtype == np.float64 for w in model.get_weights())
