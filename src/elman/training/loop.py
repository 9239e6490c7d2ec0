"""The loop over epochs: an order of rows, a call of the plan, numbers read once an epoch.

Where nobody listens to single batches, Python runs once an epoch, or about every 50 ms in a long one so that progress
is shown and Ctrl-C is heard. The order of an epoch depends on (seed, epoch) alone: the same on every machine, and after
a resume.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from time import perf_counter
from typing import Any

import numpy as np

from elman.errors import DataError, DivergenceError
from elman.executors import Plan
from elman.training.batches import Adapter, DataSet, Stream
from elman.training.callbacks.base import CallbackList
from elman.training.objective import Objective
from elman.training.program import Signature
from elman.training.step import Steps

__all__ = ["Fit", "Shuffler", "divergence", "evaluate", "predict"]

BREATH = 0.05
"""Seconds after which control returns to Python within an epoch."""

FIRST_CALL = 8
"""Batches of the very first call, whose speed is not known yet."""


LOW = np.uint64(0xFFFFFFFF)


class Shuffler:
    """The order of rows in each epoch: a function of (seed, epoch) alone.

    The upper halves of raw Philox words, each with its row number below, are sorted; `Generator.shuffle` may change
    with NumPy, the words and a sort of distinct numbers cannot. Rows: below 2^32.

    Source: Salmon et al. 2011, Philox4x64-10, key (seed, epoch).
    Example:
        >>> shuffle = Shuffler(seed=3)
        >>> bool((shuffle(0, 5) == Shuffler(3)(0, 5)).all()), sorted(shuffle(1, 5).tolist())
        (True, [0, 1, 2, 3, 4])
    """

    def __init__(self, seed: int) -> None:
        self._philox = np.random.Philox(key=np.array([seed & 0xFFFFFFFFFFFFFFFF, 0], np.uint64))
        self._state: Any = self._philox.state
        self._rows = np.zeros(0, np.uint64)

    def __call__(self, epoch: int, rows: int) -> np.ndarray:
        """Shapes: -> (rows,) int64."""
        if len(self._rows) != rows:
            self._rows = np.arange(rows, dtype=np.uint64)
        self._state["state"]["key"][1] = epoch
        self._philox.state = self._state  # as it was made: only the epoch is another
        words = self._philox.random_raw(rows) & ~LOW
        words |= self._rows
        words.sort()
        words &= LOW
        return words.view(np.int64)


@dataclass
class Pace:
    """How many batches fit into a breath; learned from the calls so far."""

    batches: int = FIRST_CALL

    def learn(self, batches: int, seconds: float) -> None:
        """Take in a call."""
        self.batches = max(1, min(1 << 30, int(BREATH * batches / max(seconds, 1e-9))))


@dataclass
class Fit:
    """One call of `fit`: what it was told, and the loop.

    Args:
        host: the model: `stop_training` is read from it.
        data, validation: data sets, or streams of batches.
        first_epoch, epochs: train epochs first_epoch, …, epochs - 1.
        steps_per_epoch: batches of an epoch; needed for an endless stream.
    """

    steps: Steps
    objective: Objective
    adapter: Adapter
    callbacks: CallbackList
    host: Any
    data: DataSet | Stream
    batch_size: int = 32
    first_epoch: int = 0
    epochs: int = 1
    shuffle: bool = True
    steps_per_epoch: int | None = None
    validation: DataSet | Stream | None = None
    validation_batch_size: int = 32
    validation_steps: int | None = None
    validation_freq: int = 1
    pace: Pace = field(default_factory=Pace)

    def __post_init__(self) -> None:
        self._shuffler = Shuffler(0)
        self._plan: tuple[Signature, int, Plan] | None = None

    def run(self) -> None:
        """Train.

        Raises: DivergenceError: a loss that is not finite; KeyboardInterrupt: Ctrl-C; the model stays usable after
            both.
        """
        callbacks, epoch_hooks = self.callbacks, self.callbacks.listeners
        callbacks.params["complete"] = False
        logs: dict[str, float] = {}
        callbacks.call("on_train_begin", None)
        self._shuffler = Shuffler(int(self.steps.counters.seed.value))  # now: a callback may have restored another seed
        try:
            for epoch in range(callbacks.params.get("first_epoch", self.first_epoch), self.epochs):
                if self.host.stop_training:
                    break
                self.objective.reset()
                if epoch_hooks["on_epoch_begin"]:
                    callbacks.call("on_epoch_begin", epoch, None)
                self._epoch(epoch)
                logs = self.objective.result()
                if self.validation is not None and (epoch + 1) % self.validation_freq == 0:
                    logs.update(self._validate())
                callbacks.call("on_epoch_end", epoch, logs)
            self.steps.finish()
            callbacks.params["complete"] = True
        except (KeyboardInterrupt, DivergenceError):
            callbacks.call("on_train_end", logs)
            raise
        callbacks.call("on_train_end", logs)

    # -- one epoch ---------------------------------------------------------------------------------------------------

    def _epoch(self, epoch: int) -> None:
        if isinstance(self.data, Stream):
            self._stream_epoch(epoch, self.data)
        elif self.callbacks.overrides("on_train_batch_begin", "on_train_batch_end"):
            self._batch_by_batch(epoch, self.data)
        else:
            self._whole(epoch, self.data)

    def _train_plan(self, data: DataSet) -> Plan:
        """The plan for data; looked up again only when the weights moved or other data came."""
        steps, known = self.steps, self._plan
        if known is None or known[0] != data.signature or known[1] != steps.version or not steps.current():
            plan = steps.train(data.signature)
            known = self._plan = data.signature, steps.version, plan
        return known[2]

    def _order(self, epoch: int, rows: int) -> np.ndarray:
        order = self._shuffler(epoch, rows) if self.shuffle else np.arange(rows, dtype=np.int64)
        return order if self.steps_per_epoch is None else order[: self.steps_per_epoch * self.batch_size]

    def _whole(self, epoch: int, data: DataSet) -> None:
        plan = self._train_plan(data)
        progress = self.callbacks.listeners["on_progress"]
        done = 0
        for steps, diverged in breaths(plan, data, self._order(epoch, data.rows), self.batch_size, self.pace):
            done += steps
            if diverged and not self._forgiven(epoch, done):
                raise self._divergence(epoch, done)
            if diverged or self.host.stop_training:
                return
            for listener in progress:
                listener(done, None)

    def _batch_by_batch(self, epoch: int, data: DataSet) -> None:
        order = self._order(epoch, data.rows)
        for step, start in enumerate(range(0, len(order), self.batch_size)):
            rows = order[start : start + self.batch_size]
            self.callbacks.call("on_train_batch_begin", step, None)
            plan = self._train_plan(data)
            if plan.run_batches(data.arrays, rows, self.batch_size).diverged:
                if self._forgiven(epoch, step):
                    return
                raise self._divergence(epoch, step)
            self.callbacks.call("on_train_batch_end", step, self.objective.result())
            self.callbacks.call("on_progress", step + 1, None)
            if self.host.stop_training:
                return

    def _stream_epoch(self, epoch: int, stream: Stream) -> None:
        batches = stream.batches()
        step = 0
        while self.steps_per_epoch is None or step < self.steps_per_epoch:
            item = next(batches, None)
            if item is None:
                _check_exhausted(self.adapter.program.where, step, self.steps_per_epoch, epoch, stream)
                return
            data = self.adapter.batch(item)
            self.callbacks.call("on_train_batch_begin", step, None)
            plan = self._train_plan(data)
            if plan.run(data.arrays).diverged:
                if self._forgiven(epoch, step):
                    return
                raise self._divergence(epoch, step)
            step += 1
            if self.callbacks.overrides("on_train_batch_end"):
                self.callbacks.call("on_train_batch_end", step - 1, self.objective.result())
            self.callbacks.call("on_progress", step, None)
            if self.host.stop_training:
                return

    def _validate(self) -> dict[str, float]:
        assert self.validation is not None
        logs = evaluate(
            self.steps, self.adapter, self.validation, self.validation_batch_size, self.validation_steps, self.callbacks
        )
        return {f"val_{name}": value for name, value in logs.items()}

    # -- divergence --------------------------------------------------------------------------------------------------

    def _forgiven(self, epoch: int, step: int) -> bool:
        """Whether a callback (TerminateOnNaN) wants training to end quietly."""
        quiet = [c for c in self.callbacks.callbacks if getattr(c, "ends_quietly", False)]
        for callback in quiet:
            callback.diverged(epoch, step)  # type: ignore[attr-defined]
        return bool(quiet)

    def _divergence(self, epoch: int, step: int) -> DivergenceError:
        rate = getattr(self.steps.optimizer, "learning_rate", None)
        return divergence(int(self.steps.counters.step.value), epoch, step, rate)


def divergence(total: int, epoch: int | None, step: int, rate: Any) -> DivergenceError:
    """The error for a step whose loss is not finite: where it happened and what to try."""
    place = f"That is step {step} of epoch {epoch}, both from 0. " if epoch is not None else ""
    value = getattr(rate, "value", rate)
    now = (
        f" (now {float(value):g})"
        if np.ndim(value) == 0 and isinstance(value, (int, float, np.ndarray, np.number))
        else ""
    )
    cure = (
        f"{place}Lower the learning rate{now}, set clipnorm=1.0 on the optimizer, or scale the inputs to about -1 to 1."
    )
    return DivergenceError.after(total, "nan or inf", cure)


def breaths(plan: Plan, data: DataSet, order: np.ndarray, batch_size: int, pace: Pace) -> Iterator[tuple[int, bool]]:
    """Run all batches, pausing about every BREATH seconds. Yields: (steps done in this call, diverged)."""
    start, rows = 0, len(order)
    if isinstance(plan.graph.inputs[0].shape[0], int):  # kept states fix the number of rows: nothing is left to gather
        for start in range(0, rows, batch_size):
            run = plan.run([a[order[start : start + batch_size]] for a in data.arrays])
            yield int(not run.diverged), run.diverged
            if run.diverged:
                return
        return
    while start < rows:
        stop = min(rows, start + pace.batches * batch_size)
        before = perf_counter()
        run = plan.run_batches(data.arrays, order if stop - start == rows else order[start:stop], batch_size)
        pace.learn(max(1, run.steps), perf_counter() - before)
        yield run.steps, run.diverged
        if run.diverged:
            return
        start = stop


def _check_exhausted(where: str, step: int, wanted: int | None, epoch: int, stream: Stream) -> None:
    """Raises: DataError: a generator that ended too early."""
    if wanted is None and step > 0:
        return
    because = f"it ended in epoch {epoch} after {step} batches"
    cure = "Let the generator go on for ever, or lower steps_per_epoch or epochs."
    raise DataError.at(
        where, "x", f"a generator of {wanted or 'some'} batches for each epoch", "an iterator", cure, because=because
    )


# ---- measuring and predicting --------------------------------------------------------------------------------------


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
        order = np.arange(data.rows if limit is None else min(data.rows, limit * batch_size), dtype=np.int64)
        for _ in breaths(steps.test(data.signature), data, order, batch_size, pace or Pace()):
            pass
    else:
        for step, batch in enumerate(_batches(adapter.batch, data, batch_size, limit)):
            callbacks.call("on_test_batch_begin", step, None)
            steps.test(batch.signature).run(batch.arrays)
            callbacks.call("on_test_batch_end", step, objective.result() if hooks else None)
    logs = objective.result()
    callbacks.call("on_test_end", logs)
    return logs


def predict(
    steps: Steps, adapter: Adapter, data: DataSet | Stream, batch_size: int, limit: int | None, callbacks: CallbackList
) -> list[list[np.ndarray]]:
    """The outputs of every batch, output by output."""
    outputs: list[list[np.ndarray]] = [[] for _ in steps.program.outputs]
    callbacks.call("on_predict_begin", None)
    for step, batch in enumerate(_batches(lambda item: adapter.inputs(_inputs_of(item)), data, batch_size, limit)):
        callbacks.call("on_predict_batch_begin", step, None)
        made = steps.predict(batch.signature).run(batch.arrays).outputs
        for kept, array in zip(outputs, made, strict=True):
            kept.append(array)
        callbacks.call("on_predict_batch_end", step, None)
    callbacks.call("on_predict_end", None)
    return outputs


def _inputs_of(item: Any) -> Any:
    return item[0] if isinstance(item, tuple) else item


def _batches(
    convert: Callable[[Any], DataSet], data: DataSet | Stream, batch_size: int, limit: int | None
) -> Iterator[DataSet]:
    """Data sets of one batch each, at most `limit`."""
    if isinstance(data, DataSet):
        stop = data.rows if limit is None else min(data.rows, limit * batch_size)
        for start in range(0, stop, batch_size):
            yield data.part(start, min(stop, start + batch_size))
        return
    for step, item in enumerate(data.batches()):
        yield convert(item)
        if limit is not None and step + 1 >= limit:
            return
