"""How right classes are: accuracy, precision, recall and F1 of each class, and who is taken for whom."""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Sequence

import numpy as np
import numpy.typing as npt

__all__ = ["accuracy", "class_scores", "confusion", "macro_f1"]

Labels = Sequence[Hashable] | npt.NDArray[np.generic]


def accuracy(actual: Labels, predicted: Labels) -> float:
    """The share of rows that are right; NaN without rows.

    Example:
        >>> accuracy(["cat", "dog"], ["cat", "cat"])
        0.5
    """
    if not len(actual):
        return float("nan")
    return sum(bool(a == p) for a, p in zip(actual, predicted, strict=True)) / len(actual)


def confusion(actual: Labels, predicted: Labels) -> tuple[list[Hashable], npt.NDArray[np.int64]]:
    """The classes, sorted, and how often each was taken for each.

    Shapes:
        -> classes (C,), counts (C, C): rows are actual, columns predicted.

    Example:
        >>> confusion(["a", "b", "b"], ["a", "a", "b"])[1].tolist()
        [[1, 0], [1, 1]]
    """
    classes = sorted({*_plain(actual), *_plain(predicted)}, key=str)
    at = {label: i for i, label in enumerate(classes)}
    counts = np.zeros((len(classes), len(classes)), np.int64)
    for a, p in zip(_plain(actual), _plain(predicted), strict=True):
        counts[at[a], at[p]] += 1
    return classes, counts


def class_scores(actual: Labels, predicted: Labels) -> dict[Hashable, dict[str, float]]:
    """Precision, recall, F1 and number of rows of each class; what has no rows to divide by is 0.

    Example:
        >>> class_scores(["a", "b", "b"], ["a", "a", "b"])["b"]
        {'precision': 1.0, 'recall': 0.5, 'f1': 0.6666666666666666, 'rows': 2.0}
    """
    true_labels, found = _plain(actual), _plain(predicted)
    truths, guesses = Counter(true_labels), Counter(found)
    hits = Counter(a for a, p in zip(true_labels, found, strict=True) if a == p)
    classes = sorted({*truths, *guesses}, key=str)
    rows = ((label, hits[label], truths[label], guesses[label]) for label in classes)
    return {
        label: {
            "precision": float(hit / max(1, guessed)),
            "recall": float(hit / max(1, true)),
            "f1": float(2 * hit / max(1, true + guessed)),
            "rows": float(true),
        }
        for label, hit, true, guessed in rows
    }


def macro_f1(actual: Labels, predicted: Labels) -> float:
    """The mean F1 over classes, each counting alike however many rows it has.

    Example:
        >>> round(macro_f1(["a", "b", "b"], ["a", "a", "b"]), 3)
        0.667
    """
    scores = class_scores(actual, predicted)
    return float(np.mean([row["f1"] for row in scores.values()])) if scores else float("nan")


def _plain(labels: Labels) -> list[Hashable]:
    return labels.tolist() if isinstance(labels, np.ndarray) else list(labels)
