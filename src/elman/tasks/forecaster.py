"""Forecasting: a table with a time column in, the rows that come next out."""

from __future__ import annotations

import dataclasses
import os
import warnings
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Self

import numpy as np
import numpy.typing as npt

from elman.errors import ArgumentError, DataError, ElmanWarning, unknown_name
from elman.fields import Calendar, Series, Table
from elman.fields.missing import Missing, check_missing
from elman.fields.series import Scaling
from elman.fields.windows import check_length
from elman.models import Sequential
from elman.tasks.backtest import backtest, holdout_blocks, validation_pairs
from elman.tasks.diagnosis import copies_last_value, findings
from elman.tasks.encoding import Encoding
from elman.tasks.estimator import Estimator
from elman.tasks.forecast_file import read_forecast_file, write_forecast_file
from elman.tasks.forecast_plot import draw_forecast
from elman.tasks.intervals import error_quantiles, half_width
from elman.tasks.network import CellName, build_network, check_cell
from elman.tasks.panel import Columns, Panel, TimeSeries
from elman.tasks.representation import candidates
from elman.tasks.scores import Report, naive_scale
from elman.tasks.selection import choose
from elman.tasks.splitting import check_window, default_window, enough, validation_cuts
from elman.training.callbacks import Callback, EarlyStopping

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["Forecaster"]

_Array = npt.NDArray[np.float64]


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
        missing: "error", or "interpolate" NaN and missing times.
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

    columns_: Columns
    encoding_: Encoding
    network_: Sequential
    history_: dict[str, list[float]]
    report_: Report | None

    def __init__(
        self,
        horizon: int = 12,
        window: int | None = None,
        cell: CellName = "lstm",
        units: int = 32,
        layers: int = 1,
        dropout: float = 0.0,
        epochs: int = 150,
        batch_size: int = 32,
        learning_rate: float = 0.005,
        loss: str = "mean_absolute_error",
        patience: int = 20,
        validation: float | None = 0.2,
        refit: bool = True,
        scaling: Scaling = "standard",
        transform: Literal["auto", "none", "log"] = "auto",
        anchor: Literal["auto", "none", "last", "seasonal", "drift"] = "auto",
        season: int | None = None,
        calendar: bool = True,
        missing: Missing = "error",
        seed: int = 0,
    ) -> None:
        self.horizon = horizon
        self.window = window
        self.cell: CellName = cell
        self.units = units
        self.layers = layers
        self.dropout = dropout
        self.epochs = epochs
        self.batch_size = batch_size
        self.learning_rate = learning_rate
        self.loss = loss
        self.patience = patience
        self.validation = validation
        self.refit = refit
        self.scaling: Scaling = scaling
        self.transform = transform
        self.anchor = anchor
        self.season = season
        self.calendar = calendar
        self.missing: Missing = missing
        self.seed = seed

    def fit(
        self,
        data: Any,
        *,
        target: str | Sequence[str] | None = None,
        time: str | None = None,
        features: Sequence[str] = (),
        id: str | None = None,
        callbacks: Sequence[Callback] = (),
    ) -> Self:
        """Learn to forecast.

        Args:
            data: a pandas, polars or pyarrow table; or an array (N,) or (N, C), every column a target.
            target: the column, or columns, to forecast.
            time: the time column: sorted, unique, regular; None counts rows.
            features: further numeric columns whose past helps.
            id: a column that tells several series apart; one model learns from all.
            callbacks: told how training goes, in both trainings where `refit` makes a second.

        Raises:
            UnknownColumnError: a column is not in the table; the nearest are named.
            DataError: empty; not numeric, NaN or infinite (row and column are named); times twice, unsorted
                or with gaps; window longer than the series.
            ArgumentError: horizon below 1, an unknown cell or scaling ...
            DivergenceError: the loss became NaN.
        """
        self._check_settings()
        targets = [target] if isinstance(target, str) else list(target or ())
        columns = Columns(targets, list(features), time, id)
        panel = Panel.read("Forecaster.fit", data, columns, self.missing)
        self.columns_, self._table = columns, panel.table.rows(slice(0, 1)) if panel.table else None
        self._flat = np.ndim(data) == 1 if panel.table is None else False
        self._learn(panel.series, callbacks)
        return self

    def predict(self, data: Any = None, horizon: int | None = None, level: float | None = None) -> Any:
        """Forecast what comes next.

        Args:
            data: None: after the training rows. Or a table: rows that follow the training rows, or a history
                of its own that fills a window. An array is always such a history.
            horizon: rows; None: as trained. More than trained is made by feeding forecasts back.
            level: also give an interval that should hold this share of futures, 0.01 ... 0.99.

        Returns:
            A table of the kind given (that of `fit` for None; pandas after `load`): the id and time columns
            continued, the targets, and `<target>_low`, `<target>_high` with a level. For arrays an array
            (horizon,) or (horizon, C); with a level a tuple of forecast, low and high.

        Raises:
            ArgumentError: a horizon below 1, or beyond the trained one although there are features.
        """
        self._check_fitted("predict")
        steps = self.horizon if horizon is None else horizon
        check_length("predict", "horizon", steps)
        series, table = self._context("predict", data)
        forecasts = self._ahead(series, steps)
        width = None if level is None else half_width(self.quantiles_, level, steps)
        if not self.columns_.targets:
            bounds = [forecasts[0]] if width is None else [forecasts[0], forecasts[0] - width, forecasts[0] + width]
            shaped = [bound[:, 0] if self._flat else bound for bound in bounds]
            return shaped[0] if width is None else tuple(shaped)
        return (table or _pandas()).like(self._table_of(series, forecasts, width, steps))

    def evaluate(self, data: Any = None) -> Report:
        """Forecast rows that are known by now, and compare: beside last value and seasonal naive.

        The rows are forecast in blocks of one horizon, each from everything before it; nothing is learned.

        Args:
            data: rows that follow the training rows, or a table that includes them; an array always follows.
                None: the report on the validation part, made by `fit`.

        Example:
            >>> import numpy as np
            >>> wave = np.sin(np.arange(96) * np.pi / 4)
            >>> model = Forecaster(8, window=8, units=4, epochs=5).fit(wave[:80])
            >>> list(model.evaluate(wave[80:]).rows)
            ['lstm', 'last value']
        """
        self._check_fitted("evaluate")
        if data is None:
            if self.report_ is None:
                raise ArgumentError.at("evaluate", "data", "given after validation=0", None, "Pass held-out rows.")
            return self.report_
        series, _ = self._context("evaluate", data, follows=True)
        blocks, notes = holdout_blocks(series, self._ends, self._needed, self.horizon)
        forecasts = [self._blocks(part, rows) for part, rows in zip(series, blocks, strict=True)]
        return backtest(self.cell, series, blocks, forecasts, self.season_, self.scales_, "held-out rows", notes)

    def plot(self, data: Any = None, level: float | None = 0.8, path: str | os.PathLike[str] | None = None) -> Figure:
        """Draw the end of the series, the forecast and its interval.

        Args:
            data: as in `predict`.
            level: of the interval; None, or a model without validation part: no interval.
            path: also write it there.
        """
        self._check_fitted("plot")
        series, _ = self._context("plot", data)
        forecasts = self._ahead(series, self.horizon)
        known = level is not None and len(self.quantiles_)
        width = half_width(self.quantiles_, level, self.horizon) if known and level else None
        return draw_forecast(series, forecasts, width, self.columns_, level or 0.0, path)

    def summary(self, print_fn: Callable[[str], object] = print) -> None:
        """Print what was read, chosen and learned."""
        self._check_fitted("summary")
        first = self.tails_[0]
        what = ", ".join(self.columns_.targets) or "array"
        rhythm = first.timeline.calendar.name
        print_fn(f"{self!r}")
        print_fn(f"forecasts {what}, {rhythm}, {len(self.tails_)} series; window {self.window_}, season {self.season_}")
        for line in self.encoding_.describe():
            print_fn(line)
        self.network_.summary(print_fn=print_fn)
        if self.report_ is not None:
            print_fn(str(self.report_))

    def save(self, path: str | os.PathLike[str], overwrite: bool = True) -> Path:
        """Write everything into one safetensors file.

        Raises:
            OverwriteError: the file exists and overwrite is false.
        """
        self._check_fitted("save")
        return write_forecast_file(path, self.network_.get_weights(), self.tails_, self._state(), overwrite)

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> Self:
        """Read a forecaster back; runs nothing of what is in the file.

        Raises:
            FileFormatError: damaged, foreign, or no forecaster.
        """
        weights, tails, state = read_forecast_file(path)
        forecaster = cls(**state["params"])
        forecaster._restore(weights, tails, state)
        return forecaster

    def _state(self) -> dict[str, Any]:
        """What was learned, as JSON, but for weights and series."""
        return {
            "params": self.get_params(),
            "columns": dataclasses.asdict(self.columns_),
            "encoding": self.encoding_.state(),
            "shape": [self.window_, self.encoding_.width(self.tails_[0])],
            "season": self.season_,
            "scales": {key: scale if np.isfinite(scale) else None for key, scale in self.scales_.items()},
            "choices": self.choices_,
            "history": self.history_,
            "report": self.report_.state() if self.report_ else None,
            "quantiles": self.quantiles_.tolist(),
            "flat": self._flat,
        }

    def _restore(self, weights: list[npt.NDArray[Any]], tails: list[TimeSeries], state: dict[str, Any]) -> None:
        self.columns_ = Columns(**state["columns"])
        self.encoding_ = Encoding.from_state(state["encoding"])
        self.window_, features = state["shape"]
        self.season_, self.choices_, self.history_ = state["season"], state["choices"], state["history"]
        self.scales_ = {key: np.nan if scale is None else scale for key, scale in state["scales"].items()}
        self.report_ = Report.from_state(state["report"]) if state["report"] else None
        self.quantiles_ = np.asarray(state["quantiles"]).reshape(-1, self.horizon, tails[0].targets.shape[1])
        self.tails_, self._table, self._flat = tails, None, state["flat"]
        self._ends = {str(part.key): part.timeline.stamps[-1] for part in tails}
        self.network_ = self._build((self.window_, features), self.horizon * tails[0].targets.shape[1])
        self.network_.set_weights(weights)

    # ---- learning ---------------------------------------------------------------------------------------------------

    def _check_settings(self) -> None:
        check_cell("Forecaster", self.cell)
        check_missing("Forecaster", self.missing)
        Series(self.scaling)
        for name in ("horizon", "units", "layers", "epochs", "batch_size", "patience"):
            check_length("Forecaster", name, getattr(self, name))
        for name, known in (("transform", ("auto", "none", "log")), ("anchor", _ANCHORS)):
            if getattr(self, name) not in known:
                raise unknown_name("Forecaster", name, getattr(self, name), known)
        if not self.learning_rate > 0:
            raise ArgumentError.at("Forecaster", "learning_rate", "above 0", self.learning_rate)

    def _learn(self, series: list[TimeSeries], callbacks: Sequence[Callback]) -> None:
        cuts = validation_cuts(series, self.validation, self.horizon)
        self.season_ = self._season(series[0].timeline.calendar, max(cuts))
        self.window_ = default_window(self.horizon, self.season_, max(cuts)) if self.window is None else self.window
        check_window(self.window_, self.horizon, [len(part) for part in series], cuts)
        self.encoding_ = self._encoding(series, cuts)
        self.scales_ = {str(s.key): naive_scale(s.targets[:cut], self.season_) for s, cut in zip(series, cuts, strict=True)}
        validated = any(cut < len(part) for part, cut in zip(series, cuts, strict=True))
        self.history_ = self._train(series, cuts, callbacks, self.epochs)
        self.report_, self.quantiles_ = self._check(series, cuts) if validated else (None, np.zeros((0, 1, 1)))
        if validated and self.refit:
            best = 1 + int(np.argmin(self.history_["val_loss"]))
            self._train(series, [len(part) for part in series], callbacks, best)
        self.tails_ = [part.rows(slice(max(0, len(part) - self._needed), None)) for part in series]
        self._ends = {str(part.key): part.timeline.stamps[-1] for part in series}

    def _season(self, calendar: Calendar, rows: int) -> int:
        if self.season is not None:
            check_length("Forecaster", "season", self.season)
            return self.season
        return calendar.season if rows >= 2 * calendar.season + self.horizon else 1

    def _encoding(self, series: list[TimeSeries], cuts: Sequence[int]) -> Encoding:
        choices = candidates([part.targets for part in series], self.season_, self.transform, self.anchor)
        choices = [choice for choice in choices if enough(choice, self.window_, self.horizon, cuts)]
        if not choices:
            because = f"transform={self.transform!r} and anchor={self.anchor!r} fit no part of it"
            cure = "Log needs values from 0; a seasonal anchor needs a season and rows for it."
            raise DataError.at("Forecaster", "data", "fit for the settings", max(cuts), cure, because=because)
        training = [part.rows(slice(cut)) for part, cut in zip(series, cuts, strict=True)]
        if max(cuts) == max(map(len, series)):  # nothing to choose on
            best, self.choices_ = choices[min(1, len(choices) - 1)], {}
        else:
            best, self.choices_ = choose(choices, series, cuts, self.window_, self.horizon, self.scaling)
        return Encoding(best, self.window_, self.horizon, self.scaling, self.calendar).fit(training)

    def _train(
        self, series: list[TimeSeries], cuts: Sequence[int], callbacks: Sequence[Callback], epochs: int
    ) -> dict[str, list[float]]:
        """Train a new network on the rows before the cuts, checked on those after them."""
        training = [self._examples(part, 0, cut - 1) for part, cut in zip(series, cuts, strict=True)]
        checking = [self._examples(part, cut, len(part) - 1) for part, cut in zip(series, cuts, strict=True)]
        x, y = (np.concatenate(parts) for parts in zip(*training, strict=True))
        x_check, y_check = (np.concatenate(parts) for parts in zip(*checking, strict=True))
        self.network_ = self._build(x.shape[1:], y.shape[1])
        stopping = EarlyStopping("val_loss", patience=self.patience, restore_best_weights=True)
        history = self.network_.fit(
            x,
            y,
            epochs=epochs,
            batch_size=self.batch_size,
            validation_data=(x_check, y_check) if len(x_check) else None,
            callbacks=[stopping, *callbacks] if len(x_check) else list(callbacks),
            verbose=0,
        )
        return {name: [float(value) for value in values] for name, values in history.history.items()}

    def _build(self, shape: tuple[int, ...], outputs: int) -> Sequential:
        window, features = shape
        return build_network(
            self.cell,
            self.units,
            self.layers,
            self.dropout,
            (window, features),
            outputs,
            self.learning_rate,
            self.loss,
            self.seed,
        )

    def _examples(self, series: TimeSeries, first: int, last: int) -> tuple[npt.NDArray[Any], npt.NDArray[Any]]:
        """Windows and horizons whose horizon lies in rows first ... last."""
        rows = self.encoding_.origins(series, first, last)
        if not len(rows):
            width = series.targets.shape[1]
            features = self.encoding_.width(series)
            return np.zeros((0, self.window_, features), "float32"), np.zeros((0, self.horizon * width), "float32")
        return self.encoding_.inputs(series, rows), self.encoding_.targets(series, rows)

    def _check(self, series: list[TimeSeries], cuts: Sequence[int]) -> tuple[Report, _Array]:
        """The report on the validation part, and the errors' quantiles; warns of what is wrong."""
        blocks = [self.encoding_.origins(part, cut) for part, cut in zip(series, cuts, strict=True)]
        forecasts = [self._blocks(part, rows) for part, rows in zip(series, blocks, strict=True)]
        actual, forecast, last = validation_pairs(series, blocks, forecasts, self.horizon)
        report = backtest(self.cell, series, blocks, forecasts, self.season_, self.scales_, "validation part")
        found = findings(report, copies_last_value(actual[:, 0], forecast[:, 0], last))
        for finding in found:
            warnings.warn(f"Forecaster: {finding}.", ElmanWarning, stacklevel=4)
        report = Report(report.rows, report.title, [*report.notes, *found])
        return report, error_quantiles(actual, forecast)

    # ---- forecasting ------------------------------------------------------------------------------------------------

    @property
    def _needed(self) -> int:
        """Rows of the past a forecast (and its seasonal baseline) looks at."""
        return max(self.encoding_.lead + self.window_, self.season_)

    def _context(self, where: str, data: Any, follows: bool = False) -> tuple[list[TimeSeries], Table | None]:
        """The series to forecast from, each joined to the end of training where it follows that."""
        if data is None:
            return self.tails_, self._table
        tails = {str(tail.key): tail for tail in self.tails_}
        calendar = self.tails_[0].timeline.calendar
        panel = Panel.read(where, data, self.columns_, self.missing, calendar if self.columns_.time else None)
        counted = self.columns_.time is None
        series = [
            part.joined_to(where, tails[str(part.key)], counted and follows) if str(part.key) in tails else part
            for part in panel.series
        ]
        for part in series:
            if len(part) < self._needed:
                name = "" if part.key is None else f" of series {part.key!r}"
                cure = "Pass a longer history, or rows that follow those of training."
                raise DataError.at(where, f"rows{name}", f"at least {self._needed}", len(part), cure)
        return series, panel.table

    def _blocks(self, series: TimeSeries, origins: npt.NDArray[np.int64]) -> _Array:
        """Forecasts from each origin: (n, horizon, C)."""
        if not len(origins):
            return np.zeros((0, self.horizon, series.targets.shape[1]))
        answer = self.network_.predict(self.encoding_.inputs(series, origins), verbose=0)
        return self.encoding_.decode(np.asarray(answer), series, origins)

    def _ahead(self, series: list[TimeSeries], steps: int) -> list[_Array]:
        """The next rows of each series: (steps, C)."""
        if steps > self.horizon and self.columns_.features:
            cure = "Train with a longer horizon: the features' future is not known."
            raise ArgumentError.at("predict", "horizon", f"at most {self.horizon}", steps, cure)
        longer = series
        for _ in range(-(-steps // self.horizon)):
            longer = [part.followed_by(self._blocks(part, np.array([len(part) - 1]))[0]) for part in longer]
        return [after.targets[len(before) :][:steps] for before, after in zip(series, longer, strict=True)]

    def _table_of(
        self, series: list[TimeSeries], forecasts: list[_Array], width: _Array | None, steps: int
    ) -> dict[str, npt.NDArray[Any]]:
        """The columns of a forecast table."""
        columns: dict[str, npt.NDArray[Any]] = {}
        if self.columns_.id is not None:
            columns[self.columns_.id] = np.repeat(np.array([part.key for part in series], object), steps)
        if self.columns_.time is not None:
            columns[self.columns_.time] = np.concatenate([part.timeline.future(steps) for part in series])
        values = np.concatenate(forecasts)
        for channel, name in enumerate(self.columns_.targets):
            columns[name] = values[:, channel]
            if width is not None:
                half = np.tile(width[:, channel], len(series))
                columns[f"{name}_low"], columns[f"{name}_high"] = columns[name] - half, columns[name] + half
        return columns


_ANCHORS = ("auto", "none", "last", "seasonal", "drift")


def _pandas() -> Table:
    """What a forecast is written as where no table was given: after `load`."""
    import pandas as pd

    return Table.wrap("predict", pd.DataFrame({"row": [0]}))
