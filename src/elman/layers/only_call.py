"""What a layer's only call took and gave: `layer.input` and `layer.output`."""

from __future__ import annotations

from typing import Any

from elman.errors import NotBuiltError

__all__ = ["OfOnlyCall"]


class _NotOneCallError(NotBuiltError, AttributeError):
    """As of an attribute that there is not, so that `hasattr` says no."""


class OfOnlyCall:
    """Attribute of a layer: what its only call took, or gave. A layer may have one of its own of the same name."""

    def __init__(self, part: int) -> None:
        self.part = part

    def __set_name__(self, owner: type, name: str) -> None:
        self.name = name

    def __get__(self, layer: Any, owner: type) -> Any:
        if layer is None:
            return self
        calls = list(layer.__dict__.get("_called", {}).values())
        if len(calls) == 1 and calls[0] is not None:
            return calls[0][self.part]
        told = f"{layer.where}: {self.name} must be that of one call. Received {'several' if calls else 'no'} calls."
        raise _NotOneCallError(f"{told} {'Keep what each call gave' if calls else 'Call it on an Input first'}.")
