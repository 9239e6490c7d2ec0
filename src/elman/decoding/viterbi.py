"""The best tags of a CRF: one scan forth that keeps where each best path came from, one back along them.

Source: Viterbi 1967; Rabiner 1989, "A tutorial on hidden Markov models", equations 32 to 35.
Cost: T K^2 of each row.
"""

from __future__ import annotations

import functools
from typing import Any

import numpy as np

from elman import dtypes, ops
from elman.decoding.decoder import Decoded
from elman.decoding.rows import stacked
from elman.decoding.steps import NEVER
from elman.errors import ArgumentError, ShapeError
from elman.executors import Plan, default
from elman.graph import Graph, Tensor, placeholder
from elman.shapes import B, T

__all__ = ["viterbi"]


def viterbi(crf: Any, scores: Any, lengths: Any = None, order: Any = None) -> Decoded:
    """The likeliest tags of each row, all steps together.

    Args: crf: a built `layers.CRF`. scores: what it was given or gave: the output of the model that ends with it.
        lengths: real steps of each row, which come first. order: which tag may follow which, from row to column; the
        last row and column stand for what is before the first step and behind the last. None: any.
    Shapes: scores (B, T, K) or B of (T, K), lengths (B,), order (K + 1, K + 1) of truth values -> tokens (B, T), 0
        behind the end; scores (B,), not divided by the sum over all tags; see `Decoded` where the order has no way.
    Raises: ArgumentError: crf is no built CRF layer. ShapeError: scores, or an order, of another number of tags.
        DataError: lengths that are none.
    Example:
        >>> import numpy as np
        >>> from elman.layers import CRF, Input
        >>> crf = CRF(transition_initializer="zeros")
        >>> _ = crf(Input((None, 2)))
        >>> crf.transitions.assign([[0.0, -9.0], [0.0, 0.0]])  # 1 never follows 0
        >>> viterbi(crf, np.array([[[1.0, 0.0], [0.0, 3.0], [1.0, 0.0]]], "float32")).rows()
        [[1, 1, 0]]
    """
    if not hasattr(crf, "transitions"):
        raise ArgumentError.at("viterbi", "crf", "a built CRF layer", crf, "Call it on an Input, or load its model.")
    x, counts = stacked("viterbi", scores, lengths, crf.dtype)
    tags = crf.transitions.shape[0]
    if x.shape[2] != tags:
        raise ShapeError.at("viterbi", "scores", f"have shape (B, T, {tags})", x.shape, "Give it what predict gives.")
    weights = [np.ascontiguousarray(w.value) for w in (crf.transitions, crf.start, crf.end)]
    if order is not None:
        weights = _ordered(np.asarray(order), weights)
    tokens, best = _plan(tags, crf.dtype, default().name).run([x, counts, *weights]).outputs
    there = (counts == 0) | (best > NEVER / 2)
    tokens, counts = np.where(there[:, None], tokens, 0), np.where(there, counts, 0)
    return Decoded(tokens, counts, np.where(there, np.where(counts > 0, best, 0), -np.inf))


def _ordered(order: np.ndarray, weights: list[np.ndarray]) -> list[np.ndarray]:
    """Transitions, start and end, where they may be."""
    tags = len(weights[1])
    if order.shape != (tags + 1, tags + 1):
        raise ShapeError.at("viterbi", "order", f"have shape ({tags + 1}, {tags + 1})", order.shape)
    parts = order[:-1, :-1], order[-1, :-1], order[:-1, -1]
    return [np.where(may, w, w.dtype.type(NEVER)) for may, w in zip(parts, weights, strict=True)]


@functools.lru_cache(maxsize=16)
def _plan(tags: int, dtype: str, executor: str) -> Plan:
    """The search for one number of tags, whatever the weights."""
    x, lengths = placeholder("scores", (B, T, tags), dtype), placeholder("lengths", (B,), dtypes.INT32)
    moves, start, end = (
        placeholder(n, (tags, tags) if n == "moves" else (tags,), dtype) for n in ("moves", "start", "end")
    )
    path, best = _search(x, lengths, moves, start, end)
    return default().compile(Graph((x, lengths, moves, start, end), (path, best)))


def _search(x: Tensor, lengths: Tensor, moves: Tensor, start: Tensor, end: Tensor) -> tuple[Tensor, Tensor]:
    """Best tags and their scores. Shapes: x (B, T, K), moves (K, K) -> (B, T) int32, (B,)."""
    tags = int(x.shape[2])  # type: ignore[arg-type]  # known

    def forth(states: tuple[Tensor, ...], now: tuple[Tensor, ...]) -> tuple[list[Tensor], list[Tensor]]:
        paths = ops.expand_dims(states[0], 2) + moves
        best = ops.where(ops.equal(now[1], 0), start, ops.max(paths, 1)) + now[0]
        return [best], [ops.argmax(paths, 1)]

    def back(states: tuple[Tensor, ...], now: tuple[Tensor, ...]) -> tuple[list[Tensor], list[Tensor]]:
        (tag,) = states
        here = ops.one_hot(tag, tags, dtypes.INT32)
        return [ops.sum(here * now[0], 1)], [tag]

    none = ops.zeros((x.shape[0], tags), x.dtype)
    (paths,), (origins,) = ops.scan(forth, [none], [ops.swapaxes(x, 0, 1), ops.arange(x.shape[1])], lengths)
    last = paths + end
    _, (path,) = ops.scan(back, [ops.argmax(last, 1)], [origins], lengths, reverse=True)
    return ops.swapaxes(path, 0, 1), ops.max(last, 1)
