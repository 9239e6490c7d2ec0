"""`class_weight`: how much each row or step counts by the class of its target."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from elman.errors import ArgumentError, DataError

__all__ = ["ClassWeight", "class_weights"]

ClassWeight = Mapping[int, float] | str
"""Class number -> weight, or "balanced": scikit-learn's n / (classes * count), of the targets it is for."""


def class_weights(
    where: str, weights: ClassWeight, target: np.ndarray, name: str, lengths: np.ndarray | None = None
) -> np.ndarray:
    """The weight of each target's class; behind the length of a row 0.

    Shapes: (N,), (N, 1), (N, T), (N, T, 1) or one-hot (N, ..., C); lengths (N,) -> (N,) or (N, T).
    Raises: DataError: targets that are neither whole numbers nor one-hot; a class without a weight. ArgumentError:
        weights that are no mapping.
    """
    if not isinstance(weights, Mapping) and weights != "balanced":
        cure = "For example {0: 1.0, 1: 5.0}."
        rule = 'a mapping from class number to weight, or "balanced"'
        raise ArgumentError.at(where, "class_weight", rule, weights, cure)
    one_hot = target.dtype.kind == "f" and target.ndim >= 2 and target.shape[-1] > 1
    plain = target.reshape(target.shape[:-1]) if target.ndim >= 2 and target.shape[-1] == 1 else target
    real = np.ones(target.shape[:-1] if one_hot else plain.shape, bool)
    if lengths is not None and real.ndim > 1:
        real[np.arange(target.shape[1]) >= lengths[:, None]] = False
    _check_classes(where, name, target if one_hot else plain, real, one_hot)
    classes = (target.argmax(-1) if one_hot else plain).astype(np.int64)
    values, inverse, counts = np.unique(classes[real], return_inverse=True, return_counts=True)
    if isinstance(weights, Mapping):
        known = {int(k): float(v) for k, v in weights.items()}
        for value in values:
            if int(value) not in known:
                row = int(np.argwhere((classes == value) & real)[0][0])
                cure = f"Known classes: {', '.join(map(str, sorted(known)))}."
                because = f"{name} has class {value} in row {row}"
                raise DataError.at(where, "class_weight", "given for every class", weights, cure, because=because)
        each = np.array([known[int(v)] for v in values])
    else:
        each = counts.sum() / (len(values) * counts)
    made = np.zeros(classes.shape)
    made[real] = each[inverse.reshape(-1)]
    return made


def _check_classes(where: str, name: str, target: np.ndarray, real: np.ndarray, one_hot: bool) -> None:
    """Raises: DataError: targets that are no classes. Shapes: target (N, ...) or one-hot (N, ..., C), real (N, ...)."""
    if target.dtype.kind != "f":
        return
    if one_hot:
        wrong = real & (((target != 0) & (target != 1)).any(-1) | (target.sum(-1) != 1))
    else:
        wrong = real & (target != np.floor(target))
    if wrong.any():
        at: tuple[int, ...] = tuple(int(i) for i in np.argwhere(wrong)[0])
        place = f"row {at[0]}" if len(at) == 1 else f"row {at[0]}, step {at[1]}"
        value = [float(str(v)) for v in target[at]] if one_hot else float(str(target[at]))
        rule = f"{'one-hot' if one_hot else 'whole class numbers'} beside class_weight"
        cure = "Weigh rows of other targets by sample_weight."
        raise DataError.at(where, name, rule, value, cure, because=place)
