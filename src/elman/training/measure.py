"""Running a plan over data: in pauses that let Python breathe, to measure, and to predict."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from time import perf_counter
from typing import Any

import numpy as np

from elman.errors import DataError
from elman.executors import Plan
from elman.training.batches import Adapter
from elman.training.buckets import Trim
from elman.training.callbacks.base import CallbackList
from elman.training.sources import DataSet, Stream, warn_short
from elman.training.step import Steps

__all__ = ["Pace", "breaths", "evaluate", "predict"]

BREATH = 0.05
"""Seconds after which control returns to Python within an epoch."""

FIRST_CALL = 8
"""Batches of the very first call, whose speed is not known yet."""


@dataclass
class Pace:
    """How many batches fit into a breath; learned from the calls so far."""

    batches: int = FIRST_CALL

    def learn(self, batches: int, seconds: float) -> None:
        """Take in a call."""
        self.batches = max(1, min(1 << 30, int(BREATH * batches / max(seconds, 1e-9))))


def breaths(
    plan: Plan,
    data: DataSet,
    order: np.ndarray,
    batch_size: int,
    pace: Pace,
    trim: Trim | None = None,
    alone: bool = False,
) -> Iterator[tuple[int, bool]]:
    """Run all batches, pausing about every BREATH seconds. Yields: (steps done in this call, diverged).

    Args: trim: the way to cut the data's ragged rows for this plan. alone: each batch by itself and whole, as kept
        states need it, which are as many as a batch has rows.
    Shapes: data (rows, ...), order (N,).
    """
    start, rows = 0, len(order)
    if alone:
        for start in range(0, rows, batch_size):
            run = plan.run([a[order[start : start + batch_size]] for a in data.arrays])
            yield int(not run.diverged), run.diverged
            if run.diverged:
                return
        return
    order, sizes = (order, {}) if trim is None else trim.parted(order, batch_size)
    while start < rows:
        stop = min(rows, start + pace.batches * batch_size)
        some = order if stop - start == rows else order[start:stop]
        before = perf_counter()
        if trim is None:
            run = plan.run_batches(data.arrays, some, batch_size)
        else:
            first = start // batch_size
            run = trim.run_batches(
                plan, some, batch_size, {k: n[first : first + pace.batches] for k, n in sizes.items()}
            )
        pace.learn(max(1, run.steps), perf_counter() - before)
        yield run.steps, run.diverged
        if run.diverged:
            return
        start += run.steps * batch_size


def evaluate(
    steps: Steps,
    adapter: Adapter,
    data: DataSet | Stream,
    batch_size: int,
    limit: int | None,
    callbacks: CallbackList,
    pace: Pace | None = None,
) -> dict[str, float]:
    """Loss and metrics over data, by name."""
    objective = steps.objective
    assert objective is not None
    objective.reset()
    callbacks.call("on_test_begin", None)
    hooks = callbacks.overrides("on_test_batch_begin", "on_test_batch_end")
    if isinstance(data, DataSet) and not hooks:
        steps.make_room(min(batch_size, data.rows))
        count = data.rows if limit is None else min(data.rows, limit * batch_size)
        plan = steps.test(data.signature)
        trim = None if steps.keeps else Trim.of(data, plan.graph.inputs)
        if trim is not None:
            for rows in trim.sorted(count, batch_size):
                trim.run(plan, rows)
        else:
            for _ in breaths(plan, data, np.arange(count), batch_size, pace or Pace(), alone=steps.keeps):
                pass
    else:
        for step, batch in enumerate(_batches(adapter.program.where, adapter.batch, data, batch_size, limit)):
            callbacks.call("on_test_batch_begin", step, None)
            steps.make_room(batch.rows)
            steps.test(batch.signature).run(batch.arrays)
            callbacks.call("on_test_batch_end", step, objective.result() if hooks else None)
            _count(callbacks, step + 1)
    logs = objective.result()
    callbacks.call("on_test_end", logs)
    return logs


def predict(
    steps: Steps, adapter: Adapter, data: DataSet | Stream, batch_size: int, limit: int | None, callbacks: CallbackList
) -> list[np.ndarray | list[np.ndarray]]:
    """The outputs of all rows. Where batches differ in length a list of rows, each as long as its batch was.

    Shapes: -> of each output (N, ...), or N of (T_i, ...).
    """
    outputs: list[list[np.ndarray]] = [[] for _ in steps.program.outputs]
    trim = None
    if isinstance(data, DataSet) and any(data.signature.ragged) and limit is None and not steps.keeps:
        trim = Trim.of(data, steps.predict(data.signature).graph.inputs)
    if trim is not None:
        return _predict_trimmed(steps, trim, batch_size, callbacks)
    callbacks.call("on_predict_begin", None)

    def inputs(item: Any) -> DataSet:
        return adapter.inputs(_inputs_of(item))

    for step, batch in enumerate(_batches(adapter.program.where, inputs, data, batch_size, limit)):
        callbacks.call("on_predict_batch_begin", step, None)
        steps.make_room(batch.rows)
        made = steps.predict(batch.signature).run(batch.arrays).outputs
        for kept, array in zip(outputs, made, strict=True):
            kept.append(array)
        callbacks.call("on_predict_batch_end", step, None)
        _count(callbacks, step + 1)
    callbacks.call("on_predict_end", None)
    return [parts[0] if len(parts) == 1 else _joined(parts) for parts in outputs]


def _predict_trimmed(
    steps: Steps, trim: Trim, batch_size: int, callbacks: CallbackList
) -> list[np.ndarray | list[np.ndarray]]:
    """As `predict`, sequences of like length together; outputs in the order of the rows."""
    parts = list(trim.sorted(trim.data.rows, batch_size))
    plan = steps.predict(trim.data.signature)
    found: list[list[np.ndarray]] = [[] for _ in steps.program.outputs]
    callbacks.call("on_predict_begin", None)
    for step, rows in enumerate(parts):
        callbacks.call("on_predict_batch_begin", step, None)
        made = trim.run(plan, rows).outputs
        for kept, array in zip(found, made, strict=True):
            kept.append(array)
        callbacks.call("on_predict_batch_end", step, None)
    callbacks.call("on_predict_end", None)
    back = np.argsort(np.concatenate(parts))
    return [_in_order(of_output, back) for of_output in found]


def _in_order(parts: list[np.ndarray], order: np.ndarray) -> np.ndarray | list[np.ndarray]:
    """Rows of all batches as they were given. One array as long as the longest of very many could not be held.

    Shapes: (n, ...) each -> (N, ...), or N of (T_i, ...).
    """
    rows = _joined(parts)
    return rows[order] if isinstance(rows, np.ndarray) else [rows[i] for i in order]


def _joined(parts: list[np.ndarray]) -> np.ndarray | list[np.ndarray]:
    """Rows of all batches, in a list where batches differ in length. Shapes: (n, T_i, ...) each -> (N, ...), or N."""
    if len({part.shape[1:] for part in parts}) == 1:
        return np.concatenate(parts)
    return [row for part in parts for row in part]


def _count(callbacks: CallbackList, done: int) -> None:
    """Say how far a measurement is that stands alone; in a fit, its steps are those of training."""
    if "epochs" not in callbacks.params:
        callbacks.call("on_progress", done, None)


def _inputs_of(item: Any) -> Any:
    return item[0] if isinstance(item, tuple) else item


def _batches(
    where: str, convert: Callable[[Any], DataSet], data: DataSet | Stream, batch_size: int, limit: int | None
) -> Iterator[DataSet]:
    """Data sets of one batch each, at most `limit`; a warning where a stream has fewer."""
    if isinstance(data, DataSet):
        stop = data.rows if limit is None else min(data.rows, limit * batch_size)
        for start in range(0, stop, batch_size):
            yield data.part(start, min(stop, start + batch_size))
        return
    step = 0
    for step, item in enumerate(data.batches(), 1):
        yield convert(item)
        if limit is not None and step >= limit:
            return
    if step == 0:
        cure = "A generator gives its batches once: make a new one, or pass what begins anew when it is iterated."
        raise DataError.at(where, "x", "an iterable of at least one batch", "one without any", cure)
    if limit is not None:
        warn_short(where, "steps", limit, step)
