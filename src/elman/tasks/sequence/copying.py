"""Copying: a decoder points at what it reads, and writes the token that stands there."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, final

from elman import layers
from elman.fields import Field
from elman.graph import Tensor, apply
from elman.graph import trace as ops
from elman.tasks.sequence.topology import Choice, choose

__all__ = ["Copied", "copied_from"]

Fields = Mapping[str, Field[Any]]

LEAST = 1e-9
"""Added to each chance, whose logarithm is taken."""


def copied_from(inputs: Fields, outputs: Fields) -> dict[str, str]:
    """For each output that may copy from what it is written from: that input. Both are texts, read in the same way.

    Example:
        >>> from elman.fields import Category, Text
        >>> copied_from({"news": Text("char")}, {"headline": Text("char"), "about": Category()})
        {'headline': 'news'}
    """

    def alike(choice: Choice) -> bool:
        one, other = inputs[choice.source], outputs[choice.output]
        return type(one) is type(other) and one.settings() == other.settings()

    return {c.output: c.source for c in choose(inputs, outputs) if c.head == "write" and c.source and alike(c)}


@final
class Copied(layers.Layer):
    """Chances of the next token, where it is either written or copied from a step that is looked at.

    p(token) = g softmax(scores)[token] + (1 - g) * the sum of the weights of the steps that hold the token.

    Shapes: [scores (B, W, V), g (B, W, 1), weights (B, W, S), ids of the steps (B, S) int32] -> (B, W, V).
    Source: See, Liu and Manning 2017, "Get To The Point: Summarization with Pointer-Generator Networks", section 2.2.
    """

    stepwise = True
    supports_masking = True

    def call(self, inputs: Sequence[Tensor]) -> Tensor:
        """The mixture, as the softmax of its logarithm: losses and searches find scores in it as in any other."""
        scores, written, weights, ids = inputs
        places = ops.broadcast_to(ops.expand_dims(ids, 1), weights.shape)
        copied = apply("ScatterAdd", places, weights, rows=scores.shape[-1], batch=2)
        return ops.softmax(ops.log(written * ops.softmax(scores) + (1.0 - written) * copied + LEAST))

    def compute_mask(self, inputs: Sequence[Tensor], mask: Any) -> Any:
        """That of the scores."""
        return inputs[0].mask
