"""One training step as one graph: forward, loss, gradients, update, metrics. Tests and predictions likewise.

    trace (training) → simplify, segment, hoist → gradients → optimizer → constraints → Graph(updates, guard) → plan

The guard is loss + sum of the new parameters: not finite as soon as a loss, a gradient or an update is not, and then
the step changes nothing. Everything is compiled at its first use and kept; batch and time stay open, so other sizes
compile nothing. A batch that needs more memory than a step should take is done in portions (`portions.py`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np

from elman import dtypes, ops, settings
from elman.autodiff import gradients
from elman.errors import ArgumentError, ShapeError
from elman.graph import Graph, Tensor, Variable, verify
from elman.graph.rewrite import hoist, segment, simplify
from elman.layers.base import tracing
from elman.shapes import text
from elman.training.objective import Objective
from elman.training.parameters import Parameters
from elman.training.program import Feeds, Program, Signature
from elman.training.windows import Carried

__all__ = [
    "Counters",
    "Updates",
    "check_floats",
    "checked",
    "gradient_of",
    "predict_graph",
    "ready",
    "test_graph",
    "train_graph",
    "trainable",
    "update_by",
    "weights_of",
]

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
    forward = ready(leaves, (total, *states, *(t for _, t in remembered)), recompute)
    at = 1 + len(states)
    total = forward.outputs[0]
    updates = [(v, t) for (v, _), t in zip(remembered, forward.outputs[at:], strict=True)]
    # An update like the others: a step that the guard refuses does not count.
    updates.append((counters.step, counters.step + 1))
    guard = total
    if parameters.weights:
        changed = update_by(program, optimizer, parameters, gradient_of(parameters, total))
        updates += changed
        guard = total + ops.sum(changed[0][1])
    return checked(Graph(leaves, forward.outputs[:at], tuple(updates), guard))


def ready(leaves: Sequence[Tensor], outputs: Sequence[Tensor], recompute: str | int | None) -> Graph:
    """The forward graph as it is differentiated: what is simplified away, or taken out of a loop, needs no gradient."""
    whole = simplify(checked(Graph(tuple(leaves), tuple(outputs))))
    if recompute is not None:
        whole = simplify(segment(whole, None if recompute == "sqrt" else int(recompute)))
    return hoist(whole)


def check_floats(program: Program) -> None:
    """Raises: ArgumentError: weights are kept in int8, which has no steps small enough to learn by."""
    kept = [w.name for w in weights_of(program) if w.dtype == dtypes.INT8]
    if kept:
        cure = "Train first and quantize then; the file saved before has the floats."
        raise ArgumentError.at(program.where, "weights", "floats to be trained", f"{kept[0]} in int8", cure)


def gradient_of(parameters: Parameters, loss: Tensor) -> Tensor:
    """Of all trainable weights as one vector: an update is one walk over memory, however many weights there are.

    Shapes: () -> (P,).
    """
    slopes = gradients(loss, [w.tensor for w in parameters.weights])
    return ops.concatenate([ops.reshape(g, (-1,)) for g in slopes])


def update_by(program: Program, optimizer: Any, parameters: Parameters, gradient: Tensor) -> Updates:
    """The optimizer's updates, that of the parameters first. Shapes: gradient (P,)."""
    made = dict(optimizer.updates(parameters.variable, gradient, parameters.segments))
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
        if rule is not None:
            made = rule(ops.reshape(part, weight.shape))
            if made.shape != weight.shape:
                cure = "It gives the nearest weight that is allowed."
                raise ShapeError.at(
                    f"'{weight.name}'", "constraint", f"of shape {text(weight.shape)}", text(made.shape), cure
                )
            part = ops.reshape(made, (-1,))
        parts.append(part)
    return ops.concatenate(parts)


def test_graph(program: Program, objective: Objective, signature: Signature) -> Graph:
    """Loss and metrics without training. Its output is the loss."""
    feeds = Feeds.of(program, signature)
    with tracing(training=False) as context:
        outputs = program.trace(feeds.inputs)
        terms = objective.terms(feeds, outputs)
        total = objective.total(terms, context.losses)
        updates = [*objective.updates(feeds, outputs, total, terms), *context.updates]
    return hoist(checked(Graph(feeds.all, (total,), tuple(updates))))


def predict_graph(program: Program, signature: Signature) -> Graph:
    """Outputs alone (and the states that stateful layers remember)."""
    feeds = Feeds.of(program, signature.untargeted())
    with tracing(training=False) as context:
        outputs = program.trace(feeds.inputs)
    return hoist(checked(Graph(feeds.all, tuple(outputs), tuple(context.updates))))


def checked(graph: Graph) -> Graph:
    """The graph, verified where `settings.verify()` asks for it."""
    if settings.verify():
        verify(graph)
    return graph
