"""What every layer is: something with weights that, called with symbolic tensors, traces operators onto them.

A layer computes nothing. `build` adds its weights once the features of its input are known, `call` writes its
equation, and `__call__` does what is the same for all: it checks the input, builds, follows masks, collects
penalties, and notes on each output which call made it, so that a model can walk back and trace the same calls again
for training.

Source: the contract (names, defaults, order of weights) is Keras 3's; where elman deviates, the layer says so.
"""

from __future__ import annotations

import functools
import inspect
import itertools
import math
import warnings
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any, ClassVar, Self, final

import numpy as np

from elman import dtypes, settings
from elman.errors import ArgumentError, DTypeError, ElmanWarning, NotBuiltError, ShapeError, WeightsError, unknown_name
from elman.graph import trace as ops
from elman.graph.node import Tensor, Variable, as_tensor
from elman.layers import activations, constraints, initializers, regularizers
from elman.layers.initializers import rng as rng  # noqa: PLC0414
from elman.layers.initializers import set_seed as set_seed  # noqa: PLC0414
from elman.layers.registry import deserialize, serialize, snake_case
from elman.layers.tracing import Mask as Mask  # noqa: PLC0414
from elman.layers.tracing import Tracing as Tracing  # noqa: PLC0414
from elman.layers.tracing import active, switched
from elman.layers.tracing import current as current  # noqa: PLC0414
from elman.layers.tracing import tracing as tracing  # noqa: PLC0414
from elman.shapes import text

_counters: dict[str, Iterator[int]] = {}
_scope: ContextVar[tuple[str, ...]] = ContextVar("elman_scope", default=())
_RESOLVERS: dict[str, Callable[..., Any]] = {
    "activation": activations.get,
    "initializer": initializers.get,
    "regularizer": regularizers.get,
    "constraint": constraints.get,
}


@final
@dataclass(frozen=True, eq=False)
class Call:
    """How a tensor came to be: `layer(*args, **kwargs)`, its output number `index`. Held by `Tensor.origin`."""

    layer: Layer
    args: tuple[Any, ...]
    kwargs: dict[str, Any]
    index: int


class Layer(ABC):
    """A part of a network: weights and an equation over symbolic tensors.

    Write one with `call`, and `build` where it has weights. Store each constructor argument under its own name and
    `get_config` writes itself; decorate the class with `@elman.layers.register` and it can be saved.

    Args:
        name: unique in a model; default the class in snake_case, numbered.
        trainable: whether training changes the weights; may be set later, and passes on to layers inside.
        dtype: number type of weights and results; default `settings.floatx()`.
        activity_regularizer: penalty on the output, divided by the batch size.
        input_shape: shape of one example (None: open), as old tutorials give it to the first layer of a Sequential.
        batch_input_shape, input_dim, input_length: other old ways to say the same.
    Raises:   ArgumentError: an argument the layer does not know.
    Example:
        >>> class Scale(Layer):
        ...     def build(self, input_shape):
        ...         self.s = self.add_weight("s", (input_shape[-1],), "ones")
        ...     def call(self, x):
        ...         return x * self.s
        >>> from elman.layers import Input
        >>> Scale()(Input((3,))).shape
        (B, 3)
    """

    family: ClassVar[str] = "layer"
    axes: ClassVar[tuple[str, ...]] = ()
    """What the input must look like: one letter an axis, "..." for any number of them; empty: anything."""
    input_kind: ClassVar[str] = "any"
    """"real": integers are cast to the layer's type; "index": reals are cast to int32; "any": integers stay."""

    unsaved: ClassVar[tuple[str, ...]] = ()
    """Arguments of the constructor that the configuration leaves out."""

    stepwise: ClassVar[bool] = False
    """Whether the layer on (B, T, F) does at each step what it does on (B, F)."""

    supports_masking: bool = False

    def __init__(
        self, *, name: str | None = None, trainable: bool = True, dtype: str | None = None,
        activity_regularizer: Any = None, input_shape: Sequence[Any] | None = None,
        batch_input_shape: Sequence[Any] | None = None, input_dim: int | None = None, input_length: int | None = None,
        **unknown: Any,
    ) -> None:  # fmt: skip
        self.name = self._auto_name() if name is None else str(name)
        if unknown:
            known = [*_own_arguments(type(self)), *_COMMON_ARGUMENTS]
            raise unknown_name(type(self).__name__, "argument", next(iter(unknown)), known)
        self._weights: list[Variable] = []
        self._parts: list[Layer] = getattr(self, "_parts", [])
        self._penalties: list[tuple[Variable, Callable[[Tensor], Tensor]]] = []
        self._limits: list[tuple[Variable, Callable[[Tensor], Tensor]]] = []
        self._trainable = bool(trainable)
        self.dtype = settings.floatx() if dtype is None else dtypes.canonical(dtype)
        self.activity_regularizer = regularizers.get(activity_regularizer, self.where, "activity_regularizer")
        self.built = False
        self.batch_size_hint: int | None = None
        self.input_shape_hint = self._shape_hint(input_shape, batch_input_shape, input_dim, input_length)
        self.features: int | None = None

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        if "build" in vars(cls):
            cls.build = _building(cls.build)  # type: ignore[method-assign]

    # -- to be written by a layer ------------------------------------------------------------------------------------

    def build(self, *input_shapes: Any, **_: Any) -> None:  # noqa: B027  # a layer without weights has nothing to add
        """Add the weights. Called once, before the first `call`, with the shape of each input tensor."""

    @abstractmethod
    def call(self, x: Any, /, *args: Any, **kwargs: Any) -> Any:
        """The equation: tensors from tensors. May name `mask` and `training` among its arguments to be given them."""

    def compute_mask(self, x: Any, mask: Any) -> Any:
        """The mask of the output, from the input's; a list where there are several outputs."""
        return mask if self.supports_masking else None

    # -- calling -----------------------------------------------------------------------------------------------------

    def __call__(self, x: Any, *args: Any, mask: Any = None, training: bool | None = None, **kwargs: Any) -> Any:
        """Trace the layer onto tensors.

        Args:     x: a tensor, or a list of them. mask: which steps are real, if not what the tensors say themselves.
                  training: default what the model is doing.
        Raises:   ShapeError: the rank or the features of x are not the layer's.
        """
        if not active():
            with tracing(bool(training)):
                return self.__call__(x, *args, mask=mask, training=training, **kwargs)
        x = _map(_tensor, x)
        given = {k: v for k, v in (("mask", mask), ("training", training)) if v is not None}
        now = current()
        with _inside(self.name), switched(now.training if training is None else bool(training)):
            inputs = self._accept(x)
            self._build_once(inputs, args)
            mask = _masks_of(inputs) if mask is None else _map(_as_mask, mask)
            extra = {k: v for k, v in (("mask", mask), ("training", now.training)) if k in _call_parameters(type(self))}
            outputs = self.call(inputs, *args, **kwargs, **extra)
            self._penalize(now, outputs)
        return self._note(outputs, inputs, mask, (x, *args), {**kwargs, **given})

    def _accept(self, x: Any) -> Any:
        """The inputs checked and in the layer's number type."""
        if isinstance(x, Tensor):
            self._check(x)
        return _map(self._convert, x)

    def _convert(self, x: Tensor) -> Tensor:
        if self.input_kind == "index":
            wanted = dtypes.INT32
        elif dtypes.is_real(x.dtype) or self.input_kind == "real":
            wanted = self.dtype
        else:
            wanted = x.dtype
        if x.dtype == wanted:
            return x
        converted = ops.cast(x, wanted)
        converted.mask = x.mask
        return converted

    def _check(self, x: Tensor) -> None:
        """Raises: ShapeError: x does not look like `axes`, or has other features than the layer was built with."""
        axes = self.axes
        if not axes:
            return
        short = [a for a in axes if a != "..."]
        right = x.ndim == len(axes) if len(short) == len(axes) else x.ndim >= len(short)
        if not right:
            because, cure = _rank_problem(axes, x.ndim)
            raise ShapeError.at(self.where, "x", f"have shape {self._expected()}", text(x.shape), cure, because=because)
        if axes[-1] != "F":
            return
        features = x.shape[-1]
        if not isinstance(features, int):
            cure = "Say how many features there are in Input(shape=...)."
            raise ShapeError.at(self.where, "x", "have a known number of features", text(x.shape), cure)
        if self.features is not None and features != self.features:
            cure = f"It was built for {self.features} features: give it those, or make a new layer."
            because = f"{features} features"
            raise ShapeError.at(self.where, "x", f"have shape {self._expected()}", text(x.shape), cure, because=because)

    def _expected(self) -> str:
        known = "F" if self.features is None else str(self.features)
        return text([known if a == "F" else a for a in self.axes])  # type: ignore[misc]  # letters stand for sizes

    def _build_once(self, inputs: Any, args: tuple[Any, ...]) -> None:
        if self.built:
            return
        tensors = [t for t in _flat([inputs, *args]) if isinstance(t, Tensor)]
        self.build(*(t.shape for t in tensors[: _build_arity(type(self))]))
        self.built = True

    def _note(self, outputs: Any, inputs: Any, mask: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """The outputs as tensors of this call, each with its origin and mask; the node behind them is the same."""
        masks = self.compute_mask(inputs, mask)
        if masks is None and mask is not None and not self.supports_masking and self._loses_mask(outputs):
            warnings.warn(
                f"{self.where}: x has a mask, which this layer cannot follow: what comes after it treats padded "
                "steps as data. Reduce over time before it, or set supports_masking in your own layer.",
                ElmanWarning, stacklevel=3,
            )  # fmt: skip
        spare = iter(masks if isinstance(masks, (list, tuple)) else [masks])
        count = itertools.count()
        taken = {id(t) for t in _flat(inputs)}

        def note(t: Any) -> Any:
            index, offered = next(count), next(spare, None)
            if not isinstance(t, Tensor):
                raise DTypeError.at(
                    self.where, "output", "made of tensors", type(t).__name__, "Write it with elman.ops."
                )
            made = Tensor(t.node, t.index, t.shape, t.dtype)
            made.mask = offered if id(t) in taken or t.mask is None else t.mask
            made.origin = Call(self, args, kwargs, index)
            return made

        return _map(note, outputs)

    def _loses_mask(self, outputs: Any) -> bool:
        return any(isinstance(t, Tensor) and t.mask is None for t in _flat(outputs))

    def add_loss(self, penalty: Tensor) -> None:
        """Add a real scalar to what training minimises. Call it inside `call`."""
        current().losses.append(penalty)

    def _penalize(self, now: Tracing, outputs: Any) -> None:
        """Collect the penalties on weights (once a pass, however often the layer is called) and on the outputs."""
        for variable, penalty in self.regularizers:
            if variable.trainable and id(variable) not in now.penalized:
                now.penalized.add(id(variable))
                now.losses.append(penalty(variable.tensor))
        if self.activity_regularizer is not None:
            for t in _flat(outputs):
                rows = ops.maximum(ops.size(t, 0, self.dtype), 1.0)
                now.losses.append(self.activity_regularizer(t) / rows)

    # -- weights -----------------------------------------------------------------------------------------------------

    def add_weight(
        self, name: str, shape: Sequence[int], initializer: Any = "glorot_uniform", regularizer: Any = None,
        constraint: Any = None, trainable: bool = True, dtype: str | None = None,
    ) -> Variable:  # fmt: skip
        """A new weight, with its first values drawn. Call it inside `build`.

        Args:     regularizer: penalty added to the loss. constraint: applied after each update. trainable: whether
                  training changes it.
        Raises:   ShapeError: an open size.
        """
        if not all(isinstance(d, (int, np.integer)) for d in shape):
            cure = "Fix the sizes of that axis in Input(shape=...)."
            raise ShapeError.at(self.where, name, "have a shape of known sizes", text(tuple(shape)), cure)
        kind = self.dtype if dtype is None else dtypes.canonical(dtype)
        draw = initializers.get(initializer, self.where, "initializer") or initializers.get("glorot_uniform")
        path = "/".join((*_scope.get(), name)) if _scope.get()[-1:] == (self.name,) else f"{self.name}/{name}"
        variable = Variable(draw(tuple(int(d) for d in shape), kind), path, trainable and self._trainable, kind)
        if variable.shape != tuple(shape):
            raise ShapeError.at(
                self.where, "initializer", f"one that gives shape {text(tuple(shape))}", text(variable.shape), ""
            )
        self._weights.append(variable)
        if not trainable:
            self._fixed.add(id(variable))
        for table, found in (
            (self._penalties, regularizers.get(regularizer, self.where, "regularizer")),
            (self._limits, constraints.get(constraint, self.where, "constraint")),
        ):
            if found is not None:
                table.append((variable, found))
        return variable

    def _add_stem(self, stem: str, shape: Sequence[int], name: str | None = None, initializer: Any = None) -> Variable:
        """The weight that the arguments `{stem}_initializer`, `{stem}_regularizer`, `{stem}_constraint` describe."""
        settled = initializer or getattr(self, f"{stem}_initializer")
        regularizer, constraint = getattr(self, f"{stem}_regularizer"), getattr(self, f"{stem}_constraint")
        return self.add_weight(name or stem, shape, settled, regularizer, constraint)

    @property
    def weights(self) -> list[Variable]:
        """Every weight, this layer's own first, then those of layers inside it, in the order they were made."""
        own = sorted(self._weights, key=lambda v: id(v) in self._fixed)
        return _distinct([*own, *(v for part in self._parts for v in part.weights)])

    @property
    def trainable_weights(self) -> list[Variable]:
        """The weights that training changes."""
        return [v for v in self.weights if v.trainable]

    @property
    def non_trainable_weights(self) -> list[Variable]:
        """The weights that training leaves alone."""
        return [v for v in self.weights if not v.trainable]

    @property
    def constraints(self) -> list[tuple[Variable, Callable[[Tensor], Tensor]]]:
        """Pairs of a weight and what limits it, of this layer and those inside it, to be applied after each update."""
        return [*self._limits, *(pair for part in self._parts for pair in part.constraints)]

    @property
    def regularizers(self) -> list[tuple[Variable, Callable[[Tensor], Tensor]]]:
        """Pairs of a weight and what penalises it, of this layer and those inside it."""
        return [*self._penalties, *(pair for part in self._parts for pair in part.regularizers)]

    @property
    def trainable(self) -> bool:
        """Whether training changes the weights; setting it sets the layers inside too."""
        return self._trainable

    @trainable.setter
    def trainable(self, value: bool) -> None:
        self._trainable = bool(value)
        for v in self._weights:
            v.trainable = self._trainable and id(v) not in self._fixed
        for part in self._parts:
            part.trainable = value

    def get_weights(self) -> list[np.ndarray]:
        """Copies of the weights' values, in the order of `weights`."""
        return [v.numpy() for v in self.weights]

    def set_weights(self, values: Sequence[Any]) -> None:
        """Fill the weights, in the order of `weights`.

        Raises:   WeightsError: another number of arrays, or one of another shape; then no weight is changed.
        """
        weights, arrays = self.weights, [np.asarray(v) for v in values]
        if len(arrays) != len(weights):
            listed = ", ".join(f"{v.name} {text(v.shape)}" for v in weights) or "none; is it built?"
            rule = f"a list of {len(weights)} arrays"
            raise WeightsError.at(self.where, "weights", rule, len(arrays), f"Its weights are: {listed}.")
        for i, (v, a) in enumerate(zip(weights, arrays, strict=True)):
            if a.shape != v.shape:
                cure = "Give them in the order of layer.weights."
                raise WeightsError.at(
                    self.where, f"weights[{i}] ({v.name})", f"have shape {text(v.shape)}", a.shape, cure
                )
        for v, a in zip(weights, arrays, strict=True):
            v.assign(a)

    def count_params(self) -> int:
        """How many numbers the weights hold. Raises: NotBuiltError: there are no weights yet."""
        if not self.built:
            raise NotBuiltError(f"{self.where}: count_params needs a built layer. Call it on an Input first.")
        return sum(math.prod(v.shape) for v in self.weights)

    # -- configuration -----------------------------------------------------------------------------------------------

    def get_config(self) -> dict[str, Any]:
        """The constructor's arguments as JSON can hold them; `from_config` makes the layer again, with fresh weights.

        Raises:   ArgumentError: an argument that the constructor did not store, or that cannot be saved.
        """
        config = self._common_config()
        for argument in _own_arguments(type(self)):
            if argument in self.unsaved or (argument in _COMMON_ARGUMENTS and argument != "input_dim"):
                continue
            if not hasattr(self, argument):
                cure = f"Write self.{argument} = {argument} in __init__, or write get_config."
                raise ArgumentError.at(self.where, argument, "be stored under its own name", "nothing", cure)
            config[argument] = serialize(getattr(self, argument), self.where, argument)
        return config

    def _common_config(self) -> dict[str, Any]:
        """The arguments that every layer has."""
        config: dict[str, Any] = {"name": self.name, "trainable": self.trainable, "dtype": self.dtype}
        if self.activity_regularizer is not None:
            config["activity_regularizer"] = serialize(self.activity_regularizer, self.where, "activity_regularizer")
        if self.input_shape_hint is not None:
            config["batch_input_shape"] = [self.batch_size_hint, *self.input_shape_hint]
        return config

    @classmethod
    def from_config(cls, config: Mapping[str, Any]) -> Self:
        """The layer that a configuration describes."""
        return cls(**{k: v if _resolver(k) else _revive(v) for k, v in config.items()})

    def _store(self, arguments: Mapping[str, Any]) -> None:
        """Keep constructor arguments (its `locals()`) by name; names of initializers and so on become objects."""
        for argument, value in arguments.items():
            if argument not in ("self", "kwargs", "__class__", "activity_regularizer"):
                resolver = _resolver(argument)
                setattr(self, argument, resolver(value, self.where, argument) if resolver else value)

    @property
    def where(self) -> str:
        """The layer as an error message calls it."""
        return f"{type(self).__name__} '{self.name}'"

    @property
    def input_dtype(self) -> str:
        """The number type a Sequential gives to the input it makes for this layer."""
        return dtypes.INT32 if self.input_kind == "index" else self.dtype

    def __repr__(self) -> str:
        return f"<{self.where}, {'built' if self.built else 'not built'}>"

    def use_dtype(self, dtype: str) -> None:
        """Make an unbuilt layer, and those inside it, work in another number type.

        Raises:   ArgumentError: it is built, and in another type.
        """
        if self.built and self._weights and self.dtype != dtype:
            raise ArgumentError.at(
                self.where, "dtype", f"be {self.dtype} as its weights are", dtype, "Make a new layer."
            )
        self.dtype = dtype
        for part in self._parts:
            part.use_dtype(dtype)

    def _share_dtype(self, given: str | None, *parts: Layer) -> None:
        """One number type for a wrapper and what it wraps: the wrapper's if it was given one, else the first part's."""
        if given is None:
            self.dtype = parts[0].dtype
        for part in parts:
            part.use_dtype(self.dtype)

    # -- layers inside -----------------------------------------------------------------------------------------------

    def __setattr__(self, attribute: str, value: Any) -> None:
        """Layers that are stored as attributes, alone or in a list, are layers inside this one."""
        if not attribute.startswith("_"):
            found = [value] if isinstance(value, Layer) else value if isinstance(value, (list, tuple)) else []
            parts = self.__dict__.setdefault("_parts", [])
            parts.extend(p for p in found if isinstance(p, Layer) and not any(p is known for known in parts))
        object.__setattr__(self, attribute, value)

    @property
    def _fixed(self) -> set[int]:
        """Identities of weights that are never trained, whatever `trainable` says."""
        found: set[int] = self.__dict__.setdefault("_fixed_weights", set())
        return found

    @classmethod
    def _auto_name(cls) -> str:
        stem = snake_case(cls.__name__)
        number = next(_counters.setdefault(stem, itertools.count()))
        return f"{stem}_{number}" if number else stem

    def _shape_hint(self, shape: Any, batch_shape: Any, features: Any, steps: Any) -> tuple[Any, ...] | None:
        if batch_shape is not None:
            self.batch_size_hint = batch_shape[0]
            return tuple(batch_shape[1:])
        if shape is not None:
            return (shape,) if isinstance(shape, int) else tuple(shape)
        if features is not None:
            return (steps, features) if "T" in self.axes else (features,)
        return None if steps is None else (steps,)


_COMMON_ARGUMENTS = (
    "name", "trainable", "dtype", "activity_regularizer", "input_shape", "batch_input_shape", "input_dim",
    "input_length",
)  # fmt: skip


def reset_names() -> None:
    """Number automatic names from the start again, as in a new program: `keras.utils.clear_session`.

    Example:
        >>> from elman.layers import Dense
        >>> reset_names()
        >>> Dense(1).name, Dense(1).name
        ('dense', 'dense_1')
    """
    _counters.clear()


@contextmanager
def _inside(name: str) -> Iterator[None]:
    """Weights that are made now have this layer's name in front."""
    token = _scope.set((*_scope.get(), name))
    try:
        yield
    finally:
        _scope.reset(token)


def _building(build: Callable[..., None]) -> Callable[..., None]:
    """A class's `build` as it is run, by a call or by hand: names get their place, the layer notes that it is built."""

    @functools.wraps(build)
    def run(self: Layer, *shapes: Any) -> None:
        first = shapes[0] if shapes else None
        features = first[-1] if isinstance(first, (list, tuple)) and first else first
        if self.axes[-1:] == ("F",) and isinstance(features, int):
            self.features = features
        if _scope.get()[-1:] == (self.name,):
            build(self, *shapes)
        else:
            with _inside(self.name):
                build(self, *shapes)
        self.built = True

    return run


def _tensor(value: Any) -> Any:
    return value if isinstance(value, Tensor) or value is None else as_tensor(value)


def _as_mask(value: Any) -> Mask | None:
    if value is None or isinstance(value, Mask):
        return value
    t = as_tensor(value)
    return Mask(values=t if t.dtype == dtypes.BOOL else ops.cast(t, dtypes.BOOL))


def _masks_of(inputs: Any) -> Any:
    """The mask of a tensor; of a list of tensors, their masks in a list, or None when nobody has one."""
    if isinstance(inputs, Tensor):
        return inputs.mask
    masks = [t.mask for t in _flat(inputs)]
    return masks if any(m is not None for m in masks) else None


def _map(function: Callable[[Any], Any], value: Any) -> Any:
    """The function on every leaf of nested lists, tuples and dicts."""
    if isinstance(value, (list, tuple)):
        return type(value)(_map(function, item) for item in value)
    if isinstance(value, dict):
        return {k: _map(function, v) for k, v in value.items()}
    return function(value)


def _flat(value: Any) -> list[Any]:
    if isinstance(value, (list, tuple)):
        return [leaf for item in value for leaf in _flat(item)]
    if isinstance(value, dict):
        return [leaf for item in value.values() for leaf in _flat(item)]
    return [value]


def _distinct(items: Iterable[Any]) -> list[Any]:
    return list({id(item): item for item in items}.values())


def _rank_problem(axes: tuple[str, ...], rank: int) -> tuple[str, str]:
    """What is wrong with a rank, and the cure."""
    missing = len([a for a in axes if a != "..."]) - rank
    if missing == 1 and axes[1:2] == ("T",) and len(axes) == 3:
        return "no time axis", "Add one with x[:, None, :]."
    if missing == 1 and axes[-1] == "F":
        return "no feature axis", "Add one with x[..., None]."
    if missing > 0:
        return f"{missing} axes too few", "Reshape it."
    return (
        f"{-missing} {'axis' if missing == -1 else 'axes'} too many",
        "Reshape it, or wrap the layer in TimeDistributed.",
    )


def _call_parameters(cls: type[Layer]) -> frozenset[str]:
    return frozenset(inspect.signature(cls.call).parameters)


def _build_arity(cls: type[Layer]) -> int | None:
    """How many shapes `build` takes; None: any number."""
    parameters = list(inspect.signature(cls.build).parameters.values())[1:]
    return None if any(p.kind is p.VAR_POSITIONAL for p in parameters) else len(parameters)


def _own_arguments(cls: type) -> list[str]:
    """Names of the constructor's arguments; where it passes `**kwargs` on, those of the next class too."""
    names: dict[str, None] = {}
    for base in cls.__mro__:
        if base is Layer:
            break
        if "__init__" in vars(base):
            parameters = list(inspect.signature(base.__init__).parameters.values())[1:]  # type: ignore[misc]
            named = [p.name for p in parameters if p.kind not in (p.VAR_KEYWORD, p.VAR_POSITIONAL)]
            names.update(dict.fromkeys(n for n in named if not n.startswith("_")))
            if not any(p.kind is p.VAR_KEYWORD for p in parameters):
                break
    return list(names)


def _resolver(argument: str) -> Callable[..., Any] | None:
    """What turns the argument's value into an object: chosen by how its name ends."""
    return _RESOLVERS.get(argument.rsplit("_", 1)[-1])


def _revive(value: Any) -> Any:
    """Layers among the values of a configuration."""
    if isinstance(value, Mapping) and "class_name" in value:
        return deserialize(value)
    return [_revive(item) for item in value] if isinstance(value, list) else value
