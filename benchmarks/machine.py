"""What a benchmark ran on: the machine in words, its load, and the peak of its multiply-adds."""

from __future__ import annotations

import atexit
import functools
import os
import platform
import shutil
import subprocess
import tempfile
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

CPU = 0
"""The first of the CPUs that a timed program is bound to."""

THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "TF_NUM_INTRAOP_THREADS", "ELMAN_NUM_THREADS")


def threads(count: int) -> dict[str, str]:
    """Return environment variables that give a program so many threads, in the words of each; bytecode is kept."""
    xla = f"--xla_cpu_multi_thread_eigen={'true' if count > 1 else 'false'} intra_op_parallelism_threads={count}"
    settings = {"TF_NUM_INTEROP_THREADS": "1", "XLA_FLAGS": xla, "PYTHONDONTWRITEBYTECODE": ""}
    return {**dict.fromkeys(THREADS, str(count)), **settings}


INSTRUCTIONS = ("avx2", "fma", "avx512f", "avx512_bf16", "amx_bf16", "asimd", "sve")


def bind(cpus: int = 1) -> None:
    """Bind the calling process to CPU and those after it, where the system can; run in a child before it starts."""
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, range(CPU, CPU + cpus))


def fma_peak() -> float | None:
    """Return the peak of one CPU in GF/s, now; None where there is no C compiler."""
    program = peak_program()
    if program is None:
        return None
    return float(subprocess.run([program], preexec_fn=bind, capture_output=True, check=True, text=True).stdout)


def peak_program(*options: str) -> Path | None:
    """Build the program that measures the peak; with `-shared -fPIC`, the library. Deleted with this process."""
    compiler = shutil.which("cc") or shutil.which("gcc") or shutil.which("clang")
    return None if compiler is None else built_peak(compiler, options)


@functools.cache
def built_peak(compiler: str, options: tuple[str, ...]) -> Path | None:
    """Build it, once."""
    folder = tempfile.TemporaryDirectory()
    atexit.register(folder.cleanup)
    program, source = Path(folder.name) / "fma_peak", Path(__file__).with_name("fma_peak.c")
    built = subprocess.run([compiler, "-O3", "-march=native", *options, "-o", program, source], check=False)
    return None if built.returncode else program


def cpu_line(key: str) -> str:
    """Return the first line of /proc/cpuinfo that begins with `key`; empty where there is none."""
    path = Path("/proc/cpuinfo")
    lines = path.read_text().splitlines() if path.exists() else []
    return next((line.split(":", 1)[1].strip() for line in lines if line.startswith(key)), "")


def describe() -> dict[str, Any]:
    """Describe the machine and its state now."""
    flags = cpu_line("flags").split() or cpu_line("Features").split()
    return {
        "cpu": cpu_line("model name") or platform.processor() or platform.machine(),
        "cpus": os.cpu_count(),
        "instructions": [name for name in INSTRUCTIONS if name in flags],
        "system": platform.platform(terse=True),
        "python": platform.python_version(),
        "load": [round(load, 2) for load in os.getloadavg()],
        "time": datetime.now(UTC).isoformat(timespec="seconds"),
        "fma_peak_gflops": fma_peak(),
    }
