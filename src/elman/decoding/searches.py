"""Whole searches as graphs: a scan whose body runs the model on a token, and chooses the next, for several steps.

Tokens of the prompt are forced: the scan reads them as it reads its own. A row that has ended gives 0 from then on.

Source: beam search with a length penalty and coverage: Wu et al. 2016, "Google's Neural Machine Translation System",
    equation 14. Finished hypotheses stay in the beam and compete by their penalised score.
Known weakness: a row runs on until its whole batch has ended.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import final

import numpy as np

from elman import dtypes, ops
from elman.decoding.choosing import drawn, likeliest, penalized
from elman.decoding.steps import NEVER, Split, instantiated
from elman.graph import Graph, Tensor, placeholder
from elman.graph.trace import random_uniform
from elman.shapes import B, Dim

__all__ = ["Kind", "back_graph", "beam_graph", "moved", "row_graph", "traced_back"]

STEPS = Dim.symbol("search")
"""Tokens of one run; a name that no model gives to an axis."""

Pair = tuple[list[Tensor], list[Tensor]]


@final
@dataclass(frozen=True)
class Kind:
    """What a plan is made for.

    Attributes: draw: else the likeliest. top_k, top_p: whether a draw is among the best only. penalty: of repetition.
        beam: else one hypothesis. width: hypotheses of each row. coverage: whether it counts.
    """

    draw: bool = False
    top_k: bool = False
    top_p: bool = False
    penalty: bool = False
    beam: bool = False
    width: int = 1
    coverage: bool = False


def row_graph(split: Split, kind: Kind) -> Graph:
    """One hypothesis for each row.

    Shapes: forced (B, T) int32, -1 where free; token (B,), done, count, total (B,), seen (B, V), the model's states,
        what it read; scalars -> tokens (B, T), then all that is carried.
    """
    real, classes = split.step.outputs[0].dtype, split.classes
    forced = placeholder("forced", (B, STEPS), dtypes.INT32)
    token = placeholder("token", (B,), dtypes.INT32)
    done, count, total = (placeholder(name, (B,), real) for name in ("done", "count", "total"))
    seen = [placeholder("seen", (B, classes), real)] if kind.penalty else []
    states, read = _rest(split)
    eos, limit, seed, block = (placeholder(name, (), dtypes.INT32) for name in ("eos", "limit", "seed", "block"))
    temperature, top_k, top_p, penalty = (
        placeholder(n, (), real) for n in ("temperature", "top_k", "top_p", "penalty")
    )

    def step(now: tuple[Tensor, ...], slices: tuple[Tensor, ...]) -> Pair:
        last, ended, length, score, *carried = now
        before, own = carried[: len(seen)], carried[len(seen) :]
        made = instantiated(split.step, [ops.expand_dims(last, 1), *own, *read])
        scores, after = made[0], made[1 : 1 + split.states]
        if before:
            before = [ops.maximum(before[0], ops.one_hot(last, classes, real))]
            scores = penalized(scores, before[0], penalty)
        few, share = top_k if kind.top_k else None, top_p if kind.top_p else None
        choice = drawn(scores, slices[1], temperature, few, share) if kind.draw else likeliest(scores)
        free = ops.cast(slices[0] < 0, real) * (1.0 - ended)
        chosen = ops.where(slices[0] < 0, ops.where(ended > 0.0, ops.zeros_like(choice), choice), slices[0])
        log_p = ops.log_softmax(made[0])
        plain = not (kind.draw or kind.penalty)  # then it is the largest, which is sooner found
        hit = ops.max(log_p, -1) if plain else ops.sum(ops.one_hot(chosen, classes, real) * log_p, -1)
        length = length + free
        stop = ops.logical_or(ops.equal(chosen, eos), ops.greater_equal(length, ops.cast(limit, real)))
        ended = ops.maximum(ended, free * ops.cast(stop, real))
        return [chosen, ended, length, score + free * hit, *before, *after], [chosen]

    given = [ops.swapaxes(forced, 0, 1)]
    if kind.draw:
        given.append(ops.swapaxes(random_uniform((B, STEPS), seed, block, 0, real), 0, 1))
    carried = [token, done, count, total, *seen, *states]
    finals, (tokens,) = ops.scan(step, carried, given)
    scalars = [eos, limit, seed, block, temperature, top_k, top_p, penalty]
    return Graph((forced, *carried, *read, *scalars), (ops.swapaxes(tokens, 0, 1), *finals))


def beam_graph(split: Split, kind: Kind) -> Graph:
    """`width` hypotheses for each row, the best so far.

    Shapes: forced (B, T) int32; token, done, count, total (B, K), the model's states (K B, ...), coverage (K B, S),
        what it read; scalars -> tokens and the beam each came from (B, T, K), then all that is carried.
    """
    width = kind.width
    real, classes = split.step.outputs[0].dtype, split.classes
    forced = placeholder("forced", (B, STEPS), dtypes.INT32)
    token = placeholder("token", (B, width), dtypes.INT32)
    done, count, total = (placeholder(name, (B, width), real) for name in ("done", "count", "total"))
    states, read = _rest(split)
    looked = split.step.outputs[1 + split.states :][:1] if kind.coverage else ()
    covered = [placeholder("coverage", t.shape, real) for t in looked]
    eos, limit = (placeholder(name, (), dtypes.INT32) for name in ("eos", "limit"))
    length_penalty, coverage_penalty = (placeholder(name, (), real) for name in ("length_penalty", "coverage_penalty"))
    few = min(width, classes)
    first = np.where(np.arange(few) == 0, 0.0, NEVER)

    def step(now: tuple[Tensor, ...], slices: tuple[Tensor, ...]) -> Pair:
        last, ended, length, score, *carried = now
        own = carried[: split.states]
        made = instantiated(split.step, [ops.reshape(last, (-1, 1)), *own, *read])
        after = [*made[1 : 1 + split.states]]
        cover = [a + b for a, b in zip(carried[split.states :], made[1 + split.states :], strict=False)]
        # No hypothesis goes on in more ways than there are beams, so the others need not be ranked.
        log_p, ways = (ops.reshape(t, (B, width, few)) for t in ops.top_k(ops.log_softmax(made[0]), few))
        fixed = ops.reshape(slices[0], (-1, 1, 1))
        fresh = ops.logical_and(ops.reshape(ended, (B, width, 1)) <= 0.0, fixed < 0)
        log_p = ops.where(fresh, ops.maximum(log_p, NEVER), first)
        ways = ops.where(fresh, ways, ops.maximum(fixed, 0))
        sums = ops.expand_dims(score, -1) + log_p
        free = ops.reshape(ops.cast(slices[0] < 0, real), (-1, 1)) * (1.0 - ended)
        length = length + free
        rank = sums / ops.expand_dims(penalty(length, length_penalty), -1)
        if cover:
            bonus = ops.sum(ops.log(ops.clip(cover[0], 1e-6, 1.0)), -1)
            rank = rank + coverage_penalty * ops.reshape(bonus, (B, width, 1))
        _, best = ops.top_k(_flat(rank), width)
        score, chosen = _picked(best, _flat(sums)), ops.cast(_picked(best, ops.cast(_flat(ways), real)), dtypes.INT32)
        parent = ops.cast(ops.floor(ops.cast(best, real) / few), dtypes.INT32)
        chain = ops.one_hot(parent, width, real)
        ended, length, free = (_picked(parent, t) for t in (ended, length, free))
        stop = ops.logical_or(ops.equal(chosen, eos), ops.greater_equal(length, ops.cast(limit, real)))
        ended = ops.maximum(ended, free * ops.cast(stop, real))
        others = [moved(chain, t) for t in (*after, *cover)]
        return [chosen, ended, length, score, *others], [chosen, parent]

    carried = [token, done, count, total, *states, *covered]
    finals, outputs = ops.scan(step, carried, [ops.swapaxes(forced, 0, 1)])
    scalars = [eos, limit, length_penalty, coverage_penalty]
    found = [ops.swapaxes(t, 0, 1) for t in outputs]
    return Graph((forced, *carried, *read, *scalars), (*found, *finals))


def back_graph(width: int) -> Graph:
    """What hypotheses are made of. Shapes: tokens, and the beam each came from (B, T, K) int32 -> (B, K, T)."""
    given = [placeholder(name, (B, STEPS, width), dtypes.INT32) for name in ("tokens", "parents")]
    parents, tokens = (ops.cast(ops.swapaxes(t, 0, 1), dtypes.FLOAT64) for t in reversed(given))
    return Graph(tuple(given), (ops.transpose(traced_back(ops.stack([parents, tokens], -1)), (1, 2, 0)),))


def traced_back(grown: Tensor) -> Tensor:
    """What hypotheses are made of, from their last tokens to their first.

    Shapes: grown (T, B, K, 2): the beam each came from, and its token -> (T, B, K) int32.
    """
    width = grown.shape[2]

    def back(states: tuple[Tensor, ...], now: tuple[Tensor, ...]) -> Pair:
        found = ops.cast(ops.one_hot(states[0], width, grown.dtype) @ now[0], dtypes.INT32)
        return [found[:, :, 0]], [found[:, :, 1]]

    last = ops.broadcast_to(ops.arange(width), (grown.shape[1], width))
    _, (found,) = ops.scan(back, [last], [grown], reverse=True)
    return found


def penalty(length: Tensor, strength: Tensor) -> Tensor:
    """What a sum of log p is divided by: ((5 + length) / 6)^strength. Shapes: (B, K), () -> (B, K)."""
    return ops.exp(strength * ops.log((5.0 + length) / 6.0))


def _rest(split: Split) -> tuple[list[Tensor], list[Tensor]]:
    """New inputs for the model's states, and for what it read."""
    leaves = [placeholder(str(t.node.attrs["name"]), t.shape, t.dtype) for t in split.step.inputs[1:]]
    return leaves[: split.states], leaves[split.states :]


def _flat(x: Tensor) -> Tensor:
    """All ways of all hypotheses. Shapes: (B, K, N) -> (B, K N)."""
    return ops.reshape(x, (B, -1))


def _picked(places: Tensor, x: Tensor) -> Tensor:
    """Elements of each row by place. Shapes: places (B, K), x (B, N) -> (B, K)."""
    return ops.squeeze(ops.one_hot(places, x.shape[1], x.dtype) @ ops.expand_dims(x, -1), -1)


def moved(chain: Tensor, state: Tensor) -> Tensor:
    """States of the hypotheses that go on. Shapes: chain (B, K, K) of 0 and 1, state (K B, ...) -> (K B, ...)."""
    rows, width = chain.shape[:2]
    return ops.reshape(chain @ ops.reshape(state, (rows, width, -1)), state.shape)
