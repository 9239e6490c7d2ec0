"""What classes count: their weights while training, and a warning where there is but one."""

from __future__ import annotations

import math
import warnings
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from elman.errors import ArgumentError, DataError, ElmanWarning

__all__ = ["class_weights", "listed", "warn_of_one_class"]


def warn_of_one_class(name: str, counts: Mapping[Any, int]) -> None:
    """Say where there is nothing to tell apart: it can be learned, and is seldom what was meant."""
    if len(counts) == 1:
        ((only, number),) = counts.items()
        told = f"Received one, {only!r}, {number} times: nothing is learned, and every answer will be {only!r}."
        rule = f"SequenceModel.fit: {name!r} must have two classes or more in the rows to learn from."
        warnings.warn(ElmanWarning(f"{rule} {told} Check the column."), stacklevel=5)


def listed(column: Any) -> list[Any]:
    """Values as Python has them."""
    return column.tolist() if isinstance(column, np.ndarray) else list(column)


def class_weights(name: str, labels: Sequence[Any], class_weight: Any) -> np.ndarray:
    """A weight for each label; "balanced" makes every class count alike. Shapes: N labels -> (N,).

    Raises: ArgumentError: neither "balanced" nor a mapping to numbers. DataError: a class without a weight.
    """
    counts = Counter(labels)
    if isinstance(class_weight, str) and class_weight == "balanced":
        class_weight = {label: len(labels) / (len(counts) * n) for label, n in counts.items()}
    if not isinstance(class_weight, Mapping) or not all(map(_is_weight, class_weight.values())):
        rule, cure = '"balanced", or a mapping from class to a number from 0', "For example {'spam': 2.0, 'ham': 1.0}."
        raise ArgumentError.at("SequenceModel", "class_weight", rule, class_weight, cure)
    missing = [label for label in counts if label not in class_weight]
    if missing:
        rule, cure = f"given for every class of {name!r}", f"Known classes: {', '.join(map(repr, counts))}."
        because = f"{missing[0]!r} has none"
        raise DataError.at("SequenceModel", "class_weight", rule, class_weight, cure, because=because)
    return np.array([class_weight[label] for label in labels], "float64")


def _is_weight(value: Any) -> bool:
    return isinstance(value, (int, float, np.number)) and bool(0 <= value < math.inf)
