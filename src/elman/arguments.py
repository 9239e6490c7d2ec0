"""Numbers and truths among arguments, the ranges numbers have, and names that are none of a function's arguments.

NumPy's numbers, and arrays of one without axes, are taken wherever Python's are and become Python's, so that a
configuration can always be written as JSON. True and False are no numbers here, and 0 and 1 are not False and True.
"""

from __future__ import annotations

import functools
import inspect
import math
from collections.abc import Callable, Iterable
from typing import Any, NoReturn, Self, TypeVar, cast

import numpy as np

from elman.errors import ArgumentError, ElmanError, UnknownNameError, unknown_name

__all__ = [
    "Absent",
    "Checked",
    "as_plain",
    "check_flag",
    "check_number",
    "check_numbers",
    "check_whole",
    "checked",
    "unknown_argument",
]

F = TypeVar("F", bound=Callable[..., Any])

_RANGES: dict[str, Callable[[float], bool]] = {
    "a finite number": lambda v: abs(v) < math.inf,
    "a finite number from 0": lambda v: 0 <= v < math.inf,
    "a finite number from 1": lambda v: 1 <= v < math.inf,
    "a finite number above 0": lambda v: 0 < v < math.inf,
    "in [0, 1]": lambda v: 0 <= v <= 1,
    "in [0, 1)": lambda v: 0 <= v < 1,
    "in (0, 1]": lambda v: 0 < v <= 1,
    "in (0, 1)": lambda v: 0 < v < 1,
}
"""Rules, as messages say them."""

_OF_KERAS = {
    "custom_objects": "Leave it out, and decorate your classes with @elman.layers.register.",
    "decay": "Pass a schedule of elman.optimizers.schedules as learning_rate.",
    "implementation": "Leave it out: there is one implementation.",
    "include_optimizer": "Leave it out: load_model(..., compile=False) loads a model without its optimizer.",
    "lr": "It is learning_rate, of an optimizer: optimizers.Adam(learning_rate=0.01).",
    "max_queue_size": "Leave it out: batches are made one after another.",
    "nb_epoch": "It is called epochs.",
    "output_dim": "It is called units.",
    "safe_mode": "Leave it out: loading a file runs nothing.",
    "sample_weight_mode": "Leave it out: sample_weight of shape (N, T) weighs steps.",
    "save_format": "Leave it out: files are safetensors.",
    "time_major": "Leave it out: inputs are (B, T, F).",
    "use_multiprocessing": "Leave it out: batches are made one after another.",
    "workers": "Leave it out: batches are made one after another.",
}
"""What programs for Keras, of any age, say where elman has another word or none."""


def check_number(where: str, argument: str, value: Any, rule: str = "a finite number", cure: str = "") -> float:
    """The value as Python's own number, if it keeps the rule, one of those above.

    Raises:
        ArgumentError: no number, NaN, or out of the range.

    Example:
        >>> check_number("Dropout", "rate", np.float32(0.5), "in [0, 1)")
        0.5
    """
    number = as_plain(value)
    if isinstance(number, bool) or not isinstance(number, int | float) or not _RANGES[rule](number):
        raise ArgumentError.at(where, argument, rule, value, cure)
    return number  # a whole one stays so


def check_whole(
    where: str, argument: str, value: Any, least: int | None = 0, most: int | None = None, cure: str = ""
) -> int:
    """The value as Python's own whole number, if it is one between `least` and `most`.

    Raises:
        ArgumentError: no whole number, one with a point, or out of the range.

    Example:
        >>> check_whole("fit", "batch_size", np.int64(32), least=1)
        32
    """
    number = as_plain(value)
    fits = isinstance(number, int) and not isinstance(number, bool)
    if not fits or (least is not None and number < least) or (most is not None and number > most):
        bounds = [] if least is None else [f"from {least}"]
        bounds += [] if most is None else [f"to {most}"]
        raise ArgumentError.at(where, argument, " ".join(["a whole number", *bounds]), value, cure)
    return int(number)


def check_flag(where: str, argument: str, value: Any, *, none: bool = False) -> Any:
    """The value as Python's own True or False; with `none` it may be None.

    Raises:
        ArgumentError: something else, which would be true or false by accident: "no" is true in Python.

    Example:
        >>> check_flag("LSTM", "return_sequences", np.bool_(True))
        True
    """
    flag = as_plain(value)
    if not (isinstance(flag, bool) or (none and flag is None)):
        raise ArgumentError.at(where, argument, "True, False or None" if none else "True or False", value)
    return flag


def check_numbers(
    where: str, argument: str, values: Any, rule: str = "a finite number", cure: str = "", *, one: bool = False
) -> Any:
    """Several as a list, each by the rule; with `one` a single number, too, as it is.

    Raises:
        ArgumentError: no list, none in it, or one that is no such number.

    Example:
        >>> check_numbers("AUC", "thresholds", np.array([0.25, 0.5]), "in [0, 1]")
        [0.25, 0.5]
    """
    if one and np.ndim(values) == 0:
        return check_number(where, argument, values, rule, cure)
    if not isinstance(values, list | tuple | np.ndarray) or not np.size(values):
        raise ArgumentError.at(where, argument, f"a list of numbers, each {rule}", values, cure)
    return [check_number(where, argument, value, rule, cure) for value in values]


def unknown_argument(where: str, name: str, known: Iterable[str]) -> UnknownNameError:
    """The error for an argument that there is not; of Keras's words it says what stands for them here.

    Example:
        >>> print(unknown_argument("Adam", "lr", ["learning_rate", "beta_1"]))
        Adam: argument must be a known name. Received argument='lr'. It is learning_rate, of an optimizer: \
optimizers.Adam(learning_rate=0.01). Known: 'beta_1', 'learning_rate'.
    """
    return unknown_name(where, "argument", name, known, _OF_KERAS.get(name, ""))


def checked(function: F) -> F:
    """A function that looks at its arguments before it begins; a decorator.

    What is annotated as bool must be True or False, and names it does not have are refused with those it has.

    Raises:
        ArgumentError: no truth. UnknownNameError: an argument that there is not. By the function that is made.

    Example:
        >>> @checked
        ... def save(overwrite: bool = True) -> bool:
        ...     return overwrite
        >>> save(overwrite="no")
        Traceback (most recent call last):
        elman.errors.ArgumentError: save: overwrite must be True or False. Received overwrite='no'.
    """
    parameters = inspect.signature(function).parameters
    takes_any = any(p.kind is p.VAR_KEYWORD for p in parameters.values())
    flags = {p.name: "None" in _words(p) for p in parameters.values() if "bool" in _words(p) <= {"bool", "None"}}
    places = {name: i for i, name in enumerate(parameters) if name in flags}

    @functools.wraps(function)
    def run(*args: Any, **kwargs: Any) -> Any:
        for name, value in kwargs.items():
            if name not in parameters and not takes_any:
                raise unknown_argument(_place(function, args), name, _known(function, args))
            if name in flags and not isinstance(value, bool):
                kwargs[name] = check_flag(_place(function, args), name, value, none=flags[name])
        for name, i in places.items():
            if i < len(args) and not isinstance(args[i], bool):
                flag = check_flag(_place(function, args), name, args[i], none=flags[name])
                args = (*args[:i], flag, *args[i + 1 :])
        return function(*args, **kwargs)

    return cast(F, run)


def _words(parameter: inspect.Parameter) -> set[str]:
    """The types an annotation joins by |."""
    kind = parameter.annotation
    return {word.strip() for word in (kind if isinstance(kind, str) else getattr(kind, "__name__", "")).split("|")}


def _place(function: Callable[..., Any], args: tuple[Any, ...]) -> str:
    """The function as messages call it: a class by its name, a method behind the object it is of."""
    owner: Any = args[0] if next(iter(inspect.signature(function).parameters), "") == "self" else None
    if function.__name__ == "__init__":
        return type(owner).__name__
    return f"{owner.where}.{function.__name__}" if hasattr(owner, "where") else function.__name__


def _known(function: Callable[..., Any], args: tuple[Any, ...]) -> list[str]:
    """Names that the function, or the class that is being made, takes."""
    whole = type(args[0]) if function.__name__ == "__init__" else function
    parameters = inspect.signature(whole).parameters.values()
    return [p.name for p in parameters if p.name != "self" and p.kind not in (p.VAR_KEYWORD, p.VAR_POSITIONAL)]


def as_plain(value: Any) -> Any:
    """NumPy's numbers and truths, and arrays of one without axes, as Python's; the rest as it is."""
    return value.item() if isinstance(value, np.generic | np.ndarray) and value.ndim == 0 else value


class _NoSuchError(ElmanError, AttributeError):
    """As of any attribute that there is not, so that `hasattr` says no."""


class Absent:
    """An attribute that people know from elsewhere and that there is not: asked for, it says what to write instead.

    A class with `__getattr__` could say so, too, but finds all its attributes more slowly: a small prediction would
    take a tenth longer.

    Example:
        >>> class Adam:
        ...     lr = Absent("It is called learning_rate.")
        >>> Adam().lr
        Traceback (most recent call last):
        elman.arguments._NoSuchError: Adam: there is no lr. It is called learning_rate.
    """

    def __init__(self, cure: str) -> None:
        self.cure = cure

    def __set_name__(self, owner: type, name: str) -> None:
        self.name = name

    def __get__(self, instance: object, owner: type) -> NoReturn:
        named = instance is not None and self.name != "name"
        where = getattr(instance, "where", owner.__name__) if named else owner.__name__
        raise _NoSuchError(f"{where}: there is no {self.name}. {self.cure}")


def _written(method: Callable[..., Any]) -> str:
    """The arguments of a method as one writes them."""
    given = inspect.signature(method).parameters.values()
    return ", ".join(f"{'*' * (p.kind is p.VAR_POSITIONAL)}{p.name}" for p in given if p.kind is not p.VAR_KEYWORD)


class Checked:
    """What its classes are made with is `checked`, where they are elman's own: of others, annotations are no rules."""

    def __new__(cls, *args: Any, **kwargs: Any) -> Self:
        """Raises: ArgumentError: a class that does not write what it needs."""
        missing = sorted(getattr(cls, "__abstractmethods__", ()))
        if missing:
            kind = next(base.__name__ for base in cls.__mro__ if missing[0] in vars(base))
            cure = f"Write {' and '.join(f'{name}({_written(getattr(cls, name))})' for name in missing)}."
            because = f"no {' and no '.join(missing)}"
            raise ArgumentError.at(
                cls.__name__, "class", f"have what {kind} needs", cls.__name__, cure, because=because
            )
        return super().__new__(cls)

    @checked
    def __init__(self) -> None:
        """Of classes that take nothing."""

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        if "__init__" in vars(cls) and cls.__module__.startswith("elman."):
            cls.__init__ = checked(cls.__init__)  # type: ignore[method-assign]
