"""Windows and horizons: the right rows, as views."""

from __future__ import annotations

import numpy as np
import pytest

from elman.errors import ArgumentError, DataError
from elman.fields import horizons, origins, windows


def test_windows_are_views_of_the_series():
    values = np.arange(12.0).reshape(6, 2)
    seen = windows(values, 3)
    assert seen.shape == (4, 3, 2)
    assert np.shares_memory(seen, values)
    assert not seen.flags.writeable
    assert seen[1].tolist() == [[2, 3], [4, 5], [6, 7]]


def test_a_horizon_starts_where_its_window_ends():
    values = np.arange(10)
    for window, horizon in zip(windows(values, 4), horizons(values, 4, 3), strict=False):
        assert horizon.tolist() == [window[-1] + 1, window[-1] + 2, window[-1] + 3]


def test_there_are_as_many_origins_as_whole_pairs():
    assert len(origins(0, 9, 4, 3)) == len(horizons(np.arange(10), 4, 3))
    assert len(origins(0, 5, 4, 3)) == 0


def test_a_window_as_long_as_the_series_is_one_window():
    assert windows(np.arange(4), 4).tolist() == [[0, 1, 2, 3]]


def test_a_window_longer_than_the_series_is_an_error():
    text = r"window must not be longer than the series. Received window=5: the series has 4 rows. Choose a shorter"
    with pytest.raises(DataError, match=text):
        windows(np.arange(4), 5)


def test_window_and_horizon_together_must_fit():
    with pytest.raises(DataError, match=r"rows must be at least 6. Received rows=5: a window of 4 and a horizon of 2"):
        horizons(np.arange(5), 4, 2)


@pytest.mark.parametrize("length", [0, -1, 1.5, "3", True, None])
def test_lengths_are_whole_numbers_from_one(length):
    with pytest.raises(ArgumentError, match=r"horizon must be a whole number from 1. Received horizon="):
        horizons(np.arange(5), 2, length)
