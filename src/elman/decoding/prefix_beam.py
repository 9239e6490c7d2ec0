"""From frames to the likeliest labels over all paths: prefix beam search, all rows and prefixes of a frame at once.

A prefix is known by a hash of its labels, so two ways to one prefix are found by comparing numbers.

Source: Hannun, Maas, Jurafsky and Ng 2014, "First-Pass Large Vocabulary Continuous Speech Recognition using
    Bi-Directional Recurrent DNNs", algorithm 1.
Cost: T steps in NumPy over (B, K, C), where C, the labels tried of a frame, are the 2 K + 1 likeliest.
Known weakness: two prefixes of one hash (64 bits) would be taken for one.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from elman.decoding.ctc import checked
from elman.decoding.decoder import Decoded
from elman.errors import ArgumentError

__all__ = ["ctc_beam"]

Prefix = tuple[int, ...]
Model = Callable[[Sequence[Prefix]], Any]

_MULTIPLIER = np.uint64(0x9E3779B97F4A7C15)
_SHIFT = np.uint64(29)
_NEVER = -np.inf


def ctc_beam(
    y: Any, lengths: Any = None, blank: int = 0, width: int = 16, best: int = 1, language_model: Model | None = None,
    weight: float = 0.5, bonus: float = 0.0,
) -> Decoded:  # fmt: skip
    """The likeliest labels, each the sum of its paths; with a language model, those that it likes, too.

    Args:
        y, lengths, blank: see `ctc_greedy`.
        width: prefixes kept. best: how many of them to give.
        language_model: a function of prefixes (tuples of labels) that gives log p of each label after each, (N, V).
        weight, bonus: weight log p of the language model + bonus are added for each label.
    Shapes: y (B, T, V) -> tokens (B, N, L), best first; scores: the sum, with the language model's part.
    Raises: ShapeError: y is not (B, T, V). ArgumentError: best above width.
    Example:
        >>> import numpy as np
        >>> from elman.decoding import ctc_greedy
        >>> y = np.array([[[0.6, 0.4], [0.6, 0.4]]])  # nothing is the likeliest path, "1" the likeliest label
        >>> ctc_greedy(y).rows(), ctc_beam(y).rows()
        ([[]], [[[1]]])
    """
    if not 1 <= best <= width:
        raise ArgumentError.at("ctc_beam", "width", "1 or more, and best between 1 and width", f"{width}, best={best}")
    log_p, real = checked("ctc_beam", y, lengths)
    search = _Search(log_p, blank, width, weight, bonus, None if language_model is None else _Liking(language_model))
    for t in range(log_p.shape[1]):
        search.step(t, np.flatnonzero(real[:, t]))
    return search.answers(best)


class _Liking:
    """What a language model says after prefixes; asked once about each. `prefixes` are those kept: B lists of K."""

    def __init__(self, model: Model) -> None:
        self.model = model
        self.known: dict[Prefix, np.ndarray] = {}
        self.prefixes: list[list[Prefix]] = []

    def begin(self, rows: int, width: int) -> None:
        """Nothing is written yet."""
        self.prefixes = [[()] * width for _ in range(rows)]

    def log_p(self, rows: np.ndarray, alive: np.ndarray) -> np.ndarray:
        """Of each label after each prefix. Shapes: rows (R,), alive (R, K) -> (R, K, V)."""
        asked = [self.prefixes[r] for r in rows]
        living = [
            p for ps, lives in zip(asked, alive.tolist(), strict=True) for p, a in zip(ps, lives, strict=True) if a
        ]
        new = [p for p in dict.fromkeys(living) if p not in self.known]
        if new:
            self.known.update(zip(new, np.asarray(self.model(new), np.float64), strict=True))
        return np.stack([np.stack([self.known.get(p, self.known[()]) for p in ps]) for ps in asked])

    def move(self, rows: np.ndarray, parents: np.ndarray, labels: np.ndarray) -> None:
        """Prefixes after a frame. Shapes: parents, labels (R, K); a label below 0: as it was."""
        for row, of, added in zip(rows, parents.tolist(), labels.tolist(), strict=True):
            old = self.prefixes[row]
            self.prefixes[row] = [old[p] if c < 0 else (*old[p], c) for p, c in zip(of, added, strict=True)]


class _Search:
    """K prefixes of each row. Shapes: (B, K) each.

    blanks, ends: log p of their paths that end in a blank, and in their last label. liked: what is added to it.
    last: their last label; -1: none. own, before: hash of the prefix, and of it without its last label.
    """

    def __init__(
        self, log_p: np.ndarray, blank: int, width: int, weight: float, bonus: float, liking: _Liking | None
    ) -> None:
        rows, steps, classes = log_p.shape
        self.width, self.weight, self.bonus, self.liking = width, weight, bonus, liking
        self.blank_p = log_p[:, :, blank].copy()
        self.log_p = log_p.copy()
        self.log_p[:, :, blank] = _NEVER
        tried = min(classes, 2 * width + 1)
        self.labels = np.argpartition(-self.log_p, tried - 1, -1)[:, :, :tried]
        self.blanks, self.ends = np.full((2, rows, width), _NEVER)
        self.blanks[:, 0] = 0.0
        self.liked, self.last = np.zeros((rows, width)), np.full((rows, width), -1)
        self.own, self.before = np.zeros((2, rows, width), np.uint64)
        self.parents = np.tile(np.arange(width), (steps, rows, 1))
        self.added = np.full((steps, rows, width), -1)
        if liking is not None:
            liking.begin(rows, width)

    def step(self, t: int, rows: np.ndarray) -> None:
        """Read a frame of some rows."""
        if not len(rows):
            return
        frame, labels = self.log_p[rows, t], self.labels[rows, t]
        blanks, ends, last = self.blanks[rows], self.ends[rows], self.last[rows]
        both = np.logaddexp(blanks, ends)
        follows = (self.before[rows][:, None, :] == self.own[rows][:, :, None]) & (last >= 0)[:, None, :]
        again = np.where(last >= 0, np.take_along_axis(frame, np.maximum(last, 0), 1), _NEVER)
        here = np.where(last[:, :, None] == last[:, None, :], blanks[:, :, None], both[:, :, None])
        come = np.where(follows, here, _NEVER).max(1)
        stay = both + self.blank_p[rows, t, None], again + np.logaddexp(ends, come)
        same = labels[:, None, :] == last[:, :, None]
        longer = np.where(same, blanks[:, :, None], both[:, :, None]) + np.take_along_axis(frame, labels, 1)[:, None, :]
        longer[(follows.astype("float32") @ same.astype("float32")) > 0] = _NEVER  # it is in `come`
        self._choose(t, rows, stay, longer, labels)

    def _choose(
        self, t: int, rows: np.ndarray, stay: tuple[np.ndarray, np.ndarray], longer: np.ndarray, labels: np.ndarray
    ) -> None:
        """Keep the best. Shapes: stay (R, K) each, longer (R, K, C), labels (R, C)."""
        width, tried, liked = self.width, labels.shape[1], self.liked[rows]
        liking = np.broadcast_to((liked + self.bonus)[:, :, None], longer.shape)
        if self.liking is not None:
            foretold = self.liking.log_p(rows, np.logaddexp(self.blanks[rows], self.ends[rows]) > _NEVER)
            liking = liking + self.weight * np.take_along_axis(foretold, labels[:, None, :], 2)
        flat, likings = longer.reshape(len(rows), -1), liking.reshape(len(rows), -1)
        score = np.concatenate([np.logaddexp(*stay) + liked, flat + likings], 1)
        kept = np.argpartition(-score, width - 1, 1)[:, :width]
        kept = np.take_along_axis(kept, np.argsort(-np.take_along_axis(score, kept, 1), 1, kind="stable"), 1)
        new = kept >= width
        place = np.maximum(kept - width, 0)
        parent = np.where(new, place // tried, kept)
        label = np.where(new, np.take_along_axis(labels, place % tried, 1), -1)

        def moved(old: np.ndarray) -> np.ndarray:
            return np.take_along_axis(old, parent, 1)

        own = moved(self.own[rows])
        self.before[rows] = np.where(new, own, moved(self.before[rows]))
        self.own[rows] = np.where(new, _hashed(own, label), own)
        self.blanks[rows] = np.where(new, _NEVER, moved(stay[0]))
        self.ends[rows] = np.where(new, np.take_along_axis(flat, place, 1), moved(stay[1]))
        self.liked[rows] = np.where(new, np.take_along_axis(likings, place, 1), moved(liked))
        dead = np.take_along_axis(score, kept, 1) == _NEVER
        self.last[rows] = np.where(dead, -1, np.where(new, label, moved(self.last[rows])))
        self.parents[t, rows], self.added[t, rows] = parent, label
        if self.liking is not None:
            self.liking.move(rows, parent, label)

    def answers(self, best: int) -> Decoded:
        """The best prefixes, from their last labels to their first."""
        steps, rows, _ = self.added.shape
        at = np.tile(np.arange(best), (rows, 1))
        found = np.zeros((rows, best, steps), np.int32)
        for t in range(steps - 1, -1, -1):
            found[:, :, t] = np.take_along_axis(self.added[t], at, 1)
            at = np.take_along_axis(self.parents[t], at, 1)
        count = (found >= 0).sum(-1)
        longest = max(1, int(count.max(initial=0)))
        order = np.argsort(found < 0, -1, kind="stable")[:, :, :longest]
        tokens = np.take_along_axis(found, order, -1) if steps else np.zeros((rows, best, 1), np.int32)
        tokens = np.where(np.arange(longest) < count[:, :, None], tokens, 0).astype(np.int32)
        score = (np.logaddexp(self.blanks, self.ends) + self.liked)[:, :best]
        return Decoded(tokens, count, score)


def _hashed(before: np.ndarray, label: np.ndarray) -> np.ndarray:
    """Hash of a prefix with a label more. Shapes: (R, K), (R, K) -> (R, K) uint64."""
    mixed = (before ^ (label + 2).astype(np.uint64)) * _MULTIPLIER
    made: np.ndarray = mixed ^ (mixed >> _SHIFT)
    return made
