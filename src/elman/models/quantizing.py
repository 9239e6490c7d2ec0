"""Weights in 8 bits, for prediction alone: which ones may be kept so, the change itself, and what it costs.

A weight may be where products alone read it, whole or some of its columns: kernels and recurrent kernels of every cell,
and of `Dense`. No layer knows of it: a product with a `QuantizedVariable` traces another operator.

Source: Jacob et al. 2018, "Quantization and Training of Neural Networks for Efficient Integer-Arithmetic-Only
    Inference", section 2, with a scale for each column and a zero point of 0; rows of activations get theirs as they
    come, which is called dynamic quantisation. No number is calibrated or trained.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, final

import numpy as np

from elman import dtypes, optimizers
from elman.errors import ArgumentError, WeightsError
from elman.graph import Graph, Node, Tensor, Variable
from elman.graph.node import QuantizedVariable
from elman.graph.operators import LONGEST_EXACT
from elman.layers.base import Layer
from elman.models.structure import every_layer, parts_of
from elman.training import Signature, predict_graph, release, weights_of

__all__ = ["Filters", "Quantization", "in_place_of", "keep_in_codes", "quantize_model"]

Filters = str | Sequence[str] | Callable[[Layer], bool] | None

LEAST = 4096
"""Numbers of a matrix from which it is worth while: smaller ones cost little and lose as much."""

END = 127
"""The largest code; -128 has no negative."""


@final
@dataclass(frozen=True)
class Quantization:
    """What `Model.quantize` did: numbers for programs, and as text for people.

    Attributes:
        weights: names of the weights that are kept in int8 now.
        bytes_before, bytes_after: of all weights of the model.
        count: output numbers that were compared; 0 where no data were given, and then what follows is 0 or empty.
        largest, mean: difference of an output after and before. size: of an output before, on average.
        metrics_before, metrics_after: what `evaluate` gives, where targets were given.
    Example:
        >>> print(Quantization(("lstm/lstm_cell/kernel",), 4_000, 1_010))
        1 weight in int8: 1,010 bytes instead of 4,000 (25.2 %)
    """

    weights: tuple[str, ...]
    bytes_before: int
    bytes_after: int
    count: int = 0
    largest: float = 0.0
    mean: float = 0.0
    size: float = 0.0
    metrics_before: Mapping[str, float] = field(default_factory=dict)
    metrics_after: Mapping[str, float] = field(default_factory=dict)

    def __str__(self) -> str:
        number = f"{len(self.weights)} weight{'s' * (len(self.weights) > 1)} in int8"
        share = 100 * self.bytes_after / self.bytes_before
        lines = [f"{number}: {self.bytes_after:,} bytes instead of {self.bytes_before:,} ({share:.1f} %)"]
        if self.count:
            apart = f"largest {self.largest:.2g}, mean {self.mean:.2g}"
            lines.append(f"{self.count:,} outputs of mean size {self.size:.2g} differ: {apart}")
        lines += [f"{name}: {was:.4f} -> {self.metrics_after[name]:.4f}" for name, was in self.metrics_before.items()]
        return "\n".join(lines)


def quantize_model(model: Any, mode: str, x: Any, y: Any, filters: Filters) -> Quantization:
    """What `Model.quantize` does.

    Raises: ArgumentError: another mode, targets without data, nothing to quantize. WeightsError: NaN among weights.
    """
    where = f"{model.where}.quantize"
    if mode != "int8":
        raise ArgumentError.at(where, "mode", "'int8'", mode, "For bfloat16 see dtype='mixed_bfloat16'.")
    if y is not None and (x is None or not model.compiled):
        lacks = "no x" if x is None else "a model that was not compiled"
        raise ArgumentError.at(where, "y", "given with x, to a compiled model", lacks, "Pass x, and compile first.")
    found = _chosen(model, where, filters)
    codes = {id(v): _coded(where, v) for v in found}
    before, outputs, metrics = _bytes(model), _outputs(model, x), _metrics(model, x, y)
    keep_in_codes(model, codes)
    made = Quantization(tuple(v.name for v in found), before, _bytes(model))
    if x is None:
        return made
    apart = np.abs(_outputs(model, x) - outputs)
    count = max(apart.size, 1)
    return replace(
        made,
        count=apart.size,
        largest=float(np.max(apart, initial=0.0)),
        mean=float(np.sum(apart) / count),
        size=float(np.sum(np.abs(outputs)) / count),
        metrics_before=metrics,
        metrics_after=_metrics(model, x, y),
    )


def keep_in_codes(model: Any, kept: Mapping[int, QuantizedVariable]) -> None:
    """Put matrices of codes in the place of weights, named by identity; plans are made anew at their next use."""
    layers = every_layer(model)
    for layer in layers:
        layer.replace_weights(kept)
    release(weights_of(model.program()))
    model.forget_plans()
    if model.optimizer is not None:
        model.optimizer = optimizers.get(optimizers.serialize(model.optimizer))  # its slots were for the floats


def _bytes(model: Any) -> int:
    return sum(v.value.nbytes for v in weights_of(model.program()))


def _outputs(model: Any, x: Any) -> np.ndarray:
    """Every output number for x in one array."""
    return np.concatenate([np.zeros(0), *_arrays([] if x is None else model.predict(x, verbose=0))])


def _arrays(outputs: Any) -> Iterator[np.ndarray]:
    """The arrays of outputs in lists and dicts, flat and in float64."""
    if isinstance(outputs, (list, tuple, dict)):
        for part in outputs.values() if isinstance(outputs, dict) else outputs:
            yield from _arrays(part)
    else:
        yield np.asarray(outputs, np.float64).reshape(-1)


def _metrics(model: Any, x: Any, y: Any) -> dict[str, float]:
    return {} if y is None else dict(model.evaluate(x, y, verbose=0, return_dict=True))


# ---- which weights -------------------------------------------------------------------------------------------------


def _chosen(model: Any, where: str, filters: Filters) -> list[Variable]:
    """Weights large enough that products alone read, in order, of the layers asked for."""
    program = model.program()
    graph = predict_graph(program, Signature((False,) * len(program.inputs)))
    readers = _Readers(graph)
    wanted = {id(v) for layer in parts_of(model) if _matches(layer, filters) for v in layer.weights}
    found = [v for v in weights_of(program) if id(v) in wanted and readers.products_alone(v) and v.value.size >= LEAST]
    if not found:
        rule = f"made of layers with kernels of {LEAST} or more float32 numbers, and chosen by filters"
        cure = "Small models are fast as they are; a model is quantized once."
        raise ArgumentError.at(where, "model", rule, "none of them", cure)
    return found


def _matches(layer: Layer, filters: Filters) -> bool:
    if filters is None or callable(filters):
        return filters is None or bool(filters(layer))
    patterns = [filters] if isinstance(filters, str) else filters
    return any(re.search(pattern, layer.name) for pattern in patterns)


class _Readers:
    """Who reads the variables of a graph: the right side of a product, or others."""

    def __init__(self, graph: Graph) -> None:
        self.products: set[int] = set()
        self.others: set[int] = set()
        self._visit(graph, {})

    def products_alone(self, v: Variable) -> bool:
        """Whether nobody but products of floats reads a matrix."""
        plain = v.dtype == dtypes.FLOAT32 and len(v.shape) == 2 and v.shape[0] <= LONGEST_EXACT
        return plain and id(v) in self.products and id(v) not in self.others

    def _visit(self, graph: Graph, captured: Mapping[int, Variable]) -> None:
        """captured: the variables that inputs of a scan's body stand for, by serial."""
        for node in graph.nodes():
            for i, t in enumerate(node.inputs):
                v = _source(t, captured)
                if v is not None and not _columns(node) and not _captures(node, i):
                    (self.products if _is_factor(node, i) else self.others).add(id(v))
            if node.op == "Scan":
                body: Graph = node.attrs["body"]
                pairs = zip(body.inputs, node.inputs, strict=False)
                self._visit(body, {a.node.serial: v for a, b in pairs if (v := _source(b, captured)) is not None})
        self.others |= {id(v) for t in graph.roots if (v := _source(t, captured)) is not None}


def _source(t: Tensor, captured: Mapping[int, Variable]) -> Variable | None:
    """The variable that a tensor is, or some columns of which it is."""
    while _columns(t.node):
        t = t.node.inputs[0]
    found: Variable | None = captured.get(t.node.serial, t.node.attrs.get("variable"))
    return found


def _columns(node: Node) -> bool:
    return node.op == "Slice" and node.attrs["axis"] == 1 and node.attrs["step"] == 1


def _captures(node: Node, i: int) -> bool:
    """Whether a scan's body has input i as it is, at every step."""
    return node.op == "Scan" and i >= node.attrs["carries"] + node.attrs["sequences"]


def _is_factor(node: Node, i: int) -> bool:
    turned = node.attrs.get("transpose_a") or node.attrs.get("transpose_b")
    return node.op == "MatMul" and i == 1 and not turned


def _coded(where: str, v: Variable) -> QuantizedVariable:
    """A matrix in codes: each column in units of 1/127 of its largest size. Raises: WeightsError: NaN or infinity."""
    if not np.isfinite(v.value).all():
        cure = "Train again, or load the last good weights."
        raise WeightsError.at(where, f"weight '{v.name}'", "of finite numbers", "NaN or infinity", cure)
    scale = np.abs(v.value).max(axis=0, initial=0) / np.float32(END)
    codes = np.rint(v.value / np.where(scale > 0, scale, 1)).clip(-END, END).T
    return in_place_of(v, codes, scale)


def in_place_of(v: Variable, codes: np.ndarray, scale: np.ndarray) -> QuantizedVariable:
    """Codes and scales under the name of a weight. Shapes: weight (K, N), codes (N, K), scale (N,)."""
    parts = Variable(codes, v.name, dtype=dtypes.INT8), Variable(scale, f"{v.name}_scale", dtype=dtypes.FLOAT32)
    return QuantizedVariable(*parts, trainable=v.trainable)
