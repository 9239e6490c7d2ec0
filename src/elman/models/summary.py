"""The table of layers that every tutorial prints. Plain text, Keras's columns."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from elman import dtypes
from elman.errors import ArgumentError
from elman.graph import Graph, Tensor, Variable
from elman.layers.base import Layer
from elman.models.structure import parts_of

__all__ = ["summary"]

Row = tuple[str, ...]


def summary(
    model: Any,
    line_length: int | None = None,
    positions: Sequence[float] | None = None,
    print_fn: Callable[[str], Any] | None = None,
    expand_nested: bool = False,
    show_trainable: bool = False,
    layer_range: Sequence[str] | None = None,
) -> None:
    """Print the table, line by line, with print_fn."""
    show = print_fn or print
    connected = _branches(model)
    titles: Row = (
        "Layer (type)",
        "Output Shape",
        "Param #",
        *(("Connected to",) if connected else ()),
        *(("Trainable",) if show_trainable else ()),
    )
    rows = list(_rows(model, _picked(model, layer_range), connected, show_trainable, expand_nested, 0))
    widths = _widths([titles, *rows], line_length, positions)
    length = sum(widths)
    show(f'Model: "{model.name}"')
    show("_" * length)
    show(_line(titles, widths))
    show("=" * length)
    for row in rows:
        show(_line(row, widths))
    show("=" * length)
    for line in _totals(model):
        show(line)
    show("_" * length)


def _rows(
    model: Any, layers: Sequence[Any], connected: bool, trainable: bool, nested: bool, depth: int
) -> Iterator[Row]:
    tensors = _outputs_of(model)
    if connected and depth == 0 and model.built:
        for t in model.inputs:
            yield (f"{t.node.attrs['name']} (InputLayer)", _shape(t), "0", "-", *(("-",) if trainable else ()))
    for layer in layers:
        made = tensors.get(id(layer), [])
        count = sum(math.prod(w.shape) for w in layer.weights)
        shape = _shape(made[0]) if len(made) == 1 else f"[{', '.join(_shape(t) for t in made)}]" if made else "?"
        params = f"{count:,}" if layer.built or count else "0 (unbuilt)"
        sources = (", ".join(_sources(made[0], model)) if made else "-",) if connected else ()
        yield (
            "  " * depth + f"{layer.name} ({type(layer).__name__})",
            shape,
            params,
            *sources,
            *(("Y" if layer.trainable else "N",) if trainable else ()),
        )
        if nested and hasattr(layer, "summary"):
            yield from _rows(layer, parts_of(layer), connected, trainable, nested, depth + 1)


def _outputs_of(model: Any) -> dict[int, list[Tensor]]:
    """The tensors each layer gave at its first call; nothing for a model that is not built."""
    if not model.built:
        return {}
    found: dict[int, list[Tensor]] = {}
    for call, outputs in model.network.calls:
        found.setdefault(id(call.layer), sorted(outputs, key=lambda t: int(t.origin.index)))
    return found


def _branches(model: Any) -> bool:
    """Whether the network is more than a chain, so that connections need telling."""
    if not model.built:
        return False
    calls = model.network.calls
    chain = all(len(_sources(outputs[0], model)) == 1 for _, outputs in calls)
    sources = [_sources(outputs[0], model)[0] for _, outputs in calls] if chain else []
    return not chain or len(set(sources)) < len(sources) or len(model.inputs) > 1 or len(model.outputs) > 1


def _sources(t: Tensor, model: Any) -> list[str]:
    """Names of the layers and inputs a call was made on, through the operators between."""
    found: list[str] = []
    stack = _tensors([t.origin.args, t.origin.kwargs])
    while stack:
        x = stack.pop(0)
        name = (
            x.node.attrs["name"]
            if x.node.op == "Input" and x.origin is None
            else x.origin.layer.name
            if x.origin is not None
            else None
        )
        if name is None:
            stack = [*x.node.inputs, *stack]
        elif name not in found:
            found.append(name)
    return found


def _tensors(value: Any) -> list[Tensor]:
    if isinstance(value, Tensor):
        return [value]
    items = list(value.values()) if isinstance(value, dict) else value if isinstance(value, (list, tuple)) else []
    return [t for item in items for t in _tensors(item)]


def _shape(t: Tensor) -> str:
    sizes = [str(d) if isinstance(d, int) else "None" for d in t.shape]
    return f"({sizes[0]},)" if len(sizes) == 1 else f"({', '.join(sizes)})"


def _picked(model: Any, layer_range: Sequence[str] | None) -> list[Layer]:
    """The layers from the first to the second name (or pattern). Raises: ArgumentError: a name that matches none."""
    layers: list[Layer] = parts_of(model)
    if layer_range is None:
        return layers
    ends = [next((i for i, layer in enumerate(layers) if re.fullmatch(name, layer.name)), None) for name in layer_range]
    if len(ends) != 2 or None in ends:
        raise ArgumentError.at("summary", "layer_range", "two names of layers", list(layer_range), "See model.layers.")
    first, last = sorted(e for e in ends if e is not None)
    return layers[first : last + 1]


def _widths(rows: Sequence[Row], line_length: int | None, positions: Sequence[float] | None) -> list[int]:
    """Width of each column: as wide as needed, or what line_length and positions say (relative ones up to 1)."""
    needed = [max(len(row[i]) for row in rows) + 3 for i in range(len(rows[0]))]
    needed = [max(n, least) for n, least in zip(needed, (29, 26, 11, 20, 11), strict=False)]
    if positions is not None:
        length = line_length or 65
        ends = [int(p * length) if p <= 1 else int(p) for p in positions][: len(needed)]
        return [b - a for a, b in zip([0, *ends[:-1]], ends, strict=True)]
    if line_length is not None:
        total = sum(needed)
        scaled = [max(4, n * line_length // total) for n in needed]
        scaled[-1] += line_length - sum(scaled)
        return scaled
    return needed


def _line(row: Row, widths: Sequence[int]) -> str:
    return "".join(f" {cell[: w - 2]}".ljust(w) for cell, w in zip(row, widths, strict=False)).rstrip()


def _totals(model: Any) -> list[str]:
    """Numbers of parameters and the memory they take."""
    weights = model.weights
    trained = [w for w in weights if w.trainable]
    fixed = [w for w in weights if not w.trainable]
    lines = [
        _total("Total params", weights),
        _total("Trainable params", trained),
        _total("Non-trainable params", fixed),
    ]
    codes = [w for w in weights if w.dtype == dtypes.INT8]
    lines += [_total("Params in int8", codes)] if codes else []
    optimizer = getattr(model, "optimizer", None)
    slots = optimizer.variables if optimizer is not None and optimizer.built else []
    recompute = getattr(model, "recompute", None)
    way_back = [_way_back(recompute)] if recompute is not None and model.built and _walks(model) else []
    return [*lines, *([_total("Optimizer params", slots)] if slots else []), *way_back]


def _walks(model: Any) -> bool:
    """Whether there are loops over time."""
    return any(node.op == "Scan" for node in Graph((), tuple(model.outputs)).nodes())


def _way_back(recompute: str | int) -> str:
    """What `compile(recompute=...)` means for memory and time."""
    if recompute == 1:
        return "Way back through T steps: T states kept, each step computed again"
    length, count = ("√T", "√T") if recompute == "sqrt" else (str(recompute), f"T/{recompute}")
    return f"Way back through T steps: {count} states kept, {length} steps at a time computed again"


def _total(title: str, weights: Sequence[Variable]) -> str:
    count = sum(math.prod(w.shape) for w in weights)
    size = float(sum(w.value.nbytes for w in weights))
    for unit in ("B", "KB", "MB", "GB"):
        if size < 1024 or unit == "GB":
            break
        size /= 1024
    return f"{title}: {count:,} ({size:.2f} {unit})"
