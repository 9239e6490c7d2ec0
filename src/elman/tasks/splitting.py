"""How much of the past is for learning, how much for checking, and how far back a window reaches."""

from __future__ import annotations

import math
from collections.abc import Sequence

from elman.arguments import as_plain, check_whole
from elman.errors import ArgumentError, DataError
from elman.tasks.panel import TimeSeries
from elman.tasks.representation import Representation

__all__ = ["check_window", "default_window", "enough", "validation_cuts"]

_LONGEST_DEFAULT = 256


def validation_cuts(series: Sequence[TimeSeries], validation: float | None, horizon: int) -> list[int]:
    """For each series the first row of its validation part, the last rows of all; its length without one.

    Args:
        series: all rows.
        validation: a share of the rows below 1, or a number of rows; 0 or None: no validation part.
        horizon: rows of a forecast; the part holds at least one.

    Raises:
        ArgumentError: negative, a share that is no share, or no number.
    """
    share = 0.0 if validation is None else as_plain(validation)
    known = isinstance(share, int | float) and not isinstance(share, bool) and 0 <= share < math.inf
    if not known or (share > 1 and share != int(share)):
        raise ArgumentError.at("Forecaster", "validation", "a share below 1 or a number of rows", validation)
    if not share:
        return [len(part) for part in series]
    rows = [round(share * len(part)) if share < 1 else int(share) for part in series]
    return [max(0, len(part) - max(horizon, count)) for part, count in zip(series, rows, strict=True)]


def default_window(horizon: int, season: int, shortest_training: int) -> int:
    """Two seasons, or twice the horizon where no season is known; at most half of what can be spared.

    Example:
        >>> default_window(horizon=12, season=12, shortest_training=106)
        24
    """
    wanted = 2 * season if season > 1 else max(2 * horizon, 12)
    return max(1, min(wanted, _LONGEST_DEFAULT, (shortest_training - horizon) // 2))


def check_window(window: int, horizon: int, lengths: Sequence[int], cuts: Sequence[int]) -> None:
    """Refuse a window that leaves no training example.

    Raises:
        ArgumentError: window or horizon below 1.
        DataError: window longer than the series, or nothing left beside horizon and validation part.
    """
    check_whole("Forecaster", "horizon", horizon, 1)
    check_whole("Forecaster", "window", window, 1)
    longest, training = max(lengths), max(cuts)
    cure = "Choose a shorter window or bring more rows."
    if window > longest:
        because = f"the series has {longest} rows"
        raise DataError.at("Forecaster", "window", "not be longer than the series", window, cure, because=because)
    if window + horizon > training:
        because = (
            f"of {longest} rows {longest - training} are for validation, and a window of {window} with a horizon "
            f"of {horizon} needs {window + horizon}"
        )
        cure = "Choose a shorter window, horizon or validation part, or bring more rows."
        rule = f"at least {window + horizon}"
        raise DataError.at("Forecaster", "training rows", rule, training, cure, because=because)


def enough(choice: Representation, window: int, horizon: int, cuts: Sequence[int]) -> bool:
    """Whether looking back so far leaves at least half of the training windows."""

    def count(lead: int) -> int:
        return sum(max(0, cut - lead - window - horizon + 1) for cut in cuts)

    return count(choice.lead(window)) >= max(1, count(0) / 2)
