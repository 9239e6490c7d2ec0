"""Tables in files, and what columns of theirs are taken for."""

from __future__ import annotations

import pandas as pd
import pytest

from elman.cli.series import complete
from elman.cli.tables import read_table
from elman.errors import DataError


@pytest.mark.parametrize(
    ("cells", "numbers"),
    [
        (["999", "1,234", "12,345"], None),  # thousands as well
        (["1,5", "1,234"], [1.5, 1.234]),
        (["0,125", "1,234"], [0.125, 1.234]),
        (["-1,2345", "1,234"], [-1.2345, 1.234]),
    ],
)
def test_a_comma_is_a_point_where_it_cannot_separate_thousands(tmp_path, cells, numbers):
    path = tmp_path / "table.csv"
    path.write_text("n\ty\n" + "".join(f"{n}\t{cell}\n" for n, cell in enumerate(cells)))
    assert read_table(path).y.tolist() == (cells if numbers is None else numbers)


@pytest.mark.parametrize(
    ("cells", "numbers"),
    [
        (["1.234,50", "12.345.678,9", "-7,25", "3"], [1234.5, 12345678.9, -7.25, 3.0]),
        (["1,234.50", "12,345,678.9", "-7.25", ""], [1234.5, 12345678.9, -7.25, None]),
        (["1.234,5", "1.2345,6"], None),
        (["1.234,5", "12.25"], None),
        (["1,234", "999"], None),  # tells nothing
        (["31.12.2024", "1.234,5"], None),
    ],
)
def test_two_marks_in_a_number_tell_what_they_are(tmp_path, cells, numbers):
    path = tmp_path / "table.csv"
    path.write_text("n;y\n" + "".join(f"{n};{cell}\n" for n, cell in enumerate(cells)))
    assert read_table(path).y.fillna(-1).tolist() == (
        cells if numbers is None else [-1 if x is None else x for x in numbers]
    )


def test_what_is_told_to_be_no_number_is_text_as_it_is_written(tmp_path):
    path = tmp_path / "table.csv"
    path.write_text("size;tags\n1,5;1,2\n2,5;3\n")
    assert read_table(path, texts=True).tags.tolist() == [1.2, 3.0]
    told = read_table(path, texts=True, written=["tags", "other"])
    assert (told["size"].tolist(), told.tags.tolist()) == ([1.5, 2.5], ["1,2", "3"])
    path.write_text("n,tags\n1,3\n2,\n3,1.50\n4,true\n")
    assert read_table(path, texts=True, written=["tags"]).tags.fillna("").tolist() == ["3", "", "1.50", "true"]
    path.write_text("n,tags\n1,TRUE\n2,\n")
    assert read_table(path, texts=True, written=["tags"]).tags.fillna("").tolist() == ["TRUE", ""]


@pytest.mark.parametrize("name", [None, "day"])
@pytest.mark.parametrize("separator", [",", ";"])
def test_an_index_has_one_name_in_every_kind_of_file(tmp_path, name, separator):
    table = pd.DataFrame({"y": [1.0, 2.0]}, pd.date_range("2024-01-01", periods=2, name=name))
    table.to_csv(tmp_path / "table.csv", sep=separator, encoding="utf-8-sig")
    table.to_parquet(tmp_path / "table.parquet")
    assert [*read_table(tmp_path / "table.csv")] == [*read_table(tmp_path / "table.parquet")] == [name or "index", "y"]


def test_a_name_that_says_that_there_is_none_is_one(tmp_path):
    path = tmp_path / "table.csv"
    path.write_text("Unnamed: 0,y\n1,2\n")
    assert [*read_table(path)] == ["Unnamed: 0", "y"]
    path.write_text(",index\n1,2\n")
    assert [*read_table(path)] == ["Unnamed: 0", "index"]


def test_a_span_of_time_is_no_time():
    days = pd.date_range("2024-01-01", periods=9)
    settings = {"target": "y", "time": None, "id": None, "features": [], "missing": "error"}
    complete(settings, pd.DataFrame({"since": days - days[0], "day": days, "y": 1.0}))
    assert settings["time"] == "day"


@pytest.mark.parametrize("cell", ["2025Q1", "2025-W01", "01/2025", "31.12.2025", "Mar 2025"])
def test_times_are_found_by_how_they_begin(cell):
    settings = {"target": "y", "time": None, "id": None, "features": []}
    complete(settings, pd.DataFrame({"shop": ["1/2", "A"], "what": [cell, cell], "y": 1.0}))
    assert settings["time"] == "what"


@pytest.mark.parametrize("begin", ["", "\ufeff", "sep=;\n", "\ufeffsep=;\r\n"])
@pytest.mark.parametrize("end", ["", ";\n", ";\n\n;\n"])
def test_what_spreadsheets_leave_around_a_table_is_left_out(tmp_path, begin, end):
    path = tmp_path / "table.csv"
    path.write_text(f"{begin} day ; y\n2024-01-01;1\n;\n2024-01-03;2\n{end}", encoding="utf-8")
    for texts in (False, True):
        table = read_table(path, texts=texts)
        assert [*table] == ["day", "y"]
        assert table.y.fillna(-1).tolist() == [1, -1, 2]


def test_rows_of_one_column_and_names_that_would_be_one_stay(tmp_path):
    path = tmp_path / "table.csv"
    path.write_text("y\n1\nNA\n")
    assert len(read_table(path)) == 2
    path.write_text("y, y\n1,2\n")
    assert [*read_table(path)] == ["y", " y"]


def test_lines_of_a_file_are_counted_from_one(tmp_path):
    path = tmp_path / "table.csv"
    path.write_text('a,b\n1,2\n3,"4\n')
    with pytest.raises(DataError, match="EOF inside string starting in line 3"):
        read_table(path)
    path.write_text("a,b\n1,2\n3,4,5\n")
    with pytest.raises(DataError, match="Expected 2 fields in line 3, saw 3"):
        read_table(path)
