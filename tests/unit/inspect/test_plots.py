"""Pictures show what they were given, named, with the split where it was."""

from __future__ import annotations

import sys

import numpy as np
import pytest

from elman import charts
from elman.inspect import plot_history, plot_split


def labels(figure):
    return [text.get_text() for text in figure.axes[0].get_legend().get_texts()]


def test_history_shows_both_losses_on_a_logarithmic_scale():
    figure = plot_history({"loss": [4.0, 2.0, 1.0], "val_loss": [5.0, 3.0, 2.0], "mae": [1.0, 1.0, 1.0]})
    axes = figure.axes[0]
    assert labels(figure) == ["training loss", "validation loss"]
    assert axes.get_yscale() == "log"
    assert axes.lines[0].get_xdata().tolist() == [1, 2, 3]
    assert (axes.get_xlabel(), axes.get_ylabel()) == ("epoch", "loss")


def test_history_stays_linear_where_a_loss_is_not_positive():
    assert plot_history({"loss": [1.0, 0.0]}).axes[0].get_yscale() == "linear"
    assert plot_history({}).axes[0].get_yscale() == "linear"


def test_epochs_are_marked_at_whole_numbers():
    axes = plot_history({"loss": [3.0, 2.0, 1.0]}).axes[0]
    assert all(mark == int(mark) for mark in axes.get_xticks())


def test_split_is_a_red_line_where_the_test_part_begins():
    figure = plot_split(np.arange(10.0), {"model": np.arange(10.0)}, split=8, title="demo", y="x")
    assert labels(figure) == ["series", "model", "train | test"]
    line = figure.axes[0].lines[-1]
    assert (line.get_color(), set(line.get_xdata())) == (charts.SPLIT, {8})


@pytest.mark.parametrize("ending", ["png", "svg", "pdf"])
def test_the_ending_says_the_format(ending, tmp_path):
    path = charts.save(plot_history({"loss": [2.0, 1.0]}), tmp_path / f"picture.{ending}")
    assert path.stat().st_size > 1000


def test_no_window_system_is_asked_for():
    assert charts.canvas(rows=2)[0].axes
    assert "matplotlib.pyplot" not in sys.modules or sys.modules["matplotlib.pyplot"].get_fignums() == []
