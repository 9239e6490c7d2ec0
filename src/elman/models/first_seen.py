"""Inputs of a model that was given none, from the first it sees: data, tensors, or shapes told to `build`.

What is seen does not always tell the inputs: axes between the batch and the features may be open or of a known size,
and a list of arrays may be several inputs or rows of one. So there are several readings, the most open one first; the
model takes the first that its `call`, or its stack, can be traced on.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from elman import dtypes
from elman.errors import ArgumentError
from elman.graph import Tensor
from elman.layers import Input
from elman.models.network import Network
from elman.training.arrays import is_ragged

__all__ = ["first_that", "from_data", "from_shape", "from_tensors", "is_whole", "read_as", "shapes_in"]

Shape = tuple[Any, ...]

MIXED = 4
"""Up to so many inputs, open and known shapes are tried in every combination."""


class _Seen(NamedTuple):
    """One input: the shapes it may have, the most open one first, and its number type."""

    shapes: list[Shape]
    dtype: str


def first_that(build: Callable[[Any], None], readings: Sequence[Any]) -> None:
    """Build a model from the first of these readings that it can be built from. Raises: what the last one raises."""
    for reading in readings[:-1]:
        try:
            return build(reading)
        except Exception:  # noqa: BLE001, S112  # whatever a call does with a shape that it is not for
            continue
    return build(readings[-1])


def from_data(x: Any, dtype: str) -> list[Any]:
    """Readings of data: a tensor, or tensors in a list or dict, as x is. dtype: of real numbers."""
    if isinstance(x, Mapping):
        return _readings({k: _of_array(v, dtype) for k, v in x.items()})
    if not isinstance(x, (list, tuple)) or is_ragged(x) or not all(hasattr(v, "shape") or is_ragged(v) for v in x):
        return _readings(_of_array(x, dtype))
    several = _readings([_of_array(v, dtype) for v in x])
    alike = isinstance(x, list) and len({_shape_of(v) for v in x}) == 1
    rows = alike and not any(is_ragged(v) for v in x)  # may be those of one array
    return [*several, *_readings(_of_array(x, dtype))] if rows else several


def from_shape(shape: Any, dtype: str) -> list[Any]:
    """The inputs of a shape, batch first, or of several in a list or dict. dtype: of real numbers.

    Raises: ArgumentError: no shape.
    """
    if not isinstance(shape, (list, tuple, Mapping)) or not shape:
        raise ArgumentError.at("build", "input_shape", "a shape with the batch first", shape, "Pass (None, 10, 3).")
    if isinstance(shape, Mapping):
        return _readings({k: _Seen([_any_rows(s)], dtype) for k, s in shape.items()})
    several = all(isinstance(s, (list, tuple)) for s in shape)
    return _readings([_Seen([_any_rows(s)], dtype) for s in shape] if several else _Seen([_any_rows(shape)], dtype))


def from_tensors(x: Any, dtype: str) -> list[Any]:
    """Readings of what a layer was called on; none where tensors lie deeper than in a list or dict.

    dtype: of real numbers.
    """
    items = list(x.values()) if isinstance(x, Mapping) else x if isinstance(x, (list, tuple)) else [x]
    if not items or not all(isinstance(t, Tensor) for t in items):
        return []
    if isinstance(x, Mapping):
        return _readings({k: _of_tensor(t, dtype) for k, t in x.items()})
    return _readings([_of_tensor(t, dtype) for t in x] if isinstance(x, (list, tuple)) else _of_tensor(x, dtype))


def read_as(network: Network, x: Any) -> Any:
    """The inputs in the number types that the layers which read them want; x itself where they have them."""
    wanted = {id(t): _wanted(network, t) for t in network.inputs}
    if all(wanted[id(t)] == t.dtype for t in network.inputs):
        return x

    def again(t: Tensor) -> Tensor:
        shape = [d if isinstance(d, int) else None if i == 0 else str(d) for i, d in enumerate(t.shape)]
        return Input(batch_shape=shape, dtype=wanted[id(t)], name=t.node.attrs["name"])

    if isinstance(x, Mapping):
        return {k: again(t) for k, t in x.items()}
    return [again(t) for t in x] if isinstance(x, (list, tuple)) else again(x)


def is_whole(x: Any) -> bool:
    """Whether data are whole numbers."""
    return _numbers(x).dtype.kind in "iu"


def shapes_in(x: Any, tokens: bool) -> list[Shape]:
    """The shapes that data may have, the most open one first.

    tokens: whether rows of numbers alone may be tokens, of which there may be any number.
    """
    shape = _any_rows(_shape_of(x))
    if is_ragged(x):
        alone = [shape[:2]] if np.ndim(x[0]) == 1 else []
        return [*alone, shape] if tokens else [shape, *alone]
    return [shape] if np.ndim(x) < 2 or (len(shape) == 2 and not tokens) else [_opened(shape), shape]


def _shape_of(x: Any) -> Shape:
    """The shape of data, batch first, an axis of 1 where there is only the batch; None for the steps of ragged data."""
    if is_ragged(x):
        return (None, None, *(np.shape(x[0])[1:] or (1,)))
    shape = tuple(x.shape) if hasattr(x, "shape") else np.shape(x)
    return shape if len(shape) > 1 else (*shape, 1)


def _opened(shape: Shape) -> Shape:
    """The shape with all open but the features, if it has any."""
    return (None, None) if len(shape) == 2 else (None, *(None for _ in shape[1:-1]), shape[-1])


def _any_rows(shape: Sequence[Any]) -> Shape:
    return (None, *shape[1:])


def _wanted(network: Network, t: Tensor) -> str:
    """Indices where a layer that takes the input looks something up, reals where it computes with them."""
    if t.dtype == dtypes.BOOL:
        return t.dtype
    reader: Any = next((call.layer for call, _ in network.calls if any(arg is t for arg in call.args)), None)
    if hasattr(type(reader), "network") and reader.built and len(reader.inputs) == 1:
        return str(reader.inputs[0].dtype)
    return t.dtype if reader is None or reader.input_kind == "any" else str(reader.input_dtype)


def _of_array(x: Any, dtype: str) -> _Seen:
    whole = is_whole(x)
    seen = dtypes.INT32 if whole else dtypes.BOOL if _numbers(x).dtype.kind == "b" else dtype
    return _Seen(shapes_in(x, whole or not is_ragged(x)), seen)


def _numbers(x: Any) -> np.ndarray:
    return np.asarray(x[0] if is_ragged(x) else x)


def _of_tensor(t: Tensor, dtype: str) -> _Seen:
    """Arrays that a model is called on say as much as those that it is fitted to."""
    known = (None, *(d if isinstance(d, int) else None for d in t.shape[1:]))
    seen = dtype if dtypes.is_real(t.dtype) else t.dtype
    return _Seen([_opened(known), known] if t.node.op == "Constant" else [known], seen)


def _readings(form: Any) -> list[Any]:
    """The inputs of what was seen, the most open ones first."""
    seen = list(form.values()) if isinstance(form, Mapping) else form if isinstance(form, list) else [form]
    ways = [list(dict.fromkeys(one.shapes)) for one in seen]
    mixed = itertools.product(*ways) if len(ways) <= MIXED else zip(*((w[0], w[-1]) for w in ways), strict=True)
    return [_inputs(form, shapes) for shapes in mixed]


def _inputs(form: Any, shapes: Iterable[Shape]) -> Any:
    given = iter(shapes)
    if isinstance(form, Mapping):
        return {k: Input(batch_shape=next(given), dtype=one.dtype, name=str(k)) for k, one in form.items()}
    if isinstance(form, list):
        return [Input(batch_shape=next(given), dtype=one.dtype) for one in form]
    return Input(batch_shape=next(given), dtype=form.dtype)
