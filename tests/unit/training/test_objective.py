"""What training makes small is one number, and what it remembers has the shape it had."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from elman import Input, Sequential, losses, metrics, ops
from elman.errors import ShapeError
from elman.graph import Tensor, Variable
from elman.layers import Dense
from tests.tolerances import assert_close

ROWS = 700


class OwnLoss(losses.Loss):
    """One that does not reduce."""

    def call(self, y_true: Tensor, y_pred: Tensor) -> Tensor:
        return ops.mean(ops.square(y_true - y_pred), -1)

    def __call__(self, y_true: Any, y_pred: Any, sample_weight: Any = None, mask: Any = None) -> Tensor:
        return self.call(y_true, y_pred)


class OwnMetric(metrics.Metric):
    """One whose sum has a number for each row."""

    def __init__(self, name: str = "own", dtype: str | None = None) -> None:
        super().__init__(name, dtype)
        self.seen = Variable(np.zeros((), "float32"), name="seen")

    @property
    def variables(self) -> list[Variable]:
        return [self.seen]

    def updates(self, y_true: Any, y_pred: Any, sample_weight: Any = None, mask: Any = None) -> Any:
        return [(self.seen, ops.mean(y_pred, -1))]

    def result(self) -> float:
        return float(self.seen.value)


def model(loss: Any, **options: Any) -> Sequential:
    made = Sequential([Input((3,)), Dense(2, **options)])
    made.compile("sgd", loss)
    return made


@pytest.mark.parametrize("loss", [losses.MeanSquaredError(reduction="none"), OwnLoss()])
def test_of_a_loss_that_is_not_reduced_the_mean_is_learned_from(loss, rng):
    x, y = rng.normal(size=(ROWS, 3)).astype("float32"), rng.normal(size=(ROWS, 2)).astype("float32")
    one, other = model(loss), model("mse")
    other.set_weights(one.get_weights())
    assert_close(one.evaluate(x, y, verbose=0), other.evaluate(x, y, verbose=0), ROWS)
    for m in (one, other):
        m.fit(x, y, epochs=2, batch_size=ROWS, shuffle=False, verbose=0)
    for a, b in zip(one.get_weights(), other.get_weights(), strict=True):
        assert_close(a, b, ROWS)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"kernel_regularizer": ops.abs}, "Dense 'd': penalty must be a scalar. Received shape (3, 2)."),
        ({"activity_regularizer": ops.abs}, "Dense 'd': penalty must be a scalar. Received shape (B, 2)."),
        (
            {"kernel_constraint": lambda w: ops.sum(w, 0, keepdims=True)},
            "'d/kernel': constraint must be of shape (3, 2). Received shape (1, 2).",
        ),
    ],
)
def test_rules_of_weights_that_give_another_shape_are_refused(options, message):
    x, y = np.ones((4, 3)), np.ones((4, 2))
    with pytest.raises(ShapeError) as error:
        model("mse", name="d", **options).fit(x, y, verbose=0)
    assert str(error.value).startswith(message)


def test_a_metric_that_adds_rows_to_a_number_is_refused():
    made = model("mse")
    made.compile("sgd", "mse", metrics=[OwnMetric()])
    with pytest.raises(
        ShapeError, match=r"Variable 'seen': update must be float32 of shape \(\)\. Received float32 of"
    ):
        made.evaluate(np.ones((ROWS, 3)), np.ones((ROWS, 2)), verbose=0)
