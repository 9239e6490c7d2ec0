"""Models as files: what goes into one, and what is checked when it comes back.

Tensors: weights under their Keras-like names ("lstm/lstm_cell/kernel"), optimizer state under ".optimizer/", counters
and states of layers under ".state/". Metadata: the architecture and what was compiled. The format is that of
`training/checkpoint.py`.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from elman import dtypes, losses, metrics, optimizers
from elman.arguments import checked
from elman.errors import ArgumentError, ElmanError, FileFormatError, WeightsError
from elman.graph import Variable
from elman.layers.registry import deserialize, serialize, sharing
from elman.layers.weighted import to_be_filled
from elman.models.quantizing import in_place_of, keep_in_codes
from elman.models.weight_names import by_name, weights_by_name
from elman.optimizers import schedules
from elman.shapes import text
from elman.training import Contents, packed, read, unpacked, write

__all__ = [
    "clone_model",
    "codes_of",
    "copied",
    "copy_of",
    "described",
    "how_to_load",
    "load_checkpoint",
    "load_model",
    "load_weights",
    "make_codes",
    "model_from_json",
    "save_checkpoint",
    "save_model",
    "save_weights",
]

OPTIMIZER, STATE = ".optimizer/", ".state/"


def save_model(model: Any, filepath: str | os.PathLike[str], overwrite: bool) -> None:
    """Architecture, weights, what was compiled, optimizer state."""
    write(filepath, *_whole(model), overwrite)


def copied(data: bytes) -> Any:
    """The model that `copy_of` kept: how Python's `copy` and `pickle` make another."""
    return _model_of(unpacked(data, "a copy"), "a copy")


def copy_of(model: Any) -> bytes:
    """A model as the bytes of its file: plans and symbolic tensors are of the process that made them."""
    return packed(*_whole(model))


def save_weights(model: Any, filepath: str | os.PathLike[str], overwrite: bool) -> None:
    """Weights alone."""
    write(filepath, _weights(model), {"kind": "weights"}, overwrite)


def save_checkpoint(model: Any, filepath: str | os.PathLike[str], state: Mapping[str, Any]) -> None:
    """Everything training needs to go on, and `state` as JSON."""
    tensors = {**_weights(model), **_optimizer_state(model), **_counted(model)}
    write(filepath, tensors, {"kind": "checkpoint", "state": state, "rate": _rate(model)})


def load_weights(model: Any, filepath: str | os.PathLike[str], skip_mismatch: bool) -> None:
    """Fill weights by name."""
    tensors = {k: v for k, v in read(filepath).tensors.items() if not k.startswith(".")}
    _fill(model, weights_by_name(model, tensors), tensors, skip_mismatch)


def load_checkpoint(model: Any, filepath: str | os.PathLike[str]) -> dict[str, Any]:
    """Put everything back; the optimizer is built first so that its state has a place."""
    contents = read(filepath)
    if contents.metadata.get("kind") != "checkpoint":
        because = f"it is a {contents.metadata.get('kind')} file"
        raise FileFormatError.at(
            "load_checkpoint", "path", "a checkpoint", str(filepath), "Use load_model or load_weights.", because=because
        )
    model.make_steps().pack()
    kept = (len(array) for name, array in contents.tensors.items() if name.startswith(STATE) and array.ndim > 1)
    model.make_steps().make_room(max(kept, default=0))
    counted = by_name(_state_variables(model), STATE)
    names = {**weights_by_name(model, contents.tensors), **by_name(model.optimizer.variables, OPTIMIZER), **counted}
    _fill(model, names, contents.tensors, skip_mismatch=False)
    if contents.metadata.get("rate") is not None:
        model.optimizer.learning_rate = contents.metadata["rate"]
    state: dict[str, Any] = contents.metadata["state"]
    return state


@checked
def clone_model(model: Any) -> Any:
    """A model of the same architecture, with layers and fresh weights of its own; it is not compiled.

    `copy.deepcopy(model)` makes one with these weights, compiled as this is.

    Raises: ArgumentError: a layer that is not registered.
    """
    with sharing():
        return _built(type(model).from_config(model.get_config()), model.get_build_config())


@checked
def load_model(filepath: str | os.PathLike[str], compile: bool = True) -> Any:
    """The model in a file, with its weights, and compiled as it was.

    Args: compile: False leaves out the optimizer and the loss.
    Raises: FileFormatError: damaged, foreign or too new. UnknownNameError: a layer of your own that is not registered.
    """
    return _model_of(read(filepath), filepath, compile)


def how_to_load(kind: object) -> str:
    """The sentence that says what reads a file of this kind.

    Example:
        >>> how_to_load("weights")
        'Build the model and call load_weights.'
    """
    return {
        "model": "Load a network with elman.load_model.",
        "weights": "Build the model and call load_weights.",
        "checkpoint": "Build and compile the model and call load_checkpoint.",
        "forecaster": "Load a forecaster with elman.tasks.Forecaster.load.",
        "sequence model": "Load a sequence model with elman.SequenceModel.load.",
    }.get(str(kind), "Check where it comes from.")


def _model_of(contents: Contents, filepath: str | os.PathLike[str], compile: bool = True) -> Any:
    if contents.metadata.get("kind") != "model":
        kind = contents.metadata.get("kind")
        because, cure = f"it is a {kind} file", how_to_load(kind)
        raise FileFormatError.at("load_model", "path", "a whole model", str(filepath), cure, because=because)
    part = "architecture"
    try:
        with to_be_filled(max((array.size for array in contents.tensors.values()), default=0)):
            model = _model(contents.metadata["model"])
        make_codes(model, contents.metadata.get("int8", ()))
        tensors = dict(contents.tensors)
        weights = {k: v for k, v in tensors.items() if not k.startswith(".")}
        _fill(model, weights_by_name(model, weights), weights, skip_mismatch=False)
        if compile and contents.metadata.get("compile") is not None:
            part = "compile"
            _compile(model, contents.metadata["compile"], tensors)
    except ElmanError:
        raise
    except (KeyError, TypeError, ValueError, AttributeError, IndexError, OverflowError) as error:
        because = f"its {part} cannot be read ({type(error).__name__}: {error})"
        raise FileFormatError.at(
            "load_model", "path", "a whole elman file", str(filepath), "Save it again.", because=because
        ) from error
    return model


def model_from_json(config: str, custom_objects: Mapping[str, Any] | None = None) -> Any:
    """The model that `to_json` described, with fresh weights.

    Args: custom_objects: must be None: register your own layers.
    """
    if custom_objects:
        raise ArgumentError.at(
            "model_from_json",
            "custom_objects",
            "None",
            custom_objects,
            "Decorate your classes with @elman.layers.register.",
        )
    return _model(json.loads(config))


def described(model: Any) -> dict[str, Any]:
    """A model as JSON can hold it. Raises: ArgumentError: a class of one's own that is not registered."""
    seen = model.get_build_config()
    with sharing():
        return {**serialize(model, model.where, "class"), **({} if seen is None else {"build": seen})}


def _model(description: Mapping[str, Any]) -> Any:
    """The model that `described` has described."""
    with sharing():
        return _built(deserialize(description), description.get("build"))


def _built(model: Any, seen: Mapping[str, Any] | None) -> Any:
    """The model, with the network that it had."""
    if seen is not None:
        model.build_from_config(seen)
    return model


# ---- what goes in --------------------------------------------------------------------------------------------------


def _whole(model: Any) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
    """Tensors and metadata of a model's file."""
    state = _optimizer_state(model)
    # Of no use where layers were frozen or freed since: training wants another compile, which begins it anew.
    going_on = state if state and model.make_steps().remembers() else {}
    return {**_weights(model), **going_on}, _metadata(model, "model")


def _metadata(model: Any, kind: str) -> dict[str, Any]:
    codes = codes_of(model)
    return {"kind": kind, "model": described(model), "compile": _compiled(model), **({"int8": codes} if codes else {})}


def codes_of(model: Any) -> list[str]:
    """The names in files of weights that are kept in int8."""
    return [name for name, v in weights_by_name(model).items() if v.dtype == dtypes.INT8]


def _compiled(model: Any) -> dict[str, Any] | None:
    """What was compiled, as JSON; None where nothing was, or functions of the user's own, which no file can hold."""
    if not model.compiled:
        return None
    try:
        arguments = {key: _written(value) for key, value in model.compile_arguments.items()}
        recompute = {} if model.recompute is None else {"recompute": model.recompute}
        rate = model.scheduled_sampling
        written = schedules.serialize(rate) if isinstance(rate, schedules.LearningRateSchedule) else rate
        sampling = {} if rate is None else {"scheduled_sampling": written}
        return {"optimizer": optimizers.serialize(model.optimizer), **arguments, **recompute, **sampling}
    except (ArgumentError, TypeError):
        return None


def _written(value: Any) -> Any:
    """A compile argument as JSON."""
    if isinstance(value, losses.Loss):
        return losses.serialize(value)
    if isinstance(value, metrics.Metric):
        return metrics.serialize(value)
    if isinstance(value, Mapping):
        return {k: _written(v) for k, v in value.items()}
    if isinstance(value, (list, tuple)):
        return [_written(item) for item in value]
    if value is None or isinstance(value, (str, int, float)):
        return value
    raise TypeError(value)


def _compile(model: Any, compiled: Mapping[str, Any], tensors: Mapping[str, np.ndarray]) -> None:
    """Compile as saved, and give the optimizer its state back."""
    rate = compiled.get("scheduled_sampling")
    known = {"scheduled_sampling": schedules.get(rate)} if isinstance(rate, Mapping) else {}
    model.compile(**{**compiled, **known})
    model.make_steps().pack()
    state = {k: v for k, v in tensors.items() if k.startswith(OPTIMIZER)}
    if state:
        _fill(model, by_name(model.optimizer.variables, OPTIMIZER), state, skip_mismatch=False)


def _rate(model: Any) -> float | None:
    """The learning rate, where it is a number of its own and not a schedule's."""
    rate = model.optimizer.learning_rate
    config = model.optimizer.get_config().get("learning_rate")
    return float(rate) if isinstance(config, (int, float)) else None


def _state_variables(model: Any) -> list[Variable]:
    counters = model.counters()
    return [counters.seed, counters.step, *model.states]


def _weights(model: Any) -> dict[str, np.ndarray]:
    return {name: v.value for name, v in weights_by_name(model).items()}


def _optimizer_state(model: Any) -> dict[str, np.ndarray]:
    if model.optimizer is None or not model.optimizer.built or any(v.dtype == dtypes.INT8 for v in model.weights):
        return {}
    return {name: v.value for name, v in by_name(model.optimizer.variables, OPTIMIZER).items()}


def _counted(model: Any) -> dict[str, np.ndarray]:
    return {name: v.value for name, v in by_name(_state_variables(model), STATE).items()}


# ---- what comes back -----------------------------------------------------------------------------------------------


def make_codes(model: Any, names: Sequence[str]) -> None:
    """Room for codes of 8 bits in the place of the weights of these names."""
    if names:
        known = weights_by_name(model, names)
        weights = [known[name] for name in names]
        keep_in_codes(model, {id(v): in_place_of(v, np.zeros(v.shape[::-1]), np.zeros(v.shape[1])) for v in weights})


def _fill(model: Any, names: Mapping[str, Variable], tensors: Mapping[str, np.ndarray], skip_mismatch: bool) -> None:
    """Assign every tensor to the variable of its name, all or none.

    Raises: WeightsError: missing or unknown names, other shapes or types.
    """
    where = model.where
    missing, unknown = [n for n in names if n not in tensors], [n for n in tensors if n not in names]
    if (missing or unknown) and not skip_mismatch:
        because = "; ".join(
            f"{word}: {', '.join(found[:5])}" for word, found in (("missing", missing), ("unknown", unknown)) if found
        )
        cure = "Load it into the model it was saved from, or pass skip_mismatch=True."
        raise WeightsError.at(where, "weights", f"the {len(names)} of this model", len(tensors), cure, because=because)
    for name, v in names.items():
        if name in tensors and tensors[name].shape != v.shape and not skip_mismatch:
            cure = "Load it into the model it was saved from."
            if name.startswith(OPTIMIZER):
                cure = "Let those layers train that did when it was saved, and compile."
            raise WeightsError.at(where, f"weight '{name}'", f"of shape {text(v.shape)}", tensors[name].shape, cure)
        if name in tensors and (tensors[name].dtype == np.int8) != (v.dtype == dtypes.INT8):
            cure = "A quantized model takes the weights of one: quantize the other, too."
            raise WeightsError.at(where, f"weight '{name}'", f"of type {v.dtype}", str(tensors[name].dtype), cure)
    for name, v in names.items():
        if name in tensors and tensors[name].shape == v.shape:
            v.assign(tensors[name])
