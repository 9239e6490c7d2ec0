"""`class_weight`: how much each row or step counts by the class of its target."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from numbers import Real
from typing import Any

import numpy as np

from elman.errors import ArgumentError, DataError
from elman.training.objective import per_output

__all__ = ["ClassWeight", "by_output", "class_weights"]

ClassWeight = Mapping[Any, Any] | str
"""Class number -> weight, or "balanced": scikit-learn's n / (classes * count), of the targets it is for; or such a
one for each output by name."""


def class_weights(
    where: str, weights: ClassWeight, target: np.ndarray, name: str, lengths: np.ndarray | None = None,
    ignored: int | None = None,
) -> np.ndarray:  # fmt: skip
    """The weight of each target's class; behind the length of a row, and where the class is ignored, 0.

    Shapes: (N,), (N, 1), (N, T), (N, T, 1) or one-hot (N, ..., C); lengths (N,) -> (N,) or (N, T).
    Raises: DataError: targets that are neither whole numbers nor one-hot; a class without a weight. ArgumentError:
        weights that are no mapping of whole numbers to weights.
    """
    known = _known(where, weights)
    one_hot = target.dtype.kind == "f" and target.ndim >= 2 and target.shape[-1] > 1
    plain = target.reshape(target.shape[:-1]) if target.ndim >= 2 and target.shape[-1] == 1 else target
    real = np.ones(target.shape[:-1] if one_hot else plain.shape, bool)
    if lengths is not None and real.ndim > 1:
        real[np.arange(target.shape[1]) >= lengths[:, None]] = False
    if ignored is not None and not one_hot:
        real &= plain != ignored
    _check_classes(where, name, target if one_hot else plain, real, one_hot)
    classes = (target.argmax(-1) if one_hot else plain).astype(np.int64)
    values, inverse, counts = np.unique(classes[real], return_inverse=True, return_counts=True)
    if known is not None:
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


def by_output(where: str, weights: ClassWeight, names: Sequence[str]) -> list[ClassWeight | None]:
    """The weights for each output: the same for all, or those of its name; None: they all count alike.

    Raises: UnknownNameError: a name that no output has.
    """
    each = weights.values() if isinstance(weights, Mapping) else ()
    named = any(v is None or isinstance(v, Mapping) or (isinstance(v, str) and v == "balanced") for v in each)
    return per_output(where, "class_weight", weights if named else [weights] * len(names), names)


def _known(where: str, weights: ClassWeight) -> dict[int, float] | None:
    """The weights by class; None where they are counted."""
    if isinstance(weights, str) and weights == "balanced":
        return None
    if not isinstance(weights, Mapping) or not all(_whole(k) and _is_weight(v) for k, v in weights.items()):
        cure = "For example {0: 1.0, 1: 5.0}."
        rule = 'a mapping from class number to weight, or "balanced"'
        raise ArgumentError.at(where, "class_weight", rule, weights, cure)
    return {int(k): float(v) for k, v in weights.items()}


def _whole(key: object) -> bool:
    return isinstance(key, Real) and float(key).is_integer()


def _is_weight(value: object) -> bool:
    return isinstance(value, Real) and 0 <= float(value) < np.inf


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
