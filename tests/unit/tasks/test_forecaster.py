"""The forecaster: every kind of table, no look into the future, errors with a cure.

What it shares with every estimator is in tests/contracts/test_estimators.py.
"""

from __future__ import annotations

import warnings

import numpy as np
import pandas as pd
import polars as pl
import pytest

from elman.errors import (
    ArgumentError,
    DataError,
    ElmanWarning,
    FolderError,
    MissingFileError,
    NotBuiltError,
    UnknownColumnError,
    UnknownNameError,
)
from elman.layers.initializers import Initializer
from elman.tasks import Forecaster
from tests.tolerances import nearly

QUICK = {"horizon": 4, "window": 8, "cell": "simple_rnn", "units": 4, "epochs": 4, "learning_rate": 0.01}


def months(count, start="2015-01"):
    return np.datetime_as_string(np.arange(count) + np.datetime64(start, "M")).tolist()


def sales(count=72):
    t = np.arange(count)
    return {"month": months(count), "sales": 50 + t + 10 * np.sin(t * np.pi / 6), "price": np.cos(t)}


def forecaster(**changed):
    return Forecaster(**{**QUICK, **changed})


@pytest.fixture(autouse=True)
def _quiet_models():
    """Four epochs seldom beat a baseline, and say so."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ElmanWarning)
        yield


# ---- tables of every kind ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", [pd.DataFrame, pl.DataFrame])
def test_a_forecast_is_a_table_of_the_same_kind_that_goes_on_in_time(kind):
    forecast = forecaster().fit(kind(sales()), time="month", target="sales").predict(horizon=6, level=0.9)
    assert type(forecast) is kind
    assert list(forecast.columns) == ["month", "sales", "sales_low", "sales_high"]
    assert list(forecast["month"]) == months(6, "2021-01")
    low, high = np.asarray(forecast["sales_low"]), np.asarray(forecast["sales_high"])
    assert (low <= np.asarray(forecast["sales"])).all()
    assert (np.asarray(forecast["sales"]) <= high).all()


def test_pandas_and_polars_give_the_same_numbers():
    one = forecaster().fit(pd.DataFrame(sales()), time="month", target="sales").predict()
    other = forecaster().fit(pl.DataFrame(sales()), time="month", target="sales").predict()
    assert one["sales"].tolist() == other["sales"].to_list()


def test_an_array_gives_an_array():
    wave = np.sin(np.arange(60) * np.pi / 6)
    assert forecaster().fit(wave).predict().shape == (4,)
    assert forecaster().fit(np.column_stack([wave, -wave])).predict(horizon=7).shape == (7, 2)
    forecast, low, high = forecaster().fit(wave).predict(level=0.5)
    assert (low <= forecast).all()
    assert (forecast <= high).all()


def test_features_several_targets_and_many_series():
    two = pd.concat([pd.DataFrame({**sales(60), "shop": name}) for name in ("north", "south")])
    two.loc[two.shop == "south", "sales"] *= 100
    fitted = forecaster().fit(two, time="month", target=["sales", "price"], id="shop")
    forecast = fitted.predict()
    assert forecast.columns.tolist() == ["shop", "month", "sales", "price"]
    assert forecast.shop.tolist() == ["north"] * 4 + ["south"] * 4
    assert forecast.sales[4:].mean() > 20 * forecast.sales[:4].mean()
    assert len(forecaster().fit(pd.DataFrame(sales()), target="sales", features=["price"]).predict()) == 4


@pytest.mark.parametrize("zone", ["Europe/Berlin", "America/New_York", "Etc/GMT+3"])
def test_times_keep_their_zone(zone):
    frame = pd.DataFrame({"t": pd.date_range("2024-03-01", periods=60, freq="h", tz="UTC"), "y": np.arange(60.0)})
    frame["t"] = frame["t"].dt.tz_convert(zone)
    forecast = forecaster(season=1).fit(frame, time="t", target="y").predict()
    assert forecast["t"].iloc[0] == frame["t"].iloc[-1] + pd.Timedelta("1h")
    assert str(forecast["t"].dtype.tz) == zone


# ---- what is learned, and from what --------------------------------------------------------------------------------


def test_the_same_seed_gives_the_same_forecast_and_another_another():
    frame = pd.DataFrame(sales())
    first, again, other = (
        forecaster(seed=seed).fit(frame, time="month", target="price").predict().price.tolist() for seed in (1, 1, 2)
    )
    assert first == again
    assert first != other


def test_scaling_is_learned_on_the_training_part_only():
    values = np.concatenate([np.tile([0.0, 1.0, 2.0], 20), np.full(12, 1e6)])
    fitted = forecaster(validation=12, transform="none").fit(values)
    assert fitted.learned_.encoding.fields["None"].center.tolist() == [1.0]


@pytest.mark.parametrize("scaling", ["standard", "none"])
def test_numbers_of_any_size_are_forecast_alike(scaling):
    wave, size = 3 + np.sin(np.arange(60) * np.pi / 6), 2.0**-60
    expected = forecaster(scaling=scaling, transform="none").fit(wave).predict()
    assert forecaster(scaling=scaling, transform="none").fit(wave * size).predict() / size == nearly(expected)


@pytest.mark.parametrize("constant", [0.0, 0.1, 1e-13, 1e6 + 0.1])
def test_a_constant_is_forecast_as_it_is(constant):
    assert forecaster().fit(np.full(60, constant)).predict().tolist() == [constant] * 4
    dated = pd.DataFrame({"day": pd.date_range("2024-01-01", periods=60), "y": constant})
    assert forecaster().fit(dated, time="day").predict().y.tolist() == [constant] * 4


def test_a_season_that_repeats_is_forecast_as_it_is_and_one_that_breaks_off_is_learned():
    week = np.tile([5.0, 1, 2, 9, 7, 4, 3], 12)
    table = pd.DataFrame({"day": pd.date_range("2024-01-01", periods=84), "y": week})
    assert forecaster().fit(table, time="day").predict().y.tolist() == week[:4].tolist()
    late = table.assign(y=np.where(table.index < 75, 0.0, week))  # a constant, but not in the validation part
    assert forecaster(anchor="none").fit(late, time="day").learned_.encoding.target_spread.tolist() == [1.0]


def test_mase_is_the_mean_over_targets_of_unlike_units():
    table = pd.DataFrame({**sales(), "other": 1e-3 * np.sin(np.arange(72)) ** 3})
    fitted = forecaster(validation=12).fit(table[:60], time="month", target=["sales", "other"])
    report = fitted.evaluate(table[60:])
    both = table[["sales", "other"]].to_numpy()
    naive = np.abs(both[12:48] - both[:36]).mean(axis=0)
    last = np.repeat(both[59:71:4], 4, axis=0)
    assert report.baselines["last value"]["MASE"] == nearly(np.mean(np.abs(both[60:] - last) / naive))
    model = np.concatenate([fitted.predict(table[:end])[["sales", "other"]] for end in (60, 64, 68)])
    assert report.model["MASE"] == nearly(np.mean(np.abs(both[60:] - model) / naive))


def test_a_target_of_large_units_does_not_choose_for_the_others():
    day = np.arange(200)
    small = np.sin(day * np.pi / 4)
    large = 1e6 * np.cumsum(np.random.default_rng(0).normal(size=200))
    one, other = (forecaster(window=16).fit(np.column_stack([small, large * unit])) for unit in (1.0, 1e-6))
    errors = list(one.learned_.choices.values())
    assert list(other.learned_.choices.values()) == nearly(errors, dtype=np.float32)


def test_rows_after_the_origin_change_nothing():
    frame = pd.DataFrame(sales())
    fitted = forecaster().fit(frame[:60], time="month", target="sales")
    before = fitted.predict().sales.tolist()
    assert fitted.predict(frame[:60]).sales.tolist() == nearly(before)
    assert fitted.predict(frame[60:62]).month.tolist() == months(4, "2020-03")


@pytest.mark.parametrize("absent", [[], [50, 51, 52]])
def test_a_new_series_is_evaluated_by_what_predict_would_have_said(absent):
    table = pd.DataFrame({**sales(), "shop": "north"})
    fitted = forecaster(missing="interpolate").fit(table, time="month", target="sales", id="shop")
    new = table.assign(shop="new", sales=1e3 * table.sales ** (1 + table.index / 72)).drop(absent)
    (part,) = fitted.learned_.context("evaluate", new, "interpolate").series
    origins = np.arange(fitted.learned_.needed - 1, 68, 4)
    (blocks,) = fitted.learned_.blocks([part], [origins])
    for block, origin in zip(blocks, origins, strict=True):
        if origin not in absent:
            assert block[:, 0].tolist() == nearly(fitted.predict(new[new.index <= origin]).sales.tolist())
    actual = part.actual[origins[:, None] + np.arange(1, 5)]
    assert fitted.evaluate(new).model["MAE"] == nearly(np.nanmean(np.abs(blocks - actual)))


def test_evaluation_of_later_rows_and_of_the_whole_table_agree():
    frame = pd.DataFrame(sales())
    fitted = forecaster().fit(frame[:60], time="month", target="sales")
    later, whole = fitted.evaluate(frame[60:]), fitted.evaluate(frame)
    assert list(later.rows) == ["simple_rnn", "last value", "seasonal naive (12)"]
    assert later.title == "held-out rows, 12"
    assert later.model["MAE"] == nearly(whole.model["MAE"])
    assert "were part of the training" in fitted.evaluate(frame[:60]).notes[0]


@pytest.mark.parametrize("first", [37, 50, 59])
def test_rows_that_begin_in_the_end_of_the_training_are_joined_to_it(first):
    frame = pd.DataFrame({**sales(), "noise": np.random.default_rng(0).normal(size=72)})
    fitted = forecaster().fit(frame[:60], time="month", target="noise", features="price")
    assert first > 60 - fitted.learned_.needed or first == 37
    later, overlap = fitted.evaluate(frame[60:]), fitted.evaluate(frame[first:])
    assert (later.title, later.model["MAE"]) == (overlap.title, nearly(overlap.model["MAE"]))
    assert fitted.predict(frame[first:63]).noise.tolist() == nearly(fitted.predict(frame[60:63]).noise.tolist())


def test_without_a_validation_part_there_is_no_report():
    fitted = forecaster(validation=0).fit(np.sin(np.arange(60)))
    assert fitted.report_ is None
    with pytest.raises(ArgumentError, match=r"evaluate: data must be given after validation=0"):
        fitted.evaluate()
    with pytest.raises(NotBuiltError, match=r"level needs errors on a validation part. Train with validation=0.2"):
        fitted.predict(level=0.9)


def test_a_random_walk_is_reported_as_one(rng):
    walk = np.cumsum(rng.normal(size=200))
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", ElmanWarning)
        fitted = forecaster(horizon=1, units=2, epochs=20, anchor="last").fit(walk)
    texts = " ".join(str(warning.message) for warning in caught)
    assert "merely copies the last value" in texts
    assert fitted.report_.notes


def test_a_file_brings_back_the_same_forecast(tmp_path, monkeypatch):
    fitted = forecaster().fit(pd.DataFrame(sales()), time="month", target="sales")
    path = fitted.save(tmp_path / "model.safetensors")
    with monkeypatch.context() as patched:
        patched.setattr(Initializer, "__call__", None)  # what the file fills is not drawn
        loaded = Forecaster.load(path)
    assert loaded.get_params() == fitted.get_params()
    assert loaded.predict(level=0.8).equals(fitted.predict(level=0.8))
    assert str(loaded.report_) == str(fitted.report_)
    lines: list[str] = []
    loaded.summary(lines.append)
    assert any("forecasts sales, monthly" in line for line in lines)


def test_the_picture_shows_series_forecast_and_interval(tmp_path):
    fitted = forecaster().fit(pd.DataFrame(sales()), time="month", target="sales")
    figure = fitted.plot(path=tmp_path / "forecast.png")
    assert [text.get_text() for text in figure.axes[0].get_legend().get_texts()] == [
        "known",
        "forecast",
        "80 % interval",
    ]
    assert (tmp_path / "forecast.png").stat().st_size > 1000


def drawn(figure, label):
    (line,) = (line for line in figure.axes[0].get_lines() if line.get_label() == label)
    return line.get_ydata()


def test_the_picture_shows_the_end_of_a_long_history_and_what_was_filled_in_it():
    table = pd.DataFrame(sales(72)).drop([60, 61, 71])
    fitted = forecaster(missing="interpolate", horizon=2).fit(pd.DataFrame(sales(48)), time="month", target="sales")
    figure = fitted.plot(table.assign(sales=table.sales.where(table.index != 70)))
    known, filled = drawn(figure, "known"), drawn(figure, "filled gap")
    shown = max(fitted.learned_.needed, 10)
    there = np.isin(np.arange(71 - shown, 71), [60, 61, 70])
    assert np.isnan(known).tolist() == there.tolist()
    assert known[~there].tolist() == [sales()["sales"][row] for row in np.arange(71 - shown, 71)[~there]]
    assert filled[there].tolist() == nearly(
        [sales()["sales"][59] + (sales()["sales"][62] - sales()["sales"][59]) / 3 * k for k in (1, 2)]
        + [sales()["sales"][69]]
    )
    assert np.isnan(filled[~there]).sum() == shown - 3 - 3


@pytest.mark.parametrize("text", [False, True])
def test_the_axis_of_time_shows_the_clocks_of_the_column(text):
    hours = pd.date_range("2024-05-01", periods=80, freq="h", tz="Asia/Tokyo")
    table = pd.DataFrame({"t": [hour.isoformat() for hour in hours] if text else hours, "y": np.arange(80.0)})
    (axes,) = forecaster().fit(table, time="t", target="y").plot().axes
    tz = axes.xaxis.get_major_locator().tz
    assert tz.utcoffset(hours[0].replace(tzinfo=None)) == pd.Timedelta(hours=9)


# ---- bad input -----------------------------------------------------------------------------------------------------


def change(column, row, value):
    frame = pd.DataFrame(sales())
    if isinstance(value, str):
        frame[column] = frame[column].astype(object)
    frame.loc[row, column] = value
    return frame


@pytest.mark.parametrize(
    ("settings", "frame", "columns", "error", "text"),
    [
        ({}, pd.DataFrame(sales()), {"target": "sale"}, UnknownColumnError, r"target='sale'. Did you mean 'sales'\?"),
        ({}, pd.DataFrame(sales()), {"time": "moth"}, UnknownColumnError, r"time='moth'. Did you mean 'month'\?"),
        (
            {},
            pd.DataFrame(sales()),
            {"target": None},
            ArgumentError,
            r"target must be named for a table.*'month', 'sales'",
        ),
        (
            {},
            change("sales", 7, "n/a"),
            {},
            DataError,
            r"target must be numeric. Received target='n/a': row 7, column 'sales'",
        ),
        (
            {},
            change("sales", 7, np.nan),
            {},
            DataError,
            r"data=nan: row 7 \(2015-08\), column 'sales'. Fill or drop the row, or set missing='interpolate'",
        ),
        (
            {},
            change("sales", 7, np.inf),
            {},
            DataError,
            r"data=inf: row 7 \(2015-08\), column 'sales'. Correct or drop",
        ),
        (
            {},
            change("month", 7, "2015-07"),
            {},
            DataError,
            r"month must have each time once.*rows 6 and 7 are both 2015-07",
        ),
        (
            {},
            change("month", 7, "2015-01"),
            {},
            DataError,
            r"month must be sorted.*row 7 comes after 2015-07. Sort the",
        ),
        (
            {},
            pd.DataFrame(sales()).drop(7),
            {},
            DataError,
            r"month must have no gap.*2015-08 \(monthly\) is missing before",
        ),
        (
            {"window": 80},
            pd.DataFrame(sales()),
            {},
            DataError,
            r"window must not be longer than the series.*has 72 rows",
        ),
        (
            {"window": 60},
            pd.DataFrame(sales()),
            {},
            DataError,
            r"training rows must be at least 64. Received.*=58: of 72",
        ),
        ({"horizon": 0}, pd.DataFrame(sales()), {}, ArgumentError, r"horizon must be a whole number from 1.*horizon=0"),
        ({"batch_size": 0}, pd.DataFrame(sales()), {}, ArgumentError, r"batch_size must be a whole number from 1"),
        ({"cell": "lstn"}, pd.DataFrame(sales()), {}, UnknownNameError, r"cell='lstn'. Did you mean 'lstm'\?"),
        ({"scaling": "standart"}, pd.DataFrame(sales()), {}, UnknownNameError, r"Did you mean 'standard'\?"),
        ({"anchor": "seson"}, pd.DataFrame(sales()), {}, UnknownNameError, r"anchor='seson'. Did you mean 'seasonal'"),
        (
            {"learning_rate": 0},
            pd.DataFrame(sales()),
            {},
            ArgumentError,
            r"learning_rate must be a finite number above 0",
        ),
        (
            {"validation": 1.5},
            pd.DataFrame(sales()),
            {},
            ArgumentError,
            r"validation must be a share below 1 or a number",
        ),
        (
            {"transform": "log"},
            change("sales", 3, -1.0),
            {},
            DataError,
            r"data must be fit for the settings.*transform='log'",
        ),
        (
            {},
            pd.DataFrame(sales()),
            {"features": "prize"},
            UnknownColumnError,
            r"features='prize'. Did you mean 'price'",
        ),
        ({}, pd.DataFrame(sales())[:0], {}, DataError, r"frame must have at least one row"),
    ],
)
def test_bad_input_is_named(settings, frame, columns, error, text):
    with pytest.raises(error, match=text):
        forecaster(**settings).fit(frame, **{"time": "month", "target": "sales", **columns})


def test_ragged_rows_are_refused():
    with pytest.raises(DataError, match=r"data must be rows of one length.*Pad or split the rows"):
        forecaster().fit([[1.0, 2.0], [3.0]])


def test_a_series_shorter_than_the_window_is_named():
    lengths = {"north": 60, "south": 40, "tiny": 5}
    shops = pd.concat([pd.DataFrame(sales(count)).assign(shop=name) for name, count in lengths.items()])
    with pytest.raises(
        DataError, match=r"rows of series 'tiny' must be at least \d+. Received rows of series 'tiny'=5"
    ):
        forecaster(anchor="last").fit(shops, time="month", target="sales", id="shop")
    assert len(forecaster().fit(shops[shops.shop != "tiny"], time="month", target="sales", id="shop").predict()) == 8


def test_a_season_that_never_was_is_no_baseline():
    assert list(forecaster(season=100).fit(np.sin(np.arange(60))).report_.rows) == ["simple_rnn", "last value"]


def test_gaps_and_nan_are_filled_when_asked():
    frame = change("sales", 7, np.nan).drop(11)
    assert len(forecaster(missing="interpolate").fit(frame, time="month", target="sales").predict()) == 4


@pytest.mark.parametrize(
    ("call", "error", "text"),
    [
        (lambda f: f.predict(horizon=0), ArgumentError, r"predict: horizon must be a whole number from 1"),
        (
            lambda f: f.predict(level=1.2),
            ArgumentError,
            r"level must be a share between 0.01 and 0.99. Received level=1.2",
        ),
        (
            lambda f: f.predict(pd.DataFrame({"month": ["2022-01", "2022-02"], "sales": [1.0, 2.0]})),
            DataError,
            r"time must not leave a gap after training. Received time='2022-01': training ended at 2020-12. Pass rows",
        ),
        (
            lambda f: f.predict(pd.DataFrame(sales())[:5]),
            DataError,
            r"predict: rows must be at least 12. Received rows=5. Pass a longer history",
        ),
    ],
)
def test_bad_questions_are_named(call, error, text):
    fitted = forecaster(anchor="last").fit(pd.DataFrame(sales()), time="month", target="sales")
    with pytest.raises(error, match=text):
        call(fitted)


def test_the_future_of_features_is_not_invented():
    fitted = forecaster().fit(pd.DataFrame(sales()), target="sales", features=["price"])
    with pytest.raises(
        ArgumentError, match=r"horizon must be at most 4. Received horizon=5. Train with a longer horizon"
    ):
        fitted.predict(horizon=5)


@pytest.mark.parametrize("name", [("a", "b"), pd.Timestamp("2024-01-01"), np.datetime64("2024-01-01", "s"), b"a"])
def test_series_are_named_by_texts_or_numbers(name):
    table = pd.DataFrame({**sales(), "shop": pd.Series([name] * 72)})
    with pytest.raises(DataError, match=r"column 'shop' must have texts or numbers. Received .* Turn them into text"):
        forecaster().fit(table, time="month", target="sales", id="shop")


def test_what_is_masked_is_missing():
    values = np.ma.masked_equal(np.tile([1, 2, 3], 20), 3)
    with pytest.raises(DataError, match=r"data must be finite. Received data=nan: row 2"):
        forecaster().fit(values)


@pytest.mark.parametrize("gap", [None, np.nan, pd.NA])
def test_a_row_without_the_name_of_its_series_is_told(gap):
    days = pd.date_range("2024-01-01", periods=36, freq="D")
    table = pd.concat([pd.DataFrame({"id": name, "ds": days, "y": np.arange(36.0)}) for name in "ab"])
    table["id"] = table["id"].astype(object)
    table.iloc[71, 0] = gap
    with pytest.raises(DataError, match=r"column 'id' must have a name for every row.*row 71"):
        forecaster().fit(table, time="ds", target="y", id="id")


def test_a_day_without_sales_after_training_with_a_logarithm_is_told_and_forecast(tmp_path):
    values = np.exp(np.arange(60) / 20)
    fitted = Forecaster(horizon=4, window=6, units=2, epochs=1, transform="log", anchor="last").fit(values)
    later = np.array([9.0, 5.0, 0.0, 3.0, -1.0, 0.0])
    with pytest.warns(
        ElmanWarning, match=r"predict: target must be above 0, as in the training.*0: 2, one of 3.*'none'"
    ):
        answer = fitted.predict(later)
    assert answer == nearly(fitted.predict(np.array([9.0, 5.0, 1.0, 3.0, 1.0, 1.0])))  # 1 is the smallest there was
    with pytest.warns(ElmanWarning, match="above 0"):
        scored = fitted.evaluate(later)
    errors = np.abs(later - np.array([values[-1]] * 4 + [later[3]] * 2))  # of what was, not of what it is read as
    assert scored.rows["last value"]["MAE"] == nearly(errors.mean())
    loaded = Forecaster.load(fitted.save(tmp_path / "model.safetensors"))
    with pytest.warns(ElmanWarning, match="above 0"):
        assert np.array_equal(loaded.predict(later), answer)


def test_a_forecast_that_grows_beyond_numbers_is_refused_with_what_is_left():
    fitted = Forecaster(horizon=4, window=8, units=2, epochs=1, transform="log", anchor="drift", season=4)
    fitted.fit(np.exp(np.arange(80) / 2))
    with pytest.raises(ArgumentError, match=r"predict: horizon must be at most \d+.*larger than numbers can be"):
        fitted.predict(horizon=4000)


def test_a_picture_that_cannot_be_where_it_is_named_is_refused_with_a_cure(tmp_path):
    fitted = Forecaster(horizon=4, window=6, units=2, epochs=1).fit(np.sin(np.arange(40.0)))
    with pytest.raises(MissingFileError, match=r"plot: path must be in an existing folder.*'.*new'. Create it first."):
        fitted.plot(path=tmp_path / "new" / "forecast.png")
    with pytest.raises(
        FolderError, match=r"plot: path must be a file.*it is a folder. Add a file name, as forecast.png"
    ):
        fitted.plot(path=tmp_path)
    with pytest.raises(ArgumentError, match=r"plot: path must be a path. Received path=3. For example 'forecast.png'"):
        fitted.plot(path=3)
