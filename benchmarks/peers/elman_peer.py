"""elman, through its public interface, written as the tutorials write Keras."""

from __future__ import annotations

import os

import elman_cells
import elman_ragged
import elman_rnn
import elman_streams
import numpy as np
import problems
import speak
from keras_tutorial import Tutorial

import elman
from elman.layers import Dense, SimpleRNN
from elman.models import Sequential

TUTORIAL = Tutorial(Sequential, SimpleRNN, Dense, elman.set_seed, warm_up=1300)

if __name__ == "__main__":
    if os.environ.get(problems.BFLOAT16) == "1":
        elman.settings.set_dtype_policy("mixed_bfloat16")
    versions = {"elman": elman.__version__, "numpy": np.__version__}
    jobs = {
        "tutorial_fit": TUTORIAL.tutorial_fit,
        "train_on_batch": TUTORIAL.train_on_batch,
        "rnn": elman_rnn.rnn,
        "decay": elman_rnn.decay,
        "cell": elman_cells.cell,
        "user_cell": elman_cells.user_cell,
        "wrapper": elman_cells.wrapper,
        "stream": elman_streams.stream,
        "ragged": elman_ragged.ragged,
    }
    speak.serve(versions, jobs, TUTORIAL.cold)
