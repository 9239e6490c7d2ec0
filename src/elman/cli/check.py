"""`elman check`: does it work here, and on what does it run?"""

from __future__ import annotations

import platform
import time

import numpy as np

from elman import executors, settings
from elman.cli.screen import say
from elman.errors import ExecutorError
from elman.executors.native import chosen_isa
from elman.tasks import Forecaster

__all__ = ["check"]


def check() -> None:
    """Train a tiny forecaster and say which executor and instruction set did it.

    Raises:
        ExecutorError: the forecast of a sine is not a sine.
    """
    executor = executors.default()
    say(f"Python {platform.python_version()}, numpy {np.__version__}, {platform.system()} {platform.machine()}")
    say(f"executor {executor.name}" + (f", instruction set {chosen_isa()}" if executor.name == "native" else ""))
    say(f"threads {settings.num_threads()}")
    wave = np.sin(np.arange(120) * np.pi / 6)
    began = time.perf_counter()
    forecast = Forecaster(horizon=12, window=12, units=8, epochs=20).fit(wave[:-12]).predict()
    error = float(np.abs(forecast - wave[-12:]).mean())
    say(f"trained in {time.perf_counter() - began:.2f} s, mean error of a sine's forecast {error:.3f}")
    if not error < 0.5:
        raise ExecutorError.at("check", "error", "below 0.5", error, "Report it with the lines above.")
    say("all is well")
