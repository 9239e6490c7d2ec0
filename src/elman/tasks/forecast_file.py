"""A forecaster as one file: weights and the last known rows as tensors, all else as JSON."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from elman.errors import FileFormatError
from elman.fields import Calendar, Timeline
from elman.fields.timestamps import TimeStyle
from elman.models.saving import how_to_load
from elman.tasks.panel import TimeSeries
from elman.training import read, write

__all__ = ["pack_series", "read_forecast_file", "unpack_series", "write_forecast_file"]

_KIND = "forecaster"
_VERSION = 1


def write_forecast_file(
    path: str | os.PathLike[str],
    weights: list[np.ndarray],
    tails: list[TimeSeries],
    metadata: Mapping[str, Any],
    overwrite: bool,
) -> Path:
    """Write a forecaster.

    Args:
        path: of the safetensors file.
        weights: of its network, in the network's order.
        tails: the last rows of each series, from which a forecast starts.
        metadata: everything else, as JSON.
        overwrite: whether a file that is there may be lost.

    Raises:
        OverwriteError: the file exists and overwrite is false.
    """
    tensors = {f"network/{index:03d}": weight for index, weight in enumerate(weights)}
    kept = []
    for index, tail in enumerate(tails):
        arrays, about = pack_series(tail)
        tensors |= {f"series/{index:05d}/{name}": array for name, array in arrays.items()}
        kept.append(about)
    about_all = {"kind": _KIND, "version": _VERSION, "series": kept, "forecaster": dict(metadata)}
    return write(path, tensors, about_all, overwrite)


def read_forecast_file(
    path: str | os.PathLike[str],
) -> tuple[list[np.ndarray], list[TimeSeries], dict[str, Any]]:
    """Read a forecaster: weights, series, metadata.

    Raises:
        FileFormatError: damaged, foreign, of another kind, or of a later version.
    """
    tensors, metadata = read(path)
    kind, version = metadata.get("kind"), metadata.get("version")
    if kind != _KIND:
        cure = how_to_load(kind)
        raise FileFormatError.at("load", "path", "a forecaster's file", str(path), cure, because=f"it is a {kind} file")
    if version != _VERSION:
        because = f"it has version {version}, and {_VERSION} is known"
        raise FileFormatError.at("load", "path", "a forecaster's file", str(path), "Update elman.", because=because)
    weights = [tensors[name] for name in sorted(tensors) if name.startswith("network/")]
    parts: dict[str, dict[str, np.ndarray]] = {}
    for name, tensor in tensors.items():
        place, _, kind = name.rpartition("/")
        parts.setdefault(place, {})[kind] = tensor
    series = [unpack_series(parts[f"series/{n:05d}"], about) for n, about in enumerate(metadata["series"])]
    return weights, series, metadata["forecaster"]


def pack_series(series: TimeSeries) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
    """A series as tensors and JSON: times as whole numbers (microseconds since 1970)."""
    timeline = series.timeline
    dated = timeline.stamps.dtype.kind == "M"
    arrays = {
        "times": timeline.stamps.astype("int64"),
        "targets": np.ascontiguousarray(series.targets),
        "features": np.ascontiguousarray(series.features),
    }
    if series.absent.any():
        arrays["absent"] = series.absent.astype("uint8")
    key = series.key.item() if isinstance(series.key, np.generic) else series.key
    about = {"key": key, "dated": dated, "calendar": timeline.calendar.state(), "style": timeline.style.state()}
    return arrays, about


def unpack_series(arrays: Mapping[str, np.ndarray], about: Mapping[str, Any]) -> TimeSeries:
    """The way back from `pack_series`."""
    times = arrays["times"]
    stamps = times.astype("datetime64[us]") if about["dated"] else times
    style, calendar = TimeStyle.from_state(about["style"]), Calendar.from_state(about["calendar"])
    timeline = Timeline(stamps, calendar, style, np.arange(len(stamps)))
    targets, features = arrays["targets"], arrays["features"]
    complete = np.zeros((len(targets), targets.shape[1] + features.shape[1]))
    return TimeSeries(about["key"], timeline, targets, features, arrays.get("absent", complete).astype(bool))
