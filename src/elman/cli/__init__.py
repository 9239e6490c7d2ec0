"""The command line. Nobody imports it; `elman = elman.cli:main` starts it."""

from elman.cli.app import main

__all__ = ["main"]
