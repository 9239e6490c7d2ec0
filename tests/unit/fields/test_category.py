"""Classes, labels and numbers of a sample."""

from __future__ import annotations

import numpy as np
import pytest

from elman.errors import ArgumentError, DataError, DTypeError, ShapeError, UnknownNameError
from elman.fields import Category, Labels, Number
from elman.fields.category import OTHER


def test_classes_are_in_order_numbers_before_texts():
    assert Category().fit(["b", 10, 9, "a"]).classes == [9, 10, "a", "b"]


def test_numpy_classes_become_plain():
    classes = Category().fit(np.array([2, 1])).classes
    assert [type(name) for name in classes] == [int, int]


def test_an_unknown_class_may_have_a_class_of_its_own():
    field = Category("other").fit(["a", "b"])
    assert field.size == 3
    assert field.encode(["c", "a"]).tolist() == [2, 0]
    assert field.decode([2]) == [OTHER]


def test_one_score_a_sample_speaks_of_the_second_of_two_classes():
    assert Category().fit(["no", "yes"]).decode(np.array([[0.9], [0.5], [0.1]])) == ["yes", "no", "no"]


def test_a_single_class_is_known_and_comes_back():
    field = Category().fit(["only"] * 4)
    assert field.describe() == "category: 1 class: 'only'"
    assert field.decode(field.encode(["only"])) == ["only"]


def test_many_classes_are_described_by_a_few():
    assert Category().fit(list(range(20))).describe().endswith("7 and 12 more")


def test_labels_reach_a_threshold():
    field = Labels(threshold=0.9).fit([["a"], ["b"]])
    assert field.decode([[0.95, 0.8], [0.1, 0.1]]) == [["a"], []]


def test_unknown_labels_may_be_ignored():
    assert Labels(unknown="ignore").fit([{"a"}]).encode([["a", "b"]]).tolist() == [[1.0]]


@pytest.mark.parametrize("scaling", ["standard", "minmax", "robust"])
def test_numbers_that_are_missing_do_not_count_in_the_scale(scaling):
    field = Number(scaling, missing="mean").fit([1.0, None, 2.0, None, None, 9.0])
    known = Number(scaling).fit([1.0, 2.0, 9.0])
    assert field.learned() == known.learned()
    assert field.encode([None]).tolist() == [[0.0]]


def test_a_missing_number_may_become_the_mean():
    field = Number(missing="mean").fit([1.0, None, 3.0])
    assert field.encode([None]).tolist() == [[0.0]]
    assert field.decode([[0.0]]).tolist() == [2.0]


def test_a_table_of_numbers_keeps_its_columns(rng):
    values = rng.normal(size=(5, 3))
    field = Number("minmax").fit(values)
    assert field.shape == (3,)
    assert field.encode(values).min() == 0.0
    assert field.decode(field.encode(values)).shape == (5, 3)


@pytest.mark.parametrize(
    ("call", "error", "text"),
    [
        (lambda: Category("ignore"), UnknownNameError, r"Category: unknown must be a known name"),
        (
            lambda: Category().fit(["a", None]),
            DataError,
            r"Category.fit: values must have a value in every row. Received values=None: row 1. Fill or drop the row",
        ),
        (
            lambda: Category().fit(["a", "b"]).encode(["a", "c"]),
            DataError,
            r"Received values='c': row 1; known are 'a', 'b'. Correct it, or pass unknown='other'",
        ),
        (lambda: Category().fit([["a"]]), DTypeError, r"Category.fit: values must be text or numbers. .*list: row 0"),
        (lambda: Labels().fit(["a"]), DTypeError, r"Labels.fit: values must be lists of labels. .*separator='\|'"),
        (lambda: Labels().fit([[], []]), DataError, r"Labels.fit: values must have a label in some row"),
        (
            lambda: Labels().fit(np.eye(3)),
            DataError,
            r"be lists of labels. Received values='a matrix of 0 and 1'. Name",
        ),
        (lambda: Labels().fit([[True, False], [True, True]]), DataError, r"a matrix of 0 and 1"),
        (lambda: Labels(threshold=1), ArgumentError, r"Labels: threshold must be between 0 and 1"),
        (lambda: Labels(unknown="other"), UnknownNameError, r"Labels: unknown must be a known name"),
        (lambda: Labels().fit([["a"]]).encode([["b"]]), DataError, r"labels of the training part. .*'b': row 0"),
        (lambda: Labels().fit([["a"]]).decode([[1, 2]]), ShapeError, r"batch must have shape \(N, 1\)"),
        (lambda: Number("wide"), UnknownNameError, r"Number: scaling must be a known name"),
        (lambda: Number(missing="zero"), UnknownNameError, r"Number: missing must be a known name"),
        (lambda: Number().fit([1, "x"]), DataError, r"Number.fit: values must be numbers. Received values='x': row 1"),
        (lambda: Number().fit([[1], [1, 2]]), DataError, r"values must have one shape in every row"),
        (lambda: Number().fit([1, np.nan]), DataError, r"be finite. Received values=nan: row 1. .*missing='mean'"),
        (
            lambda: Number(missing="mean").fit([None, None]),
            DataError,
            r"values must have a number. .*column 0 is empty",
        ),
        (lambda: Number().fit([1, 2]).encode([[1, 2]]), ShapeError, r"have 1 columns. Received shape \(1, 2\)"),
        (lambda: Number().fit(np.zeros((2, 2, 2))), ShapeError, r"have shape \(N,\) or \(N, columns\)"),
    ],
)
def test_bad_input_is_named(call, error, text):
    with pytest.raises(error, match=text):
        call()
