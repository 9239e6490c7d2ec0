"""errors.py: the tree is the one drawn, each error is its builtin too, each text has its four parts."""

from __future__ import annotations

import inspect
import pickle
import re

import numpy as np
import pytest

from elman import errors
from elman.errors import (
    ArgumentError,
    DataError,
    DivergenceError,
    DTypeError,
    ElmanError,
    ElmanWarning,
    MissingExtraError,
    NotBuiltError,
    OverwriteError,
    ReferenceExecutorWarning,
    ShapeError,
    UnknownColumnError,
    UnknownNameError,
    missing_extra,
    reference_executor_warning,
    unknown_column,
    unknown_name,
)

CLASSES = {
    name: cls for name, cls in vars(errors).items() if inspect.isclass(cls) and cls.__module__ == errors.__name__
}


def drawn_tree() -> dict[str, tuple[str, str | None]]:
    """Class name -> (parent, builtin), read from the drawing at the top of errors.py."""
    tree: dict[str, tuple[str, str | None]] = {}
    parents: list[tuple[int, str]] = []
    for line in errors.__doc__.splitlines():
        found = re.match(r"^    ([| `-]*)(\w+(?:Error|Warning))\b(?: +(\w+(?:Error|Warning)|Exception))?(?:  |$)", line)
        if found is None:
            continue
        depth = len(found[1])
        while parents and parents[-1][0] >= depth:
            parents.pop()
        tree[found[2]] = (parents[-1][1] if parents else "", found[3])
        parents.append((depth, found[2]))
    return tree


def test_the_drawn_tree_is_the_real_tree():
    tree = drawn_tree()
    assert set(tree) == set(CLASSES)
    for name, (parent, builtin) in tree.items():
        cls = CLASSES[name]
        if parent:
            assert issubclass(cls, CLASSES[parent]), f"{name} is drawn below {parent}"
        if builtin:
            assert issubclass(cls, getattr(__builtins__, builtin, None) or __builtins__[builtin])


def test_each_error_is_also_a_builtin():
    for name, cls in CLASSES.items():
        assert issubclass(cls, ElmanError | ElmanWarning), name
        if cls is not ElmanError:
            builtins = [base for base in cls.__mro__ if base.__module__ == "builtins"]
            assert builtins[0] not in (Exception, BaseException, object), f"{name} is no particular builtin"


def test_ctrl_c_is_not_caught_with_the_errors():
    assert not any(issubclass(cls, KeyboardInterrupt) for cls in CLASSES.values())


@pytest.mark.parametrize("cls", [cls for cls in CLASSES.values() if issubclass(cls, ElmanError)])
def test_text_has_place_rule_value_and_cure(cls):
    error = cls.at("LSTM 'encoder'", "units", "at least 1", 0, "The usual is 32.")
    assert str(error) == "LSTM 'encoder': units must be at least 1. Received units=0. The usual is 32."
    assert type(error) is cls


def test_text_without_cure_ends_with_the_value():
    assert str(ArgumentError.at("fit", "epochs", "at least 0", -1)) == (
        "fit: epochs must be at least 0. Received epochs=-1."
    )


def test_text_says_why_where_the_rule_does_not_show_it():
    error = DataError.at("fit", "X", "finite", float("nan"), "Fill it.", because="row 7, column 'sales'")
    assert str(error) == "fit: X must be finite. Received X=nan: row 7, column 'sales'. Fill it."


@pytest.mark.parametrize(
    ("cls", "received", "text"),
    [
        (ShapeError, (2, 4), "shape (2, 4)"),
        (ShapeError, "(2, 3) and (4, 5)", "shape (2, 3) and (4, 5)"),
        (ShapeError, "a list of 3 lengths", "a list of 3 lengths"),
        (ShapeError, 5, "x=5"),
        (ShapeError, None, "x=None"),
        (ShapeError, np.zeros((2, 4)), "x=<ndarray of shape (2, 4), float64>"),
        (DTypeError, np.dtype("float32"), "dtype float32"),
        (DTypeError, np.dtype("U7"), "dtype <U7"),
        (DTypeError, "float32 and int32", "dtype float32 and int32"),
        (DTypeError, "a tensor still to be computed", "a tensor still to be computed"),
        (DTypeError, 1.5, "x=1.5"),
        (ArgumentError, (2, 4), "x=(2, 4)"),
        (ArgumentError, "float32", "x='float32'"),
    ],
)
def test_a_shape_is_called_a_shape_and_a_dtype_a_dtype(cls, received, text):
    assert str(cls.at("Dense", "x", "right", received)) == f"Dense: x must be right. Received {text}."


@pytest.mark.parametrize(
    ("rule", "text"),
    [
        ("at least 1", "must be at least 1"),
        ("be at least 1", "must be at least 1"),
        ("have shape (B, 3)", "must have shape (B, 3)"),
        ("not exist yet", "must not exist yet"),
        ("nothing but digits", "must be nothing but digits"),
    ],
)
def test_a_rule_may_bring_its_own_verb(rule, text):
    assert str(ArgumentError.at("f", "x", rule, 0)) == f"f: x {text}. Received x=0."


def test_an_array_is_shown_by_shape_and_dtype():
    error = ArgumentError.at("fit", "X", "a frame", np.zeros((1000, 3), "float32"))
    assert str(error) == "fit: X must be a frame. Received X=<ndarray of shape (1000, 3), float32>."


def test_a_numpy_scalar_is_shown_as_a_number():
    assert "Received rate=1.5." in str(ArgumentError.at("Dropout", "rate", "below 1", np.float64(1.5)))


def test_a_long_value_is_cut():
    text = str(ArgumentError.at("fit", "X", "short", "a" * 10_000))
    assert text.endswith("aaa....") and len(text) < 200


def test_unknown_name_offers_the_nearest():
    error = unknown_name("compile", "optimizer", "Adm", ["sgd", "adam", "adamw"])
    assert type(error) is UnknownNameError
    assert str(error) == (
        "compile: optimizer must be a known name. Received optimizer='Adm'. "
        "Did you mean 'adam' or 'adamw'? Known: 'adam', 'adamw', 'sgd'."
    )


def test_unknown_name_with_nothing_near_lists_what_is_known():
    assert str(unknown_name("Dense", "activation", 7, ["relu"])) == (
        "Dense: activation must be a known name. Received activation=7. Known: 'relu'."
    )
    assert str(unknown_name("Dense", "activation", "x", [])).endswith("Known: none.")


def test_a_long_list_is_shown_only_where_nothing_is_near():
    known = [f"name_{i}" for i in range(21)]
    assert str(unknown_name("f", "x", "nam_7", known)).endswith("Did you mean 'name_7' or 'name_17' or 'name_9'?")
    assert "Known: 'name_0', 'name_1', " in str(unknown_name("f", "x", "?", known))


def test_unknown_column_is_a_key_error_and_its_text_is_not_quoted():
    with pytest.raises(KeyError) as caught:
        raise unknown_column("fit", "target", "sale", ["month", "sales"])
    assert type(caught.value) is UnknownColumnError
    assert str(caught.value) == (
        "fit: target must be a column of the table. Received target='sale'. "
        "Did you mean 'sales'? Known: 'month', 'sales'."
    )


def test_missing_extra_gives_the_pip_line():
    error = missing_extra("read_parquet", "pyarrow", "parquet")
    assert type(error) is MissingExtraError
    assert str(error) == (
        "read_parquet: pyarrow must be installed. Received no module named 'pyarrow'. "
        'Install it with: pip install "elman[parquet]"'
    )


def test_divergence_knows_its_step():
    error = DivergenceError.after(120, float("nan"), "Lower the learning rate.")
    assert error.step == 120
    assert str(error) == (
        "fit: loss must stay finite. Received loss=nan at step 120; the weights of the last good step are kept. "
        "Lower the learning rate."
    )
    assert DivergenceError("not known").step is None


def test_overwrite_error_is_a_file_exists_error_with_a_plain_text():
    error = OverwriteError.at("train", "output", "not exist yet", "m.safetensors", "Pass --force.")
    assert isinstance(error, FileExistsError)
    assert str(error) == "train: output must not exist yet. Received output='m.safetensors'. Pass --force."


def test_the_warning_without_an_extension_gives_the_cure():
    warning = reference_executor_warning("No module named 'elman._native'")
    assert type(warning) is ReferenceExecutorWarning
    text = str(warning)
    assert text.startswith(
        "elman runs on the slow NumPy reference executor: its compiled extension is not available "
        "(No module named 'elman._native'). "
    )
    assert "apt install g++" in text
    assert "xcode-select --install" in text
    assert "ELMAN_EXECUTOR=reference" in text


@pytest.mark.parametrize("error", [NotBuiltError("a"), DivergenceError.after(3, "nan", "b"), OverwriteError("c")])
def test_errors_cross_process_borders(error):
    again = pickle.loads(pickle.dumps(error))
    assert type(again) is type(error)
    assert str(again) == str(error)
    assert again.__dict__ == error.__dict__


def test_an_error_without_a_text_has_an_empty_one():
    assert str(NotBuiltError()) == ""
