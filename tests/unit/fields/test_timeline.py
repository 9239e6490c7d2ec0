"""Time columns: every way to write them, every rhythm, its future, and what is wrong with a bad one."""

from __future__ import annotations

import datetime as dt

import numpy as np
import pandas as pd
import pytest

from elman.errors import DataError
from elman.fields import Calendar, Timeline
from tests.tolerances import nearly

MONTHS_OF_TWO_YEARS = pd.date_range("2024-01", periods=24, freq="MS")


@pytest.mark.parametrize(
    ("times", "name", "season", "future"),
    [
        (["1960-11", "1960-12"], "monthly", 12, ["1961-01", "1961-02"]),
        (["2023-12-31", "2024-01-31"], "monthly (month ends)", 12, ["2024-02-29", "2024-03-31"]),
        (["2024-01-30", "2024-02-29", "2024-03-30"], "monthly", 12, ["2024-04-30", "2024-05-30"]),
        (["2023-03-31", "2023-06-30", "2023-09-30"], "quarterly (month ends)", 4, ["2023-12-31", "2024-03-31"]),
        (["2023-01-01", "2023-04-01"], "quarterly", 4, ["2023-07-01", "2023-10-01"]),
        (["2022", "2023"], "yearly", 1, ["2024", "2025"]),
        (["2023-02-28", "2024-02-29"], "yearly (month ends)", 1, ["2025-02-28", "2026-02-28"]),
        (["2024-02-27", "2024-02-28"], "daily", 7, ["2024-02-29", "2024-03-01"]),
        (["2024-02-19", "2024-02-26"], "weekly", 52, ["2024-03-04", "2024-03-11"]),
        (["2024-03-28", "2024-03-29", "2024-04-01"], "business days", 5, ["2024-04-02", "2024-04-03"]),
        (["2024-12-31 22:00", "2024-12-31 23:00"], "hourly", 24, ["2025-01-01 00:00", "2025-01-01 01:00"]),
        (["2024-12-31T23:00", "2024-12-31T23:30"], "every 30 minutes", 48, ["2025-01-01T00:00", "2025-01-01T00:30"]),
        (
            ["2024-02-28T12:00:00Z", "2024-02-29T12:00:00Z"],
            "daily",
            7,
            ["2024-03-01T12:00:00Z", "2024-03-02T12:00:00Z"],
        ),
        (
            ["2024-02-28T00:00:00+02:00", "2024-02-29T00:00:00+02:00"],
            "daily",
            7,
            ["2024-03-01T00:00:00+02:00", "2024-03-02T00:00:00+02:00"],
        ),
        (
            ["2024-01-01 22:30-0330", "2024-01-01 23:30-0330"],
            "hourly",
            24,
            ["2024-01-02 00:30-0330", "2024-01-02 01:30-0330"],
        ),
        (
            ["2024-10-27T02:00+02:00", "2024-10-27T02:00+01:00"],
            "hourly",
            24,
            ["2024-10-27T04:00+02:00", "2024-10-27T05:00+02:00"],
        ),
        (
            ["2024-01-31T00:00+02:00", "2024-02-29T00:00+02:00"],
            "monthly (month ends)",
            12,
            ["2024-03-31T00:00+02:00", "2024-04-30T00:00+02:00"],
        ),
        (
            ["2024-03-29T00:00+05:30", "2024-04-01T00:00+05:30", "2024-04-02T00:00+05:30"],
            "business days",
            5,
            ["2024-04-03T00:00+05:30", "2024-04-04T00:00+05:30"],
        ),
        (["30/12/2025", "31/12/2025"], "daily", 7, ["01/01/2026", "02/01/2026"]),
        (["12/30/2025", "12/31/2025"], "daily", 7, ["01/01/2026", "01/02/2026"]),
        (["30.12.2025 23:00", "31.12.2025 23:00"], "daily", 7, ["01.01.2026 23:00", "02.01.2026 23:00"]),
        (["1/30/2025 9:30", "1/30/2025 10:30"], "hourly", 24, ["1/30/2025 11:30", "1/30/2025 12:30"]),
        ([f"01/{n:02}/2025" for n in range(1, 32)], "daily", 7, ["02/01/2025", "02/02/2025"]),
        ([f"{n:02}/01/2025" for n in range(1, 32)], "daily", 7, ["01/02/2025", "02/02/2025"]),
        (["2025/12/30", "2025/12/31"], "daily", 7, ["2026/01/01", "2026/01/02"]),
        (["2025-9-29", "2025-9-30"], "daily", 7, ["2025-10-1", "2025-10-2"]),
        ([f"{n % 12 + 1}/1/{2020 + n // 12}" for n in range(14)], "monthly", 12, ["3/1/2021", "4/1/2021"]),
        ([f"01.{n % 12 + 1:02}.{2020 + n // 12}" for n in range(14)], "monthly", 12, ["01.03.2021", "01.04.2021"]),
        (
            ["12/31/2025 11:00 AM", "12/31/2025 12:00 PM"],
            "hourly",
            24,
            ["12/31/2025 01:00 PM", "12/31/2025 02:00 PM"],
        ),
        (
            ["1/30/2025 9:00 PM", "1/30/2025 10:30 PM"],
            "every 90 minutes",
            16,
            ["1/31/2025 12:00 AM", "1/31/2025 1:30 AM"],
        ),
        (
            ["2025-01-30 11:00:00pm", "2025-01-30 11:30:00pm"],
            "every 30 minutes",
            48,
            ["2025-01-31 12:00:00am", "2025-01-31 12:30:00am"],
        ),
        (["2025Q3", "2025Q4"], "quarterly", 4, ["2026Q1", "2026Q2"]),
        (["2025-Q3", "2025-Q4"], "quarterly", 4, ["2026-Q1", "2026-Q2"]),
        (["Q3 2025", "Q4 2025"], "quarterly", 4, ["Q1 2026", "Q2 2026"]),
        (["2026-W52", "2026-W53"], "weekly", 52, ["2027-W01", "2027-W02"]),
        (["2025W51", "2025W52"], "weekly", 52, ["2026W01", "2026W02"]),
        (["11/2025", "12/2025"], "monthly", 12, ["01/2026", "02/2026"]),
        (["2025/06", "2025/12"], "half-yearly", 2, ["2026/06", "2026/12"]),
        (["2024-01-01 00:00:00", "2024-01-01 00:00:01"], "every second", 3600, None),
        (["2024-01-01 00:00:00.5", "2024-01-01 00:00:00.75"], "every 0.25 seconds", 14400, None),
    ],
)
def test_text_is_read_and_continued_as_it_was_written(times, name, season, future):
    timeline = Timeline.read("fit", times)
    assert (timeline.calendar.name, timeline.calendar.season) == (name, season)
    if future:
        assert timeline.future(2).tolist() == future


def test_other_types_come_back_as_they_came():
    assert Timeline.read("fit", [10, 20, 30]).future(2).tolist() == [40, 50]
    assert Timeline.read("fit", np.array([2019.0, 2020.0])).future(1).tolist() == [2021]
    assert Timeline.read("fit", [20240227, 20240228, 20240229]).future(2).tolist() == [20240301, 20240302]
    assert Timeline.read("fit", [202311, 202312, 202401]).future(2).tolist() == [202402, 202403]
    assert Timeline.read("fit", [202301, 202302, 202303]).future(1).tolist() == [202304]
    assert Timeline.read("fit", [20240227, 20240299]).calendar.name == "every 72"
    assert Timeline.read("fit", [202311.0, 202312.0, 202401.0]).show(2) == "202401"
    known = Timeline.read("fit", [202311, 202312, 202401])
    assert Timeline.read("predict", [202402], like=known).future(1).tolist() == [202403]
    known = Timeline.read("fit", [202310, 202311])
    assert Timeline.read("predict", [202312, 202313], like=known).future(1).tolist() == [202314]
    days = [dt.date(2024, 2, 28), dt.date(2024, 2, 29)]
    assert Timeline.read("fit", np.array(days, object)).future(1).tolist() == [dt.date(2024, 3, 1)]
    hours = [dt.datetime(2024, 2, 28, 22), dt.datetime(2024, 2, 28, 23)]  # noqa: DTZ001
    assert Timeline.read("fit", np.array(hours, object)).future(1).tolist() == [dt.datetime(2024, 2, 29)]  # noqa: DTZ001
    zone = dt.timezone(dt.timedelta(hours=1))
    hours = [dt.datetime(2024, 2, 28, hour, tzinfo=zone) for hour in (22, 23)]
    assert Timeline.read("fit", np.array(hours, object)).stamps[0] == np.datetime64("2024-02-28T21:00")
    stamps = pd.date_range("2024-01-31", periods=3, freq="ME").to_numpy()
    assert Timeline.read("fit", stamps).future(1)[0] == np.datetime64("2024-04-30")


@pytest.mark.parametrize("frequency", ["YS", "YE", "QS", "QE", "MS", "ME", "W", "D", "B", "h", "30min", "15s", "2D"])
def test_the_future_is_what_pandas_says(frequency):
    known = pd.date_range("2023-06-30", periods=40, freq=frequency)
    expected = pd.date_range(known[-1], periods=11, freq=frequency)[1:]
    assert (Timeline.read("fit", known.to_numpy()).future(10) == expected.to_numpy()).all()


def test_a_gap_is_named_or_filled():
    times = ["2024-01", "2024-02", "2024-04"]
    text = r"time must have no gap. Received time='2024-04': 2024-03 \(monthly\) is missing before row 2. Add the row"
    with pytest.raises(DataError, match=text):
        Timeline.read("fit", times)
    filled = Timeline.read("fit", times, missing="interpolate")
    assert filled.style.write(filled.stamps).tolist() == ["2024-01", "2024-02", "2024-03", "2024-04"]
    assert filled.spread(np.array([[1.0], [2.0], [4.0]]))[:, 0].tolist()[:2] == [1.0, 2.0]
    assert np.isnan(filled.spread(np.array([[1.0], [2.0], [4.0]]))[2, 0])


@pytest.mark.parametrize(
    ("times", "text"),
    [
        (["2024-01", "2024-02", "2024-02"], r"have each time once. Received month='2024-02': rows 1 and 2 are both"),
        (["2024-02", "2024-01"], r"be sorted. Received month='2024-01': row 1 comes after 2024-02. Sort the table"),
        (["2024-01-01", "2024-01-02", "2024-01-03T12:00"], r"have one step from row.* row 2 is off the rhythm 'daily'"),
        (
            [f"2024-03-{day}T00:00+01:00" for day in (29, 30, 31)] + ["2024-04-01T00:00+02:00"],
            r"row 3 is off the rhythm 'daily'. Where clocks change, pass times of a zone, as pandas' tz_convert gives "
            r"them; else resample the table to a regular step, or pass time=''",
        ),
        (["2024-01", "Feb 2024"], r"be ISO 8601 text.*Received time='Feb 2024': row 1, column 'month'. Write it as"),
        (["2024-01", "2024-13"], r"Received time='2024-13': row 1"),
        (
            ["01/02/2024", "02/02/2024"],
            r"time must have a day above 12 in some row. Received time='01/02/2024': column 'month' has none. Write "
            r"it as YYYY-MM-DD, or pass time='' to count rows",
        ),
        (["31/01/2024", "02/13/2024"], r"Received time='02/13/2024': row 1, column 'month'. Write it as DD/MM/YYYY"),
        (["31/01/2024", "01.02.2024"], r"Received time='01.02.2024': row 1, column 'month'. Write it as DD/MM/YYYY"),
        (["01/31/2024 13:00 PM"], r"Received time='01/31/2024 13:00 PM': .* Write it as MM/DD/YYYY HH:MM, or pass"),
        (
            ["01/31/2024 9:00 PM", "01/31/2024 10:00"],
            r"Received time='01/31/2024 10:00': row 1, .* Write it as MM/DD/YYYY HH:MM AM, or pass",
        ),
        (["2025Q4", "2025Q5"], r"Received time='2025Q5': row 1, column 'month'. Write it as YYYYQ#, or pass"),
        (["2025-W52", "2025-W53"], r"Received time='2025-W53': row 1, column 'month'. Write it as YYYY-W##, or pass"),
        (["2025Q3", "2025-Q4"], r"Received time='2025-Q4': row 1, column 'month'. Write it as YYYYQ#, or pass"),
        (["12/2025", "13/2025"], r"Received time='13/2025': row 1, column 'month'. Write it as MM/YYYY, or pass"),
        (["31/01/24", "01/02/24"], r"Received time='31/01/24': row 0, column 'month'. Write it as YYYY-MM-DD"),
        (["2024-01-01T00:00+02:00", "2024-01-01T00:00+25:00"], r"Received time='2024-01-01T00:00\+25:00': row 1"),
        (["2024-01-01T00:00Z", "2024-01-02+02:00"], r"Received time='2024-01-02\+02:00': row 1"),
        (["2024-01-30", "2024-02-31"], r"Received time='2024-02-31': row 1"),
        (["2024-01", None], r"Received time=None: row 1"),
        (np.array(["2024-01", "NaT"], "datetime64[s]"), r"Received time=None: row 1"),
        ([1.0, 1.5], r"Received time=1.5: row 1"),
        (["2024-01"], r"rows must be at least 2. Received rows=1: one time in column 'month' has no rhythm"),
    ],
)
def test_bad_times_are_named(times, text):
    with pytest.raises(DataError, match=text):
        Timeline.read("fit", times, column="month")


def test_what_is_known_of_the_day_reads_what_does_not_tell():
    known = Timeline.read("fit", ["30/01/2024", "31/01/2024"])
    for times in (["1/2/2024", "2/2/2024"], ["2024-02-01", "2024-02-02"]):
        assert Timeline.read("predict", times, like=known).stamps[0] == np.datetime64("2024-02-01")
    short = Timeline.read("fit", ["8/9/2024", "9/9/2024"], like=known)
    assert Timeline.read("predict", ["30/11/2024"], like=short).future(1).tolist() == ["1/12/2024"]
    with pytest.raises(DataError, match=r"Write it as YYYY-MM-DD\.$"):
        Timeline.read("predict", ["soon"], like=known)


def test_later_times_are_shown_by_the_clocks_of_the_first():
    known = Timeline.read("fit", ["2024-01-31T00:00+02:00", "2024-02-29T00:00+02:00"])
    for later in (["2024-03-31T00:00+02:00"], ["2024-03-30T22:00Z"]):
        assert Timeline.read("predict", later, like=known).future(1).tolist() == ["2024-04-30T00:00+02:00"]


def test_calendar_features_are_cycles_that_the_rhythm_can_show():
    hours = np.arange("2024-01-01T00", "2024-01-08T00", dtype="datetime64[h]").astype("datetime64[us]")
    features = Calendar("fixed", 3_600_000_000).features(hours)
    assert features.shape == (168, 4)
    assert np.abs(features).max() <= 1
    assert features[:24, [0, 2]] == nearly(features[24:48, [0, 2]])
    assert Calendar("integer").features(np.arange(3)).shape == (3, 0)


def test_the_state_restores_calendar_and_style():
    timeline = Timeline.read("fit", ["2024-01-31 10:00", "2024-02-29 10:00"])
    again = Calendar.from_state(timeline.calendar.state())
    style = type(timeline.style).from_state(timeline.style.state())
    assert style.write(again.after(timeline.stamps[-1], 1)).tolist() == ["2024-03-31 10:00"]


@pytest.mark.parametrize("case", [str.title, str.upper, str.lower])
@pytest.mark.parametrize("form", ["%b %Y", "%B %Y", "%b-%Y", "%Y %b", "%Y-%B"])
def test_months_by_their_names_are_read_and_continued(form, case):
    texts = [case(f"{month:{form}}") for month in MONTHS_OF_TWO_YEARS]
    for first in range(12):  # May is written alike in short and in long
        timeline = Timeline.read("fit", texts[first : first + 9])
        assert timeline.calendar.name == "monthly"
        assert timeline.future(3).tolist() == texts[first + 9 : first + 12]
    before = Timeline.read("fit", texts[:9])
    assert Timeline.read("predict", texts[4:6], like=before).future(1).tolist() == texts[6:7]


def test_weeks_as_pandas_writes_them_are_read_and_continued():
    weeks = ["2024-12-16/2024-12-22", "2024-12-23/2024-12-29", "2024-12-30/2025-01-05", "2025-01-06/2025-01-12"]
    timeline = Timeline.read("fit", weeks[:3])
    assert (timeline.calendar.name, timeline.future(1).tolist()) == ("weekly", weeks[3:])


@pytest.mark.parametrize(
    ("text", "row"),
    [
        (["Jan 2024", "Fev 2024"], 1),
        (["Jan-24", "Feb-24"], 0),  # a day of January, too
        (["May 2025", "2025-06"], 1),
        (["2024-01-01/2024-01-08", "2024-01-08/2024-01-15"], 0),
        (["2024-02-24/2024-02-30"], 0),
    ],
)
def test_what_is_no_month_or_week_is_refused_by_its_row(text, row):
    with pytest.raises(DataError, match=rf"Received time='{text[row]}': row {row}"):
        Timeline.read("fit", text)


@pytest.mark.parametrize(
    ("days", "name"),
    [
        (np.arange("2024-01", "2025-01", dtype="datetime64[M]").astype("datetime64[D]"), "monthly"),
        (np.arange("2024-02", "2025-02", dtype="datetime64[M]").astype("datetime64[D]") - 1, "monthly (month ends)"),
        (np.busday_offset("2024-01-01", np.arange(12), roll="forward"), "business days"),
    ],
)
def test_days_of_a_spreadsheet_are_days_where_numbers_would_have_no_step(days, name):
    numbers = (days - np.datetime64("1899-12-30")).astype("int64")
    timeline = Timeline.read("fit", numbers[:11])
    assert (timeline.calendar.name, timeline.future(1).tolist()) == (name, numbers[11:].tolist())
    assert Timeline.read("predict", numbers[8:11], like=timeline).future(1).tolist() == numbers[11:].tolist()
    assert Timeline.read("fit", np.arange(45292, 45300)).calendar.kind == "integer"
    with pytest.raises(DataError, match="have no gap"):  # they may be numbers that lack some
        Timeline.read("fit", np.delete(np.arange(45292, 45320), [3, 9]))
