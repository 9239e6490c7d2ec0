"""What every test gets: a clean environment, verified graphs, a seed that is printed and can be asked for again."""

from __future__ import annotations

import os
import random
import zlib
from collections.abc import Iterator

import hypothesis
import numpy as np
import pytest

from elman import settings
from elman.layers import set_seed

FORCED = ("ELMAN_EXECUTOR", "ELMAN_ISA", "ELMAN_NUM_THREADS")
"""Switches that a whole run may force from outside: `ELMAN_ISA=baseline make test`."""

hypothesis.settings.register_profile("ci", derandomize=True, deadline=None, print_blob=True)
hypothesis.settings.register_profile("person", deadline=None, print_blob=True)


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--seed", type=int, default=0, help="seed of every test's random numbers (default: 0)")


def pytest_configure(config: pytest.Config) -> None:
    for name in [name for name in os.environ if name.startswith("ELMAN_") and name not in FORCED]:
        del os.environ[name]
    os.environ["ELMAN_VERIFY"] = "1"
    os.environ["MPLBACKEND"] = "Agg"
    os.environ.pop("COLUMNS", None)
    hypothesis.settings.load_profile("ci" if os.environ.get("CI") else "person")


def pytest_report_header(config: pytest.Config) -> str:
    forced = "".join(f", {name}={os.environ[name]}" for name in FORCED if name in os.environ)
    return f"elman: --seed={config.getoption('--seed')}, numpy {np.__version__}{forced}"


@pytest.fixture
def seed(request: pytest.FixtureRequest) -> int:
    """This test's own seed: the run's seed and the test's name, so that no order of tests changes it."""
    return request.config.getoption("--seed") + zlib.crc32(request.node.nodeid.encode())


@pytest.fixture
def rng(seed: int) -> np.random.Generator:
    """This test's own generator."""
    return np.random.default_rng(seed)


@pytest.fixture(autouse=True)
def _same_start(seed: int) -> Iterator[None]:
    """Seed the global generators; print the seed (pytest shows it where the test fails); put back what is global."""
    print(f"seed of this test: {seed}")
    random.seed(seed)
    np.random.seed(seed % 2**32)
    set_seed(seed % 2**31)
    before, kind = dict(os.environ), settings.floatx()
    yield
    settings.set_floatx(kind)
    for name in {*before, *os.environ} - {"PYTEST_CURRENT_TEST"}:  # pytest's own, which it takes away itself
        if name not in before:
            del os.environ[name]
        elif os.environ.get(name) != before[name]:
            os.environ[name] = before[name]
