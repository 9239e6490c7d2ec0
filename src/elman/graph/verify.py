"""What a valid graph is, as code that runs on every graph in tests (`ELMAN_VERIFY=1`).

1. Every node's operator is a row of the table, and its outputs have the shapes and types the row's rule gives.
2. Inputs are leaves of op Input; every Input a root depends on is among the graph's inputs.
3. Updates are of distinct variables (of their shape and type, which `Graph` itself wants); the guard is a real scalar.
4. A scan's body has one input for each state, slice and captured value; states keep shape and type; with lengths,
states and outputs start with the batch axis. Bodies are valid graphs themselves, without variables or updates.
5. A fused body is pointwise, but for sums and the like over the last axis, whose results have one element a row.
"""

from __future__ import annotations

from elman import dtypes
from elman.errors import GraphError
from elman.graph.node import Graph, Node, Tensor, kind
from elman.graph.operators import REDUCTIONS, TABLE, signature
from elman.shapes import text


def verify(graph: Graph, inside: str = "graph") -> None:
    """Raises: GraphError: the first rule above that does not hold, with the node."""
    given = {t.node.serial for t in graph.inputs}
    for t in graph.inputs:
        _need(t.node.op == "Input", inside, t.node, "an input of the graph must be a leaf of op Input")
    for node in graph.nodes():
        _verify_node(node, given, inside)
    variables = [id(v) for v, _ in graph.updates]
    _need(len(variables) == len(set(variables)), inside, None, "a variable may be updated once")
    if graph.guard is not None:
        _need(
            graph.guard.shape == () and dtypes.is_real(graph.guard.dtype),
            inside,
            graph.guard.node,
            "the guard must be a real scalar",
        )


def _verify_node(node: Node, given: set[int], inside: str) -> None:
    _need(node.op in TABLE, inside, node, "unknown operator")
    if node.op == "Input":
        _need(node.serial in given, inside, node, "an Input must be among the inputs of the graph that uses it")
    if node.op == "Variable":
        _need(inside == "graph", inside, node, "a variable must be captured from outside the body")
    expected = signature(node.op, [(t.shape, t.dtype) for t in node.inputs], node.attrs)
    _need([(t.shape, t.dtype) for t in node.outputs] == expected, inside, node, f"outputs must be {expected}")
    if node.op == "Scan":
        _verify_scan(node, inside)
    if node.op == "Fused":
        body: Graph = node.attrs["body"]
        _matches(node, body.inputs, node.inputs, inside)
        _need(
            all(kind(n) == "pointwise" or n.op in ("Input", "Constant") or _of_rows(n) for n in body.nodes()),
            inside,
            node,
            "a fused body must be pointwise, or reduce rows",
        )
        rows = {n.inputs[0].shape for n in body.nodes() if n.op in REDUCTIONS}
        shapes = {t.shape for t in body.outputs} - {(*shape[:-1], 1) for shape in rows}
        _need(
            len(shapes | rows) == 1, inside, node, "outputs of a fused body must share one shape, or be one of its row"
        )


def _of_rows(node: Node) -> bool:
    last = (node.inputs[0].ndim - 1,) if node.inputs else ()
    return node.op in REDUCTIONS and node.attrs["axes"] == last and bool(node.attrs["keepdims"])


def _verify_scan(node: Node, inside: str) -> None:
    body, carries, sequences = node.attrs["body"], node.attrs["carries"], node.attrs["sequences"]
    main = node.inputs[: len(body.inputs)]
    _need(
        len(node.inputs) == len(body.inputs) + int(node.attrs["lengths"]),
        inside,
        node,
        "one input for each input of the body, then the lengths",
    )
    slices = [t.shape[1:] if carries <= i < carries + sequences else t.shape for i, t in enumerate(main)]
    for t, outer, shape in zip(body.inputs, main, slices, strict=True):
        _need(
            t.shape == shape and t.dtype == outer.dtype,
            inside,
            node,
            f"body input {t.node.attrs['name']} must have shape {text(shape)}, not {text(t.shape)}",
        )
    for t in main[carries : carries + sequences]:
        _need(
            t.shape[0] == node.attrs["steps"],
            inside,
            node,
            "a sequence must have the scan's number of steps as its first axis",
        )
    for before, after in zip(body.inputs[:carries], body.outputs[:carries], strict=True):
        _need(
            before.shape == after.shape and before.dtype == after.dtype,
            inside,
            node,
            "a state must keep its shape and type",
        )
    if node.attrs["lengths"]:
        lengths = node.inputs[-1]
        _need(lengths.ndim == 1 and lengths.dtype == dtypes.INT32, inside, node, "lengths must be an int32 vector")
        for t in body.outputs:
            _need(
                t.ndim >= 1 and t.shape[0] == lengths.shape[0],
                inside,
                node,
                "with lengths, states and outputs must start with the batch axis",
            )
    verify(Graph(body.inputs, body.outputs), inside="scan body")


def _matches(node: Node, inner: tuple[Tensor, ...], outer: tuple[Tensor, ...], inside: str) -> None:
    same = len(inner) == len(outer) and all(
        a.shape == b.shape and a.dtype == b.dtype for a, b in zip(inner, outer, strict=True)
    )
    _need(same, inside, node, "body inputs must match the node's inputs")


def _need(holds: bool, inside: str, node: Node | None, rule: str) -> None:
    if not holds:
        raise GraphError(
            f"{inside}: {rule}. Received {'no node' if node is None else repr(node) + ' with ' + str(_brief(node))}."
        )


def _brief(node: Node) -> dict[str, object]:
    return {k: v for k, v in node.attrs.items() if k not in ("body", "value", "variable")}
