"""Scheduled sampling: a model that predicts tokens reads, in training, some of its own in place of the true ones.

Two passes, both over whole sequences. The first reads the truth and says the likeliest next token of each step; nothing
is dropped in it and no gradient goes through it. The second, which is trained, reads at each step after the first that
token instead of the true one, with probability `rate`, chosen for each row and step by itself.

Source: Bengio et al. 2015, "Scheduled sampling for sequence prediction with recurrent neural networks"; in two passes
as Mihaylova and Martins 2019, "Scheduled sampling for transformers", and Duckworth et al. 2019, "Parallel scheduled
sampling", there with one pass of sampling.
Cost: one forward more, without a way back.
Known weakness: a token of its own is what the model says after a true beginning, so mistakes do not add up as they do
in a step-by-step walk. The objective is not a proper scoring rule (Huszár 2015): keep the rate low.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Any

from elman import dtypes, ops
from elman.errors import ArgumentError
from elman.graph import Tensor
from elman.layers.base import current, tracing
from elman.optimizers.schedules import LearningRateSchedule
from elman.shapes import text
from elman.training.program import Program

__all__ = ["check_sampling", "sampled"]

_KEY = (1 << 30) + 1
"""Philox key of the choice: far from those of layers, whose random numbers stay what they are without sampling."""


def check_sampling(where: str, rate: Any) -> None:
    """Raises: ArgumentError: neither a number from 0 to 1, nor a schedule, nor None."""
    number = isinstance(rate, (int, float)) and not isinstance(rate, bool)
    if not (rate is None or isinstance(rate, LearningRateSchedule) or (number and 0 <= rate <= 1)):
        cure = "For example 0.25, or PolynomialDecay(0.0, 10_000, 0.25), which grows with the steps done."
        raise ArgumentError.at(where, "scheduled_sampling", "a number from 0 to 1, or a schedule", rate, cure)


def sampled(program: Program, rate: Any) -> Program:
    """The program, which in training reads tokens of its own at this rate: a number, or a schedule of the step.

    Raises: ArgumentError: a program without one output (B, T, V), or without an input of tokens (B, T).
    """
    at = _tokens(program)

    def trace(inputs: Sequence[Tensor]) -> list[Tensor]:
        if not current().training:
            return program.trace(inputs)
        mixed = list(inputs)
        mixed[at] = _mixed(program, inputs, at, rate)
        return program.trace(mixed)

    return dataclasses.replace(program, trace=trace)


def _tokens(program: Program) -> int:
    """Which input holds the tokens: the last of whole numbers with a step for each step of the output."""
    out = program.outputs[0]
    if len(program.outputs) != 1 or out.ndim != 3:
        shapes = ", ".join(text(t.shape) for t in program.outputs)
        rule, cure = "left out of a model without one output (B, T, V)", "It is for models that predict the next token."
        raise ArgumentError.at(program.where, "scheduled_sampling", rule, shapes, cure)
    found = [i for i, t in enumerate(program.inputs) if t.shape == out.shape[:2] and not dtypes.is_real(t.dtype)]
    if not found:
        shapes = ", ".join(f"{text(t.shape)} {t.dtype}" for t in program.inputs)
        rule, cure = "left out of a model without tokens (B, T)", 'Begin it with Input((None,), dtype="int32").'
        raise ArgumentError.at(program.where, "scheduled_sampling", rule, shapes, cure)
    return found[-1]


def _mixed(program: Program, inputs: Sequence[Tensor], at: int, rate: Any) -> Tensor:
    """The true tokens with some of the model's own. Shapes: -> (B, T)."""
    now, true = current(), inputs[at]
    with tracing(
        training=False, seed=now.seed, step=now.step, first=now.first
    ):  # of its own: penalties and states count once
        (out,) = program.trace(inputs)
    scores = out.node.inputs[0] if out.node.op == "Softmax" else out  # the order of logits is that of shares
    own = ops.cast(ops.argmax(scores, -1), true.dtype)
    before = ops.concatenate([true[:, :1], own[:, :-1]], 1)
    step = 0 if now.step is None else now.step
    share = rate(ops.cast(step, scores.dtype)) if isinstance(rate, LearningRateSchedule) else rate
    chosen = now.uniform(true.shape, _KEY, scores.dtype) < share
    if out.mask is not None:
        chosen = ops.logical_and(chosen, out.mask.tensor(true.shape[1]))
        if out.mask.values is not None:  # made from the tokens: a 0 of its own would hide a step
            chosen = ops.logical_and(chosen, ops.not_equal(before, 0))
    mixed = ops.where(chosen, before, true)
    mixed.mask = true.mask
    return mixed
