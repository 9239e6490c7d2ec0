"""What every attention does with scores: which may count, and what of the weights is dropped."""

from __future__ import annotations

from elman.graph import trace as ops
from elman.graph.node import Tensor
from elman.layers.tracing import current
from elman.shapes import Size

HIDDEN = 1e9
"""What is taken from the score of a step that must not be seen, as in Keras: e^-1e9 is 0 in any type."""


def pairs(query: Tensor, key: Tensor) -> Tensor:
    """Every query added to every key. Shapes: (B, Q, F), (B, S, F) -> (B, Q, S, F)."""
    return ops.expand_dims(query, 2) + ops.expand_dims(key, 1)


def hidden(scores: Tensor, visible: Tensor | None) -> Tensor:
    """Scores far below all others where nothing may be seen. Shapes: (B, Q, S), visible broadcasts -> (B, Q, S)."""
    return scores if visible is None else ops.where(visible, scores, scores - HIDDEN)


def shares(scores: Tensor, visible: Tensor | None) -> Tensor:
    """Weights that add up to 1 over what may be seen; all 0 where nothing may. Shapes: as `hidden`."""
    weights = ops.softmax(hidden(scores, visible))
    return weights if visible is None else ops.where(visible, weights, 0.0)


def dropped(weights: Tensor, dropout: float, seed: int | None) -> Tensor:
    """Weights, in training with some of them dropped. Shapes: (..., S) -> (..., S)."""
    now = current()
    return weights * now.dropout(weights.shape, dropout, weights.dtype, seed) if dropout and now.training else weights


def causal(steps: Size, seen: Size) -> Tensor:
    """Where a query may look when it must not look ahead. Shapes: -> (1, Q, S) bool."""
    return ops.expand_dims(
        ops.less_equal(ops.expand_dims(ops.arange(seen), 0), ops.expand_dims(ops.arange(steps), 1)), 0
    )


def both(a: Tensor | None, b: Tensor | None) -> Tensor | None:
    """What two rules let through; None is a rule that lets all through.

    Shapes: (..., Q, S) each, or broadcast to it -> (..., Q, S).
    """
    return b if a is None else a if b is None else ops.logical_and(a, b)
