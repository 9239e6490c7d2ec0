"""The series field: scaling learned once, on the training part; back and forth without loss."""

from __future__ import annotations

import json

import numpy as np
import pytest

from elman.errors import DataError, NotBuiltError, ShapeError, UnknownNameError
from elman.fields import Series
from elman.fields.missing import fill_missing
from elman.fields.scaling import Moments
from tests.tolerances import assert_close, nearly


@pytest.mark.parametrize(
    ("scaling", "center", "scale"),
    [("standard", 2.5, np.std([1, 2, 3, 4])), ("minmax", 1, 3), ("robust", 2.5, 1.5), ("none", 0, 1)],
)
def test_each_scaling_learns_its_center_and_scale(scaling, center, scale):
    field = Series(scaling).fit([1, 2, 3, 4])
    assert field.center.tolist() == [center]
    assert field.scale.tolist() == nearly([scale])


@pytest.mark.parametrize("scaling", ["standard", "minmax", "robust", "none"])
def test_decode_undoes_encode_for_values_never_seen(scaling, rng):
    field = Series(scaling).fit(rng.normal(5, 3, (50, 2)))
    new = rng.normal(100, 30, (7, 2))
    assert_close(field.decode(field.encode(new)), new, length=1, dtype=np.float32)


def test_a_constant_channel_becomes_zero_and_comes_back():
    field = Series().fit(np.full((9, 1), 0.1))
    assert field.encode([0.1]).tolist() == [[0.0]]
    assert field.decode(np.zeros((1, 1))).tolist() == [[0.1]]


def test_a_channel_that_seldom_differs_keeps_its_median_under_robust_scaling():
    field = Series("robust").fit(np.array([[9.0], *[[0.0]] * 18, [3.0]]))
    assert field.encode([9.0, 0]).tolist() == [[9.0], [0.0]]


def test_the_state_is_json_and_restores_the_field(rng):
    field = Series("robust", "interpolate", ["a", "b"]).fit(rng.normal(size=(9, 2)))
    restored = Series.from_state(json.loads(json.dumps(field.state())))
    assert restored.state() == field.state()
    assert restored.describe() == field.describe()


def test_encoding_uses_nothing_of_the_values_it_encodes():
    field = Series().fit([0.0, 2.0])
    assert field.encode([1000.0]).tolist() == [[999.0]]


@pytest.mark.parametrize(
    ("call", "error", "text"),
    [
        (lambda: Series("standart"), UnknownNameError, r"scaling='standart'. Did you mean 'standard'\?"),
        (lambda: Series(missing="interpolat"), UnknownNameError, r"Did you mean 'interpolate'\?"),
        (lambda: Series().fit([]), DataError, r"Series.fit: values must have at least one row. Received values=0."),
        (
            lambda: Series(columns=["sales"]).fit([1, np.nan]),
            DataError,
            r"Series.fit: data must be finite. Received data=nan: row 1, column 'sales'. Fill or drop the row",
        ),
        (lambda: Series("none", "interpolate").fit([1, np.inf]), DataError, r"Received data=inf: row 1, column '0'"),
        (lambda: Series().encode([1]), NotBuiltError, r"Series.encode needs a fitted field"),
        (lambda: Series().fit([1, 2]).encode([[1, 2]]), ShapeError, r"have 1 channels. Received shape \(1, 2\)"),
        (
            lambda: Series().fit(np.zeros((2, 2, 2, 2))),
            ShapeError,
            r"\(N,\) or \(N, channels\), or be a column of such series. Received shape",
        ),
    ],
)
def test_bad_input_is_named(call, error, text):
    with pytest.raises(error, match=text):
        call()


def test_interpolation_is_linear_inside_and_flat_outside():
    values = np.array([np.nan, 1.0, np.nan, np.nan, 4.0, np.nan])[:, None]
    assert fill_missing("fit", values, ["y"], "interpolate")[:, 0].tolist() == [1, 1, 2, 3, 4, 4]


def test_a_channel_without_any_value_cannot_be_filled():
    with pytest.raises(DataError, match=r"fit: data must have a value. Received data=nan: column 'b' is empty"):
        fill_missing("fit", np.array([[1.0, np.nan]]), ["a", "b"], "interpolate")


def test_a_column_of_series_is_scaled_by_all_its_rows():
    field = Series().fit([np.array([0.0, 1.0]), np.array([2.0])])
    assert field.center.tolist() == [1.0]
    assert [row.shape for row in field.encode([np.array([1.0, 1.0]), np.zeros(0)])] == [(2, 1), (0, 1)]


def test_two_axes_are_one_long_series_and_three_a_column(rng):
    field = Series().fit(rng.normal(size=(9, 2)))
    assert field.encode(np.zeros((4, 2))).shape == (4, 2)
    assert field.encode(np.zeros((3, 4, 2))).shape == (3, 4, 2)
    assert field.encode([[1.0, 2.0], [3.0, 4.0]]).shape == (2, 2)


def test_a_gap_in_a_column_is_named_with_its_sample():
    with pytest.raises(DataError, match=r"Received data=nan: sample 1, row 2, column '0'"):
        Series().fit([np.zeros(3), np.array([1.0, 2.0, np.nan])])


NAN = float("nan")


def test_what_is_missing_is_said_by_channels_of_its_own():
    """Gaps repeat the last value, before the first one the center; 1 says that it was missing."""
    field = Series(missing="indicate").fit([[[1.0, NAN], [3.0, 10.0]], [[NAN, 20.0]]])
    assert (field.shape, field.center.tolist(), field.scale.tolist()) == ((None, 4), [2.0, 15.0], [1.0, 5.0])
    rows = field.encode([[[NAN, 20.0], [1.0, NAN], [NAN, NAN]], [[3.0, 15.0]], []])
    assert rows[0].tolist() == [[0, 1, 1, 0], [-1, 1, 0, 1], [-1, 1, 1, 1]]
    assert rows[1].tolist() == [[1, 0, 0, 0]]
    assert rows[2].shape == (0, 4)
    again = Series.from_state(field.state())
    assert again.encode([[[NAN, 20.0]]]).tolist() == [[[0, 1, 1, 0]]]


def test_a_gap_may_be_none_but_not_infinite_nor_a_whole_channel():
    field = Series(missing="indicate").fit([[1.0, None, 3.0], [1.0]])
    assert [len(row) for row in field.encode([[None], [1.0, 2.0]])] == [1, 2]
    with pytest.raises(DataError, match=r"Series\.encode: data must be finite\. Received data=inf: sample 0, row 1"):
        field.encode([[1.0, np.inf], [1.0]])
    with pytest.raises(DataError, match=r"Series\.fit: values must have a value in every channel.*: channel 1\."):
        Series(missing="indicate").fit([[[1.0, NAN]], [[2.0, NAN]]])


@pytest.mark.parametrize("scaling", ["standard", "minmax", "robust"])
@pytest.mark.parametrize("size", [2.0**-100, 2.0**-40, 2.0**100])
def test_numbers_of_any_size_are_scaled_alike(scaling, size):
    values = np.array([[1.0, 0.1], [2.0, 0.1], [4.0, 0.1], [5.0, 0.1]])
    one, other = Series(scaling).fit(values), Series(scaling).fit(values * size)
    assert (other.encode(values * size) == one.encode(values)).all()
    assert (other.encode(values * size)[:, 1] == 0).all()
    assert (other.decode(other.encode(values * size))[:, 1] == values[:, 1] * size).all()


@pytest.mark.parametrize(("samples", "expected"), [([0.0, 1e-9], (5e-10, 5e-10)), ([0.3, 0.3], (0.3, 1.0))])
def test_moments_of_small_numbers_are_theirs_and_those_of_a_constant_are_none(samples, expected):
    moments = Moments(1)
    moments.add(np.array(samples)[:, None])
    center, scale = moments.center_and_scale()
    assert (center[0] / expected[0], scale[0] / expected[1]) == nearly((1.0, 1.0))
