"""Each number among the arguments of each public class of settings: what is none is refused by the argument's name, and
NumPy's numbers are taken where Python's are.

What an argument takes is read from its annotation, so a new class, or a new argument, is in this test at once.
"""

from __future__ import annotations

import inspect
import json
from typing import Any

import numpy as np
import pytest

from elman import callbacks, constraints, initializers, losses, metrics, optimizers, regularizers
from elman.errors import ElmanError
from elman.optimizers import schedules

ROOMS = (losses, metrics, optimizers, schedules, initializers, regularizers, constraints, callbacks)
NEEDED: dict[str, Any] = {
    "initial_learning_rate": 0.1,
    "decay_steps": 10,
    "first_decay_steps": 10,
    "decay_rate": 0.5,
    "boundaries": [10, 20],
    "values": [0.3, 0.2, 0.1],
    "filepath": "m.safetensors",
    "backup_dir": "kept",
    "schedule": abs,
    "fn": losses.mean_squared_error,
    "filename": "log.csv",
}
"""Arguments without a default."""
TRIED: dict[str, Any] = {
    "num_labels": 2,
    "thresholds": [0.25],
    "label_weights": [1.0],
    "quantiles": [0.5],
    "axis": 0,
    "input_axes": [0],
    "output_axes": [1],
}
"""Values of arguments whose default is no number."""
BESIDE: dict[str, dict[str, Any]] = {"num_labels": {"multi_label": True}}
"""What an argument has a meaning with."""


def kinds() -> list[type]:
    found = [getattr(room, name) for room in ROOMS for name in room.__all__]
    return [kind for kind in found if inspect.isclass(kind) and not inspect.isabstract(kind)]


def made(kind: type, **given: Any) -> Any:
    parameters = inspect.signature(kind).parameters
    needed = {p.name: NEEDED[p.name] for p in parameters.values() if p.name in NEEDED and p.default is p.empty}
    return kind(**{**needed, **given})


def numbers() -> list[Any]:
    """(class, argument, words of its annotation) of each that takes numbers; `verbose` takes True and "auto", too."""
    found = []
    for kind in kinds():
        for p in inspect.signature(kind).parameters.values():
            words = [word.strip() for word in str(p.annotation).split("|")]
            if p.name != "verbose" and any(
                word.startswith(("int", "float", "Sequence[float", "list[int", "Rate")) for word in words
            ):
                found.append(
                    pytest.param(kind, p, words, id=f"{kind.__module__.split('.')[1]}-{kind.__name__}-{p.name}")
                )
    return found


WRONG = [float("nan"), -1.5, "some", [], object(), 1j, [float("nan")], ["some"], float("-inf")]


@pytest.mark.parametrize(("kind", "parameter", "words"), numbers())
def test_what_is_no_such_number_is_refused_by_name(kind, parameter, words):
    missing = [] if "None" in words or "bool" in words else [None]
    fractions = [] if any(w.startswith(("float", "Sequence[float", "Rate")) for w in words) else [1.5, np.float64(1.5)]
    below = (-1.5,) if parameter.name not in SIGNED else ()
    for wrong in [*(w for w in WRONG if w != -1.5), *below, *missing, *fractions]:
        with pytest.raises(ElmanError, match=rf"\b{parameter.name}\b must") as error:
            made(kind, **BESIDE.get(parameter.name, {}), **{parameter.name: wrong})
        assert "Received" in str(error.value)


SIGNED = ("mean", "minval", "maxval", "gain", "min_delta", "baseline", "initial_value_threshold", "boundaries")
"""What may be below 0, with a fraction."""


@pytest.mark.parametrize(("kind", "parameter", "words"), numbers())
def test_numbers_of_numpy_are_numbers(kind, parameter, words):
    if parameter.name == "loss_scale_factor":
        return  # None alone
    plain = parameter.default
    if isinstance(plain, str | bool) or plain is None or plain is parameter.empty:
        plain = TRIED.get(parameter.name, NEEDED.get(parameter.name, 2 if any("int" in w for w in words) else 0.5))
    rest = BESIDE.get(parameter.name, {})
    if isinstance(plain, list):
        given = [np.array(plain), [np.asarray(one)[()] for one in plain], tuple(plain)]
    else:
        given = [np.asarray(plain)[()], np.asarray(plain)]
        given += [np.int32(plain), np.uint8(plain)] if isinstance(plain, int) and plain >= 0 else []
    expected = made(kind, **rest, **{parameter.name: plain})
    for value in given:
        found = made(kind, **rest, **{parameter.name: value})
        if hasattr(found, "get_config"):
            assert json.dumps(found.get_config()) == json.dumps(expected.get_config())
