"""The commands' own modules, each imported when it is first named: `elman demo` does not wait for forecasting."""

from __future__ import annotations

import importlib
from types import ModuleType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from elman.cli import check, demo, forecast, init_config, train

__all__ = ["check", "demo", "forecast", "init_config", "train"]


def __getattr__(name: str) -> ModuleType:
    """A command's module, imported now."""
    if name in __all__:
        return importlib.import_module(f"elman.cli.{name}")
    raise AttributeError(f"module 'elman.cli.commands' has no attribute {name!r}")
