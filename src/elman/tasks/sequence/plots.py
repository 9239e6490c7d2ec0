"""Pictures of a sequence model: the course of training; confusion, alignment and scatter of its answers."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from elman import charts
from elman.tasks.scoring import align, confusion
from elman.tasks.sequence.detect import Detect
from elman.tasks.sequence.heads import Head

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["draw_alignment", "draw_confusion", "draw_history", "draw_result"]

_MOST_CLASSES = 30
_MOST_PAIRS = 6


def draw_history(history: Mapping[str, Sequence[float]], path: str | os.PathLike[str] | None = None) -> Figure:
    """Losses, and below them scores, epoch by epoch.

    Args:
        history: values by name, one an epoch; "val_..." are those of the validation part.
        path: also write it there.
    """
    scores = [n for n in history if "loss" not in n and not n.startswith("val_") and n not in ("learning_rate", "lr")]
    figure, panels = charts.canvas(1 + bool(scores), (9.0, 3.4 * (1 + bool(scores))))
    for axes, names, label in zip(panels, (["loss"], scores), ("loss", "score"), strict=False):
        for name in names:
            epochs = np.arange(1, len(history[name]) + 1)
            axes.plot(epochs, history[name], color=charts.ACTUAL, label=f"{name}, training")
            if f"val_{name}" in history:
                axes.plot(epochs, history[f"val_{name}"], color=charts.FORECAST, label=f"{name}, validation")
        charts.finish(axes, f"{label} by epoch", "epoch", label, counted=True)
    if path is not None:
        charts.save(figure, path)
    return figure


def draw_result(results: Sequence[tuple[Head, Any, Any]], path: str | os.PathLike[str] | None = None) -> Figure:
    """A panel for each output: who was taken for whom, or how answers lie beside the truth.

    Args:
        results: (head, truth, answers) of each output.
        path: also write it there.
    """
    figure, panels = charts.canvas(len(results), (8.0, 6.5 * len(results)))
    for axes, (head, actual, answers) in zip(panels, results, strict=True):
        pair = [head.corners(side) if isinstance(head, Detect) else side for side in (actual, answers)]
        _DRAWN.get(head.choice.head, draw_alignment)(axes, head.name, *pair)
    if path is not None:
        charts.save(figure, path)
    return figure


def draw_confusion(axes: Axes, name: str, actual: Sequence[Any], answers: Sequence[Any]) -> None:
    """How often each class was taken for each: rows are the truth, each adds up to 1; the most frequent classes."""
    classes, counts = confusion(actual, answers)
    kept = np.sort(np.argsort(-counts.sum(axis=1), kind="stable")[:_MOST_CLASSES])
    counts, labels = counts[np.ix_(kept, kept)], [str(classes[i]) for i in kept]
    shares = counts / np.maximum(1, counts.sum(axis=1, keepdims=True))
    axes.imshow(shares, cmap="Blues", vmin=0, vmax=1)
    axes.grid(False)
    axes.set_xticks(range(len(labels)), labels, rotation=90, fontsize=7)
    axes.set_yticks(range(len(labels)), labels, fontsize=7)
    if len(labels) <= 12:
        for (row, column), count in np.ndenumerate(counts):
            color = "white" if shares[row, column] > 0.5 else charts.ACTUAL
            axes.text(column, row, str(count), ha="center", va="center", fontsize=8, color=color)
    charts.finish(axes, f"{name}: who is taken for whom", "answer", "truth")


def draw_alignment(axes: Axes, name: str, actual: Sequence[str], answers: Sequence[str]) -> None:
    """Some answers below the truth, symbol by symbol; what was wrong, left out or put in is red."""
    axes.set_axis_off()
    longest = 1
    for line, (true, found) in enumerate(zip(actual[:_MOST_PAIRS], answers[:_MOST_PAIRS], strict=False)):
        pairs = align(_symbols(true), _symbols(found))
        longest = max(longest, len(pairs))
        for at, (a, b) in enumerate(pairs):
            color = charts.ACTUAL if a == b else charts.SPLIT
            axes.text(
                at, -3 * line, "·" if a is None else str(a), color=color, fontsize=8, ha="center", family="monospace"
            )
            axes.text(
                at,
                -3 * line - 1,
                "·" if b is None else str(b),
                color=color,
                fontsize=8,
                ha="center",
                family="monospace",
            )
    axes.set_xlim(-1, longest)
    axes.set_ylim(-3 * _MOST_PAIRS, 1)
    charts.finish(axes, f"{name}: truth above, answer below", "", "")


def _draw_tags(axes: Axes, name: str, actual: Sequence[Any], answers: Sequence[Any]) -> None:
    draw_confusion(axes, name, [t for row in actual for t in row], [t for row in answers for t in row])


def _draw_scatter(axes: Axes, name: str, actual: Any, answers: Any) -> None:
    true = np.concatenate([np.ravel(row) for row in actual])
    found = np.concatenate([np.ravel(row) for row in answers])
    axes.scatter(true, found, s=8, color=charts.FORECAST, alpha=0.5)
    ends = [min(true.min(), found.min()), max(true.max(), found.max())]
    axes.plot(ends, ends, color=charts.MUTED, linewidth=1)
    charts.finish(axes, f"{name}: answers against the truth", "truth", "answer")


def _draw_boxes(axes: Axes, name: str, actual: Sequence[Any], answers: Sequence[Any]) -> None:
    """Some pictures in a row, as squares: the true boxes dark, the answers in the colour of forecasts."""
    shown = list(zip(actual[:_MOST_PAIRS], answers[:_MOST_PAIRS], strict=True))
    for at, pair in enumerate(shown):
        axes.plot([at, at + 1, at + 1, at, at], [0, 0, 1, 1, 0], color=charts.MUTED, linewidth=1)
        for boxes, color in zip(pair, (charts.ACTUAL, charts.FORECAST), strict=True):
            for left, top, right, bottom in boxes:
                x = at + np.array([left, right, right, left, left])
                axes.plot(x, [top, top, bottom, bottom, top], color=color)
    axes.invert_yaxis()
    axes.set_aspect("equal")
    charts.finish(axes, f"{name}: truth and answer", "", "")


_DRAWN = {
    "classify": draw_confusion,
    "detect": _draw_boxes,
    "tag": _draw_tags,
    "regress": _draw_scatter,
    "follow": _draw_scatter,
}


def _symbols(text: Any) -> list[Any]:
    return list(text) if isinstance(text, str) else [str(symbol) for symbol in text]
