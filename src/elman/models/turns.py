"""Who may train or measure a model now: its plans add into the same sums and count the same steps.

One thread at a time. That thread may measure, or train, from a callback of `fit`: the epoch's sums are put back
after it. Predictions add nothing up and wait for nobody.
"""

from __future__ import annotations

import functools
import threading
from collections.abc import Callable
from typing import Any, Concatenate, ParamSpec, Protocol, TypeVar

from elman.errors import ArgumentError
from elman.training import Objective

__all__ = ["Turn", "in_turn"]


class Turn:
    """A lock of one thread, which may take it again; depth: how often it has."""

    def __init__(self) -> None:
        self.lock = threading.RLock()
        self.depth = 0

    def __reduce__(self) -> Any:
        return (Turn, ())  # a copy of a model is nobody's yet


class Shared(Protocol):
    """A model, as far as turns go."""

    where: str
    _turn: Turn
    _objective: Objective | None


S = TypeVar("S", bound=Shared)
P = ParamSpec("P")
R = TypeVar("R")


def in_turn(method: Callable[Concatenate[S, P], R]) -> Callable[Concatenate[S, P], R]:
    """A method that is refused while another thread is in one of these.

    Raises: ArgumentError: another thread trains or measures the model.
    """
    verb = method.__name__.lstrip("_")

    @functools.wraps(method)
    def run(self: S, /, *args: P.args, **kwargs: P.kwargs) -> R:
        turn = self._turn
        if not turn.lock.acquire(blocking=False):
            cure = "Wait for it, or use copy.deepcopy(model) in this thread; predict may be called at any time."
            because = "another thread trains or measures this model"
            raise ArgumentError.at(
                self.where, verb, "called by one thread at a time", "a second", cure, because=because
            )
        kept = self._objective.sums if turn.depth and self._objective is not None else ()
        sums = [(v, v.value.copy()) for v in kept]
        turn.depth += 1
        try:
            return method(self, *args, **kwargs)
        finally:
            turn.depth -= 1
            for variable, value in sums:
                variable.value[...] = value
            turn.lock.release()

    return run
