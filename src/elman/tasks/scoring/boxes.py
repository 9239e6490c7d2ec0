"""How well boxes lie: intersection over union, and average precision over all pictures.

A box is (left, top, right, bottom), in any unit. Source: Everingham et al. 2010, "The PASCAL Visual Object Classes
(VOC) Challenge", §4.2: each true box is found once, the surest prediction first; precision is made monotone, and the
area under the curve counts (the rule since 2010).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

__all__ = ["average_precision", "intersection_over_union"]

Boxes = npt.NDArray[np.floating[Any]]


def intersection_over_union(a: Boxes, b: Boxes) -> npt.NDArray[np.float64]:
    """How much every box of one list shares with every box of the other: 1 the same, 0 apart.

    Shapes:
        a (n, 4), b (m, 4) -> (n, m).

    Example:
        >>> import numpy as np
        >>> intersection_over_union(np.array([[0, 0, 2, 2.0]]), np.array([[1, 0, 3, 2.0]])).round(3).tolist()
        [[0.333]]
    """
    a, b = np.asarray(a, "float64").reshape(-1, 1, 4), np.asarray(b, "float64").reshape(1, -1, 4)
    sides = np.minimum(a[..., 2:], b[..., 2:]) - np.maximum(a[..., :2], b[..., :2])
    shared = np.prod(np.maximum(sides, 0), axis=-1)
    areas = [np.prod(np.maximum(box[..., 2:] - box[..., :2], 0), axis=-1) for box in (a, b)]
    together = areas[0] + areas[1] - shared
    return np.asarray(shared / np.where(together > 0, together, 1))


def average_precision(
    actual: Sequence[Boxes],
    predicted: Sequence[Boxes],
    scores: Sequence[npt.NDArray[np.floating[Any]]] | None = None,
    threshold: float = 0.5,
) -> float:
    """Area under precision against recall over all pictures (AP; of one class also mAP@threshold).

    Args:
        actual: the boxes of each picture, (n, 4).
        predicted: the boxes found in each picture, (m, 4).
        scores: how sure each is, (m,); None: all alike, in the order given.
        threshold: what intersection over union makes a hit.

    Shapes:
        of each picture: actual (n, 4), predicted (m, 4), scores (m,).

    Example:
        >>> import numpy as np
        >>> truth = [np.array([[0, 0, 2, 2.0]])]
        >>> average_precision(truth, [np.array([[0, 0, 2, 2.0], [5, 5, 6, 6.0]])], [np.array([0.9, 0.4])])
        1.0
    """
    total = sum(len(boxes) for boxes in actual)
    if not total:
        return float("nan")
    found: list[tuple[float, bool]] = []
    for i, (truth, guesses) in enumerate(zip(actual, predicted, strict=True)):
        sure = np.zeros(len(guesses)) if scores is None else np.asarray(scores[i])
        found += _hits(np.asarray(truth).reshape(-1, 4), np.asarray(guesses).reshape(-1, 4), sure, threshold)
    found.sort(key=lambda pair: -pair[0])
    hits = np.cumsum([hit for _, hit in found]) if found else np.zeros(0)
    precision = hits / np.arange(1, len(found) + 1)
    best = np.maximum.accumulate(precision[::-1])[::-1]
    gained = np.diff(hits / total, prepend=0)
    return float(np.sum(gained * best))


def _hits(truth: Boxes, guesses: Boxes, sure: npt.NDArray[Any], threshold: float) -> list[tuple[float, bool]]:
    """Each guess of one picture with its score, and whether it found a box nobody had found."""
    overlaps = intersection_over_union(guesses, truth)
    taken: set[int] = set()
    found = []
    for at in np.argsort(-sure, kind="stable"):
        best = int(np.argmax(overlaps[at])) if len(truth) else -1
        hit = best >= 0 and overlaps[at, best] >= threshold and best not in taken
        if hit:
            taken.add(best)
        found.append((float(sure[at]), bool(hit)))
    return found
