"""Record the signatures and effective defaults of Keras' public classes."""

from __future__ import annotations

import inspect
import json
from typing import Any

import keras

from . import store

LAYERS = (
    "Activation Add AlphaDropout Average AveragePooling1D AveragePooling2D BatchNormalization Bidirectional "
    "CategoryEncoding Concatenate Conv1D Conv2D ConvLSTM1D ConvLSTM2D Cropping1D Cropping2D Dense DepthwiseConv1D "
    "DepthwiseConv2D Dot Dropout EinsumDense ELU Embedding Flatten GRU GRUCell GaussianDropout GaussianNoise "
    "GlobalAveragePooling1D GlobalAveragePooling2D GlobalMaxPooling1D GlobalMaxPooling2D GroupNormalization "
    "InputLayer LSTM LSTMCell Lambda Layer LayerNormalization LeakyReLU Masking MaxPooling1D MaxPooling2D Maximum "
    "Minimum MultiHeadAttention Multiply PReLU Permute RNN ReLU RepeatVector Reshape SeparableConv1D "
    "SeparableConv2D SimpleRNN SimpleRNNCell Softmax SpatialDropout1D SpatialDropout2D StackedRNNCells Subtract "
    "TextVectorization TimeDistributed UnitNormalization UpSampling1D UpSampling2D Wrapper ZeroPadding1D "
    "ZeroPadding2D"
).split()

REQUIRED: dict[str, Any] = {
    "units": 4,
    "rate": 0.5,
    "activation": "relu",
    "n": 3,
    "dims": [2, 1],
    "target_shape": [2, 3],
    "axes": 1,
    "input_dim": 5,
    "output_dim": 4,
    "filters": 2,
    "pool_size": 2,
    "kernel_size": 3,
    "initial_learning_rate": 0.1,
    "decay_steps": 10,
    "decay_rate": 0.5,
    "first_decay_steps": 10,
    "boundaries": [5],
    "values": [0.1, 0.05],
    "stddev": 0.1,
    "num_heads": 2,
    "key_dim": 4,
    "thresholds": 0.5,
}
"""What to give where the constructor insists, to read the configuration of the rest."""

MODEL_METHODS = (
    "__init__ compile fit evaluate predict train_on_batch test_on_batch predict_on_batch summary get_weights "
    "set_weights count_params save save_weights load_weights get_layer get_config from_config reset_metrics"
).split()


def parameters_of(function: Any) -> dict[str, Any]:
    """Describe the parameters of a callable, in order, without self."""
    described: dict[str, Any] = {}
    keywords = False
    for name, parameter in inspect.signature(function).parameters.items():
        if name in ("self", "cls"):
            continue
        if parameter.kind is parameter.VAR_KEYWORD:
            keywords = True
            continue
        entry: dict[str, Any] = {"required": parameter.default is parameter.empty}
        if not entry["required"]:
            entry["default"] = store.as_json(parameter.default)
        if parameter.kind is parameter.KEYWORD_ONLY:
            entry["keyword_only"] = True
        if parameter.kind is parameter.VAR_POSITIONAL:
            entry = {"required": False, "variadic": True}
        described[name] = entry
    return {"parameters": described, "keywords": keywords}


def describe_class(cls: Any) -> dict[str, Any]:
    """Describe a class by its constructor and, where one can be made, by an instance's configuration."""
    described = parameters_of(cls.__init__)
    needed = [name for name, entry in described["parameters"].items() if entry["required"]]
    if all(name in REQUIRED for name in needed):
        try:
            instance = cls(**{name: REQUIRED[name] for name in needed})
            config = instance.get_config()
        except Exception:  # abstract, or without a configuration: the signature is all there is
            return described
        described["made_with"] = {name: REQUIRED[name] for name in needed}
        described["config"] = {key: store.as_json(value) for key, value in sorted(config.items())}
    return described


def classes_of(module: Any, skip: tuple[str, ...] = ()) -> dict[str, Any]:
    """Describe every public class of a Keras module."""
    found = {name: value for name, value in vars(module).items() if name[0].isupper() and inspect.isclass(value)}
    return {name: describe_class(found[name]) for name in sorted(found) if name not in skip}


def functions_of(module: Any) -> dict[str, Any]:
    """Describe every public function of a Keras module."""
    found = {name: value for name, value in vars(module).items() if name[0] != "_" and inspect.isfunction(value)}
    return {name: parameters_of(found[name]) for name in sorted(found)}


def make(made_by: dict[str, str]) -> None:
    """Write keras_defaults.json."""
    models = {f"Model.{name}": parameters_of(getattr(keras.Model, name)) for name in MODEL_METHODS}
    models |= {
        f"Sequential.{name}": parameters_of(getattr(keras.Sequential, name)) for name in ("__init__", "add", "pop")
    }
    sections = {
        "layers": {name: describe_class(getattr(keras.layers, name)) for name in LAYERS},
        "functions": {"Input": parameters_of(keras.Input)},
        "models": models,
        "optimizers": classes_of(keras.optimizers, ("LossScaleOptimizer", "MultiOptimizer", "OptimizerMap")),
        "optimizers.schedules": classes_of(keras.optimizers.schedules),
        "losses": classes_of(keras.losses),
        "metrics": classes_of(keras.metrics),
        "initializers": classes_of(keras.initializers),
        "regularizers": classes_of(keras.regularizers),
        "constraints": classes_of(keras.constraints),
        "callbacks": classes_of(keras.callbacks),
        "activations": functions_of(keras.activations),
    }
    lines = [f' "made_by": {json.dumps(made_by)}']
    for section, entries in sections.items():
        body = ",\n".join(f"  {json.dumps(name)}: {json.dumps(entry)}" for name, entry in entries.items())
        lines.append(f' "{section}": {{\n{body}\n }}')
    path = store.FOLDER / "keras_defaults.json"
    path.write_text("{\n" + ",\n".join(lines) + "\n}\n")
    print(f"keras_defaults: {sum(map(len, sections.values()))} names, {path.stat().st_size / 1024:.0f} KiB")
