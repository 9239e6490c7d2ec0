"""The table of layers."""

from __future__ import annotations

import pytest

from elman.errors import ArgumentError
from elman.layers import Add, Dense, Input, SimpleRNN
from elman.models import Model, Sequential


def lines(model: Model, **arguments: object) -> list[str]:
    found: list[str] = []
    model.summary(print_fn=found.append, **arguments)
    return found


def tutorial() -> Sequential:
    return Sequential([SimpleRNN(32, input_shape=(1, 4), name="rnn"), Dense(8, name="d")], name="m")


def test_the_whole_table() -> None:
    assert lines(tutorial()) == [
        'Model: "m"',
        "__________________________________________________________________",
        " Layer (type)                 Output Shape              Param #",
        "==================================================================",
        " rnn (SimpleRNN)              (None, 32)                1,184",
        " d (Dense)                    (None, 8)                 264",
        "==================================================================",
        "Total params: 1,448 (5.66 KB)",
        "Trainable params: 1,448 (5.66 KB)",
        "Non-trainable params: 0 (0.00 B)",
        "__________________________________________________________________",
    ]


def test_it_prints(capsys: pytest.CaptureFixture[str]) -> None:
    tutorial().summary()
    assert capsys.readouterr().out.startswith('Model: "m"\n')


def test_a_model_that_is_not_built() -> None:
    text = lines(Sequential([Dense(2, name="d")], name="m"))
    assert text[4].split() == ["d", "(Dense)", "?", "0", "(unbuilt)"]


def test_frozen_layers_and_optimizer_state_are_counted_apart() -> None:
    model = tutorial()
    model.layers[1].trainable = False
    model.compile("rmsprop", "mse")
    import numpy as np

    model.fit(np.ones((2, 1, 4)), np.ones((2, 8)), verbose=0)
    text = "\n".join(lines(model, show_trainable=True))
    assert "Trainable params: 1,184 (" in text
    assert "Non-trainable params: 264 (" in text
    assert "Optimizer params: 1,186 (" in text  # velocity, iterations, learning rate
    assert text.splitlines()[4].endswith("Y")
    assert text.splitlines()[5].endswith("N")


def test_connections_are_told_where_there_is_more_than_a_chain() -> None:
    a, b = Input((3,), name="a"), Input((3,), name="b")
    joined = Add(name="sum")([Dense(2, name="left")(a), Dense(2, name="right")(b)])
    text = "\n".join(lines(Model([a, b], Dense(1, name="out")(joined * 2.0), name="m")))
    assert "Connected to" in text
    assert "left, right" in text
    assert "out (Dense)" in text
    assert text.splitlines()[-6].split()[-1] == "sum"


def test_parts_of_the_table() -> None:
    model = Sequential([tutorial(), Dense(3, name="x"), Dense(1, name="y")], name="outer")
    assert any(line.startswith("   rnn (SimpleRNN)") for line in lines(model, expand_nested=True))
    assert [line.split()[0] for line in lines(model, layer_range=["x", "y"])[4:6]] == ["x", "y"]
    assert len(lines(model, line_length=80)[1]) == 80
    assert lines(model, line_length=100, positions=[0.5, 0.8, 1.0])[2].index("Output") == 51
    with pytest.raises(ArgumentError, match="summary: layer_range must be two names of layers"):
        lines(model, layer_range=["x", "z"])
