"""What a fit says of losses and layers that it cannot train."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from elman import ops
from elman.errors import ArgumentError, DTypeError, ShapeError
from elman.layers import Dense, Input
from elman.models import Sequential

X = np.linspace(-1, 1, 24, dtype=np.float32).reshape(12, 2)
Y = X.sum(1)


def model(loss: Any = "mse") -> Sequential:
    made = Sequential([Input((2,)), Dense(3, name="first"), Dense(1, name="last")], name="m")
    made.compile("adam", loss)
    return made


# ---- layers -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("freeze", [True, False])
def test_layers_frozen_after_a_fit_need_compile(freeze: bool) -> None:
    made = model()
    made.layers[0].trainable = freeze
    made.compile("adam", "mse")
    made.fit(X, Y, verbose=0)
    made.layers[0].trainable = not freeze
    text = (
        rf"Sequential 'm': trainable must be what it was when compiled\. Received trainable={not freeze}: layer "
        rf"'first' {'trained' if freeze else 'did not train'} before\. Call compile\(\) again"
    )
    for _ in range(2):
        with pytest.raises(ArgumentError, match=text):
            made.fit(X, Y, verbose=0)
    made.predict(X, verbose=0)
    made.compile("adam", "mse")
    made.fit(X, Y, verbose=0)


# ---- losses -------------------------------------------------------------------------------------------------------


def of_numpy(y_true: Any, y_pred: Any) -> Any:
    return ((y_true - y_pred) ** 2).mean()


def without_return(y_true: Any, y_pred: Any) -> None:
    ops.mean(y_true - y_pred, -1)


def a_number(y_true: Any, y_pred: Any) -> float:
    return 0.5


@pytest.mark.parametrize(
    ("loss", "text"),
    [
        (without_return, r"loss 'without_return': value must be a tensor\. Received value=None\. For example return"),
        (a_number, r"loss 'a_number': value must be a tensor\. Received value=0\.5\. For example return"),
        (
            of_numpy,
            r"loss 'of_numpy': value must be computed by elman.ops, for NumPy knows no tensors\. "
            r"Received value='AttributeError': .*\. For example return",
        ),
    ],
)
def test_a_loss_that_gives_no_tensor_is_named(loss: Any, text: str) -> None:
    with pytest.raises(ArgumentError, match=text):
        model(loss).fit(X, Y, verbose=0)


def test_functions_of_numpy_in_a_loss_are_refused_with_those_of_elman() -> None:
    with pytest.raises(DTypeError, match=r"NumPy's mean: x must be an array of numbers\. .* Use elman\.ops, whose"):
        model(lambda y_true, y_pred: np.mean((y_true - y_pred) ** 2)).fit(X, Y, verbose=0)


def test_errors_of_elman_in_a_loss_stay_what_they_are() -> None:
    with pytest.raises(ShapeError):
        model(lambda y_true, y_pred: ops.reshape(y_pred, (5, 7, 11))).fit(X, Y, verbose=0)
