"""What a saved model may name: one table of classes and functions, by family and name.

A configuration is data: `{"class_name": "LSTM", "config": {...}}`. Reading one looks names up here and runs nothing
else, so a model file can only make objects that this program has registered. Families keep names apart (the layer
`Identity` is not the initializer `Identity`).
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, TypeVar

import numpy as np

from elman.errors import ArgumentError, unknown_name

Registered = TypeVar("Registered", bound=Callable[..., Any])

_entries: dict[str, dict[str, Callable[..., Any]]] = {}
_aliases: dict[str, dict[str, str]] = {}
_told: ContextVar[dict[int, tuple[Any, dict[str, Any]]] | None] = ContextVar("elman_told", default=None)
_made: ContextVar[dict[int, Any] | None] = ContextVar("elman_made", default=None)


def register(entry: Registered) -> Registered:
    """Make a class or an activation function known by its name, so that configurations and files can hold it.

    A decorator. A class belongs to the family its base class names (layers, initializers, regularizers,
    constraints); a function is an activation.

    Raises:   ArgumentError: something else has the name.
    Example:
        >>> from elman.layers import Layer
        >>> @register
        ... class TimesTwo(Layer):
        ...     def call(self, x):
        ...         return x * 2.0
        >>> serialize(TimesTwo(name="double"))["class_name"]
        'TimesTwo'
    """
    table = _entries.setdefault(family_of(entry), {})
    name = entry.__name__
    known = table.get(name)
    if known is not None and (known.__module__, known.__qualname__) != (entry.__module__, entry.__qualname__):
        place = f"{known.__module__}.{known.__qualname__}"
        raise ArgumentError.at(
            "register", "class", "have a name nobody else has", name, "Rename it.", because=f"{place} has it"
        )
    table[name] = entry  # the same class again is a cell of a notebook run again
    return entry


def alias(family: str, **names: str) -> None:
    """Other words for registered names, as Keras has them: `alias("initializer", uniform="RandomUniform")`."""
    _aliases.setdefault(family, {}).update(names)


def family_of(entry: Callable[..., Any]) -> str:
    """Which table an entry belongs to."""
    if not inspect.isclass(entry):
        return "activation"
    family = getattr(entry, "family", None)
    if not isinstance(family, str):
        rule = "derived from Layer, Initializer, Regularizer or Constraint"
        raise ArgumentError.at("register", "class", rule, entry.__name__, "Derive it from one of them.")
    return family


def find(name: str, family: str, where: str, argument: str) -> Callable[..., Any]:
    """The entry of a name: the class name itself, its snake_case form, or an alias.

    Raises:   UnknownNameError: nobody has that name; the nearest are listed.
    """
    table, aliases = _entries.get(family, {}), _aliases.get(family, {})
    if name in table:
        return table[name]
    if name in aliases:
        return table[aliases[name]]
    for known, entry in table.items():
        if snake_case(known) == name:
            return entry
    raise unknown_name(
        where, argument, name, [k if family in ("activation", "layer") else snake_case(k) for k in table]
    )


def other_names(family: str, module: str) -> Callable[[str], Any]:
    """The `__getattr__` of a module that knows its classes by Keras's other names, too: `l2` is `L2`.

    Example:
        >>> other_names("regularizer", "elman.regularizers")("l2").__name__
        'L2'
    """

    def named(name: str) -> Any:
        try:
            return find(name, family, module, "name")
        except ArgumentError as error:
            raise AttributeError(f"module {module!r} has no attribute {name!r}. {error}") from None

    return named


def resolve(identifier: Any, family: str, where: str, argument: str) -> Any:
    """The object an identifier stands for: a name, a configuration, a class, or the object itself; None stays None.

    Raises:   UnknownNameError: an unknown name. ArgumentError: not an identifier at all.
    """
    if isinstance(identifier, str):
        found = find(identifier, family, where, argument)
        return found() if inspect.isclass(found) else found
    if isinstance(identifier, Mapping):
        return deserialize(identifier, family, where, argument)
    if inspect.isclass(identifier):
        return identifier()
    if identifier is None or callable(identifier):
        return identifier
    raise ArgumentError.at(
        where, argument, "be a name, a configuration or a callable", identifier, "See elman.layers for names."
    )


def serialize(value: Any, where: str = "serialize", argument: str = "value") -> Any:
    """A value as JSON can hold it; objects become `{"class_name", "config"}`, activation functions their name.

    Raises:   ArgumentError: a lambda, or an object that nobody registered.
    """
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    if isinstance(value, (np.generic, np.ndarray)):
        return value.tolist()
    if isinstance(value, (list, tuple)):
        return [serialize(item, where, argument) for item in value]
    if isinstance(value, Mapping):
        return {str(key): serialize(item, where, argument) for key, item in value.items()}
    entry = value if inspect.isfunction(value) else type(value)
    if inspect.isfunction(value) and _entries.get("activation", {}).get(value.__name__) is value:
        return value.__name__
    if hasattr(value, "get_config") and _entries.get(family_of(entry), {}).get(entry.__name__) is entry:
        return _told_once(value, entry) if family_of(entry) == "layer" else _told_anew(value, entry)
    name = getattr(entry, "__name__", repr(entry))
    cure = "Decorate it with @elman.layers.register; for a lambda, write a named function or a Layer subclass."
    raise ArgumentError.at(where, argument, "be registered to be saved", name, cure)


def deserialize(config: Any, family: str = "layer", where: str = "deserialize", argument: str = "class_name") -> Any:
    """The object a configuration describes.

    Raises:   UnknownNameError: no such class. ArgumentError: not a configuration.
    """
    if not isinstance(config, Mapping) or not isinstance(config.get("class_name"), str):
        raise ArgumentError.at(
            where, argument, "be {'class_name': ..., 'config': {...}}", config, "Use what serialize() gave."
        )
    shared = _made.get()
    number = None if shared is None else config.get("shared")
    if shared is not None and number in shared:
        return shared[number]
    entry = find(config["class_name"], family, where, argument)
    arguments = dict(config.get("config") or {})
    make = getattr(entry, "from_config", None)
    made = make(arguments) if make is not None else entry(**arguments)
    if shared is not None and number is not None:
        shared[number] = made
    return made


@contextmanager
def sharing() -> Iterator[None]:
    """A layer that stands in several places, as in two models inside one, is told, and made again, as one.

    Example:
        >>> from elman.layers import Dense
        >>> with sharing():
        ...     a, b = [deserialize(told) for told in serialize([Dense(1)] * 2)]
        >>> a is b
        True
    """
    tokens = _told.set({}), _made.set({})
    try:
        yield
    finally:
        _told.reset(tokens[0])
        _made.reset(tokens[1])


def _told_anew(value: Any, entry: Callable[..., Any]) -> dict[str, Any]:
    return {"class_name": entry.__name__, "config": value.get_config()}


def _told_once(value: Any, entry: Callable[..., Any]) -> dict[str, Any]:
    """The configuration of a layer; while `sharing`, one that was told before has a number, in both places."""
    told = _told.get()
    if told is None:
        return _told_anew(value, entry)
    if id(value) not in told:
        told[id(value)] = (value, _told_anew(value, entry))  # held, so that no other takes its place in memory
        return told[id(value)][1]
    first = told[id(value)][1]
    first.setdefault("shared", sum("shared" in found for _, found in told.values()))
    return dict(first)


def snake_case(name: str) -> str:
    """A class name as Keras turns it into a layer's name.

    Example:
        >>> snake_case("SimpleRNN"), snake_case("LeakyReLU"), snake_case("GlobalMaxPooling1D")
        ('simple_rnn', 'leaky_re_lu', 'global_max_pooling1d')
    """
    name = re.sub(r"(.)([A-Z][a-z]+)", r"\1_\2", re.sub(r"\W+", "", name))
    return re.sub(r"([a-z])([A-Z])", r"\1_\2", name).lower()
