"""Pictures: the one file that knows matplotlib, and how every picture of elman looks.

Figures are drawn without pyplot: no window system is asked for, no global state is kept, and a process
that draws one picture starts a good deal faster.
"""

from __future__ import annotations

import os
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["ACTUAL", "BASELINE", "FORECAST", "MUTED", "SPLIT", "THIRD", "arrow", "box", "canvas", "finish", "save"]

ACTUAL = "#2b2d42"
FORECAST = "#0077b6"
BASELINE = "#f4a261"
MUTED = "#8d99ae"
THIRD = "#2a9d8f"
SPLIT = "#d62828"
"""The red line between what was learned from and what was not."""

_GRID = "#e9ecef"


def canvas(
    rows: int = 1, size: tuple[float, float] = (10.0, 4.5), fixed: bool = False
) -> tuple[Figure, Sequence[Axes]]:
    """An empty figure of `rows` axes, one above the other, in the house's style.

    Args:
        rows: axes.
        size: of the figure, in inches.
        fixed: margins that suit short numbers, instead of measured ones: a tenth of a second less.

    Example:
        >>> figure, (axes,) = canvas()
        >>> _ = axes.plot([1, 2, 3])
        >>> type(figure).__name__
        'Figure'
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=size, dpi=120, layout=None if fixed else "constrained")
    if fixed:
        width, height = size
        figure.subplots_adjust(left=0.6 / width, right=1 - 0.2 / width, bottom=0.5 / height, top=1 - 0.35 / height)
    FigureCanvasAgg(figure)
    axes: list[Axes] = figure.subplots(rows, 1, squeeze=False)[:, 0].tolist()
    for one in axes:
        one.spines[["top", "right"]].set_visible(False)
        one.spines[["left", "bottom"]].set_color(MUTED)
        one.tick_params(colors=ACTUAL, labelsize=9)
        one.grid(color=_GRID, linewidth=0.8)
        one.set_axisbelow(True)
    return figure, axes


def finish(axes: Axes, title: str, x: str, y: str, counted: bool = False, **legend: Any) -> None:
    """Title, names of the axes with their units, and a legend that covers nothing.

    Args:
        counted: marks along x stand at whole numbers alone.
    """
    if counted:
        axes.locator_params(axis="x", integer=True)
    axes.set_title(title, loc="left", fontsize=11, fontweight="bold", color=ACTUAL)
    axes.set_xlabel(x, fontsize=9, color=ACTUAL)
    axes.set_ylabel(y, fontsize=9, color=ACTUAL)
    axes.margins(x=0.01)
    if axes.get_legend_handles_labels()[0]:
        axes.legend(**{"loc": "best", "frameon": False, "fontsize": 9, **legend})


def box(axes: Axes, at: tuple[float, float], size: tuple[float, float], label: str, color: str, filled: bool) -> None:
    """A rounded box with a label in it, around a point."""
    from matplotlib.patches import FancyBboxPatch

    (x, y), (width, height) = at, size
    corner, face = (x - width / 2, y - height / 2), color if filled else "white"
    style = "round,pad=0.02,rounding_size=0.1"
    axes.add_patch(FancyBboxPatch(corner, width, height, boxstyle=style, facecolor=face, edgecolor=color))
    axes.text(
        x,
        y,
        label,
        ha="center",
        va="center",
        fontsize=min(10.0, 85 * width / len(label)),
        color="white" if filled else ACTUAL,
    )


def arrow(axes: Axes, start: tuple[float, float], end: tuple[float, float], dashed: bool = False) -> None:
    """An arrow from one point to another."""
    style = {"arrowstyle": "-|>", "color": ACTUAL, "linewidth": 1.1, "shrinkA": 0, "shrinkB": 0}
    axes.annotate("", xy=end, xytext=start, arrowprops={**style, "linestyle": "dashed" if dashed else "solid"})


def save(figure: Figure, path: str | os.PathLike[str]) -> Path:
    """Write the figure; the file's ending says the format."""
    target = Path(path)
    # Packing it harder takes longer than drawing it.
    packed: dict[str, Any] = {"pil_kwargs": {"compress_level": 2}} if target.suffix == ".png" else {}
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Glyph")  # the font has no emoji: a box stands for each
        figure.savefig(target, **packed)
    return target
