"""A forecaster's knowledge after learning: encoding, network, and what is needed to go on from the last row."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any, Self

import numpy as np
import numpy.typing as npt

from elman.errors import ArgumentError, DataError, warn
from elman.fields.missing import Missing, check_missing
from elman.models import Sequential
from elman.tasks.encoding import Encoding
from elman.tasks.intervals import Intervals
from elman.tasks.panel import Panel, TimeSeries
from elman.tasks.roles import Columns
from elman.tasks.scores import Report, naive_scales

__all__ = ["Learned"]

_Array = npt.NDArray[np.float64]
_Rows = npt.NDArray[np.int64]
_Asked = tuple[Encoding, TimeSeries, _Rows]
"""A series, the origins of its forecasts, and the encoding that knows its scale."""


@dataclasses.dataclass
class Learned:
    """What `learn` found out, and how to forecast with it.

    Args:
        columns: which column was what.
        encoding: series -> network and back.
        network: trained; (n, window, F) -> (n, horizon * C).
        season: rows in a season, 1 where none is known.
        scales: the naive error of each series' targets in training, for MASE.
        tails: the last rows of each series, from which a forecast goes on.
        history: the losses of the training that had a validation part.
        choices: the probe's error of each representation.
        intervals: the errors on the validation part; false without one.
        report: the scores on the validation part; None without one.
    """

    columns: Columns
    encoding: Encoding
    network: Sequential
    season: int
    scales: dict[str, list[float]]
    tails: list[TimeSeries]
    history: dict[str, list[float]]
    choices: dict[str, float]
    intervals: Intervals
    report: Report | None

    @property
    def needed(self) -> int:
        """Rows of the past that a forecast and its seasonal baseline look at."""
        return max(self.encoding.lead + self.encoding.window, self.season)

    @property
    def ends(self) -> dict[str, Any]:
        """The last time of each series in training."""
        return {tail.name: tail.timeline.stamps[-1] for tail in self.tails}

    def context(self, where: str, data: Any, missing: Missing, follows: bool = False) -> Panel:
        """The series to forecast from, each joined to the end of training where it goes on from there, or in it.

        Args:
            where: the function that owns the data, for errors.
            data: a table or an array.
            missing: what NaN and missing times are.
            follows: whether rows without times follow those of training.

        Raises:
            DataError: a series does not fill a window.
            UnknownNameError: `missing` is none of those there are; it may be set after training.
        """
        check_missing(where, missing)
        tails = {tail.name: tail for tail in self.tails}
        panel = Panel.read(where, data, self.columns, missing, self.tails[0].timeline)
        counted = self.columns.time is None and follows
        joined = [
            part.joined_to(where, tails[part.name], self.needed, counted) if part.name in tails else part
            for part in panel.series
        ]
        for part in joined:
            if len(part) < self.needed:
                name = "rows" if part.key is None else f"rows of series {part.key!r}"
                cure = "Pass a longer history, or rows that follow those of training."
                raise DataError.at(where, name, f"at least {self.needed}", len(part), cure)
        self._tell_of_levels(where, panel.series)
        return dataclasses.replace(panel, series=joined)

    def _tell_of_levels(self, where: str, series: Sequence[TimeSeries]) -> None:
        """Warn of values that have no logarithm, after training on values that had one."""
        choice = self.encoding.representation
        for part in series:
            without = np.argwhere(~choice.has_levels(part.targets))
            if len(without):
                row, channel = without[0]
                of = "" if part.key is None else f" of series {part.key!r}"
                received = f"{part.targets[row, channel]:g}: {part.timeline.show(row)}{of}, one of {len(without)}"
                cure = (
                    "Such values are read as the smallest before them; train with transform='none' to take them as are."
                )
                rule = f"be above {0.0 - choice.shift:g}, as in the training, for the logarithm that was chosen there"
                warn(f"{where}: target must {rule}. Received {received}. {cure}")
                return

    def blocks(self, series: Sequence[TimeSeries], origins: Sequence[_Rows]) -> list[_Array]:
        """Forecasts from each origin, of a series not seen in training as if it ended there: its rows are its scale.

        Cost: linear in the rows; of a series not seen in training each origin reads all rows before it.

        Shapes:
            of each series: origins (n,) -> (n, horizon, C).
        """
        asked = [one for part, rows in zip(series, origins, strict=True) for one in self._asked(part, rows)]
        empty = np.zeros((0, self.encoding.horizon, series[0].targets.shape[1]))
        answers = np.concatenate([empty, *self._answers(asked)])
        return np.split(answers, np.cumsum([len(rows) for rows in origins])[:-1])

    def ahead(self, series: Sequence[TimeSeries], steps: int) -> list[_Array]:
        """The next rows of each series, (steps, C); beyond the horizon forecasts are fed back.

        Shapes:
            -> (steps, C) each.

        Raises:
            ArgumentError: beyond the horizon with features, whose future nobody knows.
        """
        horizon = self.encoding.horizon
        if steps > horizon and self.columns.features:
            cure = "Train with a longer horizon: the features' future is not known."
            raise ArgumentError.at("predict", "horizon", f"at most {horizon}", steps, cure)
        asked = [self._from(part, len(part) - 1) for part in series]
        blocks = []
        for _ in range(-(-steps // horizon)):
            blocks.append(self._answers(asked))
            if not all(np.isfinite(block).all() for block in blocks[-1]):
                cure = "Train with transform='none', which does not grow by percents, or with a longer horizon."
                because = "beyond, forecasts are larger than numbers can be"
                known = horizon * (len(blocks) - 1)
                raise ArgumentError.at("predict", "horizon", f"at most {known}", steps, cure, because=because)
            asked = [
                (encoding, part.followed_by(block[0]).rows(slice(horizon, None)), rows)
                for (encoding, part, rows), block in zip(asked, blocks[-1], strict=True)
            ]
        return [np.concatenate([block[0] for block in parts])[:steps] for parts in zip(*blocks, strict=True)]

    def _asked(self, series: TimeSeries, origins: _Rows) -> list[_Asked]:
        """What is to be forecast of one series, and the encoding that knows its scale."""
        if self.encoding.knows(series) and len(origins):
            return [(self.encoding, series, origins)]
        return [self._from(series, int(origin)) for origin in origins]

    def _from(self, series: TimeSeries, origin: int) -> _Asked:
        """A forecast from one origin: the rows that it looks at."""
        before = series.rows(slice(origin + 1))
        encoding = self.encoding if self.encoding.knows(series) else self.encoding.knowing(before)
        seen = before.rows(slice(max(0, len(before) - self.needed), None))
        return encoding, seen, np.array([len(seen) - 1])

    def _answers(self, asked: Sequence[_Asked]) -> list[_Array]:
        """What the network says of all of it at once. Shapes: of origins (n,) each -> (n, horizon, C)."""
        if not asked:
            return []
        seen = np.concatenate([encoding.inputs(part, rows) for encoding, part, rows in asked])
        answers = np.asarray(self.network.predict(seen, verbose=0))
        parts = np.split(answers, np.cumsum([len(rows) for *_, rows in asked])[:-1])
        return [encoding.decode(part, of, rows) for part, (encoding, of, rows) in zip(parts, asked, strict=True)]

    def half_widths(self, series: Sequence[TimeSeries], level: float, steps: int) -> list[_Array]:
        """Half the interval's width of each series. Shapes: -> (steps, C) each."""
        return [
            self.intervals.half_width(part.name, naive_scales(part.targets, self.season), level, steps)
            for part in series
        ]

    def state(self) -> dict[str, Any]:
        """All but weights and series, as JSON."""
        return {
            "columns": dataclasses.asdict(self.columns),
            "encoding": self.encoding.state(),
            "season": self.season,
            "scales": {key: [s if np.isfinite(s) else None for s in scales] for key, scales in self.scales.items()},
            "history": self.history,
            "choices": self.choices,
            **self.intervals.state(),
            "report": self.report.state() if self.report else None,
        }

    @classmethod
    def from_state(cls, state: Mapping[str, Any], network: Sequential, tails: list[TimeSeries]) -> Self:
        """The way back from `state()`."""
        return cls(
            columns=Columns(**state["columns"]),
            encoding=Encoding.from_state(state["encoding"]),
            network=network,
            season=state["season"],
            scales={key: np.ravel(np.array(scale, "float64")).tolist() for key, scale in state["scales"].items()},
            tails=tails,
            history=state["history"],
            choices=state["choices"],
            intervals=Intervals.from_state(state),
            report=Report.from_state(state["report"]) if state["report"] else None,
        )
