"""Where weights start: the initializers of Keras, with its names, defaults and fans, on NumPy generators.

An initializer is called with a shape, a type and a generator. One that was given a seed uses its own generator and
draws the same numbers at every call; the others draw from the generator of `set_seed`.

Source: Glorot and Bengio 2010 (glorot), He et al. 2015 (he), LeCun et al. 1998 (lecun), Saxe et al. 2014 (orthogonal).
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Any, ClassVar, Literal, Self, final

import numpy as np

from elman import settings
from elman.arguments import Checked, check_number, check_whole
from elman.errors import ArgumentError, ShapeError
from elman.layers.arguments import check_axes
from elman.layers.registry import alias, register, resolve, serialize
from elman.shapes import text

_generator = np.random.default_rng()

# The standard deviation of a unit normal cut off at two of them; dividing by it restores the variance asked for.
_CUT_NORMAL_STD = 0.87962566103423978


def rng() -> np.random.Generator:
    """The generator that weights are drawn from when their initializer has no seed of its own."""
    return _generator


def check_seed(where: str, seed: Any) -> int:
    """The seed itself, if it is one.

    Raises:
        ArgumentError: no whole number, or below 0.

    Example:
        >>> check_seed("set_seed", 1)
        1
    """
    return check_whole(where, "seed", seed)


def get_seed(seed: Any, where: str, argument: str = "seed") -> int | None:
    """As `check_seed`; None, or the seed."""
    return None if seed is None else check_whole(where, argument, seed)


def set_seed(seed: int) -> None:
    """Start the generator of weights (and whatever else asks `rng`) again, so that a run can be repeated.

    Raises:
        ArgumentError: no whole number, or below 0.

    Example:
        >>> set_seed(1)
        >>> a = RandomNormal()((2,))
        >>> set_seed(1)
        >>> bool((a == RandomNormal()((2,))).all())
        True
    """
    global _generator
    _generator = np.random.default_rng(check_seed("set_seed", seed))


class Initializer(Checked, ABC):
    """Draws the first values of a weight.

    Shapes:   __call__(shape, dtype, rng) -> array of that shape and type.
    """

    family: ClassVar[str] = "initializer"

    def __call__(
        self, shape: Sequence[int], dtype: str | None = None, rng: np.random.Generator | None = None
    ) -> np.ndarray:
        """The values. `dtype` defaults to `settings.floatx()`, `rng` to the generator of `set_seed`."""
        seed = getattr(self, "seed", None)
        if seed is not None:
            rng = np.random.default_rng(check_seed(type(self).__name__, seed))
        source = _generator if rng is None else rng
        return np.asarray(self.draw(tuple(shape), source)).astype(dtype or settings.floatx())

    @abstractmethod
    def draw(self, shape: tuple[int, ...], rng: np.random.Generator) -> np.ndarray:
        """The values in float64. Shapes: -> shape."""

    def get_config(self) -> dict[str, Any]:
        """The constructor's arguments, as JSON can hold them."""
        return {name: serialize(value) for name, value in vars(self).items()}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Self:
        """The initializer that a configuration describes."""
        return cls(**config)


@register
@final
class Zeros(Initializer):
    """All 0."""

    def draw(self, shape: tuple[int, ...], rng: np.random.Generator) -> np.ndarray:
        """Zeros."""
        return np.zeros(shape)


@register
@final
class Ones(Initializer):
    """All 1."""

    def draw(self, shape: tuple[int, ...], rng: np.random.Generator) -> np.ndarray:
        """Ones."""
        return np.ones(shape)


@register
@final
class Constant(Initializer):
    """All `value`, or the array `value` broadcast to the shape: known embeddings, for example."""

    def __init__(self, value: Any = 0.0) -> None:
        try:
            finite = bool(np.isfinite(np.asarray(value, dtype=np.float64)).all())
        except (TypeError, ValueError):
            finite = False
        if not finite:
            raise ArgumentError.at("Constant", "value", "a finite number, or an array of them", value)
        self.value = value

    def draw(self, shape: tuple[int, ...], rng: np.random.Generator) -> np.ndarray:
        """The value."""
        value = np.asarray(self.value, dtype=np.float64)
        try:
            return np.broadcast_to(value, shape)
        except ValueError:
            cure = "It is as the weight is, or one number for all."
            raise ShapeError.at("Constant", "value", f"of a shape that fits {text(shape)}", value.shape, cure) from None


@register
@final
class Identity(Initializer):
    """`gain` on the diagonal, 0 elsewhere: a recurrence that starts by remembering. Shapes: (N, M)."""

    def __init__(self, gain: float = 1.0) -> None:
        self.gain = check_number("Identity", "gain", gain)

    def draw(self, shape: tuple[int, ...], rng: np.random.Generator) -> np.ndarray:
        """The matrix."""
        if len(shape) != 2:
            raise ShapeError.at("Identity", "shape", "be (N, M)", text(shape), "Only a matrix has a diagonal.")
        return self.gain * np.eye(*shape)


@register
@final
class RandomNormal(Initializer):
    """Normal numbers of the given mean and standard deviation."""

    def __init__(self, mean: float = 0.0, stddev: float = 0.05, seed: int | None = None) -> None:
        self.mean, self.seed = check_number("RandomNormal", "mean", mean), get_seed(seed, "RandomNormal")
        self.stddev = check_number("RandomNormal", "stddev", stddev, "a finite number from 0")

    def draw(self, shape: tuple[int, ...], rng: np.random.Generator) -> np.ndarray:
        """The numbers."""
        return rng.normal(self.mean, self.stddev, shape)


@register
@final
class RandomUniform(Initializer):
    """Uniform numbers in [minval, maxval)."""

    def __init__(self, minval: float = -0.05, maxval: float = 0.05, seed: int | None = None) -> None:
        self.minval = check_number("RandomUniform", "minval", minval)
        self.maxval, self.seed = check_number("RandomUniform", "maxval", maxval), get_seed(seed, "RandomUniform")
        if self.minval > self.maxval:
            raise ArgumentError.at("RandomUniform", "maxval", f"at least minval, {minval}", maxval)

    def draw(self, shape: tuple[int, ...], rng: np.random.Generator) -> np.ndarray:
        """The numbers."""
        return rng.uniform(self.minval, self.maxval, shape)


@register
@final
class TruncatedNormal(Initializer):
    """Normal numbers; those further than two `stddev` from the mean are drawn again. Their spread is 0.88 `stddev`."""

    def __init__(self, mean: float = 0.0, stddev: float = 0.05, seed: int | None = None) -> None:
        self.mean, self.seed = check_number("TruncatedNormal", "mean", mean), get_seed(seed, "TruncatedNormal")
        self.stddev = check_number("TruncatedNormal", "stddev", stddev, "a finite number from 0")

    def draw(self, shape: tuple[int, ...], rng: np.random.Generator) -> np.ndarray:
        """The numbers."""
        return self.mean + self.stddev * _cut_normal(shape, rng)


class Scaled(Initializer):
    """Numbers whose variance is `scale` / fan: the sum over the fan keeps the variance of its terms.

    mode: "fan_in", "fan_out" or "fan_avg". distribution: "truncated_normal", "untruncated_normal" or "uniform".
    """

    seed: int | None = None
    input_axes: list[int] | None = None
    output_axes: list[int] | None = None

    def _axes(self, **given: list[int] | None) -> list[list[int] | None]:
        """Raises: ArgumentError: neither None nor a list of whole numbers."""
        return [None if axes is None else check_axes(type(self).__name__, name, axes) for name, axes in given.items()]

    @abstractmethod
    def law(self) -> tuple[float, str, str]:
        """Scale, mode, distribution."""

    def draw(self, shape: tuple[int, ...], rng: np.random.Generator) -> np.ndarray:
        """The numbers."""
        scale, mode, distribution = self.law()
        for argument, axes in (("input_axes", self.input_axes), ("output_axes", self.output_axes)):
            for axis in [] if axes is None else axes:
                check_whole(
                    type(self).__name__, argument, axis, -len(shape), len(shape) - 1, f"The shape: {text(shape)}."
                )
        fan_in, fan_out = fans(shape, self.input_axes, self.output_axes)
        fan = {"fan_in": fan_in, "fan_out": fan_out, "fan_avg": (fan_in + fan_out) / 2}[mode]
        variance = scale / max(1.0, fan)
        if distribution == "uniform":
            limit = math.sqrt(3 * variance)
            return rng.uniform(-limit, limit, shape)
        if distribution == "untruncated_normal":
            return rng.normal(0, math.sqrt(variance), shape)
        return math.sqrt(variance) / _CUT_NORMAL_STD * _cut_normal(shape, rng)


@register
@final
class VarianceScaling(Scaled):
    """The general law of the named initializers below: see `Scaled`."""

    def __init__(
        self, scale: float = 1.0, mode: Literal["fan_in", "fan_out", "fan_avg"] = "fan_in",
        distribution: str = "truncated_normal", seed: int | None = None,
        input_axes: list[int] | None = None, output_axes: list[int] | None = None,
    ) -> None:  # fmt: skip
        self.scale = check_number("VarianceScaling", "scale", scale, "a finite number above 0", "The usual is 1.")
        for argument, value, known in (
            ("mode", mode, ("fan_in", "fan_out", "fan_avg")),
            ("distribution", distribution, ("uniform", "truncated_normal", "untruncated_normal", "normal")),
        ):
            if value not in known:
                raise ArgumentError.at("VarianceScaling", argument, f"be one of {', '.join(known)}", value, "")
        self.mode, self.seed = mode, get_seed(seed, "VarianceScaling")
        self.distribution = "truncated_normal" if distribution == "normal" else distribution
        self.input_axes, self.output_axes = self._axes(input_axes=input_axes, output_axes=output_axes)

    def law(self) -> tuple[float, str, str]:
        """Scale, mode, distribution."""
        return self.scale, self.mode, self.distribution


class NamedScaled(Scaled):
    """A scaling law that has a name of its own."""

    rule: ClassVar[tuple[float, str, str]]

    def __init__(
        self, seed: int | None = None, input_axes: list[int] | None = None, output_axes: list[int] | None = None
    ) -> None:
        self.seed = get_seed(seed, type(self).__name__)
        self.input_axes, self.output_axes = self._axes(input_axes=input_axes, output_axes=output_axes)

    def law(self) -> tuple[float, str, str]:
        """Scale, mode, distribution."""
        return self.rule


@register
@final
class GlorotUniform(NamedScaled):
    """Uniform, variance 2 / (fan in + fan out): the default of kernels."""

    rule = (1.0, "fan_avg", "uniform")


@register
@final
class GlorotNormal(NamedScaled):
    """Truncated normal, variance 2 / (fan in + fan out)."""

    rule = (1.0, "fan_avg", "truncated_normal")


@register
@final
class HeUniform(NamedScaled):
    """Uniform, variance 2 / fan in: for relu."""

    rule = (2.0, "fan_in", "uniform")


@register
@final
class HeNormal(NamedScaled):
    """Truncated normal, variance 2 / fan in: for relu."""

    rule = (2.0, "fan_in", "truncated_normal")


@register
@final
class LecunUniform(NamedScaled):
    """Uniform, variance 1 / fan in: for selu."""

    rule = (1.0, "fan_in", "uniform")


@register
@final
class LecunNormal(NamedScaled):
    """Truncated normal, variance 1 / fan in: for selu."""

    rule = (1.0, "fan_in", "truncated_normal")


@register
@final
class Orthogonal(Initializer):
    """A matrix of orthonormal rows or columns, whichever are fewer, times `gain`: states neither grow nor fade.

    Shapes:   (..., M): leading axes are taken together as rows.
    """

    def __init__(self, gain: float = 1.0, seed: int | None = None) -> None:
        self.gain, self.seed = check_number("Orthogonal", "gain", gain), get_seed(seed, "Orthogonal")

    def draw(self, shape: tuple[int, ...], rng: np.random.Generator) -> np.ndarray:
        """Q of the QR decomposition of a normal matrix, signs chosen so that every orthogonal matrix is as likely."""
        if len(shape) < 2:
            raise ShapeError.at(
                "Orthogonal", "shape", "be of rank 2 or more", text(shape), "Use another initializer for vectors."
            )
        rows, columns = math.prod(shape[:-1]), shape[-1]
        q, r = np.linalg.qr(rng.normal(size=(max(rows, columns), min(rows, columns))))
        q = q * np.where(np.diagonal(r) < 0, -1.0, 1.0)
        return self.gain * (q.T if rows < columns else q).reshape(shape)


alias(
    "initializer", zero="Zeros", one="Ones", uniform="RandomUniform", normal="RandomNormal", eye="Identity",
    IdentityInitializer="Identity", OrthogonalInitializer="Orthogonal",
)  # fmt: skip


def get(identifier: Any, where: str = "initializers", argument: str = "initializer") -> Any:
    """The initializer that a name, a configuration, a class or a callable stands for; None stays None.

    Raises:   UnknownNameError: an unknown name.
    Example:
        >>> type(get("glorot_uniform")).__name__
        'GlorotUniform'
    """
    return resolve(identifier, "initializer", where, argument)


def fans(
    shape: Sequence[int], input_axes: Sequence[int] | None = None, output_axes: Sequence[int] | None = None
) -> tuple[int, int]:
    """How many terms are summed into one output, and how many outputs one input reaches; kernels are (..., in, out)."""
    if input_axes is not None and output_axes is not None:
        return math.prod(shape[a] for a in input_axes), math.prod(shape[a] for a in output_axes)
    if len(shape) < 2:
        return (shape[0], shape[0]) if shape else (1, 1)
    field = math.prod(shape[:-2])
    return shape[-2] * field, shape[-1] * field


def _cut_normal(shape: tuple[int, ...], rng: np.random.Generator) -> np.ndarray:
    """Unit normal numbers between -2 and 2, by drawing again (4.6 % of them a round)."""
    values = rng.normal(size=shape)
    outside = np.abs(values) > 2
    while outside.any():
        values[outside] = rng.normal(size=int(outside.sum()))
        outside = np.abs(values) > 2
    return values
