"""Something that is told from data: its constructor's arguments as JSON, and back."""

from __future__ import annotations

import inspect
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from typing import Any, ClassVar, Self

import numpy as np

from elman.arguments import Checked, as_plain, check_number, check_whole, unknown_argument
from elman.errors import ArgumentError
from elman.layers import activations, constraints, initializers, regularizers
from elman.layers.registry import deserialize, serialize

_RESOLVERS: dict[str, Callable[..., Any]] = {
    "activation": activations.get,
    "initializer": initializers.get,
    "regularizer": regularizers.get,
    "constraint": constraints.get,
    "seed": initializers.get_seed,
}
_COMMON_ARGUMENTS = (
    "name", "trainable", "dtype", "activity_regularizer", "input_shape", "batch_input_shape", "input_dim",
    "input_length",
)  # fmt: skip


class Configured(Checked, ABC):
    """What keeps each constructor argument under its own name, and so can write itself down. See `Layer`."""

    axes: ClassVar[tuple[str, ...]]
    unsaved: ClassVar[tuple[str, ...]] = ()
    """Arguments of the constructor that the configuration leaves out."""

    name: str
    dtype: str
    activity_regularizer: Any
    batch_size_hint: int | None = None
    input_shape_hint: tuple[Any, ...] | None = None

    where: Any
    """The layer as an error message calls it."""

    @property
    @abstractmethod
    def dtype_policy(self) -> str:
        """What `dtype` was, in the words of the constructor."""

    @abstractmethod
    def use_dtype(self, dtype: str) -> None:
        """Work in another number type."""

    def get_config(self) -> dict[str, Any]:
        """The constructor's arguments as JSON can hold them; `from_config` makes the layer again, with fresh weights.

        A class of one's own may write it anew and add what it keeps otherwise to that of super().

        Raises:   ArgumentError: an argument that the constructor did not store, or that cannot be saved.
        """
        config = self._common_config()
        for argument in self.own_arguments():
            if argument in self.unsaved or (argument in _COMMON_ARGUMENTS and argument != "input_dim"):
                continue
            if not hasattr(self, argument):
                if _writes_its_own(type(self)):
                    continue
                cure = f"Write self.{argument} = {argument} in __init__, or write get_config."
                raise ArgumentError.at(self.where, argument, "be stored under its own name", "nothing", cure)
            config[argument] = serialize(getattr(self, argument), self.where, argument)
        return config

    @classmethod
    def own_arguments(cls) -> list[str]:
        """Names of the constructor's arguments, without those that every layer has."""
        return _own_arguments(cls)

    def _common_config(self) -> dict[str, Any]:
        """The arguments that every layer has."""
        config: dict[str, Any] = {
            "name": self.name,
            "trainable": getattr(self, "trainable", True),
            "dtype": self.dtype_policy,
        }
        if self.activity_regularizer is not None:
            config["activity_regularizer"] = serialize(self.activity_regularizer, self.where, "activity_regularizer")
        if self.input_shape_hint is not None:
            config["batch_input_shape"] = [self.batch_size_hint, *self.input_shape_hint]
        return config

    @classmethod
    def from_config(cls, config: Mapping[str, Any]) -> Self:
        """The layer that a configuration describes.

        A name, number type or `trainable` that the constructor does not take is set afterwards.
        """
        late = {k: config[k] for k in ("name", "dtype", "trainable") if k in config and not _takes(cls, k)}
        made = cls(**{k: v if _resolver(k) else _revive(v) for k, v in config.items() if k not in late})
        if late.pop("dtype", made.dtype_policy) != made.dtype_policy:
            made.use_dtype(config["dtype"])
        for attribute, value in late.items():
            if getattr(made, attribute) != value:
                setattr(made, attribute, value)
        return made

    def _store(self, arguments: Mapping[str, Any], **rules: str) -> None:
        """Keep constructor arguments (its `locals()`) by name; names of initializers and so on become objects.

        Args: rules: what numbers among them must be, in the words of `elman.arguments`.
        """
        for argument, value in arguments.items():
            if argument not in ("self", "kwargs", "__class__", "activity_regularizer"):
                resolver = _resolver(argument)
                held = as_plain(value)
                if argument in rules:
                    held = check_number(self.where, argument, held, rules[argument])
                setattr(self, argument, resolver(held, self.where, argument) if resolver else held)

    def _refuse(self, unknown: Mapping[str, Any]) -> None:
        """Raises: UnknownNameError: arguments that the constructor does not have."""
        if unknown:
            known = [*self.own_arguments(), *_COMMON_ARGUMENTS]
            raise unknown_argument(type(self).__name__, next(iter(unknown)), known)

    def _shape_hint(self, shape: Any, batch_shape: Any, features: Any, steps: Any) -> tuple[Any, ...] | None:
        """The shape of an example from the old ways to say it. Raises: ArgumentError: no sizes."""
        for argument, value in (("input_shape", shape), ("batch_input_shape", batch_shape)):
            whole = isinstance(value, int | np.integer) and argument == "input_shape"
            if value is not None and not whole and not isinstance(value, list | tuple):
                raise ArgumentError.at(self.where, argument, "a tuple of sizes", value, "For example (None, 8).")
        if features is not None:
            features = check_whole(self.where, "input_dim", features, 1)
        if steps is not None:
            steps = check_whole(self.where, "input_length", steps)
        if batch_shape is not None:
            self.batch_size_hint = batch_shape[0]
            return tuple(batch_shape[1:])
        if shape is not None:
            return (int(shape),) if isinstance(shape, int | np.integer) else tuple(shape)
        if features is not None:
            return (steps, features) if "T" in self.axes else (features,)
        return None if steps is None else (steps,)


def _own_arguments(cls: type) -> list[str]:
    """Names of the constructor's arguments; where it passes `**kwargs` on, those of the next class too."""
    names: dict[str, None] = {}
    for base in cls.__mro__:
        if "family" in vars(base):  # Layer: its arguments are the common ones
            break
        if "__init__" in vars(base):
            parameters = list(inspect.signature(base.__init__).parameters.values())[1:]  # type: ignore[misc]
            named = [p.name for p in parameters if p.kind not in (p.VAR_KEYWORD, p.VAR_POSITIONAL)]
            names.update(dict.fromkeys(n for n in named if not n.startswith("_")))
            if not any(p.kind is p.VAR_KEYWORD for p in parameters):
                break
    return list(names)


def _writes_its_own(cls: type) -> bool:
    """Whether `get_config` is that of a class which is none of elman's, and adds what is missing."""
    return not next(base for base in cls.__mro__ if "get_config" in vars(base)).__module__.startswith("elman.")


def _takes(cls: type, argument: str) -> bool:
    """Whether a constructor takes an argument, by name or to pass it on."""
    parameters = inspect.signature(cls).parameters
    return argument in parameters or any(p.kind is p.VAR_KEYWORD for p in parameters.values())


def _resolver(argument: str) -> Callable[..., Any] | None:
    """What turns the argument's value into an object: chosen by how its name ends."""
    return _RESOLVERS.get(argument.rsplit("_", 1)[-1])


def _revive(value: Any) -> Any:
    """Layers among the values of a configuration."""
    if isinstance(value, Mapping) and "class_name" in value:
        return deserialize(value)
    return [_revive(item) for item in value] if isinstance(value, list) else value
