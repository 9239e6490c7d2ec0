"""What the oracle's tests get: each runs on every executor, in every precision worth telling apart."""

from __future__ import annotations

import pytest

from elman import settings
from elman.executors import available
from tests.oracle.running import SETTINGS, Setting


@pytest.fixture(params=SETTINGS, ids="-".join)
def setting(request: pytest.FixtureRequest) -> Setting:
    """Every executor in every precision worth telling apart; the real type of new layers is set to it."""
    chosen: Setting = request.param
    if chosen.executor == "native" and not available():
        pytest.skip("the native extension is not built")
    settings.set_floatx(chosen.dtype)  # conftest.py puts it back
    return chosen
