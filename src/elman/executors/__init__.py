"""Executors: graph to numbers. `default()` is the one a model uses."""

from __future__ import annotations

from elman import settings
from elman.executors.base import Arrays, Executor, Limits, Notes, Plan, Run
from elman.executors.native import NativeExecutor, available
from elman.executors.reference import ReferenceExecutor
from elman.executors.rows import Rows, mostly_padding, padded

__all__ = [
    "Arrays", "Executor", "Limits", "NativeExecutor", "Notes", "Plan", "ReferenceExecutor", "Rows", "Run",
    "available", "default", "mostly_padding", "padded",
]  # fmt: skip


def default() -> Executor:
    """The executor that ELMAN_EXECUTOR asks for; native if it does not, reference where native could not be built."""
    if settings.executor() == "reference" or not available():
        return ReferenceExecutor()
    return NativeExecutor()
