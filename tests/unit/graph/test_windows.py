"""The words of convolution and pooling: shapes that come out, and what they refuse."""

from __future__ import annotations

import pytest

from elman import ops
from elman.errors import ArgumentError, ShapeError
from elman.graph import apply, placeholder
from elman.graph.windows import places
from elman.shapes import B, T, share

PAIRS = {"kernel": (2,), "strides": (2,), "dilations": (1,), "pads": ((0, 0),)}


def real(*shape, dtype="float32"):
    return placeholder("x", shape, dtype)


@pytest.mark.parametrize("stride", [1, 2, 3, 5])
@pytest.mark.parametrize("kernel", [1, 2, 3, 4])
def test_an_open_axis_has_the_places_of_a_known_one(kernel, stride):
    for padding in ("valid", "same", "causal"):
        if padding == "same" and 1 < kernel < stride:
            continue
        for size in range(kernel if padding == "valid" else 0, 14):
            known = places("test", size, kernel, stride, 1, padding)
            opened = places("test", T, kernel, stride, 1, padding)
            assert known == (opened if isinstance(opened, int) else opened.evaluate({"T": size}))
            assert padding == "valid" or known == -(-size // stride)


def test_shapes():
    assert ops.conv(real(B, T, 3), real(5, 3, 4)).shape == (B, T - 4, 4)
    assert ops.conv(real(B, T, 3), real(5, 3, 4), 2, "same").shape == (B, share(T + 1, 2), 4)
    assert ops.conv(real(B, 9, T, 3), real(2, 3, 3, 4), dilation_rate=(3, 1)).shape == (B, 6, T - 2, 4)
    assert ops.conv(real(B, T, 6), real(1, 2, 9)).shape == (B, T, 9)
    assert ops.max_pool(real(B, 9, 7, 2), (2, 3)).shape == (B, 4, 2, 2)
    assert ops.average_pool(real(B, 9, 2), 3, 1, [(0, 1)]).shape == (B, 8, 2)


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (
            lambda: ops.conv(real(B, 4), real(3, 4, 2)),
            ShapeError,
            "conv: x must be of rank 3 or 4: batch, one or two axes the window moves along, channels. "
            "Received shape (B, 4). The window is (3,): reshape x to fit it.",
        ),
        (
            lambda: ops.conv(real(B, 2, 4), real(4, 4, 2)),
            ShapeError,
            "Conv: x must be as long as the window, (4,) with dilations (1,). Received shape (B, 2, 4). Take",
        ),
        (
            lambda: ops.conv(real(B, 5, 4), real(3, 3, 2)),
            ShapeError,
            "Conv: kernel must be of shape (window..., channels of x, filters), with x of",
        ),
        (
            lambda: ops.conv(real(B, 5, 4), real(3, 4, 2), bias=real(3)),
            ShapeError,
            "Conv: bias must be of shape (2,) and type float32.",
        ),
        (
            lambda: ops.conv(real(B, 5, 4), real(3, 4, 2), padding="full"),
            ArgumentError,
            "conv: padding must be one of valid, same, causal. Received padding='full'. Or give pairs of numbers.",
        ),
        (
            lambda: ops.conv(real(B, T, 4), real(2, 4, 2), 3, "same"),
            ShapeError,
            'conv: x must be of known size for padding "same" with strides larger than the window. Received',
        ),
        (
            lambda: apply("MaxPool", real(B, 4, 1), **{**PAIRS, "kernel": (2, 2)}),
            ShapeError,
            "MaxPool: x must be of rank 4: batch, 2 axes the window moves along, channels.",
        ),
        (
            lambda: apply("MaxUnpool", real(B, 4, 1), real(B, 4, 1), **PAIRS),
            ShapeError,
            "MaxUnpool: g must be of shape (B, 2, 1). Received shape (B, 4, 1). One number a window.",
        ),
    ],
)  # fmt: skip
def test_what_does_not_fit(make, error, message):
    with pytest.raises(error) as caught:
        make()
    assert message in str(caught.value)
