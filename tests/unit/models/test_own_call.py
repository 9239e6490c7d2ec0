"""Models that are classes with a `call` of their own: what they see first makes them models like any other."""

from __future__ import annotations

import copy
import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from elman import Model, Sequential, load_model, ops
from elman.decoding import Decoder
from elman.errors import ArgumentError, DTypeError, NotBuiltError, ShapeError
from elman.inspect import gradient_flow
from elman.layers import (
    GRU,
    LSTM,
    BatchNormalization,
    Concatenate,
    Dense,
    Dropout,
    Embedding,
    Flatten,
    Input,
    TimeDistributed,
    register,
)
from elman.models import clone_model, model_from_json
from tests.tolerances import assert_close

R = np.random.default_rng(0)
X = R.normal(size=(8, 6, 3)).astype(np.float32)
TABLE = R.normal(size=(8, 4)).astype(np.float32)
TAGS = R.integers(0, 5, (8, 6))
Y = R.normal(size=(8, 2)).astype(np.float32)
LOSS = "sparse_categorical_crossentropy"


@register
class Tagger(Model):
    def __init__(self, units: int) -> None:
        super().__init__()
        self.units = units
        self.rnn = LSTM(units, return_sequences=True)
        self.drop = Dropout(0.5, seed=1)
        self.out = Dense(5, activation="softmax")

    def call(self, x: Any, training: bool | None = None, mask: Any = None) -> Any:
        return self.out(self.drop(self.rnn(x, mask=mask), training=training))


@register
class Parted(Model):
    """Several inputs by name, layers in a list that grows and in a dict, two outputs by name."""

    def __init__(self, depth: int = 2, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.depth = depth
        self.blocks: list[Any] = []
        for _ in range(depth):
            self.blocks.append(GRU(4, return_sequences=True))
        self.static = Dense(4, activation="tanh")
        self.heads = {"main": Dense(2), "aux": Dense(1)}

    def call(self, x: Any) -> Any:
        h = x["steps"]
        for block in self.blocks:
            h = block(h)
        h = h[:, -1] * self.static(x["table"])
        return {name: head(h) for name, head in self.heads.items()}


class Pair(Model):
    def __init__(self) -> None:
        super().__init__()
        self.steps, self.table, self.join, self.top = GRU(4), Dense(4), Concatenate(), Dense(2)

    def call(self, x: Any) -> Any:
        steps, table = x
        return self.top(self.join([self.steps(steps), self.table(table)]))


@register
class Scaled(Model):
    """Weights of its own, and a penalty."""

    def __init__(self) -> None:
        super().__init__()
        self.top = Dense(2)

    def build(self, input_shape: Any) -> None:
        self.scale = self.add_weight("scale", (input_shape[-1],), "ones", regularizer="l2")
        super().build(input_shape)

    def call(self, x: Any) -> Any:
        made = self.top(x * self.scale)
        self.add_loss(0.1 * ops.mean(made * made))
        return made


def fitted(**options: Any) -> Tagger:
    model = Tagger(4)
    model.compile("adam", LOSS, **options)
    model.fit(X, TAGS, verbose=0)
    return model


def same(a: Model, b: Model) -> bool:
    return np.array_equal(a.predict(X, verbose=0), b.predict(X, verbose=0))


def test_it_is_the_functional_model_of_the_same_layers() -> None:
    mine = Tagger(4)
    mine.build((None, None, 3))
    start = Input((None, 3))
    steps = LSTM(4, return_sequences=True)(start)
    other = Model(start, Dense(5, activation="softmax")(Dropout(0.5, seed=1)(steps)))
    other.set_weights(mine.get_weights())
    assert same(mine, other)
    for model in (mine, other):
        model.compile("adam", LOSS, metrics=["accuracy"])
    rows = [X[0], X[1, :3], X[2, :4]], [TAGS[0], TAGS[1, :3], TAGS[2, :4]]
    histories = [model.fit(X, TAGS, epochs=3, shuffle=False, verbose=0).history for model in (mine, other)]
    assert histories[0] == histories[1]
    ragged = [model.fit(*rows, epochs=2, shuffle=False, verbose=0).history for model in (mine, other)]
    assert ragged[0] == ragged[1]
    assert same(mine, other)
    assert [p.shape for p in mine.predict(rows[0], verbose=0)] == [(6, 5), (3, 5), (4, 5)]


@pytest.mark.parametrize(
    "first",
    [
        lambda m: m.predict(X, verbose=0),
        lambda m: m.predict_on_batch(X),
        lambda m: m.evaluate(X, TAGS, verbose=0),
        lambda m: m.train_on_batch(X, TAGS),
        lambda m: m.fit(X, TAGS, verbose=0),
        lambda m: m.fit(iter([(X, TAGS)]), verbose=0),
        lambda m: m(X),
        lambda m: m(Input((None, 3))),
        lambda m: m.build((None, None, 3)),
        lambda m: Sequential([m, Dense(1)]).predict(X, verbose=0),
    ],
)
def test_what_it_sees_first_makes_it(first: Any) -> None:
    model = Tagger(4)
    model.compile("sgd", LOSS)
    assert not model.built
    assert not model.weights
    first(model)
    assert model.built
    assert model.input_shape == (None, None, 3)
    assert model.output_shape == (None, None, 5)
    assert model.count_params() == 4 * 4 * (3 + 4 + 1) + 25
    assert model.predict(X[:, :2], verbose=0).shape == (8, 2, 5)
    assert model.evaluate(X, TAGS, verbose=0) > 0


def test_before_that_there_is_no_shape() -> None:
    model = Tagger(4)
    lines: list[str] = []
    model.summary(print_fn=lines.append)
    assert sum("0 (unbuilt)" in line for line in lines) == 3
    rule = (
        r"Tagger 'tagger.*': the shape of its input must be known\. Call build\(\(None, \.\.\.\)\), or call fit or pred"
    )
    asked = (lambda: model.predict(None), model.count_params, model.stream, lambda: model.input, lambda: model.output)
    for ask in (*asked, lambda: model.output_shape):
        with pytest.raises(NotBuiltError, match=rule):
            ask()
    assert [layer.name for layer in model.layers] == [model.rnn.name, model.drop.name, model.out.name]


def test_streams_and_gradients_are_those_of_any_model() -> None:
    model = fitted()
    stream, whole = model.stream(8), model.predict(X, verbose=0)
    for t in range(6):
        np.testing.assert_array_equal(stream.step(X[:, t]), whole[:, t])
    assert [layer.name for layer in gradient_flow(model, X, TAGS)] == [model.rnn.name]

    class Turned(Tagger):
        def call(self, x: Any, training: bool | None = None, mask: Any = None) -> Any:
            return super().call(x)[:, ::-1]

    turned = Turned(4)
    turned.build((None, None, 3))
    with pytest.raises(ArgumentError, match="between layers only element-wise ones keep to a step"):
        turned.stream()


def test_it_is_saved_copied_and_cloned(tmp_path: Path) -> None:
    model = fitted(metrics=["accuracy"])
    model.rnn.trainable = False
    model.compile("adam", LOSS, metrics=["accuracy"])
    model.save(tmp_path / "m.safetensors")
    for other in (load_model(tmp_path / "m.safetensors"), copy.deepcopy(model), pickle.loads(pickle.dumps(model))):
        assert type(other) is Tagger
        assert other.units == 4
        assert (other.rnn.trainable, other.out.trainable) == (False, True)
        assert same(model, other)
        assert other.evaluate(X, TAGS, verbose=0) == model.evaluate(X, TAGS, verbose=0)
    model.save_weights(tmp_path / "w.safetensors")
    for fresh in (clone_model(model), model_from_json(model.to_json())):
        assert fresh.output_shape == model.output_shape
        assert not same(model, fresh)
        fresh.load_weights(tmp_path / "w.safetensors")
        assert same(model, fresh)
    assert not copy.deepcopy(Tagger(3)).built


def test_a_class_that_cannot_be_told_is_told_how(tmp_path: Path) -> None:
    class Nameless(Tagger):
        pass

    class Forgetful(Model):
        def __init__(self, size: int) -> None:
            super().__init__()
            self.top = Dense(size)

        def call(self, x: Any) -> Any:
            return self.top(x)

    model = Nameless(4)
    model.build((None, None, 3))
    for told in (lambda: model.save(tmp_path / "m"), lambda: copy.deepcopy(model), model.to_json):
        with pytest.raises(
            ArgumentError, match=r"Nameless '.*': class must be registered to be saved.*@elman\.layers\.reg"
        ):
            told()
    with pytest.raises(ArgumentError, match=r"size must be stored under its own name\. .*Write self\.size = size"):
        Forgetful(4).get_config()


def test_it_stands_in_other_models(tmp_path: Path) -> None:
    start, inner = Input((None, 3)), Tagger(4)
    model = Model(start, Dense(1)(inner(start)))
    model.compile("sgd", "mse")
    before = inner.get_weights()
    model.fit(X, X[:, :, :1], verbose=0)
    assert all((a != b).any() for a, b in zip(before, inner.get_weights(), strict=True))
    model.save(tmp_path / "m.safetensors")
    assert same(load_model(tmp_path / "m.safetensors"), model)
    assert inner.predict(X, verbose=0).shape == (8, 6, 5)
    wrapped = Sequential([Input((2, None, 3)), TimeDistributed(Tagger(4))])
    assert wrapped.predict(X[:, None].repeat(2, 1), verbose=0).shape == (8, 2, 6, 5)


def test_models_with_further_arguments_are_parts_of_others() -> None:
    class Encoder(Model):
        def __init__(self) -> None:
            super().__init__()
            self.rnn = GRU(4, return_state=True)

        def call(self, x: Any) -> Any:
            return self.rnn(x)

    class Writer(Model):
        def __init__(self) -> None:
            super().__init__()
            self.rnn = GRU(4, return_sequences=True)
            self.top = Dense(2)

        def call(self, x: Any, memory: Any) -> Any:
            return self.top(self.rnn(x, initial_state=memory))

    class Translator(Model):
        def __init__(self) -> None:
            super().__init__()
            self.encoder, self.writer = Encoder(), Writer()

        def call(self, x: Any) -> Any:
            _, memory = self.encoder(x[0])
            return self.writer(x[1], memory)

    model = Translator()
    model.compile("adam", "mse")
    model.fit([X, X[:, :5]], X[:, :5, :2], verbose=0)
    lines: list[str] = []
    model.summary(print_fn=lines.append, expand_nested=True)
    assert not any("unbuilt" in line for line in lines)
    assert len(model.weights) == 8
    assert model.predict([X, X[:, :2]], verbose=0).shape == (8, 2, 2)


def test_several_inputs_and_outputs_come_and_go_by_name(tmp_path: Path) -> None:
    model = Parted(name="parted")
    model.compile("adam", {"main": "mse", "aux": "mae"})
    data, targets = {"steps": X, "table": TABLE}, {"main": Y, "aux": Y[:, :1]}
    history = model.fit(data, targets, verbose=0).history
    assert sorted(history) == ["aux_loss", "loss", "main_loss"]
    assert model.input_shape == [(None, None, 3), (None, 4)]
    names = [layer.name for layer in model.layers]
    assert names == [layer.name for layer in (*model.blocks, model.static, *model.heads.values())]
    before = model.get_weights()
    model.fit(data, targets, verbose=0)
    assert all((a != b).any() for a, b in zip(before, model.get_weights(), strict=True))
    model.save(tmp_path / "m.safetensors")
    other = load_model(tmp_path / "m.safetensors")
    assert other.name == "parted"
    for name, made in model.predict(data, verbose=0).items():
        np.testing.assert_array_equal(other.predict(data, verbose=0)[name], made)


@pytest.mark.parametrize("data", [[X, TABLE], (X, TABLE), [[*list(X[:, :4]), X[0, :2]], TABLE[[*range(8), 0]]]])
def test_several_inputs_come_in_a_list(data: Any) -> None:
    model = Pair()
    assert model.predict(data, verbose=0).shape == (len(data[0]), 2)
    assert model.input_shape == [(None, None, 3), (None, 4)]
    told = Pair()
    told.build([(None, None, 3), (None, 4)])
    assert told.input_shape == model.input_shape


def test_a_list_of_arrays_of_one_shape_is_what_call_takes() -> None:
    class Difference(Pair):
        def call(self, x: Any) -> Any:
            return self.top(self.table(x[0]) - self.table(x[1]))

    class Alone(Pair):
        def call(self, x: Any) -> Any:
            return self.top(self.steps(x))

    both = Difference()
    assert both.predict([TABLE, TABLE], verbose=0).shape == (8, 2)
    rows = Alone()
    np.testing.assert_array_equal(rows.predict(list(X), verbose=0), rows.predict(X, verbose=0))


def test_weights_and_penalties_of_its_own(tmp_path: Path) -> None:
    model = Scaled()
    model.compile("sgd", "mse")
    model.fit(TABLE, Y, verbose=0)
    assert (model.scale.numpy() != 1).any()
    made = model.predict(TABLE, verbose=0)
    wanted = ((made - Y) ** 2).mean() + 0.1 * (made**2).mean() + 0.01 * (model.scale.numpy() ** 2).sum()
    assert_close(np.float32(model.evaluate(TABLE, Y, verbose=0)), wanted, made.size)
    model.save(tmp_path / "m.safetensors")
    np.testing.assert_array_equal(load_model(tmp_path / "m.safetensors").predict(TABLE, verbose=0), made)
    assert model.count_params() == 4 + 10
    lines: list[str] = []
    model.summary(print_fn=lines.append)
    assert any("Total params: 14 " in line for line in lines)
    by_hand = Scaled()
    by_hand.build((None, 4))
    assert by_hand.scale.shape == (4,)
    by_hand.predict(TABLE, verbose=0)
    assert len(by_hand.weights) == 3


def test_training_is_told_and_what_is_called_in_it_alone_has_weights() -> None:
    class Aided(Model):
        def __init__(self) -> None:
            super().__init__()
            self.aid, self.norm, self.top = Dense(4), BatchNormalization(), Dense(2)

        def call(self, x: Any, training: bool = False) -> Any:
            x = self.norm(x)
            return self.top(self.aid(x) if training else x)

    model = Aided()
    model.compile("sgd", "mse")
    model.predict(TABLE, verbose=0)
    before = [w.numpy() for w in (*model.aid.weights, model.norm.moving_mean)]
    assert len(before) == 3
    model.fit(TABLE, Y, verbose=0)
    after = [w.numpy() for w in (*model.aid.weights, model.norm.moving_mean)]
    assert all((a != b).any() for a, b in zip(before, after, strict=True))


def test_masks_and_states_go_as_in_any_model() -> None:
    class Words(Model):
        def __init__(self) -> None:
            super().__init__()
            self.look, self.rnn = Embedding(9, 4, mask_zero=True), GRU(3, stateful=True)

        def call(self, x: Any, mask: Any = None) -> Any:
            return self.rnn(self.look(x))

    model, words = Words(), np.array([[1, 2, 0], [3, 4, 5]])
    first = model.predict(words, verbose=0)
    assert model.input_shape == (None, None)
    assert not np.array_equal(model.predict(words, verbose=0), first)
    model.reset_states()
    np.testing.assert_array_equal(model.predict(words[:, :2], verbose=0)[0], first[0])
    for early in (lambda m: m.build((None, None)), lambda m: m(np.zeros((1, 5)))):
        early(other := Words())
        assert other.inputs[0].dtype == "int32"
        assert other.input_shape == (None, None)


def test_call_is_told_which_steps_are_real() -> None:
    class Count(Model):
        def call(self, x: Any, mask: Any = None) -> Any:
            return ops.sum(ops.cast(mask.tensor(x.shape[1]), "float32"), 1, keepdims=True) if mask else x[:, -1, :1]

    counted = Count()
    counted.build((None, None, 3))
    assert counted.predict([X[0], X[1, :3]], verbose=0).tolist() == [[6], [3]]


def test_axes_stay_open_where_call_allows() -> None:
    class Flat(Model):
        def __init__(self) -> None:
            super().__init__()
            self.flat, self.top = Flatten(), Dense(2)

        def call(self, x: Any) -> Any:
            return self.top(self.flat(x))

    class Steps(Flat):
        def call(self, x: Any) -> Any:
            return sum(self.top(x[:, t]) for t in range(x.shape[1]))

    for kind in (Flat, Steps):
        model = kind()
        assert model.predict(X, verbose=0).shape == (8, 2)
        assert model.input_shape == (None, 6, 3)
    whole = Flat()
    whole.predict(np.arange(8).reshape(2, 4), verbose=0)
    assert whole.input_shape == (None, 4)


def test_frozen_is_frozen_before_and_after() -> None:
    late = Parted()
    late.trainable = False
    for model in (late, Parted(trainable=False)):
        model.build({"steps": (None, None, 3), "table": (None, 4)})
        assert len(model.weights) == 12
        assert not model.trainable_weights


def refused(call: Any, **attributes: Any) -> Model:
    class Mine(Model):
        def __init__(self) -> None:
            super().__init__()
            self.top = Dense(2)

    Mine.call = call  # type: ignore[method-assign]
    for name, value in attributes.items():
        setattr(Mine, name, value)
    return Mine()


def test_what_cannot_work_is_told_with_its_cure() -> None:
    rule = r"Mine '.*': layers must be stored as attributes\. Received layers=\"Dense 'made'\"\. Make it in __init__"
    with pytest.raises(ArgumentError, match=rule):
        refused(lambda self, x: Dense(2, name="made")(x)).predict(TABLE, verbose=0)
    with pytest.raises(DTypeError, match=r"condition must be known while tracing.*elman\.ops\.where"):
        refused(lambda self, x: self.top(x if ops.mean(x) > 0 else -x)).predict(TABLE, verbose=0)
    rule = r"Mine '.*': what call gives must be a tensor, or a list or dict of tensors\. Received NoneType\. Compute it"
    with pytest.raises(DTypeError, match=rule):
        refused(lambda self, x: None).predict(TABLE, verbose=0)
    rule = r"Mine '.*': class must be without train_step, which nobody calls\..* A step is one compiled plan"
    with pytest.raises(ArgumentError, match=rule):
        refused(lambda self, x: self.top(x), train_step=lambda self, data: None)
    rule = r"what call gives must be 1 tensors, as before\. Received what call gives=2\. Let call give as many"
    uneven = refused(_uneven)
    uneven.compile("sgd", "mse")
    with pytest.raises(ArgumentError, match=rule):
        uneven.fit(TABLE, Y, verbose=0)
    with pytest.raises(
        ArgumentError, match=r"build: input_shape must be a shape with the batch first\. Received .*=4\."
    ):
        refused(lambda self, x: self.top(x)).build(4)
    seen = refused(lambda self, x: self.top(x))
    seen.predict(TABLE, verbose=0)
    with pytest.raises(ShapeError, match=r"Mine '.*': x must have shape \(B, 4\)\. Received shape \(8, 2\)"):
        seen.predict(Y, verbose=0)


def _uneven(self: Any, x: Any, training: bool = False) -> Any:
    made = self.top(x)
    return [made, made] if training else made


def test_what_is_done_with_any_model_is_done_with_it() -> None:
    class Language(Model):
        def __init__(self) -> None:
            super().__init__()
            self.look, self.rnn, self.top = Embedding(9, 64), GRU(64, return_sequences=True), Dense(9, "softmax")

        def call(self, x: Any) -> Any:
            return self.top(self.rnn(self.look(x)))

    model, tokens = Language(), R.integers(0, 9, (8, 12))
    model.compile("adam", LOSS, scheduled_sampling=0.25, recompute=3)
    model.fit(tokens, tokens, verbose=0)
    model.compile("adam", LOSS)
    model.fit(tokens, tokens, truncate=4, batch_size=2, verbose=0)
    assert len(Decoder(model).greedy(tokens[:2, :3], length=4).rows()) == 2
    whole = model.predict(tokens, verbose=0)
    model.quantize()
    assert 0 < np.abs(model.predict(tokens, verbose=0) - whole).max() < 0.01
