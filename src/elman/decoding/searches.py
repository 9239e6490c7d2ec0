"""Whole searches as graphs: a scan whose body runs the model on a token, and chooses the next, for several steps.

Tokens of the prompt are forced: the scan reads them as it reads its own. A row that has ended gives 0 from then on.

Source: beam search with a length penalty and coverage: Wu et al. 2016, "Google's Neural Machine Translation System",
    equation 14. Finished hypotheses stay in the beam and compete by their penalised score.
Known weakness: a row runs on until its whole batch has ended.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import final

from elman import dtypes, ops
from elman.decoding.choosing import drawn, likeliest, penalized
from elman.decoding.steps import Split, instantiated
from elman.graph import Graph, Tensor, placeholder
from elman.graph.trace import random_uniform
from elman.shapes import B, Dim

__all__ = ["NEVER", "Kind", "beam_graph", "row_graph"]

NEVER = -1e30
"""The score of what cannot be."""

STEPS = Dim.symbol("search")
"""Tokens of one run; a name that no model gives to an axis."""

Pair = tuple[list[Tensor], list[Tensor]]


@final
@dataclass(frozen=True)
class Kind:
    """What a plan is made for: drawn or likeliest, with a repetition penalty or without, how many beams, coverage."""

    draw: bool = False
    penalty: bool = False
    width: int = 1
    coverage: bool = False


def row_graph(split: Split, kind: Kind) -> Graph:
    """One hypothesis for each row.

    Shapes: forced (B, T) int32, -1 where free; token (B,), done, count, total (B,), seen (B, V), the model's states,
        what it read; scalars -> tokens (B, T), then all that is carried.
    """
    real, classes = split.step.outputs[0].dtype, int(split.step.outputs[0].shape[1])  # type: ignore[arg-type]
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
        choice = drawn(scores, slices[1], temperature, top_k, top_p) if kind.draw else likeliest(scores)
        free = ops.cast(slices[0] < 0, real) * (1.0 - ended)
        chosen = ops.where(slices[0] < 0, ops.where(ended > 0.0, ops.zeros_like(choice), choice), slices[0])
        hit = ops.sum(ops.one_hot(chosen, classes, real) * ops.log_softmax(made[0]), -1)
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
    real, classes = split.step.outputs[0].dtype, int(split.step.outputs[0].shape[1])  # type: ignore[arg-type]
    forced = placeholder("forced", (B, STEPS), dtypes.INT32)
    token = placeholder("token", (B, width), dtypes.INT32)
    done, count, total = (placeholder(name, (B, width), real) for name in ("done", "count", "total"))
    states, read = _rest(split)
    looked = split.step.outputs[1 + split.states :][:1] if kind.coverage else ()
    covered = [placeholder("coverage", t.shape, real) for t in looked]
    eos, limit = (placeholder(name, (), dtypes.INT32) for name in ("eos", "limit"))
    length_penalty, coverage_penalty = (placeholder(name, (), real) for name in ("length_penalty", "coverage_penalty"))
    every, size = ops.arange(classes), width * classes

    def step(now: tuple[Tensor, ...], slices: tuple[Tensor, ...]) -> Pair:
        last, ended, length, score, *carried = now
        own = carried[: split.states]
        made = instantiated(split.step, [ops.reshape(last, (-1, 1)), *own, *read])
        after = [*made[1 : 1 + split.states]]
        cover = [a + b for a, b in zip(carried[split.states :], made[1 + split.states :], strict=False)]
        log_p = ops.reshape(ops.log_softmax(made[0]), (B, width, classes))
        fixed = ops.reshape(slices[0], (-1, 1, 1))
        no, sure = ops.full((), NEVER, real), ops.full((), 0, real)
        log_p = ops.where(ops.reshape(ended, (B, width, 1)) > 0.0, ops.where(ops.equal(every, 0), sure, no), log_p)
        log_p = ops.where(fixed < 0, log_p, ops.where(ops.equal(every, fixed), sure, no))
        sums = ops.reshape(ops.expand_dims(score, -1) + log_p, (B, size))
        free = ops.reshape(ops.cast(slices[0] < 0, real), (-1, 1)) * (1.0 - ended)
        length = length + free
        rank = sums / ops.reshape(ops.repeat(penalty(length, length_penalty), classes, 2), (B, size))
        if cover:
            bonus = ops.sum(ops.log(ops.clip(cover[0], 1e-6, 1.0)), -1)
            bonus = ops.reshape(ops.repeat(ops.reshape(bonus, (B, width)), classes, 2), (B, size))
            rank = rank + coverage_penalty * bonus
        best, score = _best(rank, sums, width)
        chosen = ops.mod(best, ops.full((), classes, dtypes.INT32))
        parent = ops.cast(ops.floor(ops.cast(best, real) / classes), dtypes.INT32)
        chain = ops.one_hot(parent, width, real)
        ended, length, free = (ops.squeeze(chain @ ops.expand_dims(t, -1), -1) for t in (ended, length, free))
        stop = ops.logical_or(ops.equal(chosen, eos), ops.greater_equal(length, ops.cast(limit, real)))
        ended = ops.maximum(ended, free * ops.cast(stop, real))
        moved = [_moved(chain, t) for t in (*after, *cover)]
        return [chosen, ended, length, score, *moved], [chosen, parent]

    carried = [token, done, count, total, *states, *covered]
    finals, outputs = ops.scan(step, carried, [ops.swapaxes(forced, 0, 1)])
    scalars = [eos, limit, length_penalty, coverage_penalty]
    found = [ops.swapaxes(t, 0, 1) for t in outputs]
    return Graph((forced, *carried, *read, *scalars), (*found, *finals))


def penalty(length: Tensor, strength: Tensor) -> Tensor:
    """What a sum of log p is divided by: ((5 + length) / 6)^strength. Shapes: (B, K), () -> (B, K)."""
    return ops.exp(strength * ops.log((5.0 + length) / 6.0))


def _rest(split: Split) -> tuple[list[Tensor], list[Tensor]]:
    """New inputs for the model's states, and for what it read."""
    leaves = [placeholder(str(t.node.attrs["name"]), t.shape, t.dtype) for t in split.step.inputs[1:]]
    return leaves[: split.states], leaves[split.states :]


def _best(rank: Tensor, sums: Tensor, width: int) -> tuple[Tensor, Tensor]:
    """Places of the highest ranks, best first, and their sums. Shapes: (B, N), (B, N) -> (B, K) int32, (B, K)."""
    places, found = [], []
    every = ops.arange(rank.shape[1])
    out = ops.full((), 2 * NEVER, rank.dtype)
    for _ in range(width):
        at = ops.argmax(rank, -1, keepdims=True)
        here = ops.equal(every, at)
        places.append(at)
        found.append(ops.sum(ops.where(here, sums, ops.zeros_like(sums)), -1, keepdims=True))
        rank = ops.where(here, out, rank)
    return ops.concatenate(places, 1), ops.concatenate(found, 1)


def _moved(chain: Tensor, state: Tensor) -> Tensor:
    """States of the hypotheses that go on. Shapes: chain (B, K, K) of 0 and 1, state (K B, ...) -> (K B, ...)."""
    rows, width = chain.shape[:2]
    return ops.reshape(chain @ ops.reshape(state, (rows, width, -1)), state.shape)
