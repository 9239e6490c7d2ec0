"""Something with weights: how they are made, named, frozen, read and filled; and how such things contain each other."""

from __future__ import annotations

import functools
import itertools
import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, ClassVar

import numpy as np

from elman import dtypes, settings
from elman.arguments import Absent, check_flag
from elman.errors import ArgumentError, NotBuiltError, ShapeError, WeightsError, unknown_name
from elman.graph.node import QuantizedVariable, Tensor, Variable
from elman.layers import constraints, initializers, regularizers
from elman.layers.registry import snake_case
from elman.shapes import Size, text

Limits = list[tuple[Variable, Callable[[Tensor], Tensor]]]

_counters: dict[str, Iterator[int]] = {}
_scope: ContextVar[tuple[str, ...]] = ContextVar("elman_scope", default=())
_maker: ContextVar[str] = ContextVar("elman_maker", default="")
_most: ContextVar[int | None] = ContextVar("elman_most", default=None)


class Weighted:
    """Weights of a layer's own and of layers inside it. See `Layer` for the arguments."""

    name: Any = Absent("Begin __init__ with super().__init__().")

    _known_as: str = ""

    axes: ClassVar[tuple[str, ...]] = ()
    """What the input must look like: one letter an axis, "..." for any number of them; empty: anything."""

    def __init__(self, name: str | None, trainable: bool, dtype: str | None) -> None:
        self.name = self._auto_name() if name is None else str(name)
        self._known_as = _maker.get()
        self._weights: list[Variable] = []
        self._parts: list[Any] = getattr(self, "_parts", [])
        self._penalties: Limits = []
        self._limits: Limits = []
        self._trainable = bool(trainable)
        self._adopt(settings.dtype_policy() if dtype is None else dtype)
        self.built = False
        self.features: int | None = None

    def _adopt(self, policy: Any) -> None:
        known = (*dtypes.REAL, settings.MIXED)
        name = policy if isinstance(policy, str) else np.dtype(policy).name
        if name not in known:
            raise unknown_name(type(self).__name__, "dtype", name, known)
        self.dtype = dtypes.FLOAT32 if name == settings.MIXED else name
        self.precision = dtypes.BFLOAT16 if policy == settings.MIXED else None

    @property
    def dtype_policy(self) -> str:
        """The number type of weights and results, or "mixed_bfloat16": float32, but products of bfloat16 operands."""
        return self.dtype if self.precision is None else settings.MIXED

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        if "build" in vars(cls):
            cls.build = _building(cls.build)  # type: ignore[method-assign]

    @contextmanager
    def _making(self, name: str | None) -> Iterator[str]:
        """Parts that are made here speak by the name of this layer, which it gets before anything else."""
        self.name = self._auto_name() if name is None else str(name)
        token = _maker.set(self.where)
        try:
            yield self.name
        finally:
            _maker.reset(token)

    def build(self, *input_shapes: Any, **_: Any) -> None:
        """Add the weights. Called once, before the first `call`, with the shape of each input tensor."""

    @property
    def where(self) -> str:
        """The layer as an error message calls it; a part that a layer made by itself goes by that layer's name."""
        return self._known_as or f"{type(self).__name__} '{self.name}'"

    def add_weight(
        self, name: str | None = None, shape: Sequence[Size] = (), initializer: Any = "glorot_uniform",
        regularizer: Any = None, constraint: Any = None, trainable: bool = True, dtype: str | None = None,
    ) -> Variable:  # fmt: skip
        """A new weight, with its first values drawn. Call it inside `build`.

        Args:     name: in files and reports; default "variable", numbered. regularizer: penalty added to the loss.
                  constraint: applied after each update. trainable: whether training changes it.
        Raises:   ShapeError: an open size. ArgumentError: a shape in the place of the name.
        """
        if name is None:
            known_so = sum(v.name.rpartition("/")[-1].startswith("variable") for v in self._weights)
            name = f"variable_{known_so}" if known_so else "variable"
        if not isinstance(name, str):
            cure = "The name comes first, or all by name: add_weight(shape=(3, 4), initializer='zeros')."
            raise ArgumentError.at(self.where, "add_weight's name", "a text", name, cure)
        known = tuple(int(d) for d in shape if isinstance(d, (int, np.integer)))
        if len(known) != len(shape):
            cure = "Fix the sizes of that axis in Input(shape=...)."
            raise ShapeError.at(self.where, name, "have a shape of known sizes", text(tuple(shape)), cure)
        kind = self.dtype if dtype is None else dtypes.canonical(dtype)
        draw = initializers.get(initializer, self.where, "initializer") or initializers.get("glorot_uniform")
        path = "/".join((*_scope.get(), name)) if _scope.get()[-1:] == (self.name,) else f"{self.name}/{name}"
        variable = self._first(name, known, kind, draw, path, trainable and self._trainable)
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

    def _first(
        self, name: str, shape: tuple[int, ...], kind: str, draw: Callable[..., Any], path: str, trainable: bool
    ) -> Variable:
        """A weight as it starts: as drawn, or zeros where a file will fill it."""
        most = _most.get()
        if most is None:
            variable = Variable(draw(shape, kind), path, trainable, kind)
            if variable.shape != shape:
                given = text(variable.shape)
                raise ShapeError.at(self.where, "initializer", f"one that gives shape {text(shape)}", given, "")
            return variable
        if math.prod(shape) > most:
            because = f"the largest array there holds {most} numbers"
            cure = "The file is none of this model: save it again."
            rule = "of a size that its file holds"
            raise WeightsError.at(self.where, f"weight '{name}'", rule, text(shape), cure, because=because)
        return Variable.zeros(shape, path, trainable, kind)

    def _add_stem(self, stem: str, shape: Sequence[Size], name: str | None = None, initializer: Any = None) -> Variable:
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
    def variables(self) -> list[Variable]:
        """Keras's other name of `weights`."""
        return self.weights

    @property
    def trainable_variables(self) -> list[Variable]:
        """Keras's other name of `trainable_weights`."""
        return self.trainable_weights

    @property
    def non_trainable_variables(self) -> list[Variable]:
        """Keras's other name of `non_trainable_weights`."""
        return self.non_trainable_weights

    @property
    def constraints(self) -> Limits:
        """Pairs of a weight and what limits it, of this layer and those inside it, to be applied after each update."""
        return [*self._limits, *(pair for part in self._parts for pair in part.constraints)]

    @property
    def regularizers(self) -> Limits:
        """Pairs of a weight and what penalises it, of this layer and those inside it."""
        return [*self._penalties, *(pair for part in self._parts for pair in part.regularizers)]

    @property
    def trainable(self) -> bool:
        """Whether training changes the weights; setting it sets the layers inside too."""
        return self._trainable

    @trainable.setter
    def trainable(self, value: bool) -> None:
        self._train_own(value)
        for part in self._all_parts():
            part.trainable = value

    def _train_own(self, value: bool) -> None:
        """Set it for this layer alone."""
        self._trainable = check_flag(self.where, "trainable", value)
        for v in self._weights:
            v.trainable = self._trainable and id(v) not in self._fixed

    def get_weights(self) -> list[np.ndarray]:
        """Copies of the weights' values, in the order of `weights`. Shapes: as the weights."""
        return [v.numpy() for v in self.weights]

    def set_weights(self, weights: Sequence[Any]) -> None:
        """Fill the weights, in the order of the attribute `weights`.

        Raises:   WeightsError: another number of arrays, or one of another shape; then no weight is changed.
        """
        variables, arrays = self.weights, [np.asarray(v) for v in weights]
        if len(arrays) != len(variables):
            listed = ", ".join(f"{v.name} {text(v.shape)}" for v in variables) or "none; is it built?"
            rule = f"a list of {len(variables)} arrays"
            raise WeightsError.at(self.where, "weights", rule, len(arrays), f"Its weights are: {listed}.")
        for i, (v, a) in enumerate(zip(variables, arrays, strict=True)):
            if a.shape != v.shape:
                cure = "Give them in the order of layer.weights."
                raise WeightsError.at(
                    self.where, f"weights[{i}] ({v.name})", f"have shape {text(v.shape)}", a.shape, cure
                )
        for v, a in zip(variables, arrays, strict=True):
            v.assign(a)

    def replace_weights(self, kept: Mapping[int, QuantizedVariable]) -> None:
        """Keep weights of this layer's own as codes of 8 bits instead. kept: by identity of the weight."""
        parts = {at: (k.codes, k.scale) for at, k in kept.items()}
        self._weights = [w for v in self._weights for w in parts.get(id(v), (v,))]
        self._fixed.update(id(part) for pair in parts.values() for part in pair)
        for table in (self._penalties, self._limits):
            table[:] = [(kept.get(id(v), v), rule) for v, rule in table]
        for attribute, value in vars(self).items():
            if isinstance(value, Variable) and id(value) in kept:
                object.__setattr__(self, attribute, kept[id(value)])

    def count_params(self) -> int:
        """How many numbers the weights hold. Raises: NotBuiltError: there are no weights yet."""
        if not self.built:
            raise NotBuiltError(f"{self.where}: count_params needs a built layer. Call it on an Input first.")
        return sum(math.prod(v.shape) for v in self.weights)

    def use_dtype(self, dtype: str) -> None:
        """Make an unbuilt layer, and those inside it, work in another number type, or in "mixed_bfloat16".

        Raises:   ArgumentError: it is built, and in another type.
        """
        before = self.dtype
        self._adopt(dtype)
        if self.built and self._weights and self.dtype != before:
            self.dtype = before
            raise ArgumentError.at(self.where, "dtype", f"be {before} as its weights are", dtype, "Make a new layer.")
        for part in self._all_parts():
            part.use_dtype(dtype)

    def _share_dtype(self, given: str | None, *parts: Weighted) -> None:
        """One number type for a wrapper and what it wraps: the wrapper's if it was given one, else the first part's."""
        if given is None:
            self._adopt(parts[0].dtype_policy)
        for part in parts:
            part.use_dtype(self.dtype_policy)

    def __setattr__(self, attribute: str, value: Any) -> None:
        """Layers that are stored as attributes, alone or in lists and dicts, are layers inside this one."""
        if not attribute.startswith("_"):
            parts = self.__dict__.setdefault("_parts", [])
            new = [p for p in _distinct(_held(value)) if not any(p is known for known in parts)]
            parts.extend(new)
            self._freeze_as_this(new)
        object.__setattr__(self, attribute, value)

    def _all_parts(self) -> list[Any]:
        """The layers directly inside this one, also those under names with "_" or put into lists and dicts later."""
        held = _distinct(p for name, v in vars(self).items() if name != "_parts" for p in _held(v))
        known = {id(p) for p in self._parts}
        if any(id(p) not in known for p in held):
            first = {id(p) for p in held}
            self._freeze_as_this([p for p in held if id(p) not in known])
            self._parts = [*held, *(p for p in self._parts if id(p) not in first)]
        return list(self._parts)

    def holds(self, layer: Weighted) -> bool:
        """Whether a layer is inside this one, at any depth."""
        return any(part is layer or part.holds(layer) for part in self._all_parts())

    def _freeze_as_this(self, parts: Iterable[Weighted]) -> None:
        """Parts of what is frozen are."""
        for part in parts if not self.__dict__.get("_trainable", True) else ():
            part.trainable = False

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
def to_be_filled(most: int) -> Iterator[None]:
    """Weights that are made now are not drawn, for a file will fill them. most: numbers in its largest array."""
    token = _most.set(most)
    try:
        yield
    finally:
        _most.reset(token)


@contextmanager
def inside(name: str) -> Iterator[None]:
    """Weights that are made now have this layer's name in front."""
    token = _scope.set((*_scope.get(), name))
    try:
        yield
    finally:
        _scope.reset(token)


def _building(build: Callable[..., None]) -> Callable[..., None]:
    """A class's `build` as it is run, by a call or by hand: names get their place, the layer notes that it is built."""

    @functools.wraps(build)
    def run(self: Weighted, *shapes: Any, **named: Any) -> None:
        first = next(iter((*shapes, *named.values())), None)
        features = first[-1] if isinstance(first, (list, tuple)) and first else first
        if self.axes[-1:] == ("F",) and isinstance(features, int):
            self.features = features
        if _scope.get()[-1:] == (self.name,):
            build(self, *shapes, **named)
        else:
            with inside(self.name):
                build(self, *shapes, **named)
        self.built = True

    return run


def _held(value: Any) -> list[Weighted]:
    """The layers that an attribute holds: itself one, or lists and dicts of them."""
    if isinstance(value, Weighted):
        return [value]
    if isinstance(value, dict):
        value = list(value.values())
    return [p for item in value for p in _held(item)] if isinstance(value, (list, tuple)) else []


def _distinct(items: Iterable[Any]) -> list[Any]:
    return list({id(item): item for item in items}.values())
