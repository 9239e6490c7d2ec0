"""Days, months and years go by the clocks of the time zone, hours by the time that passes."""

from __future__ import annotations

import warnings

import numpy as np
import pandas as pd
import polars as pl
import pytest

from elman.errors import ElmanWarning
from elman.tasks import Forecaster


def fit(times, kind=pd.DataFrame):
    table = kind({"t": times, "y": np.sin(np.arange(len(times)))})
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ElmanWarning)
        return Forecaster(horizon=5, window=6, units=2, epochs=1).fit(table, time="t", target="y")


@pytest.mark.parametrize("zone", ["Europe/Berlin", "America/New_York", "Asia/Tokyo"])
@pytest.mark.parametrize(
    ("start", "frequency"),
    [
        ("2024-02-01", "D"),  # the change lies in the rows
        ("2023-12-30 00:00", "D"),
        ("2024-01-28", "D"),  # ... in the forecast
        ("2024-08-31 12:30", "D"),
        ("2023-01-01", "W"),
        ("2020-01-01", "MS"),
        ("2020-01-31", "ME"),
        ("2024-01-01", "B"),
        ("2024-03-29", "h"),
        ("2024-03-30 04:00", "30min"),
    ],
)
def test_the_future_is_what_pandas_says(zone, start, frequency, tmp_path):
    times = pd.date_range(start, periods=65, freq=frequency, tz=zone)
    fitted = fit(times[:60])
    for model in (fitted, Forecaster.load(fitted.save(tmp_path / "model.safetensors"))):
        assert list(model.predict()["t"]) == list(times[60:])
        assert model.predict()["t"].dt.tz is not None
    later = pd.DataFrame({"t": times[60:63], "y": [0.0, 1.0, 2.0]})
    assert list(fitted.predict(later)["t"])[:2] == list(times[63:])
    assert fitted.evaluate(later.assign(t=later.t.dt.tz_convert("UTC"))).title == "held-out rows, 3"


@pytest.mark.parametrize(
    ("zone", "start"),
    [("America/Sao_Paulo", "2018-10-25"), ("Asia/Beirut", "2024-03-10"), ("Africa/Cairo", "2024-04-10")],
)
@pytest.mark.parametrize("frequency", ["D", "2D", "W", "B"])
def test_midnights_that_the_clocks_leave_out_are_days_too(zone, start, frequency):
    clocks = np.ones(65, bool)
    days = pd.date_range(start, periods=65, freq=frequency)
    times = days.tz_localize(zone, nonexistent="shift_forward", ambiguous=clocks)
    assert frequency != "D" or (times.hour[:60] == 1).any()
    fitted = fit(times[:60])
    assert list(fitted.predict()["t"]) == list(times[60:])
    assert list(fit(times[:20]).predict(pd.DataFrame({"t": times[:60], "y": 1.0}))["t"]) == list(times[60:])


def test_polars_days_too():
    times = pd.date_range("2024-02-15", periods=65, freq="D", tz="Europe/Berlin")
    forecast = fit(times[:60], lambda columns: pl.from_pandas(pd.DataFrame(columns))).predict()
    assert list(forecast["t"].to_pandas()) == list(times[60:])


def test_a_time_that_the_clocks_leave_out_is_the_moment_they_are_put_forward_to():
    times = pd.date_range("2024-01-31 02:30", periods=60, freq="D", tz="Europe/Berlin")  # to the 30th of March
    forecast = fit(times[times < pd.Timestamp("2024-03-30", tz="Europe/Berlin")]).predict()
    assert [f"{time:%d %H:%M}" for time in forecast["t"]] == [
        "30 02:30",
        "31 03:30",
        "01 02:30",
        "02 02:30",
        "03 02:30",
    ]


def test_steps_of_24_hours_that_the_clocks_do_not_follow_stay_what_they_are():
    times = pd.date_range("2024-03-01", periods=65, freq="D", tz="UTC").tz_convert("Europe/Berlin")
    assert list(fit(times[:60]).predict()["t"]) == list(times[60:])


@pytest.mark.parametrize("offset", ["+02:00", "-0330", "Z"])
@pytest.mark.parametrize("start", ["2024-01-31", "2024-03-01"])  # where training ended, and later
def test_times_of_a_zone_go_on_from_text_with_an_offset(offset, start):
    days = pd.date_range("2024-01-01", periods=30)
    fitted = fit([f"{day:%Y-%m-%d}T00:00:00{offset}" for day in days])
    times = pd.date_range(start, periods=21, tz="UTC" if offset == "Z" else f"UTC{offset[:3]}:{offset[-2:]}")
    later = pd.DataFrame({"t": times[:16], "y": np.arange(16.0)})
    assert list(fitted.predict(later)["t"]) == list(times[16:])
    naive = later.assign(t=times[:16].tz_localize(None))
    assert list(fitted.predict(naive)["t"]) == list(times[16:].tz_localize(None))


def test_text_with_an_offset_and_local_times_go_on_from_a_zone():
    fitted = fit(pd.date_range("2024-01-01", periods=30, tz="Europe/Berlin"))
    times = pd.date_range("2024-01-31", periods=21)
    texts = [f"{day:%Y-%m-%d}T00:00:00+01:00" for day in times]
    y = np.arange(16.0)
    assert list(fitted.predict(pd.DataFrame({"t": texts[:16], "y": y}))["t"]) == texts[16:]
    assert list(fitted.predict(pd.DataFrame({"t": times[:16], "y": y}))["t"]) == list(times[16:])
