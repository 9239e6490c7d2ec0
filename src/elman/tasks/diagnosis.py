"""What a forecaster should say against itself: that it only repeats the last value, or that it beats nothing."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from elman.tasks.scores import Report, mae

__all__ = ["copies_last_value", "findings"]

_Array = npt.NDArray[np.float64]


def copies_last_value(actual: _Array, forecast: _Array, last: _Array) -> bool:
    """Whether a one-step forecast is the series moved by one step.

    In a picture such a forecast looks perfect. It is taken for a copy where it lies nearer to the last
    value than half the way the series then really went.

    Shapes:
        actual, forecast, last (n, C), in units that go together.

    Example:
        >>> import numpy as np
        >>> walk = np.cumsum(np.tile([1.0, -2.0, 2.0], 9))[:, None]
        >>> copies_last_value(walk[1:], walk[:-1] + 0.1, walk[:-1])
        True
        >>> copies_last_value(walk[1:], walk[1:] + 0.1, walk[:-1])
        False
    """
    moved = mae(actual, last)
    return bool(moved > 0 and mae(forecast, last) < 0.5 * moved and mae(actual, forecast) > 0.8 * moved)


def findings(report: Report, copies: bool) -> list[str]:
    """What to tell the user, a sentence each; empty where all is well.

    Example:
        >>> findings(Report({"gru": {"MAE": 2.0}, "last value": {"MAE": 1.0}}), copies=False)
        ["the forecast does not beat 'last value' on the validation part: use that instead, or give the \
model a longer window, more rows or other features"]
    """
    found = []
    if copies:
        found.append(
            "the forecast merely copies the last value, one step late: the network found nothing in the window "
            "that tells where the series goes"
        )
    measure = "MASE" if np.isfinite(report.model.get("MASE", np.nan)) else "MAE"  # in which all series count alike
    if better := report.better_baselines(measure):
        names = " and ".join(map(repr, better))
        found.append(
            f"the forecast does not beat {names} on the validation part: use that instead, or give the model "
            "a longer window, more rows or other features"
        )
    return found
