"""Pictures: the one file that knows matplotlib, and how every picture of elman looks.

Figures are drawn without pyplot: no window system is asked for, no global state is kept, and a process
that draws one picture starts a good deal faster.

Signs that the house's font lacks are looked for in every font of the machine. Words that are read from the right are
ordered by matplotlib from 3.11 on; before that their letters stand from left to right.
"""

from __future__ import annotations

import functools
import os
import unicodedata
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from elman.errors import ArgumentError, ElmanWarning
from elman.paths import check_writable

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = [
    "ACTUAL",
    "BASELINE",
    "FORECAST",
    "MUTED",
    "SPLIT",
    "THIRD",
    "arrow",
    "box",
    "canvas",
    "check_ending",
    "drawable",
    "finish",
    "save",
]

ACTUAL = "#2b2d42"
FORECAST = "#0077b6"
BASELINE = "#f4a261"
MUTED = "#8d99ae"
THIRD = "#2a9d8f"
SPLIT = "#d62828"
"""The red line between what was learned from and what was not."""

_FORMATS = (".png", ".pdf", ".svg", ".svgz", ".jpg", ".jpeg", ".webp", ".tif", ".tiff", ".eps", ".ps")
_GRID = "#e9ecef"
_HOUSE_FONT = "DejaVu Sans"
_VARIANTS = [chr(code) for code in range(0xFE00, 0xFE10)]
"""Signs that say how the one before them is to look, and that nobody sees."""

_told: set[str] = set()
"""Signs without a font of which was spoken."""


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
    axes.set_title(drawable(title), loc="left", fontsize=11, fontweight="bold", color=ACTUAL)
    axes.set_xlabel(drawable(x), fontsize=9, color=ACTUAL)
    axes.set_ylabel(drawable(y), fontsize=9, color=ACTUAL)
    axes.margins(x=0.01)
    if axes.get_legend_handles_labels()[0]:
        axes.legend(**{"loc": "best", "frameon": False, "fontsize": 9, **legend})
    _fit_fonts(axes)


def drawable(text: str) -> str:
    """A text as it can be drawn: a sign that no font of the machine has becomes its code point, which is said once.

    What joins emoji or tells how they look, and cannot be drawn, is left out.

    Raises:
        ElmanWarning: as a warning, signs that no font has.

    Example:
        >>> drawable("¿Qué?")
        '¿Qué?'
    """
    lacking = {sign for sign in text if ord(sign) > 127 and _font_of(sign) is None}
    silent = {sign for sign in text if sign in _VARIANTS} | {s for s in lacking if unicodedata.category(s) == "Cf"}
    if new := lacking - silent - _told:
        _told.update(new)
        named = ", ".join(f"U+{ord(sign):04X} {unicodedata.name(sign, 'without a name')}" for sign in sorted(new)[:3])
        cure = "Their code points stand for them; install a font that has them, such as Noto Sans of their writing."
        others = f" and {len(new) - 3} more" if len(new) > 3 else ""
        warnings.warn(f"pictures: no font here has {named}{others}. {cure}", ElmanWarning, stacklevel=2)
    codes = {sign: f"U+{ord(sign):04X}" for sign in lacking} | dict.fromkeys(silent, "")
    return "".join(codes.get(sign, sign) for sign in text)


def _fit_fonts(axes: Axes) -> None:
    """Fonts for what its own font lacks, behind that of each text."""
    from matplotlib.text import Text

    texts: Any = axes.findobj(Text)
    signs = {sign for text in texts for sign in text.get_text() if ord(sign) > 127}
    further = sorted({font for sign in signs if (font := _font_of(sign))} - {_HOUSE_FONT})
    if not signs:
        return
    for text in texts:
        text.set_family([*text.get_family(), _HOUSE_FONT, *further])
    axes.tick_params(labelfontfamily=["sans-serif", _HOUSE_FONT, *further])  # marks are made anew when they are drawn


@functools.cache
def _font_of(sign: str) -> str | None:
    """The name of a font that has a sign, the plainest first; None: none has."""
    from matplotlib import font_manager

    fonts = [f for f in font_manager.fontManager.ttflist if "Last Resort" not in f.name]
    fonts.sort(key=lambda f: (f.name != _HOUSE_FONT, f.style != "normal", f.weight not in (400, "normal"), f.name))
    return next((font.name for font in fonts if ord(sign) in _signs_of(font.fname)), None)


@functools.cache
def _signs_of(path: str) -> frozenset[int]:
    """The code points that a font has; of one that cannot be drawn with, none."""
    from matplotlib import font_manager

    try:
        return frozenset(font_manager.get_font(path).get_charmap())
    except (OSError, RuntimeError):
        return frozenset()


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


def check_ending(where: str, argument: str, path: str | os.PathLike[str]) -> None:
    """Refuse the name of a picture whose ending is no format; one without an ending is a PNG.

    Raises:
        ArgumentError: with the formats there are.

    Example:
        >>> check_ending("plot", "path", "forecast.png")
    """
    ending = Path(path).suffix.lower()
    if ending and ending not in _FORMATS:
        cure = f"Endings: {', '.join(_FORMATS)}."
        raise ArgumentError.at(where, argument, "a name that ends in a format of pictures", str(path), cure)


def save(figure: Figure, path: str | os.PathLike[str]) -> Path:
    """Write the figure; the file's ending says the format.

    Raises:
        ArgumentError: an ending that is no format, no path. MissingFileError: no such folder. FolderError: it is one.
    """
    target = check_writable("plot", "path", path, "forecast.png")
    check_ending("plot", "path", target)
    # Packing it harder takes longer than drawing it.
    packed: dict[str, Any] = {"pil_kwargs": {"compress_level": 2}} if target.suffix == ".png" else {}
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Glyph")  # of signs that are not seen, such as joiners
        figure.savefig(target, **packed)
    return target
