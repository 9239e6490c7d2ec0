"""The plans of one model, each compiled at its first use."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from elman.errors import ArgumentError
from elman.executors import Plan, default
from elman.graph import Variable
from elman.training.graphs import Counters, predict_graph, test_graph, train_graph, trainable, weights_of
from elman.training.objective import Objective
from elman.training.parameters import Parameters, generation
from elman.training.portions import Portions, step_memory
from elman.training.program import Program, Signature

__all__ = ["Steps"]


class Steps:
    """The plans of one model: train, test and predict, compiled at first use, once for each signature.

    Args:
        objective, optimizer: None for a model that only predicts.
        recompute: "sqrt" or steps in a segment, for long sequences; see `graph/rewrite/segment.py`.
    """

    def __init__(
        self, program: Program, counters: Counters, objective: Objective | None = None, optimizer: Any = None,
        recompute: str | int | None = None,
    ) -> None:  # fmt: skip
        self.program = program
        self.counters = counters
        self.objective = objective
        self.optimizer = optimizer
        self.recompute = recompute
        self.parameters: Parameters | None = None
        self.version = 0  # grows when plans that were given out must not be used any more
        self._plans: dict[tuple[str, Signature], Plan] = {}
        self._generation = generation()
        self._places: list[np.ndarray] = []

    def train(self, signature: Signature) -> Plan:
        """The plan of a training step."""
        self.pack()
        assert self.parameters is not None
        assert self.objective is not None
        args = (
            self.program, self.objective, self.optimizer, self.parameters, self.counters, signature, self.recompute,
        )  # fmt: skip

        def compiled() -> Plan:
            if not Portions.possible(self.program, args[1], signature):
                return default().compile(train_graph(*args))
            return Portions(default().compile(train_graph(*args), step_memory()), *args)

        return self._plan("train", signature, compiled)

    def test(self, signature: Signature) -> Plan:
        """The plan that measures."""
        assert self.objective is not None
        program, objective = self.program, self.objective
        return self._plan("test", signature, lambda: default().compile(test_graph(program, objective, signature)))

    def predict(self, signature: Signature) -> Plan:
        """The plan that predicts."""
        signature = signature.untargeted()
        return self._plan("predict", signature, lambda: default().compile(predict_graph(self.program, signature)))

    def pack(self) -> None:
        """Make the trainable weights one buffer, unless they are; the optimizer gets its slots."""
        weights = trainable(self.program)
        if self.parameters is not None and self.parameters.covers(weights):
            self.parameters.claim()
            return
        if self.parameters is not None and self.optimizer is not None:
            self._refuse_change(self.parameters.weights, weights)
        self.parameters = Parameters(weights)
        self.version += 1
        if self.optimizer is not None and weights:
            self.optimizer.build(self.parameters.variable)
        self._plans = {key: plan for key, plan in self._plans.items() if key[0] == "predict"}

    def _refuse_change(self, before: Sequence[Variable], now: Sequence[Variable]) -> None:
        """Raises: ArgumentError: other weights train than those that the optimizer remembers."""
        frozen = {id(w) for w in before} - {id(w) for w in now}
        moved = frozen or {id(w) for w in now} - {id(w) for w in before}
        layer = next((la.name for la in self.program.layers if any(id(w) in moved for w in la.weights)), "")
        because = f"layer {layer!r} {'trained' if frozen else 'did not train'} before"
        cure = "Call compile() again after layers are frozen or freed."
        raise ArgumentError.at(
            self.program.where, "trainable", "what it was when compiled", not frozen, cure, because=because
        )

    def remembers(self) -> bool:
        """Whether what the optimizer remembers is of the weights that train now."""
        weights = trainable(self.program)
        if self.parameters is not None:
            return self.parameters.covers(weights)
        return bool(self.optimizer.remembers(sum(w.value.size for w in weights)))

    @property
    def keeps(self) -> bool:
        """Whether a layer keeps states from batch to batch."""
        return self.program.make_room is not None

    def make_room(self, rows: int) -> None:
        """Let stateful layers keep states for batches of so many rows; plans that know fewer are forgotten."""
        if self.program.make_room is not None and self.program.make_room(rows):
            self._plans.clear()
            self.version += 1

    def finish(self) -> None:
        """The end of a fit: an optimizer that keeps a moving average of the weights puts it in their place."""
        if self.parameters is not None and self.parameters.weights and self.optimizer is not None:
            self.optimizer.finalize_variable_values()

    def current(self) -> bool:
        """Whether the compiled plans still see the weights where they lie; those that do not are forgotten here."""
        if self._generation == generation():
            return True
        self._generation = generation()
        places = self._where()
        same = len(places) == len(self._places) and all(a is b for a, b in zip(places, self._places, strict=True))
        self._places = places
        if not same:
            self._plans.clear()
            self.version += 1
        return same

    def _where(self) -> list[np.ndarray]:
        """The arrays themselves: held, so that no other array can take the place of one that is gone."""
        return [w.value for w in weights_of(self.program)]

    def _plan(self, kind: str, signature: Signature, compiled: Callable[[], Plan]) -> Plan:
        self.current()
        key = (kind, signature)
        found = self._plans.get(key)
        if found is None:
            self._places = self._where()
            found = self._plans[key] = compiled()
        return found
