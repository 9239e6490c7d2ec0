"""Anchors: what the network is asked for plus what is known gives the future, for every choice."""

from __future__ import annotations

import numpy as np
import pytest

from elman.fields import windows
from elman.tasks.representation import ANCHORS, Representation, candidates
from tests.tolerances import nearly

SEASON, WINDOW, HORIZON = 4, 5, 9


@pytest.mark.parametrize("anchor", ANCHORS)
def test_target_and_anchor_make_the_future(anchor, rng):
    z, choice = rng.normal(size=(60, 2)), Representation("none", anchor, SEASON)
    origins = np.arange(choice.lead(WINDOW) + WINDOW - 1, 60 - HORIZON)
    future = windows(z, HORIZON)[origins + 1]
    assert choice.targets(z, origins, HORIZON) + choice.anchors(z, origins, HORIZON) == nearly(future)


@pytest.mark.parametrize("anchor", ANCHORS)
def test_nothing_after_the_origin_is_seen(anchor, rng):
    z, choice = rng.normal(size=(60, 1)), Representation("none", anchor, SEASON)
    origins = np.array([30])
    seen, known = choice.inputs(z, origins, WINDOW), choice.anchors(z, origins, HORIZON)
    z[31:] = 1e9
    assert choice.inputs(z, origins, WINDOW) == nearly(seen)
    assert choice.anchors(z, origins, HORIZON) == nearly(known)


@pytest.mark.parametrize("anchor", ANCHORS)
def test_the_first_window_needs_no_row_before_the_series(anchor, rng):
    z, choice = rng.normal(size=(60, 1)), Representation("none", anchor, SEASON)
    first = np.array([choice.lead(WINDOW) + WINDOW - 1])
    moved = np.concatenate([np.full((3, 1), 1e9), z])
    far = int(1e9) * len(moved)  # what the row of 1e9 leaves of a sum's digits
    assert choice.inputs(z, first, WINDOW) == nearly(choice.inputs(moved, first + 3, WINDOW), length=far)
    assert choice.anchors(z, first, HORIZON) == nearly(choice.anchors(moved, first + 3, HORIZON), length=far)


def test_a_seasonal_series_with_drift_leaves_nothing_to_ask_for():
    z = (np.arange(40) // SEASON * 2.0 + np.tile([0.0, 5.0, 1.0, 3.0], 10))[:, None]
    choice = Representation("none", "drift", SEASON)
    assert choice.targets(z, np.arange(12, 30), HORIZON) == nearly(0)


def test_the_logarithm_comes_back_and_takes_the_smallest_before_for_what_has_none():
    choice = Representation("log", shift=1.0)
    values = np.array([[0.0, 2.0], [5.0, 2.0]])
    assert choice.backward(choice.forward(values, values.min(axis=0))) == nearly(values)
    plain = Representation("log")
    falling = np.array([[0.0], [9.0], [4.0], [0.0], [6.0], [-3.0], [2.0], [0.0]])
    assert plain.lowest(falling).tolist() == [2.0]
    known = plain.backward(plain.forward(falling, np.array([5.0])))
    assert known == nearly(np.array([[5.0], [9.0], [4.0], [4.0], [6.0], [4.0], [2.0], [2.0]]))


def test_candidates_are_what_series_and_user_allow():
    positive, negative = [np.array([[1.0], [2.0]])], [np.array([[-1.0], [2.0]])]
    assert len(candidates(positive, 12, "auto", "auto")) == 8
    assert {choice.transform for choice in candidates(negative, 12, "auto", "auto")} == {"none"}
    assert [choice.name for choice in candidates(positive, 1, "log", "last")] == ["log, last"]
    assert candidates(negative, 1, "log", "auto") == []
