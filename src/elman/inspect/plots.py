"""Pictures of training and of one-step forecasts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from elman import charts

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["plot_history", "plot_split"]


def plot_history(history: Mapping[str, Sequence[float]], title: str = "training", log: bool = True) -> Figure:
    """Curves of the loss and of its validation over the epochs.

    Args:
        history: `fit(...).history`: name -> one value an epoch.
        title: over the picture.
        log: a logarithmic scale, which shows late progress; taken back where a value is not positive.

    Example:
        >>> figure = plot_history({"loss": [2.0, 1.0], "val_loss": [2.5, 1.5]})
        >>> [line.get_label() for line in figure.axes[0].lines]
        ['training loss', 'validation loss']
    """
    figure, (axes,) = charts.canvas(size=(8.0, 4.0))
    for name, color in (("loss", charts.FORECAST), ("val_loss", charts.BASELINE)):
        if name in history:
            label = "training loss" if name == "loss" else "validation loss"
            values = np.asarray(history[name])
            axes.plot(np.arange(1, len(values) + 1), values, color=color, label=label, linewidth=1.6)
    drawn = np.concatenate([np.asarray(line.get_ydata()) for line in axes.lines] or [np.zeros(1)])
    if log and (drawn > 0).all():
        axes.set_yscale("log")
    charts.finish(axes, title, "epoch", "loss", counted=True)
    return figure


def plot_split(
    series: npt.NDArray[Any],
    predicted: Mapping[str, npt.NDArray[Any]],
    split: int,
    title: str,
    y: str = "value",
) -> Figure:
    """A series, predictions of it, and the red line between training and test part.

    Args:
        series: (N,) what happened.
        predicted: name -> (N,), NaN where nothing was predicted.
        split: the first row of the test part.
        title: over the picture.
        y: what the numbers are, with their unit.

    Shapes:
        series (N,), predicted (N,) each.

    Example:
        >>> import numpy as np
        >>> figure = plot_split(np.arange(5.0), {"model": np.arange(5.0)}, split=4, title="demo")
        >>> [line.get_label() for line in figure.axes[0].lines]
        ['series', 'model', 'train | test']
    """
    figure, (axes,) = charts.canvas(size=(11.0, 4.8), fixed=True)
    axes.plot(series, color=charts.MUTED, linewidth=0.7, alpha=0.7, label="series")
    colors = (charts.FORECAST, charts.BASELINE, charts.ACTUAL)
    for (name, values), color in zip(predicted.items(), colors, strict=False):
        axes.plot(values, color=color, linewidth=1.4, label=name)
    axes.axvline(split, color=charts.SPLIT, linewidth=1.6, label="train | test")
    charts.finish(
        axes, title, "time step", y, ncols=4, loc="upper right", frameon=True, framealpha=0.9, edgecolor="none"
    )
    return figure
