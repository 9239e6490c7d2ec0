"""Keras's other names of layers: the same classes, or functions that call one, so that programs which use them run."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from elman.graph.node import Tensor
from elman.layers.convolution import Conv1D, Conv2D
from elman.layers.depthwise import SeparableConv1D, SeparableConv2D
from elman.layers.global_pooling import (
    GlobalAveragePooling1D,
    GlobalAveragePooling2D,
    GlobalMaxPooling1D,
    GlobalMaxPooling2D,
)
from elman.layers.merging import Add, Average, Concatenate, Dot, Maximum, Merge, Minimum, Multiply, Subtract
from elman.layers.pooling import AveragePooling1D, AveragePooling2D, MaxPooling1D, MaxPooling2D

AvgPool1D, AvgPool2D = AveragePooling1D, AveragePooling2D
Convolution1D, Convolution2D = Conv1D, Conv2D
GlobalAvgPool1D, GlobalAvgPool2D = GlobalAveragePooling1D, GlobalAveragePooling2D
GlobalMaxPool1D, GlobalMaxPool2D = GlobalMaxPooling1D, GlobalMaxPooling2D
MaxPool1D, MaxPool2D = MaxPooling1D, MaxPooling2D
SeparableConvolution1D, SeparableConvolution2D = SeparableConv1D, SeparableConv2D


def _called(kind: type[Merge]) -> Callable[..., Tensor]:
    """The layer as a function of the tensors it joins."""
    name = kind.__name__

    def function(inputs: Sequence[Tensor], *args: Any, **options: Any) -> Tensor:
        one = isinstance(inputs, Tensor)  # and others behind it, where a list is wanted: the layer says so
        made: Tensor = kind()(inputs, *args) if one else kind(*args, **options)(inputs)
        return made

    function.__name__ = function.__qualname__ = name.lower()
    function.__doc__ = f"""`{name}` as a function: {name.lower()}([a, b]) is {name}()([a, b]).

    Args: inputs: a list of tensors. The others: of `{name}`.
    Shapes: as `{name}`.
    """
    return function


add, average, concatenate, dot = _called(Add), _called(Average), _called(Concatenate), _called(Dot)
maximum, minimum = _called(Maximum), _called(Minimum)
multiply, subtract = _called(Multiply), _called(Subtract)
