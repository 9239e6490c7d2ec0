"""One batch at a time: `train_on_batch`, `test_on_batch`, `predict_on_batch`.

The same arrays' shapes come again and again in such loops, so the decisions made for the first batch are kept: a batch
like the last one goes to the plan without conversion, check or copy. NaN in a batch is found by the guard of the plan
that trains, and named afterwards; where one predicts, the numbers are looked at before or while they are read.
"""

from __future__ import annotations

import abc
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from elman.errors import ArgumentError
from elman.executors import Arrays, Limits, Plan, Rows
from elman.models.turns import Turn, in_turn
from elman.training import Adapter, Objective, Steps
from elman.training.arrays import check_finite
from elman.training.buckets import run_whole
from elman.training.loop import divergence

__all__ = ["OnBatch"]


class _Like:
    """What an array must look like to need no decision: its type and shape as they came, and as the plan wants them."""

    __slots__ = ("dtype", "plan_dtype", "plan_shape", "same", "shape")

    def __init__(self, given: np.ndarray, taken: np.ndarray) -> None:
        self.dtype, self.shape = given.dtype, given.shape
        self.plan_dtype, self.plan_shape = taken.dtype, taken.shape
        self.same = self.dtype == self.plan_dtype and self.shape == self.plan_shape

    def fits(self, array: Any) -> bool:
        """Whether the array is like the first one."""
        return (
            type(array) is np.ndarray
            and array.dtype is self.dtype
            and array.shape == self.shape
            and array.flags.c_contiguous
        )

    def ready(self, array: np.ndarray) -> np.ndarray:
        """The array for the plan: itself, or in the plan's type and shape."""
        if self.same:
            return array
        with np.errstate(over="ignore", invalid="ignore"):  # found as an infinity
            return array.astype(self.plan_dtype, copy=False).reshape(self.plan_shape)


def _like(given: Any, taken: np.ndarray | Rows) -> _Like | None:
    """None where later arrays must be looked at again: no array, or class numbers that must be checked to be whole."""
    if type(given) is not np.ndarray or isinstance(taken, Rows):
        return None
    plain = given.size == taken.size and given.dtype.isnative
    return _Like(given, taken) if plain and (given.dtype == taken.dtype or taken.dtype.kind == "f") else None


class _Kept(NamedTuple):
    """How a plan that ran goes again on arrays like those."""

    version: int
    likes: tuple[_Like, ...]
    again: Callable[..., list[np.ndarray] | None]

    def run(self, *arrays: Any) -> list[np.ndarray] | None:
        """Outputs; none, where numbers were refused; None for arrays that are different, or where a run fails."""
        try:
            made = self.again(*arrays)
            if made is None and all(like.fits(a) for like, a in zip(self.likes, arrays, strict=True)):
                made = self.again(*self.ready(*arrays))
        except (IndexError, MemoryError):  # the plan's own run says of what
            return None
        return made

    def ready(self, *arrays: np.ndarray) -> tuple[np.ndarray, ...]:
        """Arrays in the plan's types and shapes."""
        return tuple([like.ready(a) for like, a in zip(self.likes, arrays, strict=True)])


def _kept(
    plan: Plan, version: int, given: Sequence[Any], taken: Arrays, look: bool = False, limits: Limits | None = None
) -> _Kept | None:
    """What is kept of a run on arrays that were taken from those given; None: it may not go the same way again."""
    likes = [_like(x, a) for x, a in zip(given, taken, strict=True)] if len(given) == len(taken) else [None]
    plain = tuple([like for like in likes if like is not None])
    again = plan.again(taken, look, limits) if len(plain) == len(likes) else None
    return None if again is None else _Kept(version, plain, again)


class OnBatch(abc.ABC):
    """Training, testing and predicting single batches, for a model that builds itself and has plans."""

    where: str
    optimizer: Any
    _steps: Steps | None
    _adapter: Adapter | None
    _kept: _Kept | None = None
    _predicts: _Kept | None = None
    _shapes: tuple[tuple[int, ...], ...] | None = None
    _turn: Turn
    _objective: Objective | None

    @abc.abstractmethod
    def _build_for(self, x: Any) -> None:
        """Build the model for these inputs, where it is not built."""

    @abc.abstractmethod
    def _training_parts(self, verb: str) -> tuple[Steps, Adapter, Objective]:
        """What a compiled model trains with."""

    @abc.abstractmethod
    def make_steps(self) -> Steps:
        """The plans of the model."""

    @abc.abstractmethod
    def _structured(self, outputs: list[Any]) -> Any:
        """Outputs in the form the model gives them in."""

    def train_on_batch(
        self,
        x: Any,
        y: Any = None,
        sample_weight: Any = None,
        class_weight: Mapping[int, float] | None = None,
        return_dict: bool = False,
    ) -> Any:
        """One training step. Returns the loss of this batch before the step (with metrics: a list, or a dict by name).

        Unlike Keras 3, the numbers are this batch's own, not means since the last reset.

        Raises: as `fit`.
        """
        kept, steps = self._kept, self._steps
        if (
            kept is not None and steps is not None and not return_dict
            and sample_weight is None and class_weight is None
            and steps.version == kept.version and steps.current() and not self._turn.depth
        ):  # fmt: skip
            made = kept.run(x, y)
            if made:
                return float(made[0])
            if made is not None:
                raise self._diverged(kept.ready(x, y), steps, x, y)
        return self._train(x, y, sample_weight, class_weight, return_dict)

    @in_turn
    def _train(self, x: Any, y: Any, sample_weight: Any, class_weight: Any, return_dict: bool) -> Any:
        if isinstance(class_weight, str):
            cure = "One batch does not tell how frequent classes are: count them in all of the data."
            raise ArgumentError.at(
                self.where, "class_weight", "a mapping from class number to weight", class_weight, cure
            )
        self._build_for(x)
        steps, adapter, objective = self._training_parts("train_on_batch")
        data = adapter.data_set(x, y, sample_weight, class_weight)
        steps.make_room(data.rows)
        plan = steps.train(data.signature)
        objective.reset()
        run = plan.run(data.arrays) if steps.keeps else run_whole(plan, data)
        if run.diverged:
            raise self._diverged(data.arrays, steps)
        self._kept = None
        loss = objective.losses[0]
        if len(data.arrays) == 2 and not objective.reported and len(objective.names) == 1 and loss and loss.aligned:
            limits = {} if loss.limits is None else {1: loss.limits}
            self._kept = _kept(plan, steps.version, (x, y), data.arrays, limits=limits)
        return _reported(objective, return_dict)

    @in_turn
    def test_on_batch(self, x: Any, y: Any = None, sample_weight: Any = None, return_dict: bool = False) -> Any:
        """Loss (and metrics) of one batch. Raises: as `evaluate`."""
        self._build_for(x)
        steps, adapter, objective = self._training_parts("test_on_batch")
        data = adapter.data_set(x, y, sample_weight)
        steps.make_room(data.rows)
        plan = steps.test(data.signature)
        objective.reset()
        plan.run(data.arrays)
        return _reported(objective, return_dict)

    def predict_on_batch(self, x: Any) -> Any:
        """The outputs for one batch. Shapes: as the outputs."""
        kept, steps = self._predicts, self._steps
        if kept is not None and steps is not None and steps.version == kept.version and steps.current():
            made = kept.run(x)
            if made:
                return self._structured(made)
        self._build_for(x)
        steps = self.make_steps()
        assert self._adapter is not None
        data = self._adapter.inputs(x)
        steps.make_room(data.rows)
        plan = steps.predict(data.signature)
        made = list(plan.run(data.arrays).outputs)
        shapes = tuple([a.shape for a in data.arrays])
        again = shapes == self._shapes  # to prepare takes longer than it saves once
        self._predicts = _kept(plan, steps.version, (x,), data.arrays, look=True) if again else None
        self._shapes = shapes
        return self._structured(made)

    def _diverged(self, arrays: Arrays, steps: Steps, x: Any = None, y: Any = None) -> ArithmeticError:
        """The error of a batch that was refused: bad data if they are bad, else divergence."""
        for name, array, given in zip("xy", arrays, (x, y), strict=False):
            check_finite(np.asarray(array), self.where, name, given)
        return divergence(int(steps.counters.step.value), None, 0, getattr(self.optimizer, "learning_rate", None))


def _reported(objective: Objective, return_dict: bool) -> Any:
    logs = objective.result()
    if return_dict:
        return logs
    values = list(logs.values())
    return values[0] if len(values) == 1 else values
