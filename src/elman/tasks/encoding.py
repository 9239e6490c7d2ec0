"""Series -> what the network eats, and its answer -> the user's units: everything learned on training rows only."""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from typing import Any, Self

import numpy as np
import numpy.typing as npt

from elman import settings
from elman.fields import Series, windows
from elman.fields.scaling import Scaling
from elman.tasks.panel import TimeSeries
from elman.tasks.representation import Representation

__all__ = ["Encoding"]

_Array = npt.NDArray[np.float64]
_Rows = npt.NDArray[np.int64]

_NOISE = 1e-12
"""Of the largest level: changes below come from rounding."""


class Encoding:
    """Joins transform, scaling, anchor, features and calendar, for one or many series.

    A series seen in training keeps the scaling it had there; a new one is scaled by its own rows.

    Args:
        representation: transform and anchor.
        window: rows the network sees.
        horizon: rows it forecasts.
        scaling: of each series' levels.
        calendar: whether the network sees where each row lies in its day, week, year.
    """

    def __init__(
        self,
        representation: Representation,
        window: int,
        horizon: int,
        scaling: Scaling = "standard",
        calendar: bool = True,
    ) -> None:
        self.representation = representation
        self.window, self.horizon = window, horizon
        self.scaling: Scaling = scaling
        self.calendar = calendar
        self.fields: dict[str, Series] = {}
        self.lowest: dict[str, _Array] = {}
        """Of each series, what stands for values without a level, see `Representation.forward`."""
        self.feature_field: Series | None = None
        self.input_spread, self.target_spread = np.ones(1), np.ones(1)

    def fit(self, parts: Sequence[TimeSeries]) -> Self:
        """Learn every scale from the training rows of each series; one too short to train on is only scaled."""
        for part in (part for part in parts if len(part)):
            self.learn_scale(part)
        if parts[0].features.shape[1]:
            self.feature_field = Series(self.scaling).fit(np.concatenate([part.features for part in parts]))
        known = [self._as_known(part, rows) for part in parts if len(rows := self.origins(part))]
        seen = [self.representation.inputs(z, rows, self.window) for z, _, rows in known]
        asked = [self.representation.targets(z, rows, self.horizon) for z, _, rows in known]
        size = np.max([np.abs(z).max(axis=0) for z, _, _ in known], axis=0)
        self.input_spread = _spread(np.concatenate(seen), size)
        self.target_spread = _spread(np.concatenate(asked), size)
        return self

    def leave_constants(self, parts: Sequence[TimeSeries]) -> Self:
        """Forecast as its anchor what in all rows, not only those of training, is its anchor: a constant, a season."""
        if (self.target_spread == 1).any():
            known = [self._as_known(part, rows) for part in parts if len(rows := self.origins(part))]
            asked = [
                np.abs(self.representation.targets(z, rows, self.horizon)).max(axis=(0, 1)) for z, _, rows in known
            ]
            size = np.max([np.abs(z).max(axis=0) for z, _, _ in known], axis=0)
            self.target_spread = np.where(np.max(asked, axis=0) <= _NOISE * size, 0.0, self.target_spread)
        return self

    @property
    def lead(self) -> int:
        """Rows needed before a window."""
        return self.representation.lead(self.window)

    def knows(self, series: TimeSeries) -> bool:
        """Whether it was seen in training: else it is scaled by its own rows."""
        return series.name in self.fields

    def knowing(self, series: TimeSeries) -> Self:
        """This encoding, for one series that was not in training, which these rows of it scale."""
        made = copy.copy(self)
        made.fields, made.lowest = {}, {}
        made.learn_scale(series, next(iter(self.lowest.values())))
        return made

    def learn_scale(self, series: TimeSeries, otherwise: _Array | float = 1.0) -> None:
        """The scale of one series. otherwise: what stands for its values where none has a level."""
        own = self.representation.lowest(series.targets)
        self.lowest[series.name] = lowest = np.where(np.isfinite(own), own, otherwise)
        self.fields[series.name] = Series(self.scaling).fit(self.representation.forward(series.targets, lowest))

    def origins(self, series: TimeSeries, first: int = 0, last: int | None = None) -> _Rows:
        """The origins whose horizon lies in rows first ... last, and whose window the series can fill."""
        end = len(series) - 1 if last is None else last
        return np.arange(max(self.lead + self.window, first, series.begin + 1) - 1, end - self.horizon + 1)

    def width(self, series: TimeSeries) -> int:
        """How many numbers the network sees of each row: F."""
        channels = series.targets.shape[1] * (2 if self.representation.looks_back else 1)
        calendar = series.timeline.calendar.features(series.timeline.stamps[:1]).shape[1] if self.calendar else 0
        return int(channels + series.features.shape[1] + calendar)

    def inputs(self, series: TimeSeries, origins: _Rows) -> npt.NDArray[Any]:
        """What the network sees.

        Shapes:
            origins (n,) -> (n, window, F) in elman's float type.
        """
        z, series, origins = self._as_known(series, origins)
        seen = self.representation.inputs(z, origins, self.window) / self.input_spread
        beside = self._beside(series)[origins - self.window + 1]
        return np.concatenate([seen, beside], axis=-1).astype(settings.floatx())

    def targets(self, series: TimeSeries, origins: _Rows) -> npt.NDArray[Any]:
        """What the network is asked for.

        Shapes:
            origins (n,) -> (n, horizon * C) in elman's float type.
        """
        z, _, origins = self._as_known(series, origins)
        asked = self.representation.targets(z, origins, self.horizon) / np.where(
            self.target_spread > 0, self.target_spread, 1.0
        )
        return asked.reshape(len(origins), -1).astype(settings.floatx())

    def decode(self, answer: npt.NDArray[Any], series: TimeSeries, origins: _Rows) -> _Array:
        """The network's answer in the user's units.

        Shapes:
            answer (n, horizon * C), origins (n,) -> (n, horizon, C).
        """
        field = self._knowing(series).fields[series.name]
        z, series, origins = self._as_known(series, origins)
        asked = np.asarray(answer, "float64").reshape(len(origins), self.horizon, -1) * self.target_spread
        levels = field.decode(asked + self.representation.anchors(z, origins, self.horizon))
        return self.representation.backward(levels)

    def describe(self) -> list[str]:
        """What was learned, a line each."""
        lines = [f"representation: {self.representation.name}"]
        lines += [f"{key}: {field.describe()}" if key != "None" else field.describe() for key, field in self._few()]
        return lines + ([self.feature_field.describe()] if self.feature_field else [])

    def state(self) -> dict[str, Any]:
        """Everything learned, as JSON."""
        return {
            "representation": self.representation.state(),
            "window": self.window,
            "horizon": self.horizon,
            "scaling": self.scaling,
            "calendar": self.calendar,
            "fields": {key: field.state() for key, field in self.fields.items()},
            "lowest": {key: lowest.tolist() for key, lowest in self.lowest.items()},
            "feature_field": self.feature_field.state() if self.feature_field else None,
            "input_spread": self.input_spread.tolist(),
            "target_spread": self.target_spread.tolist(),
        }

    @classmethod
    def from_state(cls, state: Mapping[str, Any]) -> Self:
        """Restore an encoding from `state()`."""
        representation = Representation.from_state(state["representation"])
        encoding = cls(representation, state["window"], state["horizon"], state["scaling"], state["calendar"])
        encoding.fields = {key: Series.from_state(field) for key, field in state["fields"].items()}
        lowest = state.get("lowest", {})  # files of before have none
        encoding.lowest = {key: np.asarray(lowest.get(key, [1.0])) for key in encoding.fields}
        if state["feature_field"]:
            encoding.feature_field = Series.from_state(state["feature_field"])
        encoding.input_spread = np.asarray(state["input_spread"])
        encoding.target_spread = np.asarray(state["target_spread"])
        return encoding

    def _few(self) -> list[tuple[str, Series]]:
        return list(self.fields.items())[:3]

    def _knowing(self, series: TimeSeries) -> Self:
        """This encoding, which knows the series, or one that does."""
        return self if self.knows(series) else self.knowing(series)

    def _as_known(self, series: TimeSeries, origins: _Rows) -> tuple[_Array, TimeSeries, _Rows]:
        """Scaled levels, series and origins, every gap as it was known at its origin.

        The levels (N, C) are in float64: differences of close levels need the digits.
        """
        known = self._knowing(series)
        field, lowest = known.fields[series.name], known.lowest[series.name]
        series, origins = series.as_known(origins, self.lead + self.window, self.horizon)
        return (self.representation.forward(series.targets, lowest) - field.center) / field.scale, series, origins

    def _beside(self, series: TimeSeries) -> _Array:
        """Windows of features and calendar: (N - window + 1, window, K)."""
        parts = [series.features[:, :0]]
        if self.feature_field is not None:
            parts.append(np.asarray(self.feature_field.encode(series.features), "float64"))
        if self.calendar:
            parts.append(series.timeline.calendar.features(series.timeline.stamps))
        return windows(np.concatenate(parts, axis=1), self.window)


def _spread(array: _Array, size: _Array) -> _Array:
    """Of changes of levels: 1 where they are rounding errors. Shapes: array (n, T, k C), size (C,) -> (k C,), not 0."""
    spread = array.std(axis=(0, 1))
    return np.where(spread > _NOISE * np.resize(size, spread.shape), spread, 1.0)
