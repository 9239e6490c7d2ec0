"""What every optimizer shares: learning rate, clipping, weight decay, averaging and accumulation, on one flat vector.

All weights of a model are one vector of P numbers (`training/parameters.py`), so an optimizer is a handful of
element-wise operators on vectors of that length: they fuse into one pass over memory, whatever the number of weights.
Where a rule is about single weights (clipnorm, excluded weight decay), `segments` says which stretch of the vector is
which weight.

An optimizer gives `slots` (vectors it remembers) and `step` (new weights and slots from the old ones and the gradient);
everything around that is here. The order of things is Keras's: accumulate, clip, decay, step, average, count.
"""

from __future__ import annotations

import inspect
import math
import re
from abc import ABCMeta, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from typing import Any, ClassVar, Self, TypedDict

import numpy as np

from elman import ops
from elman.arguments import Absent, Checked, check_number, check_whole
from elman.errors import ArgumentError, NotBuiltError, unknown_name
from elman.graph import Tensor, Variable, as_tensor, constant
from elman.graph.node import Operand
from elman.optimizers import schedules
from elman.optimizers.learning_rate import LearningRate
from elman.optimizers.schedules import LearningRateSchedule

Segment = tuple[str, int, int]
"""Name, offset and size of one weight in the flat vector."""

Slots = dict[str, Tensor]
Rate = float | LearningRateSchedule | Callable[[Any], Any] | dict[str, Any]


class DecayFreeOptions(TypedDict, total=False):
    """The arguments every optimizer takes by name, but weight_decay; see `Optimizer`."""

    clipnorm: float | None
    clipvalue: float | None
    global_clipnorm: float | None
    use_ema: bool
    ema_momentum: float
    ema_overwrite_frequency: int | None
    loss_scale_factor: float | None
    gradient_accumulation_steps: int | None
    name: str | None


class Options(DecayFreeOptions, total=False):
    """The arguments every optimizer takes by name; see `Optimizer`."""

    weight_decay: float | None


class _Closed(ABCMeta):
    """Objects of such a class take no new attributes once they are made."""

    def __call__(cls, *args: Any, **kwargs: Any) -> Any:
        made = super().__call__(*args, **kwargs)
        made.__dict__["_made"] = True
        return made


class Optimizer(Checked, metaclass=_Closed):
    """A rule that turns gradients into better weights.

    Args:
        learning_rate: step size; a number, a schedule, or a function of the number of steps done.
        weight_decay: weights shrink by learning_rate · weight_decay of themselves before each step.
        clipnorm: each weight's gradient is shortened to at most this length.
        clipvalue: each number of the gradient is limited to [-clipvalue, clipvalue].
        global_clipnorm: the gradient of all weights together is shortened to at most this length.
        use_ema: keep a moving average of the weights, to be put in their place by `finalize_variable_values`.
        ema_momentum: how much of the average is kept each step, in [0, 1].
        ema_overwrite_frequency: put the average in the weights' place every so many steps, too.
        loss_scale_factor: only None: elman has no half-precision numbers that would need it.
        gradient_accumulation_steps: apply the mean of so many gradients once, at the last of them.
        name: how reports and files call it.
    Raises: ArgumentError: a number out of its range, or two ways of clipping at once.
    """

    __signature__: ClassVar[inspect.Signature]

    def __init__(
        self,
        learning_rate: Rate,
        weight_decay: float | None = None,
        clipnorm: float | None = None,
        clipvalue: float | None = None,
        global_clipnorm: float | None = None,
        use_ema: bool = False,
        ema_momentum: float = 0.99,
        ema_overwrite_frequency: int | None = None,
        loss_scale_factor: float | None = None,
        gradient_accumulation_steps: int | None = None,
        name: str | None = None,
    ) -> None:
        self.name = name or _snake(type(self).__name__)
        self.weight_decay = self._optional("weight_decay", weight_decay, "a finite number from 0")
        self.clipnorm = self._optional("clipnorm", clipnorm, "a finite number above 0")
        self.clipvalue = self._optional("clipvalue", clipvalue, "a finite number above 0")
        self.global_clipnorm = self._optional("global_clipnorm", global_clipnorm, "a finite number above 0")
        self.use_ema, self.ema_momentum = use_ema, self._in_unit("ema_momentum", ema_momentum)
        self.ema_overwrite_frequency = self._count_of("ema_overwrite_frequency", ema_overwrite_frequency, 1)
        self.loss_scale_factor = loss_scale_factor
        self.gradient_accumulation_steps = self._count_of("gradient_accumulation_steps", gradient_accumulation_steps, 2)
        self._check()
        self._rate: float | Callable[[Any], Any] = self._read_rate(learning_rate)
        self._rate_variable: Variable | None = None
        self._excluded: re.Pattern[str] | None = None
        self._parameters: Variable | None = None
        self._slots: dict[str, Variable] = {}
        self.iterations = Variable(np.zeros((), np.int32), name=f"{self.name}/iterations")

    def __init_subclass__(cls) -> None:
        """Show, where Python shows signatures, every argument that `options` stands for."""
        super().__init_subclass__()
        own = [p for p in inspect.signature(cls.__init__).parameters.values() if p.kind is not p.VAR_KEYWORD][1:]
        known = {p.name for p in own}
        shared = [
            p for p in inspect.signature(Optimizer.__init__).parameters.values() if p.name in Options.__annotations__
        ]
        rest = [p.replace(kind=p.KEYWORD_ONLY) for p in shared if p.name not in known]
        cls.__signature__ = inspect.Signature([*own, *rest])

    def __setattr__(self, name: str, value: Any) -> None:
        """Raises: UnknownNameError: it has no such setting. ArgumentError: training has begun with another value."""
        if "_made" in self.__dict__ and not name.startswith("_"):
            if name not in self.__dict__ and not hasattr(type(self), name):
                raise unknown_name(self.name, "attribute", name, inspect.signature(type(self)).parameters)
            if self.built and name != "learning_rate":
                cure = "Make a new optimizer and compile() again; learning_rate may be set at any time."
                raise ArgumentError.at(self.name, name, "left as it is once training has begun", value, cure)
        object.__setattr__(self, name, value)

    lr = Absent("It is called learning_rate.")

    # ---- what an optimizer is -------------------------------------------------------------------------------------

    @abstractmethod
    def slots(self) -> dict[str, float]:
        """Vectors of P numbers to remember: their names and first values."""

    def scalars(self) -> dict[str, float]:
        """Single numbers to remember: their names and first values."""
        return {}

    @abstractmethod
    def step(self, w: Tensor, g: Tensor, s: Mapping[str, Tensor], rate: Tensor, t: Tensor) -> tuple[Tensor, Slots]:
        """New weights and slots.

        Shapes: weights w, gradient g, slots s (P,); learning rate, number t of this update from 1 () -> (P,), slots.
        """

    # ---- what is done with it -------------------------------------------------------------------------------------

    def build(self, parameters: Variable) -> None:
        """Make the slots. Done once; `updates` does it where nobody did.

        Shapes: parameters (P,).
        Raises: ArgumentError: already built for another vector.
        """
        if self._parameters is not None:
            if parameters is not self._parameters and parameters.shape != self._parameters.shape:
                rule = f"the vector of {self._parameters.shape[0]} numbers it was built for"
                cure = "Make a new optimizer for another model."
                raise ArgumentError.at(self.name, "parameters", rule, parameters, cure)
            self._parameters = parameters
            return
        self._parameters = parameters
        first = {"average": 0.0} if self.use_ema else {}
        if self.gradient_accumulation_steps:
            first["gradient_accumulator"] = 0.0
        for name, value in {**first, **self.slots()}.items():
            array = np.full(parameters.shape, value, dtype=parameters.dtype)
            self._slots[name] = Variable(array, name=f"{self.name}/{name}")
        for name, value in self.scalars().items():
            self._slots[name] = Variable(np.asarray(value, dtype=parameters.dtype), name=f"{self.name}/{name}")
        if not callable(self._rate):
            rate = np.asarray(self._rate, dtype=parameters.dtype)
            self._rate_variable = Variable(rate, name=f"{self.name}/learning_rate")

    @property
    def _count(self) -> tuple[int, ...]:
        """The shape (P,) of the vector."""
        assert self._parameters is not None, "built before use"
        return self._parameters.shape

    @property
    def built(self) -> bool:
        """Whether the slots exist."""
        return self._parameters is not None

    def remembers(self, count: int) -> bool:
        """Whether it was built for a vector of so many numbers."""
        return self._parameters is not None and self._parameters.shape == (count,)

    @property
    def variables(self) -> list[Variable]:
        """Everything it remembers, in a fixed order: iterations, learning rate (unless scheduled), slots."""
        rate = [] if self._rate_variable is None else [self._rate_variable]
        return [self.iterations, *rate, *self._slots.values()]

    def updates(
        self, parameters: Variable, gradient: Tensor, segments: Sequence[Segment] = ()
    ) -> list[tuple[Variable, Tensor]]:
        """One step as a graph: what the parameters, the slots and the counter become.

        Args: segments: (name, offset, size) of each weight in the vector; needed by clipnorm and excluded weight decay.
        Shapes: parameters, gradient (P,).
        """
        self.build(parameters)
        w, dtype, every = parameters.tensor, parameters.dtype, self.gradient_accumulation_steps
        old = {name: slot.tensor for name, slot in self._slots.items()}
        done = self.iterations.tensor
        now = None if not every else ops.equal(ops.mod(done + 1, every), 0)
        if every:
            gradient = (gradient + old["gradient_accumulator"]) / float(every)
        applied = ops.cast(done, dtype) if not every else ops.cast(done - ops.mod(done, every), dtype) / float(every)
        rate = self._traced_rate(done, dtype)
        new_w, new = self.step(self._decay(w, rate, segments), self._clip(gradient, segments), old, rate, applied + 1.0)
        if now is not None:
            new_w = ops.where(now, new_w, w)
            new = {name: ops.where(now, value, old[name]) for name, value in new.items()}
            new["gradient_accumulator"] = ops.where(now, 0.0, gradient * float(every or 1))
        if self.use_ema:
            kept = ops.where(ops.equal(applied, 0.0), 0.0, constant(self.ema_momentum, dtype))
            new["average"] = kept * old["average"] + (1.0 - kept) * new_w
            if self.ema_overwrite_frequency:
                due = ops.equal(ops.mod(applied + 1.0, float(self.ema_overwrite_frequency)), 0.0)
                new_w = ops.where(due, new["average"], new_w)
        slots = [(slot, new[name]) for name, slot in self._slots.items() if name in new]
        return [(parameters, new_w), *slots, (self.iterations, done + 1)]

    def finalize_variable_values(self) -> None:
        """Put the moving average in the weights' place, where one is kept: the end of training.

        Raises: NotBuiltError: no training has begun.
        """
        if not self.use_ema:
            return
        if self._parameters is None:
            raise NotBuiltError(f"{self.name}: finalize_variable_values needs a built optimizer. Call fit() first.")
        self._parameters.assign(self._slots["average"].value)

    def exclude_from_weight_decay(self, var_names: Sequence[str]) -> None:
        """Spare weights whose names contain one of these (regular expressions, as in Keras): for example ["bias"].

        Raises: ArgumentError: the optimizer is built already.
        """
        if self.built:
            cure = "Call it before compile()."
            raise ArgumentError.at(self.name, "exclude_from_weight_decay", "called before training", var_names, cure)
        self._excluded = re.compile("|".join(sorted(set(var_names)))) if var_names else None

    # ---- the learning rate ----------------------------------------------------------------------------------------

    @property
    def learning_rate(self) -> LearningRate:
        """The learning rate of the next step. Assigning a number changes it, also between two steps of a compiled plan.

        Raises: ArgumentError: (assigning) a schedule is in charge, or a plan is compiled and the value is no number.
        """
        return LearningRate(self._rate_now(), self)

    @learning_rate.setter
    def learning_rate(self, value: Rate) -> None:
        rate = self._read_rate(value)
        if self.built and (callable(self._rate) or callable(rate)):
            cure = "Make a new optimizer and compile() again."
            rule = "a number, and the optimizer without a schedule, once training has begun"
            because = "the optimizer's schedule is in charge" if callable(self._rate) else ""
            raise ArgumentError.at(self.name, "learning_rate", rule, value, cure, because=because)
        self._rate = rate
        if self._rate_variable is not None:
            self._rate_variable.assign(rate)

    def _rate_now(self) -> float:
        if callable(self._rate):
            value = self._rate(int(self.iterations.value))
            if isinstance(value, Tensor):
                rule = "give a number for a number, so that it can be read"
                cure = "Use arithmetic on the step it is called with, and NumPy where that is a number."
                raise ArgumentError.at(self.name, "learning_rate", f"a schedule that can {rule}", self._rate, cure)
            return float(value)
        if self._rate_variable is None or self._rate_variable.value == self._rate_variable.value.dtype.type(self._rate):
            return self._rate
        return float(self._rate_variable.value)

    def _read_rate(self, value: Any) -> float | Callable[[Any], Any]:
        if isinstance(value, dict):
            return schedules.get(value)
        if callable(value):
            function: Callable[[Any], Any] = value
            return function
        cure = "0.001 is usual; a schedule, or a function of the step, is a rate, too."
        return float(self._number("learning_rate", value, "a finite number from 0", cure))

    def _traced_rate(self, done: Tensor, dtype: str) -> Tensor:
        if self._rate_variable is not None:
            return self._rate_variable.tensor
        assert callable(self._rate), "without a variable there is a schedule"
        return ops.cast(as_tensor(self._rate(ops.cast(done, dtype)), dtype), dtype)

    # ---- clipping and decay ---------------------------------------------------------------------------------------

    def _clip(self, g: Tensor, segments: Sequence[Segment]) -> Tensor:
        if self.clipvalue:
            return ops.clip(g, -self.clipvalue, self.clipvalue)
        if self.global_clipnorm:
            length = ops.norm(g)
            scale = self.global_clipnorm * ops.minimum(1.0 / length, 1.0 / self.global_clipnorm)
            return g * (scale + (length - length))  # an infinite length makes every number NaN, which the guard sees
        if self.clipnorm:
            return g * (self.clipnorm / ops.maximum(self._lengths(g, segments), self.clipnorm))
        return g

    def _lengths(self, g: Tensor, segments: Sequence[Segment]) -> Tensor:
        """For each number the length of the gradient of the weight it belongs to. Shapes: g (P,) -> (P,)."""
        owner = np.zeros(self._count, np.int32)
        for i, (_, offset, size) in enumerate(self._known(segments, "clipnorm")):
            owner[offset : offset + size] = i
        lengths = [ops.norm(g[offset : offset + size]) for _, offset, size in segments]
        return ops.take(ops.stack(lengths), constant(owner))

    def _decay(self, w: Tensor, rate: Tensor, segments: Sequence[Segment]) -> Tensor:
        if self.weight_decay is None:
            return w
        share: Operand = self.weight_decay
        if self._excluded is not None:
            each = np.full(self._count, self.weight_decay, w.dtype)
            for name, offset, size in self._known(segments, "exclude_from_weight_decay"):
                if self._excluded.search(name):
                    each[offset : offset + size] = 0.0
            share = constant(each)
        return w - w * share * rate

    def _known(self, segments: Sequence[Segment], option: str) -> Sequence[Segment]:
        if not segments:
            cure = f"{option} works on each weight by itself."
            raise ArgumentError.at(self.name, "segments", "given", (), cure)
        return segments

    # ---- configuration --------------------------------------------------------------------------------------------

    def _check(self) -> None:
        every = {"clipnorm": self.clipnorm, "clipvalue": self.clipvalue, "global_clipnorm": self.global_clipnorm}
        clips = {name: value for name, value in every.items() if value is not None}
        if len(clips) > 1:
            given = ", ".join(clips)
            raise ArgumentError.at(self.name, given, "only one of them", clips, "Choose one way of clipping.")
        if self.loss_scale_factor is not None:
            cure = "elman computes in float32 and float64, which need no loss scaling."
            raise ArgumentError.at(self.name, "loss_scale_factor", "None", self.loss_scale_factor, cure)

    def _optional(self, name: str, value: float | None, rule: str) -> float | None:
        """Raises: ArgumentError: neither None nor such a number."""
        return None if value is None else self._number(name, value, rule, "None leaves it out.")

    def _count_of(self, name: str, value: Any, least: int) -> int | None:
        """None for 0, too, as in Keras. Raises: ArgumentError: neither None nor a whole number from `least`."""
        none = value is None or (isinstance(value, int) and not value)
        return None if none else check_whole(self.name, name, value, least, cure="None leaves it out.")

    def _in_unit(self, name: str, value: float) -> float:
        """Refuse what does not lie in [0, 1]."""
        return self._number(name, value, "in [0, 1]")

    def _number(self, name: str, value: float, rule: str, cure: str = "") -> float:
        """Raises: ArgumentError: no such number."""
        return check_number(self.name, name, value, rule, cure)

    def get_config(self) -> dict[str, Any]:
        """The constructor's arguments, fit for JSON; the learning rate as it is now.

        Raises: ArgumentError: the learning rate is a function or schedule of the user's own.
        """
        names = [n for n in inspect.signature(type(self)).parameters if n not in ("name", "learning_rate")]
        return {"name": self.name, "learning_rate": self._rate_config(), **{n: getattr(self, n) for n in names}}

    def _rate_config(self) -> float | dict[str, Any]:
        if isinstance(self._rate, LearningRateSchedule):
            return schedules.serialize(self._rate)
        if callable(self._rate):
            cure = "Write it as a schedule, or pass it to compile() again after loading."
            raise ArgumentError.at(self.name, "learning_rate", "a number or a schedule to be saved", self._rate, cure)
        return self._rate_now()

    @classmethod
    def from_config(cls, config: Mapping[str, Any]) -> Self:
        """The optimizer that `get_config` described."""
        return cls(**config)

    def __repr__(self) -> str:
        return f"{type(self).__name__}(learning_rate={self._rate!r})"


def power_gap(base: float, t: Tensor) -> Tensor:
    """1 - base^t, for base in [0, 1] and t from 1.

    As -expm1(t log base): 1 - 0.999 in float32 would keep four digits of a bias correction.

    Shapes:
        t () -> ().
    """
    return ops.ones_like(t) if base == 0 else -ops.expm1(t * math.log(base))


def _snake(name: str) -> str:
    return re.sub(r"([a-z0-9])([A-Z])", r"\1_\2", re.sub(r"(.)([A-Z][a-z]+)", r"\1_\2", name)).lower()
