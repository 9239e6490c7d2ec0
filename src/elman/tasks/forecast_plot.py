"""The picture of a forecast: the end of the series, what comes next, and how sure that is."""

from __future__ import annotations

import datetime as dt
import os
import zoneinfo
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from elman import charts
from elman.fields import Timeline
from elman.fields.timestamps import zone_of
from elman.tasks.panel import TimeSeries
from elman.tasks.roles import Columns

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["draw_forecast"]

_Array = npt.NDArray[np.float64]

_MOST_PANELS = 6


def draw_forecast(
    series: Sequence[TimeSeries],
    forecasts: Sequence[_Array],
    widths: Sequence[_Array] | None,
    columns: Columns,
    level: float,
    zone: str = "",
    path: str | os.PathLike[str] | None = None,
) -> Figure:
    """Draw a panel for each series and target, the first six of them.

    Args:
        series: what is known.
        forecasts: (H, C) for each series.
        widths: half the interval, (H, C) for each series; None: no interval.
        columns: their names, for the axes.
        level: of the interval, for the legend.
        zone: whose clocks the axis of time shows, where its column has one.
        path: also write the picture there.

    Shapes:
        forecasts and widths (H, C) each.
    """
    halves = [None] * len(series) if widths is None else list(widths)
    parts = zip(series, forecasts, halves, strict=True)
    panels = [(*part, channel) for part in parts for channel in range(part[1].shape[1])][:_MOST_PANELS]
    figure, all_axes = charts.canvas(len(panels), (10.0, 1.5 + 3.0 * len(panels)))
    for axes, (part, forecast, width, channel) in zip(all_axes, panels, strict=True):
        half = None if width is None else width[:, channel]
        if clocks := _clocks(part.timeline, zone):
            axes.xaxis_date(clocks)
        _draw(axes, part, forecast[:, channel], channel, half, level)
        target = columns.targets[channel] if columns.targets else f"channel {channel}"
        name = target if part.key is None else f"{part.key}: {target}"
        charts.finish(axes, f"{name}, {len(forecast)} steps ahead", columns.time or "row", target)
    if path is not None:
        charts.save(figure, path)
    return figure


def _draw(axes: Axes, series: TimeSeries, forecast: _Array, channel: int, half: _Array | None, level: float) -> None:
    """One series: forecast and interval begin where the series ends."""
    known, filled = series.targets[:, channel], series.absent[:, channel]
    future = series.timeline.calendar.after(series.timeline.stamps[-1], len(forecast))
    ahead = np.concatenate([series.timeline.stamps[-1:], future])
    x = _x(series.timeline.stamps)
    axes.plot(x, np.where(filled, np.nan, known), color=charts.ACTUAL, linewidth=1.4, label="known")
    if filled.any():
        beside = filled | np.append(filled[1:], False) | np.append(False, filled[:-1])
        there = np.where(beside, known, np.nan)
        axes.plot(x, there, color=charts.MUTED, linewidth=1.0, linestyle="--", label="filled gap")
    axes.plot(_x(ahead), np.concatenate([known[-1:], forecast]), color=charts.FORECAST, linewidth=1.8, label="forecast")
    if half is not None:
        spread = np.concatenate([[0.0], half])
        middle = np.concatenate([known[-1:], forecast])
        label = f"{100 * level:g} % interval"
        axes.fill_between(_x(ahead), middle - spread, middle + spread, color=charts.FORECAST, alpha=0.15, label=label)
    axes.axvline(_x(ahead)[0], color=charts.SPLIT, linewidth=1.0, linestyle=":")


def _clocks(timeline: Timeline, zone: str) -> dt.tzinfo | None:
    """The time zone that times are shown in; None where they are shown as they are."""
    clock = zone or timeline.style.zone
    if timeline.style.clock or not clock:
        return None
    try:
        return zone_of(clock)
    except (ValueError, zoneinfo.ZoneInfoNotFoundError):  # pandas' periods; so many hours from UTC
        return None


def _x(stamps: npt.NDArray[np.generic]) -> npt.NDArray[np.generic]:
    """Times as matplotlib draws them without help: whole seconds, or numbers."""
    return stamps.astype("datetime64[ms]") if stamps.dtype.kind == "M" else stamps
