"""The names that weights have in files: Keras-like ones ("lstm/lstm_cell/kernel"), equal for equal architectures."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable
from typing import Any

from elman.errors import NotBuiltError
from elman.graph import Variable
from elman.layers.base import Layer
from elman.layers.registry import snake_case
from elman.models.structure import parts_of

__all__ = ["by_name", "weights_by_name"]


def weights_by_name(model: Any, stored: Collection[str] = ()) -> dict[str, Variable]:
    """Weights by the names they have in files; where those in a file are of before, by these.

    Before, those of layers in a model that was built before it became a layer itself had no names of layers in theirs.
    """
    names = _by_name(model, _path_in)
    if all(name in names or name.startswith(".") for name in stored):
        return names
    before = _by_name(model, _path_before)
    return before if all(name in before or name.startswith(".") for name in stored) else names


def _path_in(layer: Layer, v: Variable) -> list[str]:
    """The names of the layers inside a layer to which a weight belongs, from the outer one on, and its own."""
    for part in parts_of(layer):
        if any(weight is v for weight in part.weights):
            return [part.name, *_path_in(part, v)]
    return [_own_name(v)]


def _path_before(layer: Layer, v: Variable) -> list[str]:
    """As a weight was called when it was made, perhaps before the model around it."""
    path = v.name.split("/")
    return path[path.index(layer.name) + 1 :] if layer.name in path else path[-1:]


def _own_name(v: Variable) -> str:
    return v.name.rsplit("/", 1)[-1]


def _by_name(model: Any, path_in: Callable[[Layer, Variable], list[str]]) -> dict[str, Variable]:
    """Weights by names. path_in: those inside a layer.

    Automatic numbers count within the model ("dense", "dense_1"), so that the same architecture built twice has the
    same names.
    """
    if not model.built:
        raise NotBuiltError(
            f"{model.where}: weights exist once the input's shape is known. Call build((None, ...)) or fit first."
        )
    found: dict[str, Variable] = {}
    seen: set[int] = set()
    layers = parts_of(model)
    for layer, name in zip(layers, _numbered(layers), strict=True):
        parts = _names_inside(layer)
        for v in layer.weights:
            if id(v) not in seen:
                seen.add(id(v))
                _add(found, "/".join([name, *(parts.get(step, step) for step in path_in(layer, v))]), v)
    for v in model.weights:  # of its own
        if id(v) not in seen:
            _add(found, _own_name(v), v)
    return found


def _numbered(layers: Iterable[Layer], prefix: str = "") -> list[str]:
    """Names of layers: their own; where that is automatic, the class and a number counted from this list's start."""
    counts: dict[str, int] = {}
    names: list[str] = []
    for layer in layers:
        found = re.fullmatch(rf"({prefix}{snake_case(type(layer).__name__)})(_\d+)?", layer.name)
        if found is None:
            names.append(layer.name)
            continue
        stem = found[1]
        number = counts[stem] = counts.get(stem, -1) + 1
        names.append(f"{stem}_{number}" if number else stem)
    return names


def _names_inside(layer: Layer) -> dict[str, str]:
    """Likewise for layers inside a layer, by their names; wrappers put words in front ("forward_gru_3")."""
    inner = parts_of(layer)
    found = dict(zip((part.name for part in inner), _numbered(inner, "(?:.*_)?"), strict=True))
    for part in inner:
        found.update(_names_inside(part))
    return found


def by_name(variables: Iterable[Variable], prefix: str = "") -> dict[str, Variable]:
    """Variables by name; a name that repeats is numbered."""
    found: dict[str, Variable] = {}
    for v in variables:
        _add(found, f"{prefix}{v.name}", v)
    return found


def _add(found: dict[str, Variable], name: str, variable: Variable) -> None:
    key, number = name, 1
    while key in found:
        key, number = f"{name}_{number}", number + 1
    found[key] = variable
