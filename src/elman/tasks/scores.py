"""How far a forecast is off: MAE, RMSE, sMAPE and MASE, and the table that shows them side by side.

Source: Hyndman and Koehler 2006, "Another look at measures of forecast accuracy" (MASE); Makridakis,
Spiliotis and Assimakopoulos 2020, "The M4 Competition" (sMAPE as a percentage from 0 to 200).
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any, Self

import numpy as np
import numpy.typing as npt

__all__ = ["Report", "mae", "mase", "naive_scale", "naive_scales", "rmse", "smape"]

_Array = npt.NDArray[np.float64]

_NOISE = 1e-12
"""Changes below this share of a series' largest value come from rounding: float64 has 16 digits, sums lose some."""


def mae(actual: _Array, forecast: _Array) -> float:
    """Mean absolute error, in the units of the series.

    Shapes:
        any shape, both alike -> a number.

    Example:
        >>> import numpy as np
        >>> mae(np.array([1.0, 2.0]), np.array([2.0, 4.0]))
        1.5
    """
    return float(np.abs(actual - forecast).mean())


def rmse(actual: _Array, forecast: _Array) -> float:
    """Root of the mean squared error, in the units of the series.

    Shapes:
        any shape, both alike -> a number.

    Example:
        >>> import numpy as np
        >>> rmse(np.array([0.0, 0.0]), np.array([3.0, 3.0]))
        3.0
    """
    return float(np.sqrt(np.square(actual - forecast).mean()))


def smape(actual: _Array, forecast: _Array) -> float:
    """Symmetric mean absolute percentage error, 0 ... 200; where both are 0 the error is 0.

    Shapes:
        any shape, both alike -> a number.

    Example:
        >>> import numpy as np
        >>> smape(np.array([100.0, 0.0]), np.array([300.0, 0.0]))
        50.0
    """
    size = np.abs(actual) + np.abs(forecast)
    return float((200 * np.abs(actual - forecast) / np.where(size > 0, size, 1)).mean())


def naive_scale(training: _Array, season: int = 1) -> float:
    """Mean absolute change over one season in the training part: what MASE counts in.

    Rows that nobody knows (NaN) do not count.

    Shapes:
        training (N,) or (N, C); NaN where no two rows a season apart are known, 0 where changes are rounding noise.

    Example:
        >>> import numpy as np
        >>> naive_scale(np.array([1.0, 2.0, 4.0]))
        1.5
    """
    changes = np.abs(training[season:] - training[:-season])
    known = changes[~np.isnan(changes)]
    if not len(known):
        return float("nan")
    scale = float(known.mean())
    return scale if scale > _NOISE * np.nanmax(np.abs(training)) else 0.0


def naive_scales(training: _Array, season: int = 1) -> _Array:
    """`naive_scale` of each channel. Shapes: training (N, C) -> (C,)."""
    return np.array([naive_scale(channel, season) for channel in training.T])


def mase(actual: _Array, forecast: _Array, scale: float) -> float:
    """Mean absolute error in units of the training part's (seasonal) naive error; below 1 is better.

    NaN where that error is 0, as for a constant or an exactly periodic series.

    Shapes:
        any shape, both alike -> a number.

    Example:
        >>> import numpy as np
        >>> mase(np.array([5.0]), np.array([8.0]), scale=1.5)
        2.0
    """
    return mae(actual, forecast) / scale if scale > 0 else float("nan")


@dataclasses.dataclass(frozen=True)
class Report:
    """A forecast's errors beside those of the simplest forecasts there are.

    Printing it gives a table; `rows` holds the numbers.

    Args:
        rows: name of the forecast -> name of the measure -> value; the first row is the model's.
        title: what was measured, on which rows.
        notes: what a reader should know: warnings, what was left out.

    Example:
        >>> print(Report({"lstm": {"MAE": 1.0, "MASE": 0.5}, "last value": {"MAE": 2.0, "MASE": 1.0}}, "test, 3 rows"))
        test, 3 rows
                      MAE   MASE
        lstm       1.0000 0.5000
        last value 2.0000 1.0000
    """

    rows: Mapping[str, Mapping[str, float]]
    title: str = ""
    notes: Sequence[str] = ()

    @property
    def model(self) -> Mapping[str, float]:
        """The model's own row."""
        return next(iter(self.rows.values()))

    @property
    def baselines(self) -> dict[str, Mapping[str, float]]:
        """Every row but the model's."""
        return dict(list(self.rows.items())[1:])

    def better_baselines(self, measure: str = "MAE") -> list[str]:
        """The baselines that do at least as well as the model."""
        return [name for name, row in self.baselines.items() if row[measure] <= self.model[measure]]

    def cells(self) -> list[list[str]]:
        """The table as text, header first."""
        measures = list(self.model)
        lines = [[name, *(_number(row[measure]) for measure in measures)] for name, row in self.rows.items()]
        return [["", *measures], *lines]

    def state(self) -> dict[str, Any]:
        """This report as JSON."""
        # Lists, for the order of rows has a meaning and that of JSON's objects has none.
        rows = [
            [name, [[key, v if np.isfinite(v) else None] for key, v in row.items()]] for name, row in self.rows.items()
        ]
        return {"title": self.title, "rows": rows, "notes": list(self.notes)}

    @classmethod
    def from_state(cls, state: Mapping[str, Any]) -> Self:
        """Restore a report from `state()`."""
        rows = {name: {key: float("nan") if v is None else v for key, v in row} for name, row in state["rows"]}
        return cls(rows, state["title"], state["notes"])

    def __str__(self) -> str:
        cells = self.cells()
        widths = [max(len(line[column]) for line in cells) for column in range(len(cells[0]))]
        lines = [
            " ".join([line[0].ljust(widths[0]), *(text.rjust(w) for text, w in zip(line[1:], widths[1:], strict=True))])
            for line in cells
        ]
        return "\n".join([*filter(None, [self.title]), *lines, *self.notes])


def _number(value: float) -> str:
    """Four digits that count, as people write them."""
    if not np.isfinite(value):
        return "-"
    return f"{value:.4f}" if abs(value) < 10 else f"{value:.2f}" if abs(value) < 1e6 else f"{value:.4g}"
