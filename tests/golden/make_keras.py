"""Make the golden files of Keras; README.md beside this file describes what they hold.

    .venv-peers/keras-tf/bin/python tests/golden/make_keras.py [SECTION ...]

Run with no section it makes all but `accuracy`, which trains for minutes.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

os.environ["KERAS_BACKEND"] = "tensorflow"
os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
os.environ["TF_ENABLE_ONEDNN_OPTS"] = "0"  # reproducible sums
os.environ["CUDA_VISIBLE_DEVICES"] = ""
sys.path.insert(0, str(Path(__file__).resolve().parent))

import keras
import numpy as np
import tensorflow as tf
from makers import (
    keras_defaults,
    keras_functions,
    keras_layers,
    keras_metrics,
    keras_optimizers,
    keras_training,
)

MADE_BY = {"keras": keras.__version__, "tensorflow": tf.__version__, "numpy": np.__version__}

SECTIONS = {
    "defaults": keras_defaults.make,
    "layers": keras_layers.make,
    "activations": keras_functions.make_activations,
    "losses": keras_functions.make_losses,
    "regularizers": keras_functions.make_regularizers,
    "initializers": keras_functions.make_initializers,
    "metrics": keras_metrics.make,
    "optimizers": keras_optimizers.make,
    "schedules": keras_optimizers.make_schedules,
    "training": keras_training.make,
    "accuracy": keras_training.make_accuracy,
}


def main(names: list[str]) -> None:
    """Make the named sections; defaults are read before float64 is made the working precision."""
    for name in names or [section for section in SECTIONS if section != "accuracy"]:
        keras.utils.clear_session()
        keras.config.set_floatx("float32" if name in ("defaults", "accuracy") else "float64")
        SECTIONS[name](MADE_BY)


if __name__ == "__main__":
    main(sys.argv[1:])
