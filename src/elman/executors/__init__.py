"""Executors: graph to numbers. `default()` is the one a model uses."""

from __future__ import annotations

from elman import settings
from elman.executors.base import Executor, Notes, Plan, Run
from elman.executors.native import NativeExecutor, available
from elman.executors.reference import ReferenceExecutor

__all__ = ["Executor", "NativeExecutor", "Notes", "Plan", "ReferenceExecutor", "Run", "available", "default"]


def default() -> Executor:
    """The executor that ELMAN_EXECUTOR asks for; native if it does not, reference where native could not be built."""
    if settings.executor() == "reference" or not available():
        return ReferenceExecutor()
    return NativeExecutor()
