"""How a peer program speaks: one JSON request a line in, one JSON answer a line out.

    {"bench": "tutorial_fit"}  ->  {"seconds": 2.9, "compile_seconds": 1.1, "mse": 0.35}

Run with the argument `cold`, a peer does the tutorial once and leaves: the whole process is timed
from outside. Whatever a framework prints goes to standard error, so that answers stay readable.
"""

from __future__ import annotations

import ctypes
import functools
import json
import os
import statistics
import sys
import time
import traceback
from collections.abc import Callable
from typing import Any

Handler = Callable[..., dict[str, Any]]
PEAK = "BENCH_FMA_PEAK"
"""The environment variable that names the library of `fma_peak.c`."""
BURST = 10_000
"""Steps of a look at the multiply-add rate: some 30 us."""
BETWEEN = 0.005
"""Seconds after which it is looked at again: what is shorter than a burst is not to run in its shadow."""


def serve(program: dict[str, str], handlers: dict[str, Handler], cold: Handler) -> None:
    """Answer requests from standard input until it ends; or run `cold` once."""
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)

    def say(answer: dict[str, Any]) -> None:
        answers.write(json.dumps(answer) + "\n")
        answers.flush()

    if sys.argv[1:] == ["cold"]:
        say(cold())
        return
    say({"ready": program})
    for line in sys.stdin:
        request = json.loads(line)
        handler = handlers.get(request.pop("bench"))
        if handler is None:
            say({"unsupported": True})
            continue
        try:
            say(handler(**request))
        except Exception as error:
            traceback.print_exc()
            say({"error": f"{type(error).__name__}: {error}"})


def time_calls(call: Callable[[], Any], seconds: float, least: int = 5) -> dict[str, Any]:
    """Time `call` until `seconds` have passed, `least` times at least; return the median of its calls.

    `peak` is the median of multiply-add rates in between, in GF/s: a clock that wanders takes both along.
    """
    samples: list[float] = []
    rate, rates, looked = fma_rate(), list[float](), 0.0
    begin = time.perf_counter()
    while len(samples) < least or time.perf_counter() - begin < seconds:
        start = time.perf_counter()
        call()
        end = time.perf_counter()
        samples.append(end - start)
        if rate is not None and end - looked > BETWEEN:
            rates.append(rate(BURST))
            looked = time.perf_counter()
    peak = {"peak": statistics.median(rates)} if rates else {}
    return {"seconds": statistics.median(samples), "calls": len(samples), **peak}


@functools.cache
def fma_rate() -> Callable[[int], float] | None:
    """Return what measures the multiply-add rate; None where there is no compiler to build it."""
    if not os.environ.get(PEAK):
        return None
    library = ctypes.CDLL(os.environ[PEAK])
    library.fma_rate.argtypes, library.fma_rate.restype = [ctypes.c_long], ctypes.c_double
    return lambda steps: float(library.fma_rate(steps))


def time_loop(call: Callable[[], Any], calls: int) -> dict[str, Any]:
    """Time a loop of `calls` calls as one: for calls so short that a clock would count."""
    start = time.perf_counter()
    for _ in range(calls):
        call()
    return {"seconds": (time.perf_counter() - start) / calls, "calls": calls}


def time_steps(walk: Callable[[], Any], steps: int, seconds: float = 0.2) -> dict[str, Any]:
    """Time `walk`, which takes `steps` steps; return the median of its times, a step."""
    timed = time_calls(walk, seconds)
    return {**timed, "seconds": timed["seconds"] / steps}
