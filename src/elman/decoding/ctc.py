"""From frames to labels: the likeliest path, or the likeliest labels over all paths (prefix beam search).

Source: Graves et al. 2006, section 3.2 (best path); Hannun, Maas, Jurafsky and Ng 2014, "First-Pass Large Vocabulary
    Continuous Speech Recognition using Bi-Directional Recurrent DNNs", algorithm 1 (prefix beam search).
Cost: the best path one pass over (B, T, V) in NumPy; the beam T steps over sorted candidates, one row after another.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from elman.decoding.decoder import Decoded
from elman.decoding.rows import stacked
from elman.errors import ArgumentError

__all__ = ["ctc_beam", "ctc_greedy"]

Model = Callable[[Sequence[tuple[int, ...]]], Any]


def ctc_greedy(y: Any, lengths: Any = None, blank: int = 0) -> Decoded:
    """The labels of the likeliest path: repeats made one, blanks taken out.

    Args: y: a softmax's output or logits, as `predict` gives them. lengths: real frames of each row.
    Shapes: y (B, T, V) or B of (T, V), lengths (B,) -> tokens (B, L); scores: log p of the path.
    Raises: ShapeError: y is not (B, T, V).
    Example:
        >>> import numpy as np
        >>> ctc_greedy(np.eye(3)[[[1, 1, 0, 1, 2, 0]]]).rows()
        [[1, 1, 2]]
    """
    log_p, real = _checked("ctc_greedy", y, lengths)
    path = log_p.argmax(-1)
    before = np.concatenate([np.full((len(path), 1), blank), path[:, :-1]], 1)
    kept = real & (path != blank) & (path != before)
    count = kept.sum(1)
    tokens = np.zeros((len(path), max(1, int(count.max(initial=0)))), np.int32)
    tokens[np.arange(tokens.shape[1]) < count[:, None]] = path[kept]
    return Decoded(tokens, count, np.where(real, log_p.max(-1), 0).sum(1))


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
        >>> y = np.array([[[0.6, 0.4], [0.6, 0.4]]])  # nothing is the likeliest path, "1" the likeliest label
        >>> ctc_greedy(y).rows(), ctc_beam(y).rows()
        ([[]], [[[1]]])
    """
    if not 1 <= best <= width:
        raise ArgumentError.at("ctc_beam", "width", "1 or more, and best between 1 and width", f"{width}, best={best}")
    log_p, real = _checked("ctc_beam", y, lengths)
    rows = [
        _Beam(row[:n], blank, width, language_model, weight, bonus).run()[:best]
        for row, n in zip(log_p, real.sum(1), strict=True)
    ]
    longest = max(1, *(len(prefix) for row in rows for prefix, _ in row))
    tokens = np.zeros((len(rows), best, longest), np.int32)
    ends, scores = np.zeros((len(rows), best), np.int64), np.full((len(rows), best), -np.inf)
    for i, row in enumerate(rows):
        for j, (prefix, score) in enumerate(row):
            tokens[i, j, : len(prefix)], ends[i, j], scores[i, j] = prefix, len(prefix), score
    return Decoded(tokens, ends, scores)


class _Beam:
    """The prefixes of one row: log p of their paths that end in a blank, and in their last label."""

    def __init__(
        self, log_p: np.ndarray, blank: int, width: int, language_model: Model | None, weight: float, bonus: float
    ) -> None:
        self.log_p, self.blank, self.width = log_p, blank, width
        self.language_model, self.weight, self.bonus = language_model, weight, bonus
        self.known: dict[tuple[int, ...], np.ndarray] = {}
        self.liked: dict[tuple[int, ...], float] = {(): 0.0}
        self.prefixes: dict[tuple[int, ...], tuple[float, float]] = {(): (0.0, -np.inf)}

    def run(self) -> list[tuple[tuple[int, ...], float]]:
        """Prefixes and scores, best first."""
        for frame in self.log_p:
            self._step(frame)
        return [(prefix, float(self._score(prefix))) for prefix in self.prefixes]

    def _step(self, frame: np.ndarray) -> None:
        after: dict[tuple[int, ...], tuple[float, float]] = {}

        def add(prefix: tuple[int, ...], in_blank: float, in_label: float) -> None:
            old = after.get(prefix, (-np.inf, -np.inf))
            after[prefix] = (np.logaddexp(old[0], in_blank), np.logaddexp(old[1], in_label))

        candidates = np.argsort(-frame, kind="stable")[: 2 * self.width + 1]
        self._learn()
        for prefix, (in_blank, in_label) in self.prefixes.items():
            both = np.logaddexp(in_blank, in_label)
            add(prefix, both + frame[self.blank], in_label + frame[prefix[-1]] if prefix else -np.inf)
            for label in (int(c) for c in candidates if c != self.blank):
                from_here = in_blank if prefix and label == prefix[-1] else both
                longer = (*prefix, label)
                if longer not in self.liked:
                    liked = self.weight * self.known[prefix][label] if self.language_model else 0.0
                    self.liked[longer] = self.liked[prefix] + liked + self.bonus
                add(longer, -np.inf, from_here + frame[label])
        self.prefixes = after
        kept = sorted(after, key=self._score, reverse=True)[: self.width]
        self.prefixes = {prefix: after[prefix] for prefix in kept}

    def _score(self, prefix: tuple[int, ...]) -> float:
        return float(np.logaddexp(*self.prefixes[prefix]) + self.liked[prefix])

    def _learn(self) -> None:
        """Ask the language model about all new prefixes at once."""
        new = [p for p in self.prefixes if p not in self.known]
        if self.language_model is not None and new:
            self.known.update(zip(new, np.asarray(self.language_model(new)), strict=True))


def _checked(where: str, y: Any, lengths: Any) -> tuple[np.ndarray, np.ndarray]:
    """log p, and which frames are real. Shapes: -> (B, T, V), (B, T) bool."""
    y, counts = stacked(where, y, lengths, np.float64)
    real = np.arange(y.shape[1]) < counts[:, None]
    probabilities = bool((y >= 0).all()) and bool((np.abs(y.sum(-1) - 1.0)[real] < 1e-3).all())
    with np.errstate(divide="ignore"):
        log_p = np.log(y) if probabilities else y - np.logaddexp.reduce(y, -1, keepdims=True)
    return log_p, real
