"""Names and configurations: what may be saved, what is refused."""

from __future__ import annotations

import pytest

from elman import layers, ops
from elman.errors import ArgumentError, UnknownNameError
from elman.layers import Dense, Layer, constraints, deserialize, initializers, register, regularizers, serialize
from elman.layers import activations as act


def test_an_unknown_class_is_told_with_the_nearest():
    with pytest.raises(
        UnknownNameError, match=r"class_name must be a known name\. Received class_name='LTSM'\. Did you mean 'LSTM'"
    ):
        deserialize({"class_name": "LTSM", "config": {}})


@pytest.mark.parametrize(
    ("family", "name", "near"),
    [
        (act, "tahn", "tanh"),
        (initializers, "glorot_unifrom", "glorot_uniform"),
        (regularizers, "l1l3", "l1l2"),
        (constraints, "maxnrom", "max_norm"),
    ],
)
def test_an_unknown_name_is_told_with_the_nearest(family, name, near):
    with pytest.raises(
        UnknownNameError, match=rf"must be a known name\. Received .*='{name}'\. Did you mean .*'{near}'"
    ):
        family.get(name)


def test_the_layer_and_the_argument_are_named():
    with pytest.raises(
        UnknownNameError, match=r"^Dense 'd': activation must be a known name\. Received activation='rleu'"
    ):
        Dense(2, activation="rleu", name="d")
    with pytest.raises(UnknownNameError, match=r"LSTM 'l': recurrent_initializer must be a known name"):
        layers.LSTM(2, recurrent_initializer="ortogonal", name="l")


@pytest.mark.parametrize("config", [None, 3, {"config": {}}, {"class_name": 3}])
def test_what_is_no_configuration_is_told(config):
    with pytest.raises(ArgumentError, match=r"class_name must be \{'class_name': \.\.\., 'config'"):
        deserialize(config)


def test_what_cannot_be_named_is_told():
    with pytest.raises(
        ArgumentError, match=r"initializer must be a name, a configuration or a callable\. Received initializer=3"
    ):
        initializers.get(3)


def test_lambdas_and_strangers_are_not_saved():
    class Stranger(Layer):
        def call(self, x):
            return x

    for value, name in ((lambda x: x, "<lambda>"), (Stranger(), "Stranger"), (object(), "object")):
        with pytest.raises(
            ArgumentError, match=rf"must be registered to be saved\. Received value='{name}'\. Decorate it"
        ):
            serialize(value)


def test_a_registered_function_is_saved_by_name():
    @register
    def cube(x):
        return x * x * x

    layer = Dense(2, activation=cube)
    assert serialize(layer)["config"]["activation"] == "cube"
    assert deserialize(serialize(layer)).activation is cube
    lam = layers.Lambda(cube)
    assert serialize(lam)["config"]["function"] == "cube"


def test_the_same_name_twice_is_told_unless_it_is_the_same_class():
    def define():
        @register
        class Again(Layer):
            def call(self, x):
                return x

        return Again

    define()
    newer = define()  # a notebook's cell run again
    assert type(deserialize({"class_name": "Again", "config": {}})) is newer
    with pytest.raises(ArgumentError, match=r"class must have a name nobody else has.*'LSTM'.*Rename it"):

        @register
        class LSTM(Layer):
            def call(self, x):
                return x


def test_only_families_are_registered():
    with pytest.raises(
        ArgumentError, match=r"class must be derived from Layer, Initializer, Regularizer or Constraint"
    ):

        @register
        class Loose:
            pass


def test_layers_as_activations():
    layer = Dense(2, activation=layers.LeakyReLU(0.2, name="leak"))
    again = deserialize(serialize(layer))
    assert again.activation.negative_slope == 0.2


def test_families_have_names_of_their_own():
    assert isinstance(initializers.get("identity"), initializers.Identity)
    assert regularizers.get("l1_l2").get_config() == {"l1": 0.01, "l2": 0.01}
    assert regularizers.get({"class_name": "L2", "config": {"l2": 0.5}}).l2 == 0.5
    assert regularizers.get(None) is None
    assert constraints.get("NonNeg") is not None
    assert initializers.get(initializers.Zeros).get_config() == {}
    assert act.get(None) is act.linear
    assert act.get("swish") is act.silu
    assert act.get(ops.tanh) is ops.tanh
