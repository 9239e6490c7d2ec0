"""The layers between given inputs and outputs, found by walking back from the outputs, and the way to trace them again.

Every tensor that a layer made remembers the call (`Tensor.origin`). To train, the same calls are made on new tensors:
dropout then drops, lengths of ragged data are known, penalties are collected. Operators between layers (`a + b`) are
copied node by node.
"""

from __future__ import annotations

import functools
import itertools
from collections.abc import Callable, Sequence
from typing import Any

from elman.errors import ArgumentError, ShapeError
from elman.graph import Node, Tensor, placeholder
from elman.layers.base import Call, Layer, tracing
from elman.layers.core import InputLayer, start_of
from elman.shapes import Dim, T, filled, is_symbol

__all__ = ["Network"]


class Network:
    """A piece of graph between inputs and outputs.

    Args: again: traces it on other tensors, where that is more than to make the calls again. Shapes: as `trace`.
    Attributes:
        layers: every layer once, in the order in which they are first called.
        calls: every call with the tensors it gave, in order.
    Raises: ArgumentError: an output depends on an input that is not given, two layers share a name, or one uses a
        tensor of the network that it was not called on.
    """

    def __init__(
        self,
        where: str,
        inputs: Sequence[Tensor],
        outputs: Sequence[Tensor],
        again: Callable[[Sequence[Tensor]], list[Tensor]] | None = None,
    ) -> None:
        self.where = where
        self._again = again
        self.inputs = tuple(inputs)
        self.outputs = tuple(outputs)
        self.calls: list[tuple[Call, list[Tensor]]] = []
        self._given = {id(t): i for i, t in enumerate(self.inputs)}
        self._calls_of: dict[int, list[Tensor]] = {}
        self._walk(self.outputs)
        self.layers: list[Layer] = list({id(c.layer): c.layer for c, _ in self.calls}.values())
        _check_names(where, self.layers)
        for call, made in self.calls if again is None else ():
            _check_given(where, call, made)

    @functools.cached_property
    def starts(self) -> list[InputLayer]:
        """The inputs as layers."""
        return [start_of(t) for t in self.inputs]

    def trace(self, tensors: Sequence[Tensor]) -> list[Tensor]:
        """The outputs on other input tensors. Shapes: tensors as the inputs -> as the outputs."""
        if self._again is not None:
            return self._again(tensors)
        replay = _Replay(self._given, tensors, _fixed(self.inputs, tensors))
        for call, _ in self.calls:  # in order, so that the recursion below stays shallow
            replay.called(call)
        return [replay(t) for t in self.outputs]

    def apart(self) -> tuple[tuple[Tensor, ...], tuple[Tensor, ...]]:
        """Inputs that may differ in length, as far as the layers allow, and the outputs made of them.

        `Input((None, n))` calls every open axis T. Where the network can be traced with a symbol of its own for an
        input, as that of a decoder can, the input gets one; where it cannot, the lengths must be equal.
        """
        inputs, outputs = self.inputs, self.outputs
        used = {s for t in inputs for d in t.shape if isinstance(d, Dim) for s in d.symbols}
        for i, t in enumerate(inputs):
            if not any(T in other.shape[1:] for other in inputs[:i]) or T not in t.shape[1:]:
                continue
            own = Dim.symbol(next(name for n in itertools.count(2) if (name := f"T{n}") not in used))
            shape = tuple(own if d == T else d for d in t.shape)
            leaf = placeholder(t.node.attrs["name"], shape, t.dtype)
            leaf.mask = t.mask
            tried = (*inputs[:i], leaf, *inputs[i + 1 :])
            try:
                with tracing(training=False):
                    outputs = tuple(self.trace(tried))
            except ShapeError:
                continue
            used |= own.symbols
            inputs = tried
        return inputs, outputs

    def _walk(self, roots: Sequence[Tensor]) -> None:
        """Collect the calls behind the roots, arguments first; a stack of our own, for a network may be deep."""
        seen: set[int] = set()
        stack: list[tuple[Tensor, bool]] = [(t, False) for t in reversed(roots)]
        while stack:
            tensor, done = stack.pop()
            if id(tensor) in self._given or (id(tensor) in seen and not done):
                continue
            if done:
                self._collect(tensor)
                continue
            seen.add(id(tensor))
            stack.append((tensor, True))
            stack.extend((t, False) for t in reversed(_sources(tensor)))

    def _collect(self, tensor: Tensor) -> None:
        call = tensor.origin
        if call is None:
            if tensor.node.op == "Input":
                name = tensor.node.attrs["name"]
                cure = "Add it to inputs, or build the outputs from the inputs you gave."
                raise ArgumentError.at(
                    self.where, "outputs", "made from the inputs alone", name, cure, because="it is an Input too"
                )
            return
        key = id(call.kwargs)
        if key not in self._calls_of:
            self._calls_of[key] = []
            self.calls.append((call, self._calls_of[key]))
        self._calls_of[key].append(tensor)


class _Replay:
    """Makes calls again on other tensors, each once."""

    def __init__(self, given: dict[int, int], tensors: Sequence[Tensor], sizes: dict[str, int]) -> None:
        self.given = given
        self.tensors = tensors
        self.sizes = sizes
        self.calls: dict[int, Any] = {}
        self.nodes: dict[int, Node] = {}

    def __call__(self, tensor: Tensor) -> Tensor:
        at = self.given.get(id(tensor))
        if at is not None:
            return self.tensors[at]
        if tensor.origin is not None:
            return self.called(tensor.origin)
        node = tensor.node
        if not node.inputs:
            return tensor
        if node.serial not in self.nodes:
            attrs = {k: _filled(v, self.sizes) for k, v in node.attrs.items()}
            self.nodes[node.serial] = Node(node.op, [self(t) for t in node.inputs], attrs)
        made = self.nodes[node.serial].outputs[tensor.index]
        made.mask = tensor.mask
        return made

    def called(self, call: Call) -> Tensor:
        """The output of a call, made if it was not."""
        key = id(call.kwargs)
        if key not in self.calls:
            args = _mapped(self, call.args)
            kwargs = _mapped(self, call.kwargs)
            self.calls[key] = _tensors(call.layer(*args, **kwargs))
        found: Tensor = self.calls[key][call.index]
        return found


def _fixed(before: Sequence[Tensor], now: Sequence[Tensor]) -> dict[str, int]:
    """Numbers of what was open in the inputs and is not in the tensors that stand in for them."""
    pairs = [pair for t, new in zip(before, now, strict=True) for pair in zip(t.shape, new.shape, strict=True)]
    return {repr(d): new for d, new in pairs if isinstance(d, Dim) and isinstance(new, int) and is_symbol(d)}


def _filled(value: Any, sizes: dict[str, int]) -> Any:
    """An attribute with those numbers in its sizes."""
    if isinstance(value, tuple):
        return tuple(_filled(v, sizes) for v in value)
    return filled(value, sizes) if isinstance(value, Dim) else value


def _sources(tensor: Tensor) -> list[Tensor]:
    """The tensors a tensor was made from: arguments of its call, or operands of its node."""
    call = tensor.origin
    return _tensors([call.args, call.kwargs]) if call is not None else list(tensor.node.inputs)


def _tensors(value: Any) -> list[Tensor]:
    """Every tensor in nested lists, tuples and dicts."""
    if isinstance(value, Tensor):
        return [value]
    if isinstance(value, dict):
        value = list(value.values())
    return [t for item in value for t in _tensors(item)] if isinstance(value, (list, tuple)) else []


def _mapped(replay: _Replay, value: Any) -> Any:
    """The value with every tensor replayed."""
    if isinstance(value, Tensor):
        return replay(value)
    if isinstance(value, (list, tuple)):
        return type(value)(_mapped(replay, item) for item in value)
    if isinstance(value, dict):
        return {k: _mapped(replay, v) for k, v in value.items()}
    return value


def _check_names(where: str, layers: Sequence[Layer]) -> None:
    names = [layer.name for layer in layers]
    double = next((n for n in names if names.count(n) > 1), None)
    if double is not None:
        raise ArgumentError.at(
            where,
            "layers",
            "of different names",
            double,
            "Give one of them another name=.",
            because="two layers have it",
        )


def _check_given(where: str, call: Call, made: Sequence[Tensor]) -> None:
    """Raises: ArgumentError: a function or a layer that uses a tensor from around it: made again, it uses the old."""
    given = _tensors([call.args, call.kwargs])
    masks = [m for t in given if t.mask is not None for m in (t.mask.lengths, t.mask.values) if m is not None]
    known = {_key(t) for t in masks}
    seen = known | {_key(t) for t in given}
    stack = list(made)
    while stack:
        t = stack.pop()
        if _key(t) in seen:
            continue
        seen.add(_key(t))
        if t.node.serial > call.start:
            stack.extend(t.node.inputs)
        elif _from_inputs(t, known):
            rule, because = "called on all that it uses", f"it uses {_named(t)} too"
            cure = f"Pass that as well: {type(call.layer).__name__}(...)([x, other])."
            names = " and ".join(map(_named, given))
            raise ArgumentError.at(where, f"layer '{call.layer.name}'", rule, names, cure, because=because)


def _from_inputs(tensor: Tensor, but: set[tuple[int, int]]) -> bool:
    """Whether an input of a network is behind a tensor, other than behind some."""
    seen, stack = set(but), [tensor]
    while stack:
        t = stack.pop()
        if _key(t) in seen:
            continue
        if t.node.op == "Input":
            return True
        seen.add(_key(t))
        stack.extend(t.node.inputs)
    return False


def _key(tensor: Tensor) -> tuple[int, int]:
    return tensor.node.serial, tensor.index


def _named(tensor: Tensor) -> str:
    """The input, the layer or the operator that a tensor is of."""
    return str(tensor.node.attrs.get("name", tensor.node.op) if tensor.origin is None else tensor.origin.layer.name)
