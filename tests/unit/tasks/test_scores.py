"""Measures against numbers worked out by hand, baselines against loops, the table as it prints."""

from __future__ import annotations

import json

import numpy as np
import pytest

from elman.errors import ArgumentError
from elman.tasks.baselines import last_value, seasonal_naive
from elman.tasks.diagnosis import copies_last_value, findings
from elman.tasks.intervals import error_quantiles, half_width
from elman.tasks.scores import Report, mae, mase, naive_scale, rmse, smape
from tests.tolerances import nearly

ACTUAL, FORECAST = np.array([100.0, 200.0]), np.array([110.0, 180.0])


def test_measures_by_hand():
    assert mae(ACTUAL, FORECAST) == 15
    assert rmse(ACTUAL, FORECAST) == nearly(np.sqrt(250))
    assert smape(ACTUAL, FORECAST) == nearly((200 * 10 / 210 + 200 * 20 / 380) / 2)
    assert naive_scale(np.array([1.0, 5.0, 2.0, 9.0]), season=2) == 2.5
    assert mase(ACTUAL, FORECAST, 2.5) == 6


def test_rows_that_nobody_knows_are_no_naive_error():
    assert naive_scale(np.array([1.0, np.nan, 2.0, 5.0, 3.0])) == 2.5
    assert np.isnan(naive_scale(np.array([1.0, np.nan, 2.0])))


def test_a_constant_series_has_no_mase():
    assert np.isnan(mase(ACTUAL, FORECAST, naive_scale(np.ones(9))))
    assert np.isnan(naive_scale(np.ones(3), season=5))


def test_rounding_noise_is_no_scale():
    wave = 10 + np.sin(np.arange(120) * np.pi / 4)
    assert 0 < np.abs(wave[8:] - wave[:-8]).max() < 1e-12
    assert naive_scale(wave, season=8) == 0
    assert naive_scale(2.0**30 + np.arange(9.0) / 64) == 1 / 64


def test_baselines_are_what_a_loop_would_give(rng):
    values, origins = rng.normal(size=(40, 2)), np.array([13, 20, 39])
    last, seasonal = last_value(values, origins, 15), seasonal_naive(values, origins, 15, season=7)
    for i, origin in enumerate(origins):
        for h in range(15):
            assert (last[i, h] == values[origin]).all()
            assert (seasonal[i, h] == values[origin - 6 + h % 7]).all()


def test_a_report_prints_as_a_table_and_survives_json():
    rows = {"lstm": {"MAE": 1.0, "MASE": float("nan")}, "last value": {"MAE": 2e7, "MASE": 0.5}}
    report = Report(rows, "test, 3 rows", ["a note"])
    assert str(report) == (
        "test, 3 rows\n              MAE   MASE\nlstm       1.0000      -\nlast value  2e+07 0.5000\na note"
    )
    again = Report.from_state(json.loads(json.dumps(report.state(), sort_keys=True)))
    assert str(again) == str(report)


def test_a_lagging_forecast_is_found_and_a_good_one_is_not(rng):
    walk = np.cumsum(rng.normal(size=(200, 1)), axis=0)
    assert copies_last_value(walk[1:], walk[:-1] + 0.05 * rng.normal(size=(199, 1)), walk[:-1])
    assert not copies_last_value(walk[1:], walk[1:] + 0.3, walk[:-1])
    assert not copies_last_value(np.ones((5, 1)), np.ones((5, 1)), np.ones((5, 1)))


def test_findings_count_all_series_alike():
    rows = {"gru": {"MAE": 9.0, "MASE": 0.5}, "last value": {"MAE": 5.0, "MASE": 0.8}}
    assert findings(Report(rows), copies=False) == []
    rows["gru"]["MASE"] = np.nan
    assert "does not beat 'last value'" in findings(Report(rows), copies=False)[0]


def test_findings_name_the_baselines_that_win():
    report = Report({"gru": {"MAE": 2.0}, "last value": {"MAE": 1.0}, "seasonal naive (7)": {"MAE": 3.0}})
    (found,) = findings(report, copies=False)
    assert "does not beat 'last value' on the validation part" in found
    assert "one step late" in findings(report, copies=True)[0]


@pytest.mark.parametrize("level", [0.994, 0.009, 0, 1, -0.5, float("nan"), "a", None, True])
def test_levels_that_are_none_are_refused(level):
    with pytest.raises(ArgumentError, match=r"predict: level must be a share between 0.01 and 0.99. Received level="):
        half_width(np.ones((99, 1, 1)), level, 1)


def test_every_level_has_its_percent_and_between_two_the_wider_one():
    quantiles = np.arange(1.0, 100.0).reshape(99, 1, 1)
    assert [half_width(quantiles, percent / 100, 1)[0, 0] for percent in range(1, 100)] == list(range(1, 100))
    assert half_width(quantiles, 0.954, 1)[0, 0] == half_width(quantiles, np.float32(0.955), 1)[0, 0] == 96


def test_intervals_hold_what_they_promise(rng):
    quantiles = error_quantiles(rng.normal(size=(500, 3, 1)))
    width = half_width(quantiles, 0.8, steps=5)
    assert width.shape == (5, 1)
    assert (width[3:] == width[2]).all()
    inside = np.abs(rng.normal(size=(20_000, 3, 1))) < width[:3]
    assert 0.75 < inside.mean() < 0.86
