"""Rows, stored runs and tables: what a benchmark does with its samples."""

import json
import math

import pytest

from benchmarks import compare, report, tutorial
from benchmarks.report import Report, Row


def row(case="a", **samples):
    return Row(case, "s", samples or {"elman": [1.0, 2.0, 4.0], "torch": [4.0, 4.0, 4.0]})


def measured(rows, time, rounds=3):
    return Report("some", "Some", "Text.", rows, machine={"time": time, "cpu": "C"}, rounds=rounds)


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.setattr(report, "RESULTS", tmp_path)
    monkeypatch.setattr(report, "PAGE", tmp_path / "benchmarks.md")
    return tmp_path


def test_a_ratio_is_the_median_over_rounds():
    assert row().ratio("torch") == 2.0
    assert row(elman=[1.0, 2.0, 4.0], torch=[2.0, 6.0]).ratio("torch") == 2.0
    assert row().ratio("elman", to="torch") == 0.5
    assert row().ratio("jax") is None
    assert Row("a", "MB", {"elman": [1.0], "torch": [2.0]}).ratio("torch") is None


def test_a_row_comes_back_from_its_file():
    given = row()
    given.notes["flops"], given.run = 7, "now"
    assert Row.from_json(json.loads(json.dumps(given.as_json()))) == given


def test_a_row_measured_again_replaces_the_old_one(folder):
    measured([row("a"), row("b")], "2026-01-01").save()
    measured([row("c"), row("a", elman=[8.0])], "2026-01-02").save()
    rows, runs = report.read(folder / "some.json")
    assert [(r.case, r.run) for r in rows] == [("a", "2026-01-02"), ("b", "2026-01-01"), ("c", "2026-01-02")]
    assert rows[0].samples == {"elman": [8.0]}
    assert sorted(runs) == ["2026-01-01", "2026-01-02"]
    measured([row("b")], "2026-01-03").save()
    assert sorted(report.read(folder / "some.json")[1]) == ["2026-01-02", "2026-01-03"]
    page = (folder / "benchmarks.md").read_text()
    assert page.startswith(report.HEAD)
    assert page.count("<!-- begin some -->") == 1
    assert "*2026-01-02 to 2026-01-03 · C · 2 runs · 3 rounds.*" in page


def test_a_file_of_one_run_is_read(folder):
    stored = {"machine": {"time": "then"}, "versions": {}, "missing": [], "rounds": 5, "rows": [row().as_json()]}
    (folder / "some.json").write_text(json.dumps(stored))
    rows, runs = report.read(folder / "some.json")
    assert [r.run for r in rows] == ["then"]
    assert runs["then"]["rounds"] == 5


def test_lists_of_numbers_stand_on_one_line():
    text = json.dumps({"a": [1.5, -2e-06, 3], "b": ["x", "y"]}, indent=1)
    assert json.loads(report.compact(text)) == json.loads(text)
    assert '"a": [1.5, -2e-06, 3]' in report.compact(text)


def test_programs_must_agree():
    assert compare.agree("case", {"elman": [1.0, 0.0], "torch": [1.0, 0.0]}) == 0
    assert 0 < compare.agree("case", {"elman": [1.0, 0.0], "torch": [1.001, 0.0]}) < compare.AGREEMENT
    with pytest.raises(AssertionError, match=r"case: elman and torch must agree. Received \[1.0\] and \[1.1\]"):
        compare.agree("case", {"elman": [1.0], "torch": [1.1]})
    with pytest.raises(AssertionError, match="must agree"):
        compare.agree("case", {"elman": [1.0], "torch": [math.nan]})


def test_the_share_of_the_peak_is_that_of_its_round():
    given = row(elman=[1.0, 1.0, 1.0])
    assert compare.share_of_peak(given, "elman") is None
    given.notes |= {"flops": 50e9, "peaks": {"elman": [100.0, 50.0, 200.0]}}
    assert compare.share_of_peak(given, "elman") == 0.5
    assert compare.share_of_peak(given, "torch") is None


def test_means_over_few_seeds_and_all():
    row = Row("error", "", {"elman": [1.0] * tutorial.FEW + [4.0] * tutorial.FEW})
    assert tutorial.means([row])[-1] == "| elman | 1.0000 | 2.5000 | 0.5000 |"
