"""Tables in files, and what columns of theirs are taken for."""

from __future__ import annotations

import pandas as pd
import pytest

from elman.cli.series import complete
from elman.cli.tables import read_table


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


def test_a_span_of_time_is_no_time():
    days = pd.date_range("2024-01-01", periods=9)
    settings = {"target": "y", "time": None, "id": None, "features": [], "missing": "error"}
    complete(settings, pd.DataFrame({"since": days - days[0], "day": days, "y": 1.0}))
    assert settings["time"] == "day"
