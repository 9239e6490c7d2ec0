"""Learning rates that change with the step: functions of the number of steps done, traced into the training plan.

A schedule called with a tensor builds operators; called with a number it returns a number, which is what
`optimizer.learning_rate` and a plot of the schedule read. Both are the same formula: `_words` gives it its functions.
Formulas, names and defaults are those of Keras 3.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Sequence
from types import ModuleType
from typing import Any, Self, final

import numpy as np

from elman import dtypes, ops, settings
from elman.arguments import Checked, check_number, check_numbers
from elman.errors import ArgumentError, unknown_name
from elman.graph import Tensor, Variable, as_tensor

__all__ = [
    "CosineDecay",
    "CosineDecayRestarts",
    "ExponentialDecay",
    "InverseTimeDecay",
    "LearningRateSchedule",
    "PiecewiseConstantDecay",
    "PolynomialDecay",
    "get",
    "serialize",
]


def _words(step: Any) -> tuple[ModuleType, Any]:
    """Where floor, cos, power ... come from, operators for a tensor and NumPy for a number, and the step as a real."""
    if not isinstance(step, (Tensor, Variable)):
        return np, step
    step = as_tensor(step)
    return ops, step if dtypes.is_real(step.dtype) else ops.cast(step, settings.floatx())


def _steps(where: str, argument: str, value: float, rule: str = "a finite number above 0") -> float:
    """Raises: ArgumentError: no such number of steps."""
    return check_number(where, argument, value, rule, "It counts training steps (batches), not epochs.")


def _from_0(where: str, argument: str, value: float) -> float:
    """Raises: ArgumentError: below 0, or not finite."""
    return check_number(where, argument, value, "a finite number from 0")


class LearningRateSchedule(Checked, ABC):
    """A learning rate for each step. Write your own with `__call__` and, to save it, `get_config`.

    Example:
        >>> class Halving(LearningRateSchedule):
        ...     def __call__(self, step):
        ...         return 0.1 / (1.0 + step)
        >>> Halving()(1)
        0.05
    """

    @abstractmethod
    def __call__(self, step: Any) -> Any:
        """The learning rate after `step` steps: a scalar tensor for a real scalar tensor, a number for a number."""

    def get_config(self) -> dict[str, Any]:
        """The constructor's arguments, fit for JSON."""
        return dict(vars(self))

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Self:
        """The schedule that `get_config` described."""
        return cls(**config)


class _Decay(LearningRateSchedule):
    """What falls with how often decay_steps have passed."""

    def __init__(
        self,
        initial_learning_rate: float,
        decay_steps: float,
        decay_rate: float,
        staircase: bool = False,
        name: str | None = None,
    ) -> None:
        where = type(self).__name__
        self.initial_learning_rate = _from_0(where, "initial_learning_rate", initial_learning_rate)
        self.decay_rate = _from_0(where, "decay_rate", decay_rate)
        self.decay_steps = _steps(where, "decay_steps", decay_steps)
        self.staircase, self.name = staircase, name or type(self).__name__

    def _passed(self, step: Any) -> Any:
        """How often decay_steps have passed; with `staircase` only whole times."""
        x, step = _words(step)
        times = step / float(self.decay_steps)
        return x.floor(times) if self.staircase else times


@final
class ExponentialDecay(_Decay):
    """initial_learning_rate · decay_rate^(step / decay_steps).

    Args:
        decay_steps: steps after which decay_rate has been applied once.
        staircase: only whole powers: the rate falls once every decay_steps.
    Raises: ArgumentError: decay_steps is not positive, another number below 0.
    Source: Keras 3.
    Example:
        >>> float(ExponentialDecay(0.1, decay_steps=10, decay_rate=0.5)(20))
        0.025
    """

    def __call__(self, step: Any) -> Any:
        """See the class."""
        x, _ = _words(step)
        return self.initial_learning_rate * x.power(self.decay_rate, self._passed(step))


@final
class InverseTimeDecay(_Decay):
    """initial_learning_rate / (1 + decay_rate · step / decay_steps).

    Args:
        decay_steps: steps after which the divisor has grown by decay_rate.
        staircase: the divisor grows once every decay_steps.
    Raises: ArgumentError: decay_steps is not positive, another number below 0.
    Source: Keras 3.
    Example:
        >>> InverseTimeDecay(0.1, decay_steps=10, decay_rate=1.0)(10)
        0.05
    """

    def __call__(self, step: Any) -> Any:
        """See the class."""
        return self.initial_learning_rate / (1.0 + self.decay_rate * self._passed(step))


@final
class PiecewiseConstantDecay(LearningRateSchedule):
    """values[0] up to and including step boundaries[0], then values[1], and so on.

    Args: boundaries: increasing step numbers. values: one more than there are boundaries.
    Raises: ArgumentError: their numbers do not fit, boundaries are not in order.
    Source: Keras 3.
    Example:
        >>> PiecewiseConstantDecay([100, 200], [0.1, 0.01, 0.001])(150)
        0.01
    """

    def __init__(self, boundaries: Sequence[float], values: Sequence[float], name: str = "PiecewiseConstant") -> None:
        values = check_numbers(name, "values", values, "a finite number from 0")
        boundaries = check_numbers(name, "boundaries", boundaries) if np.size(boundaries) else []
        if boundaries != sorted(boundaries):
            raise ArgumentError.at(name, "boundaries", "in order", boundaries, "They are steps, one after another.")
        if len(boundaries) != len(values) - 1:
            cure = f"Give {len(values) - 1} boundaries or {len(boundaries) + 1} values."
            raise ArgumentError.at(name, "boundaries", "one fewer than values", list(boundaries), cure)
        self.boundaries, self.values, self.name = list(boundaries), list(values), name

    def __call__(self, step: Any) -> Any:
        """See the class."""
        _, step = _words(step)
        rate: Any = ops.zeros_like(step) + self.values[-1] if isinstance(step, Tensor) else float(self.values[-1])
        for boundary, value in zip(reversed(self.boundaries), reversed(self.values[:-1]), strict=True):
            before = step <= float(boundary)
            rate = ops.where(before, value, rate) if isinstance(step, Tensor) else (value if before else rate)
        return rate


@final
class PolynomialDecay(LearningRateSchedule):
    """From initial_learning_rate to end_learning_rate in decay_steps, along (1 - step / decay_steps)^power.

    Args:
        power: 1 is a straight line.
        cycle: start again, over a time as many decay_steps long as have passed, instead of staying at the end.
    Raises: ArgumentError: decay_steps is not positive, another number below 0.
    Source: Keras 3.
    Example:
        >>> float(PolynomialDecay(1.0, decay_steps=10, end_learning_rate=0.0)(5))
        0.5
    """

    def __init__(
        self,
        initial_learning_rate: float,
        decay_steps: float,
        end_learning_rate: float = 0.0001,
        power: float = 1.0,
        cycle: bool = False,
        name: str = "PolynomialDecay",
    ) -> None:
        self.initial_learning_rate = _from_0("PolynomialDecay", "initial_learning_rate", initial_learning_rate)
        self.end_learning_rate = _from_0("PolynomialDecay", "end_learning_rate", end_learning_rate)
        self.decay_steps = _steps("PolynomialDecay", "decay_steps", decay_steps)
        self.power, self.cycle, self.name = _from_0("PolynomialDecay", "power", power), cycle, name

    def __call__(self, step: Any) -> Any:
        """See the class."""
        (x, step), steps = _words(step), float(self.decay_steps)
        p = step / (steps * x.maximum(x.ceil(step / steps), 1.0)) if self.cycle else x.minimum(step, steps) / steps
        drop = self.initial_learning_rate - self.end_learning_rate
        return drop * x.power(1.0 - p, self.power) + self.end_learning_rate


@final
class CosineDecay(LearningRateSchedule):
    """Half a cosine wave from initial_learning_rate down to alpha times it in decay_steps, after an optional warm-up.

    Args:
        alpha: what is left at the end, as a part of the rate the decay starts from.
        warmup_target: where the warm-up, a straight line from initial_learning_rate, ends; None: no warm-up.
        warmup_steps: how long it takes.
    Raises: ArgumentError: decay_steps is not positive, another number below 0.
    Source: Loshchilov and Hutter 2017, "SGDR", equation 5 without restarts; as Keras 3.
    Example:
        >>> float(CosineDecay(0.1, decay_steps=10)(10))
        0.0
    """

    def __init__(
        self,
        initial_learning_rate: float,
        decay_steps: float,
        alpha: float = 0.0,
        name: str = "CosineDecay",
        warmup_target: float | None = None,
        warmup_steps: float = 0,
    ) -> None:
        self.initial_learning_rate = _from_0("CosineDecay", "initial_learning_rate", initial_learning_rate)
        self.alpha, self.name = _from_0("CosineDecay", "alpha", alpha), name
        self.decay_steps = _steps("CosineDecay", "decay_steps", decay_steps)
        self.warmup_target = None if warmup_target is None else _from_0("CosineDecay", "warmup_target", warmup_target)
        self.warmup_steps = _steps("CosineDecay", "warmup_steps", warmup_steps, "a finite number from 0")

    def __call__(self, step: Any) -> Any:
        """See the class."""
        (x, step), start, warmup = _words(step), self.initial_learning_rate, float(self.warmup_steps)
        if self.warmup_target is None or not warmup:
            return self._decay(step, start if self.warmup_target is None else self.warmup_target)
        rising = (self.warmup_target - start) * (step / warmup) + start
        falling = self._decay(x.maximum(step - warmup, 0.0), self.warmup_target)
        return x.where(step < warmup, rising, falling)

    def _decay(self, step: Any, start: float) -> Any:
        x, step = _words(step)
        wave = 0.5 * (1.0 + x.cos(math.pi * x.minimum(step / float(self.decay_steps), 1.0)))
        return start * ((1.0 - self.alpha) * wave + self.alpha)


@final
class CosineDecayRestarts(LearningRateSchedule):
    """Cosine decays one after another, each t_mul times as long and starting m_mul times as high as the one before.

    Args: first_decay_steps: length of the first. alpha: what is left at each end, as a part of the first start.
    Raises: ArgumentError: a number out of its range, such as t_mul below 1.
    Source: Loshchilov and Hutter 2017, "SGDR: stochastic gradient descent with warm restarts"; as Keras 3.
    Example:
        >>> float(CosineDecayRestarts(0.1, first_decay_steps=10, t_mul=1.0)(10))
        0.1
    """

    def __init__(
        self,
        initial_learning_rate: float,
        first_decay_steps: float,
        t_mul: float = 2.0,
        m_mul: float = 1.0,
        alpha: float = 0.0,
        name: str = "SGDRDecay",
    ) -> None:
        where = "CosineDecayRestarts"
        self.initial_learning_rate = _from_0(where, "initial_learning_rate", initial_learning_rate)
        self.alpha, self.name = _from_0(where, "alpha", alpha), name
        self.first_decay_steps = _steps(where, "first_decay_steps", first_decay_steps)
        cure = "Shorter and shorter decays would end."
        self.t_mul = check_number(where, "t_mul", t_mul, "a finite number from 1", cure)
        self.m_mul = _from_0(where, "m_mul", m_mul)

    def __call__(self, step: Any) -> Any:
        """See the class."""
        x, step = _words(step)
        done = step / float(self.first_decay_steps)
        if self.t_mul == 1.0:
            restarts = x.floor(done)
            done = done - restarts
        else:
            restarts = x.floor(x.log(1.0 - done * (1.0 - self.t_mul)) / math.log(self.t_mul))
            length = x.power(self.t_mul, restarts)
            done = (done - (1.0 - length) / (1.0 - self.t_mul)) / length
        wave = 0.5 * x.power(self.m_mul, restarts) * (1.0 + x.cos(math.pi * done))
        return self.initial_learning_rate * ((1.0 - self.alpha) * wave + self.alpha)


_KNOWN: dict[str, type[LearningRateSchedule]] = {
    kind.__name__: kind
    for kind in (
        CosineDecay,
        CosineDecayRestarts,
        ExponentialDecay,
        InverseTimeDecay,
        PiecewiseConstantDecay,
        PolynomialDecay,
    )
}


def get(identifier: Any) -> LearningRateSchedule:
    """The schedule that an instance or a configuration {"class_name": ..., "config": ...} stands for.

    Raises: UnknownNameError: a name nobody knows.
    Example:
        >>> config = {"initial_learning_rate": 1.0, "decay_steps": 1, "decay_rate": 0.5}
        >>> float(get({"class_name": "ExponentialDecay", "config": config})(1))
        0.5
    """
    if isinstance(identifier, LearningRateSchedule):
        return identifier
    name = identifier.get("class_name") if isinstance(identifier, dict) else identifier
    if name not in _KNOWN:
        raise unknown_name("schedules.get", "schedule", name, _KNOWN)
    return _KNOWN[name].from_config(identifier.get("config", {}))


def serialize(schedule: LearningRateSchedule) -> dict[str, Any]:
    """The schedule as JSON that `get` understands.

    Raises: ArgumentError: a schedule of the user's own, which no file can hold.
    """
    name = type(schedule).__name__
    if _KNOWN.get(name) is not type(schedule):
        cure = "Pass it to compile() again after loading."
        raise ArgumentError.at("schedules.serialize", "schedule", "one of elman's own to be saved", name, cure)
    return {"class_name": name, "config": schedule.get_config()}
