"""Names, arguments and default values are Keras': every one, against Keras' own signatures."""

from __future__ import annotations

import inspect
from typing import Any

import pytest

import elman
from tests.golden import reader

DEFAULTS = reader.document("keras_defaults")

MIRRORED = {
    "layers": (
        "SimpleRNN GRU LSTM RNN Bidirectional StackedRNNCells SimpleRNNCell GRUCell LSTMCell Dense Embedding "
        "Dropout LayerNormalization Masking TimeDistributed RepeatVector Flatten Reshape Permute Concatenate Add "
        "Multiply Average Dot Lambda Activation MultiHeadAttention "
        "Conv1D Conv2D MaxPooling1D MaxPooling2D AveragePooling1D "
        "AveragePooling2D GlobalAveragePooling1D GlobalAveragePooling2D GlobalMaxPooling1D GlobalMaxPooling2D "
        "SpatialDropout1D SpatialDropout2D GaussianNoise GaussianDropout AlphaDropout UpSampling1D UpSampling2D "
        "ZeroPadding1D ZeroPadding2D Cropping1D BatchNormalization"
    ),
    "optimizers": "SGD RMSprop Adagrad Adadelta Adam AdamW Adamax Nadam Lion",
    "optimizers.schedules": (
        "ExponentialDecay CosineDecay CosineDecayRestarts PiecewiseConstantDecay PolynomialDecay InverseTimeDecay"
    ),
    "losses": (
        "MeanSquaredError MeanAbsoluteError Huber BinaryCrossentropy CategoricalCrossentropy "
        "SparseCategoricalCrossentropy KLDivergence Poisson CosineSimilarity"
    ),
    "metrics": (
        "MeanSquaredError RootMeanSquaredError MeanAbsoluteError BinaryAccuracy CategoricalAccuracy "
        "SparseCategoricalAccuracy BinaryCrossentropy CategoricalCrossentropy SparseCategoricalCrossentropy "
        "KLDivergence Poisson CosineSimilarity"
    ),
    "initializers": (
        "Zeros Ones Constant Identity RandomUniform RandomNormal TruncatedNormal VarianceScaling GlorotUniform "
        "GlorotNormal HeUniform HeNormal LecunUniform LecunNormal Orthogonal"
    ),
    "regularizers": "L1 L2 L1L2",
    "callbacks": (
        "EarlyStopping ModelCheckpoint BackupAndRestore ReduceLROnPlateau LearningRateScheduler CSVLogger "
        "TerminateOnNaN LambdaCallback"
    ),
    "activations": (
        "relu sigmoid tanh softmax softplus softsign elu selu gelu silu exponential hard_sigmoid leaky_relu linear "
        "log_softmax mish"
    ),
}
"""What elman mirrors: a name that it lacks is a failure here."""

METHODS = (
    "Model.compile Model.fit Model.evaluate Model.predict Model.train_on_batch Model.test_on_batch "
    "Model.predict_on_batch Model.summary Model.get_weights Model.set_weights Model.count_params Model.save "
    "Sequential.__init__ Sequential.add"
).split()

LEFT_OUT = {
    "use_cudnn": "there is one recurrent operator",
    "lora_rank": "no low-rank adapters",
    "lora_alpha": "no low-rank adapters",
    "quantization_config": "no quantised training",
    "loss_scale_factor": "no float16 training",
    "jit_compile": "every step is compiled",
    "run_eagerly": "no step is eager",
    "steps_per_execution": "the whole epoch runs natively",
    "auto_scale_loss": "no float16 training",
    "zipped": "one file format",
}
"""Arguments of Keras that have no meaning here, and why; `elman` may refuse them."""

CASES = [(section, name) for section, names in MIRRORED.items() for name in names.split()]


def found(section: str, name: str) -> Any:
    """Return elman's object; a missing one is named."""
    place = elman
    for part in section.split("."):
        place = getattr(place, part)
    assert hasattr(place, name), f"elman.{section} has no {name}"
    return getattr(place, name)


def parameters(function: Any) -> dict[str, inspect.Parameter]:
    """Return the parameters of a constructor or method, without self."""
    return {
        name: value for name, value in inspect.signature(function).parameters.items() if name not in ("self", "cls")
    }


def check(where: str, ours: dict[str, inspect.Parameter], keras: dict[str, Any]) -> None:
    """Compare arguments and defaults, value by value."""
    missing = [
        name for name, entry in keras.items() if name not in ours and name not in LEFT_OUT and "variadic" not in entry
    ]
    assert not missing, f"{where}: lacks the arguments {', '.join(missing)}"
    for name, entry in keras.items():
        if name not in ours or "variadic" in entry:
            continue
        default = ours[name].default
        assert (default is inspect.Parameter.empty) == entry["required"], (
            f"{where}: {name} is required in one of the two"
        )
        if entry["required"] or isinstance(entry["default"], dict):
            continue
        if name == "name" and default is None:
            continue  # the class's own name: compared below
        same = list(default) if isinstance(default, tuple) else default
        assert same == entry["default"], f"{where}: {name}={same!r}, in Keras {entry['default']!r}"
        assert isinstance(same, bool) == isinstance(entry["default"], bool), f"{where}: {name}={same!r}"


@pytest.mark.parametrize(("section", "name"), CASES, ids=[".".join(case) for case in CASES])
def test_arguments_and_defaults_are_those_of_keras(section: str, name: str) -> None:
    check(name, parameters(found(section, name)), DEFAULTS[section][name]["parameters"])


@pytest.mark.parametrize(("section", "name"), CASES, ids=[".".join(case) for case in CASES])
def test_positional_arguments_come_in_the_order_of_keras(section: str, name: str) -> None:
    ours = [key for key, value in parameters(found(section, name)).items() if value.kind is value.POSITIONAL_OR_KEYWORD]
    theirs = [key for key, entry in DEFAULTS[section][name]["parameters"].items() if "keyword_only" not in entry]
    shared = [key for key in theirs if key in ours]
    assert [key for key in ours if key in theirs] == shared
    assert ours[: len(shared)] == shared, "an argument of our own stands before one of Keras"


@pytest.mark.parametrize("method", METHODS)
def test_methods_of_models_take_the_arguments_of_keras(method: str) -> None:
    owner, _, name = method.partition(".")
    check(method, parameters(getattr(getattr(elman, owner), name)), DEFAULTS["models"][method]["parameters"])


@pytest.mark.parametrize("section", ["losses", "metrics"])
def test_names_in_reports_are_those_of_keras(section: str) -> None:
    for name in MIRRORED[section].split():
        described = DEFAULTS[section][name]
        made = found(section, name)(**described["made_with"])
        assert made.name == described["config"]["name"], name


@pytest.mark.parametrize("name", ["ExponentialDecay", "InverseTimeDecay"])
def test_schedules_are_called_as_in_keras(name: str) -> None:
    described = DEFAULTS["optimizers.schedules"][name]["parameters"]
    assert found("optimizers.schedules", name)(0.1, 10, 0.5).name == described["name"]["default"]
