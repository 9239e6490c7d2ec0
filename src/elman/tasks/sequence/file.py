"""A sequence model as one file: weights as tensors, all else as JSON."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from elman.errors import FileFormatError
from elman.fields.samples import plain
from elman.models import Model
from elman.models.saving import codes_of, how_to_load
from elman.tasks.scores import Report
from elman.tasks.sequence.blueprint import Blueprint
from elman.training import read, write

__all__ = ["read_sequence_file", "write_sequence_file"]

_KIND = "sequence model"
_VERSION = 1


class Saved(Protocol):
    """What a file holds of a model."""

    blueprint_: Blueprint
    network_: Model
    history_: dict[str, list[float]]
    report_: Any

    def get_params(self, deep: bool = True) -> dict[str, Any]:
        """The settings."""


def write_sequence_file(path: str | os.PathLike[str], model: Saved, overwrite: bool) -> Path:
    """Write a model.

    Raises:
        OverwriteError: the file exists and overwrite is false.
    """
    weights = model.network_.get_weights()
    tensors = {f"network/{index:03d}": weight for index, weight in enumerate(weights)}
    return write(path, tensors, {"kind": _KIND, "version": _VERSION, "model": _state(model)}, overwrite)


def read_sequence_file(path: str | os.PathLike[str]) -> tuple[list[np.ndarray], dict[str, Any]]:
    """Weights in the network's order, and everything else.

    Raises:
        FileFormatError: damaged, foreign, of another kind, or of a later version.
    """
    tensors, metadata = read(path)
    kind, version = metadata.get("kind"), metadata.get("version")
    if kind != _KIND:
        because = f"it is a {kind} file"
        cure = how_to_load(kind)
        raise FileFormatError.at("load", "path", "a sequence model's file", str(path), cure, because=because)
    if version != _VERSION:
        because = f"it has version {version}, and {_VERSION} is known"
        raise FileFormatError.at("load", "path", "a sequence model's file", str(path), "Update elman.", because=because)
    state = metadata["model"]
    weights = state["settings"].get("class_weight")
    if isinstance(weights, list):
        state["settings"]["class_weight"] = dict(weights)
    return [tensors[name] for name in sorted(tensors)], state


def _state(model: Saved) -> dict[str, Any]:
    blueprint = model.blueprint_
    reports: Mapping[str, Report] = (
        {} if model.report_ is None else model.report_ if isinstance(model.report_, dict) else {"": model.report_}
    )
    told = {name: value for name, value in model.get_params().items() if name not in ("inputs", "outputs")}
    return {
        "settings": {name: _told(value) for name, value in told.items()},
        # Lists, for the order of columns has a meaning and that of JSON's objects has none.
        "inputs": [[name, field.state()] for name, field in blueprint.inputs.items()],
        "outputs": [[name, field.state()] for name, field in blueprint.outputs.items()],
        "naive": {name: head.naive for name, head in blueprint.heads.items()},
        "int8": codes_of(model.network_),
        "history": model.history_,
        "reports": [[name, report.state()] for name, report in reports.items()],
    }


def _told(value: Any) -> Any:
    """A setting as JSON: a mapping as pairs, for classes may be numbers, and names of JSON's objects may not."""
    return [[plain(key), plain(one)] for key, one in value.items()] if isinstance(value, Mapping) else plain(value)
