"""What docstrings of `elman.ops` and `elman.activations` say of shapes: all say something, and what runs agrees."""

from __future__ import annotations

import inspect
from typing import Any

import pytest

from elman import activations, ops
from elman.graph import Tensor, placeholder

DOORS: dict[str, Any] = {
    f"{door.__name__}.{name}": value
    for door in (ops, activations)
    for name, value in vars(door).items()
    if not name.startswith("_") and inspect.isfunction(value) and name in getattr(door, "__all__", vars(door))
    if "Tensor" in str(inspect.signature(value).return_annotation) and name != "scan"
}
MORE: dict[str, tuple[Any, ...]] = {
    "cast": ("float64",),
    "clip": (0.0, 1.0),
    "cumsum": (0,),
    "flip": (0,),
    "threshold": (0.0, 0.0),
}


def said(function: Any) -> str:
    return " ".join((inspect.getdoc(function) or "").split())


@pytest.mark.parametrize("name", DOORS)
def test_shapes_are_said(name: str) -> None:
    assert "Shapes:" in said(DOORS[name])


@pytest.mark.parametrize("name", [name for name, f in DOORS.items() if "Shapes: any -> as x." in said(f)])
def test_what_keeps_a_shape_keeps_it(name: str) -> None:
    x = placeholder("x", (2, 4, 6))
    made = DOORS[name](x, *MORE.get(name.rsplit(".", 1)[1], ()))
    assert isinstance(made, Tensor)
    assert made.shape == x.shape


@pytest.mark.parametrize("name", [name for name, f in DOORS.items() if "without the axes, or with them" in said(f)])
def test_what_takes_axes_away_takes_them(name: str) -> None:
    x = placeholder("x", (2, 4, 6))
    assert DOORS[name](x, axis=1).shape == (2, 6)
    assert DOORS[name](x, axis=1, keepdims=True).shape == (2, 1, 6)
