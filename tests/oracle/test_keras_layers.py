"""Layers give Keras' numbers: outputs, masks and every gradient, on Keras' weights."""

from __future__ import annotations

import functools
import operator
from typing import Any

import numpy as np
import pytest

import elman
from elman import ops
from elman.autodiff import gradients
from elman.graph import Tensor
from elman.layers.base import Mask, tracing
from tests.golden import reader
from tests.oracle.running import Feed, Setting, evaluate, feed
from tests.tolerances import assert_close

FILES = ("keras_layers", "keras_attention", "keras_conv_lstm")
CASES = {name: case for file in FILES for name, case in reader.read(file).items()}
LENGTH, STEPS = 32, 6
"""No sum in these cases is longer than LENGTH, no sequence than STEPS."""

RIGHT_PADDED = [
    name
    for name, case in CASES.items()
    if "mask_right" in name and "backwards" not in name and case["layer"]["class_name"] in ("SimpleRNN", "GRU", "LSTM")
]
"""Not backwards: there Keras puts the padding first, and what has lengths keeps it last."""


def flat(value: Any) -> list[Tensor]:
    """Return the tensors of a nested list."""
    return [tensor for item in value for tensor in flat(item)] if isinstance(value, (list, tuple)) else [value]


class Traced:
    """A case called on symbolic tensors: its layer, feeds and outputs."""

    def __init__(self, case: reader.Case, dtype: str, lengths: bool = False) -> None:
        self.case = case
        self.layer = reader.build(case["layer"], elman)
        kinds = ["int32" if entry["dtype"] == "int32" else dtype for entry in case["inputs"]]
        inputs = zip(case.all("input"), kinds, strict=True)
        self.inputs = [feed(f"x{i}", value, kind) for i, (value, kind) in enumerate(inputs)]
        self.states = [feed(f"state{i}", value, dtype) for i, value in enumerate(case.all("initial_state"))]
        self.cotangents = [feed(f"cotangent{i}", value, dtype) for i, value in enumerate(case.all("output_grad"))]
        self.masks = self._mask(lengths)
        tensors = [tensor for tensor, _ in self.inputs]
        extra: dict[str, Any] = {"initial_state": [tensor for tensor, _ in self.states]} if self.states else {}
        one_by_one = len(tensors) == 1 or case["layer"]["class_name"] == "MultiHeadAttention"
        with tracing(training=case["training"]) as context:
            self.outputs = flat(self.layer(*(tensors if one_by_one else [tensors]), **extra, **case.get("call", {})))
        self.updates = context.updates
        self.layer.set_weights([value.astype(dtype) for value in case.all("weight")])

    def _mask(self, lengths: bool) -> list[Feed]:
        """Tell the first input which of its steps are real."""
        finds_it_itself = self.case["layer"]["class_name"] in ("Masking", "Sequential")
        if not self.case.has("mask") or finds_it_itself:
            return []
        mask = self.case.one("mask")
        made = feed("lengths", mask.sum(1), "int32") if lengths else feed("mask", mask, "bool")
        for i in self.case.get("masked", [0]):
            self.inputs[i][0].mask = Mask(lengths=made[0]) if lengths else Mask(values=made[0])
        return [made]

    @property
    def feeds(self) -> list[Feed]:
        """What the outputs depend on."""
        return [*self.inputs, *self.states, *self.masks]

    def compare(self, found: list[np.ndarray[Any, Any]], part: str) -> None:
        """Compare arrays with those of a part of the case."""
        expected = self.case.all(part)
        assert len(found) == len(expected), f"{part}: {len(found)} arrays, in Keras {len(expected)}"
        largest = max((np.abs(theirs).max(initial=0) for theirs in expected), default=0)
        zeros = self.case.get("zero_grad", []) if part == "weight_grad" else []
        for i, (ours, theirs) in enumerate(zip(found, expected, strict=True)):
            pair = [np.append(a, largest) for a in (ours, theirs)] if i in zeros else [ours, theirs]
            assert_close(*pair, LENGTH, STEPS, ours.dtype, f"{self.case['name']} {part}/{i}")


@pytest.mark.parametrize("name", CASES)
def test_outputs_are_those_of_keras(name: str, setting: Setting) -> None:
    traced = Traced(CASES[name], setting.dtype)
    traced.compare(evaluate(setting, traced.outputs, traced.feeds, traced.updates), "output")


@pytest.mark.parametrize("name", CASES)
def test_gradients_are_those_of_keras(name: str, setting: Setting) -> None:
    traced = Traced(CASES[name], setting.dtype)
    pairs = zip(traced.outputs, traced.cotangents, strict=True)
    first, *more = [ops.sum(output * cotangent) for output, (cotangent, _) in pairs]
    loss = functools.reduce(operator.add, more, first)
    real = [tensor for tensor, _ in (*traced.inputs, *traced.states) if tensor.dtype == setting.dtype]
    weights = [weight.tensor for weight in traced.layer.trainable_weights]
    found = evaluate(setting, gradients(loss, [*weights, *real]), [*traced.feeds, *traced.cotangents])
    traced.compare(found[: len(weights)], "weight_grad")
    rest = found[len(weights) :]
    inputs = len(traced.case.all("input_grad"))
    traced.compare(rest[:inputs], "input_grad")
    traced.compare(rest[inputs:], "initial_state_grad")


@pytest.mark.parametrize("name", RIGHT_PADDED)
def test_lengths_mean_what_the_mask_means(name: str, setting: Setting) -> None:
    traced = Traced(CASES[name], setting.dtype, lengths=True)
    found = evaluate(setting, traced.outputs, traced.feeds)
    expected = CASES[name].all("output")
    if found[0].ndim == 3:  # behind its end, a row with a length gives 0; one with a mask repeats its last output
        real = CASES[name].one("mask")[..., None]
        assert not np.any(found[0] * ~real)
        expected[0] = expected[0] * real
    for i, (ours, theirs) in enumerate(zip(found, expected, strict=True)):
        assert_close(ours, theirs, LENGTH, STEPS, what=f"{name} output/{i}")


@pytest.mark.parametrize("name", [name for name in CASES if CASES[name].has("updated")])
def test_training_leaves_the_averages_of_keras(name: str, setting: Setting) -> None:
    traced = Traced(CASES[name], setting.dtype)
    traced.compare(evaluate(setting, [value for _, value in traced.updates], traced.feeds), "updated")


@pytest.mark.parametrize("name", CASES)
def test_weights_have_the_names_shapes_and_order_of_keras(name: str) -> None:
    case = CASES[name]
    weights = Traced(case, "float32").layer.weights
    assert [list(weight.shape) for weight in weights] == [entry["shape"] for entry in case["weights"]]
    assert [weight.name.rsplit("/", 1)[-1] for weight in weights] == [entry["name"] for entry in case["weights"]]


@pytest.mark.parametrize("name", CASES)
def test_masks_go_on_as_in_keras(name: str, setting: Setting) -> None:
    traced = Traced(CASES[name], setting.dtype)
    (first, *_) = traced.outputs
    assert (first.mask is not None) == traced.case["output_mask"]
    if first.mask is not None:
        (mask,) = evaluate(setting, [first.mask.tensor(first.shape[1])], traced.feeds)
        np.testing.assert_array_equal(mask, traced.case.one("output_mask"))


@pytest.mark.parametrize("name", [name for name in CASES if CASES[name].has("second_output")])
def test_stateful_layers_go_on_where_they_stopped(name: str, setting: Setting) -> None:
    traced = Traced(CASES[name], setting.dtype)
    found = evaluate(setting, traced.outputs, traced.feeds, traced.updates, runs=2)
    traced.compare(found, "second_output")
