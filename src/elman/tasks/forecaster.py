"""Forecasting: a table with a time column in, the rows that come next out."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Self

import numpy as np
import numpy.typing as npt

from elman.arguments import check_whole
from elman.errors import ArgumentError
from elman.fields import Table
from elman.fields.missing import Missing
from elman.fields.scaling import Scaling
from elman.layers.weighted import to_be_filled
from elman.models import Sequential
from elman.models.saving import codes_of, make_codes
from elman.tasks.backtest import backtest, holdout_blocks
from elman.tasks.estimator import Estimator, settings
from elman.tasks.forecast_file import read_forecast_file, write_forecast_file
from elman.tasks.forecast_plot import draw_forecast
from elman.tasks.learned import Learned
from elman.tasks.learning import check_settings, learn, network_for
from elman.tasks.network import CellName
from elman.tasks.panel import Panel
from elman.tasks.roles import Columns
from elman.tasks.scores import Report
from elman.training.callbacks import Callback

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["Forecaster"]

_Array = npt.NDArray[np.float64]

_SHOWN = 5
"""How many horizons of the past a picture shows, where there are so many."""


@settings
class Forecaster(Estimator):
    """Forecasts a series, or many, with a recurrent network that gives the whole horizon at once.

    `fit` sets the last part aside, chooses transform and anchor on it with a linear probe (see
    `Representation`), trains until the error on it stops falling, measures itself there beside the simplest
    forecasts, and then trains once more, as long, on all rows. It warns where it only copies the last value
    or does not beat the baselines.

    Args:
        horizon: rows to forecast, from 1.
        window: rows the network sees; None: two seasons, or twice the horizon.
        cell: "lstm", "gru" or "simple_rnn".
        units: width of each recurrent layer.
        layers: recurrent layers on top of each other.
        dropout: share of a layer's outputs dropped while training.
        epochs: at most; training stops when `patience` epochs brought nothing.
        batch_size: windows in a step.
        learning_rate: of Adam; small data bear more than Keras's 0.001.
        loss: any loss of elman; the absolute error forgives outliers.
        patience: epochs without progress before training stops.
        validation: share of the rows (below 1) or number of rows, always the last; 0: none.
        refit: train again on all rows after the best number of epochs is known.
        scaling: "standard", "minmax", "robust" or "none"; learned on training rows only.
        transform: "log", "none" or "auto".
        anchor: "none", "last", "seasonal", "drift" or "auto".
        season: rows in a season; None: what the time column suggests (12 for months, 7 for days ...).
        calendar: show the network where a row lies in its day, week, year.
        missing: "error", or "interpolate" NaN and missing times. A gap that reaches up to where a forecast starts
            holds the last value before it: nothing is filled from what comes later. What was missing is neither
            learned nor scored. `set_params(missing=...)` changes it for rows that come after `fit`.
        seed: of weights and order; the same seed gives the same forecast.

    Raises:
        ArgumentError, DataError: in `fit`, see there; the constructor only stores.

    Example:
        >>> import numpy as np
        >>> wave = np.sin(np.arange(80) * np.pi / 4)
        >>> model = Forecaster(horizon=8, window=8, cell="simple_rnn", units=4, epochs=20).fit(wave)
        >>> model.predict().shape
        (8,)
    """

    horizon: int = 12
    window: int | None = None
    cell: CellName = "lstm"
    units: int = 32
    layers: int = 1
    dropout: float = 0.0
    epochs: int = 150
    batch_size: int = 32
    learning_rate: float = 0.005
    loss: str = "mean_absolute_error"
    patience: int = 20
    validation: float | None = 0.2
    refit: bool = True
    scaling: Scaling = "standard"
    transform: Literal["auto", "none", "log"] = "auto"
    anchor: Literal["auto", "none", "last", "seasonal", "drift"] = "auto"
    season: int | None = None
    calendar: bool = True
    missing: Missing = "error"
    seed: int = 0

    learned_: Learned = dataclasses.field(init=False)
    _given: Panel = dataclasses.field(init=False)

    def fit(
        self,
        data: Any,
        *,
        target: str | Sequence[str] | None = None,
        time: str | None = None,
        features: str | Sequence[str] = (),
        id: str | None = None,
        callbacks: Sequence[Callback] = (),
    ) -> Self:
        """Learn to forecast.

        Args:
            data: a pandas, polars or pyarrow table, or one series of them; or an array (N,) or (N, C), every column
                a target. Names of a pandas index are columns, too.
            target: the column, or columns, to forecast; None: the only one.
            time: the time column: sorted, unique, regular. None: the index of a pandas table, unless it is row
                numbers; where there is none, and for "", rows are counted.
            features: further numeric columns whose past helps.
            id: a column that tells several series apart; one model learns from all. None: the level beside time
                of an index that has two.
            callbacks: told how training goes, in both trainings where `refit` makes a second.

        Raises:
            UnknownColumnError: a column is not in the table; the nearest are named.
            DataError: empty; not numeric, NaN or infinite (row and column are named); times twice, unsorted
                or with gaps; window longer than the series.
            ArgumentError: horizon below 1, an unknown cell or scaling ...
            DivergenceError: the loss became NaN.
        """
        check_settings(self)
        named = [None if name is None else str(name) for name in (time, id)]
        columns = Columns(_listed(target), _listed(features), *named)
        panel = Panel.read("Forecaster.fit", data, columns, self.missing)
        self.learned_ = learn(self, panel.series, panel.columns, callbacks)
        self._given = panel.emptied()
        return self

    @property
    def network_(self) -> Sequential:
        """The trained network."""
        self._check_fitted("network_")
        return self.learned_.network

    @property
    def history_(self) -> dict[str, list[float]]:
        """The losses of the training that had a validation part, one value an epoch."""
        self._check_fitted("history_")
        return self.learned_.history

    @property
    def report_(self) -> Report | None:
        """Scores on the validation part beside the baselines'; None without one."""
        self._check_fitted("report_")
        return self.learned_.report

    def predict(self, data: Any = None, horizon: int | None = None, level: float | None = None) -> Any:
        """Forecast what comes next.

        Args:
            data: None: after the training rows. Or a table: rows that follow the training rows, or begin in their
                end, or a history of its own that fills a window. An array is always such a history.
            horizon: rows; None: as trained. More than trained is made by feeding forecasts back.
            level: also give an interval that should hold this share of futures, 0.01 ... 0.99,
                in whole percents: between two of them it is the wider one.

        Returns:
            A table of the kind given (that of `fit` for None; pandas after `load`): the id and time columns, or
            the index, continued, the targets, and `<target>_low`, `<target>_high` with a level. For arrays an array
            (horizon,) or (horizon, C); with a level a tuple of forecast, low and high.

        Raises:
            ArgumentError: a horizon below 1, or beyond the trained one although there are features; a level where
                another column is called as a bound.
        """
        self._check_fitted("predict")
        steps = self.horizon if horizon is None else horizon
        check_whole("predict", "horizon", steps, 1)
        if level is not None:
            _check_bounds(self.learned_.columns, level)
        panel = self._panel("predict", data)
        forecasts = self.learned_.ahead(panel.series, steps)
        widths = None if level is None else self.learned_.half_widths(panel.series, level, steps)
        if panel.columns.targets:
            return (panel.table or _pandas()).like(_columns(panel, forecasts, widths), panel.zones, panel.index)
        (forecast,) = forecasts
        shown = [forecast] if widths is None else [forecast, forecast - widths[0], forecast + widths[0]]
        shaped = [array[:, 0] if panel.kind == "vector" else array for array in shown]
        return shaped[0] if widths is None else tuple(shaped)

    def evaluate(self, data: Any = None) -> Report:
        """Forecast rows that are known by now, and compare: beside last value and seasonal naive.

        The rows are forecast in blocks of one horizon, each from everything before it; nothing is learned.

        Args:
            data: rows that follow the training rows, or a table that includes them; an array always follows.
                None: the report on the validation part, made by `fit`.

        Example:
            >>> import numpy as np
            >>> wave = np.sin(np.arange(96) * np.pi / 4)
            >>> model = Forecaster(horizon=8, window=8, units=4, epochs=5).fit(wave[:80])
            >>> list(model.evaluate(wave[80:]).rows)
            ['lstm', 'last value']
        """
        self._check_fitted("evaluate")
        learned = self.learned_
        if data is None:
            if learned.report is None:
                raise ArgumentError.at("evaluate", "data", "given after validation=0", None, "Pass held-out rows.")
            return learned.report
        series = learned.context("evaluate", data, self.missing, follows=True).series
        origins, title, notes = holdout_blocks(series, learned.ends, learned.needed, self.horizon)
        forecasts = learned.blocks(series, origins)
        return backtest(self.cell, series, origins, forecasts, learned.season, learned.scales, title, notes)

    def plot(self, data: Any = None, level: float | None = 0.8, path: str | os.PathLike[str] | None = None) -> Figure:
        """Draw the end of the series, the forecast and its interval.

        Args:
            data: as in `predict`.
            level: of the interval; None, or a model without validation part: no interval.
            path: also write it there.
        """
        self._check_fitted("plot")
        panel, learned = self._panel("plot", data), self.learned_
        forecasts = learned.ahead(panel.series, self.horizon)
        widths = learned.half_widths(panel.series, level, self.horizon) if level and learned.intervals else None
        shown = max(learned.needed, _SHOWN * self.horizon)
        ends = [part.rows(slice(max(0, len(part) - shown), None)) for part in panel.series]
        zone = panel.zones.get(learned.columns.time or "", "")
        return draw_forecast(ends, forecasts, widths, learned.columns, level or 0.0, zone, path)

    def summary(self, print_fn: Callable[[str], object] = print) -> None:
        """Print what was read, chosen and learned."""
        self._check_fitted("summary")
        learned = self.learned_
        what = ", ".join(learned.columns.targets) or "an array"
        rhythm = learned.tails[0].timeline.calendar.name
        print_fn(repr(self))
        print_fn(f"forecasts {what}, {rhythm}; {len(learned.tails)} series, season {learned.season}")
        for line in learned.encoding.describe():
            print_fn(line)
        learned.network.summary(print_fn=print_fn)
        if learned.report is not None:
            print_fn(str(learned.report))

    def save(self, path: str | os.PathLike[str], overwrite: bool = True) -> Path:
        """Write everything into one safetensors file.

        Raises:
            OverwriteError: the file exists and overwrite is false.
        """
        self._check_fitted("save")
        learned = self.learned_
        given = {"kind": self._given.kind, "zones": self._given.zones, "index": self._given.index}
        codes = codes_of(learned.network)
        state = {"params": self.get_params(), "given": given, "learned": learned.state(), "int8": codes}
        return write_forecast_file(path, learned.network.get_weights(), learned.tails, state, overwrite)

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> Self:
        """Read a forecaster back; runs nothing of what is in the file.

        Raises:
            FileFormatError: damaged, foreign, or no forecaster.
        """
        weights, tails, state = read_forecast_file(path)
        forecaster = cls(**state["params"])
        learned = Learned.from_state(state["learned"], Sequential(), tails)
        with to_be_filled(max((weight.size for weight in weights), default=0)):
            learned.network = network_for(forecaster, learned.encoding, tails[0])
        make_codes(learned.network, state.get("int8", ()))
        learned.network.set_weights(weights)
        forecaster.learned_, forecaster._given = learned, Panel([], learned.columns, None, **state["given"])
        return forecaster

    def _panel(self, where: str, data: Any) -> Panel:
        """The series to forecast from: those of training, or those given."""
        if data is not None:
            return self.learned_.context(where, data, self.missing)
        return dataclasses.replace(self._given, series=self.learned_.tails)


def _listed(names: Any) -> list[str]:
    """Names of columns, one or several; pandas has numbers among them."""
    several = isinstance(names, Iterable) and not isinstance(names, str)
    return [str(name) for name in names] if several else [] if names is None else [str(names)]


def _check_bounds(names: Columns, level: float) -> None:
    """Refuse an interval where another column has the name of its bound."""
    bounds = {f"{name}_{side}" for name in names.targets for side in ("low", "high")}
    taken = [name for name in (*names.targets, names.time, names.id) if name in bounds]
    if taken:
        because = f"a column is called {taken[0]!r}, as a bound of the interval would be"
        raise ArgumentError.at("predict", "level", "None here", level, "Rename the column.", because=because)


def _columns(panel: Panel, forecasts: Sequence[_Array], widths: Sequence[_Array] | None) -> dict[str, npt.NDArray[Any]]:
    """The columns of a forecast's table: id, time, targets, and their bounds; of widths each is (steps, C)."""
    steps, names = len(forecasts[0]), panel.columns
    columns: dict[str, npt.NDArray[Any]] = {}
    if names.id is not None:
        columns[names.id] = np.repeat(np.array([part.key for part in panel.series], object), steps)
    if names.time is not None:
        columns[names.time] = np.concatenate([part.timeline.future(steps) for part in panel.series])
    values = np.concatenate(forecasts)
    for channel, name in enumerate(names.targets):
        columns[name] = values[:, channel]
        if widths is not None:
            half = np.concatenate(widths)[:, channel]
            columns[f"{name}_low"], columns[f"{name}_high"] = columns[name] - half, columns[name] + half
    return columns


def _pandas() -> Table:
    """What a forecast is written as where no table was given: after `load`."""
    import pandas as pd

    return Table.wrap("predict", pd.DataFrame({"row": [0]}))
