"""Every loss, reduction, weight and mask against what Keras 3 answered."""

from __future__ import annotations

import numpy as np
import pytest

import elman.losses
from elman import ops
from elman.autodiff import gradients
from tests.evaluation import evaluate, leaf
from tests.golden.reader import Case, read
from tests.tolerances import assert_close

CASES = read("keras_losses")


def of_keras(case: Case, dtype: str) -> tuple[list[np.ndarray], tuple[object, ...]]:
    axes = len(case["shape"]) - 1
    cast = {part: case.one(part).astype(dtype) for part in ("y_true", "y_pred", "sample_weight") if case.has(part)}
    arrays = {**cast, **({"mask": case.one("mask")} if case["mask"] else {})}
    feeds = {part: (leaf(array, axes, part), array) for part, array in arrays.items()}
    loss = getattr(elman.losses, case["loss"]["class_name"])(**case["loss"]["config"])
    value = loss(**{part: t for part, (t, _) in feeds.items()})
    (gradient,) = gradients(ops.sum(value), [feeds["y_pred"][0]])
    return evaluate([value, gradient], list(feeds.values())), (case.one("value"), case.one("y_pred_grad"))


@pytest.mark.parametrize("name", CASES)
def test_a_loss_is_kerass_in_float64(name):
    # Keras keeps the log 2 of log_cosh in float32.
    dtype = np.float32 if name.startswith("log_cosh") else np.float64
    for got, expected in zip(*of_keras(CASES[name], "float64"), strict=True):
        assert_close(got, expected, length=60, dtype=dtype, what=name)


# In float32 a probability clipped at 1 - 1e-7 is 1 - 1.2e-7: its logarithm is another number.
@pytest.mark.parametrize("name", [name for name, case in CASES.items() if not case.get("float64_only")])
def test_a_loss_is_kerass_in_float32(name):
    for got, expected in zip(*of_keras(CASES[name], "float32"), strict=True):
        assert got.dtype == np.float32
        assert_close(got, expected, length=60, what=name)
