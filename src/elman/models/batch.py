"""One batch at a time: `train_on_batch`, `test_on_batch`, `predict_on_batch`.

The same arrays' shapes come again and again in such loops, so the decisions made for the first batch are kept: a batch like the last
one goes to the plan without conversion, check or copy. NaN in a batch is found by the plan's guard, and named afterwards.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from elman.executors import Plan
from elman.training import Adapter, Objective, Steps
from elman.training.arrays import check_finite
from elman.training.loop import divergence

__all__ = ["OnBatch"]


class _Kept:
    """The plan for batches that look like this one: same class, type and shape, in C order."""

    __slots__ = ("input_dtype", "input_shape", "plan", "target_dtype", "target_shape")

    def __init__(self, plan: Plan, x: np.ndarray, y: np.ndarray) -> None:
        self.plan = plan
        self.input_dtype, self.input_shape = x.dtype, x.shape
        self.target_dtype, self.target_shape = y.dtype, y.shape

    def fits(self, x: Any, y: Any) -> bool:
        """Whether x and y can go to the plan as they are."""
        return (
            type(x) is np.ndarray
            and type(y) is np.ndarray
            and x.shape == self.input_shape
            and y.shape == self.target_shape
            and x.dtype is self.input_dtype
            and y.dtype is self.target_dtype
            and x.flags.c_contiguous
            and y.flags.c_contiguous
        )


class OnBatch:
    """Training, testing and predicting single batches."""

    where: str
    optimizer: Any
    _steps: Steps | None
    _adapter: Adapter | None
    _kept: _Kept | None = None

    def _build_for(self, x: Any) -> None:
        raise NotImplementedError

    def _training_parts(self, verb: str) -> tuple[Steps, Adapter, Objective]:
        raise NotImplementedError

    def _make_steps(self) -> Steps:
        raise NotImplementedError

    def _structured(self, outputs: list[Any]) -> Any:
        raise NotImplementedError

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
            kept is not None and steps is not None and not return_dict and sample_weight is None and class_weight is None
            and steps.current() and kept.fits(x, y)
        ):  # fmt: skip
            run = kept.plan.run((x, y))
            if not run.diverged:
                return float(run.outputs[0])
            raise self._diverged([x, y], steps)
        return self._train(x, y, sample_weight, class_weight, return_dict)

    def _train(self, x: Any, y: Any, sample_weight: Any, class_weight: Any, return_dict: bool) -> Any:
        self._build_for(x)
        steps, adapter, objective = self._training_parts("train_on_batch")
        data = adapter.data_set(x, y, sample_weight, class_weight)
        plan = steps.train(data.signature)
        objective.reset()
        run = plan.run(data.arrays)
        if run.diverged:
            raise self._diverged(data.arrays, steps)
        plain = len(data.arrays) == 2 and not objective.reported and len(objective.names) == 1
        self._kept = _Kept(plan, *data.arrays) if plain else None
        return _reported(objective, return_dict)

    def test_on_batch(self, x: Any, y: Any = None, sample_weight: Any = None, return_dict: bool = False) -> Any:
        """Loss (and metrics) of one batch. Raises: as `evaluate`."""
        self._build_for(x)
        steps, adapter, objective = self._training_parts("test_on_batch")
        data = adapter.data_set(x, y, sample_weight)
        plan = steps.test(data.signature)
        objective.reset()
        plan.run(data.arrays)
        return _reported(objective, return_dict)

    def predict_on_batch(self, x: Any) -> Any:
        """The outputs for one batch. Shapes: as the outputs."""
        self._build_for(x)
        steps = self._make_steps()
        assert self._adapter is not None
        data = self._adapter.inputs(x)
        return self._structured(list(steps.predict(data.signature).run(data.arrays).outputs))

    def _diverged(self, arrays: list[np.ndarray], steps: Steps) -> ArithmeticError:
        """The error of a batch that was refused: bad data if they are bad, else divergence."""
        for name, array in zip("xy", arrays, strict=False):
            check_finite(array, self.where, name)
        return divergence(int(steps.counters.step.value), None, 0, getattr(self.optimizer, "learning_rate", None))


def _reported(objective: Objective, return_dict: bool) -> Any:
    logs = objective.result()
    if return_dict:
        return logs
    values = list(logs.values())
    return values[0] if len(values) == 1 else values
