"""A graph as a number: the same for graphs that compute the same way, whatever their parts are called.

Names and the order in which nodes were made are left out, so that a network built again, or read from a file, has the
digest of the first. Each node's digest covers those of its inputs, so the roots' cover everything.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from elman.graph.node import Graph, Variable

_NAMES = ("name", "variable")


def graph_digest(graph: Graph, variables: Sequence[Variable]) -> str:
    """32 hex digits. variables: those it reads, in an order of their own; their values do not count.

    Example:
        >>> from elman.graph.node import placeholder
        >>> x, y = placeholder("x", (2, 3)), placeholder("y", (2, 3))
        >>> graph_digest(Graph((x,), (x + x,)), ()) == graph_digest(Graph((y,), (y + y,)), ())
        True
        >>> graph_digest(Graph((x,), (x + x,)), ()) == graph_digest(Graph((x,), (x * x,)), ())
        False
    """
    return _of(graph, {id(v): i for i, v in enumerate(variables)}).hex()


def _of(graph: Graph, numbers: Mapping[int, int]) -> bytes:
    inputs = {t.node.serial: i for i, t in enumerate(graph.inputs)}
    found: dict[int, bytes] = {}
    for node in graph.nodes():
        leaf = inputs.get(node.serial, numbers.get(id(node.attrs.get("variable"))))
        attrs = {key: _value(value, numbers) for key, value in node.attrs.items() if key not in _NAMES}
        found[node.serial] = _hash(node.op, leaf, sorted(attrs.items()), _ends(node.inputs, found))
    updates = [numbers.get(id(v)) for v, _ in graph.updates]
    return _hash(len(graph.inputs), len(graph.outputs), updates, _ends(graph.roots, found))


def _ends(tensors: Sequence[Any], found: Mapping[int, bytes]) -> list[tuple[bytes, int]]:
    return [(found[t.node.serial], t.index) for t in tensors]


def _value(value: Any, numbers: Mapping[int, int]) -> Any:
    """An attribute as something whose text says what it is."""
    if isinstance(value, Graph):
        return _of(value, numbers)
    if isinstance(value, np.ndarray):
        return value.dtype.str, value.shape, value.tobytes()
    if isinstance(value, (list, tuple)):
        return [_value(item, numbers) for item in value]
    return str(value)


def _hash(*parts: Any) -> bytes:
    return hashlib.blake2b(repr(parts).encode(), digest_size=16).digest()
