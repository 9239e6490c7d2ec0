"""Progress without a terminal: about ten lines, and one at least every few seconds."""

from __future__ import annotations

import pytest

from elman.cli import screen


@pytest.mark.parametrize(("seconds", "lines"), [(0.1, 10), (11.0, 40)])
def test_a_long_epoch_is_worth_a_line(monkeypatch, capsys, seconds, lines):
    clock = [0.0]
    monkeypatch.setattr(screen.time, "perf_counter", lambda: clock[0])
    progress = screen.Progress("training")
    progress.params = {"epochs": 40}
    progress.on_train_begin()
    for epoch in range(40):
        clock[0] += seconds
        progress.on_epoch_end(epoch, {"loss": 0.5})
    progress.on_train_end()
    said = capsys.readouterr()
    assert (said.out + said.err).count("loss 0.5000") == lines
