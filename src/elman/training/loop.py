"""The loop over epochs: an order of rows, a call of the plan, numbers read once an epoch.

Where nobody listens to single batches, Python runs once an epoch, or about every 50 ms: within a long epoch, so that
progress is shown, and after several short ones where nobody acts between them. The order of an epoch depends on
(seed, epoch) alone: the same on every machine, and after a resume.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from time import perf_counter
from typing import Any

import numpy as np

from elman.errors import DataError, DivergenceError
from elman.executors import Plan
from elman.graph import Tensor
from elman.training.batches import Adapter
from elman.training.buckets import Trim, by_length, run_whole
from elman.training.callbacks.base import CallbackList
from elman.training.measure import Pace, breaths, evaluate
from elman.training.objective import Objective
from elman.training.order import Shuffler
from elman.training.program import Signature
from elman.training.sources import DataSet, Stream
from elman.training.step import Steps
from elman.training.windows import Windows

__all__ = ["Fit", "divergence"]


@dataclass
class Fit:
    """One call of `fit`: what it was told, and the loop.

    Args:
        host: the model: `stop_training` is read from it.
        data, validation: data sets, or streams of batches; to train on also windows of long sequences.
        first_epoch, epochs: train epochs first_epoch, …, epochs - 1.
        steps_per_epoch: batches of an epoch; needed for an endless stream.
        validation_freq: validate every so many epochs, or after those of these numbers, from 1.
    """

    steps: Steps
    objective: Objective
    adapter: Adapter
    callbacks: CallbackList
    host: Any
    data: DataSet | Stream | Windows
    batch_size: int = 32
    first_epoch: int = 0
    epochs: int = 1
    shuffle: bool = True
    steps_per_epoch: int | None = None
    validation: DataSet | Stream | None = None
    validation_batch_size: int = 32
    validation_steps: int | None = None
    validation_freq: int | frozenset[int] = 1
    pace: Pace = field(default_factory=Pace)

    def __post_init__(self) -> None:
        self._shuffler = Shuffler(0)
        self._plan: tuple[Signature, int, Plan] | None = None
        self._trim: tuple[DataSet, tuple[Tensor, ...], Trim | None] | None = None
        self._joins = True  # until the plan had to leave epochs, or part of one, to calls of their own
        self._logs: Mapping[str, float] = {}

    def run(self) -> None:
        """Train.

        Raises: DivergenceError: a loss that is not finite; KeyboardInterrupt: Ctrl-C; the model stays usable after
            both.
        """
        callbacks = self.callbacks
        callbacks.params["complete"] = False
        callbacks.call("on_train_begin", None)
        if isinstance(self.data, DataSet):
            self.steps.make_room(min(self.batch_size, self.data.rows))
        self._shuffler = Shuffler(int(self.steps.counters.seed.value))  # now: a callback may have restored another seed
        try:
            epoch = callbacks.params.get("first_epoch", self.first_epoch)
            while epoch < self.epochs and not self.host.stop_training:
                together = self._together(epoch)
                done, steps = self._several(epoch, together) if together > 1 else (0, 0)
                if done < together:
                    self._one(epoch + done, steps)
                    done += 1
                epoch += done
            self.steps.finish()
            callbacks.params["complete"] = True
        except (KeyboardInterrupt, DivergenceError):
            callbacks.call("on_train_end", self._logs)
            raise
        callbacks.call("on_train_end", self._logs)

    # -- epochs ------------------------------------------------------------------------------------------------------

    def _together(self, epoch: int) -> int:
        """How many epochs go to the plan in one call: those of a breath, if nobody acts between them."""
        if self.validation is not None or not isinstance(self.data, DataSet) or not self.callbacks.only_read:
            return 1
        if self.steps.keeps or not self.objective.starts_from_zero:
            return 1
        if not self._joins:
            return 1
        return max(1, min(self.epochs - epoch, self.pace.batches // max(1, -(-self.data.rows // self.batch_size))))

    def _several(self, first: int, count: int) -> tuple[int, int]:
        """Epochs in one call of the plan, told of afterwards. Returns how many, and steps done of the one behind."""
        assert isinstance(self.data, DataSet)
        plan, counter = self._train_plan(self.data), self.steps.counters.step.value
        trim = self._trim_of(self.data, plan)
        orders, sizes = self._orders(first, count, self.data.rows, trim), None
        if trim is not None:
            orders, sizes = trim.parted(orders, self.batch_size)
        each, steps_before = -(-orders.shape[1] // self.batch_size), int(counter)
        notes = [(v, np.empty((count, *v.value.shape), v.value.dtype)) for v in self.objective.sums]
        self.objective.reset()
        begun: list[np.ndarray] = []
        before = perf_counter()
        try:
            run = plan.run_epochs(self.data.arrays, orders, self.batch_size, notes, sizes)
            begun = [v.value.copy() for v, _ in notes]
        finally:  # also what was done before Ctrl-C
            done = (int(counter) - steps_before) // each
            for epoch in range(done):
                for variable, values in notes:
                    variable.value[...] = values[epoch]
                self._logs = self.objective.result()
                self.callbacks.call("on_epoch_end", first + epoch, self._logs)
        if run is None:
            self._joins = False
            return 0, 0
        self.pace.learn(max(1, run.steps), perf_counter() - before)
        if run.diverged:
            raise self._divergence(first + done, run.steps % each)
        if done < count:  # for want of memory
            self._joins = False
            for (variable, _), value in zip(notes, begun, strict=True):
                variable.value[...] = value
        return done, run.steps % each

    def _one(self, epoch: int, steps: int) -> None:
        """An epoch by itself, of which so many steps are done."""
        if steps == 0:
            self.objective.reset()
            self.callbacks.call("on_epoch_begin", epoch, None)
        self._epoch(epoch, steps)
        logs = self._logs = self.objective.result()
        if self.validation is not None and self._due(epoch + 1):
            logs.update(self._validate())
        self.callbacks.call("on_epoch_end", epoch, logs)

    def _due(self, number: int) -> bool:
        """Whether to validate after an epoch, counted from 1."""
        freq = self.validation_freq
        return number % freq == 0 if isinstance(freq, int) else number in freq

    def _epoch(self, epoch: int, steps: int) -> None:
        if isinstance(self.data, Windows):
            self._windows(epoch, self.data)
        elif isinstance(self.data, Stream):
            self._stream_epoch(epoch, self.data)
        elif self.callbacks.overrides("on_train_batch_begin", "on_train_batch_end"):
            self._batch_by_batch(epoch, self.data)
        else:
            self._whole(epoch, self.data, steps)

    def _train_plan(self, data: DataSet) -> Plan:
        """The plan for data; looked up again only when the weights moved or other data came."""
        steps, known = self.steps, self._plan
        if known is None or known[0] != data.signature or known[1] != steps.version or not steps.current():
            plan = steps.train(data.signature)
            known = self._plan = data.signature, steps.version, plan
        return known[2]

    def _trim_of(self, data: DataSet, plan: Plan) -> Trim | None:
        """The way to cut this data for a plan; looked for again only where either is another."""
        known, inputs = self._trim, plan.graph.inputs
        if known is None or known[0] is not data or known[1] is not inputs:
            known = self._trim = data, inputs, Trim.of(data, inputs)
        return known[2]

    def _orders(self, first: int, count: int, rows: int, trim: Trim | None = None) -> np.ndarray:
        """The rows of each epoch; with a trim, rows of like length meet. Shapes: -> (count, rows) int64."""
        limit = rows if self.steps_per_epoch is None else min(rows, self.steps_per_epoch * self.batch_size)
        if not self.shuffle:  # in the order they were given, however much padding that costs
            return np.tile(np.arange(limit, dtype=np.int64), (count, 1))
        orders = self._shuffler.several(first, count, rows)[:, :limit]
        return orders if trim is None else by_length(orders, trim.length, self.batch_size)

    def _whole(self, epoch: int, data: DataSet, done: int) -> None:
        """An epoch, or what is left of it behind the steps that are done."""
        plan = self._train_plan(data)
        progress = self.callbacks.listeners["on_progress"]
        trim = self._trim_of(data, plan)
        order = self._orders(epoch, 1, data.rows, trim)[0, done * self.batch_size :]
        for steps, diverged in breaths(plan, data, order, self.batch_size, self.pace, trim, self.steps.keeps):
            done += steps
            if diverged and not self._forgiven(epoch, done):
                raise self._divergence(epoch, done)
            if diverged or self.host.stop_training:
                return
            for listener in progress:
                listener(done, None)

    def _batch_by_batch(self, epoch: int, data: DataSet) -> None:
        order = self._orders(epoch, 1, data.rows)[0]
        for step, start in enumerate(range(0, len(order), self.batch_size)):
            rows = order[start : start + self.batch_size]
            self.callbacks.call("on_train_batch_begin", step, None)
            plan = self._train_plan(data)
            trim = self._trim_of(data, plan)
            if any(bad for _, bad in breaths(plan, data, rows, self.batch_size, self.pace, trim, self.steps.keeps)):
                if self._forgiven(epoch, step):
                    return
                raise self._divergence(epoch, step)
            self.callbacks.call("on_train_batch_end", step, self.objective.result())
            self.callbacks.call("on_progress", step + 1, None)
            if self.host.stop_training:
                return

    def _windows(self, epoch: int, windows: Windows) -> None:
        runs = windows.run(self.steps.train)
        for step in range(len(windows)):
            self.callbacks.call("on_train_batch_begin", step, None)
            if next(runs).diverged:
                if self._forgiven(epoch, step):
                    return
                raise self._divergence(epoch, step)
            if self.callbacks.overrides("on_train_batch_end"):
                self.callbacks.call("on_train_batch_end", step, self.objective.result())
            self.callbacks.call("on_progress", step + 1, None)
            if self.host.stop_training or step + 1 == self.steps_per_epoch:
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
            self.steps.make_room(data.rows)
            self.callbacks.call("on_train_batch_begin", step, None)
            plan = self._train_plan(data)
            run = plan.run(data.arrays) if self.steps.keeps else run_whole(plan, data)
            if run.diverged:
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
            self.steps,
            self.adapter.validating,
            self.validation,
            self.validation_batch_size,
            self.validation_steps,
            self.callbacks,
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


def _check_exhausted(where: str, step: int, wanted: int | None, epoch: int, stream: Stream) -> None:
    """Raises: DataError: a generator that ended too early."""
    if wanted is None and step > 0:
        return
    because = f"it ended in epoch {epoch + 1} after {step} batches"
    cure = "Let the generator go on for ever, or lower steps_per_epoch or epochs."
    raise DataError.at(
        where, "x", f"a generator of {wanted or 'some'} batches for each epoch", "an iterator", cure, because=because
    )
