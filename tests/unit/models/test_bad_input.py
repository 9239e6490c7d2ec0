"""What a person does wrong, and what the model says: every text matched, and nothing trained before it is said."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pytest

from elman.errors import (
    ArgumentError,
    DataError,
    DivergenceError,
    DTypeError,
    ElmanError,
    ElmanWarning,
    NotBuiltError,
    ShapeError,
    UnknownNameError,
    WeightsError,
)
from elman.layers import GRU, LSTM, Dense, Embedding, Input, SimpleRNN
from elman.models import Model, Sequential


def recurrent(name: str = "m", steps: int | None = None) -> Sequential:
    model = Sequential([Input((steps, 2)), SimpleRNN(3), Dense(1)], name=name)
    model.compile("sgd", "mse")
    return model


def dense(name: str = "m") -> Sequential:
    model = Sequential([Input((3,)), Dense(1)], name=name)
    model.compile("sgd", "mse")
    return model


def refused(kind: type[ElmanError], text: str, call: Any) -> None:
    """Assert that a call raises an error of a kind with exactly this text."""
    with pytest.raises(kind, match=re.escape(text)) as caught:
        call()
    assert str(caught.value) == text


X, Y = np.ones((8, 5, 2), np.float32), np.ones(8, np.float32)


def with_bad(array: np.ndarray, at: tuple[int, ...], value: float) -> np.ndarray:
    made = array.copy()
    made[at] = value
    return made


# ---- what the data are --------------------------------------------------------------------------------------------


def test_nan_in_x_is_named_with_row_step_and_column() -> None:
    refused(
        DataError,
        "Sequential 'm': x must be finite. Received x=nan: x[3, 0, 1], row 3, step 0, column 1. "
        "Fill the gap or drop the row.",
        lambda: recurrent().fit(with_bad(X, (3, 0, 1), np.nan), Y, verbose=0),
    )


def test_infinity_in_y_is_named_with_its_row() -> None:
    refused(
        DataError,
        "Sequential 'm': y must be finite. Received y=inf: y[6, 0], row 6, column 0. Fill the gap or drop the row.",
        lambda: recurrent().fit(X, with_bad(Y, (6,), np.inf), verbose=0),
    )


def test_nan_in_a_frame_is_named_with_its_column() -> None:
    frame = pd.DataFrame({"a": [1.0, 2.0], "b": [3.0, np.nan], "c": [0.0, 0.0]})
    text = "Sequential 'm': x must be finite. Received x=nan: x[1, 1], row 1, column 'b'. Fill the gap or drop the row."
    refused(DataError, text, lambda: dense().fit(frame, [1.0, 2.0], verbose=0))
    refused(DataError, text, lambda: dense().fit(pl.from_pandas(frame, nan_to_null=False), [1.0, 2.0], verbose=0))


def test_values_beyond_float32() -> None:
    with pytest.raises(DataError, match=re.escape("x must be within float32. Received x=1e+300: x[0, 0, 0], row 0")):
        recurrent().predict(with_bad(X.astype(np.float64), (0, 0, 0), 1e300), verbose=0)


def test_words_in_a_frame_are_named() -> None:
    frame = pd.DataFrame({"a": [1, 2], "b": ["low", "high"], "c": [0, 0]}).astype({"b": object})
    refused(
        DTypeError,
        "Sequential 'm': x must be of real numbers. Received dtype object: row 0, column 'b' is 'low'. "
        "Convert it with .astype('float32'), or leave that column out.",
        lambda: dense().fit(frame, [1.0, 2.0], verbose=0),
    )


def test_empty_data() -> None:
    refused(
        DataError,
        "Sequential 'm': x must have at least one row. Received x=<ndarray of shape (0, 5, 2), float32>: it is empty. "
        "Check how the data were read or cut.",
        lambda: recurrent().fit(X[:0], Y[:0], verbose=0),
    )


def test_different_numbers_of_rows() -> None:
    refused(
        DataError,
        "Sequential 'm': x and y must have the same number of rows. Received x with 8, y with 7. "
        "Give one target for each row.",
        lambda: recurrent().fit(X, Y[:7], verbose=0),
    )


def test_wrong_number_of_features() -> None:
    refused(
        ShapeError,
        "Sequential 'm': x must have shape (B, T, 2). Received shape (8, 5, 3). Axis 2 must hold 2 features.",
        lambda: recurrent().fit(np.ones((8, 5, 3)), Y, verbose=0),
    )


def test_wrong_number_of_steps() -> None:
    refused(
        ShapeError,
        "Sequential 'm': x must have shape (B, 4, 2). Received shape (8, 5, 2). Axis 1 must hold 4 steps.",
        lambda: recurrent(steps=4).predict(X, verbose=0),
    )


def test_a_missing_axis_is_told_in_the_same_words_everywhere() -> None:
    told = "no time axis. Add one with x[:, None, :] (one step) or x[..., None] (one feature)."
    model, flat = recurrent(), X[:, 0]
    for where, call in {
        "Sequential 'm': x must have shape (B, T, 2). Received shape (8, 2): ": [
            lambda: model.fit(flat, Y, verbose=0),
            lambda: model.predict(flat, verbose=0),
            lambda: model.evaluate(flat, Y, verbose=0),
            lambda: model.train_on_batch(flat, Y),
            lambda: model(flat),
        ],
        "LSTM 'l': x must have shape (B, T, F). Received shape (8, 2): ": [lambda: LSTM(3, name="l")(flat)],
    }.items():
        for one in call:
            refused(ShapeError, where + told, one)


def test_wrong_rank() -> None:
    refused(
        ShapeError,
        "Sequential 'm': x must have shape (B, T, 2). Received shape (8, 2): no time axis. "
        "Add one with x[:, None, :] (one step) or x[..., None] (one feature).",
        lambda: recurrent().fit(X[:, 0], Y, verbose=0),
    )


def test_ragged_where_steps_are_fixed() -> None:
    refused(
        DataError,
        "Sequential 'm': x must have shape (B, 4, 2). Received x='list': rows of 3 to 4 steps. "
        "Cut or pad the sequences to one length, or declare the axis open: Input((None, ...)).",
        lambda: recurrent(steps=4).fit([X[0, :3], X[0, :4]], Y[:2], verbose=0),
    )


def test_ragged_targets_of_other_lengths() -> None:
    model = Sequential([Input((None, 2)), SimpleRNN(3, return_sequences=True), Dense(1)], name="m")
    model.compile("sgd", "mse")
    refused(
        DataError,
        "Sequential 'm': y must be as long as x, row by row. Received y='sequences of other lengths': "
        "row 1 has 1 targets and 2 steps. Give one target for each step of x.",
        lambda: model.fit([X[0, :3], X[0, :2]], [np.ones(3), np.ones(1)], verbose=0),
    )


def test_class_numbers_must_be_whole_and_known() -> None:
    model = Sequential([Input((3,)), Dense(3, activation="softmax")], name="m")
    model.compile("sgd", "sparse_categorical_crossentropy")
    refused(
        DTypeError,
        "Sequential 'm': y must be of whole numbers. Received dtype float64: row 1 is 0.5. "
        "Map values to class or word numbers first.",
        lambda: model.fit(np.ones((2, 3)), np.array([1.0, 0.5]), verbose=0),
    )
    with pytest.raises(DataError, match=r"between 0 and 2"):
        model.fit(np.ones((2, 3)), [1, 3], verbose=0)


def test_words_outside_the_table() -> None:
    model = Sequential([Input((4,), dtype="int32"), Embedding(5, 2), SimpleRNN(3), Dense(1)], name="m")
    with pytest.raises(DataError, match=r"between 0 and 4"):
        model.predict(np.array([[0, 1, 2, 5]]), verbose=0)


def test_a_list_of_batches_is_no_array() -> None:
    x, y = np.ones((4, 3), np.float32), np.ones(4)
    for call in (lambda: dense().fit([(x, y)], verbose=0), lambda: dense().predict([(x, y)], verbose=0)):
        with pytest.raises(
            DataError, match=r"Sequential 'm': x must be an array\. Received x='list': setting an array"
        ):
            call()


def test_targets_are_needed() -> None:
    refused(
        DataError,
        "Sequential 'm': y must be given. Received y=None. A loss was compiled, so pass the targets: fit(x, y).",
        lambda: recurrent().fit(X, verbose=0),
    )


def test_sample_weights_fit_the_rows() -> None:
    refused(
        ShapeError,
        "Sequential 'm': sample_weight must have shape (8,). Received shape (7,). Give one number for each row of x.",
        lambda: recurrent().fit(X, Y, sample_weight=np.ones(7), verbose=0),
    )


def test_every_class_needs_a_weight() -> None:
    model = Sequential([Input((3,)), Dense(3, activation="softmax")], name="m")
    model.compile("sgd", "sparse_categorical_crossentropy")
    refused(
        DataError,
        "Sequential 'm': class_weight must be given for every class. Received class_weight={0: 1.0, 1: 2.0}: "
        "y has class 2 in row 1. Known classes: 0, 1.",
        lambda: model.fit(np.ones((2, 3)), [0, 2], class_weight={0: 1.0, 1: 2.0}, verbose=0),
    )


def test_inputs_of_several_are_named() -> None:
    a, b = Input((2,), name="a"), Input((3,), name="b")
    model = Model([a, b], Dense(1)(a) + Dense(1)(b), name="two")
    model.compile("sgd", "mse")
    x = {"a": np.ones((4, 2)), "b": np.ones((4, 3))}
    refused(
        UnknownNameError,
        "Model 'two': x key must be a known name. Received x key='c'. Known: 'a', 'b'.",
        lambda: model.predict({"a": x["a"], "c": x["b"]}, verbose=0),
    )
    refused(
        DataError,
        "Model 'two': x must be a dict with 'a', 'b'. Received x=['a']. Missing: b.",
        lambda: model.predict({"a": x["a"]}, verbose=0),
    )
    refused(
        DataError,
        "Model 'two': x['a'] and x['b'] must have the same number of rows. Received x['a'] with 4, x['b'] with 3. "
        "Rows must line up.",
        lambda: model.predict({**x, "b": x["b"][:3]}, verbose=0),
    )
    refused(
        DataError,
        "Model 'two': x must be a list or dict of 2 arrays. Received x='ndarray'. In order: a, b.",
        lambda: model.predict(np.ones((4, 2)), verbose=0),
    )


# ---- what is asked for --------------------------------------------------------------------------------------------

SETTINGS = [
    ({"batch_size": 0}, "batch_size must be a whole number from 1. Received batch_size=0. The usual is 32."),
    ({"batch_size": 2.5}, "batch_size must be a whole number from 1. Received batch_size=2.5. The usual is 32."),
    (
        {"epochs": -1},
        "epochs must be a whole number from 0. Received epochs=-1. 0 trains nothing, 1 shows every row once.",
    ),
    (
        {"initial_epoch": -1},
        "initial_epoch must be a whole number from 0. Received initial_epoch=-1. Epochs count from 0.",
    ),
    (
        {"steps_per_epoch": 0},
        "steps_per_epoch must be a whole number from 1. Received steps_per_epoch=0. "
        "Leave it out to see every row once an epoch.",
    ),
    (
        {"validation_split": 1.0},
        "validation_split must be in [0, 1). Received validation_split=1.0. "
        "0.2 keeps the last fifth of the rows for validation.",
    ),
    (
        {"validation_split": 0.99},
        "validation_split must be large enough for both parts. Received validation_split=0.99: "
        "8 rows leave one part empty. Give more rows.",
    ),
    (
        {"validation_data": X},
        "validation_data must be (x, y), (x, y, sample_weight) or batches. Received validation_data='ndarray'. "
        "Put x and y into a tuple.",
    ),
    (
        {"validation_split": "a"},
        "validation_split must be in [0, 1). Received validation_split='a'. "
        "0.2 keeps the last fifth of the rows for validation.",
    ),
    (
        {"validation_steps": 2.5},
        "validation_steps must be a whole number from 1. Received validation_steps=2.5. "
        "Leave it out to see every row after each epoch.",
    ),
    (
        {"steps_per_epoch": 2.5},
        "steps_per_epoch must be a whole number from 1. Received steps_per_epoch=2.5. "
        "Leave it out to see every row once an epoch.",
    ),
    (
        {"verbose": [1]},
        "verbose must be 0, 1, 2 or 'auto'. Received verbose=[1]. 0 is silent, 1 a live line, 2 a line an epoch.",
    ),
    (
        {"verbose": 3},
        "verbose must be 0, 1, 2 or 'auto'. Received verbose=3. 0 is silent, 1 a live line, 2 a line an epoch.",
    ),
]


@pytest.mark.parametrize(("setting", "text"), SETTINGS)
def test_settings_of_fit(setting: dict[str, Any], text: str) -> None:
    refused(ArgumentError, f"Sequential 'm': {text}", lambda: recurrent().fit(X, Y, **{"verbose": 0, **setting}))


def test_unknown_names_come_with_the_nearest() -> None:
    model = Sequential([Input((3,)), Dense(1)], name="m")
    with pytest.raises(UnknownNameError, match=r"loss='mean_squard_error'\. Did you mean 'mean_squared_error'"):
        model.compile("sgd", "mean_squard_error")
    with pytest.raises(UnknownNameError, match=r"optimizer='adm'\. Did you mean 'adam'"):
        model.compile("adm", "mse")
    with pytest.raises(UnknownNameError, match=r"activation='rleu'\. Did you mean 'relu'"):
        Dense(1, activation="rleu")
    with pytest.raises(UnknownNameError, match=r"metric='mean_absolut_error'\. Did you mean 'mean_absolute_error'"):
        model.compile("sgd", "mse", metrics=["accuracy", "mean_absolut_error"])


@pytest.mark.parametrize("setting", [{"run_eagerly": True}, {"steps_per_execution": 4}, {"jit_compile": False}])
def test_settings_of_compile_are_honoured_or_refused(setting: dict[str, Any]) -> None:
    name = next(iter(setting))
    with pytest.raises(ArgumentError, match=f"Sequential 'm': {name} must be "):
        dense().compile("sgd", "mse", **setting)


def test_training_needs_compile_and_a_loss() -> None:
    model = Sequential([Input((3,)), Dense(1)], name="m")
    refused(
        NotBuiltError,
        "Sequential 'm': fit needs a compiled model. Call compile(optimizer=..., loss=...) first.",
        lambda: model.fit(np.ones((2, 3)), [1, 2]),
    )
    model.compile("sgd")
    refused(
        ArgumentError,
        "Sequential 'm': loss must be given to compile before fit. Received loss=None. "
        "For example compile(loss='mean_squared_error').",
        lambda: model.fit(np.ones((2, 3)), [1, 2]),
    )


def test_weights_that_do_not_fit() -> None:
    with pytest.raises(WeightsError, match=r"Sequential 'm': weights must .*2 arrays"):
        dense().set_weights([np.ones((3, 1))])
    with pytest.raises(WeightsError, match=r"must have shape \(3, 1\)"):
        dense().set_weights([np.ones((2, 1)), np.ones(1)])


# ---- divergence ---------------------------------------------------------------------------------------------------


def test_divergence_keeps_the_last_good_weights_and_says_where() -> None:
    model = Sequential([Input((1,)), Dense(1)], name="m")
    from elman.optimizers import SGD

    model.compile(SGD(1e4), "mse")
    x, y = np.full((64, 1), 10.0), np.ones(64)
    with pytest.raises(DivergenceError) as caught:
        model.fit(x, y, epochs=50, batch_size=16, shuffle=False, verbose=0)
    text = str(caught.value)
    assert re.fullmatch(
        r"fit: loss must stay finite\. Received loss=nan or inf at step \d+; the weights of the last good step are "
        r"kept\. That is step \d of epoch \d+, both from 0\. Lower the learning rate \(now 10000\), set clipnorm=1\.0 "
        r"on the optimizer, or scale the inputs to about -1 to 1\.",
        text,
    )
    assert caught.value.step == int(model.counters().step.value)
    assert all(np.isfinite(w).all() for w in model.get_weights())
    assert len(model.history.epoch) == caught.value.step // 4
    assert np.isfinite(model.predict(x, verbose=0)).all()


def test_a_bad_batch_is_told_from_divergence() -> None:
    model = dense()
    x, y = np.ones((4, 3), np.float32), np.ones((4, 1), np.float32)
    model.train_on_batch(x, y)
    before = model.get_weights()
    with pytest.raises(DataError, match=re.escape("Sequential 'm': x must be finite. Received x=nan: x[2, 1]")):
        model.train_on_batch(with_bad(x, (2, 1), np.nan), y)
    for a, b in zip(before, model.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)


# ---- targets of classes -------------------------------------------------------------------------------------------


def classes(outputs: int, loss: str) -> Sequential:
    model = Sequential([Input((3,)), Dense(outputs, activation="sigmoid" if outputs == 1 else "softmax")], name="m")
    model.compile("sgd", loss)
    return model


def test_class_weight_refuses_targets_that_are_no_class_numbers() -> None:
    refused(
        DataError,
        "Sequential 'm': y must be whole class numbers beside class_weight. Received y=0.999: row 2. "
        "Weigh rows of other targets by sample_weight.",
        lambda: classes(1, "binary_crossentropy").fit(
            np.ones((4, 3)), [0, 1, 0.999, 1], class_weight={0: 10, 1: 1}, verbose=0
        ),
    )


@pytest.mark.parametrize("row", [[0.5, 0.5, 0.0], [1.0, 1.0, 0.0], [0.0, 0.0, 0.0]])
def test_class_weight_refuses_targets_that_are_not_one_hot(row: list[float]) -> None:
    refused(
        DataError,
        f"Sequential 'm': y must be one-hot beside class_weight. Received y={row}: row 1. "
        "Weigh rows of other targets by sample_weight.",
        lambda: classes(3, "categorical_crossentropy").fit(
            np.ones((2, 3)), [[0.0, 1.0, 0.0], row], class_weight="balanced", verbose=0
        ),
    )


def test_class_weight_that_is_no_mapping() -> None:
    refused(
        ArgumentError,
        "Sequential 'm': class_weight must be a mapping from class number to weight, or \"balanced\". "
        "Received class_weight='even'. For example {0: 1.0, 1: 5.0}.",
        lambda: dense().fit(np.ones((2, 3)), [0, 1], class_weight="even", verbose=0),
    )
    refused(
        ArgumentError,
        "Sequential 'm': class_weight must be a mapping from class number to weight. Received "
        "class_weight='balanced'. One batch does not tell how frequent classes are: count them in all of the data.",
        lambda: dense().train_on_batch(np.ones((2, 3)), [0, 1], class_weight="balanced"),
    )


@pytest.mark.parametrize("loss", ["binary_crossentropy", "binary_focal_crossentropy"])
@pytest.mark.parametrize("verb", ["fit", "evaluate", "train_on_batch", "test_on_batch"])
def test_labels_outside_0_and_1_of_a_binary_crossentropy(loss: str, verb: str) -> None:
    model, y = classes(1, loss), np.array([1, -1, 1, 1])
    quiet = {} if verb.endswith("batch") else {"verbose": 0}
    refused(
        DataError,
        f"Sequential 'm': y must be in [0, 1] for {loss}. Received y=-1.0: row 1. "
        "Map -1 and 1 to 0 and 1 with (y + 1) / 2; for values use 'mean_squared_error'.",
        lambda: getattr(model, verb)(np.ones((4, 3)), y, **quiet),
    )
    refused(
        DataError,
        f"Sequential 'm': y must be in [0, 1] for {loss}. Received y=2.0: row 3. "
        "Map -1 and 1 to 0 and 1 with (y + 1) / 2; for values use 'mean_squared_error'.",
        lambda: getattr(model, verb)(np.ones((4, 3)), [0, 0.25, 1, 2], **quiet),
    )


def test_labels_outside_0_and_1_of_a_step() -> None:
    model = Sequential([Input((None, 2)), SimpleRNN(3, return_sequences=True), Dense(1)], name="m")
    model.compile("sgd", "binary_crossentropy")
    y = [np.zeros(2), np.array([0.0, 1.0, -1.0])]
    refused(
        DataError,
        "Sequential 'm': y must be in [0, 1] for binary_crossentropy. Received y=-1.0: row 1, step 2. "
        "Map -1 and 1 to 0 and 1 with (y + 1) / 2; for values use 'mean_squared_error'.",
        lambda: model.fit([np.ones((2, 2)), np.ones((3, 2))], y, verbose=0),
    )


@pytest.mark.parametrize("argument", ["batch_size", "epochs", "initial_epoch", "validation_batch_size"])
def test_numbers_that_no_plan_can_count_with_are_refused(argument: str) -> None:
    made = Sequential([Input((None, 2)), GRU(2), Dense(1)], name="m")
    made.compile("sgd", "mse")
    with pytest.raises(ArgumentError, match=f"{argument} must be at most 4611686018427387904"):
        made.fit(np.zeros((4, 3, 2)), np.zeros(4), verbose=0, **{argument: 10**30})


def test_a_warning_is_where_the_call_is() -> None:
    made = Sequential([Input((None, 2)), GRU(2), Dense(1)], name="m")
    made.compile("sgd", "mse")
    x, y = np.zeros((4, 3, 2)), np.zeros((4, 1))
    with pytest.warns(ElmanWarning, match="1 are run") as fitted:
        made.fit(x, y, steps_per_epoch=2, verbose=0)
    with pytest.warns(ElmanWarning, match="1 are run") as measured:
        made.evaluate(x, y, steps=2, verbose=0)
    with pytest.warns(ElmanWarning, match="1 are run") as predicted:
        made.predict(x, steps=2, verbose=0)
    assert [w.filename for w in (*fitted, *measured, *predicted)] == [__file__] * 3
