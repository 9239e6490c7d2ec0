"""What every model promises, for every kind of model, without exemptions."""

from __future__ import annotations

import io
import re
from collections.abc import Callable
from contextlib import redirect_stdout
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest

from elman.layers import GRU, LSTM, Concatenate, Dense, Dropout, Embedding, Input, SimpleRNN, set_seed
from elman.models import Model, Sequential, load_model, model_from_json
from elman.training.parameters import Parameters
from tests.tolerances import assert_close

ROWS = 24


class Case(NamedTuple):
    """A compiled model with data it can learn."""

    model: Any
    x: Any
    y: Any


def numbers(*shape: int) -> np.ndarray:
    return np.random.default_rng(3).normal(size=(ROWS, *shape)).astype(np.float32)


def tutorial() -> Case:
    """The model of the first tutorial."""
    layers = [
        SimpleRNN(32, activation="relu", input_shape=(1, 4)),
        *[Dense(n, activation="relu") for n in (8, 12, 8)],
        Dense(1),
    ]
    model = Sequential(layers)
    model.compile(loss="mean_squared_error", optimizer="rmsprop")
    x = numbers(1, 4)
    return Case(model, x, x[:, 0, 0])


def deferred() -> Case:
    """Built by its first data."""
    model = Sequential([LSTM(4), Dense(2)])
    model.compile("adam", "mae", metrics=["mse"])
    x = numbers(5, 3)
    return Case(model, x, x[:, 0, :2])


def ragged() -> Case:
    """Sequences of different lengths, targets at every step."""
    model = Sequential([Input((None, 2)), GRU(4, return_sequences=True), Dense(1)])
    model.compile("adam", "mse")
    x = [row[: 1 + i % 5] for i, row in enumerate(numbers(5, 2))]
    return Case(model, x, [row[:, :1] for row in x])


def classes() -> Case:
    """Words in, class numbers out, a mask between, dropout in training."""
    layers = [
        Input((6,), dtype="int32"),
        Embedding(9, 4, mask_zero=True),
        GRU(5),
        Dropout(0.2),
        Dense(3, activation="softmax"),
    ]
    model = Sequential(layers)
    model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    words = np.random.default_rng(4).integers(0, 9, (ROWS, 6))
    return Case(model, words, words[:, 0] % 3)


def several() -> Case:
    """Two inputs, two outputs, an operator between layers."""
    a, b = Input((3,), name="a"), Input((None, 2), name="b")
    joined = Concatenate()([Dense(4, activation="tanh", name="left")(a), SimpleRNN(4, name="right")(b) * 0.5])
    outputs = {"value": Dense(1, name="value")(joined), "kind": Dense(3, activation="softmax", name="kind")(joined)}
    model = Model([a, b], outputs)
    losses = {"value": "mse", "kind": "categorical_crossentropy"}
    model.compile("adam", losses, loss_weights={"value": 0.5}, metrics={"kind": ["accuracy"]})
    x = {"a": numbers(3), "b": numbers(4, 2)}
    return Case(model, x, {"value": x["a"][:, 0], "kind": np.eye(3)[x["a"].argmax(1)]})


def nested() -> Case:
    """A model within a model, used twice: shared weights."""
    encoder = Sequential([Input((None, 2)), GRU(3), Dense(2)], name="encoder")
    a, b = Input((None, 2), name="a"), Input(("S", 2), name="b")
    model = Model([a, b], Dense(1)(encoder(a) - encoder(b)))
    model.compile("sgd", "mse")
    x = [numbers(4, 2), numbers(3, 2)]
    return Case(model, x, x[0].sum((1, 2)) - x[1].sum((1, 2)))


def stateful() -> Case:
    """A layer that remembers its state from batch to batch."""
    model = Sequential([Input((4, 2), batch_size=8), LSTM(3, stateful=True), Dense(1)])
    model.compile("sgd", "mse")
    x = numbers(4, 2)
    return Case(model, x, x.sum((1, 2)))


CASES: dict[str, Callable[[], Case]] = {
    f.__name__: f for f in (tutorial, deferred, ragged, classes, several, nested, stateful)
}
FIT = {"batch_size": 8, "verbose": 0}


@pytest.fixture(params=CASES)
def case(request: pytest.FixtureRequest) -> Case:
    set_seed(2)
    made = CASES[request.param]()
    made.model.fit(made.x, made.y, **FIT)
    made.model.reset_states()
    return made


def flat(outputs: Any) -> np.ndarray:
    """All numbers of what predict gave, in order."""
    if isinstance(outputs, dict):
        outputs = list(outputs.values())
    return np.concatenate([np.ravel(part) for part in outputs])


def predicted(model: Any, x: Any) -> np.ndarray:
    model.reset_states()
    return flat(model.predict(x, **FIT))


def test_it_learns(case: Case) -> None:
    history = case.model.fit(case.x, case.y, epochs=30, **FIT).history["loss"]
    assert history[-1] < history[0]


def test_history_has_the_keys_that_evaluate_has(case: Case) -> None:
    history = case.model.fit(case.x, case.y, epochs=2, **FIT).history
    case.model.reset_states()
    found = case.model.evaluate(case.x, case.y, return_dict=True, **FIT)
    assert list(history) == list(found) == case.model.metrics_names
    assert all(len(values) == 2 for values in history.values())
    case.model.reset_states()
    values = case.model.evaluate(case.x, case.y, **FIT)
    assert (values if isinstance(values, list) else [values]) == list(found.values())
    assert isinstance(values, list if len(found) > 1 else float)


def test_predictions_do_not_depend_on_training_again_without_epochs(case: Case) -> None:
    before = predicted(case.model, case.x)
    case.model.fit(case.x, case.y, epochs=0, **FIT)
    np.testing.assert_array_equal(before, predicted(case.model, case.x))


def test_a_file_gives_the_model_back(case: Case, tmp_path: Path) -> None:
    path = tmp_path / "m.safetensors"
    expected = predicted(case.model, case.x)
    case.model.save(path)
    loaded = load_model(path)
    assert type(loaded) is type(case.model)
    np.testing.assert_array_equal(predicted(loaded, case.x), expected)
    for model in (case.model, loaded):
        model.reset_states()
    first = [m.train_on_batch(*batch_of(case), return_dict=True) for m in (case.model, loaded)]
    second = [m.train_on_batch(*batch_of(case), return_dict=True) for m in (case.model, loaded)]
    assert first[0].keys() == first[1].keys()
    if not any(type(layer).__name__ == "Dropout" for layer in case.model.layers):  # dropout's seed is the model's own
        assert first[0] == first[1]
        assert second[0] == second[1]


def batch_of(case: Case) -> tuple[Any, Any]:
    """The first eight rows."""

    def cut(value: Any) -> Any:
        if isinstance(value, dict):
            return {k: cut(v) for k, v in value.items()}
        several_inputs = isinstance(value, list) and len(value) < ROWS
        return [cut(v) for v in value] if several_inputs else value[:8]

    return cut(case.x), cut(case.y)


def test_weights_files_fit_a_model_made_again(case: Case, request: pytest.FixtureRequest, tmp_path: Path) -> None:
    expected = predicted(case.model, case.x)
    case.model.save_weights(tmp_path / "w.safetensors")
    again = CASES[request.node.callspec.params["case"]]().model
    again.fit(case.x, case.y, epochs=0, **FIT)
    again.load_weights(tmp_path / "w.safetensors")
    np.testing.assert_array_equal(predicted(again, case.x), expected)


def test_configuration_goes_through_text(case: Case) -> None:
    again = model_from_json(case.model.to_json())
    assert [w.shape for w in again.weights] == [w.shape for w in case.model.weights]
    again.set_weights(case.model.get_weights())
    np.testing.assert_array_equal(predicted(again, case.x), predicted(case.model, case.x))
    assert again.get_config() == type(case.model).from_config(again.get_config()).get_config()


def test_summary_counts_every_weight_once(case: Case) -> None:
    with redirect_stdout(io.StringIO()) as out:
        case.model.summary()
    total = sum(w.value.size for w in case.model.weights)
    assert f"Total params: {total:,} (" in out.getvalue()
    assert case.model.count_params() == total
    assert all(re.search(rf"\b{layer.name} \(", out.getvalue()) for layer in case.model.layers)


def test_all_trainable_weights_are_views_of_one_buffer(case: Case) -> None:
    parameters = case.model.make_steps().parameters
    assert isinstance(parameters, Parameters)
    assert sum(s.size for s in parameters.segments) == parameters.variable.value.size
    for weight in case.model.trainable_weights:
        assert np.shares_memory(weight.value, parameters.variable.value)


def test_frozen_layers_keep_their_weights(case: Case) -> None:
    layer = next(layer for layer in case.model.layers if layer.trainable_weights)
    layer.trainable = False
    before, others = layer.get_weights(), case.model.get_weights()
    case.model.compile("sgd", case.model.loss)
    case.model.fit(case.x, case.y, **FIT)
    for a, b in zip(before, layer.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)
    assert any(not np.array_equal(a, b) for a, b in zip(others, case.model.get_weights(), strict=True))


def test_one_batch_of_fit_is_train_on_batch(case: Case) -> None:
    x, y = batch_of(case)
    weights = case.model.get_weights()
    case.model.compile("sgd", case.model.loss)
    step = int(case.model.counters().step.value)
    by_batch = case.model.train_on_batch(x, y)
    after = case.model.get_weights()
    case.model.set_weights(weights)
    case.model.reset_states()
    case.model.counters().step.assign(step)
    by_fit = case.model.fit(x, y, shuffle=False, **FIT).history
    assert (by_batch if isinstance(by_batch, list) else [by_batch]) == [values[0] for values in by_fit.values()]
    for a, b in zip(after, case.model.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize("name", CASES)
def test_executors_train_alike(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    found = {}
    for executor in ("native", "reference"):
        monkeypatch.setenv("ELMAN_EXECUTOR", executor)
        set_seed(2)
        made = CASES[name]()
        history = made.model.fit(made.x, made.y, epochs=3, **FIT).history
        found[executor] = [np.asarray(history["loss"]), *made.model.get_weights()]
    for i, (a, b) in enumerate(zip(found["native"], found["reference"], strict=True)):
        assert_close(a, b, length=64, steps=9 * 6, dtype=np.float32, what=f"{name}: array {i}")
