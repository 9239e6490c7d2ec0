"""What a network sees of a window, and what it is asked for: the part of the future that is not plain already.

A network that must say 476 after having seen 417 spends its units on carrying the level. Asked only
for the difference to an *anchor* that is known at the origin, it spends them on what is new. With z the
scaled values, t the origin, h the step ahead and m the season:

    anchor     the network sees of the window          and is asked for
    none       z                                       z[t+h]
    last       z - z[t]                                z[t+h] - z[t]
    seasonal   z - z[t],  d                            z[t+h] - z[t+h-m]            with d[t] = z[t] - z[t-m]
    drift      z - z[t],  d - mean of d's last season  z[t+h] - z[t+h-m] - that mean

For h beyond m the seasonal anchors repeat the last season; drift adds its mean once for every season.
A logarithm before scaling turns growth by percents into growth by a constant.

Source: the last value as per-window normalisation is the simplest form of Kim et al. 2022 (RevIN); the
seasonal anchors are Box and Jenkins' seasonal difference.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any, Literal, Self, get_args

import numpy as np
import numpy.typing as npt

from elman.fields import windows
from elman.tasks.baselines import last_value, seasonal_naive

__all__ = ["ANCHORS", "TRANSFORMS", "Anchor", "Representation", "Transform", "candidates"]

Transform = Literal["none", "log"]
Anchor = Literal["none", "last", "seasonal", "drift"]

TRANSFORMS: tuple[Transform, ...] = get_args(Transform)
ANCHORS: tuple[Anchor, ...] = get_args(Anchor)

_Array = npt.NDArray[np.float64]
_Rows = npt.NDArray[np.int64]


@dataclasses.dataclass(frozen=True)
class Representation:
    """One choice of transform and anchor.

    Args:
        transform: "log" for positive series that grow by percents, or "none".
        anchor: see the table above.
        season: rows in a season; 1 where there is none.
        shift: added before the logarithm, 1 for counts that may be 0.

    Example:
        >>> import numpy as np
        >>> values = np.array([[1.0], [2.0], [4.0], [8.0]])
        >>> last = Representation(anchor="last")
        >>> last.targets(values, np.array([1]), horizon=2)[..., 0].tolist()
        [[2.0, 6.0]]
    """

    transform: Transform = "none"
    anchor: Anchor = "last"
    season: int = 1
    shift: float = 0.0

    @property
    def name(self) -> str:
        """The choice in words: "log, seasonal (12)"."""
        season = f" ({self.season})" if self.looks_back else ""
        return f"{self.transform}, {self.anchor}{season}"

    @property
    def looks_back(self) -> bool:
        """Whether it needs the season before."""
        return self.anchor in ("seasonal", "drift")

    def lead(self, window: int) -> int:
        """Rows it needs before a window of that length."""
        if not self.looks_back:
            return 0
        # Drift compares two whole seasons, which may be longer than the window.
        return max(self.season, 2 * self.season - window) if self.anchor == "drift" else self.season

    def has_levels(self, values: _Array) -> npt.NDArray[np.bool_]:
        """Which values have a level: not all have a logarithm. Shapes: any -> as values."""
        return np.asarray(values + self.shift > 0 if self.transform == "log" else np.ones(values.shape, bool))

    def forward(self, values: _Array, lowest: _Array) -> _Array:
        """Values in the user's units -> levels.

        What has no logarithm, as a day without sales after years with some, counts as the smallest value before it.

        Args:
            values: of a series.
            lowest: of each channel, what that is where no smaller value stands before it.

        Shapes:
            values (N, C), lowest (C,) -> (N, C).
        """
        if self.transform == "none":
            return values
        there = self.has_levels(values)
        if not there.all():
            values = np.where(there, values, np.minimum.accumulate(np.where(there, values, lowest)))
        return np.log(values + self.shift)

    def lowest(self, values: _Array) -> _Array:
        """The smallest value of each channel that has a level; infinite where none has. Shapes: (N, C) -> (C,)."""
        return np.asarray(np.min(values, axis=0, initial=np.inf, where=self.has_levels(values)))

    def backward(self, levels: _Array) -> _Array:
        """Levels -> values in the user's units. Shapes: any -> as levels."""
        if self.transform == "none":
            return levels
        with np.errstate(over="ignore"):  # a forecast that grows for ever; who asked is told
            return np.asarray(np.exp(levels) - self.shift)

    def inputs(self, z: _Array, origins: _Rows, window: int) -> _Array:
        """What the network sees.

        Shapes:
            z (N, C), origins (n,) -> (n, window, C), or (n, window, 2 C) for seasonal anchors.
        """
        first = origins - window + 1
        seen = windows(z, window)[first]
        if self.anchor == "none":
            return seen
        seen = seen - z[origins][:, None]
        if not self.looks_back:
            return seen
        changes = np.zeros_like(z)
        changes[self.season :] = z[self.season :] - z[: -self.season]
        change = windows(changes, window)[first]
        if self.anchor == "drift":
            change = change - self._drift(z, origins)[:, None]
        return np.concatenate([seen, change], axis=-1)

    def anchors(self, z: _Array, origins: _Rows, horizon: int) -> _Array:
        """What is known of the future at each origin.

        Shapes:
            z (N, C), origins (n,) -> (n, horizon, C).
        """
        if self.anchor == "none":
            return np.zeros((len(origins), horizon, z.shape[1]))
        if self.anchor == "last":
            return last_value(z, origins, horizon)
        anchors = seasonal_naive(z, origins, horizon, self.season)
        if self.anchor == "seasonal":
            return anchors
        seasons_ahead = 1 + np.arange(horizon) // self.season
        return anchors + self._drift(z, origins)[:, None] * seasons_ahead[:, None]

    def targets(self, z: _Array, origins: _Rows, horizon: int) -> _Array:
        """What the network is asked for.

        Shapes:
            z (N, C), origins (n,) -> (n, horizon, C).
        """
        return windows(z, horizon)[origins + 1] - self.anchors(z, origins, horizon)

    def state(self) -> dict[str, Any]:
        """This choice as JSON."""
        return dataclasses.asdict(self)

    @classmethod
    def from_state(cls, state: Mapping[str, Any]) -> Self:
        """Restore a choice from `state()`."""
        return cls(**state)

    def _drift(self, z: _Array, origins: _Rows) -> _Array:
        """Mean seasonal change over the season that ends at each origin: (n, C)."""
        total = np.concatenate([np.zeros((1, z.shape[1])), np.cumsum(z, axis=0)])
        season_sum = total[self.season :] - total[: -self.season]  # row k: sum of z[k ... k + season - 1]
        this, before = origins - self.season + 1, origins - 2 * self.season + 1
        return np.asarray((season_sum[this] - season_sum[before]) / self.season)


def candidates(values: list[_Array], season: int, transform: str, anchor: str) -> list[Representation]:
    """Every choice that these series allow, within what the user asked for ("auto" leaves it open).

    Shapes:
        values: one (N, C) for each series.
    """
    lowest = min(float(series.min()) for series in values)
    transforms: tuple[Transform, ...] = TRANSFORMS if lowest >= 0 else ("none",)
    shift = 0.0 if lowest > 0 else 1.0
    anchors: tuple[Anchor, ...] = ANCHORS if season > 1 else ("none", "last")
    return [
        Representation(one, other, season, shift if one == "log" else 0.0)
        for one in transforms
        for other in anchors
        if transform in ("auto", one) and anchor in ("auto", other)
    ]
