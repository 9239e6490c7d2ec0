"""The CTC loss is PyTorch's, row by row, and so is its gradient; and it is the sum over all alignments."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest

from elman import losses, ops
from elman.autodiff import gradients
from elman.graph import Graph
from elman.graph.rewrite import hoist, simplify
from tests.golden import reader
from tests.oracle.running import Setting, evaluate, feed
from tests.tolerances import assert_close

CASES = reader.read("torch_ctc")


@pytest.mark.parametrize("ended_by", ["blank", "minus one"])
@pytest.mark.parametrize("name", CASES)
def test_values_and_gradients_are_those_of_torch(name: str, ended_by: str, setting: Setting) -> None:
    case = CASES[name]
    array = case.one("labels")
    array = np.where(array == case["blank"], -1, array) if ended_by == "minus one" else array
    labels = feed("labels", array, "int32")
    logits = feed("logits", case.one("logits"), setting.dtype)
    steps = case.one("logits").shape[1]
    mask = feed("mask", np.arange(steps) < np.array(case["frames"])[:, None], "bool")
    values = losses.ctc(labels[0], logits[0], mask[0], case["blank"])
    forward = hoist(simplify(Graph((labels[0], logits[0], mask[0]), (values,))))
    values = forward.outputs[0]
    total = ops.sum(ops.where(ops.isinf(values), ops.zeros_like(values), values))
    found = evaluate(setting, [values, *gradients(total, [logits[0]])], [labels, logits, mask])
    assert_close(found[0], case.one("value"), 2 * steps, steps, what=name)
    assert_close(found[1], case.one("logits_grad"), 2 * steps, steps, what=name)


def test_it_is_the_sum_over_all_alignments(setting: Setting, rng: np.random.Generator) -> None:
    steps, classes, target = 5, 3, (1, 1, 2)
    logits = rng.normal(size=(1, steps, classes))
    p = np.exp(logits[0]) / np.exp(logits[0]).sum(-1, keepdims=True)
    total = 0.0
    for path in itertools.product(range(classes), repeat=steps):
        spelled = tuple(c for i, c in enumerate(path) if c and (i == 0 or c != path[i - 1]))
        total += math.prod(p[t, c] for t, c in enumerate(path)) if spelled == target else 0.0
    labels, scores = feed("y", [target], "int32"), feed("p", logits, setting.dtype)
    (loss,) = evaluate(setting, [losses.CTC()(labels[0], ops.softmax(scores[0]))], [labels, scores])
    assert_close(loss, -math.log(total), 2 * steps, steps)
