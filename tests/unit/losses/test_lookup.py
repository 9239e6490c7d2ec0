"""Names, configurations and defaults of losses."""

from __future__ import annotations

import pytest

from elman import losses
from elman.errors import ArgumentError, UnknownNameError
from elman.graph import placeholder
from elman.losses.lookup import CLASSES, KNOWN
from elman.shapes import B, T
from tests.golden.reader import document

KERAS = document("keras_defaults")["losses"]


@pytest.mark.parametrize("name", sorted(set(CLASSES) & set(KERAS)))
def test_defaults_are_kerass(name):
    expected = {k: v for k, v in KERAS[name]["config"].items() if k != "dtype"}
    config = CLASSES[name]().get_config()
    # Keras has the first two, but leaves them out of its configurations; the others are elman's own.
    quiet = (("axis", -1), ("delta", 1.0), ("blank", 0), ("label_smoothing", 0.0))
    config = {k: v for k, v in config.items() if k in expected or (k, v) not in quiet}
    assert config == expected


@pytest.mark.parametrize("name", sorted(CLASSES))
def test_a_configuration_makes_the_same_loss(name):
    loss = CLASSES[name](reduction="sum", name="mine", dtype="float64")
    again = losses.get(losses.serialize(loss))
    assert type(again) is type(loss)
    assert again.get_config() == loss.get_config()


@pytest.mark.parametrize("name", sorted(KNOWN))
def test_every_name_makes_a_loss(name):
    assert isinstance(losses.get(name), losses.Loss)


def test_what_compile_accepts():
    mse = losses.MeanSquaredError()
    assert losses.get(mse) is mse
    assert isinstance(losses.get(losses.Huber), losses.Huber)
    own = losses.get(lambda y_true, y_pred: y_true - y_pred)
    assert own(placeholder("y", (B, 1)), placeholder("p", (B, 1))).shape == ()
    assert losses.get(losses.mean_absolute_error).name == "mean_absolute_error"


@pytest.mark.parametrize(
    ("y_true", "y_pred", "kind"),
    [
        ((B, 1), (B, 1), losses.BinaryCrossentropy),
        ((B,), (B, 4), losses.SparseCategoricalCrossentropy),
        ((B, T, 1), (B, T, 4), losses.SparseCategoricalCrossentropy),
        ((B, 4), (B, 4), losses.CategoricalCrossentropy),
    ],
)
def test_crossentropy_means_the_one_that_fits(y_true, y_pred, kind):
    assert type(losses.resolve("crossentropy", placeholder("y", y_true), placeholder("p", y_pred))) is kind


def test_other_words_resolve_as_get_does():
    assert type(losses.resolve("mse", placeholder("y", (B,)), placeholder("p", (B,)))) is losses.MeanSquaredError


def test_an_unknown_name_is_answered_with_near_ones():
    with pytest.raises(UnknownNameError) as error:
        losses.get("mean_square_error")
    assert str(error.value).startswith(
        "losses.get: loss must be a known name. Received loss='mean_square_error'. Did you mean 'mean_squared_error'"
    )
    with pytest.raises(UnknownNameError, match=r"class_name must be a known name\. Received class_name='Nothing'"):
        losses.get({"class_name": "Nothing"})


def test_what_is_no_loss_is_refused():
    with pytest.raises(ArgumentError) as error:
        losses.get(3)
    assert str(error.value) == (
        "losses.get: loss must be a name, a Loss, a function of (y_true, y_pred) or a configuration. Received loss=3. "
        "For example loss='mean_squared_error'."
    )


def test_a_loss_of_ones_own_cannot_be_written_down():
    with pytest.raises(ArgumentError) as error:
        losses.serialize(losses.FunctionLoss(lambda a, b: a, name="mine"))
    assert str(error.value) == (
        "losses.serialize: loss must be one of elman's own to be saved. Received loss='mine'. "
        "Pass it to compile() again after loading."
    )
