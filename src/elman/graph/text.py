"""A graph as text: one line a node, bodies indented.

For people, for tests that pin a rewrite, and for error reports.
"""

from __future__ import annotations

import itertools

from elman.graph.node import Graph, Node, Tensor
from elman.shapes import text as shape_text


def graph_text(graph: Graph, indent: str = "") -> str:
    """The graph in the order it can run.

    Example:
        >>> from elman.graph.node import placeholder
        >>> x = placeholder("x", (2, 3))
        >>> print(graph_text(Graph((x,), (x + x,))))
        x = Input (2, 3) float32
        %1 = Add(x, x) (2, 3) float32
        return %1
    """
    names: dict[tuple[int, int], str] = {}
    lines: list[str] = []
    shown = itertools.count()  # constants have no number: equal ones may be shared with other graphs
    for node in graph.nodes():
        if node.op == "Constant" and node.outputs[0].shape == ():
            names[(node.serial, 0)] = str(node.attrs["value"])
            continue
        for t in node.outputs:
            names[(node.serial, t.index)] = _name(node, t, next(shown))
        lines.append(indent + _line(node, names))
        if "body" in node.attrs:
            lines.append(graph_text(node.attrs["body"], indent + "    "))
    lines.append(f"{indent}return {', '.join(_ref(t, names) for t in graph.outputs)}".rstrip())
    lines += [f"{indent}update {v.name} = {_ref(t, names)}" for v, t in graph.updates]
    if graph.guard is not None:
        lines.append(f"{indent}guard {_ref(graph.guard, names)}")
    return "\n".join(lines)


def _name(node: Node, t: Tensor, count: int) -> str:
    if node.op == "Input":
        return str(node.attrs["name"])
    if node.op == "Variable":
        return str(node.attrs["variable"].name)
    return f"%{count}"


def _ref(t: Tensor, names: dict[tuple[int, int], str]) -> str:
    return names.get((t.node.serial, t.index), str(t))


def _line(node: Node, names: dict[tuple[int, int], str]) -> str:
    outs = ", ".join(names[(node.serial, t.index)] for t in node.outputs)
    ins = f"({', '.join(_ref(t, names) for t in node.inputs)})" if node.inputs else ""
    shown = {
        k: v
        for k, v in node.attrs.items()
        if k not in ("body", "value", "variable", "shape", "dtype", "name") and v is not False
    }
    attrs = "".join(f" {k}={v}" for k, v in shown.items())
    types = "; ".join(f"{shape_text(t.shape)} {t.dtype}" for t in node.outputs)
    return f"{outs} = {node.op}{ins}{attrs} {types}"
