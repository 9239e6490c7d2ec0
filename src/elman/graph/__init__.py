"""The intermediate representation: operators, tensors, graphs, and rewrites of graphs. No numbers, no layers."""

from elman.graph.digest import graph_digest
from elman.graph.node import Graph, Node, Tensor, Variable, apply, as_tensor, constant, placeholder
from elman.graph.operators import TABLE, Operator
from elman.graph.text import graph_text
from elman.graph.trace import scan
from elman.graph.verify import verify

__all__ = [
    "TABLE",
    "Graph",
    "Node",
    "Operator",
    "Tensor",
    "Variable",
    "apply",
    "as_tensor",
    "constant",
    "graph_digest",
    "graph_text",
    "placeholder",
    "scan",
    "verify",
]
