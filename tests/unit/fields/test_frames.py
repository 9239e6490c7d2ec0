"""Tables of every kind are read alike and written back as the kind they were."""

from __future__ import annotations

import datetime as dt

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

from elman.errors import DataError, DTypeError, UnknownColumnError
from elman.fields import Table, Timeline

KINDS = {"pandas": pd.DataFrame, "polars": pl.DataFrame, "pyarrow": pa.table}
COLUMNS = {"day": [dt.date(2024, 2, 28), dt.date(2024, 2, 29)], "sales": [1, None], "name": ["a", "b"]}


@pytest.fixture(params=KINDS)
def make(request):
    return KINDS[request.param]


def test_numbers_come_out_with_nan_for_what_is_missing(make):
    numbers = Table.wrap("fit", make(COLUMNS)).numbers("fit", "target", ["sales"])
    assert numbers.dtype == np.float64
    assert numbers[0] == 1
    assert np.isnan(numbers[1])


@pytest.mark.parametrize("dtype", ["Int64", "UInt8", "int64[pyarrow]", "Float64", "double[pyarrow]", "object"])
def test_columns_of_pandas_that_may_have_gaps_are_numbers(dtype):
    frame = pd.DataFrame({"sales": pd.array([1, None, 7], dtype=dtype)})
    numbers = Table.wrap("fit", frame).numbers("fit", "target", ["sales"])
    np.testing.assert_array_equal(numbers[:, 0], [1, np.nan, 7])


def test_a_new_table_is_of_the_same_kind(make):
    frame = make(COLUMNS)
    table = Table.wrap("fit", frame)
    timeline = Timeline.read("fit", table.column("fit", "time", "day"))
    made = table.like({"day": timeline.future(2), "sales": np.array([1.5, 2.5])})
    assert type(made) is type(frame)
    again = Table.wrap("fit", made)
    assert again.names == ["day", "sales"]
    assert again.numbers("fit", "target", ["sales"])[:, 0].tolist() == [1.5, 2.5]
    first = again.column("fit", "time", "day")[0]
    assert np.datetime64(first, "D") == np.datetime64("2024-03-01")


def test_an_unknown_column_is_told_with_its_nearest_name(make):
    with pytest.raises(UnknownColumnError, match=r"fit: target must be a column.*'sale'. Did you mean 'sales'\?"):
        Table.wrap("fit", make(COLUMNS)).numbers("fit", "target", ["sale"])


def test_a_text_in_a_number_column_is_named_with_its_row(make):
    frame = make({"sales": ["12", "n/a"]})
    text = r"fit: target must be numeric. Received target='n/a': row 1, column 'sales'. Correct the entry, or choose"
    with pytest.raises(DataError, match=text):
        Table.wrap("fit", frame).numbers("fit", "target", ["sales"])


def test_rows_can_be_chosen(make):
    table = Table.wrap("fit", make({"x": [1, 2, 3]}))
    assert table.rows(slice(1, None)).numbers("fit", "x", ["x"])[:, 0].tolist() == [2, 3]
    assert table.rows(np.array([2, 0])).numbers("fit", "x", ["x"])[:, 0].tolist() == [3, 1]


def test_times_with_a_zone_are_read_in_utc():
    frame = pd.DataFrame({"t": pd.date_range("2024-03-30", periods=3, freq="D", tz="Europe/Berlin")})
    table = Table.wrap("fit", frame)
    assert table.time_zone("t") == "Europe/Berlin"
    assert table.column("fit", "time", "t")[0] == np.datetime64("2024-03-29T23:00")


def test_a_lazy_table_is_collected():
    assert len(Table.wrap("fit", pl.LazyFrame({"x": [1, 2]}))) == 2


def test_what_is_no_table_is_refused():
    with pytest.raises(DTypeError, match=r"fit: frame must be a table or an array. Received str\."):
        Table.wrap("fit", "sales.csv")


def test_an_empty_table_is_refused(make):
    with pytest.raises(DataError, match=r"fit: frame must have at least one row. Received frame=0"):
        Table.wrap("fit", make({"x": []}))


@pytest.mark.parametrize("zone", ["America/New_York", "Asia/Ho_Chi_Minh", "Etc/GMT+3", "Europe/Berlin", "UTC"])
@pytest.mark.parametrize("kind", [lambda columns: columns, pl.from_pandas, pa.Table.from_pandas])
def test_every_zone_is_known_and_comes_back(zone, kind):
    times = pd.date_range("2024-06-01", periods=3, freq="h", tz=zone)
    table = Table.wrap("fit", kind(pd.DataFrame({"t": times})))
    assert table.time_zone("t") == zone
    read = table.column("fit", "time", "t")
    assert (read == times.tz_convert("UTC").tz_localize(None).to_numpy()).all()
    assert (table.column("fit", "time", "t", zone) == times.tz_localize(None).to_numpy()).all()
    again = Table.wrap("fit", table.like({"t": read}, {"t": zone}))
    assert again.time_zone("t") == zone
    assert (again.column("fit", "time", "t") == read).all()
