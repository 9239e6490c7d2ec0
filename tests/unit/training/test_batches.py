"""Every form data may come in trains like the plain array."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pytest

from elman import callbacks, losses
from elman.errors import ArgumentError, DataError, UnknownNameError
from elman.layers import Dense, Input, SimpleRNN
from elman.models import Model, Sequential
from elman.training.arrays import is_ragged
from elman.training.program import Signature
from elman.training.sources import DataSet, is_stream, split, stream_of
from tests.tolerances import assert_close

X = np.arange(36, dtype=np.float32).reshape(12, 3) / 36
Y = X.sum(1, keepdims=True)
FIT = {"batch_size": 4, "shuffle": False, "verbose": 0}


def model() -> Sequential:
    made = Sequential([Input((3,)), Dense(1, kernel_initializer="ones")])
    made.compile("sgd", "mse")
    return made


EXPECTED = model().fit(X, Y, **FIT).history["loss"]


def batches(epochs: int = 1) -> Iterator[Any]:
    for _ in range(epochs):
        for i in range(0, 12, 4):
            yield X[i : i + 4], Y[i : i + 4]


class Sequence:
    """As keras.utils.PyDataset: batches by number."""

    def __len__(self) -> int:
        return 3

    def __getitem__(self, i: int) -> Any:
        return X[4 * i : 4 * i + 4], Y[4 * i : 4 * i + 4]


FRAME = pd.DataFrame(X, columns=["a", "b", "c"])
FORMS: dict[str, tuple[Any, Any]] = {
    "float64": (X.astype(np.float64), Y.astype(np.float64)),
    "float16 targets": (X, Y.astype(np.float64)),
    "not contiguous": (np.asfortranarray(X), Y[::-1][::-1]),
    "targets without the last axis": (X, Y[:, 0]),
    "lists": (X.tolist(), Y[:, 0].tolist()),
    "a list of one array": ([X], [Y]),
    "list of rows": (list(X), list(Y[:, 0])),
    "pandas": (FRAME, pd.Series(Y[:, 0])),
    "pandas, one column": (FRAME, pd.DataFrame({"y": Y[:, 0]})),
    "polars": (pl.from_pandas(FRAME), pl.Series(Y[:, 0])),
    "more axes than needed": (X[..., None], Y),
}


@pytest.mark.parametrize("form", FORMS)
def test_forms_of_arrays(form: str) -> None:
    x, y = FORMS[form]
    assert model().fit(x, y, **FIT).history["loss"] == EXPECTED


def test_read_only_arrays() -> None:
    x, y = X.copy(), Y.copy()
    x.flags.writeable = y.flags.writeable = False
    assert model().fit(x, y, **FIT).history["loss"] == EXPECTED


def test_dicts_by_name() -> None:
    inputs = Input((3,), name="features")
    made = Model(inputs, {"sum": Dense(1, kernel_initializer="ones")(inputs)})
    made.compile("sgd", {"sum": "mse"})
    assert made.fit({"features": X}, {"sum": Y}, **FIT).history["loss"] == EXPECTED


@pytest.mark.parametrize("stream", [batches, Sequence, lambda: iter(list(batches()))])
def test_batches_one_at_a_time(stream: Any) -> None:
    assert model().fit(stream(), verbose=0).history["loss"] == EXPECTED


def test_dicts_of_inputs_and_targets_one_at_a_time() -> None:
    inputs = Input((3,), name="features")
    made = Model(inputs, {"sum": Dense(1, kernel_initializer="ones")(inputs)})
    made.compile("sgd", {"sum": "mse"})
    stream = ({"features": x, "sum": y} for x, y in batches())
    assert made.fit(stream, verbose=0).history["loss"] == EXPECTED


def test_a_generator_goes_on_in_the_next_epoch() -> None:
    whole = model()
    expected = whole.fit(X, Y, epochs=2, **FIT).history["loss"]
    made = model()
    assert made.fit(batches(2), steps_per_epoch=3, epochs=2, verbose=0).history["loss"] == expected
    assert made.evaluate(batches(), verbose=0) == whole.evaluate(X, Y, batch_size=4, verbose=0)
    np.testing.assert_array_equal(
        made.predict((x for x, _ in batches()), verbose=0), whole.predict(X, batch_size=4, verbose=0)
    )


def test_batches_of_different_sizes_and_lengths() -> None:
    made = Sequential([Input((None, 1)), SimpleRNN(3), Dense(1)])
    made.compile("sgd", "mse")
    made.fit(((np.ones((n, t, 1)), np.ones(n)) for n, t in ((1, 5), (4, 2), (3, 9))), verbose=0)


def test_a_model_without_input_shape_is_built_by_the_first_batch() -> None:
    made = Sequential([Dense(1)])
    made.compile("sgd", "mse")
    made.fit(batches(), verbose=0)
    assert made.output_shape == (None, 1)
    assert int(made.counters().step.value) == 3


def test_a_generator_that_ends_too_early() -> None:
    text = (
        r"x must be a generator of 3 batches for each epoch\. Received x='an iterator': it ended in epoch 2 after 0 "
        r"batches\. Let the generator go on for ever, or lower steps_per_epoch or epochs\."
    )
    with pytest.raises(DataError, match=text):
        model().fit(batches(), steps_per_epoch=3, epochs=2, verbose=0)


def test_batches_and_arrays_do_not_mix() -> None:
    with pytest.raises(ArgumentError, match=r"y must be left out where x gives batches"):
        model().fit(batches(), Y, verbose=0)
    with pytest.raises(ArgumentError, match=r"validation_split must be left out where x gives batches"):
        model().fit(batches(), validation_split=0.5, verbose=0)
    with pytest.raises(DataError, match=r"batch must be a tuple of 2 or 3\. Received batch='int'"):
        model().fit(iter([1]), verbose=0)


def test_what_is_a_stream() -> None:
    assert is_stream(batches())
    assert is_stream(Sequence())
    assert not any(is_stream(v) for v in (X, [X], (X, Y), {"a": X}, FRAME, None))
    assert stream_of(Sequence()).length == 3


# ---- weights --------------------------------------------------------------------------------------------------------


def test_sample_weights_weigh() -> None:
    made = model()
    made.optimizer.learning_rate = 0.0
    weight = np.linspace(0, 2, 12)
    found = made.fit(X, Y, sample_weight=weight, **FIT).history["loss"][0]
    errors = (made.predict(X, verbose=0) - Y)[:, 0] ** 2
    assert_close(found, (errors * weight).mean(), len(errors), dtype=np.float32)
    assert_close(made.evaluate(X, Y, sample_weight=weight, verbose=0), found, len(errors), dtype=np.float32)


def test_weights_of_steps_come_as_the_targets_do() -> None:
    """A list of arrays is the padded array."""
    lengths, rng = (3, 1, 4), np.random.default_rng(0)
    x, y, weights = ([rng.random((n, *f)).astype("float32") for n in lengths] for f in ((2,), (1,), ()))
    made = Sequential([Input((None, 2)), Dense(1)])
    made.compile("sgd", "mse", weighted_metrics=["mae"])
    padded = np.stack([np.pad(w, (0, 4 - len(w))) for w in weights])
    assert made.evaluate(x, y, sample_weight=weights, verbose=0) == made.evaluate(x, y, sample_weight=padded, verbose=0)
    assert made.fit(x, y, sample_weight=weights, verbose=0).history["loss"][0] > 0
    with pytest.raises(DataError, match=r"sample_weight must be as long as x, row by row"):
        made.fit(x, y, sample_weight=weights[::-1], verbose=0)


@pytest.mark.parametrize("one_hot", [False, True])
def test_class_weights_are_sample_weights_of_the_classes(one_hot: bool) -> None:
    classes = np.arange(12) % 3
    targets = np.eye(3)[classes] if one_hot else classes
    loss = "categorical_crossentropy" if one_hot else "sparse_categorical_crossentropy"
    found = []
    for arguments in (
        {"class_weight": {0: 1.0, 1: 0.5, 2: 2.0}},
        {"sample_weight": np.array([1.0, 0.5, 2.0])[classes]},
    ):
        made = Sequential([Input((3,)), Dense(3, activation="softmax", kernel_initializer="ones")])
        made.compile("sgd", loss)
        found.append(made.fit(X, targets, **FIT, **arguments).history["loss"])
    assert found[0] == found[1]


def tagger() -> Sequential:
    made = Sequential([Input((None, 3)), Dense(2, activation="softmax", kernel_initializer="ones")])
    made.compile("sgd", "sparse_categorical_crossentropy", weighted_metrics=["accuracy"])
    return made


def test_balanced_class_weights_count_the_real_steps_of_the_targets() -> None:
    x, y = [X[:1], X[1:6]], [np.array([1]), np.array([0, 1, 1, 1, 1])]  # one 0 and five 1, and four steps of padding
    found = tagger().fit(x, y, class_weight="balanced", **FIT).history
    assert found == tagger().fit(x, y, class_weight={0: 6 / (2 * 1), 1: 6 / (2 * 5)}, **FIT).history


def test_balanced_class_weights_count_the_rows_to_train_on_and_validation_is_not_weighed() -> None:
    y = np.array([0, 1, 1, 1, 1, 1, 1, 1, 0, 0, 0, 0])[:, None]
    split = model().fit(X, y, class_weight="balanced", validation_split=1 / 3, **FIT).history
    given = {"class_weight": {0: 8 / 2, 1: 8 / 14}, "validation_data": (X[8:], y[8:])}
    assert split == model().fit(X[:8], y[:8], **given, **FIT).history
    first = model()
    first.fit(X[:8], y[:8], class_weight=given["class_weight"], **FIT)
    assert split["val_loss"] == [first.evaluate(X[8:], y[8:], batch_size=4, verbose=0)]


def test_class_weights_multiply_sample_weights() -> None:
    y = (np.arange(12) % 2)[:, None]
    weight = np.linspace(0, 2, 12)
    both = model().fit(X, y, sample_weight=weight, class_weight={0: 1.0, 1: 4.0}, **FIT).history
    assert both == model().fit(X, y, sample_weight=weight * np.array([1.0, 4.0])[y[:, 0]], **FIT).history


@pytest.mark.parametrize("ignored", [-1, 2])
def test_a_class_that_the_loss_ignores_needs_no_weight(ignored: int) -> None:
    y = np.where(np.arange(12) % 3 == 2, ignored, np.arange(12) % 2)

    def fitted(**options: Any) -> Any:
        made = Sequential([Input((3,)), Dense(3, activation="softmax", kernel_initializer="ones")])
        made.compile("sgd", losses.SparseCategoricalCrossentropy(ignore_class=ignored))
        return made.fit(X, y, **FIT, **options).history["loss"]

    weight = np.where(y == ignored, 0.0, np.where(y == 0, 1.0, 5.0))
    assert fitted(class_weight={0: 1.0, 1: 5.0}) == fitted(sample_weight=weight)
    zeros, ones = (y == 0).sum(), (y == 1).sum()
    assert fitted(class_weight="balanced") == fitted(class_weight={0: 8 / (2 * zeros), 1: 8 / (2 * ones)})


def test_class_weights_of_some_of_several_outputs() -> None:
    y = np.arange(12) % 3

    def fitted(**options: Any) -> Any:
        x = Input((3,))
        first = Dense(3, activation="softmax", kernel_initializer="ones", name="first")(x)
        made = Model(x, [first, Dense(1, kernel_initializer="ones", name="second")(x)], name="m")
        made.compile("sgd", ["sparse_categorical_crossentropy", "mse"])
        return made.fit(X, [y, Y], **FIT, **options).history

    weight = np.array([1.0, 0.5, 2.0])[y]
    expected = fitted(sample_weight=[weight, np.ones(12)])
    assert fitted(class_weight={"first": {0: 1.0, 1: 0.5, 2: 2.0}}) == expected
    assert fitted(class_weight={"first": {0: 1.0, 1: 0.5, 2: 2.0}, "second": None}) == expected
    assert fitted(class_weight={"first": "balanced"}) == fitted()
    with pytest.raises(
        UnknownNameError, match=r"Model 'm': class_weight key must be .* Received class_weight key='frist'"
    ):
        fitted(class_weight={"frist": {0: 1.0}})
    with pytest.raises(DataError, match=r"Model 'm': y\['second'\] must be whole class numbers beside class_weight"):
        fitted(class_weight={0: 1.0, 1: 0.5, 2: 2.0})


@pytest.mark.parametrize(
    "weights", [{"a": 1.0}, {0.5: 1.0}, {0: -1.0}, {0: np.nan}, {0: np.inf}, {0: "1"}, {np.nan: 1.0}, [1.0, 2.0]]
)
def test_class_weights_that_are_none(weights: Any) -> None:
    with pytest.raises(
        ArgumentError, match=r"class_weight must be a mapping from class number to weight, or \"balanced\""
    ):
        tagger().fit([X[:1], X[1:6]], [np.array([1]), np.ones(5)], class_weight=weights, **FIT)


def test_step_weights() -> None:
    made = Sequential([Input((4, 1)), Dense(1, kernel_initializer="ones")])
    made.compile("sgd", "mse")
    made.optimizer.learning_rate = 0.0
    x, weight = X.reshape(9, 4, 1), np.tile([1.0, 0.0, 0.0, 1.0], (9, 1))
    found = made.fit(x, np.zeros((9, 4)), sample_weight=weight, verbose=0).history["loss"][0]
    assert_close(found, (x[..., 0] ** 2 * weight).mean(), x.size, dtype=np.float32)


# ---- ragged ---------------------------------------------------------------------------------------------------------


def recurrent(sequences: bool = False) -> Sequential:
    made = Sequential([Input((None, 2)), SimpleRNN(4, return_sequences=sequences, seed=1), Dense(1)])
    made.compile("sgd", "mse")
    return made


ROWS = [np.random.default_rng(i).normal(size=(1 + i % 4, 2)) for i in range(8)]


def test_numbers_in_arrays_of_no_axis_are_no_sequences() -> None:
    assert not is_ragged([np.array(1.0), np.array(2.0)])
    assert is_ragged([np.ones((2, 1)), np.ones((3, 1))]) and is_ragged([[1], (2, 3)])


def test_ragged_rows_are_what_they_are_alone() -> None:
    made = recurrent()
    together = made.predict(ROWS, verbose=0)
    alone = [made.predict(row[None], verbose=0)[0] for row in ROWS]
    assert_close(together, alone, length=6, steps=4)


def test_ragged_outputs_have_no_padding() -> None:
    made = recurrent(sequences=True)
    together = made.predict(ROWS, verbose=0)
    assert [p.shape for p in together] == [(len(row), 1) for row in ROWS]
    assert_close(together[3], made.predict(ROWS[3][None], verbose=0)[0], length=6, steps=4)


def test_ragged_losses_count_real_steps_alone() -> None:
    made = recurrent(sequences=True)
    made.optimizer.learning_rate = 0.0
    targets = [row[:, :1] for row in ROWS]
    found = made.fit(ROWS, targets, batch_size=8, verbose=0).history["loss"][0]
    predictions = made.predict(ROWS, verbose=0)
    errors = np.concatenate([(p - t) ** 2 for p, t in zip(predictions, targets, strict=True)])
    assert_close(found, errors.mean(), len(errors), dtype=np.float32)


def test_rows_of_one_length_need_no_lengths() -> None:
    made = recurrent()
    equal = [row[:1] for row in ROWS]
    np.testing.assert_array_equal(made.predict(equal, verbose=0), made.predict(np.stack(equal), verbose=0))


def test_an_empty_sequence_is_legal() -> None:
    made = recurrent()
    found = made.predict([ROWS[1], ROWS[0][:0]], verbose=0)
    np.testing.assert_array_equal(found[1], made.layers[-1].get_weights()[1])


def test_one_feature_needs_no_axis() -> None:
    made = Sequential([Input((None, 1)), SimpleRNN(2), Dense(1)])
    flat = [row[:, 0] for row in ROWS]
    deep = [row[:, :1] for row in ROWS]
    np.testing.assert_array_equal(made.predict(flat, verbose=0), made.predict(deep, verbose=0))


# ---- splitting ------------------------------------------------------------------------------------------------------


def test_the_last_rows_validate() -> None:
    whole = DataSet([X, Y], Signature((False,)), [None])
    train, last = split(whole, "m", 0.25)
    assert (train.rows, last.rows) == (9, 3)
    np.testing.assert_array_equal(last.arrays[0], X[9:])


def test_validation_split_and_validation_data_agree() -> None:
    a = model().fit(X, Y, validation_split=0.25, **FIT).history
    b = model().fit(X[:9], Y[:9], validation_data=(X[9:], Y[9:]), **FIT).history
    assert a == b
    assert list(a) == ["loss", "val_loss"]


def test_validation_every_other_epoch() -> None:
    history = model().fit(X, Y, epochs=5, validation_data=(X, Y), validation_freq=2, **FIT).history
    assert [len(history[k]) for k in ("loss", "val_loss")] == [5, 2]


@pytest.mark.parametrize("epochs", [[1, 4], (4, 1, 9), {1, 4}, range(1, 5, 3), np.array([1, 4]).tolist()])
def test_validation_after_epochs_by_number(epochs: Any) -> None:
    validated: list[int] = []

    class Notes(callbacks.Callback):
        def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
            validated.extend([epoch + 1] if "val_loss" in logs else [])

    model().fit(X, Y, epochs=5, validation_data=(X, Y), validation_freq=epochs, callbacks=[Notes()], **FIT)
    assert validated == [1, 4]
    with pytest.raises(ArgumentError, match=r"validation_freq must be a whole number from 1. Received.*=0"):
        model().fit(X, Y, validation_data=(X, Y), validation_freq=[2, 0], **FIT)
