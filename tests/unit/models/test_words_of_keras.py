"""What people who know Keras type from memory: it works, or says what to write instead."""

from __future__ import annotations

import copy
import inspect
import pickle
from typing import Any

import numpy as np
import pytest

import elman
from elman import constraints, initializers, layers, losses, metrics, optimizers, regularizers
from elman.errors import ArgumentError, ElmanError
from elman.layers import LSTM, BatchNormalization, Dense, Input
from elman.models import Model, Sequential, clone_model

X = np.arange(12, dtype=np.float32).reshape(4, 3) / 12


def model() -> Sequential:
    made = Sequential([Input((3,)), Dense(4, name="h"), BatchNormalization(), Dense(1)], name="m")
    made.compile("sgd", "mse")
    return made


def test_variables_are_weights() -> None:
    made = model()
    made.layers[0].trainable = False
    for thing in (made, *made.layers):
        assert thing.variables == thing.weights
        assert thing.trainable_variables == thing.trainable_weights
        assert thing.non_trainable_variables == thing.non_trainable_weights
    assert (len(made.trainable_variables), len(made.non_trainable_variables)) == (4, 4)


def test_inputs_of_a_functional_model_are_layers() -> None:
    a, b = Input((None,), dtype="int32", name="a"), Input((2,), name="b")
    words = layers.GRU(2, name="g")(layers.Embedding(5, 3, name="e")(a))
    made = Model([a, b], Dense(1, name="b_")(layers.concatenate([words, b], name="c")))
    assert [layer.name for layer in made.layers] == ["a", "b", "e", "g", "c", "b_"]
    assert made.layers[0].output is a and made.layers[0].dtype == "int32" and made.layers[0] is made.layers[0]
    assert made.get_layer("b").output is b and made.get_layer(index=2).name == "e" and not made.layers[1].weights
    parts = Model(made.input, [layer.output for layer in made.layers])
    assert len(parts.predict([np.ones((2, 3)), np.ones((2, 2))], verbose=0)) == 6
    same = Model(x := Input((3,), name="d"), Dense(1, name="d")(x))
    assert same.get_layer("d").units == 1 and [layer.name for layer in same.layers] == ["d", "d"]
    for again in (clone_model(made), pickle.loads(pickle.dumps(made))):
        assert [layer.name for layer in again.layers] == [layer.name for layer in made.layers]


@pytest.mark.parametrize(
    ("layer", "known"),
    [
        (Dense(1, name="l"), "'mask', 'training'"),
        (LSTM(1, name="l"), "'initial_state', 'mask', 'training'"),
        (layers.Attention(name="l"), ".*'use_causal_mask'"),
    ],
)
def test_an_argument_that_a_call_does_not_have_is_refused_with_those_it_has(layer: Any, known: str) -> None:
    rule = rf"^{type(layer).__name__} 'l': argument must be a known name\. .*='states'\. .*Known: {known}"
    with pytest.raises(ArgumentError, match=rule):
        layer(Input((None, 3)), states=1)

    class Free(layers.Layer):
        def call(self, x: Any, **more: Any) -> Any:
            return x * more["states"]

    assert Free()(Input((3,)), states=2.0).shape[1:] == (3,)


def functional() -> Model:
    x = Input((None, 3), name="x")
    y, *states = LSTM(4, return_state=True)(x)
    return Model(x, {"y": Dense(1, name="y")(y), "z": states[1] * 2.0}, name="two")


@pytest.mark.parametrize("make", [model, functional])
def test_a_clone_has_the_architecture_and_weights_of_its_own(make: Any) -> None:
    made = make()
    clone = clone_model(made)
    assert clone.get_config() == made.get_config() and type(clone) is type(made)
    assert [w.shape for w in clone.weights] == [w.shape for w in made.weights]
    assert not {id(w) for w in clone.weights} & {id(w) for w in made.weights}
    assert not np.array_equal(clone.get_weights()[0], made.get_weights()[0])
    assert not clone.compiled
    clone.set_weights(made.get_weights())
    x = np.ones((2, 5, 3) if make is functional else (2, 3), np.float32)
    np.testing.assert_equal(clone.predict(x, verbose=0), made.predict(x, verbose=0))


@pytest.mark.parametrize(
    ("name", "cure"),
    [
        ("fit_generator", "fit takes generators."),
        ("predict_classes", r"predict\(x\)\.argmax\(-1\) are the likeliest classes"),
        ("predict_proba", "predict gives the probabilities."),
        ("train_step", "A step is one compiled plan"),
        ("metrics", "metrics_names are their names"),
    ],
)
def test_what_models_of_keras_have_says_what_to_write_instead(name: str, cure: str) -> None:
    with pytest.raises(ElmanError, match=rf"^Sequential 'm': there is no {name}\. {cure}"):
        getattr(model(), name)
    assert not hasattr(model(), name)
    assert name not in dir(model())


def test_other_attributes_that_there_are_not_are_told_as_ever() -> None:
    made = model()
    with pytest.raises(AttributeError, match=r"^'Sequential' object has no attribute 'nothing'$"):
        made.nothing  # noqa: B018
    with pytest.raises(AttributeError, match=r"^Adam: there is no lr\. It is called learning_rate\.$"):
        optimizers.Adam().lr  # noqa: B018
    for thing in (made, made.optimizer):
        again = copy.deepcopy(thing)
        assert type(again) is type(thing) and type(pickle.loads(pickle.dumps(thing))) is type(thing)


def test_a_property_that_fails_says_why() -> None:
    class Mine(optimizers.SGD):
        @property
        def told(self) -> float:
            return float(self.missing)

    with pytest.raises(AttributeError, match="no attribute 'missing'"):
        Mine().told  # noqa: B018


def test_a_model_without_a_call_says_how_to_write_it() -> None:
    class Mine(Model):
        def __init__(self) -> None:
            super().__init__()
            self.top = Dense(1)

    rule = r"^Mine 'mine.*': inputs and outputs must be given\. .* Give them to super\(\).__init__, or write call\("
    with pytest.raises(ArgumentError, match=rule):
        Mine()


@pytest.mark.parametrize(
    ("kind", "cure"),
    [
        (
            metrics.Metric,
            r"Metric needs\. .*: no result and no updates\. Write result\(self\) and updates\(self, y_true,",
        ),
        (losses.Loss, r"Loss needs\. .*: no call\. Write call\(self, y_true, y_pred\)\."),
        (layers.Layer, r"Layer needs\. .*: no call\. Write call\(self, x, \*args\)\."),
        (layers.Cell, r"Cell needs\. .*: no step\. Write step\(self, x, \*states\)\."),
        (initializers.Initializer, r"Initializer needs\. .*: no draw\. Write draw\(self, shape, rng\)\."),
        (optimizers.Optimizer, r"Optimizer needs\. .*: no slots and no step\."),
    ],
)
def test_a_class_that_lacks_a_method_says_which_to_write(kind: Any, cure: str) -> None:
    mine = type("Mine", (kind,), {"update_state": lambda self: None})
    with pytest.raises(ArgumentError, match=rf"^Mine: class must have what {cure}"):
        mine()


def test_classes_go_by_their_small_names_too() -> None:
    assert regularizers.l2 is regularizers.L2 and regularizers.l1_l2 is regularizers.L1L2
    assert constraints.max_norm is constraints.MaxNorm
    assert initializers.glorot_uniform(seed=1).seed == 1
    for room in (regularizers, constraints, initializers):
        for name in room.__all__:
            if inspect.isclass(getattr(room, name)) and not inspect.isabstract(getattr(room, name)):
                assert getattr(room, layers.registry.snake_case(name)) is getattr(room, name)
        with pytest.raises(AttributeError, match=r"has no attribute 'l3'\. .*Known: "):
            room.l3  # noqa: B018


@pytest.mark.parametrize(
    ("part", "cure"), [("utils", "pad_sequences: a list of ragged"), ("backend", "elman.ops"), ("saving", "register")]
)
def test_parts_of_keras_that_are_not_here_are_told_of(part: str, cure: str) -> None:
    with pytest.raises(AttributeError, match=rf"^module 'elman' has no attribute '{part}'\. .*{cure}"):
        getattr(elman, part)
    with pytest.raises(AttributeError, match=r"^module 'elman' has no attribute 'nothing'\.$"):
        elman.nothing  # noqa: B018


# ---- what they forget -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("below", "told"),
    [
        ([LSTM(3, name="l")], "LSTM 'l'"),
        ([LSTM(3, name="l"), layers.Dropout(0.2), layers.LayerNormalization()], "LSTM 'l'"),
        ([layers.Bidirectional(LSTM(3), name="b")], "the layer in Bidirectional 'b'"),
        ([layers.RNN(layers.GRUCell(3), name="r")], "RNN 'r'"),
    ],
)
def test_a_stack_without_return_sequences_says_where_they_are_missing(below: list[Any], told: str) -> None:
    rule = rf"no time axis\. Pass return_sequences=True to {told}: it gives its last step alone\.$"
    for top in (layers.GRU(2), layers.Conv1D(2, 2)):
        with pytest.raises(ElmanError, match=rule):
            Sequential([Input((6, 3)), *copy.deepcopy(below), top])


def test_where_no_recurrent_layer_is_to_blame_an_axis_is_asked_for() -> None:
    with pytest.raises(ElmanError, match=r"no time axis\. Add one with x\[:, None, :\]"):
        Sequential([Input((6, 3)), LSTM(3), Dense(2), layers.Flatten(), LSTM(2)])


@pytest.mark.parametrize(
    ("units", "loss", "y", "cure"),
    [
        (3, "categorical_crossentropy", np.zeros(4, int), "for class numbers compile sparse_categorical_crossentropy"),
        (
            3,
            "sparse_categorical_crossentropy",
            np.eye(3)[[0, 1, 2, 0]],
            "for one-hot targets compile categorical",
        ),
        (2, "binary_crossentropy", np.zeros(4), "Give 2 numbers each, or end with a layer of 1 unit"),
        (3, "mse", np.zeros((4, 2)), "Give 3 numbers each, or end with a layer of 1 unit"),
    ],
)
def test_targets_of_another_kind_say_which_loss_takes_them(units: int, loss: str, y: Any, cure: str) -> None:
    made = Sequential([Input((3,)), Dense(units)])
    made.compile("sgd", loss)
    with pytest.raises(ElmanError, match=rf": y must have shape .*{cure}"):
        made.fit(X, y, verbose=0)


def test_layers_that_join_tensors_are_functions_too() -> None:
    a, b = Input((4,)), Input((4,))
    for name in ("add", "average", "maximum", "minimum", "multiply", "subtract"):
        made = getattr(layers, name)([a, b], name=f"my_{name}")
        assert type(made.origin.layer).__name__ == name.capitalize() and made.origin.layer.name == f"my_{name}"
    assert layers.concatenate([a, b], axis=1).shape[1:] == layers.concatenate([a, b], -1).shape[1:] == (8,)
    assert layers.dot([a, b], axes=1, normalize=True).shape[1:] == (1,)
    for call in (lambda: layers.Add()(a, b), lambda: layers.add(a, b), lambda: layers.add(a)):
        with pytest.raises(ArgumentError, match=r"Add 'add.*': x must be a list of tensors\. .* Call Add"):
            call()
