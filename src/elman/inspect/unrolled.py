"""The picture every course on recurrent networks begins with, of a model that exists: unrolled along time."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from elman import charts
from elman.errors import ArgumentError
from elman.layers import Bidirectional, Flatten, GlobalAveragePooling1D, GlobalMaxPooling1D, Layer
from elman.layers.rnn.recurrence import Recurrence
from elman.models import Model
from elman.models.structure import parts_of

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["unroll"]

_POOLS: Final = (GlobalAveragePooling1D, GlobalMaxPooling1D)
_STEPS: Final = ("t-1", "t", "t+1")
_WIDTH: Final = 1.5
_HEIGHT: Final = 0.62
_COLUMN: Final = 2.6
_ROW: Final = 1.25


class _Row(NamedTuple):
    """One layer of the picture: which ways its state goes along time, whether something goes up at each step, and
    whether it makes one thing of all steps."""

    layer: Layer
    ways: tuple[int, ...]
    every: bool
    joins: bool


def unroll(model: Model, title: str | None = None) -> Figure:
    """The network unrolled: one column a time step, one row a layer, arrows for what goes on to the next step and up.

    Layers are drawn in the order in which they are called; that of a branching model is not a stack, and its picture
    shows the order alone.

    Args: title: default the model's name.
    Raises: ArgumentError: no recurrent layer.
    Example:
        >>> from elman.layers import LSTM, Dense
        >>> from elman.models import Sequential
        >>> figure = unroll(Sequential([LSTM(32, input_shape=(None, 8), name="lstm"), Dense(1)]))
        >>> "lstm\\nLSTM, 32" in [text.get_text() for text in figure.axes[0].texts]
        True
    """
    rows = _rows(model)
    figure, (axes,) = charts.canvas(size=(9.0, 0.8 + 0.95 * (len(rows) + 2)))
    axes.set_axis_off()
    ends, last = len(rows) + 1, rows[-1]
    steps = _STEPS if last.every else (*_STEPS, "T")
    for column, step in enumerate(steps):
        _box(axes, column, 0, f"$x_{{{step}}}$", charts.MUTED, filled=False)
        _upwards(axes, column, 0)
        if last.every:
            _box(axes, column, ends, f"$y_{{{step}}}$", charts.MUTED, filled=False)
    for level, row in enumerate(rows, 1):
        _draw(axes, level, row, steps)
    if not last.every:
        _box(axes, len(_STEPS), ends, "$y$", charts.MUTED, filled=False)
    axes.set_xlim(-1.6 * _COLUMN, (3.5 if last.every else 3.4) * _COLUMN)
    axes.set_ylim(-_ROW * 0.6, _ROW * (ends + 0.6))
    axes.set_title(title or model.name, loc="left", fontsize=11, fontweight="bold", color=charts.ACTUAL)
    return figure


def _rows(model: Model) -> list[_Row]:
    """What is drawn for each layer. Raises: ArgumentError."""
    rows, sequence = [], True
    for layer in parts_of(model):
        both = isinstance(layer, Bidirectional)
        inner: Any = layer.forward_layer if isinstance(layer, Bidirectional) else getattr(layer, "layer", layer)
        recurrent = sequence and isinstance(inner, Recurrence)
        ways = () if not recurrent else (1, -1) if both else (-1,) if inner.go_backwards else (1,)
        joins = isinstance(layer, _POOLS) or (sequence and isinstance(layer, Flatten))
        sequence = sequence and (inner.return_sequences if recurrent else not joins)
        rows.append(_Row(layer, ways, sequence, joins))
    if not any(row.ways for row in rows):
        raise ArgumentError.at("unroll", "model", "have a recurrent layer", model.where, "There is no time to unroll.")
    return rows


def _draw(axes: Any, level: int, row: _Row, steps: Sequence[str]) -> None:
    """A layer's boxes, what goes from step to step, and what goes up: from each step, or from the last alone.

    What joins all steps is one box above them all.
    """
    columns = range(len(steps)) if row.ways or row.every else [len(_STEPS)]
    color = charts.FORECAST if row.ways else charts.BASELINE
    if row.joins:
        middle, width = (len(steps) - 1) / 2 * _COLUMN, (len(steps) - 1) * _COLUMN + _WIDTH
        charts.box(axes, (middle, level * _ROW), (width, _HEIGHT), type(row.layer).__name__, color, filled=True)
        columns = range(0)
    for column in columns:
        _box(axes, column, level, f"$h_{{{steps[column]}}}$" if row.ways else type(row.layer).__name__, color)
    place = {"ha": "right", "va": "center", "linespacing": 1.4}
    axes.text(-_COLUMN * 0.6, level * _ROW, _name(row.layer), fontsize=9, color=charts.ACTUAL, **place)
    for n, way in enumerate(row.ways):
        shift = 0.0 if len(row.ways) == 1 else 0.14 * (1 - 2 * n)
        for column in range(-1, len(_STEPS)):
            _sideways(axes, column, level, way, shift)
    for column in range(len(steps)) if row.every else [len(_STEPS)]:
        _upwards(axes, column, level)


def _name(layer: Any) -> str:
    """The layer's name, and below it what it is: "LSTM, 32"."""
    inner = layer.forward_layer if isinstance(layer, Bidirectional) else layer
    units = getattr(inner, "units", None)
    return f"{layer.name}\n{type(layer).__name__}" + (f", {units}" if isinstance(units, int) else "")


def _box(axes: Any, column: int, level: int, label: str, color: str, filled: bool = True) -> None:
    charts.box(axes, (column * _COLUMN, level * _ROW), (_WIDTH, _HEIGHT), label, color, filled)


def _upwards(axes: Any, column: int, level: int) -> None:
    """The arrow from a row to the one above."""
    x, rise = column * _COLUMN, _HEIGHT / 2 + 0.04
    charts.arrow(axes, (x, level * _ROW + rise), (x, (level + 1) * _ROW - rise))


def _sideways(axes: Any, column: int, level: int, way: int, shift: float) -> None:
    """The arrow between a step and the next (or, backwards, the one before); dashed where steps are left out."""
    outside = column in (-1, len(_STEPS) - 1)
    edge, y = _WIDTH / 2 + 0.04, level * _ROW + shift
    left = column * _COLUMN + (edge if column >= 0 else _COLUMN / 2)
    right = (column + 1) * _COLUMN - edge
    ends = ((left, y), (right, y))
    charts.arrow(axes, *(ends if way > 0 else ends[::-1]), dashed=outside)
