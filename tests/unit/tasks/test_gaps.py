"""Gaps that are filled: what lies behind one is the future to a forecast that starts in it."""

from __future__ import annotations

import dataclasses
import warnings

import numpy as np
import pandas as pd
import pytest

from elman.errors import DataError, ElmanWarning
from elman.tasks import Forecaster
from elman.tasks.panel import Panel
from elman.tasks.representation import candidates
from elman.tasks.roles import Columns
from elman.tasks.selection import choose
from tests.tolerances import nearly

QUICK = {"horizon": 4, "window": 8, "cell": "simple_rnn", "units": 4, "epochs": 3, "missing": "interpolate"}


@pytest.fixture(autouse=True)
def _quiet_models():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ElmanWarning)
        yield


def series(count=160):
    rng = np.random.default_rng(3)
    return 20 + np.sin(np.arange(count) / 4) + 0.1 * rng.normal(size=count)


def changed(values, rows, to=np.nan):
    copy = values.copy()
    copy[rows] = to if np.isnan(to) else copy[rows] + to
    return copy


def forecasts(fitted, rows, origin):
    """From the origin-th row after training."""
    (part,) = fitted.learned_.context("evaluate", rows, "interpolate", follows=True).series
    known = len(part) - len(rows)
    return fitted.learned_.blocks([part], [np.array([known + origin])])[0]


@pytest.mark.parametrize("anchor", ["none", "last", "seasonal", "drift"])
@pytest.mark.parametrize("transform", ["none", "log"])
def test_a_forecast_that_starts_in_a_gap_does_not_see_what_is_behind_it(anchor, transform):
    y = series()
    fitted = Forecaster(**QUICK, anchor=anchor, transform=transform, season=6).fit(y[:120])
    rows = changed(y[120:], [2, 3, 7, 8, 9, 14, 20, 21])
    for origin in range(-1, 30):
        later = changed(rows, slice(origin + 1, None), 100.0)
        assert forecasts(fitted, later, origin) == nearly(forecasts(fitted, rows, origin)), origin
        if origin >= 0:  # as somebody who knows no more fills it
            seen = np.flatnonzero(~np.isnan(rows[: origin + 1]))
            filled = np.interp(np.arange(origin + 1), seen, rows[seen])
            assert forecasts(fitted, filled, origin) == nearly(forecasts(fitted, rows, origin))


def test_features_hold_their_last_value_too():
    y, t = series(), np.arange(160)
    table = pd.DataFrame({"y": y, "x": changed(np.cos(t / 4), [122, 123])})
    fitted = Forecaster(**QUICK, anchor="last").fit(table[:120], target="y", features="x")
    later = table.assign(x=changed(table.x.to_numpy(), slice(124, None), 9.0))
    assert (forecasts(fitted, table[120:130], 3) == forecasts(fitted, later[120:130], 3)).all()
    assert (forecasts(fitted, table[120:130], 4) != forecasts(fitted, later[120:130], 4)).any()


def test_training_does_not_see_the_validation_part_through_a_gap():
    y = changed(series(120), slice(92, 97))
    given = {**QUICK, "anchor": "last", "transform": "none", "refit": False}
    one, other = Forecaster(**given).fit(y), Forecaster(**given).fit(changed(y, slice(97, None), 50.0))
    assert one.history_["loss"] == other.history_["loss"]
    assert one.history_["val_loss"] != other.history_["val_loss"]
    assert one.learned_.scales == other.learned_.scales
    assert one.learned_.encoding.state() == other.learned_.encoding.state()


def test_rows_that_were_missing_are_not_scored():
    y = series()
    fitted = Forecaster(**QUICK, anchor="last", transform="none").fit(y[:120])
    rows = changed(y[120:128], [1, 2, 4, 5, 6])
    report = fitted.evaluate(rows)
    assert report.title == "held-out rows, 3"
    assert report.notes == ["rows that were missing are not scored, 5"]
    forecast = np.concatenate([forecasts(fitted, rows, origin)[0, :, 0] for origin in (-1, 3)])
    assert report.model["MAE"] == nearly(np.nanmean(np.abs(forecast - rows)))
    last = np.repeat([y[119], rows[3]], 4)
    assert report.baselines["last value"]["MAE"] == nearly(np.nanmean(np.abs(rows - last)))


def test_rows_that_were_missing_do_not_count_in_the_losses():
    y = changed(series(120), [30, 31, 32, 50, *range(101, 111)])
    given = {**QUICK, "anchor": "last", "transform": "none", "refit": False}
    fitted = Forecaster(**{**given, "epochs": 1, "learning_rate": 1e-12, "batch_size": 1000}).fit(y)
    (part,) = fitted.learned_.context("evaluate", y, "interpolate").series
    encoding = fitted.learned_.encoding
    for name, known, first, last in (("loss", part.rows(slice(96)), 0, 95), ("val_loss", part, 96, 119)):
        rows = encoding.origins(known, first, last)
        forecast = fitted.network_.predict(encoding.inputs(known, rows), verbose=0)
        errors = np.abs(encoding.targets(known, rows) - forecast).mean(axis=1)
        shares = 1 - known.absent[rows[:, None] + np.arange(1, 5), 0].mean(axis=1)
        assert 0 <= shares.min() < shares.max() == 1
        assert fitted.history_[name] == nearly([np.mean(shares * errors)], dtype=np.float32)


def test_the_probe_learns_from_what_was_there():
    y = np.sin(np.arange(160) * np.pi / 4)
    y[20:90] = np.nan  # a straight line, most of what there is to learn from
    (part,) = Panel.read("test", y, Columns(), "interpolate").series
    choices = candidates([part.targets], 1, "none", "auto")
    _, errors = choose(choices, [part], [120], 8, 4, "standard")
    assert max(errors.values()) < 0.5 < min(_line_errors(choices, part).values())


def _line_errors(choices, part):
    """As if the line had been there."""
    told = dataclasses.replace(part, absent=np.zeros_like(part.absent))
    return choose(choices, [told], [120], 8, 4, "standard")[1]


def test_intervals_and_the_validation_report_leave_out_what_was_missing():
    y = changed(series(120), [105, 106, 110])
    fitted = Forecaster(**QUICK, anchor="last", transform="none").fit(y)
    assert np.isfinite(fitted.learned_.intervals.quantiles).all()
    assert all(np.isfinite(list(row.values())).all() for row in fitted.report_.rows.values())


def test_a_gap_goes_on_from_the_training_rows(tmp_path):
    y = changed(series(), slice(117, 123))
    fitted = Forecaster(**QUICK, anchor="last", transform="none").fit(y[:120])
    assert (fitted.learned_.tails[0].targets[-4:] == y[116]).all()
    for model in (fitted, Forecaster.load(fitted.save(tmp_path / "model.safetensors"))):
        (part,) = model.learned_.context("evaluate", y[120:128], "interpolate", follows=True).series
        assert part.targets[-12:-4, 0] == nearly(np.interp(np.arange(116, 124), [116, 123], y[[116, 123]]))
        assert (model.predict(y[:120]) == fitted.predict()).all()


def test_nothing_is_forecast_before_the_first_value():
    y = changed(series(), slice(0, 20))
    fitted = Forecaster(**QUICK, anchor="last", transform="none").fit(y)
    (part,) = fitted.learned_.context("evaluate", y, "interpolate").series
    assert fitted.learned_.encoding.origins(part)[0] == 20


@pytest.mark.parametrize(
    ("missing", "text"),
    [
        (slice(0, 100), r"data must have a value to learn from.*a column of the series has none in the first 96 rows"),
        (slice(96, 119), r"validation part, 21 forecasts must have a target that is known"),
    ],
)
def test_parts_without_a_value_are_refused(missing, text):
    y = changed(series(120), missing)
    y[119] = np.nan if missing.start else y[119]
    with pytest.raises(DataError, match=text):
        Forecaster(**QUICK, anchor="last", transform="none").fit(y)
