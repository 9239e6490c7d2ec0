"""The native executor (being written): until the extension exists every graph runs on the reference executor."""

from __future__ import annotations

from elman.executors.base import Executor, Plan
from elman.executors.reference import ReferenceExecutor
from elman.graph.node import Graph


def available() -> bool:
    """Whether the compiled extension can be used."""
    return False


class NativeExecutor(Executor):
    """Compiles graphs to native plans."""

    name = "native"

    def compile(self, graph: Graph) -> Plan:
        return ReferenceExecutor().compile(graph)
