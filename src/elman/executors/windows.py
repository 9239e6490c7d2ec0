"""What the operators of `graph/windows.py` mean, in NumPy: element by element of the window, all places at once.

A *tap* is one element of the window. At the place p it looks at p * stride + tap * dilation - before; what lies
outside x is padding: 0 in a sum, absent from a mean, never the largest.
"""

from __future__ import annotations

import functools
import itertools
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from elman.errors import ShapeError
from elman.graph.node import Node
from elman.graph.operators import slid
from elman.shapes import evaluate

Values = Sequence[np.ndarray]
Sizes = Mapping[str, int]


class Tap(NamedTuple):
    """One element of the window. places: what it looks at, as an index of x; inside: whether in x (1, S'..., 1)."""

    places: tuple[Any, ...]
    inside: np.ndarray

    def read(self, x: np.ndarray, fill: float = 0.0) -> np.ndarray:
        """What it sees at each place. Shapes: x (B, S..., C) -> (B, S'..., C)."""
        if 0 in x.shape[1:-1]:
            return np.full((x.shape[0], *self.inside.shape[1:-1], x.shape[-1]), fill, x.dtype)
        seen: np.ndarray = np.where(self.inside, x[self.places], x.dtype.type(fill))
        return seen

    def add(self, to: np.ndarray, values: np.ndarray) -> None:
        """Add to what it looks at. Shapes: values (B, S'..., C)."""
        if 0 not in to.shape[1:-1]:
            np.add.at(to, self.places, np.where(self.inside, values, 0))


def taps(n: Node, shape: Sequence[int], kernel: Sequence[int], s: Sizes) -> list[Tap]:
    """Every element of the window, the last axis fastest, over x of this shape (B, S..., C)."""
    axes = []
    for size, k, stride, dilation, ends in zip(
        shape[1:-1], kernel, n.attrs["strides"], n.attrs["dilations"], n.attrs["pads"], strict=True
    ):
        before, after = evaluate(ends, s)
        places = slid(size, k, stride, dilation, (before, after))
        assert isinstance(places, int)
        if places < 0:
            raise shorter(size, dilation * (k - 1) + 1 - before - after)
        axes.append([np.arange(places) * stride + tap * dilation - before for tap in range(k)])
    found = []
    for chosen in itertools.product(*axes):
        limits = list(zip(chosen, shape[1:-1], strict=True))
        inside = functools.reduce(np.logical_and.outer, [(at >= 0) & (at < size) for at, size in limits])
        index = np.ix_(*[np.clip(at, 0, max(size - 1, 0)) for at, size in limits])
        found.append(Tap((slice(None), *index), inside[None, ..., None]))
    return found


def shorter(size: int, needed: int) -> ShapeError:
    """The error for a sequence that a window does not fit into."""
    rule = f"at least {needed} steps long, as the window is"
    return ShapeError.at("window", "x", rule, size, "The sequence is shorter than the model needs.")


def conv(n: Node, v: Values, s: Sizes) -> Any:
    """Conv: x (B, S..., C), kernel (K..., C, N) [, bias (N,)]."""
    x, kernel = v[:2]
    weights = kernel.reshape(-1, *kernel.shape[-2:])
    seen = taps(n, x.shape, kernel.shape[:-2], s)
    out = np.zeros(evaluate(n.outputs[0].shape, s), x.dtype)
    for tap, w in zip(seen, weights, strict=True):
        out = out + tap.read(x) @ w
    return out + v[2] if len(v) > 2 else out


def conv_kernel(n: Node, v: Values, s: Sizes) -> Any:
    """ConvKernel: x (B, S..., C), g (B, S'..., N) -> (K..., C, N)."""
    x, g = v
    rows = g.reshape(-1, g.shape[-1])
    made = [tap.read(x).reshape(-1, x.shape[-1]).T @ rows for tap in taps(n, x.shape, n.attrs["kernel"], s)]
    return np.stack(made).reshape(*n.attrs["kernel"], x.shape[-1], g.shape[-1])


def _winners(n: Node, x: np.ndarray, s: Sizes) -> tuple[list[Tap], np.ndarray, np.ndarray]:
    """The taps, which of them is the first largest (-1: all are -inf), and what it sees."""
    all_taps = taps(n, x.shape, n.attrs["kernel"], s)
    seen = np.stack([tap.read(x, -np.inf) for tap in all_taps])
    at = seen.argmax(axis=0)
    best = np.take_along_axis(seen, at[None], 0)[0]
    return all_taps, np.where(best == -np.inf, -1, at), best


def max_pool(n: Node, v: Values, s: Sizes) -> Any:
    """MaxPool: x, or what stands in a second tensor where x is the largest; 0 if that is -inf."""
    all_taps, at, best = _winners(n, v[0], s)
    if len(v) == 1:
        return best
    return sum(np.where(at == i, tap.read(v[1]), 0) for i, tap in enumerate(all_taps))


def max_unpool(n: Node, v: Values, s: Sizes) -> Any:
    """MaxUnpool: x (B, S..., C), g (B, S'..., C) -> as x."""
    all_taps, at, _ = _winners(n, v[0], s)
    out = np.zeros_like(v[0])
    for i, tap in enumerate(all_taps):
        tap.add(out, np.where(at == i, v[1], 0))
    return out


def _counts(all_taps: Sequence[Tap]) -> np.ndarray:
    """How many taps lie in x at each place, at least 1."""
    return np.maximum(sum(tap.inside.astype(np.int64) for tap in all_taps), 1)


def average_pool(n: Node, v: Values, s: Sizes) -> Any:
    """AveragePool: the sum over the taps inside, by their number."""
    all_taps = taps(n, v[0].shape, n.attrs["kernel"], s)
    return sum(tap.read(v[0]) for tap in all_taps) / _counts(all_taps)


def average_unpool(n: Node, v: Values, s: Sizes) -> Any:
    """AverageUnpool: g (B, S'..., C) -> (B, S..., C)."""
    out = np.zeros(evaluate(n.outputs[0].shape, s), v[0].dtype)
    all_taps = taps(n, out.shape, n.attrs["kernel"], s)
    for tap in all_taps:
        tap.add(out, v[0] / _counts(all_taps))
    return out
