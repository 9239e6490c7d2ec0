"""Read the golden files: cases with their arrays. Needs NumPy alone.

Example:
    >>> case = read("keras_layers")["lstm_sequences"]
    >>> case["layer"]
    {'class_name': 'LSTM', 'config': {'units': 3, 'return_sequences': True}}
    >>> [weight.shape for weight in case.all("weight")]
    [(4, 12), (3, 12), (12,)]
"""

from __future__ import annotations

import functools
import json
import math
from collections import UserDict
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

FOLDER = Path(__file__).resolve().parent


class Case(UserDict[str, Any]):
    """One case: a mapping of what its JSON line says, and its arrays."""

    def __init__(self, line: dict[str, Any], arrays: dict[str, NDArray[Any]]) -> None:
        super().__init__(line)
        self.flat = arrays

    def has(self, part: str) -> bool:
        """Return whether the case has arrays of this name."""
        return part in self.get("arrays", {})

    def all(self, part: str) -> list[NDArray[Any]]:
        """Return every array of a part, in order; none where the case lacks the part."""
        if not self.has(part):
            return []
        shapes = self["arrays"][part]
        ends = np.cumsum([math.prod(shape) for shape in shapes])
        pieces = np.split(self.flat[part], ends[:-1])
        return [piece.reshape(shape) for piece, shape in zip(pieces, shapes, strict=True)]

    def one(self, part: str) -> NDArray[Any]:
        """Return the only array of a part."""
        (array,) = self.all(part)
        return array


@functools.cache
def read(name: str) -> dict[str, Case]:
    """Return the cases of one golden file by name."""
    lines = json.loads((FOLDER / f"{name}.json").read_text())["cases"]
    arrays: dict[str, dict[str, NDArray[Any]]] = {line["name"]: {} for line in lines}
    if (FOLDER / f"{name}.npz").exists():
        with np.load(FOLDER / f"{name}.npz", allow_pickle=False) as stored:
            for key in stored.files:
                case, part = key.rsplit("/", 1)
                arrays[case][part] = stored[key]
    return {line["name"]: Case(line, arrays[line["name"]]) for line in lines}


def document(name: str) -> dict[str, Any]:
    """Return a golden JSON file whole: the defaults, the accuracy."""
    whole: dict[str, Any] = json.loads((FOLDER / f"{name}.json").read_text())
    return whole


def build(spec: Any, package: Any, module: str = "layers") -> Any:
    """Rebuild an object named in a golden file, and those among its arguments, with the classes of `package`."""
    if isinstance(spec, list):
        return [build(item, package, module) for item in spec]
    if not (isinstance(spec, dict) and "class_name" in spec):
        return spec
    place = package
    for part in spec.get("module", module).split("."):
        place = getattr(place, part)
    config = {key: build(value, package, module) for key, value in spec["config"].items()}
    return getattr(place, spec["class_name"])(**config)
