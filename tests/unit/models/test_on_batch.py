"""`train_on_batch` looks at the second batch as it does at the first, though it decides nothing anew."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from elman import Sequential, losses
from elman.errors import DataError
from elman.layers import GRU, Dense, Input

RNG = np.random.default_rng(3)
X = RNG.normal(size=(8, 6, 5)).astype(np.float32)


def model(
    loss: Any, outputs: int, activation: str | None, sequences: bool = False, dtype: str = "float32"
) -> Sequential:
    layers = [Input((6, 5), dtype=dtype), GRU(4, return_sequences=sequences, dtype=dtype)]
    made = Sequential([*layers, Dense(outputs, activation, dtype=dtype)], name="m")
    made.compile("sgd", loss)
    return made


def with_one(y: np.ndarray, value: float, column: int = 0) -> np.ndarray:
    y = y.copy()
    y[5, column] = value
    return y


SHARES = RNG.integers(0, 2, (8, 3)).astype(np.float32)
NUMBERS = RNG.integers(0, 3, (8, 1)).astype(np.int32)
TEXTS = np.tile(np.array([[1, 2, 3, -1]], np.int32), (8, 1))
UNIT, SPARSE = r"in \[0, 1\]", "sparse_categorical_crossentropy"
CASES = {
    "below": (lambda: model("bce", 3, "sigmoid"), SHARES, with_one(SHARES, -1), UNIT),
    "above": (lambda: model("binary_focal_crossentropy", 3, "sigmoid"), SHARES, with_one(SHARES, 1.01, 2), UNIT),
    "function": (lambda: model(losses.binary_crossentropy, 3, "sigmoid"), SHARES, with_one(SHARES, 7), UNIT),
    "double": (
        lambda: model("bce", 3, "sigmoid", dtype="float64"), SHARES, with_one(SHARES, -1e-9), UNIT,
    ),
    "classes": (lambda: model(SPARSE, 3, "softmax"), NUMBERS, with_one(NUMBERS, 3), "class"),
    "negative": (lambda: model(SPARSE, 3, None), NUMBERS, with_one(NUMBERS, -1), "class"),
    "label": (lambda: model("ctc", 5, "softmax", True), TEXTS, with_one(TEXTS, 5, 1), "labels between 0 and 4"),
    "gap": (lambda: model("ctc", 5, "softmax", True), TEXTS, with_one(TEXTS, 0, 1), "labels without a gap"),
    "long": (lambda: model("ctc", 5, "softmax", True), np.tile(TEXTS, 2)[:, :7], np.full((8, 7), 2), "no longer"),
}  # fmt: skip


@pytest.mark.parametrize("case", CASES)
def test_targets_of_a_second_batch_are_refused_as_those_of_a_first(case: str) -> None:
    make, good, bad, rule = CASES[case]
    if case == "long":
        good = np.where(np.arange(7) < 3, good, -1).astype(np.int32)
        bad = bad.astype(np.int32)
    made = make()
    for batches in range(4):
        weights = made.get_weights()
        with pytest.raises(DataError, match=rf"Sequential 'm': y must be {rule}"):
            made.train_on_batch(X, bad)
        for before, now in zip(weights, made.get_weights(), strict=True):
            np.testing.assert_array_equal(before, now)
        assert np.isfinite(made.train_on_batch(X, good))
        assert (made._kept is not None) is (good is not TEXTS and case != "long"), batches


def test_shares_within_their_limits_go_the_short_way() -> None:
    made = model("binary_crossentropy", 3, "sigmoid")
    made.train_on_batch(X, SHARES)
    long = model("binary_crossentropy", 3, "sigmoid")
    long.set_weights(made.get_weights())
    for y in (SHARES, np.full_like(SHARES, 1e-30), np.ones_like(SHARES), SHARES.astype(np.float64)):
        long._kept = None
        assert made.train_on_batch(X, y) == long.train_on_batch(X, y)
        assert made._kept is not None
