"""From frames to the labels of the likeliest path.

Source: Graves et al. 2006, section 3.2.
Cost: one pass over (B, T, V) in NumPy.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from elman.arguments import check_whole
from elman.decoding.decoder import Decoded
from elman.decoding.rows import stacked

__all__ = ["checked", "ctc_greedy"]


def ctc_greedy(y: Any, lengths: Any = None, blank: int = 0) -> Decoded:
    """The labels of the likeliest path: repeats made one, blanks taken out.

    Args: y: a softmax's output or logits, as `predict` gives them. lengths: real frames of each row.
    Shapes: y (B, T, V) or B of (T, V), lengths (B,) -> tokens (B, L); scores: log p of the path.
    Raises: ShapeError: y is not (B, T, V). ArgumentError: a blank that is no class. DataError: other lengths.
    Example:
        >>> import numpy as np
        >>> ctc_greedy(np.eye(3)[[[1, 1, 0, 1, 2, 0]]]).rows()
        [[1, 1, 2]]
    """
    log_p, real = checked("ctc_greedy", y, lengths, blank)
    path = log_p.argmax(-1)
    before = np.concatenate([np.full((len(path), 1), blank), path[:, :-1]], 1)
    kept = real & (path != blank) & (path != before)
    count = kept.sum(1)
    tokens = np.zeros((len(path), max(1, int(count.max(initial=0)))), np.int32)
    tokens[np.arange(tokens.shape[1]) < count[:, None]] = path[kept]
    return Decoded(tokens, count, np.where(real, log_p.max(-1), 0).sum(1))


def checked(where: str, y: Any, lengths: Any, blank: int) -> tuple[np.ndarray, np.ndarray]:
    """log p, and which frames are real. Raises: ArgumentError: no such blank. Shapes: -> (B, T, V), (B, T) bool."""
    y, counts = stacked(where, y, lengths, np.float64)
    check_whole(where, "blank", blank, most=y.shape[2] - 1, cure="It is one of the classes.")
    real = np.arange(y.shape[1]) < counts[:, None]
    y = np.where(real[:, :, None], y, 0.0)
    probabilities = bool((y >= 0).all()) and bool((np.abs(y.sum(-1) - 1.0)[real] < 1e-3).all())
    with np.errstate(divide="ignore"):
        log_p = np.log(y) if probabilities else y - np.logaddexp.reduce(y, -1, keepdims=True)
    return log_p, real
