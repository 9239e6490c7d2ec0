"""What a table of series tells by itself: its index, its periods, what tells its series apart."""

from __future__ import annotations

import warnings

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

from elman.errors import ArgumentError, DataError, ElmanWarning, UnknownColumnError, UnknownNameError
from elman.tasks import Forecaster

DAYS = pd.date_range("2024-01-01", periods=44, freq="D")
WAVE = np.sin(np.arange(40) * np.pi / 4) + 5


@pytest.fixture(autouse=True)
def _quiet_models():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ElmanWarning)
        yield


def fit(data, **columns):
    return Forecaster(horizon=4, window=6, units=2, epochs=1).fit(data, **columns)


def panel():
    return pd.DataFrame({"unique_id": np.repeat(["b", "a"], 40), "ds": [*DAYS[:40]] * 2, "y": [*WAVE, *(3 * WAVE)]})


@pytest.mark.parametrize("name", [None, "ds"])
@pytest.mark.parametrize(
    "index",
    [
        DAYS,
        DAYS.tz_localize("Europe/Berlin"),
        DAYS.astype(str),
        pd.period_range("2024-01", periods=44, freq="M"),
        pd.period_range("2024-01", periods=44, freq="Q-NOV"),
        pd.period_range("2024-01", periods=44, freq="W"),
    ],
    ids=["days", "zone", "text", "months", "quarters", "weeks"],
)
def test_an_index_of_times_is_continued(index, name, tmp_path):
    index = index.rename(name)
    known, ahead = index[:40], index[40:]
    table = pd.DataFrame({"y": WAVE}, known)
    fitted = fit(table, target="y")
    assert fitted.predict().index.equals(ahead)
    assert fitted.predict().index.name == name
    assert fitted.predict().index.dtype == index.dtype
    column = table.reset_index(names="t")
    assert fit(column, target="y", time="t").predict().y.tolist() == fitted.predict().y.tolist()
    loaded = Forecaster.load(fitted.save(tmp_path / "model.safetensors"))
    assert loaded.predict(level=0.8).equals(fitted.predict(level=0.8))
    assert fitted.predict(table[:30]).index.equals(index[30:34])
    assert fitted.evaluate(table).title == "rows of the training, 8"


def test_a_series_is_a_table_of_one_column():
    named = fit(pd.Series(WAVE, DAYS[:40], name="sales")).predict()
    assert named.index.equals(DAYS[40:])
    assert named.columns.tolist() == ["sales"]
    assert fit(pd.Series(WAVE)).predict().columns.tolist() == ["y"]
    assert fit(pl.Series("sales", WAVE)).predict().columns == ["sales"]
    assert fit(pd.DataFrame({"t": DAYS[:40], "y": WAVE}), time="t").predict().columns.tolist() == ["t", "y"]


@pytest.mark.parametrize(("frequency", "pattern"), [("D", "%Y%m%d"), ("B", "%Y%m%d"), ("MS", "%Y%m")])
def test_days_and_months_in_digits_are_continued(frequency, pattern, tmp_path):
    digits = pd.date_range("2024-01-01", periods=44, freq=frequency).strftime(pattern).astype(int)
    table = pd.DataFrame({"t": digits[:40], "y": WAVE})
    fitted = fit(table[:36], time="t")
    assert fitted.predict().t.tolist() == digits[36:40].tolist()
    loaded = Forecaster.load(fitted.save(tmp_path / "model.safetensors"))
    assert loaded.predict(table[36:]).t.tolist() == digits[40:].tolist()


def test_the_longest_of_several_series_tells_the_rhythm_of_all():
    months = pd.date_range("2024-01-01", periods=44, freq="MS").strftime("%Y%m").astype(int)
    days = pd.bdate_range("2024-01-01", periods=44)
    for times, short in ((months, 12), (days, 5)):
        table = pd.concat(
            pd.DataFrame({"id": key, "t": times[:rows], "y": WAVE[:rows]}) for key, rows in (("a", short), ("b", 40))
        )
        fitted = Forecaster(horizon=2, window=3, units=2, epochs=1).fit(table, time="t", target="y", id="id")
        assert fitted.predict().t.tolist() == [*times[short : short + 2], *times[40:42]]


@pytest.mark.parametrize("bad", [np.inf, -np.inf, 2.0**60, 3.5, np.nan])
def test_a_number_that_counts_nothing_is_no_time(bad):
    table = pd.DataFrame({"t": [*range(39), bad], "y": WAVE})
    with pytest.raises(DataError, match=r"time must be ISO 8601 text, .*row 39, column 't'"):
        fit(table, time="t", target="y")


@pytest.mark.parametrize(
    ("learned", "later"),
    [
        ([*range(202001, 202013), *range(202101, 202113)], [202112, 202113]),  # no month
        (DAYS[:24], [20240125, 20240126]),
        (range(24), DAYS[:12]),
    ],
)
def test_times_of_another_kind_are_refused(learned, later):
    model = fit(pd.DataFrame({"t": learned, "y": WAVE[:24]}), time="t")
    with pytest.raises(DataError, match=r"predict: time must be written as before\. .* Write all of it as"):
        model.predict(pd.DataFrame({"t": later, "y": WAVE[: len(later)]}))


def test_numbers_name_columns_too():
    two = pd.DataFrame(np.column_stack([WAVE, -WAVE]))
    assert fit(two, target=0).predict().columns.tolist() == ["0"]
    assert fit(two, target=[1, 0]).predict().columns.tolist() == ["1", "0"]
    assert fit(two, target="1", features=0).predict().columns.tolist() == ["1"]
    timed = pd.DataFrame({0: DAYS[:40], 1: "a", 2: WAVE})
    told = fit(timed, target=2, time=0, id=1).predict()
    assert told["0"].iloc[0] == DAYS[40] and told["1"].iloc[0] == "a"


def test_row_numbers_tell_nothing_and_neither_does_an_index_that_is_not_asked():
    table = pd.DataFrame({"t": DAYS[:40], "y": WAVE}, index=np.arange(40) * 3)
    assert fit(table, target="y").predict().columns.tolist() == ["y"]
    assert fit(table.set_index("t"), target="y", time="").predict().columns.tolist() == ["y"]
    other = table.set_index(pd.Index(np.arange(40), name="row"))
    assert fit(other, target="y", time="t").predict().columns.tolist() == ["t", "y"]


@pytest.mark.parametrize("names", [["t", "y", "y"], ["t", "1", 1]])
def test_columns_of_one_name_are_refused(names):
    table = pd.DataFrame(np.ones((40, 3))).set_axis(names, axis=1)
    text = rf"Forecaster.fit: frame must have columns of different names. Received frame='{names[1]}'. Rename"
    with pytest.raises(DataError, match=text):
        fit(table, time="t", target=names[1])


def test_a_target_is_named_once():
    with pytest.raises(ArgumentError, match=r"target must be different columns\. Received target=\['y', 'y'\]"):
        fit(pd.DataFrame({"y": WAVE}), target=["y", "y"])


def test_an_index_that_is_a_column_too_is_the_time_without_a_word():
    table = pd.DataFrame({"t": DAYS[:40], "y": WAVE}).set_index("t", drop=False)
    forecast = fit(table, time="t").predict()
    assert forecast.t.tolist() == DAYS[40:].tolist()
    assert fit(table).predict().equals(forecast)


@pytest.mark.parametrize("levels", [["unique_id", "ds"], ["ds", "unique_id"]])
def test_an_index_of_two_levels_is_a_panel(levels):
    forecast = fit(panel().set_index(levels), target="y").predict()
    assert forecast.index.names == levels
    plain = fit(panel(), target="y", id="unique_id", time="ds").predict()
    assert forecast.reset_index()[plain.columns].equals(plain)


def test_columns_of_an_index_have_their_names():
    one = fit(panel().set_index("unique_id"), target="y", id="unique_id", time="ds").predict()
    assert one.index.tolist() == ["b"] * 4 + ["a"] * 4
    assert fit(panel().set_index("ds"), target="y", id="unique_id").predict().index.tolist() == [*DAYS[40:]] * 2
    with pytest.raises(UnknownColumnError, match=r"time='day'.*Known: 'ds', 'unique_id', 'y'"):
        fit(panel().set_index("ds"), target="y", id="unique_id", time="day")


@pytest.mark.parametrize("order", [["unique_id", "ds"], ["ds", "unique_id"]])
def test_what_tells_series_apart_is_named(order):
    text = (
        r"id must be named where a table holds several series. Received id=None: times stand in column 'ds' more than "
        r"once, and once for each value of 'unique_id'. Pass id='unique_id'."
    )
    with pytest.raises(ArgumentError, match=text):
        fit(panel().sort_values(order), target="y", time="ds")
    with pytest.raises(DataError, match=r"ds must have each time once"):
        fit(pd.concat([panel()] * 2).sort_values("ds"), target="y", id="unique_id", time="ds")


@pytest.mark.parametrize("make", [pd.DataFrame, pa.table], ids=["pandas", "pyarrow"])
def test_lists_tell_no_series_apart(make):
    table = make({"ds": [*DAYS[:40]] * 2, "y": [*WAVE, *WAVE], "tags": [["a"]] * 80})
    with pytest.raises(DataError, match="ds must be sorted"):
        fit(table, target="y", time="ds")


def test_an_evaluation_tells_which_series_were_part_of_the_training():
    fitted = fit(panel(), target="y", id="unique_id", time="ds")
    mixed = fitted.evaluate(panel().replace({"unique_id": {"b": "new"}}))
    assert mixed.title == "held-out rows, 34"
    assert mixed.notes == ["rows of 1 of 2 series were part of the training: held-out rows would be harder"]
    assert fitted.evaluate(panel()).title == "rows of the training, 16"


def test_an_index_of_many_levels_is_refused():
    many = panel().assign(region="x").set_index(["region", "unique_id", "ds"])
    text = r"id must be one column where an index tells series apart.*the index has 'region', 'unique_id'. Join"
    with pytest.raises(ArgumentError, match=text):
        fit(many, target="y")
    assert len(fit(many, target="y", id="unique_id").predict()) == 8


@pytest.mark.parametrize(
    ("index", "text"),
    [
        (DAYS[:40].delete(7).insert(39, DAYS[40]), r"index must have no gap.*, or pass time='' to count rows"),
        (pd.Index([f"store {n}" for n in range(40)], name="shop"), r"'store 0': row 0, column 'shop'.*pass time=''"),
    ],
)
def test_an_index_that_is_no_rhythm_is_refused(index, text):
    with pytest.raises(DataError, match=text):
        fit(pd.DataFrame({"y": WAVE}, index), target="y")


def test_a_gap_in_what_comes_later_has_a_cure_that_is_there():
    table = pd.DataFrame({"y": WAVE}, DAYS[:40])
    fitted = fit(table[:30])
    with pytest.raises(DataError, match=r"is missing before row 33. Add the row, or set missing='interpolate' to fill"):
        fitted.predict(table.drop(DAYS[33]))
    with pytest.raises(DataError, match=r"to fill it\.$"):
        fitted.predict(table.drop(DAYS[33]))
    assert fitted.set_params(missing="interpolate").predict(table.drop(DAYS[33])).index.equals(DAYS[40:])
    with pytest.raises(UnknownNameError, match=r"predict: missing must be a known name.*Did you mean 'error'"):
        fitted.set_params(missing="eror").predict(table.drop(DAYS[33]))


def test_a_history_may_begin_long_after_training_where_it_is_enough():
    table = pd.DataFrame({"y": np.append(WAVE, WAVE[:4])}, DAYS)
    fitted = fit(table[:24])
    assert fitted.predict(table[30:]).equals(fitted.predict(table))
    with pytest.raises(
        DataError, match=r"Received time='2024-02-01': training ended.*from 2024-01-25 on, or at least 7"
    ):
        fitted.predict(table[31:36])


def test_days_of_one_series_tell_how_those_of_others_are_written():
    days = [f"{day:%d/%m/%Y}" for day in pd.date_range("2024-02-01", periods=14)]
    table = pd.DataFrame({"id": ["b"] * 12 + ["a"] * 14, "t": days[:12] + days, "y": np.arange(26.0)})
    model = Forecaster(horizon=2, window=2, units=2, epochs=1, validation=0)
    fitted = model.fit(table, target="y", id="id", time="t")
    assert fitted.predict().t.tolist() == ["13/02/2024", "14/02/2024", "15/02/2024", "16/02/2024"]
    later = pd.DataFrame({"id": "a", "t": ["01/03/2024", "02/03/2024", "03/03/2024"], "y": 1.0})
    assert fitted.predict(later).t.tolist() == ["04/03/2024", "05/03/2024"]


def test_an_id_is_the_same_in_whatever_type_it_comes():
    table = panel()
    fitted = fit(table.assign(unique_id=table.unique_id.map({"b": 1, "a": 2})), target="y", time="ds", id="unique_id")
    ahead = pd.DataFrame({"ds": DAYS[40:], "y": WAVE[:4]})
    expected = fitted.predict(ahead.assign(unique_id=1)).y.tolist()
    for key in (1.0, "1"):
        answer = fitted.predict(ahead.assign(unique_id=key))
        assert answer.y.tolist() == expected
        assert answer.unique_id.tolist() == [key] * 4
    mixed = table.assign(unique_id=pd.Series([1] * 40 + ["1"] * 40, dtype=object))
    with pytest.raises(DataError, match=r"column 'unique_id' must have one name for each series.*1 and '1'.*astype"):
        fit(mixed, target="y", time="ds", id="unique_id")


def test_bounds_of_an_interval_never_stand_in_for_a_column():
    fitted = fit(pd.DataFrame({"y": WAVE, "y_low": -WAVE}), target=["y", "y_low"])
    assert list(fitted.predict()) == ["y", "y_low"]
    with pytest.raises(ArgumentError, match=r"predict: level must be None here.*a column is called 'y_low'.*Rename"):
        fitted.predict(level=0.8)


@pytest.mark.parametrize("zoned", [0, 5])
@pytest.mark.parametrize("text", [False, True])
def test_moments_do_not_stand_among_times_of_some_clock(text, zoned):
    times = [time.tz_localize("UTC") if (row == 5) == bool(zoned) else time for row, time in enumerate(DAYS[:40])]
    table = pd.DataFrame({"t": pd.Series([f"{time:%Y-%m-%dT%H:%M%z}" for time in times] if text else times), "y": WAVE})
    with pytest.raises(
        DataError, match=rf"have {'no' if zoned else 'a'} time zone, as the first row.*row 5, column 't'"
    ):
        fit(table, target="y", time="t")
