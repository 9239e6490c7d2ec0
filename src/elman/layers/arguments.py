"""Rules for arguments that several layers have."""

from __future__ import annotations

from typing import Any

from elman.errors import ArgumentError

__all__ = ["check_rate", "check_units", "need_channels_last"]


def check_units(where: str, argument: str, value: Any) -> None:
    """Raises: ArgumentError: not a whole number from 1."""
    if isinstance(value, bool) or not isinstance(value, int) or value < 1:
        raise ArgumentError.at(where, argument, "be a whole number from 1", value)


def check_rate(where: str, argument: str, value: Any) -> None:
    """Raises: ArgumentError: not a share."""
    if not isinstance(value, (int, float)) or not 0 <= value < 1:
        raise ArgumentError.at(where, argument, "in [0, 1)", value)


def need_channels_last(where: str, data_format: str | None) -> None:
    """Raises: ArgumentError: "channels_first", which sequences never are here."""
    if data_format not in (None, "channels_last"):
        raise ArgumentError.at(
            where, "data_format", "be 'channels_last'", data_format, "Put Permute((2, 1)) before the layer."
        )
