"""A training step whose batch needs more memory than a step should take: the batch is learned from in portions.

    whole batch → portions of rows, each as long as its own longest → counts → gradients, added up → one update

The step is that of the whole batch up to rounding, dropout included: losses of all portions are divided by what the
whole would be divided by, gradients are cut and applied once, and random numbers depend on a row's number in the batch.
Of a single row that is still too long, what its steps computed is computed again on the way back, which is said (see
`graph/rewrite/segment.py`). What does not fit then is refused before anything is allocated.

Cost: what a plan costs that is compiled for it, and of each long portion the loop over its steps.
Known weakness: layers that look at rows together (BatchNormalization) see a portion at a time.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple, final

import numpy as np

from elman import dtypes, ops, settings
from elman.errors import MemoryLimitError, recomputation_warning
from elman.executors import Arrays, Limits, Notes, Plan, Rows, Run, default
from elman.graph import Graph, Variable, placeholder
from elman.graph.rewrite import simplify
from elman.layers.base import tracing
from elman.losses import Loss
from elman.training.buckets import Trim
from elman.training.graphs import Counters, Updates, check_floats, checked, gradient_of, ready, update_by
from elman.training.objective import Objective
from elman.training.parameters import Parameters
from elman.training.program import Feeds, Program, Signature
from elman.training.sources import DataSet

__all__ = ["Portions", "step_memory"]

MOST = 4 << 30
"""Bytes of a portion on any machine: the same cuts, so the same last digits, wherever there is four times as much."""


def step_memory() -> int:
    """Bytes beyond which a step is done in portions: a quarter of `settings.memory_limit()`, and no more than MOST.

    Example:
        >>> 0 < step_memory() <= MOST
        True
    """
    return min(MOST, settings.memory_limit() // 4)


class _Portion(NamedTuple):
    """Some rows of a batch, as arrays of a plan, the number of the first, and the plan."""

    first: int
    arrays: list[np.ndarray | Rows]
    plan: Plan


@final
class Portions(Plan):
    """The plan of a training step, which does in portions what its plan for a whole batch refuses.

    Args: whole: that plan, compiled for `step_memory()`. The others: what it was made of; see `train_graph`.
    """

    def __init__(
        self, whole: Plan, program: Program, objective: Objective, optimizer: Any, parameters: Parameters,
        counters: Counters, signature: Signature, recompute: str | int | None,
    ) -> None:  # fmt: skip
        self.whole, self.graph = whole, whole.graph
        self._program, self._objective, self._optimizer = program, objective, optimizer
        self._parameters, self._counters, self._signature = parameters, counters, signature
        self._recompute = recompute
        self._plans: dict[str, Plan] = {}
        self._sums = Sums(parameters, sum(loss is not None for loss in objective.losses))
        self._said = False

    @staticmethod
    def possible(program: Program, objective: Objective, signature: Signature) -> bool:
        """Whether steps may be done in portions: no states are kept, losses add up."""
        kept = program.make_room is not None or signature.restarts
        own = any(loss is not None and type(loss).__call__ is not Loss.__call__ for loss in objective.losses)
        return not (kept or own)

    def run(self, arrays: Arrays) -> Run:
        """One step, as `Plan.run`."""
        try:
            return self.whole.run(arrays)
        except MemoryLimitError as error:
            room = self._room(error)
        return self._in_portions(arrays, room)

    def again(
        self, arrays: Arrays, look: bool = False, limits: Limits | None = None
    ) -> Callable[..., list[np.ndarray] | None] | None:
        """`run` for arrays like these, as `Plan.again`; not where steps have gone in portions."""
        return None if self._plans else self.whole.again(arrays, look, limits)

    def run_batches(self, arrays: Arrays, order: np.ndarray, batch_size: int) -> Run:
        """Steps over batches of rows, as `Plan.run_batches`."""
        try:
            return self.whole.run_batches(arrays, order, batch_size)
        except MemoryLimitError as error:  # by the first batch, which is the largest
            room = self._room(error)
        run = Run([], 0)
        for done, start in enumerate(range(0, len(order), batch_size)):
            rows = order[start : start + batch_size]
            run = self._in_portions([a[rows] for a in arrays], room)
            if run.diverged:
                return Run(run.outputs, done, True)
        return Run(run.outputs, -(-len(order) // batch_size))

    def run_epochs(
        self,
        arrays: Arrays,
        orders: np.ndarray,
        batch_size: int,
        notes: Notes = (),
        sizes: Mapping[str, np.ndarray] | None = None,
    ) -> Run | None:
        """Several epochs, as `Plan.run_epochs`."""
        try:
            return self.whole.run_epochs(arrays, orders, batch_size, notes, sizes)
        except MemoryLimitError as error:  # by the first batch
            if sizes is not None:
                return None  # alone it can be cut into portions
            self._room(error)
        return super().run_epochs(arrays, orders, batch_size, notes)

    def needed(self, arrays: Arrays) -> int:
        """Bytes for the whole batch, as `Plan.needed`."""
        return self.whole.needed(arrays)

    def release(self) -> None:
        """Give all memory back, as `Plan.release`."""
        for plan in (self.whole, *self._plans.values()):
            plan.release()

    # -- portions ----------------------------------------------------------------------------------------------------

    def _room(self, error: MemoryLimitError) -> int:
        """Bytes of a portion, where the whole was refused. Raises: MemoryLimitError: by the machine, for any size."""
        if not error.needed:
            raise error
        return step_memory() if error.limit else min(step_memory(), error.needed // 2)

    def _in_portions(self, arrays: Arrays, room: int) -> Run:
        """One step. Raises: MemoryLimitError: a row that does not fit in any way; nothing has changed."""
        self.whole.release()
        portions = list(self._cut(arrays, room))
        counts = np.sum([self._plan("counts").run(p.arrays).outputs[0] for p in portions], axis=0)
        real = self._parameters.variable.value.dtype
        shared = np.append(counts, len(arrays[0])).astype(real)
        self._sums.reset()
        try:
            for portion in portions:
                run = portion.plan.run([*portion.arrays, shared, np.array(portion.first, np.int32)])
                if run.diverged:
                    return Run(run.outputs, 0, True)
        finally:
            self.release()
        return self._plan("finish").run([np.array(len(arrays[0]), real)])

    def _cut(self, arrays: Arrays, room: int) -> Iterator[_Portion]:
        """Contiguous rows, as many at a time as fit. Shapes: arrays (B, ...) -> (b, ...) views."""
        rows, start = len(arrays[0]), 0
        given = iter(arrays[len(self._signature.ragged) :])
        data = DataSet(
            list(arrays), self._signature, [np.asarray(next(given)) if n else None for n in self._signature.ragged]
        )
        trim = Trim.of(data, self.graph.inputs)
        plan = self._plan("portion")
        while start < rows:
            count = rows - start
            while True:
                rows_of = slice(start, start + count)
                part = [a[rows_of] for a in (arrays if trim is None else trim.cut(rows_of))]
                need = self._needed(plan, part)
                if need <= room or count == 1:
                    break
                count = max(1, min(count - 1, count * room // need))
                # As many in each: of four rows, a portion of three and one of one would be two long loops, too.
                count = -(-(rows - start) // -(-(rows - start) // count))
            yield _Portion(start, part, plan if need <= room else self._long(part, need))
            start += count

    def _needed(self, plan: Plan, arrays: Arrays) -> int:
        real = self._parameters.variable.value.dtype
        return plan.needed([*arrays, np.zeros(self._sums.values.shape, real), np.array(0, np.int32)])

    def _long(self, arrays: Arrays, need: int) -> Plan:
        """The plan for one row that needs more than a portion should: as others while there is room, else with less."""
        limit, plan, least = settings.memory_limit(), self._plan("portion"), need
        if need > limit // 2 and self._recompute is None:
            plan = self._plan("again")
            least = self._needed(plan, arrays)
        if least > limit:
            raise MemoryLimitError.of(least, limit, 1)
        if least < need and not self._said:
            self._said = True
            steps = max(a.shape[1] for a in arrays if a.ndim > 1)
            warnings.warn(recomputation_warning(self._program.where, steps, need, least), stacklevel=2)
        return plan

    def _plan(self, kind: str) -> Plan:
        """One of the plans, compiled at first use."""
        if kind not in self._plans:
            common = self._program, self._objective
            known = self._parameters, self._counters
            if kind == "counts":
                graph = counts_graph(*common, self._signature)
            elif kind == "finish":
                graph = finish_graph(*common, self._optimizer, *known, self._sums)
            else:
                again = "sqrt" if kind == "again" else self._recompute
                graph = portion_graph(*common, *known, self._signature, self._sums, again)
            self._plans[kind] = default().compile(graph)
        return self._plans[kind]


class Sums:
    """What the portions of a batch add up to.

    Shapes: gradient (P,); values (1 + losses,): the number that is made small, then the loss of each output.
    """

    def __init__(self, parameters: Parameters, losses: int) -> None:
        dtype = parameters.variable.value.dtype
        self.gradient = Variable(np.zeros(parameters.variable.shape, dtype), "gradient_sum")
        self.values = Variable(np.zeros(1 + losses, dtype), "loss_sums")

    def reset(self) -> None:
        """Begin a batch."""
        self.gradient.value.fill(0)
        self.values.value.fill(0)


def counts_graph(program: Program, objective: Objective, signature: Signature) -> Graph:
    """What the losses of a portion are divided by; the sum over portions is that of the batch. Output (losses,)."""
    feeds = Feeds.of(program, signature)
    with tracing(training=True):
        counts = objective.counts(feeds, program.trace(feeds.inputs))
    return checked(simplify(Graph(feeds.all, (counts,))))


def portion_graph(
    program: Program, objective: Objective, parameters: Parameters, counters: Counters, signature: Signature,
    sums: Sums, recompute: str | int | None,
) -> Graph:  # fmt: skip
    """What some rows add to the step of their batch; nothing is learned yet.

    Inputs beside those of the step: counts (losses + 1,), what the losses of the batch are divided by and its number of
    rows; and the number of the first row, on which random numbers depend.
    """
    check_floats(program)
    feeds = Feeds.of(program, signature)
    real = parameters.variable.dtype
    counts = placeholder("counts", (sums.values.shape[0],), real)
    first = placeholder("first", (), dtypes.INT32)
    with tracing(training=True, seed=counters.seed, step=counters.step, first=first) as context:
        outputs = program.trace(feeds.inputs)
        terms = objective.portions(feeds, outputs, counts)
        # A penalty on weights counts once a batch: each portion brings its share.
        share = ops.size(outputs[0], 0, real) / counts[-1]
        total = objective.total(terms, [ops.cast(p, real) * share for p in context.losses])
        remembered: Updates = [*objective.metric_updates(feeds, outputs), *context.updates]
    leaves = (*feeds.all, counts, first)
    forward = ready(leaves, (total, *terms, *(t for _, t in remembered)), recompute)
    at = 1 + len(terms)
    total = forward.outputs[0]
    updates = [(v, t) for (v, _), t in zip(remembered, forward.outputs[at:], strict=True)]
    values = ops.concatenate([ops.reshape(ops.cast(t, real), (1,)) for t in forward.outputs[:at]])
    updates.append((sums.values, sums.values.tensor + values))
    guard = total
    if parameters.weights:
        gradient = gradient_of(parameters, total)
        updates.append((sums.gradient, sums.gradient.tensor + gradient))
        guard = total + ops.sum(gradient)
    return checked(Graph(leaves, (total,), tuple(updates), guard))


def finish_graph(
    program: Program, objective: Objective, optimizer: Any, parameters: Parameters, counters: Counters, sums: Sums
) -> Graph:
    """The step that the sums of all portions make. Input: the rows of the batch, a real scalar. Output: the loss."""
    rows = placeholder("rows", (), parameters.variable.dtype)
    total, *terms = (sums.values.tensor[i] for i in range(sums.values.shape[0]))
    updates = [*objective.mean_updates(total, terms, rows), (counters.step, counters.step + 1)]
    guard = total
    if parameters.weights:
        changed = update_by(program, optimizer, parameters, sums.gradient.tensor)
        updates += changed
        guard = total + ops.sum(changed[0][1])
    return checked(Graph((rows,), (total,), tuple(updates), guard))
