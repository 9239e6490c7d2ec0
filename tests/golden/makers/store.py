"""Write golden cases: a JSON line each, and their arrays in one npz file.

Also the small language in which a case names an object of Keras or PyTorch, so that the
text written to the JSON file is what the object was made from.
"""

from __future__ import annotations

import json
import zlib
from pathlib import Path
from typing import Any

import numpy as np

FOLDER = Path(__file__).resolve().parent.parent

Spec = dict[str, Any]
Array = np.ndarray[Any, np.dtype[Any]]


def spec(class_name: str, module: str = "", /, **config: Any) -> Spec:
    """Describe an object by its class and constructor arguments."""
    described: Spec = {"class_name": class_name}
    if module:
        described["module"] = module
    return {**described, "config": config}


def build(described: Any, package: Any, module: str = "layers") -> Any:
    """Make the described object, and those among its arguments, with the classes of `package`."""
    if isinstance(described, list):
        return [build(item, package, module) for item in described]
    if not (isinstance(described, dict) and "class_name" in described):
        return described
    place = package
    for part in described.get("module", module).split("."):
        place = getattr(place, part)
    config = {key: build(value, package, module) for key, value in described["config"].items()}
    return getattr(place, described["class_name"])(**config)


def generator(name: str) -> np.random.Generator:
    """Return the random generator of the case `name`: its own, so that cases do not move each other."""
    return np.random.default_rng(zlib.crc32(name.encode()))


def exact(values: Any) -> Array:
    """Round to float32, keep as float64: a number both precisions read alike."""
    with np.errstate(over="ignore"):
        return np.asarray(values, np.float32).astype(np.float64)


def as_json(value: Any) -> Any:
    """Express a default value in JSON; `{"repr": ...}` where JSON has no word for it."""
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    if isinstance(value, (np.floating, np.integer)):
        return value.item()
    if isinstance(value, (list, tuple)):
        return [as_json(item) for item in value]
    if isinstance(value, dict):
        return {str(key): as_json(item) for key, item in value.items()}
    return {"repr": repr(value)}


class Golden:
    """The cases of one golden file, and their arrays."""

    def __init__(self, name: str, made_by: dict[str, str]) -> None:
        self.name = name
        self.made_by = made_by
        self.cases: list[dict[str, Any]] = []
        self.arrays: dict[str, Array] = {}

    def add(self, case: dict[str, Any], arrays: dict[str, Any]) -> None:
        """Add one case; `weight/0`, `weight/1` … become one flat array `weight`, their shapes go to the JSON line.

        Parts which float32 holds exactly are stored as float32.
        """
        name = case["name"]
        if any(known["name"] == name for known in self.cases):
            raise ValueError(f"golden case {name!r} exists already")
        parts: dict[str, list[Array]] = {}
        for key, value in arrays.items():
            parts.setdefault(key.split("/")[0], []).append(np.asarray(value))
        for part, group in parts.items():
            flat = np.concatenate([array.ravel() for array in group])
            if flat.dtype == np.float64 and np.array_equal(exact(flat), flat, equal_nan=True):
                flat = flat.astype(np.float32)
            self.arrays[f"{name}/{part}"] = flat
        shapes = {part: [list(array.shape) for array in group] for part, group in parts.items()}
        self.cases.append({**case, "arrays": shapes} if shapes else case)

    def save(self) -> None:
        """Write `<name>.json`, and `<name>.npz` where there are arrays."""
        lines = ",\n".join("  " + json.dumps(case) for case in self.cases)
        head = json.dumps(self.made_by)
        text = f'{{"made_by": {head},\n "cases": [\n{lines}\n ]}}\n'
        (FOLDER / f"{self.name}.json").write_text(text)
        size = len(text)
        if self.arrays:
            path = FOLDER / f"{self.name}.npz"
            np.savez_compressed(path, **self.arrays)  # type: ignore[arg-type]
            size += path.stat().st_size
        print(f"{self.name}: {len(self.cases)} cases, {len(self.arrays)} arrays, {size / 1024:.0f} KiB")
