"""Keras's other names of layers: the same classes, so programs that use them run, and files hold the longer names."""

from __future__ import annotations

from elman.layers.convolution import Conv1D, Conv2D
from elman.layers.depthwise import SeparableConv1D, SeparableConv2D
from elman.layers.global_pooling import (
    GlobalAveragePooling1D,
    GlobalAveragePooling2D,
    GlobalMaxPooling1D,
    GlobalMaxPooling2D,
)
from elman.layers.pooling import AveragePooling1D, AveragePooling2D, MaxPooling1D, MaxPooling2D

AvgPool1D, AvgPool2D = AveragePooling1D, AveragePooling2D
Convolution1D, Convolution2D = Conv1D, Conv2D
GlobalAvgPool1D, GlobalAvgPool2D = GlobalAveragePooling1D, GlobalAveragePooling2D
GlobalMaxPool1D, GlobalMaxPool2D = GlobalMaxPooling1D, GlobalMaxPooling2D
MaxPool1D, MaxPool2D = MaxPooling1D, MaxPooling2D
SeparableConvolution1D, SeparableConvolution2D = SeparableConv1D, SeparableConv2D
