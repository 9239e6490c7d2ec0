"""One training step as one graph: forward, loss, gradients, update, metrics. Tests and predictions likewise.

    trace (training) → simplify, segment, hoist → gradients → optimizer → constraints → Graph(updates, guard) → plan

The guard is loss + sum of the new parameters: not finite as soon as a loss, a gradient or an update is not, and then
the step changes nothing. Everything is compiled at its first use and kept; batch and time stay open, so other sizes
compile nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import numpy as np

from elman import dtypes, ops, settings
from elman.autodiff import gradients
from elman.errors import ArgumentError
from elman.executors import Plan, default
from elman.graph import Graph, Tensor, Variable, verify
from elman.graph.rewrite import hoist, segment, simplify
from elman.layers.base import tracing
from elman.training.objective import Objective
from elman.training.parameters import Parameters, generation
from elman.training.program import Feeds, Program, Signature
from elman.training.windows import Carried

__all__ = ["Counters", "Steps", "check_floats", "predict_graph", "test_graph", "train_graph", "trainable", "weights_of"]

Updates = list[tuple[Variable, Tensor]]


class Counters:
    """What random numbers are keyed by: the model's seed and the number of training steps taken."""

    def __init__(self, seed: int) -> None:
        self.seed = Variable(np.asarray(seed, np.int32), "seed")
        self.step = Variable(np.zeros((), np.int32), "step")


def weights_of(program: Program) -> list[Variable]:
    """Every weight once, in the order of the layers."""
    return _once(w for layer in program.layers for w in layer.weights)


def trainable(program: Program) -> list[Variable]:
    """Every weight that training changes, once."""
    return _once(w for layer in program.layers for w in layer.trainable_weights)


def _once(variables: Iterable[Variable]) -> list[Variable]:
    return list({id(v): v for v in variables}.values())


def train_graph(
    program: Program,
    objective: Objective,
    optimizer: Any,
    parameters: Parameters,
    counters: Counters,
    signature: Signature,
    recompute: str | int | None = None,
) -> Graph:
    """The whole step. Its output is the loss; its inputs are those of `Feeds.of(program, signature)`.

    With `signature.restarts` the states carried from window to window are further inputs and outputs.
    """
    check_floats(program)
    feeds = Feeds.of(program, signature)
    carried = None if feeds.restart is None else Carried(feeds.restart)
    with tracing(training=True, seed=counters.seed, step=counters.step, companion=carried) as context:
        outputs = program.trace(feeds.inputs)
        terms = objective.terms(feeds, outputs)
        total = objective.total(terms, context.losses)
        remembered: Updates = [*objective.updates(feeds, outputs, total, terms), *context.updates]
    before, states = ([], []) if carried is None else (carried.before, carried.after)
    leaves = (*feeds.all, *before)
    # Before differentiation: what is simplified away, or taken out of a loop, needs no gradient in it.
    whole = simplify(_checked(Graph(leaves, (total, *states, *(t for _, t in remembered)))))
    if recompute is not None:
        whole = simplify(segment(whole, None if recompute == "sqrt" else int(recompute)))
    forward = hoist(whole)
    at = 1 + len(states)
    total = forward.outputs[0]
    updates = [(v, t) for (v, _), t in zip(remembered, forward.outputs[at:], strict=True)]
    # An update like the others: a step that the guard refuses does not count.
    updates.append((counters.step, counters.step + 1))
    guard = total
    if parameters.weights:
        changed = _update(program, optimizer, parameters, total)
        updates += changed
        guard = total + ops.sum(changed[0][1])
    return _checked(Graph(leaves, forward.outputs[:at], tuple(updates), guard))


def check_floats(program: Program) -> None:
    """Raises: ArgumentError: weights are kept in int8, which has no steps small enough to learn by."""
    kept = [w.name for w in weights_of(program) if w.dtype == dtypes.INT8]
    if kept:
        cure = "Train first and quantize then; the file saved before has the floats."
        raise ArgumentError.at(program.where, "weights", "floats to be trained", f"{kept[0]} in int8", cure)


def _update(program: Program, optimizer: Any, parameters: Parameters, loss: Tensor) -> Updates:
    """The optimizer's updates, that of the parameters first."""
    slopes = gradients(loss, [w.tensor for w in parameters.weights])
    # One vector: the update is then one walk over memory, however many weights there are.
    flat = ops.concatenate([ops.reshape(g, (-1,)) for g in slopes])
    made = dict(optimizer.updates(parameters.variable, flat, parameters.segments))
    new = _constrained(program, parameters, made.pop(parameters.variable))
    return [(parameters.variable, new), *made.items()]


def _constrained(program: Program, parameters: Parameters, new: Tensor) -> Tensor:
    """The new parameters with every layer's constraints applied to its own weights."""
    rules = {id(v): rule for layer in program.layers for v, rule in getattr(layer, "constraints", ())}
    if not any(id(w) in rules for w in parameters.weights):
        return new
    parts = []
    for weight, place in zip(parameters.weights, parameters.segments, strict=True):
        part = new[place.offset : place.offset + place.size]
        rule: Callable[[Tensor], Tensor] | None = rules.get(id(weight))
        parts.append(part if rule is None else ops.reshape(rule(ops.reshape(part, weight.shape)), (-1,)))
    return ops.concatenate(parts)


def test_graph(program: Program, objective: Objective, signature: Signature) -> Graph:
    """Loss and metrics without training. Its output is the loss."""
    feeds = Feeds.of(program, signature)
    with tracing(training=False) as context:
        outputs = program.trace(feeds.inputs)
        terms = objective.terms(feeds, outputs)
        total = objective.total(terms, context.losses)
        updates = [*objective.updates(feeds, outputs, total, terms), *context.updates]
    return _checked(Graph(feeds.all, (total,), tuple(updates)))


def predict_graph(program: Program, signature: Signature) -> Graph:
    """Outputs alone (and the states that stateful layers remember)."""
    feeds = Feeds.of(program, signature.untargeted())
    with tracing(training=False) as context:
        outputs = program.trace(feeds.inputs)
    return _checked(Graph(feeds.all, tuple(outputs), tuple(context.updates)))


def _checked(graph: Graph) -> Graph:
    if settings.verify():
        verify(graph)
    return graph


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
        return self._plan("train", signature, lambda: train_graph(*args))

    def test(self, signature: Signature) -> Plan:
        """The plan that measures."""
        assert self.objective is not None
        program, objective = self.program, self.objective
        return self._plan("test", signature, lambda: test_graph(program, objective, signature))

    def predict(self, signature: Signature) -> Plan:
        """The plan that predicts."""
        signature = signature.untargeted()
        return self._plan("predict", signature, lambda: predict_graph(self.program, signature))

    def pack(self) -> None:
        """Make the trainable weights one buffer, unless they are; the optimizer gets its slots."""
        weights = trainable(self.program)
        if self.parameters is not None and self.parameters.covers(weights):
            self.parameters.claim()
            return
        self.parameters = Parameters(weights)
        self.version += 1
        if self.optimizer is not None and weights:
            self.optimizer.build(self.parameters.variable)
        self._plans = {key: plan for key, plan in self._plans.items() if key[0] == "predict"}

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

    def _plan(self, kind: str, signature: Signature, build: Callable[[], Graph]) -> Plan:
        self.current()
        key = (kind, signature)
        found = self._plans.get(key)
        if found is None:
            self._places = self._where()
            found = self._plans[key] = default().compile(build())
        return found
