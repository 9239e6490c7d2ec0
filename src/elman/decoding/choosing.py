"""One step of generation in operators: scores become the next token, the likeliest or one drawn.

Top-k and nucleus sampling keep what lies above a threshold, which is found by halving an interval 30 times: no sorting,
and k and p may change without a new plan. Tokens of exactly equal probability are kept or dropped together.

Source: Fan, Lewis and Dauphin 2018 (top-k); Holtzman et al. 2020, "The Curious Case of Neural Text Degeneration"
    (nucleus); Keskar et al. 2019, "CTRL", section 4.1 (repetition penalty).
Cost: for each of top-k and nucleus 30 passes over (B, V) a token; without them a draw needs a few.
"""

from __future__ import annotations

from collections.abc import Callable

from elman import ops
from elman.decoding.steps import NEVER
from elman.graph import Tensor

__all__ = ["drawn", "likeliest", "penalized"]

_HALVINGS = 30
_BELOW_ONE = 1.0 - 1e-6


def likeliest(scores: Tensor) -> Tensor:
    """The first of the best. Shapes: (R, V) -> (R,) int32."""
    return ops.argmax(scores, -1)


def drawn(scores: Tensor, uniform: Tensor, temperature: Tensor, top_k: Tensor | None, top_p: Tensor | None) -> Tensor:
    """A token drawn from softmax(scores / temperature) among the top_k best that together have the share top_p.

    None: among all.

    Shapes: scores (R, V), uniform (R,), the others () -> (R,) int32.
    """
    # The best first: by itself a score over a low temperature is infinite, and what cannot be over a high one can.
    p = ops.softmax((scores - ops.max(scores, -1, keepdims=True)) / temperature)
    p = ops.where(scores > NEVER / 2, p, 0.0)
    if top_k is not None:
        p = _kept(p, lambda least: ops.sum(_at_least(p, least), -1, keepdims=True) >= top_k)
    if top_p is not None:
        mass = ops.sum(p, -1, keepdims=True)
        p = _kept(p, lambda least: ops.sum(p * _at_least(p, least), -1, keepdims=True) >= top_p * mass)
    sums = ops.cumsum(p, 1)
    wanted = ops.reshape(uniform, (-1, 1)) * _BELOW_ONE * sums[:, -1:]
    return ops.argmax(ops.cast(wanted < sums, p.dtype), -1)


def penalized(scores: Tensor, seen: Tensor, penalty: Tensor) -> Tensor:
    """Scores of tokens that were there already, made worse. Shapes: scores (R, V), seen (R, V) of 0 and 1 -> (R, V)."""
    worse = ops.where(scores > 0.0, scores / penalty, scores * penalty)
    return ops.where(seen > 0.0, worse, scores)


def _at_least(p: Tensor, least: Tensor) -> Tensor:
    return ops.cast(least <= p, p.dtype)


def _kept(p: Tensor, enough: Callable[[Tensor], Tensor]) -> Tensor:
    """p where it lies above the highest threshold that leaves enough, else 0. Shapes: (R, V) -> (R, V)."""
    high = ops.max(p, -1, keepdims=True)

    def halve(states: tuple[Tensor, ...], _: tuple[Tensor, ...]) -> tuple[list[Tensor], list[Tensor]]:
        low, top = states
        middle = 0.5 * (low + top)
        fits = enough(middle)
        return [ops.where(fits, middle, low), ops.where(fits, top, middle)], []

    (low, top), _ = ops.scan(halve, [ops.zeros_like(high), high], steps=_HALVINGS)
    low = ops.where(enough(top), top, low)
    return p * _at_least(p, low)
