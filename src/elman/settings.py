"""Every switch of elman that lives outside a call: environment variables and the float type.

A variable is read when it is asked for, never at import, so a test or a notebook may set it late.
A value that is not understood is an error, not a default.

    ELMAN_EXECUTOR     native | reference          which executor runs graphs
    ELMAN_ISA          baseline | avx2 | avx512 | amx    which instruction set the native kernels use
    ELMAN_BFLOAT16     emulate                     bfloat16 products where the CPU has no unit for them
    ELMAN_NUM_THREADS  1, 2, ...                   how many threads share a batch
    ELMAN_MEMORY_LIMIT bytes                       the most memory one plan may need
    ELMAN_VERIFY       0 | 1                       check every graph against graph/verify.py
"""

from __future__ import annotations

import contextlib
import functools
import math
import os
from pathlib import Path
from typing import Literal, cast

from elman.errors import ArgumentError, unknown_name

__all__ = [
    "MIXED",
    "Executor",
    "FloatName",
    "InstructionSet",
    "bfloat16",
    "dtype_policy",
    "executor",
    "floatx",
    "isa",
    "memory_limit",
    "num_threads",
    "set_dtype_policy",
    "set_floatx",
    "verify",
]

Executor = Literal["native", "reference"]
InstructionSet = Literal["baseline", "avx2", "avx512", "amx"]
FloatName = Literal["float32", "float64"]

_TRUE = ("1", "on", "true", "yes")
_FALSE = ("0", "off", "false", "no")
_CGROUP_ROOT = Path("/sys/fs/cgroup")
_CGROUP_OF_SELF = Path("/proc/self/cgroup")

_MOST_MEMORY = 1 << 62
_MOST_THREADS = 1 << 16
MIXED = "mixed_bfloat16"

_floatx: FloatName = "float32"
_mixed = False


def executor() -> Executor | None:
    """The executor that ELMAN_EXECUTOR forces; None: the best one available.

    Raises:
        UnknownNameError: the variable names no executor.

    Example:
        >>> executor() in ("native", "reference", None)
        True
    """
    return cast("Executor | None", _one_of("ELMAN_EXECUTOR", ("native", "reference")))


def isa() -> InstructionSet | None:
    """The instruction set that ELMAN_ISA forces; None: the widest this CPU has.

    Whether the CPU has it is the native executor's question, not this module's.

    Raises:
        UnknownNameError: the variable names no instruction set.

    Example:
        >>> isa() in ("baseline", "avx2", "avx512", "amx", None)
        True
    """
    return cast("InstructionSet | None", _one_of("ELMAN_ISA", ("baseline", "avx2", "avx512", "amx")))


def num_threads() -> int:
    """How many threads may share a batch: ELMAN_NUM_THREADS, or what this process may use.

    What a process may use is the smaller of its CPU affinity and its container's CPU quota; the
    machine's own core count would oversubscribe a container. Results do not depend on it.

    Raises:
        ArgumentError: the variable is not a whole number from 1 to 65536.

    Example:
        >>> num_threads() >= 1
        True
    """
    text = _read("ELMAN_NUM_THREADS")
    if text is None:
        return _usable_cpus()
    whole = text.isdecimal() and int(text) >= 1
    if not whole or int(text) > _MOST_THREADS:
        raise ArgumentError.at(
            "elman.settings",
            "ELMAN_NUM_THREADS",
            f"at most {_MOST_THREADS}" if whole else "a whole number from 1",
            text,
            "Unset it to use every CPU this process may use.",
        )
    return int(text)


def memory_limit() -> int:
    """The most bytes one plan may need: ELMAN_MEMORY_LIMIT, or what the machine or its container has in all.

    A batch that cannot fit is refused before anything is allocated, with the size and what to lower. `fit` learns in
    portions from a batch that needs more than a quarter of it.

    Raises:
        ArgumentError: the variable is not a whole number from 1.

    Example:
        >>> memory_limit() > 0
        True
    """
    given = _read("ELMAN_MEMORY_LIMIT")
    if given is None:
        return _usable_memory()
    if not given.isdecimal() or int(given) < 1:
        cure = "2000000000 is 2 GB. Unset it to use all of the machine."
        raise ArgumentError.at("elman.settings", "ELMAN_MEMORY_LIMIT", "a whole number of bytes from 1", given, cure)
    return min(int(given), _MOST_MEMORY)


def verify() -> bool:
    """Whether every graph is verified after tracing and after each rewrite (ELMAN_VERIFY).

    Off by default, for it costs time in each compilation; the test suite switches it on.

    Raises:
        UnknownNameError: the variable is neither a yes nor a no.

    Example:
        >>> isinstance(verify(), bool)
        True
    """
    return _one_of("ELMAN_VERIFY", _TRUE + _FALSE) in _TRUE


def floatx() -> FloatName:
    """The float type that new layers and inputs use when they are not told one.

    Example:
        >>> floatx()
        'float32'
    """
    return _floatx


def set_floatx(value: FloatName) -> None:
    """Choose the float type of what is built from now on; what exists keeps its own.

    Args:
        value: "float32" (the default, fast) or "float64" (gradient checks).

    Raises:
        UnknownNameError: any other name.

    Example:
        >>> set_floatx("float64")
        >>> floatx()
        'float64'
        >>> set_floatx("float32")
    """
    global _floatx, _mixed
    if value not in ("float32", "float64"):
        raise unknown_name("set_floatx", "value", value, ("float32", "float64"))
    _floatx, _mixed = value, False


def dtype_policy() -> str:
    """How new layers compute when they are not told: a float type, or "mixed_bfloat16".

    Example:
        >>> dtype_policy()
        'float32'
    """
    return MIXED if _mixed else _floatx


def set_dtype_policy(policy: str) -> None:
    """Choose how what is built from now on computes; what exists keeps its own. Keras's name.

    "mixed_bfloat16": weights, states, sums and results are float32, and the operands of matrix products are rounded
    to bfloat16, which the tile unit (AMX) of a CPU multiplies many times faster. A layer alone has it with
    `dtype="mixed_bfloat16"`.

    Args:
        policy: "float32", "float64" (as `set_floatx`) or "mixed_bfloat16".

    Raises:
        UnknownNameError: any other name.

    Example:
        >>> set_dtype_policy("mixed_bfloat16")
        >>> dtype_policy(), floatx()
        ('mixed_bfloat16', 'float32')
        >>> set_dtype_policy("float32")
    """
    global _mixed
    if policy not in ("float32", "float64", MIXED):
        raise unknown_name("set_dtype_policy", "policy", policy, ("float32", "float64", MIXED))
    set_floatx("float64" if policy == "float64" else "float32")
    _mixed = policy == MIXED


def bfloat16() -> str | None:
    """What ELMAN_BFLOAT16 says of CPUs without a unit for bfloat16: "emulate", or None: refuse.

    Raises:
        UnknownNameError: any other value.

    Example:
        >>> bfloat16() in ("emulate", None)
        True
    """
    return _one_of("ELMAN_BFLOAT16", ("emulate",))


def _read(name: str) -> str | None:
    """The variable without spaces around it; unset and empty are the same."""
    return os.environ.get(name, "").strip() or None


def _one_of(name: str, known: tuple[str, ...]) -> str | None:
    text = _read(name)
    if text is None:
        return None
    if text.lower() not in known:
        raise unknown_name("elman.settings", name, text, known)
    return text.lower()


def _usable_cpus() -> int:
    # macOS has no affinity call; there every core counts.
    affinity = getattr(os, "sched_getaffinity", None)
    cpus = len(affinity(0)) if affinity else os.cpu_count() or 1
    quota = _container_quota()
    return max(1, cpus if quota is None else min(cpus, math.ceil(quota)))


@functools.cache
def _container_quota() -> float | None:
    """The CPU quota of this process's control groups, in CPUs; None: no limit, or not Linux."""
    limits = []
    for folder in _control_groups():
        try:
            quota, period = _quota_and_period(folder)
        except (OSError, ValueError):
            continue
        if quota > 0 and period > 0:
            limits.append(quota / period)
    return min(limits, default=None)


@functools.cache
def _usable_memory() -> int:
    """Bytes of the machine, or of the smallest container this process is in."""
    limits = [_MOST_MEMORY]
    with contextlib.suppress(AttributeError, OSError, ValueError):  # no such question outside POSIX
        limits.append(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"))
    for folder in _control_groups("memory"):
        for name in ("memory.max", "memory.limit_in_bytes"):
            with contextlib.suppress(OSError, ValueError):  # "max" is no number and no limit
                limits.append(int((folder / name).read_text()))
    return min(limit for limit in limits if limit > 0)


def _control_groups(controller: str = "cpu") -> list[Path]:
    """This process's control groups, each with its parents: a parent's limit binds too."""
    try:
        lines = _CGROUP_OF_SELF.read_text().splitlines()
    except OSError:
        return []
    folders = []
    for line in lines:
        _, controllers, path = line.split(":", 2)
        if controllers and controller not in controllers.split(","):
            continue
        # Version 2 has one tree and no controller names; version 1 a tree for each set of them.
        root = _CGROUP_ROOT / controllers if controllers else _CGROUP_ROOT
        here = root / path.lstrip("/")
        folders += [here, *(parent for parent in here.parents if parent.is_relative_to(root))]
    return folders


def _quota_and_period(folder: Path) -> tuple[int, int]:
    """(quota, period) in microseconds; a quota below 1 means no limit."""
    unified = folder / "cpu.max"
    if unified.exists():
        quota, period = unified.read_text().split()
        return (-1 if quota == "max" else int(quota)), int(period)
    return (
        int((folder / "cpu.cfs_quota_us").read_text()),
        int((folder / "cpu.cfs_period_us").read_text()),
    )
