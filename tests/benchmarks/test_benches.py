"""What benchmarks measure: problems, tables of cells, and the page of stored runs."""

import inspect

import numpy as np
import pytest

from benchmarks import cells, headline, ragged, report, rnn
from benchmarks.peers import problems, speak
from benchmarks.program import Program, Running, Unavailable, run_cold
from benchmarks.report import PAGE, RESULTS, Report, Row
from benchmarks.run import BENCHES, main
from elman import layers
from elman.layers.rnn.recurrence import CellLayer


def test_every_cell_has_a_row():
    found = {
        name for name in layers.__all__ if inspect.isclass(c := getattr(layers, name)) and issubclass(c, CellLayer)
    }
    assert {name for name, _ in cells.CELLS} == found


def test_the_page_shows_what_is_stored():
    page = PAGE.read_text()
    for name, bench in BENCHES.items():
        stored = Report(name, bench.title, bench.text, appendix=bench.appendix).merged()
        assert bool(stored.rows) == (RESULTS / f"{name}.json").exists()
        if stored.rows:
            assert stored.markdown() in page, f"python -m benchmarks --tables {name}"


def test_the_readme_shows_what_is_stored():
    assert headline.markdown() in headline.README.read_text(), "python -m benchmarks --tables"


def test_tables_can_be_written_again(tmp_path, monkeypatch):
    page, readme = PAGE.read_text(), headline.README.read_text()
    for module, name, text in ((report, "PAGE", page), (headline, "README", readme)):
        (tmp_path / name).write_text(text)
        monkeypatch.setattr(module, name, tmp_path / name)
    assert main(["--tables"]) == 0
    assert (tmp_path / "PAGE").read_text() == page
    assert (tmp_path / "README").read_text() == readme


def test_work_of_a_layer_is_counted():
    shape = (2, 5, 3, 4)  # B T I U
    forward = 2 * 2 * 5 * 16 * (3 + 4)
    assert problems.flops("lstm", shape, "inference") == forward
    assert problems.flops("lstm", shape, "train") == 2 * forward + 2 * 2 * 5 * 16 * 4
    assert problems.flops("lstm", shape, "train-dx") == 3 * forward
    assert problems.traffic("simple_rnn", (1, 1, 1, 1), "inference") == 4 * (1 + 1 + 3)


def test_ragged_lengths_are_half_in_the_mean():
    given = problems.ragged("lstm", 64, (32, 100, 2, 4), whole=False)
    lengths = [len(x) for x in given.x]
    assert (min(lengths), max(lengths)) == (1, 100)
    assert abs(np.mean(lengths) - 50) < 1
    assert {len(x) for x in problems.ragged("lstm", 64, (32, 100, 2, 4), whole=True).x} == {100}


def test_large_cases_are_timed_less_often():
    assert problems.patience("lstm", (1, 100, 1, 32), "train")["least"] == 5
    assert problems.patience("lstm", (64, 100, 512, 512), "train")["least"] == 2


def test_the_peak_is_looked_at_while_a_program_is_timed(monkeypatch):
    monkeypatch.setattr(speak, "BETWEEN", 0.0)
    bursts = iter([90.0, 100.0, 120.0])
    monkeypatch.setattr(speak, "fma_rate", lambda: lambda steps: next(bursts))
    answer = speak.time_calls(lambda: None, 0.0, least=3)
    assert (answer["peak"], answer["calls"]) == (100.0, 3)
    monkeypatch.setattr(speak, "fma_rate", lambda: None)
    assert "peak" not in speak.time_calls(lambda: None, 0.0)


def test_mixed_lengths_are_compared_with_the_programs_own_whole_ones():
    rows = [
        Row("a: one batch, whole", "s", {"elman": [1.0, 2.0], "torch": [1.0, 1.0]}),
        Row("a: one batch, mixed", "s", {"elman": [2.0, 4.0], "torch": [5.0, 5.0]}),
    ]
    assert ragged.over_whole(rows)[-1] == "| a: one batch, mixed | 2× | 5× |"


def test_threads_are_compared_with_one():
    rows = [Row("a", "s", {"elman": [3.0], "elman-2-threads": [2.0]})]
    assert rnn.speedups(rows)[-1] == "| a | 1.5× |"


@pytest.mark.parametrize("start", [Running, run_cold])
def test_a_peer_that_is_not_installed_is_named_with_the_cure(start):
    with pytest.raises(Unavailable, match=r"nobody: .*setup_peers\.py nobody"):
        start(Program("nobody", "torch_peer.py"))
