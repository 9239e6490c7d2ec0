"""Models as files: what comes back, and what is said when it cannot."""

from __future__ import annotations

import copy
import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import save_file

from elman import ops
from elman.errors import ArgumentError, FileFormatError, NotBuiltError, OverwriteError, WeightsError
from elman.layers import (
    GRU,
    Bidirectional,
    Dense,
    Input,
    InputLayer,
    Lambda,
    Layer,
    MixtureOfExperts,
    TimeDistributed,
    register,
)
from elman.layers.initializers import GlorotUniform, Orthogonal, Zeros, rng, set_seed
from elman.losses import Huber
from elman.metrics import MeanAbsoluteError
from elman.models import Model, Sequential, load_model, model_from_json
from elman.optimizers import Adam
from elman.optimizers.schedules import ExponentialDecay
from elman.training import read, write

X, Y = np.linspace(0, 1, 24, dtype=np.float32).reshape(4, 3, 2), np.arange(4.0)


def model(units: int = 3, name: str = "m") -> Sequential:
    made = Sequential([Input((None, 2)), GRU(units, name="memory"), Dense(1)], name=name)
    made.compile(Adam(0.01), "mse", metrics=["mae"])
    return made


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "m.safetensors"


def test_a_file_has_keras_like_names(path: Path) -> None:
    layers = [
        Input((None, 2)),
        Bidirectional(GRU(2, return_sequences=True)),
        TimeDistributed(Dense(2)),
        GRU(2),
        Dense(1),
        Dense(1),
    ]
    Sequential(layers).save(path)
    kernels = {name for name in read(path).tensors if name.endswith("/kernel")}
    assert kernels == {
        "bidirectional/forward_gru/gru_cell/kernel",
        "bidirectional/backward_gru/gru_cell/kernel",
        "time_distributed/dense/kernel",
        "gru/gru_cell/kernel",
        "dense/kernel",
        "dense_1/kernel",
    }


def block(first: Any = None) -> Sequential:
    """Two layers of one kind; first: an Input, which builds them at once."""
    return Sequential([*([] if first is None else [first]), Dense(3, activation="tanh"), Dense(3)])


NESTED = {
    "model": lambda first: [block(first)],
    "models": lambda first: [Sequential([block(first), Dense(2)]), block()],
    "model_of_steps": lambda first: [TimeDistributed(block(first and InputLayer((2,))))],
    "experts": lambda first: [MixtureOfExperts([block(first), block(first)])],
}


@pytest.mark.parametrize("kind", NESTED)
def test_models_inside_a_model_come_back_whenever_they_were_built(kind: str, path: Path) -> None:
    late = Sequential([Input((None, 2)), *NESTED[kind](None), GRU(2)])
    early = Sequential([Input((None, 2)), *NESTED[kind](InputLayer((None, 2))), GRU(2)])
    expected = late.predict(X, verbose=0)
    late.save(path)
    for loaded in (load_model(path), copy.deepcopy(late)):
        np.testing.assert_array_equal(loaded.predict(X, verbose=0), expected)
    late.save_weights(path)
    early.load_weights(path)
    np.testing.assert_array_equal(early.predict(X, verbose=0), expected)


def test_names_of_before_are_read_of_models_inside_a_model(path: Path) -> None:
    made = Sequential([Input((None, 2)), block(Input((None, 2))), GRU(2)])
    made.save_weights(path)
    contents = read(path)
    before = {
        "sequential/kernel": "sequential/dense/kernel",
        "sequential/bias": "sequential/dense/bias",
        "sequential/kernel_1": "sequential/dense_1/kernel",
        "sequential/bias_1": "sequential/dense_1/bias",
        **{name: name for name in contents.tensors if name.startswith("gru")},
    }
    write(path, {name: contents.tensors[today] for name, today in before.items()}, contents.metadata)
    expected = made.predict(X, verbose=0)
    made.set_weights([w * 0.0 for w in made.get_weights()])
    made.load_weights(path)
    np.testing.assert_array_equal(made.predict(X, verbose=0), expected)


def test_training_goes_on_after_loading(path: Path) -> None:
    whole = model()
    whole.fit(X, Y, epochs=2, shuffle=False, verbose=0)
    whole.save(path)
    again = load_model(path)
    a = whole.fit(X, Y, epochs=2, shuffle=False, verbose=0).history
    b = again.fit(X, Y, epochs=2, shuffle=False, verbose=0).history
    assert a == b
    assert list(a) == ["loss", "mae"]


def test_what_was_compiled_comes_back(path: Path) -> None:
    made = model()
    made.compile(
        Adam(ExponentialDecay(0.1, 10, 0.5), clipnorm=1.0), Huber(delta=2.0), metrics=[MeanAbsoluteError(), "mse"]
    )
    made.save(path)
    again = load_model(path)
    assert again.optimizer.get_config() == made.optimizer.get_config()
    assert again.evaluate(X, Y, verbose=0) == made.evaluate(X, Y, verbose=0)
    assert not load_model(path, compile=False).compiled


def test_a_loss_of_ones_own_is_compiled_again_by_hand(path: Path) -> None:
    made = model()
    made.compile("sgd", lambda y_true, y_pred: ops.mean(ops.abs(y_true - y_pred), -1))
    made.save(path)
    again = load_model(path)
    np.testing.assert_array_equal(again.predict(X, verbose=0), made.predict(X, verbose=0))
    with pytest.raises(NotBuiltError, match=r"evaluate needs a compiled model\. Call compile"):
        again.evaluate(X, Y)


def test_an_existing_file_may_be_kept(path: Path) -> None:
    model().save(path)
    with pytest.raises(OverwriteError, match="filepath must not exist yet"):
        model().save(path, overwrite=False)


def test_weights_of_another_model_are_refused_and_nothing_changes(path: Path) -> None:
    model(units=4).save_weights(path)
    made = model()
    before = made.get_weights()
    with pytest.raises(
        WeightsError, match=r"Sequential 'm': weight 'memory/gru_cell/kernel' must be of shape \(2, 9\)"
    ):
        made.load_weights(path)
    other = Sequential([Input((None, 2)), GRU(3, name="other"), Dense(1)])
    with pytest.raises(WeightsError, match=r"missing: other/gru_cell/kernel, .*; unknown: memory/gru_cell/"):
        other.load_weights(path)
    for a, b in zip(before, made.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)
    made.load_weights(path, skip_mismatch=True)


def test_kinds_of_files_are_told_apart(path: Path) -> None:
    made = model()
    made.save_weights(path)
    with pytest.raises(FileFormatError, match=r"it is a weights file\. Build the model and call load_weights\."):
        load_model(path)
    with pytest.raises(FileFormatError, match=r"load_checkpoint: path must be a checkpoint\. .*it is a weights file"):
        made.load_checkpoint(path)


def test_a_model_without_weights_cannot_be_saved(path: Path) -> None:
    with pytest.raises(NotBuiltError, match="weights exist once the input's shape is known"):
        Sequential([Dense(1)], name="m").save(path)


@register
class Twice(Layer):
    """A layer of a user's own."""

    def call(self, x: Any) -> Any:
        return x * 2.0


def test_layers_of_ones_own_are_registered(path: Path) -> None:
    made = Sequential([Input((3,)), Twice(), Dense(1)])
    made.save(path)
    x = np.ones((2, 3))
    np.testing.assert_array_equal(load_model(path).predict(x, verbose=0), made.predict(x, verbose=0))
    with pytest.raises(ArgumentError, match="to be saved"):
        Sequential([Input((3,)), Lambda(lambda x: x * 2.0)]).save(path)


def test_operators_between_layers_are_saved(path: Path) -> None:
    x = Input((None, 2))
    steps = GRU(3, return_sequences=True)(x)
    made = Model(x, Dense(1)(ops.concatenate([steps[:, -1], ops.mean(steps, axis=1) * 0.5, ops.tanh(x[:, 0])], -1)))
    made.save(path)
    np.testing.assert_array_equal(load_model(path).predict(X, verbose=0), made.predict(X, verbose=0))


def test_custom_objects_are_registered_instead() -> None:
    with pytest.raises(ArgumentError, match=r"custom_objects must be None\..*Decorate your classes"):
        model_from_json(model().to_json(), custom_objects={"Twice": Twice})


def test_load_is_load_model(path: Path) -> None:
    model().save(path)
    assert type(Model.load(path)) is Sequential


@pytest.mark.parametrize("make", [copy.copy, copy.deepcopy, lambda m: pickle.loads(pickle.dumps(m))])
def test_a_copy_is_a_model_of_its_own(make: Any) -> None:
    whole = model()
    whole.fit(X, Y, epochs=2, shuffle=False, verbose=0)
    before = whole.predict(X, verbose=0)
    again = make(whole)
    np.testing.assert_array_equal(again.predict(X, verbose=0), before)
    a = again.fit(X, Y, epochs=2, shuffle=False, verbose=0).history
    np.testing.assert_array_equal(whole.predict(X, verbose=0), before)
    assert a == whole.fit(X, Y, epochs=2, shuffle=False, verbose=0).history


def test_a_model_that_was_not_compiled_is_copied() -> None:
    drawn = Sequential([Input((None, 2)), GRU(3)])
    np.testing.assert_array_equal(copy.deepcopy(drawn).predict(X, verbose=0), drawn.predict(X, verbose=0))


def test_a_model_without_shapes_is_copied_without_weights() -> None:
    again = copy.deepcopy(Sequential([GRU(3), Dense(1)]))
    again.compile("sgd", "mse")
    again.fit(X, Y, verbose=0)
    assert again.count_params() == model().count_params()


def test_a_model_is_loaded_without_drawing_weights(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made = model()
    made.save(path)

    def drawn(self: Any, shape: Any, rng: Any) -> Any:
        raise AssertionError(f"{type(self).__name__} drew {shape}")

    for kind in (Orthogonal, GlorotUniform, Zeros):
        monkeypatch.setattr(kind, "draw", drawn)
    set_seed(1)
    again = load_model(path, compile=False)
    for a, b in zip(made.get_weights(), again.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)
    assert rng().random() == np.random.default_rng(1).random()
    with pytest.raises(AssertionError, match="GlorotUniform drew"):
        model()


def test_a_file_that_cannot_hold_its_weights_is_refused_before_they_are_made(path: Path) -> None:
    model().save(path)
    contents = read(path)
    contents.metadata["model"]["config"]["layers"][0]["config"]["units"] = 10**9
    write(path, contents.tensors, contents.metadata)
    rule = r"GRU 'memory': weight 'kernel' must be of a size that its file holds\. .*\(2, 3000000000\)': the largest"
    with pytest.raises(WeightsError, match=rule):
        load_model(path)


def test_where_no_file_can_be_the_path_that_was_given_is_named(tmp_path: Path) -> None:
    rule = r"save: filepath must be a file\. Received filepath='.*kept': it is a folder\. Add a file name"
    (tmp_path / "kept").mkdir()
    with pytest.raises(IsADirectoryError, match=rule):
        model().save(tmp_path / "kept")
    rule = r"in an existing folder\. Received filepath='.*new/m\.safetensors': there is no folder '.*new'\. Create it"
    with pytest.raises(FileNotFoundError, match=rule):
        model().save(tmp_path / "new" / "m.safetensors")
    assert [path.name for path in tmp_path.iterdir()] == ["kept"]


@pytest.mark.parametrize("compiled", [[1], "adam", {"optimizer": "sgd", "wheel": 1}, {"optimizer": [], "loss": {}}])
def test_what_was_compiled_and_cannot_be_read_is_a_damaged_file(path: Path, compiled: Any) -> None:
    model().save(path)
    contents = read(path)
    write(path, contents.tensors, {**contents.metadata, "compile": compiled})
    with pytest.raises((FileFormatError, ArgumentError), match=r"must be"):
        load_model(path)
    load_model(path, compile=False)


def test_a_format_without_end_is_a_damaged_file(path: Path) -> None:
    save_file({"w": np.zeros(1)}, path, {"elman": '{"format": 1e400}', "sha256": '""'})
    with pytest.raises(FileFormatError, match=r"cannot be read \(OverflowError\)"):
        read(path)
