"""Pictures of a sequence model: the course of training; confusion, alignment and scatter of its answers."""

from __future__ import annotations

import dataclasses
import os
import unicodedata
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from elman import charts
from elman.tasks.scoring import align, confusion
from elman.tasks.sequence.heads import Head

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["draw_alignment", "draw_confusion", "draw_history", "draw_result"]

_Draw = Callable[[Any, str, Any, Any], None]

_MOST_CLASSES = 30
_MOST_PAIRS = 6
_LINE = 78
_SQUARE = np.array([[0, 1, 1, 0, 0], [0, 0, 1, 1, 0]])


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
    tall = max(_height(head, actual) for head, actual, _ in results)
    figure, panels = charts.canvas(len(results), (8.0, tall * len(results)))
    for axes, (head, actual, answers) in zip(panels, results, strict=True):
        draw: _Draw = _DRAWN.get(head.choice.head, draw_alignment)
        draw(axes, head.name, actual, answers)
    if path is not None:
        charts.save(figure, path)
    return figure


def draw_confusion(axes: Axes, name: str, actual: Sequence[Any], answers: Sequence[Any]) -> None:
    """How often each class was taken for each: rows are the truth, each adds up to 1; the most frequent classes."""
    classes, counts = confusion(actual, answers)
    kept = np.sort(np.argsort(-counts.sum(axis=1), kind="stable")[:_MOST_CLASSES])
    shares = counts[kept] / np.maximum(1, counts[kept].sum(axis=1, keepdims=True))
    counts, shares, labels = (
        counts[np.ix_(kept, kept)],
        shares[:, kept],
        [*map(_visible, _symbols(classes[i] for i in kept))],
    )
    axes.imshow(shares, cmap="Blues", vmin=0, vmax=1)
    axes.grid(False)
    axes.set_xticks(range(len(labels)), labels, rotation=90, fontsize=7)
    axes.set_yticks(range(len(labels)), labels, fontsize=7)
    if len(labels) <= 12:
        for (row, column), count in np.ndenumerate(counts):
            color = "white" if shares[row, column] > 0.5 else charts.ACTUAL
            axes.text(column, row, str(count), ha="center", va="center", fontsize=8, color=color)
    cut = f", the {len(kept)} most frequent of {len(classes)}" if len(kept) < len(classes) else ""
    charts.finish(axes, f"{name}: who is taken for whom{cut}", "answer", "truth")


def draw_alignment(axes: Axes, name: str, actual: Sequence[Any], answers: Sequence[Any]) -> None:
    """Some answers below the truth, symbol by symbol; what was wrong, left out or put in is red."""
    axes.set_axis_off()
    charts.drawable("".join(str(symbol) for side in (actual, answers) for row in side[:_MOST_PAIRS] for symbol in row))
    lines = [_placed(*sides) for sides in zip(actual[:_MOST_PAIRS], answers[:_MOST_PAIRS], strict=False)]
    used = max(20, *(line.width for line in lines))
    size = min(2.0, max(1.0, _LINE / used))  # short texts in larger letters
    for n, line in enumerate(lines):
        for at, pair, right in line.pairs:
            for below, symbol in enumerate(pair):
                _write(axes, line, at, -3 * n - below, symbol, size, charts.ACTUAL if right else charts.SPLIT)
        if line.cut:
            _write(axes, line, line.width, -3 * n - 0.5, "…", size, charts.MUTED)
    axes.set_xlim(-1, _LINE / size + 1)
    axes.set_ylim(-3 * max(2, len(lines)), 1)
    charts.finish(axes, f"{name}: truth above, answer below", "", "")


@dataclasses.dataclass
class _Line:
    """A truth and an answer, symbol above symbol.

    Args:
        pairs: where each stands, what is written, and whether both are alike.
        width: cells that are used. cut: whether there is more. leftwards: whether it is read from the right.
    """

    pairs: list[tuple[int, list[str], bool]]
    width: int
    cut: bool
    leftwards: bool


def _placed(true: Any, found: Any) -> _Line:
    """Where the symbols of a truth and an answer stand."""
    sides, apart, at = [_seen(_symbols(side)) for side in (true, found)], not isinstance(true, str), 0
    pairs = []
    for pair in align(*(side[:_LINE] for side in sides)):
        alike = pair[0] == pair[1]
        shown = ["·" if symbol is None else str(symbol) if alike else _visible(str(symbol)) for symbol in pair]
        width = max(map(_cells, shown))
        if at + width > _LINE:
            break
        pairs.append((at, shown, alike))
        at += width + (apart or max(map(len, shown)) > 1)
    return _Line(pairs, at, max(map(len, sides)) > _LINE, _leftwards("".join(sides[0])))


def _write(axes: Axes, line: _Line, at: int, y: float, symbol: str, size: float, color: str) -> None:
    side: dict[str, Any] = {"x": _LINE / size - at, "ha": "right"} if line.leftwards else {"x": at, "ha": "left"}
    axes.text(**side, y=y, s=symbol, color=color, fontsize=8 * size, family="monospace")


def _height(head: Head, actual: Any) -> float:
    """Of a panel, in inches: a few lines of text need little."""
    return 6.5 if head.choice.head in _DRAWN else 0.5 + max(2, min(_MOST_PAIRS, len(actual)))


def _cells(text: str) -> int:
    """How many letters of a typewriter a text is wide: Chinese signs and emoji are two."""
    wide = sum(unicodedata.east_asian_width(sign) in ("W", "F") for sign in text)
    return len(text) + wide - sum(unicodedata.combining(sign) > 0 for sign in text)


def _leftwards(text: str) -> bool:
    """Whether a text is read from the right, as its first letter says.

    Source: Unicode Standard Annex 9, "Unicode Bidirectional Algorithm", rules P2 and P3.
    """
    return next((kind != "L" for kind in map(unicodedata.bidirectional, text) if kind in ("L", "R", "AL")), False)


def _draw_labels(axes: Axes, name: str, actual: Sequence[Any], answers: Sequence[Any]) -> None:
    """How often each label was found, missed, and given wrongly; the most frequent labels."""
    rows = [(set(map(str, a)), set(map(str, b))) for a, b in zip(actual, answers, strict=True)]
    counts = Counter(label for a, b in rows for label in (*a, *b))
    labels = [label for label, _ in counts.most_common(_MOST_CLASSES)][::-1]
    left = np.zeros(len(labels))
    sides: dict[str, Callable[[bool, bool], bool]] = {
        "found": lambda a, b: a and b,
        "missed": lambda a, b: a and not b,
        "given wrongly": lambda a, b: b and not a,
    }
    for (told, counted), color in zip(sides.items(), (charts.ACTUAL, charts.MUTED, charts.SPLIT), strict=True):
        number = np.array([sum(counted(label in a, label in b) for a, b in rows) for label in labels])
        axes.barh(range(len(labels)), number, left=left, color=color, label=told)
        left += number
    axes.set_yticks(range(len(labels)), [charts.drawable(label) for label in labels])
    charts.finish(axes, f"{name}: labels found and missed", "rows", "", counted=True)


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
        start = 1.1 * at
        axes.plot(start + _SQUARE[0], _SQUARE[1], color=charts.MUTED, linewidth=0.6)
        for boxes, color in zip(pair, (charts.ACTUAL, charts.FORECAST), strict=True):
            for left, top, right, bottom in boxes:
                x, y = left + (right - left) * _SQUARE[0], top + (bottom - top) * _SQUARE[1]
                axes.plot(start + x, y, color=color)
    for told, color in (("truth", charts.ACTUAL), ("answer", charts.FORECAST)):
        axes.plot([], [], color=color, label=told)
    axes.invert_yaxis()
    axes.set_aspect("equal")
    axes.set_axis_off()
    charts.finish(axes, f"{name}: truth and answer", "", "", loc="upper center", bbox_to_anchor=(0.5, 0), ncols=2)


_DRAWN: dict[str, _Draw] = {
    "classify": draw_confusion,
    "detect": _draw_boxes,
    "label": _draw_labels,
    "next": draw_confusion,
    "tag": _draw_tags,
    "regress": _draw_scatter,
    "follow": _draw_scatter,
}


def _symbols(text: Any) -> list[str]:
    """Letters of a text, or tokens, as they can be drawn; where a line ends, a sign for it."""
    symbols = [str(symbol).replace("\n", "↵") for symbol in text]
    charts.drawable("".join(symbols))  # so that one warning names all that cannot be
    return [charts.drawable(symbol) for symbol in symbols]


def _seen(symbols: Sequence[str]) -> list[str]:
    """Without those that nobody sees, such as what joins emoji."""
    return [symbol for symbol in symbols if any(unicodedata.category(sign) != "Cf" for sign in symbol)]


def _visible(symbol: str) -> str:
    """White space as a sign."""
    return "␣" if symbol.isspace() else symbol
