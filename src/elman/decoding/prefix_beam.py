"""From frames to the likeliest labels over all paths: prefix beam search, one scan over frames and one back.

Of each row K prefixes are carried, each as eight numbers. A prefix is known by a hash of its labels, so two ways to one
prefix are found by comparing numbers.

Source: Hannun, Maas, Jurafsky and Ng 2014, "First-Pass Large Vocabulary Continuous Speech Recognition using
    Bi-Directional Recurrent DNNs", algorithm 1.
Cost: of a frame K (V + K C) for each row, where C, the labels tried, are the 2 K + 1 likeliest; with a language model
    of W tokens also K C W, and a step of it for each prefix.
Known weakness: two prefixes of one hash (48 bits) would be taken for one. A language model reads on at every frame,
    also where no prefix grows.
"""

from __future__ import annotations

import functools
from collections.abc import Sequence
from typing import Any

import numpy as np

from elman import dtypes, ops
from elman.arguments import check_number
from elman.decoding.ctc import checked
from elman.decoding.decoder import Decoded, check_drawing
from elman.decoding.next_tokens import Heard, NextTokens
from elman.decoding.searches import traced_back
from elman.decoding.steps import NEVER
from elman.errors import ArgumentError
from elman.executors import Plan, default
from elman.graph import Graph, Tensor, placeholder
from elman.shapes import B, T

__all__ = ["ctc_beam"]

_HALF = 4096.0
_FACTORS = (2000.0, 1777.0), (1543.0, 1213.0)
_PRIMES = (4093.0, 4091.0), (4079.0, 4073.0)
"""A hash is two numbers, each two of 12 bits side by side: their products and sums are exact even in float32."""
_PARTS = 8
"""Numbers of a prefix: its hash (two), that without its last label (two), its last label (-1: none), log p of its paths
that end in nothing, of those that end in its last label, and what is added to both."""


def ctc_beam(
    y: Any, lengths: Any = None, blank: int = 0, width: int = 16, best: int = 1,
    language_model: NextTokens | None = None, weight: float = 0.5, bonus: float = 0.0,
) -> Decoded:  # fmt: skip
    """The likeliest labels, each the sum of its paths; with a language model, those that it likes, too.

    Sums are taken in float64, with a language model in its type.

    Args:
        y, lengths, blank: see `ctc_greedy`.
        width: prefixes kept. best: how many of them to give.
        language_model: says how likely each label is after others.
        weight, bonus: weight log p of the language model + bonus are added for each label.
    Shapes: y (B, T, V) -> tokens (B, N, L), best first; scores: the sum, with the language model's part; see `Decoded`
        where there are fewer than N.
    Raises: ShapeError: y is not (B, T, V). ArgumentError: best above width; a language model of other labels.
    Example:
        >>> import numpy as np
        >>> from elman.decoding import ctc_greedy
        >>> y = np.array([[[0.6, 0.4], [0.6, 0.4]]])  # nothing is the likeliest path, "1" the likeliest label
        >>> ctc_greedy(y).rows(), ctc_beam(y).rows()
        ([[]], [[[1]]])
    """
    check_drawing("ctc_beam", {"width": width, "best": best})
    if best > width:
        raise ArgumentError.at("ctc_beam", "best", f"at most width, {width}", best)
    for name, value in (("weight", weight), ("bonus", bonus)):
        check_number("ctc_beam", name, value)
    log_p, lives = checked("ctc_beam", y, lengths, blank)
    classes = log_p.shape[2]
    log_p = np.where(lives[:, :, None], np.maximum(log_p, NEVER), NEVER)
    nothing = np.where(lives, log_p[:, :, blank], 0.0)  # behind the end all stays as it is
    log_p[:, :, blank] = NEVER
    given = [log_p, nothing, np.asarray(bonus)]
    if language_model is None:
        plan = _plan(classes, width, default().name)
    else:
        real = _checked(language_model, classes).dtype
        plan = language_model.plan((classes, width), width, lambda heard: _graph(classes, width, heard, real))
        given = [a.astype(real) for a in (*given, np.asarray(weight))]
        given += language_model.arrays(len(log_p), width)
    found, scores = plan.run(given).outputs
    return _answers(found[:, :best], scores[:, :best])


def _answers(found: np.ndarray, scores: np.ndarray) -> Decoded:
    """Labels close up. Shapes: found (B, N, T), -1 where a frame added none; scores (B, N)."""
    dead = scores < NEVER / 10
    found = np.where(dead[:, :, None], -1, found)
    count = (found >= 0).sum(-1)
    longest = max(1, int(count.max(initial=0)))
    found = np.take_along_axis(found, np.argsort(found < 0, -1, kind="stable")[:, :, :longest], -1)
    tokens = np.zeros((*count.shape, longest), np.int32)
    tokens[:, :, : found.shape[-1]] = np.maximum(found, 0)
    return Decoded(tokens, count, np.where(dead, -np.inf, scores))


def _checked(model: Any, classes: int) -> NextTokens:
    if not isinstance(model, NextTokens):
        cure = "Pass elman.decoding.NextTokens(model, begin)."
        raise ArgumentError.at("ctc_beam", "language_model", "a NextTokens", model, cure)
    if len(model.tokens) != classes:
        rule, cure = f"of {classes} labels", "Say its token for each label: NextTokens(model, begin, tokens)."
        raise ArgumentError.at("ctc_beam", "language_model", rule, len(model.tokens), cure)
    return model


@functools.lru_cache(maxsize=16)
def _plan(classes: int, width: int, executor: str) -> Plan:
    return default().compile(_graph(classes, width, None, dtypes.FLOAT64))


def _graph(classes: int, width: int, heard: Heard | None, real: str) -> Graph:
    """The whole search.

    Shapes: log p (B, T, V), of nothing (B, T), bonus (), what is needed of a language model -> labels that each frame
        added (B, K, T), -1: none; scores (B, K).
    """
    log_p, nothing = placeholder("log_p", (B, T, classes), real), placeholder("nothing", (B, T), real)
    bonus = placeholder("bonus", (), real)
    values, labels = ops.top_k(log_p, min(classes, 2 * width + 1))
    frames = [ops.swapaxes(t, 0, 1) for t in (log_p, nothing, values, ops.cast(labels, real))]

    def forth(states: tuple[Tensor, ...], now: tuple[Tensor, ...]) -> tuple[list[Tensor], list[Tensor]]:
        more = bonus if heard is None else bonus + heard.likes(states[1], now[3])
        after, chain, label = _step(states[0], now, more)
        others = [] if heard is None else heard.read_on(states[1:], chain, label)
        parent = ops.sum(chain * ops.arange(width, real), -1)
        return [after, *others], [ops.stack([parent, label], -1)]

    begun = [_begun(width, real), *([] if heard is None else heard.begun())]
    (final, *_), (grown,) = ops.scan(forth, begun, frames)
    blanks, ends, liked = (final[:, :, i] for i in (5, 6, 7))
    inputs = (log_p, nothing, bonus, *(() if heard is None else heard.inputs))
    return Graph(inputs, (ops.transpose(traced_back(grown), (1, 2, 0)), _either(blanks, ends) + liked))


def _begun(width: int, real: str) -> Tensor:
    """The empty prefix, and places for others. Shapes: -> (B, K, 8)."""
    rows = np.zeros((width, _PARTS), real)
    rows[:, 4], rows[:, 5], rows[:, 6] = -1, NEVER, NEVER
    rows[0, 5] = 0.0
    return ops.broadcast_to(rows, (B, width, _PARTS))


def _step(prefixes: Tensor, now: Sequence[Tensor], more: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """A frame: the best of what stays and of what grows.

    Shapes: prefixes (B, K, 8); now: log p (B, V), of nothing (B,), of the labels tried (B, C), and those; more, what is
        added where a prefix grows (), or (B, K, C) -> prefixes; where each came from, of 0 and 1 (B, K, K); the label
        that it grew by (B, K), -1: none.
    """
    log_p, nothing, values, labels = now
    *hashes, last, blanks, ends, liked = (prefixes[:, :, i] for i in range(_PARTS))
    own, before = hashes[:2], hashes[2:]
    real, width, tried = prefixes.dtype, prefixes.shape[1], labels.shape[1]
    assert isinstance(width, int)
    assert isinstance(tried, int)
    both = _either(blanks, ends)
    halves = [ops.equal(_down(a), _across(b)) for a, b in zip(own, before, strict=True)]
    follows = ops.logical_and(ops.logical_and(*halves), _across(last) >= 0.0)
    again = ops.sum(ops.one_hot(_whole(last), log_p.shape[1], real) * _across(log_p), -1)
    here = ops.where(ops.equal(_down(last), _across(last)), _down(blanks), _down(both))
    come = ops.max(ops.where(follows, here, NEVER), 1)
    stays = [both + _down(nothing), ops.where(last >= 0.0, again, NEVER) + _either(ends, come)]
    same = ops.equal(_across(labels), _down(last))
    longer = ops.where(same, _down(blanks), _down(both)) + _across(values)
    longer = ops.where(ops.cast(follows, real) @ ops.cast(same, real) > 0.0, NEVER, longer)  # those are in `come`
    grown = ops.reshape(longer + _down(liked) + more, (B, -1))
    kept, places = ops.top_k(ops.concatenate([_either(*stays) + liked, grown], 1), width)

    new = places >= width
    place = ops.cast(ops.maximum(places - width, 0), real)
    parent = ops.where(new, ops.floor((place + 0.5) / tried), ops.cast(places, real))
    chain = ops.one_hot(_whole(parent), width, real)
    column = ops.one_hot(_whole(place - parent * tried), tried, real)
    came = chain @ ops.stack([*own, *before, last, *stays, liked, blanks, both], -1)
    *hashes, last, stay, end, liked, blanks, both = (came[:, :, i] for i in range(_PARTS + 2))
    label = ops.where(new, ops.sum(column * _across(labels), -1), -1.0)
    value = ops.where(ops.equal(label, last), blanks, both) + ops.sum(column * _across(values), -1)
    added = more if more.ndim == 0 else ops.sum(column * (chain @ more), -1)
    parts = [
        *(ops.where(new, _hashed(h, label, i), h) for i, h in enumerate(hashes[:2])),
        *(ops.where(new, a, b) for a, b in zip(hashes[:2], hashes[2:], strict=True)),
        ops.where(kept < NEVER / 10, -1.0, ops.where(new, label, last)),
        ops.where(new, NEVER, stay),
        ops.where(new, value, end),
        ops.where(new, liked + added, liked),
    ]
    return ops.stack(parts, -1), chain, label


def _hashed(before: Tensor, label: Tensor, which: int) -> Tensor:
    """One of the numbers of a hash, with one more label. Shapes: (B, K), (B, K) -> (B, K)."""
    high = ops.floor(before / _HALF)
    halves = zip((high, before - high * _HALF), _FACTORS[which], _PRIMES[which], strict=True)
    first, second = (ops.mod(half * factor + label + 1.0, prime) for half, factor, prime in halves)
    return first * _HALF + second


def _either(a: Tensor, b: Tensor) -> Tensor:
    """log(e^a + e^b). Shapes: any, both alike -> as they."""
    return ops.maximum(a, b) + ops.log1p(ops.exp(-ops.abs(a - b)))


def _down(x: Tensor) -> Tensor:
    return ops.expand_dims(x, -1)


def _across(x: Tensor) -> Tensor:
    return ops.expand_dims(x, 1)


def _whole(x: Tensor) -> Tensor:
    return ops.cast(x, dtypes.INT32)
