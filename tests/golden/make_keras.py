"""Make the golden files of Keras; README.md beside this file describes what they hold.

    .venv-peers/keras-tf/bin/python tests/golden/make_keras.py [SECTION ...]
    .venv-peers/keras-jax/bin/python tests/golden/make_keras.py [SECTION ...]

Each section is made by one of Keras' backends. JAX is the better one where numbers stand in the code: TensorFlow turns
Python's numbers into float32 even where all else is float64 (the momenta of Adam, the slope of leaky_relu). Recurrent
layers have no such numbers, and TensorFlow's eager mode runs hundreds of them without compiling. Run with no section,
the script makes all of its backend but `accuracy`, which trains for minutes.
"""

from __future__ import annotations

import importlib
import importlib.util
import os
import sys
from pathlib import Path

BACKEND = "tensorflow" if importlib.util.find_spec("tensorflow") else "jax"
os.environ["KERAS_BACKEND"] = BACKEND
os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
os.environ["TF_ENABLE_ONEDNN_OPTS"] = "0"  # reproducible sums
os.environ["JAX_ENABLE_X64"] = "1"
os.environ["CUDA_VISIBLE_DEVICES"] = ""
sys.path.insert(0, str(Path(__file__).resolve().parent))

import keras  # noqa: E402
import numpy as np  # noqa: E402
from keras.src.backend.common import dtypes  # noqa: E402

dtypes.BIT64_TO_BIT32_DTYPE["float64"] = "float64"  # on JAX, Keras would round results to float32

SECTIONS = {
    "tensorflow": {
        "defaults": "keras_defaults.make",
        "layers": "keras_layers.make",
        "attention": "keras_layers.make_attention",
        "conv_lstm": "keras_layers.make_conv_lstm",
    },
    "jax": {
        "activations": "keras_functions.make_activations",
        "losses": "keras_functions.make_losses",
        "regularizers": "keras_functions.make_regularizers",
        "initializers": "keras_functions.make_initializers",
        "metrics": "keras_metrics.make",
        "optimizers": "keras_optimizers.make",
        "schedules": "keras_optimizers.make_schedules",
        "training": "keras_training.make",
        "accuracy": "keras_training.make_accuracy",
    },
}

MADE_BY = {
    "keras": keras.__version__,
    BACKEND: importlib.import_module(BACKEND).__version__,
    "numpy": np.__version__,
}


def main(names: list[str]) -> None:
    """Make the named sections, by default all that this backend makes in seconds."""
    sections = SECTIONS[BACKEND]
    for name in names or [section for section in sections if section != "accuracy"]:
        if name not in sections:
            raise SystemExit(
                f"make_keras: with {BACKEND} a section must be one of {', '.join(sections)}. Received {name}."
            )
        keras.utils.clear_session()
        keras.config.set_floatx("float32" if name in ("defaults", "accuracy") else "float64")
        module, function = sections[name].split(".")
        getattr(importlib.import_module(f"makers.{module}"), function)(MADE_BY)


if __name__ == "__main__":
    main(sys.argv[1:])
